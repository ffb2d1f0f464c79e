"""Orders that Bithumb still takes in: for a short moment nobody can ask about or cancel them."""

import time
from collections import OrderedDict
from collections.abc import Callable

from trader.sim.bithumb_views import failure_of, not_ready
from trader.sim.model import Code, Refused, SimOrder

ACCEPTED_AFTER_S = 0.05
_KEPT = 10_000
_NS_PER_S = 1_000_000_000


class Acceptance:
    """When each new order becomes visible."""

    def __init__(
        self, after_s: float = ACCEPTED_AFTER_S, clock: Callable[[], int] = time.monotonic_ns
    ):
        """Take ``after_s`` for each; ``clock`` is monotonic."""
        self._after_ns = int(after_s * _NS_PER_S)
        self._clock = clock
        self._accepted: OrderedDict[str, int] = OrderedDict()

    def begin(self, order: SimOrder) -> None:
        """An order came in just now."""
        self._accepted.setdefault(order.id, self._clock())
        if len(self._accepted) > _KEPT:
            self._accepted.popitem(last=False)

    def is_ready(self, order: SimOrder) -> bool:
        """Whether the order can be asked about."""
        return self._age_ns(order) >= self._after_ns

    def require(self, order: SimOrder, *, by_client_id: bool) -> None:
        """Let only an order through that is ready.

        By the venue's id it is known to be coming. By the sender's own id nothing is known of it at
        first, which is why a 404 soon after placing proves no absence.

        Raises:
            Failure: 422 or, in the first half of the moment and by client id, 404.
        """
        if self.is_ready(order):
            return
        if by_client_id and self._age_ns(order) < self._after_ns // 2:
            raise failure_of(Refused(Code.ORDER_NOT_FOUND))
        raise not_ready()

    def _age_ns(self, order: SimOrder) -> int:
        begun_ns = self._accepted.get(order.id)
        return self._after_ns if begun_ns is None else self._clock() - begun_ns
