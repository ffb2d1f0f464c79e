"""The live gate over its whole state space, against rules written independently of it.

The walk takes one state in ``GATE_SCALE`` (20); all of them: ``python -m tests.property.gate_space
--full``. Everything else here is exhaustive each time.
"""

import math
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

import pytest
from msgspec.structs import replace

from tests.property import gate_rules as rules
from tests.property.gate_rules import Host, Limits, Mark, Past, Record, Status
from tests.property.gate_space import (
    CTIME_ONLY,
    GOOD,
    LIMITS,
    MARK,
    MONO,
    MTIME_ONLY,
    NOW,
    OTHER,
    SECOND,
    SEEN,
    Walk,
    judged,
    normal_memory,
    normal_past,
    of_authority,
    pasts,
    ready,
    records,
    scale_from_environment,
    to_authority,
    to_mark,
    to_memory,
    to_rules,
    to_sight,
)
from trader.domain.authority import Authority, Level, Sight
from trader.domain.control import BlockReason, Mode
from trader.domain.order import PairName, Purpose
from trader.domain.readiness import PairReadiness, Readiness
from trader.risk.authority import after_look, after_start, halt, lift_halt, to_paper
from trader.risk.live_guard import (
    LiveGuard,
    Route,
    Verdict,
    after_act,
    after_break,
    may_close,
    may_enter,
    pair_of,
)
from trader.risk.predicates import PREDICATES

pytestmark = pytest.mark.fast

GUARD = LiveGuard(to_rules(LIMITS))
NAN = math.nan
FLAG = (True, False, None)
VALUES: dict[str, tuple[Any, ...]] = {
    "mode": (Mode.LIVE, Mode.PAPER, Mode.MOCK),
    "env_flag": (True, False),
    "confirm_file": FLAG,
    "confirm_file_safe": FLAG,
    "confirm_file_age_hours": (1.0, 0.0, 24.0, -0.1, NAN, None),
    "lock_held": FLAG,
    "lease_held": FLAG,
    "keys_cannot_withdraw": FLAG,
    "key_answer_age_hours": (1.0, 47.9, 48.0, -1.0, NAN, math.inf, None),
    "paused": (False, True),
    "breakers": ((), ("DAILY_LOSS",), ("LEG_UNHEDGED", "ORDER_UNKNOWN")),
    "safety_holds": FLAG,
    "disk_free_mb": (10_000.0, 500.1, 500.0, 0.0, NAN, math.inf, None),
    "operator_reachable": FLAG,
    "operator_credentials": FLAG,
    "fresh_pairs": (1, 2, 0, None),
    "redis_age_ms": (100.0, 0.0, 5_000.0, -1.0, NAN, None),
    "clock_skew_ms": (10.0, 0.0, 500.0, -1.0, NAN, None),
    "reconciled": FLAG,
    "loop_lag_ms": (1.0, 250.0, -1.0, NAN, None),
    "verdict_age_cycles": (1.0, 1.9, 2.0, -1.0, NAN, None),
}
"""Every value of every field that a rule tells apart, the good one first."""
TOGETHER = (
    ("mode", "env_flag", "confirm_file", "confirm_file_safe", "confirm_file_age_hours"),
    ("keys_cannot_withdraw", "key_answer_age_hours", "lock_held", "lease_held"),
    ("lease_held", "redis_age_ms", "operator_reachable", "operator_credentials"),
    ("loop_lag_ms", "verdict_age_cycles", "clock_skew_ms", "reconciled"),
    ("breakers", "safety_holds", "disk_free_mb", "fresh_pairs", "paused"),
)
"""Fields whose values may play together; every combination of each row."""
ALL_LIMITS = (
    LIMITS,
    LIMITS._replace(redis_needed=False, operator_needed=False, file_hours=None, cycles=0),
)
MARKS = (None, MARK, MARK._replace(ctime=NOW + 1), MARK._replace(mtime=NOW + 1))
HOSTS = tuple(
    Host(NOW, mark, stands, halt_file)
    for mark, stands, halt_file in product(MARKS, (True, False), (False, True))
    if mark is not None or not stands
)


