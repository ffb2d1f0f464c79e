"""Repeating: asks a venue again and again, less often the longer it does not answer."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from trader.domain.errors import VenueError


class Pace(Struct, frozen=True):
    """Seconds between two questions: after an answer, and after failures, doubled up to a bound."""

    every_s: float
    first_retry_s: float = 1.0
    last_retry_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        if not failures:
            return self.every_s
        return min(self.first_retry_s * 2.0 ** min(failures - 1, 16), self.last_retry_s)


async def repeat(
    ask: Callable[[], Awaitable[None]],
    pace: Pace,
    failed: Callable[[VenueError, int], None],
    soon: asyncio.Event | None = None,
) -> None:
    """Ask until cancelled; ``soon`` ends a wait early, ``failed`` hears each failure and its count.

    Only what a venue can do wrong is survived; anything else ends the task, and so the process.
    """
    failures = 0
    while True:
        if soon is not None:
            soon.clear()
        try:
            await ask()
            failures = 0
        except VenueError as error:
            failures += 1
            failed(error, failures)
        await _pause(pace.wait_s(failures), soon)


async def _pause(seconds: float, soon: asyncio.Event | None) -> None:
    if soon is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await soon.wait()
    except TimeoutError:
        return
