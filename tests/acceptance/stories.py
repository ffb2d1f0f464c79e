"""What the operator's stories share: engines that speak to a phone, and what they leave behind.

The live ones run on stand-in venues behind the real gate, the others on the simulated market.
Telegram's part plays a local Bot API that lives on when the engine is killed. Every story is told
in each language; which words it hears and reads stands with it.
"""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

from tests.acceptance.test_live_process import LIVE, RICH, Host
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.phone import CREDENTIALS, Phone, to_phone
from tests.support.stand_in import steer

HALT, PAPER, LIVE_LEVEL = "0", "1", "2"
STOP_WITHIN_S = 10.0


def a_host(path: Path, phone: Phone, language: str) -> Host:
    """A host whose live engine speaks to the phone."""
    alert = to_phone(phone.api.base)
    return Host(path / "engine", path / "locks", alert=alert, bot={"language": language})


def at_home(path: Path, phone: Phone, language: str, **telegram: Any) -> EngineHome:
    """An engine on the simulated market that speaks to the phone."""
    alert = to_phone(phone.api.base)
    alert["telegram"] |= telegram
    return EngineHome(path, {"alert": alert, "bot": {"language": language}})


def playing(home: EngineHome, **environ: str) -> EngineProcess:
    """Start it in mock mode, without haste."""
    return home.start("--mock", "--interval", "0.5", environ={**CREDENTIALS, **environ})


def trading(host: Host) -> EngineProcess:
    """Start the live engine with the operator's credentials and the env flag."""
    return host.begin(environ={**LIVE, **CREDENTIALS})


def stop(engine: EngineProcess) -> None:
    """Ask it to end; it does, in time, with nothing to complain about."""
    code, took_s = engine.stop(SIGTERM)
    assert (code, engine.err) == (0, [])
    assert took_s < STOP_WITHIN_S


def go_live(host: Host, engine: EngineProcess) -> None:
    """The file stands, the gate opens, and one trade of the live ledger is open."""
    engine.wait_for("LIVE TRADING ALLOWED")
    steer(host.directory, premium_pct=RICH)
    wait_until(lambda: bool(host.facts("TradeOpened")))


def audited(home: EngineHome, what: str = "%") -> list[str]:
    """What was decided each time something like ``what`` was heard."""
    with closing(_memory(home)) as memory:
        rows = memory.execute("SELECT decision FROM audit WHERE what LIKE ? ORDER BY seq", (what,))
        return [str(decision) for (decision,) in rows]


def noted(home: EngineHome, update_id: int | None) -> bool:
    """Whether an update is on record as done, so that nothing may come of it again."""
    with closing(_memory(home)) as memory:
        found = memory.execute("SELECT body FROM heard WHERE update_id = ?", (update_id,))
        return found.fetchone() == (None,)


def metrics(home: EngineHome) -> dict[str, Any]:
    """The figures as the host shows them."""
    status, body = home.get("/metrics.json")
    assert status == 200
    return dict(json.loads(body))


def won(value: object) -> str:
    """Whole won as every page writes them."""
    rounded = Decimal(str(value)).quantize(Decimal(1))
    return f"{rounded if rounded else 0:,} ₩"


def _memory(home: EngineHome) -> sqlite3.Connection:
    path = home.directory / "state" / "bot-control.db"
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
