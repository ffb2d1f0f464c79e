"""Predicates of the live gate: a table of what must hold, and what it costs when it does not.

What was never sensed is None; it does not hold, and its loss only suspends.
"""

from collections.abc import Callable
from enum import StrEnum
from math import inf

from msgspec import Struct

from trader.domain.control import BlockReason, Mode
from trader.domain.readiness import Readiness


class Loss(StrEnum):
    """What the failing of a predicate costs, from mildest to strictest."""

    PAUSES = "pauses"
    SUSPENDS = "suspends"
    DEMOTES = "demotes"
    REVOKES = "revokes"
    HALTS = "halts"


class GuardRules(Struct, frozen=True):
    """The limits of readiness, by their config keys. Unset where the config leaves them so."""

    max_redis_heartbeat_age_ms: float = 5_000.0
    max_clock_skew_ms: float = 500.0
    max_loop_lag_ms: float = 250.0
    min_disk_free_mb: float = 500.0
    dry_run_cycles: int = 3
    redis_needed: bool = False
    operator_needed: bool = False
    confirm_max_age_hours: float | None = None


class Finding(Struct, frozen=True):
    """One predicate judged: its code, whether it holds, what was seen, what is allowed.

    ``known`` is false where nothing was sensed yet; ``loss`` is then that of a suspension.
    """

    reason: BlockReason
    loss: Loss
    holds: bool
    known: bool
    value: str
    limit: str


class Predicate(Struct, frozen=True):
    """One row of the gate's table."""

    reason: BlockReason
    loss: Loss
    value: Callable[[Readiness], object]
    holds: Callable[[Readiness, GuardRules], bool]
    limit: Callable[[GuardRules], object]


def _flag(value: bool | None) -> bool:
    return value is True


def _under(value: float | None, limit: float) -> bool:
    # Written so that NaN on either side does not hold.
    return value is not None and 0 <= value < limit


def _over(value: float | None, limit: float) -> bool:
    return value is not None and limit < value < inf


_KEY_ANSWER_HOURS = 48.0

_R, _L = BlockReason, Loss

