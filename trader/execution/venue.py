"""VenueClient: what a venue must be able to do for orders to go there, and the words for it.

The user's own venue implements this to act and ``feeds.codec.FeedCodec`` to be heard. Placing an
order is split in two pure halves, since the lane writes the request in one synchronous step and
reads the answer later; everything else is asked through aiohttp. Nothing here ever sends an order
twice.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.instrument import Asset, FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.order import ApprovedOrder, ClientOrderId, Fill, OrderState, Side
from trader.execution.keys import Keys
from trader.wire.http import HttpAnswer, HttpRequest


class OrderView(Struct, frozen=True):
    """What a venue says of one order.

    ``executed`` is cumulative and in the base asset. ``fills`` are those this message names;
    ``client_order_id`` is empty where the order carries none (it is not ours). Look-ups and lists
    also tell what was ordered (``quantity``, ``limit_price``) and when (``created_ns``, UTC), so
    that an order whose commit a power cut took can be adopted; None and 0 where they do not.
    """

    client_order_id: ClientOrderId
    venue_order_id: str
    instrument: InstrumentId
    side: Side
    state: OrderState
    executed: Decimal
    fills: tuple[Fill, ...] = ()
    reason: str = ""
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    created_ns: int = 0


class Accepted(Struct, frozen=True, tag=True):
    """The venue took the order; ``view`` is what its answer already says of the outcome."""

    view: OrderView


class Rejected(Struct, frozen=True, tag=True):
    """The venue said no; nothing rests on its book and nothing was executed.

    ``halts`` where the fault lies with our key or signature: no later order could fare better.
    ``stale_rules`` where it lies with tick, lot or minimum, which must be asked for anew.
    """

    code: str
    message: str
    halts: bool = False
    stale_rules: bool = False


class Throttled(Struct, frozen=True, tag=True):
    """The venue did not look at the order. ``wait_s`` from now; ``banned`` for a 418."""

    code: str
    wait_s: float
    banned: bool = False


class Unknown(Struct, frozen=True, tag=True):
    """Nobody can say whether the order exists; only the venue's own records settle it."""

    reason: str


Placement = Accepted | Rejected | Throttled | Unknown


class Absent(Struct, frozen=True, tag=True):
    """The venue knows no such order *so far*.

    ``final`` only where the venue's own rules prove that none can appear any more.
    """

    final: bool = False


class Balance(Struct, frozen=True):
    """What the venue holds of an asset for us: all of it, and the part orders hold."""

    asset: Asset
    total: Decimal
    locked: Decimal


class KeyScope(Struct, frozen=True):
    """What the venue tells of our key; None where it does not tell."""

    can_withdraw: bool | None = None
    can_trade: bool | None = None
    expires_ns: int | None = None


class PrivateEnding(Struct, frozen=True, tag=True):
    """The private stream is over or void; connect anew and reconcile."""

    reason: str


class BalancesSeen(Struct, frozen=True, tag=True):
    """The venue told of balances that changed."""

    balances: tuple[Balance, ...]


class OrderSeen(Struct, frozen=True, tag=True):
    """The venue told of an order."""

    view: OrderView


PrivateNews = OrderSeen | BalancesSeen | PrivateEnding


class PrivateStream(Protocol):
    """One venue's private stream: frames out, frames in. Holds no socket."""

    @property
    def keepalive(self) -> str | None:
        """The text frame that keeps an idle connection open; None where protocol pings suffice."""
        ...

    def address(self, ws_url: str) -> str:
        """Where to connect, from the configured base address."""
        ...

    def headers(self, stamp: Stamp) -> Mapping[str, str]:
        """Headers of the handshake, signed anew for each connection."""
        ...

    def hello(self, stamp: Stamp) -> tuple[str, ...]:
        """Text frames to send once connected, signed anew for each connection."""
        ...

    def is_ready(self, frame: bytes | str) -> bool:
        """Whether this frame says that the subscription stands; nothing before it is relied on.

        A venue that says nothing on success answers True to any frame, and is ready at once.
        """
        ...

    @property
    def says_when_ready(self) -> bool:
        """Whether the venue confirms the subscription; if not, it stands once it was sent."""
        ...

    def decode(self, frame: bytes | str, stamp: Stamp) -> tuple[PrivateNews, ...]:
        """What a frame says; nothing for what does not concern orders and balances.

        Raises:
            FrameInvalid: it does not decode.
        """
        ...


