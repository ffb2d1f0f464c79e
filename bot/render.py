"""Alerts as messages: Telegram's HTML, and the same words plain. Pure.

The engine's text is kept as it is, its first line bold, its last one what to do; what the sender
knows (a counter, an end, a repeat) stands in between. Everything is escaped.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape

from msgspec import Struct

from bot.buttons import ACKNOWLEDGE, buttons, rows
from bot.locales import SenderWords, sender_words
from bot.messenger import Button, OutMessage
from bot.pages import View
from bot.prolonging import prolong_buttons
from bot.stories import Story
from trader.port import AlertCode, Folded, Language, Severity, StoredAlert, render, span

MAX_UNITS = 3_900
"""Telegram takes 4,096 UTF-16 units, of which most emoji take two."""
BATCH_UNITS = 3_500
LATE_NS = 60 * 1_000_000_000
"""An alert told later than this after it entered says so."""

_MAX_TITLE_UNITS = 800
_MAX_TO_DO_UNITS = 1_200
_NEWEST = 5
_NEWEST_UNITS = 160
_NS_PER_MS = 1_000_000
_OVER = "✅"


class Speech(Struct, frozen=True):
    """How it is said: language and the zone of all times.

    ``instance`` marks our buttons; without one there are none, since nobody would answer them.
    """

    language: Language
    zone: tzinfo
    instance: str = ""

    @property
    def words(self) -> SenderWords:
        """The sender's own words."""
        return sender_words(self.language)


def story_message(story: Story, speech: Speech, *, silent: bool = False) -> OutMessage:
    """The message that tells a story as it stands."""
    title, body, to_do = _parts(render(story.alert, speech.language, speech.zone))
    severity = story.alert.severity
    if story.over_ns is not None:
        severity = Severity.INFO
        title = f"{_OVER} {_after_mark(title)}"
        if story.ending is not None:
            _, ending, to_do = _parts(render(story.ending, speech.language, speech.zone))
            # Its last line is when it ended, which is said already.
            body += [line for line in ending[:-1] if line not in body]
    elif story.repeats:
        mark, _, rest = title.partition(" ")
        title = f"{mark} {speech.words.still.format(title=rest)}"
    lines = (title, *_states(story, speech), *body, to_do)
    return _message(lines, severity, silent=silent, buttons=_buttons(story, speech))


def infos_message(
    rows: Sequence[StoredAlert], speech: Speech, now_ns: int
) -> tuple[OutMessage, int]:
    """As many of these in one silent message as fit, at least one; and how many that is."""
    htmls: list[str] = []
    plains: list[str] = []
    units = 0
    for row in rows:
        title, body, to_do = _parts(render(row.alert, speech.language, speech.zone))
        lines = _fitted((title, *_states_of_info(row, speech, now_ns), *body, to_do))
        plain = "\n".join(lines)
        units += units_of(plain) + 2
        if plains and units > BATCH_UNITS:
            break
        htmls.append(_html(lines))
        plains.append(plain)
    message = OutMessage("\n\n".join(htmls), "\n\n".join(plains), silent=True)
    return message, len(plains)


def digest_message(
    rows: Sequence[StoredAlert], folded: Sequence[Folded], speech: Speech, *, short: bool = False
) -> OutMessage:
    """All of these in one silent message: how many of each kind and when, and the newest few."""
    words = speech.words
    spans = _by_kind(rows, folded)
    newest_ns = max((last_ns for _, _, last_ns in spans.values()), default=0)
    total = sum(count for count, _, _ in spans.values())
    lines = [words.digest.format(count=f"{total:,}")]
    for code, (count, first_ns, last_ns) in sorted(spans.items(), key=lambda item: -item[1][0]):
        lines.append(
            words.digest_kind.format(
                kind=words.kinds.get(code, code),
                count=f"{count:,}",
                first=_clock(first_ns, newest_ns, speech),
                last=_clock(last_ns, newest_ns, speech),
            )
        )
    if rows and not short:
        lines.append(words.digest_newest)
        for row in rows[-_NEWEST:]:
            title = _parts(render(row.alert, speech.language, speech.zone))[0]
            at = _clock(row.created_ns, newest_ns, speech)
            lines.append(words.digest_line.format(at=at, title=_cut(title, _NEWEST_UNITS)))
    lines.append(words.digest_to_do)
    return _message(lines, Severity.INFO, silent=True)


def short_message(row: StoredAlert, speech: Speech, *, silent: bool = False) -> OutMessage:
    """The least that can be said of an alert whose own text was not taken, in letters alone."""
    words = speech.words
    kind = words.kinds.get(row.alert.code, row.alert.code)
    text = f"{row.alert.severity.upper()}: {kind} (#{row.id})\n{words.short}"
    return OutMessage(escape(text), text, silent=silent, severity=row.alert.severity)


