"""A user writes two classes for a venue of his own, names them in the config, and trades there.

The venue is the simulator's Upbit face under another name: what the engine knows of it, it knows
from the user's classes alone.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import ROOT, EngineHome, EngineProcess, wait_until
from tests.support.sim_process import LIVE, SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader
from trader.config import load_settings
from trader.credentials import Secret
from trader.domain.instrument import UPBIT
from trader.sim.defaults import test_key as sim_key

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).with_name("mirror.py")
README = ROOT / "README.md"
HEADING = "## Your own venue"
PAIR = {"name": "mirror-bithumb", "first": "mirror:BTC-KRW", "second": "bithumb:BTC-KRW"}
OTHER_PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}

# Its books are heard until a file is there, since paper is funded once and by every price.
BROKEN = """
from pathlib import Path

from my_venue import MirrorFeed
from trader.wire.http import HttpRequest


class Feed(MirrorFeed):
    def decode(self, frame, stamp):
        if Path("break").exists():
            raise RuntimeError("hunter2")
        return self._upbit.decode(frame, stamp)

    def snapshot(self, instruments):
        raise RuntimeError("hunter2")


class Client:
    venue = "mirror"

    def __init__(self, ground):
        self.warming = lambda: HttpRequest("GET", "/v1/ticker?markets=KRW-BTC")

    def __getattr__(self, name):
        if name.startswith("_") or name in ("limits", "read_limits"):
            raise AttributeError(name)
        return self.fail

    def fail(self, *given):
        raise RuntimeError("hunter2")
"""


def own_section(sim: SimProcess, module: str = "my_venue.Mirror") -> dict[str, Any]:
    """Mirror, whose addresses are those of the simulator's Upbit."""
    return {
        "mirror": {
            **sim.venues["upbit"],
            "taker_fee_pct": 0.05,
            "feed": f"{module}Feed",
            "client": f"{module}Client",
        }
    }


def own_modules(directory: Path) -> dict[str, str]:
    """The environment in which a directory of the user's is on the path, with what is in it."""
    own = directory / "own"
    own.mkdir()
    shutil.copy(EXAMPLE, own / "my_venue.py")
    (own / "my_broken.py").write_text(BROKEN, encoding="utf-8")
    return {"PYTHONPATH": f"{ROOT}:{own}"}


def is_funded(host: SimHost) -> bool:
    """Whether the paper ledger has its balances."""
    return bool(JournalReader(host.journal, "paper").facts("InventoryRebased"))


def dearer(sim: SimProcess, percent: float) -> None:
    """Bithumb is so much dearer from now on than it was."""
    sim.admin("market", {"venue": "bithumb", "jump_pct": percent})


class TestPaper:
    def test_trades_at_the_users_venue(self, tmp_path: Path) -> None:
        """Both legs, at its prices, by its rules, with no key and nothing sent anywhere."""
        with SimProcess(tmp_path / "sim") as sim:
            host = SimHost(
                tmp_path / "engine",
                sim,
                [PAIR],
                venues={"own": own_section(sim)},
                strategy={"usdt_krw": None},
            )
            with host.start("--mode", "paper", environ=own_modules(tmp_path)) as engine:
                engine.wait_for("venue rules instrument=mirror:BTC-KRW")
                dearer(sim, 3.0)
                engine.wait_for("trade opened")
                dearer(sim, -3.0)
                engine.wait_for("trade closed")
                code, _ = engine.stop(SIGTERM)
                assert code == 0, engine.err
            referee = sim.ledger()

        paper = JournalReader(host.journal, "paper")
        legs = {fact["fill"]["instrument"] for fact in paper.fills}
        assert legs == {"mirror:BTC-KRW", "bithumb:BTC-KRW"}
        assert [page["orders"] for page in referee["venues"].values()] == [[], [], []]
        for closed in paper.facts("TradeClosed"):
            assert str(paper.profit(closed["trade_id"])) == closed["pnl_krw"]


class TestLive:
    def test_its_orders_are_the_venues_and_the_journals_alike(self, tmp_path: Path) -> None:
        """Keys by its name, its own lane, its own private stream: the referee saw each order."""
        access, secret = sim_key(UPBIT)
        attested = {"attested_fingerprint": Secret(access).fingerprint()}
        with SimProcess(tmp_path / "sim") as sim:
            own = own_section(sim)
            own["mirror"] |= attested
            bithumb_key = sim.keys["BITHUMB_ACCESS_KEY"]
            host = SimHost(
                tmp_path / "engine",
                sim,
                [PAIR],
                venues={
                    "own": own,
                    "bithumb": {"attested_fingerprint": Secret(bithumb_key).fingerprint()},
                },
                strategy={"usdt_krw": None},
            )
            keys = {"MIRROR_ACCESS_KEY": access, "MIRROR_SECRET_KEY": secret}
            environ = {**LIVE, **keys, **own_modules(tmp_path)}
            with host.begin("--mode", "live", environ=environ) as engine:
                host.confirm_file.touch()
                engine.wait_for("live=✅")
                dearer(sim, 3.0)
                engine.wait_for("trade opened ledger=live")
                dearer(sim, -3.0)
                engine.wait_for("trade closed ledger=live")
                code, _ = engine.stop(SIGTERM)
                assert code == 0, engine.err
            referee = sim.ledger()

        told = {one["client_id"]: one for one in referee["venues"]["upbit"]["orders"]}
        ours = {
            client_id: approved
            for client_id, approved in JournalReader(host.journal, "live").orders().items()
            if approved["intent"]["instrument"] == "mirror:BTC-KRW"
        }
        assert len(told) >= 2
        assert told.keys() == ours.keys()
        for client_id, approved in ours.items():
            assert told[client_id]["side"] == approved["intent"]["side"]
            assert told[client_id]["quantity"] == approved["intent"]["quantity"]
        assert secret not in "\n".join(engine.out)


