"""Gatekeeping: what the host and acts of people make of authority, and what may go because of it.

The transitions are pure functions in ``risk``; here they become facts. The gate asks the guard once
more, in the same step as it sends.
"""

from msgspec.structs import replace

from trader.domain.authority import UNREADABLE, Authority, Level, Sight
from trader.domain.control import BlockReason, Mode
from trader.domain.facts import AuthorityChanged, GateChanged
from trader.domain.order import LedgerName
from trader.domain.readiness import Readiness
from trader.domain.trade_facts import OpenTrade
from trader.engine.gate_news import GateNews
from trader.engine.state import State
from trader.risk.authority import after_start
from trader.risk.live_guard import LiveGuard, Loss, Route, after_act, after_break


class Gatekeeping:
    """Keeps authority, the guard's memory and the last verdict of the state up to date."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._guard = LiveGuard(state.rules.guard)
        self._news = GateNews()
        self._is_unwritten = False
        self._halt_file = False

    @property
    def halt_file(self) -> bool:
        """Whether a ``.halt`` file stood when the host was last looked at."""
        return self._halt_file

    @property
    def suspensions(self) -> int:
        """Suspensions of this process that were over within 30 s: counted, not told."""
        return self._news.suspensions

    def start(self, sight: Sight) -> None:
        """A process begins: a crash takes LIVE, a ``.halt`` file halts."""
        state = self._state
        self._halt_file = sight.halt_file
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
        self._halt_file = readiness.halt_file
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

    def become(self, after: Authority, written_ns: int) -> None:
        """Make another record of authority true, by the act of a person; ``settle`` afterwards."""
        state = self._state
        if after == state.authority:
            return
        self._write(after, written_ns)
        state.memory = after_act(state.memory, state.rules.guard.dry_run_cycles)

    def settle(self) -> None:
        """An act changed what is permitted, or a pause of everything came or went."""
        self.broke()
        state = self._state
        if state.readiness is not None:
            # At once, not at the next look: nothing may be approved by the old verdict.
            self._judge(replace(state.readiness, paused=state.paused))

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

    def _write(self, after: Authority, written_ns: int = 0) -> None:
        """Make another record of authority true; a halt says what it leaves open."""
        state = self._state
        trades = state.ledgers[LedgerName.LIVE].trades.values() if after.level is Level.HALT else ()
        standing = tuple(
            OpenTrade(trade.pair, trade.direction, trade.notional_krw)
            for trade in trades
            if not trade.is_flat
        )
        state.record(
            AuthorityChanged(
                state.now_ns, after, standing, state.host_ns, written_ns, state.rules.mode
            )
        )
