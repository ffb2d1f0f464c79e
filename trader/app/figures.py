"""Figures of the gate, as ``check`` and the socket show them: every predicate with its numbers."""

from collections.abc import Collection

from trader.domain.authority import Authority
from trader.domain.control import BlockReason, Language
from trader.domain.readiness import Readiness
from trader.risk.live_guard import LiveGuard, Memory
from trader.texts import explain_block

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


def guard_figures(
    guard: LiveGuard,
    authority: Authority,
    memory: Memory,
    readiness: Readiness,
    *,
    later: Collection[BlockReason] = (),
    language: Language = Language.EN,
) -> dict[str, object]:
    """Authority and every predicate: code, state (pass, fail, later), value, limit, how to mend."""
    rows = []
    viewed = guard.view(authority, memory, readiness)
    for finding in guard.findings(viewed):
        words = explain_block(finding.reason, language)
        state = "pass" if finding.holds else "fail"
        # Known to fail is a failure, whoever would settle it otherwise.
        if not finding.holds and finding.reason in later and _is_open(finding.reason, viewed):
            state = "later"
        rows.append(
            {
                "code": finding.reason.value,
                "state": state,
                "loss": finding.loss.value,
                "value": finding.value,
                "limit": finding.limit,
                "why": words.sentence,
                "mend": words.mend,
            }
        )
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


def _is_open(reason: BlockReason, readiness: Readiness) -> bool:
    """Whether nothing has been sensed of it yet; the dry run always waits for a run."""
    if reason is BlockReason.DRY_RUN:
        return True
    if reason is BlockReason.DEMOTED:
        # The file was touched after the latch: the first look of a run takes the demotion back.
        return readiness.confirm_file_arms is True
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
