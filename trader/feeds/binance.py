"""Binance spot: what to subscribe to, and what its public frames and book snapshots say.

Two streams an instrument on one combined connection. ``depth20@100ms`` states the best twenty
levels ten times a second; ``bookTicker`` states the best bid and ask the moment they change. Both
carry the venue's count of updates of that book, so which of them is newer is never a guess:

- A ticker newer than the last levels replaces the top. What stood better than its prices is gone,
  what stands behind is as the levels said.
- Levels older than the last ticker do not bring back an older top: the ticker is laid over them.
- What is older than what was already told says nothing.
- A book of two parts is as old as the older of them, so tickers alone never keep levels fresh.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid
from trader.domain.instrument import BINANCE, InstrumentId, Venue, split_id
from trader.domain.market import Level, OrderBook
from trader.feeds.codec import FeedEnding
from trader.wire.http import HttpAnswer, HttpRequest

_LEVELS = 20
_DEPTH = f"@depth{_LEVELS}@100ms"
_TICKER = "@bookTicker"
_SHUTDOWN = "serverShutdown"
_SNAPSHOT_WEIGHT = 5
_NEVER = -1
_NAN = float("nan")
_INFINITE = float("inf")
_SHOWN = 80

# msgspec's own errors; text that is no UTF-8; numbers too large and brackets too deep for it.
_UNDECODABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)

_Side = tuple[Level, ...]


class _Said(Struct, gc=False):
    """Partial depth or bookTicker.

    In one type, since only the stream's name tells them apart, and to look at that first would be
    a second pass over the frame.
    """

    last_update_id: int = field(default=_NEVER, name="lastUpdateId")
    bids: _Side | None = None
    asks: _Side | None = None
    update_id: int = field(default=_NEVER, name="u")
    symbol: str = field(default="", name="s")
    bid: float = field(default=_NAN, name="b")
    bid_size: float = field(default=_NAN, name="B")
    ask: float = field(default=_NAN, name="a")
    ask_size: float = field(default=_NAN, name="A")


_NOTHING_SAID = _Said()
"""Its prices and sizes equal none, not even their own."""


class _Frame(Struct, gc=False):
    """A frame of a combined stream."""

    stream: str
    data: _Said


class _Other(Struct):
    """Whatever else arrives: events without a stream, answers to subscriptions."""

    stream: str = ""
    event: str = field(default="", name="e")
    id: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


read_frame = msgspec.json.Decoder(_Frame, strict=False).decode
"""What a frame of a combined stream says, undigested."""


class _Market:
    """What was last told of one instrument, by levels and by ticker."""

    def __init__(self, instrument: InstrumentId) -> None:
        _, base, quote = split_id(instrument)
        self.id = instrument
        self.symbol = f"{base}{quote}"
        self.forget()

    def forget(self) -> None:
        """Begin anew: what another connection told is not compared with what this one tells."""
        self._levels_id = self._ticker_id = _NEVER
        self._levels_at = self._ticker_at = Stamp(0, 0)
        self._levels: tuple[_Side, _Side] = ((), ())
        self._ticker = self._laid = _NOTHING_SAID
        self._bids: _Side = ()
        self._asks: _Side = ()
        self._bids_behind: _Side = ()
        self._asks_behind: _Side = ()

    def levels(self, said: _Said, stamp: Stamp) -> OrderBook | None:
        """Take the best levels in. The same again, said later, confirms them."""
        bids, asks, update_id = said.bids, said.asks, said.last_update_id
        if bids is None or asks is None or update_id < 0:
            raise FrameInvalid(f"binance {self.symbol}: levels without sides or lastUpdateId")
        if update_id < self._levels_id or (
            update_id == self._levels_id and stamp.mono_ns < self._levels_at.mono_ns
        ):
            return None
        self._levels_id, self._levels_at = update_id, stamp
        self._levels, self._laid = (bids, asks), _NOTHING_SAID
        if update_id < self._ticker_id:
            return self._merged()
        return OrderBook(self.id, bids, asks, stamp.at_ns, stamp.mono_ns)

    def ticker(self, said: _Said, stamp: Stamp) -> OrderBook | None:
        """Take a best bid and ask in; no book while there are no levels to lay them on."""
        update_id = said.update_id
        # Where a side is empty its price and size are zero. A number that is none passes no test,
        # and any that is infinite makes the sum so.
        if not (
            update_id >= 0
            and said.bid >= 0.0
            and said.ask >= 0.0
            and said.bid_size >= 0.0
            and said.ask_size >= 0.0
            and said.bid + said.ask + said.bid_size + said.ask_size < _INFINITE
        ):
            raise FrameInvalid(f"binance {self.symbol}: bookTicker without prices, sizes or u")
        if said.symbol != self.symbol:
            raise FrameInvalid(f"binance {self.symbol}: bookTicker of {said.symbol[:_SHOWN]!r}")
        if update_id <= self._levels_id or update_id <= self._ticker_id:
            return None
        self._ticker_id, self._ticker_at, self._ticker = update_id, stamp, said
        return None if self._levels_id == _NEVER else self._merged()

    def _merged(self) -> OrderBook:
        """The newest ticker over the newest levels.

        Mostly one side has changed since the last one was laid. The other stays the very same
        object, here and for whoever judges it.
        """
        said, laid = self._ticker, self._laid
        bid, bid_size, ask, ask_size = said.bid, said.bid_size, said.ask, said.ask_size
        if bid != laid.bid:
            self._bids_behind = _below(bid, self._levels[0])
            self._bids = ((bid, bid_size), *self._bids_behind) if bid > 0.0 else ()
        elif bid_size != laid.bid_size:
            self._bids = ((bid, bid_size), *self._bids_behind) if bid > 0.0 else ()
        if ask != laid.ask:
            self._asks_behind = _above(ask, self._levels[1])
            self._asks = ((ask, ask_size), *self._asks_behind) if ask > 0.0 else ()
        elif ask_size != laid.ask_size:
            self._asks = ((ask, ask_size), *self._asks_behind) if ask > 0.0 else ()
        self._laid = said
        older = self._levels_at
        if self._ticker_at.mono_ns < older.mono_ns:
            older = self._ticker_at
        return OrderBook(self.id, self._bids, self._asks, older.at_ns, older.mono_ns)


class BinanceFeed:
    """Implements ``FeedCodec``. Holds what was last told of each book.

    Asking for the address of a new connection begins anew; until then the venue's counts say which
    of two connections told the newer thing.
    """

    def __init__(self, instruments: Sequence[InstrumentId]) -> None:
        self._markets = {one.id: one for one in map(_Market, instruments)}
        self._by_symbol = {one.symbol: one for one in self._markets.values()}
        self._streams: dict[str, Callable[[_Said, Stamp], OrderBook | None]] = {}
        for market in self._markets.values():
            name = market.symbol.lower()
            self._streams[name + _DEPTH] = market.levels
            self._streams[name + _TICKER] = market.ticker
        self._others = msgspec.json.Decoder(_Other)
        self._snapshots = msgspec.json.Decoder(_Said, strict=False)

    @property
    def venue(self) -> Venue:
        """Whose books these are."""
        return BINANCE

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Whose books it was constructed for."""
        return tuple(self._markets)

    @property
    def keepalive(self) -> str | None:
        """None: the venue pings every 20 seconds and is satisfied with pongs."""
        return None

    def address(self, ws_url: str) -> str:
        """The combined stream of every instrument, below the configured base address."""
        for market in self._markets.values():
            market.forget()
        return f"{ws_url.rstrip('/')}/stream?streams={'/'.join(self._streams)}"

    def hello(self) -> tuple[str, ...]:
        """Nothing: the address itself asks for every stream."""
        return ()

    def decode(self, frame: bytes | str, stamp: Stamp) -> OrderBook | FeedEnding | None:
        """The book after this frame; None where it tells nothing new or is no book.

        Raises:
            FrameInvalid: it does not decode, or names an instrument that was not asked for.
        """
        try:
            said = read_frame(frame)
        except _UNDECODABLE:
            return self._decode_other(frame)
        take_in = self._streams.get(said.stream)
        if take_in is None:
            return self._unasked(said.stream)
        return take_in(said.data, stamp)

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """One request for each book, of as many levels as the stream states."""
        return tuple(
            HttpRequest(
                "GET",
                f"/api/v3/depth?symbol={self._markets[one].symbol}&limit={_LEVELS}",
                group="public",
                weight=_SNAPSHOT_WEIGHT,
            )
            for one in instruments
        )

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """The book in the answer, none where the stream has told as much or more meanwhile.

        A quiet market is confirmed by it; a ticker newer than the answer is laid over it.

        Raises:
            FrameInvalid: it does not decode.
            FeedError: the venue refused.
        """
        symbol = request.target.partition("symbol=")[2].partition("&")[0]
        market = self._by_symbol.get(symbol)
        if market is None:
            raise FrameInvalid(f"binance: no snapshot was asked for with {request.target!r}")
        if answer.status != 200:
            raise FeedError(f"binance {symbol}: snapshot answered with status {answer.status}")
        try:
            said = self._snapshots.decode(answer.body)
        except _UNDECODABLE as error:
            raise FrameInvalid(f"binance {symbol}: snapshot: {type(error).__name__}") from error
        book = market.levels(said, stamp)
        return () if book is None else (book,)

    def _decode_other(self, frame: bytes | str) -> FeedEnding | None:
        try:
            other = self._others.decode(frame)
        except _UNDECODABLE as error:
            raise FrameInvalid(f"binance: {type(error).__name__}: {_start_of(frame)}") from error
        if other.event == _SHUTDOWN:
            return FeedEnding(_SHUTDOWN)
        if other.stream and other.stream not in self._streams:
            return self._unasked(other.stream)
        if not other.stream and other.id is not UNSET and other.error is UNSET:
            return None
        raise FrameInvalid(f"binance: neither a book nor an answer: {_start_of(frame)}")

    def _unasked(self, stream: str) -> FeedEnding | None:
        """Other streams of our instruments are no books; those of other instruments are wrong."""
        if stream == f"!{_SHUTDOWN}":
            return FeedEnding(_SHUTDOWN)
        symbol, at, _ = stream.partition("@")
        if at and symbol.upper() in self._by_symbol:
            return None
        raise FrameInvalid(f"binance: stream {stream[:_SHOWN]!r} was not asked for")


# Sorted, so what a ticker says is gone stands first: mostly one level, or none. Written so that
# what is no number stays, and makes the book one that is not traded on.


def _below(best: float, bids: _Side) -> _Side:
    """The bids behind a best price."""
    gone = 0
    for price, _ in bids:
        if not price >= best:
            break
        gone += 1
    return bids[gone:]


def _above(best: float, asks: _Side) -> _Side:
    """The asks behind a best price."""
    gone = 0
    for price, _ in asks:
        if not price <= best:
            break
        gone += 1
    return asks[gone:]


def _start_of(frame: bytes | str) -> str:
    return repr(frame[:_SHOWN])
