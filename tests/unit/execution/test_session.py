"""An account is reconciled only when the engine took in what the venue said since the connect."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from tests.support.builders import AT_NS, SECOND_NS, UPBIT_BTC, an_intent
from tests.support.fake_venue import FakeVenue, balances
from tests.support.waiting import eventually
from trader.domain.client_ids import Whose
from trader.domain.clock import SimulatedClock
from trader.domain.errors import VenueRejected
from trader.domain.events import AccountLost, AccountStated, Event, FaultReported, OrderReported
from trader.domain.instrument import UPBIT
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
from trader.execution import session
from trader.execution.account_look import OVERLAP_NS
from trader.execution.session import VenueSession
from trader.execution.settling import Settling
from trader.execution.venue import BalancesSeen, OrderSeen, OrderView, PrivateEnding, Rejected


class Records:
    """What the engine would know: ids that begin with ``tr-`` are its own unless told."""

    def __init__(self) -> None:
        self.known_until_ns = AT_NS
        self.lost: set[str] = set()

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """As the test says."""
        if client_order_id in self.lost:
            return Whose.LOST
        return Whose.OURS if client_order_id.startswith("tr-") else Whose.OTHERS


class Desk:
    """One venue's session; the engine takes its events in when the test says so."""

    def __init__(self, *, says_when_ready: bool = False) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.venue = FakeVenue(says_when_ready=says_when_ready)
        self.venue.holdings = tuple(balances(KRW="5000000", BTC="0.5"))
        self.events: list[Event] = []
        self.unsettled: list[Order] = []
        settling = Settling(
            self.venue,
            self.clock,
            self.events.append,
            lambda: self.unsettled,
            lambda _: False,
            120.0,
        )
        self.records = Records()
        self.session = VenueSession(
            self.venue, settling, self.clock, self.events.append, self.records
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the session runs."""
        task = asyncio.create_task(self.session.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until_stated(self) -> AccountStated:
        """The next statement of the account."""
        while True:
            for event in self.events:
                if isinstance(event, AccountStated):
                    self.events.remove(event)
                    return event
            await asyncio.sleep(0.001)

    async def take_in(self, event: Event) -> None:
        """The engine has processed it."""
        self.session.saw(event)
        await asyncio.sleep(0.01)

    def hear(self, frame: str) -> PrivateEnding | None:
        """A frame of the private stream."""
        return self.session.heard(frame, self.clock.now())


def an_order(order_id: str) -> Order:
    """A live order without an end."""
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
    return Order(approved)


def a_view(order_id: str) -> OrderView:
    """What a venue says of an order that ended unfilled."""
    return OrderView(
        ClientOrderId(order_id),
        f"v-{order_id}",
        UPBIT_BTC,
        Side.BUY,
        OrderState.EXPIRED,
        Decimal(0),
    )


class TestReconciled:
    async def test_once_the_engine_took_the_statement_in(self) -> None:
        """Not when the venue answered: until then the ledger still has the old balances."""
        desk = Desk()
        async with desk.running():
            assert not desk.session.is_reconciled
            desk.session.opened()
            statement = await desk.until_stated()
            assert not desk.session.is_reconciled

            await desk.take_in(statement)

            assert desk.session.is_reconciled
            assert dict(statement.holdings) == {"KRW": Decimal(5_000_000), "BTC": Decimal("0.5")}

    async def test_not_before_the_subscription_is_confirmed(self) -> None:
        """Where a venue confirms it, nothing heard before that is relied on."""
        desk = Desk(says_when_ready=True)
        async with desk.running():
            desk.session.opened()
            await asyncio.sleep(0.02)
            assert desk.venue.asked == []

            desk.hear("ready")

            await desk.take_in(await desk.until_stated())
            assert desk.session.is_reconciled

    async def test_anew_after_every_gap(self) -> None:
        """What the lost stream would have told is asked for; until then nothing is relied on."""
        desk = Desk()
        async with desk.running():
            desk.session.opened()
            await desk.take_in(await desk.until_stated())

            desk.session.lost("reset")
            assert not desk.session.is_reconciled
            assert [type(event) for event in desk.events] == [AccountLost]
            desk.session.opened()
            assert not desk.session.is_reconciled

            await desk.take_in(await desk.until_stated())
            assert desk.session.is_reconciled

    async def test_a_statement_from_before_the_gap_does_not_count(self) -> None:
        """The stream broke while the engine had the statement before it: ask once more."""
        desk = Desk()
        async with desk.running():
            desk.session.opened()
            old = await desk.until_stated()
            desk.session.lost("reset")
            desk.session.opened()

            await desk.take_in(old)
            assert not desk.session.is_reconciled

            await desk.take_in(await desk.until_stated())
            assert desk.session.is_reconciled

    async def test_not_while_the_venue_is_away(self) -> None:
        """It is asked again until it answers."""
        desk = Desk()
        desk.venue.is_away = True
        async with desk.running():
            desk.session.opened()
            await eventually(lambda: bool(desk.venue.asked))
            assert not desk.session.is_reconciled
            desk.venue.is_away = False

            await desk.take_in(await desk.until_stated())
            assert desk.session.is_reconciled


class TestLooks:
    async def test_a_statement_says_what_was_lost_and_that_it_looked(self) -> None:
        """One event, so that the engine's verdict is one step."""
        desk = Desk()
        desk.records.lost.add("tr-9")
        desk.venue.ended = (a_view("tr-9"), a_view("tr-1"), a_view("hand-1"))
        async with desk.running():
            desk.session.opened()

            statement = await desk.until_stated()

        assert statement.looked
        assert [one.client_order_id for one in statement.orders] == ["tr-9"]
        assert statement.others == (UPBIT_BTC,)

    async def test_the_next_one_looks_back_to_the_last(self) -> None:
        """With some overlap; a first one to the journal's newest fact."""
        desk = Desk()
        async with desk.running():
            for _ in range(2):
                desk.session.opened()
                await desk.take_in(await desk.until_stated())
                desk.session.lost("reset")
                desk.clock.advance(desk.clock.now().mono_ns + 3_600 * SECOND_NS)

        assert desk.venue.since_ns == [
            AT_NS - OVERLAP_NS,
            AT_NS - OVERLAP_NS,
        ]

    async def test_orders_are_not_asked_for_with_every_statement(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Balances change with each fill; the lists draw on the venue's limits."""
        monkeypatch.setattr(session, "_SETTLES_S", 0.0)
        desk = Desk()
        desk.venue.stream.news["moved"] = (BalancesSeen(()),)
        async with desk.running():
            desk.session.opened()
            await desk.take_in(await desk.until_stated())
            desk.hear("moved")

            statement = await desk.until_stated()

        assert not statement.looked
        assert desk.venue.asked.count("closed orders") == 1

    async def test_a_report_of_a_lost_order_asks_for_a_look(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only a look tells all of it that adopting it takes."""
        monkeypatch.setattr(session, "_SETTLES_S", 0.0)
        desk = Desk()
        desk.venue.stream.news["late"] = (OrderSeen(a_view("tr-9")),)
        async with desk.running():
            desk.session.opened()
            await desk.take_in(await desk.until_stated())
            desk.records.lost.add("tr-9")
            desk.venue.ended = (a_view("tr-9"),)
            desk.hear("late")

            statement = await desk.until_stated()

        assert statement.looked
        assert [one.client_order_id for one in statement.orders] == ["tr-9"]

    async def test_what_the_list_settles_is_reported_before_the_statement(self) -> None:
        """Orders without an end are known again before balances are judged."""
        desk = Desk()
        desk.unsettled.append(an_order("tr-1"))
        desk.venue.ended = (a_view("tr-1"),)
        async with desk.running():
            desk.session.opened()
            await eventually(lambda: bool(desk.events))
            (report,) = desk.events
            assert isinstance(report, OrderReported)
            desk.unsettled.clear()
            desk.session.saw(report)

            await desk.until_stated()

        assert not [one for one in desk.venue.asked if one.startswith("find")]


class TestHearing:
    async def test_reports_of_our_orders_reach_the_engine_and_others_do_not(self) -> None:
        """An order without our prefix is the operator's own business, and counted."""
        desk = Desk()
        desk.venue.stream.news["both"] = (OrderSeen(a_view("tr-1")), OrderSeen(a_view("hand-1")))

        assert desk.hear("both") is None

        reports = [event for event in desk.events if isinstance(event, OrderReported)]
        assert [report.client_order_id for report in reports] == ["tr-1"]
        assert desk.session.others == 1

    async def test_the_venue_may_end_the_stream(self) -> None:
        """Its word is passed on, so that the connection is renewed."""
        desk = Desk()
        desk.venue.stream.news["bye"] = (PrivateEnding("terminated"),)

        assert desk.hear("bye") == PrivateEnding("terminated")


class TestRefusedKey:
    async def test_stops_live_orders_and_tells(self) -> None:
        """After a refusal for the key's sake the venue does not count as reconciled."""
        desk = Desk()
        async with desk.running():
            desk.session.opened()
            await desk.take_in(await desk.until_stated())

            desk.session.refused(Rejected("out_of_scope", "", halts=True))

            assert not desk.session.is_reconciled
            (fault,) = [event for event in desk.events if isinstance(event, FaultReported)]
            assert fault.where == UPBIT
            assert "out_of_scope" in fault.message

    async def test_an_account_that_is_refused_is_told_once(self) -> None:
        """Not with every try."""
        desk = Desk()

        async def refuse() -> tuple[()]:
            desk.venue.asked.append("refused")
            raise VenueRejected("invalid_access_key")

        desk.venue.balances = refuse  # type: ignore[method-assign]
        async with desk.running():
            desk.session.opened()
            await eventually(lambda: desk.venue.asked.count("refused") == 2)

        assert len([event for event in desk.events if isinstance(event, FaultReported)]) == 1
