"""A clock that runs some times as fast as the host's, for the sender and its chat alike.

What takes a minute by it takes a second or so; every ratio that matters (a message a second, a
pause of ``retry_after``, a back-off that doubles) stays what it is in the program.
"""

import asyncio
import time

_NS_PER_S = 1_000_000_000
START_NS = 1_795_000_000 * _NS_PER_S


class HurriedClock:
    """Both times, ``times`` as fast. Clocks of one ``epoch_ns`` agree, in any process."""

    def __init__(self, times: float, epoch_ns: int | None = None) -> None:
        """``epoch_ns`` is the host's monotonic instant at which this clock shows its start."""
        self.times = times
        self.epoch_ns = time.monotonic_ns() if epoch_ns is None else epoch_ns

    def now_ns(self) -> int:
        """UTC."""
        return START_NS + self.mono_ns()

    def mono_ns(self) -> int:
        """Monotonic."""
        return int((time.monotonic_ns() - self.epoch_ns) * self.times)

    async def sleep(self, seconds: float) -> None:
        """Sleep so many of this clock's seconds."""
        await asyncio.sleep(seconds / self.times)
