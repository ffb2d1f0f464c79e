"""One log line as its caller left it, and its two forms: text for people, JSON for programs."""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

_OURS = ("trader", "bot", "__main__", "root")

_TEXT_LEVELS = {"WARNING": "WARN ", "INFO": "INFO ", "CRITICAL": "CRIT "}
_JSON_KEYS = frozenset({"at", "level", "logger", "event", "exception"})

# Control characters can rewrite a terminal, lone surrogates cannot be written at all.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NEEDS_QUOTES = re.compile(r"[\s\"=\x00-\x1f]|^$")


class LogLine(Struct, frozen=True):
    """One event as its caller left it; every value in it is immutable."""

    created_s: float
    level: str
    logger: str
    event: str
    fields: Mapping[str, object]
    exception: str


class TextLines:
    """``2026-01-05 09:05:00.123 INFO  event key=value``; an event's further lines are indented."""

    def __init__(self, timezone: str) -> None:
        self._clock = _WallClock(timezone)

    def render(self, line: LogLine) -> str:
        """The line as a person reads it."""
        level = _TEXT_LEVELS.get(line.level) or f"{line.level:<5}"
        words = [self._clock.text(line.created_s), level, _told_by(line)]
        words += [f"{key}={_shown(value)}" for key, value in line.fields.items()]
        text = " ".join(words)
        if line.exception:
            text = f"{text}\n{line.exception}"
        # Indented, so that no text from outside can pose as a line of its own.
        return _printable(text).replace("\n", "\n    ")


class JsonLines:
    """One JSON object a line: ``at``, ``level``, ``logger``, ``event``, then the event's fields."""

    def __init__(self, timezone: str) -> None:
        self._clock = _WallClock(timezone)

    def render(self, line: LogLine) -> str:
        """The line as a program reads it."""
        record: dict[str, object] = {
            "at": self._clock.iso(line.created_s),
            "level": line.level.lower(),
            "logger": line.logger,
            "event": _with_subject(line),
        }
        for key, value in line.fields.items():
            record[f"{key}_" if key in _JSON_KEYS else key] = _json_value(value)
        if line.exception:
            record["exception"] = line.exception
        # Escapes control characters and line breaks by itself.
        return _printable(json.dumps(record, ensure_ascii=False))


class _WallClock:
    """Formats epoch seconds; the second is formatted once and kept, as lines come in bursts."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._kept = (-1, "", "")

    def text(self, at_s: float) -> str:
        """``2026-01-05 09:05:00.123``."""
        second, day_and_time, _ = self._second(at_s)
        return f"{day_and_time}.{int((at_s - second) * 1_000):03d}"

    def iso(self, at_s: float) -> str:
        """``2026-01-05T09:05:00.123+09:00``."""
        second, day_and_time, offset = self._second(at_s)
        millis = int((at_s - second) * 1_000)
        return f"{day_and_time.replace(' ', 'T')}.{millis:03d}{offset}"

    def _second(self, at_s: float) -> tuple[int, str, str]:
        second = math.floor(at_s)
        kept = self._kept
        if kept[0] != second:
            moment = datetime.fromtimestamp(second, self._zone)
            iso = moment.isoformat(sep=" ")
            kept = self._kept = (second, iso[:19], iso[19:])
        return kept


def _told_by(line: LogLine) -> str:
    ours = line.logger.partition(".")[0] in _OURS
    event = _with_subject(line)
    return event if ours else f"{line.logger}: {event}"


def _with_subject(line: LogLine) -> str:
    # Operators search the log for this word, and the library never writes it.
    about_telegram = line.logger.startswith("aiogram") and "Telegram" not in line.event
    return f"Telegram: {line.event}" if about_telegram else line.event


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _NEEDS_QUOTES.search(text) else text


def _json_value(value: object) -> object:
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if is_number or isinstance(value, int | None) else str(value)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
