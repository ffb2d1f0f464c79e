"""A clock for asynchronous tests: time passes only when told, from one sleeper to the next."""

import asyncio
import heapq
from itertools import count

_NS_PER_S = 1_000_000_000
START_NS = 1_795_000_000 * _NS_PER_S
_QUIET_ROUNDS = 25
_MAX_ROUNDS = 2_000_000


class FakeClock:
    """Both times. ``busy`` counts what others do, so that time waits until nobody does anything."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self._start_ns = start_ns
        self._mono_ns = 5 * _NS_PER_S
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self.busy = 0

    def now_ns(self) -> int:
        """UTC."""
        return self._start_ns + self._mono_ns

    def mono_ns(self) -> int:
        """Monotonic; no two looks see the same, as with a real clock."""
        self._mono_ns += 1
        return self._mono_ns

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forth or back."""
        self._start_ns += int(seconds * _NS_PER_S)

    async def sleep(self, seconds: float) -> None:
        """Sleep until somebody advances time that far."""
        self.busy += 1
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._mono_ns + int(seconds * _NS_PER_S)
        heapq.heappush(self._sleepers, (due, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that happens in it."""
        until = self._mono_ns + int(seconds * _NS_PER_S)
        while True:
            await self.settle()
            if not self._sleepers or self._sleepers[0][0] > until:
                break
            due, _, woken = heapq.heappop(self._sleepers)
            self._mono_ns = max(self._mono_ns, due)
            if not woken.done():
                woken.set_result(None)
        self._mono_ns = until
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that happens at this instant."""
        quiet, seen = 0, self.busy
        for _ in range(_MAX_ROUNDS):
            await asyncio.sleep(0)
            quiet = quiet + 1 if self.busy == seen else 0
            seen = self.busy
            if quiet >= _QUIET_ROUNDS:
                return
        raise AssertionError("something never comes to rest at one instant")
