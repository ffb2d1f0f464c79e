"""Both legs or none: what one leg filled beyond the other is completed or unwound at once."""

from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.builders import BINANCE_BTC, BTC, SELL_UPBIT, UPBIT_BTC, UPBIT_USDT
from tests.support.engine_harness import Desk
from trader.domain.control import Pause
from trader.domain.facts import (
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    ClosingFreed,
    ClosingStuck,
    DustMoved,
    LegHedged,
    LegUnhedged,
    OrdersApproved,
    StopLossTriggered,
    TradeAbandoned,
    TradeOpened,
)
from trader.domain.instrument import BINANCE, UPBIT
from trader.domain.order import OrderState, Purpose, Side


def half_open(desk: Desk, sold: str = "0.00066", bought: str = "0") -> None:
    """Begin, see the signal, and fill that much of each leg; the rest expires."""
    desk.begin()
    desk.signal()
    sell, buy = desk.take_orders()
    for order, filled in ((sell, sold), (buy, bought)):
        whole = Decimal(filled) == order.intent.quantity
        desk.report(order, OrderState.FILLED if whole else OrderState.EXPIRED, filled)


class TestPartialFill:
    def test_is_completed_at_once_while_still_worth_it(self) -> None:
        """The missing leg is bought while the whole still earns."""
        desk = Desk()

        half_open(desk)

        (order,) = desk.take_orders()
        assert order.purpose is Purpose.COMPLETE
        assert (order.intent.instrument, order.intent.side) == (BINANCE_BTC, Side.BUY)
        assert order.intent.quantity == Decimal("0.00066")
        desk.report(order)
        assert desk.all(TradeOpened)[0].direction == SELL_UPBIT
        assert desk.trade.lone_leg is None

    def test_is_unwound_when_the_rest_is_not_worth_it_any_more(self) -> None:
        """A completion is an entry; one that would lose is not made."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.book(BINANCE_BTC, "108600", "108610")

        desk.report(buy, OrderState.EXPIRED)

        (order,) = desk.take_orders()
        assert order.purpose is Purpose.UNWIND
        assert (order.intent.instrument, order.intent.side) == (UPBIT_BTC, Side.BUY)
        desk.report(order, price=150_910_000)
        (abandoned,) = desk.all(TradeAbandoned)
        assert abandoned.pnl_krw == -desk.paper.fees_krw - Decimal("6.6")

    def test_is_unwound_where_a_check_refuses_the_completion(self) -> None:
        """A pause is such a check: nobody completes an entry while entries are paused."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell)

        desk.report(buy, OrderState.EXPIRED)

        assert [order.purpose for order in desk.take_orders()] == [Purpose.UNWIND]

    def test_is_unwound_once_the_process_is_asked_to_end(self) -> None:
        """A completion is an entry, and after a stop there is none."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.stop()
        desk.report(sell)

        desk.report(buy, OrderState.EXPIRED)

        assert [order.purpose for order in desk.take_orders()] == [Purpose.UNWIND]

    def test_is_completed_only_once(self) -> None:
        """A completion that failed is followed by unwinding, a second later."""
        desk = Desk()
        half_open(desk)
        (completion,) = desk.take_orders()
        desk.report(completion, OrderState.EXPIRED)

        desk.pass_ms(1000)
        desk.again()

        assert [order.purpose for order in desk.take_orders()] == [Purpose.UNWIND]

    @pytest.mark.parametrize("sold", ["0.00066", "0.0004"])
    def test_the_hedged_part_stands(self, sold: str) -> None:
        """What both legs filled is a trade; only what is beyond it is mended."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell, OrderState.EXPIRED, sold)
        desk.report(buy, OrderState.EXPIRED, "0.0002")

        (unwinding,) = desk.take_orders()
        desk.report(unwinding)

        assert unwinding.intent.quantity == Decimal(sold) - Decimal("0.0002")
        assert desk.trade.size == Decimal("0.0002")
        assert len(desk.all(TradeOpened)) == 1


