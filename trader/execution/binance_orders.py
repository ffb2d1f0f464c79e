"""Orders and fills of Binance as its answers and reports spell them, and what they are to us."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct, field

from trader.domain.instrument import Asset, InstrumentId
from trader.domain.order import ApprovedOrder, ClientOrderId, Fill, OrderState, Side, TimeInForce
from trader.execution.venue import OrderView

MS_NS = 1_000_000

# The smallest coins are held by the trillion. What is larger is a mistake, and sums would round.
_MOST = Decimal(10) ** 18

SIDES: Mapping[str, Side] = {"BUY": Side.BUY, "SELL": Side.SELL}
SIDE_NAMES: Mapping[Side, str] = {side: name for name, side in SIDES.items()}
TIF_NAMES: Mapping[TimeInForce, str] = {TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}

STATES: Mapping[str, tuple[OrderState, OrderState]] = {
    # status: (nothing executed, something executed)
    "NEW": (OrderState.ACKNOWLEDGED, OrderState.PARTIAL),
    "PENDING_NEW": (OrderState.ACKNOWLEDGED, OrderState.PARTIAL),
    "PENDING_CANCEL": (OrderState.ACKNOWLEDGED, OrderState.PARTIAL),
    "PARTIALLY_FILLED": (OrderState.ACKNOWLEDGED, OrderState.PARTIAL),
    # Filled with nothing is a contradiction; only the trades can settle it.
    "FILLED": (OrderState.UNKNOWN, OrderState.FILLED),
    "CANCELED": (OrderState.CANCELLED, OrderState.CANCELLED),
    # A rejected order of which something was executed was no rejected order: it is over.
    "REJECTED": (OrderState.REJECTED, OrderState.EXPIRED),
    # The remainder of every IOC ends so, filled in part or not at all.
    "EXPIRED": (OrderState.EXPIRED, OrderState.EXPIRED),
    "EXPIRED_IN_MATCH": (OrderState.EXPIRED, OrderState.EXPIRED),
}


def state_of(status: str, executed: Decimal) -> OrderState:
    """Where an order stands; UNKNOWN for a status nobody here has heard of."""
    row = STATES.get(status)
    return OrderState.UNKNOWN if row is None else row[executed > 0]


def require_amounts(*amounts: Decimal) -> None:
    """Money and quantities are finite, not below zero, and of a size that can be summed exactly.

    Raises:
        ValueError: one is not.
    """
    for amount in amounts:
        if not (amount.is_finite() and 0 <= amount < _MOST):
            raise ValueError(f"{amount} is no amount")


class PlacedFill(Struct, rename="camel"):
    """One execution in the answer to an order."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int

    def __post_init__(self) -> None:
        require_amounts(self.price, self.qty, self.commission)


class OrderRow(Struct, rename="camel"):
    """One order as REST states it; ``fills`` only in the answer that placed it."""

    symbol: str
    order_id: int
    client_order_id: str
    status: str
    side: str
    executed_qty: Decimal
    orig_qty: Decimal
    price: Decimal
    time_in_force: str = ""
    time: int = 0
    transact_time: int = 0
    update_time: int = 0
    expiry_reason: str | None = None
    fills: tuple[PlacedFill, ...] = ()

    def __post_init__(self) -> None:
        require_amounts(self.executed_qty, self.orig_qty, self.price)
        if self.side not in SIDES:
            raise ValueError(f"{self.side!r} is no side")


