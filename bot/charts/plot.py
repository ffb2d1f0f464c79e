"""Series as lines, steps and bars on axes, and the fonts and colours of every chart.

Loads matplotlib, so only the drawing process (and a test) imports this.
"""

import importlib.util
import math
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes

from bot.charts.scales import NS_PER_S, moment_of
from bot.charts.spec import MOST_BARS, ChartSpec, Kind, Series

# Okabe and Ito's colours, in an order that keeps neighbours apart for every kind of eye.
_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4c9a", "#000000",
)  # fmt: skip
_FEW_POINTS = 40
_HALF_AN_HOUR_NS = 1_800 * NS_PER_S


def draw_over_time(axes: Axes, all_series: tuple[Series, ...]) -> tuple[int, int]:
    """Draw over seconds since the first instant shown; the first and the last are returned."""
    times = [at_ns for series in all_series for at_ns in series.at_ns]
    start_ns, end_ns = min(times), max(times)
    if start_ns == end_ns:
        start_ns, end_ns = start_ns - _HALF_AN_HOUR_NS, end_ns + _HALF_AN_HOUR_NS
    for number, series in enumerate(all_series):
        # Seconds since the start: nanoseconds since 1970 do not fit a float.
        seconds = [(at_ns - start_ns) / NS_PER_S for at_ns in series.at_ns]
        _line(axes, series, seconds, _COLOURS[number % len(_COLOURS)])
    span_s = (end_ns - start_ns) / NS_PER_S
    axes.set_xlim(-span_s * 0.01, span_s * 1.01)
    return start_ns, end_ns


def _line(axes: Axes, series: Series, across: list[float], colour: str) -> None:
    values = [value if math.isfinite(value) else math.nan for value in series.values]
    padded = [math.nan, *values, math.nan]
    # A value between two gaps has no line to be seen by.
    alone = [
        index
        for index in range(len(values))
        if math.isnan(padded[index]) and math.isnan(padded[index + 2])
    ]
    marked = list(range(len(values))) if len(values) <= _FEW_POINTS else alone
    axes.plot(
        across,
        values,
        label=plain(series.label),
        color=colour,
        linewidth=2.2,
        drawstyle="steps-post" if series.kind is Kind.STEP else "default",
        solid_joinstyle="round",
        marker="o",
        markersize=5.0,
        markevery=marked,
        zorder=3,
    )


def days_of(spec: ChartSpec, zone: ZoneInfo) -> tuple[date, ...]:
    """Every local day from the first value to the last; none if there are no bars."""
    if all(series.kind is not Kind.BAR for series in spec.series):
        return ()
    times = [at_ns for series in spec.series for at_ns in series.at_ns]
    first, last = moment_of(min(times), zone).date(), moment_of(max(times), zone).date()
    count = (last - first).days + 1
    if count > MOST_BARS:
        raise ValueError(f"bars for {count:,} days; at most {MOST_BARS} can be told apart")
    return tuple(first + timedelta(days=number) for number in range(count))


def draw_by_day(
    axes: Axes, all_series: tuple[Series, ...], days: tuple[date, ...], zone: ZoneInfo
) -> None:
    """Draw over the number of the day among ``days``, bars of one day side by side."""
    bars = [series for series in all_series if series.kind is Kind.BAR]
    width = 0.8 / len(bars)
    # One day or two would otherwise be bars as broad as the picture.
    spare = max(0.0, (6 - len(days)) / 2)
    for number, series in enumerate(all_series):
        colour = _COLOURS[number % len(_COLOURS)]
        across = [float((moment_of(at_ns, zone).date() - days[0]).days) for at_ns in series.at_ns]
        if series.kind is Kind.BAR:
            offset = (bars.index(series) - (len(bars) - 1) / 2) * width
            axes.bar(
                [position + offset for position in across],
                [value if math.isfinite(value) else 0.0 for value in series.values],
                width=width * 0.92,
                label=plain(series.label),
                color=colour,
                zorder=2,
            )
        else:
            _line(axes, series, across, colour)
    axes.set_xlim(-0.6 - spare, len(days) - 0.4 + spare)


def plain(label: str) -> str:
    """A label as it is: a dollar sign would start a formula, a leading underscore hide it."""
    escaped = label.replace("$", r"\$")
    return f"\u200b{escaped}" if escaped.startswith("_") else escaped


def use_korean_font() -> None:
    """Set the font of all charts.

    Raises:
        ValueError: the package that has it is not installed.
    """
    # Only its files are wanted: importing the package needs distutils, which 3.12 dropped.
    package = importlib.util.find_spec("koreanize_matplotlib")
    if package is None or not package.submodule_search_locations:
        raise ValueError("the package koreanize-matplotlib, which has the Korean font, is missing")
    fonts = Path(package.submodule_search_locations[0]) / "fonts"
    for name in ("NanumGothic.ttf", "NanumGothicBold.ttf"):
        font_manager.fontManager.addfont(fonts / name)
    rcParams["font.family"] = ["NanumGothic", "DejaVu Sans"]
    rcParams["axes.unicode_minus"] = False