class TestPace:
    def test_at_most_one_order_a_second(self) -> None:
        """However many quotes come: what failed is tried again a second later."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell)
        desk.report(buy, OrderState.EXPIRED)
        sent_at = []
        for _ in range(350):
            for order in desk.take_orders():
                sent_at.append(desk.mono_ns)
                desk.report(order, OrderState.EXPIRED)
            desk.pass_ms(10)
            desk.again()

        gaps = [b - a for a, b in pairwise(sent_at)]
        assert len(sent_at) == 4
        assert all(gap >= 1_000_000_000 for gap in gaps)

    def test_a_stop_does_not_hurry_an_unwinding(self) -> None:
        """A leg alone is unwound at its own pace, whatever else the trade is closed for."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(200)
        desk.even()
        bought, sold = desk.take_orders()
        desk.report(bought)
        desk.report(sold, OrderState.EXPIRED)
        (unwinding,) = desk.take_orders()
        desk.report(unwinding, OrderState.EXPIRED)

        desk.stop(flatten=True)

        assert desk.take_orders() == []

    def test_the_limit_is_within_the_unwinding_slippage(self) -> None:
        """Half a percent from the best price, on the tick inside."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell)
        desk.report(buy, OrderState.EXPIRED)

        (order,) = desk.take_orders()

        assert order.intent.limit_price == Decimal(151_664_000)
        assert order.intent.limit_price <= Decimal(150_910_000) * Decimal("1.005")


class TestAlarm:
    def test_longer_than_ten_seconds_is_critical_and_trips_the_breaker(self) -> None:
        """Ten seconds are allowed; what lasts longer is said, once."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.lose_feed(UPBIT)
        desk.report(buy, OrderState.EXPIRED)

        desk.wait(10, but=[UPBIT_BTC, UPBIT_USDT])
        early = desk.all(LegUnhedged)
        desk.wait(5, but=[UPBIT_BTC, UPBIT_USDT])

        (unhedged,) = desk.all(LegUnhedged)
        tripped = [f for f in desk.all(BreakerTripped) if f.breaker is BreakerCode.LEG_UNHEDGED]
        assert early == []
        assert (unhedged.instrument, unhedged.quantity) == (UPBIT_BTC, Decimal("-0.00066"))
        assert unhedged.notional_krw == Decimal(99_594)
        assert [f.subject for f in tripped] == [desk.trade.id]

    def test_counts_while_the_other_legs_order_is_still_out(self) -> None:
        """A leg is alone whether or not an answer is awaited: unknown orders hide nothing."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.report(buy, OrderState.UNKNOWN)

        desk.wait(12)

        assert len(desk.all(LegUnhedged)) == 1
        assert desk.take_orders() == []

    def test_a_failed_unwinding_is_said_at_once(self) -> None:
        """Nobody waits ten seconds to learn that the emergency exit is locked."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell)
        desk.report(buy, OrderState.EXPIRED)
        (unwinding,) = desk.take_orders()

        outcome = desk.report(unwinding, OrderState.EXPIRED)

        kinds = [type(fact) for fact in outcome.facts]
        assert LegUnhedged in kinds
        assert BreakerTripped in kinds

    def test_is_over_once_hedged(self) -> None:
        """Leg and breaker are cleared when no leg is alone any more."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.command(Pause("op"))
        desk.report(sell)
        desk.report(buy, OrderState.EXPIRED)
        (unwinding,) = desk.take_orders()
        desk.report(unwinding, OrderState.EXPIRED)
        desk.wait(2)

        desk.fill_all()
        desk.wait(1)

        assert len(desk.all(LegHedged)) == 1
        cleared = [f.breaker for f in desk.all(BreakerCleared)]
        assert BreakerCode.LEG_UNHEDGED in cleared
        assert desk.engine.snapshot().breakers == ()

    def test_an_unwinding_that_cannot_go_out_is_freed_when_not_needed_any_more(self) -> None:
        """A lasting alarm must end also when a late fill, and no order, mended the trade."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.lose_feed(UPBIT)
        desk.lose_feed(BINANCE)
        desk.report(buy, OrderState.EXPIRED)
        desk.wait(12, but=[UPBIT_BTC, BINANCE_BTC, UPBIT_USDT])
        stuck = len(desk.all(ClosingStuck))

        desk.report(buy, OrderState.EXPIRED, "0.00066")

        assert stuck == 1
        assert len(desk.all(ClosingFreed)) == 1
        assert not desk.trade.stuck


