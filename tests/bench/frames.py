"""What venues send: frames for the decoding benchmark, drawn as venues write them, and recorded.

Books are those of the seeded market in the simulator's words. Tickers change one side at a time,
as every recorded one does: seven times in ten only the size that stands there.
"""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from tests.support.builders import AT_NS, BINANCE_BTC, BITHUMB_BTC, MS_NS, UPBIT_BTC
from trader.domain.instrument import BINANCE, UPBIT, InstrumentId
from trader.domain.synthetic import SyntheticMarket
from trader.feeds.binance import BinanceFeed, read_frame
from trader.feeds.bithumb import BithumbFeed
from trader.feeds.codec import FeedCodec
from trader.feeds.korean import LEVELS, read_full, read_simple, symbol_of
from trader.feeds.upbit import UpbitFeed
from trader.sim.binance_market import book_json, number
from trader.sim.captured import read_captured
from trader.sim.korean_frames import UPBIT_NAMES, rendered
from trader.sim.korean_market import as_decimal, orderbook_fields
from trader.sim.korean_requests import Format
from trader.sim.model import Book

_UPBIT_RECORDED = "upbit-ws-2021-04-17.txt"
_BINANCE_RECORDED = "binance-ws-2021-10-12.txt"
_RECORDED_MARKET = "NKNUSDT"

_SEED = 7
_STEP_S = 0.1
_DEPTH = 20
_TICKERS_A_BOOK = 5
_TICK = 0.01
_MOVES = 0.3
_MADE_UP_STEP = 0.0001


class Stream(Struct, frozen=True):
    """Frames that one codec reads in this order; ``first`` come before and are not measured.

    ``typed`` decodes a frame as the codec does, and no more; ``ccxt`` is its name of a venue whose
    frames it reads as they are.
    """

    name: str
    what: str
    frames: tuple[bytes, ...]
    codec: Callable[[], FeedCodec]
    typed: Callable[[bytes], object]
    first: tuple[bytes, ...] = ()
    ccxt: str | None = None


