"""Ticks on round local times and round values, with labels a person can read."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.charts.scales import (
    NS_PER_S,
    day_label,
    period_label,
    time_ticks,
    value_label,
    value_limits,
    value_ticks,
)
from trader.port import Language

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")
HOUR_S = 3_600
DAY_S = 86_400


def at(text: str, zone: ZoneInfo = SEOUL) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * NS_PER_S


def labels(start: str, end: str, zone: ZoneInfo, language: Language, most: int) -> list[str]:
    ticks = time_ticks(at(start, zone), at(end, zone), zone, language, most)
    return [tick.label for tick in ticks]


class TestTimeTicks:
    def test_midnight_shows_the_date(self) -> None:
        """A day that changes within the chart must be seen to change, where the zone has it."""
        found = labels("2026-11-22T17:30", "2026-11-23T05:30", SEOUL, Language.EN, 6)

        assert found == ["18:00", "21:00", "Nov 23", "03:00"]

    def test_days_are_the_zones_own(self) -> None:
        """A tick labelled with a date stands on that zone's midnight, in both of its offsets."""
        ticks = time_ticks(
            at("2026-10-30T12:00", NEW_YORK),
            at("2026-11-04T12:00", NEW_YORK),
            NEW_YORK,
            Language.KO,
            7,
        )

        assert [tick.label for tick in ticks] == ["10/31", "11/1", "11/2", "11/3", "11/4"]
        hours = [datetime.fromtimestamp(tick.at_ns / NS_PER_S, UTC).hour for tick in ticks]
        assert hours == [4, 4, 5, 5, 5]

    def test_an_hour_that_does_not_exist_has_no_tick(self) -> None:
        """In New York there is no 02:00 on the night the clocks go forward."""
        found = labels("2026-03-08T00:30", "2026-03-08T04:30", NEW_YORK, Language.EN, 5)

        assert found == ["01:00", "03:00", "04:00"]

    def test_an_hour_that_comes_twice_has_one_tick(self) -> None:
        """Two equal labels side by side would look like a mistake."""
        found = labels("2026-11-01T00:30", "2026-11-01T03:30", NEW_YORK, Language.EN, 5)

        assert found == ["01:00", "02:00", "03:00"]

    def test_a_midnight_that_does_not_exist_gives_way_to_the_first_hour(self) -> None:
        """Where clocks go forward at midnight the day still has its tick."""
        santiago = ZoneInfo("America/Santiago")

        found = labels("2026-09-04T12:00", "2026-09-08T12:00", santiago, Language.EN, 5)

        assert found == ["Sep 5", "Sep 6", "Sep 7", "Sep 8"]

    def test_weeks_begin_on_monday(self) -> None:
        """A step of a week stands on the same weekday wherever the chart begins."""
        found = labels("2026-11-01T00:00", "2026-11-29T00:00", SEOUL, Language.EN, 5)

        assert found == ["Nov 2", "Nov 9", "Nov 16", "Nov 23"]

    @pytest.mark.parametrize("most", [2, 3, 6, 12])
    @pytest.mark.parametrize(
        "span_s", [1, 7, 60, 601, HOUR_S, 7 * HOUR_S, DAY_S, 9 * DAY_S, 50 * DAY_S, 4_000 * DAY_S]
    )
    def test_are_no_more_than_asked_for(self, span_s: int, most: int) -> None:
        """Whatever the span: never more ticks than have room, each within it, ascending."""
        start_ns = at("2026-11-22T13:47:12")
        end_ns = start_ns + span_s * NS_PER_S

        ticks = time_ticks(start_ns, end_ns, SEOUL, Language.KO, most)

        times = [tick.at_ns for tick in ticks]
        assert len(ticks) <= most
        assert times == sorted(set(times))
        assert all(start_ns <= at_ns <= end_ns for at_ns in times)


class TestValues:
    def test_ticks_are_round_and_few(self) -> None:
        """Nobody reads 3,333 and 6,667 off an axis."""
        ticks, step = value_ticks(-600.0, 10_600.0, 7)

        assert ticks == (0.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0)
        assert step == 2_000.0

    @pytest.mark.parametrize(
        ("lowest", "highest"),
        [(0.0, 0.0), (1e7, 1e7), (-3.0, -3.0), (1e15, 1e15), (0.0, 1e-12), (-1e18, 1e18)],
    )
    def test_every_range_has_ticks_with_labels_of_their_own(
        self, lowest: float, highest: float
    ) -> None:
        """A flat line, the huge and the tiny: an axis still says where one is."""
        low, high = value_limits(lowest, highest, 0.01)
        ticks, step = value_ticks(low, high, 7)
        written = [value_label(tick, step, "₩") for tick in ticks]

        assert low < lowest <= highest < high
        assert 2 <= len(ticks) <= 7
        assert len(set(written)) == len(written)

    def test_labels_have_separators_unit_and_only_needed_decimals(self) -> None:
        """As the bot writes amounts everywhere else."""
        assert value_label(1_234_567.0, 1.0, "₩") == "1,234,567 ₩"
        assert value_label(-0.25, 0.25, "%") == "-0.25 %"
        assert value_label(0.5, 0.25, "%") == "0.50 %"

    def test_no_label_is_minus_zero(self) -> None:
        """Rounding may leave a sign that means nothing."""
        assert value_label(-1e-17, 0.1, "%") == "0.0 %"


def test_a_day_in_each_language() -> None:
    """Short enough to stand under a tick."""
    assert day_label(date(2026, 3, 1), Language.EN) == "Mar 1"
    assert day_label(date(2026, 3, 1), Language.KO) == "3/1"


def test_a_period_of_one_day_is_said_once() -> None:
    """The caption names the date even where no tick shows one."""
    assert period_label(date(2026, 3, 1), date(2026, 3, 1)) == "2026-03-01"
    assert period_label(date(2026, 3, 1), date(2026, 3, 2)) == "2026-03-01 – 2026-03-02"
