"""``alert-test``: one of each kind, to the chat or onto the terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine_process import EngineHome
from tests.support.telegram import PRIVATE, TOKEN, in_thread
from tests.support.telegram.faults import too_many, unauthorized
from trader.app import alert_test as module
from trader.app.alert_test import alert_test
from trader.config import Settings, load_settings
from trader.domain.control import AlertCode, Language
from trader.texts import UNKNOWN, render
from trader.texts.samples import samples

KINDS = len(AlertCode)


def settings_for(directory: Path, base: str) -> Settings:
    """A config that sends to the local Bot API."""
    path = directory / "live.yml"
    path.write_text(
        "alert:\n  telegram_enabled: true\n"
        f"  telegram: {{bot_token: '{TOKEN}', chat_id: '{PRIVATE}', api_base: '{base}'}}\n"
    )
    path.chmod(0o600)
    return load_settings(path, {}, {})


class TestSamples:
    @pytest.mark.parametrize("language", Language)
    def test_leave_no_figure_out(self, language: Language) -> None:
        """A test message with a dash for a figure would show less than the real one."""
        texts = [render(alert, language) for alert in samples(1_795_000_000_000_000_000)]

        assert [text for text in texts if UNKNOWN in text.split()] == []
        assert len(texts) == KINDS


class TestWithoutCredentials:
    def test_shows_every_kind_and_says_why_it_sends_none(self, tmp_path: Path) -> None:
        """The operator sees the messages all the same."""
        run = EngineHome(tmp_path).run("alert-test", program=("-m", "trader"))

        assert run.code == 0, run.err
        assert "no credentials (TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID not set)" in run.out[0]
        assert sum("TEST" in line for line in run.out) == KINDS

    def test_says_so_where_telegram_is_only_switched_off(self, tmp_path: Path) -> None:
        """Credentials alone send nothing while the config says not to."""
        secrets = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "7"}
        run = EngineHome(tmp_path).run("alert-test", program=("-m", "trader"), environ=secrets)

        assert "Telegram is off (alert.telegram_enabled: false)" in run.out[0]

    def test_ends_quietly_when_nobody_reads_on(self) -> None:
        """``alert-test | head`` shows no traceback."""
        command = f"{sys.executable} -m trader alert-test | head -1"
        run = subprocess.run(
            ["bash", "-c", command],
            cwd=Path(__file__).parents[2],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

        assert run.stdout.count("\n") == 1
        assert run.stderr == ""


class TestWithCredentials:
    @pytest.fixture(autouse=True)
    def no_pace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "EVERY_S", 0.0)

    def test_sends_every_kind_once_and_marks_it(self, tmp_path: Path) -> None:
        """Each says that it is a test, and none makes a sound."""
        lines: list[str] = []
        with in_thread() as api:
            code = alert_test(settings_for(tmp_path, api.base), lines.append)
            sent = list(api.sent)

        assert code == 0
        assert len(sent) == KINDS == len(lines)
        assert all(message.text.startswith("🧪 TEST") and message.silent for message in sent)

    def test_waits_as_it_is_told(self, tmp_path: Path) -> None:
        """A 429 costs a pause, not a message."""
        with in_thread() as api:
            api.faults.then(too_many(1))
            code = alert_test(settings_for(tmp_path, api.base), lambda _: None)
            sent = len(api.sent)

        assert (code, sent) == (0, KINDS)

    def test_says_why_it_stops(self, tmp_path: Path) -> None:
        """A wrong token is one line without the token, and exit code 1."""
        lines: list[str] = []
        with in_thread() as api:
            api.faults.always(unauthorized())
            code = alert_test(settings_for(tmp_path, api.base), lines.append)

        assert code == 1
        assert "401" in lines[-1]
        assert "0 of" in lines[-1]
        assert TOKEN not in "".join(lines)
