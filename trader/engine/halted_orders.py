"""The orders that a halt found in flight, and what was paid for them; rebuilt from facts."""

from decimal import Decimal

from trader.domain.facts import (
    Fact,
    FillBooked,
    OrderMoved,
    OrdersAdopted,
    OrdersApproved,
    OrdersAtHalt,
    OrdersAtHaltEnded,
)
from trader.domain.order import FINAL_STATES, ClientOrderId, OrderState
from trader.domain.trade_facts import OrderAtHalt

UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})
"""States nobody can wait out: such an order has an alert of its own until it is settled."""

_ZERO = Decimal(0)


class HaltedOrders:
    """Read its attributes freely; only :meth:`apply` changes them.

    ``waiting`` are the orders whose ends the operator is still to hear of.
    """

    __slots__ = ("_paid", "revision", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[ClientOrderId, OrderAtHalt] = {}
        self.revision = 0
        # Price times quantity, of the orders in flight and of those waited for.
        self._paid: dict[ClientOrderId, Decimal] = {}

    def average_price(self, order: ClientOrderId, executed: Decimal) -> Decimal | None:
        """What one coin cost on average, in the quote asset; None where nothing was executed."""
        paid = self._paid.get(order, _ZERO)
        return paid / executed if executed > 0 and paid > 0 else None

    def apply(self, fact: Fact) -> None:
        """Fold one fact in, new or replayed."""
        match fact:
            case OrdersApproved() | OrdersAdopted():
                for approved in fact.orders:
                    self._paid[approved.client_order_id] = _ZERO
            case FillBooked(fill=fill):
                if fill.client_order_id in self._paid:
                    self._paid[fill.client_order_id] += fill.price * fill.quantity
            case OrderMoved():
                if fact.state in FINAL_STATES and fact.client_order_id not in self.waiting:
                    self._paid.pop(fact.client_order_id, None)
            case OrdersAtHalt():
                self.revision = fact.revision
                if any(order.state not in UNSETTLED for order in fact.in_flight):
                    named = {order.client_order_id: order for order in fact.in_flight}
                    self.waiting.update(named)
            case OrdersAtHaltEnded():
                self.waiting.clear()
                for end in fact.ends:
                    if end.order.state in FINAL_STATES:
                        self._paid.pop(end.order.client_order_id, None)
            case _:
                pass
