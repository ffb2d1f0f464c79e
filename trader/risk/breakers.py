"""Circuit breakers: what trips them, and when their cause is over. Pure; the engine asks.

A breaker stands until its cause is over. In the live ledger one that trips demotes; in the paper
ledger it stops paper entries and touches nothing live.
"""

from collections import deque
from decimal import Decimal

from msgspec import Struct

from trader.domain.facts import BreakerCode

_MINUTE_NS = 60_000_000_000
_HOUR_NS = 60 * _MINUTE_NS
BreakerKey = tuple[BreakerCode, str]
"""Which breaker, and the venue, trade, order or direction it is about."""


class BreakerRules(Struct, frozen=True):
    """The bounds of every breaker: won, percent, counts; durations by the unit in their names."""

    max_daily_loss_krw: Decimal
    max_unhedged_seconds: Decimal
    unknown_latch_seconds: Decimal
    reject_window_orders: int = 20
    max_reject_share_pct: Decimal = Decimal(50)
    rejection_quiet_minutes: Decimal = Decimal(10)
    max_rests_per_hour: int = 3


class RejectWindow:
    """A venue's last orders: which of them the venue rejected.

    An unfilled IOC and our own refusals are not handed in. It trips as soon as more than the
    share of a full window was rejected, and starts empty again after ``rejection_quiet_minutes``
    without a rejection.
    """

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._rejected: deque[bool] = deque(maxlen=rules.reject_window_orders)
        self._last_rejection_ns: int | None = None

    def add(self, *, rejected: bool, at_ns: int) -> None:
        """Count one order that a venue has answered."""
        self._rejected.append(rejected)
        if rejected:
            self._last_rejection_ns = at_ns

    @property
    def share_pct(self) -> Decimal:
        """Rejected orders in percent of the whole window, however many there were yet."""
        return Decimal(100 * sum(self._rejected)) / self._rules.reject_window_orders

    @property
    def is_over(self) -> bool:
        """Whether more than the allowed share was rejected."""
        return self.share_pct > self._rules.max_reject_share_pct

    def settle(self, at_ns: int) -> bool:
        """Whether the quiet time has passed; the count then starts empty."""
        last = self._last_rejection_ns
        quiet_ns = int(self._rules.rejection_quiet_minutes * _MINUTE_NS)
        if last is not None and at_ns - last < quiet_ns:
            return False
        self._rejected.clear()
        self._last_rejection_ns = None
        return True


class RestWindow:
    """Rests of one direction within the last hour."""

    def __init__(self, rules: BreakerRules) -> None:
        self._limit = rules.max_rests_per_hour
        self._began: deque[int] = deque(maxlen=rules.max_rests_per_hour)

    def add(self, at_ns: int) -> None:
        """Count a rest that began now."""
        self._began.append(at_ns)

    def count(self, at_ns: int) -> int:
        """How many began within the hour before ``at_ns``."""
        while self._began and at_ns - self._began[0] >= _HOUR_NS:
            self._began.popleft()
        return len(self._began)

    def is_over(self, at_ns: int) -> bool:
        """Whether as many began as trip the breaker."""
        return self.count(at_ns) >= self._limit
