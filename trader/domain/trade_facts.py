"""Facts about trades: orders, fills, legs, openings and closings. See ``domain.facts``."""

from decimal import Decimal

from msgspec import Struct

from trader.domain.control import CheckName
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
