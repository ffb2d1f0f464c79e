"""What tells that a unit failed: the real script, against a webhook and a local Bot API."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.engine_process import ROOT, child_environment, free_port

TOKEN, CHAT = "123456789:AAtheCanaryOfThisTokenInTests0000", "4242"
CRASHED = {"MONITOR_SERVICE_RESULT": "start-limit-hit", "MONITOR_EXIT_STATUS": "1"}


class Listener:
    """Takes every message, or answers each with ``status``."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.taken.append((self.path, json.loads(body)))
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(b'{"ok": true}' if outer.status == 200 else b'{"ok": false}')

            def log_message(self, *_: object) -> None:
                """The test reads what was taken, not a log."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who takes messages."""
    one = Listener()
    thread = threading.Thread(target=one.server.serve_forever, daemon=True)
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join()


def report(
    tmp_path: Path, config: object, environ: dict[str, str], unit: str = "trader"
) -> "subprocess.CompletedProcess[str]":
    """Run it as the unit does."""
    path = tmp_path / "live.yml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "report_failure.py"), "--config", str(path), unit],
        cwd=tmp_path,
        env=child_environment(environ) | {"PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def telegram(address: str, **more: object) -> dict[str, object]:
    """A config that speaks to this Bot API."""
    return {"alert": {"telegram_enabled": True, "telegram": {"api_base": address}}, **more}


class TestWhatIsTold:
    def test_by_both_roads_with_the_cause_and_what_to_do(
        self, tmp_path: Path, listener: Listener
    ) -> None:
        """One message each; the credentials come from files, as from systemd."""
        (tmp_path / "telegram_bot_token").write_text(TOKEN)
        (tmp_path / "telegram_chat_id").write_text(CHAT)
        (tmp_path / "trader_webhook_url").write_text(f"{listener.address}/hook")

        result = report(
            tmp_path,
            telegram(listener.address),
            {"CREDENTIALS_DIRECTORY": str(tmp_path), **CRASHED},
        )

        assert result.returncode == 0, result.stderr
        (chat_path, message), (hook_path, payload) = listener.taken
        assert (chat_path, message["chat_id"]) == (f"/bot{TOKEN}/sendMessage", CHAT)
        assert (hook_path, payload["severity"]) == ("/hook", "critical")
        assert payload["text"] == message["text"]
        assert "it crashed again and again (start-limit-hit, 1)" in message["text"]
        assert "systemctl reset-failed trader" in message["text"]
        assert TOKEN not in result.stdout + result.stderr

    def test_in_the_language_of_the_config(self, tmp_path: Path, listener: Listener) -> None:
        """Korean where the bot speaks Korean; exit 2 is told as what it means."""
        result = report(
            tmp_path,
            {"bot": {"language": "ko"}},
            {
                "TRADER_WEBHOOK_URL": listener.address,
                "MONITOR_SERVICE_RESULT": "exit-code",
                "MONITOR_EXIT_STATUS": "2",
            },
        )

        assert result.returncode == 0
        ((_, payload),) = listener.taken
        assert "설정 또는 인자의 잘못 (exit-code, 2)" in payload["text"]

    def test_of_the_bot_that_it_is_the_bot(self, tmp_path: Path, listener: Listener) -> None:
        """Positions are guarded by the engine, which goes on."""
        report(tmp_path, {}, {"TRADER_WEBHOOK_URL": listener.address, **CRASHED}, "trader-bot")

        ((_, payload),) = listener.taken
        assert "no alert and no command passes" in payload["text"]


class TestABrokenConfig:
    def test_does_not_silence_the_message(self, tmp_path: Path, listener: Listener) -> None:
        """The very mistake that stopped the engine; the credentials alone decide."""
        result = report(
            tmp_path, "mode: {current: [", {"TRADER_WEBHOOK_URL": listener.address, **CRASHED}
        )

        assert result.returncode == 0
        assert len(listener.taken) == 1
        assert "the config cannot be read (ConfigError)" in result.stderr

    def test_and_a_broken_credential_are_survived(self, tmp_path: Path, listener: Listener) -> None:
        """One secret that cannot be read must not cost the other road."""
        result = report(
            tmp_path,
            "nonsense: 1",
            {
                "TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "gone"),
                "TRADER_WEBHOOK_URL": listener.address,
            },
        )

        assert result.returncode == 0
        assert len(listener.taken) == 1


class TestWhenNobodyTakesIt:
    def test_it_fails_so_that_it_is_tried_again(self, tmp_path: Path, listener: Listener) -> None:
        """The unit starts it again in a minute."""
        listener.status = 503

        result = report(tmp_path, {}, {"TRADER_WEBHOOK_URL": f"{listener.address}/s3cret"})

        assert result.returncode == 1
        assert "not accepted: webhook answered 503" in result.stderr
        assert "s3cret" not in result.stderr

    def test_one_road_is_enough(self, tmp_path: Path, listener: Listener) -> None:
        """Told twice would be a nuisance, untold a fault; told once is told."""
        result = report(
            tmp_path,
            telegram(f"http://127.0.0.1:{free_port()}"),
            {
                "TELEGRAM_BOT_TOKEN": TOKEN,
                "TELEGRAM_CHAT_ID": CHAT,
                "TRADER_WEBHOOK_URL": listener.address,
            },
        )

        assert result.returncode == 0
        assert len(listener.taken) == 1
        assert TOKEN not in result.stderr

    def test_without_any_road_the_log_has_it(self, tmp_path: Path) -> None:
        """Nothing to try again."""
        result = report(tmp_path, {}, CRASHED)

        assert result.returncode == 0
        assert "it crashed again and again" in result.stderr
        assert "nobody to tell" in result.stderr


def test_alerts_that_are_off_are_off(tmp_path: Path, listener: Listener) -> None:
    """`alert.enabled: false` sends nothing anywhere, here neither."""
    result = report(
        tmp_path, {"alert": {"enabled": False}}, {"TRADER_WEBHOOK_URL": listener.address}
    )

    assert result.returncode == 0
    assert listener.taken == []
