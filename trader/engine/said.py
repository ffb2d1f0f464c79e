"""What the engine says to a command, before it becomes a reply: a code, and short lines."""

from collections.abc import Sequence

from msgspec import Struct

from trader.domain.control import ReplyCode
from trader.domain.order import LedgerName, Order
from trader.domain.trade import Trade
from trader.texts.format import won

MAX_LINES = 30
"""A reply has no more lines; the rest is counted in the last one."""


class Said(Struct, frozen=True):
    """What a command led to; ``since_ns`` is the host's UTC, no ``ledger`` the one of the mode."""

    code: ReplyCode
    since_ns: int = 0
    details: tuple[str, ...] = ()
    ledger: LedgerName | None = None
    did_something: bool = False


def trade_line(trade: Trade) -> str:
    """A trade in a line: ``LIVE T12 upbit-binance 99,594 ₩``, the notional that of its entry."""
    return f"{trade.ledger.value.upper()} {trade.id} {trade.pair} {won(trade.notional_krw)}"


def order_line(order: Order) -> str:
    """An order in a line: ``LIVE tr-main-k3x9a7q2-5 upbit:BTC-KRW sell 0.00066 sending``."""
    approved, intent = order.approved, order.approved.intent
    return (
        f"{approved.ledger.value.upper()} {approved.client_order_id} {intent.instrument}"
        f" {intent.side.value} {intent.quantity:f} {order.state.value}"
    )


def short(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines, cut to what a reply holds."""
    if len(lines) <= MAX_LINES:
        return tuple(lines)
    return (*lines[: MAX_LINES - 1], f"+{len(lines) - MAX_LINES + 1}")
