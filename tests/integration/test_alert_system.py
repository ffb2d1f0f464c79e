"""AlertSystem as a user's script calls it, against a Bot API on loopback."""

import inspect
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bot_api import BotApi, bot_api
from trader.alerts import AlertResult, AlertSystem, Delivery
from trader.alerts.direct import (
    DirectSendFailed,
    TelegramTarget,
    send_telegram,
    send_webhook,
)
from trader.credentials import Secret
from trader.domain.control import AlertCode
from trader.domain.errors import ConfigError

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
ROOT = Path(__file__).parents[2]
EXAMPLES: dict[type | str, object] = {
    "symbol": "BTC-KRW",
    "reasons": ["DRY_RUN"],
    "checks": ["BALANCE"],
    "check": "SLIPPAGE",
    "breaker": "REJECT_RATE",
    "price": 49_400_000.0,
}


@pytest.fixture
def api() -> Iterator[BotApi]:
    with bot_api() as server:
        yield server


def a_config(api: BotApi | None = None, **changes: object) -> dict[str, Any]:
    telegram: dict[str, object] = {
        "bot_token": TOKEN if api else "",
        "chat_id": "987654321" if api else "",
        "timeout_seconds": 5,
    }
    if api:
        telegram["api_base"] = api.base
    return {"enabled": True, "telegram_enabled": True, "telegram": telegram} | changes


def call(system: AlertSystem, name: str) -> AlertResult:
    """Call an alert method with something for each parameter that has no default."""
    method = getattr(system, name)
    wanted = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    ]
    result = method(*(EXAMPLES.get(p.name, "7" if p.annotation is str else 7) for p in wanted))
    assert isinstance(result, AlertResult)
    return result


ALERT_METHODS = sorted(name for name in dir(AlertSystem) if name.startswith("alert_"))


