"""Figures of the gate, as ``check`` and the socket show them: every predicate with its numbers."""

from collections.abc import Collection, Mapping

from trader.config import Settings
from trader.domain.authority import Authority
from trader.domain.control import BlockReason, Language
from trader.domain.readiness import Readiness
from trader.risk.live_guard import LiveGuard, Memory
from trader.risk.predicates import Finding
from trader.texts import Explanation, explain_block
from trader.texts.reasons_gate import UNITS, explain_unreachable, name_block, say_later

SETTLED_BY_A_RUN = frozenset(
    {
        BlockReason.FEEDS_STALE,
        BlockReason.CLOCK_SKEWED,
        BlockReason.NOT_RECONCILED,
        BlockReason.LOOP_SLOW,
        BlockReason.DRY_RUN,
        BlockReason.KEY_SCOPE_UNKNOWN,
        BlockReason.OPERATOR_UNREACHABLE,
        BlockReason.OPERATOR_CREDENTIALS,
        BlockReason.REDIS_STALE,
        BlockReason.LEASE_NOT_HELD,
        BlockReason.SAFETY_FAILED,
        BlockReason.DEMOTED,
    }
)
"""What only a running engine can know or do; without one it is *later*, neither good nor bad."""

_BOUNDS = {
    BlockReason.KEY_SCOPE_STALE: "below",
    BlockReason.CONFIRM_FILE_EXPIRED: "below",
    BlockReason.DISK_LOW: "above",
    BlockReason.REDIS_STALE: "below",
    BlockReason.CLOCK_SKEWED: "below",
    BlockReason.LOOP_SLOW: "below",
    BlockReason.DRY_RUN: "at least",
}
"""How a figure stands to its limit where it holds."""

_WORDS: Mapping[BlockReason, tuple[str, str]] = {
    BlockReason.ENV_FLAG_MISSING: ("set", "not set"),
    BlockReason.CONFIRM_FILE_MISSING: ("present", "absent"),
    BlockReason.CONFIRM_FILE_UNSAFE: ("safe", "not safe"),
    BlockReason.CONFIRM_FILE_NOT_ARMED: ("touched", "not touched"),
    BlockReason.LOCK_NOT_HELD: ("held", "not held"),
    BlockReason.LEASE_NOT_HELD: ("held", "not held"),
    BlockReason.KEY_SCOPE_TOO_WIDE: ("cannot", "one can"),
    BlockReason.KEY_SCOPE_UNKNOWN: ("asked", "asked"),
    BlockReason.HALTED: ("halted", "no halt"),
    BlockReason.DEMOTED: ("latched", "not demoted"),
    BlockReason.PAUSED: ("paused", "not paused"),
    BlockReason.SAFETY_FAILED: ("within", "beyond"),
    BlockReason.OPERATOR_CREDENTIALS: ("accepted", "not usable"),
    BlockReason.OPERATOR_UNREACHABLE: ("reachable", "out of reach"),
    BlockReason.NOT_RECONCILED: ("reconciled", "not yet"),
}
"""What yes and no mean, predicate by predicate."""

_OF_A_FILE = frozenset(
    {
        BlockReason.CONFIRM_FILE_UNSAFE,
        BlockReason.CONFIRM_FILE_NOT_ARMED,
        BlockReason.CONFIRM_FILE_EXPIRED,
    }
)


def guard_figures(
    guard: LiveGuard,
    authority: Authority,
    memory: Memory,
    readiness: Readiness,
    *,
    later: Collection[BlockReason] = (),
    unasked: Mapping[BlockReason, str] = {},
    language: Language = Language.EN,
) -> dict[str, object]:
    """Authority and every predicate: code, name, state (pass, fail, later), value, limit, unit.

    ``unasked`` are the predicates the config does not ask about, with the setting that says so.
    Only what does not hold has a ``why`` and a way to ``mend`` it; ``loss`` is what losing it
    costs.
    """
    viewed = guard.view(authority, memory, readiness)
    rows = [
        _row(finding, viewed, later, unasked.get(finding.reason), language)
        for finding in guard.findings(viewed)
    ]
    verdict = guard.verdict(authority, memory, readiness)
    latch = authority.latch
    return {
        "mode": readiness.mode.value,
        "live": verdict.is_open,
        "entries": verdict.entries.name.lower(),
        "closings": verdict.closings.name.lower(),
        "authority": authority.level.name,
        "revision": authority.revision,
        "latch": None
        if latch is None
        else {"reason": latch.reason, "who": latch.who, "at_ns": latch.at_ns},
        "used_up": authority.used_up,
        "halt_file": readiness.halt_file,
        "predicates": rows,
    }


