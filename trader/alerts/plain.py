"""Plain sink: alerts to Telegram as plain messages over HTTP, without a bot in this process."""

import asyncio

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram
from trader.alerts.outbox import StoredAlert
from trader.alerts.relay import DeliveryFailed
from trader.domain.control import Language, Severity
from trader.texts import render


class PlainSink:
    """Sends each alert as one message; informational ones make no sound."""

    def __init__(self, target: TelegramTarget, language: Language, timeout_s: float) -> None:
        self._target = target
        self._language = language
        self._timeout_s = timeout_s

    async def deliver(self, alert: StoredAlert) -> None:
        """Send one alert.

        Raises:
            DeliveryFailed: Telegram did not take it; it will be tried again.
        """
        try:
            # The request blocks for as long as its timeout allows, which the loop must not.
            await asyncio.to_thread(
                send_telegram,
                self._target,
                render(alert.alert, self._language),
                self._timeout_s,
                silent=alert.alert.severity is Severity.INFO,
            )
        except DirectSendFailed as error:
            raise DeliveryFailed(str(error), error.retry_after_s) from None
