"""Handover: what is left to the operator when closings are revoked, or everything is halted."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.support.builders import BINANCE_BTC, UPBIT_BTC, an_instrument
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.alerts.rules import alerts_for
from trader.domain.control import BlockReason, Halt, Language, LiftHalt, Mode, ToPaper
from trader.domain.events import LossSeen, OrderReported, ProcessStopping
from trader.domain.facts import (
    AuthorityChanged,
    ClosingsRestored,
    ClosingsRevoked,
    EngineStopped,
    Fact,
    FeedWentStale,
    OrdersAtHalt,
    OrdersAtHaltEnded,
)
from trader.domain.order import ApprovedOrder, LedgerName, OrderState, Side
from trader.domain.trade_facts import HandOrder, OpenTrade, OrderAtHalt, PriceBasis
from trader.texts import render

GONE: dict[str, Any] = {"confirm_file": False, "confirm_file_safe": None, "file_mark": None}
LOT = Decimal("0.00066")
UNKNOWN = OrderState.UNKNOWN


def an_open_desk() -> LiveDesk:
    """A live engine with one trade of the documented example, both legs filled."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    for order in desk.take_orders():
        desk.answer(order)
    return desk


def a_flight() -> tuple[LiveDesk, ApprovedOrder, ApprovedOrder]:
    """A live engine whose two opening orders are out."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    sell, buy = desk.take_orders()
    return desk, sell, buy


def revoked(desk: Desk) -> list[ClosingsRevoked]:
    """Every time that orders by hand were asked for."""
    return desk.all(ClosingsRevoked)


def told(desk: Desk, *kinds: type[Fact]) -> list[Fact]:
    """Every fact of these kinds so far."""
    return [fact for fact in desk.facts if isinstance(fact, kinds)]


def reread(facts: list[Fact]) -> list[Fact]:
    """The facts as another process reads them from the journal."""
    return msgspec.json.decode(msgspec.json.encode(facts), type=list[Fact])


def report_part(desk: LiveDesk, order: ApprovedOrder, filled: str, price: str) -> None:
    """A live order executes in part and goes on."""
    desk.process(
        OrderReported(
            desk.at_ns,
            desk.mono_ns,
            order.client_order_id,
            OrderState.PARTIAL,
            Decimal(filled),
            (desk.fill(order, Decimal(filled), price),),
        )
    )


class TestRevoked:
    def test_each_open_leg_is_a_ready_order(self) -> None:
        """Venue, side, quantity, and the limit a closing of the engine's own would carry."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(1)

        (fact,) = revoked(desk)
        assert fact.blocks == (BlockReason.CONFIRM_FILE_MISSING,)
        (trade,) = desk.live.trades
        assert fact.hand_orders == (
            # 150,910,000 and 107,990 worsened by 0.50 %, on the tick inside that bound.
            HandOrder(
                trade, UPBIT_BTC, Side.BUY, LOT, PriceBasis.LIMIT, Decimal("151664000"), age_ms=0
            ),
            HandOrder(
                trade, BINANCE_BTC, Side.SELL, LOT, PriceBasis.LIMIT, Decimal("107450.05"), age_ms=0
            ),
        )

    def test_is_told_once_while_nothing_changes(self) -> None:
        """The sender repeats it; prices are not followed."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(5)
        desk.even()
        desk.wait(5)

        assert len(revoked(desk)) == 1

    def test_is_told_again_when_a_leg_fills(self) -> None:
        """An order in flight finishes in any state of the gate."""
        desk, sell, buy = a_flight()
        desk.answer(sell)
        desk.sense(**GONE)
        desk.wait(1)
        desk.answer(buy)

        first, second = revoked(desk)
        assert [order.instrument for order in first.hand_orders] == [UPBIT_BTC]
        assert [order.instrument for order in second.hand_orders] == [UPBIT_BTC, BINANCE_BTC]

    def test_is_told_again_when_a_quantity_changes(self) -> None:
        """An operator who sells by an old message would sell too little."""
        desk, sell, buy = a_flight()
        desk.answer(buy, OrderState.EXPIRED)
        report_part(desk, sell, "0.0003", "150900000")
        desk.sense(**GONE)
        desk.wait(1)
        report_part(desk, sell, "0.0002", "150900000")

        sizes = [[order.quantity for order in fact.hand_orders] for fact in revoked(desk)]
        assert sizes == [[Decimal("0.0003")], [Decimal("0.0005")]]

    def test_is_over_once_the_cause_is_gone(self) -> None:
        """Then it is a demotion, and closings go again."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(2)
        assert desk.all(ClosingsRestored) == []
        desk.touch()
        desk.wait(2)

        assert [fact.legs for fact in desk.all(ClosingsRestored)] == [2]

    def test_is_over_once_nothing_is_open(self) -> None:
        """A closing that was out when the file went may close the rest."""
        desk = an_open_desk()
        desk.even()
        closings = desk.take_orders()
        assert closings
        desk.sense(**GONE)
        desk.wait(1)
        for order in closings:
            desk.answer(order)

        assert [fact.legs for fact in desk.all(ClosingsRestored)] == [0]

    def test_may_come_again(self) -> None:
        """What was told before it was over is not taken for told."""
        desk = an_open_desk()
        for host in (GONE, None, GONE):
            desk.touch() if host is None else desk.sense(**host)
            desk.wait(1)

        assert len(revoked(desk)) == 2

    def test_with_nothing_open_is_not_told(self) -> None:
        """There is nothing to do by hand."""
        desk = LiveDesk()
        desk.go_live()
        desk.sense(**GONE)
        desk.wait(2)

        assert revoked(desk) == []

    @pytest.mark.parametrize(
        "changes",
        [{"fresh_pairs": 0}, {"safety_holds": False}, {"confirm_file": None}],
        ids=["suspended", "demoted", "not sensed"],
    )
    def test_no_other_loss_asks_for_orders_by_hand(self, changes: dict[str, Any]) -> None:
        """Closings go, or will in a moment."""
        desk = an_open_desk()
        desk.sense(**changes)
        desk.wait(2)

        assert revoked(desk) == []

    @pytest.mark.parametrize("now", [True, False])
    def test_a_halt_asks_for_none_either(self, now: bool) -> None:
        """A halt was meant; its own alert says what is open."""
        desk = an_open_desk()
        desk.command(Halt("7", now=now))
        desk.wait(2)

        assert revoked(desk) == []

    def test_in_a_halt_is_told(self) -> None:
        """Not even the operator's own closings go without the file."""
        desk = an_open_desk()
        desk.command(Halt("7"))
        desk.sense(**GONE)
        desk.wait(1)

        assert len(revoked(desk)) == 1

    def test_dust_raises_no_alarm(self) -> None:
        """No venue would take the order."""
        minimum = an_instrument(UPBIT_BTC, minimum=10_000_000)
        desk = an_open_desk()
        desk.engine.state.instruments[UPBIT_BTC] = minimum
        desk.sense(**GONE)
        desk.wait(1)

        (fact,) = revoked(desk)
        assert [order.instrument for order in fact.hand_orders] == [BINANCE_BTC]

    def test_a_leg_that_was_told_stays_told_near_the_minimum(self) -> None:
        """Its price going up and down across the minimum is no news."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(1)
        desk.engine.state.instruments[UPBIT_BTC] = an_instrument(UPBIT_BTC, minimum=10_000_000)
        desk.wait(3)

        assert len(revoked(desk)) == 1
        assert desk.all(ClosingsRestored) == []

    def test_an_instrument_the_config_forgot_is_named_too(self) -> None:
        """It is open all the same."""
        desk = an_open_desk()
        del desk.engine.state.instruments[UPBIT_BTC]
        desk.process(LossSeen(desk.at_ns, desk.mono_ns, desk.sense(**GONE)))

        orders = revoked(desk)[0].hand_orders
        assert [(order.instrument, order.basis) for order in orders] == [
            (UPBIT_BTC, PriceBasis.MARKET),
            (BINANCE_BTC, PriceBasis.LIMIT),
        ]


class TestPrices:
    def test_without_a_fresh_book_it_is_the_last_mid_with_its_age(self) -> None:
        """A limit made of an old book would look like one of now."""
        desk = an_open_desk()
        desk.wait(4, but=[BINANCE_BTC])
        assert desk.all(FeedWentStale)
        desk.sense(**GONE)
        desk.wait(1, but=[BINANCE_BTC])

        upbit, binance = revoked(desk)[0].hand_orders
        assert upbit.basis is PriceBasis.LIMIT
        assert (binance.basis, binance.price) == (PriceBasis.MID, Decimal(107_995))
        assert binance.age_ms == 5_000

    def test_after_a_start_the_first_books_are_waited_for(self) -> None:
        """They come within seconds, and a price is worth that."""
        desk = self.revoked_start()
        desk.tick()
        assert revoked(desk) == []

        desk.quiet_books()
        desk.pass_ms(100)
        desk.tick()

        (fact,) = revoked(desk)
        assert {order.basis for order in fact.hand_orders} == {PriceBasis.LIMIT}

    def test_but_not_for_long(self) -> None:
        """Without any book it says so."""
        desk = self.revoked_start()
        for _ in range(3):
            desk.tick()
            desk.pass_ms(1000)
            assert revoked(desk) == []
        desk.tick()

        (fact,) = revoked(desk)
        assert {(o.basis, o.price, o.age_ms) for o in fact.hand_orders} == {
            (PriceBasis.MARKET, None, None)
        }

    def test_a_later_list_waits_anew(self) -> None:
        """That the first one waited in vain does not hurry it."""
        desk = self.revoked_start()
        for _ in range(4):
            desk.tick()
            desk.pass_ms(1000)
        desk.touch()
        desk.tick()
        assert len(desk.all(ClosingsRestored)) == 1
        desk.sense(**GONE)
        for _ in range(3):
            desk.tick()
            desk.pass_ms(1000)
            assert len(revoked(desk)) == 1
        desk.tick()

        assert len(revoked(desk)) == 2

    def test_a_book_is_enough_to_tell(self) -> None:
        """Cycles may be far apart."""
        desk = self.revoked_start()
        desk.tick()
        desk.pass_ms(1_100)
        desk.quiet_books()
        desk.pass_ms(1_100)
        desk.quiet_books()

        assert len(revoked(desk)) == 1

    def test_nothing_is_told_after_the_end(self) -> None:
        """The last fact is that the process ended; the next one tells the rest."""
        desk = self.revoked_start()
        desk.tick()
        desk.pass_ms(3_000)

        outcome = desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "asked"))

        assert isinstance(outcome.facts[-1], EngineStopped)
        assert revoked(desk) == []

    def revoked_start(self) -> LiveDesk:
        """A process that starts with an open trade and without the file."""
        desk = LiveDesk(restored=reread(an_open_desk().history))
        desk.sense(**GONE)
        desk.start()
        return desk


class TestRevokedRestart:
    def test_what_was_told_is_not_told_again(self) -> None:
        """The alert lasts in the outbox; the same legs are no news."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(1)
        later = LiveDesk(restored=reread(desk.history))
        assert later.engine.state.hand_orders == desk.engine.state.hand_orders
        later.sense(**GONE)
        later.begin()
        later.wait(3)

        assert revoked(later) == []

    def test_what_is_over_is_said_by_the_next_process(self) -> None:
        """Or the alert would repeat for ever."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(1)
        later = LiveDesk(restored=reread(desk.history))
        later.start()
        assert later.all(ClosingsRestored) == []
        later.tick()

        assert len(later.all(ClosingsRestored)) == 1

    def test_in_another_mode_nothing_is_judged(self) -> None:
        """Nothing guards the legs there either, which is told at the start."""
        desk = an_open_desk()
        desk.sense(**GONE)
        desk.wait(1)
        later = LiveDesk(restored=reread(desk.history), mode=Mode.PAPER)
        later.sense(mode=Mode.PAPER)
        later.begin()
        later.wait(3)

        assert told(later, ClosingsRevoked, ClosingsRestored) == []


class TestHalt:
    def test_says_what_stands_open(self) -> None:
        """Each trade with what its entry was worth; one that only is in flight is not open."""
        desk = an_open_desk()
        desk.command(Halt("7"))
        flying, _, _ = a_flight()
        flying.command(Halt("7"))

        (fact,) = desk.all(AuthorityChanged)[-1:]
        (trade,) = desk.live.trades.values()
        assert fact.open_trades == (OpenTrade(trade.pair, trade.direction, trade.notional_krw),)
        assert flying.all(AuthorityChanged)[-1].open_trades == ()

    def test_other_changes_of_authority_list_nothing(self) -> None:
        """Closings go on when only entries are lost."""
        desk = an_open_desk()
        desk.command(ToPaper("7"))

        assert desk.all(AuthorityChanged)[-1].open_trades == ()


class TestOrdersAtHalt:
    def test_are_named_in_the_commit_of_the_halt(self) -> None:
        """Both legs, with whose money it is and the id a venue knows them by."""
        desk, sell, buy = a_flight()

        outcome = desk.command(Halt("7"))

        names = [type(fact).__name__ for fact in outcome.facts]
        assert names == ["AuthorityChanged", "GateChanged", "OrdersAtHalt"]
        (fact,) = desk.all(OrdersAtHalt)
        assert fact.revision == desk.authority.revision
        assert fact.in_flight == tuple(
            OrderAtHalt(
                LedgerName.LIVE,
                order.client_order_id,
                order.intent.instrument,
                order.intent.side,
                order.intent.quantity,
                OrderState.PLANNED,
            )
            for order in (sell, buy)
        )

    def test_are_named_when_a_look_finds_the_halt_file(self) -> None:
        """However a halt comes."""
        desk, _, _ = a_flight()
        desk.sense(halt_file=True)
        desk.tick()

        assert len(desk.all(OrdersAtHalt)) == 1

    def test_are_named_for_paper_too(self) -> None:
        """With the ledger, since play money must not look like real money."""
        desk = Desk()
        desk.begin()
        desk.signal()
        desk.command(Halt("7"))
        desk.fill_all()

        (fact,) = desk.all(OrdersAtHalt)
        assert {order.ledger for order in fact.in_flight} == {LedgerName.PAPER}
        assert len(desk.all(OrdersAtHaltEnded)) == 1

    def test_none_in_flight_are_not_told(self) -> None:
        """Neither at once nor afterwards."""
        desk = an_open_desk()
        desk.command(Halt("7"))
        desk.wait(3)

        assert told(desk, OrdersAtHalt, OrdersAtHaltEnded) == []

    @pytest.mark.parametrize("between", [False, True], ids=["halt", "halt again after a lift"])
    def test_are_not_named_twice(self, between: bool) -> None:
        """A stricter halt, or another one, of the same orders is no news."""
        desk, _, _ = a_flight()
        desk.command(Halt("7"))
        if between:
            desk.command(LiftHalt("7", desk.authority.revision))
        desk.command(Halt("7", now=True))

        assert len(desk.all(OrdersAtHalt)) == 1

    def test_of_a_later_halt_are_told_with_those_of_the_first(self) -> None:
        """An order of the first halt that ended meanwhile is not forgotten."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.answer(sell)
        desk.command(LiftHalt("7", desk.authority.revision))
        desk.signal()
        on_paper = desk.take_orders()
        desk.command(Halt("7"))
        for order in on_paper:
            desk.report(order)
        assert desk.all(OrdersAtHaltEnded) == []
        desk.answer(buy)

        first, second = desk.all(OrdersAtHalt)
        assert (len(first.in_flight), len(second.in_flight)) == (2, 1 + len(on_paper))
        (fact,) = desk.all(OrdersAtHaltEnded)
        assert [end.order.client_order_id for end in fact.ends] == [
            order.client_order_id for order in (sell, buy, *on_paper)
        ]


