"""Facts about trades: orders, fills, legs, openings and closings. See ``domain.facts``."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.control import BlockReason, CheckName
from trader.domain.decision import Decision
from trader.domain.instrument import InstrumentId
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Fill,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)


class OrdersApproved(Struct, frozen=True, tag=True):
    """Orders the engine has decided to send, all of them in one step."""

    at_ns: int
    trade_id: TradeId
    decision: Decision
    orders: tuple[ApprovedOrder, ...]


class OrderMoved(Struct, frozen=True, tag=True):
    """An order reached another state, or executed further."""

    at_ns: int
    ledger: LedgerName
    client_order_id: ClientOrderId
    trade_id: TradeId
    state: OrderState
    executed: Decimal
    reason: str = ""


class FillBooked(Struct, frozen=True, tag=True):
    """A fill entered the ledger. Won values are at ``usdt_krw`` where the quote is dollars."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    fill: Fill
    value_krw: Decimal
    fee_krw: Decimal
    usdt_krw: Decimal | None = None
    rate_stale: bool = False


class TradeOpened(Struct, frozen=True, tag=True):
    """A trade stands: its opening orders are final and something of it filled."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    entry_notional_krw: Decimal
    spread_pct: Decimal | None = None


class TradeAbandoned(Struct, frozen=True, tag=True):
    """An opening ended with nothing held."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    pnl_krw: Decimal


class TradeClosed(Struct, frozen=True, tag=True):
    """A trade is flat. ``pnl_krw`` is price differences less fees, of all its fills."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    reason: Purpose
    pnl_krw: Decimal
    fees_krw: Decimal
    entry_notional_krw: Decimal
    opened_ns: int


class StopLossTriggered(Struct, frozen=True, tag=True):
    """A trade, or a lone leg, reached its stop; the closing follows."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    change_krw: Decimal
    limit_krw: Decimal


class ClosingBegan(Struct, frozen=True, tag=True):
    """The engine decided to close a trade and goes on until ``keep`` of each leg is left."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    purpose: Purpose
    keep: Decimal = Decimal(0)


class ClosingEnded(Struct, frozen=True, tag=True):
    """A partial closing reached what it was to keep; the trade stands on."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId


class ClosingStuck(Struct, frozen=True, tag=True):
    """A closing could not go out for as long as the alarm allows; every check that refused it."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    purpose: Purpose
    checks: tuple[CheckName, ...]
    waited_ms: int


class ClosingFreed(Struct, frozen=True, tag=True):
    """A closing that was stuck went out."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName


class LegUnhedged(Struct, frozen=True, tag=True):
    """One leg stands beyond the other, longer than allowed or after a failed unwinding."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    instrument: InstrumentId
    quantity: Decimal
    notional_krw: Decimal


class LegHedged(Struct, frozen=True, tag=True):
    """A leg that was alone is whole again or gone."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName


class DustMoved(Struct, frozen=True, tag=True):
    """A remainder under the venue's minimum went from a trade to inventory at entry price."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    instrument: InstrumentId
    quantity: Decimal
    cost_krw: Decimal


class RebalanceBegan(Struct, frozen=True, tag=True):
    """Exposure passed the rebalancer's limit; a share of the worst trade is closed."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    exposure_krw: Decimal
    limit_krw: Decimal
    share_pct: Decimal


class TradePeaked(Struct, frozen=True, tag=True):
    """A trailing stop moved up: the best value change of an open trade so far."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    best_krw: Decimal


class OpenTrade(Struct, frozen=True):
    """A trade that stands, as a person counts it; the notional is that of its entry."""

    pair: PairName
    direction: str
    notional_krw: Decimal


class PriceBasis(StrEnum):
    """Where the price of an order to be placed by hand comes from."""

    LIMIT = "limit"
    """The limit price a closing of the engine's own would carry now."""
    MID = "mid"
    """The middle of the last book, which is fresh no more."""
    MARKET = "market"
    """No price is known."""


class HandOrder(Struct, frozen=True):
    """An open leg as the order that would close it. ``price`` is in the quote asset."""

    trade_id: TradeId
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    basis: PriceBasis
    price: Decimal | None = None
    age_ms: int | None = None
    """How old the book behind ``price`` is."""


class ClosingsRevoked(Struct, frozen=True, tag=True):
    """No live closing may leave while live legs are open: each must be closed by hand."""

    at_ns: int
    blocks: tuple[BlockReason, ...]
    hand_orders: tuple[HandOrder, ...]


class ClosingsRestored(Struct, frozen=True, tag=True):
    """Nothing revokes live closings any more, or no leg is left; ``legs`` are still open."""

    at_ns: int
    legs: int


class OrderAtHalt(Struct, frozen=True):
    """An order that was out, or about to leave, when a halt came."""

    ledger: LedgerName
    client_order_id: ClientOrderId
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    state: OrderState


class OrdersAtHalt(Struct, frozen=True, tag=True):
    """A halt came while orders were in flight; ``revision`` is that of the halt."""

    at_ns: int
    revision: int
    in_flight: tuple[OrderAtHalt, ...]


class OrderEnd(Struct, frozen=True):
    """How an order that a halt found in flight ended; ``average_price`` is in the quote asset."""

    order: OrderAtHalt
    executed: Decimal
    average_price: Decimal | None = None
    reason: str = ""


class OrdersAtHaltEnded(Struct, frozen=True, tag=True):
    """Each order that a halt found in flight is over, or its outcome is unknown."""

    at_ns: int
    revision: int
    ends: tuple[OrderEnd, ...]
