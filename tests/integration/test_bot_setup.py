"""``python -m bot``: from a token to a chat id, as a process, against the local Bot API."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from bot.access import access_of, hear
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.setup import first_message
from bot.updates import Heard
from tests.integration.test_telegram_messenger import some_settings
from tests.support.chat_html import check
from tests.support.telegram import (
    FORUM,
    MEMBER,
    OWNER,
    PRIVATE,
    SUPERGROUP,
    TOKEN,
    TOPIC,
    Telegram,
    faults,
    in_thread,
)
from trader.domain.control import Language

ROOT = Path(__file__).parents[2]
WITHIN_S = 30.0
SECRET_PART = TOKEN.split(":")[1]


@pytest.fixture
def api() -> Iterator[Telegram]:
    with in_thread() as world:
        yield world


class Setup:
    """The command at work: what it said so far, and a way to answer it."""

    def __init__(self, api: Telegram, state_dir: Path, *options: str, token: str = "") -> None:
        command = [sys.executable, "-m", "bot", "setup", "--api-base", api.base]
        command += ["--state-dir", str(state_dir), *options]
        environment = {key: value for key, value in os.environ.items() if "TELEGRAM" not in key}
        environment["LANG"] = "C.UTF-8"
        if token:
            environment["TELEGRAM_BOT_TOKEN"] = token
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.shown = ""
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while piece := self.process.stdout.read(1):
            self.shown += piece

    def until(self, words: str, count: int = 1) -> None:
        """Wait until it said this so many times."""
        deadline = time.monotonic() + WITHIN_S
        while self.shown.count(words) < count:
            assert time.monotonic() < deadline, self.shown
            assert self.process.poll() is None or words in self.shown, self.shown
            time.sleep(0.01)

    def answer(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ends(self) -> tuple[int, str]:
        """Wait for its end: the exit code and what went to stderr."""
        assert self.process.stderr is not None
        try:
            complaint = self.process.stderr.read()
            code = self.process.wait(WITHIN_S)
        finally:
            self.close()
        return code, complaint.strip()

    def close(self) -> None:
        """Let go of it, whatever happened; harmless a second time."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def runs() -> Iterator[list[Setup]]:
    started: list[Setup] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.close()


def begun(runs: list[Setup], api: Telegram, tmp_path: Path, *options: str) -> Setup:
    """Started, with the token given on stdin, and waiting for a message."""
    one = Setup(api, tmp_path / "state", "--token-stdin", *options)
    runs.append(one)
    one.answer(TOKEN)
    one.until("spread_test_bot", 2)
    return one


class Finished(NamedTuple):
    """A run that went well, in a private chat."""

    api: Telegram
    state_dir: Path
    shown: str
    code: int
    complaint: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    directory = tmp_path_factory.mktemp("setup")
    with in_thread() as api:
        one = Setup(api, directory / "state", "--token-stdin")
        try:
            one.answer(TOKEN)
            one.until("spread_test_bot", 2)
            api.says("/halt")
            one.until("[y/N]")
            one.answer("y")
            code, complaint = one.ends()
        finally:
            one.close()
        yield Finished(api, directory / "state", one.shown, code, complaint)


class TestTheEnd:
    def test_is_a_message_there_and_what_to_put_where(self, finished: Finished) -> None:
        """And exit code 0. The token is shown nowhere."""
        shown = finished.shown

        assert (finished.code, finished.complaint) == (0, "")
        assert f"user id {OWNER.id}" in shown
        assert f"TELEGRAM_CHAT_ID={PRIVATE}" in shown
        assert "alert.telegram_enabled: true" in shown
        assert "topic_id" not in shown
        assert SECRET_PART not in shown
        (sent,) = finished.api.messages(PRIVATE)
        assert "never switch live trading on" in sent.text
        assert sent.silent is False

    def test_leaves_nothing_behind_that_the_engine_would_obey(self, finished: Finished) -> None:
        """The message that was waited for is confirmed."""
        waiting = finished.api.waiting_updates

        assert not any("message" in update for update in waiting)

    def test_is_a_halt_button_that_the_engine_will_know(self, finished: Finished) -> None:
        """It carries the mark of this installation, and whoever taps it is heard."""
        memory = ControlMemory(finished.state_dir / CONTROL_NAME)
        access = access_of(some_settings(""), "spread_test_bot", memory.instance)
        memory.close()

        label = finished.api.messages(PRIVATE)[0].buttons[0][0]["text"]
        finished.api.taps_label(label)

        heard = hear(finished.api.waiting_updates[-1], access)
        assert isinstance(heard, Heard)
        assert heard.data.startswith("halt:")


