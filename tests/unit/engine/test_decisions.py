"""From a quote to a decision: signals, both legs at once, room, and refusals at tick rate."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    BINANCE_BTC,
    SELL_UPBIT,
    UPBIT_BINANCE,
    UPBIT_BTC,
    some_instruments,
    some_limits,
)
from tests.support.engine_harness import Desk
from trader.domain.control import CheckName, Pause, Resume
from trader.domain.facts import (
    ActivityCounted,
    DirectionEmptied,
    EntriesPaused,
    EntriesResumed,
    OrderIdsReserved,
    OrdersApproved,
    RefusalBegan,
    RefusalEnded,
    RestBegan,
    TradeAbandoned,
    TradeOpened,
)
from trader.domain.instrument import InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, OrderState, Proposal, Purpose, Side, TradeId
from trader.engine.engine import NOTHING, Engine
from trader.risk.safety import ENTRY_CHECKS
from trader.strategy.protocol import MayOpen
from trader.strategy.spread import SpreadStrategy


class TestQuotes:
    def test_one_without_a_signal_yields_the_shared_nothing(self) -> None:
        """Most quotes lead to nothing and must cost nothing: no fact, no commit, no object."""
        desk = Desk()
        desk.begin()

        outcome = desk.book(UPBIT_BTC, 150_111_000, 150_121_000)

        assert outcome is NOTHING

    def test_a_signal_leads_to_both_legs_in_one_outcome(self) -> None:
        """Both legs are approved, committed and sent together."""
        desk = Desk()
        desk.begin()

        outcome = desk.signal()

        sold, bought = outcome.orders
        (approved,) = [f for f in outcome.facts if isinstance(f, OrdersApproved)]
        assert approved.orders == outcome.orders
        assert sold.trade_id == bought.trade_id == approved.trade_id
        assert (sold.intent.instrument, sold.intent.side) == (UPBIT_BTC, Side.SELL)
        assert (bought.intent.instrument, bought.intent.side) == (BINANCE_BTC, Side.BUY)
        assert sold.intent.quantity == bought.intent.quantity == Decimal("0.00066")

    def test_a_decision_is_written_with_every_check_and_quote(self) -> None:
        """/why must be able to tell a decision in full."""
        desk = Desk()
        desk.begin()

        desk.signal()

        decision = desk.all(OrdersApproved)[0].decision
        assert {result.check for result in decision.checks} == {row.name for row in ENTRY_CHECKS}
        assert decision.approved
        assert [quote.instrument for quote in decision.quotes] == [
            UPBIT_BTC,
            BINANCE_BTC,
            "upbit:USDT-KRW",
        ]

    def test_a_flawed_book_takes_its_instrument_out(self) -> None:
        """A crossed book proposes nothing, however good it looks."""
        desk = Desk()
        desk.begin()

        desk.book(UPBIT_BTC, 150_920_000, 150_910_000)

        assert desk.sent == []


class TestRoom:
    def test_a_direction_with_an_opening_in_flight_proposes_nothing(self) -> None:
        """One trade per pair and direction, from its approval on."""
        desk = Desk()
        desk.begin()
        desk.signal()

        desk.take_orders()
        desk.signal()

        assert desk.sent == []

    def test_a_direction_with_an_open_trade_proposes_nothing(self) -> None:
        """One trade per pair and direction, until it is closed."""
        desk = Desk()
        desk.opened()

        outcome = desk.signal()

        assert outcome is NOTHING

    def test_the_sixth_opening_in_ten_minutes_rests_the_direction(self) -> None:
        """Openings of a direction are bounded; abandoned ones count, since they were sent."""
        desk = Desk()
        desk.begin()
        for _ in range(5):
            desk.signal()
            for order in desk.take_orders():
                desk.report(order, OrderState.EXPIRED)
            desk.pass_ms(1500)
            desk.quiet_books()
            desk.pass_ms(100)

        desk.signal()

        (rest,) = desk.all(RestBegan)
        assert desk.sent == []
        assert len(desk.all(TradeAbandoned)) == 5
        assert rest.until_ns == desk.at_ns + 600 * 10**9

    def test_a_resting_direction_proposes_nothing_until_its_rest_is_over(self) -> None:
        """The rest holds for the whole window, and no longer."""
        desk = Desk(max_repeats=0)
        desk.begin()
        desk.signal()
        rested = len(desk.all(RestBegan))

        desk.pass_ms(1000)
        desk.signal()

        assert rested == 1
        assert len(desk.all(RestBegan)) == 1

    def test_an_empty_direction_is_said_once_and_proposes_nothing(self) -> None:
        """Lack of coin is a normal state: one fact with the transfer that mends it."""
        desk = Desk(paper_balance_krw=Decimal(90_000))
        desk.begin()
        desk.wait(12)
        emptied = [f for f in desk.all(DirectionEmptied) if f.pair == UPBIT_BINANCE]

        desk.signal()

        assert {f.direction for f in emptied} == {SELL_UPBIT, "binance>upbit"}
        assert len(emptied) == 2
        assert desk.sent == []


class TestSignals:
    def test_a_standing_signal_is_counted_once(self) -> None:
        """A signal seen again on the next tick is the same signal."""
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15))
        desk.begin()

        for _ in range(20):
            desk.pass_ms(10)
            desk.signal()

        assert desk.engine.snapshot().signals == 1

    def test_one_that_ended_and_came_back_counts_anew(self) -> None:
        """Between two signals there was none."""
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15))
        desk.begin()
        desk.signal()
        desk.pass_ms(1000)
        desk.quiet_books()
        desk.pass_ms(1000)
        desk.quiet_books()

        desk.signal()

        assert desk.engine.snapshot().signals == 2

    def test_one_that_was_traded_and_stands_on_counts_anew(self) -> None:
        """The execution rate never passes one: every trade has a signal of its own."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(200)
        desk.even()
        desk.fill_all()
        desk.book(BINANCE_BTC, "107990", "108000")

        desk.signal()
        desk.fill_all()

        shown = desk.engine.snapshot()
        assert (shown.signals, shown.signals_executed) == (2, 2)

    def test_signals_are_written_down_within_a_second(self) -> None:
        """What is only counted is committed once a second."""
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15))
        desk.begin()
        desk.signal()

        desk.wait(1)

        assert sum(f.signals for f in desk.all(ActivityCounted)) == 1


