"""Closings that an operator orders and confirmed: what goes, what does not, and what goes on."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import BINANCE_BTC, UPBIT_BTC
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.domain.control import (
    CloseTrade,
    Command,
    Flatten,
    Halt,
    Pause,
    Reply,
    ReplyCode,
    ToPaper,
)
from trader.domain.facts import (
    ClosingBegan,
    ClosingOrdered,
    OrdersApproved,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import BINANCE
from trader.domain.order import LedgerName, OrderState, Purpose, TradeId
from trader.engine.engine import Outcome
from trader.engine.fingerprint import fingerprint_of
from trader.engine.impact import closing_result_krw

LIVE, PAPER = LedgerName.LIVE, LedgerName.PAPER


def reply_of(outcome: Outcome) -> Reply:
    assert outcome.reply is not None
    return outcome.reply


def seen(desk: Desk, ledger: LedgerName, trade_id: TradeId | None = None) -> str:
    """What an operator saw just now."""
    return fingerprint_of(desk.engine.state, ledger, trade_id)


def result(desk: Desk, ledger: LedgerName, trade_id: TradeId | None = None) -> Decimal | None:
    """The result an operator saw just now."""
    return closing_result_krw(desk.engine.state, ledger, trade_id)


def flatten(desk: Desk, ledger: LedgerName) -> Flatten:
    """A flatten confirmed on what stands now."""
    return Flatten("kim", ledger, seen(desk, ledger), result(desk, ledger))


def close(desk: Desk, ledger: LedgerName, trade_id: TradeId) -> CloseTrade:
    """A closing of one trade, confirmed on what stands now."""
    shown = result(desk, ledger, trade_id)
    return CloseTrade("kim", trade_id, seen(desk, ledger, trade_id), shown)


def opened_live() -> LiveDesk:
    """A live engine with one live trade."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    for order in desk.take_orders():
        desk.answer(order)
    desk.quiet_books()
    assert len(desk.live.trades) == 1
    return desk


def purposes(desk: Desk) -> set[Purpose]:
    return {order.purpose for order in desk.take_orders()}


class TestGoes:
    @pytest.mark.parametrize("verb", [Purpose.FLATTEN, Purpose.CLOSE])
    def test_on_paper(self, verb: Purpose) -> None:
        """Both legs, through the checks of every closing; the trade ends by the operator."""
        desk = Desk()
        trade = desk.opened()
        command: Command = (
            flatten(desk, PAPER) if verb is Purpose.FLATTEN else close(desk, PAPER, trade.id)
        )

        reply = reply_of(desk.command(command))
        orders = desk.take_orders()
        for order in orders:
            desk.report(order)

        assert (reply.changed, reply.code, reply.ledger) == (True, ReplyCode.CLOSING, PAPER)
        assert reply.details == (f"PAPER {trade.id} upbit-binance 99,594 ₩",)
        assert {(order.intent.instrument, order.purpose) for order in orders} == {
            (UPBIT_BTC, verb),
            (BINANCE_BTC, verb),
        }
        (fact,) = desk.all(TradeClosed)
        assert fact.reason is verb
        assert desk.engine.state.ordered == {}

    def test_live(self) -> None:
        """The same, in the ledger the confirmation named; paper is left alone."""
        desk = opened_live()

        reply = reply_of(desk.command(flatten(desk, LIVE)))

        orders = desk.take_orders()
        assert (reply.changed, reply.ledger, reply.mode) == (True, "live", "live")
        assert [(order.ledger, order.purpose) for order in orders] == [
            (LIVE, Purpose.FLATTEN),
            (LIVE, Purpose.FLATTEN),
        ]

    @pytest.mark.parametrize("before", [Pause("7"), ToPaper("7"), Halt("7")])
    def test_while_paused_demoted_or_halted(self, before: Command) -> None:
        """A halt leaves it to the operator, and this is the operator."""
        desk = opened_live()
        desk.command(before)
        desk.take_orders()

        assert reply_of(desk.command(flatten(desk, LIVE))).code is ReplyCode.CLOSING
        assert purposes(desk) == {Purpose.FLATTEN}

    def test_says_who_ordered_what(self) -> None:
        """On record, with the trades it was about."""
        desk = opened_live()
        (trade_id,) = desk.live.trades

        desk.command(replace(flatten(desk, LIVE), written_ns=5))

        (fact,) = desk.all(ClosingOrdered)
        assert (fact.ledger, fact.purpose, fact.trades) == (LIVE, Purpose.FLATTEN, (trade_id,))
        assert (fact.by, fact.host_ns, fact.written_ns) == ("kim", desk.at_ns, 5)


