"""What the lane writes down. A disk that is full must not stand between an operator and a halt.

So nothing here raises but what says so: a note that cannot be made is one log line.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from bot.access import Kind
from bot.audit import Audit, AuditEntry
from bot.control_memory import ControlMemory, Fate, LateNote, MemoryFailed
from bot.denials import Denials
from bot.line import Clock
from bot.updates import Denied, DenyReason, Heard

_logger = logging.getLogger("bot.lane")

MAX_RECENT = 10_000
KNOW_WITHIN_S = 0.2

_NS_PER_S = 1_000_000_000


class Records:
    """Handled updates, late notes and audit lines, written off the loop and in order."""

    def __init__(self, memory: ControlMemory, audit: Audit, clock: Clock) -> None:
        self.denials = Denials()
        self._memory = memory
        self._audit = audit
        self._clock = clock
        self._recent: OrderedDict[str, None] = OrderedDict()

    async def knows(self, identity: str) -> bool:
        """Whether this was begun before; where that cannot be told, it was not."""
        if identity in self._recent:
            return True
        try:
            # Neither a disk that hangs nor one that is full may keep a halt waiting.
            async with asyncio.timeout(KNOW_WITHIN_S):
                return await self._memory.apart(partial(self._memory.knows, identity))
        except (MemoryFailed, TimeoutError) as error:
            _logger.error("Telegram: whether a halt is new is not known: %r", error)
            return False

    async def begin(self, rows: Sequence[tuple[Heard, Kind, bool]]) -> Sequence[bool]:
        """Note a batch, each with whether it is done already; for each whether it may act."""
        pairs = [(heard, done) for heard, _, done in rows]
        try:
            fresh = await self._memory.apart(
                partial(self._memory.begin, pairs, self._clock.now_ns())
            )
        except MemoryFailed as error:
            # What cannot be remembered may not raise risk, and must still be able to lower it.
            _logger.error("Telegram: commands cannot be noted, so none raises risk: %s", error)
            fresh = tuple(
                kind is not Kind.RAISES and heard.identity not in self._recent
                for heard, kind, _ in rows
            )
        for heard, _, _ in rows:
            self._recent[heard.identity] = None
        while len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)
        return fresh

    async def finish(self, heard: Heard) -> None:
        """It has had its effect, or will have none."""
        await self._kept(partial(self._memory.finish, heard.identity))

    async def unfinished(self) -> tuple[Heard, ...]:
        """What was begun and not finished before this start."""
        try:
            return await self._memory.apart(self._memory.unfinished)
        except MemoryFailed as error:
            _logger.error("Telegram: what a crash may have cut off is not known: %s", error)
            return ()

    async def late(self, heard: Heard, name: str, fate: Fate) -> None:
        """It acted late, or not at all: for the start message."""
        now_ns = self._clock.now_ns()
        await self._kept(partial(self._memory.note_late, heard, name, fate, now_ns))

    async def skipped(self, heard: Heard, name: str, fate: Fate) -> None:
        """It does not act: for the start message and the audit."""
        _logger.warning("Telegram: /%s is not applied: %s", name, fate)
        await self.late(heard, name, fate)
        await self.audit(self.entry(heard, name, f"skipped: {fate}"))
        await self.finish(heard)

    async def failed(self, heard: Heard, name: str, failure: str) -> None:
        """Its handler failed."""
        _logger.error("Telegram: %s failed: %s", f"/{name}" if name else "an answer", failure)
        await self.audit(self.entry(heard, name, f"failed: {failure}"))

    async def deny(self, denied: Sequence[Denied]) -> None:
        """Count what was denied, and write of it what is due."""
        entries: list[AuditEntry] = []
        for one in denied:
            entries.extend(self.denials.note(one, self._clock.now_ns()))
        await self.audit(*entries)

    async def audit(self, *entries: AuditEntry) -> None:
        """Add lines to the audit chain."""
        if entries:
            await self._kept(partial(self._audit.note, *entries))

    def last_words(self) -> None:
        """Write what was counted of the denied and not written yet; waits for the disk."""
        if entries := self.denials.flush():
            try:
                self._audit.note(*entries)
            except MemoryFailed as error:
                _logger.error("Telegram: the denied could not be noted: %s", error)

    def entry(self, heard: Heard, name: str, decision: str) -> AuditEntry:
        """A line about a command."""
        written_ns = heard.written_ns
        age_s = None if written_ns is None else (self._clock.now_ns() - written_ns) // _NS_PER_S
        return AuditEntry(heard.who, f"/{name}" if name else "words", decision, age_s)

    async def late_notes(self) -> tuple[LateNote, ...]:
        """What the start message is to tell.

        Raises:
            MemoryFailed: it cannot be read.
        """
        return await self._memory.apart(self._memory.late_notes)

    async def forget_late(self, notes: Sequence[LateNote]) -> None:
        """These were told; where that cannot be noted they are told again."""
        if notes:
            newest = max(note.seq for note in notes)
            await self._kept(partial(self._memory.forget_late, newest))

    async def _kept(self, work: Callable[[], object]) -> None:
        try:
            await self._memory.apart(work)
        except MemoryFailed as error:
            _logger.error("Telegram: a command could not be noted: %s", error)


def repeated(heard: Heard) -> Denied:
    """The same as an update that was handled before."""
    return Denied(heard.update_id, DenyReason.REPEATED, heard.user_id, heard.chat_id, "")
