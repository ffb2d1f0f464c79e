"""From a wish to a fill: Intent, Proposal, ApprovedOrder, Order with its state table, Fill."""

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from trader.domain.instrument import Asset, Instrument, InstrumentId, Rounding

ClientOrderId = NewType("ClientOrderId", str)
TradeId = NewType("TradeId", str)
DecisionId = NewType("DecisionId", str)
PairName = NewType("PairName", str)


class Side(StrEnum):
    """What an order does with the base asset."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class LedgerName(StrEnum):
    """Whose money a number is about; never one number for both."""

    LIVE = "live"
    PAPER = "paper"


class TimeInForce(StrEnum):
    """Only orders that cannot rest are ever sent: no venue here has a dead-man switch."""

    IOC = "ioc"
    FOK = "fok"


class Purpose(StrEnum):
    """Why a trade's orders are sent. All but the first two only reduce a trade."""

    OPEN = "open"
    COMPLETE = "complete"
    EXIT = "exit"
    STOP_LOSS = "stop_loss"
    UNWIND = "unwind"
    REBALANCE = "rebalance"
    FLATTEN = "flatten"
    CLOSE = "close"

    @property
    def is_closing(self) -> bool:
        """Whether only the short list of checks binds it."""
        return self is not Purpose.OPEN and self is not Purpose.COMPLETE


class Intent(Struct, frozen=True):
    """One leg of a proposal, a wish with no order id. Price in quote, quantity in base asset."""

    instrument: InstrumentId
    side: Side
    quantity: Decimal
    limit_price: Decimal
    time_in_force: TimeInForce = TimeInForce.IOC


class Evidence(Struct, frozen=True):
    """What a strategy saw when it wished to trade; percentages of the opening spread's base."""

    spread_pct: Decimal
    fees_pct: Decimal
    slippage_pct: Decimal
    expected_net_pct: Decimal
    confidence: Decimal
    usdt_krw: Decimal | None = None


class Proposal(Struct, frozen=True):
    """Intents that are approved together or not at all, and sent in one step.

    ``direction`` names what is sold and bought ("upbit>binance": sell at the first). ``signal_ns``
    is the monotonic time of the newest book it was seen on; the order delay is measured from it.
    """

    pair: PairName
    direction: str
    purpose: Purpose
    ledger: LedgerName
    intents: tuple[Intent, ...]
    signal_ns: int
    trade_id: TradeId | None = None
    evidence: Evidence | None = None

    @property
    def is_closing(self) -> bool:
        """Whether it only reduces a trade."""
        return self.purpose.is_closing


class ApprovedOrder(Struct, frozen=True):
    """An intent that passed every check; only ``risk.safety`` builds one, only the gate sends."""

    client_order_id: ClientOrderId
    trade_id: TradeId
    pair: PairName
    ledger: LedgerName
    purpose: Purpose
    intent: Intent
    generation: int
    signal_ns: int

    @property
    def is_closing(self) -> bool:
        """Whether it only reduces a trade."""
        return self.purpose.is_closing


class OrderState(StrEnum):
    """Where an order stands, as far as is known."""

    PLANNED = "planned"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    QUARANTINED = "quarantined"


FINAL_STATES = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.BLOCKED,
    }
)

_S = OrderState
_AFTER_SENT = frozenset(
    {
        _S.ACKNOWLEDGED,
        _S.PARTIAL,
        _S.FILLED,
        _S.CANCELLED,
        _S.EXPIRED,
        _S.REJECTED,
        _S.UNKNOWN,
    }
)
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.BLOCKED}) | _AFTER_SENT,
    _S.SENDING: _AFTER_SENT | {_S.BLOCKED},
    _S.ACKNOWLEDGED: _AFTER_SENT - {_S.ACKNOWLEDGED},
    _S.PARTIAL: _AFTER_SENT - {_S.ACKNOWLEDGED, _S.REJECTED},
    _S.UNKNOWN: (_AFTER_SENT - {_S.UNKNOWN}) | {_S.QUARANTINED},
    _S.QUARANTINED: _AFTER_SENT - {_S.UNKNOWN, _S.ACKNOWLEDGED},
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.BLOCKED: frozenset(),
}
"""From which state a report may lead to which. A report outside it is counted and ignored; its
fills are booked all the same, since money moves in every state."""


def may_become(state: OrderState, after: OrderState) -> bool:
    """Whether a report may move an order from ``state`` to ``after``."""
    return after in TRANSITIONS[state]


class Fill(Struct, frozen=True):
    """One execution at a venue, known there by ``key``. ``fee`` is positive, in ``fee_asset``."""

    key: str
    client_order_id: ClientOrderId
    instrument: InstrumentId
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    at_ns: int


class Order(Struct, frozen=True):
    """An approved order and what became of it; replaced, never changed."""

    approved: ApprovedOrder
    state: OrderState = OrderState.PLANNED
    executed: Decimal = Decimal(0)
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more can come of it but late fills."""
        return self.state in FINAL_STATES

    @property
    def remaining(self) -> Decimal:
        """What may still execute, at worst."""
        if self.is_final:
            return Decimal(0)
        return max(self.approved.intent.quantity - self.executed, Decimal(0))


def worsened(best: Decimal, pct: Decimal, side: Side, instrument: Instrument) -> Decimal:
    """``best`` worsened by ``pct`` percent for one who takes it, on the tick inside that bound."""
    if side is Side.BUY:
        return instrument.round_price(best * (1 + pct / 100), Rounding.DOWN)
    return instrument.round_price(best * (1 - pct / 100), Rounding.UP)
