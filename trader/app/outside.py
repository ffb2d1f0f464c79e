"""Outside: what a process with real venues senses beyond the host's files. Never cached."""

from msgspec.structs import replace

from trader.app.connectors import Connectors
from trader.config import Settings
from trader.domain.clock import Clock
from trader.domain.delivery import BotHealth
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Engine
from trader.ops.sensors import ClockWatch, LoopLag

_NS_PER_MINUTE = 60_000_000_000
_LAG_INTERVAL_S = 0.05


class Outside:
    """Venues, clocks, the loop and the operator, as they are this instant.

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
        self._cycle_ns = cycle_s * 1e9
        self._engine = engine
        self._connectors = connectors
        self._clock = clock
        self._steps = ClockWatch(tolerance_ms=float(settings.safety.max_clock_skew_ms))
        self._step_ms = 0.0
        self._last_look_mono_ns: int | None = None
        self.lag = LoopLag(interval_s=_LAG_INTERVAL_S)
        self._health = BotHealth()
        self._sent_mono_ns: int | None = None
        self._polled_mono_ns: int | None = None

    def heard(self, health: BotHealth) -> None:
        """Take in how the bot fares."""
        now = self._clock.now().mono_ns
        if health.sent_ns is not None and health.sent_ns != self._health.sent_ns:
            self._sent_mono_ns = now
        if health.polled_ns is not None and health.polled_ns != self._health.polled_ns:
            self._polled_mono_ns = now
        self._health = health

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
                all(self._is_fresh(leg, now.mono_ns) for leg in legs), reconciled, holds
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
            operator_credentials=self._operator_credentials(known.operator_credentials),
            operator_reachable=self._operator_reachable(now.mono_ns),
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

    def _operator_credentials(self, given: bool | None) -> bool | None:
        """False where there are none or Telegram refused them; None until it took or refused."""
        if given is False or self._health.refused:
            return False
        answered = self._sent_mono_ns is not None or self._polled_mono_ns is not None
        return True if answered else None

    def _operator_reachable(self, mono_ns: int) -> bool | None:
        """Whether both polling and sending worked of late; None before both did once."""
        both = (self._sent_mono_ns, self._polled_mono_ns)
        within_ns = self._settings.bot.unreachable_minutes * _NS_PER_MINUTE
        if None in both:
            return None
        return all(one is not None and mono_ns - one <= within_ns for one in both)
