"""Alert test: one alert of every kind through the very messenger the engine would use."""

import asyncio
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from bot.messenger import Messenger, MessengerError, OutMessage, SendFailed, Unsendable
from bot.render import Speech, infos_message
from trader.app.telling import bot_settings
from trader.config import Settings
from trader.domain.control import Alert, Language
from trader.domain.delivery import StoredAlert
from trader.port.settings import BotSettings
from trader.texts.samples import samples

EVERY_S = 1.05
"""Telegram takes one message a second to a chat, and twenty a minute to a group."""
EVERY_IN_GROUP_S = 3.2
MAX_RETRY_AFTER_S = 120.0

_WORDS = {
    Language.EN: "🧪 TEST {number}/{total}: nothing of this has happened",
    Language.KO: "🧪 시험 {number}/{total}: 실제로 일어난 일이 아닙니다",
}

Say = Callable[[str], None]


def alert_test(settings: Settings, say: Say) -> int:
    """Send one alert of every kind, or show them where nothing can be sent; returns the exit code.

    ``say`` takes lines for the operator.
    """
    for_bot = bot_settings(settings)
    messages = _messages(for_bot)
    why_not = _why_not(settings)
    if why_not:
        say(f"{why_not}; these are the messages as they would be sent:")
        for message in messages:
            say(f"\n{message.plain}")
        return 0
    return asyncio.run(_send(for_bot, messages, say))


def _why_not(settings: Settings) -> str:
    alert, telegram = settings.alert, settings.alert.telegram
    if not alert.enabled:
        return "alerts are off (alert.enabled: false)"
    missing = [
        name
        for name, value in (
            ("TELEGRAM_BOT_TOKEN", telegram.bot_token),
            ("TELEGRAM_CHAT_ID", telegram.chat_id),
        )
        if not value
    ]
    if missing:
        return f"Telegram has no credentials ({' and '.join(missing)} not set)"
    if not alert.telegram_enabled:
        return "Telegram is off (alert.telegram_enabled: false)"
    return ""


def _messages(settings: BotSettings) -> list[OutMessage]:
    language = settings.language or Language.EN
    speech = Speech(language, ZoneInfo(settings.zone))
    now_ns = time.time_ns()
    alerts = samples(now_ns)
    return [
        _marked(alert, _WORDS[language].format(number=number, total=len(alerts)), speech, now_ns)
        for number, alert in enumerate(alerts, 1)
    ]


def _marked(alert: Alert, mark: str, speech: Speech, now_ns: int) -> OutMessage:
    message, _ = infos_message([StoredAlert(0, alert, now_ns)], speech, now_ns)
    return OutMessage(
        f"<i>{mark}</i>\n{message.html}",
        f"{mark}\n{message.plain}",
        silent=True,
        severity=alert.severity,
    )


async def _send(settings: BotSettings, messages: list[OutMessage], say: Say) -> int:
    from bot.telegram import TelegramMessenger

    messenger = TelegramMessenger(settings)
    every_s = EVERY_IN_GROUP_S if settings.chat_id.startswith("-") else EVERY_S
    refused = 0
    try:
        for number, message in enumerate(messages, 1):
            if number > 1:
                await asyncio.sleep(every_s)
            try:
                await _sent(messenger, message)
            except Unsendable as error:
                refused += 1
                say(f"{number}/{len(messages)} not taken: {error}: {_title(message)}")
            except MessengerError as error:
                say(f"Telegram: {error}; {number - 1} of {len(messages)} sent")
                return 1
            else:
                say(f"{number}/{len(messages)} sent: {_title(message)}")
    finally:
        await messenger.close()
    return 1 if refused else 0


async def _sent(messenger: Messenger, message: OutMessage) -> None:
    try:
        await messenger.send(message)
    except SendFailed as error:
        # Told to wait is told to try again; anything else is for the operator to see.
        if error.retry_after_s is None or error.retry_after_s > MAX_RETRY_AFTER_S:
            raise
        await asyncio.sleep(error.retry_after_s)
        await messenger.send(message)


def _title(message: OutMessage) -> str:
    return message.plain.splitlines()[1]
