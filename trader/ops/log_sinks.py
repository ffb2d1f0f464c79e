"""Where log lines end up: a thread per destination, the console, and a file that is rotated."""

import io
import os
import queue
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TextIO, TypeVar

MAX_QUEUED_LINES = 10_000

LineT = TypeVar("LineT")


class LineWriter(Protocol):
    """A destination of whole lines."""

    def write(self, text: str) -> None:
        """Write one line, adding its end. Raises OSError or ValueError when it cannot."""
        ...

    def close(self) -> None:
        """Let go of the destination; never raises."""
        ...


class Sink(threading.Thread, Generic[LineT]):
    """Renders and writes queued lines in a thread of its own.

    At most ``max_queued`` wait. What does not fit or cannot be written is counted, and told at the
    destination as soon as it takes lines again.
    """

    def __init__(
        self,
        writer: LineWriter,
        render: Callable[[LineT], str],
        loss_line: Callable[[int], LineT],
        max_queued: int = MAX_QUEUED_LINES,
    ) -> None:
        # A daemon: a terminal that hangs must not keep a stopped engine's process alive.
        super().__init__(name=f"log {type(writer).__name__}", daemon=True)
        self._writer = writer
        self._render = render
        self._loss_line = loss_line
        self._max_queued = max_queued
        # Not queue.Queue: its lock costs several times as much, on the event loop's side.
        self._lines: queue.SimpleQueue[LineT | threading.Event | None] = queue.SimpleQueue()
        self._dropped = 0
        self._failed = 0
        self._told = 0

    @property
    def lost(self) -> int:
        """How many lines never reached the destination."""
        return self._dropped + self._failed

    def put(self, line: LineT) -> None:
        """Queue a line, or count it as dropped. Callers take turns by the handler's lock."""
        if self._lines.qsize() >= self._max_queued:
            self._dropped += 1
        else:
            self._lines.put(line)

    def mark(self, reached: threading.Event) -> bool:
        """Set ``reached`` once all that is queued now was written; False where nobody writes."""
        if self.is_alive():
            self._lines.put(reached)
        return self.is_alive()

    def finish(self) -> None:
        """End the thread after what is queued now."""
        self._lines.put(None)

    def run(self) -> None:
        """The thread: one line at a time until told to finish."""
        while (line := self._lines.get()) is not None:
            if isinstance(line, threading.Event):
                line.set()
            elif self._write(line):
                self._tell_losses()
            else:
                self._failed += 1
        self._tell_losses()
        self._writer.close()

    def _write(self, line: LineT) -> bool:
        try:
            self._writer.write(self._render(line))
        except (OSError, ValueError, TypeError):
            return False
        return True

    def _tell_losses(self) -> None:
        lost = self.lost
        if lost > self._told and self._write(self._loss_line(lost - self._told)):
            self._told = lost


class Console:
    """The process's stdout, written past Python's buffer.

    A thread that hangs inside a buffered stream holds its lock and would abort Python's exit.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._raw: io.FileIO | None = None
        with suppress(OSError, ValueError, AttributeError):
            self._raw = io.FileIO(os.dup(stream.fileno()), "wb")

    def write(self, text: str) -> None:
        """Write one line; what the console's encoding lacks is written as an escape."""
        encoding = self._stream.encoding or "utf-8"
        line = f"{text}\n".encode(encoding, "backslashreplace")
        if self._raw is None:
            self._stream.write(line.decode(encoding))
            self._stream.flush()
        else:
            _write_all(self._raw.fileno(), line)

    def close(self) -> None:
        """Close our copy; the process keeps its stdout."""
        if self._raw is not None:
            with suppress(OSError):
                self._raw.close()


class RotatedFile:
    """A file of mode 0600 that becomes ``name.1`` when full; older ones count up to ``backups``."""

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        """Open or create the file and its directory.

        Raises:
            OSError: it cannot be opened for writing.
        """
        self._path = path.absolute()
        self._max_bytes = max_bytes
        self._backups = backups
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, text: str) -> None:
        """Append one line, after a rotation when it would not fit."""
        line = f"{text}\n".encode("utf-8", "backslashreplace")
        if self._rotates and self._size and self._size + len(line) > self._max_bytes:
            # A directory that cannot be written to costs the rotation, not the line.
            with suppress(OSError):
                self._rotate()
        _write_all(self._descriptor, line)
        self._size += len(line)

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(self._path, flags, 0o600)
        found = os.fstat(descriptor)
        # Never a device: changing or renaming /dev/null would break the host.
        self._rotates = stat.S_ISREG(found.st_mode)
        self._size = found.st_size
        if self._rotates:
            with suppress(PermissionError):
                os.fchmod(descriptor, 0o600)
        return descriptor

    def _rotate(self) -> None:
        for number in range(self._backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(self._backup(number), self._backup(number + 1))
        if self._backups:
            os.replace(self._path, self._backup(1))
        else:
            self._path.unlink()
        full, self._descriptor = self._descriptor, self._open()
        os.close(full)

    def _backup(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
