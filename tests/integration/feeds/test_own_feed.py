"""A user's own feed behind a real socket: whatever it does, the stream goes on and nobody falls."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from tests.integration.execution.lane_venue import until
from tests.integration.feeds.test_stream import NEVER_QUIET_MS, PlainCodec, a_book
from tests.integration.wire.socket_venue import SocketVenue, a_socket_venue
from tests.support.builders import UPBIT_BTC
from trader.app.own_streams import ContainedFeed
from trader.domain.clock import Stamp
from trader.domain.errors import InvariantBroken
from trader.domain.events import BookUpdated, Event, FaultReported
from trader.domain.instrument import UPBIT, InstrumentId
from trader.domain.market import OrderBook
from trader.feeds.codec import FeedEnding
from trader.feeds.stream import FeedStream
from trader.runtime import SystemClock
from trader.wire.http import HttpAnswer, HttpRequest


class Hostile:
    """Reads frames as ``PlainCodec`` does, but does what a frame tells it to do instead."""

    venue = UPBIT
    keepalive = None
    snapshots: object = ()

    def __init__(self) -> None:
        self.instruments = (UPBIT_BTC,)
        self._plain = PlainCodec(self.instruments)

    def address(self, ws_url: str) -> str:
        """As configured."""
        return ws_url

    def hello(self) -> tuple[str, ...]:
        """One frame."""
        return ("hello",)

    def decode(self, frame: bytes | str, stamp: Stamp) -> OrderBook | FeedEnding | None:
        """A book, or what the frame tells."""
        said = json.loads(frame)
        if said.get("do") == "break":
            raise InvariantBroken("hunter2")
        if said.get("do") == "babble":
            return cast(Any, said)
        return self._plain.decode(frame, stamp)

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """As the test says."""
        del instruments
        return cast(Any, self.snapshots)

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """Nothing that could be iterated."""
        del request, answer, stamp
        return cast(Any, 5)


class Desk:
    """A feed and what it delivered."""

    def __init__(self, venue: SocketVenue, snapshots: object = ()) -> None:
        hostile = Hostile()
        hostile.snapshots = snapshots
        self.events: list[Event] = []
        self.asked = 0
        self.stream = FeedStream(
            ContainedFeed(hostile, UPBIT, (UPBIT_BTC,)),
            venue.url,
            self._ask,
            SystemClock(),
            self.events.append,
            NEVER_QUIET_MS,
        )

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        del request
        self.asked += 1
        return HttpAnswer(200, {}, b"")

    @property
    def prices(self) -> list[float]:
        """The bids of every book delivered."""
        return [one.book.best_bid for one in self.events if isinstance(one, BookUpdated)]

    @property
    def faults(self) -> list[str]:
        """What was told to have broken."""
        return [one.message for one in self.events if isinstance(one, FaultReported)]


@asynccontextmanager
async def a_desk(venue: SocketVenue, snapshots: object = ()) -> AsyncIterator[Desk]:
    """A feed that runs until the end, and must still run then."""
    desk = Desk(venue, snapshots)
    task = asyncio.create_task(desk.stream.run())
    try:
        await until(lambda: bool(venue.peers))
        yield desk
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_what_would_end_the_process_costs_the_connection() -> None:
    """A built-in codec that broke an invariant ends the process; a user's may not say so."""
    async with a_socket_venue() as venue, a_desk(venue) as desk:
        await venue.say('{"do": "break"}')
        await until(lambda: len(venue.peers) == 2)
        await venue.say(a_book(1.0))
        await until(lambda: desk.prices == [1.0])

    assert desk.faults == ["feed: FeedError"]


async def test_what_is_no_book_is_dropped_on_the_same_connection() -> None:
    """It is a frame that does not decode."""
    async with a_socket_venue() as venue, a_desk(venue) as desk:
        await venue.say('{"do": "babble"}', a_book(2.0, instrument=InstrumentId("upbit:ETH-KRW")))
        await venue.say(a_book(1.0))
        await until(lambda: desk.prices == [1.0])

    assert len(venue.peers) == 1
    assert desk.stream.counts.socket.invalid == 2


@pytest.mark.parametrize("snapshots", [None, 5, ["GET /"], [HttpRequest("GET", "/book")]])
async def test_snapshots_that_are_none_leave_the_stream_alone(snapshots: object) -> None:
    """Neither what asks for them nor what reads them need make any sense."""
    async with a_socket_venue() as venue, a_desk(venue, snapshots) as desk:
        await until(lambda: bool(desk.faults))
        await venue.say(a_book(1.0))
        await until(lambda: desk.prices == [1.0])

    assert desk.faults[0].startswith("snapshot: ")
