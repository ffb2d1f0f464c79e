"""FeedCodec: what a venue must be able to say for its books to be heard. Holds no socket.

The user's own venue implements this to be heard and ``execution.venue.VenueClient`` to act.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.instrument import InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.wire.http import HttpAnswer, HttpRequest


class FeedEnding(Struct, frozen=True):
    """The venue said that this connection ends; a new one is due at once."""

    reason: str


class MarketTold(Struct, frozen=True):
    """What the venue says of a market besides its book.

    ``barred`` is why nothing is to be entered there, in the venue's words, empty where nothing is
    against it; ``halted`` whether it takes no order at all now.
    """

    instrument: InstrumentId
    barred: str = ""
    halted: bool = False


class FeedCodec(Protocol):
    """One venue's public stream and book snapshots, for the instruments it was constructed with.

    A user's own class stands in ``venues.own.NAME.feed`` and is constructed once, at start, as
    ``Feed(instruments)``, with a tuple of the instruments the pairs name at this venue. Its books
    carry the stamp they were given, levels as tuples of floats, and ``venue_ns`` or None.
    """

    @property
    def venue(self) -> Venue:
        """Whose books these are."""
        ...

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Whose books it was constructed for."""
        ...

    @property
    def keepalive(self) -> str | None:
        """The text frame that keeps an idle connection open; None where protocol pings suffice."""
        ...

    def address(self, ws_url: str) -> str:
        """Where to connect, from the configured base address."""
        ...

    def hello(self) -> tuple[str, ...]:
        """Text frames to send once connected; together they ask for every instrument."""
        ...

    def decode(
        self, frame: bytes | str, stamp: Stamp
    ) -> OrderBook | FeedEnding | MarketTold | None:
        """What a frame says; None for the rest (status, trades, answers to subscriptions).

        Raises:
            FrameInvalid: it does not decode, or names an instrument that was not asked for.
        """
        ...

    def snapshot(self, instruments: Sequence[InstrumentId]) -> tuple[HttpRequest, ...]:
        """The public requests that together state these books."""
        ...

    def read_snapshot(
        self, request: HttpRequest, answer: HttpAnswer, stamp: Stamp
    ) -> tuple[OrderBook, ...]:
        """The books in the answer to one of those requests, stamped with when it was *asked* for.

        Raises:
            FrameInvalid: it does not decode.
            FeedError: the venue refused.
        """
        ...