def sensed_space() -> Iterator[dict[str, Any]]:
    """All values of the fields that play together, and of every two fields at all."""
    for names in (*TOGETHER, *combinations(VALUES, 2)):
        for values in product(*(VALUES[name] for name in names)):
            yield GOOD | dict(zip(names, values, strict=True))


def test_every_state_goes_as_the_rules_say() -> None:
    """Verdict, look and the verdict after it, in every state of authority, readiness and past."""
    walk = Walk(scale_from_environment())

    walk.run()

    assert walk.states > 600_000 / scale_from_environment() * 0.9


class TestPredicates:
    def test_are_those_of_the_specification(self) -> None:
        """Each code with the loss the specification gives it, no more and no fewer."""
        assert {row.reason.value: row.loss.value for row in PREDICATES} == dict(rules.LOSS)

    @pytest.mark.parametrize("limits", ALL_LIMITS)
    def test_are_judged_as_the_rules_say(self, limits: Limits) -> None:
        """Every value of every field, alone, with each other, and with those it plays with."""
        guard = LiveGuard(to_rules(limits))
        host = Host(NOW, MARK, True)
        record = Record(rules.Level.LIVE)
        dry = Status.HOLDS
        for sensed in sensed_space():
            readiness = Readiness(
                **sensed, confirm_file_arms=True, dry_cycles_done=limits.cycles, at_ns=NOW
            )
            expected = judged(sensed, record, host, dry, limits)
            for found in guard.findings(readiness):
                how = expected[found.reason.value]
                assert found.holds is (how in rules.PASSES), (found, sensed)
                if not found.holds:
                    known = how is Status.FAILS
                    loss = rules.LOSS[found.reason] if known else rules.Loss.SUSPENDS
                    assert found.loss.value == loss.value, (found, sensed)
                    # Of what suspends in either case it makes no difference.
                    assert found.known is known or loss is rules.Loss.SUSPENDS, (found, sensed)

    def test_all_hold_when_the_gate_is_open(self) -> None:
        """Live implies every predicate: no value of any two fields opens it while one fails."""
        memory = to_memory(Past(streak=3, needed=3))
        for sensed in sensed_space():
            readiness = Readiness(**sensed, at_ns=NOW, file_mark=to_mark(MARK))
            verdict = GUARD.verdict(Authority(Level.LIVE), memory, readiness)
            standing = judged(sensed, Record(rules.Level.LIVE), Host(NOW, MARK, True), Status.HOLDS)
            holds = all(how in rules.PASSES for how in standing.values())
            assert verdict.is_open is holds, sensed
            assert verdict.is_open is not bool(verdict.blocks), sensed


ACTS: dict[str, tuple[Callable[..., Authority], Callable[..., Record]]] = {
    "halt": (
        lambda a, s: halt(a, "42", "", s, now=False),
        lambda r, h: rules.halted(r, h, now=False),
    ),
    "halt now": (
        lambda a, s: halt(a, "42", "why", s, now=True),
        lambda r, h: rules.halted(r, h, now=True),
    ),
    "paper": (lambda a, s: to_paper(a, "42", "", s), rules.demoted),
    "lift": (
        lambda a, s: lift_halt(a, "42", a.revision, s),
        lambda r, h: rules.lifted(r, h, r.revision),
    ),
    "lift by an older revision": (
        lambda a, s: lift_halt(a, "42", a.revision - 1, s),
        lambda r, h: rules.lifted(r, h, r.revision - 1),
    ),
    "start": (
        lambda a, s: after_start(a, s, crashed=False),
        lambda r, h: rules.started(r, h, crashed=False),
    ),
    "start after a crash": (
        lambda a, s: after_start(a, s, crashed=True),
        lambda r, h: rules.started(r, h, crashed=True),
    ),
}
LOWERING = ("halt", "halt now", "paper", "start after a crash")


def normal(record: Record) -> tuple[object, ...]:
    """What of an authority has an effect."""
    return record.level, record.latched, record.seen, record.nothing_goes


def acted(record: Record, act: str, host: Host) -> Record:
    """The shipped transition, in the words of the rules."""
    return of_authority(ACTS[act][0](to_authority(record), to_sight(host)))


