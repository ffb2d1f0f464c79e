"""Orders that a power cut took from the journal are adopted: once, and into the right trade."""

from decimal import Decimal

from msgspec.structs import replace

from tests.support.account_looks import a_stated, look, look_everywhere
from tests.support.builders import BINANCE_BTC, SECOND_NS, UPBIT_BTC
from tests.support.live_desk import LiveDesk
from tests.support.lost_tail import (
    FIRST_DRAW,
    SECOND_DRAW,
    a_live_desk,
    after_the_cut,
    before,
    net_of,
    shown,
)
from trader.domain.control import Accept
from trader.domain.events import OrderReported, ProcessStarted
from trader.domain.facts import (
    BalanceMissed,
    ClosingBegan,
    FillBooked,
    OrdersAdopted,
    OrdersApproved,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT
from trader.domain.order import ApprovedOrder, LedgerName, OrderState, Purpose, Side
from trader.domain.trade import TradePhase
from trader.strategy.protocol import StrategyPair

SIZE = Decimal("0.00066")


def signalled() -> tuple[LiveDesk, list[ApprovedOrder]]:
    """An opening was sent, and its orders are known to their venues."""
    desk = a_live_desk()
    desk.signal()
    return desk, desk.take_orders()


def opened() -> LiveDesk:
    """A trade stands, and the journal knows it."""
    desk, orders = signalled()
    for order in orders:
        desk.answer(order)
    desk.quiet_books()
    desk.wait(5)
    return desk


class TestOpening:
    def test_both_legs_are_one_trade(self) -> None:
        """Consecutive numbers, opposite sides, one coin, one moment."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)

        look_everywhere(later, shown(sell, desk), shown(buy, desk))

        (adopted,) = later.all(OrdersAdopted)
        (trade,) = later.live.trades.values()
        assert [o.client_order_id for o in adopted.orders] == [
            sell.client_order_id,
            buy.client_order_id,
        ]
        assert (trade.phase, trade.pair) == (TradePhase.OPEN, sell.pair)
        assert trade.direction == "upbit>binance"
        assert net_of(later) == {UPBIT_BTC: -SIZE, BINANCE_BTC: SIZE}
        assert len(later.all(TradeOpened)) == 1
        assert len(later.all(FillBooked)) == 2
        assert later.take_orders() == []

    def test_is_as_old_as_its_venue_says(self) -> None:
        """The longest holding counts from then; from now, where it does not date it."""
        desk, orders = signalled()
        dated = after_the_cut(before(desk), desk)
        undated = after_the_cut(before(desk), desk)
        look_everywhere(dated, *(shown(order, desk) for order in orders))
        look_everywhere(undated, *(replace(shown(order, desk), created_ns=0) for order in orders))

        (old,), (new,) = dated.live.trades.values(), undated.live.trades.values()
        assert old.opened_ns == desk.at_ns
        assert new.opened_ns == undated.at_ns

    def test_balances_agree_afterwards(self) -> None:
        """What the venue states is what the adopted fills come to: nothing is missed."""
        desk, orders = signalled()
        for order in orders:
            desk.answer(order)
        truth = dict(desk.live.balances)
        later = after_the_cut(before(desk), desk)
        look_everywhere(later, *(shown(order, desk) for order in orders))
        later.wait(5)

        for venue in (UPBIT, BINANCE):
            held = {asset: q for (at, asset), q in truth.items() if at == venue}
            look(later, venue=venue, **held)  # type: ignore[arg-type]

        assert later.all(BalanceMissed) == []
        assert {h: q for h, q in later.live.balances.items() if q} == truth

    def test_not_judged_as_missing_before_it_is_adopted(self) -> None:
        """The first statement already shows what the lost order did."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)

        look(later, shown(sell, desk), venue=UPBIT, BTC=Decimal("0.05") - SIZE)

        assert later.all(BalanceMissed) == []
        look(later, shown(buy, desk), venue=BINANCE)
        assert later.all(BalanceMissed) == []

    def test_a_leg_that_filled_alone_is_unwound_never_completed(self) -> None:
        """As every leg left alone over a restart."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)

        look_everywhere(later, shown(sell, desk), shown(buy, desk, 0))
        later.wait(4)
        later.signal()

        (order, *_) = later.take_orders()
        assert (order.purpose, order.intent.side) == (Purpose.UNWIND, Side.BUY)
        assert order.intent.quantity == SIZE

    def test_a_leg_whose_partner_the_venue_never_took_is_unwound(self) -> None:
        """A rejected order leaves no trace there."""
        desk, (_, buy) = signalled()
        later = after_the_cut(before(desk), desk)

        look_everywhere(later, shown(buy, desk))
        later.wait(4)

        (order,) = later.take_orders()
        assert (order.purpose, order.intent.side) == (Purpose.UNWIND, Side.SELL)
        assert order.intent.instrument == BINANCE_BTC

    def test_that_filled_nothing_is_abandoned(self) -> None:
        """It is in the journal all the same: no intent is lost."""
        desk, orders = signalled()
        later = after_the_cut(before(desk), desk)

        look_everywhere(later, *(shown(order, desk, 0) for order in orders))

        assert len(later.all(TradeAbandoned)) == 1
        assert later.live.trades == {}
        assert {o.client_order_id for o in orders} <= later.live.orders.keys()

    def test_legs_too_far_apart_were_not_opened_together(self) -> None:
        """Whatever their numbers say: what hedges a leg left alone is taken for its completion."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)
        late = replace(shown(buy, desk), created_ns=desk.at_ns + 3 * SECOND_NS)

        look_everywhere(later, shown(sell, desk), late)

        adopted = [order.purpose for fact in later.all(OrdersAdopted) for order in fact.orders]
        assert adopted == [Purpose.OPEN, Purpose.COMPLETE]
        assert len(later.live.trades) == 1

    def test_an_id_that_follows_is_not_used_again(self) -> None:
        """The reservation was lost with the orders; the epoch keeps ids apart."""
        desk, orders = signalled()
        later = after_the_cut(before(desk), desk)
        look_everywhere(later, *(shown(order, desk, 0) for order in orders))
        later.wait(4)

        later.signal()

        new = {order.client_order_id for order in later.take_orders()}
        assert new
        assert not new & {order.client_order_id for order in orders}


class TestOnce:
    def test_a_second_look_adopts_nothing(self) -> None:
        """The journal knows it now."""
        desk, orders = signalled()
        later = after_the_cut(before(desk), desk)
        views = [shown(order, desk) for order in orders]
        look_everywhere(later, *views)
        later.facts.clear()

        look_everywhere(later, *views)

        assert later.all(OrdersAdopted) == []
        assert later.all(FillBooked) == []

    def test_nor_does_the_next_process(self) -> None:
        """Adoption is a fact of the journal."""
        desk, orders = signalled()
        later = after_the_cut(before(desk), desk)
        views = [shown(order, desk) for order in orders]
        look_everywhere(later, *views)
        third = LiveDesk(restored=later.history, at_ns=later.at_ns)
        third.start()

        look_everywhere(third, *views)

        assert third.all(OrdersAdopted) == []
        assert third.all(FillBooked) == []
        assert third.live.trades == later.live.trades

    def test_reports_that_come_late_book_nothing_twice(self) -> None:
        """The private stream tells the very same fills."""
        desk, orders = signalled()
        later = after_the_cut(before(desk), desk)
        views = [shown(order, desk) for order in orders]
        look_everywhere(later, *views)
        later.facts.clear()

        for view in views:
            later.process(
                OrderReported(
                    later.at_ns,
                    later.mono_ns,
                    view.client_order_id,
                    view.state,
                    view.executed,
                    view.fills,
                )
            )

        assert later.facts == []

    def test_fills_told_after_the_end_are_waited_for(self) -> None:
        """The list of ended orders may not name them: a look-up does."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)
        look_everywhere(later, shown(sell, desk, told=False), shown(buy, desk))
        waiting = set().union(*later.live.in_flight.values())

        view = shown(sell, desk)
        later.process(
            OrderReported(
                later.at_ns,
                later.mono_ns,
                view.client_order_id,
                view.state,
                view.executed,
                view.fills,
            )
        )

        assert waiting == {sell.client_order_id}
        assert net_of(later) == {UPBIT_BTC: -SIZE, BINANCE_BTC: SIZE}
        assert later.live.in_flight == {}


class TestOtherVenues:
    def test_nothing_is_adopted_before_the_other_leg_s_venue_was_asked(self) -> None:
        """Until then nobody knows whether a leg stands alone; nothing live goes meanwhile."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)
        later.wait(4)

        look(later, shown(sell, desk), venue=UPBIT)
        later.signal()

        assert later.all(OrdersAdopted) == []
        assert [one for one in later.take_orders() if one.ledger is LedgerName.LIVE] == []

        look(later, shown(buy, desk), venue=BINANCE)
        assert len(later.all(OrdersAdopted)) == 1

    def test_a_venue_of_no_pair_of_it_is_not_waited_for(self) -> None:
        """Bithumb is traded against nothing here."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)

        look(later, venue=BITHUMB)
        look_everywhere(later, shown(sell, desk), shown(buy, desk))

        assert len(later.all(OrdersAdopted)) == 1

    def test_a_venue_that_does_not_answer_is_waited_for_a_minute(self) -> None:
        """A leg unguarded for hours would be worse than one unwound."""
        desk, (sell, _) = signalled()
        later = after_the_cut(before(desk), desk)
        look(later, shown(sell, desk), venue=UPBIT)
        later.wait(59)
        look(later, shown(sell, desk), venue=UPBIT)
        early = later.all(OrdersAdopted)
        later.wait(2)

        look(later, venue=UPBIT)

        assert early == []
        assert len(later.all(OrdersAdopted)) == 1

    def test_the_other_leg_joins_when_it_is_shown_later(self) -> None:
        """A venue may accept an order late, or answer late."""
        desk, (sell, buy) = signalled()
        later = after_the_cut(before(desk), desk)
        look_everywhere(later, shown(sell, desk, told=False, state=OrderState.ACKNOWLEDGED))
        assert len(later.live.trades) == 1

        look(later, shown(buy, desk), venue=BINANCE)

        (trade,) = later.live.trades.values()
        assert len(later.all(OrdersAdopted)) == 2
        assert {leg for leg, _ in trade.legs} == {UPBIT_BTC, BINANCE_BTC}

    def test_a_statement_of_balances_alone_is_no_look(self) -> None:
        """Orders were not asked for: nothing follows from their absence."""
        desk, (sell, _) = signalled()
        later = after_the_cut(before(desk), desk)

        look(later, venue=BINANCE, looked=False)
        look(later, shown(sell, desk), venue=UPBIT)

        assert later.all(OrdersAdopted) == []

    def test_of_several_pairs_it_is_the_one_of_both_legs(self) -> None:
        """Upbit is in two pairs; the other leg tells which."""
        desk, (sell, buy) = signalled()
        pairs = (
            StrategyPair(sell.pair, UPBIT_BTC, BINANCE_BTC),
            StrategyPair("upbit-bithumb", UPBIT_BTC, "bithumb:BTC-KRW"),  # type: ignore[arg-type]
        )
        strategy = replace(desk.rules.strategy, pairs=tuple(reversed(pairs)))
        later = LiveDesk(restored=before(desk), at_ns=desk.at_ns, strategy=strategy)
        later.start()

        for venue in (UPBIT, BITHUMB, BINANCE):
            orders = [shown(o, desk) for o in (sell, buy) if o.intent.instrument.startswith(venue)]
            look(later, *orders, venue=venue)

        assert [trade.pair for trade in later.live.trades.values()] == [sell.pair]


class TestClosing:
    def test_of_a_trade_the_journal_holds_closes_it(self) -> None:
        """It reduces what is open: it is no trade of its own."""
        desk = opened()
        desk.even()
        exits = desk.take_orders()
        assert {order.purpose for order in exits} == {Purpose.EXIT}
        later = after_the_cut(before(desk, 1), desk)

        look_everywhere(later, *(shown(order, desk) for order in exits))

        assert [fact.purpose for fact in later.all(ClosingBegan)] == [Purpose.EXIT]
        assert len(later.all(TradeClosed)) == 1
        assert later.live.trades == {}

    def test_that_filled_in_part_leaves_the_rest_standing(self) -> None:
        """The rest stands on, or closes by a new intent."""
        desk = opened()
        desk.even()
        exits = desk.take_orders()
        later = after_the_cut(before(desk, 1), desk)

        look_everywhere(later, *(shown(order, desk, "0.0004") for order in exits))

        assert net_of(later) == {UPBIT_BTC: Decimal("-0.00026"), BINANCE_BTC: Decimal("0.00026")}

    def test_an_unwinding_belongs_to_its_trade(self) -> None:
        """The leg it unwound is not unwound again."""
        desk, (sell, buy) = signalled()
        desk.answer(buy, OrderState.REJECTED)
        desk.book(BINANCE_BTC, "109000", "109010")
        desk.answer(sell)
        (unwinding,) = desk.take_orders()
        assert unwinding.purpose is Purpose.UNWIND
        later = after_the_cut(before(desk, 1), desk)
        for order, state in ((sell, OrderState.FILLED), (buy, OrderState.REJECTED)):
            later.answer(order, state)
        assert net_of(later) == {UPBIT_BTC: -SIZE}

        look_everywhere(later, shown(unwinding, desk))
        later.wait(5)

        assert later.live.trades == {}
        assert later.take_orders() == []
        assert later.all(OrdersAdopted)[0].orders[0].purpose is Purpose.UNWIND

    def test_a_completion_belongs_to_its_trade(self) -> None:
        """The leg it bought is the other half of what stands."""
        desk, (sell, buy) = signalled()
        desk.answer(buy, OrderState.EXPIRED)
        desk.answer(sell)
        (completion,) = desk.take_orders()
        assert completion.purpose is Purpose.COMPLETE
        later = after_the_cut(before(desk, 1), desk)
        for order, state in ((sell, OrderState.FILLED), (buy, OrderState.EXPIRED)):
            later.answer(order, state)

        look_everywhere(later, shown(completion, desk))

        (trade,) = later.live.trades.values()
        assert trade.phase is TradePhase.OPEN
        assert net_of(later) == {UPBIT_BTC: -SIZE, BINANCE_BTC: SIZE}

    def test_no_closing_leaves_where_a_lost_one_waits(self) -> None:
        """It may be the very same one."""
        desk, (sell, buy) = signalled()
        desk.answer(buy, OrderState.REJECTED)
        desk.book(BINANCE_BTC, "109000", "109010")
        desk.answer(sell)
        (unwinding,) = desk.take_orders()
        assert unwinding.purpose is Purpose.UNWIND
        later = after_the_cut(before(desk, 1), desk)
        look(later, shown(unwinding, desk), venue=UPBIT)

        for order, state in ((sell, OrderState.FILLED), (buy, OrderState.REJECTED)):
            later.answer(order, state)
        later.wait(5)

        assert later.take_orders() == []

    def test_a_whole_day_of_trades_is_adopted_in_its_order(self) -> None:
        """An old copy of the journal was restored: opened and closed, opened and closed."""
        desk = opened()
        sent = [o for f in desk.all(OrdersApproved) for o in f.orders]
        for _ in range(3):
            desk.even()
            for order in desk.take_orders():
                desk.answer(order)
                sent.append(order)
            desk.quiet_books()
            desk.wait(5)
            desk.signal()
            for order in desk.take_orders():
                desk.answer(order)
                sent.append(order)
            desk.quiet_books()
            desk.wait(5)
        later = after_the_cut(before(desk), desk)

        look_everywhere(later, *reversed([shown(order, desk) for order in sent]))

        assert len(later.all(TradeOpened)) == 4
        assert len(later.all(TradeClosed)) == 3
        assert net_of(later) == net_of(desk)
        assert later.take_orders() == []


class TestRestoredFromACopy:
    def shown_after_it(self) -> tuple[LiveDesk, list[ApprovedOrder]]:
        """A second process sent an opening; then the journal of the first was restored."""
        desk = a_live_desk()
        second = after_the_cut(desk.history, desk)
        second.wait(4)
        second.signal()
        orders = second.take_orders()
        assert orders
        third = LiveDesk(restored=desk.history, at_ns=second.at_ns)
        third.process(
            ProcessStarted(third.at_ns, 0, "0", draw=FIRST_DRAW[:4] + "cccc", sight=third.sight)
        )
        third.quiet_books()
        return third, orders

    def test_is_taken_for_a_second_engine_at_first(self) -> None:
        """It may be a copy that runs elsewhere: whoever restored it says so."""
        third, orders = self.shown_after_it()

        look_everywhere(third, *(shown(order, third) for order in orders))

        assert third.all(OrdersAdopted) == []
        breakers = third.engine.snapshot().breakers
        assert breakers == (f"FOREIGN_EPOCH test-{SECOND_DRAW}",)

    def test_what_it_moved_is_not_judged_before(self) -> None:
        """Based anew now, its fills would count twice once they are adopted."""
        third, orders = self.shown_after_it()
        views = [shown(order, third) for order in orders]
        before = dict(third.live.balances)

        look(third, views[0], venue=UPBIT, BTC=Decimal("0.05") - SIZE)
        look(third, views[1], venue=BINANCE, USDT=4_900)

        assert third.all(BalanceMissed) == []
        assert {h: third.live.balances[h] for h in before} == before

    def test_is_adopted_once_it_was_accepted(self) -> None:
        """From the next look on."""
        third, orders = self.shown_after_it()
        views = [shown(order, third) for order in orders]
        look_everywhere(third, *views)

        third.command(Accept("host"))
        look_everywhere(third, *views)

        assert len(third.all(OrdersAdopted)) == 1
        assert net_of(third) == {UPBIT_BTC: -SIZE, BINANCE_BTC: SIZE}
        assert third.engine.snapshot().breakers == ()


def test_what_the_config_trades_no_more_is_kept_and_alarms() -> None:
    """Nothing can close it; it is counted all the same."""
    desk, _ = signalled()
    later = after_the_cut(before(desk), desk)
    dollars = a_stated(
        f"tr-test-{FIRST_DRAW}-500",
        "upbit:USDT-KRW",  # type: ignore[arg-type]
        Side.BUY,
        70,
        1390,
        created_ns=desk.at_ns,
    )

    look_everywhere(later, dollars)

    assert len(later.all(FillBooked)) == 1
