"""FeedStream: one venue's order books, from its socket and its snapshots into the inbox.

Fresh is what the venue *said* lately: a pong refreshes nothing, nor does what lay in a buffer
while this process stood still. A book that was quiet for half the age at which it counts as stale
is asked for, so that a market where nothing happens stays tradable.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext

import structlog

from trader.domain.clock import Clock, Stamp
from trader.domain.errors import FeedError, FrameInvalid, InvariantBroken, VenueError
from trader.domain.events import BookUpdated, Event, FaultReported, FeedLost
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook
from trader.feeds.codec import FeedCodec, FeedEnding, MarketTold
from trader.wire.connection import Ending, Heard, Send
from trader.wire.http import HttpAnswer, HttpRequest
from trader.wire.socket import SocketCounts, SocketKeeper, SocketRules

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Ask = Callable[[HttpRequest], Awaitable[HttpAnswer]]
"""Sends a public request within the venue's budget; raises ``VenueError`` without an answer."""

_SILENT_AGES = 5
_LEAST_SILENCE_S = 15.0
_LOOKS_PER_AGE = 10
_LEAST_STANDSTILL_S = 1.0
_LEAST_LOOK_S = 0.05
_LONGEST_PAUSE_S = 30.0
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class FeedCounts:
    """What happened so far, for metrics; ``socket`` counts frames and connections."""

    def __init__(self, socket: SocketCounts) -> None:
        self.books = self.outdated = 0
        self.snapshots = self.snapshots_failed = 0
        self.socket = socket