class TestActs:
    @pytest.mark.parametrize("act", ACTS)
    def test_do_as_the_rules_say(self, act: str) -> None:
        """Every command and start, from every authority, however the files are found."""
        for record, host in product(records(full=True), HOSTS):
            assert acted(record, act, host) == ACTS[act][1](record, host), (record, host)

    @pytest.mark.parametrize("act", ACTS)
    def test_never_raise(self, act: str) -> None:
        """But for a lift, to PAPER; whatever changed has a new revision."""
        for record, host in product(records(full=True), HOSTS):
            after = acted(record, act, host)
            highest = rules.Level.PAPER if act == "lift" else record.level
            assert after.level <= max(record.level, highest)
            assert after.level is not rules.Level.LIVE or record.level is rules.Level.LIVE
            assert (after.revision > record.revision) is (after != record)

    @pytest.mark.parametrize("act", LOWERING)
    def test_repeat_harmlessly(self, act: str) -> None:
        """The second time nothing changes at all."""
        for record, host in product(records(full=True), HOSTS):
            once = acted(record, act, host)
            assert acted(once, act, host) == once

    @pytest.mark.parametrize(("one", "other"), list(combinations(LOWERING, 2)))
    def test_commute(self, one: str, other: str) -> None:
        """Among acts that lower, the order does not matter."""
        for record, host in product(records(full=True), HOSTS):
            if record == Record(rules.Level.PAPER, revision=7) and "start after a crash" in (
                one,
                other,
            ):
                continue  # Never live, so a crash latches nothing: covered by the rules.
            here = acted(acted(record, one, host), other, host)
            there = acted(acted(record, other, host), one, host)
            assert normal(here) == normal(there), (record, host)

    def test_a_halt_survives_everything_but_its_lift(self) -> None:
        """Restarts, crashes, commands, touches and looks leave it, and its strictness, alone."""
        halts = [r for r in records(full=True) if r.level is rules.Level.HALT]
        for record, host, act in product(halts, HOSTS, set(ACTS) - {"lift"}):
            after = acted(record, act, host)
            assert after.level is rules.Level.HALT
            assert after.nothing_goes >= record.nothing_goes
        for record, host, flags in product(halts, HOSTS, LOOKS):
            assert looked(record, host, *flags) == record


LOOKS = tuple(product(((), ("DISK",)), (False, True), (False, True)))
"""Whatever a look may say: lost, a cause stands, all is ready."""


def looked(
    record: Record, host: Host, lost: tuple[str, ...], causes: object, is_ready: object
) -> Record:
    """The shipped look, in the words of the rules."""
    after = after_look(
        to_authority(record), to_sight(host), lost=lost, causes=bool(causes), ready=bool(is_ready)
    )
    return of_authority(after)


class TestOnlyAHostRaises:
    @pytest.mark.parametrize("seen", [MARK, CTIME_ONLY, MTIME_ONLY], ids=["same", "ctime", "mtime"])
    def test_no_sequence_without_a_touch_reaches_live(self, seen: Mark) -> None:
        """Commands, restarts, recoveries, looks of all kinds, ``.halt`` put and taken: a fix-point.

        The file stays as the latch saw it, but for a chmod, or for its mtime set alone.
        """
        frontier = [
            Record(level, True, seen, flag and level is rules.Level.HALT, flag)
            for level, flag in product((rules.Level.HALT, rules.Level.PAPER), (False, True))
        ]
        hosts = [Host(NOW, MARK, stands, dot) for stands, dot in product((True, False), repeat=2)]
        reached = set(frontier)
        while frontier:
            record = frontier.pop()
            found = [acted(record, act, host) for act, host in product(ACTS, hosts)]
            found += [looked(record, host, *flags) for host, flags in product(hosts, LOOKS)]
            for after in found:
                plain = after._replace(revision=0)
                if plain not in reached:
                    reached.add(plain)
                    frontier.append(plain)
        assert rules.Level.LIVE not in {record.level for record in reached}
        # Not for want of ways to go: every level but LIVE is reached, halted now as well.
        assert {(record.level, record.nothing_goes) for record in reached} == {
            (rules.Level.HALT, False),
            (rules.Level.HALT, True),
            (rules.Level.PAPER, False),
        }

    def test_a_touch_while_a_cause_stands_never_arms_later(self) -> None:
        """It is used up, also where the file was not one to be trusted and was mended since."""
        # A file whose mtime alone moved there is none: setting it moves ctime.
        for seen, stands in product(set(SEEN) - {MTIME_ONLY}, (True, False)):
            record = Record(rules.Level.PAPER, True, seen, False, False, 7)
            early = looked(record, Host(NOW, MARK, stands), (), True, False)
            later = Host(NOW + SECOND, MARK._replace(ctime=MARK.ctime + 1), True)
            assert looked(early, later, (), False, True).level is rules.Level.PAPER
            if rules.is_touched(record, MARK):
                assert early.used_up
                again = MARK._replace(ctime=MARK.ctime + 2, mtime=MARK.mtime + 2)
                raised = looked(early, Host(NOW, again, True), (), False, True)
                assert raised == Record(rules.Level.LIVE, revision=9)

    def test_a_touch_from_the_future_never_arms_later(self) -> None:
        """Not even when its time has come."""
        record = Record(rules.Level.PAPER, True, OTHER, False, False, 7)
        for ahead in (MARK._replace(ctime=NOW + 1), MARK._replace(mtime=NOW + 1)):
            early = looked(record, Host(NOW, ahead, True), (), False, True)
            assert early.used_up
            assert looked(early, Host(NOW + SECOND, ahead, True), (), False, True) == early

    def test_a_touch_in_time_arms(self) -> None:
        """What the other tests forbid is not simply forbidden always."""
        record = Record(rules.Level.PAPER, True, OTHER, False, False, 7)
        exactly_now = MARK._replace(ctime=NOW, mtime=NOW)
        for mark in (MARK, exactly_now):
            assert looked(record, Host(NOW, mark, True), (), False, True).level is rules.Level.LIVE


