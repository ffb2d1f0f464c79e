"""How much of a limit its interval has seen: one that slides, and one that follows the calendar."""

import math
from collections import deque
from typing import Protocol

from trader.domain.clock import Stamp

_NEVER = math.inf
_EDGE_NS = 2_000_000_000
"""So far the venue's clock and ours may disagree about where a calendar interval begins."""


class Window(Protocol):
    """Counts what was taken in an interval."""

    def wait_ns(self, amount: int, bound: int, now: Stamp) -> float:
        """How long until ``amount`` more stays within ``bound``; infinite if it never can."""
        ...

    def add(self, amount: int, now: Stamp) -> None:
        """Count ``amount`` as taken now."""
        ...

    def remove(self, amount: int, taken: Stamp) -> None:
        """Undo what was added at ``taken``, if it still counts."""
        ...

    def raise_to(self, used: int, asked: Stamp, now: Stamp) -> None:
        """Believe the answer to a request of ``asked`` that at least ``used`` was taken."""
        ...

    def used(self, now: Stamp) -> int:
        """What counts at this moment."""
        ...


class SlidingWindow:
    """Never more than the bound in any interval, wherever the venue lets its own begin.

    A bucket that refills would let twice its size through in one interval.
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        # At most as many entries as the bound has tokens, for each takes one at least.
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0

    def wait_ns(self, amount: int, bound: int, now: Stamp) -> float:
        """How long until ``amount`` more stays within ``bound``; infinite if it never can."""
        self._expire(now)
        excess = self._used + amount - bound
        if excess <= 0:
            return 0.0
        for at_ns, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return at_ns + self._interval_ns - now.mono_ns
        return _NEVER

    def add(self, amount: int, now: Stamp) -> None:
        """Count ``amount`` as taken now."""
        self._taken.append((now.mono_ns, amount))
        self._used += amount

    def remove(self, amount: int, taken: Stamp) -> None:
        """Undo what was added at ``taken``, if it still counts."""
        try:
            self._taken.remove((taken.mono_ns, amount))
        except ValueError:
            return
        self._used -= amount

    def raise_to(self, used: int, asked: Stamp, now: Stamp) -> None:
        """Believe the answer to a request of ``asked`` that at least ``used`` was taken."""
        if now.mono_ns - asked.mono_ns >= self._interval_ns:
            return
        self._expire(now)
        if used > self._used:
            self.add(used - self._used, now)

    def used(self, now: Stamp) -> int:
        """What counts at this moment."""
        self._expire(now)
        return self._used

    def _expire(self, now: Stamp) -> None:
        until = now.mono_ns - self._interval_ns
        while self._taken and self._taken[0][0] <= until:
            self._used -= self._taken.popleft()[1]


class CalendarWindow:
    """Starts anew with each interval of the calendar (UTC).

    Where the interval ends is worked out once, as it begins, and then measured on the monotonic
    clock: a step of the wall clock neither ends it early nor makes it last.
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._began_ns = self._ends_ns = -1
        self._used = 0

    def wait_ns(self, amount: int, bound: int, now: Stamp) -> float:
        """How long until ``amount`` more stays within ``bound``; infinite if it never can."""
        self._roll(now)
        if self._used + amount <= bound:
            return 0.0
        return self._ends_ns - now.mono_ns if amount <= bound else _NEVER

    def add(self, amount: int, now: Stamp) -> None:
        """Count ``amount`` as taken now."""
        self._roll(now)
        self._used += amount

    def remove(self, amount: int, taken: Stamp) -> None:
        """Undo what was added at ``taken``, if it still counts."""
        if taken.mono_ns >= self._began_ns:
            self._used = max(self._used - amount, 0)

    def raise_to(self, used: int, asked: Stamp, now: Stamp) -> None:
        """Believe the answer to a request of ``asked`` that at least ``used`` was taken.

        Unless it was asked so near the interval's beginning that the count may be the last one's.
        """
        self._roll(now)
        if asked.mono_ns >= self._began_ns + min(_EDGE_NS, self._interval_ns // 2):
            self._used = max(self._used, used)

    def used(self, now: Stamp) -> int:
        """What counts at this moment."""
        self._roll(now)
        return self._used

    def _roll(self, now: Stamp) -> None:
        if now.mono_ns < self._ends_ns:
            return
        self._ends_ns = now.mono_ns + self._interval_ns - now.at_ns % self._interval_ns
        self._began_ns = self._ends_ns - self._interval_ns
        self._used = 0
