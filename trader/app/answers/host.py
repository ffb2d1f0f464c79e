"""Answers about the process and its surroundings: alerts, log, config, health. No secret leaves."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from trader.domain.answers import (
    MAX_ROWS,
    Origin,
)
from trader.domain.control import CheckName, Language
from trader.domain.delivery import BotHealth, LedgerFigures, OutboxCounts, StoredAlert
from trader.domain.host_answers import (
    AlertLine,
    HealthAnswer,
)
from trader.engine.snapshot import Snapshot
from trader.engine.state import State
from trader.ops.metrics import Cycle
from trader.texts import render

_NS = 1_000_000_000
_MB = 1_000_000
_MAX_TAIL_BYTES = 262_144
_MAX_LINE_CHARS = 1_000
_KEPT_NS = 30 * 24 * 3_600 * _NS
_SIDE_FILES = ("", "-wal")

Redact = Callable[[str], str]


class AlertShelf(Protocol):
    """The outbox, as far as it is asked. Each may raise JournalError."""

    def recent(self, limit: int, /) -> tuple[StoredAlert, ...]:
        """The newest alerts, newest first."""
        ...

    def conditions(self) -> frozenset[str]:
        """Keys of the lasting conditions that stand."""
        ...

    def counts(self) -> OutboxCounts:
        """Totals since the database began."""
        ...

    def oldest_pending_ns(self) -> int | None:
        """Since when (UTC) the alert waits that waits longest."""
        ...

    def ledger_between(self, from_ns: int, to_ns: int, /) -> LedgerFigures:
        """What became of the alerts of a span."""
        ...


def alert_line(stored: StoredAlert, language: Language) -> AlertLine:
    """An alert by its first line and what became of it."""
    alert = stored.alert
    return AlertLine(
        id=stored.id,
        code=alert.code,
        severity=alert.severity,
        key=alert.key,
        text=render(alert, language).partition("\n")[0],
        created_ns=stored.created_ns,
        count=stored.count,
        sent_ns=stored.sent_ns,
        acknowledged_ns=stored.acknowledged_ns,
        attempts=stored.attempts,
        last_error=stored.last_error,
    )


def last_lines(file: Path, limit: int, redact: Redact) -> tuple[str, ...]:
    """The last ``limit`` lines of a log file, masked; none where there is no file. Blocks.

    At most 256 KiB are read, and of a line at most 1,000 characters are shown.
    """
    try:
        with file.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            begin = log.seek(max(0, size - _MAX_TAIL_BYTES))
            text = log.read(_MAX_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = text.split("\n")
    # What was cut is no line, and half a secret would not be known for one.
    whole = lines[1:] if begin else lines
    shown = [line for line in whole if line]
    return tuple(redact(line)[:_MAX_LINE_CHARS] for line in shown[-limit:])


def config_lines(
    shown: Iterable[tuple[str, str]], section: str, after: int, redact: Redact
) -> tuple[tuple[str, ...], int]:
    """Settings as ``key: value`` after the first ``after``, masked, and how many are left out."""
    lines = [
        redact(f"{key}: {value}")[:_MAX_LINE_CHARS]
        for key, value in shown
        if not section or key.partition(".")[0] == section
    ]
    page = tuple(lines[after : after + MAX_ROWS])
    return page, max(0, len(lines) - after - len(page))


def health_answer(
    origin: Origin,
    snapshot: Snapshot,
    state: State,
    cycle: Cycle | None,
    alerts: AlertShelf,
    bot: BotHealth,
    *,
    uptime_s: float,
    disk_free_mb: float | None,
    journal_facts: int,
    journal_mb: float,
    log_lines_lost: int,
) -> HealthAnswer:
    """How engine, loop, journal, alerts and bot fare."""
    sensed, counts, oldest = state.readiness, alerts.counts(), alerts.oldest_pending_ns()
    month = alerts.ledger_between(origin.at_ns - _KEPT_NS, origin.at_ns + 1)
    return HealthAnswer(
        origin=origin,
        uptime_s=uptime_s,
        disk_free_mb=disk_free_mb,
        loop_lag_ms=None if sensed is None else sensed.loop_lag_ms,
        loop_latency_ms=None if cycle is None else cycle.loop_latency_ms,
        ws_lag_ms=None if cycle is None else cycle.ws_lag_ms,
        journal_facts=journal_facts,
        journal_mb=journal_mb,
        faults=snapshot.faults,
        log_lines_lost=log_lines_lost,
        alerts_pending=counts.pending,
        alerts_sent=counts.sent,
        alerts_late=counts.late,
        alerts_unacknowledged=month.unacknowledged,
        oldest_pending_s=None if oldest is None else max(origin.at_ns - oldest, 0) / _NS,
        telegram_sent_ns=bot.sent_ns,
        telegram_polled_ns=bot.polled_ns,
        telegram_refused=bot.refused,
        suspensions=snapshot.suspensions,
        worst_check=_worst(snapshot),
    )


def megabytes(database: Path) -> float:
    """What a database takes on disk, with what waits beside it. Nothing is opened."""
    sizes: Sequence[Path] = [database.with_name(database.name + end) for end in _SIDE_FILES]
    return sum(file.stat().st_size for file in sizes if file.exists()) / _MB


def _worst(snapshot: Snapshot) -> CheckName | None:
    """The check that refused most often since this process started."""
    counts = snapshot.refusals_by_check
    return max(counts, key=lambda check: (counts[check], check), default=None)