class TestDoesNotGo:
    @pytest.mark.parametrize("verb", [Purpose.FLATTEN, Purpose.CLOSE])
    def test_where_something_changed_since_it_was_shown(self, verb: Purpose) -> None:
        """Positions or authority: what was confirmed is not what stands."""
        desk = opened_live()
        (trade_id,) = desk.live.trades
        command: Command = (
            flatten(desk, LIVE) if verb is Purpose.FLATTEN else close(desk, LIVE, trade_id)
        )
        desk.command(ToPaper("7"))

        outcome = desk.command(command)

        assert outcome.facts == ()
        assert reply_of(outcome).code is ReplyCode.CHANGED_SINCE
        assert desk.take_orders() == []

    def test_where_the_loss_grew_by_more_than_a_share_of_the_notional(self) -> None:
        """0.3 % may be reached; a won beyond it asks again, with the new figure."""
        desk = opened_live()
        shown, share = flatten(desk, LIVE), Decimal("99594") * Decimal("0.003")
        now = shown.loss_krw
        assert now is not None

        worse = reply_of(desk.command(replace(shown, loss_krw=now + share + 1)))
        as_bad = reply_of(desk.command(replace(shown, loss_krw=now + share)))

        assert (worse.changed, worse.code) == (False, ReplyCode.LOSS_GREW)
        assert worse.details == (f"{now:+,.0f} ₩".replace("+-", "-"),)
        assert as_bad.code is ReplyCode.CLOSING

    def test_where_a_figure_was_shown_and_there_is_none_now(self) -> None:
        """Nothing to compare; without a figure it is confirmed as such, and waits for a book."""
        desk = opened_live()
        desk.lose_feed(BINANCE)

        unknown = reply_of(desk.command(replace(flatten(desk, LIVE), loss_krw=Decimal(-100))))
        blind = reply_of(desk.command(flatten(desk, LIVE)))
        waiting = desk.take_orders()
        desk.quiet_books()

        assert unknown.code is ReplyCode.NO_PRICES
        assert (blind.code, waiting) == (ReplyCode.CLOSING, [])
        assert purposes(desk) == {Purpose.FLATTEN}

    def test_after_halt_now(self) -> None:
        """Nothing at all leaves then."""
        desk = opened_live()
        desk.command(Halt("7", now=True))

        outcome = desk.command(flatten(desk, LIVE))

        assert (reply_of(outcome).code, outcome.orders) == (ReplyCode.NOTHING_GOES, ())
        assert desk.all(ClosingOrdered) == []

    @pytest.mark.parametrize("halted", [True, False])
    def test_where_live_closings_are_revoked(self, halted: bool) -> None:
        """It names the orders that must be placed by hand."""
        desk = opened_live()
        if halted:
            desk.command(Halt("7"))
        desk.sense(env_flag=False)
        desk.wait(2)
        (trade_id,) = desk.live.trades

        reply = reply_of(desk.command(flatten(desk, LIVE)))

        assert (reply.changed, reply.code) == (False, ReplyCode.CLOSINGS_REVOKED)
        assert reply.details == (
            f"{trade_id} {UPBIT_BTC} buy 0.00066",
            f"{trade_id} {BINANCE_BTC} sell 0.00066",
        )
        assert desk.all(ClosingOrdered) == []

    def test_before_anything_was_sensed(self) -> None:
        """Nobody knows yet whether a live closing may leave."""
        desk = opened_live()
        later = LiveDesk(restored=desk.history)
        later.start()

        reply = reply_of(later.command(flatten(later, LIVE)))

        assert (reply.changed, reply.code) == (False, ReplyCode.NOT_SENSED)

    def test_where_nothing_is_open(self) -> None:
        """Of the ledger, or by the id."""
        desk = Desk()
        desk.begin()

        assert reply_of(desk.command(flatten(desk, PAPER))).code is ReplyCode.NOTHING_OPEN
        gone = reply_of(desk.command(close(desk, PAPER, TradeId("T9"))))
        assert (gone.changed, gone.code) == (False, ReplyCode.NOT_OPEN)

    def test_twice(self) -> None:
        """A repeat says that it is on its way, and sends nothing."""
        desk = opened_live()
        command = flatten(desk, LIVE)
        desk.command(command)
        desk.take_orders()

        outcome = desk.command(command)

        assert (outcome.facts, outcome.orders) == ((), ())
        assert reply_of(outcome).code is ReplyCode.ALREADY_CLOSING
        assert len(desk.all(ClosingBegan)) == 1


