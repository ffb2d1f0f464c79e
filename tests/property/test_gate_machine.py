"""The engine in live mode against the pure functions, step by step, on real files and SQLite.

Commands, sensor events, touches of the confirm file, ``.halt`` files, crashes and clean restarts
come in any order; the clock is injected. ``GATE_STEPS`` sets how many steps are tried.
"""

import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from tests.support.builders import MS_NS, SECOND_NS, UPBIT_BINANCE, an_intent, engine_rules
from tests.support.engine_harness import an_engine
from tests.support.live_desk import GOOD_PAIR, GUARD, READY
from trader.domain.authority import Authority, FileMark, Level, Sight
from trader.domain.control import Command, Halt, LiftHalt, Mode, Pause, Reply, Resume, ToPaper
from trader.domain.events import (
    CommandReceived,
    CycleTicked,
    Event,
    ProcessStarted,
    ProcessStopping,
)
from trader.domain.facts import AuthorityChanged, EntriesPaused, EntriesResumed
from trader.domain.order import ApprovedOrder, ClientOrderId, LedgerName, Purpose, TradeId
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Engine
from trader.execution.gate import GuardKeeper
from trader.execution.journal import Journal
from trader.execution.tables import authority_from
from trader.ops.sensors import ConfirmState, halt_file_present, look_at_confirm_file
from trader.risk.authority import after_start, halt, lift_halt, to_paper
from trader.risk.live_guard import (
    LiveGuard,
    Memory,
    Verdict,
    after_act,
    after_break,
    may_close,
    may_enter,
    sight_of,
)

STEPS = int(os.environ.get("GATE_STEPS", "1000"))
STEPS_EACH = 50
CONFIRM, HALT, ASIDE = Path(".live_trading_ok"), Path(".halt"), Path("aside")
BINDING = (AuthorityChanged, EntriesPaused, EntriesResumed)
# The kernel stamps files with its own clock: the injected one must not run behind it.
AHEAD_NS = 3_600 * SECOND_NS
LAST_AUTHORITY = "SELECT body FROM facts WHERE kind = 'AuthorityChanged' ORDER BY seq DESC LIMIT 1"
SENSED: dict[str, tuple[Any, ...]] = {
    "env_flag": (True, True, False),
    "lock_held": (True, False, None),
    "keys_cannot_withdraw": (True, False, None),
    "key_answer_age_hours": (1.0, 48.0, None),
    "safety_holds": (True, False, None),
    "breakers": ((), ("DAILY_LOSS",)),
    "disk_free_mb": (10_000.0, 1.0, None),
    "fresh_pairs": (1, 0, None),
    "clock_skew_ms": (1.0, 900.0, None),
    "reconciled": (True, False, None),
    "loop_lag_ms": (1.0, 900.0, None),
    "pairs": ({UPBIT_BINANCE: GOOD_PAIR}, {UPBIT_BINANCE: PairReadiness()}, {}),
}
CHANGES = [(name, value) for name, values in SENSED.items() for value in values]


EVERYWHERE = {"LIVE", "PAPER", "HALT", "open", "used up", "CRASH", "HALT_FILE", "HALT_LIFTED"}
REACHED: set[str] = set()


class Reference:
    """What the pure functions make of the same steps; knows no engine, journal or file."""

    def __init__(self) -> None:
        self.guard = LiveGuard(GUARD)
        self.authority = Authority()
        self.paused = False
        self.scopes: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """A process begins: only what is durable is left."""
        self.memory = self.guard.begin()
        self.verdict: Verdict | None = None
        self.readiness: Readiness | None = None

    def start(self, sight: Sight, *, crashed: bool) -> None:
        """A process begins to decide."""
        self.begin()
        self.authority = after_start(self.authority, sight, crashed=crashed)

    def look(self, readiness: Readiness, mono_ns: int) -> None:
        """A cycle of the control loop."""
        self.authority, self.memory = self.guard.look(
            self.authority, self.memory, readiness, mono_ns
        )
        self.judge(readiness)

    def judge(self, readiness: Readiness) -> None:
        """What may go from now on."""
        self.readiness = readiness
        self.verdict = self.guard.verdict(self.authority, self.memory, readiness)

    def obey(self, command: Command, sight: Sight, mono_ns: int) -> bool:
        """An operator's command; returns whether it changed anything."""
        before, scopes = (self.authority, self.paused), set(self.scopes)
        lifts = not sight.halt_file
        match command:
            case Pause(scope=""):
                self.paused = True
            case Pause():
                self.scopes.add(command.scope)
            case Resume():
                if lifts:
                    self.paused = self.paused and command.scope != ""
                    self.scopes -= {command.scope} if command.scope else self.scopes
            case Halt():
                self._become(
                    halt(self.authority, command.by, command.reason, sight, now=command.now)
                )
            case ToPaper():
                self._become(to_paper(self.authority, command.by, command.reason, sight))
            case LiftHalt() if command.revision != self.authority.revision:
                # What the operator answered is not what stands: neither halt nor pause is lifted.
                pass
            case LiftHalt():
                self._become(lift_halt(self.authority, command.by, command.revision, sight))
                if self.authority.level is not Level.HALT:
                    self.paused = self.paused and not lifts
        changed = before != (self.authority, self.paused)
        if changed:
            self.memory = after_break(self.memory, mono_ns)
            if self.readiness is not None:
                self.judge(replace(self.readiness, paused=self.paused))
        # A pause of a venue or a pair is none of the gate's.
        return changed or scopes != self.scopes

    def _become(self, after: Authority) -> None:
        if after != self.authority:
            self.authority = after
            self.memory = after_act(self.memory, GUARD.dry_run_cycles)


