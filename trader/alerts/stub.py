"""The stub: an alert in the log as Telegram would have shown it. Knows no loop and no network."""

import logging

from trader.domain.control import Alert, Language, Severity
from trader.texts import render

LOGGER = logging.getLogger("trader.alerts")

_LEVELS = {
    Severity.CRITICAL: logging.ERROR,
    Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}


def log_as_sent(alert: Alert, language: Language) -> None:
    """Write the alert as one log line that says it was not sent, louder the more severe it is."""
    line = " | ".join(part for part in render(alert, language).splitlines() if part)
    LOGGER.log(_LEVELS[alert.severity], "Telegram (stub) | %s", line)
