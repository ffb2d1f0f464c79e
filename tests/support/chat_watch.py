"""What must hold whatever is written, tapped, touched or restarted; told from outside the bot.

The watch sees every update as it was delivered, every answer as it was shown and every event as the
engine took it. It knows nothing of tokens' rows, marks or fingerprints.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from bot.spoken import lone_word, split_command, split_tap
from tests.support.updates import S_NS
from trader.domain.authority import Level
from trader.domain.control import (
    CloseTrade,
    Command,
    Flatten,
    Halt,
    LiftHalt,
    Pause,
    Resume,
    ToPaper,
)
from trader.domain.events import CommandReceived, CycleTicked, Event
from trader.domain.facts import (
    AuthorityChanged,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
)
from trader.domain.order import Purpose, TradeId
from trader.domain.readiness import Readiness
from trader.engine.engine import Outcome
from trader.engine.pauses import BY_ITSELF
from trader.engine.state import State

HOST = "host:"
"""Commands of the host carry ids that begin so."""
HOUR_NS = 3_600 * S_NS
MOST_AGE_NS = {"halt": 24 * HOUR_NS, "pause": HOUR_NS, "paper": HOUR_NS, "resume": 30 * S_NS}
CONFIRM_WITHIN_NS = 60 * S_NS
# How far apart two times must be to say for sure which act was the newer one.
CLEARLY_NS = 4 * S_NS
_NAMES: dict[type, str] = {Halt: "halt", Pause: "pause", ToPaper: "paper"}
OPERATOR_ENDS = frozenset({Purpose.FLATTEN, Purpose.CLOSE})


class Given(Struct, frozen=True):
    """What somebody allowed wrote or tapped: when it was written, None for a tap."""

    user_id: int
    words: str
    written_ns: int | None

    @property
    def verb(self) -> str:
        """The command it means, by name; empty for other words."""
        if self.written_ns is None:
            tapped = split_tap(self.words)
            return "" if tapped is None else tapped[0]
        command = split_command(self.words)
        name = lone_word(self.words) if command is None else command[0]
        return {"stop": "halt"}.get(name or "", name or "")


class Standing(Struct, frozen=True):
    """What people see before they confirm: authority, the pauses, and the open trades."""

    level: Level
    revision: int
    pauses: tuple[tuple[str, int, int], ...]
    trades: Mapping[TradeId, tuple[object, ...]]


class Shown(Struct, frozen=True):
    """A confirmation that was offered: to whom, when, and what stood then."""

    user_id: int
    at_ns: int
    state: Standing


def standing(state: State) -> Standing:
    """How things stand, read off the engine."""
    trades = {
        trade.id: (
            ledger.name,
            trade.phase,
            trade.closing,
            *((leg, position.quantity) for leg, position in trade.legs),
        )
        for ledger in state.ledgers.values()
        for trade in ledger.trades.values()
    }
    pauses = tuple((one.scope, one.since_ns, one.until_ns) for one in state.pauses.standing)
    return Standing(state.authority.level, state.authority.revision, pauses, trades)


class Watch:
    """Raises AssertionError at the first thing that must not be. ``counts`` says what was seen."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.given: dict[str, Given] = {}
        self.settled: set[str] = set()
        self.cut_off: set[str] = set()
        self.commands: list[Command] = []
        self.trail: list[str] = []
        self.replied: set[str] = set()
        self.shown: dict[str, Shown] = {}
        self.instance = ""
        self.ahead_ns = 0
        self.halt_file = False
        self._spent: set[str] = set()
        self._ordered: set[TradeId] = set()
        self._touches = 1
        self._latch: object = None
        self._raised_ns = 0

    # what comes in and goes out

    def messenger_ns(self, at_ns: int) -> int:
        """The messenger's time, which counts whole seconds and may be ahead of the host's."""
        return (at_ns + self.ahead_ns) // S_NS * S_NS

    def touched(self) -> None:
        """The host touched its file."""
        self._touches += 1

    def answered(self, identity: str) -> None:
        """Only what somebody allowed said is answered, and only when it is handled first."""
        assert identity in self.given, f"a stranger was answered: {identity}"
        assert identity not in self.settled, f"answered again: {identity}"
        assert identity not in self.cut_off, f"answered after a crash: {identity}"
        self.replied.add(identity)
        self.counts["answered"] += 1

    def offered(self, token: str, user_id: int, at_ns: int, state: State) -> None:
        """A confirmation was shown."""
        assert token not in self.shown, "a confirmation was shown twice"
        self.shown[token] = Shown(user_id, at_ns, standing(state))
        self.counts["offered"] += 1

    def crashed(self, begun: Iterable[str]) -> None:
        """The bot died with these begun: what raises or closes is never run again."""
        raising = ("confirm", "resume", "flatten", "close")
        self.cut_off |= {one for one in begun if self.given[one].verb in raising}

    def settle(self, identities: set[str]) -> None:
        """These were handled to their end: nothing may come of them again."""
        self.settled |= identities

    # what the engine makes of it

    def saw(self, event: Event, before: Standing, outcome: Outcome, state: State) -> None:
        """The engine took an event."""
        after = state.authority
        if after.level > before.level:
            self._raised(event, before, after.level)
        for fact in outcome.facts:
            match fact:
                case ClosingOrdered():
                    assert isinstance(event, CommandReceived), "closings nobody ordered"
                    assert isinstance(event.command, Flatten | CloseTrade), event.command
                    self._ordered.update(fact.trades)
                case EntriesResumed(by=by) if by == BY_ITSELF:
                    (until_ns,) = (end for scope, _, end in before.pauses if scope == fact.scope)
                    assert 0 < until_ns <= state.host_ns, "a pause ended before its time"
                case _:
                    pass
        for order in outcome.orders:
            if order.purpose in OPERATOR_ENDS:
                assert order.trade_id in self._ordered, "an operator's closing nobody ordered"
        if after.latch is not None and after.latch != self._latch:
            self._touches = 0
        self._latch = after.latch
        if isinstance(event, CommandReceived):
            self._commanded(event, before, outcome, state)

    def _raised(self, event: Event, before: Standing, level: Level) -> None:
        if level is Level.LIVE:
            assert before.level is Level.PAPER, "from a halt straight to LIVE"
            assert isinstance(event, CycleTicked), f"raised to LIVE by {event}"
            assert event.readiness is not None
            assert _holds(event.readiness), f"raised to LIVE at {event.readiness}"
            assert self._touches > 0, "raised to LIVE and the host touched nothing"
            self._raised_ns = event.at_ns
            self.counts["raised to LIVE"] += 1
            return
        assert isinstance(event, CommandReceived), f"a halt was lifted by {event}"
        assert isinstance(event.command, LiftHalt), f"a halt was lifted by {event.command}"
        assert event.command.revision == before.revision, "another halt was answered"
        assert not self.halt_file, "a halt was lifted beside a .halt file"
        self.counts["halts lifted"] += 1

    def _commanded(
        self, event: CommandReceived, before: Standing, outcome: Outcome, state: State
    ) -> None:
        after = standing(state)
        code = None if outcome.reply is None else outcome.reply.code
        self.trail.append(f"{event.at_ns / S_NS:.2f} {event.id} {event.command} -> {code}")
        # A pause may come to its end in the same step, by itself.
        acts = (AuthorityChanged, EntriesPaused, EntriesResumed, ClosingOrdered)
        changed = any(
            isinstance(fact, acts) and getattr(fact, "by", "") != BY_ITSELF
            for fact in outcome.facts
        )
        assert after.level <= max(before.level, Level.PAPER), "raised beyond PAPER by a command"
        if event.id.startswith(HOST):
            if changed:
                self._raised_ns = event.at_ns
            return
        self.commands.append(event.command)
        root = event.id.removesuffix(":scope")
        given = self.given.get(root)
        assert given is not None, f"a command of a stranger: {event}"
        assert root not in self.settled, f"done again: {event}"
        assert root not in self.cut_off, f"done after a crash: {event}"
        assert event.command.by.split()[0] == f"telegram:{given.user_id}", "done as another"
        if given.written_ns is None:
            tapped = split_tap(given.words)
            assert tapped is not None, given.words
            assert tapped[1] == self.instance, "a button of another instance did something"
        match event.command:
            case Halt() | Pause() | ToPaper():
                self._lowered(event, given, before, after, changed=changed)
            case Resume() if given.verb == "resume":
                self._young(given, event.at_ns)
                assert not changed, "resumed without a confirmation"
            case _:
                assert given.verb == "confirm", f"{event.command} by {given.words}"
                self._confirmed(event, given, before, changed=changed)

    def _lowered(
        self,
        event: CommandReceived,
        given: Given,
        before: Standing,
        after: Standing,
        *,
        changed: bool,
    ) -> None:
        command = event.command
        name = _NAMES[type(command)]
        extends = isinstance(command, Pause) and given.verb == "prolong"
        assert extends or given.verb == name, f"{command} by {given.words}"
        assert after.level <= before.level, f"raised by {command}"
        self._young(given, event.at_ns)
        written_ns = given.written_ns
        # Where the clocks differ nobody can say what was first, and lowering may act.
        clocks_agree = abs(self.ahead_ns) <= S_NS
        if clocks_agree and written_ns is not None and written_ns + CLEARLY_NS < self._raised_ns:
            assert not changed, "it was written before somebody raised on purpose"
            self.counts["outdated"] += 1
            return
        if changed:
            self.counts[f"{name} did"] += 1
            late = written_ns is not None and event.at_ns - written_ns > 30 * S_NS
            self.counts["late did"] += late
        if written_ns is None or written_ns == self.messenger_ns(event.at_ns):
            if isinstance(command, Halt):
                assert after.level is Level.HALT, "a halt of this moment did not halt"
            elif isinstance(command, ToPaper):
                assert after.level is not Level.LIVE, "a /paper of this moment left LIVE"
            elif isinstance(command, Pause) and not command.scope and not command.until_ns:
                assert any(not scope for scope, _, _ in after.pauses), "/pause did not pause"

    def _young(self, given: Given, now_ns: int) -> None:
        if given.written_ns is not None:
            age_ns = now_ns - given.written_ns
            assert age_ns <= MOST_AGE_NS[given.verb], f"{given.words} after {age_ns / S_NS:.0f} s"

    def _confirmed(
        self, event: CommandReceived, given: Given, before: Standing, *, changed: bool
    ) -> None:
        tapped = split_tap(given.words)
        token = "" if tapped is None else tapped[2]
        shown = self.shown.get(token)
        assert shown is not None, "confirmed by what nobody was shown"
        assert token not in self._spent, "one confirmation, two acts"
        self._spent.add(token)
        assert shown.user_id == given.user_id, "confirmed by another user"
        assert 0 <= event.at_ns - shown.at_ns <= CONFIRM_WITHIN_NS, "confirmed too late"
        if not changed:
            self.counts["confirmed in vain"] += 1
            return
        command, was = event.command, shown.state
        assert (was.level, was.revision) == (before.level, before.revision), "not what was shown"
        match command:
            case Flatten():
                assert _of(was, command) == _of(before, command), "other trades were shown"
            case CloseTrade():
                one = command.trade_id
                assert was.trades.get(one) == before.trades.get(one), "it was shown otherwise"
            case _:
                assert was.pauses == before.pauses, "other pauses were shown"
                self._raised_ns = max(self._raised_ns, shown.at_ns)
        self.counts[f"{type(command).__name__} did"] += 1


def _of(state: Standing, command: Flatten) -> dict[TradeId, tuple[object, ...]]:
    return {id_: trade for id_, trade in state.trades.items() if trade[0] is command.ledger}


def _holds(seen: Readiness) -> bool:
    """Everything that revokes or demotes; written down once more."""
    return (
        seen.env_flag is True
        and seen.confirm_file is True
        and seen.confirm_file_safe is True
        and seen.lock_held is True
        and seen.keys_cannot_withdraw is True
        and seen.safety_holds is True
        and not seen.breakers
        and not seen.halt_file
    )
