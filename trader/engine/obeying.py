"""Obeying: what becomes of an operator's command, and the reply read back from the state.

Verbs are absolute, so that a command which comes twice is harmless. What lowers is done unless
somebody raised on purpose after it was written; what raises must be newer than all that lowered.
"""

from datetime import UTC, datetime
from itertools import chain
from typing import assert_never

from msgspec.structs import replace

from trader.domain.authority import Level, Sight
from trader.domain.control import (
    Accept,
    CloseTrade,
    Flatten,
    Halt,
    Language,
    LiftHalt,
    Mode,
    Pause,
    Reply,
    ReplyCode,
    Resume,
    ToPaper,
)
from trader.domain.events import CommandReceived
from trader.domain.facts import EntriesPaused, EntriesResumed, PauseEndsSoon
from trader.domain.instrument import split_id
from trader.domain.order import LedgerName
from trader.engine.accepting import Accepting
from trader.engine.acts import Act
from trader.engine.closing_orders import ClosingOrders
from trader.engine.gatekeeping import Gatekeeping
from trader.engine.pause_ends import PauseEnds
from trader.engine.pauses import BY_ITSELF, EVERYTHING, StandingPause
from trader.engine.said import Said, order_line, short, trade_line
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.risk.authority import halt, lift_halt, to_paper
from trader.risk.live_guard import Route
from trader.texts.replies import explain_reply

_C = ReplyCode
_SINCE = frozenset(
    {
        _C.RESUMED_SINCE,
        _C.LIFTED_SINCE,
        _C.LIVE_SINCE,
        _C.PAUSED_SINCE,
        _C.HALTED_SINCE,
        _C.DEMOTED_SINCE,
    }
)


