"""A lane over a real memory, with handlers that keep a list of what they were asked to do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.access import Kind
from bot.audit import Audit
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.lane import Handler, Lane
from bot.updates import Denied, Heard
from tests.support.updates import WRITTEN_NS

PATIENCE_S = 5.0
KINDS = {
    "halt": Kind.LOWERS,
    "pause": Kind.LOWERS,
    "paper": Kind.LOWERS,
    "resume": Kind.RAISES,
    "flatten": Kind.RAISES,
    "confirm": Kind.RAISES,
    "ack": Kind.NOTES,
    "status": Kind.VIEW,
    "chart": Kind.VIEW,
}


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self, now_ns: int = WRITTEN_NS) -> None:
        self.now = now_ns

    def now_ns(self) -> int:
        """UTC."""
        return self.now

    def mono_ns(self) -> int:
        """The same, as nobody sets it back here."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Nobody who is tested with this sleeps."""
        raise AssertionError(f"slept {seconds} s")


class ControlDesk:
    """What was done, in order. ``moods`` say what a handler does before it is done."""

    def __init__(self, directory: Path) -> None:
        self.clock = HandClock()
        self.memory = ControlMemory(directory / CONTROL_NAME)
        self.audit = Audit(self.memory, self.clock.now_ns)
        self.done: list[str] = []
        self.halts: list[str] = []
        self.views: list[str] = []
        self.old_taps: list[str] = []
        self.moods: dict[str, Callable[[], Awaitable[bool | None]]] = {}
        self.changed = asyncio.Event()
        handlers = {name: (kind, self._handler(name, kind)) for name, kind in KINDS.items()}
        self.lane = Lane(
            handlers,
            pointer=self._handler("pointer", Kind.VIEW),
            halt_now=self._halt_now,
            memory=self.memory,
            audit=self.audit,
            clock=self.clock,
            patience_s=PATIENCE_S,
            old_button=self._old_button,
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what was done makes this true."""
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def decisions(self) -> list[str]:
        """The audit's decisions, the oldest first."""
        return [line.decision for line in reversed(self.audit.recent(1_000))]

    def _handler(self, name: str, kind: Kind) -> Handler:
        async def act(heard: Heard, args: tuple[str, ...]) -> bool | None:
            mood = self.moods.get(name)
            acted = None if mood is None else await mood()
            told = self.views if kind is Kind.VIEW else self.done
            told.append(" ".join((name, *args)))
            assert heard.chat_id
            self.changed.set()
            return acted

        return act

    async def _halt_now(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        mood = self.moods.get("halt_now")
        acted = None if mood is None else await mood()
        self.halts.append(" ".join(("halt", *args)))
        assert heard.chat_id
        self.changed.set()
        return acted

    async def _old_button(self, denied: Denied) -> None:
        self.old_taps.append(denied.callback_id)
        self.changed.set()


@asynccontextmanager
async def control_desk(directory: Path, *, running: bool = True) -> AsyncIterator[ControlDesk]:
    """A desk whose lane runs; what is left at the end of the block is as a crash would leave it."""
    desk = ControlDesk(directory)
    task = asyncio.ensure_future(desk.lane.run()) if running else None
    try:
        yield desk
    finally:
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        desk.memory.close()
