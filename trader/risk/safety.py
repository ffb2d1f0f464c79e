"""Pre-trade checks: the one place that turns a proposal into approved orders.

The checks are a table. Each compares what was measured with its limit; whatever is missing, not a
number, negative, stale, of a wrong type or without a limit is a refusal. Nobody else builds an
:class:`ApprovedOrder`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from math import inf
from operator import gt, le, lt

from msgspec import Struct

from trader.domain.account import Limits
from trader.domain.control import CheckName
from trader.domain.decision import CheckResult
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    PairName,
    Proposal,
    Purpose,
    TradeId,
)
from trader.risk.measure import Measured, Reading

_ZERO = Decimal(0)


class Bound(StrEnum):
    """How a value must stand to its limit. Only the ``AT_MOST`` may be reached."""

    ABOVE = "above"
    BELOW = "below"
    AT_MOST = "at_most"


_HOLDS = {Bound.ABOVE: gt, Bound.BELOW: lt, Bound.AT_MOST: le}
_IS_NEARER = {Bound.ABOVE: lt, Bound.BELOW: gt, Bound.AT_MOST: gt}
"""How a value stands to another that is further from the limit."""


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
    # Sent all the same, the other leg would go alone and this one be rejected again and again.
    Check(_N.TRADABLE, "halted", _B.AT_MOST),
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
        # Limits are read once, here: they are frozen, and one that is no number refuses for good.
        self._oldest_ms = _age_ms(limits.max_ws_age_ms)
        self._entry_rows = _rows(ENTRY_CHECKS, limits)
        self._closing_rows = _rows(CLOSING_CHECKS, limits)

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
        rows = self._closing_rows if proposal.is_closing else self._entry_rows
        results = tuple(
            [
                _judge_all(check, getattr(measured, check.measure), bound, self._oldest_ms)
                for check, bound in rows
            ]
        )
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


def recovered(
    client_order_id: ClientOrderId,
    trade_id: TradeId,
    pair: PairName,
    purpose: Purpose,
    intent: Intent,
) -> ApprovedOrder:
    """An order that passed every check and left before its commit was lost, as its venue shows it.

    It only enters the ledger. Should it ever reach the gate, its generation and its age are such
    as nothing leaves with.
    """
    return ApprovedOrder(
        client_order_id=client_order_id,
        trade_id=trade_id,
        pair=pair,
        ledger=LedgerName.LIVE,
        purpose=purpose,
        intent=intent,
        generation=-1,
        signal_ns=-1,
    )


def _rows(table: Sequence[Check], limits: Limits) -> tuple[tuple[Check, Decimal | None], ...]:
    """Every check with the number it compares with; None where the limit is not one."""
    return tuple(
        (check, _ZERO if check.limit is None else _number(getattr(limits, check.limit)))
        for check in table
    )


def judge(check: Check, readings: object, limit: object, max_age_ms: object) -> CheckResult:
    """Compare every reading with the limit; the first that fails is the one reported.

    Where all hold, the one nearest to its limit is reported.
    """
    return _judge_all(check, readings, _number(limit), _age_ms(max_age_ms))


def _judge_all(
    check: Check, readings: object, bound: Decimal | None, oldest_ms: float | None
) -> CheckResult:
    if bound is None:
        return CheckResult(check.name, False, None, None, fault="limit unset or not a number")
    if not isinstance(readings, tuple) or not readings:
        return CheckResult(check.name, False, None, bound, fault="missing")
    holds, is_nearer = _HOLDS[check.bound], _IS_NEARER[check.bound]
    nearest: Decimal | None = None
    nearest_age = 0.0
    for reading in readings:
        if not isinstance(reading, Reading) or reading.value is None:
            return CheckResult(check.name, False, None, bound, fault="missing")
        value, age = _number(reading.value), _age_ms(reading.age_ms)
        if value is None:
            fault = "not a finite number, or negative"
            return CheckResult(check.name, False, None, bound, fault=fault)
        if age is None or oldest_ms is None:
            return CheckResult(check.name, False, value, bound, fault="age unknown")
        # The check on the age itself reports the age as its value, against the same limit.
        if age > oldest_ms:
            return CheckResult(check.name, False, value, bound, age, fault="stale")
        if not holds(value, bound):
            return CheckResult(check.name, False, value, bound, age)
        if nearest is None or is_nearer(value, nearest):
            nearest, nearest_age = value, age
    return CheckResult(check.name, True, nearest, bound, nearest_age)


def _number(value: object) -> Decimal | None:
    """``value`` as a finite, non-negative decimal; None for anything else, booleans included."""
    if type(value) is Decimal:
        return value if value.is_finite() and value >= _ZERO else None
    if type(value) is int:
        return Decimal(value) if value >= 0 else None
    if type(value) is float:
        return Decimal(repr(value)) if 0.0 <= value < inf else None
    return None


def _age_ms(value: object) -> float | None:
    """An age as a float, by the rules of ``_number``; every age the engine measures is one."""
    if type(value) is float:
        return value if 0.0 <= value < inf else None
    number = _number(value)
    return None if number is None else float(number)


def refused(results: Sequence[CheckResult]) -> frozenset[CheckName]:
    """The names of the checks among ``results`` that refused."""
    return frozenset(result.check for result in results if not result.passed)