class TestMemory:
    @pytest.mark.parametrize("mono", [MONO, MONO + 29 * SECOND])
    def test_breaks_and_acts_do_as_the_rules_say(self, mono: int) -> None:
        """Generation, dry run and the time of the break, from every state of the dry run."""
        for past in pasts():
            memory = to_memory(past)
            assert normal_memory(after_break(memory, mono)) == normal_past(rules.broken(past, mono))
            assert normal_memory(after_act(memory, LIMITS.cycles)) == normal_past(rules.acted(past))

    def test_a_process_begins_with_nothing_held(self) -> None:
        """And with the whole dry run before it."""
        assert normal_memory(GUARD.begin()) == normal_past(Past())
        assert GUARD.begin().dry_left == LIMITS.cycles


LOST: dict[BlockReason, dict[str, Any]] = {
    BlockReason.MODE_NOT_LIVE: {"mode": Mode.MOCK},
    BlockReason.ENV_FLAG_MISSING: {"env_flag": False},
    BlockReason.CONFIRM_FILE_MISSING: {"confirm_file": False, "file_mark": None},
    BlockReason.CONFIRM_FILE_UNSAFE: {"confirm_file_safe": False},
    BlockReason.CONFIRM_FILE_EXPIRED: {"confirm_file_age_hours": 24.0},
    BlockReason.LOCK_NOT_HELD: {"lock_held": False},
    BlockReason.LEASE_NOT_HELD: {"lease_held": False},
    BlockReason.KEY_SCOPE_TOO_WIDE: {"keys_cannot_withdraw": False},
    BlockReason.KEY_SCOPE_UNKNOWN: {"keys_cannot_withdraw": None},
    BlockReason.KEY_SCOPE_STALE: {"key_answer_age_hours": 48.0},
    BlockReason.HALTED: {"halt_file": True},
    BlockReason.BREAKER_TRIPPED: {"breakers": ("DAILY_LOSS",)},
    BlockReason.SAFETY_FAILED: {"safety_holds": False},
    BlockReason.DISK_LOW: {"disk_free_mb": 1.0},
    BlockReason.OPERATOR_CREDENTIALS: {"operator_credentials": False},
    BlockReason.OPERATOR_UNREACHABLE: {"operator_reachable": False},
    BlockReason.FEEDS_STALE: {"fresh_pairs": 0},
    BlockReason.REDIS_STALE: {"redis_age_ms": NAN},
    BlockReason.CLOCK_SKEWED: {"clock_skew_ms": 500.0},
    BlockReason.NOT_RECONCILED: {"reconciled": False},
    BlockReason.LOOP_SLOW: {"verdict_age_cycles": 2.0},
    BlockReason.PAUSED: {"paused": True},
}


