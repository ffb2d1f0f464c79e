"""The state space of the live gate, and the walk that compares what is shipped with the rules.

``python -m tests.property.gate_space --full`` walks all of it; the tests walk a seeded share, one
state in ``GATE_SCALE``. Normal forms that keep it finite, each because nothing reads more of it:

- predicates of a class are alike to the transitions, so each class is held, lost or unknown by
  representatives; which predicate is of which class is compared by itself, field by field;
- commands and starts read authority and files only, so they meet every state of those two;
- where a look cannot end in LIVE, two states of the dry run stand for all eight.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from msgspec.structs import replace

from tests.property import gate_rules as rules
from tests.property.gate_rules import Host, Limits, Mark, Past, Record, Status
from trader.domain.authority import Authority, FileMark, Latch, Level, Sight
from trader.domain.control import BlockReason, Mode
from trader.domain.readiness import Readiness
from trader.risk.live_guard import Finding, GuardRules, LiveGuard, Memory

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
MONO = 1_000 * SECOND
LIMITS = Limits()

GOOD: dict[str, Any] = {
    "mode": Mode.LIVE,
    "env_flag": True,
    "confirm_file": True,
    "confirm_file_safe": True,
    "confirm_file_age_hours": 1.0,
    "lock_held": True,
    "lease_held": True,
    "keys_cannot_withdraw": True,
    "key_answer_age_hours": 1.0,
    "paused": False,
    "breakers": (),
    "safety_holds": True,
    "disk_free_mb": 10_000.0,
    "operator_reachable": True,
    "operator_credentials": True,
    "fresh_pairs": 1,
    "redis_age_ms": 100.0,
    "clock_skew_ms": 10.0,
    "reconciled": True,
    "loop_lag_ms": 1.0,
    "verdict_age_cycles": 1.0,
}
"""Everything sensed, and all of it good."""

# Of each class: all hold, every row of it that can fail by itself, unknown, and mixtures.
REVOKED: tuple[dict[str, Any], ...] = (
    {},
    {"mode": Mode.PAPER},
    {"env_flag": False},
    {"lock_held": False},
    {"lock_held": None},
    {"keys_cannot_withdraw": False},
)
DEMOTED: tuple[dict[str, Any], ...] = (
    {},
    {"breakers": ("DAILY_LOSS",)},
    {"safety_holds": None},
    {"key_answer_age_hours": 48.0},
)
SUSPENDED: tuple[dict[str, Any], ...] = (
    {},
    {"fresh_pairs": 0},
    {"reconciled": None},
    {"keys_cannot_withdraw": None},
)
PAUSED: tuple[dict[str, Any], ...] = ({}, {"paused": True})

_AT = NOW - 1_000 * SECOND
MARK = Mark(8, 21, _AT, _AT)
"""The confirm file as it is found."""
CTIME_ONLY = MARK._replace(ctime=_AT - SECOND)
MTIME_ONLY = MARK._replace(mtime=_AT - SECOND)
INODE_ONLY = MARK._replace(inode=22)
OTHER = MARK._replace(ctime=_AT - SECOND, mtime=_AT - SECOND)
AHEAD = MARK._replace(ctime=_AT + SECOND, mtime=_AT + SECOND)
"""What a latch may have seen: the file before a chmod, a utime, a move, a true touch.