class TestTheWayToAChat:
    def test_takes_nobody_who_is_not_confirmed(
        self, api: Telegram, runs: list[Setup], tmp_path: Path
    ) -> None:
        """A stranger who finds the bot first gets no word."""
        one = begun(runs, api, tmp_path)
        api.says("hi", SUPERGROUP, MEMBER)
        one.until("[y/N]")
        one.answer("")
        one.until("left alone")
        api.says("/start")
        one.until("[y/N]", 2)
        one.answer("yes")
        one.ends()

        assert f"TELEGRAM_CHAT_ID={PRIVATE}" in one.shown
        assert api.messages(SUPERGROUP) == []

    def test_passes_over_what_nobody_wrote_himself(
        self, api: Telegram, runs: list[Setup], tmp_path: Path
    ) -> None:
        """Forwarded, anonymous and posted by a channel: none says whose chat it is."""
        one = begun(runs, api, tmp_path)
        api.says("a", forwarded=True)
        api.says("b", SUPERGROUP, anonymous=True)
        api.says("c", SUPERGROUP, as_channel=True)
        api.says("/start")
        one.until("[y/N]")
        one.answer("y")
        code, _ = one.ends()

        assert code == 0
        assert one.shown.count("[y/N]") == 1

    def test_names_the_topic_and_who_may_steer_in_a_group(
        self, api: Telegram, runs: list[Setup], tmp_path: Path
    ) -> None:
        """The greeting goes into that topic, too."""
        one = begun(runs, api, tmp_path)
        api.says("/start", FORUM, topic_id=TOPIC)
        one.until("[y/N]")
        one.answer("y")
        one.ends()

        assert f"TELEGRAM_CHAT_ID={FORUM}" in one.shown
        assert f"alert.telegram.topic_id: {TOPIC}" in one.shown
        assert f"alert.telegram.user_ids: [{OWNER.id}]" in one.shown
        assert api.messages(FORUM)[0].topic_id == TOPIC

    def test_speaks_korean(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """At the terminal and in the chat."""
        one = begun(runs, api, tmp_path, "--language", "ko")
        api.says("/start")
        one.until("[y/N]")
        one.answer("네")
        code, _ = one.ends()

        assert code == 0
        assert re.search("[가-힣]", api.messages(PRIVATE)[0].text)
        assert "호스트에서" in one.shown

    def test_takes_the_token_from_the_environment(
        self, api: Telegram, runs: list[Setup], tmp_path: Path
    ) -> None:
        """Where it will stand in the end."""
        one = Setup(api, tmp_path, token=TOKEN)
        runs.append(one)
        one.until("spread_test_bot", 2)
        api.says("/start")
        one.until("[y/N]")
        one.answer("y")

        assert one.ends()[0] == 0

    def test_does_not_echo_a_token_that_is_typed(self, api: Telegram, tmp_path: Path) -> None:
        """At a real terminal, whose screen somebody may see."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "bot", "setup", "--api-base", api.base, "--wait", "0.01"]
        with subprocess.Popen(
            [*command, "--state-dir", str(tmp_path)],
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if "TELEGRAM" not in key},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            shown = ""
            with contextlib.suppress(OSError):  # that is how a terminal's other end hangs up
                while piece := os.read(ours, 1_000).decode():
                    if "BotFather" in shown + piece and "BotFather" not in shown:
                        os.write(ours, f"{TOKEN}\n".encode())
                    shown += piece
            process.wait(WITHIN_S)
        os.close(ours)

        assert "spread_test_bot" in shown
        assert SECRET_PART not in shown

    def test_waits_out_an_outage(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """A proxy's page in between is no reason to begin anew."""
        api.faults.then(None, faults.bad_gateway(), faults.RESET)
        one = begun(runs, api, tmp_path)
        api.says("/start")
        one.until("[y/N]")
        one.answer("y")

        assert one.ends()[0] == 0


class TestWhatGoesWrong:
    def test_nobody_writes(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """The wait is bounded."""
        one = begun(runs, api, tmp_path, "--wait", "0.01")

        assert one.ends() == (1, "nobody wrote to the bot within 0.01 min")

    def test_nobody_answers(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """The terminal is gone."""
        one = begun(runs, api, tmp_path)
        assert one.process.stdin is not None
        one.process.stdin.close()
        api.says("/start")

        assert one.ends() == (1, "stopped before anything was set up")
        assert api.sent == []

    def test_somebody_else_polls(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """Such as an engine that runs already: one line, and exit code 1."""
        api.faults.always(faults.conflict(), ("getUpdates",))
        one = begun(runs, api, tmp_path)

        code, complaint = one.ends()

        assert code == 1
        assert "only one bot instance" in complaint
        assert len(complaint.splitlines()) == 1

    @pytest.mark.parametrize("token", ["nonsense", f"7:{'A' * 35}", TOKEN[:-1] + "x"])
    def test_the_token_is_wrong(
        self, api: Telegram, runs: list[Setup], tmp_path: Path, token: str
    ) -> None:
        """A mistake: exit code 2, one line, and not a word of the token."""
        one = Setup(api, tmp_path, token=token)
        runs.append(one)

        code, complaint = one.ends()

        assert code == 2
        assert len(complaint.splitlines()) == 1
        assert token not in complaint + one.shown

    def test_there_is_no_token(self, api: Telegram, runs: list[Setup], tmp_path: Path) -> None:
        """Without a terminal it is not asked for, since it would be shown."""
        one = Setup(api, tmp_path)
        runs.append(one)

        code, complaint = one.ends()

        assert code == 2
        assert "TELEGRAM_BOT_TOKEN" in complaint

    def test_telegram_is_not_there(self, runs: list[Setup], tmp_path: Path) -> None:
        """One line, and exit code 1."""
        nowhere = Telegram()
        nowhere.base = "http://127.0.0.1:1"
        one = Setup(nowhere, tmp_path, token=TOKEN)
        runs.append(one)

        code, complaint = one.ends()

        assert code == 1
        assert len(complaint.splitlines()) == 1


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "Redis"),
            (["run"], "setup"),
            (["setup", "--wait", "0"], "--wait"),
            (["setup", "--wait", "nan"], "--wait"),
            (["setup", "--api-base", "ftp://x"], "http"),
            (["setup", "--language", "de"], "--language"),
            (["setup", "--tokens"], "--tokens"),
        ],
    )
    def test_says_what_is_wrong_in_one_line(self, arguments: Sequence[str], words: str) -> None:
        """With exit code 2."""
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )

        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


class TestTheFirstMessage:
    @pytest.mark.parametrize("language", list(Language))
    def test_shows_as_it_reads(self, language: Language) -> None:
        """With one button, in both languages."""
        told = first_message(language, "Ab3_-x")

        check(told)
        assert len(told.buttons) == 1

    def test_has_no_button_where_nobody_would_hear_it(self) -> None:
        """And does not speak of one."""
        told = first_message(Language.EN, "")

        assert told.buttons == ()
        assert "button" not in told.plain
