"""Acts: the newest that raised and the newest that lowered what is permitted, for late commands.

Two times can be known of an act: when a person wrote it, by the messenger's clock, and when it was
taken, by the host's. The first is better, since what waits in a queue is compared with its like.
"""

from msgspec import Struct

from trader.domain.authority import HALT_LIFTED, Authority, Level
from trader.domain.control import ReplyCode
from trader.domain.facts import AuthorityChanged, EntriesPaused, EntriesResumed, Fact
from trader.engine.pauses import BY_ITSELF

_SECOND_NS = 1_000_000_000
# How far the host's clock may be ahead of the messenger's, and what whole seconds cut off.
_SLACK_NS = 2 * _SECOND_NS


class Act(Struct, frozen=True):
    """What somebody did, told by a code; times in UTC nanoseconds, 0 where not known."""

    code: ReplyCode
    by: str
    host_ns: int
    written_ns: int = 0

    @property
    def at_ns(self) -> int:
        """When it was done, as well as that is known."""
        return self.written_ns or self.host_ns

    @property
    def latest_ns(self) -> int:
        """The later of both times."""
        return max(self.written_ns, self.host_ns)

    def is_ahead_of(self, now_ns: int) -> bool:
        """Whether a host's clock that was ahead may have dated it.

        What was written after the host took it was dated by the messenger, whose clock is right.
        """
        return self.written_ns <= self.host_ns and now_ns + _SLACK_NS < self.at_ns


class Acts:
    """Folds facts. What the engine did by itself is no act: nobody answered anything by it."""

    def __init__(self) -> None:
        self._raised: Act | None = None
        self._lowered: Act | None = None

    def raised_since(self, written_ns: int, now_ns: int) -> Act | None:
        """The raising act that is newer than a lowering command written then, or None.

        What is about as old as the act lowers: the two clocks differ, and the messenger's counts
        whole seconds. A resume, too, may be dated by the host's, as of when it was asked about.
        An act that the host dated into the future of ``now_ns`` says nothing: in doubt it lowers.
        """
        act = self._raised
        if act is None or not written_ns or not act.at_ns or act.is_ahead_of(now_ns):
            return None
        return act if written_ns + _SLACK_NS < act.at_ns else None

    def lowered_since(self, written_ns: int, host_ns: int) -> Act | None:
        """The lowering act that a raising command written then must not undo, or None.

        Of the same second the lowering one holds, but for a pause: it came through the same queue,
        in its order. One that only the host dated holds as well where the host's clock is behind
        the messenger's: nobody knows then which was first. Where it is ahead, what is raised was
        dated by it, as of when it was asked about; so what lowered holds by when it was taken.
        """
        act = self._lowered
        if act is None or not written_ns or not act.at_ns:
            return None
        if not act.written_ns and host_ns + _SLACK_NS < written_ns:
            return act
        # A time of the host's that is still to come is of a clock that was set back since.
        acted_ns = act.latest_ns if act.host_ns <= host_ns else act.at_ns
        written_s, acted_s = written_ns // _SECOND_NS, acted_ns // _SECOND_NS
        is_older = written_s < acted_s
        is_as_old = written_s == acted_s and act.code is not ReplyCode.PAUSED_SINCE
        return act if is_older or is_as_old else None

    def doubt(self, host_ns: int) -> None:
        """The host's clock told its time: a raising act of a later one was dated wrongly.

        It is dropped, since nothing would tell it from a right one once its time has come.
        """
        if host_ns and self._raised is not None and self._raised.is_ahead_of(host_ns):
            self._raised = None

    def lower(self, act: Act) -> None:
        """Note a lowering act, also one that changed nothing, of which there is no fact."""
        kept = self._lowered
        # They come in order, so where the host's time goes back its clock was set back.
        if kept is None or act.latest_ns >= kept.latest_ns or act.host_ns < kept.host_ns:
            self._lowered = act

    def apply(self, fact: Fact, before: Authority) -> None:
        """Fold one fact in, new or replayed; ``before`` is the authority it found."""
        match fact:
            case EntriesPaused():
                code = ReplyCode.PAUSED_SINCE
                self.lower(Act(code, fact.by, fact.host_ns, fact.written_ns))
            case EntriesResumed():
                if fact.by != BY_ITSELF:
                    code = ReplyCode.RESUMED_SINCE
                    self._raise(Act(code, fact.by, fact.host_ns, fact.written_ns))
            case AuthorityChanged():
                self._take(fact, before)
            case _:
                pass

    def _take(self, fact: AuthorityChanged, before: Authority) -> None:
        latch, level = fact.authority.latch, fact.authority.level
        if level is Level.LIVE:
            if before.level is not Level.LIVE:
                self._raise(Act(ReplyCode.LIVE_SINCE, "host", fact.host_ns))
            return
        if latch is None:
            return
        # A latch carries the host's time also where its fact was written before facts did.
        host_ns = fact.host_ns or latch.at_ns
        if latch.reason == HALT_LIFTED and before.level is Level.HALT:
            code = ReplyCode.LIFTED_SINCE
            self._raise(Act(code, latch.who, host_ns, fact.written_ns))
        elif latch.who != BY_ITSELF and _is_new(fact.authority, before):
            is_halt = level is Level.HALT
            code = ReplyCode.HALTED_SINCE if is_halt else ReplyCode.DEMOTED_SINCE
            self.lower(Act(code, latch.who, host_ns, fact.written_ns))

    def _raise(self, act: Act) -> None:
        if self._raised is None or act.at_ns >= self._raised.at_ns:
            self._raised = act


def _is_new(after: Authority, before: Authority) -> bool:
    """Whether a latch was set, rather than told of a touch that came too early."""
    if after.nothing_goes != before.nothing_goes or before.latch is None or after.latch is None:
        return True
    was, latch = before.latch, after.latch
    return (was.reason, was.who, was.at_ns) != (latch.reason, latch.who, latch.at_ns)
