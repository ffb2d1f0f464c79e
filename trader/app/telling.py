"""Telling: what the process says past its engine, and the bot's part of the settings."""

import logging
from typing import TYPE_CHECKING

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram, send_webhook
from trader.config import Settings
from trader.domain.control import Language
from trader.port import TraderPort
from trader.port.settings import BotSettings

if TYPE_CHECKING:
    from bot.app import Bot

_TELEGRAM = logging.getLogger("trader.alerts")


def announce(settings: Settings, *, with_bot: bool, port: TraderPort) -> "Bot | None":
    """The bot of this process, if it has one; the log says where alerts go."""
    alert = settings.alert
    if not alert.enabled:
        _TELEGRAM.info("Telegram: alerts are off (alert.enabled: false)")
        return None
    if not with_bot:
        _TELEGRAM.info("Telegram: nothing is sent here (--no-bot); alerts wait in the outbox")
        return None
    for_bot = bot_settings(settings)
    if for_bot.speaks:
        _TELEGRAM.info("Telegram: alerts are sent to chat %s", for_bot.chat_id)
    elif alert.telegram_enabled:
        # The config's own warning has named what is missing.
        _TELEGRAM.info("Telegram: stub, alerts are logged")
    else:
        _TELEGRAM.info("Telegram: stub, alerts are logged (alert.telegram_enabled: false)")
    from bot.app import Bot

    return Bot(port, for_bot)


def bot_settings(settings: Settings) -> BotSettings:
    """The bot's part of the config."""
    alert, telegram, schedule = settings.alert, settings.alert.telegram, settings.schedule
    return BotSettings(
        engine=settings.engine.name,
        state_dir=settings.engine.state_dir,
        zone=schedule.timezone,
        mode=settings.mode.current.value,
        alerts_enabled=alert.enabled,
        telegram_enabled=alert.telegram_enabled,
        language=None if settings.bot.language is None else Language(settings.bot.language),
        token=telegram.bot_token,
        chat_id=telegram.chat_id,
        topic_id=telegram.topic_id,
        user_ids=telegram.user_ids,
        api_base=telegram.api_base,
        timeout_s=telegram.timeout_seconds,
        quiet_hours=alert.quiet_hours,
        webhook_url=alert.webhook_url,
        deadman_url=alert.deadman_url,
        unreachable_minutes=settings.bot.unreachable_minutes,
        daily_summary=schedule.daily_summary,
        weekly_summary=schedule.weekly_summary,
        monthly_summary=schedule.monthly_summary,
    )


def tell_directly(settings: Settings, text: str) -> None:
    """One critical message past the outbox, which can no longer be written; both ways out."""
    alert = settings.alert
    if not alert.enabled:
        return
    message = f"🚨 {text}"
    target = telegram_target(settings) if alert.telegram_enabled else None
    if target is None:
        _TELEGRAM.critical("Telegram (stub) | 🚨 %s", text)
    else:
        try:
            send_telegram(target, message, alert.telegram.timeout_seconds)
        except DirectSendFailed as error:
            _TELEGRAM.error("Telegram: the last message was not accepted: %s", error)
    if alert.webhook_url:
        payload = {
            "engine": settings.engine.name,
            "severity": "critical",
            "code": "system_error",
            "text": message,
        }
        try:
            send_webhook(alert.webhook_url, payload, alert.telegram.timeout_seconds)
        except DirectSendFailed as error:
            _TELEGRAM.error("webhook: the last message was not accepted: %s", error)


def telegram_target(settings: Settings) -> TelegramTarget | None:
    """Where Telegram messages go; None without credentials."""
    telegram = settings.alert.telegram
    if not (telegram.bot_token and telegram.chat_id):
        return None
    return TelegramTarget(
        telegram.bot_token, telegram.chat_id, telegram.topic_id, telegram.api_base
    )
