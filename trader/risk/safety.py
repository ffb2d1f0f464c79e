"""Pre-trade checks: the one place that turns a proposal into approved orders.

The checks are a table. Each compares what was measured with its limit; whatever is missing, not a
number, negative, stale, of a wrong type or without a limit is a refusal. Nobody else builds an
:class:`ApprovedOrder`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from math import isfinite

from msgspec import Struct

from trader.domain.account import Limits
from trader.domain.control import CheckName
from trader.domain.decision import CheckResult
from trader.domain.order import ApprovedOrder, ClientOrderId, Proposal, TradeId
from trader.risk.measure import Measured, Reading

_ZERO = Decimal(0)


class Bound(StrEnum):
    """How a value must stand to its limit. Only the ``AT_MOST`` may be reached."""

    ABOVE = "above"
    BELOW = "below"
    AT_MOST = "at_most"


class Check(Struct, frozen=True):
    """One row: compare field ``measure`` of Measured with field ``limit`` of Limits.

    Without ``limit`` the bound is zero: nothing missing, nothing off, nothing standing.
    """

    name: CheckName
    measure: str
    bound: Bound
    limit: str | None = None


_N, _B = CheckName, Bound

ENTRY_CHECKS: tuple[Check, ...] = (
    Check(_N.BOOK_VALID, "flawed_books", _B.AT_MOST),
    Check(_N.BOOK_AGE, "book_age_ms", _B.AT_MOST, "max_ws_age_ms"),
    Check(_N.BOOK_SKEW, "book_skew_ms", _B.AT_MOST, "max_book_skew_ms"),
    Check(_N.TRADABLE, "untradable", _B.AT_MOST),
    Check(_N.NET_PROFIT, "expected_net_pct", _B.ABOVE, "min_profit_pct"),
    Check(_N.CONFIDENCE, "confidence", _B.ABOVE, "min_confidence"),
    Check(_N.SLIPPAGE, "slippage_pct", _B.BELOW, "max_slippage_pct"),
    Check(_N.LIQUIDITY, "liquidity_krw", _B.ABOVE, "min_liquidity_krw"),
    Check(_N.POSITION_SIZE, "leg_notional_krw", _B.BELOW, "max_position_size_krw"),
    Check(_N.DAILY_LOSS, "loss_today_krw", _B.BELOW, "max_daily_loss_krw"),
    Check(_N.ORDER_DELAY, "order_delay_ms", _B.BELOW, "max_order_delay_ms"),
    Check(_N.PRICE_COLLAR, "collar_pct", _B.AT_MOST, "price_collar_pct"),
    Check(_N.VENUE_GAP, "venue_gap_pct", _B.BELOW, "max_venue_gap_pct"),
    Check(_N.EXPOSURE, "exposure_after_krw", _B.AT_MOST, "max_exposure_krw"),
    Check(_N.REBALANCER_EXPOSURE, "exposure_after_krw", _B.AT_MOST, "rebalancer_max_exposure_krw"),
    Check(_N.OPEN_TRADES, "open_trades_after", _B.AT_MOST, "max_open_positions"),
    Check(_N.ORDER_RATE, "orders_after", _B.AT_MOST, "max_entry_orders_per_minute"),
    Check(_N.BALANCE, "balance_short", _B.AT_MOST),
    Check(_N.STOP_RESERVE, "stop_reserve_short", _B.AT_MOST),
    Check(_N.VENUE_MINIMUM, "minimum_short", _B.AT_MOST),
    Check(_N.TICK, "off_tick", _B.AT_MOST),
    Check(_N.LOT, "off_lot", _B.AT_MOST),
    Check(_N.BREAKERS, "breakers", _B.AT_MOST),
    Check(_N.ENTRIES_PAUSED, "paused", _B.AT_MOST),
    Check(_N.LIVE_GATE, "gate_shut", _B.AT_MOST),
)

CLOSING_CHECKS: tuple[Check, ...] = (
    Check(_N.BOOK_VALID, "flawed_books", _B.AT_MOST),
    Check(_N.BOOK_AGE, "book_age_ms", _B.AT_MOST, "max_ws_age_ms"),
    Check(_N.ORDER_DELAY, "order_delay_ms", _B.BELOW, "max_order_delay_ms"),
    Check(_N.EXIT_COLLAR, "collar_pct", _B.AT_MOST, "exit_collar_pct"),
    Check(_N.BALANCE, "balance_short", _B.AT_MOST),
    Check(_N.VENUE_MINIMUM, "minimum_short", _B.AT_MOST),
    Check(_N.TICK, "off_tick", _B.AT_MOST),
    Check(_N.LOT, "off_lot", _B.AT_MOST),
    Check(_N.POSITION, "beyond_position", _B.AT_MOST),
    Check(_N.LIVE_GATE, "gate_shut", _B.AT_MOST),
)


class Verdict(Struct, frozen=True):
    """Every check with its numbers; ``orders`` is empty when any of them refused."""

    checks: tuple[CheckResult, ...]
    orders: tuple[ApprovedOrder, ...]

    @property
    def refusals(self) -> tuple[CheckResult, ...]:
        """The checks that refused."""
        return tuple(result for result in self.checks if not result.passed)


class SafetyValidator:
    """Judges proposals by the table, all rows every time, so that a refusal names every cause."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def validate(
        self,
        proposal: Proposal,
        measured: Measured,
        trade_id: TradeId,
        generation: int,
        next_id: Callable[[], ClientOrderId],
    ) -> Verdict:
        """Approve every intent of ``proposal`` or none.

        ``next_id`` is called once for each order, and only when all of them are approved, so that
        a refusal uses up no client order id.
        """
        table = CLOSING_CHECKS if proposal.is_closing else ENTRY_CHECKS
        results = tuple(self._judge(check, measured) for check in table)
        if not proposal.intents or not all(result.passed for result in results):
            return Verdict(results, ())
        orders = tuple(
            ApprovedOrder(
                client_order_id=next_id(),
                trade_id=trade_id,
                pair=proposal.pair,
                ledger=proposal.ledger,
                purpose=proposal.purpose,
                intent=intent,
                generation=generation,
                signal_ns=proposal.signal_ns,
            )
            for intent in proposal.intents
        )
        return Verdict(results, orders)

    def _judge(self, check: Check, measured: Measured) -> CheckResult:
        limit: object = _ZERO if check.limit is None else getattr(self._limits, check.limit)
        max_age: object = self._limits.max_ws_age_ms
        readings: object = getattr(measured, check.measure)
        return judge(check, readings, limit, max_age)


