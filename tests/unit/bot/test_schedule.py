"""Each summary goes out once: on time, late after the host was down, again after a failure."""

import asyncio
import itertools
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bot.charts import ChartFailed, ChartSpec
from bot.messenger import OutMessage, Refused, SendFailed, Unsendable
from bot.schedule import LATE_NS, LOOK_SECONDS, Summaries
from bot.store import StoreError
from bot.summary_sections import SummaryKind
from tests.unit.bot.test_periods import DAY_NS, MINUTE_NS, NEW_YORK, ns, settings
from trader.domain.order import PairName, TradeId
from trader.port import (
    CommandNote,
    LedgerName,
    LedgerSpan,
    LedgerSummary,
    Mode,
    PortTimeout,
    SummaryFigures,
    TradeResult,
)
from trader.port.settings import BotSettings

DAILY = SummaryKind.DAILY
LATE = "Late:"
PNG = b"\x89PNG"


class Host:
    """A host with a clock, an engine that answers, a chat that takes messages, and a disk."""

    def __init__(self, at: str, given: BotSettings | None = None) -> None:
        self.settings = given or settings()
        self.now_ns = ns(at, self.settings.zone)
        self.notes: dict[tuple[str, str], int] = {}
        self.told: list[tuple[str, bytes | None]] = []
        self.asked: list[tuple[int, int]] = []
        self.failures: list[Exception | None] = []
        self.answers: list[Mapping[str, object] | Exception] = []
        self.is_eventful = self.is_disk_full = False
        self.tried = 0
        self.came = asyncio.Event()
        self.summaries = self.booted()

    def booted(self, painter: "Brush | None" = None) -> Summaries:
        """Another process on the same disk."""
        self.summaries = Summaries(
            self,
            self.tell,
            self,
            self.settings,
            painter,
            now_ns=lambda: self.now_ns,
        )
        self.summaries.begin()
        return self.summaries

    async def look_at(self, at: str, *, fold: int = 0) -> list[str]:
        """The clock shows a time, somebody looks; the titles of what was told at that."""
        self.now_ns = ns(at, self.settings.zone, fold=fold)
        return await self.look()

    async def look(self) -> list[str]:
        """Somebody looks."""
        before = len(self.told)
        await self.summaries.look()
        return [text.splitlines()[0] for text, _ in self.told[before:]]

    # the chat

    async def tell(self, message: OutMessage, png: bytes | None) -> None:
        """Take a message, or fail as the test says."""
        self.tried += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.told.append((message.plain, png))
        self.came.set()

    # the engine

    async def ask(
        self, question: str, to: str, arguments: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The figures of the span, as they come over the hatch, or what the test says instead."""
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        assert (question, to) == ("summary", self.settings.engine)
        span = int(str(arguments["from_ns"])), int(str(arguments["to_ns"]))
        self.asked.append(span)
        builtins: dict[str, object] = msgspec.to_builtins(some_figures(*span, self.is_eventful))
        return builtins

    # the disk

    def last_summary(self, kind: str) -> tuple[str, int] | None:
        """The newest note of a kind."""
        noted = [(at, name) for (of, name), at in self.notes.items() if of == kind]
        return max(noted)[::-1] if noted else None

    def summary_sent(self, kind: str, period: str) -> bool:
        """Whether it is noted."""
        return (kind, period) in self.notes

    def note_summary(self, kind: str, period: str, at_ns: int) -> None:
        """Note it."""
        if self.is_disk_full:
            raise StoreError("the disk is full")
        self.notes[str(kind), period] = at_ns


class Brush:
    """Draws the same picture of everything, or fails."""

    def __init__(self, *failures: ChartFailed) -> None:
        self.drawn: list[ChartSpec] = []
        self._failures = list(failures)

    async def draw(self, spec: ChartSpec) -> bytes:
        """A picture."""
        self.drawn.append(spec)
        if self._failures:
            raise self._failures.pop(0)
        return PNG


def some_figures(from_ns: int, to_ns: int, is_eventful: bool) -> SummaryFigures:
    """A paper ledger with one trade and a curve of two points; with words for pages if asked."""
    pause = CommandNote(from_ns, "pause", "telegram:1", "because " * 15)
    best = TradeResult(TradeId("T1"), PairName("btc"), "upbit>bithumb", Decimal(5))
    span = LedgerSpan(
        equity_first_krw=Decimal(0),
        equity_last_krw=Decimal(5),
        opened=1,
        closed=1,
        best=best,
        equity=((from_ns, 0.0), (to_ns - 1, 5.0)),
    )
    return SummaryFigures(
        engine="dev",
        mode=Mode.PAPER,
        made_ns=to_ns,
        from_ns=from_ns,
        to_ns=to_ns,
        market_from_ns=from_ns,
        market_to_ns=to_ns,
        paper=LedgerSummary(LedgerName.PAPER, span),
        live=LedgerSummary(LedgerName.LIVE),
        commands=(pause,) * 8 if is_eventful else (),
    )


async def looks(host: Host, *times: str) -> Sequence[list[str]]:
    """What was told at each of these times."""
    return [await host.look_at(at) for at in times]


class TestOnTime:
    async def test_tells_the_day_before_at_its_time_and_once(self) -> None:
        """Before its time nothing comes, after it nothing more."""
        host = Host("2026-11-21 12:00")

        told = await looks(
            host, "2026-11-22 08:59", "2026-11-22 09:00", "2026-11-22 09:01", "2026-11-22 23:59"
        )

        assert told == [[], ["📊 Daily summary 2026-11-21 (Sat)"], [], []]
        assert host.asked == [(ns("2026-11-21 00:00"), ns("2026-11-22 00:00"))]
        assert LATE not in host.told[0][0]

    async def test_daily_weekly_and_monthly_are_told_apart(self) -> None:
        """On the first of a month that is a Monday all three come, in their order."""
        host = Host("2026-05-31 12:00")

        told = await looks(host, "2026-06-01 09:00", "2026-06-01 09:05", "2026-06-01 09:10")

        assert told == [
            ["📊 Daily summary 2026-05-31 (Sun)"],
            ["📊 Weekly summary 2026-W22 (05-25 – 05-31)"],
            ["📊 Monthly summary 2026-05"],
        ]

    async def test_a_late_look_says_so(self) -> None:
        """A host that slept through its time tells it when it wakes, as late."""
        host = Host("2026-11-21 12:00")
        host.now_ns = ns("2026-11-22 09:00") + LATE_NS + 1

        await host.look()

        assert LATE in host.told[0][0]

    async def test_two_looks_at_once_tell_once(self) -> None:
        """The minute's look and the job of the time itself come together."""
        host = Host("2026-11-21 12:00")
        host.now_ns = ns("2026-11-22 09:00")

        await asyncio.gather(host.summaries.look(), host.summaries.look())

        assert len(host.told) == 1

    async def test_a_clock_that_steps_back_repeats_nothing(self) -> None:
        """Nine o'clock comes again, the summary does not."""
        host = Host("2026-11-21 12:00")

        told = await looks(host, "2026-11-22 09:00", "2026-11-22 07:00", "2026-11-22 09:00")
        next_day = await host.look_at("2026-11-23 09:00")

        assert [len(titles) for titles in told] == [1, 0, 0]
        assert next_day == ["📊 Daily summary 2026-11-22 (Sun)"]

    async def test_the_doubled_hour_tells_once(self) -> None:
        """Both passes through 01:30, and a restart between them."""
        host = Host("2026-10-31 12:00", settings(NEW_YORK, daily_summary="01:30"))

        first = await host.look_at("2026-11-01 01:30", fold=0)
        host.booted()
        second = await host.look_at("2026-11-01 01:30", fold=1)

        assert (len(first), second) == (1, [])


class TestCatchUp:
    async def test_a_first_start_owes_nothing(self) -> None:
        """Nobody waits for a summary of before."""
        host = Host("2026-11-22 10:00")

        assert await host.look() == []

    async def test_what_was_missed_while_down_comes_on_start_once_and_marked(self) -> None:
        """Down over one time or over many: the newest comes."""
        host = Host("2026-11-18 12:00")
        host.now_ns = ns("2026-11-22 09:01")
        host.booted()

        assert await host.look() == ["📊 Daily summary 2026-11-21 (Sat)"]
        assert LATE in host.told[0][0]
        host.booted()
        assert await host.look() == []

    async def test_a_restart_before_its_time_owes_nothing(self) -> None:
        """The day's own comes when it is due, and is not late."""
        host = Host("2026-11-21 12:00")
        host.now_ns = ns("2026-11-22 08:00")
        host.booted()

        assert await host.look() == []
        assert await host.look_at("2026-11-22 09:00") == ["📊 Daily summary 2026-11-21 (Sat)"]
        assert LATE not in host.told[0][0]

    async def test_notes_that_are_gone_repeat_nothing(self) -> None:
        """They are kept for a while only; what became unknown is taken for told."""
        host = Host("2026-11-21 12:00")
        await host.look_at("2026-11-22 09:00")
        host.notes.clear()

        assert await host.look_at("2026-11-22 09:01") == []
        assert await host.look_at("2026-11-23 09:00") == ["📊 Daily summary 2026-11-22 (Sun)"]

    async def test_a_note_of_a_wrong_future_does_not_repeat_either(self) -> None:
        """The clock was years ahead, told, and was set right: each day comes once again."""
        host = Host("2026-11-21 12:00")
        await host.look_at("2030-01-02 09:00")
        host.told.clear()

        told = await looks(host, "2026-11-22 09:00", "2026-11-22 09:01", "2026-11-23 09:00")

        assert [len(titles) for titles in told] == [1, 0, 1]


class TestFailure:
    async def test_a_message_not_taken_is_tried_again_and_noted_only_then(self) -> None:
        """With a pause that grows, and without a duplicate."""
        host = Host("2026-11-21 12:00")
        host.failures = [SendFailed("502"), Refused("chat not found", 400)]

        told = await looks(host, "2026-11-22 09:00", "2026-11-22 09:01", "2026-11-22 09:02")
        assert told == [[], [], []]
        assert not host.summary_sent(DAILY, "2026-11-21")

        told = await looks(host, "2026-11-22 09:03", "2026-11-22 09:04")
        assert told == [["📊 Daily summary 2026-11-21 (Sat)"], []]
        assert host.summary_sent(DAILY, "2026-11-21")

    async def test_the_pause_never_grows_beyond_an_hour(self) -> None:
        """A night without a chat, and the summary comes within an hour of its return."""
        host = Host("2026-11-21 12:00")
        host.failures = [SendFailed("timeout")] * 12
        host.now_ns = ns("2026-11-22 09:00")
        tried = []
        while host.failures:
            left = len(host.failures)
            await host.look()
            if len(host.failures) < left:
                tried.append(host.now_ns)
            host.now_ns += MINUTE_NS

        pauses = [(later - sooner) // MINUTE_NS for sooner, later in itertools.pairwise(tried)]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]

    async def test_an_engine_that_does_not_answer_is_asked_again(self) -> None:
        """Whose figures cannot be had is owed all the same."""
        host = Host("2026-11-21 12:00")
        host.answers = [PortTimeout("no answer")]

        assert await host.look_at("2026-11-22 09:00") == []
        assert len(await host.look_at("2026-11-22 09:02")) == 1

    async def test_figures_that_make_no_sense_stop_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An engine of another version; the log says so."""
        host = Host("2026-11-21 12:00")
        host.answers = [{"engine": 5}]

        with caplog.at_level(logging.WARNING):
            assert await host.look_at("2026-11-22 09:00") == []

        assert "cannot be read" in caplog.text

    async def test_a_disk_that_takes_no_note_repeats_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The process remembers what it told, and the log says what is wrong."""
        host = Host("2026-11-21 12:00")
        host.is_disk_full = True

        with caplog.at_level(logging.ERROR):
            told = await looks(host, "2026-11-22 09:00", "2026-11-22 09:01", "2026-11-22 09:10")

        assert [len(titles) for titles in told] == [1, 0, 0]
        assert "disk is full" in caplog.text

    async def test_one_that_fails_holds_up_no_other(self) -> None:
        """The weekly one goes although the daily one waits for its next attempt."""
        host = Host("2026-11-22 12:00")
        host.failures = [SendFailed("once")]

        assert await host.look_at("2026-11-23 09:05") == [
            "📊 Weekly summary 2026-W47 (11-16 – 11-22)"
        ]

    async def test_a_newer_period_takes_the_place_of_one_that_never_went(self) -> None:
        """A chat away for two days gets one daily summary, the last."""
        host = Host("2026-11-20 12:00")
        host.failures = [SendFailed("away")] * 2

        told = await looks(host, "2026-11-21 09:00", "2026-11-22 09:00", "2026-11-22 09:02")

        assert told == [[], [], ["📊 Daily summary 2026-11-21 (Sat)"]]


class TestPicture:
    async def test_a_short_summary_stands_under_its_picture(self) -> None:
        """One message for both."""
        host = Host("2026-11-21 12:00")
        host.booted(Brush())

        await host.look_at("2026-11-22 09:00")

        ((text, png),) = host.told
        assert png == PNG
        assert text.startswith("📊 Daily summary")

    async def test_a_long_one_follows_its_picture(self) -> None:
        """A caption is short, and says what the picture is."""
        host = Host("2026-11-21 12:00")
        host.is_eventful = True
        host.booted(Brush())

        titles = await host.look_at("2026-11-22 09:00")

        assert [png for _, png in host.told] == [PNG, None]
        assert titles == [
            "📈 Daily summary 2026-11-21 (Sat): chart",
            "📊 Daily summary 2026-11-21 (Sat)",
        ]

    async def test_a_picture_that_was_taken_is_not_sent_again(self) -> None:
        """Where only the text behind it failed, only the text is tried again."""
        host = Host("2026-11-21 12:00")
        host.is_eventful = True
        host.booted(Brush())
        host.failures = [None, SendFailed("timeout")]

        await looks(host, "2026-11-22 09:00", "2026-11-22 09:02")

        assert host.tried == 3
        assert [png for _, png in host.told] == [PNG, None]

    async def test_without_a_picture_the_words_go_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A chart that cannot be drawn costs the chart."""
        host = Host("2026-11-21 12:00")
        host.booted(Brush(ChartFailed("no font")))

        with caplog.at_level(logging.WARNING):
            await host.look_at("2026-11-22 09:00")

        assert [png for _, png in host.told] == [None]
        assert "no font" in caplog.text

    @pytest.mark.parametrize("is_eventful", [False, True])
    async def test_a_picture_the_chat_will_never_take_costs_the_picture(
        self, is_eventful: bool
    ) -> None:
        """The whole text follows at once, be it short or long."""
        host = Host("2026-11-21 12:00")
        host.is_eventful = is_eventful
        host.booted(Brush())
        host.failures = [Unsendable("PHOTO_INVALID_DIMENSIONS")]

        titles = await host.look_at("2026-11-22 09:00")

        assert titles == ["📊 Daily summary 2026-11-21 (Sat)"]
        assert [png for _, png in host.told] == [None]

    async def test_a_caption_sent_alone_counts_as_the_summary(self) -> None:
        """It is noted, and no text follows it."""
        host = Host("2026-11-21 12:00")
        host.booted(Brush())

        await looks(host, "2026-11-22 09:00", "2026-11-22 09:05")

        assert len(host.told) == 1
        assert host.summary_sent(DAILY, "2026-11-21")


class TestNow:
    async def test_covers_the_day_so_far_and_notes_nothing(self) -> None:
        """What /summary answers; the scheduled one comes all the same."""
        host = Host("2026-11-22 19:30")
        noted = dict(host.notes)

        parts = await host.summaries.summary_now()

        assert parts.text is not None
        assert parts.text.plain.startswith("📊 Daily summary 2026-11-22 (Sun), so far")
        assert host.asked == [(ns("2026-11-22 00:00"), ns("2026-11-22 19:30"))]
        assert (host.notes, host.told) == (noted, [])


class TestJobs:
    async def test_each_time_has_a_job_in_the_zone(self) -> None:
        """Paused, since their next times are all there is to see."""
        given = settings(NEW_YORK, weekly_summary="fri 18:30", monthly_summary="28 07:15")
        host = Host("2026-11-21 12:00", given)
        scheduler = host.summaries.scheduler()

        scheduler.start(paused=True)
        jobs = {job.id: job for job in scheduler.get_jobs()}
        scheduler.shutdown(wait=False)

        times = {
            name: job.next_run_time.astimezone(ZoneInfo(NEW_YORK)) for name, job in jobs.items()
        }
        assert f"{times['daily']:%H:%M}" == "09:00"
        assert f"{times['weekly']:%a %H:%M}" == "Fri 18:30"
        assert f"{times['monthly']:%d %H:%M}" == "28 07:15"
        assert jobs["look"].trigger.interval.total_seconds() == LOOK_SECONDS
        assert times["look"] <= datetime.now(ZoneInfo(NEW_YORK))
        for job in jobs.values():
            assert (job.misfire_grace_time, job.coalesce) == (None, True)

    async def test_a_run_looks_at_once_and_ends_when_cancelled(self) -> None:
        """What is owed does not wait for the next minute."""
        host = Host("2026-11-18 12:00")
        host.now_ns += 4 * DAY_NS

        running = asyncio.create_task(host.booted().run())
        async with asyncio.timeout(10):
            await host.came.wait()
        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        assert "Daily summary" in host.told[0][0]
