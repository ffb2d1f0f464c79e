"""What venues report: booked once, in any order, and decided by what was executed."""

from decimal import Decimal

import pytest

from tests.support.builders import BTC, UPBIT_BTC
from tests.support.engine_harness import Desk
from trader.domain.events import OrderReported
from trader.domain.facts import (
    BreakerCode,
    BreakerTripped,
    FaultRecorded,
    FillBooked,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import UPBIT
from trader.domain.order import ClientOrderId, OrderState, Purpose, Side
from trader.engine.engine import NOTHING


def signalled() -> Desk:
    """A desk with an opening in flight."""
    desk = Desk()
    desk.begin()
    desk.signal()
    return desk


class TestRepeats:
    def test_the_same_report_again_changes_nothing(self) -> None:
        """Fills are booked once, by key."""
        desk = signalled()
        sell, _ = desk.take_orders()
        desk.report(sell)
        report = desk.events[-1]
        balances = dict(desk.paper.balances)

        outcome = desk.process(report)

        assert outcome is NOTHING
        assert desk.paper.balances == balances

    def test_an_older_state_does_not_bring_an_order_back(self) -> None:
        """An acknowledgement that comes after the fill is history."""
        desk = signalled()
        sell, _ = desk.take_orders()
        desk.report(sell)

        outcome = desk.report(sell, OrderState.ACKNOWLEDGED)

        assert outcome is NOTHING
        assert desk.paper.orders[sell.client_order_id].state is OrderState.FILLED

    def test_an_unknown_id_is_a_fault_and_nothing_else(self) -> None:
        """Someone should look; no ledger changes."""
        desk = signalled()
        stranger = ClientOrderId("by-hand-1")

        outcome = desk.process(
            OrderReported(desk.at_ns, desk.mono_ns, stranger, OrderState.FILLED, Decimal(1))
        )

        assert [type(fact) for fact in outcome.facts] == [FaultRecorded]
        assert outcome.orders == ()


class TestExecutedDecides:
    def test_filled_by_quantity_whatever_the_state_is_called(self) -> None:
        """A venue that says partial of an order executed whole means filled."""
        desk = signalled()
        sell, _ = desk.take_orders()

        desk.report(sell, OrderState.PARTIAL, sell.intent.quantity)

        assert desk.paper.orders[sell.client_order_id].state is OrderState.FILLED

    @pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.EXPIRED, OrderState.CANCELLED])
    def test_an_end_without_its_fills_is_not_the_end(self, state: OrderState) -> None:
        """Fills may come after the word that all is over; until then the trade must wait.

        To go on without them would abandon a trade whose coins are sold.
        """
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(buy, OrderState.EXPIRED)

        desk.report(sell, state, 0, executed="0.0005")

        assert desk.all(TradeAbandoned) == []
        assert desk.paper.orders[sell.client_order_id].state is OrderState.ACKNOWLEDGED
        assert desk.sent == []

    def test_the_last_word_counts_once_the_fills_are_there(self) -> None:
        """Also when the fills come under an older state's name."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(buy, OrderState.EXPIRED)
        desk.report(sell, OrderState.EXPIRED, executed="0.0005")

        desk.report(sell, OrderState.PARTIAL, "0.0005")

        assert desk.paper.orders[sell.client_order_id].state is OrderState.EXPIRED
        assert desk.trade.position(UPBIT_BTC).quantity == Decimal("-0.0005")
        assert len(desk.sent) == 1

    def test_rejected_after_it_filled_in_part_is_over_with_what_it_filled(self) -> None:
        """No trade hangs on a word the state table does not know there."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(buy, OrderState.EXPIRED)
        desk.report(sell, OrderState.PARTIAL, "0.0003")

        desk.report(sell, OrderState.REJECTED, "0")

        assert desk.paper.orders[sell.client_order_id].is_final
        assert len(desk.sent) == 1