class TestLosses:
    def test_every_predicate_can_be_lost_here(self) -> None:
        """All but those that follow from authority and from the dry run."""
        follow = {BlockReason.DEMOTED, BlockReason.CONFIRM_FILE_NOT_ARMED, BlockReason.DRY_RUN}
        assert set(LOST) == set(BlockReason) - follow

    @pytest.mark.parametrize("reason", LOST, ids=str)
    def test_refuse_the_next_entry_and_all_approved_before(self, reason: BlockReason) -> None:
        """At once by the predicate, and for good by the generation, which rises with the loss."""
        authority, memory = Authority(Level.LIVE), GUARD.begin()
        for cycle in range(3):
            assert not GUARD.verdict(authority, memory, ready()).is_open
            authority, memory = GUARD.look(authority, memory, ready(), cycle * SECOND)
        assert GUARD.verdict(authority, memory, ready()).is_open
        lost = ready(**LOST[reason])

        verdict = GUARD.verdict(authority, memory, lost)
        after, remembered = GUARD.look(authority, memory, lost, 4 * SECOND)

        assert reason in verdict.blocks
        assert not verdict.is_open
        assert remembered.generation == memory.generation + 1
        is_latching = reason.value in rules.LOWERING and reason is not BlockReason.MODE_NOT_LIVE
        is_latching = is_latching or reason is BlockReason.HALTED
        assert (after.level < Level.LIVE) is is_latching
        if is_latching and reason is not BlockReason.HALTED:
            assert after.latch is not None
            assert after.latch.reason == reason
        # What follows from it in the next cycle is no loss of its own: closings approved go.
        assert GUARD.look(after, remembered, lost, 5 * SECOND)[1].generation == (
            remembered.generation
        )

    # A .halt file is an act, and not a predicate that may have been forgotten.
    @pytest.mark.parametrize("reason", [r for r in LOST if r is not BlockReason.HALTED], ids=str)
    def test_never_held_since_start_latch_nothing(self, reason: BlockReason) -> None:
        """It blocks all the same, and once it holds an authority still LIVE needs no touch."""
        authority, memory = Authority(Level.LIVE, 4), GUARD.begin()
        for cycle in range(4):
            readiness = ready(**LOST[reason])
            assert not GUARD.verdict(authority, memory, readiness).is_open
            authority, memory = GUARD.look(authority, memory, readiness, cycle * SECOND)
        assert authority == Authority(Level.LIVE, 4)

    @pytest.mark.parametrize(
        ("reason", "first"),
        [
            (BlockReason.KEY_SCOPE_TOO_WIDE, {"keys_cannot_withdraw": None}),
            (BlockReason.KEY_SCOPE_STALE, {"keys_cannot_withdraw": None}),
            (BlockReason.CONFIRM_FILE_UNSAFE, {"confirm_file": False, "confirm_file_safe": None}),
            (BlockReason.CONFIRM_FILE_EXPIRED, {"confirm_file": False, "confirm_file_safe": None}),
        ],
    )
    def test_of_what_only_passed_for_want_of_a_question_latch_nothing(
        self, reason: BlockReason, first: dict[str, Any]
    ) -> None:
        """An answer that was never given did not hold before."""
        authority, memory = GUARD.look(Authority(Level.LIVE), GUARD.begin(), ready(**first), 0)

        after, _ = GUARD.look(authority, memory, ready(**LOST[reason]), SECOND)

        assert after.level is Level.LIVE

    def test_without_an_answer_about_the_keys_nothing_is_raised(self) -> None:
        """A key that may withdraw must not be what is found out after the raise."""
        for keys, level in ((None, Level.PAPER), (True, Level.LIVE)):
            readiness = ready(keys_cannot_withdraw=keys)
            assert GUARD.look(Authority(), GUARD.begin(), readiness, 0)[0].level is level

    def test_one_suspended_comes_back_by_itself(self) -> None:
        """After one whole cycle when it was short, after the whole dry run from 30 s on."""
        for seconds, cycles in ((1, 1), (29, 1), (30, 3), (600, 3)):
            memory = to_memory(Past(streak=3, needed=3, failing=frozenset()))
            authority, broken = GUARD.look(Authority(Level.LIVE), memory, ready(fresh_pairs=0), 0)
            mono = seconds * SECOND
            for _ in range(cycles):
                assert not GUARD.verdict(authority, broken, ready()).is_open
                authority, broken = GUARD.look(authority, broken, ready(), mono)
            assert GUARD.verdict(authority, broken, ready()).is_open


