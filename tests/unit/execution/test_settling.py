"""Orders without an end are looked up, never sent again, and quarantined at last."""

from decimal import Decimal

import pytest

from tests.support.builders import AT_NS, SECOND_NS, UPBIT_BTC, a_fill, an_intent
from tests.support.fake_venue import FakeVenue
from trader.domain.clock import SimulatedClock
from trader.domain.errors import HeldBack, OutcomeUnknown, VenueUnavailable
from trader.domain.events import Event, OrderReported
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    Order,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.settling import Settling
from trader.execution.venue import Absent, OrderView

ORDER_ID = ClientOrderId("tr-main-7")
QUARANTINE_S = 120


def an_order(state: OrderState = OrderState.PLANNED, order_id: str = ORDER_ID) -> Order:
    """A live order at Upbit."""
    approved = ApprovedOrder(
        ClientOrderId(order_id),
        TradeId("T7"),
        PairName("upbit-binance"),
        LedgerName.LIVE,
        Purpose.OPEN,
        an_intent(),
        1,
        0,
    )
    return Order(approved, state)


class Desk:
    """One venue's settling, on a clock of the test's."""

    def __init__(self, *orders: Order) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.venue = FakeVenue()
        self.orders = list(orders)
        self.awaited: set[ClientOrderId] = set()
        self.events: list[Event] = []
        self.waited_at: list[int] = []
        self.settling = Settling(
            self.venue,
            self.clock,
            self.events.append,
            lambda: self.orders,
            self.awaited.__contains__,
            QUARANTINE_S,
        )

    async def taken_in(self, event: Event) -> None:
        """The engine has processed everything so far."""
        self.events.append(event)
        self.waited_at.append(len(self.events))

    async def look(self, seconds: float = 0) -> None:
        """Let time pass, and look."""
        self.clock.advance(self.clock.now().mono_ns + int(seconds * SECOND_NS))
        await self.settling.look_once()

    @property
    def finds(self) -> int:
        """How often the venue was asked for the order."""
        return self.venue.asked.count(f"find {ORDER_ID}")

    @property
    def told(self) -> list[tuple[OrderState, Decimal, str]]:
        """What was reported."""
        return [
            (event.state, event.executed, event.reason)
            for event in self.events
            if isinstance(event, OrderReported)
        ]


class TestWhenItLooks:
    async def test_an_unknown_order_is_looked_up_at_once(self) -> None:
        """Nothing else will ever say what became of it."""
        desk = Desk(an_order(OrderState.UNKNOWN))

        await desk.look()

        assert desk.finds == 1

    async def test_an_order_whose_answer_is_awaited_is_left_alone(self) -> None:
        """The lane's answer comes first, however long it takes."""
        desk = Desk(an_order())
        desk.awaited.add(ORDER_ID)

        for _ in range(10):
            await desk.look(1)

        assert desk.finds == 0

    async def test_an_accepted_order_is_looked_up_when_its_end_does_not_come(self) -> None:
        """An immediate order ends within moments; a report may have been lost."""
        desk = Desk(an_order(OrderState.ACKNOWLEDGED))
        await desk.look()
        assert desk.finds == 0

        await desk.look(1.1)

        assert desk.finds == 1

    async def test_looks_ever_less_often(self) -> None:
        """A venue that is away is not asked ten times a second; half a minute is the longest."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        for _ in range(6_000):
            await desk.look(0.1)

        assert 20 <= desk.finds <= 45

    async def test_hears_of_a_change_a_quarter_of_the_wait_later_at_most(self) -> None:
        """Binance proves after 13 s that an order never arrived; till then its leg is alone."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        for _ in range(130):
            await desk.look(0.1)
        before = desk.finds
        for _ in range(33):
            await desk.look(0.1)

        assert desk.finds > before

    async def test_what_has_ended_is_asked_for_no_more(self) -> None:
        """The ledger knows what is open; nothing is remembered beside it."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        await desk.look()
        desk.orders.clear()

        for _ in range(100):
            await desk.look(1)

        assert desk.finds == 1


class TestWhatItReports:
    async def test_what_the_venue_found_with_its_fills(self) -> None:
        """State, quantity and fills are the venue's; the order is settled by them."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        fill = a_fill(order=ORDER_ID)
        desk.venue.found[ORDER_ID] = OrderView(
            ORDER_ID, "v-1", UPBIT_BTC, Side.SELL, OrderState.EXPIRED, fill.quantity, (fill,), "ioc"
        )

        await desk.look()

        (event,) = desk.events
        assert isinstance(event, OrderReported)
        assert (event.state, event.executed, event.fills) == (
            OrderState.EXPIRED,
            fill.quantity,
            (fill,),
        )

    async def test_absence_is_no_proof(self) -> None:
        """An order the venue does not know yet is unknown, and goes on counting."""
        desk = Desk(an_order())
        await desk.look()
        await desk.look(2)

        assert [state for state, _, _ in desk.told] == [OrderState.UNKNOWN]

    async def test_final_absence_ends_it_without_blaming_the_venue(self) -> None:
        """Where the venue's rules prove that it can never appear, it is over, unexecuted."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        desk.venue.found[ORDER_ID] = Absent(final=True)

        await desk.look()

        assert desk.told == [(OrderState.EXPIRED, Decimal(0), "never reached the venue")]

    async def test_lasting_absence_is_quarantined_and_looked_for_still(self) -> None:
        """After two minutes an operator must decide; late evidence is taken all the same."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        while not desk.told:
            await desk.look(1)
        assert desk.told[-1][0] is OrderState.QUARANTINED
        assert desk.clock.now().mono_ns >= QUARANTINE_S * SECOND_NS

        desk.orders = [an_order(OrderState.QUARANTINED)]
        asked = desk.finds
        for _ in range(200):
            await desk.look(1)

        assert desk.finds > asked
        assert {state for state, _, _ in desk.told} == {OrderState.QUARANTINED}

    async def test_an_operator_who_accepts_one_waits_for_no_pace(self) -> None:
        """It is looked up at once, not half a minute later."""
        desk = Desk(an_order(OrderState.QUARANTINED))
        for _ in range(200):
            await desk.look(1)
        asked = desk.finds

        desk.settling.hurry(ORDER_ID)
        await desk.look()

        assert desk.finds == asked + 1

    @pytest.mark.parametrize("error", [VenueUnavailable("away"), OutcomeUnknown("timeout")])
    async def test_a_failed_question_says_nothing(self, error: Exception) -> None:
        """No answer is neither presence nor absence."""
        desk = Desk(an_order(OrderState.UNKNOWN))
        desk.venue.found[ORDER_ID] = error  # type: ignore[assignment]

        for _ in range(10):
            await desk.look(1)

        assert desk.told == []


