"""Trade: the legs opened together for one opportunity, closed together."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName, PairName, Purpose, TradeId
from trader.domain.position import Position

_ZERO = Decimal(0)


class TradePhase(StrEnum):
    """How far a trade has come."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"


class Trade(Struct, frozen=True):
    """One trade of one ledger. Money in won; ``legs`` in the order of its intents.

    ``planned_krw`` is the larger leg at its limit price while the opening is in flight.
    ``keep`` is what a partial closing leaves of each leg; zero closes the trade.
    ``best_krw`` is the best value change since entry, for a trailing stop.
    """

    id: TradeId
    ledger: LedgerName
    pair: PairName
    direction: str
    opened_ns: int
    planned_krw: Decimal
    legs: tuple[tuple[InstrumentId, Position], ...]
    phase: TradePhase = TradePhase.OPENING
    closing: Purpose | None = None
    keep: Decimal = _ZERO
    realised_krw: Decimal = _ZERO
    fees_krw: Decimal = _ZERO
    entry_krw: Decimal = _ZERO
    best_krw: Decimal = _ZERO
    stuck: bool = False
    unhedged: bool = False

    @property
    def net_quantity(self) -> Decimal:
        """What one leg filled beyond the other, in base units; zero while hedged."""
        if len(self.legs) == 1:
            return _ZERO
        return sum((position.quantity for _, position in self.legs), _ZERO)

    @property
    def size(self) -> Decimal:
        """The smaller leg's quantity: what is hedged (or the one leg there is)."""
        return min(abs(position.quantity) for _, position in self.legs)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return all(position.quantity == 0 for _, position in self.legs)

    @property
    def notional_krw(self) -> Decimal:
        """Entry notional: the larger leg, in won at entry, of what is still open."""
        return max(abs(position.cost_krw) for _, position in self.legs)

    @property
    def pnl_krw(self) -> Decimal:
        """Price differences realised so far, less fees."""
        return self.realised_krw - self.fees_krw

    def position(self, instrument: InstrumentId) -> Position:
        """The leg at ``instrument``; flat where the trade has none."""
        for leg, position in self.legs:
            if leg == instrument:
                return position
        return Position()

    @property
    def lone_leg(self) -> tuple[InstrumentId, Decimal] | None:
        """The leg that stands beyond the other and by how much (signed), or None while hedged."""
        net = self.net_quantity
        if net == 0:
            return None
        # The leg whose sign is the net's is the one that filled too much (or closed too little).
        for instrument, position in self.legs:
            if position.quantity * net > 0:
                return instrument, net
        return None