class TestSwitchedOff:
    def test_disabled_is_silent(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nothing is sent, nothing is logged, and the result says so."""
        caplog.set_level(logging.DEBUG)
        system = AlertSystem(a_config(enabled=False), environ={})

        results = {call(system, name).delivery for name in ALERT_METHODS}

        assert results == {Delivery.DISABLED}
        assert caplog.records == []

    def test_disabled_reads_no_credentials(self) -> None:
        """A file that is not there is no concern of somebody who sends nothing."""
        environ = {"TELEGRAM_BOT_TOKEN_FILE": "/nowhere"}

        assert AlertSystem(a_config(enabled=False), environ=environ).alert_live_allowed()

    def test_telegram_off_logs_what_would_have_been_sent(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The stub: one line, with the word Telegram, no warning about credentials."""
        caplog.set_level(logging.INFO)
        system = AlertSystem(a_config(telegram_enabled=False), environ={})

        result = system.alert_stoploss_triggered("BTC-KRW", 49_400_000.0)

        assert result == AlertResult(Delivery.STUB)
        (line,) = caplog.messages
        assert line.startswith("Telegram (stub) | 🚨 Stop-loss: BTC-KRW | ")
        assert "49,400,000 ₩" in line
        assert "\n" not in line

    def test_without_credentials_it_warns_once_and_goes_on_as_the_stub(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The warning names what is missing; it is not repeated for every alert."""
        caplog.set_level(logging.INFO)
        system = AlertSystem(a_config(), environ={"TELEGRAM_CHAT_ID": "1"})

        system.alert_stoploss_triggered("BTC-KRW", 49_400_000.0)
        system.alert_live_blocked(["DRY_RUN"])

        warning, *alerts = caplog.messages
        assert "TELEGRAM_BOT_TOKEN" in warning
        assert "TELEGRAM_CHAT_ID" not in warning
        assert [line.startswith("Telegram (stub) | ") for line in alerts] == [True, True]


class TestEveryKind:
    def test_has_a_method(self, caplog: pytest.LogCaptureFixture) -> None:
        """Whatever the engine tells, a script can tell."""
        told: set[AlertCode] = set()

        class Watching(AlertSystem):
            def tell(self, code: AlertCode, *args: Any, **kwargs: Any) -> AlertResult:
                told.add(code)
                return super().tell(code, *args, **kwargs)

        caplog.set_level(logging.INFO)
        system = Watching(a_config(telegram_enabled=False), environ={})
        for name in ALERT_METHODS:
            assert call(system, name).delivery is Delivery.STUB

        assert told == set(AlertCode)
        assert len(ALERT_METHODS) == len(AlertCode)
        assert not [line for line in caplog.messages if "–" in line]

    def test_speaks_korean_when_asked(self, caplog: pytest.LogCaptureFixture) -> None:
        """Both languages are equals here, too."""
        caplog.set_level(logging.INFO)
        system = AlertSystem(a_config(telegram_enabled=False, language="ko"), environ={})

        system.alert_halted("시험")

        assert "🚨 긴급정지 | 시험 | " in caplog.messages[0]


class TestSending:
    def test_posts_plain_text_to_the_chat(self, api: BotApi) -> None:
        """No parse mode: nothing in a venue's words can break the message."""
        result = AlertSystem(a_config(api), environ={}).alert_system_error("x", "<b> & _*[")

        assert result == AlertResult(Delivery.SENT)
        ((path, message),) = api.requests
        assert path == f"/bot{TOKEN}/sendMessage"
        assert message["chat_id"] == "987654321"
        assert "<b> & _*[" in message["text"]
        assert "parse_mode" not in message
        assert message["disable_notification"] is False

    def test_an_info_makes_no_sound(self, api: BotApi) -> None:
        """Trades are silent."""
        AlertSystem(a_config(api), environ={}).alert_trade_opened("p", "a>b", 99_594)

        assert api.requests[0][1]["disable_notification"] is True

    def test_the_environment_goes_before_the_mapping(self, api: BotApi, tmp_path: Path) -> None:
        """A secret in the environment, or in a file it names, is the one that counts."""
        file = tmp_path / "token"
        file.write_text("777777:from-a-file-0123456789\n")
        environ = {"TELEGRAM_BOT_TOKEN_FILE": str(file), "TELEGRAM_CHAT_ID": "42"}

        AlertSystem(a_config(api), environ=environ).alert_live_allowed()

        path, message = api.requests[0]
        assert path == "/bot777777:from-a-file-0123456789/sendMessage"
        assert message["chat_id"] == "42"

    @pytest.mark.parametrize(
        ("status", "description", "parameters", "said"),
        [
            (401, "Unauthorized", {}, "check the bot token"),
            (403, "Forbidden: bot was blocked by the user", {}, "write to it first"),
            (404, "Not Found", {}, "check the bot token"),
            (429, "Too Many Requests", {"retry_after": 17}, "retry after 17 s"),
            (400, "group upgraded", {"migrate_to_chat_id": -1001}, "new chat id is -1001"),
            (500, "Internal Server Error", {}, "Telegram answered 500"),
        ],
    )
    def test_a_refusal_is_reported_and_not_raised(
        self,
        api: BotApi,
        caplog: pytest.LogCaptureFixture,
        status: int,
        description: str,
        parameters: dict[str, object],
        said: str,
    ) -> None:
        """The script goes on; the log says why, without the token."""
        api.refuse(status, f"{description} {TOKEN}", **parameters)

        result = AlertSystem(a_config(api), environ={}).alert_live_allowed()

        assert not result
        assert said in result.error
        assert said in caplog.text
        assert str(status) in result.error
        assert TOKEN not in result.error + caplog.text

    def test_silence_ends_with_the_timeout(
        self, api: BotApi, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A Telegram that never answers holds a script for timeout_seconds, no longer."""
        api.hangs = True
        config = a_config(api)
        config["telegram"]["timeout_seconds"] = 0.2

        result = AlertSystem(config, environ={}).alert_live_allowed()

        assert result.error == "Telegram not reached: no answer within 0.2 s"
        assert TOKEN not in caplog.text

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"ok": false}'])
    def test_an_answer_that_is_no_yes_is_a_no(self, api: BotApi, body: bytes) -> None:
        """A captive portal's friendly page is no delivery."""
        api.body = body

        assert not AlertSystem(a_config(api), environ={}).alert_live_allowed()

    def test_a_redirect_is_not_followed(self, api: BotApi) -> None:
        """It would carry the token to whoever the answer names."""
        api.status, api.headers = 302, {"Location": f"{api.base}/elsewhere"}

        result = AlertSystem(a_config(api), environ={}).alert_live_allowed()

        assert not result
        assert len(api.requests) == 1


class TestDirect:
    def test_a_failure_holds_no_token_anywhere(self) -> None:
        """Neither in its text nor in what it was raised from."""
        port_of_nobody = "http://127.0.0.1:9"
        target = TelegramTarget(Secret(TOKEN), "1", api_base=port_of_nobody)

        with pytest.raises(DirectSendFailed) as caught:
            send_telegram(target, "hello", 2)

        assert TOKEN not in repr(caught.value) + str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    def test_carries_status_and_retry_after(self, api: BotApi) -> None:
        """What a caller may wait for."""
        api.refuse(429, "slow down", retry_after=3)
        target = TelegramTarget(Secret(TOKEN), "1", topic_id=5, api_base=api.base)

        with pytest.raises(DirectSendFailed) as caught:
            send_telegram(target, "hello", 2)

        assert (caught.value.status, caught.value.retry_after_s) == (429, 3.0)
        assert api.requests[0][1]["message_thread_id"] == 5

    def test_a_token_that_is_no_token_stays_inside_its_path(self, api: BotApi) -> None:
        """A line break or a slash in a setting must not form another request."""
        target = TelegramTarget(Secret("a/b\nc?d"), "1", api_base=api.base)

        send_telegram(target, "hello", 2)

        assert api.requests[0][0] == "/bota%2Fb%0Ac%3Fd/sendMessage"

    @pytest.mark.parametrize("base", ["file:///etc", "nonsense", "http://[", "ftp://x"])
    def test_an_address_that_is_none_is_refused(self, base: str) -> None:
        """Nothing but the web is asked."""
        with pytest.raises(DirectSendFailed) as caught:
            send_telegram(TelegramTarget(Secret(TOKEN), "1", api_base=base), "x", 1)

        assert TOKEN not in str(caught.value)
        assert caught.value.__context__ is None

    def test_long_texts_are_cut_to_what_telegram_counts(self, api: BotApi) -> None:
        """It counts UTF-16 units: an emoji is two."""
        send_telegram(TelegramTarget(Secret(TOKEN), "1", api_base=api.base), "🚨" * 4_000, 2)

        sent = api.requests[0][1]["text"]
        assert len(sent.encode("utf-16-le")) // 2 <= 4_096
        assert sent.endswith("…")

    def test_a_webhook_gets_json_and_says_yes_or_no(self, api: BotApi) -> None:
        """The second way out; its address may be a secret as well."""
        url = Secret(f"{api.base}/hook-secret")
        send_webhook(url, {"text": "긴급"}, 2)
        assert api.requests == [("/hook-secret", {"text": "긴급"})]

        api.status = 503
        with pytest.raises(DirectSendFailed, match="webhook answered 503") as caught:
            send_webhook(url, {"text": "x"}, 2)

        assert "hook-secret" not in str(caught.value)


class TestMapping:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"enable": True}, "did you mean enabled?"),
            ({"enabled": "yes"}, "alert.enabled: 'yes' is neither True nor False"),
            ({"telegram": "x"}, "alert.telegram: a mapping"),
            ({"telegram": {"token": "x"}}, "did you mean bot_token?"),
            ({"telegram": {"timeout_seconds": 0}}, "timeout_seconds: 0 is no number"),
            ({"telegram": {"timeout_seconds": True}}, "timeout_seconds: True is no number"),
            ({"telegram": {"timeout_seconds": float("nan")}}, "nan is no number"),
            ({"telegram": {"chat_id": 1.5}}, "chat_id: text is needed"),
            ({"telegram": {"bot_token": 1}}, "bot_token: text is needed, not int"),
            ({"telegram": {"topic_id": 0}}, "topic_id: 0 is no whole number"),
            ({"telegram": {"api_base": "x"}}, "api_base: an address"),
            ({"language": "fr"}, "alert.language: 'fr' is neither"),
        ],
    )
    def test_a_mistake_is_one_clear_line(self, change: dict[str, object], said: str) -> None:
        """It names the key, the value and what is allowed."""
        with pytest.raises(ConfigError) as caught:
            AlertSystem({"enabled": True} | change, environ={})

        assert said in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_credential_file_that_cannot_be_read_is_a_mistake(self) -> None:
        """Somebody pointed at it."""
        environ = {"TELEGRAM_BOT_TOKEN_FILE": "/nowhere/token"}

        with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN_FILE"):
            AlertSystem(a_config(), environ=environ)

    def test_a_chat_id_may_be_the_number_it_is(self, api: BotApi) -> None:
        """YAML and people write it without quotes."""
        config = a_config(api)
        config["telegram"]["chat_id"] = -100123

        AlertSystem(config, environ={}).alert_live_allowed()

        assert api.requests[0][1]["chat_id"] == "-100123"


class TestPlainScript:
    def test_sees_the_stub_without_setting_up_logging(self) -> None:
        """The order's own example prints what would have been sent, and loads no bot library."""
        script = """
import sys
from trader.alerts import AlertSystem
system = AlertSystem({'enabled': True, 'telegram_enabled': True,
    'telegram': {'bot_token': '', 'chat_id': '', 'timeout_seconds': 5}})
system.alert_trade_opened('p', 'a>b', 99594)
heavy = {'aiohttp', 'aiogram', 'asyncio', 'prometheus_client', 'pydantic', 'sqlite3'}
sys.exit(len(heavy & sys.modules.keys()))
"""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TELEGRAM_")}

        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        warning, alert = ran.stderr.splitlines()
        assert "TELEGRAM_BOT_TOKEN" in warning
        assert "Telegram (stub) | ℹ️ Opened: p | " in alert
        assert ran.returncode == 0