The last is one made while the clock ran ahead, before it was set back and the file touched."""
FAR = 10**6 * SECOND


class Files(NamedTuple):
    """How the confirm file is found; ``safe`` and ``there`` as the sensor reports them."""

    mark: Mark | None
    there: bool | None
    safe: bool | None


FILES = (
    Files(None, False, None),
    Files(MARK, True, True),
    Files(MARK, True, False),
    Files(None, None, None),
    Files(MARK._replace(ctime=NOW + FAR), True, True),
    Files(MARK._replace(mtime=NOW + FAR), True, True),
)
SEEN = (None, MARK, CTIME_ONLY, MTIME_ONLY, INODE_ONLY, OTHER, AHEAD)


def records(*, full: bool) -> Iterator[Record]:
    """Every authority by its normal form: level, latch, what it saw, its two marks.

    Without ``full`` a halt has two of the sights, since a lift looks anew whatever it saw.
    """
    yield Record(rules.Level.LIVE, revision=7)
    yield Record(rules.Level.PAPER, revision=7)
    for seen, flag in product(SEEN, (False, True)):
        yield Record(rules.Level.PAPER, True, seen, False, flag, 7)
        if full or seen in (MARK, OTHER):
            yield Record(rules.Level.HALT, True, seen, flag, False, 7)


def pasts() -> Iterator[Past]:
    """Every state of the dry run and of what held: the last is said by ``with_held``."""
    ago = (SECOND, 30 * SECOND, -SECOND)
    for streak in (1, 2, 3):
        yield Past(streak=streak, needed=3)
    yield Past(streak=1, needed=1)
    for since in ago:
        yield Past(ended=MONO - since)
    yield Past()


FEW_PASTS = (Past(streak=3, needed=3), Past(ended=MONO - SECOND))


def to_authority(record: Record, who: str = "42", reason: str = "PAPER") -> Authority:
    """The shipped record that says the same."""
    latch = Latch(reason, who, NOW - 5, to_mark(record.seen)) if record.latched else None
    return Authority(
        Level(record.level.value), record.revision, latch, record.nothing_goes, record.used_up
    )


def to_mark(mark: Mark | None) -> FileMark | None:
    """The shipped mark that says the same."""
    return None if mark is None else FileMark(*mark)


def to_sight(host: Host) -> Sight:
    """The shipped sight that says the same."""
    return Sight(host.now, to_mark(host.mark), host.stands, host.halt_file)


def of_authority(authority: Authority) -> Record:
    """What the rules would call a shipped record."""
    latch, seen = authority.latch, None
    if latch is not None and latch.seen is not None:
        mark = latch.seen
        seen = Mark(mark.device, mark.inode, mark.ctime_ns, mark.mtime_ns)
    return Record(
        rules.Level(authority.level.value),
        latch is not None,
        seen,
        authority.nothing_goes,
        authority.used_up,
        authority.revision,
    )


def to_memory(past: Past, limits: Limits = LIMITS) -> Memory:
    """The shipped memory that says the same; the dry run counts down in it."""
    left = max(past.needed - past.streak, 0) if past.streak else limits.cycles
    return Memory(
        dry_left=0 if past.ended is not None else left,
        held=frozenset(BlockReason(code) for code in past.held),
        failing=frozenset(BlockReason(code) for code in past.failing),
        is_whole=past.streak > 0,
        broke_mono_ns=past.ended,
        generation=past.generation,
    )


def normal_memory(memory: Memory) -> tuple[object, ...]:
    """A shipped memory without what has no effect."""
    dry: tuple[object, ...] = ("counting", memory.dry_left)
    if not memory.is_whole:
        dry = ("broken", None if memory.dry_left else memory.broke_mono_ns)
    return memory.held & rules.LOWERING, memory.failing, dry, memory.generation


def normal_past(past: Past) -> tuple[object, ...]:
    """What the rules remember, in the same form."""
    dry: tuple[object, ...] = ("counting", max(past.needed - past.streak, 0))
    if not past.streak:
        dry = ("broken", past.ended)
    return past.held & rules.LOWERING, past.failing, dry, past.generation


def to_rules(limits: Limits) -> GuardRules:
    """The shipped rules with these limits."""
    return GuardRules(
        max_redis_heartbeat_age_ms=limits.redis_ms,
        max_clock_skew_ms=limits.skew_ms,
        max_loop_lag_ms=limits.lag_ms,
        min_disk_free_mb=limits.disk_mb,
        dry_run_cycles=limits.cycles,
        redis_needed=limits.redis_needed,
        operator_needed=limits.operator_needed,
        confirm_max_age_hours=limits.file_hours,
    )


def judged(
    sensed: dict[str, Any], record: Record, host: Host, dry: Status, limits: Limits = LIMITS
) -> dict[str, Status]:
    """How every predicate stands by the rules."""
    return {
        **rules.judge_host(sensed, limits),
        **rules.judge_running(sensed, limits),
        **rules.judge_authority(record, host, sensed["confirm_file"]),
        "DRY_RUN": dry,
    }


class RememberingGuard(LiveGuard):
    """The shipped guard, which judges each readiness once: the walk meets it many thousand times.

    Every readiness of the walk has an instant of its own, so that tells it from the others.
    """

    def __init__(self, limits: GuardRules) -> None:
        super().__init__(limits)
        self._known: dict[tuple[object, ...], tuple[Finding, ...]] = {}

    def findings(self, readiness: Readiness) -> tuple[Finding, ...]:
        """As shipped."""
        key = (
            readiness.at_ns,
            readiness.halted,
            readiness.demoted,
            readiness.confirm_file_arms,
            readiness.dry_cycles_done,
        )
        if key not in self._known:
            self._known[key] = super().findings(readiness)
        return self._known[key]


class Scene(NamedTuple):
    """One readiness in both forms."""

    sensed: dict[str, Any]
    readiness: Readiness
    host: Host
    standing: dict[str, Status]
    """All but what follows from authority and the dry run."""


def scenes() -> Iterator[Scene]:
    """Every combination of classes with every state of the files."""
    space = product(FILES, (False, True), REVOKED, DEMOTED, SUSPENDED, PAUSED)
    for number, (files, halt_file, *classes) in enumerate(space):
        sensed = dict(GOOD, confirm_file=files.there, confirm_file_safe=files.safe)
        for change in classes:
            sensed |= change
        stands = files.there is True and files.safe is True
        host = Host(NOW + number, files.mark, stands, halt_file)
        readiness = Readiness(
            **sensed, at_ns=host.now, file_mark=to_mark(files.mark), halt_file=halt_file
        )
        standing = {**rules.judge_host(sensed, LIMITS), **rules.judge_running(sensed, LIMITS)}
        yield Scene(sensed, readiness, host, standing)


class Judged(NamedTuple):
    """What the rules say of a scene, a record and the dry run."""

    standing: dict[str, Status]
    goes: tuple[object, ...]
    suspended: bool
    failing: frozenset[str]
    named: frozenset[str]


class Walk:
    """Goes through the space; counts the states it met and the transitions it compared."""

    def __init__(self, scale: int = 1, seed: int = 20) -> None:
        self.states = 0
        self.transitions = 0
        self._scale = scale
        self._chance = random.Random(seed)
        self._guard = RememberingGuard(to_rules(LIMITS))
        self._judged: dict[tuple[object, ...], Judged] = {}
        self._authorities: dict[Record, Authority] = {}

    def run(self) -> None:
        """Compare verdict and look at every state taken.

        Raises AssertionError naming the first state where they differ.
        """
        everything = tuple(records(full=False))
        all_pasts = tuple(pasts())
        for scene in scenes():
            helds = self._helds(scene)
            # Where all holds there is most to go wrong, and few such scenes: always all of them.
            is_good = all(how in rules.PASSES for how in scene.standing.values())
            scale = 1 if is_good else self._scale
            for record in everything:
                may_rise = record.level is rules.Level.LIVE or rules.is_touched(
                    record, scene.host.mark
                )
                is_live = record.level is not rules.Level.HALT and may_rise
                some = all_pasts if is_live else FEW_PASTS
                failings = (frozenset(), frozenset(rules.LOSS)) if is_live else (frozenset(),)
                for held, failing, past in product(helds, failings, some):
                    if scale == 1 or self._chance.random() * scale < 1:
                        whole = past._replace(held=held, failing=failing, generation=3)
                        self._compare(scene, record, whole)

    @staticmethod
    def _helds(scene: Scene) -> tuple[frozenset[str], ...]:
        everything = frozenset(rules.LOSS)
        failing = {code for code, how in scene.standing.items() if how is Status.FAILS}
        return frozenset(), everything, everything - failing

    def _compare(self, scene: Scene, record: Record, past: Past) -> None:
        self.states += 1
        authority, memory = self._authority(record), to_memory(past)
        where = (scene, record, past)
        now = self._judge(scene, record, past)
        self._compare_verdict(authority, memory, scene, now, where)
        after, remembered = self._guard.look(authority, memory, scene.readiness, MONO)
        expected = record
        if scene.sensed["mode"] is Mode.LIVE:
            expected = rules.seen_by_look(record, scene.host, now.standing, past.held)
        elif scene.host.halt_file:
            expected = rules.halted(record, scene.host, now=False)
        if expected is record:
            assert after == authority, where
        else:
            assert of_authority(after) == expected, where
        then = rules.looked(record, expected, past, now.standing, MONO, LIMITS)
        assert normal_memory(remembered) == normal_past(then), where
        self._compare_verdict(after, remembered, scene, self._judge(scene, expected, then), where)
        self.transitions += 1

    def _compare_verdict(
        self, authority: Authority, memory: Memory, scene: Scene, judged: Judged, where: object
    ) -> None:
        verdict = self._guard.verdict(authority, memory, scene.readiness)
        found = (verdict.entries, verdict.closings, verdict.unwinds, verdict.operator_closes)
        assert found == judged.goes, where
        assert verdict.suspended is judged.suspended, where
        assert set(verdict.blocks) == judged.named, where
        if verdict.is_open:
            assert not judged.failing, where
            assert authority.level is Level.LIVE, where

    def _authority(self, record: Record) -> Authority:
        if record not in self._authorities:
            self._authorities[record] = to_authority(record)
        return self._authorities[record]

    def _judge(self, scene: Scene, record: Record, past: Past) -> Judged:
        dry = rules.dry_run(past, LIMITS)
        # Of a record the table reads no more than this.
        key = (scene.host.now, record.level, record.latched, record.seen, record.nothing_goes, dry)
        if key not in self._judged:
            standing = {
                **scene.standing,
                **rules.judge_authority(record, scene.host, scene.sensed["confirm_file"]),
                "DRY_RUN": dry,
            }
            goes = rules.goes(record, standing)
            failing = frozenset(c for c, how in standing.items() if how not in rules.PASSES)
            # A record not raised yet, with nothing else against it, still has its reason.
            rest = {"CONFIRM_FILE_NOT_ARMED"} if goes.entries is not rules.Way.LIVE else set()
            is_suspended = "suspended" in rules.states(record, standing)
            self._judged[key] = Judged(
                standing, tuple(goes), is_suspended, failing, failing or frozenset(rest)
            )
        return self._judged[key]


def scale_from_environment() -> int:
    """One state in this many is compared; ``GATE_SCALE`` says how many, 1 is all."""
    return int(os.environ.get("GATE_SCALE", "20"))


def ready(**changes: Any) -> Readiness:
    """A host where everything holds, but for the changes."""
    return replace(Readiness(**GOOD, at_ns=NOW, file_mark=to_mark(MARK)), **changes)


def main() -> int:
    """Walk, and print how many states and seconds it took."""
    parser = argparse.ArgumentParser(description="Compare the live gate with its rules.")
    parser.add_argument("--full", action="store_true", help="every state, not one in GATE_SCALE")
    arguments = parser.parse_args()
    walk = Walk(1 if arguments.full else scale_from_environment())
    began = time.monotonic()
    walk.run()
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{walk.states} states, {walk.transitions} looks, every one as the rules say; "
        f"{seconds:.1f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
