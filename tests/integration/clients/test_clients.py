"""Clients that no one here wrote place, find, list and cancel orders on a real ``trader sim``.

Each runs in the environment of ``deploy/clients.lock``, as a script of its own with no way to any
other host; the simulator's own ledger says what really happened.
"""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_environment import ClientsNotHad, client_python
from tests.support.engine_process import child_environment
from tests.support.sim_process import SimProcess
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, Venue
from trader.sim.defaults import ED25519_TEST_SECRET
from trader.sim.defaults import test_key as key_of

SCRIPTS = Path(__file__).parent / "scripts"
_SCRIPT_WITHIN_S = 60.0
_PEM = f"-----BEGIN PRIVATE KEY-----\n{ED25519_TEST_SECRET}\n-----END PRIVATE KEY-----"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python() -> Path:
    """The clients' interpreter; where their packages cannot be had, a skip that says why."""
    try:
        return client_python()
    except ClientsNotHad as error:
        pytest.skip(f"the third-party clients cannot be had: {error}")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimProcess]:
    """A simulator of this test's own."""
    with SimProcess(tmp_path / "sim") as running:
        yield running


class Client:
    """One script, its answer, and what the referee knows of it."""

    def __init__(self, python: Path, simulator: SimProcess, venue: Venue) -> None:
        self._python, self._simulator, self.venue = python, simulator, venue

    def run(self, script: str, **more: str) -> dict[str, Any]:
        """What the script saw."""
        access, secret = key_of(self.venue)
        given = {"url": f"{self._simulator.url}/{self.venue}", "access": access, "secret": secret}
        done = subprocess.run(
            [self._python, SCRIPTS / script, json.dumps(given | more)],
            capture_output=True,
            text=True,
            timeout=_SCRIPT_WITHIN_S,
            check=False,
            env=child_environment(),
        )
        assert done.returncode == 0, done.stderr[-4_000:]
        return dict(json.loads(done.stdout))

    def orders(self) -> dict[str, dict[str, Any]]:
        """The venue's orders in the referee's ledger, by id."""
        rows = self._simulator.ledger()["venues"][self.venue]["orders"]
        return {row["id"]: row for row in rows}


class TestUpbitsOwnSdk:
    """Upbit's SDK takes every answer and frame under strict validation of its own models."""

    def test_it_trades(self, python: Path, simulator: SimProcess) -> None:
        upbit = Client(python, simulator, UPBIT)

        seen = upbit.run("upbit_official.py")

        resting, state = seen["resting"]
        assert state == "wait"
        assert seen["told"] == ["wait"]
        assert seen["found"] == resting
        assert seen["listed"] == seen["by_ids"] == [resting]
        assert seen["cancelled"] == "cancel"
        taken, executed, fills = seen["ioc"]
        assert (Decimal(executed), fills) == (Decimal("0.001"), 1)
        assert set(seen["closed"]) == {resting, taken}
        assert (Decimal(seen["fee"]), Decimal(seen["tick"])) == (Decimal("0.0005"), 1_000)
        assert Decimal(seen["balances"]["KRW"]) == 50_000_000
        assert Decimal(seen["heard_bid"]) > 0
        assert "KRW-USDT" in seen["markets"]
        assert len(seen["keys"]) >= 1
        ledger = upbit.orders()
        assert (ledger[resting]["state"], ledger[taken]["state"]) == ("cancelled", "done")


class TestCcxt:
    """ccxt's unified calls work at all three venues."""

    @pytest.mark.parametrize(
        ("venue", "symbol", "refused"),
        [
            (UPBIT, "BTC/KRW", "InsufficientFunds"),
            (BITHUMB, "BTC/KRW", "ExchangeError"),
            (BINANCE, "BTC/USDT", "InsufficientFunds"),
        ],
    )
    def test_it_trades(
        self, python: Path, simulator: SimProcess, venue: Venue, symbol: str, refused: str
    ) -> None:
        client = Client(python, simulator, venue)

        seen = client.run("ccxt_spot.py", venue=venue, symbol=symbol)

        assert symbol in seen["markets"]
        assert seen["balances"]["BTC"] == 1
        assert seen["last"] > 0
        assert seen["found"][:2] == [seen["resting"], "open"]
        assert seen["listed"] == [seen["resting"]]
        assert seen["cancelled"] == "canceled"
        taken, status, executed = seen["ioc"]
        assert (status, Decimal(executed)) == ("closed", Decimal("0.001"))
        assert seen["refused"] == refused
        ledger = client.orders()
        assert set(ledger) == {seen["resting"], taken}
        assert ledger[seen["resting"]]["state"] == "cancelled"
        assert ledger[taken]["executed"] == "0.001"


class TestPythonBinance:
    """python-binance signs with HMAC and Ed25519, and reads every answer."""

    def test_it_trades(self, python: Path, simulator: SimProcess) -> None:
        binance = Client(python, simulator, BINANCE)

        seen = binance.run("python_binance.py", ed25519="SIM-BINANCE-ED25519-KEY", ed25519_key=_PEM)

        assert seen["ping"] == seen["tested"] == {}
        assert seen["status"] == "TRADING"
        assert Decimal(seen["balance"]["free"]) == 50_000
        assert seen["may"]["enableSpotAndMarginTrading"]
        assert not seen["may"]["enableWithdrawals"]
        assert seen["found"] == [seen["resting"], "NEW"]
        assert seen["listed"] == [seen["resting"]]
        assert seen["duplicate"] == [-2010, "Duplicate order sent."]
        assert seen["cancelled"] == "CANCELED"
        taken, status, fills = seen["ioc"]
        assert status == seen["ed25519"] == "FILLED"
        assert {fill["commissionAsset"] for fill in fills} == {"BTC"}
        assert seen["trades"] == [taken]
        assert seen["all"] == ["CANCELED", "FILLED"]
        assert [row["state"] for row in binance.orders().values()] == ["cancelled", "done", "done"]
