"""Outside: what a process with real venues senses beyond the host's files. Never cached."""

from msgspec.structs import replace

from trader.app.connectors import Connectors
from trader.config import Settings
from trader.domain.clock import Clock
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Engine
from trader.ops.sensors import ClockWatch, LoopLag

_LAG_INTERVAL_S = 0.05
_LEAST_CYCLE_S = 0.05


class Outside:
    """Venues, clocks and the loop, as they are this instant.

    A step of the clock that any look met counts until the next cycle has seen it: the gate may
    be the first to look.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        connectors: Connectors,
        clock: Clock,
        cycle_s: float,
    ) -> None:
        self._settings = settings
        # Without a pause between them, cycles still take some time each.
        self._cycle_ns = max(cycle_s, _LEAST_CYCLE_S) * 1e9
        self._engine = engine
        self._connectors = connectors
        self._clock = clock
        self._steps = ClockWatch(tolerance_ms=float(settings.safety.max_clock_skew_ms))
        self._step_ms = 0.0
        self._last_look_mono_ns: int | None = None
        self.lag = LoopLag(interval_s=_LAG_INTERVAL_S)

    def looked(self, mono_ns: int) -> None:
        """A cycle was processed: its verdict is what the next two cycles may go by."""
        self._last_look_mono_ns = mono_ns

    def sense(self, known: Readiness, *, for_cycle: bool) -> Readiness:
        """``known`` completed; only a cycle's own look takes a clock step off the books."""
        now = self._clock.now()
        stepped_ms = self._steps.step_ms(now.at_ns, now.mono_ns)
        if abs(stepped_ms) > abs(self._step_ms):
            self._step_ms = stepped_ms
        pairs, skews = {}, []
        for pair in self._engine.state.rules.strategy.pairs:
            legs = self._engine.state.books_of(pair)
            sights = [self._connectors.venue(split_id(leg)[0]) for leg in legs]
            offsets = [sight.skew_ms for sight in sights]
            reconciled = all(sight.reconciled for sight in sights)
            holds = not self._step_ms and all(self._is_small(offset) for offset in offsets)
            pairs[pair.name] = PairReadiness(
                all(self._is_fresh(leg, now.mono_ns) for leg in legs),
                reconciled,
                holds,
                all(sight.takes_orders for sight in sights),
            )
            if None not in offsets:
                skews.append(max(abs(offset) for offset in offsets if offset is not None))
        keys = self._connectors.keys()
        sensed = replace(
            known,
            pairs=pairs,
            fresh_pairs=sum(pair.fresh for pair in pairs.values()),
            reconciled=any(pair.reconciled for pair in pairs.values()),
            clock_skew_ms=self._skew_ms(skews),
            keys_cannot_withdraw=keys.cannot_withdraw,
            key_answer_age_hours=keys.age_hours,
            loop_lag_ms=self.lag.lag_ms(),
            verdict_age_cycles=self._verdict_age_cycles(now.mono_ns),
        )
        if for_cycle:
            self._step_ms = 0.0
        return sensed

    def _is_fresh(self, leg: InstrumentId, mono_ns: int) -> bool:
        # By the clock, not by the last event: when everything is silent nothing else moves on.
        state = self._engine.state
        age_ms = state.market.age_ms(leg, max(mono_ns, state.now_mono_ns))
        if leg not in state.market.books or age_ms is None:
            return False
        return age_ms <= state.rules.max_ws_age_ms

    def _is_small(self, skew_ms: float | None) -> bool:
        # Written so that NaN is not small.
        return skew_ms is not None and abs(skew_ms) < self._settings.safety.max_clock_skew_ms

    def _skew_ms(self, skews: list[float]) -> float | None:
        if self._step_ms:
            return abs(self._step_ms)
        return min(skews, default=None)

    def _verdict_age_cycles(self, mono_ns: int) -> float:
        if self._last_look_mono_ns is None:
            return 0.0
        return (mono_ns - self._last_look_mono_ns) / self._cycle_ns
