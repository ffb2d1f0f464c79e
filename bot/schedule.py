"""Summaries on time: sends each once for its period, also one that was missed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from bot.charts import ChartFailed, ChartSpec
from bot.line import NotNow
from bot.messenger import MessengerError, OutMessage, Unsendable
from bot.periods import WEEKDAYS, Period, current, due, newest, times_of
from bot.store import StoreError
from bot.summaries import caption_message, chart_spec, fits_caption, summary_message
from bot.summary_sections import SummaryKind
from trader.port import Language, PortError, SummaryFigures
from trader.port.settings import BotSettings

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

LOOK_SECONDS = 60
"""How often it looks whether something is owed, beside the times themselves: a host that slept, a
clock that was set and a message that was refused are all found by looking."""

LATE_NS = 5 * 60 * 1_000_000_000
"""A summary told later than this after it was due says so."""

_LOG = logging.getLogger("bot.schedule")
_NS = 1_000_000_000
_FIRST_RETRY_NS = 60 * _NS
_MAX_RETRY_NS = 3_600 * _NS


class SummaryNotes(Protocol):
    """Where it is kept which summaries went out; on disk when a note returns.

    Every method may raise StoreError.
    """

    def last_summary(self, kind: str) -> tuple[str, int] | None:
        """The period noted last for a kind and when (UTC ns), or None."""
        ...

    def summary_sent(self, kind: str, period: str) -> bool:
        """Whether this very period is noted."""
        ...

    def note_summary(self, kind: str, period: str, at_ns: int) -> None:
        """Note that a period's summary went out."""
        ...


