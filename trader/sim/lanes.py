"""A lane carries the frames of one WebSocket, and misbehaves while a fault says so."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

from trader.domain.instrument import Venue

_HELD_AT_MOST_S = 0.3

Frame = TypeVar("Frame")


class StreamKind(StrEnum):
    """Whose stream it is."""

    PUBLIC = "public"
    PRIVATE = "private"


class Handling(StrEnum):
    """What becomes of one frame."""

    PASS = "pass"
    LOSE = "lose"
    DOUBLE = "double"
    HOLD = "hold"


class Lane(Generic[Frame]):
    """Frames in, frames out, in the same step; a held one follows its successor or soon anyway.

    A face makes one per connection with ``faults.lane(...)``, pushes every frame of data through
    it (never answers to pings, which a silent venue still gives), and closes it with the socket.
    """

    def __init__(
        self,
        venue: Venue,
        stream: StreamKind,
        deliver: Callable[[Frame], None],
        decide: Callable[[Venue, StreamKind], Handling],
        forget: Callable[["Lane[Frame]"], None],
        cut: Callable[[int], None],
    ) -> None:
        self.venue = venue
        self.stream = stream
        self.cut = cut
        self._deliver = deliver
        self._decide = decide
        self._forget = forget
        self._held: list[Frame] = []
        self._timer: asyncio.TimerHandle | None = None

    def push(self, frame: Frame) -> None:
        """Pass a frame on: once, twice, later or never."""
        handling = self._decide(self.venue, self.stream)
        if handling is Handling.PASS and not self._held:
            self._deliver(frame)
        elif handling is Handling.HOLD and not self._held:
            self._held.append(frame)
            self._timer = asyncio.get_running_loop().call_later(_HELD_AT_MOST_S, self._release)
        elif handling is not Handling.LOSE:
            self._deliver(frame)
            if handling is Handling.DOUBLE:
                self._deliver(frame)
            self._release()

    def close(self) -> None:
        """Drop what is held; the socket is gone."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._forget(self)

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._held:
            self._deliver(self._held.pop())
