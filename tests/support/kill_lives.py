"""The lives of a crashing engine, one at a time, and the news they leave behind."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.support.crashing_engine import Life
from tests.support.engine_process import ROOT, child_environment
from tests.support.kill_watch import Row, read_line

_COMMAND = (sys.executable, "-m", "tests.support.crashing_engine")
_END_WITHIN_S = 30.0


class Lives:
    """One zygote. ``begin``, ``news`` until ``gone``, then ``end``; ``kill`` at any time."""

    def __init__(self, directory: Path, config: Path, environ: Mapping[str, str]) -> None:
        self.number = 0
        self._news: queue.SimpleQueue[Row] = queue.SimpleQueue()
        events, told = os.pipe()
        self._events = os.fdopen(events, "rb")
        self._zygote = subprocess.Popen(
            [*_COMMAND, str(told), str(directory), str(config)],
            cwd=ROOT,
            env=child_environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=(told,),
        )
        os.close(told)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._waiter: threading.Thread | None = None
        self._lock = threading.Lock()
        self._pid: int | None = None

    def begin(self, life: Life) -> None:
        """Begin a life."""
        self.number += 1
        self._say(msgspec.json.encode(replace(life, number=self.number)).decode())
        pid = int(self._line())
        with self._lock:
            self._pid = pid
        self._waiter = threading.Thread(target=self._wait, args=(self.number,), daemon=True)
        self._waiter.start()

    def news(self, within_s: float) -> Row | None:
        """What this life told next; ``gone`` is its last word. None where nothing came in time."""
        with contextlib.suppress(queue.Empty):
            told = self._news.get(timeout=within_s)
            return told if told["life"] == self.number else None
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send the living one a signal."""
        # Its parent reaps it only once we have let go of the pid, so it is nobody else's.
        with self._lock:
            if self._pid is not None:
                os.kill(self._pid, number)

    def arm(self) -> None:
        """Let its point count from now on."""
        self.signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)

    def end(self) -> int:
        """The exit code of the one that is gone."""
        assert self._waiter is not None
        self._waiter.join(_END_WITHIN_S)
        with self._lock:
            self._pid = None
        self._say("")
        return int(self._line())

    def close(self) -> None:
        """End the zygote, and what may be left of its last life."""
        self.kill()
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        if self._waiter is not None:
            self._waiter.join(_END_WITHIN_S)
        self._zygote.stdin.close()
        self._zygote.wait(_END_WITHIN_S)
        self._zygote.stdout.close()
        self._reader.join(_END_WITHIN_S)
        self._events.close()

    def _say(self, words: str) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(f"{words}\n")
        self._zygote.stdin.flush()

    def _line(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline().strip()

    def _wait(self, number: int) -> None:
        assert self._line() in ("gone", "")
        self._news.put({"life": number, "gone": True})

    def _read(self) -> None:
        for line in self._events:
            told = read_line(line)
            if told is not None:
                self._news.put(told)