def units_of(text: str) -> int:
    """How long Telegram finds a text."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _states(story: Story, speech: Speech) -> list[str]:
    """What the sender knows about an alert, beside what the engine said of it."""
    words, near = speech.words, story.told_ns
    lines = []
    if story.repeats:
        since = _clock(story.first_ns, near, speech)
        lines.append(words.repeat.format(since=since, number=story.repeats))
    if story.count > 1:
        last = _clock(story.last_ns, near, speech)
        lines.append(words.counter.format(count=f"{story.count:,}", last=last))
    if story.over_ns is not None:
        at, since = _clock(story.over_ns, near, speech), _clock(story.first_ns, near, speech)
        was_over = story.over_ns <= story.told_ns and story.ending is None
        lines.append((words.was if was_over else words.over).format(since=since, at=at))
    if story.seen_ns is not None:
        at = _clock(story.seen_ns, near, speech)
        lines.append(words.seen.format(by=_cut(story.seen_by, 64), at=at))
    return lines + _late(story.first_ns, story.told_ns, speech)


def _states_of_info(row: StoredAlert, speech: Speech, now_ns: int) -> list[str]:
    words, lines = speech.words, []
    if row.count > 1:
        last = _clock(max(row.last_ns, row.created_ns), now_ns, speech)
        lines.append(words.counter.format(count=f"{row.count:,}", last=last))
    if row.over_ns is not None:
        at, since = (_clock(ns, now_ns, speech) for ns in (row.over_ns, row.created_ns))
        lines.append(words.was.format(since=since, at=at))
    return lines + _late(row.created_ns, now_ns, speech)


def _late(created_ns: int, told_ns: int, speech: Speech) -> list[str]:
    if told_ns - created_ns <= LATE_NS:
        return []
    waited = span((told_ns - created_ns) / _NS_PER_MS, speech.language)
    return [speech.words.late.format(waited=waited, at=_clock(created_ns, told_ns, speech))]


def _by_kind(
    rows: Sequence[StoredAlert], folded: Sequence[Folded]
) -> dict[str, tuple[int, int, int]]:
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    found = [(str(one.code), one.count, one.first_ns, one.last_ns) for one in folded]
    found += [
        (str(row.alert.code), row.count, row.created_ns, max(row.created_ns, row.last_ns))
        for row in rows
    ]
    for code, count, first_ns, last_ns in found:
        counts[code] += count
        first[code] = min(first.get(code, first_ns), first_ns)
        last[code] = max(last.get(code, last_ns), last_ns)
    return {code: (counts[code], first[code], last[code]) for code in counts}


def _buttons(story: Story, speech: Speech) -> tuple[tuple[Button, ...], ...]:
    is_open = story.seen_ns is None and story.over_ns is None
    if is_open and story.alert.code is AlertCode.PAUSED:
        view = View(speech.language, speech.zone, story.told_ns, speech.instance)
        return prolong_buttons(story.alert, view)
    if not speech.instance or story.alert.severity is not Severity.CRITICAL or not is_open:
        return ()
    acknowledge = speech.words.acknowledge
    return rows(buttons(acknowledge, ACKNOWLEDGE, speech.instance, str(story.alert_id)))


def _clock(at_ns: int, near_ns: int, speech: Speech) -> str:
    """The time of day, with its date where that is not the day of ``near_ns``."""
    at, near = (
        (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=ns // 1_000)).astimezone(
            speech.zone
        )
        for ns in (at_ns, near_ns)
    )
    return at.strftime("%H:%M:%S" if at.date() == near.date() else "%m-%d %H:%M:%S")


def _parts(text: str) -> tuple[str, list[str], str]:
    title, *rest = text.splitlines()
    return title, rest[:-1], rest[-1] if rest else ""


def _after_mark(title: str) -> str:
    mark, _, rest = title.partition(" ")
    return title if mark.isalnum() else rest


def _message(
    lines: Sequence[str],
    severity: Severity,
    *,
    silent: bool,
    buttons: tuple[tuple[Button, ...], ...] = (),
) -> OutMessage:
    fitted = _fitted(lines)
    return OutMessage(_html(fitted), "\n".join(fitted), silent, severity, buttons)


def _html(lines: Sequence[str]) -> str:
    title, *rest = (escape(line) for line in lines)
    return "\n".join((f"<b>{title}</b>", *rest))


def _fitted(lines: Sequence[str]) -> list[str]:
    """The lines within what a message holds: cut in the middle, never title nor what to do."""
    title, *middle, to_do = lines
    title, to_do = _cut(title, _MAX_TITLE_UNITS), _cut(to_do, _MAX_TO_DO_UNITS)
    left = MAX_UNITS - units_of(title) - units_of(to_do) - 2
    kept: list[str] = []
    for line in middle:
        if units_of(line) + 1 > left:
            # Two for the line break and the mark of the cut.
            kept.append(_cut(line, max(left - 1, 1)))
            break
        kept.append(line)
        left -= units_of(line) + 1
    return [title, *kept, to_do]


def _cut(text: str, at_most: int) -> str:
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * at_most:
        return text
    return encoded[: 2 * (at_most - 1)].decode("utf-16-le", "ignore") + "…"