class TestBroken:
    def test_takes_nothing_else_down(self, tmp_path: Path) -> None:
        """Every call into it fails: the other pair trades on, and its own venue is named."""
        with SimProcess(tmp_path / "sim") as sim:
            sim.admin("market", {"premium_pct": 0.0})
            host = SimHost(
                tmp_path / "engine",
                sim,
                [OTHER_PAIR, PAIR],
                venues={"own": own_section(sim, "my_broken.")},
            )
            with host.start("--mode", "paper", environ=own_modules(tmp_path)) as engine:
                engine.wait_for("mirror: instruments broke: RuntimeError in my_broken.py:")
                wait_until(lambda: is_funded(host))
                (host.directory / "break").touch()
                engine.wait_for("feed_fault venue=mirror where=feed")
                sim.admin("market", {"premium_pct": 2.0})
                engine.wait_for("trade opened")
                code, _ = engine.stop(SIGTERM)
                assert code == 0, engine.err

        pairs = {fact["pair"] for fact in JournalReader(host.journal, "paper").facts("TradeOpened")}
        assert pairs == {"upbit-binance"}
        assert all("hunter2" not in line for line in engine.told("broke"))


def refused(directory: Path, changes: Mapping[str, Any], mode: str = "paper") -> EngineProcess:
    """A start that is not to be, with a section of an own venue."""
    address = "http://127.0.0.1:9"
    section = {
        "feed": "my_venue.MirrorFeed",
        "client": "my_venue.MirrorClient",
        "taker_fee_pct": 0.05,
        "rest_url": address,
        "ws_url": "ws://127.0.0.1:9",
        "private_ws_url": "ws://127.0.0.1:9",
        **changes,
    }
    pairs = {"pairs": [PAIR], "usdt_krw": None}
    home = EngineHome(
        directory / "run", {"strategy": pairs, "venues": {"own": {"mirror": section}}}
    )
    return home.run("--mode", mode, "--loops", "1", environ=own_modules(directory))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"feed": "my_venue.Feed"}, "feed is my_venue.Feed: AttributeError"),
        ({"client": "nowhere.Client"}, "client is nowhere.Client: ModuleNotFoundError"),
        ({"feed": "my_venue.MirrorClient"}, "feed is my_venue.MirrorClient: its constructor"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, changes: Mapping[str, Any], expected: str
) -> None:
    """Exit 2, the file, the key, the class and what is the matter; no traceback, no state made."""
    run = refused(tmp_path, changes)

    assert run.code == 2
    (line,) = run.err
    assert line.startswith(f"{run.home.config_path}: venues.own.mirror.{expected}"), line
    assert not (run.home.directory / "state" / "journal.db").exists()


def test_check_tells_it_too(tmp_path: Path) -> None:
    """Whether live could start depends on it."""
    run = refused(tmp_path, {})
    home = run.home
    broken = home.config_path.read_text().replace("my_venue.MirrorFeed", "my_venue.Feed")
    home.config_path.write_text(broken)

    check = home.run(
        "check", "--mode", "live", environ={"PYTHONPATH": f"{ROOT}:{tmp_path / 'own'}"}
    )

    assert check.code == 2
    assert "venues.own.mirror.feed is my_venue.Feed: AttributeError" in check.err[0]


@pytest.mark.skipif(HEADING not in README.read_text(), reason="README has no such section yet")
def test_the_readme_shows_this_very_example(tmp_path: Path) -> None:
    """What is copied from there is what was tried here, and its config loads."""
    section = README.read_text().partition(HEADING)[2].partition("\n## ")[0]
    shown = section.partition("```python\n")[2].partition("```")[0]
    config = tmp_path / "live.yml"
    config.write_text(section.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")

    code = EXAMPLE.read_text().partition('name of its own."""\n\n')[2]
    assert code
    assert code in shown
    own = load_settings(config, {}).venues.own["mirror"]
    assert (own.feed, own.client) == ("my_venue.MirrorFeed", "my_venue.MirrorClient")
