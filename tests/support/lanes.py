"""A lane that keeps what was sent through it, and refuses or breaks where the test says so."""

from collections.abc import Sequence

from trader.domain.order import ApprovedOrder


class LaneSpy:
    """``prepared`` are orders signed and not yet sent or given back."""

    def __init__(self) -> None:
        self.refuses = ""
        self.failure: Exception | None = None
        self.prepared: list[ApprovedOrder] = []
        self.released: list[ApprovedOrder] = []
        self.sent: list[ApprovedOrder] = []

    def prepare(self, order: ApprovedOrder) -> str:
        """Take it, unless told to refuse."""
        if not self.refuses:
            self.prepared.append(order)
        return self.refuses

    def release(self, order: ApprovedOrder) -> None:
        """Give it back."""
        self.prepared.remove(order)
        self.released.append(order)

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send, or break while writing. Paper is not prepared for, and may stand here as well."""
        if self.failure is not None:
            raise self.failure
        self.prepared = [order for order in self.prepared if order not in orders]
        self.sent.extend(orders)
