"""The two threads that keep the write-ahead log: one syncs it to disk, one keeps it short.

Neither touches the connection of the event loop's thread.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from trader.credentials import shown_path
from trader.domain.errors import JournalError
from trader.execution.database import explained, open_checkpointer, wal_path

Flush = Callable[[int], None]
OnFailure = Callable[[JournalError], None]

_COMMITS_PER_CHECKPOINT = 200
_PASSES = 5
_STOP_WITHIN_S = 5.0


class SyncState(Struct, frozen=True):
    """How far the disk is behind, for metrics; durations in milliseconds."""

    unsynced_commits: int
    oldest_unsynced_ms: float
    last_sync_ms: float
    syncs: int


class WalSync:
    """Syncs the WAL after each commit, as soon as the disk is free; a burst shares one sync.

    Holds its own descriptor on the ``-wal`` file, which carries no locks. That file stays the same
    as long as the database is open; when it does not, commits go to a file no path leads to, and
    that is a failure. A failure is final: the kernel forgets what it could not write, so a second
    sync that succeeds would prove nothing.
    """

    def __init__(self, path: Path, on_failure: OnFailure, flush: Flush) -> None:
        self._path = path
        self._wal = wal_path(path)
        self._on_failure = on_failure
        self._flush = flush
        self._changed = threading.Condition()
        self._committed = self._synced = self._syncs = 0
        self._in_flight_since_ns: int | None = None
        self._waiting_since_ns: int | None = None
        self._last_sync_ms = 0.0
        self._failure: JournalError | None = None
        self._stopping = False
        self._descriptor = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """Tell that one more commit stands in the WAL."""
        with self._changed:
            self._committed += 1
            if self._waiting_since_ns is None:
                self._waiting_since_ns = time.monotonic_ns()
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Block until every commit told so far is on disk.

        Raises:
            JournalError: a sync failed, or took longer than ``timeout_s``.
        """
        with self._changed:
            target = self._committed
            self._changed.wait_for(lambda: self._settled(target), timeout_s)
            if self._synced >= target:
                return
            if self._failure is not None:
                raise self._failure
            raise JournalError(f"journal {shown_path(self._path)}: not on disk after {timeout_s} s")

    def state(self) -> SyncState:
        """How far the disk is behind now."""
        with self._changed:
            oldest = self._in_flight_since_ns or self._waiting_since_ns
            age_ms = 0.0 if oldest is None else (time.monotonic_ns() - oldest) / 1e6
            behind = self._committed - self._synced
            return SyncState(behind, age_ms, self._last_sync_ms, self._syncs)

    def stop(self) -> None:
        """Sync what is left and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_STOP_WITHIN_S)
        if not self._thread.is_alive():
            os.close(self._descriptor)

    def _settled(self, target: int) -> bool:
        return self._synced >= target or self._failure is not None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._committed > self._synced)
                target = self._committed
                if target == self._synced:
                    return
                self._in_flight_since_ns, self._waiting_since_ns = self._waiting_since_ns, None
            began_ns = time.monotonic_ns()
            try:
                self._flush(self._descriptor)
                self._refuse_replaced()
            except OSError as error:
                self._fail(error)
                return
            with self._changed:
                self._synced = target
                self._syncs += 1
                self._last_sync_ms = (time.monotonic_ns() - began_ns) / 1e6
                self._in_flight_since_ns = None
                self._changed.notify_all()

    def _refuse_replaced(self) -> None:
        ours, found = os.fstat(self._descriptor), os.stat(self._wal)
        if (ours.st_dev, ours.st_ino) != (found.st_dev, found.st_ino):
            raise OSError(f"{self._wal.name} was replaced while in use")

    def _fail(self, error: OSError) -> None:
        failure = explained(self._path, "syncing to disk", error)
        failure.__cause__ = error
        with self._changed:
            self._failure = failure
            self._changed.notify_all()
        self._on_failure(failure)


class Checkpointer:
    """Moves the WAL into the database file every so many commits; no writer waits for it."""

    def __init__(self, path: Path, on_failure: OnFailure) -> None:
        self._path = path
        self._on_failure = on_failure
        self._since_last = 0
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="journal-checkpoint", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """Tell that one more commit stands in the WAL."""
        self._since_last += 1
        if self._since_last >= _COMMITS_PER_CHECKPOINT:
            self._since_last = 0
            self._wake.set()

    def stop(self) -> None:
        """End the thread; a checkpoint under way is finished first."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_WITHIN_S)

    def _run(self) -> None:
        try:
            connection = open_checkpointer(self._path)
            try:
                while True:
                    self._wake.wait()
                    self._wake.clear()
                    if self._stopping:
                        return
                    _checkpoint(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            failure = explained(self._path, "moving the log into the database", error)
            failure.__cause__ = error
            self._on_failure(failure)


def _checkpoint(connection: sqlite3.Connection) -> None:
    # Passive: copies what it may and waits for nobody. The log begins anew only once all of it was
    # copied, so what was added meanwhile is gone after; the rest is left to the next time.
    for _ in range(_PASSES):
        _, frames, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if copied == frames:
            return