class TestLateFill:
    def test_after_an_abandoned_trade_is_booked_and_closed(self) -> None:
        """Money moves in every state; what it left is closed like a lone leg."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(buy, OrderState.EXPIRED)
        desk.report(sell, OrderState.EXPIRED)
        abandoned = len(desk.all(TradeAbandoned))

        desk.report(sell, OrderState.EXPIRED, "0.0005")

        (order,) = desk.take_orders()
        assert abandoned == 1
        assert (order.intent.side, order.intent.quantity) == (Side.BUY, Decimal("0.0005"))
        assert order.is_closing
        desk.report(order)
        assert len(desk.all(TradeClosed)) == 1
        assert desk.paper.trades == {}

    def test_of_an_open_trade_is_unwound_never_completed(self) -> None:
        """What comes late is not an opening any more."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(sell, OrderState.EXPIRED, "0.0004")
        desk.report(buy, OrderState.EXPIRED, "0.0004")
        opened = len(desk.all(TradeOpened))

        desk.report(sell, OrderState.EXPIRED, "0.0001")

        (order,) = desk.take_orders()
        assert opened == 1
        assert (order.purpose, order.intent.quantity) == (Purpose.UNWIND, Decimal("0.0001"))

    def test_of_a_closing_is_bought_back(self) -> None:
        """A closing that closed more than there was leaves the opposite leg, and that is closed."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        first = desk.take_orders()
        for order in first:
            desk.report(order, OrderState.EXPIRED)
        desk.wait(1)
        desk.fill_all()
        closed = len(desk.all(TradeClosed))

        desk.report(first[0], OrderState.EXPIRED, "0.0004")
        (order,) = desk.take_orders()
        desk.report(order)

        assert closed == 1
        assert (order.intent.side, order.intent.quantity) == (Side.SELL, Decimal("0.0004"))
        assert desk.paper.trades == {}

    def test_that_leaves_both_legs_long_is_sold_leg_by_leg(self) -> None:
        """Neither order asks for more than its leg holds, or no check would ever let it go."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        first = desk.take_orders()
        for order in first:
            desk.report(order, OrderState.EXPIRED)
        desk.wait(1)
        bought, sold = desk.take_orders()
        desk.report(bought)
        desk.report(first[0], OrderState.EXPIRED, "0.00066")
        desk.report(sold, OrderState.EXPIRED)

        sent = []
        for _ in range(4):
            sent += desk.fill_all()
            desk.wait(1)

        assert [order.intent.quantity for order in sent] == [Decimal("0.00066")] * 2
        assert desk.paper.trades == {}

    def test_is_booked_at_its_own_time_and_price(self) -> None:
        """The ledger's balances are the sum of its fills, late ones included."""
        desk = signalled()
        before = dict(desk.paper.balances)
        sell, buy = desk.take_orders()
        desk.report(sell, OrderState.EXPIRED)
        desk.report(buy, OrderState.EXPIRED)

        desk.report(sell, OrderState.EXPIRED, "0.0005")

        (booked,) = desk.all(FillBooked)
        assert booked.value_krw == Decimal("0.0005") * 150_900_000
        after = before[UPBIT, BTC] - Decimal("0.0005")
        assert desk.paper.balances[UPBIT, BTC] == after


class TestUnknown:
    def test_holds_its_trade_and_its_exposure(self) -> None:
        """Until it is settled it counts at its worst, and nothing is sent again."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(sell, OrderState.UNKNOWN)
        desk.report(buy, OrderState.UNKNOWN)

        desk.wait(20)

        assert desk.sent == []
        assert desk.paper.exposure_krw == Decimal(99_594)

    @pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.ACKNOWLEDGED, None])
    def test_longer_than_its_latch_trips_a_breaker(self, state: OrderState | None) -> None:
        """Every order is immediate: one without an end is unknown, whatever was said of it last."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(buy)
        if state is not None:
            desk.report(sell, state)

        desk.wait(59)
        early = _unknown(desk)
        desk.wait(4)

        assert early == []
        assert _unknown(desk) == [sell.client_order_id]

    def test_the_breaker_is_over_when_the_order_is_settled(self) -> None:
        """Its cause gone, it clears by itself."""
        desk = signalled()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.wait(63)
        tripped = desk.engine.snapshot().breakers

        desk.report(buy)
        desk.wait(2)

        assert any(str(BreakerCode.ORDER_UNKNOWN) in name for name in tripped)
        assert not any("ORDER_UNKNOWN" in name for name in desk.engine.snapshot().breakers)

    def test_many_are_said_in_the_same_order_in_every_process(self) -> None:
        """A set's order is not: equal events must lead to equal facts."""
        desk = signalled()
        desk.wait(63)

        assert _unknown(desk) == sorted(_unknown(desk))
        assert len(_unknown(desk)) == 2


def _unknown(desk: Desk) -> list[str]:
    return [
        fact.subject
        for fact in desk.all(BreakerTripped)
        if fact.breaker is BreakerCode.ORDER_UNKNOWN
    ]
