"""Answers about records and the host: alerts, logs, config, audit, health, version."""

from msgspec import Struct

from trader.domain.answers import Origin
from trader.domain.control import AlertCode, CheckName, Severity


class AlertLine(Struct, frozen=True):
    """An alert and what became of it."""

    id: int
    code: AlertCode
    severity: Severity
    key: str
    text: str
    created_ns: int
    count: int
    sent_ns: int | None
    acknowledged_ns: int | None
    attempts: int
    last_error: str = ""


class AlertsAnswer(Struct, frozen=True):
    """``/alerts``, newest first; ``text`` is the first line in the asked language."""

    origin: Origin
    alerts: tuple[AlertLine, ...]
    open: tuple[str, ...] = ()


class TextAnswer(Struct, frozen=True):
    """``/logs`` and ``/config``: lines without secrets."""

    origin: Origin
    lines: tuple[str, ...]
    more: int = 0


class ActLine(Struct, frozen=True):
    """Something a person, or the engine for a person, did to what is permitted.

    ``what`` is a code: ``halt``, ``halt_now``, ``paper``, ``lift`` (a halt, to paper), ``live``,
    ``touch_used_up``, ``pause``, ``resume``, ``flatten`` or ``close``. ``at_ns`` is the host's.
    """

    at_ns: int
    who: str
    what: str
    reason: str = ""
    revision: int | None = None
    scope: str = ""
    """Of a pause or its end: a venue or a pair, empty for all; of a closing, its ledger."""
    until_ns: int = 0
    """When a pause ends, 0 without an end."""


class AuditAnswer(Struct, frozen=True):
    """The engine's part of ``/audit``, newest first."""

    origin: Origin
    acts: tuple[ActLine, ...]


class HealthAnswer(Struct, frozen=True):
    """``/health``: disk, loop, journal, alerts, and how the bot fares."""

    origin: Origin
    uptime_s: float
    disk_free_mb: float | None
    loop_lag_ms: float | None
    loop_latency_ms: float | None
    ws_lag_ms: float | None
    journal_facts: int
    journal_mb: float
    faults: int
    log_lines_lost: int
    alerts_pending: int
    alerts_sent: int
    alerts_late: int
    alerts_unacknowledged: int
    oldest_pending_s: float | None
    telegram_sent_ns: int | None
    telegram_polled_ns: int | None
    telegram_refused: str
    suspensions: int
    worst_check: CheckName | None = None


class VersionAnswer(Struct, frozen=True):
    """``/version``."""

    origin: Origin
    version: str
    python: str
    started_ns: int
