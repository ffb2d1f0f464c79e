"""A venue's rules are told when they change, and its clock is known for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.builders import AT_NS, SECOND_NS, an_instrument
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


class TestClock:
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
