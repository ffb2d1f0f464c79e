"""Paper mode on a real network: recorded weeks replayed by the simulator, played on paper.

Quotes come over REST and WebSocket; nothing is ever signed or sent to an order endpoint.
"""

import json
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import EngineProcess, wait_until
from tests.support.sim_process import SimHost, SimProcess
from tests.support.simulated_accounts import JournalReader

pytestmark = pytest.mark.slow

PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}
UPBIT, BINANCE = "upbit-BTC-KRW-5m-2025.csv.gz", "binance-BTCUSDT-5m-2025.csv.gz"
# A day and a half of the record in a minute: its premium crosses both thresholds within it.
SPEED = "1800"


def candles() -> tuple[str, str]:
    """The recorded weeks."""
    directory = os.environ.get("CAPTURES_DIR")
    if not directory:
        pytest.skip("CAPTURES_DIR is not set: the recorded candles are not here")
    files = tuple(Path(directory) / name for name in (UPBIT, BINANCE))
    if not all(file.is_file() for file in files):
        pytest.skip(f"the recorded candles are not in {directory}")
    return str(files[0]), str(files[1])


@dataclass(frozen=True)
class Played:
    """What an engine in paper mode left that has traded the recorded premium."""

    host: SimHost
    referee: dict[str, Any]
    unrealised: frozenset[float]
    """The won an open trade was worth, as it was shown meanwhile."""

    @property
    def paper(self) -> JournalReader:
        """The paper ledger's facts."""
        return JournalReader(self.host.journal, "paper")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """An engine that ran until a trade had closed."""
    directory = tmp_path_factory.mktemp("paper")
    recorded = ("--candles", *candles(), "--usdt-krw", "1390", "--speed", SPEED)
    with SimProcess(directory / "sim", *recorded) as sim:
        host = SimHost(directory / "engine", sim, [PAIR])
        with host.start("--mode", "paper") as engine:
            engine.wait_for("trade opened")
            unrealised = _watch(host, engine)
            code, _ = engine.stop(SIGTERM)
            assert code == 0, engine.err
        return Played(host, sim.ledger(), unrealised)


def _watch(host: SimHost, engine: EngineProcess) -> frozenset[float]:
    """Every value the open trade was shown with until it closed."""
    seen: set[float] = set()

    def closed() -> bool:
        _, body = host.get("/metrics.json")
        shown = json.loads(body)
        if shown["open_pos"]:
            seen.add(shown["unrealized_pnl_krw"])
        return bool(engine.told("trade closed"))

    wait_until(closed, within_s=240)
    return frozenset(seen)


class TestRecordedWeeks:
    def test_trades_happen_on_paper_alone(self, played: tuple[SimHost, dict[str, object]]) -> None:
        """The real premium is traded; the venues never hear of an order."""
        assert played.paper.fills
        assert JournalReader(played.host.journal, "live").fills == []
        assert [page["orders"] for page in played.referee["venues"].values()] == [[], [], []]

    def test_dollars_are_priced_in_won_through_their_own_book(self, played: Played) -> None:
        """Every dollar fill is worth price, quantity and the mid of KRW-USDT, as journaled."""
        dollars = [fact for fact in played.paper.fills if fact["usdt_krw"]]

        assert dollars
        for fact in dollars:
            fill = fact["fill"]
            worth = Decimal(fill["price"]) * Decimal(fill["quantity"]) * Decimal(fact["usdt_krw"])
            assert Decimal(fact["value_krw"]) == worth
            assert not fact["rate_stale"]
            assert abs(Decimal(fact["usdt_krw"]) - 1390) < 2

    def test_positions_are_marked_to_market_in_won(self, played: Played) -> None:
        """While a trade is open its unrealised won moves with the books."""
        assert len(played.unrealised) > 3

    def test_money_is_the_sum_of_the_fills_to_the_last_digit(self, played: Played) -> None:
        """A closed trade's profit is what its fills brought and cost, and nothing else."""
        reader = played.paper
        closed = reader.facts("TradeClosed")

        assert closed
        for fact in closed:
            assert Decimal(fact["pnl_krw"]) == reader.profit(fact["trade_id"])
