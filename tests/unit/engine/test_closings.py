"""Closings: exits, stops, holding limits, what goes out and what is stuck."""

from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.builders import BINANCE_BTC, UPBIT_BTC, UPBIT_USDT
from tests.support.engine_harness import Desk
from trader.domain.control import BlockReason, CheckName
from trader.domain.events import ProcessStopping
from trader.domain.facts import (
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingStuck,
    DustMoved,
    InventoryRebased,
    RebalanceBegan,
    StopLossTriggered,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import KRW, UPBIT, InstrumentId, split_id
from trader.domain.order import LedgerName, OrderState, Purpose, Side
from trader.portfolio.rebalancer import RebalanceRules
from trader.portfolio.stoploss import StopMode, StopRules

_ZERO = Decimal(0)
UPBIT_BOOKS = (UPBIT_BTC, UPBIT_USDT)


class TestExit:
    def test_closes_both_legs_when_the_spread_is_gone(self) -> None:
        """The documented round trip, to the last digit."""
        desk = Desk()
        desk.begin()
        desk.signal()
        for order, price in zip(desk.take_orders(), (150_900_000, 108_000), strict=True):
            desk.report(order, price=price)
        desk.pass_ms(100)

        desk.even()
        for order, price in zip(desk.take_orders(), (150_210_000, 108_100), strict=True):
            desk.report(order, price=price)

        (closed,) = desk.all(TradeClosed)
        assert closed.pnl_krw == Decimal("249.561873")
        assert closed.fees_krw == Decimal("297.545127")
        assert closed.reason is Purpose.EXIT
        assert desk.paper.trades == {}

    def test_whose_reason_vanished_stands_on(self) -> None:
        """An exit that filled nothing and is not wanted any more is given up, until the next."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        exits = desk.take_orders()
        desk.signal()

        for order in exits:
            desk.report(order, OrderState.EXPIRED)

        assert len(desk.all(ClosingEnded)) == 1
        assert desk.trade.closing is None
        desk.wait(2)
        assert desk.sent == []

    def test_that_filled_in_part_goes_on_while_wanted(self) -> None:
        """The remainder is a new intent, a second later."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED, "0.0003")
        at_once = desk.take_orders()

        desk.wait(1)

        assert at_once == []
        assert [order.intent.quantity for order in desk.take_orders()] == [Decimal("0.00036")] * 2

    def test_leaves_no_dust_behind(self) -> None:
        """A hedged remainder too small to close is moved on both legs, and the trade is over."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()

        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED, "0.00064")

        assert [f.quantity for f in desk.all(DustMoved)] == [
            Decimal("-0.00002"),
            Decimal("0.00002"),
        ]
        assert len(desk.all(TradeClosed)) == 1

    def test_a_leg_left_alone_by_an_exit_is_mended_at_once(self) -> None:
        """Completing a closing is a closing; the pace of attempts does not hold it back."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        bought, sold = desk.take_orders()
        desk.report(bought)

        desk.report(sold, OrderState.EXPIRED, "0.0001")

        (order,) = desk.take_orders()
        assert (order.purpose, order.intent.side) == (Purpose.UNWIND, Side.SELL)
        assert order.intent.quantity == Decimal("0.00056")
        desk.report(order)
        assert desk.all(TradeClosed)[0].reason is Purpose.EXIT


class TestStopLoss:
    def test_fires_on_the_trade_with_both_legs(self) -> None:
        """The documented stop, at its very won, and what it cost."""
        desk = Desk()
        desk.begin()
        desk.signal()
        for order, price in zip(desk.take_orders(), (150_900_000, 108_000), strict=True):
            desk.report(order, price=price)
        desk.book(UPBIT_BTC, 152_000_000, 152_010_000)
        desk.book(BINANCE_BTC, "108700", "108710")
        desk.book(UPBIT_BTC, 153_673_000, 153_683_000)
        before = desk.take_orders()

        desk.book(UPBIT_BTC, 153_674_000, 153_684_000)

        orders = desk.take_orders()
        (stopped,) = desk.all(StopLossTriggered)
        assert before == []
        assert stopped.change_krw == Decimal("-1195.491")
        assert stopped.limit_krw == Decimal("-1195.128")
        assert [order.purpose for order in orders] == [Purpose.STOP_LOSS] * 2
        for order, price in zip(orders, (153_684_000, 108_700), strict=True):
            desk.report(order, price=price)
        assert desk.all(TradeClosed)[0].pnl_krw == Decimal("-1494.732789")

    def test_fires_once(self) -> None:
        """One stop is one alert, however many quotes confirm it."""
        desk = Desk()
        desk.opened()
        for _ in range(20):
            desk.pass_ms(50)
            desk.lose()

        assert len(desk.all(StopLossTriggered)) == 1
        assert desk.engine.snapshot().stop_losses == 1

    def test_takes_over_an_exit_that_is_under_way(self) -> None:
        """A closing that may be given up becomes one that may not."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        exits = desk.take_orders()

        desk.lose()
        for order in exits:
            desk.report(order, OrderState.EXPIRED)

        assert desk.trade.closing is Purpose.STOP_LOSS
        assert [order.purpose for order in desk.take_orders()] == [Purpose.STOP_LOSS] * 2
        assert desk.all(ClosingEnded) == []

    def test_a_stale_mark_trips_nothing(self) -> None:
        """Half of a mark may be an hour old; it is worth nothing then."""
        desk = Desk()
        desk.opened()
        desk.wait(5, but=[BINANCE_BTC])

        desk.book(UPBIT_BTC, 153_674_000, 153_684_000)
        desk.book(UPBIT_BTC, 155_674_000, 155_684_000)

        assert desk.all(StopLossTriggered) == []

    def test_a_trailing_stop_is_moved_up_in_steps(self) -> None:
        """New highs are committed by a hundredth of the distance, not by every tick."""
        desk = Desk(stop=StopRules(StopMode.TRAILING))
        desk.opened()
        desk.book(UPBIT_BTC, 150_800_000, 150_810_000)
        desk.facts.clear()

        for step in range(200):
            desk.pass_ms(1)
            # Each tick is worth 0.66 won more; a hundredth of the distance is 11.95.
            desk.book(UPBIT_BTC, 150_790_000 - step * 1000, 150_809_000 - step * 1000)

        peaks = [fact.best_krw for fact in desk.all(TradePeaked)]
        assert 5 < len(peaks) < 15
        assert all(b - a >= Decimal("11.95") for a, b in pairwise(peaks))

    def test_steps_stay_as_wide_when_the_stop_is_in_profit(self) -> None:
        """However far it has come up, a trailing stop costs no commit a tick."""
        desk = Desk(stop=StopRules(StopMode.TRAILING, static_pct=Decimal("0.1")))
        desk.opened()
        desk.book(UPBIT_BTC, 150_500_000, 150_510_000)
        desk.facts.clear()

        for step in range(20):
            desk.pass_ms(1)
            desk.book(UPBIT_BTC, 150_490_000, 150_509_900 - step * 100)

        assert len(desk.all(TradePeaked)) <= 2


class TestStuck:
    def test_a_stop_without_a_fresh_book_is_alarmed_after_ten_seconds(self) -> None:
        """A stop that cannot go out is critical; it names the check that holds it."""
        desk = Desk()
        desk.opened()
        desk.lose()
        for _ in range(16):
            for order in desk.take_orders():
                desk.report(order, OrderState.EXPIRED)
            desk.wait(1, but=UPBIT_BOOKS)

        (stuck,) = desk.all(ClosingStuck)
        assert CheckName.BOOK_AGE in stuck.checks
        assert stuck.waited_ms >= 10_000
        assert desk.trade.stuck

    def test_a_missing_book_is_named(self) -> None:
        """A lost connection leaves no book at all."""
        desk = Desk()
        desk.opened()
        desk.lose()
        orders = desk.take_orders()
        desk.lose_feed(UPBIT)
        for order in orders:
            desk.report(order, OrderState.EXPIRED)

        desk.wait(15, but=UPBIT_BOOKS)

        assert [f.checks for f in desk.all(ClosingStuck)] == [(CheckName.BOOK_VALID,)]

    def test_is_freed_when_it_went_out(self) -> None:
        """The alarm ends with the order that reached a book."""
        desk = Desk()
        desk.opened()
        desk.lose()
        orders = desk.take_orders()
        desk.lose_feed(UPBIT)
        for order in orders:
            desk.report(order, OrderState.EXPIRED)
        desk.wait(15, but=UPBIT_BOOKS)

        desk.lose()
        desk.fill_all()

        assert len(desk.all(ClosingFreed)) == 1
        assert len(desk.all(TradeClosed)) == 1

    def test_one_that_is_turned_away_every_time_is_stuck(self) -> None:
        """An order the gate blocks, or a venue rejects, has not gone out."""
        desk = Desk()
        desk.opened()
        desk.lose()

        for _ in range(13):
            for order in desk.take_orders():
                desk.report(order, OrderState.BLOCKED, reason=CheckName.ORDER_DELAY)
            desk.wait(1)

        (stuck,) = desk.all(ClosingStuck)
        assert stuck.checks == (CheckName.ORDER_DELAY,)
        assert desk.all(ClosingFreed) == []

    def test_a_block_that_is_no_check_is_alarmed_too(self) -> None:
        """The live gate's own reasons are not checks; the alarm comes all the same."""
        desk = Desk()
        desk.opened()
        desk.lose()

        for _ in range(13):
            for order in desk.take_orders():
                desk.report(order, OrderState.BLOCKED, reason=BlockReason.HALTED)
            desk.wait(1)

        assert [f.checks for f in desk.all(ClosingStuck)] == [()]


class TestHolding:
    def test_a_trade_is_closed_after_its_longest_holding(self) -> None:
        """Whatever the spread: time is a reason of its own, and does not vanish."""
        desk = Desk(max_holding_minutes=1)
        desk.opened()
        desk.wait(59)
        early = desk.take_orders()

        desk.wait(3)

        assert early == []
        assert [order.purpose for order in desk.take_orders()] == [Purpose.EXIT] * 2
        assert desk.all(ClosingEnded) == []

    def test_zero_is_never(self) -> None:
        """Without a longest holding nothing is closed by time."""
        desk = Desk(max_holding_minutes=0)
        desk.opened()
        desk.wait(100)

        assert desk.take_orders() == []


class TestStop:
    def test_ends_entries(self) -> None:
        """No entry after the process was asked to end."""
        desk = Desk()
        desk.begin()
        desk.stop()

        desk.signal()

        assert desk.sent == []

    def test_leaves_positions_unless_told(self) -> None:
        """By default what is open stays open."""
        desk = Desk()
        desk.opened()

        desk.stop()

        assert desk.sent == []

    def test_lets_a_stop_loss_go(self) -> None:
        """While the process still runs it still guards."""
        desk = Desk()
        desk.opened()
        desk.stop()

        desk.lose()

        assert [order.purpose for order in desk.sent] == [Purpose.STOP_LOSS] * 2

    def test_sends_nothing_after_its_last_word(self) -> None:
        """A quote that still comes in closes nothing: nobody would hear how the orders ended."""
        desk = Desk()
        desk.opened()
        desk.stop()
        desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "asked"))

        desk.lose()
        desk.even()

        assert desk.sent == []
        later = desk.restarted()
        later.start()
        later.quiet_books()
        later.wait(2)
        later.lose()
        assert {order.purpose for order in later.sent} == {Purpose.STOP_LOSS}

    def test_flatten_closes_what_is_open(self) -> None:
        """Both legs, at once, for good."""
        desk = Desk()
        desk.opened()

        desk.stop(flatten=True)
        desk.fill_all()

        assert desk.all(TradeClosed)[0].reason is Purpose.FLATTEN

    def test_flatten_closes_an_opening_as_soon_as_it_stands(self) -> None:
        """What was in flight when the process was asked to end is not left behind."""
        desk = Desk()
        desk.begin()
        desk.signal()
        orders = desk.take_orders()

        desk.stop(flatten=True)
        for order in orders:
            desk.report(order)
        desk.fill_all()

        assert len(desk.all(TradeOpened)) == 1
        assert desk.paper.trades == {}

    def test_flatten_takes_over_an_exit_that_could_be_given_up(self) -> None:
        """An exit under way may stand on; a flattening may not."""
        desk = Desk()
        desk.opened()
        desk.pass_ms(10)
        desk.even()
        exits = desk.take_orders()
        desk.stop(flatten=True)
        desk.signal()

        for order in exits:
            desk.report(order, OrderState.EXPIRED)
        desk.wait(1)
        desk.fill_all()

        assert desk.all(TradeClosed)[0].reason is Purpose.FLATTEN


