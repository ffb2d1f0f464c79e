"""Pause ends: which timed pauses are over, and which soon; a clock that jumps ends none."""

from trader.engine.pauses import StandingPause
from trader.engine.state import State

_WARN_BEFORE_NS = 120_000_000_000
# A warning two minutes before the end of a pause shorter than this would come with the pause.
_WORTH_A_WARNING_NS = 180_000_000_000


class PauseEnds:
    """A pause ends once the clocks say so and what was left of it at first has passed as well."""

    def __init__(self, state: State) -> None:
        self._state = state
        # By scope: the end that was given, and the monotonic time before which it does not come.
        self._ends: dict[str, tuple[int, int]] = {}

    def look(self) -> None:
        """Note from now on what stands with an end; at once where one was set, and each second."""
        state = self._state
        standing = {one.scope: one for one in state.pauses.standing if one.until_ns}
        self._ends = {
            scope: kept
            for scope, kept in self._ends.items()
            if scope in standing and kept[0] == standing[scope].until_ns
        }
        for scope, pause in standing.items():
            left_ns = pause.until_ns - state.surely_ns
            self._ends.setdefault(scope, (pause.until_ns, state.now_mono_ns + left_ns))

    def over(self) -> list[StandingPause]:
        """Those whose end has come; none while a new process may be wrong about the time."""
        state = self._state
        if not state.clocks.are_settled(state.now_mono_ns):
            return []
        self.look()
        return [one for one in state.pauses.standing if one.until_ns and self._left_ns(one) <= 0]

    def soon(self) -> list[StandingPause]:
        """Those with two minutes left of which nobody was warned, where they last long enough."""
        return [
            one
            for one in self._state.pauses.standing
            if one.scope in self._ends
            and not one.warned
            and 0 < self._left_ns(one) <= _WARN_BEFORE_NS
            and one.until_ns - (one.written_ns or one.set_ns) >= _WORTH_A_WARNING_NS
        ]

    def _left_ns(self, pause: StandingPause) -> int:
        state = self._state
        by_clocks = pause.until_ns - state.surely_ns
        if state.clocks.is_simulated:
            return by_clocks
        return max(by_clocks, self._ends[pause.scope][1] - state.now_mono_ns)
