"""Log lines: their exact form, what is masked in them, and that writing them never waits."""

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from trader.domain.errors import ConfigError
from trader.ops.log_sinks import RotatedFile, Sink
from trader.ops.logs import LogHandle, configure_logging

SECRET = "upbit-secret-key-4711"
TOKEN = "123456789:AAExampleExampleExampleExample-_ab1"
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"


class Logged:
    """A log that was set up for one test, and what came of it."""

    def __init__(self, path: Path, handle: LogHandle) -> None:
        self.path = path
        self.handle = handle

    @property
    def text(self) -> str:
        """The file's content once everything queued is written."""
        self.handle.close()
        return self.path.read_text()

    @property
    def lines(self) -> list[str]:
        """The lines without their time."""
        return [re.sub(f"^{STAMP} ", "", line) for line in self.text.splitlines()]


@contextmanager
def logging_to(
    path: Path,
    fmt: Literal["text", "json"] = "text",
    level: str = "INFO",
    max_bytes: int = 1_000_000,
) -> Iterator[Logged]:
    """Logging configured for the time of one test, without the handlers pytest adds."""
    root = logging.getLogger()
    theirs, root.handlers = root.handlers, []
    try:
        with configure_logging(
            level=level, fmt=fmt, file=path, max_bytes=max_bytes, backups=2, secrets=[SECRET]
        ) as handle:
            yield Logged(path, handle)
    finally:
        root.handlers = theirs


@pytest.fixture
def log() -> Any:
    """A logger as every module of ours has one."""
    return structlog.get_logger("trader.test")


class Unprintable:
    """An argument that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


class TestTextLines:
    def test_metrics_line_comes_out_exactly(self, tmp_path: Path, log: Any) -> None:
        """Time, level padded to five, and the line as it was given."""
        with logging_to(tmp_path / "live.log") as logged:
            log.info("[METRICS] pnl=0₩ exec_rate=0.0% live=❌")

            text = logged.text

        assert re.fullmatch(STAMP + r" INFO  \[METRICS\] pnl=0₩ exec_rate=0\.0% live=❌\n", text)

    def test_time_is_real_and_seouls(self, tmp_path: Path, log: Any) -> None:
        """Also in mock mode, whose events carry their own time."""
        with logging_to(tmp_path / "live.log") as logged:
            before_s = time.time()
            log.info("now")
            stamp = logged.text[:23]

        written = datetime.fromisoformat(f"{stamp}+09:00")
        assert -0.001 <= written.timestamp() - before_s < 30

    def test_fields_follow_the_event(self, tmp_path: Path, log: Any) -> None:
        """Names may be anything, logging's own attributes too; odd values are quoted."""
        with logging_to(tmp_path / "live.log") as logged:
            log.bind(venue="upbit").warning(
                "trade opened", trade="t-1", pnl=Decimal("1.50"), name="two words", none=None
            )

            assert logged.lines == [
                'WARN  trade opened venue=upbit trade=t-1 pnl=1.50 name="two words" none=None'
            ]

    def test_libraries_are_named_and_telegram_is_findable(self, tmp_path: Path) -> None:
        """Every line about Telegram has the word, whoever wrote it."""
        with logging_to(tmp_path / "live.log") as logged:
            logging.getLogger("aiogram.dispatcher").warning("Failed to fetch updates")
            logging.getLogger("aiohttp.server").error("bad %s", "request")
            logging.getLogger("apscheduler").info("traffic")

            assert logged.lines == [
                "WARN  aiogram.dispatcher: Telegram: Failed to fetch updates",
                "ERROR aiohttp.server: bad request",
            ]

    def test_text_from_outside_cannot_pose_as_a_line(self, tmp_path: Path, log: Any) -> None:
        """A line break is followed by an indent, control characters are spelled out."""
        with logging_to(tmp_path / "live.log") as logged:
            log.error("venue said\n2026-01-05 09:05:00.123 INFO  [LIVE] \x1b[2JALLOWED \ud800")

            first, second = logged.text.splitlines()

        assert first.endswith("ERROR venue said")
        assert second == r"    2026-01-05 09:05:00.123 INFO  [LIVE] \u001b[2JALLOWED \ud800"

    def test_level_is_a_threshold(self, tmp_path: Path, log: Any) -> None:
        """What is below it costs no line."""
        with logging_to(tmp_path / "live.log", level="WARNING") as logged:
            log.info("quiet")
            log.error("loud")

            assert logged.lines == ["ERROR loud"]

    def test_arguments_are_read_when_logged(self, tmp_path: Path, log: Any) -> None:
        """What changes afterwards does not change the line."""
        orders = ["a"]
        with logging_to(tmp_path / "live.log") as logged:
            log.info("sent", orders=orders)
            logging.getLogger("trader").info("sent %s", orders)
            orders.append("b")

            assert logged.lines == ["INFO  sent orders=['a']", "INFO  sent ['a']"]


