"""The live gate as a machine: commands, sensors, files and restarts in any order, step by step.

After every step the shipped functions and the rules written beside them must say the same.
"""

from typing import Any

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.property import gate_rules as rules
from tests.property.gate_rules import Host, Limits, Mark, Past, Record
from tests.property.gate_space import (
    GOOD,
    MARK,
    MONO,
    NOW,
    SECOND,
    judged,
    normal_memory,
    normal_past,
    of_authority,
    to_mark,
    to_rules,
    to_sight,
)
from trader.domain.authority import Authority, Level
from trader.domain.control import Mode
from trader.domain.readiness import Readiness
from trader.risk.authority import after_start, halt, lift_halt, to_paper
from trader.risk.live_guard import LiveGuard, after_act, after_break

# The good value stands often, or nothing would ever be open.
SENSED: dict[str, tuple[Any, ...]] = {
    "lock_held": (False, None),
    "lease_held": (False, None),
    "keys_cannot_withdraw": (False, None),
    "key_answer_age_hours": (48.0,),
    "confirm_file_age_hours": (24.0, float("nan")),
    "breakers": (("DAILY_LOSS",),),
    "safety_holds": (False, None),
    "disk_free_mb": (499.0, None),
    "operator_credentials": (False, None),
    "operator_reachable": (False, None),
    "fresh_pairs": (0, None),
    "redis_age_ms": (5_000.0, None),
    "clock_skew_ms": (501.0, None),
    "reconciled": (False, None),
    "loop_lag_ms": (251.0, None),
    "verdict_age_cycles": (2.0, None),
}