class TestReconciling:
    async def test_every_open_order_is_asked_for(self) -> None:
        """After a gap in the stream also those that only just went out."""
        desk = Desk(*(an_order(order_id=f"tr-main-{number}") for number in range(20)))

        await desk.settling.look_at_all()

        assert len(desk.venue.asked) == 20

    async def test_fails_where_one_cannot_be_asked_for(self) -> None:
        """A venue is not reconciled while an order's fate could not even be asked."""
        desk = Desk(an_order(OrderState.UNKNOWN), an_order(order_id="tr-main-8"))
        desk.venue.found["tr-main-8"] = VenueUnavailable("away")

        with pytest.raises(VenueUnavailable):
            await desk.settling.look_at_all()

    async def test_what_was_answered_before_a_failure_is_not_asked_for_again(self) -> None:
        """Of thousands, each try goes on where the last one was interrupted."""
        desk = Desk(*(an_order(order_id=f"tr-main-{number}") for number in range(30)))
        desk.venue.found["tr-main-20"] = VenueUnavailable("away")
        with pytest.raises(VenueUnavailable):
            await desk.settling.look_at_all(0)
        del desk.venue.found["tr-main-20"]
        desk.clock.advance(SECOND_NS)
        before = len(desk.venue.asked)

        await desk.settling.look_at_all(0)

        assert before == 24
        assert len(desk.venue.asked) == 24 + 7

    async def test_waits_where_only_our_own_budget_holds_it_back(self) -> None:
        """Thousands of look-ups take their time; none of them is a failure."""
        desk = Desk(*(an_order(order_id=f"tr-main-{number}") for number in range(20)))
        desk.venue.held_back_s = [0.001] * 5

        await desk.settling.look_at_all()

        assert len(set(desk.venue.asked)) == 20

    async def test_fails_where_the_venue_has_shut_us_out_for_long(self) -> None:
        """A ban of minutes is not waited for here."""
        desk = Desk(an_order())
        desk.venue.held_back_s = [120.0]

        with pytest.raises(HeldBack):
            await desk.settling.look_at_all()


class TestLists:
    """A list of ended orders settles many in one question."""

    @staticmethod
    def ended(order_id: str, executed: str = "0", *, told: bool = True) -> OrderView:
        """An order that is over."""
        quantity = Decimal(executed)
        fills = (a_fill(quantity=executed, order=order_id),) if quantity and told else ()
        return OrderView(
            ClientOrderId(order_id),
            "v",
            UPBIT_BTC,
            Side.SELL,
            OrderState.EXPIRED,
            quantity,
            fills,
        )

    async def test_reports_those_it_tells_whole(self) -> None:
        """Unfilled, or with every fill; any other is looked up by itself."""
        desk = Desk(*(an_order(order_id=f"tr-main-{number}") for number in range(4)))
        views = [
            self.ended("tr-main-0"),
            self.ended("tr-main-1", "0.00066"),
            self.ended("tr-main-2", "0.00066", told=False),
            self.ended("tr-main-9"),
        ]

        await desk.settling.told({v.client_order_id: v for v in views}, desk.taken_in)

        assert [e.client_order_id for e in desk.events if isinstance(e, OrderReported)] == [
            "tr-main-0",
            "tr-main-1",
        ]

    async def test_hands_them_over_in_portions(self) -> None:
        """The inbox is bounded: after each portion the engine must have caught up."""
        desk = Desk(*(an_order(order_id=f"tr-main-{number}") for number in range(1_000)))
        views = [self.ended(f"tr-main-{number}") for number in range(1_000)]

        await desk.settling.told({v.client_order_id: v for v in views}, desk.taken_in)

        assert len(desk.events) == 1_000
        assert desk.waited_at == [256, 512, 768, 1_000]
