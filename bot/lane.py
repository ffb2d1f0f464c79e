"""In which order what was heard takes effect: halts at once, commands in line, views beside it.

Each update acts once, also over a crash: it is noted before it acts and again when it is done. What
lowers risk and was cut off in between runs again at the next start; anything else is reported.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from bot.access import HALT, Kind, Timing, canonical, timing
from bot.audit import Audit, AuditEntry
from bot.control_memory import ControlMemory, Fate, LateNote
from bot.line import Clock
from bot.records import Records, repeated
from bot.spoken import spoken
from bot.updates import Denied, DenyReason, Heard

_logger = logging.getLogger("bot.lane")

MAX_COMMANDS = 200
CROWDED = 100
"""Beyond this many waiting commands, only what lowers risk still joins the line."""
MAX_VIEWS = 100

Handler = Callable[[Heard, tuple[str, ...]], Awaitable[bool | None]]
"""Acts on what was heard and answers it; writes the audit line, since it alone knows before and
after. False says that nothing was done, a newer act being on record."""
OldButton = Callable[[Denied], Awaitable[None]]


class LateReport(Struct, frozen=True):
    """What the start message tells: what acted late, what did not act, and how many views fell."""

    applied: tuple[LateNote, ...]
    skipped: tuple[LateNote, ...]
    views: int

    def __bool__(self) -> bool:
        return bool(self.applied or self.skipped or self.views)


class _Job(Struct, frozen=True):
    heard: Heard
    name: str
    args: tuple[str, ...]
    kind: Kind
    run: Handler
    halted: bool = False


class Lane:
    """The one way from what was heard to what is done.

    ``handlers`` are by command name, button verbs included; ``pointer`` answers any other words.
    ``halt_now`` halts and answers, ahead of everything. Where something that raises risk stood
    before a halt in line, ``handlers["halt"]`` runs in its turn as well and makes sure that what
    holds at the end is the halt; it has nothing to say if that was so.
    """

    def __init__(
        self,
        handlers: Mapping[str, tuple[Kind, Handler]],
        *,
        pointer: Handler,
        halt_now: Handler,
        memory: ControlMemory,
        audit: Audit,
        clock: Clock,
        patience_s: float,
        old_button: OldButton | None = None,
    ) -> None:
        """``patience_s`` is how long a handler may take; ``old_button`` answers such a tap.

        Raises:
            ValueError: there is no handler for ``halt`` that lowers.
        """
        if HALT not in handlers or handlers[HALT][0] is not Kind.LOWERS:
            raise ValueError("a lane needs a handler that halts")
        self._handlers = dict(handlers)
        self._pointer = pointer
        self._halt_now = halt_now
        self._records = Records(memory, audit, clock)
        self._clock = clock
        self._patience_s = patience_s
        self._old_button = old_button
        self._commands: asyncio.Queue[_Job] = asyncio.Queue(MAX_COMMANDS)
        self._views: deque[Callable[[], Awaitable[None]]] = deque(maxlen=MAX_VIEWS)
        self._viewing = asyncio.Event()
        self._ready = asyncio.Event()
        self._raising = 0
        self._dropped_views = 0

    @property
    def denied(self) -> Mapping[DenyReason, int]:
        """How many updates were denied since start, by reason."""
        return self._records.denials.counts

    async def run(self) -> None:
        """Serve both lanes until cancelled, at first with what a crash has cut off.

        Begun again after a failure it goes on with what waits.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._serve_commands())
                tasks.create_task(self._serve_views())
                if not self._ready.is_set():
                    await self._recover()
                    self._ready.set()
        finally:
            self._records.last_words()

    async def take(self, batch: Sequence[Heard | Denied]) -> None:
        """Act on the halts of a batch, note the rest, and put it in line.

        When it returns, everything is on disk and Telegram may forget the batch.
        """
        jobs = [self._job(one) for one in batch if isinstance(one, Heard)]
        halted = await self._halt_first(jobs)
        await self._ready.wait()
        denied = [one for one in batch if isinstance(one, Denied)]
        if jobs:
            jobs = [replace(job, halted=job.heard.identity in halted) for job in jobs]
            waiting = self._still_to_run(jobs)
            rows = [
                (job.heard, job.kind, not waits) for job, waits in zip(jobs, waiting, strict=True)
            ]
            fresh = await self._records.begin(rows)
            for job, waits, is_new in zip(jobs, waiting, fresh, strict=True):
                if not is_new:
                    denied.append(repeated(job.heard))
                elif job.kind is Kind.VIEW:
                    self._see(partial(self._view, job))
                elif waits:
                    await self._join(job)
        await self._records.deny(denied)
        self._answer_old_buttons(denied)

    async def passed_over(self, update: Heard | Denied, why: str) -> None:
        """Note that handling an update failed again and again."""
        if isinstance(update, Heard):
            await self._records.failed(update, self._job(update).name, why)
            await self._records.finish(update)
        else:
            what = f"update {update.update_id}"
            await self._records.audit(AuditEntry("telegram:?", what, f"failed: {why}"))

    async def startup_report(self) -> LateReport:
        """What acted late or not at all and was not told yet, once all that waits has run.

        Raises:
            MemoryFailed: it cannot be read.
        """
        await self._ready.wait()
        await self._commands.join()
        notes = await self._records.late_notes()
        return LateReport(
            tuple(note for note in notes if note.fate is Fate.APPLIED),
            tuple(note for note in notes if note.fate is not Fate.APPLIED),
            self._dropped_views,
        )

    async def report_told(self, report: LateReport) -> None:
        """Somebody has been told; the next report has only what came since."""
        self._dropped_views -= report.views
        await self._records.forget_late(report.applied + report.skipped)

    async def _halt_first(self, jobs: Sequence[_Job], *, is_new: bool = False) -> frozenset[str]:
        """Halt for each halt that is new; the identities of those that did."""
        halted: set[str] = set()
        for job in jobs:
            identity = job.heard.identity
            when = self._timing(job)
            if job.name != HALT or when is Timing.TOO_OLD or identity in halted:
                continue
            if not is_new and await self._records.knows(identity):
                continue
            did_run, acted = await self._guarded(self._halt_now, job)
            if did_run:
                halted.add(identity)
                if when is Timing.LATE:
                    await self._late(job, acted=acted)
        return frozenset(halted)

    def _still_to_run(self, jobs: Sequence[_Job]) -> list[bool]:
        """Which of these must run after a crash: no views, and no halt that nothing can undo."""
        raises = self._raising > 0
        found = []
        for job in jobs:
            raises = raises or job.kind is Kind.RAISES
            found.append(job.kind is not Kind.VIEW and (raises or not job.halted))
        return found

    async def _join(self, job: _Job) -> None:
        if job.kind is not Kind.LOWERS and self._commands.qsize() >= CROWDED:
            await self._records.skipped(job.heard, job.name, Fate.CROWDED)
            return
        self._raising += job.kind is Kind.RAISES
        await self._commands.put(job)

    async def _recover(self) -> None:
        jobs = [self._job(heard) for heard in await self._records.unfinished()]
        halted = await self._halt_first(jobs, is_new=True)
        for job in jobs:
            if job.heard.identity in halted:
                await self._records.finish(job.heard)
            elif job.kind is Kind.LOWERS:
                await self._commands.put(job)
            else:
                await self._records.skipped(job.heard, job.name, Fate.INTERRUPTED)

    async def _serve_commands(self) -> None:
        while True:
            job = await self._commands.get()
            try:
                await self._act(job)
            finally:
                self._raising -= job.kind is Kind.RAISES
                self._commands.task_done()

    async def _act(self, job: _Job) -> None:
        when = self._timing(job)
        if when is Timing.TOO_OLD:
            await self._records.skipped(job.heard, job.name, Fate.TOO_OLD)
            return
        did_run, acted = await self._guarded(job.run, job)
        if when is Timing.LATE and job.kind is Kind.LOWERS and did_run and not job.halted:
            await self._late(job, acted=acted)
        await self._records.finish(job.heard)

    async def _late(self, job: _Job, *, acted: bool) -> None:
        fate = Fate.APPLIED if acted else Fate.OUTDATED
        await self._records.late(job.heard, job.name, fate)

    async def _serve_views(self) -> None:
        while True:
            await self._viewing.wait()
            while self._views:
                await self._views.popleft()()
            self._viewing.clear()

    async def _view(self, job: _Job) -> None:
        if self._timing(job) is Timing.TOO_OLD:
            self._dropped_views += 1
        else:
            await self._guarded(job.run, job)

    def _see(self, view: Callable[[], Awaitable[None]]) -> None:
        # A full line loses its oldest view, with no words.
        self._views.append(view)
        self._viewing.set()

    async def _guarded(self, run: Handler, job: _Job) -> tuple[bool, bool]:
        """Run a handler: whether it came to its end, and whether it did anything."""
        try:
            async with asyncio.timeout(self._patience_s):
                acted = await run(job.heard, job.args)
        except Exception as error:  # noqa: BLE001 - the handler's outer edge: the next is waiting
            await self._records.failed(job.heard, job.name, type(error).__name__)
            return False, False
        return True, acted is not False

    def _answer_old_buttons(self, denied: Sequence[Denied]) -> None:
        for one in denied:
            if one.callback_id and self._old_button is not None:
                self._see(partial(self._answer_old, self._old_button, one))

    async def _answer_old(self, answer: OldButton, denied: Denied) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await answer(denied)
        except Exception as error:  # noqa: BLE001 - the handler's outer edge: the next is waiting
            _logger.error("Telegram: an old button got no answer: %s", type(error).__name__)

    def _job(self, heard: Heard) -> _Job:
        said = spoken(heard)
        name = "" if said is None else canonical(said.name)
        found = self._handlers.get(name)
        if said is None or found is None:
            # The pointer is a view of what there is to say.
            return _Job(heard, "", (), Kind.VIEW, self._pointer)
        kind, run = found
        return _Job(heard, name, said.args, kind, run)

    def _timing(self, job: _Job) -> Timing:
        return timing(job.name, job.kind, job.heard.written_ns, self._clock.now_ns())