class GateMachine(RuleBasedStateMachine):
    """Both sides, driven by the same steps."""

    @initialize(cycles=strategies.sampled_from((0, 1, 3)), limited=strategies.booleans())
    def begin(self, cycles: int, limited: bool) -> None:
        """A fresh host: paper without a latch, everything good, the file there."""
        self.limits = Limits(
            cycles=cycles,
            redis_needed=limited,
            operator_needed=limited,
            file_hours=24.0 if limited else None,
        )
        self.guard = LiveGuard(to_rules(self.limits))
        self.authority, self.record = Authority(), Record()
        self.memory, self.past = self.guard.begin(), Past()
        self.sensed: dict[str, Any] = dict(GOOD)
        self.mark: Mark | None = MARK
        self.halt_file = False
        self.now, self.mono = NOW, MONO
        self.touched_since = True
        # What these limits never ask for cannot fail either, so it cannot matter whether it held.
        good = judged(self.sensed, self.record, self.host(), rules.Status.HOLDS, self.limits)
        self.asked = {code for code, how in good.items() if how is not rules.Status.IDLE}

    def host(self) -> Host:
        """The files as they are."""
        stands = self.mark is not None and self.sensed["confirm_file_safe"] is True
        return Host(self.now, self.mark, stands, self.halt_file)

    def readiness(self) -> Readiness:
        """Everything as the sensors report it."""
        return Readiness(
            **self.sensed,
            at_ns=self.now,
            file_mark=to_mark(self.mark),
            halt_file=self.halt_file,
        )

    @rule(
        name=strategies.sampled_from(sorted(SENSED)),
        pick=strategies.sampled_from((0, 0, 0, 0, 1, 2)),
    )
    def sense_one(self, name: str, pick: int) -> None:
        """One thing turns bad, unknown, or good again."""
        values = (GOOD[name], *SENSED[name])
        self.sensed[name] = values[pick % len(values)]

    @rule(field=strategies.sampled_from(("env_flag", "mode")), good=strategies.booleans())
    def sense_process(self, field: str, good: bool) -> None:
        """What the process was started with."""
        bad = {"env_flag": False, "mode": Mode.PAPER}
        self.sensed[field] = GOOD[field] if good else bad[field]

    @rule()
    def all_good(self) -> None:
        """Whatever was bad is over."""
        kept = {name: self.sensed[name] for name in ("confirm_file", "confirm_file_safe", "paused")}
        self.sensed = GOOD | kept

    @rule(ahead=strategies.sampled_from((0, 0, 0, 3_600)), safe=strategies.booleans())
    def touch(self, ahead: int, safe: bool) -> None:
        """The file, created if need be; perhaps by a clock that runs ahead, or for all to write."""
        at = self.now + ahead * SECOND
        self.mark = Mark(8, 21, at, at)
        self.sensed |= {"confirm_file": True, "confirm_file_safe": safe}
        self.touched_since = True

    @precondition(lambda self: self.mark is not None)
    @rule(safe=strategies.booleans())
    def chmod(self, safe: bool) -> None:
        """Its mode, which moves ctime alone."""
        assert self.mark is not None
        self.mark = self.mark._replace(ctime=self.now)
        self.sensed["confirm_file_safe"] = safe

    @rule()
    def remove(self) -> None:
        """The confirm file."""
        self.mark = None
        self.sensed |= {"confirm_file": False, "confirm_file_safe": None}

    @rule(there=strategies.booleans())
    def put_halt_file(self, there: bool) -> None:
        """Or take it away, which lifts nothing."""
        self.halt_file = there

    @rule(seconds=strategies.sampled_from((0, 1, 1, 29, 30, 4_000)))
    def wait(self, seconds: int) -> None:
        """Both clocks go on."""
        self.now += seconds * SECOND
        self.mono += seconds * SECOND

    @rule(looks=strategies.integers(1, 4))
    def look(self, looks: int) -> None:
        """Cycles of the control loop, a second each."""
        for _ in range(looks):
            before, host = self.record, self.host()
            standing = self.standing()
            self.authority, self.memory = self.guard.look(
                self.authority, self.memory, self.readiness(), self.mono
            )
            if self.sensed["mode"] is Mode.LIVE:
                self.record = rules.seen_by_look(before, host, standing, self.past.held)
            elif self.halt_file:
                self.record = rules.halted(before, host, now=False)
            self.past = rules.looked(
                before, self.record, self.past, standing, self.mono, self.limits
            )
            rose = self.record.level is rules.Level.LIVE and before.level is not rules.Level.LIVE
            assert self.touched_since or not rose
            self.note_latch(before)
            self.now += SECOND
            self.mono += SECOND

    @rule(looks=strategies.integers(1, 5))
    def go_live(self, looks: int) -> None:
        """All that a host can do for it, in the right order; enough looks open the gate."""
        self.halt_file = False
        self.lift(0)
        self.all_good()
        self.pause(paused=False)
        self.wait(1)
        self.touch(ahead=0, safe=True)
        self.look(looks)
        assert self.record.level is rules.Level.LIVE

    @rule(now=strategies.booleans())
    def halt(self, now: bool) -> None:
        """``/halt`` and ``/halt now``."""
        self.act(
            halt(self.authority, "42", "", to_sight(self.host()), now=now),
            rules.halted(self.record, self.host(), now=now),
        )

    @rule()
    def paper(self) -> None:
        """``/paper``."""
        self.act(
            to_paper(self.authority, "42", "", to_sight(self.host())),
            rules.demoted(self.record, self.host()),
        )

    @rule(off=strategies.sampled_from((0, 0, 0, -1, 1)))
    def lift(self, off: int) -> None:
        """``/resume``, by this revision or by another."""
        revision = self.record.revision + off
        self.act(
            lift_halt(self.authority, "42", revision, to_sight(self.host())),
            rules.lifted(self.record, self.host(), revision),
        )

    @rule(paused=strategies.booleans())
    def pause(self, paused: bool) -> None:
        """``/pause``, or lifting it; a pause breaks what was approved."""
        if paused and not self.sensed["paused"]:
            self.memory = after_break(self.memory, self.mono)
            self.past = rules.broken(self.past, self.mono)
        self.sensed["paused"] = paused

    @rule()
    def reconnect(self) -> None:
        """A venue's connection is another one."""
        self.memory = after_break(self.memory, self.mono)
        self.past = rules.broken(self.past, self.mono)

    @rule(crashed=strategies.booleans())
    def restart(self, crashed: bool) -> None:
        """The process stops, cleanly or not, and starts again."""
        before = self.record
        self.authority = after_start(self.authority, to_sight(self.host()), crashed=crashed)
        self.record = rules.started(before, self.host(), crashed=crashed)
        self.memory, self.past = self.guard.begin(), Past()
        assert self.record.level <= before.level
        self.note_latch(before)

    def act(self, authority: Authority, record: Record) -> None:
        """What a command made of authority; an act that changed it voids what was approved."""
        before = self.record
        if record != before:
            self.memory = after_act(self.memory, self.limits.cycles)
            self.past = rules.acted(self.past)
        self.authority, self.record = authority, record
        assert record.level is not rules.Level.LIVE or before.level is rules.Level.LIVE
        self.note_latch(before)

    def note_latch(self, before: Record) -> None:
        """From a latch on, only a touch may raise."""
        if self.record != before and self.record.latched:
            self.touched_since = False

    def standing(self) -> dict[str, rules.Status]:
        """How every predicate stands by the rules."""
        dry = rules.dry_run(self.past, self.limits)
        return judged(self.sensed, self.record, self.host(), dry, self.limits)

    @invariant()
    def both_say_the_same(self) -> None:
        """Authority, memory, and what goes."""
        assert of_authority(self.authority) == self.record
        held, *rest = normal_memory(self.memory)
        expected, *others = normal_past(self.past)
        assert isinstance(held, frozenset)
        assert isinstance(expected, frozenset)
        assert held & self.asked == expected & self.asked
        assert rest == others
        standing = self.standing()
        verdict = self.guard.verdict(self.authority, self.memory, self.readiness())
        goes = rules.goes(self.record, standing)
        found = (verdict.entries, verdict.closings, verdict.unwinds, verdict.operator_closes)
        assert found == tuple(goes)
        if verdict.is_open:
            assert self.authority.level is Level.LIVE
            assert not verdict.blocks
            assert all(how in rules.PASSES for how in standing.values())


TestGateMachine = pytest.mark.fast(GateMachine.TestCase)
TestGateMachine.settings = settings(stateful_step_count=50)