class TestRefusals:
    def test_ten_thousand_equal_ones_are_one_story(self) -> None:
        """A refusal is a fact when it begins and when it ends, and counted once a second between.

        Nothing else is written: no quote that leads to nothing may cost a commit.
        """
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15))
        desk.begin()
        desk.facts.clear()

        for _ in range(10_000):
            desk.pass_ms(1)
            desk.signal()
            if desk.mono_ns % 10**9 == 0:
                desk.again(but=[UPBIT_BTC])

        (began,) = desk.all(RefusalBegan)
        counted = desk.all(ActivityCounted)
        assert (began.pair, began.check) == (UPBIT_BINANCE, CheckName.LIQUIDITY)
        assert 0 < len(counted) <= 11
        assert len(desk.all(OrderIdsReserved)) <= 1
        refused = desk.engine.snapshot().refusals_by_check[CheckName.LIQUIDITY]

        desk.quiet_books()
        desk.wait(12)
        (ended,) = desk.all(RefusalEnded)
        written = sum(r.count for f in desk.all(ActivityCounted) for r in f.refusals)
        assert ended.count == refused >= 10_000
        assert written == refused - 1

    def test_flicker_under_ten_seconds_is_one_episode(self) -> None:
        """A check that refuses on and off has not stopped refusing."""
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15))
        desk.begin()
        for _ in range(4):
            desk.signal()
            desk.quiet_books()
            desk.wait(8)

        assert len(desk.all(RefusalBegan)) == 1
        assert desk.all(RefusalEnded) == []

    def test_a_refusal_says_every_check_with_its_number(self) -> None:
        """The first decision of an episode is kept in full."""
        desk = Desk(limits=some_limits(min_liquidity_krw=10**15, max_position_size_krw=1_000))
        desk.begin()

        desk.signal()

        began = desk.all(RefusalBegan)
        assert {f.check for f in began} == {CheckName.LIQUIDITY, CheckName.POSITION_SIZE}
        assert len({f.decision.id for f in began}) == 1
        assert not began[0].decision.approved


