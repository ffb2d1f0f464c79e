"""The picture itself. Loads matplotlib, so only the drawing process (and a test) imports this.

Laid out by measuring: title, subtitle and legend stand above the plot, each in its own row, and
the plot gets what is left, so that nothing can lie on anything else.
"""

import io
import itertools
import math
import warnings
from datetime import date
from zoneinfo import ZoneInfo

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from msgspec import Struct

from bot.charts.plot import days_of, draw_by_day, draw_over_time, plain, use_korean_font
from bot.charts.scales import (
    NS_PER_S,
    Tick,
    day_label,
    moment_of,
    period_label,
    time_ticks,
    value_label,
    value_limits,
    value_ticks,
)
from bot.charts.spec import HEIGHT_PX, WIDTH_PX, ChartSpec, Unit
from trader.port import Language

use_korean_font()

_DPI = 150
_MARGIN_PX = 28.0
_ROW_GAP_PX = 18.0
_TITLE_PT, _SUBTITLE_PT, _TEXT_PT, _SMALLEST_PT = 17.0, 12.5, 12.0, 11.0
_INK, _MUTED, _GRID = "#1a1a1a", "#5c5c5c", "#dedede"
_THRESHOLD_COLOURS = ("#b00020", "#444444", "#8a6d00", "#00695c")
_THRESHOLD_DASHES = ("--", ":", "-.", (0, (8, 2, 2, 2, 2, 2)))
_MOST_VALUE_TICKS = 7
_TICK_GAP = 0.25
_NOTHING = {
    Language.EN: "Nothing to show yet",
    Language.KO: "아직 표시할 내용이 없습니다",
}
_SMALLEST_SPAN = {Unit.KRW: 10.0, Unit.PERCENT: 0.01}


class Drawn(Struct, frozen=True):
    """A PNG, and where its texts and its plot lie: x0, y0, x1, y1 in pixels from the bottom left.

    ``texts`` has each text that shows, tick labels included, beside its box.
    """

    png: bytes
    texts: tuple[tuple[str, tuple[float, float, float, float]], ...]
    plot: tuple[float, float, float, float] | None


def draw_png(spec: ChartSpec) -> bytes:
    """Draw a chart as PNG.

    Raises:
        ValueError: times that go back, or a character no font has.
    """
    return draw(spec).png


def draw(spec: ChartSpec) -> Drawn:
    """Draw a chart, and tell where its texts lie.

    Raises:
        ValueError: times that go back, or a character no font has.
    """
    for series in spec.series:
        if any(later < earlier for earlier, later in itertools.pairwise(series.at_ns)):
            raise ValueError(f"the times of {series.label} go back")
    with warnings.catch_warnings():
        # A box in place of a letter is no picture worth sending.
        warnings.filterwarnings("error", message=r".*[Gg]lyph .* missing")
        try:
            return _Sheet(spec).finished()
        except UserWarning as warning:
            raise ValueError(str(warning)) from warning


