"""FeedStream over a real socket: books, losses, snapshots, and what may never replace what."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.execution.lane_venue import until
from tests.integration.wire.socket_venue import SocketVenue, a_socket_venue
from tests.support.builders import UPBIT_BTC, UPBIT_USDT
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid, VenueUnavailable
from trader.domain.events import BookUpdated, Event, FaultReported, FeedLost
from trader.domain.instrument import UPBIT, InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.feeds.codec import FeedEnding
from trader.feeds.stream import FeedStream
from trader.runtime import SystemClock
from trader.wire.http import HttpAnswer, HttpRequest

NEVER_QUIET_MS = 60_000.0


class PlainCodec:
    """``FeedCodec`` whose frames are ``{"book": id, "price": p, "at": venue time or null}``."""

    venue: Venue = UPBIT
    keepalive: str | None = None

    def __init__(self, instruments: tuple[InstrumentId, ...]) -> None:
        self.instruments = instruments

    def address(self, ws_url: str) -> str:
        """As configured."""
        return ws_url

    def hello(self) -> tuple[str, ...]:
        """All at once."""
        return (json.dumps(self.instruments),)

    def decode(self, frame: bytes | str, stamp: Stamp) -> OrderBook | FeedEnding | None:
        """A book, an ending, or nothing."""
        try:
            said: dict[str, Any] = json.loads(frame)
        except ValueError as error:
            raise FrameInvalid("not a frame") from error
        if "end" in said:
            return FeedEnding(said["end"])
        return self._book(said, stamp) if "book" in said else None

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """One request for each."""
        return tuple(HttpRequest("GET", f"/book/{one}") for one in instruments)

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """A book of the same form as a frame's."""
        del request
        if answer.status != 200:
            raise FeedError("refused")
        return (self._book(json.loads(answer.body), stamp),) if answer.body else ()

    def _book(self, said: dict[str, Any], stamp: Stamp) -> OrderBook:
        price = float(said["price"])
        return OrderBook(
            InstrumentId(said["book"]),
            ((price, 1.0),),
            ((price + 1, 1.0),),
            stamp.at_ns,
            stamp.mono_ns,
            said.get("at"),
        )


def a_book(price: float, at: int | None = None, instrument: InstrumentId = UPBIT_BTC) -> str:
    """A frame, or the body of a snapshot."""
    return json.dumps({"book": instrument, "price": price, "at": at})


class Desk:
    """A feed, what it delivered, and the REST side, which the test answers."""

    def __init__(
        self, url: str, max_ws_age_ms: float, instruments: tuple[InstrumentId, ...]
    ) -> None:
        self.events: list[Event] = []
        self.asked: list[str] = []
        self.answer: Callable[[str], HttpAnswer] = lambda _: HttpAnswer(200, {}, b"")
        self.hold: asyncio.Event | None = None
        self.stream = FeedStream(
            PlainCodec(instruments),
            url,
            self._ask,
            SystemClock(),
            self.events.append,
            max_ws_age_ms,
        )

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        self.asked.append(request.target)
        answer = self.answer(request.target)
        if self.hold is not None:
            await self.hold.wait()
        return answer

    def snapshots_say(self, text: str) -> None:
        """What every snapshot answers from now on."""
        self.answer = lambda _: HttpAnswer(200, {}, text.encode())

    @property
    def prices(self) -> list[float]:
        """The bids of every book delivered, in order."""
        return [one.book.best_bid for one in self.events if isinstance(one, BookUpdated)]


@asynccontextmanager
async def a_desk(
    venue: SocketVenue,
    max_ws_age_ms: float = NEVER_QUIET_MS,
    instruments: tuple[InstrumentId, ...] = (UPBIT_BTC,),
) -> AsyncIterator[Desk]:
    """A feed that runs and was asked for its books once."""
    desk = Desk(venue.url, max_ws_age_ms, instruments)
    task = asyncio.create_task(desk.stream.run())
    try:
        await until(lambda: len(desk.asked) >= len(instruments) and bool(venue.peers))
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