class TestGoesOn:
    def test_until_all_of_it_is_closed(self) -> None:
        """What filled in part is tried again, though the strategy would rather hold."""
        desk = opened_live()
        desk.command(flatten(desk, LIVE))
        for order in desk.take_orders():
            desk.answer(order, OrderState.EXPIRED)

        desk.wait(2)

        assert purposes(desk) == {Purpose.FLATTEN}

    def test_after_a_restart(self) -> None:
        """It is on record, and the trade with it."""
        desk = Desk()
        trade = desk.opened()
        desk.command(flatten(desk, PAPER))

        later = desk.restarted()
        later.begin()
        later.wait(2)

        assert later.engine.state.ordered == {trade.id: Purpose.FLATTEN}
        assert purposes(later) == {Purpose.FLATTEN}

    def test_for_an_opening_that_is_still_in_flight(self) -> None:
        """It is closed as soon as it stands."""
        desk = Desk()
        desk.begin()
        desk.signal()

        reply = reply_of(desk.command(flatten(desk, PAPER)))
        again = reply_of(desk.command(flatten(desk, PAPER)))
        for order in desk.take_orders():
            desk.report(order)

        assert reply.changed
        assert (again.changed, again.code) == (False, ReplyCode.ALREADY_CLOSING)
        assert len(desk.all(TradeOpened)) == 1
        assert purposes(desk) == {Purpose.FLATTEN}

    def test_for_an_opening_of_which_one_leg_filled(self) -> None:
        """It is unwound, never completed."""
        desk = Desk()
        desk.begin()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.report(sell)
        desk.command(flatten(desk, PAPER))
        desk.report(buy, OrderState.EXPIRED)

        assert purposes(desk) == {Purpose.UNWIND}

    def test_not_where_the_opening_filled_nothing(self) -> None:
        """Then there is nothing to close, and nothing stays ordered."""
        desk = Desk()
        desk.begin()
        desk.signal()
        desk.command(flatten(desk, PAPER))
        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED)

        assert len(desk.all(TradeAbandoned)) == 1
        assert desk.engine.state.ordered == {}

    def test_not_with_trades_opened_later(self) -> None:
        """It was about those that were shown."""
        desk = Desk()
        desk.opened()
        desk.command(flatten(desk, PAPER))
        desk.fill_all()
        desk.quiet_books()
        desk.signal()
        desk.fill_all()

        assert len(desk.all(TradeOpened)) == 2
        assert len(desk.all(ClosingBegan)) == 1


class TestInAHalt:
    def test_a_leg_left_alone_goes_by_the_operators_word(self) -> None:
        """The engine's own unwinding is used up; the operator's is not bound by that."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.answer(sell)
        desk.command(Halt("7"))
        desk.answer(buy, OrderState.EXPIRED)
        (own,) = desk.take_orders()
        desk.answer(own, OrderState.EXPIRED)
        desk.wait(3)
        assert desk.take_orders() == []

        reply = reply_of(desk.command(flatten(desk, LIVE)))

        (order,) = desk.take_orders()
        assert reply.code is ReplyCode.CLOSING
        assert (own.purpose, order.purpose) == (Purpose.UNWIND, Purpose.FLATTEN)
        assert order.intent.instrument == UPBIT_BTC

    def test_a_stop_that_may_not_leave_is_taken_over(self) -> None:
        """Outside a halt it is on its way already."""
        desk = opened_live()
        desk.lose()
        for order in desk.take_orders():
            assert order.purpose is Purpose.STOP_LOSS
            desk.answer(order, OrderState.EXPIRED)
        under_way = reply_of(desk.command(flatten(desk, LIVE)))
        desk.command(Halt("7"))
        desk.wait(2)
        assert desk.take_orders() == []

        taken_over = reply_of(desk.command(flatten(desk, LIVE)))

        assert under_way.code is ReplyCode.ALREADY_CLOSING
        assert taken_over.code is ReplyCode.CLOSING
        assert purposes(desk) == {Purpose.FLATTEN}

    def test_a_stop_on_paper_goes_on_by_itself(self) -> None:
        """A halt does not keep it, so there is nothing to take over."""
        desk = Desk()
        desk.opened()
        desk.lose()
        desk.command(Halt("7"))

        reply = reply_of(desk.command(flatten(desk, PAPER)))

        assert (reply.changed, reply.code) == (False, ReplyCode.ALREADY_CLOSING)


class TestReplies:
    def test_a_halt_lists_what_is_open_and_in_flight(self) -> None:
        """Trades and orders of both ledgers, a line each."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        sell, buy = desk.take_orders()
        desk.answer(sell)

        reply = reply_of(desk.command(Halt("7")))

        (trade_id,) = desk.live.trades
        assert reply.code is ReplyCode.HALTED
        assert reply.details == (
            f"LIVE {trade_id} upbit-binance 99,594 ₩",
            f"LIVE {buy.client_order_id} {BINANCE_BTC} buy 0.00066 planned",
        )
        assert (reply.mode, reply.at_ns) == ("live", desk.at_ns)

    @pytest.mark.parametrize(
        ("env_flag", "code"),
        [(True, ReplyCode.DEMOTED_GUARDED), (False, ReplyCode.DEMOTED_UNGUARDED)],
    )
    def test_paper_says_whether_live_positions_are_guarded(
        self, env_flag: bool, code: ReplyCode
    ) -> None:
        """And which remain."""
        desk = opened_live()
        (trade_id,) = desk.live.trades
        if not env_flag:
            desk.sense(env_flag=False)
            desk.wait(1)
            desk.touch()

        reply = reply_of(desk.command(ToPaper("7")))

        assert (reply.changed, reply.code) == (True, code)
        assert reply.details == (f"LIVE {trade_id} upbit-binance 99,594 ₩",)

    def test_a_repeat_under_the_same_id_is_harmless(self) -> None:
        """Verbs are absolute: the second time nothing becomes true."""
        desk = opened_live()
        for command in (Pause("7"), ToPaper("7"), Halt("7"), flatten(desk, LIVE)):
            first = desk.command(command)
            again = desk.command(command)

            assert reply_of(first).command_id == reply_of(again).command_id
            assert not [fact for fact in again.facts if isinstance(fact, OrdersApproved)]
            assert reply_of(again).changed is False
