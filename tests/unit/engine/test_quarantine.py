"""A quarantined order counts at its worst until its venue, or an operator, has closed it."""

from decimal import Decimal

import pytest

from tests.support.builders import UPBIT_BTC
from tests.support.facts import an_approval
from tests.support.live_desk import LiveDesk
from trader.domain.control import Accept, Reply, ReplyCode
from trader.domain.events import OrderReported
from trader.domain.facts import FillBooked, OrderAccepted, OrderMoved, TradeAbandoned
from trader.domain.instrument import KRW, UPBIT
from trader.domain.order import ApprovedOrder, LedgerName, OrderState, Purpose

SIZE = Decimal("0.00066")


def quarantined() -> tuple[LiveDesk, ApprovedOrder]:
    """The sale at Upbit is quarantined after two minutes, the purchase at Binance never was."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    sell, buy = desk.take_orders()
    desk.answer(buy, OrderState.EXPIRED)
    desk.quiet_books()
    tell(desk, sell, OrderState.UNKNOWN)
    desk.wait(120)
    tell(desk, sell, OrderState.QUARANTINED)
    desk.wait(2)
    desk.facts.clear()
    return desk, sell


def tell(desk: LiveDesk, order: ApprovedOrder, state: OrderState, *, filled: bool = False) -> None:
    """What a look-up shows."""
    quantity = order.intent.quantity if filled else Decimal(0)
    fills = (desk.fill(order, quantity),) if filled else ()
    desk.process(
        OrderReported(
            desk.at_ns,
            desk.mono_ns,
            order.client_order_id,
            state,
            quantity,
            fills,
            "the venue still knows it not",
        )
    )


def accept(desk: LiveDesk, subject: str) -> Reply:
    """An operator types it on the host."""
    reply = desk.command(Accept("host", subject)).reply
    assert reply is not None
    return reply


class TestWhileItStands:
    def test_it_counts_at_its_worst(self) -> None:
        """Exposure, and the coin it may have sold."""
        desk, _ = quarantined()

        assert desk.live.exposure_krw == Decimal(99_594)
        assert desk.live.free()[UPBIT, UPBIT_BTC.split(":")[1].split("-")[0]] == (
            Decimal("0.05") - SIZE
        )

    def test_its_breaker_stands(self) -> None:
        """Whatever time passes, and over a restart."""
        desk, sell = quarantined()
        desk.wait(600)

        later = LiveDesk(restored=desk.history, at_ns=desk.at_ns)
        later.begin()
        later.wait(2)

        name = f"ORDER_UNKNOWN {sell.client_order_id}"
        assert desk.engine.snapshot().breakers == (name,)
        assert later.engine.snapshot().breakers == (name,)
        order = later.live.orders[sell.client_order_id]
        assert order.state is OrderState.QUARANTINED

    def test_that_its_venue_still_knows_nothing_changes_nothing(self) -> None:
        """No fact, no commit, however often it is asked."""
        desk, sell = quarantined()

        tell(desk, sell, OrderState.QUARANTINED)

        assert desk.facts == []

    def test_late_evidence_closes_it(self) -> None:
        """It filled after all: booked, and the leg that stands alone is unwound."""
        desk, sell = quarantined()

        tell(desk, sell, OrderState.FILLED, filled=True)
        desk.wait(3)

        assert len(desk.all(FillBooked)) == 1
        assert [order.purpose for order in desk.take_orders()][:1] == [Purpose.UNWIND]
        assert desk.engine.snapshot().breakers == ()


class TestAccepted:
    def test_the_venue_is_asked_first(self) -> None:
        """The operator's word alone closes nothing."""
        desk, sell = quarantined()

        reply = accept(desk, sell.client_order_id)

        assert (reply.code, reply.changed) == (ReplyCode.ASKING_VENUE, True)
        assert [fact.by for fact in desk.all(OrderAccepted)] == ["host"]
        assert not desk.live.orders[sell.client_order_id].is_final

    def test_what_it_shows_is_recorded(self) -> None:
        """It filled: the fill is booked, whatever was accepted."""
        desk, sell = quarantined()
        accept(desk, sell.client_order_id)

        tell(desk, sell, OrderState.FILLED, filled=True)

        assert len(desk.all(FillBooked)) == 1
        assert desk.live.orders[sell.client_order_id].state is OrderState.FILLED

    def test_else_it_is_unexecuted_and_the_operator_is_named(self) -> None:
        """Asked once more the venue knows nothing: then his word stands."""
        desk, sell = quarantined()
        accept(desk, sell.client_order_id)

        tell(desk, sell, OrderState.QUARANTINED)
        desk.wait(2)

        (moved,) = desk.all(OrderMoved)
        assert (moved.state, moved.executed) == (OrderState.EXPIRED, 0)
        assert moved.reason == "accepted by host: the venue still knows it not"
        assert len(desk.all(TradeAbandoned)) == 1
        assert desk.engine.snapshot().breakers == ()
        assert desk.live.exposure_krw == 0

    def test_a_fill_that_comes_even_later_is_booked(self) -> None:
        """Money that moved is booked in every state."""
        desk, sell = quarantined()
        accept(desk, sell.client_order_id)
        tell(desk, sell, OrderState.QUARANTINED)
        before = desk.live.balances[UPBIT, KRW]

        tell(desk, sell, OrderState.FILLED, filled=True)

        assert desk.live.balances[UPBIT, KRW] > before

    def test_it_survives_a_restart_in_between(self) -> None:
        """The answer is taken by the next process."""
        desk, sell = quarantined()
        accept(desk, sell.client_order_id)
        later = LiveDesk(restored=desk.history, at_ns=desk.at_ns)
        later.begin()

        tell(later, sell, OrderState.QUARANTINED)

        assert later.live.orders[sell.client_order_id].state is OrderState.EXPIRED

    def test_twice_is_once(self) -> None:
        """The same reply, no further fact."""
        desk, sell = quarantined()
        accept(desk, sell.client_order_id)

        reply = accept(desk, sell.client_order_id)

        assert (reply.code, reply.changed) == (ReplyCode.ASKING_VENUE, False)
        assert len(desk.all(OrderAccepted)) == 1

    @pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.ACKNOWLEDGED])
    def test_only_a_quarantined_one(self, state: OrderState) -> None:
        """One that is still looked for is left to the look-ups."""
        desk = LiveDesk()
        desk.go_live()
        desk.signal()
        sell, _ = desk.take_orders()
        tell(desk, sell, state)

        reply = accept(desk, sell.client_order_id)

        assert (reply.code, reply.changed) == (ReplyCode.NOT_QUARANTINED, False)

    def test_accepting_everything_else_leaves_it(self) -> None:
        """It must be named by its id."""
        desk, sell = quarantined()

        reply = accept(desk, "")

        assert reply.code is ReplyCode.NOTHING_TO_ACCEPT
        assert not desk.live.orders[sell.client_order_id].is_final


def test_thousands_of_unknown_orders_trip_a_few_breakers() -> None:
    """One is enough to stop; as they are settled the next ones take their places."""
    approvals = [an_approval(number, ledger=LedgerName.LIVE) for number in range(30)]
    desk = LiveDesk(restored=[*approvals])
    desk.begin()
    desk.wait(62)
    state = desk.engine.state
    before = state.breakers_of(LedgerName.LIVE)

    for approval in approvals[:25]:
        for order in approval.orders:
            desk.answer(order, OrderState.EXPIRED)
    desk.wait(2)

    assert len(before) == 20
    assert len(state.breakers_of(LedgerName.LIVE)) == 10
