"""Alerts, as their operator's checklist has it: silent, stub, stub with a warning, every kind.

Also a script: ``python tests/acceptance/test_d10_alert.py`` goes through the list. It reads no
credentials from the environment and sends nothing to anybody but a server of its own.
"""

import inspect
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import pytest

from tests.acceptance.checklist import go_through
from tests.support.bot_api import BotApi, bot_api
from trader.alerts import AlertResult, AlertSystem, Delivery
from trader.domain.control import AlertCode

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
KINDS = sorted(name for name in dir(AlertSystem) if name.startswith("alert_"))
# Something sensible for every parameter without a default, by its name, else by its type.
EXAMPLES: dict[str, object] = {
    "symbol": "BTC-KRW",
    "price": 49_400_000.0,
    "reasons": ["ENV_FLAG_MISSING", "CONFIRM_FILE_MISSING"],
    "checks": ["BALANCE"],
    "check": "SLIPPAGE",
    "breaker": "DAILY_LOSS",
    "pair": "upbit-binance",
    "direction": "upbit>binance",
    "instrument": "upbit:BTC-KRW",
}


def a_config(**changes: object) -> dict[str, Any]:
    """The mapping a script hands over, switched on and without credentials."""
    telegram = {"bot_token": "", "chat_id": "", "timeout_seconds": 5}
    return {"enabled": True, "telegram_enabled": True, "telegram": telegram} | changes


@contextmanager
def heard() -> Iterator[list[logging.LogRecord]]:
    """Everything that is logged meanwhile."""
    records: list[logging.LogRecord] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    root, ear = logging.getLogger(), Ear()
    before = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        root.removeHandler(ear)
        root.setLevel(before)


def tell(system: AlertSystem, kind: str) -> AlertResult:
    """Tell one alert of a kind with example values."""
    method = getattr(system, kind)
    wanted = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
    result = method(*(EXAMPLES.get(p.name, "7" if p.annotation is str else 7) for p in wanted))
    assert isinstance(result, AlertResult)
    return result


def with_token(api: BotApi) -> dict[str, Any]:
    """A config that reaches a Bot API of our own."""
    return a_config(
        telegram={
            "bot_token": TOKEN,
            "chat_id": "987654321",
            "timeout_seconds": 5,
            "api_base": api.base,
        }
    )


def check_disabled_is_silent() -> None:
    """No message, no line, whatever credentials there are."""
    with bot_api() as api, heard() as records:
        system = AlertSystem(with_token(api) | {"enabled": False}, environ={})
        results = {tell(system, kind).delivery for kind in KINDS}

    assert results == {Delivery.DISABLED}
    assert (records, api.requests) == ([], [])


def check_telegram_off_is_the_stub() -> None:
    """The alert stands in the log as it would have been sent, and nothing is sent."""
    with bot_api() as api, heard() as records:
        system = AlertSystem(with_token(api) | {"telegram_enabled": False}, environ={})
        result = system.alert_stoploss_triggered("BTC-KRW", 49400000.0)

    assert (result.delivery, api.requests) == (Delivery.STUB, [])
    (line,) = [record.getMessage() for record in records]
    assert line.startswith("Telegram (stub) | ")
    assert "BTC-KRW" in line
    assert "49,400,000 ₩" in line


def check_no_credentials_is_one_warning_and_the_stub() -> None:
    """Said once, with the names of what is missing; then as if Telegram were off."""
    with heard() as records:
        system = AlertSystem(a_config(), environ={})
        results = {tell(system, kind).delivery for kind in KINDS}

    about = [one for one in records if "TELEGRAM_BOT_TOKEN" in one.getMessage()]
    assert results == {Delivery.STUB}
    assert [one.levelno for one in about] == [logging.WARNING]
    assert "TELEGRAM_CHAT_ID" in about[0].getMessage()
    assert len(records) == 1 + len(KINDS)


def check_every_kind_is_sent() -> None:
    """Each kind reaches the chat with words of its own, and no gap in them."""
    with bot_api() as api:
        system = AlertSystem(with_token(api), environ={})
        results = {tell(system, kind).delivery for kind in KINDS}

    texts = [body["text"] for _, body in api.requests]
    assert results == {Delivery.SENT}
    assert len(set(texts)) == len(texts) == len(KINDS) == len(AlertCode)
    assert all("{" not in text and "None" not in text for text in texts)


def check_the_environment_goes_first() -> None:
    """A token exported in the shell wins over the config file's."""
    with bot_api() as api:
        environ = {"TELEGRAM_BOT_TOKEN": TOKEN.replace("123456:", "654321:")}
        AlertSystem(with_token(api), environ=environ).alert_live_allowed()

    assert [path.split("/")[1] for path, _ in api.requests] == [
        "bot" + environ["TELEGRAM_BOT_TOKEN"]
    ]


def check_failure_is_no_exception() -> None:
    """Telegram away: the script goes on, the result says so, and the token is in no line."""
    with bot_api() as api, heard() as records:
        api.refuse(502, "Bad Gateway")
        result = AlertSystem(with_token(api), environ={}).alert_halted("test")

    assert result.delivery is Delivery.FAILED
    assert not result
    lines = [record.getMessage() for record in records]
    assert lines
    assert all("Telegram" in line and TOKEN not in line for line in lines)


ITEMS = [
    ("Alerts disabled: no message", check_disabled_is_silent),
    ("Telegram disabled: stub", check_telegram_off_is_the_stub),
    ("No credentials: one warning, then stub", check_no_credentials_is_one_warning_and_the_stub),
    ("Every kind of alert is sent", check_every_kind_is_sent),
    ("Credentials of the environment go before the config's", check_the_environment_goes_first),
    ("Telegram unreachable: no exception, no secret in the log", check_failure_is_no_exception),
]


@pytest.mark.parametrize("check", [check for _, check in ITEMS], ids=[words for words, _ in ITEMS])
def test_alerts(check: object) -> None:
    """Each item of the list holds."""
    assert callable(check)
    check()


if __name__ == "__main__":
    sys.exit(go_through("Alerts", ITEMS))