class TestJsonLines:
    def test_are_objects_with_the_fields_beside_the_event(self, tmp_path: Path, log: Any) -> None:
        """Numbers stay numbers, money stays exact, no field hides what the line itself says."""
        with logging_to(tmp_path / "live.log", fmt="json") as logged:
            log.info("trade\nopened", pnl=Decimal("1.50"), ms=1.5, bad=float("nan"), level="x")

            line = json.loads(logged.text)

        at = line.pop("at")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+09:00", at)
        assert line == {
            "level": "info",
            "logger": "trader.test",
            "event": "trade\nopened",
            "pnl": "1.50",
            "ms": 1.5,
            "bad": "nan",
            "level_": "x",
        }


class TestSecrets:
    @pytest.mark.parametrize("fmt", ["text", "json"])
    def test_are_in_no_message_argument_or_traceback(
        self,
        tmp_path: Path,
        log: Any,
        fmt: Literal["text", "json"],
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """On no handler, however they got there."""
        with logging_to(tmp_path / "live.log", fmt=fmt) as logged:
            log.info(" ".join(("key", SECRET)), key=SECRET, url=f"https://t/bot{TOKEN}/getMe")
            logging.getLogger("aiohttp.client").warning("%s %r", SECRET, {"t": TOKEN})
            try:
                raise ValueError(f"refused {SECRET}")
            except ValueError:
                log.exception("failed")
            text = logged.text
        out, err = capfd.readouterr()

        for written in (text, out):
            assert written.count("***") >= 6
            assert "ValueError: refused ***" in written
            assert SECRET not in written
            assert TOKEN not in written
        assert err == ""

    def test_do_not_escape_through_a_record_that_cannot_be_formatted(
        self, tmp_path: Path, log: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The usual answer prints the arguments to stderr; the caller must not fail either."""
        with logging_to(tmp_path / "live.log") as logged:
            logging.getLogger("trader").info("%d orders", SECRET)
            log.info("shown", value=Unprintable())

            lines = logged.lines
        out, err = capfd.readouterr()

        assert lines == ["INFO  %d orders unformatted=True", "INFO  shown unformatted=True"]
        assert SECRET not in out + err
        assert err == ""


class TestFile:
    def test_is_private_and_its_directory_made(self, tmp_path: Path, log: Any) -> None:
        """Others on the host need not read what is traded."""
        path = tmp_path / "logs" / "deep" / "live.log"
        with logging_to(path) as logged:
            log.info("x")
            logged.handle.close()

        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_is_rotated_and_keeps_so_many(self, tmp_path: Path, log: Any) -> None:
        """No file grows past its bound, and the newest lines are in the first."""
        path = tmp_path / "live.log"
        with logging_to(path, max_bytes=400) as logged:
            for number in range(40):
                log.info("line", number=number)
            logged.handle.close()

        files = sorted(tmp_path.iterdir())
        assert [file.name for file in files] == ["live.log", "live.log.1", "live.log.2"]
        assert all(file.stat().st_size <= 400 for file in files)
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
        assert "number=39" in path.read_text()

    def test_is_continued_at_the_next_start(self, tmp_path: Path, log: Any) -> None:
        """A restart loses no line, and its file counts what was there."""
        path = tmp_path / "live.log"
        for run in ("first", "second"):
            with logging_to(path):
                log.info(run)

        assert [line.split()[-1] for line in path.read_text().splitlines()] == ["first", "second"]

    def test_left_by_an_earlier_run_is_made_private_and_counts(
        self, tmp_path: Path, log: Any
    ) -> None:
        """A file somebody made with another mode, and nearly full, is no exception."""
        path = tmp_path / "live.log"
        path.write_text("x" * 390)
        path.chmod(0o644)
        with logging_to(path, max_bytes=400) as logged:
            mode = path.stat().st_mode & 0o777
            log.info("over the bound")
            logged.handle.close()

        assert mode == 0o600
        assert (tmp_path / "live.log.1").read_text() == "x" * 390

    def test_takes_no_line_of_any_length(self, tmp_path: Path, log: Any) -> None:
        """A venue's answer of megabytes is cut, after the masking and not through a secret."""
        with logging_to(tmp_path / "live.log") as logged:
            log.info("".join(("y" * (65_536 - 40), SECRET, "z" * 100_000)))

            text = logged.text

        assert len(text) < 66_000
        assert SECRET[:6] not in text

    def test_that_is_a_device_is_never_renamed(self, tmp_path: Path) -> None:
        """Nor is the link that leads to one: renaming /dev/null would break the host."""
        link = tmp_path / "live.log"
        link.symlink_to("/dev/null")
        file = RotatedFile(link, max_bytes=10, backups=1)

        for _ in range(3):
            file.write("longer than ten bytes")
        file.close()

        assert link.is_symlink()
        assert [path.name for path in tmp_path.iterdir()] == ["live.log"]

    def test_that_cannot_be_opened_is_a_config_error(self, tmp_path: Path) -> None:
        """The operator learns the key, the value and what to do."""
        blocked = tmp_path / "file"
        blocked.write_text("")

        with pytest.raises(ConfigError, match=r"^logging\.file: '.*/file/live\.log' cannot be"):
            configure_logging(
                level="INFO",
                fmt="text",
                file=blocked / "live.log",
                max_bytes=1,
                backups=1,
                secrets=[],
            )


class StuckWriter:
    """A destination that hangs, like a terminal somebody froze."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.freed = threading.Event()
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        """Hang until freed."""
        self.reached.set()
        assert self.freed.wait(30)
        self.lines.append(text)

    def close(self) -> None:
        """Nothing to let go of."""


class FullDisk:
    """A destination that refuses a number of writes, then takes them."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        """Refuse, while refusals are left."""
        if self.refusals:
            self.refusals -= 1
            raise OSError(28, "No space left on device")
        self.lines.append(text)

    def close(self) -> None:
        """Nothing to let go of."""


class TestSink:
    def test_never_waits_and_counts_what_does_not_fit(self) -> None:
        """A frozen terminal costs lines, not time, and says how many when it is back."""
        writer = StuckWriter()
        sink = Sink[str](writer, str, lambda lost: f"lost {lost}", max_queued=3)
        sink.start()
        sink.put("0")
        assert writer.reached.wait(30)

        for number in range(1, 8):
            sink.put(str(number))
        writer.freed.set()
        sink.finish()
        sink.join(30)

        assert sink.lost == 4
        assert [line for line in writer.lines if line.isdigit()] == ["0", "1", "2", "3"]
        assert writer.lines.count("lost 4") == 1

    def test_goes_on_after_a_refused_write_and_tells_it(self) -> None:
        """A disk that was full and is not any more."""
        writer = FullDisk(refusals=2)
        sink = Sink[str](writer, str, lambda lost: f"lost {lost}")

        for number in range(4):
            sink.put(str(number))
        sink.finish()
        sink.start()
        sink.join(30)

        assert writer.lines == ["2", "lost 2", "3"]

    async def test_event_loop_goes_on_while_a_destination_hangs(self) -> None:
        """Logging from a callback returns at once."""
        writer = StuckWriter()
        sink = Sink[str](writer, str, str, max_queued=10)
        sink.start()
        turns = 0

        for number in range(100):
            sink.put(str(number))
            await asyncio.sleep(0)
            turns += 1
        stuck = not writer.lines
        writer.freed.set()
        sink.finish()
        await asyncio.to_thread(sink.join, 30)

        assert (turns, stuck) == (100, True)

    def test_says_when_what_was_queued_is_written(self) -> None:
        """Whoever must know that a line survives can wait for it."""
        writer, reached = StuckWriter(), threading.Event()
        sink = Sink[str](writer, str, str)
        sink.start()
        sink.put("a")

        assert sink.mark(reached)
        assert writer.reached.wait(30)
        assert not reached.is_set()
        writer.freed.set()
        assert reached.wait(30)
        assert writer.lines == ["a"]

        sink.finish()
        sink.join(30)
        assert not sink.mark(reached)


def test_a_flushed_log_was_written_somewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A handler's flush keeps the promise that logging makes of it, whoever is frozen."""
    with logging_to(tmp_path / "live.log") as log:
        for number in range(100):
            logging.getLogger("trader").info("line %d", number)
        (intake,) = logging.getLogger().handlers
        intake.flush()

        assert "line 99" in log.path.read_text() + capsys.readouterr().out
