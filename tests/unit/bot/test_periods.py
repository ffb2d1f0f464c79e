"""When a summary is due and what it covers, wherever the clocks are."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.periods import AHEAD_NS, Period, current, due, newest
from bot.summary_sections import SummaryKind
from trader.port.settings import BotSettings

SEOUL, NEW_YORK = "Asia/Seoul", "America/New_York"
DAILY, WEEKLY, MONTHLY = SummaryKind.DAILY, SummaryKind.WEEKLY, SummaryKind.MONTHLY
MINUTE_NS = 60 * 1_000_000_000
DAY_NS = 24 * 60 * MINUTE_NS
LONG_AGO = ("0001", 0)


def settings(
    zone: str = SEOUL,
    *,
    daily_summary: str = "09:00",
    weekly_summary: str = "mon 09:05",
    monthly_summary: str = "1 09:10",
) -> BotSettings:
    """The bot's settings with the default times."""
    return BotSettings(
        engine="dev",
        state_dir="state",
        zone=zone,
        daily_summary=daily_summary,
        weekly_summary=weekly_summary,
        monthly_summary=monthly_summary,
    )


def ns(text: str, zone: str = SEOUL, *, fold: int = 0) -> int:
    """UTC nanoseconds of a local time."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    since = local.astimezone(UTC) - datetime.fromtimestamp(0, UTC)
    return since // timedelta(microseconds=1) * 1_000


def local(at_ns: int, zone: str) -> str:
    """An instant as the zone's clocks show it."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_ns // 1_000)
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def told_in(
    kind: SummaryKind, given: BotSettings, from_ns: int, to_ns: int, step_ns: int = MINUTE_NS
) -> list[tuple[str, str]]:
    """What is told, and when on the zone's clocks, where somebody looks every ``step_ns``."""
    last, told = (newest(kind, given, from_ns).name, from_ns), []
    for now_ns in range(from_ns, to_ns, step_ns):
        owed = due(kind, given, now_ns, last)
        if owed is not None:
            told.append((owed.name, local(now_ns, given.zone)))
            last = (owed.name, now_ns)
    return told


class TestDaily:
    def test_covers_the_day_before(self) -> None:
        """From midnight to midnight in the zone, not in UTC."""
        owed = due(DAILY, settings(), ns("2026-11-22 09:00"), LONG_AGO)

        assert owed == Period(
            DAILY,
            "2026-11-21",
            ns("2026-11-21 00:00"),
            ns("2026-11-22 00:00"),
            ns("2026-11-22 09:00"),
        )

    def test_is_due_at_its_time_and_not_before(self) -> None:
        """A nanosecond early is early."""
        last = ("2026-11-20", ns("2026-11-21 09:00"))
        at_nine = ns("2026-11-22 09:00")

        assert due(DAILY, settings(), at_nine - 1, last) is None
        assert due(DAILY, settings(), at_nine, last) is not None

    @pytest.mark.parametrize("at", ["00:00", "00:05", "23:59"])
    def test_a_time_around_midnight_in_seoul_tells_each_day_once(self, at: str) -> None:
        """The day it covers is over at 00:00 already, and at 23:59 it is the day before."""
        given = settings(daily_summary=at)

        told = told_in(DAILY, given, ns("2026-11-20 12:00"), ns("2026-11-23 12:00"))

        first = 19 if at == "23:59" else 20
        assert [name for name, _ in told] == [f"2026-11-{first + day}" for day in range(3)]
        assert {when[11:] for _, when in told} == {at}

    @pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
    def test_a_day_of_a_clock_change_is_covered_whole(self, day: str, hours: int) -> None:
        """In New York one has 23 hours and one 25."""
        next_day = (datetime.fromisoformat(day) + timedelta(days=1)).strftime("%Y-%m-%d")

        owed = newest(DAILY, settings(NEW_YORK), ns(f"{next_day} 09:00", NEW_YORK))

        assert owed.name == day
        assert owed.to_ns - owed.from_ns == hours * 60 * MINUTE_NS

    @pytest.mark.parametrize("change", ["2026-03-08", "2026-11-01"])
    def test_nine_o_clock_stays_nine_o_clock(self, change: str) -> None:
        """Whatever the clocks were put to that night."""
        start = ns(f"{change} 12:00", NEW_YORK) - 2 * DAY_NS

        told = told_in(DAILY, settings(NEW_YORK), start, start + 4 * DAY_NS)

        assert [when[11:] for _, when in told] == ["09:00"] * 4

    def test_a_time_that_is_skipped_comes_an_hour_later_and_once(self) -> None:
        """There is no 02:30 on the night the clocks go forward."""
        given = settings(NEW_YORK, daily_summary="02:30")
        start = ns("2026-03-07 12:00", NEW_YORK)

        told = told_in(DAILY, given, start, start + 2 * DAY_NS)

        assert told == [("2026-03-07", "2026-03-08 03:30"), ("2026-03-08", "2026-03-09 02:30")]

    def test_a_time_that_comes_twice_is_told_the_first_time_only(self) -> None:
        """There are two 01:30 on the night the clocks go back."""
        given = settings(NEW_YORK, daily_summary="01:30")
        start = ns("2026-10-31 12:00", NEW_YORK)

        told = told_in(DAILY, given, start, start + 2 * DAY_NS)

        assert [name for name, _ in told] == ["2026-10-31", "2026-11-01"]
        owed = newest(DAILY, given, ns("2026-11-01 04:00", NEW_YORK))
        assert owed.due_ns == ns("2026-11-01 01:30", NEW_YORK, fold=0)

    def test_half_past_two_on_the_long_night_is_told_once(self) -> None:
        """It comes once there, an hour after the second 01:30."""
        given = settings(NEW_YORK, daily_summary="02:30")
        start = ns("2026-10-31 12:00", NEW_YORK)

        told = told_in(DAILY, given, start, start + 2 * DAY_NS)

        assert told == [("2026-10-31", "2026-11-01 02:30"), ("2026-11-01", "2026-11-02 02:30")]


