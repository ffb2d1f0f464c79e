"""Says that a unit failed for good: one message by Telegram, and one to the webhook, if there are.

Started by trader-failed@.service with the unit's name. It must still speak when the engine cannot
start at all: where the config cannot be read, the credentials alone decide. Exit 0 once any of the
two was accepted or there is nobody to tell, 1 when nobody took it, 2 for a mistake in the call.
"""

import argparse
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram, send_webhook
from trader.credentials import CredentialError, Credentials, Secret

_LOG = logging.getLogger("report_failure")
_TIMEOUT_S = 10.0
_OK, _UNTOLD, _MISTAKE = 0, 1, 2

_TEXT = {
    "en": (
        "🚨 {unit} on {host} failed: {why}. It does not start again by itself; until then"
        " {meanwhile}.\nWhat to do: {first}; read journalctl -u {unit} -n 100; mend the cause; then"
        " systemctl reset-failed {unit} and systemctl start {unit}."
    ),
    "ko": (
        "🚨 {host}의 {unit} 서비스가 실패했습니다: {why}. 저절로 다시 시작하지 않으며, 그때까지"
        " {meanwhile}.\n할 일: {first}. journalctl -u {unit} -n 100 을 읽고 원인을 없앤 뒤"
        " systemctl reset-failed {unit}, systemctl start {unit} 을 실행하세요."
    ),
}
# What is missing meanwhile, and what to look at first: without an engine, and without its bot.
_ENGINE = {
    "en": ("nothing guards open positions", "look at the positions at the venues"),
    "ko": ("열린 포지션을 지키는 것이 없습니다", "거래소에서 포지션을 확인하세요"),
}
_BOT = {
    "en": ("no alert and no command passes", "look at the engine on its host"),
    "ko": ("알림도 명령도 전달되지 않습니다", "호스트에서 엔진을 확인하세요"),
}
# By exit status where that says more, else by what the service manager calls it.
_WHY: Mapping[str, Mapping[str, str]] = {
    "en": {
        "2": "a mistake in the config or the arguments",
        "3": "another engine works on this state or this account",
        "203": "its program is not there; is /opt/trader/.venv made?",
        "243": "a credential could not be read",
        "watchdog": "no cycle ended in time",
        "start-limit-hit": "it crashed again and again",
        "oom-kill": "it ran out of memory",
        "timeout": "it did not start or stop in time",
    },
    "ko": {
        "2": "설정 또는 인자의 잘못",
        "3": "다른 엔진이 이 상태나 계정을 쓰고 있음",
        "203": "프로그램이 없음; /opt/trader/.venv 를 만들었습니까?",
        "243": "자격증명을 읽을 수 없음",
        "watchdog": "제때 끝난 사이클이 없음",
        "start-limit-hit": "계속해서 비정상 종료",
        "oom-kill": "메모리 부족",
        "timeout": "제때 시작하거나 멈추지 못함",
    },
}


@dataclass(frozen=True)
class Roads:
    """Where to tell it, and in which language; None where there is no such road."""

    telegram: TelegramTarget | None
    webhook: Secret | None
    language: str = "en"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Tell it; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Tell that a unit failed.", allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("unit")
    arguments = parser.parse_args(argv)
    roads = _roads(arguments.config, environ)
    text = message(arguments.unit, roads.language, environ)
    # In the system's log in any case.
    _LOG.error("%s", text)
    tries: list[Callable[[], None]] = []
    if (target := roads.telegram) is not None:
        tries.append(lambda: send_telegram(target, text, _TIMEOUT_S))
    if (url := roads.webhook) is not None:
        payload = {"unit": arguments.unit, "severity": "critical", "code": "failed", "text": text}
        tries.append(lambda: send_webhook(url, payload, _TIMEOUT_S))
    if not tries:
        _LOG.warning("nobody to tell: neither Telegram nor a webhook is configured")
        return _OK
    return _OK if [*map(_accepted, tries)].count(True) else _UNTOLD


def message(unit: str, language: str, environ: Mapping[str, str]) -> str:
    """What is told, with what the service manager says about the failure."""
    result = environ.get("MONITOR_SERVICE_RESULT", "")
    status = environ.get("MONITOR_EXIT_STATUS", "")
    words = _WHY[language]
    # An exit status says more than that there was one; a signal's name does not.
    reason = words.get(status if result == "exit-code" else result) or words.get(result)
    seen = ", ".join(filter(None, (result, status)))
    why = f"{reason} ({seen})" if reason else seen or "?"
    meanwhile, first = (_BOT if unit.endswith("bot") else _ENGINE)[language]
    return _TEXT[language].format(
        unit=unit, host=socket.gethostname(), why=why, meanwhile=meanwhile, first=first
    )


def _accepted(send: Callable[[], None]) -> bool:
    try:
        send()
    except DirectSendFailed as error:
        _LOG.error("not accepted: %s", error)
        return False
    return True


def _roads(config: Path | None, environ: Mapping[str, str]) -> Roads:
    try:
        return _from_config(config, environ)
    # The outer edge: whatever is broken about the config, the message must go out.
    except Exception as error:  # noqa: BLE001
        _LOG.error("the config cannot be read (%s); going by the credentials", type(error).__name__)
    return _from_credentials(environ)


def _from_config(config: Path | None, environ: Mapping[str, str]) -> Roads:
    # Imported only here, for the same reason.
    from trader.config import load_settings

    settings = load_settings(config, environ, {"mode.current": "mock"})
    alert, telegram = settings.alert, settings.alert.telegram
    target = TelegramTarget(
        telegram.bot_token, telegram.chat_id, telegram.topic_id, telegram.api_base
    )
    has_chat = alert.telegram_enabled and telegram.bot_token and telegram.chat_id
    return Roads(
        target if alert.enabled and has_chat else None,
        alert.webhook_url if alert.enabled and alert.webhook_url else None,
        settings.bot.language or "en",
    )


def _from_credentials(environ: Mapping[str, str]) -> Roads:
    credentials = Credentials(environ)

    def found(name: str) -> Secret | None:
        try:
            return credentials.find(name)
        except CredentialError as error:
            _LOG.error("%s", error)
            return None

    token, chat = found("TELEGRAM_BOT_TOKEN"), found("TELEGRAM_CHAT_ID")
    target = TelegramTarget(token, chat.reveal()) if token and chat else None
    return Roads(target, found("TRADER_WEBHOOK_URL"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
