"""Records what a journal writes to its two files and what it is told to have reached the disk.

Runs in the engine's process and sees no more than the files: after each commit what was added to
the write-ahead log, after each checkpoint which pages of the database changed, and between them
the syncs. ``torn_files`` makes of it what a power cut could have left.

The descriptors opened here are never closed: that would drop SQLite's locks.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Literal

import msgspec

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
# Of the shared index: the number of the last committed frame, in the host's own byte order.
_LAST_FRAME_PLACE, _LAST_FRAME_BYTES = 16, 4
_PAGE_SIZE = slice(8, 12)


class Write(msgspec.Struct, frozen=True, tag=True):
    """Bytes that were written at a place of a file; with ``size`` the file has that size after."""

    file: Literal["db", "wal"]
    place: int
    content: bytes
    size: int = -1


class Committed(msgspec.Struct, frozen=True, tag=True):
    """The writes before this were a commit; the journal now ends with the fact of this number."""

    upto: int


class Synced(msgspec.Struct, frozen=True, tag=True):
    """Of a file all that the first ``events`` events wrote is on disk."""

    file: Literal["db", "wal"]
    events: int


class Sent(msgspec.Struct, frozen=True, tag=True):
    """An order was written to its venue."""

    client_order_id: str


class Answered(msgspec.Struct, frozen=True, tag=True):
    """An operator was answered that something was done."""

    command_id: str


Event = Write | Committed | Synced | Sent | Answered


class WriteRecorder:
    """One life's recording, appended to ``path`` event by event."""

    def __init__(self, path: Path) -> None:
        self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lock = threading.RLock()
        self._db = self._wal = self._index = -1
        self._image = self._head = b""
        self._end = self._events = 0
        self._page = 4_096
        # Where each write to the log ended, and the number of the commit it was.
        self._ends: list[tuple[int, int]] = []

    def opened(self, journal: Path, upto: int) -> None:
        """Begin with the files as they are; they count as being on disk."""
        self._db, self._wal, self._index = (
            os.open(f"{journal}{suffix}", os.O_RDONLY) for suffix in ("", "-wal", "-shm")
        )
        with self._lock:
            self._image = _whole(self._db)
            log = _whole(self._wal)
            self._note(Write("db", 0, self._image, len(self._image)))
            self._note(Write("wal", 0, log, len(log)))
            self._note(Committed(upto))
            self._note(Synced("db", self._events))
            self._note(Synced("wal", self._events))
            self._head = log[:HEADER_BYTES]
            if self._head:
                self._page = int.from_bytes(self._head[_PAGE_SIZE])
            self._end = self._end_of_commits()

    def committed(self, upto: int) -> None:
        """A commit was made, on the thread that makes them, and nobody has synced it yet."""
        with self._lock:
            head = os.pread(self._wal, HEADER_BYTES, 0)
            if head != self._head:
                self._begin_anew(head)
            end = self._end_of_commits()
            if end > self._end:
                added = os.pread(self._wal, end - self._end, self._end)
                self._note(Write("wal", self._end, added))
            self._note(Committed(upto))
            self._end = end
            self._ends.append((end, self._events))

    def mark(self) -> int:
        """How many events there were; what a sync that begins now will cover."""
        with self._lock:
            return self._events

    def synced(self, mark: int) -> None:
        """The log's file was synced, from when there were ``mark`` events."""
        with self._lock:
            self._note(Synced("wal", mark))

    def generation(self) -> bytes:
        """Which beginning of the log a checkpoint is about."""
        with self._lock:
            return self._head

    def checkpointed(self, generation: bytes, frames: int, copied: int) -> None:
        """``copied`` of the ``frames`` of the log are in the database.

        SQLite syncs the log before it copies, and the database once all of it was.
        """
        with self._lock:
            if generation != self._head:
                # The log was begun anew meanwhile, and all of this was noted then.
                return
            end = HEADER_BYTES + copied * (FRAME_HEADER_BYTES + self._page)
            covered = [number for place, number in self._ends if place <= end]
            if covered:
                self._note(Synced("wal", covered[-1]))
            self._compare_database()
            if copied == frames:
                self._note(Synced("db", self._events))

    def sent(self, client_order_id: str) -> None:
        """An order is about to be written."""
        with self._lock:
            self._note(Sent(client_order_id))

    def answered(self, command_id: str) -> None:
        """An operator is about to be answered."""
        with self._lock:
            self._note(Answered(command_id))

    def _begin_anew(self, head: bytes) -> None:
        """The log was begun anew.

        SQLite does so once all of it is in the database and that was synced, and syncs the new
        header before it writes a frame.
        """
        self._compare_database()
        self._note(Synced("db", self._events))
        self._note(Write("wal", 0, head))
        self._note(Synced("wal", self._events))
        self._head, self._end = head, HEADER_BYTES
        self._ends.clear()
        self._page = int.from_bytes(head[_PAGE_SIZE])

    def _compare_database(self) -> None:
        image = _whole(self._db)
        for place in range(0, len(image), self._page):
            page = image[place : place + self._page]
            if page != self._image[place : place + self._page]:
                self._note(Write("db", place, page))
        self._image = image

    def _end_of_commits(self) -> int:
        """Where the log ends, as SQLite's own index has it."""
        last = os.pread(self._index, _LAST_FRAME_BYTES, _LAST_FRAME_PLACE)
        frames = int.from_bytes(last, sys.byteorder)
        return HEADER_BYTES + frames * (FRAME_HEADER_BYTES + self._page)

    def _note(self, event: Event) -> None:
        body = msgspec.msgpack.encode(event)
        os.write(self._log, len(body).to_bytes(4) + body)
        self._events += 1


def read_recording(path: Path) -> list[Event]:
    """All events; one that was cut off by a kill is left out."""
    decoder = msgspec.msgpack.Decoder(Event)
    content, place, events = path.read_bytes(), 0, []
    while place + 4 <= len(content):
        length = int.from_bytes(content[place : place + 4])
        if place + 4 + length > len(content):
            break
        events.append(decoder.decode(content[place + 4 : place + 4 + length]))
        place += 4 + length
    return events


def _whole(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