def drawn(length: int) -> list[Stream]:
    """A stream of every kind, of about that many frames each."""
    upbit = tuple(_korean(book, Format.SIMPLE) for book in _books(UPBIT_BTC, length))
    bithumb = tuple(_korean(book, Format.DEFAULT) for book in _books(BITHUMB_BTC, length))
    books = _books(BINANCE_BTC, length)
    depths = tuple(_depth("BTCUSDT", book) for book in books)
    tickers = _Tickers("BTCUSDT", books[0]).take(length)
    mixed: list[bytes] = []
    for book in books[: length // (1 + _TICKERS_A_BOOK) + 1]:
        mixed += [_depth("BTCUSDT", book), *_Tickers("BTCUSDT", book).take(_TICKERS_A_BOOK)]
    return [
        Stream("upbit", "15 levels, SIMPLE", upbit, lambda: UpbitFeed([UPBIT_BTC]), read_simple),
        Stream(
            "bithumb",
            "15 levels, DEFAULT",
            bithumb,
            lambda: BithumbFeed([BITHUMB_BTC]),
            read_full,
            ccxt="bithumb",
        ),
        Stream("depth20", "20 levels", depths, _binance_codec, read_frame),
        Stream(
            "ticker",
            "best of 20 levels",
            tickers,
            _binance_codec,
            read_frame,
            depths[:1],
            ccxt="binance",
        ),
        Stream("binance", "1 depth20, 5 tickers", tuple(mixed), _binance_codec, read_frame),
    ]


def recorded() -> list[Stream]:
    """What real venues sent; nothing where ``CAPTURES_DIR`` is not set.

    Of Binance the tickers of one market: whatever else was recorded is no stream we ask for. The
    levels behind its first ticker are made up.
    """
    if not (folder := os.environ.get("CAPTURES_DIR")):
        return []
    told = tuple(one.text.encode() for one in read_captured(Path(folder, _UPBIT_RECORDED)))
    codes = sorted({msgspec.json.decode(frame)["cd"] for frame in told})
    markets = [InstrumentId(f"{UPBIT}:{'-'.join(code.split('-')[::-1])}") for code in codes]
    stream = f'{{"stream":"{_RECORDED_MARKET.lower()}@bookTicker"'
    lines = [one.text for one in read_captured(Path(folder, _BINANCE_RECORDED))]
    tickers = tuple(line.encode() for line in lines if line.startswith(stream))
    first = msgspec.json.decode(tickers[0])["data"]
    bid, ask = float(first["b"]), float(first["a"])
    ladder = [(round(k * _MADE_UP_STEP, 4), 1_000.0 + k) for k in range(_DEPTH)]
    bids = tuple((round(bid - down, 4), size) for down, size in ladder)
    asks = tuple((round(ask + up, 4), size) for up, size in ladder)
    market = InstrumentId(f"{BINANCE}:{_RECORDED_MARKET.removesuffix('USDT')}-USDT")
    made_up = _depth(_RECORDED_MARKET, Book(market, bids, asks, first["u"] - 1, 0))
    return [
        Stream(
            "upbit.recorded",
            "recorded books and trades",
            told,
            lambda: UpbitFeed(markets),
            read_simple,
        ),
        Stream(
            "ticker.recorded",
            "recorded, best of made-up levels",
            tickers,
            lambda: BinanceFeed([market]),
            read_frame,
            (made_up,),
        ),
    ]


def _binance_codec() -> FeedCodec:
    return BinanceFeed([BINANCE_BTC])


def _books(instrument: InstrumentId, count: int) -> list[Book]:
    """The market's books, a tenth of a second apart; ids leave room for tickers between them."""
    market = SyntheticMarket(_SEED, depth=_DEPTH)
    books = []
    for at in range(1, count + 1):
        market.step(_STEP_S)
        book = market.book(instrument)
        number_, at_ns = at * (1 + _TICKERS_A_BOOK), AT_NS + at * 100 * MS_NS
        books.append(Book(instrument, book.bids, book.asks, number_, at_ns))
    return books


def _korean(book: Book, form: Format) -> bytes:
    is_upbit = form is Format.SIMPLE
    message = {
        "type": "orderbook",
        "code": symbol_of(book.instrument),
        # Of a Bithumb book in microseconds.
        "timestamp": book.at_ns // (MS_NS if is_upbit else 1_000),
        **orderbook_fields(book, LEVELS, "0", as_decimal),
        "level": 0,
        "stream_type": "REALTIME",
    }
    return rendered(message, form, UPBIT_NAMES)


def _depth(symbol: str, book: Book) -> bytes:
    stream = f"{symbol.lower()}@depth{_DEPTH}@100ms"
    return msgspec.json.encode({"stream": stream, "data": book_json(book, _DEPTH)})


class _Tickers:
    """Best bids and asks that follow one another on a book whose levels stay."""

    def __init__(self, symbol: str, book: Book) -> None:
        self._symbol, self._id = symbol, book.sequence
        self._random = Random(book.sequence)
        self._sides = (book.bids, book.asks)
        self._best = [book.bids[0], book.asks[0]]
        # How many levels are gone; one below none: a better price than any of them.
        self._gone = [0, 0]

    def take(self, count: int) -> tuple[bytes, ...]:
        return tuple(self._next() for _ in range(count))

    def _next(self) -> bytes:
        random, self._id = self._random, self._id + 1
        side = random.randrange(2)
        if random.random() < _MOVES:
            self._move(side, random.choice((-1, 1)))
        size = round(random.expovariate(5) + 0.00001, 5)
        self._best[side] = (self._price(side), size)
        (bid, bid_size), (ask, ask_size) = self._best
        said = {
            "u": self._id,
            "s": self._symbol,
            "b": number(bid),
            "B": number(bid_size),
            "a": number(ask),
            "A": number(ask_size),
        }
        stream = f"{self._symbol.lower()}@bookTicker"
        return msgspec.json.encode({"stream": stream, "data": said})

    def _move(self, side: int, by: int) -> None:
        """One level is gone or comes back; a better one only where it leaves a spread."""
        before = self._gone[side]
        self._gone[side] = min(max(before + by, -1), 2)
        if self._price(0) >= self._price(1):
            self._gone[side] = before

    def _price(self, side: int) -> float:
        levels, gone = self._sides[side], self._gone[side]
        if gone >= 0:
            return levels[gone][0]
        return round(levels[0][0] + (_TICK, -_TICK)[side], 2)
