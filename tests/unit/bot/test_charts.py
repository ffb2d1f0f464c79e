"""What reaches the drawing process: few enough points that look the same, and no more."""

import math
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bot.charts.spec import (
    MOST_FRAME_BYTES,
    ChartFailed,
    Kind,
    Picture,
    Series,
    frame,
    kept_indexes,
    only,
)

MOST = 60


def a_series(values: list[float], kind: Kind = Kind.LINE) -> Series:
    return Series(label="Paper", at_ns=tuple(range(len(values))), values=tuple(values), kind=kind)


def thin(series: Series, most: int) -> Series:
    return only(series, [index for part in kept_indexes(series, most) for index in part])


class TestThin:
    def test_leaves_few_points_alone(self) -> None:
        """What is within the bound is drawn as it was measured."""
        series = a_series([float(number) for number in range(MOST)])

        assert thin(series, MOST) == series

    def test_keeps_the_bound_and_the_order(self) -> None:
        """Never more than asked for, and time still runs one way."""
        thinned = thin(a_series([math.sin(number / 9) for number in range(10_000)]), MOST)

        assert 0 < len(thinned.values) <= MOST
        assert list(thinned.at_ns) == sorted(set(thinned.at_ns))

    @pytest.mark.parametrize("place", [0, 1, 4_567, 9_999])
    def test_keeps_a_lone_spike_and_a_lone_dip(self, place: int) -> None:
        """The one value that matters must not fall between two that are kept."""
        for extreme in (1_000.0, -1_000.0):
            values = [0.0] * 10_000
            values[place] = extreme

            thinned = thin(a_series(values), MOST)

            assert thinned.values[thinned.at_ns.index(place)] == extreme

    def test_keeps_both_ends(self) -> None:
        """The chart covers the time that was asked for."""
        thinned = thin(a_series([float(number % 7) for number in range(10_000)]), MOST)

        assert (thinned.at_ns[0], thinned.at_ns[-1]) == (0, 9_999)

    def test_keeps_a_gap_of_one_value(self) -> None:
        """A line drawn through a gap would claim knowledge that was not there."""
        values = [1.0] * 10_000
        values[5_000] = math.nan

        thinned = thin(a_series(values), MOST)

        assert math.isnan(thinned.values[thinned.at_ns.index(5_000)])

    def test_keeps_a_value_between_two_gaps_apart(self) -> None:
        """Both gaps stay, else the value would be joined to a neighbour it never had."""
        values = [math.nan] * 10_000
        values[5_000] = 3.0

        thinned = thin(a_series(values), MOST)

        place = thinned.at_ns.index(5_000)
        assert thinned.values[place] == 3.0
        assert math.isnan(thinned.values[place - 1])
        assert math.isnan(thinned.values[place + 1])

    def test_keeps_each_of_two_gaps_close_together(self) -> None:
        """The second one must not be closed because the first is shown."""
        values = [1.0] * 10_000
        values[5_100:5_200] = [math.nan] * 100
        values[5_500:6_000] = [math.nan] * 500

        thinned = thin(a_series(values), MOST)

        before = max(at_ns for at_ns in thinned.at_ns if 5_200 <= at_ns < 5_500)
        after = min(at_ns for at_ns in thinned.at_ns if at_ns >= 6_000)
        between = thinned.values[thinned.at_ns.index(before) + 1 : thinned.at_ns.index(after)]
        assert between
        assert all(math.isnan(value) for value in between)

    def test_takes_the_infinite_for_a_gap(self) -> None:
        """One division by zero must not squash the whole axis."""
        values = [1.0] * 10_000
        values[5_000] = math.inf
        values[5_003] = 2.0

        thinned = thin(a_series(values), MOST)

        assert 5_003 in thinned.at_ns

    def test_never_drops_a_bar(self) -> None:
        """A day left out would be a lie."""
        series = a_series([1.0] * 300, Kind.BAR)

        assert thin(series, MOST) == series


class TestSeries:
    def test_refuses_times_without_values(self) -> None:
        """Whoever pairs them wrongly hears of it at once."""
        with pytest.raises(ValueError, match="2 times for 1 values"):
            Series(label="Paper", at_ns=(1, 2), values=(1.0,))


class TestFrame:
    def test_tells_its_length(self) -> None:
        """The other side must know how much to wait for."""
        framed = frame(Picture(png=b"png"))

        assert int.from_bytes(framed[:4], "big") == len(framed) - 4
        assert msgspec.msgpack.decode(framed[4:], type=Picture) == Picture(png=b"png")

    def test_is_bounded(self) -> None:
        """A message that would fill the memory does not leave."""
        with pytest.raises(ChartFailed, match="at most 8,000,000"):
            frame(Picture(png=bytes(MOST_FRAME_BYTES)))


def test_loading_it_loads_no_drawing_library() -> None:
    """The engine's process imports this; matplotlib would cost it memory and start-up."""
    code = "import sys, bot.charts; print({'matplotlib', 'numpy', 'aiogram'} & set(sys.modules))"

    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ran.stdout.strip() == "set()"