class TestRebalance:
    def test_reduces_the_worst_trade_by_its_share(self) -> None:
        """Past its limit the rebalancer takes thirty percent off, both legs alike."""
        desk = Desk(rebalance=RebalanceRules(max_exposure_krw=Decimal(90_000)))
        desk.opened()
        desk.wait(1)

        orders = desk.fill_all()

        assert len(desk.all(RebalanceBegan)) == 1
        assert [order.intent.quantity for order in orders] == [Decimal("0.00019")] * 2
        assert len(desk.all(ClosingEnded)) == 1
        assert desk.trade.size == Decimal("0.00047")

    def test_a_rest_too_small_to_close_ends_it(self) -> None:
        """A share filled but for less than a venue takes is a share filled; nothing is stuck."""
        desk = Desk(rebalance=RebalanceRules(max_exposure_krw=Decimal(90_000)))
        desk.opened()
        desk.wait(1)
        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED, "0.00017")

        desk.wait(15)

        assert len(desk.all(ClosingEnded)) == 1
        assert desk.all(ClosingStuck) == []
        assert desk.trade.size == Decimal("0.00049")

    def test_leaves_a_healthy_trade_alone_while_another_opens(self) -> None:
        """A half-filled opening counts twice for a moment, and is none of the first one's doing."""
        desk = Desk(
            max_trades_per_pair=2, rebalance=RebalanceRules(max_exposure_krw=Decimal(250_000))
        )
        desk.opened()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.wait(2)

        assert desk.paper.exposure_krw > 250_000
        assert desk.all(RebalanceBegan) == []
        desk.report(buy)
        assert desk.all(RebalanceBegan) == []

    def test_does_nothing_under_its_limit(self) -> None:
        """Exposure at the limit is not past it."""
        desk = Desk(rebalance=RebalanceRules(max_exposure_krw=Decimal(99_594)))
        desk.opened()
        desk.wait(3)

        assert desk.all(RebalanceBegan) == []


