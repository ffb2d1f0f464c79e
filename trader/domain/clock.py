"""Clock: the two times of this program, and a simulated one that passes only when told."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Protocol

from msgspec import Struct


class Stamp(Struct, frozen=True):
    """One instant: UTC nanoseconds for records, monotonic nanoseconds for ages and durations."""

    at_ns: int
    mono_ns: int


class Clock(Protocol):
    """Tells the time, and calls back after a delay."""

    def now(self) -> Stamp:
        """This instant on both clocks."""
        ...

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, ``delay_ns`` from now."""
        ...


class SimulatedClock:
    """Time that moves only when :meth:`advance` is called, from one callback to the next.

    Callbacks due at one instant run in the order they were asked for, so a run is reproducible.
    """

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._mono_ns = 0
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []

    def now(self) -> Stamp:
        """The simulated instant; its monotonic clock began at zero."""
        return Stamp(self._start_ns + self._mono_ns, self._mono_ns)

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` when simulated time has come that far."""
        heapq.heappush(self._due, (self._mono_ns + max(delay_ns, 0), next(self._order), callback))

    def advance(self, until_mono_ns: int) -> bool:
        """Run the next callback due by then; False, with time at ``until``, when there is none."""
        if not self._due or self._due[0][0] > until_mono_ns:
            self._mono_ns = max(self._mono_ns, until_mono_ns)
            return False
        self._mono_ns, _, callback = heapq.heappop(self._due)
        callback()
        return True