class Answers(Protocol):
    """Answers questions about an engine; any TraderPort does."""

    async def ask(
        self, question: str, to: str, arguments: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The figures asked for.

        Raises:
            PortError: there is no answer.
        """
        ...


class Draws(Protocol):
    """Makes pictures of charts."""

    async def draw(self, spec: ChartSpec) -> bytes:
        """A chart as PNG.

        Raises:
            ChartFailed: there is no picture.
        """
        ...


Tell = Callable[[OutMessage, bytes | None], Awaitable[None]]
"""Sends a message, as the caption of a picture where there is one; returns once it was accepted.

Raises MessengerError or NotNow where it was not.
"""


class SummaryParts(Struct, frozen=True):
    """A summary ready to be sent: the picture with its caption, and the text.

    Where the whole text fits under the picture, ``text`` is None and the caption says it all;
    without a picture there is only the text.
    """

    png: bytes | None
    caption: OutMessage | None
    text: OutMessage | None


class _Attempt(Struct):
    """How the summary of a period stands that has not gone out whole."""

    period: str
    failures: int = 0
    not_before_ns: int = 0
    drawn: bool = False
    """Whether its picture was accepted already; it is not sent twice."""


class Summaries:
    """Sends the summaries of one engine. All of it runs on one event loop."""

    def __init__(
        self,
        port: Answers,
        tell: Tell,
        notes: SummaryNotes,
        settings: BotSettings,
        painter: Draws | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """``now_ns`` is this host's UTC time. Without a ``painter`` there are no pictures."""
        self._port = port
        self._tell = tell
        self._notes = notes
        self._settings = settings
        self._painter = painter
        self._now_ns = now_ns
        self._language = settings.language or Language.EN
        self._zone = ZoneInfo(settings.zone)
        self._began_ns = now_ns()
        self._attempts: dict[SummaryKind, _Attempt] = {}
        self._told: dict[SummaryKind, str] = {}
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Send what is owed from an earlier run, then each when it is due, until cancelled."""
        scheduler = self.scheduler()
        scheduler.start()
        try:
            # The jobs are the scheduler's; this only holds the place where it is cancelled.
            await asyncio.get_running_loop().create_future()
        finally:
            scheduler.shutdown(wait=False)

    def begin(self) -> None:
        """Where nothing was ever noted nothing is owed: note the periods that ended until now."""
        for kind in SummaryKind:
            if self._notes.last_summary(kind) is None:
                self._note(newest(kind, self._settings, self._now_ns()))

    def scheduler(self) -> "AsyncIOScheduler":
        """The jobs, not started: the three times in the zone, and the look every minute.

        Every job only looks what is owed, so it does no harm if two come together, if one comes
        late or if a clock change brings one twice.
        """
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        # It says at level info that it looked, every time.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        scheduler = AsyncIOScheduler(
            timezone=self._zone,
            # A job that is late because the host slept runs all the same, and once. A second
            # instance finds the first at work and ends.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 2},
        )
        for kind in SummaryKind:
            scheduler.add_job(self.look, "cron", id=kind.value, **self._cron(kind))
        at_once = datetime.now(self._zone)
        scheduler.add_job(
            self.look, "interval", id="look", seconds=LOOK_SECONDS, next_run_time=at_once
        )
        return scheduler

    async def look(self) -> None:
        """Send every summary that is owed now. What goes wrong is logged and tried again later."""
        if self._turn.locked():
            return
        async with self._turn:
            try:
                await self._look()
            except StoreError as error:
                _LOG.error("summaries: %s", error)

    async def summary_now(self, kind: SummaryKind = SummaryKind.DAILY) -> SummaryParts:
        """The summary of the day, week or month that goes on; nothing is noted.

        Raises:
            PortError: the engine does not answer.
        """
        return await self._parts(
            current(kind, self._settings, self._now_ns()), late=False, running=True
        )

    async def _look(self) -> None:
        # Notes are kept for a while only, and a month is long.
        self.begin()
        for kind in SummaryKind:
            owed = due(kind, self._settings, self._now_ns(), self._notes.last_summary(kind))
            if owed is not None and not self._is_told(owed):
                await self._try(owed)

    async def _try(self, owed: Period) -> None:
        attempt = self._attempts.get(owed.kind)
        if attempt is None or attempt.period != owed.name:
            attempt = self._attempts[owed.kind] = _Attempt(owed.name)
        now_ns = self._now_ns()
        # A clock that stepped back must not make anybody wait longer than the longest wait.
        if now_ns < attempt.not_before_ns <= now_ns + _MAX_RETRY_NS:
            return
        try:
            await self._send(owed, attempt)
        except (MessengerError, NotNow, PortError) as error:
            wait_ns = min(_FIRST_RETRY_NS << min(attempt.failures, 10), _MAX_RETRY_NS)
            attempt.failures += 1
            attempt.not_before_ns = self._now_ns() + wait_ns
            _LOG.warning(
                "the %s summary of %s was not sent, trying again in %d s: %s",
                owed.kind,
                owed.name,
                wait_ns // _NS,
                error,
            )
            return
        self._note(owed)
        self._attempts.pop(owed.kind, None)
        _LOG.info("the %s summary of %s was sent", owed.kind, owed.name)

    def _is_told(self, owed: Period) -> bool:
        told = self._told.get(owed.kind)
        return told == owed.name or self._notes.summary_sent(owed.kind, owed.name)

    def _note(self, period: Period) -> None:
        # In memory as well: what the disk would not take is not told twice a minute.
        self._told[period.kind] = period.name
        self._notes.note_summary(period.kind, period.name, self._now_ns())

    async def _send(self, owed: Period, attempt: _Attempt) -> None:
        late = owed.due_ns < self._began_ns or self._now_ns() - owed.due_ns > LATE_NS
        parts = await self._parts(owed, late=late, with_picture=not attempt.drawn)
        text = parts.text
        if parts.caption is not None:
            try:
                await self._tell(parts.caption, parts.png)
            except Unsendable as error:
                # A picture the chat will never take must not cost the words.
                _LOG.warning("the summary goes without its chart: %s", error)
                text = text or parts.caption
            attempt.drawn = True
        if text is not None:
            await self._tell(text, None)

    async def _parts(
        self, period: Period, *, late: bool, running: bool = False, with_picture: bool = True
    ) -> SummaryParts:
        figures = await self._figures(period)
        text = summary_message(
            figures, self._language, self._zone, period.kind, late=late, running=running
        )
        png = await self._picture(figures) if with_picture else None
        if png is None:
            return SummaryParts(None, None, text)
        if fits_caption(text):
            return SummaryParts(png, text, None)
        caption = caption_message(figures, self._language, self._zone, period.kind)
        return SummaryParts(png, caption, text)

    async def _figures(self, period: Period) -> SummaryFigures:
        span = {"from_ns": period.from_ns, "to_ns": period.to_ns}
        answer = await self._port.ask("summary", self._settings.engine, span)
        try:
            return msgspec.convert(answer, SummaryFigures)
        except msgspec.ValidationError as error:
            raise PortError(f"the engine's summary cannot be read: {error}") from error

    async def _picture(self, figures: SummaryFigures) -> bytes | None:
        spec = chart_spec(figures, self._language, self._settings.zone)
        if spec is None or self._painter is None:
            return None
        try:
            return await self._painter.draw(spec)
        except ChartFailed as error:
            _LOG.warning("the summary goes without its chart: %s", error)
            return None

    def _cron(self, kind: SummaryKind) -> Mapping[str, object]:
        times = times_of(kind, self._settings)
        when: dict[str, object] = {"hour": times.at.hour, "minute": times.at.minute}
        if kind is SummaryKind.WEEKLY:
            when["day_of_week"] = WEEKDAYS[times.day]
        elif kind is SummaryKind.MONTHLY:
            when["day"] = times.day
        return when