@pytest.mark.parametrize("lost", [UPBIT_BTC, BINANCE_BTC])
def test_a_hedged_trade_closes_on_both_legs_or_waits(lost: InstrumentId) -> None:
    """With one book missing neither leg is sent: half a closing is a naked position."""
    desk = Desk()
    desk.opened()
    desk.lose_feed(split_id(lost)[0])

    desk.stop(flatten=True)

    assert desk.sent == []
    assert [f.purpose for f in desk.all(ClosingBegan)] == [Purpose.FLATTEN]


def test_a_closing_that_the_balance_does_not_cover_names_the_balance() -> None:
    """With every book there, the operator must not be sent to look at feeds."""
    desk = Desk()
    desk.opened()
    desk.engine.restore(
        [InventoryRebased(desk.at_ns, LedgerName.PAPER, UPBIT, KRW, _ZERO, "withdrawn")]
    )

    desk.lose()
    desk.wait(13)

    assert [f.checks for f in desk.all(ClosingStuck)] == [(CheckName.BALANCE,)]


def test_a_moving_stop_reserves_what_it_may_move_out_to() -> None:
    """A stop that may stand three percent away needs three percent more won to buy back at."""
    static, dynamic = Desk(), Desk(stop=StopRules(StopMode.DYNAMIC))
    reserved = []
    for desk in (static, dynamic):
        desk.opened()
        account = desk.engine.state.account(desk.paper)
        reserved.append(account.reserved[UPBIT, KRW])

    assert reserved[1] / reserved[0] == Decimal("1.030") / Decimal("1.012")
