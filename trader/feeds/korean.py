"""What Upbit and Bithumb share in saying books: their frames, their REST books, their addresses.

Every order book message of both is a full snapshot; there are no deltas and no sequence numbers.
Holds no socket.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import FeedError, FrameInvalid
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.market import Level, OrderBook
from trader.feeds.codec import FeedEnding, MarketTold
from trader.feeds.korean_ticker import TICKER, read_ticker
from trader.wire.http import HttpAnswer, HttpRequest

LEVELS = 15
"""Levels a side, of the stream and of a snapshot."""

ORDERBOOK_GROUP = "orderbook"
PING = "PING"
"""Both close a connection on which nothing was said for about 120 s; this text counts."""

_NOT_JSON = (msgspec.MsgspecError, ValueError, RecursionError)
"""All that decoding may raise: bad JSON or types, text that is no UTF-8, nesting without end."""

_MS_NS = 1_000_000
_US_NS = 1_000
_OLDEST_MS = 1_000_000_000_000
_LATEST_MS = 4_000_000_000_000
"""The years 2001 and 2096: no time of a venue lies outside, in whichever unit it is told."""

_SILENT_KINDS = frozenset({"trade"})


class _SimpleLevel(
    Struct,
    gc=False,
    rename={"ask": "ap", "bid": "bp", "ask_size": "as", "bid_size": "bs"},
):
    """One rank of both sides, in the short names."""

    ask: float
    bid: float
    ask_size: float
    bid_size: float


class _SimpleFrame(
    Struct, gc=False, rename={"kind": "ty", "code": "cd", "time": "tms", "levels": "obu"}
):
    """What is read of a frame in the short names."""

    kind: str = ""
    code: str = ""
    time: int = 0
    levels: list[_SimpleLevel] | None = None


class _FullLevel(Struct, gc=False, rename={"ask": "ask_price", "bid": "bid_price"}):
    """One rank of both sides, in the long names."""

    ask: float
    bid: float
    ask_size: float
    bid_size: float


class _FullFrame(
    Struct,
    gc=False,
    rename={"kind": "type", "time": "timestamp", "levels": "orderbook_units"},
):
    """What is read of a frame in the long names."""

    kind: str = ""
    code: str = ""
    time: int = 0
    levels: list[_FullLevel] | None = None


class _RestBook(Struct, gc=False, rename={"time": "timestamp", "levels": "orderbook_units"}):
    """One market in the answer to a request for books."""

    market: str
    time: int
    levels: list[_FullLevel]


class _Refusal(Struct):
    """The name is text or a number."""

    name: str | int = ""
    message: str = ""


class _Aside(Struct):
    """Frames that carry no market data: a sign of life, a list of subscriptions, a refusal."""

    status: str | None = None
    method: str | None = None
    error: _Refusal | None = None


# Not strict: Bithumb writes numbers as text in some messages. What is no number stays refused.
read_simple = msgspec.json.Decoder(_SimpleFrame, strict=False).decode
"""What a frame in the short names says, undigested."""

read_full = msgspec.json.Decoder(_FullFrame, strict=False).decode
"""The same in the long names."""

_read_rest = msgspec.json.Decoder(list[_RestBook], strict=False).decode
_read_aside = msgspec.json.Decoder(_Aside).decode

_Frame = _SimpleFrame | _FullFrame
_Read = Callable[[bytes | str], _Frame]


def symbol_of(instrument: InstrumentId) -> str:
    """How both venues spell an instrument: the quote first (``KRW-BTC``)."""
    _, base, quote = split_id(instrument)
    return f"{quote}-{base}"


class BookReader:
    """Decodes frames of either format into books of the instruments it knows by their symbol.

    ``simple`` says which format was asked for and is tried first; the other is understood too.
    """

    def __init__(self, symbols: Mapping[str, InstrumentId], *, simple: bool) -> None:
        self._symbols = symbols
        both: tuple[_Read, _Read] = (read_simple, read_full)
        self._read, self._read_other = both if simple else both[::-1]

    def read(self, frame: bytes | str, stamp: Stamp) -> OrderBook | FeedEnding | MarketTold | None:
        """What a frame says; None for what is neither a book nor a ticker.

        Raises:
            FrameInvalid: it does not decode, or names an instrument that was not asked for.
        """
        try:
            said = self._read(frame)
            if said.kind != "orderbook":
                said = self._read_other(frame) if not said.kind else said
                if said.kind == TICKER:
                    is_simple = isinstance(said, _SimpleFrame)
                    return read_ticker(frame, self._symbols, simple=is_simple)
                if said.kind != "orderbook":
                    return _aside(frame, said.kind)
        except _NOT_JSON as error:
            raise FrameInvalid(f"not a frame: {error}") from None
        instrument = self._symbols.get(said.code)
        if instrument is None:
            raise FrameInvalid(f"a book nobody asked for: {said.code[:40]!r}")
        levels = said.levels
        if levels is None:
            raise FrameInvalid("a book without levels")
        # One loop over both sides, which is what a frame costs beside its decoding: measured, two
        # comprehensions take longer.
        bids: list[Level] = []
        asks: list[Level] = []
        for level in levels:
            bids.append((level.bid, level.bid_size))
            asks.append((level.ask, level.ask_size))
        if levels and not (level.bid_size and level.ask_size):
            bids, asks = _without_padding(bids), _without_padding(asks)
        return OrderBook(
            instrument,
            tuple(bids),
            tuple(asks),
            stamp.at_ns,
            stamp.mono_ns,
            _venue_ns(said.time),
        )


def books_request(instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
    """One request for the books of all these instruments; none where there are none."""
    if not instruments:
        return ()
    markets = ",".join(symbol_of(instrument) for instrument in instruments)
    return (HttpRequest("GET", f"/v1/orderbook?markets={markets}", group=ORDERBOOK_GROUP),)


def read_books(
    symbols: Mapping[str, InstrumentId], answer: HttpAnswer, stamp: Stamp
) -> tuple[OrderBook, ...]:
    """The books in an answer, the best levels of each.

    Raises:
        FrameInvalid: it does not decode.
        FeedError: the venue refused.
    """
    if answer.status != 200:
        raise FeedError(f"books refused with HTTP {answer.status}{_why(answer.body)}")
    try:
        said = _read_rest(answer.body)
    except _NOT_JSON as error:
        # Bithumb may refuse with HTTP 200 and an error in the body.
        if why := _why(answer.body):
            raise FeedError(f"books refused{why}") from None
        raise FrameInvalid(f"not an answer with books: {error}") from None
    return tuple(_rest_book(symbols, book, stamp) for book in said)


def _rest_book(symbols: Mapping[str, InstrumentId], book: _RestBook, stamp: Stamp) -> OrderBook:
    instrument = symbols.get(book.market)
    if instrument is None:
        raise FrameInvalid(f"a book nobody asked for: {book.market[:40]!r}")
    levels = book.levels[:LEVELS]
    return OrderBook(
        instrument,
        tuple(_without_padding([(level.bid, level.bid_size) for level in levels])),
        tuple(_without_padding([(level.ask, level.ask_size) for level in levels])),
        stamp.at_ns,
        stamp.mono_ns,
        _venue_ns(book.time),
    )


def _venue_ns(time: int) -> int:
    """A venue's time in nanoseconds; Bithumb's books tell microseconds, the rest milliseconds."""
    if _OLDEST_MS <= time < _LATEST_MS:
        return time * _MS_NS
    if _OLDEST_MS * 1_000 <= time < _LATEST_MS * 1_000:
        return time * _US_NS
    raise FrameInvalid(f"a book with the time {str(time)[:40]}")


def _without_padding(levels: list[Level]) -> list[Level]:
    """The levels with a quantity: where one side has fewer ranks, zeros stand for the rest."""
    return [level for level in levels if level[1]]


def _aside(frame: bytes | str, kind: str) -> FeedEnding | None:
    """What a frame that is no book means; an ending where the venue refused what we asked."""
    if kind in _SILENT_KINDS:
        return None
    said = _read_aside(frame)
    if said.error is not None:
        # The subscription does not stand: nothing would ever come on this connection.
        return FeedEnding(f"{said.error.name}: {said.error.message}"[:200])
    if kind or (said.status is None and said.method is None):
        raise FrameInvalid(f"a frame of no known kind: {kind[:40]!r}")
    return None


def _why(body: bytes) -> str:
    """The venue's own word for a refusal, as the end of a sentence; empty where it has none."""
    try:
        error = _read_aside(body).error
    except _NOT_JSON:
        return ""
    return "" if error is None else f": {error.name} {error.message}"[:200]
