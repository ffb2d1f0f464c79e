"""Plain sink: alerts to Telegram as plain messages over HTTP, without a bot in this process."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram
from trader.alerts.relay import DeliveryFailed
from trader.domain.control import Language, Severity
from trader.domain.delivery import StoredAlert
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
            await _in_daemon(
                partial(
                    send_telegram,
                    self._target,
                    render(alert.alert, self._language),
                    self._timeout_s,
                    silent=alert.alert.severity is Severity.INFO,
                )
            )
        except DirectSendFailed as error:
            raise DeliveryFailed(str(error), error.retry_after_s) from None


async def _in_daemon(request: Callable[[], None]) -> None:
    """Run a blocking request in a thread the process does not wait for when it ends.

    It blocks for as long as its timeout allows, which neither the loop nor a stop may.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def work() -> None:
        failure: Exception | None = None
        try:
            request()
        except DirectSendFailed as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=work, name="telegram-plain", daemon=True).start()
    await done