def unasked(settings: Settings) -> dict[BlockReason, str]:
    """The predicates that hold since nobody asks about them, and the setting that says so."""
    alert, found = settings.alert, {}
    if not (alert.enabled and alert.telegram_enabled):
        key = "alert.telegram_enabled" if alert.enabled else "alert.enabled"
        for reason in (BlockReason.OPERATOR_CREDENTIALS, BlockReason.OPERATOR_UNREACHABLE):
            found[reason] = f"{key}: false"
    if not (settings.redis.url or settings.safety.require_redis_heartbeat):
        for reason in (BlockReason.REDIS_STALE, BlockReason.LEASE_NOT_HELD):
            found[reason] = "redis.url: unset"
    if settings.live_guards.confirm_max_age_hours is None:
        found[BlockReason.CONFIRM_FILE_EXPIRED] = "confirm_max_age_hours: unset"
    return found


def _row(
    finding: Finding,
    viewed: Readiness,
    later: Collection[BlockReason],
    not_asked: str | None,
    language: Language,
) -> dict[str, object]:
    reason = finding.reason
    state, words = "pass", Explanation("", "")
    if not finding.holds:
        # Known to fail is a failure, whoever would settle it otherwise.
        state = "later" if reason in later and _is_open(reason, viewed) else "fail"
        words = _explained(reason, viewed, language)
        if state == "later" and reason is not BlockReason.DRY_RUN:
            words = Explanation(say_later(language), words.mend)
    value, limit, bound = _value(finding, viewed), finding.limit, _BOUNDS.get(reason, "")
    if finding.holds and not_asked is not None:
        value, limit, bound = "not asked", f"({not_asked})", ""
    return {
        "code": reason.value,
        "name": name_block(reason, language),
        "state": state,
        "loss": finding.loss.value,
        "value": value,
        "limit": limit,
        "bound": bound,
        "unit": UNITS.get(reason, ""),
        "why": words.sentence,
        "mend": words.mend,
    }


def _explained(reason: BlockReason, viewed: Readiness, language: Language) -> Explanation:
    if reason is BlockReason.OPERATOR_UNREACHABLE and viewed.operator_credentials is False:
        return explain_unreachable(language)
    return explain_block(reason, language)


def _value(finding: Finding, viewed: Readiness) -> str:
    """What was seen, in words where it is yes or no; nothing is claimed of what is not there."""
    reason = finding.reason
    if reason in _OF_A_FILE and viewed.confirm_file is False:
        return "no file"
    if reason is BlockReason.KEY_SCOPE_STALE and viewed.keys_cannot_withdraw is None:
        return "not known"
    yes, no = _WORDS.get(reason, ("yes", "no"))
    return {"yes": yes, "no": no}.get(finding.value, finding.value)


def _is_open(reason: BlockReason, readiness: Readiness) -> bool:
    """Whether nothing has been sensed of it yet; the dry run always waits for a run."""
    if reason is BlockReason.DRY_RUN:
        return True
    if reason is BlockReason.DEMOTED:
        # The file was touched after the latch: the first look of a run takes the demotion back.
        return readiness.confirm_file_arms is True
    if reason is BlockReason.OPERATOR_UNREACHABLE and readiness.operator_credentials is False:
        # No run can reach anybody without credentials.
        return False
    sensed: dict[BlockReason, object] = {
        BlockReason.FEEDS_STALE: readiness.fresh_pairs or None,
        BlockReason.CLOCK_SKEWED: readiness.clock_skew_ms,
        BlockReason.NOT_RECONCILED: readiness.reconciled,
        BlockReason.LOOP_SLOW: readiness.loop_lag_ms,
        BlockReason.KEY_SCOPE_UNKNOWN: readiness.keys_cannot_withdraw,
        BlockReason.OPERATOR_UNREACHABLE: readiness.operator_reachable,
        BlockReason.OPERATOR_CREDENTIALS: readiness.operator_credentials,
        BlockReason.REDIS_STALE: readiness.redis_age_ms,
        BlockReason.LEASE_NOT_HELD: readiness.lease_held,
        BlockReason.SAFETY_FAILED: readiness.safety_holds,
    }
    return sensed.get(reason) is None
