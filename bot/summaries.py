"""What a scheduled summary says: figures to a message, and to the lines of a chart. Pure."""

from collections.abc import Sequence
from datetime import tzinfo
from html import escape

from bot.charts import ChartSpec, Series, Unit
from bot.messenger import OutMessage
from bot.summary_sections import Line, Sections, SummaryKind, own_first, plain, words_of_summary
from trader.port import Language, SummaryFigures

MAX_UNITS = 3_800
"""No summary is longer, as Telegram counts; it takes 4,096 after parsing."""

CAPTION_UNITS = 1_000
"""No caption of a picture is longer; Telegram takes 1,024 after parsing."""


def summary_message(
    figures: SummaryFigures,
    language: Language,
    zone: tzinfo,
    kind: SummaryKind,
    *,
    late: bool = False,
    running: bool = False,
) -> OutMessage:
    """The summary as one silent message: what needs care, then the figures, then who did what.

    ``late`` marks one that was owed; ``running`` one whose period goes on.
    """
    sections = Sections(figures, language, zone)
    title = Line(f"📊 {sections.title(kind, running=running)}", is_title=True)
    # The least important comes last, since the end is what a message that is too long loses.
    lines = [title, *sections.head(late=late), *sections.cares(), *sections.ledgers()]
    lines += [*sections.refusals(), *sections.breakers(), *sections.running(), *sections.commands()]
    return _message(lines)


def caption_message(
    figures: SummaryFigures, language: Language, zone: tzinfo, kind: SummaryKind
) -> OutMessage:
    """One line to stand under the picture where the summary itself is too long for that."""
    sections = Sections(figures, language, zone)
    caption = sections.words["caption"].format(title=sections.title(kind, running=False))
    return _message([Line(f"📈 {caption}")])


def fits_caption(message: OutMessage) -> bool:
    """Whether a message may stand under a picture."""
    return units(message.plain) <= CAPTION_UNITS


def chart_spec(figures: SummaryFigures, language: Language, zone: str) -> ChartSpec | None:
    """Equity over the span, one line for each ledger; None where there is nothing to draw.

    ``zone`` is the IANA name of the zone the axis speaks.
    """
    words = words_of_summary(language)
    drawn = [ledger for ledger in own_first(figures) if len(ledger.span.equity) > 1]
    if not drawn:
        return None
    return ChartSpec(
        title=words["chart.title"],
        subtitle=words["engine"].format(engine=plain(figures.engine), mode=figures.mode.value),
        series=tuple(
            Series(
                label=words[f"ledger.{ledger.ledger}"],
                at_ns=tuple(at_ns for at_ns, _ in ledger.span.equity),
                values=tuple(value for _, value in ledger.span.equity),
            )
            for ledger in drawn
        ),
        unit=Unit.KRW,
        zone=zone,
        language=language,
    )


def units(text: str) -> int:
    """How long a text is as Telegram counts: in units of UTF-16."""
    return len(text.encode("utf-16-le")) // 2


def _message(lines: Sequence[Line]) -> OutMessage:
    kept: list[Line] = []
    # Room for the line that says that there was more.
    left = MAX_UNITS - 2
    for line in lines:
        left -= units(line.text) + 1
        if left < 0:
            kept.append(Line("…"))
            break
        kept.append(line)
    text = "\n".join(line.text for line in kept)
    html = "\n".join(
        f"<b>{escape(line.text, quote=False)}</b>"
        if line.is_title
        else escape(line.text, quote=False)
        for line in kept
    )
    return OutMessage(html=html, plain=text, silent=True)
