"""LiveGuard: every predicate that fails is named, alone or with all; nothing unknown passes."""

from math import inf, nan
from typing import Any

import pytest
from msgspec.structs import fields, replace

from trader.domain.control import BlockReason, Mode
from trader.domain.readiness import Readiness
from trader.risk.live_guard import PREDICATES, GuardRules, LiveGuard

RULES = GuardRules(
    max_redis_heartbeat_age_ms=5_000.0,
    max_clock_skew_ms=500.0,
    max_loop_lag_ms=250.0,
    min_disk_free_mb=500.0,
    dry_run_cycles=3,
    redis_needed=True,
    operator_needed=True,
    confirm_max_age_hours=24.0,
)

READY = Readiness(
    mode=Mode.LIVE,
    env_flag=True,
    confirm_file=True,
    confirm_file_safe=True,
    confirm_file_arms=True,
    confirm_file_age_hours=1.0,
    lock_held=True,
    lease_held=True,
    keys_cannot_withdraw=True,
    safety_holds=True,
    disk_free_mb=10_000.0,
    operator_reachable=True,
    operator_credentials=True,
    fresh_pairs=1,
    redis_age_ms=100.0,
    clock_skew_ms=10.0,
    reconciled=True,
    loop_lag_ms=1.0,
    dry_cycles_done=3,
    key_answer_age_hours=1.0,
    verdict_age_cycles=1.0,
)

R = BlockReason
ALONE: dict[BlockReason, dict[str, Any]] = {
    R.MODE_NOT_LIVE: {"mode": Mode.PAPER},
    R.ENV_FLAG_MISSING: {"env_flag": False},
    R.CONFIRM_FILE_MISSING: {"confirm_file": False, "confirm_file_safe": None},
    R.CONFIRM_FILE_UNSAFE: {"confirm_file_safe": False},
    R.CONFIRM_FILE_NOT_ARMED: {"confirm_file_arms": False},
    R.CONFIRM_FILE_EXPIRED: {"confirm_file_age_hours": 24.0},
    R.LOCK_NOT_HELD: {"lock_held": False},
    R.LEASE_NOT_HELD: {"lease_held": False},
    R.KEY_SCOPE_TOO_WIDE: {"keys_cannot_withdraw": False},
    R.KEY_SCOPE_UNKNOWN: {"keys_cannot_withdraw": None},
    R.KEY_SCOPE_STALE: {"key_answer_age_hours": 48.0},
    R.HALTED: {"halted": True},
    R.DEMOTED: {"demoted": True},
    R.PAUSED: {"paused": True},
    R.BREAKER_TRIPPED: {"breakers": ("DAILY_LOSS",)},
    R.SAFETY_FAILED: {"safety_holds": False},
    R.DISK_LOW: {"disk_free_mb": 500.0},
    R.OPERATOR_UNREACHABLE: {"operator_reachable": False},
    R.OPERATOR_CREDENTIALS: {"operator_credentials": False},
    R.FEEDS_STALE: {"fresh_pairs": 0},
    R.REDIS_STALE: {"redis_age_ms": 5_000.0},
    R.CLOCK_SKEWED: {"clock_skew_ms": 500.0},
    R.NOT_RECONCILED: {"reconciled": False},
    R.LOOP_SLOW: {"loop_lag_ms": 250.0},
    R.DRY_RUN: {"dry_cycles_done": 2},
}
JUST_WITHIN: dict[str, Any] = {
    "confirm_file_age_hours": 23.999,
    "disk_free_mb": 500.001,
    "redis_age_ms": 4_999.999,
    "clock_skew_ms": 499.999,
    "loop_lag_ms": 249.999,
    "key_answer_age_hours": 47.999,
    "verdict_age_cycles": 1.999,
}
MEASURED = tuple(JUST_WITHIN)
JUDGED_ELSEWHERE = {
    "at_ns": "the time of the record itself",
    "file_mark": "the authority compares it with its latch; confirm_file_arms is the answer",
    "halt_file": "the authority halts for it; halted is the answer",
    "pairs": "judged for each pair, not for the gate",
    "dry_cycles_done": "counted by the engine, zero from the start",
}
LIMITS = (
    "max_redis_heartbeat_age_ms",
    "max_clock_skew_ms",
    "max_loop_lag_ms",
    "min_disk_free_mb",
    "confirm_max_age_hours",
)


def blocks(rules: GuardRules = RULES, /, **changes: Any) -> set[BlockReason]:
    """Why the gate is shut with these changes to a readiness that opens it."""
    return set(LiveGuard(rules).blocks(replace(READY, **changes)))


def test_opens_when_everything_holds() -> None:
    """The readiness the others are made from opens the gate, so each may shut it alone."""
    assert blocks() == set()


def test_every_reason_has_its_predicate() -> None:
    """A code without a row would be a promise nobody keeps."""
    assert {row.reason for row in PREDICATES} == set(BlockReason)
    assert len(PREDICATES) == len(BlockReason)
    assert set(ALONE) == set(BlockReason)


