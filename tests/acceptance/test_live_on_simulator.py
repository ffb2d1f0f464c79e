"""Live mode against the simulator: flag, file, dry run, real orders; and the file gone again.

The simulator keeps a ledger of its own, in its own process: it is the referee.
"""

from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import EngineProcess, wait_until
from tests.support.sim_process import SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader, referee_holdings
from trader.credentials import Secret
from trader.domain.instrument import Venue
from trader.sim.defaults import test_key as sim_key

pytestmark = pytest.mark.slow

PAIRS = (
    {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"},
    {"name": "upbit-bithumb", "first": "upbit:BTC-KRW", "second": "bithumb:BTC-KRW"},
)
RICH, EVEN = 1.0, 0.0


def attested() -> dict[str, Any]:
    """The operator vouches for the keys of the venues that do not tell what a key may do."""
    return {
        venue: {"attested_fingerprint": Secret(sim_key(Venue(venue))[0]).fingerprint()}
        for venue in ("upbit", "bithumb")
    }


def premium(sim: SimProcess, percent: float) -> None:
    """Korea is so much dearer than Binance from now on."""
    sim.admin("market", {"premium_pct": percent})


def orders_at(sim: SimProcess) -> list[dict[str, Any]]:
    """Every order any venue accepted."""
    return [order for page in sim.ledger()["venues"].values() for order in page["orders"]]


def is_calm(host: SimHost) -> bool:
    """Whether every live order in the journal has come to its end."""
    reader = JournalReader(host.journal, "live")
    ends = reader.final_states()
    over = {"filled", "cancelled", "expired", "rejected", "blocked"}
    return all(ends.get(order, ("",))[0] in over for order in reader.orders())


def go_live(engine: EngineProcess, host: SimHost) -> None:
    """Touch the file and wait until the gate is open."""
    host.confirm_file.touch()
    engine.wait_for("LIVE TRADING ALLOWED")
    engine.wait_for("live=✅")


class TestLive:
    def test_every_order_is_the_venues_and_the_journal_s_alike(self, tmp_path: Path) -> None:
        """Both legs of every trade stand in the referee's ledger as the journal has them.

        Order by order: instrument, side, quantity, limit, what was executed; fill by fill: price,
        quantity, fee; and at the end every balance to the last digit.
        """
        with SimProcess(tmp_path / "sim") as sim:
            premium(sim, EVEN)
            host = SimHost(tmp_path / "engine", sim, PAIRS, venues=attested())
            with host.begin("--mode", "live") as engine:
                go_live(engine, host)
                premium(sim, RICH)
                engine.wait_for("trade opened ledger=live")
                premium(sim, EVEN)
                engine.wait_for("trade closed ledger=live")
                code, _ = engine.stop(SIGTERM)
                assert code == 0, engine.err
            wait_until(lambda: is_calm(host))
            referee = sim.ledger()

        reader = JournalReader(host.journal, "live")
        told = {
            order["client_id"]: order
            for page in referee["venues"].values()
            for order in page["orders"]
        }
        assert told.keys() == reader.orders().keys()
        assert len(told) >= 4
        for client_id, approved in reader.orders().items():
            intent, order = approved["intent"], told[client_id]
            assert order["instrument"] == intent["instrument"]
            assert order["side"] == intent["side"]
            assert Decimal(order["quantity"]) == Decimal(intent["quantity"])
            assert Decimal(order["price"]) == Decimal(intent["limit_price"])
            assert order["time_in_force"] == "ioc"
            assert Decimal(order["executed"]) == reader.final_states()[client_id][1]
        assert _fills_booked(reader) == _fills_made(referee)
        held = reader.holdings()
        theirs = referee_holdings(referee)
        assert held
        assert {place: theirs[place] for place in held} == held

    def test_the_file_gone_the_next_order_is_paper_and_the_alert_is_there(
        self, tmp_path: Path
    ) -> None:
        """Nothing more reaches a venue; new trades are played on paper; the operator is told."""
        with SimProcess(tmp_path / "sim") as sim:
            premium(sim, EVEN)
            host = SimHost(tmp_path / "engine", sim, PAIRS[:1], venues=attested())
            with host.begin("--mode", "live") as engine:
                go_live(engine, host)
                host.confirm_file.unlink()
                engine.wait_for("LIVE TRADING BLOCKED", count=2)
                sent = len(orders_at(sim))

                premium(sim, RICH)
                engine.wait_for("trade opened ledger=paper")

                assert len(orders_at(sim)) == sent
                assert engine.told("CONFIRM_FILE_MISSING")
                engine.wait_for("Telegram (stub) | 🚨")

    def test_never_without_the_flag(self, tmp_path: Path) -> None:
        """Keys, file and an open market are not enough."""
        with SimProcess(tmp_path / "sim") as sim:
            premium(sim, RICH)
            host = SimHost(tmp_path / "engine", sim, PAIRS[:1], venues=attested())
            host.confirm_file.touch()
            with host.begin("--mode", "live", environ={}) as engine:
                engine.wait_for("trade opened ledger=paper")
                engine.wait_for("[METRICS]", count=10)

            assert orders_at(sim) == []


def _fills_booked(reader: JournalReader) -> set[tuple[str, Decimal, Decimal, Decimal, str]]:
    return {
        (
            fact["fill"]["client_order_id"],
            Decimal(fact["fill"]["price"]),
            Decimal(fact["fill"]["quantity"]),
            Decimal(fact["fill"]["fee"]),
            fact["fill"]["fee_asset"],
        )
        for fact in reader.fills
    }


def _fills_made(referee: dict[str, Any]) -> set[tuple[str, Decimal, Decimal, Decimal, str]]:
    return {
        (
            trade["client_id"],
            Decimal(trade["price"]),
            Decimal(trade["quantity"]),
            Decimal(trade["fee"]),
            trade["fee_asset"],
        )
        for page in referee["venues"].values()
        for order in page["orders"]
        for trade in order["trades"]
    }