class TradeRow(Struct, rename="camel"):
    """One execution as myTrades states it."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool

    def __post_init__(self) -> None:
        require_amounts(self.price, self.qty, self.commission)


class ExecutionReport(Struct):
    """What the private stream tells of an order."""

    symbol: str = field(name="s")
    client_order_id: str = field(name="c")
    side: str = field(name="S")
    kind: str = field(name="x")
    status: str = field(name="X")
    order_id: int = field(name="i")
    last_quantity: Decimal = field(name="l")
    executed: Decimal = field(name="z")
    last_price: Decimal = field(name="L")
    commission: Decimal = field(name="n")
    at_ms: int = field(name="T")
    trade_id: int = field(name="t")
    commission_asset: str | None = field(default=None, name="N")
    original_id: str | None = field(default=None, name="C")
    reject_reason: str = field(default="", name="r")
    expiry_reason: str | None = field(default=None, name="eR")

    def __post_init__(self) -> None:
        require_amounts(self.last_quantity, self.executed, self.last_price, self.commission)
        if self.side not in SIDES:
            raise ValueError(f"{self.side!r} is no side")


def fill_key(symbol: str, trade_id: int) -> str:
    """What names a fill wherever it is told: trade ids are unique only within a symbol."""
    return f"{symbol}:{trade_id}"


def view_of(row: OrderRow, instrument: InstrumentId, trades: Iterable[TradeRow] = ()) -> OrderView:
    """An order as REST states it, with its fills where they are known.

    Trades asked for after the order may already count more than it did.
    """
    client_order_id = ClientOrderId(row.client_order_id)
    side = SIDES[row.side]
    fills = tuple(
        _placed_fill(one, row, client_order_id, instrument, side) for one in row.fills
    ) + tuple(_traded_fill(one, client_order_id, instrument, side) for one in trades)
    executed = max(row.executed_qty, sum((fill.quantity for fill in fills), Decimal(0)))
    return OrderView(
        client_order_id=client_order_id,
        venue_order_id=str(row.order_id),
        instrument=instrument,
        side=side,
        state=state_of(row.status, executed),
        executed=executed,
        fills=fills,
        reason=row.expiry_reason or "",
        quantity=row.orig_qty,
        limit_price=row.price,
        created_ns=(row.time or row.transact_time) * MS_NS,
    )


def view_of_report(report: ExecutionReport, instrument: InstrumentId) -> OrderView:
    """An order as the private stream tells of it, with the fill it tells of, if any."""
    # On a cancel ``c`` names the cancel, and the order is named by ``C``.
    client_order_id = ClientOrderId(report.original_id or report.client_order_id)
    fills: tuple[Fill, ...] = ()
    if report.kind == "TRADE" and report.last_quantity > 0:
        fills = (_reported_fill(report, client_order_id, instrument),)
    reason = "" if report.reject_reason == "NONE" else report.reject_reason
    return OrderView(
        client_order_id=client_order_id,
        venue_order_id=str(report.order_id),
        instrument=instrument,
        side=SIDES[report.side],
        state=state_of(report.status, report.executed),
        executed=report.executed,
        fills=fills,
        reason=report.expiry_reason or reason,
    )


def difference(row: OrderRow, order: ApprovedOrder, symbol: str) -> str:
    """What of a venue's order is not as it was sent; empty where nothing is.

    The venue lets an id be used again once its order is over, so the id alone proves nothing.
    """
    intent = order.intent
    pairs = (
        ("symbol", row.symbol, symbol),
        ("side", SIDES[row.side], intent.side),
        ("quantity", row.orig_qty, intent.quantity),
        ("price", row.price, intent.limit_price),
        ("time in force", row.time_in_force, TIF_NAMES[intent.time_in_force]),
    )
    return "; ".join(f"{name} {found}, sent {sent}" for name, found, sent in pairs if found != sent)


def _placed_fill(
    fill: PlacedFill,
    row: OrderRow,
    client_order_id: ClientOrderId,
    instrument: InstrumentId,
    side: Side,
) -> Fill:
    return Fill(
        key=fill_key(row.symbol, fill.trade_id),
        client_order_id=client_order_id,
        instrument=instrument,
        side=side,
        price=fill.price,
        quantity=fill.qty,
        fee=fill.commission,
        fee_asset=Asset(fill.commission_asset),
        at_ns=row.transact_time * MS_NS,
    )


def _traded_fill(
    trade: TradeRow, client_order_id: ClientOrderId, instrument: InstrumentId, side: Side
) -> Fill:
    return Fill(
        key=fill_key(trade.symbol, trade.id),
        client_order_id=client_order_id,
        instrument=instrument,
        side=side,
        price=trade.price,
        quantity=trade.qty,
        fee=trade.commission,
        fee_asset=Asset(trade.commission_asset),
        at_ns=trade.time * MS_NS,
    )


def _reported_fill(
    report: ExecutionReport, client_order_id: ClientOrderId, instrument: InstrumentId
) -> Fill:
    # Where nothing was charged the asset may be missing; the fee is then zero of what was received.
    pair = instrument.partition(":")[2].split("-")
    received = pair[0] if report.side == "BUY" else pair[-1]
    return Fill(
        key=fill_key(report.symbol, report.trade_id),
        client_order_id=client_order_id,
        instrument=instrument,
        side=SIDES[report.side],
        price=report.last_price,
        quantity=report.last_quantity,
        fee=report.commission,
        fee_asset=Asset(report.commission_asset or received),
        at_ns=report.at_ms * MS_NS,
    )