class TestRestarts:
    def test_send_no_entry_before_the_dry_run_is_done(self) -> None:
        """Three whole cycles in a row, then live; after a done one, one is enough."""
        bad: tuple[dict[str, Any], ...] = (
            {},
            {"reconciled": False},
            {"lock_held": None},
            {"keys_cannot_withdraw": None},
        )
        for sequence in product(bad, repeat=6):
            authority = after_start(Authority(Level.LIVE), _sight(), crashed=False)
            memory, streak, is_done = GUARD.begin(), 0, False
            for cycle, change in enumerate(sequence):
                readiness = ready(**change)
                authority, memory = GUARD.look(authority, memory, readiness, cycle * SECOND)
                streak = 0 if change else streak + 1
                is_done = is_done or streak == 3
                expected = not change and is_done
                assert GUARD.verdict(authority, memory, readiness).is_open is expected

    def test_send_no_closing_before_its_venues_are_reconciled(self) -> None:
        """In no state at all; and where closings go, none waits for the dry run."""
        memory = GUARD.begin()
        for record in records(full=True):
            verdict = GUARD.verdict(to_authority(record), memory, ready(reconciled=False))
            for purpose in Purpose:
                pair = PairReadiness(fresh=True, reconciled=False, clock_holds=True)
                assert not may_close(verdict, purpose, pair)
        verdict = GUARD.verdict(Authority(Level.LIVE), memory, ready())
        assert BlockReason.DRY_RUN in verdict.blocks
        assert may_close(verdict, Purpose.STOP_LOSS, PairReadiness(fresh=True, reconciled=True))

    def test_after_a_crash_never_live_without_a_touch(self) -> None:
        """However ready all is, for as long as the file stays what it was."""
        authority = after_start(Authority(Level.LIVE), _sight(), crashed=True)
        memory = GUARD.begin()
        for cycle in range(10):
            authority, memory = GUARD.look(authority, memory, ready(), cycle * SECOND)
            assert authority.level is Level.PAPER


class TestModes:
    @pytest.mark.parametrize("mode", [Mode.MOCK, Mode.PAPER])
    def test_but_live_latch_nothing_by_a_predicate(self, mode: Mode) -> None:
        """They show the predicates; only what a person did changes the record."""
        for record, change in product(records(full=True), LOST.values()):
            readiness = replace(ready(**change), mode=mode)
            memory = to_memory(Past(held=frozenset(rules.LOSS), streak=3, needed=3))
            authority = to_authority(record)
            after, remembered = GUARD.look(authority, memory, readiness, MONO)
            if readiness.halt_file:
                assert after.level is Level.HALT
            else:
                assert after == authority
            assert not remembered.is_whole
            verdict = GUARD.verdict(authority, memory, readiness)
            assert verdict.entries is not Route.LIVE
            assert verdict.closings is Route.NONE


def test_a_lower_authority_never_lets_more_go() -> None:
    """LIVE, PAPER, HALT and the halt that lets nothing go: each lets go what the next does."""
    ladder = (
        Record(rules.Level.LIVE),
        Record(rules.Level.PAPER, True, MARK),
        Record(rules.Level.HALT, True, MARK),
        Record(rules.Level.HALT, True, MARK, nothing_goes=True),
    )
    pair = PairReadiness(fresh=True, reconciled=True, clock_holds=True)
    memory = to_memory(Past(streak=3, needed=3))
    for change in ({}, *LOST.values()):
        before: set[object] = {*Purpose, "entry"}
        for record in ladder:
            verdict = GUARD.verdict(to_authority(record), memory, ready(**change))
            going: set[object] = {p for p in Purpose if may_close(verdict, p, pair)}
            going |= {"entry"} if may_enter(verdict, pair) else set()
            assert going <= before
            before = going
        assert not before


