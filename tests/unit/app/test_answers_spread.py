"""Spreads are told by the strategy's own evidence, whether or not there is a signal."""

from decimal import Decimal

import pytest

from tests.support.account_looks import look
from tests.support.builders import BINANCE_BTC, SELL_BINANCE, SELL_UPBIT, UPBIT_BINANCE, UPBIT_BTC
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.app.answers import spread as spread_module
from trader.app.answers.spread import SAMPLE_EVERY_NS, Spreads
from trader.app.prospects import Prospects
from trader.config import Settings
from trader.domain.answers import SpreadLine
from trader.domain.events import CycleTicked
from trader.domain.facts import DirectionEmptied, OrdersApproved, RestBegan
from trader.domain.instrument import BINANCE, UPBIT, Asset
from trader.domain.order import LedgerName
from trader.engine.engine import NOTHING


@pytest.fixture
def desk() -> Desk:
    """An engine at quiet books."""
    desk = Desk()
    desk.begin()
    return desk


def spreads_of(desk: Desk) -> Spreads:
    """The spreads of an engine."""
    state, settings = desk.engine.state, Settings()
    return Spreads(state, Prospects(settings, state.instruments), settings.strategy.min_profit_pct)


def line_of(desk: Desk, direction: str = SELL_UPBIT) -> SpreadLine:
    """One direction of Upbit against Binance."""
    legs = (UPBIT_BTC, BINANCE_BTC) if direction == SELL_UPBIT else (BINANCE_BTC, UPBIT_BTC)
    return spreads_of(desk).line(UPBIT_BINANCE, direction, legs)


class TestLine:
    def test_is_what_the_engine_traded_by(self, desk: Desk) -> None:
        """To the last digit of the evidence that was journaled with the decision."""
        desk.signal()
        (approved,) = desk.all(OrdersApproved)
        evidence = approved.decision.evidence
        assert evidence is not None

        line = line_of(desk)

        assert line.spread_pct == evidence.spread_pct
        assert line.net_pct == evidence.expected_net_pct
        assert line.costs_pct == Decimal("0.35")
        assert line.needed_pct == Decimal("0.40")
        assert (line.fault, line.age_ms) == ("", 100.0)

    def test_both_directions_are_there_without_a_signal(self, desk: Desk) -> None:
        """A spread that is not worth it is the usual one."""
        there, back = line_of(desk), line_of(desk, SELL_BINANCE)

        assert there.net_pct is not None
        assert back.net_pct is not None
        assert there.net_pct < 0
        assert back.net_pct < 0
        assert there.trades_left is not None
        assert desk.all(OrdersApproved) == []

    def test_says_what_it_lacks(self, desk: Desk) -> None:
        """No price, an old one, no balance; and the figures that are known all the same."""
        assert line_of(Desk()).fault == "no_price"
        assert line_of(Desk()).spread_pct is None
        assert line_of(Desk()).age_ms is None

        desk.pass_ms(4_000)
        desk.tick()
        assert line_of(desk).fault == "stale"
        assert line_of(desk).spread_pct is not None

        bare = Desk()
        for one in desk.engine.state.market.books.values():
            bare.book(one.instrument, 0, 0, bids=one.bids, asks=one.asks)
        bare.paper.balances.clear()
        assert (line_of(bare).fault, line_of(bare).trades_left) == ("no_balance", None)

    def test_says_that_a_live_entry_rests_for_a_balance_nobody_can_explain(self) -> None:
        """Until it is back or accepted."""
        desk = LiveDesk()
        desk.begin()
        before = line_of(desk).fault
        look(desk, BTC="0.01")

        assert (before, line_of(desk).fault) == ("", "unexplained")

    def test_names_the_transfer_that_mends_it_and_a_rest(self, desk: Desk) -> None:
        """Of this very direction only."""
        state, until = desk.engine.state, desk.at_ns + 60_000_000_000
        route = (LedgerName.PAPER, UPBIT_BINANCE, SELL_UPBIT)
        state.record(
            DirectionEmptied(desk.at_ns, *route, Asset("BTC"), Decimal("0.1"), BINANCE, UPBIT)
        )
        state.record(RestBegan(desk.at_ns, *route, until))

        line, other = line_of(desk), line_of(desk, SELL_BINANCE)

        assert line.transfer is not None
        assert (line.transfer.from_venue, line.transfer.amount) == (BINANCE, Decimal("0.1"))
        assert line.rests_until_ns == until
        assert (other.transfer, other.rests_until_ns) == (None, 0)

    async def test_all_pairs_are_told_or_one(self, desk: Desk) -> None:
        """Every pair both ways round."""
        found = await spreads_of(desk).lines("")
        one = await spreads_of(desk).lines(UPBIT_BINANCE)

        assert len(found) == 2 * len(spreads_of(desk).pairs)
        assert {line.direction for line in one} == {SELL_UPBIT, SELL_BINANCE}


class TestHistory:
    def test_keeps_a_sample_every_ten_seconds(self, desk: Desk) -> None:
        """However often the control loop turns."""
        spreads = spreads_of(desk)
        assert spreads.since_ns == 0
        first_ns = desk.at_ns
        for second in range(25):
            desk.wait(1)
            spreads(CycleTicked(desk.at_ns, desk.mono_ns, second), NOTHING)

        curves = {line.label: line for line in spreads.curves(0)}

        assert SAMPLE_EVERY_NS == 10_000_000_000
        curve = curves[f"{UPBIT_BINANCE} {SELL_UPBIT}"]
        assert len(curve.times_ns) == len(curve.values) == 3
        expected = line_of(desk).spread_pct
        assert expected is not None
        assert curve.values[0] == float(expected)
        assert spreads.since_ns == first_ns + 1_000_000_000
        assert curve.times_ns[1] - curve.times_ns[0] == SAMPLE_EVERY_NS

    def test_is_bounded(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The oldest goes, and what is told begins later."""
        monkeypatch.setattr(spread_module, "MAX_SAMPLES", 2)
        spreads = spreads_of(desk)
        for number in range(4):
            spreads(CycleTicked(desk.at_ns, desk.mono_ns, number), NOTHING)
            desk.wait(10)

        assert {len(line.values) for line in spreads.curves(0)} == {2}

    def test_leaves_out_stale_books(self, desk: Desk) -> None:
        """They show no spread of that moment."""
        spreads = spreads_of(desk)
        desk.pass_ms(4_000)
        desk.tick()
        spreads(CycleTicked(desk.at_ns, desk.mono_ns, 1), NOTHING)

        assert [line.values for line in spreads.curves(0)] == [()] * 4
        assert list(spreads.needed()) == []

    def test_a_quote_costs_nothing(self, desk: Desk) -> None:
        """Only cycles are sampled."""
        spreads = spreads_of(desk)
        for event in desk.events:
            if type(event) is not CycleTicked:
                spreads(event, NOTHING)

        assert spreads.since_ns == 0


def test_what_is_needed_is_the_break_even(desk: Desk) -> None:
    """The line a curve must cross."""
    assert dict(spreads_of(desk).needed())[f"{UPBIT_BINANCE} {SELL_UPBIT}"] == 0.4
