"""Recorded messages of a venue, read from a capture file and replayed to its public streams."""

import ast
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec import Struct

from trader.domain.errors import ConfigError
from trader.domain.instrument import Venue
from trader.sim.exchange import Exchange
from trader.sim.files import why

MAX_FRAMES = 1_000_000
_LONGEST_GAP_S = 60.0


class Captured(Struct, frozen=True):
    """One message: when it was received (seconds since 1970) and what it said."""

    at_s: float
    text: str


def read_captured(path: Path) -> list[Captured]:
    """The messages of a file with lines ``seconds: {...}`` or ``seconds: b'{...}'``.

    Lines that say what was subscribed to are left out.

    Raises:
        ConfigError: the file cannot be read or a line is none of these.
    """
    frames: list[Captured] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.isspace() or line.startswith(("wss://", "ws://")):
                    continue
                if len(frames) >= MAX_FRAMES:
                    raise ConfigError(f"{path}: more than {MAX_FRAMES} messages")
                try:
                    frames.append(_frame(line))
                except (ValueError, SyntaxError):
                    raise ConfigError(
                        f"{path}: line {number}: is no recorded message; allowed: seconds: {{...}}"
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {why(error)}") from error
    if not frames:
        raise ConfigError(f"{path}: holds no message")
    return frames


async def replay(exchange: Exchange, venue: Venue, frames: list[Captured], speed: float) -> None:
    """Pass the messages on in their own rhythm, over and over, until cancelled."""
    while True:
        async for frame in _paced(frames, speed):
            exchange.replay(venue, frame.text)


async def _paced(frames: list[Captured], speed: float) -> AsyncIterator[Captured]:
    last_s = frames[0].at_s
    for frame in frames:
        # Never less than nothing, so that even a file without gaps lets others run.
        await asyncio.sleep(min(max(frame.at_s - last_s, 0.0), _LONGEST_GAP_S) / speed)
        last_s = frame.at_s
        yield frame
    await asyncio.sleep(1.0 / speed)


def _frame(line: str) -> Captured:
    stamp, colon, rest = line.partition(": ")
    if not colon:
        raise ValueError(line)
    text = rest.strip()
    if text.startswith(("b'", 'b"')):
        raw = ast.literal_eval(text)
        if not isinstance(raw, bytes):
            raise ValueError(line)
        text = raw.decode()
    return Captured(float(stamp), text)
