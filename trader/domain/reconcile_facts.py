"""Facts about what venues show and we did not know: orders adopted, balances that differ, and what
an operator accepted. See ``domain.facts``.

``host_ns`` and ``written_ns`` of an act are as in ``domain.gate_facts``.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.order import ApprovedOrder, ClientOrderId, LedgerName, TradeId


class Cause(StrEnum):
    """Our best guess at why a venue states another balance than we count."""

    FIRST = "first"
    """Nothing was counted before."""
    IN_FLIGHT = "in_flight"
    """An order of ours is on its way, or ended a moment ago: nobody can say yet."""
    ROUNDING = "rounding"
    """Less than a lot, or than the smallest sum of money."""
    DEPOSIT = "deposit"
    """More than is counted: a deposit, interest, a reward."""
    OUR_ORDERS = "our_orders"
    """Orders of ours moved this very balance since it last agreed."""
    OWN_ORDERS = "own_orders"
    """The account shows orders that are not ours: the operator's own, by hand."""
    WITHDRAWAL = "withdrawal"
    """Less than is counted, and no order explains it."""


class OrdersAdopted(Struct, frozen=True, tag=True):
    """Orders of ours that a venue shows and the journal had lost entered the ledger.

    ``created_ns`` is when the venue took the first of them, ``legs`` are those of their trade, and
    ``planned_krw`` what the larger leg comes to at its limit. Their fills are booked as any others.
    """

    at_ns: int
    trade_id: TradeId
    direction: str
    created_ns: int
    planned_krw: Decimal
    legs: tuple[InstrumentId, ...]
    orders: tuple[ApprovedOrder, ...]


class BalanceMissed(Struct, frozen=True, tag=True):
    """A venue holds less of an asset than is counted, and nothing explains it.

    ``expected`` was counted, ``found`` counts from now on, ``missing`` is all that has gone
    unexplained so far. Live entries in the asset rest until it is back or an operator accepts it.
    """

    at_ns: int
    venue: Venue
    asset: Asset
    expected: Decimal
    found: Decimal
    missing: Decimal
    cause: Cause
    ledger: LedgerName = LedgerName.LIVE

    @property
    def is_tied(self) -> bool:
        """Whether orders of ours moved this balance: our own records may be wrong."""
        return self.cause is Cause.OUR_ORDERS


class BalanceSettled(Struct, frozen=True, tag=True):
    """What a balance missed is back, or an operator accepted that it is gone (``by``)."""

    at_ns: int
    venue: Venue
    asset: Asset
    by: str = ""
    ledger: LedgerName = LedgerName.LIVE
    host_ns: int = 0
    written_ns: int = 0


class EpochAccepted(Struct, frozen=True, tag=True):
    """An operator knows of the orders of a foreign epoch, up to this number.

    One of this very journal's installation (its state was restored from a copy) is ours from now
    on, and its orders are adopted.
    """

    at_ns: int
    by: str
    epoch: str
    upto: int
    engine: str = ""
    host_ns: int = 0
    written_ns: int = 0


class OrderAccepted(Struct, frozen=True, tag=True):
    """An operator wants a quarantined order closed by what its venue shows when asked once more."""

    at_ns: int
    by: str
    client_order_id: ClientOrderId
    host_ns: int = 0
    written_ns: int = 0