class TestWeekly:
    def test_covers_the_iso_week_that_ended(self) -> None:
        """From Monday to Monday, on whatever weekday it is told."""
        given = settings(weekly_summary="wed 18:30")

        owed = due(WEEKLY, given, ns("2026-11-25 18:30"), LONG_AGO)

        assert owed is not None
        assert owed.name == "2026-W47"
        assert owed.from_ns == ns("2026-11-16 00:00")
        assert owed.to_ns == ns("2026-11-23 00:00")
        assert owed.due_ns == ns("2026-11-25 18:30")

    def test_weeks_go_on_over_new_year(self) -> None:
        """2026 has 53 of them, and the names sort on."""
        told = told_in(
            WEEKLY, settings(), ns("2026-12-20 00:00"), ns("2027-01-20 00:00"), 60 * MINUTE_NS
        )

        names = [name for name, _ in told]
        assert names == ["2026-W51", "2026-W52", "2026-W53", "2027-W01", "2027-W02"]
        assert names == sorted(names)


class TestMonthly:
    @pytest.mark.parametrize(
        ("told_at", "name", "days"),
        [
            ("2026-03-01 09:10", "2026-02", 28),
            ("2028-03-01 09:10", "2028-02", 29),
            ("2026-05-01 09:10", "2026-04", 30),
            ("2027-01-01 09:10", "2026-12", 31),
        ],
    )
    def test_covers_the_month_that_ended_whole(self, told_at: str, name: str, days: int) -> None:
        """However long it was, and over new year."""
        owed = due(MONTHLY, settings(), ns(told_at), LONG_AGO)

        assert owed is not None
        assert owed.name == name
        assert owed.to_ns - owed.from_ns == days * DAY_NS

    def test_before_its_day_the_month_before_counts(self) -> None:
        """On the fourteenth a summary of the fifteenth is not due yet."""
        given = settings(monthly_summary="15 09:00")

        assert newest(MONTHLY, given, ns("2026-11-14 23:00")).name == "2026-09"
        assert newest(MONTHLY, given, ns("2026-11-15 09:00")).name == "2026-10"


class TestOnce:
    def test_nothing_noted_means_nothing_owed(self) -> None:
        """A first start does not sum up what it never saw."""
        assert due(DAILY, settings(), ns("2026-11-22 09:00"), None) is None

    def test_only_the_newest_is_made_up_for(self) -> None:
        """After a week away one summary comes, not seven."""
        last = ("2026-11-10", ns("2026-11-11 09:00"))

        owed = due(DAILY, settings(), ns("2026-11-22 10:00"), last)

        assert owed is not None
        assert owed.name == "2026-11-21"
        assert due(DAILY, settings(), ns("2026-11-22 10:01"), (owed.name, 0)) is None

    @pytest.mark.parametrize("back_ns", [1, 60 * MINUTE_NS, DAY_NS])
    def test_a_clock_that_stepped_back_owes_nothing(self, back_ns: int) -> None:
        """What was told stays told, also when its time comes again."""
        at_nine = ns("2026-11-22 09:00")
        last = ("2026-11-21", at_nine)

        owed = [due(DAILY, settings(), at_nine - back_ns + step, last) for step in (0, back_ns)]

        assert owed == [None, None]

    def test_a_note_of_a_clock_that_was_ahead_does_not_silence_the_years_between(self) -> None:
        """Set to 2030 by mistake, told, and set right again."""
        now_ns = ns("2026-11-22 09:00")
        last = ("2030-01-01", now_ns + AHEAD_NS + 1)

        owed = due(DAILY, settings(), now_ns, last)

        assert owed is not None
        assert owed.name == "2026-11-21"


class TestCurrent:
    @pytest.mark.parametrize(
        ("kind", "name", "first"),
        [
            (DAILY, "2026-11-22", "2026-11-22 00:00"),
            (WEEKLY, "2026-W47", "2026-11-16 00:00"),
            (MONTHLY, "2026-11", "2026-11-01 00:00"),
        ],
    )
    def test_goes_from_the_beginning_until_now(
        self, kind: SummaryKind, name: str, first: str
    ) -> None:
        """What is known of the period that goes on."""
        now_ns = ns("2026-11-22 19:30")

        period = current(kind, settings(), now_ns)

        assert (period.name, period.from_ns, period.to_ns) == (name, ns(first), now_ns)

    def test_is_never_empty(self) -> None:
        """Not even at midnight itself."""
        midnight = ns("2026-11-22 00:00")

        assert current(DAILY, settings(), midnight).to_ns > midnight