def test_orders_leave_as_the_rules_say() -> None:
    """Entries and closings of every purpose, for every verdict and every state of a pair."""
    flags = (False, True)
    for entries, closings, unwinds, own in product(Route, Route, flags, flags):
        verdict = Verdict(entries, closings, unwinds, own, (), False)
        goes = rules.Goes(rules.Way(entries), rules.Way(closings), unwinds, own)
        for fresh, reconciled, clock, takes in product(flags, repeat=4):
            pair = PairReadiness(fresh, reconciled, clock, takes)
            expected = entries is Route.LIVE and fresh and reconciled and clock and takes
            assert may_enter(verdict, pair) is expected
            for purpose in Purpose:
                assert may_close(verdict, purpose, pair) is rules.closing_goes(
                    goes,
                    purpose.value,
                    reconciled=reconciled,
                    fresh=fresh,
                    takes_orders=takes,
                )
        assert not may_enter(verdict, None)
        assert not any(may_close(verdict, purpose, None) for purpose in Purpose)


@pytest.mark.parametrize(
    ("record", "change", "going"),
    [
        (Record(rules.Level.LIVE), {"disk_free_mb": 1.0}, "all"),
        (Record(rules.Level.LIVE), {"paused": True}, "all"),
        (Record(rules.Level.PAPER, True, MARK), {}, "all"),
        (Record(rules.Level.PAPER, True, MARK), {"breakers": ("DAILY_LOSS",)}, "all"),
        (Record(rules.Level.PAPER, True, MARK), {"env_flag": False}, "none"),
        (Record(rules.Level.LIVE), {"confirm_file_safe": False}, "none"),
        (Record(rules.Level.LIVE), {"lock_held": False}, "none"),
        (Record(rules.Level.HALT, True, MARK), {}, "few"),
        (Record(rules.Level.HALT, True, MARK), {"lock_held": False}, "none"),
        (Record(rules.Level.HALT, True, MARK, True), {}, "none"),
    ],
)
def test_closings_of_the_table(record: Record, change: dict[str, Any], going: str) -> None:
    """Suspended, paused and demoted: live. Revoked: none. Halted: the unwinding, the operator's."""
    verdict = GUARD.verdict(to_authority(record), GUARD.begin(), ready(**change))
    pair = PairReadiness(fresh=True, reconciled=True, clock_holds=True)
    few = {Purpose.UNWIND, Purpose.FLATTEN, Purpose.CLOSE}
    expected = {"all": {p for p in Purpose if p.is_closing}, "few": few, "none": set()}

    assert {p for p in Purpose if may_close(verdict, p, pair)} == expected[going]
    assert not may_enter(verdict, pair)


def _sight() -> Sight:
    return to_sight(Host(NOW, MARK, True))


class TestWithoutADryRun:
    """``dry_run_on_startup: false``: no cycle is needed, neither at the start nor after a latch."""

    guard = LiveGuard(to_rules(LIMITS._replace(cycles=0)))

    def test_a_file_not_seen_by_a_look_yet_is_named(self) -> None:
        """Nothing sensed forbids it; authority is raised by the next look, and only by that."""
        authority, memory = Authority(), self.guard.begin()
        verdict = self.guard.verdict(authority, memory, ready())
        assert verdict.blocks == (BlockReason.CONFIRM_FILE_NOT_ARMED,)
        assert verdict.entries is Route.PAPER

        authority, memory = self.guard.look(authority, memory, ready(), 0)

        assert self.guard.verdict(authority, memory, ready()).is_open

    def test_a_suspension_ends_with_its_cause(self) -> None:
        """Short or long, in the same cycle."""
        authority, memory = self.guard.look(Authority(), self.guard.begin(), ready(), 0)
        for mono in (1, 100):
            lost = ready(disk_free_mb=0.0)
            authority, memory = self.guard.look(authority, memory, lost, mono * SECOND)
            assert not self.guard.verdict(authority, memory, lost).is_open
            assert self.guard.verdict(authority, memory, ready()).is_open


def test_a_pair_nothing_is_known_of_is_none() -> None:
    """It is not taken for one that is ready."""
    pair = PairReadiness(fresh=True, reconciled=True, clock_holds=True)
    readiness = ready(pairs={PairName("upbit-binance"): pair})

    assert pair_of(readiness, PairName("upbit-binance")) is pair
    assert pair_of(readiness, PairName("bithumb-binance")) is None
