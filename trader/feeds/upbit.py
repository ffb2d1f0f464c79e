"""Upbit's books: subscribe frames and decoding. Holds no socket."""

from collections.abc import Sequence

import msgspec

from trader.domain.clock import Stamp
from trader.domain.instrument import UPBIT, InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.feeds.codec import FeedEnding, MarketTold
from trader.feeds.korean import (
    LEVELS,
    PING,
    BookReader,
    books_request,
    read_books,
    symbol_of,
)
from trader.feeds.korean_ticker import TICKER
from trader.wire.http import HttpAnswer, HttpRequest


class UpbitFeed:
    """Order books of 15 levels in the SIMPLE format, which is half as many bytes to read."""

    venue: Venue = UPBIT
    keepalive: str | None = PING

    def __init__(self, instruments: Sequence[InstrumentId]) -> None:
        self.instruments = tuple(instruments)
        self._symbols = {symbol_of(instrument): instrument for instrument in instruments}
        self._reader = BookReader(self._symbols, simple=True)

    def address(self, ws_url: str) -> str:
        """Where to connect, from the configured base address."""
        return f"{ws_url.rstrip('/')}/websocket/v1"

    def hello(self) -> tuple[str, ...]:
        """One frame with the full set: a later one would replace it."""
        codes = [symbol_of(instrument) for instrument in self.instruments]
        asked = [
            {"ticket": f"{self.venue}-books"},
            {"type": "orderbook", "codes": [f"{code}.{LEVELS}" for code in codes]},
            # A delisting is announced there and nowhere else.
            {"type": TICKER, "codes": codes},
            {"format": "SIMPLE"},
        ]
        return (msgspec.json.encode(asked).decode(),)

    def decode(
        self, frame: bytes | str, stamp: Stamp
    ) -> OrderBook | FeedEnding | MarketTold | None:
        """What a frame says; None for what is neither a book nor a ticker.

        Raises:
            FrameInvalid: it does not decode, or names an instrument that was not asked for.
        """
        return self._reader.read(frame, stamp)

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """The public request that states these books."""
        return books_request(instruments)

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """The books in the answer, stamped with when it was asked for.

        Raises:
            FrameInvalid: it does not decode.
            FeedError: the venue refused.
        """
        del request
        return read_books(self._symbols, answer, stamp)