class TestEnds:
    def test_come_when_the_last_has_ended(self) -> None:
        """Filled at which price, and the other how."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.answer(sell)
        assert desk.all(OrdersAtHaltEnded) == []
        desk.answer(buy, OrderState.EXPIRED, "nothing at that price")

        (fact,) = desk.all(OrdersAtHaltEnded)
        filled, expired = fact.ends
        assert (filled.order.state, filled.executed) == (OrderState.FILLED, sell.intent.quantity)
        assert filled.average_price == sell.intent.limit_price
        assert (expired.order.state, expired.executed) == (OrderState.EXPIRED, Decimal(0))
        assert (expired.average_price, expired.reason) == (None, "nothing at that price")
        assert fact.revision == desk.authority.revision

    def test_count_what_filled_before_the_halt(self) -> None:
        """The average is over all of an order's fills."""
        desk, sell, buy = a_flight()
        desk.answer(buy, OrderState.EXPIRED)
        report_part(desk, sell, "0.00022", "150900000")
        desk.command(Halt("7"))
        desk.process(
            OrderReported(
                desk.at_ns,
                desk.mono_ns,
                sell.client_order_id,
                OrderState.CANCELLED,
                Decimal("0.00044"),
                (desk.fill(sell, Decimal("0.00022"), "150902000"),),
            )
        )

        (end,) = desk.all(OrdersAtHaltEnded)[0].ends
        assert (end.order.state, end.executed) == (OrderState.CANCELLED, Decimal("0.00044"))
        assert end.average_price == 150_901_000

    def test_an_unknown_outcome_is_not_waited_for(self) -> None:
        """It has an alert of its own, which lasts until it is settled."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.answer(sell, UNKNOWN)
        desk.answer(buy, UNKNOWN)
        desk.answer(sell)

        (fact,) = desk.all(OrdersAtHaltEnded)
        assert [end.order.state for end in fact.ends] == [UNKNOWN, UNKNOWN]

    def test_of_orders_unknown_before_the_halt_are_not_promised(self) -> None:
        """Nobody knows when that will be."""
        desk, sell, buy = a_flight()
        desk.answer(sell, UNKNOWN)
        desk.answer(buy, UNKNOWN)
        desk.command(Halt("7"))
        desk.wait(3)

        (named,) = desk.all(OrdersAtHalt)
        assert [order.state for order in named.in_flight] == [UNKNOWN, UNKNOWN]
        assert desk.all(OrdersAtHaltEnded) == []

    def test_are_named_once_for_a_halt_though_unknown(self) -> None:
        """Neither a stricter halt nor a restart is another one."""
        desk, sell, buy = a_flight()
        desk.answer(sell, UNKNOWN)
        desk.answer(buy, UNKNOWN)
        desk.command(Halt("7"))
        desk.command(Halt("7", now=True))
        later = LiveDesk(restored=reread(desk.history))
        later.begin()

        assert len(desk.all(OrdersAtHalt)) == 1
        assert later.all(OrdersAtHalt) == []

    def test_come_though_the_halt_was_lifted(self) -> None:
        """They were promised."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.command(LiftHalt("7", desk.authority.revision))
        desk.answer(sell)
        desk.answer(buy)

        assert len(desk.all(OrdersAtHaltEnded)) == 1

    def test_come_after_a_restart(self) -> None:
        """Rebuilt from the journal, with what had filled before."""
        desk, sell, buy = a_flight()
        report_part(desk, sell, "0.00022", "150900000")
        desk.command(Halt("7"))
        desk.answer(buy, OrderState.EXPIRED)

        later = LiveDesk(restored=reread(desk.history))
        assert later.engine.state.halted_orders.waiting == desk.engine.state.halted_orders.waiting
        later.engine.trust(desk.authority)
        later.start()
        later.tick()
        assert told(later, OrdersAtHalt, OrdersAtHaltEnded) == []
        later.process(
            OrderReported(
                later.at_ns,
                later.mono_ns,
                sell.client_order_id,
                OrderState.CANCELLED,
                Decimal("0.00022"),
            )
        )

        (fact,) = later.all(OrdersAtHaltEnded)
        first, _ = fact.ends
        assert (first.executed, first.average_price) == (Decimal("0.00022"), Decimal(150_900_000))

    def test_are_not_told_again_after_a_restart(self) -> None:
        """Once is enough."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.answer(sell)
        desk.answer(buy)
        desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "done"))

        later = LiveDesk(restored=reread(desk.history))
        later.begin()
        later.wait(2)

        assert told(later, OrdersAtHalt, OrdersAtHaltEnded) == []

    def test_a_start_that_halts_names_what_the_last_process_left(self) -> None:
        """A venue may still fill it; a paper venue forgot with its process."""
        desk, sell, _ = a_flight()
        later = LiveDesk(restored=reread(desk.history))
        later.sense(halt_file=True)
        later.start()

        (fact,) = later.all(OrdersAtHalt)
        assert sell.client_order_id in {order.client_order_id for order in fact.in_flight}

        paper = Desk()
        paper.begin()
        paper.signal()
        next_one = LiveDesk(restored=reread(paper.history), mode=Mode.MOCK)
        next_one.sense(mode=Mode.MOCK, halt_file=True)
        next_one.start()
        assert next_one.all(OrdersAtHalt) == []

    def test_a_distrusted_store_names_them_too(self) -> None:
        """It is a halt like any other."""
        desk, _, _ = a_flight()
        later = LiveDesk(restored=reread(desk.history))
        later.engine.trust(LiveDesk().authority)
        later.start()

        assert len(later.all(OrdersAtHalt)) == 1

    def test_keep_nothing_of_orders_that_are_over(self) -> None:
        """What was paid is remembered for orders in flight alone."""
        desk, sell, buy = a_flight()
        desk.command(Halt("7"))
        desk.answer(sell)
        desk.answer(buy)

        halted = desk.engine.state.halted_orders
        assert (halted.waiting, halted._paid) == ({}, {})


@pytest.mark.parametrize("language", Language)
def test_the_messages_hold_the_numbers(language: Language) -> None:
    """From the engine's fact to the phone."""
    desk = an_open_desk()
    desk.sense(**GONE)
    desk.wait(1)
    flying, sell, buy = a_flight()
    flying.command(Halt("7"))
    flying.answer(sell)
    flying.answer(buy, OrderState.BLOCKED, "HALTED")

    facts: list[Fact] = [*revoked(desk), *flying.all(OrdersAtHalt), *flying.all(OrdersAtHaltEnded)]
    texts = [render(alert, language) for alert in alerts_for(facts)]

    assert "151,664,000 ₩" in texts[0]
    assert "107,450.05 USDT" in texts[0]
    assert all(order.client_order_id in texts[1] for order in (sell, buy))
    assert "150,900,000 ₩" in texts[2]
    assert "(HALTED)" in texts[2]
