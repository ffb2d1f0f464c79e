"""Pauses: what operators blocked, of everything, a venue or a pair, and until when; from facts."""

from msgspec import Struct
from msgspec.structs import replace

from trader.domain.facts import EntriesPaused, EntriesResumed, Fact, PauseEndsSoon
from trader.domain.instrument import split_id
from trader.domain.order import Proposal

EVERYTHING = ""
"""The scope of a pause that blocks every entry."""

BY_ITSELF = "engine"
"""Who lifts a pause that has come to its end."""


class StandingPause(Struct, frozen=True):
    """A pause that stands. Times are the host's UTC; ``until_ns`` of 0 is no end.

    ``since_ns`` is when its scope was first paused, ``set_ns`` when its end was given.
    """

    scope: str
    by: str
    reason: str
    since_ns: int
    set_ns: int
    until_ns: int
    written_ns: int
    warned: bool = False


class Pauses:
    """Folds facts; at most one pause for each scope."""

    def __init__(self) -> None:
        self._standing: dict[str, StandingPause] = {}

    @property
    def standing(self) -> tuple[StandingPause, ...]:
        """Every pause that stands, that of everything first, the others by scope."""
        return tuple(self._standing[scope] for scope in sorted(self._standing))

    @property
    def of_everything(self) -> bool:
        """Whether every entry is blocked."""
        return EVERYTHING in self._standing

    def of(self, scope: str) -> StandingPause | None:
        """The pause of this very scope, if one stands."""
        return self._standing.get(scope)

    def block(self, proposal: Proposal) -> bool:
        """Whether an entry is blocked: by its pair's name, or by a venue where it has a leg."""
        if not self._standing:
            return False
        if self.of_everything or proposal.pair in self._standing:
            return True
        return any(split_id(one.instrument)[0] in self._standing for one in proposal.intents)

    def apply(self, fact: Fact) -> None:
        """Fold one fact in, new or replayed."""
        match fact:
            case EntriesPaused():
                before = self._standing.get(fact.scope)
                at_ns = fact.host_ns or fact.at_ns
                self._standing[fact.scope] = StandingPause(
                    scope=fact.scope,
                    by=fact.by,
                    reason=fact.reason,
                    since_ns=at_ns if before is None else before.since_ns,
                    set_ns=at_ns,
                    until_ns=fact.until_ns,
                    written_ns=fact.written_ns,
                )
            case EntriesResumed():
                self._standing.pop(fact.scope, None)
            case PauseEndsSoon():
                before = self._standing.get(fact.scope)
                if before is not None and before.until_ns == fact.until_ns:
                    self._standing[fact.scope] = replace(before, warned=True)
            case _:
                pass
