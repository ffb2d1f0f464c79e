"""Binance's budgets: request weight of an address by the minute, unfilled orders of an account.

Intervals are aligned with the calendar, as Binance's are: a minute's budget is whole again when
the minute changes, not sixty seconds after the first request.
"""

from collections.abc import Callable
from typing import TypeVar

from trader.sim import binance_errors as errors
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.faults import Before, Verdict

_T = TypeVar("_T")

WEIGHT_PER_MINUTE = 6_000
RAW_PER_5_MINUTES = 300_000
ORDERS_PER_10_S = 100
ORDERS_PER_DAY = 200_000
CONNECTIONS_PER_5_MINUTES = 300
BAN_S = 120
_REQUESTS_BEFORE_BAN = 10
"""How many requests past a 429 are borne before the address is banned."""
_MINUTE_MS, _TEN_S_MS, _DAY_MS = 60_000, 10_000, 86_400_000
_FIVE_MINUTES_MS = 5 * _MINUTE_MS
_MAX_KNOWN = 1_000
"""Addresses and accounts remembered; the oldest goes first."""


class _Window:
    """A count that starts again with each interval."""

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self._began, self._count = 0, 0

    def count(self, now_ms: int) -> int:
        """What was counted in the interval that holds ``now_ms``."""
        began = now_ms - now_ms % self.length_ms
        if began != self._began:
            self._began, self._count = began, 0
        return self._count

    def add(self, now_ms: int, amount: int) -> int:
        """Count some more; never below zero. Returns the count."""
        self._count = max(0, self.count(now_ms) + amount)
        return self._count

    def left_s(self, now_ms: int) -> int:
        """Seconds until the next interval, rounded up."""
        return -((now_ms % self.length_ms - self.length_ms) // 1_000)


class AddressBudget:
    """The request weight of one address."""

    def __init__(self, limit: int = WEIGHT_PER_MINUTE) -> None:
        self.limit = limit
        self._used = _Window(_MINUTE_MS)
        self._past_limit = _Window(_MINUTE_MS)
        self._connections = _Window(_FIVE_MINUTES_MS)
        self._banned_until_ms = 0

    def used(self, now_ms: int) -> int:
        """Weight spent in this minute, as ``X-MBX-USED-WEIGHT-1M`` tells it."""
        return self._used.count(now_ms)

    def spend(self, now_ms: int, weight: int) -> None:
        """Take ``weight`` from this minute.

        Raises:
            BinanceRefusal: 429 once the minute's weight is spent; 418 for who does not stop then.
        """
        if now_ms < self._banned_until_ms:
            raise errors.banned(self._banned_until_ms, self._left_of_ban_s(now_ms))
        if self._used.add(now_ms, weight) <= self.limit:
            return
        if self._past_limit.add(now_ms, 1) > _REQUESTS_BEFORE_BAN:
            self._banned_until_ms = now_ms + BAN_S * 1_000
            raise errors.banned(self._banned_until_ms, BAN_S)
        raise errors.too_much_weight(self.limit, self._used.left_s(now_ms))

    def connect(self, now_ms: int, weight: int = 0) -> None:
        """Count an attempt to open a WebSocket, which may cost weight besides.

        Raises:
            BinanceRefusal: 429 beyond 300 attempts in five minutes, or as ``spend`` says.
        """
        if self._connections.add(now_ms, 1) > CONNECTIONS_PER_5_MINUTES:
            raise errors.too_many_connections(self._connections.left_s(now_ms))
        if weight:
            self.spend(now_ms, weight)

    def give_back(self, now_ms: int, weight: int) -> None:
        """Return what a successful order or cancel cost: since 2026-04-02 they weigh nothing."""
        self._used.add(now_ms, -weight)

    def _left_of_ban_s(self, now_ms: int) -> int:
        return -((now_ms - self._banned_until_ms) // 1_000)


class OrderBudget:
    """The unfilled orders of one account; a fill gives its order's place back."""

    def __init__(self, per_10_s: int = ORDERS_PER_10_S, per_day: int = ORDERS_PER_DAY) -> None:
        self.per_10_s, self.per_day = per_10_s, per_day
        self._ten_s, self._day = _Window(_TEN_S_MS), _Window(_DAY_MS)

    def check(self, now_ms: int) -> None:
        """Whether one more order fits.

        Raises:
            BinanceRefusal: -1015, with the time until the interval ends.
        """
        if self._ten_s.count(now_ms) >= self.per_10_s:
            raise errors.too_many_orders(self.per_10_s, "10 SECOND", self._ten_s.left_s(now_ms))
        if self._day.count(now_ms) >= self.per_day:
            raise errors.too_many_orders(self.per_day, "1 DAY", self._day.left_s(now_ms))

    def count(self, now_ms: int, amount: int = 1) -> None:
        """Count an order (or, with -1, one whose fill frees its place)."""
        self._ten_s.add(now_ms, amount)
        self._day.add(now_ms, amount)

    def counts(self, now_ms: int) -> tuple[int, int]:
        """Orders in these ten seconds and in this day."""
        return self._ten_s.count(now_ms), self._day.count(now_ms)


class Budgets:
    """Every address's weight and every account's orders, a bounded number of them."""

    def __init__(self) -> None:
        self._addresses: dict[str, AddressBudget] = {}
        self._accounts: dict[str, OrderBudget] = {}

    def address(self, ip: str) -> AddressBudget:
        """The budget of an address, made on first sight."""
        return _kept(self._addresses, ip, AddressBudget)

    def orders(self, account: str) -> OrderBudget:
        """The budget of an account, made on first sight."""
        return _kept(self._accounts, account, OrderBudget)


def _kept(known: dict[str, _T], name: str, make: Callable[[], _T]) -> _T:
    found = known.get(name)
    if found is None:
        if len(known) >= _MAX_KNOWN:
            del known[next(iter(known))]
        found = known[name] = make()
    return found


def refusal_of(verdict: Verdict, now_ms: int) -> BinanceRefusal:
    """What Binance says where a fault keeps a request from its answer."""
    wait_s = verdict.retry_after_s
    if verdict.before is Before.TOO_MANY:
        return errors.too_much_weight(WEIGHT_PER_MINUTE, wait_s)
    if verdict.before is Before.BANNED:
        return errors.banned(now_ms + wait_s * 1_000, wait_s)
    status = verdict.status or 503
    if status == 503:
        msg = "Unknown error, please check your request or try again later."
        return BinanceRefusal(-1000, msg, status=status)
    msg = "Timeout waiting for response from backend server. Send status unknown; "
    return BinanceRefusal(-1007, f"{msg}execution status unknown.", status=status)


def rules() -> list[dict[str, object]]:
    """``rateLimits`` of ``exchangeInfo``."""
    return [
        _rule("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE),
        _rule("ORDERS", "SECOND", 10, ORDERS_PER_10_S),
        _rule("ORDERS", "DAY", 1, ORDERS_PER_DAY),
        _rule("RAW_REQUESTS", "MINUTE", 5, RAW_PER_5_MINUTES),
    ]


def _rule(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