class GateMachine(RuleBasedStateMachine):
    """One host, one engine after another on its journal, and the reference beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.home = os.getcwd()
        self.directory = Path(tempfile.mkdtemp(prefix="gate-machine-"))
        os.chdir(self.directory)
        self.began_ns = time.time_ns() + AHEAD_NS
        self.elapsed_ns = 0
        self.mono_ns = 0
        self.sensed: dict[str, Any] = {}
        self.starts = 0
        self.reference = Reference()
        self.touches = 0
        self.latch_seen: object = None
        self.lifted = True
        self.was = Authority()
        self.journal = self.opened()
        self.engine = self.restored()
        self.process(ProcessStarted(self.at_ns, self.mono_ns, "0", sight=self.sight))
        self.reference.start(self.sight, crashed=False)

    def teardown(self) -> None:
        self.journal.close()
        os.chdir(self.home)
        shutil.rmtree(self.directory)

    # the host

    @property
    def at_ns(self) -> int:
        """UTC now, injected."""
        return self.began_ns + self.elapsed_ns

    @property
    def sight(self) -> Sight:
        """The real files."""
        file = look_at_confirm_file(CONFIRM)
        mark = FileMark(file.device, file.inode, file.ctime_ns, file.mtime_ns)
        return Sight(
            at_ns=self.at_ns,
            mark=None if file.state is ConfirmState.ABSENT else mark,
            stands=file.state is ConfirmState.STANDING,
            halt_file=halt_file_present(HALT),
        )

    def sense(self) -> Readiness:
        """All that is sensed now: the real files, and what the rules say of the rest."""
        sight = self.sight
        return replace(
            READY,
            **self.sensed,
            confirm_file=sight.mark is not None,
            confirm_file_safe=sight.stands,
            file_mark=sight.mark,
            halt_file=sight.halt_file,
            at_ns=sight.at_ns,
            paused=self.engine.state.paused,
        )

    # the process

    def opened(self) -> Journal:
        """The journal of this process; each has a directory of its own, as a crash left it."""
        return Journal.open(self.directory / f"state{self.starts}" / "journal.db")

    def restored(self) -> Engine:
        """An engine on that journal, as the app makes it."""
        engine = an_engine(engine_rules(mode=Mode.LIVE, guard=GUARD))
        engine.restore(self.journal.replay())
        engine.trust(self.journal.authority())
        return engine

    def process(self, event: Event) -> Reply | None:
        """One turn of the loop: facts are on disk before anybody is answered."""
        outcome = self.engine.process(event)
        if outcome.facts:
            with self.journal.transaction() as tx:
                self.journal.append(tx, outcome.facts)
            if any(isinstance(fact, BINDING) for fact in outcome.facts):
                self.journal.sync_now()
        assert outcome.orders == ()
        return outcome.reply

    def command(self, command: Command) -> Reply:
        """Give a command and compare what it led to."""
        sight, level = self.sight, self.engine.state.authority.level
        reply = self.process(CommandReceived(self.at_ns, self.mono_ns, command, "c", sight))
        changed = self.reference.obey(command, sight, self.mono_ns)
        assert reply is not None
        assert reply.changed is changed
        assert reply.note
        state = self.engine.state
        assert (reply.level, reply.revision) == (
            state.authority.level.name,
            state.authority.revision,
        )
        assert reply.paused is state.paused
        # No command raises anything to LIVE, and what lowers never raises at all.
        assert state.authority.level <= max(level, Level.PAPER)
        if isinstance(command, Pause | Halt | ToPaper):
            assert state.authority.level <= level
        return reply

    # time passes and the loop looks

    @rule(ms=st.sampled_from([1, 100, 1_000, 31_000]))
    def time_passes(self, ms: int) -> None:
        self.elapsed_ns += ms * MS_NS
        self.mono_ns += ms * MS_NS

    @rule(cycles=st.integers(1, 4))
    def look(self, cycles: int) -> None:
        for _ in range(cycles):
            self.time_passes(1_000)
            readiness = self.sense()
            before = self.engine.state.authority
            self.process(CycleTicked(self.at_ns, self.mono_ns, 1, readiness))
            self.reference.look(readiness, self.mono_ns)
            self.check_raised(before)

    @rule(change=st.sampled_from(CHANGES))
    def something_changes(self, change: tuple[str, Any]) -> None:
        self.sensed[change[0]] = change[1]

    @rule()
    def all_is_well_again(self) -> None:
        self.sensed.clear()

    @rule(cycles=st.integers(1, 5))
    def the_host_sets_all_right(self, cycles: int) -> None:
        """The whole ceremony, without which few walks would ever come to LIVE."""
        self.sensed.clear()
        HALT.unlink(missing_ok=True)
        CONFIRM.unlink(missing_ok=True)
        self.look(1)
        if self.engine.state.authority.level is Level.HALT:
            self.lift(0)
        self.touched(0)
        self.look(cycles)

    # what happens to the files

    @rule(ahead_s=st.sampled_from([0, 0, 0, 60]))
    def touched(self, ahead_s: int) -> None:
        with suppress(OSError):
            CONFIRM.touch(mode=0o600)
            stamp = self.at_ns + ahead_s * SECOND_NS
            os.utime(CONFIRM, ns=(stamp, stamp))
            self.touches += 1

    @rule()
    def removed(self) -> None:
        CONFIRM.unlink(missing_ok=True)

    @rule(cause=st.sampled_from(["env_flag", "lock_held", "safety_holds"]))
    def touched_too_early(self, cause: str) -> None:
        """While something stands that would demote: this touch does not count later either."""
        self.command(ToPaper("7"))
        self.sensed[cause] = False
        self.touched(0)
        self.look(1)
        self.sensed.pop(cause)
        self.look(1)

    @rule(mode=st.sampled_from([0o600, 0o666]))
    def mode_changed(self, mode: int) -> None:
        with suppress(OSError):
            CONFIRM.chmod(mode)

    @rule()
    def replaced_by_a_link(self) -> None:
        CONFIRM.unlink(missing_ok=True)
        CONFIRM.symlink_to("elsewhere")

    @rule()
    def put_aside_or_back(self) -> None:
        """The same file under its name again is a host's act, though no touch."""
        if ASIDE.exists():
            ASIDE.rename(CONFIRM)
            self.touches += 1
        elif CONFIRM.exists() and not CONFIRM.is_symlink():
            CONFIRM.rename(ASIDE)

    @rule()
    def halt_file_made(self) -> None:
        HALT.touch()

    @rule()
    def halt_file_gone(self) -> None:
        HALT.unlink(missing_ok=True)

    # what operators say

    @rule(kind=st.sampled_from([Pause, ToPaper, Resume]), by=st.sampled_from(["7", "8"]))
    def commanded(self, kind: type[Pause] | type[ToPaper] | type[Resume], by: str) -> None:
        first = self.command(kind(by))
        again = self.command(kind(by))
        assert not again.changed, first

    @rule(kind=st.sampled_from([Pause, Resume]), scope=st.sampled_from(["upbit", UPBIT_BINANCE]))
    def scoped(self, kind: type[Pause] | type[Resume], scope: str) -> None:
        first = self.command(kind("7", scope=scope))
        again = self.command(kind("7", scope=scope))
        assert not again.changed, first

    @rule(now=st.booleans())
    def halted(self, now: bool) -> None:
        self.command(Halt("7", "drill", now=now))
        assert not self.command(Halt("8", "again", now=now)).changed
        self.lifted = False

    @rule(behind=st.sampled_from([0, 0, 1]))
    def lift(self, behind: int) -> None:
        revision = self.engine.state.authority.revision - behind
        before = self.engine.state.authority
        reply = self.command(LiftHalt("host", revision))
        if before.level is Level.HALT and reply.level == "PAPER":
            assert behind == 0
            assert not HALT.exists()
            self.lifted = True

    # how processes end

    @rule(clean=st.booleans(), down_ms=st.sampled_from([1, 60_000]))
    def restarted(self, clean: bool, down_ms: int) -> None:
        if clean:
            self.process(ProcessStopping(self.at_ns, self.mono_ns, "asked"))
        left = self.directory / f"state{self.starts}"
        self.starts += 1
        # What a crash leaves is what lies there now: nothing is closed or moved before.
        shutil.copytree(left, self.directory / f"state{self.starts}")
        self.journal.close()
        shutil.rmtree(left)
        self.elapsed_ns += down_ms * MS_NS
        self.mono_ns = 0
        self.journal = self.opened()
        self.engine = self.restored()
        before = self.engine.state.authority
        assert before == self.reference.authority
        sight = self.sight
        self.process(ProcessStarted(self.at_ns, self.mono_ns, "0", sight=sight))
        self.reference.start(sight, crashed=not clean)
        assert self.engine.state.authority.level <= before.level
        if not clean:
            assert self.engine.state.authority.level is not Level.LIVE

    @rule()
    def crashed_twice(self) -> None:
        self.restarted(clean=False, down_ms=1)
        self.restarted(clean=False, down_ms=1)

    # what must always hold

    def check_raised(self, before: Authority) -> None:
        """LIVE comes by a look only, and never without an act of the host since the latch."""
        after = self.engine.state.authority
        if after.level is Level.LIVE and before.level is not Level.LIVE:
            assert self.touches > 0
            assert look_at_confirm_file(CONFIRM).state is ConfirmState.STANDING
            assert not HALT.exists()

    @invariant()
    def engine_and_pure_functions_agree(self) -> None:
        state, reference = self.engine.state, self.reference
        assert state.authority == reference.authority
        assert state.memory == reference.memory
        assert state.paused is reference.paused
        assert {pause.scope for pause in state.pauses.standing} - {""} == reference.scopes
        assert state.verdict == reference.verdict
        is_open = reference.verdict is not None and reference.verdict.is_open
        assert (state.entry_ledger is LedgerName.LIVE) is is_open

    @invariant()
    def a_latch_forgets_the_touches_before_it(self) -> None:
        latch = self.engine.state.authority.latch
        if latch is not None and latch != self.latch_seen:
            self.touches = 0
        self.latch_seen = latch

    @invariant()
    def a_halt_ends_by_a_lift_only(self) -> None:
        authority = self.engine.state.authority
        if self.was.level is Level.HALT and authority.level is not Level.HALT:
            assert self.lifted
        if authority.level is Level.HALT and self.was.level is not Level.HALT:
            self.lifted = False
        assert authority.revision >= self.was.revision
        self.was = authority
        REACHED.add(authority.level.name)
        REACHED.add(authority.latch.reason if authority.latch else "no latch")
        REACHED.update(["used up"] if authority.used_up else [])
        REACHED.update(["open"] if self.engine.state.entry_ledger is LedgerName.LIVE else [])

    @invariant()
    def the_record_is_the_last_fact(self) -> None:
        row = self.journal.execute(LAST_AUTHORITY).fetchone()
        last = Authority() if row is None else authority_from_fact(row[0])
        assert self.journal.authority() == last == self.engine.state.authority

    @invariant()
    def the_gate_asks_the_same_rules(self) -> None:
        """Whatever the last look of the loop found: what the host is like this instant counts."""
        state, sensed = self.engine.state, self.sense()
        verdict = self.reference.guard.verdict(
            self.reference.authority, self.reference.memory, sensed
        )
        pair = sensed.pairs.get(UPBIT_BINANCE)
        for purpose in Purpose:
            keeper = GuardKeeper(
                self.reference.guard, lambda: (state.authority, state.memory), lambda: sensed
            )
            order = an_order(purpose, state.memory)
            may = (
                may_close(verdict, purpose, pair)
                if purpose.is_closing
                else may_enter(verdict, pair)
            )
            assert (keeper.why_not(order) == "") is may
            assert keeper.why_not(replace(order, generation=order.generation - 1)) != ""
        if state.authority.level is not Level.LIVE:
            assert not verdict.is_open
        assert sight_of(sensed) == replace(self.sight, at_ns=sensed.at_ns)


def an_order(purpose: Purpose, memory: Memory) -> ApprovedOrder:
    """A live order approved in the generation of now."""
    return ApprovedOrder(
        ClientOrderId("tr-test-1"),
        TradeId("T1"),
        UPBIT_BINANCE,
        LedgerName.LIVE,
        purpose,
        an_intent(),
        memory.generation,
        0,
    )


def authority_from_fact(body: str) -> Authority:
    """The authority that a fact in the journal speaks of."""
    return authority_from(json.dumps(json.loads(body)["authority"]))


@pytest.mark.slow
def test_engine_and_pure_functions_agree_whatever_happens() -> None:
    """And the steps led everywhere, so that agreeing means something."""
    REACHED.clear()

    run_state_machine_as_test(
        GateMachine,
        settings=settings(
            max_examples=max(STEPS // STEPS_EACH, 1),
            stateful_step_count=STEPS_EACH,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert REACHED >= EVERYWHERE, EVERYWHERE - REACHED
