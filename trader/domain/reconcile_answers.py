"""What a reconciliation shows when somebody asks: each venue's orders and balances beside ours.

Nothing is changed by asking. Times are UTC nanoseconds.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.answers import OrderLine, Origin
from trader.domain.client_ids import Whose
from trader.domain.facts import Cause
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.order import ClientOrderId, OrderState, Side


class SeenOrder(Struct, frozen=True):
    """An order as its venue shows it; ``quantity`` is None where it was for an amount of money."""

    client_order_id: ClientOrderId
    instrument: InstrumentId
    side: Side
    state: OrderState
    quantity: Decimal | None
    executed: Decimal
    created_ns: int
    whose: Whose


class SeenBalance(Struct, frozen=True):
    """A balance as its venue states it. ``cause`` is our guess where it is, or was, not as counted.

    ``needed`` is what open legs need of it, ``missing`` what of it stays unexplained so far.
    """

    asset: Asset
    stated: Decimal
    counted: Decimal | None
    cause: Cause | None
    needed: Decimal
    missing: Decimal

    @property
    def change(self) -> Decimal:
        """What is stated beyond what is counted."""
        return self.stated - (self.counted or Decimal(0))

    @property
    def differs(self) -> bool:
        """Whether somebody should look at it."""
        is_explained = self.cause in (None, Cause.FIRST, Cause.ROUNDING, Cause.IN_FLIGHT)
        return not is_explained or self.missing != 0


class SeenVenue(Struct, frozen=True):
    """One venue. ``error`` where it did not answer; ``others`` are orders of nobody's here."""

    venue: Venue
    error: str = ""
    since_ns: int = 0
    open_orders: tuple[SeenOrder, ...] = ()
    recent: tuple[SeenOrder, ...] = ()
    """Ours that ended since then, the newest first."""
    more: int = 0
    """How many of ours are not listed."""
    others: int = 0
    balances: tuple[SeenBalance, ...] = ()


class StandingKind(StrEnum):
    """What stands until its cause is over or an operator accepts it."""

    BALANCE = "balance"
    SHORT = "short"
    FOREIGN = "foreign"


class Standing(Struct, frozen=True):
    """A difference that stands, by the name ``--accept`` takes; since when, and by how much."""

    kind: StandingKind
    subject: str
    since_ns: int
    amount: Decimal


class ReconcileAnswer(Struct, frozen=True):
    """``reconcile``: every venue, the orders without an end, and the differences that stand."""

    origin: Origin
    venues: tuple[SeenVenue, ...]
    unsettled: tuple[OrderLine, ...]
    standing: tuple[Standing, ...]
    differs: bool


class KnownOrder(Struct, frozen=True):
    """What the live ledger knows of one order; ``line`` is None where it knows none of this id."""

    origin: Origin
    line: OrderLine | None = None
    reason: str = ""
