"""Gate: the only door to a venue. What the engine approved leaves here, or comes back as blocked.

Mock and paper construct it without lanes: there is then no function in this process that could
send a live order.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from trader.domain.clock import Clock
from trader.domain.control import BlockReason, CheckName
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import Venue, split_id
from trader.domain.order import ApprovedOrder, LedgerName, OrderState


class OrderEntry(Protocol):
    """Takes approved orders of one ledger towards their venues."""

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send the orders of one trade in one step."""
        ...


class Gate:
    """Routes approved orders by ledger, the orders of a trade together.

    ``lanes`` are the live venues' order connections; there are none in mock and paper.
    """

    def __init__(
        self,
        paper: OrderEntry,
        clock: Clock,
        deliver: Callable[[Event], None],
        max_order_delay_ms: float,
        lanes: Mapping[Venue, OrderEntry],
    ) -> None:
        self._paper = paper
        self._clock = clock
        self._deliver = deliver
        self._max_delay_ns = int(max_order_delay_ms * 1e6)
        self._lanes = lanes
        self._is_shut = False

    def shut(self) -> None:
        """Let nothing more out; for the moments before the process stops."""
        self._is_shut = True

    def dispatch(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send what was approved; a trade one of whose orders may not go is blocked whole."""
        for _, together in groupby(orders, key=lambda order: order.trade_id):
            group = list(together)
            reason = self._why_not(group)
            if reason:
                self._block(group, reason)
            else:
                self._submit(group)

    def _why_not(self, group: Sequence[ApprovedOrder]) -> str:
        if self._is_shut:
            return "GATE_SHUT"
        now = self._clock.now().mono_ns
        # Written so that an order from the future does not pass either.
        if not all(0 <= now - order.signal_ns < self._max_delay_ns for order in group):
            return CheckName.ORDER_DELAY
        if any(_is_live(order) and _venue_of(order) not in self._lanes for order in group):
            return BlockReason.MODE_NOT_LIVE
        return ""

    def _submit(self, group: Sequence[ApprovedOrder]) -> None:
        # By ledger, never by what is connected: a live order filled on paper would be a trade that
        # the live ledger holds and no venue knows.
        paper = [order for order in group if not _is_live(order)]
        if paper:
            self._paper.submit(paper)
        for order in group:
            if _is_live(order):
                self._lanes[_venue_of(order)].submit((order,))

    def _block(self, group: Sequence[ApprovedOrder], reason: str) -> None:
        stamp = self._clock.now()
        for order in group:
            self._deliver(
                OrderReported(
                    at_ns=stamp.at_ns,
                    mono_ns=stamp.mono_ns,
                    client_order_id=order.client_order_id,
                    state=OrderState.BLOCKED,
                    executed=Decimal(0),
                    reason=reason,
                )
            )


def _is_live(order: ApprovedOrder) -> bool:
    return order.ledger is LedgerName.LIVE


def _venue_of(order: ApprovedOrder) -> Venue:
    return split_id(order.intent.instrument)[0]
