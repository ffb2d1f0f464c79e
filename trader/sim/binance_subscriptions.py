"""Market streams without a socket: their names, and the messages each one's events become."""

import re
from collections.abc import Callable

from msgspec import Struct

from trader.domain.market import Level
from trader.sim.binance_filters import text
from trader.sim.binance_market import buyer_is_maker, levels_json, number
from trader.sim.binance_render import Json
from trader.sim.model import Book, Levels, SimTrade

Time = Callable[[int], int]
"""Nanoseconds to what the connection's ``timeUnit`` counts in."""
_NAME = re.compile(
    r"(?P<symbol>[a-z0-9]{1,20})@(?P<kind>depth|bookTicker|trade|aggTrade)"
    r"(?P<levels>5|10|20)?(?:@(?P<pace>100|1000)ms)?"
)
FAST_NS, SLOW_NS = 100_000_000, 1_000_000_000


class StreamName(Struct, frozen=True):
    """A stream that exists: whose, what of it, how many levels (0: changes), how often."""

    symbol: str
    kind: str
    levels: int
    every_ns: int


def parse(name: str) -> StreamName | None:
    """What a name asks for; None where no stream has it, upper-case names among them."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind, levels, pace = match["kind"], match["levels"], match["pace"]
    if kind != "depth" and (levels or pace):
        return None
    every_ns = FAST_NS if pace == "100" else SLOW_NS
    return StreamName(match["symbol"].upper(), kind, int(levels or 0), every_ns)


class BookStream:
    """One ``depth`` stream of one connection: whole books, or what changed since the last frame.

    Changes count on from the book at the time of subscribing, so that a snapshot asked for later
    always meets them.
    """

    def __init__(self, name: StreamName, book: Book | None) -> None:
        self._name = name
        self._last = book
        self._sent_sequence = -1 if book is None or name.levels else book.sequence
        self._due_ns = 0

    def frame(self, book: Book | None, now_ns: int, mono_ns: int, time: Time) -> Json | None:
        """The message that is due now; None where nothing changed or it is too soon."""
        # Paced by the host's monotonic clock: a skew of the venue's must not stop its streams.
        if book is None or book.sequence == self._sent_sequence or mono_ns < self._due_ns:
            return None
        self._due_ns = mono_ns + self._name.every_ns
        first = self._sent_sequence + 1
        previous, self._last, self._sent_sequence = self._last, book, book.sequence
        levels = self._name.levels
        if levels:
            return {
                "lastUpdateId": book.sequence,
                "bids": levels_json(book.bids[:levels]),
                "asks": levels_json(book.asks[:levels]),
            }
        return {
            "e": "depthUpdate",
            "E": time(now_ns),
            "s": self._name.symbol,
            "U": first if previous is not None else book.sequence,
            "u": book.sequence,
            "b": changes(previous.bids if previous else (), book.bids),
            "a": changes(previous.asks if previous else (), book.asks),
        }


class BestStream:
    """One ``bookTicker`` stream of one connection: the best levels, whenever they changed."""

    def __init__(self, symbol: str, book: Book | None) -> None:
        self._symbol = symbol
        self._best = _best(book)

    def frame(self, book: Book) -> Json | None:
        """The message for this book; None where its best levels are the last ones."""
        best = _best(book)
        if best is None or best == self._best:
            return None
        self._best = best
        bid, ask = best
        # No event type and no time: Binance sends none here.
        return {
            "u": book.sequence,
            "s": self._symbol,
            "b": number(bid[0]),
            "B": number(bid[1]),
            "a": number(ask[0]),
            "A": number(ask[1]),
        }


def trade_frame(symbol: str, trade: SimTrade, now_ns: int, time: Time) -> Json:
    """A ``trade`` event."""
    return {
        "e": "trade",
        "E": time(now_ns),
        "s": symbol,
        "t": int(trade.id),
        "p": text(trade.price),
        "q": text(trade.quantity),
        "T": time(trade.at_ns),
        "m": buyer_is_maker(trade),
        "M": True,
    }


def aggregate_frame(symbol: str, trade: SimTrade, now_ns: int, time: Time) -> Json:
    """An ``aggTrade`` event; each fill is an aggregate of its own."""
    frame = trade_frame(symbol, trade, now_ns, time)
    number_of_trade = frame.pop("t")
    return frame | {
        "e": "aggTrade",
        "a": number_of_trade,
        "f": number_of_trade,
        "l": number_of_trade,
    }


def changes(before: Levels, after: Levels) -> list[tuple[str, str]]:
    """Levels that are new or have another quantity; quantity zero for those that are gone."""
    known, now = dict(before), dict(after)
    changed: list[Level] = [(price, size) for price, size in after if known.get(price) != size]
    gone: list[Level] = [(price, 0.0) for price, _ in before if price not in now]
    return levels_json((*changed, *gone))


def _best(book: Book | None) -> tuple[Level, Level] | None:
    return (book.bids[0], book.asks[0]) if book is not None and book.bids and book.asks else None
