"""What may not be read in any text that leaves the process."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from trader.ops.redaction import Redactor

SECRET = 'k3y+with/"odd" ch%rs=='
TOKEN = "123456789:AAExampleExampleExampleExample-_ab1"


class TestConfiguredSecrets:
    @pytest.mark.parametrize(
        "spelling",
        [
            SECRET,
            quote(SECRET, safe=""),
            quote(SECRET, safe="").lower(),
            quote_plus(SECRET),
            json.dumps(SECRET),
            repr({"key": SECRET}),
        ],
    )
    def test_are_masked_in_every_usual_spelling(self, spelling: str) -> None:
        """A URL, a JSON body or a repr is where secrets are met in practice."""
        masked = Redactor([SECRET])(f"sent {spelling} to the venue")

        assert "***" in masked
        assert "odd" not in masked
        assert masked.startswith("sent ")
        assert masked.endswith(" to the venue")

    @pytest.mark.parametrize("user", ["", "u", "us", "user"])
    def test_are_masked_in_base64_at_any_offset(self, user: str) -> None:
        """A header of user and password shifts the secret's bits."""
        header = base64.b64encode(f"{user}:{SECRET}!".encode()).decode()
        alone = base64.b64encode(SECRET.encode()).decode().rstrip("=")

        masked = Redactor([SECRET])(f"{header} and {alone}")

        assert alone not in masked
        assert len(masked) < len(f"{header} and {alone}") / 2

    def test_that_contain_each_other_leave_no_tail(self) -> None:
        """The longer one goes first."""
        assert Redactor(["secret", "secret-and-more"])("x secret-and-more y") == "x *** y"

    def test_shorter_than_six_characters_are_words(self) -> None:
        """Masking them would blank the log and protect nothing."""
        assert Redactor(["live", ""])("live trading") == "live trading"

    def test_are_known_in_korean_too(self) -> None:
        """A password need not be ASCII."""
        redact = Redactor(["비밀번호입니다"])

        assert redact("열쇠 비밀번호입니다 끝") == "열쇠 *** 끝"
        assert redact(json.dumps("비밀번호입니다")) == '"***"'


class TestLookalikes:
    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            (f"https://api.telegram.org/bot{TOKEN}/sendMessage", "bot***/sendMessage"),
            (f"/bot{TOKEN.replace(':', '%3A')}/getMe", "/bot***/getMe"),
            (f"token={TOKEN}", "token=***"),
            ("Authorization: Bearer abcdef123456789", "Authorization: Bearer ***"),
            ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "'Authorization': 'Basic ***'"),
            ("x eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl y", "x *** y"),
            ("redis://default:hunter2@10.0.0.1:6379/0", "redis://default:***@10.0.0.1:6379/0"),
        ],
    )
    def test_are_masked_though_nobody_configured_them(self, text: str, masked: str) -> None:
        """Libraries put them into their errors, also those of an earlier configuration."""
        assert Redactor([])(text).endswith(masked.removeprefix("{") + ("}" if "{" in text else ""))

    @pytest.mark.parametrize(
        "text",
        [
            "[METRICS] pnl=0₩ trades=0 open_pos=0 exposure=0₩ loop_ms=1.2 live=❌",
            "2026-01-05 09:05:00.123 INFO  trade opened trade=t-1 pnl=-12",
            "http://127.0.0.1:8000/metrics answered in 12 ms",
            "basic strategies and bearer of news",
            "order upbit:BTC-KRW 150900000:0.00066",
        ],
    )
    def test_what_is_no_secret_stays(self, text: str) -> None:
        """A mask over figures would hide what an operator looks for."""
        assert Redactor(["another-secret"])(text) == text