class TestBooks:
    """Every book a frame states is delivered, in order; what is no book is not data."""

    async def test_books_arrive_as_stated(self) -> None:
        """Stamped with when the frame was read."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            await venue.say(a_book(1.0, 10), '{"status":"UP"}', a_book(2.0, 11).encode())
            await until(lambda: len(desk.prices) == 2)
            await until(lambda: bool(venue.last.frames))

        assert desk.prices == [1.0, 2.0]
        assert venue.last.frames[0][1] == json.dumps([UPBIT_BTC])
        assert desk.stream.counts.books == 2
        assert desk.stream.counts.socket.frames == 3

    async def test_a_frame_that_does_not_decode_is_dropped(self) -> None:
        """And counted; the next one counts."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            await venue.say("{", b"\xff\x00", a_book(1.0))
            await until(lambda: desk.prices == [1.0])

        assert desk.stream.counts.socket.invalid == 2
        assert len(venue.peers) == 1

    async def test_a_codec_that_breaks_costs_the_connection_alone(self) -> None:
        """It is told once; the engine never hears the error itself."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            await venue.say('{"book": "x"}')
            await until(lambda: len(venue.peers) == 2)
            await venue.say('{"book": "x"}')
            await until(lambda: len(venue.peers) == 3)
            await venue.say(a_book(1.0))
            await until(lambda: desk.prices == [1.0])

        faults = [one.message for one in desk.events if isinstance(one, FaultReported)]
        assert faults == ["feed: KeyError"]

    async def test_what_the_venue_dates_earlier_is_not_believed(self) -> None:
        """Out of order, or the last words of a connection that was replaced."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            await venue.say(a_book(1.0, 10), a_book(2.0, 9), a_book(3.0, 10), a_book(4.0))
            await until(lambda: 4.0 in desk.prices)

        assert desk.prices == [1.0, 3.0, 4.0]
        assert desk.stream.counts.outdated == 1


class TestStandstill:
    """What was said while the process could not listen says nothing of now."""

    async def test_what_lay_in_the_buffer_is_not_read(self) -> None:
        """The connection is renewed, and with it every book."""
        async with a_socket_venue() as venue, a_desk(venue, 1_000.0) as desk:
            desk.snapshots_say(a_book(2.0))
            await venue.say(a_book(1.0))
            time.sleep(1.5)  # noqa: ASYNC251 - the loop is to stand still
            await until(lambda: len(venue.peers) == 2)
            await venue.say(a_book(3.0))
            await until(lambda: 3.0 in desk.prices)

        assert 1.0 not in desk.prices
        (lost,) = [one for one in desk.events if isinstance(one, FeedLost)]
        assert "stood still" in lost.reason

    async def test_a_short_pause_costs_nothing(self) -> None:
        """A book may be that old anyhow."""
        async with a_socket_venue() as venue, a_desk(venue, 3_000.0) as desk:
            await venue.say(a_book(1.0))
            time.sleep(0.5)  # noqa: ASYNC251
            await until(lambda: 1.0 in desk.prices)

        assert len(venue.peers) == 1


class TestLosses:
    """A loss is told before anything of the next connection."""

    async def test_a_loss_comes_before_the_next_book(self) -> None:
        """Its books are void from then on."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            await venue.say(a_book(1.0, 10))
            await until(lambda: desk.prices == [1.0])
            venue.greeting = [a_book(2.0, 5)]
            await venue.say('{"end": "serverShutdown"}')
            await until(lambda: 2.0 in desk.prices)

        assert [type(one) for one in desk.events] == [BookUpdated, FeedLost, BookUpdated]
        lost = desk.events[1]
        assert isinstance(lost, FeedLost)
        assert (lost.venue, lost.reason) == (UPBIT, "serverShutdown")

    async def test_a_snapshot_asked_for_before_a_loss_is_not_believed_after_it(self) -> None:
        """Its book would be one that nothing keeps up to date."""
        async with a_socket_venue() as venue, a_desk(venue) as desk:
            desk.hold = asyncio.Event()
            desk.snapshots_say(a_book(9.0))
            await venue.last.connection.close()
            await until(lambda: len(desk.asked) == 2)
            venue.refusals = [(503, {})] * 50
            await venue.last.connection.close()
            await until(lambda: sum(isinstance(one, FeedLost) for one in desk.events) == 2)
            desk.hold.set()
            await asyncio.sleep(0.05)

        assert desk.prices == []

    async def test_without_a_connection_nothing_is_asked(self) -> None:
        """Books that nobody keeps up to date are none."""
        async with a_socket_venue() as venue:
            venue.refusals = [(503, {})] * 3
            desk = Desk(venue.url, 100.0, (UPBIT_BTC,))
            task = asyncio.create_task(desk.stream.run())
            await until(lambda: len(venue.attempts) == 3)
            asked_before = list(desk.asked)
            await until(lambda: bool(desk.asked))
            task.cancel()
            await asyncio.wait({task})

        assert asked_before == []


class TestSnapshots:
    """A first state at once, and again for what was quiet; never over what is newer."""

    async def test_every_book_is_asked_for_at_the_start(self) -> None:
        """And after every loss. It is as old as the question."""
        async with a_socket_venue() as venue:
            desk = Desk(venue.url, NEVER_QUIET_MS, (UPBIT_BTC, UPBIT_USDT))
            desk.answer = lambda target: HttpAnswer(
                200, {}, a_book(7.0, 3, InstrumentId(target[6:])).encode()
            )
            before = SystemClock().now().mono_ns
            task = asyncio.create_task(desk.stream.run())
            await until(lambda: len(desk.events) == 2)
            await until(lambda: bool(venue.peers))
            await venue.last.connection.close()
            await until(lambda: len(desk.events) == 5)
            task.cancel()
            await asyncio.wait({task})

        first = desk.events[0]
        assert isinstance(first, BookUpdated)
        assert first.mono_ns >= before
        assert desk.asked == [f"/book/{UPBIT_BTC}", f"/book/{UPBIT_USDT}"] * 2
        assert desk.stream.counts.snapshots == 4

    async def test_a_quiet_book_is_asked_for_again_and_again(self) -> None:
        """About twice in the age at which it counts as stale, and only it."""
        async with (
            a_socket_venue() as venue,
            a_desk(venue, 400.0, (UPBIT_BTC, UPBIT_USDT)) as desk,
        ):
            desk.snapshots_say(a_book(5.0, None, UPBIT_USDT))
            desk.asked.clear()
            while desk.asked.count(f"/book/{UPBIT_USDT}") < 4:
                await venue.say(a_book(1.0))
                await asyncio.sleep(0.01)

        assert set(desk.asked) == {f"/book/{UPBIT_USDT}"}
        ages = [one.mono_ns for one in desk.events if isinstance(one, BookUpdated)
                and one.book.instrument == UPBIT_USDT]  # fmt: skip
        assert all(after - before >= 0.2e9 for before, after in pairwise(ages))

    @pytest.mark.parametrize(("streamed", "snapshot"), [(None, None), (10, 9), (10, 20)])
    async def test_a_snapshot_never_replaces_what_was_streamed_after_the_question(
        self, streamed: int | None, snapshot: int | None
    ) -> None:
        """Whatever time it claims: it is as old as the question."""
        async with a_socket_venue() as venue:
            desk = Desk(venue.url, NEVER_QUIET_MS, (UPBIT_BTC,))
            desk.hold = asyncio.Event()
            desk.snapshots_say(a_book(9.0, snapshot))
            task = asyncio.create_task(desk.stream.run())
            await until(lambda: bool(desk.asked and venue.peers))
            await venue.say(a_book(1.0, streamed))
            await until(lambda: desk.prices == [1.0])
            desk.hold.set()
            await until(lambda: desk.stream.counts.snapshots == 1)
            task.cancel()
            await asyncio.wait({task})

        assert desk.prices == [1.0]
        assert desk.stream.counts.outdated == 1

    @pytest.mark.parametrize(("snapshot", "believed"), [(9, False), (10, True), (None, True)])
    async def test_a_later_snapshot_counts_unless_the_venue_dates_it_earlier(
        self, snapshot: int | None, believed: bool
    ) -> None:
        """The same again confirms what is known."""
        async with a_socket_venue() as venue, a_desk(venue, 400.0) as desk:
            await venue.say(a_book(1.0, 10))
            await until(lambda: desk.prices == [1.0])
            done = desk.stream.counts.snapshots
            desk.snapshots_say(a_book(9.0, snapshot))
            await until(lambda: desk.stream.counts.snapshots > done + 1)

        assert (9.0 in desk.prices) is believed

    @pytest.mark.parametrize("failure", ["held back", "refused", "broken"])
    async def test_a_snapshot_that_cannot_be_had_is_asked_for_ever_more_slowly(
        self, failure: str
    ) -> None:
        """The stream goes on, and the budget recovers."""

        def fail(target: str) -> HttpAnswer:
            if failure == "held back":
                raise VenueUnavailable(target)
            return HttpAnswer(400 if failure == "refused" else 200, {}, b"{")

        async with a_socket_venue() as venue, a_desk(venue, 100.0) as desk:
            desk.answer = fail
            before = desk.stream.counts.snapshots_failed
            await until(lambda: desk.stream.counts.snapshots_failed >= before + 4)
            await venue.say(a_book(1.0))
            await until(lambda: 1.0 in desk.prices)

        faults = sum(isinstance(one, FaultReported) for one in desk.events)
        assert faults == (1 if failure == "broken" else 0)
