"""``/chart``: from an answer to what is drawn, and the words under it."""

import pytest

from bot.charts import Kind, Unit
from bot.charts.spec import MOST_SERIES, MOST_THRESHOLDS
from bot.drawing import KINDS, SPANS, caption, drawn
from tests.support import page_answers as pages
from tests.support.answer_port import a_chart
from tests.support.chat_html import check
from trader.domain.answers import ChartLine
from trader.domain.control import Language

ROUTE = "BTC upbit>bithumb"
POINTS = ((1, 2, 3), (0.1, 0.2, 0.3))


def test_a_spread_has_its_directions_and_what_each_needs() -> None:
    """In words, and in percent."""
    answer = a_chart("spread", lines=(ChartLine(ROUTE, *POINTS),), levels=((ROUTE, 0.25),))

    spec = drawn(answer, pages.a_view(), "Asia/Seoul")

    assert spec.unit is Unit.PERCENT
    assert spec.series[0].label.startswith("BTC ")
    assert ">" not in spec.series[0].label
    assert spec.series[0].values == POINTS[1]
    assert spec.thresholds[0].label == f"needed: {spec.series[0].label}"
    assert spec.thresholds[0].value == 0.25


def test_days_are_bars() -> None:
    """Each stands for itself; a line between them would say something of the time between."""
    spec = drawn(a_chart("pnl", "7d"), pages.a_view(), "Asia/Seoul")

    assert {one.kind for one in spec.series} == {Kind.BAR}
    assert spec.unit is Unit.KRW


def test_what_no_picture_holds_is_left_out_and_told() -> None:
    """Rather than no picture at all."""
    lines = tuple(ChartLine(f"P{number} a>b", *POINTS) for number in range(MOST_SERIES + 3))
    answer = a_chart("spread", lines=lines, levels=((ROUTE, 0.1),) * (MOST_THRESHOLDS + 1))

    spec = drawn(answer, pages.a_view(), "Asia/Seoul")

    assert len(spec.series) == MOST_SERIES
    assert len(spec.thresholds) == MOST_THRESHOLDS
    assert "3 more are left out." in caption(answer, pages.a_view()).plain


def test_a_curve_with_a_point_too_few_is_drawn_as_far_as_it_goes() -> None:
    """The painter takes no other."""
    answer = a_chart(lines=(ChartLine("live", (1, 2, 3), (1.0,)),))

    (series,) = drawn(answer, pages.a_view(), "Asia/Seoul").series

    assert (series.at_ns, series.values) == ((1,), (1.0,))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", [*KINDS, "strange"])
@pytest.mark.parametrize("span", [*SPANS, "strange"])
def test_every_caption_shows_as_it_reads(language: Language, kind: str, span: str) -> None:
    """Also for what a later engine may answer."""
    told = caption(a_chart(kind, span), pages.a_view(language))

    assert check(told) == told.plain
    assert told.silent