class Obeying:
    """Does what operators ask, as far as it may be done; ends pauses that have an end."""

    def __init__(
        self, state: State, gatekeeping: Gatekeeping, tending: Tending, accepting: Accepting
    ) -> None:
        self._state = state
        self._accepting = accepting
        self._gatekeeping = gatekeeping
        self._orders = ClosingOrders(state, tending)
        self._ends = PauseEnds(state)
        pairs = state.rules.strategy.pairs
        legs = chain.from_iterable((pair.first, pair.second) for pair in pairs)
        venues = dict.fromkeys(split_id(leg)[0] for leg in legs)
        self.scopes: tuple[str, ...] = (*venues, *(pair.name for pair in pairs))

    def obey(self, event: CommandReceived) -> Reply:
        """Do what an operator asked, as far as it may be."""
        state, command = self._state, event.command
        before = (state.authority, state.paused)
        match command:
            case Pause():
                said = self._pause(command)
            case Resume():
                said = self._resume(command, event.sight)
            case Halt():
                said = self._halt(command, event.sight)
            case ToPaper():
                said = self._to_paper(command, event.sight)
            case LiftHalt():
                said = self._lift(command, event.sight)
            case Flatten() | CloseTrade():
                said = self._orders.order(command)
            case Accept():
                said = self._accepting.accept(command)
            case _:
                assert_never(command)
        if before != (state.authority, state.paused):
            self._gatekeeping.settle()
        return self._reply(event.id, self._completed(said))

    def each_second(self) -> None:
        """End the pauses whose end has come, and warn of an end that is near."""
        state = self._state
        # While a .halt file stands nothing is lifted.
        over = () if self._gatekeeping.halt_file else self._ends.over()
        before = state.paused
        for pause in over:
            self._lift_pause(pause, BY_ITSELF)
        if before != state.paused:
            self._gatekeeping.settle()
        for pause in self._ends.soon():
            state.record(PauseEndsSoon(state.now_ns, pause.scope, pause.until_ns))

    # pauses

    def _pause(self, command: Pause) -> Said:
        state, scope, until_ns = self._state, command.scope, command.until_ns
        if scope != EVERYTHING and scope not in self.scopes:
            return Said(_C.SCOPE_UNKNOWN, details=self.scopes)
        standing = state.pauses.of(scope)
        if standing is not None and (
            standing.until_ns == until_ns or 0 < command.written_ns < standing.written_ns
        ):
            # The same again, or an end that was given before the one that stands.
            self._note_lowering(_C.PAUSED_SINCE, command)
            return Said(_C.ALREADY_PAUSED, standing.since_ns, self._pause_lines())
        if until_ns and until_ns <= state.surely_ns:
            return Said(_C.PAUSE_OVER, until_ns, self._pause_lines())
        newer = state.acts.raised_since(command.written_ns, state.surely_ns)
        if newer is not None:
            return _too_late(newer)
        state.record(
            EntriesPaused(
                state.now_ns,
                command.by,
                command.reason,
                scope,
                until_ns,
                state.host_ns,
                command.written_ns,
            )
        )
        self._ends.look()
        if standing is None:
            return Said(_C.PAUSED, details=self._pause_lines(), did_something=True)
        code = _C.PAUSE_CHANGED
        return Said(code, standing.since_ns, self._pause_lines(), did_something=True)

    def _resume(self, command: Resume, sight: Sight) -> Said:
        state, scope = self._state, command.scope
        lifted = state.pauses.standing
        if scope != EVERYTHING:
            lifted = tuple(pause for pause in lifted if pause.scope == scope)
        if not lifted:
            is_known = scope == EVERYTHING or scope in self.scopes
            if not is_known:
                return Said(_C.SCOPE_UNKNOWN, details=self.scopes)
            return Said(_C.NOT_PAUSED, details=self._pause_lines())
        if sight.halt_file:
            # Whether a look has seen it yet or not.
            return Said(_C.HALT_FILE_STANDS, details=self._pause_lines())
        if command.revision not in (-1, state.authority.revision):
            return Said(_C.AUTHORITY_CHANGED, details=self._pause_lines())
        newer = state.acts.lowered_since(command.written_ns, state.host_ns)
        if newer is not None:
            return _too_late(newer)
        for pause in lifted:
            self._lift_pause(pause, command.by, command.written_ns)
        return Said(_C.RESUMED, details=self._pause_lines(), did_something=True)

    def _lift_pause(self, pause: StandingPause, by: str, written_ns: int = 0) -> None:
        state = self._state
        state.record(EntriesResumed(state.now_ns, by, pause.scope, state.host_ns, written_ns))

    # authority

    def _halt(self, command: Halt, sight: Sight) -> Said:
        state = self._state
        after = halt(state.authority, command.by, command.reason, sight, now=command.now)
        if after == state.authority:
            self._note_lowering(_C.HALTED_SINCE, command)
            return Said(_C.ALREADY_HALTED, self._latched_ns())
        newer = state.acts.raised_since(command.written_ns, state.surely_ns)
        if newer is not None:
            return _too_late(newer)
        self._gatekeeping.become(after, command.written_ns)
        return Said(_C.HALTED, did_something=True)

    def _to_paper(self, command: ToPaper, sight: Sight) -> Said:
        state = self._state
        after = to_paper(state.authority, command.by, command.reason, sight)
        if after == state.authority:
            self._note_lowering(_C.DEMOTED_SINCE, command)
            is_halted = state.authority.level is Level.HALT
            code = _C.HALT_IS_STRICTER if is_halted else _C.ALREADY_PAPER
            return Said(code, self._latched_ns())
        newer = state.acts.raised_since(command.written_ns, state.surely_ns)
        if newer is not None:
            return _too_late(newer)
        self._gatekeeping.become(after, command.written_ns)
        return Said(_C.DEMOTED, did_something=True)

    def _lift(self, command: LiftHalt, sight: Sight) -> Said:
        state, was = self._state, self._state.authority
        pause = state.pauses.of(EVERYTHING)
        is_halted = was.level is Level.HALT
        if sight.halt_file:
            return Said(_C.HALT_FILE_STANDS)
        if not is_halted and pause is None:
            return Said(_C.NOTHING_TO_LIFT, details=self._pause_lines())
        if command.revision != was.revision:
            # What the operator answered is not what stands now.
            return Said(_C.HALTED_AGAIN if is_halted else _C.AUTHORITY_CHANGED)
        newer = state.acts.lowered_since(command.written_ns, state.host_ns)
        if newer is not None:
            return _too_late(newer)
        after = lift_halt(was, command.by, command.revision, sight)
        self._gatekeeping.become(after, command.written_ns)
        if pause is not None:
            self._lift_pause(pause, command.by, command.written_ns)
        code = _C.HALT_LIFTED if is_halted else _C.PAUSE_LIFTED
        return Said(code, details=self._pause_lines(), did_something=True)

    def _note_lowering(self, code: ReplyCode, command: Pause | Halt | ToPaper) -> None:
        """It changed nothing, and yet nobody may undo it by what was written before."""
        act = Act(code, command.by, self._state.host_ns, command.written_ns)
        self._state.acts.lower(act)

    def _latched_ns(self) -> int:
        latch = self._state.authority.latch
        return 0 if latch is None else latch.at_ns

    # the reply

    def _completed(self, said: Said) -> Said:
        """With what is open, as the new verdict leaves it."""
        match said.code:
            case _C.HALTED | _C.ALREADY_HALTED | _C.HALT_IS_STRICTER:
                return replace(said, details=self._open_lines())
            case _C.DEMOTED | _C.ALREADY_PAPER:
                lines = self._live_lines()
                if not lines or said.code is _C.ALREADY_PAPER:
                    return replace(said, details=lines)
                verdict = self._state.verdict
                guarded = verdict is not None and verdict.closings is Route.LIVE
                code = _C.DEMOTED_GUARDED if guarded else _C.DEMOTED_UNGUARDED
                return replace(said, code=code, details=lines)
            case _:
                return said

    def _reply(self, command_id: str, said: Said) -> Reply:
        state = self._state
        is_live = state.rules.mode is Mode.LIVE
        return Reply(
            command_id=command_id,
            changed=said.did_something,
            level=state.authority.level.name,
            revision=state.authority.revision,
            paused=state.paused,
            note=_note(said),
            ledger=said.ledger or (LedgerName.LIVE if is_live else LedgerName.PAPER),
            mode=state.rules.mode,
            at_ns=state.host_ns,
            since_ns=said.since_ns,
            details=said.details,
            code=said.code,
        )

    def _pause_lines(self) -> tuple[str, ...]:
        """``all`` or the scope of each pause that stands, and its end in UTC if it has one."""
        return short(
            [
                (pause.scope or "all") + (f" until {_utc(pause.until_ns)}" * bool(pause.until_ns))
                for pause in self._state.pauses.standing
            ]
        )

    def _open_lines(self) -> tuple[str, ...]:
        ledgers = self._state.ledgers.values()
        trades = [trade for one in ledgers for trade in one.trades.values() if not trade.is_flat]
        orders = [
            one.orders[order_id]
            for one in ledgers
            for order_id in sorted(chain.from_iterable(one.in_flight.values()))
        ]
        return short([*map(trade_line, trades), *map(order_line, orders)])

    def _live_lines(self) -> tuple[str, ...]:
        trades = self._state.ledgers[LedgerName.LIVE].trades.values()
        return short([trade_line(trade) for trade in trades if not trade.is_flat])


def _too_late(newer: Act) -> Said:
    return Said(newer.code, newer.at_ns, (newer.by,))


def _note(said: Said) -> str:
    sentence = explain_reply(said.code, Language.EN)
    if said.code is _C.SCOPE_UNKNOWN:
        return f"{sentence}: {', '.join(said.details)}"
    if said.code in _SINCE:
        return f"{sentence}, by {said.details[0]} at {_utc(said.since_ns)}"
    return sentence


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
