"""Gatekeeping: what operators and the host make of authority, and what may go because of it.

The transitions are pure functions in ``risk``; here they become facts. The gate asks the guard once
more, in the same step as it sends.
"""

from typing import assert_never

from msgspec.structs import replace

from trader.domain.authority import UNREADABLE, Authority, Level, Sight
from trader.domain.control import (
    BlockReason,
    Command,
    Halt,
    LiftHalt,
    Mode,
    Pause,
    Reply,
    Resume,
    ToPaper,
)
from trader.domain.events import CommandReceived
from trader.domain.facts import AuthorityChanged, EntriesPaused, EntriesResumed, GateChanged
from trader.domain.order import LedgerName
from trader.domain.readiness import Readiness
from trader.domain.trade_facts import OpenTrade
from trader.engine.gate_news import GateNews
from trader.engine.state import State
from trader.risk.authority import after_start, halt, lift_halt, to_paper
from trader.risk.live_guard import LiveGuard, Loss, Route, after_act, after_break


class Gatekeeping:
    """Keeps authority, the guard's memory and the last verdict of the state up to date."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._guard = LiveGuard(state.rules.guard)
        self._news = GateNews()
        self._is_unwritten = False

    @property
    def suspensions(self) -> int:
        """Suspensions of this process that were over within 30 s: counted, not told."""
        return self._news.suspensions

    def start(self, sight: Sight) -> None:
        """A process begins: a crash takes LIVE, a ``.halt`` file halts."""
        state = self._state
        after = after_start(state.authority, sight, crashed=state.was_running)
        # A halt that only this process knew of would be gone with it.
        if after != state.authority or self._is_unwritten:
            self._is_unwritten = False
            self._write(after)

    def distrust(self) -> None:
        """The stored record is not the replayed one: a halt, to be written at the start."""
        state = self._state
        state.authority = replace(UNREADABLE, revision=state.authority.revision + 1)
        self._is_unwritten = state.halt_is_new = True

    def look(self, readiness: Readiness, mono_ns: int) -> None:
        """One look, of a cycle or of the gate, at everything that was sensed."""
        state = self._state
        authority, memory = self._guard.look(state.authority, state.memory, readiness, mono_ns)
        state.memory = memory
        if authority != state.authority:
            self._write(authority)
        self._judge(readiness)

    def each_second(self) -> None:
        """Tell of a suspension that has lasted too long to be only counted."""
        state = self._state
        if self._news.is_due(state.now_mono_ns):
            state.record(GateChanged(state.now_ns, state.rules.mode, False, state.blocks or ()))

    def broke(self) -> None:
        """The gate refused, or a venue reconnected: what was approved before it is void."""
        self._state.memory = after_break(self._state.memory, self._state.now_mono_ns)

    def obey(self, event: CommandReceived) -> Reply:
        """Do what an operator asked, as far as it may be; the reply is read back from the state."""
        state, command = self._state, event.command
        before = (state.authority, state.paused)
        match command:
            case Pause():
                if not state.paused:
                    state.record(EntriesPaused(state.now_ns, command.by, command.reason))
            case Resume():
                self._resume(command.by, event.sight)
            case Halt():
                self._halt(command, event.sight)
            case ToPaper():
                self._to_paper(command, event.sight)
            case LiftHalt():
                self._lift(command, event.sight)
            case _:
                assert_never(command)
        changed = before != (state.authority, state.paused)
        if changed:
            self.broke()
            if state.readiness is not None:
                # At once, not at the next look: nothing may be approved by the old verdict.
                self._judge(replace(state.readiness, paused=state.paused))
        return Reply(
            command_id=event.id,
            changed=changed,
            level=state.authority.level.name,
            revision=state.authority.revision,
            paused=state.paused,
            note=self._note(command, changed, before[0].level, event.sight),
        )

    def _judge(self, readiness: Readiness) -> None:
        """Keep what may go from now on, and tell of it where the reasons changed."""
        state = self._state
        verdict = self._guard.verdict(state.authority, state.memory, readiness)
        before, state.verdict, state.readiness = state.blocks, verdict, readiness
        # Elsewhere nothing live is guarded, and the gate is shut by design.
        is_live = state.rules.mode is Mode.LIVE
        losses = self._losses(readiness) if is_live and not verdict.is_open else {}
        state.revoked_by = tuple(
            reason
            for reason, loss in losses.items()
            if loss is Loss.REVOKES and verdict.closings is Route.NONE
        )
        if verdict.blocks == before:
            return
        grave = frozenset(reason for reason, loss in losses.items() if loss is not Loss.SUSPENDS)
        told = not is_live or self._news.is_told(verdict.is_open, grave, state.now_mono_ns)
        state.record(
            GateChanged(state.now_ns, state.rules.mode, verdict.is_open, verdict.blocks, told)
        )

    def _losses(self, readiness: Readiness) -> dict[BlockReason, Loss]:
        """What each reason that stands costs."""
        state = self._state
        seen = self._guard.view(state.authority, state.memory, readiness)
        return {f.reason: f.loss for f in self._guard.findings(seen) if not f.holds}

    def _write(self, after: Authority) -> None:
        """Make another record of authority true; a halt says what it leaves open."""
        state = self._state
        trades = state.ledgers[LedgerName.LIVE].trades.values() if after.level is Level.HALT else ()
        standing = tuple(
            OpenTrade(trade.pair, trade.direction, trade.notional_krw)
            for trade in trades
            if not trade.is_flat
        )
        state.record(AuthorityChanged(state.now_ns, after, standing))

    def _resume(self, by: str, sight: Sight) -> None:
        # While a .halt file stands nothing is lifted, whether a look has seen it yet or not.
        if self._state.paused and not sight.halt_file:
            self._state.record(EntriesResumed(self._state.now_ns, by))

    def _halt(self, command: Halt, sight: Sight) -> None:
        authority = self._state.authority
        self._become(halt(authority, command.by, command.reason, sight, now=command.now))

    def _to_paper(self, command: ToPaper, sight: Sight) -> None:
        self._become(to_paper(self._state.authority, command.by, command.reason, sight))

    def _lift(self, command: LiftHalt, sight: Sight) -> None:
        if command.revision != self._state.authority.revision:
            # What the operator answered is not what stands now.
            return
        self._become(lift_halt(self._state.authority, command.by, command.revision, sight))
        if self._state.authority.level is not Level.HALT:
            self._resume(command.by, sight)

    def _become(self, after: Authority) -> None:
        state = self._state
        if after == state.authority:
            return
        self._write(after)
        state.memory = after_act(state.memory, state.rules.guard.dry_run_cycles)

    def _note(self, command: Command, changed: bool, was: Level, sight: Sight) -> str:
        state = self._state
        under_halt_file = "not lifted: a .halt file stands; remove it first"
        match command:
            case Halt():
                done, already = "halted", "already halted"
            case ToPaper():
                done = "demoted to PAPER"
                is_halted = state.authority.level is Level.HALT
                already = "halted, which is stricter" if is_halted else "already at PAPER"
            case Pause():
                done, already = "entries paused", "entries were paused already"
            case Resume():
                done, already = "entries resumed", "entries were not paused"
                if sight.halt_file and state.paused:
                    already = under_halt_file
            case LiftHalt():
                done = "pause lifted"
                if was is Level.HALT:
                    done = "halt lifted to PAPER; for live, touch the confirm file now"
                already = "nothing to lift: neither halted nor paused"
                if sight.halt_file:
                    already = under_halt_file
                elif state.authority.level is Level.HALT:
                    already = "not lifted: it was halted again meanwhile"
                elif state.paused:
                    already = "not lifted: authority changed meanwhile; look, then resume again"
            case _:
                assert_never(command)
        return done if changed else already