PREDICATES: tuple[Predicate, ...] = (
    Predicate(
        _R.MODE_NOT_LIVE,
        _L.REVOKES,
        lambda r: r.mode.value,
        lambda r, _: r.mode is Mode.LIVE,
        lambda _: "live",
    ),
    Predicate(
        _R.ENV_FLAG_MISSING,
        _L.REVOKES,
        lambda r: r.env_flag,
        lambda r, _: r.env_flag is True,
        lambda _: "LIVE_TRADING=1",
    ),
    Predicate(
        _R.CONFIRM_FILE_MISSING,
        _L.REVOKES,
        lambda r: r.confirm_file,
        lambda r, _: _flag(r.confirm_file),
        lambda _: "present",
    ),
    Predicate(
        _R.CONFIRM_FILE_UNSAFE,
        _L.REVOKES,
        lambda r: r.confirm_file_safe,
        lambda r, _: r.confirm_file is False or _flag(r.confirm_file_safe),
        lambda _: "a regular file of this user's, one link, not writable by others",
    ),
    Predicate(
        _R.LOCK_NOT_HELD,
        _L.REVOKES,
        lambda r: r.lock_held,
        lambda r, _: _flag(r.lock_held),
        lambda _: "held by this process",
    ),
    Predicate(
        _R.LEASE_NOT_HELD,
        _L.REVOKES,
        lambda r: r.lease_held,
        lambda r, g: not g.redis_needed or _flag(r.lease_held),
        lambda g: "held by this engine" if g.redis_needed else "not needed",
    ),
    Predicate(
        _R.KEY_SCOPE_TOO_WIDE,
        _L.REVOKES,
        lambda r: r.keys_cannot_withdraw,
        lambda r, _: r.keys_cannot_withdraw is not False,
        lambda _: "no key can withdraw",
    ),
    Predicate(
        _R.KEY_SCOPE_UNKNOWN,
        _L.SUSPENDS,
        lambda r: r.keys_cannot_withdraw,
        lambda r, _: r.keys_cannot_withdraw is not None,
        lambda _: "asked of every venue",
    ),
    Predicate(
        _R.KEY_SCOPE_STALE,
        _L.DEMOTES,
        lambda r: r.key_answer_age_hours,
        lambda r, _: (
            r.keys_cannot_withdraw is None or _under(r.key_answer_age_hours, _KEY_ANSWER_HOURS)
        ),
        lambda _: _KEY_ANSWER_HOURS,
    ),
    Predicate(
        _R.HALTED, _L.HALTS, lambda r: r.halted, lambda r, _: r.halted is False, lambda _: "no halt"
    ),
    Predicate(
        _R.DEMOTED,
        _L.DEMOTES,
        lambda r: r.demoted,
        lambda r, _: r.demoted is False,
        lambda _: "not demoted",
    ),
    Predicate(
        _R.CONFIRM_FILE_NOT_ARMED,
        _L.DEMOTES,
        lambda r: r.confirm_file_arms,
        lambda r, _: r.confirm_file is False or _flag(r.confirm_file_arms),
        lambda _: "touched since the last latch",
    ),
    Predicate(
        _R.CONFIRM_FILE_EXPIRED,
        _L.DEMOTES,
        lambda r: r.confirm_file_age_hours,
        lambda r, g: (
            g.confirm_max_age_hours is None
            or r.confirm_file is False
            or _under(r.confirm_file_age_hours, g.confirm_max_age_hours)
        ),
        lambda g: g.confirm_max_age_hours,
    ),
    Predicate(
        _R.BREAKER_TRIPPED,
        _L.DEMOTES,
        lambda r: ",".join(r.breakers) or "none",
        lambda r, _: r.breakers == (),
        lambda _: "none tripped",
    ),
    Predicate(
        _R.SAFETY_FAILED,
        _L.DEMOTES,
        lambda r: r.safety_holds,
        lambda r, _: _flag(r.safety_holds),
        lambda _: "loss, exposure and open trades within their limits",
    ),
    Predicate(
        _R.DISK_LOW,
        _L.SUSPENDS,
        lambda r: r.disk_free_mb,
        lambda r, g: _over(r.disk_free_mb, g.min_disk_free_mb),
        lambda g: g.min_disk_free_mb,
    ),
    Predicate(
        _R.OPERATOR_CREDENTIALS,
        _L.DEMOTES,
        lambda r: r.operator_credentials,
        lambda r, g: not g.operator_needed or _flag(r.operator_credentials),
        lambda g: "accepted by Telegram" if g.operator_needed else "not needed",
    ),
    Predicate(
        _R.OPERATOR_UNREACHABLE,
        _L.SUSPENDS,
        lambda r: r.operator_reachable,
        lambda r, g: not g.operator_needed or _flag(r.operator_reachable),
        lambda g: "reachable by chat" if g.operator_needed else "not needed",
    ),
    Predicate(
        _R.FEEDS_STALE,
        _L.SUSPENDS,
        lambda r: r.fresh_pairs,
        lambda r, _: r.fresh_pairs is not None and r.fresh_pairs >= 1,
        lambda _: "at least 1 pair fresh",
    ),
    Predicate(
        _R.REDIS_STALE,
        _L.SUSPENDS,
        lambda r: r.redis_age_ms,
        lambda r, g: not g.redis_needed or _under(r.redis_age_ms, g.max_redis_heartbeat_age_ms),
        lambda g: g.max_redis_heartbeat_age_ms if g.redis_needed else "not needed",
    ),
    Predicate(
        _R.CLOCK_SKEWED,
        _L.SUSPENDS,
        lambda r: r.clock_skew_ms,
        lambda r, g: _under(r.clock_skew_ms, g.max_clock_skew_ms),
        lambda g: g.max_clock_skew_ms,
    ),
    Predicate(
        _R.NOT_RECONCILED,
        _L.SUSPENDS,
        lambda r: r.reconciled,
        lambda r, _: _flag(r.reconciled),
        lambda _: "every venue reconciled",
    ),
    Predicate(
        _R.LOOP_SLOW,
        _L.SUSPENDS,
        lambda r: r.loop_lag_ms,
        lambda r, g: _under(r.loop_lag_ms, g.max_loop_lag_ms) and _under(r.verdict_age_cycles, 2.0),
        lambda g: g.max_loop_lag_ms,
    ),
    Predicate(
        _R.DRY_RUN,
        _L.SUSPENDS,
        lambda r: r.dry_cycles_done,
        lambda r, g: r.dry_cycles_done >= g.dry_run_cycles,
        lambda g: g.dry_run_cycles,
    ),
    Predicate(
        _R.PAUSED,
        _L.PAUSES,
        lambda r: r.paused,
        lambda r, _: r.paused is False,
        lambda _: "not paused",
    ),
)


def _shown(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return str(value)


def judge(row: Predicate, readiness: Readiness, rules: GuardRules) -> Finding:
    """One predicate with what was seen and what is allowed."""
    seen = row.value(readiness)
    holds = row.holds(readiness, rules)
    known = holds or seen is not None
    loss = row.loss if known else Loss.SUSPENDS
    return Finding(row.reason, loss, holds, known, _shown(seen), _shown(row.limit(rules)))