class TestPause:
    def test_refuses_entries_and_lets_closings_go(self) -> None:
        """A pause must never trap us in a position."""
        desk = Desk()
        desk.opened()
        desk.command(Pause("op"))
        desk.pass_ms(200)

        desk.even()
        closing = desk.fill_all()
        desk.book(BINANCE_BTC, "107990", "108000")
        desk.signal()

        assert [order.purpose for order in closing] == [Purpose.EXIT, Purpose.EXIT]
        assert desk.paper.trades == {}
        assert desk.sent == []
        assert CheckName.ENTRIES_PAUSED in {f.check for f in desk.all(RefusalBegan)}

    def test_is_absolute_and_lifted_by_resume(self) -> None:
        """A repeat changes nothing; after resume entries go again."""
        desk = Desk()
        desk.begin()
        desk.command(Pause("op"))
        desk.command(Pause("op"))
        desk.command(Resume("op"))
        desk.command(Resume("op"))

        desk.signal()

        assert len(desk.all(EntriesPaused)) == len(desk.all(EntriesResumed)) == 1
        assert len(desk.sent) == 2


class TestFees:
    def test_a_rise_counts_at_once(self) -> None:
        """A signal that the new fee eats is none, from the very next quote on."""
        desk = Desk()
        desk.begin()

        desk.state_fees(UPBIT_BTC, "0.5")
        desk.signal()

        assert desk.sent == []

    def test_fills_are_charged_the_revised_fee(self) -> None:
        """Ledger and strategy read the same instruments."""
        desk = Desk()
        desk.begin()
        desk.state_fees(UPBIT_BTC, "0.06")
        desk.signal()
        sold = desk.take_orders()[0]

        desk.report(sold)

        assert desk.paper.fees_krw == Decimal("99594") * Decimal("0.0006")


class _Unruly(SpreadStrategy):
    """A user's strategy that asks for no room and proposes what it likes."""

    changes: Mapping[str, object] = {}

    def propose(
        self, instrument: InstrumentId, market: MarketView, ledger: LedgerName, _may_open: MayOpen
    ) -> Proposal | None:
        found = super().propose(instrument, market, ledger, lambda *_: True)
        return None if found is None else replace(found, **self.changes)


class TestStrategyOfAUser:
    """Checks, ledgers and room are the engine's: a strategy cannot get around them."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"ledger": LedgerName.LIVE},
            {"purpose": Purpose.EXIT},
            {"purpose": Purpose.COMPLETE},
            {"trade_id": TradeId("T1")},
        ],
        ids=str,
    )
    def test_may_only_open_in_the_ledger_of_the_moment(self, changes: dict[str, object]) -> None:
        """Another ledger, purpose or trade is not even considered."""
        desk = _unruly_desk(changes)

        desk.signal()

        assert desk.sent == []

    def test_gets_no_room_by_not_asking(self) -> None:
        """One trade per pair and direction holds whether or not the strategy asks."""
        desk = _unruly_desk({})
        desk.signal()
        desk.take_orders()

        desk.signal()

        assert desk.sent == []

    def test_rests_once_and_quietly(self) -> None:
        """A rest is one fact, not one for every quote of it."""
        desk = _unruly_desk({}, max_repeats=0)

        for _ in range(5):
            desk.pass_ms(10)
            desk.signal()

        assert len(desk.all(RestBegan)) == 1


def _unruly_desk(changes: Mapping[str, object], **rules: Any) -> Desk:
    desk = Desk(**rules)
    strategy = _Unruly(desk.rules.strategy, some_instruments())
    strategy.changes = changes
    desk.engine = Engine(desk.rules, some_instruments(), strategy)
    desk.begin()
    return desk


class TestOpening:
    def test_is_said_once_both_legs_are_final(self) -> None:
        """A trade stands when nothing of its opening is in flight."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sold, bought = desk.take_orders()

        desk.report(sold)
        early = desk.all(TradeOpened)
        desk.report(bought)

        assert early == []
        assert desk.all(TradeOpened)[0].entry_notional_krw == Decimal(99_594)

    def test_unfilled_on_both_legs_is_abandoned(self) -> None:
        """Nothing is held, so nothing was opened."""
        desk = Desk()
        desk.begin()
        desk.signal()

        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED)

        (abandoned,) = desk.all(TradeAbandoned)
        assert abandoned.pnl_krw == 0
        assert desk.paper.trades == {}
        assert desk.paper.in_flight == {}
