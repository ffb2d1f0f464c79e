"""``/chart``: what is to be drawn, and the words under it. Pure."""

from bot.charts import ChartSpec, Kind, Series, Threshold, Unit
from bot.charts.spec import MOST_SERIES, MOST_THRESHOLDS
from bot.messenger import OutMessage
from bot.pages.pen import MAX_NAME_CHARS, Pen, View, clean
from bot.paging import bold, html_of, line, plain_of
from bot.query_words import say
from trader.port import ChartAnswer, ChartLine, LedgerName

KINDS = ("equity", "spread", "pnl")
SPANS = ("1h", "6h", "1d", "7d", "30d")
_LEDGERS = frozenset(name.value for name in LedgerName)


def drawn(answer: ChartAnswer, view: View, zone: str) -> ChartSpec:
    """The picture of an answer; ``zone`` is the IANA name of the zone its axis speaks."""
    pen = Pen(view)
    kind = Kind.BAR if answer.kind == "pnl" else Kind.LINE
    return ChartSpec(
        title=_title(answer, view),
        subtitle=f"{clean(answer.origin.engine, MAX_NAME_CHARS)} · {answer.origin.mode.value}",
        series=tuple(_series(one, kind, pen) for one in answer.lines[:MOST_SERIES]),
        unit=Unit.PERCENT if answer.unit == Unit.PERCENT else Unit.KRW,
        zone=zone,
        language=view.language,
        thresholds=tuple(
            Threshold(say(view.language, "chart.needed", label=_label(label, pen)), value)
            for label, value in answer.levels[:MOST_THRESHOLDS]
        ),
    )


def caption(answer: ChartAnswer, view: View) -> OutMessage:
    """Which engine, what the picture shows, and what it leaves out."""
    pen = Pen(view)
    lines = [pen.headline(answer.origin), line(bold(_title(answer, view)))]
    if answer.since_ns:
        at = pen.clock(answer.since_ns, answer.origin.at_ns)
        lines.append(line(say(view.language, "chart.since", at=at)))
    left = len(answer.lines) - MOST_SERIES
    if left > 0:
        lines.append(line(say(view.language, "chart.part", count=left)))
    return OutMessage(html_of(lines), plain_of(lines), silent=True)


def _title(answer: ChartAnswer, view: View) -> str:
    kind = answer.kind if answer.kind in KINDS else KINDS[0]
    title = say(view.language, f"chart.{kind}")
    asked = answer.span if answer.span in SPANS else SPANS[2]
    span = say(view.language, f"span.{asked}")
    return say(view.language, "chart.caption", title=title, span=span)


def _series(one: ChartLine, kind: Kind, pen: Pen) -> Series:
    points = min(len(one.times_ns), len(one.values))
    return Series(_label(one.label, pen), one.times_ns[:points], one.values[:points], kind)


def _label(label: str, pen: Pen) -> str:
    """A ledger's name, or a pair and its direction, in words."""
    if label in _LEDGERS:
        return pen.ledger(LedgerName(label))
    pair, _, direction = clean(label).partition(" ")
    return f"{pair} {pen.route(direction)}".rstrip()
