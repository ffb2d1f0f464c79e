"""VenueWatch: what a venue says of its instruments, its fees and its clock, kept up to date."""

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct
from msgspec.structs import replace

from trader.domain.clock import Clock
from trader.domain.errors import VenueError
from trader.domain.events import Event, InstrumentStated
from trader.domain.instrument import Instrument, InstrumentId
from trader.execution.repeating import Pace, repeat
from trader.execution.venue import VenueClient

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.venue")
_NS = 1_000_000_000
# A tick may change as soon as a price crosses into another band, and a warning at any time.
_RULES = Pace(every_s=60.0)
_CLOCK = Pace(every_s=30.0)
_SKEW_LASTS_S = 300.0
# More than the venues that tell whole seconds only can be measured by.
_WORTH_NOTING_MS = 250.0


class _Bar(Struct, frozen=True):
    """What a venue's stream said against a market."""

    why: str
    halted: bool


_FREE = _Bar("", halted=False)


class VenueWatch:
    """One venue's public side, in paper and in live mode."""

    def __init__(self, client: VenueClient, clock: Clock, deliver: Callable[[Event], None]) -> None:
        self._client = client
        self._clock = clock
        self._deliver = deliver
        self._listed: dict[InstrumentId, Instrument] = {}
        self._bars: dict[InstrumentId, _Bar] = {}
        self._stated: dict[InstrumentId, Instrument] = {}
        self._skew: tuple[float, int] | None = None
        self._noted_ms: float | None = None
        self._rules_soon, self._clock_soon = asyncio.Event(), asyncio.Event()

    @property
    def skew_ms(self) -> float | None:
        """How far our clock is ahead of the venue's; None while nobody knows, or no more."""
        if self._skew is None:
            return None
        skew_ms, asked_mono_ns = self._skew
        age_ns = self._clock.now().mono_ns - asked_mono_ns
        return skew_ms if age_ns < _SKEW_LASTS_S * _NS else None

    @property
    def knows_rules(self) -> bool:
        """Whether the venue has stated its rules since the start."""
        return bool(self._listed)

    def refresh_soon(self) -> None:
        """The venue refused an order by what we seem to know wrongly, or connected anew."""
        self._rules_soon.set()
        self._clock_soon.set()

    def told(self, instrument: InstrumentId, why: str, *, halted: bool) -> None:
        """The venue's stream said what is against a market: ``why``, empty for nothing any more.

        It holds beside what the rules say, until the stream says otherwise.
        """
        bar = _Bar(why, halted)
        if bar == self._bars.get(instrument, _FREE):
            return
        self._bars[instrument] = bar
        _log.warning("market told of", instrument=instrument, barred=why, halted=halted)
        if instrument in self._listed:
            self._state(self._listed[instrument])

    async def run(self) -> None:
        """Ask until cancelled."""
        rules, clock = self._failed("rules"), self._failed("clock")
        async with asyncio.TaskGroup() as group:
            group.create_task(repeat(self._ask_rules, _RULES, rules, self._rules_soon))
            group.create_task(repeat(self._ask_clock, _CLOCK, clock, self._clock_soon))

    async def _ask_rules(self) -> None:
        listed = {instrument.id: instrument for instrument in await self._client.instruments()}
        for gone in self._listed.keys() - listed.keys():
            # What the venue does not list any more it does not trade either.
            listed[gone] = replace(self._listed[gone], tradable=False, halted=True)
        self._listed = listed
        for instrument in listed.values():
            self._state(instrument)

    def _state(self, listed: Instrument) -> None:
        """Tell how an instrument stands, where that is news."""
        bar = self._bars.get(listed.id, _FREE)
        instrument = replace(
            listed,
            tradable=listed.tradable and not bar.why and not bar.halted,
            halted=listed.halted or bar.halted,
        )
        if self._stated.get(instrument.id) == instrument:
            return
        self._stated[instrument.id] = instrument
        now = self._clock.now()
        self._deliver(InstrumentStated(now.at_ns, now.mono_ns, instrument))
        _log.info(
            "venue rules",
            instrument=instrument.id,
            tradable=instrument.tradable,
            halted=instrument.halted,
            taker_pct=f"{instrument.fees.taker_pct:f}",
            minimum=f"{instrument.min_notional:f}",
        )

    async def _ask_clock(self) -> None:
        asked = self._clock.now().mono_ns
        skew_ms = await self._client.clock_skew_ms()
        self._skew = (skew_ms, asked)
        if self._noted_ms is None or abs(skew_ms - self._noted_ms) > _WORTH_NOTING_MS:
            self._noted_ms = skew_ms
            _log.info("venue clock", venue=self._client.venue, behind_ours_ms=round(skew_ms))

    def _failed(self, what: str) -> Callable[[VenueError, int], None]:
        def failed(error: VenueError, failures: int) -> None:
            # The first one and then ever rarer ones: an outage of hours is not a log of it.
            if failures & (failures - 1) == 0:
                _log.warning(
                    "venue does not answer",
                    venue=self._client.venue,
                    asked=what,
                    failures=failures,
                    error=str(error),
                )

        return failed