class FeedStream:
    """Hears one venue until cancelled. Every book and every loss is handed to ``deliver``, what the
    venue says of a market besides to ``told``.

    Without data for five times ``max_ws_age_ms`` (15 s at least) the connection is renewed.
    """

    def __init__(
        self,
        codec: FeedCodec,
        ws_url: str,
        ask: Ask,
        clock: Clock,
        deliver: Callable[[Event], None],
        max_ws_age_ms: float,
        tls: SSLContext | None = None,
        told: Callable[[MarketTold], None] = lambda _: None,
        shut_out_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._codec = codec
        self._ws_url = ws_url
        self._ask = ask
        self._clock = clock
        self._deliver = deliver
        self._told = told
        self._quiet_ns = int(max_ws_age_ms * _NS_PER_MS / 2)
        self._look_s = max(max_ws_age_ms / 1_000 / _LOOKS_PER_AGE, _LEAST_LOOK_S)
        self._standstill_ns = int(max(max_ws_age_ms / 1_000, _LEAST_STANDSTILL_S) * _NS_PER_S)
        self._awake_ns = 0
        self._stood_still = False
        rules = SocketRules(
            silence_s=max(max_ws_age_ms * _SILENT_AGES / 1_000, _LEAST_SILENCE_S),
            keepalive=codec.keepalive,
            overlaps=True,
        )
        self._keeper = SocketKeeper(f"{codec.venue} feed", self, rules, clock, tls, shut_out_s)
        self._opened = asyncio.Event()
        self._reopened = asyncio.Event()
        self._streamed: dict[InstrumentId, OrderBook] = {}
        self._heard_ns: dict[InstrumentId, int] = {}
        self._epoch = 0
        self._reported: str | None = None
        self.counts = FeedCounts(self._keeper.counts)

    @property
    def is_open(self) -> bool:
        """Whether a connection stands at this moment."""
        return self._keeper.is_open

    async def run(self) -> None:
        """Hear and ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.run())
            group.create_task(self._refresh())
            group.create_task(self._stay_awake())

    # what the keeper of the socket asks and tells

    def address(self) -> str:
        """Where to connect."""
        return self._codec.address(self._ws_url)

    def headers(self) -> Mapping[str, str]:
        """None: public streams need none, and an ``Origin`` would only slow us."""
        return {}

    def on_open(self, send: Send) -> None:
        """Ask for every instrument, and for a first state of each book."""
        for frame in self._codec.hello():
            send(frame)
        self._awake_ns, self._stood_still = self._clock.now().mono_ns, False
        self._opened.set()
        self._reopened.set()

    def on_frame(self, frame: bytes | str, stamp: Stamp) -> Heard | Ending:
        """Take in one frame.

        Raises:
            FrameInvalid: it does not decode.
        """
        if self._stood_still or stamp.mono_ns - self._awake_ns > self._standstill_ns:
            # It lay in a buffer nobody knows how long, and would pass for fresh.
            return Ending("read after this process stood still")
        said = self._codec.decode(frame, stamp)
        if type(said) is OrderBook:
            last = self._streamed.get(said.instrument)
            if last is not None and _told_earlier(said, last):
                # Out of order, or the last words of a connection that has a successor.
                self.counts.outdated += 1
                return Heard.OTHER
            self._streamed[said.instrument] = said
            self._state(said)
            return Heard.DATA
        if isinstance(said, FeedEnding):
            return Ending(said.reason)
        if isinstance(said, MarketTold):
            self._told(said)
        return Heard.OTHER

    def on_lost(self, reason: str) -> None:
        """Every book is void; what was asked for before is not believed any more."""
        self._epoch += 1
        self._opened.clear()
        self._streamed.clear()
        self._heard_ns.clear()
        now = self._clock.now()
        self._deliver(FeedLost(now.at_ns, now.mono_ns, self._codec.venue, reason))

    def on_fault(self, error: Exception) -> None:
        """The codec broke on what it was given; the connection is renewed."""
        self._fault("feed", error)

    async def _stay_awake(self) -> None:
        """Notice when nothing of this process ran for as long as a book may be old."""
        while True:
            now_ns = self._clock.now().mono_ns
            if now_ns - self._awake_ns > self._standstill_ns:
                self._stood_still = True
            self._awake_ns = now_ns
            await asyncio.sleep(self._look_s)

    # snapshots

    async def _refresh(self) -> None:
        """Ask for books that were quiet for long, as long as a connection stands."""
        pause_s = self._look_s
        while True:
            await self._opened.wait()
            self._reopened.clear()
            quiet = self._quiet()
            if quiet and not await self._take_snapshots(quiet):
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                pause_s = self._look_s
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._reopened.wait()

    def _quiet(self) -> tuple[InstrumentId, ...]:
        oldest_ns = self._clock.now().mono_ns - self._quiet_ns
        heard = self._heard_ns
        return tuple(
            one for one in self._codec.instruments if heard.get(one, oldest_ns) <= oldest_ns
        )

    async def _take_snapshots(self, quiet: Sequence[InstrumentId]) -> bool:
        """Ask for these books, all at once; False where any could not be had."""
        epoch, asked = self._epoch, self._clock.now()
        try:
            requests = self._codec.snapshot(quiet)
        except Exception as error:  # noqa: BLE001 - the outer edge of a venue's code
            self._fault("snapshot", error)
            return False
        answered = await asyncio.gather(*(self._take_snapshot(request) for request in requests))
        if all(answered) and epoch == self._epoch:
            # Also those whose answer was no news: they would be asked for without end.
            for one in quiet:
                self._hear(one, asked.mono_ns)
        return all(answered)

    async def _take_snapshot(self, request: HttpRequest) -> bool:
        """Ask for books and state those that are news; False where they could not be had."""
        epoch, asked = self._epoch, self._clock.now()
        try:
            answer = await self._ask(request)
            if epoch != self._epoch:
                return True
            books = self._codec.read_snapshot(request, answer, asked)
        except (FeedError, VenueError) as error:
            self._failed(error, asked)
            return False
        except InvariantBroken:
            raise
        except Exception as error:  # noqa: BLE001 - the outer edge of a venue's code
            self._failed(error, asked)
            self._fault("snapshot", error)
            return False
        self.counts.snapshots += 1
        for book in books:
            last = self._streamed.get(book.instrument)
            if last is None or not (book.mono_ns < last.mono_ns or _told_earlier(book, last)):
                self._state(book)
            else:
                self.counts.outdated += 1
        return True

    def _state(self, book: OrderBook) -> None:
        self._hear(book.instrument, book.mono_ns)
        self.counts.books += 1
        self._deliver(BookUpdated(book))

    def _hear(self, instrument: InstrumentId, mono_ns: int) -> None:
        heard_ns = self._heard_ns.get(instrument)
        if heard_ns is None or heard_ns < mono_ns:
            self._heard_ns[instrument] = mono_ns

    def _failed(self, error: Exception, asked: Stamp) -> None:
        # The pause after a failure grows, so these lines become rare.
        self.counts.snapshots_failed += 1
        if isinstance(error, FrameInvalid):
            self.counts.socket.count_invalid(error, asked.mono_ns)
        _log.info(
            "snapshot_failed",
            venue=self._codec.venue,
            error=type(error).__name__,
            reason=str(error)[:200],
        )

    def _fault(self, where: str, error: Exception) -> None:
        text = f"{where}: {type(error).__name__}"
        if text == self._reported:
            return
        self._reported = text
        now = self._clock.now()
        _log.error("feed_fault", venue=self._codec.venue, where=where, exc_info=error)
        self._deliver(FaultReported(now.at_ns, now.mono_ns, self._codec.venue, text))


def _told_earlier(book: OrderBook, last: OrderBook) -> bool:
    """Whether the venue itself says that ``book`` is older; False where it tells no time."""
    return book.venue_ns is not None and last.venue_ns is not None and book.venue_ns < last.venue_ns
