"""Waiting for a condition, with a bound that only a broken test reaches."""

import asyncio
from collections.abc import Callable

WITHIN_S = 30.0
_LOOK_EVERY_S = 0.002


async def eventually(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait until ``holds``.

    Raises:
        TimeoutError: it did not within the bound.
    """
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - whatever holds may be anything, and tells nobody
            await asyncio.sleep(_LOOK_EVERY_S)
