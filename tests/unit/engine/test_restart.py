"""A process that is gone: what the next one makes of its journal."""

from tests.support.builders import UPBIT_BTC, some_limits
from tests.support.engine_harness import Desk, order_ids
from trader.domain.control import Pause
from trader.domain.facts import (
    BreakerCode,
    EngineStarted,
    FeedRecovered,
    FeedWentStale,
    OrderMoved,
    TradeAbandoned,
    TradeClosed,
)
from trader.domain.order import OrderState, Purpose
from trader.domain.trade import TradePhase


class TestOrdersInFlight:
    def test_of_a_paper_venue_are_ended(self) -> None:
        """Paper venues forget with their process: nobody will ever report these."""
        desk = Desk()
        desk.begin()
        desk.signal()

        later = desk.restarted()
        later.start()

        moved = later.all(OrderMoved)
        assert [fact.state for fact in moved] == [OrderState.CANCELLED] * 2
        assert later.paper.in_flight == {}
        assert later.paper.trades == {}
        assert len(later.all(TradeAbandoned)) == 1

    def test_hold_nothing_back_any_more(self) -> None:
        """What they held is free again."""
        desk = Desk()
        desk.begin()
        balances = dict(desk.paper.balances)
        desk.signal()

        later = desk.restarted()
        later.start()

        assert later.paper.free() == balances


class TestLoneLeg:
    def test_is_unwound_never_completed(self) -> None:
        """What was worth completing before the restart is of another market."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, _ = desk.take_orders()
        desk.report(sell)

        later = desk.restarted()
        later.start()
        later.quiet_books()
        later.signal()

        first = later.take_orders()[0]
        assert first.purpose is Purpose.UNWIND
        assert first.intent.instrument == UPBIT_BTC

    def test_a_stopping_unhedged_alarm_survives(self) -> None:
        """Breaker and leg stand until the leg is whole, in whichever process."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.report(buy, OrderState.UNKNOWN)
        desk.wait(12)

        later = desk.restarted()

        assert any(str(BreakerCode.LEG_UNHEDGED) in b for b in later.engine.snapshot().breakers)
        assert later.trade.unhedged


class TestClosing:
    def test_goes_on_where_it_was(self) -> None:
        """A trade that was stopping is stopping still."""
        desk = Desk()
        desk.opened()
        desk.lose()

        later = desk.restarted()
        later.start()
        assert later.trade.phase is TradePhase.CLOSING
        later.lose()
        later.dollar()
        later.pass_ms(1000)
        later.again()
        later.fill_all()

        assert later.all(TradeClosed)[0].reason is Purpose.STOP_LOSS


class TestIds:
    def test_are_never_used_again(self) -> None:
        """An id given twice would be an order the venue takes for another."""
        desk = Desk()
        ids: list[str] = []
        for _ in range(3):
            desk.begin()
            desk.signal()
            for order in desk.take_orders():
                desk.report(order, OrderState.EXPIRED)
            ids += order_ids(desk.facts)
            desk = desk.restarted()

        assert len(ids) == len(set(ids)) == 6

    def test_hold_to_what_venues_take(self) -> None:
        """Our prefix, letters, digits and dashes, at most 36 characters."""
        desk = Desk()
        desk.begin()
        desk.signal()

        for order in desk.sent:
            assert order.client_order_id.startswith("tr-test-")
            assert len(order.client_order_id) <= 36
            assert order.client_order_id.replace("-", "").isalnum()

    def test_trades_have_ids_of_their_own_across_restarts(self) -> None:
        """A trade is found by its id in the whole journal."""
        desk = Desk()
        desk.begin()
        desk.signal()
        first = desk.trade.id
        later = desk.restarted()
        later.begin()
        later.signal()

        assert later.trade.id != first


class TestOrderRate:
    def test_the_last_minute_is_remembered(self) -> None:
        """A process that dies and starts again must not send twice as much."""
        desk = Desk(limits=some_limits(max_entry_orders_per_minute=2))
        desk.begin()
        desk.signal()

        later = desk.restarted(limits=some_limits(max_entry_orders_per_minute=2))
        later.begin()
        later.signal()

        assert later.sent == []

    def test_older_orders_are_forgotten(self) -> None:
        """All that was ever sent is not the last minute, however young the process is."""
        desk = Desk(limits=some_limits(max_entry_orders_per_minute=2))
        desk.begin()
        desk.signal()
        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED)
        desk.quiet_books()
        desk.wait(70)

        later = desk.restarted(limits=some_limits(max_entry_orders_per_minute=2))
        later.begin()
        later.signal()

        assert len(later.sent) == 2


class TestRestored:
    def test_account_is_the_one_that_was(self) -> None:
        """Balances, trades and money are folded from facts alone."""
        desk = Desk()
        desk.opened()

        later = desk.restarted()

        assert later.paper.balances == desk.paper.balances
        assert later.paper.trades == desk.paper.trades
        assert later.paper.booked_krw == desk.paper.booked_krw
        assert later.paper.date == desk.paper.date

    def test_balances_are_not_funded_twice(self) -> None:
        """The paper account begins once in a journal's life."""
        desk = Desk()
        desk.opened()

        later = desk.restarted()
        later.begin()

        assert later.paper.balances == desk.paper.balances

    def test_start_is_the_first_fact(self) -> None:
        """Whoever reads the journal sees where a process began."""
        desk = Desk()
        desk.opened()
        later = desk.restarted()

        outcome = later.start()

        assert isinstance(outcome.facts[0], EngineStarted)

    def test_loss_is_unknown_until_books_came_and_refuses_entries(self) -> None:
        """Without marks nobody knows what was lost."""
        desk = Desk()
        desk.opened()
        later = desk.restarted()
        later.start()

        assert later.engine.state.loss_today(later.paper) is None

    def test_a_feed_that_was_stale_is_said_to_be_well_again(self) -> None:
        """A lasting alarm must end in the next process if it began in the last, but not before."""
        desk = Desk()
        desk.begin()
        desk.wait(5, but=[UPBIT_BTC])
        was_stale = [fact.instrument for fact in desk.all(FeedWentStale)]
        later = desk.restarted()
        later.start()
        too_early = later.all(FeedRecovered)

        later.quiet_books()
        later.wait(1)

        assert was_stale == [UPBIT_BTC]
        assert too_early == []
        assert [fact.instrument for fact in later.all(FeedRecovered)] == [UPBIT_BTC]


def test_pause_survives_a_restart() -> None:
    """Only the operator lifts what the operator set."""
    desk = Desk()
    desk.begin()
    desk.command(Pause("op"))

    later = desk.restarted()
    later.begin()
    later.signal()

    assert later.engine.snapshot().paused
    assert later.sent == []