def judge(check: Check, readings: object, limit: object, max_age_ms: object) -> CheckResult:
    """Compare every reading with the limit; the first that fails is the one reported.

    Where all hold, the one nearest to its limit is reported.
    """
    bound = _number(limit)
    if bound is None:
        return CheckResult(check.name, False, None, None, fault="limit unset or not a number")
    if not isinstance(readings, tuple) or not readings:
        return CheckResult(check.name, False, None, bound, fault="missing")
    nearest: CheckResult | None = None
    for reading in readings:
        result = _judge_one(check, reading, bound, max_age_ms)
        if not result.passed:
            return result
        if nearest is None or _is_nearer(check.bound, result, nearest):
            nearest = result
    return nearest or CheckResult(check.name, False, None, bound, fault="missing")


def _judge_one(
    check: Check, reading: Reading | object, bound: Decimal, max_age_ms: object
) -> CheckResult:
    if not isinstance(reading, Reading) or reading.value is None:
        return CheckResult(check.name, False, None, bound, fault="missing")
    value, age, oldest = _number(reading.value), _number(reading.age_ms), _number(max_age_ms)
    if value is None:
        return CheckResult(check.name, False, None, bound, fault="not a finite number, or negative")
    if age is None or oldest is None:
        return CheckResult(check.name, False, value, bound, fault="age unknown")
    # The check on the age itself reports the age as its value, against the same limit.
    if age > oldest:
        return CheckResult(check.name, False, value, bound, float(age), fault="stale")
    return CheckResult(check.name, _holds(check.bound, value, bound), value, bound, float(age))


def _holds(bound: Bound, value: Decimal, limit: Decimal) -> bool:
    if bound is Bound.ABOVE:
        return value > limit
    if bound is Bound.BELOW:
        return value < limit
    return value <= limit


def _is_nearer(bound: Bound, result: CheckResult, other: CheckResult) -> bool:
    if result.value is None or other.value is None:
        return False
    if bound is Bound.ABOVE:
        return result.value < other.value
    return result.value > other.value


def _number(value: object) -> Decimal | None:
    """``value`` as a finite, non-negative decimal; None for anything else, booleans included."""
    if isinstance(value, Decimal):
        return value if value.is_finite() and value >= 0 else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value >= 0 else None
    if isinstance(value, float) and isfinite(value) and value >= 0:
        return Decimal(repr(value))
    return None


def refused(results: Sequence[CheckResult]) -> frozenset[CheckName]:
    """The names of the checks among ``results`` that refused."""
    return frozenset(result.check for result in results if not result.passed)