class _Sheet:
    """One figure in the making: rows of text from the top down, then the plot in what is left."""

    def __init__(self, spec: ChartSpec) -> None:
        self._spec = spec
        self._zone = ZoneInfo(spec.zone)
        self._figure = Figure(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI)
        FigureCanvasAgg(self._figure)
        self._texts: list[Text] = []
        self._top_px = HEIGHT_PX - _MARGIN_PX
        self._axes: Axes | None = None

    def finished(self) -> Drawn:
        """Draw everything, once."""
        spec = self._spec
        self._row(spec.title, _TITLE_PT, _INK, weight="bold")
        self._row(spec.subtitle, _SUBTITLE_PT, _MUTED)
        if any(math.isfinite(value) for series in spec.series for value in series.values):
            self._plot()
        else:
            self._say_nothing()
        with io.BytesIO() as stream:
            self._figure.savefig(stream, format="png", dpi=_DPI)
            png = stream.getvalue()
        plot = None if self._axes is None else _corners(self._axes.get_window_extent())
        shown = (text for text in self._texts if text.get_visible() and text.get_text())
        return Drawn(
            png, tuple((text.get_text(), _corners(self._box(text))) for text in shown), plot
        )

    def _box(self, text: Text) -> Bbox:
        return text.get_window_extent()

    def _row(self, words: str, size_pt: float, colour: str, weight: str = "normal") -> None:
        if not words:
            return
        text = self._figure.text(
            _MARGIN_PX / WIDTH_PX,
            self._top_px / HEIGHT_PX,
            # A dollar sign would start a formula.
            words.replace("$", r"\$"),
            fontsize=size_pt,
            color=colour,
            fontweight=weight,
            va="top",
        )
        self._fit(text, WIDTH_PX - 2 * _MARGIN_PX)
        self._texts.append(text)
        self._top_px = self._box(text).y0 - _ROW_GAP_PX

    def _fit(self, text: Text, width_px: float) -> None:
        """Make a text smaller, and then shorter, until it is no wider than ``width_px``."""
        size_pt = float(text.get_fontsize())
        while self._box(text).width > width_px and size_pt > _SMALLEST_PT:
            size_pt -= 1
            text.set_fontsize(size_pt)
        words = text.get_text()
        while self._box(text).width > width_px and words:
            words = words[:-1].rstrip("\\")
            text.set_text(f"{words.rstrip()}…")

    def _say_nothing(self) -> None:
        words = _NOTHING[self._spec.language]
        self._texts.append(
            self._figure.text(0.5, 0.45, words, fontsize=_TITLE_PT, color=_MUTED, ha="center")
        )

    def _plot(self) -> None:
        axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes = axes
        days = days_of(self._spec, self._zone)
        if days:
            start_ns, end_ns = 0, 0
            draw_by_day(axes, self._spec.series, days, self._zone)
            period = period_label(days[0], days[-1])
        else:
            start_ns, end_ns = draw_over_time(axes, self._spec.series)
            period = period_label(*(moment_of(at, self._zone).date() for at in (start_ns, end_ns)))
        self._thresholds(axes)
        low, high = self._values(axes, from_zero=bool(days))
        self._legend(axes)
        self._place(axes, self._caption(period))
        if days:
            self._day_ticks(axes, days)
        else:
            self._time_ticks(axes, start_ns, end_ns)
        if low < 0 < high:
            axes.axhline(0.0, color=_MUTED, linewidth=1.2, zorder=1)
        self._texts.extend([*axes.get_xticklabels(), *axes.get_yticklabels()])

    def _thresholds(self, axes: Axes) -> None:
        for number, threshold in enumerate(self._spec.thresholds):
            axes.axhline(
                threshold.value,
                label=plain(threshold.label),
                color=_THRESHOLD_COLOURS[number % len(_THRESHOLD_COLOURS)],
                linestyle=_THRESHOLD_DASHES[number % len(_THRESHOLD_DASHES)],
                linewidth=1.8,
            )

    def _values(self, axes: Axes, *, from_zero: bool) -> tuple[float, float]:
        spec = self._spec
        values = [value for series in spec.series for value in series.values]
        values += [threshold.value for threshold in spec.thresholds]
        values += [0.0] if from_zero else []
        finite = [value for value in values if math.isfinite(value)]
        low, high = value_limits(min(finite), max(finite), _SMALLEST_SPAN[spec.unit])
        ticks, step = value_ticks(low, high, _MOST_VALUE_TICKS)
        axes.set_ylim(low, high)
        axes.set_yticks(ticks, [value_label(tick, step, spec.unit) for tick in ticks])
        axes.tick_params(axis="both", labelsize=_TEXT_PT, labelcolor=_INK, length=0, pad=8)
        axes.grid(visible=True, axis="y", color=_GRID, linewidth=1.0)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_MUTED)
        return low, high

    def _legend(self, axes: Axes) -> None:
        """The legend in a row of its own above the plot, in as many columns as fit."""
        handles, labels = axes.get_legend_handles_labels()
        size_pt = _TEXT_PT
        for columns in range(min(4, len(handles)), 0, -1):
            if self._try_legend(axes, columns, size_pt):
                break
        else:
            # Not even one label in a row: shorten the long ones, measured as they will be drawn.
            legend = axes.get_legend()
            if legend is not None:
                handle_px = legend.get_window_extent().width - max(
                    self._box(text).width for text in legend.get_texts()
                )
                for text in legend.get_texts():
                    self._fit(text, WIDTH_PX - 2 * _MARGIN_PX - handle_px)
        legend = axes.get_legend()
        if legend is None or not labels:
            return
        for line in legend.get_lines():
            line.set_marker("")
        self._texts.extend(legend.get_texts())
        self._top_px = legend.get_window_extent().y0 - _ROW_GAP_PX

    def _try_legend(self, axes: Axes, columns: int, size_pt: float) -> bool:
        legend: Legend = axes.legend(
            loc="upper left",
            bbox_to_anchor=(_MARGIN_PX / WIDTH_PX, self._top_px / HEIGHT_PX),
            bbox_transform=self._figure.transFigure,
            ncols=columns,
            fontsize=size_pt,
            labelcolor=_INK,
            frameon=False,
            borderpad=0.0,
            borderaxespad=0.0,
            handlelength=1.6,
            columnspacing=1.6,
        )
        self._figure.draw_without_rendering()
        return bool(legend.get_window_extent().x1 <= WIDTH_PX - _MARGIN_PX)

    def _caption(self, period: str) -> Text:
        words = f"{period} · {self._spec.zone}"
        caption = self._figure.text(
            1 - _MARGIN_PX / WIDTH_PX,
            _MARGIN_PX * 0.8 / HEIGHT_PX,
            words,
            fontsize=_TEXT_PT - 1,
            color=_MUTED,
            ha="right",
            va="bottom",
        )
        self._texts.append(caption)
        return caption

    def _place(self, axes: Axes, caption: Text) -> None:
        """Give the plot what the rows above, the caption and its own tick labels leave."""
        labels = [self._box(label) for label in axes.get_yticklabels()]
        left_px = _MARGIN_PX + max(box.width for box in labels) + 20
        # Half a label of the time axis may stand out on the right.
        right_px = WIDTH_PX - _MARGIN_PX - 24
        bottom_px = self._box(caption).y1 + _ROW_GAP_PX + max(box.height for box in labels) + 24
        top_px = self._top_px - _ROW_GAP_PX
        axes.set_position(
            (
                left_px / WIDTH_PX,
                bottom_px / HEIGHT_PX,
                (right_px - left_px) / WIDTH_PX,
                (top_px - bottom_px) / HEIGHT_PX,
            )
        )

    def _time_ticks(self, axes: Axes, start_ns: int, end_ns: int) -> None:
        ticks: tuple[Tick, ...] = ()
        for most in range(12, 1, -1):
            ticks = time_ticks(start_ns, end_ns, self._zone, self._spec.language, most)
            axes.set_xticks(
                [(tick.at_ns - start_ns) / NS_PER_S for tick in ticks],
                [tick.label for tick in ticks],
            )
            if self._roomy(axes):
                break
        axes.grid(visible=True, axis="x", color=_GRID, linewidth=0.8)

    def _day_ticks(self, axes: Axes, days: tuple[date, ...]) -> None:
        labels = [day_label(day, self._spec.language) for day in days]
        for stride in range(1, len(days) + 1):
            # Counted back from the last, since the latest day is the one asked about.
            shown = range((len(days) - 1) % stride, len(days), stride)
            axes.set_xticks(list(shown), [labels[index] for index in shown])
            if self._roomy(axes):
                break

    def _roomy(self, axes: Axes) -> bool:
        """Whether each label of the time axis keeps its distance from the next."""
        boxes = [self._box(label) for label in axes.get_xticklabels()]
        return all(
            right.x0 - left.x1 >= _TICK_GAP * max(left.width, right.width)
            for left, right in itertools.pairwise(boxes)
        )


def _corners(box: Bbox) -> tuple[float, float, float, float]:
    return (float(box.x0), float(box.y0), float(box.x1), float(box.y1))
