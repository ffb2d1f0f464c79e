"""Mock session: drives simulated time cycle by cycle. Its only real clock paces the cycles."""

import asyncio
import time
from collections.abc import Callable

from trader.app.senses import HostSenses
from trader.domain.clock import SimulatedClock
from trader.domain.events import CycleTicked, ProcessStarted, ProcessStopping, StopRequested
from trader.engine.engine import Engine
from trader.feeds.mock import MockFeed
from trader.runtime import Inbox

_SECOND_NS = 1_000_000_000
# Orders on simulated venues end within their latency; this bounds the wait all the same.
_STOP_WITHIN_NS = 10 * _SECOND_NS
_SLICE_S = 0.01


class MockSession:
    """Runs cycles: so much market, then one tick of the control loop, then a pause in real time."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        clock: SimulatedClock,
        feed: MockFeed,
        senses: HostSenses,
        on_cycle: Callable[[float], None],
        seconds_per_cycle: int,
        seed: int,
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._feed = feed
        self._senses = senses
        self._on_cycle = on_cycle
        self._cycle_ns = seconds_per_cycle * _SECOND_NS
        self._seed = seed

    async def run(
        self,
        *,
        loops: int | None,
        interval_s: float,
        stop: asyncio.Event,
        version: str,
        unguarded: int,
    ) -> None:
        """Run ``loops`` cycles, or until ``stop`` is set; tells of ``unguarded`` live positions."""
        now = self._clock.now()
        self._inbox.put(
            ProcessStarted(
                now.at_ns, now.mono_ns, version, self._seed, unguarded, self._senses.sight()
            )
        )
        await self._inbox.idle()
        self._feed.start()
        number = 0
        while not stop.is_set() and (loops is None or number < loops):
            began = time.perf_counter()
            number += 1
            if not await self._market_until(number * self._cycle_ns, stop):
                return
            await self._tick(number)
            left = interval_s - (time.perf_counter() - began)
            if loops is None or number < loops:
                await _wait(stop, left)

    async def end(self, reason: str, *, flatten: bool) -> None:
        """Stop entries, let what is in flight finish on simulated time, and say goodbye."""
        now = self._clock.now()
        self._inbox.put(StopRequested(now.at_ns, now.mono_ns, reason, flatten))
        await self._inbox.idle()
        deadline = now.mono_ns + _STOP_WITHIN_NS
        ledgers = self._engine.state.ledgers.values()
        while any(ledger.in_flight for ledger in ledgers) and self._clock.advance(deadline):
            await self._inbox.idle()
        now = self._clock.now()
        self._inbox.put(ProcessStopping(now.at_ns, now.mono_ns, reason))
        await self._inbox.idle()

    async def _market_until(self, mono_ns: int, stop: asyncio.Event) -> bool:
        """Let the market run to an instant; False when stopped on the way."""
        slice_began = time.perf_counter()
        while self._clock.advance(mono_ns):
            await self._inbox.idle()
            if time.perf_counter() - slice_began > _SLICE_S:
                # Signals, requests and the relay get their turn while the market runs.
                await asyncio.sleep(0)
                slice_began = time.perf_counter()
                if stop.is_set():
                    return False
        return True

    async def _tick(self, number: int) -> None:
        began = time.perf_counter()
        now = self._clock.now()
        self._inbox.put(
            CycleTicked(now.at_ns, now.mono_ns, number, self._senses.sense(for_cycle=True))
        )
        await self._inbox.idle()
        self._on_cycle((time.perf_counter() - began) * 1e3)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
