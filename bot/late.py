"""The message after a start: which commands acted late, and which did not act at all. Pure."""

from collections.abc import Mapping
from datetime import tzinfo
from html import escape

from bot.control_memory import Fate, LateNote
from bot.lane import LateReport
from bot.messenger import OutMessage
from trader.port import Language, Severity, moment

MAX_LISTED = 20

_WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        "title": "⏱ While nobody listened",
        "applied": "Acted late:",
        "skipped": "Did NOT act:",
        "line": "• /{name}, written {at}, by {who}",
        "views": "Views dropped unanswered: {count}",
        "more": "… and {count} more, see /audit",
        "unwritten": "?",
        Fate.TOO_OLD: "too old when it came",
        Fate.INTERRUPTED: "cut off by a crash, not repeated",
        Fate.CROWDED: "too many commands waited",
        Fate.OUTDATED: "a newer act stands",
        "to_do": "Look with /status; give again what you still want.",
    },
    Language.KO: {
        "title": "⏱ 봇이 듣지 못한 동안의 명령",
        "applied": "늦게 적용됨:",
        "skipped": "적용되지 않음:",
        "line": "• /{name}, 작성 {at}, {who}",
        "views": "답하지 않고 버린 조회: {count}건",
        "more": "… 그 밖에 {count}건, /audit 참고",
        "unwritten": "?",
        Fate.TOO_OLD: "도착했을 때 이미 오래됨",
        Fate.INTERRUPTED: "중단되어 다시 실행하지 않음",
        Fate.CROWDED: "대기 명령이 너무 많음",
        Fate.OUTDATED: "더 새로운 조치가 있음",
        "to_do": "/status 로 확인하고, 아직 필요한 명령은 다시 내려 주세요.",
    },
}


def late_message(report: LateReport, language: Language, zone: tzinfo) -> OutMessage:
    """What to tell of the report, in one message with sound."""
    words = _WORDS[language]
    lines = []
    if report.applied:
        lines += [words["applied"], *_listed(report.applied, words, zone)]
    if report.skipped:
        lines += [words["skipped"], *_listed(report.skipped, words, zone)]
    if report.views:
        lines.append(words["views"].format(count=report.views))
    lines.append(words["to_do"])
    title, text = words["title"], "\n".join(lines)
    return OutMessage(
        f"<b>{escape(title)}</b>\n{escape(text)}",
        f"{title}\n{text}",
        severity=Severity.WARNING,
    )


def _listed(notes: tuple[LateNote, ...], words: Mapping[str, str], zone: tzinfo) -> list[str]:
    lines = [_line(note, words, zone) for note in notes[:MAX_LISTED]]
    if len(notes) > MAX_LISTED:
        lines.append(words["more"].format(count=len(notes) - MAX_LISTED))
    return lines


def _line(note: LateNote, words: Mapping[str, str], zone: tzinfo) -> str:
    at = words["unwritten"] if note.written_ns is None else moment(note.written_ns, zone)
    line = words["line"].format(name=note.name, at=at, who=note.who)
    return line if note.fate is Fate.APPLIED else f"{line}: {words[note.fate]}"
