"""Event: all that may enter the engine.

Events carry two clocks: ``at_ns`` (UTC) for records and ``mono_ns`` (monotonic) for every age.
"""

from decimal import Decimal

from msgspec import Struct

from trader.domain.authority import Sight
from trader.domain.control import Command
from trader.domain.instrument import Asset, FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.domain.order import ClientOrderId, Fill, OrderState, Side
from trader.domain.readiness import Readiness


class BookUpdated(Struct, frozen=True, tag=True, gc=False):
    """A venue stated an instrument's book."""

    book: OrderBook

    @property
    def at_ns(self) -> int:
        """UTC nanoseconds at which the frame was read."""
        return self.book.at_ns

    @property
    def mono_ns(self) -> int:
        """Monotonic nanoseconds at which the frame was read."""
        return self.book.mono_ns


class FeedLost(Struct, frozen=True, tag=True):
    """The connection that carried these instruments is gone; their books are void."""

    at_ns: int
    mono_ns: int
    venue: Venue
    reason: str


class OrderReported(Struct, frozen=True, tag=True):
    """A venue, paper or real, said something about one of our orders.

    ``executed`` is cumulative; ``fills`` are those new to the reporter, and are booked once by key.
    """

    at_ns: int
    mono_ns: int
    client_order_id: ClientOrderId
    state: OrderState
    executed: Decimal
    fills: tuple[Fill, ...] = ()
    reason: str = ""


class FeesStated(Struct, frozen=True, tag=True):
    """A venue stated the fee it takes on an instrument."""

    at_ns: int
    mono_ns: int
    instrument: InstrumentId
    fees: FeeSchedule


class InstrumentStated(Struct, frozen=True, tag=True):
    """A venue stated an instrument's rules, its fees, and whether it may be traded now."""

    at_ns: int
    mono_ns: int
    instrument: Instrument


class StatedOrder(Struct, frozen=True):
    """An order of this program's as a venue shows it, open or ended, asked for and not reported.

    ``executed`` is cumulative; ``fills`` may be missing. ``created_ns`` (UTC) is the venue's.
    """

    client_order_id: ClientOrderId
    instrument: InstrumentId
    side: Side
    state: OrderState
    executed: Decimal
    quantity: Decimal
    limit_price: Decimal
    created_ns: int
    fills: tuple[Fill, ...] = ()
    reason: str = ""


class AccountStated(Struct, frozen=True, tag=True):
    """A venue stated all it holds for us. What an asset is not named of is nothing.

    ``asked_mono_ns`` is when the question left: what was reported since may not be in it.
    ``looked`` where orders were asked for, too: ``orders`` are those of this program's making that
    the journal does not know, ``others`` the instruments of orders that nobody here made.
    """

    at_ns: int
    mono_ns: int
    venue: Venue
    asked_mono_ns: int
    holdings: tuple[tuple[Asset, Decimal], ...]
    looked: bool = False
    orders: tuple[StatedOrder, ...] = ()
    others: tuple[InstrumentId, ...] = ()


class AccountLost(Struct, frozen=True, tag=True):
    """The stream of our orders and balances at a venue is gone; what it would have told is not."""

    at_ns: int
    mono_ns: int
    venue: Venue
    reason: str


class CommandReceived(Struct, frozen=True, tag=True):
    """An operator's command reached the engine."""

    at_ns: int
    mono_ns: int
    command: Command
    id: str = ""
    """Names the command; its reply carries it."""
    sight: Sight = Sight(0, None)
    """The host's files as they stood when the command came."""


class CycleTicked(Struct, frozen=True, tag=True):
    """One pass of the control loop began; ``readiness`` is what was sensed just before."""

    at_ns: int
    mono_ns: int
    number: int
    readiness: Readiness | None = None


class ProcessStarted(Struct, frozen=True, tag=True):
    """A process begins to decide; first event after the journal was replayed."""

    at_ns: int
    mono_ns: int
    version: str
    seed: int | None = None
    unguarded: int = 0
    """Live positions in the ledger while this process, in mock or paper, guards none of them."""
    sight: Sight = Sight(0, None)
    """The host's files as they stood at the start."""
    draw: str = ""
    """Eight characters of base 36 drawn for this start; without them its epoch is counted."""


class LossSeen(Struct, frozen=True, tag=True):
    """The gate, sensing everything anew for an order, met what the last cycle had not."""

    at_ns: int
    mono_ns: int
    readiness: Readiness


class StopRequested(Struct, frozen=True, tag=True):
    """The process was asked to end: no entry after this. ``flatten`` closes what is open."""

    at_ns: int
    mono_ns: int
    reason: str
    flatten: bool = False


class ProcessStopping(Struct, frozen=True, tag=True):
    """Orders in flight are done or their time is up; last event of a process."""

    at_ns: int
    mono_ns: int
    reason: str


class FaultReported(Struct, frozen=True, tag=True):
    """A part of the program met a fault it survived; someone should look."""

    at_ns: int
    mono_ns: int
    where: str
    message: str


Event = (
    BookUpdated
    | FeedLost
    | OrderReported
    | FeesStated
    | InstrumentStated
    | AccountStated
    | AccountLost
    | CommandReceived
    | CycleTicked
    | ProcessStarted
    | LossSeen
    | StopRequested
    | ProcessStopping
    | FaultReported
)
