"""A user's own streams, public and private, kept from taking the engine down.

What they raise beside ``FrameInvalid`` costs them their connection and is told; what they return
beside their protocol is a frame that does not decode.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from trader.app.dotted import broke
from trader.app.own_checks import (
    Unsound,
    sound_balances,
    sound_book,
    sound_request,
    sound_view,
    typed,
)
from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid, InvariantBroken
from trader.domain.instrument import InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.execution.venue import (
    BalancesSeen,
    OrderSeen,
    PrivateEnding,
    PrivateNews,
    PrivateStream,
)
from trader.feeds.codec import FeedCodec, FeedEnding, MarketTold
from trader.wire.http import HttpAnswer, HttpRequest

_T = TypeVar("_T")


class ContainedFeed:
    """What the engine hears through instead of the user's feed."""

    def __init__(
        self, feed: FeedCodec, venue: Venue, instruments: tuple[InstrumentId, ...]
    ) -> None:
        self.venue = venue
        self.instruments = instruments
        self.keepalive = feed.keepalive
        self._feed = feed
        self._known = frozenset(instruments)

    def address(self, ws_url: str) -> str:
        """Where to connect."""
        return _kept(lambda: self._feed.address(ws_url))

    def hello(self) -> tuple[str, ...]:
        """What to send first."""
        return _kept(self._feed.hello)

    def decode(
        self, frame: bytes | str, stamp: Stamp
    ) -> OrderBook | FeedEnding | MarketTold | None:
        """What a frame says.

        Raises:
            FrameInvalid: it does not decode, or not to what is promised.
        """
        said: object = _kept(lambda: self._feed.decode(frame, stamp))
        if said is None:
            return None
        try:
            if isinstance(said, FeedEnding):
                return typed(said, FeedEnding)
            if isinstance(said, MarketTold):
                return self._sound(typed(said, MarketTold))
            return sound_book(said, self._known, stamp)
        except Unsound as error:
            raise FrameInvalid(f"decoded to {error}") from error

    def _sound(self, told: MarketTold) -> MarketTold:
        if told.instrument not in self._known:
            raise Unsound("what is told of a market nobody asked for")
        return told

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """The requests that state these books.

        Raises:
            Unsound: they are none.
        """
        return tuple(sound_request(one) for one in _kept(lambda: self._feed.snapshot(instruments)))

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """The books in an answer.

        Raises:
            FrameInvalid: it does not decode, or not to what is promised.
            FeedError: the venue refused.
        """
        books = _kept(lambda: tuple(self._feed.read_snapshot(request, answer, stamp)))
        try:
            return tuple(sound_book(one, self._known, stamp) for one in books)
        except Unsound as error:
            raise FrameInvalid(f"decoded to {error}") from error


class ContainedStream:
    """What the engine hears of its orders through instead of the user's private stream."""

    def __init__(self, stream: PrivateStream, instruments: tuple[InstrumentId, ...]) -> None:
        self.keepalive = stream.keepalive
        self.says_when_ready = bool(stream.says_when_ready)
        self._stream = stream
        self._known = frozenset(instruments)

    def address(self, ws_url: str) -> str:
        """Where to connect."""
        return _kept(lambda: self._stream.address(ws_url))

    def headers(self, stamp: Stamp) -> Mapping[str, str]:
        """Headers of the handshake."""
        return _kept(lambda: self._stream.headers(stamp))

    def hello(self, stamp: Stamp) -> tuple[str, ...]:
        """What to send first."""
        return _kept(lambda: self._stream.hello(stamp))

    def is_ready(self, frame: bytes | str) -> bool:
        """Whether the subscription stands."""
        return _kept(lambda: self._stream.is_ready(frame)) is True

    def decode(self, frame: bytes | str, stamp: Stamp) -> tuple[PrivateNews, ...]:
        """What a frame says; an order of an instrument that is not traded here is left out.

        Raises:
            FrameInvalid: it does not decode, or not to what is promised.
        """
        said: Sequence[object] = _kept(lambda: tuple(self._stream.decode(frame, stamp)))
        try:
            read = [self._news(one) for one in said]
        except Unsound as error:
            raise FrameInvalid(f"decoded to {error}") from error
        return tuple(one for one in read if one is not None)

    def _news(self, one: object) -> PrivateNews | None:
        if isinstance(one, OrderSeen):
            # Somebody else's, and perhaps in an asset we would not even know how to write.
            if one.view.instrument not in self._known:
                return None
            return OrderSeen(sound_view(one.view, self._known))
        if isinstance(one, BalancesSeen):
            return BalancesSeen(sound_balances(one.balances))
        if isinstance(one, PrivateEnding):
            return typed(one, PrivateEnding)
        raise Unsound(f"{type(one).__name__}, not PrivateNews")


def _kept(question: Callable[[], _T]) -> _T:
    """The answer. An error that would end the process is made one that ends the connection."""
    try:
        return question()
    except InvariantBroken as error:
        raise FeedError(f"broke: {broke(error)}") from error
