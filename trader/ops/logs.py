"""Structured logging: one line per event, on the console and in a rotated file, secrets masked.

The caller only makes a record and queues it. Rendering, masking and writing happen in one thread
per destination, so neither a frozen terminal nor a slow disk holds up the event loop or the other.
Our modules log through ``structlog.get_logger(__name__)``; what libraries log ends up here too.
"""

import logging
import sys
import threading
import time
from collections.abc import Collection, Mapping, MutableMapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

import structlog

from trader.domain.errors import ConfigError
from trader.ops.log_lines import JsonLines, LogLine, TextLines
from trader.ops.log_sinks import Console, RotatedFile, Sink
from trader.ops.redaction import Redactor

_MAX_LINE_CHARS = 65_536
_CLOSE_SECONDS = 2.0
_FLUSH_SECONDS = 1.0

# Their INFO is traffic to us.
_CHATTY = (
    "aiogram",
    "aiohttp",
    "apscheduler",
    "asyncio",
    "matplotlib",
    "PIL",
    "redis",
    "websockets",
)

_PLAIN = (str, int, float, bool, Decimal, type(None))


class LogHandle:
    """What ``configure_logging`` set up: a context manager, or call ``close()`` at the end."""

    def __init__(self, intake: "_Intake", root_level: int, redactor: Redactor) -> None:
        self._intake = intake
        self._root_level = root_level
        self.redact = redactor
        """For text that goes around the log, such as a last message to stderr."""

    @property
    def lost_lines(self) -> int:
        """Lines that some destination did not get: its queue was full or it refused the write."""
        return sum(sink.lost for sink in self._intake.sinks)

    def close(self, timeout_s: float = _CLOSE_SECONDS) -> None:
        """Write what is queued and stop; a destination that hangs is left after ``timeout_s``."""
        root = logging.getLogger()
        if self._intake not in root.handlers:
            return
        root.removeHandler(self._intake)
        root.setLevel(self._root_level)
        until = time.monotonic() + timeout_s
        for sink in self._intake.sinks:
            sink.finish()
        for sink in self._intake.sinks:
            sink.join(max(0.0, until - time.monotonic()))

    def __enter__(self) -> "LogHandle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def configure_logging(
    *,
    level: str,
    fmt: Literal["text", "json"],
    file: Path | None,
    max_bytes: int,
    backups: int,
    secrets: Collection[str],
    timezone: str = "Asia/Seoul",
) -> LogHandle:
    """Send every log line of the process to stdout and, unless ``file`` is None, to that file.

    Stdout, not stderr: the lines are what this program shows, meant to be piped to ``grep``; stderr
    is left for the one message of a failed start. The file and its directory are made (0600, 0700)
    and rotated at ``max_bytes``, keeping ``backups`` old ones. A line's time is real time in
    ``timezone``, also in mock mode.

    Raises:
        ConfigError: the log file cannot be opened.
    """
    redactor = Redactor(secrets)
    renderer = JsonLines(timezone) if fmt == "json" else TextLines(timezone)

    def render(line: LogLine) -> str:
        text = redactor(renderer.render(line))
        return text if len(text) <= _MAX_LINE_CHARS else f"{text[:_MAX_LINE_CHARS]}…"

    writers: list[Console | RotatedFile] = []
    if file is not None:
        try:
            writers.append(RotatedFile(file, max_bytes, backups))
        except OSError as error:
            raise ConfigError(
                f"logging.file: {str(file)!r} cannot be written ({error.strerror});"
                " name a file in a directory this user may write to"
            ) from error

    writers.append(Console(sys.stdout))
    intake = _Intake([Sink(writer, render, loss_line) for writer in writers])
    root = logging.getLogger()
    handle = LogHandle(intake, root.level, redactor)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    root.addHandler(intake)
    _configure_structlog()
    for sink in intake.sinks:
        sink.start()
    return handle


def loss_line(lost: int) -> LogLine:
    """The line that tells a destination how many lines it missed."""
    return LogLine(time.time(), "WARNING", __name__, "log lines lost", {"count": lost}, "")


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _as_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _as_record(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """structlog's last step: arguments for ``logging``, fields apart so that no name clashes."""
    exc_info = event.pop("exc_info", None)
    stack_info = bool(event.pop("stack_info", False))
    text = event.pop("event", "")
    fields = {"exc_info": exc_info, "stack_info": stack_info, "extra": {"fields": event}}
    return (text,), fields


class _Intake(logging.Handler):
    """Takes records from any thread and queues them; never waits and never writes."""

    def __init__(self, sinks: list[Sink[LogLine]]) -> None:
        super().__init__()
        self.sinks = sinks
        self._traces = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record. Formatted here, since its arguments may change before it is written."""
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - an argument's own __str__ may raise anything at all
            self._queue_unformatted(record)
        else:
            self._queue(line)

    def flush(self) -> None:
        """Wait until one destination has what is queued, a second at most; not on the loop."""
        reached = threading.Event()
        # Every one is marked: which is quickest, and which is frozen, nobody knows.
        marked = [sink.mark(reached) for sink in self.sinks]
        if any(marked):
            reached.wait(_FLUSH_SECONDS)

    def _queue_unformatted(self, record: logging.LogRecord) -> None:
        # Without its arguments; logging's own way would print them to stderr, unmasked.
        event = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        fields = {"unformatted": True}
        self._queue(LogLine(record.created, record.levelname, record.name, event, fields, ""))

    def _queue(self, line: LogLine) -> None:
        for sink in self.sinks:
            sink.put(line)

    def _line(self, record: logging.LogRecord) -> LogLine:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        exception = ""
        if record.exc_info and record.exc_info[0] is not None:
            exception = self._traces.formatException(record.exc_info)
        if record.stack_info:
            exception = f"{exception}\n{record.stack_info}".lstrip()
        return LogLine(
            created_s=record.created,
            level=record.levelname,
            logger=record.name,
            event=record.getMessage(),
            fields={
                str(key): value if type(value) in _PLAIN else str(value)
                for key, value in fields.items()
            },
            exception=exception,
        )