class VenueClient(Protocol):
    """One venue's private and public REST, for the instruments it was constructed with.

    Every coroutine raises ``VenueUnavailable`` (did not leave), ``OutcomeUnknown`` (left, no
    answer), ``VenueRejected`` (the venue said no; the code in the message) and never retries a
    request that changes anything.

    A user's own class stands in ``venues.own.NAME.client`` and is constructed once, at start, as
    ``Client(ground)`` with a ``ClientGround``. It may have an attribute ``limits``, a tuple of
    ``wire.budget.Limit``, and with it ``read_limits``, a ``wire.budget.Reader``: what the venue
    allows, and what its answers say of that. Without them five requests a second leave at most,
    two of them orders.
    """

    @property
    def venue(self) -> Venue:
        """Which one."""
        ...

    # orders, in the one synchronous step of the lane

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The signed request that places ``order``, an IOC or FOK limit with its client id."""
        ...

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """What the answer to ``placement`` means. Never raises: what it cannot read is unknown."""
        ...

    def warming(self) -> HttpRequest:
        """A cheap public request that keeps an order connection open."""
        ...

    # everything else

    async def cancel(self, client_order_id: ClientOrderId, instrument: InstrumentId) -> None:
        """Ask for an order to be cancelled; its end is told elsewhere."""
        ...

    async def find(
        self, client_order_id: ClientOrderId, instrument: InstrumentId, sent_ns: int
    ) -> OrderView | Absent:
        """What the venue knows of an order sent at ``sent_ns`` (UTC), with all its fills."""
        ...

    async def open_orders(self) -> tuple[OrderView, ...]:
        """Every open order of the account in the known instruments, ours or not."""
        ...

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """Orders of the known instruments that ended since then (UTC), as far back as it tells.

        Fills may be missing; ``find`` names them.
        """
        ...

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance of the account that is not nothing."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]:
        """The known instruments with the venue's own rules, fees and whether they may be traded.

        Without keys what the venue only tells an account is taken as published.
        """
        ...

    async def fees(self) -> Mapping[InstrumentId, FeeSchedule]:
        """What the account pays as a taker."""
        ...

    async def clock_skew_ms(self) -> float:
        """How far this host's clock is ahead of the venue's, in milliseconds, signed."""
        ...

    async def key_scope(self) -> KeyScope:
        """What our key may do, as far as the venue tells."""
        ...

    async def try_order(self, order: ApprovedOrder) -> Placement | None:
        """Let the venue judge an order without placing it; None where it has no such call."""
        ...

    def private_stream(self) -> PrivateStream:
        """The stream of our orders and balances."""
        ...


class Asking(Protocol):
    """Sends a request of one venue and waits for the answer: aiohttp within the venue's budget.

    Raises:
        VenueUnavailable: it did not leave, or the venue's budget or ban forbids it now.
        OutcomeUnknown: it left and no answer came in time.
    """

    async def __call__(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status."""
        ...


class ClientGround(Struct, frozen=True):
    """What a user's own client is constructed on.

    ``keys`` are None in paper mode, where everything public must work and the rest raises
    ``VenueUnavailable``. ``instruments`` are those the pairs name at this venue. ``ask`` sends
    everything but orders; ``now`` is this instant, for whatever is signed. ``taker_fee_pct`` is the
    config's, for as long as the venue has not told.
    """

    keys: Keys | None
    instruments: tuple[InstrumentId, ...]
    ask: Asking
    now: Callable[[], Stamp]
    taker_fee_pct: Decimal


def ours(views: Sequence[OrderView], prefix: str) -> tuple[OrderView, ...]:
    """Those whose client order id carries our prefix."""
    return tuple(view for view in views if view.client_order_id.startswith(prefix))
