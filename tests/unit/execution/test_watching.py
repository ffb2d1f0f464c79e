"""A venue's rules are told when they change, and its clock is known for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.builders import AT_NS, SECOND_NS, UPBIT_BTC, an_instrument
from tests.support.fake_venue import FakeVenue
from tests.support.waiting import eventually
from trader.domain.clock import SimulatedClock
from trader.domain.events import Event, InstrumentStated
from trader.execution.watching import VenueWatch


class Desk:
    """One venue's watch."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.venue = FakeVenue()
        self.venue.listed = (an_instrument(),)
        self.events: list[Event] = []
        self.watch = VenueWatch(self.venue, self.clock, self.events.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the watch runs."""
        task = asyncio.create_task(self.watch.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    @property
    def stands(self) -> list[tuple[bool, bool]]:
        """Whether each instrument that was stated is tradable, and halted."""
        stated = [event.instrument for event in self.events if isinstance(event, InstrumentStated)]
        return [(one.tradable, one.halted) for one in stated]

    async def asked(self, what: str, times: int) -> None:
        """Wait until the venue was asked so often, and answered."""
        await eventually(lambda: self.venue.asked.count(what) >= times)
        await asyncio.sleep(0)


class TestRules:
    async def test_are_told_once_and_again_when_they_change(self) -> None:
        """The same answer a minute later is no event."""
        desk = Desk()
        async with desk.running():
            await desk.asked("instruments", 1)
            desk.watch.refresh_soon()
            await desk.asked("instruments", 2)
            assert desk.events == [InstrumentStated(AT_NS, 0, an_instrument())]

            desk.venue.listed = (an_instrument(tradable=False),)
            desk.watch.refresh_soon()
            await desk.asked("instruments", 3)

        assert [
            event.instrument.tradable
            for event in desk.events
            if isinstance(event, InstrumentStated)
        ] == [True, False]

    async def test_are_unknown_until_the_venue_stated_them(self) -> None:
        """An account is not reconciled before."""
        desk = Desk()
        desk.venue.is_away = True
        async with desk.running():
            await desk.asked("instruments", 1)
            assert not desk.watch.knows_rules
            desk.venue.is_away = False
            desk.watch.refresh_soon()
            await desk.asked("instruments", 2)
            assert desk.watch.knows_rules

    async def test_what_is_listed_no_more_takes_no_order(self) -> None:
        """A venue that drops a market from its list does not call it halted."""
        desk = Desk()
        async with desk.running():
            await desk.asked("instruments", 1)
            desk.venue.listed = ()
            desk.watch.refresh_soon()
            await desk.asked("instruments", 2)

        assert desk.stands == [(True, False), (False, True)]
        assert desk.watch.knows_rules


class TestTold:
    async def test_a_bar_counts_at_once_and_beside_the_rules(self) -> None:
        """Whatever the rules say meanwhile: only the stream takes back what the stream said."""
        desk = Desk()
        async with desk.running():
            await desk.asked("instruments", 1)
            desk.watch.told(UPBIT_BTC, "delisting 2026-12-24", halted=False)
            desk.watch.told(UPBIT_BTC, "delisting 2026-12-24", halted=False)
            desk.watch.refresh_soon()
            await desk.asked("instruments", 2)
            assert desk.stands == [(True, False), (False, False)]

            desk.watch.told(UPBIT_BTC, "", halted=False)

        assert desk.stands == [(True, False), (False, False), (True, False)]

    async def test_a_bar_told_before_the_rules_counts(self) -> None:
        """The first ticker may be faster than the first answer."""
        desk = Desk()
        desk.watch.told(UPBIT_BTC, "trading suspended", halted=True)
        assert desk.events == []
        async with desk.running():
            await desk.asked("instruments", 1)

        assert desk.stands == [(False, True)]

    async def test_it_makes_nothing_tradable(self) -> None:
        """That the stream has nothing against a market is no word for it."""
        desk = Desk()
        desk.venue.listed = (an_instrument(tradable=False, halted=True),)
        async with desk.running():
            await desk.asked("instruments", 1)
            desk.watch.told(UPBIT_BTC, "x", halted=False)
            desk.watch.told(UPBIT_BTC, "", halted=False)

        assert desk.stands == [(False, True)]


class TestClock:
    async def test_is_asked_anew_where_an_order_was_refused_for_it(self) -> None:
        """And on every connect, as the rules are."""
        desk = Desk()
        async with desk.running():
            await desk.asked("clock", 1)
            desk.venue.skew_ms = 900.0
            desk.watch.refresh_soon()
            await desk.asked("clock", 2)

            assert desk.watch.skew_ms == 900.0

    async def test_is_known_for_five_minutes(self) -> None:
        """A venue that answers no more leaves our clock unproven."""
        desk = Desk()
        assert desk.watch.skew_ms is None
        async with desk.running():
            await desk.asked("clock", 1)

        desk.clock.advance(299 * SECOND_NS)
        assert desk.watch.skew_ms == 3.0
        desk.clock.advance(300 * SECOND_NS)
        assert desk.watch.skew_ms is None
