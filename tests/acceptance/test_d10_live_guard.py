"""The live guard, as its operator's checklist has it: mock and paper never, live only by all locks.

Also a script: ``python tests/acceptance/test_d10_live_guard.py`` goes through the list.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pytest
from msgspec.structs import replace

from tests.acceptance.checklist import go_through
from trader.domain.authority import Authority, FileMark, Level
from trader.domain.control import BlockReason, Mode
from trader.ops.sensors import ConfirmState, env_flag, look_at_confirm_file
from trader.risk.live_guard import GuardRules, LiveGuard, Readiness, Route

DRY_RUN_CYCLES = 3
CYCLE_NS = 1_000_000_000
ARMED = {"LIVE_TRADING": "1"}

RULES = GuardRules(
    max_redis_heartbeat_age_ms=5_000.0,
    max_clock_skew_ms=500.0,
    max_loop_lag_ms=250.0,
    min_disk_free_mb=500.0,
    dry_run_cycles=DRY_RUN_CYCLES,
    redis_needed=False,
    operator_needed=False,
)


def sensed(mode: Mode, environ: dict[str, str], confirm_file: Path) -> Readiness:
    """A host where all is well, but for what the arguments say; the file is really looked at."""
    file = look_at_confirm_file(confirm_file)
    is_there = file.state is not ConfirmState.ABSENT
    mark = FileMark(file.device, file.inode, file.ctime_ns, file.mtime_ns) if is_there else None
    return Readiness(
        mode=mode,
        env_flag=env_flag(environ),
        confirm_file=is_there,
        confirm_file_safe=file.state is ConfirmState.STANDING,
        confirm_file_arms=file.state is ConfirmState.STANDING,
        confirm_file_age_hours=0.0,
        lock_held=True,
        lease_held=True,
        keys_cannot_withdraw=True,
        safety_holds=True,
        disk_free_mb=10_000.0,
        operator_reachable=True,
        operator_credentials=True,
        fresh_pairs=1,
        redis_age_ms=10.0,
        clock_skew_ms=10.0,
        reconciled=True,
        loop_lag_ms=1.0,
        dry_cycles_done=DRY_RUN_CYCLES,
        file_mark=mark,
    )


def blocks(mode: Mode, environ: dict[str, str], *, file: bool) -> set[BlockReason]:
    """Every reason why not, on a host where nothing else is wrong."""
    with tempfile.TemporaryDirectory() as directory:
        confirm_file = Path(directory) / ".live_trading_ok"
        if file:
            confirm_file.touch(mode=0o600)
        return set(LiveGuard(RULES).blocks(sensed(mode, environ, confirm_file)))


def routes(mode: Mode, cycles: int) -> list[Route]:
    """Where entries go before each of so many cycles, with every lock open."""
    guard, authority = LiveGuard(RULES), Authority()
    memory = guard.begin()
    found = []
    with tempfile.TemporaryDirectory() as directory:
        confirm_file = Path(directory) / ".live_trading_ok"
        confirm_file.touch(mode=0o600)
        for cycle in range(cycles):
            readiness = sensed(mode, ARMED, confirm_file)
            found.append(guard.verdict(authority, memory, readiness).entries)
            authority, memory = guard.look(authority, memory, readiness, cycle * CYCLE_NS)
    assert (authority.level is Level.LIVE) is (mode is Mode.LIVE)
    return found


def check_never_live(mode: Mode) -> None:
    """With the flag, the file and everything else in order, this mode is still no live mode."""
    assert blocks(mode, ARMED, file=True) == {BlockReason.MODE_NOT_LIVE}
    assert set(routes(mode, 3 * DRY_RUN_CYCLES)) == {Route.PAPER}


def check_mock_is_safe() -> None:
    """Mock is never live, whatever stands around it."""
    check_never_live(Mode.MOCK)


def check_paper_is_safe() -> None:
    """Paper is never live, whatever stands around it."""
    check_never_live(Mode.PAPER)


def check_live_without_flag() -> None:
    """The file alone opens nothing; only exactly 1 is a flag."""
    assert blocks(Mode.LIVE, {}, file=True) == {BlockReason.ENV_FLAG_MISSING}
    for value in ("", "0", "true", "yes", " 1", "1 ", "01"):
        found = blocks(Mode.LIVE, {"LIVE_TRADING": value}, file=True)
        assert found == {BlockReason.ENV_FLAG_MISSING}, value


def check_live_without_file() -> None:
    """The flag alone opens nothing."""
    assert blocks(Mode.LIVE, ARMED, file=False) == {BlockReason.CONFIRM_FILE_MISSING}


def check_every_reason_is_named() -> None:
    """Who lacks both is told both, not one after the other."""
    assert blocks(Mode.LIVE, {}, file=False) == {
        BlockReason.ENV_FLAG_MISSING,
        BlockReason.CONFIRM_FILE_MISSING,
    }


def check_all_locks_open() -> None:
    """The other items can fail: with flag and file, nothing blocks any more."""
    assert blocks(Mode.LIVE, ARMED, file=True) == set()


def check_dry_run() -> None:
    """The first cycles trade on paper, however well all is; then, and not before, it opens."""
    found = routes(Mode.LIVE, DRY_RUN_CYCLES + 2)

    assert found[:DRY_RUN_CYCLES] == [Route.PAPER] * DRY_RUN_CYCLES
    assert found[DRY_RUN_CYCLES:] == [Route.LIVE, Route.LIVE]


def check_dry_run_is_named() -> None:
    """While it goes on, it is a reason like any other."""
    with tempfile.TemporaryDirectory() as directory:
        confirm_file = Path(directory) / ".live_trading_ok"
        confirm_file.touch(mode=0o600)
        ready = sensed(Mode.LIVE, ARMED, confirm_file)
    for done in range(DRY_RUN_CYCLES):
        found = LiveGuard(RULES).blocks(replace(ready, dry_cycles_done=done))
        assert found == (BlockReason.DRY_RUN,), done


ITEMS = [
    ("Mock mode: always safe", check_mock_is_safe),
    ("Paper mode: always safe", check_paper_is_safe),
    ("Live mode without the environment flag: blocked", check_live_without_flag),
    ("Live mode with the flag, without the file: blocked", check_live_without_file),
    ("Live mode without both: both reasons named", check_every_reason_is_named),
    ("Live mode with both: nothing blocks", check_all_locks_open),
    (f"Dry run: the first {DRY_RUN_CYCLES} cycles are paper", check_dry_run),
    ("Dry run: named as a reason while it lasts", check_dry_run_is_named),
]


@pytest.mark.parametrize("check", [check for _, check in ITEMS], ids=[words for words, _ in ITEMS])
def test_live_guard(check: object) -> None:
    """Each item of the list holds."""
    assert callable(check)
    check()


@pytest.mark.parametrize("mode", [Mode.MOCK, Mode.PAPER])
def test_a_record_of_live_authority_opens_no_other_mode(mode: Mode) -> None:
    """What was permitted in live mode yesterday counts for nothing in another mode today."""
    with tempfile.TemporaryDirectory() as directory:
        confirm_file = Path(directory) / ".live_trading_ok"
        confirm_file.touch(mode=0o600)
        readiness = sensed(mode, ARMED, confirm_file)
    guard = LiveGuard(RULES)

    assert not guard.verdict(Authority(Level.LIVE), guard.begin(), readiness).is_open


if __name__ == "__main__":
    sys.exit(go_through("Live guard", ITEMS))
