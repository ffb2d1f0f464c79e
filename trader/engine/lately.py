"""Lately: what was approved within the last minute, and which directions opened how often.

By the records' clock: a restart must neither forget the last minute nor count all of it.
"""

from collections import deque

from trader.domain.facts import OrdersApproved
from trader.domain.order import LedgerName, PairName, Purpose

_MINUTE_NS = 60_000_000_000
_Route = tuple[LedgerName, PairName, str]


class Lately:
    """Folds approvals. An opening counts for ``window_minutes``; more than repeats are not kept."""

    def __init__(self, max_repeats: int, window_minutes: float) -> None:
        self._max_repeats = max_repeats
        self._window_ns = window_minutes * _MINUTE_NS
        self._sent_ns: dict[LedgerName, deque[int]] = {name: deque() for name in LedgerName}
        self._openings: dict[_Route, deque[int]] = {}

    def apply(self, fact: OrdersApproved, now_ns: int) -> None:
        """Count what was approved."""
        for order in fact.orders:
            self._sent_ns[order.ledger].append(fact.at_ns)
        for name in LedgerName:
            self.orders_last_minute(name, now_ns)
        first = fact.orders[0]
        if first.purpose is Purpose.OPEN:
            route = (first.ledger, first.pair, fact.decision.direction)
            if route not in self._openings:
                self._openings[route] = deque(maxlen=self._max_repeats + 1)
            self._openings[route].append(fact.at_ns)

    def orders_last_minute(self, ledger: LedgerName, now_ns: int) -> int:
        """Orders approved in this ledger within the last minute."""
        sent = self._sent_ns[ledger]
        while sent and now_ns - sent[0] >= _MINUTE_NS:
            sent.popleft()
        return len(sent)

    def recent_openings(self, route: _Route, now_ns: int) -> int:
        """How many trades this direction opened within the window."""
        seen = self._openings.get(route)
        while seen and now_ns - seen[0] >= self._window_ns:
            seen.popleft()
        return len(seen) if seen else 0
