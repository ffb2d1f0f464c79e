"""Where an AlertSystem's alerts go: nowhere, into the log, or to Telegram; and what came of it."""

import logging
from enum import StrEnum

from msgspec import Struct

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram
from trader.alerts.options import AlertOptions
from trader.alerts.stub import LOGGER, log_as_sent
from trader.domain.control import Alert, Severity
from trader.texts import render


class Delivery(StrEnum):
    """What became of an alert."""

    DISABLED = "disabled"
    STUB = "stub"
    SENT = "sent"
    FAILED = "failed"


class AlertResult(Struct, frozen=True):
    """What became of an alert, and why it failed; true unless it failed."""

    delivery: Delivery
    error: str = ""

    def __bool__(self) -> bool:
        return self.delivery is not Delivery.FAILED


class Teller:
    """Tells alerts as the options ask; warns once where credentials are missing."""

    def __init__(self, options: AlertOptions) -> None:
        self._options = options
        if not options.enabled:
            return
        _be_seen()
        if options.telegram_enabled and options.missing:
            LOGGER.warning(
                "Telegram is enabled but has no %s; alerts are only logged",
                " and no ".join(options.missing),
            )

    def tell(self, alert: Alert) -> AlertResult:
        """Tell one alert; sending blocks for about the timeout and never raises."""
        options = self._options
        if not options.enabled:
            return AlertResult(Delivery.DISABLED)
        if not options.telegram_enabled or options.missing:
            log_as_sent(alert, options.language)
            return AlertResult(Delivery.STUB)
        target = TelegramTarget(options.token, options.chat_id, options.topic_id, options.api_base)
        text = render(alert, options.language)
        try:
            send_telegram(target, text, options.timeout_s, silent=alert.severity is Severity.INFO)
        except DirectSendFailed as failure:
            LOGGER.warning("Telegram: %s not sent: %s", alert.code, failure)
            return AlertResult(Delivery.FAILED, str(failure))
        return AlertResult(Delivery.SENT)


def _be_seen() -> None:
    """Let a plain script without logging of its own see what is logged here."""
    if LOGGER.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    # Quiet again once the script sets up logging after all, so that no line comes twice.
    handler.addFilter(lambda _: not logging.getLogger().handlers)
    LOGGER.addHandler(handler)
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
