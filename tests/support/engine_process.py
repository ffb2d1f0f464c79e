"""The real program as a child process: its own directory, config, port and environment."""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[2]
LINE_WITHIN_S = 60.0
"""How long a line may take; far beyond what it does, since the other tests keep the host busy."""
END_WITHIN_S = 120.0
_HTTP_TIMEOUT_S = 30.0
_POLL_S = 0.01
# What a developer's shell may hold and a run must not see.
_KEPT_OUT = ("TELEGRAM_", "LIVE_TRADING", "TRADER_", "UPBIT_", "BITHUMB_", "BINANCE_", "PYTHON")


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EngineHome:
    """A working directory of an engine: config, state, logs. Engines of one home share a state."""

    def __init__(self, directory: Path, config: Mapping[str, Mapping[str, Any]] = {}) -> None:
        """``config`` is sections of keys, laid over a free metrics port."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.config_path = directory / "engine.yml"
        sections: dict[str, dict[str, Any]] = {"metrics_server": {"port": self.port}}
        for name, keys in config.items():
            sections.setdefault(name, {}).update(keys)
        self.config_path.write_text(yaml.safe_dump(sections), encoding="utf-8")

    @property
    def journal(self) -> Path:
        """The journal of the simulated market."""
        return self.directory / "state" / "mock.db"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.directory / "logs" / "live.log"

    def start(
        self,
        *arguments: str,
        program: Sequence[str] = ("-m", "trader"),
        environ: Mapping[str, str] = {},
    ) -> "EngineProcess":
        """Start the program with this home's config and these arguments."""
        command = [sys.executable, *program, *arguments, "--config", str(self.config_path)]
        return EngineProcess(self, command, child_environment(environ))

    def run(
        self,
        *arguments: str,
        program: Sequence[str] = ("-m", "trader"),
        environ: Mapping[str, str] = {},
    ) -> "EngineProcess":
        """Start it and wait for its end."""
        with self.start(*arguments, program=program, environ=environ) as engine:
            engine.wait()
        return engine

    def facts(self, *kinds: str) -> list[dict[str, Any]]:
        """The journaled facts in order, of these kinds or all; opened read-only."""
        connection = sqlite3.connect(f"{self.journal.as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT body FROM facts ORDER BY seq").fetchall()
        finally:
            connection.close()
        facts = [json.loads(body) for (body,) in rows]
        return [fact for fact in facts if not kinds or fact["type"] in kinds]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of ``GET path`` at the metrics server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_HTTP_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8")
        finally:
            connection.close()


class EngineProcess:
    """One run of the program. As a context manager it is ended on the way out, however."""

    def __init__(
        self, home: EngineHome, command: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self.home = home
        self._process = subprocess.Popen(
            list(command),
            cwd=home.directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._out: list[str] = []
        self._err: list[str] = []
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self._process.stdout, self._out),
                (self._process.stderr, self._err),
            )
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def out(self) -> list[str]:
        """The lines it wrote to stdout so far."""
        with self._changed:
            return list(self._out)

    @property
    def err(self) -> list[str]:
        """The lines it wrote to stderr so far."""
        with self._changed:
            return list(self._err)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def told(self, words: str) -> list[str]:
        """The lines on stdout with these words in them."""
        return [line for line in self.out if words in line]

    def wait_for(self, words: str, *, count: int = 1, within_s: float = LINE_WITHIN_S) -> list[str]:
        """The lines with these words, once there are ``count`` of them.

        Raises:
            AssertionError: it ended, or the time is over, before it wrote them.
        """
        self._wait_until(lambda: sum(words in line for line in self._out) >= count, within_s)
        found = self.told(words)
        assert len(found) >= count, f"no {words!r} within {within_s} s\n{self._transcript()}"
        return found

    def signal(self, number: Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, within_s: float = END_WITHIN_S) -> int:
        """Its exit code, once it has ended and all it wrote has been read.

        Raises:
            AssertionError: it has not ended in time.
        """
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {within_s} s\n{self._transcript()}"
            ) from None
        self._finish_reading()
        return code

    @property
    def code(self) -> int:
        """The exit code of a run that has ended."""
        assert self._process.returncode is not None, "it is still running"
        return self._process.returncode

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        self._process.kill()
        self._process.wait(END_WITHIN_S)
        self._finish_reading()

    def stop(self, number: Signals) -> tuple[int, float]:
        """Send a stop signal; returns the exit code and the seconds until the end."""
        began = time.monotonic()
        self.signal(number)
        code = self.wait()
        return code, time.monotonic() - began

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _wait_until(self, holds: Callable[[], bool], within_s: float) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: holds() or not any(reader.is_alive() for reader in self._readers), within_s
            )

    def _finish_reading(self) -> None:
        for reader in self._readers:
            reader.join(END_WITHIN_S)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _transcript(self) -> str:
        return "\n".join([*self.out[-40:], "-- stderr --", *self.err[-40:]])


def wait_until(holds: Callable[[], bool], within_s: float = LINE_WITHIN_S) -> None:
    """Wait for what has no event of its own.

    Raises:
        AssertionError: it does not hold in time.
    """
    give_up_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {within_s} s"
        time.sleep(_POLL_S)


def child_environment(changes: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment without anything a run could mistake for its own; ``trader`` importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_OUT)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **changes}


def message(line: str) -> str:
    """A log line without its time and level."""
    return line.split(maxsplit=3)[3]