class TestDust:
    def test_a_remainder_under_the_minimum_goes_to_inventory(self) -> None:
        """Dust is moved at entry price, reported, and never called unhedged."""
        desk = Desk()

        half_open(desk, "0.00066", "0.00064")
        desk.wait(15)

        (dust,) = desk.all(DustMoved)
        assert (dust.instrument, dust.quantity) == (UPBIT_BTC, Decimal("-0.00002"))
        assert dust.cost_krw == Decimal("-0.00002") * 150_900_000
        assert desk.all(LegUnhedged) == []
        assert desk.trade.lone_leg is None
        assert desk.sent == []

    def test_is_no_leg_alone_while_the_rest_of_an_order_is_unknown(self) -> None:
        """However long that takes: what stands alone no venue would take."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.report(buy, OrderState.PARTIAL, "0.00064")
        desk.report(buy, OrderState.UNKNOWN)

        desk.wait(15)

        assert desk.all(LegUnhedged) == []

    def test_a_trade_of_nothing_but_dust_is_abandoned(self) -> None:
        """What is too small to be closed is not held as a trade."""
        desk = Desk()

        half_open(desk, "0.00002", "0.00002")

        assert desk.paper.trades == {}
        assert len(desk.all(TradeAbandoned)) == 1
        assert len(desk.all(DustMoved)) == 2

    def test_moves_no_balance(self) -> None:
        """The coins are where they were; only whose they are has changed."""
        desk = Desk()
        desk.begin()
        desk.signal()
        before = dict(desk.paper.balances)
        sell, buy = desk.take_orders()
        desk.report(sell, OrderState.EXPIRED, "0.00002")
        desk.report(buy, OrderState.EXPIRED)

        assert desk.paper.balances[UPBIT, BTC] == before[UPBIT, BTC] - Decimal("0.00002")


class TestBetweenTwoFills:
    def test_half_of_an_exit_stops_nothing(self) -> None:
        """A leg of a hedged trade is never stopped alone, also while the other has just closed."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.book(UPBIT_BTC, 150_030_000, 150_040_000)
        bought, sold = desk.take_orders()

        desk.report(sold)
        desk.book(UPBIT_BTC, 165_000_000, 165_010_000)

        assert desk.all(StopLossTriggered) == []
        desk.report(bought, OrderState.EXPIRED)
        assert [order.purpose for order in desk.take_orders()] == [Purpose.UNWIND]


class TestInvariant:
    def test_never_two_closings_in_flight(self) -> None:
        """Quotes that come while a closing is out send no second one."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        approved = len(desk.all(OrdersApproved))

        for _ in range(30):
            desk.pass_ms(100)
            desk.even()

        assert len(desk.all(OrdersApproved)) == approved


class TestLoneLegStop:
    def test_is_told_once_while_the_unwinding_waits(self) -> None:
        """The other leg's outcome is unknown: nothing can be sent, and somebody must know."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.report(buy, OrderState.UNKNOWN, "0")

        desk.book(UPBIT_BTC, 152_600_000, 152_610_000)
        desk.wait(2)
        assert desk.all(StopLossTriggered) == []
        desk.book(UPBIT_BTC, 152_800_000, 152_810_000)
        desk.wait(3)

        (stop,) = desk.all(StopLossTriggered)
        assert stop.change_krw <= stop.limit_krw < 0
        assert stop.limit_krw == -Decimal("0.012") * Decimal("0.00066") * 150_900_000

    def test_is_not_told_of_a_hedged_trade(self) -> None:
        """A leg of a hedged trade is never stopped alone."""
        desk = Desk()
        desk.opened()
        for step in range(1, 11):
            upbit = 150_900_000 + step * 190_000
            desk.book(UPBIT_BTC, upbit, upbit + 10_000)
            desk.book(BINANCE_BTC, 107_990 + step * 136, 108_000 + step * 136)
        desk.wait(2)

        assert upbit > 150_900_000 * 1.012
        assert desk.all(StopLossTriggered) == []
