"""What the public sockets of a Korean venue say: order books, trades, tickers, as they happen."""

from collections.abc import Callable

from aiohttp import web
from msgspec import Struct

from trader.domain.instrument import Venue
from trader.sim.exchange import Exchange
from trader.sim.korean_frames import Message
from trader.sim.korean_market import as_decimal, orderbook_fields, ticker_message, trade_fields
from trader.sim.korean_params import in_ms
from trader.sim.korean_requests import ORDERBOOK, PUBLIC_TYPES, TICKER, TRADE, Wanted
from trader.sim.korean_socket import Voice
from trader.sim.korean_tape import Tapes
from trader.sim.model import (
    Book,
    BookChanged,
    Listing,
    OrderFilled,
    SimEvent,
    StatusChanged,
)

_SNAPSHOT, _REALTIME = "SNAPSHOT", "REALTIME"


class Tone(Struct, frozen=True):
    """How a venue's public messages differ.

    ``book_time`` makes an order book's timestamp of nanoseconds; ``most_levels`` cuts books;
    ``of_tickers`` is what tickers say besides of a listing as it stands.
    """

    venue: Venue
    book_time: Callable[[int], int] = in_ms
    most_levels: int = 30
    of_tickers: Callable[[Listing], Message] = lambda _: {}


class Narrator:
    """Makes the messages of the public streams."""

    def __init__(self, exchange: Exchange, tapes: Tapes, tone: Tone):
        """Tell of what the exchange lists and the tapes noted."""
        self._exchange = exchange
        self._tapes = tapes
        self._tone = tone

    @property
    def voice(self) -> Voice:
        """What every public connection shares."""
        return Voice(PUBLIC_TYPES, self._snapshot, self._news)

    def _snapshot(self, wanted: Wanted) -> Message | None:
        code = wanted.code or ""
        if self._exchange.listing(self._tone.venue, code) is None:
            return None
        tape = self._tapes.of(code)
        if tape.book is None or tape.last is None:
            return None
        if wanted.type == ORDERBOOK:
            return self._book(code, tape.book, wanted, _SNAPSHOT)
        now_ns = self._exchange.now_ns(self._tone.venue)
        return self._market(code, wanted.type, now_ns, _SNAPSHOT)

    def _news(self, event: SimEvent, wanted: Wanted) -> list[Message]:
        match event:
            case BookChanged() if event.symbol == wanted.code:
                if wanted.type == ORDERBOOK:
                    return [self._book(event.symbol, event.book, wanted, _REALTIME)]
                if wanted.type == TICKER:
                    return [self._market(event.symbol, TICKER, event.book.at_ns, _REALTIME)]
            case OrderFilled() if event.order.symbol == wanted.code and wanted.type == TRADE:
                return [self._market(event.order.symbol, TRADE, event.trade.at_ns, _REALTIME)]
            case StatusChanged() if event.symbol == wanted.code and wanted.type == TICKER:
                return [self._market(event.symbol, TICKER, event.at_ns, _REALTIME)]
            case _:
                pass
        return []

    def _book(self, code: str, book: Book, wanted: Wanted, stream: str) -> Message:
        depth = min(wanted.depth, self._tone.most_levels)
        return {
            "type": ORDERBOOK,
            "code": code,
            "timestamp": self._tone.book_time(book.at_ns),
            **orderbook_fields(book, depth, wanted.level, as_decimal),
            "level": as_decimal(float(wanted.level)),
            "stream_type": stream,
        }

    def _market(self, code: str, kind: str, at_ns: int, stream: str) -> Message:
        tape = self._tapes.of(code)
        message: dict[str, object] = {"type": kind, "code": code}
        if kind == TICKER:
            message |= ticker_message(tape, at_ns)
            listing = self._exchange.listing(self._tone.venue, code)
            if listing is not None:
                message["delisting_date"] = listing.delisting_date
                message |= self._tone.of_tickers(listing)
        elif tape.last is not None:
            message |= trade_fields(tape, tape.last, as_decimal)
        return message | {"timestamp": in_ms(at_ns), "stream_type": stream}


def note_markets(
    exchange: Exchange, venue: Venue, tapes: Tapes, application: web.Application
) -> None:
    """Keep the tapes of a venue from now until the application is cleaned up."""
    # From now and not from the first request: a tape must not miss what comes in between.
    for listing in exchange.listings(venue):
        book = exchange.book(listing.id)
        if book is not None:
            tapes.of(listing.symbol).note_book(book)
    unsubscribe = exchange.subscribe(venue, tapes.hear)

    async def end(_: web.Application) -> None:
        unsubscribe()

    application.on_cleanup.append(end)