@pytest.mark.parametrize("reason", list(ALONE), ids=str)
def test_one_failing_alone_is_named(reason: BlockReason) -> None:
    """Nothing else is blamed for it."""
    assert blocks(**ALONE[reason]) == {reason}


def test_all_failing_are_all_named() -> None:
    """Not just the first; left out are only the two that rule out another."""
    hidden = {R.CONFIRM_FILE_MISSING, R.KEY_SCOPE_UNKNOWN}
    everything: dict[str, Any] = {}
    for reason, change in ALONE.items():
        if reason not in hidden:
            everything |= change

    assert blocks(**everything) == set(BlockReason) - hidden


def test_nothing_sensed_since_start_blocks() -> None:
    """What has not been sensed yet never counts as good."""
    sensed_nothing = LiveGuard(RULES).blocks(Readiness(mode=Mode.LIVE))

    expected = set(BlockReason) - {
        R.MODE_NOT_LIVE,
        R.KEY_SCOPE_TOO_WIDE,
        R.KEY_SCOPE_STALE,
        R.HALTED,
        R.DEMOTED,
        R.PAUSED,
        R.BREAKER_TRIPPED,
    }
    assert set(sensed_nothing) == expected


@pytest.mark.parametrize(
    "field", [field.name for field in fields(Readiness) if field.name not in JUDGED_ELSEWHERE]
)
def test_none_never_passes(field: str) -> None:
    """Every single thing that is not known shuts the gate."""
    change: dict[str, Any] = {field: None}

    assert blocks(**change)


@pytest.mark.parametrize("field", MEASURED)
@pytest.mark.parametrize("value", [nan, inf, -inf, -1.0], ids=str)
def test_no_number_never_passes(field: str, value: float) -> None:
    """NaN, infinite and negative are not within any limit."""
    change: dict[str, Any] = {field: value}

    assert len(blocks(**change)) == 1


@pytest.mark.parametrize("field", LIMITS)
def test_a_limit_that_is_no_number_never_passes(field: str) -> None:
    """A bound that compares with nothing bounds nothing."""
    rules = replace(RULES, **{field: nan})

    assert len(blocks(rules)) == 1


@pytest.mark.parametrize("field", list(JUST_WITHIN))
def test_just_within_its_limit_passes(field: str) -> None:
    """The limits are strict: equal fails, as each alone shows, and a little less holds."""
    assert blocks(**{field: JUST_WITHIN[field]}) == set()


@pytest.mark.parametrize("value", [1, "1", "true", [1]], ids=str)
@pytest.mark.parametrize(
    "field", ["env_flag", "confirm_file", "lock_held", "safety_holds", "reconciled"]
)
def test_only_true_is_true(field: str, value: object) -> None:
    """What merely looks like a yes is none."""
    change: dict[str, Any] = {field: value}

    assert blocks(**change)


class TestWhatIsNotNeeded:
    def test_without_redis_neither_lease_nor_heartbeat_is_asked(self) -> None:
        """One host needs no Redis."""
        rules = replace(RULES, redis_needed=False)

        assert blocks(rules, lease_held=None, redis_age_ms=None) == set()

    def test_without_telegram_no_operator_is_asked(self) -> None:
        """The operator is then at the host."""
        rules = replace(RULES, operator_needed=False)

        assert blocks(rules, operator_reachable=None, operator_credentials=None) == set()

    def test_without_a_greatest_age_the_file_does_not_expire(self) -> None:
        """Its age is then not asked."""
        rules = replace(RULES, confirm_max_age_hours=None)

        assert blocks(rules, confirm_file_age_hours=None) == set()


class TestMock:
    def test_names_what_a_fresh_host_lacks(self) -> None:
        """Mock mode shows the predicates all the same, and they keep the gate shut."""
        named = set(LiveGuard(RULES).blocks(Readiness(mode=Mode.MOCK)))

        assert {R.MODE_NOT_LIVE, R.ENV_FLAG_MISSING, R.CONFIRM_FILE_MISSING} <= named

    def test_never_opens(self) -> None:
        """Whatever else holds."""
        assert blocks(mode=Mode.MOCK) == {R.MODE_NOT_LIVE}
        assert blocks(mode=Mode.PAPER) == {R.MODE_NOT_LIVE}


class TestFindings:
    def test_show_every_predicate(self) -> None:
        """Holding or not, with what was seen and what is allowed, in the table's order."""
        findings = LiveGuard(RULES).findings(READY)

        assert [finding.reason for finding in findings] == [row.reason for row in PREDICATES]
        assert all(finding.holds and finding.value and finding.limit for finding in findings)

    def test_agree_with_the_blocks(self) -> None:
        """One table, one truth."""
        guard = LiveGuard(RULES)
        for change in ALONE.values():
            readiness = replace(READY, **change)
            shut = tuple(f.reason for f in guard.findings(readiness) if not f.holds)
            assert shut == guard.blocks(readiness)

    def test_say_what_is_not_known(self) -> None:
        """Never an empty cell."""
        findings = LiveGuard(RULES).findings(Readiness(mode=Mode.LIVE))

        disk = next(finding for finding in findings if finding.reason is R.DISK_LOW)
        assert (disk.value, disk.limit) == ("not known", "500")
