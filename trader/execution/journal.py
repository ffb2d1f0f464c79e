"""The journal: facts that are only ever added, the database they live in, replay on start.

Durable before visible: what is committed here survives the process at once, and a power cut within
milliseconds (``sync="after"``) or at once (``sync="before"``).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import msgspec

from trader.credentials import shown_path
from trader.domain.authority import UNREADABLE, Authority
from trader.domain.control import Transaction
from trader.domain.errors import JournalError
from trader.domain.facts import Fact
from trader.execution.database import STORE_ERRORS, explained, open_writer
from trader.execution.tables import MIGRATIONS, authority_from, fact_from, rows_of
from trader.execution.wal import Checkpointer, Flush, SyncState, WalSync

SyncMode = Literal["after", "before"]

OWN_NAME: Final = "journal"
_SYNC_WITHIN_S = 5.0
_REPLAY_ROWS = 2_000
_MAX_KEYS_SHOWN = 5
_REPLAY = "SELECT seq, kind, body FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
# macOS has no fdatasync.
_FLUSH: Flush = getattr(os, "fdatasync", os.fsync)


class Journal:
    """The database of one engine, held by the event loop's thread.

    Nothing here keeps a second process out; the lock of the state directory does.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        sync: SyncMode,
        flush: Flush,
        on_failure: Callable[[JournalError], None],
    ) -> None:
        """Use ``Journal.open``."""
        self._path = path
        self._connection = connection
        self._on_failure = on_failure
        self._failure: JournalError | None = None
        self._current: _OpenTransaction | None = None
        self._closed = False
        self._sync = WalSync(path, self._fail, flush) if sync == "after" else None
        self._checkpointer = Checkpointer(path, self._fail)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        sync: SyncMode = "after",
        migrations: Mapping[str, Sequence[str]] | None = None,
        on_failure: Callable[[JournalError], None] = lambda _: None,
        flush: Flush = _FLUSH,
    ) -> "Journal":
        """Open or create the journal at ``path`` and bring its tables up to this program.

        ``migrations`` adds tables of others, by name: one script for each version, never changed
        once released. ``sync`` is "after" (a commit is on disk within 10 ms) or "before" (a commit
        waits for the disk). ``on_failure`` is called once, from another thread, when what was
        committed could not be brought to disk; every transaction after that raises. ``flush`` is
        what syncs a descriptor.

        Raises:
            JournalError: the file cannot be used or is newer than this program.
        """
        if migrations is not None and OWN_NAME in migrations:
            raise ValueError(f"{OWN_NAME!r} names the journal's own migrations")
        every = {OWN_NAME: MIGRATIONS, **(migrations or {})}
        connection = open_writer(path, full_sync=sync == "before", migrations=every)
        try:
            return cls(path, connection, sync, flush, on_failure)
        except OSError as error:
            connection.close()
            raise explained(path, "opening", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything written through the transaction is committed at the end, or nothing is.

        Any exception inside rolls back and goes on. A commit that failed ends the journal: what
        the process believes and what the disk holds may differ, so nothing more is written.

        Raises:
            JournalError: the journal failed before or fails now, or a transaction is open already.
        """
        self._refuse_unusable()
        transaction = _OpenTransaction(self._path, self._connection)
        transaction.execute("BEGIN IMMEDIATE")
        self._current = transaction
        committed = False
        try:
            yield transaction
            self._commit(transaction)
            committed = True
        finally:
            self._current = None
            transaction.end()
            if not committed and self._connection.in_transaction:
                # Should this fail too, the next process finds an uncommitted tail and drops it.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> sqlite3.Cursor:
        """Read with one short statement; writing needs a transaction.

        Raises:
            JournalError: the statement failed.
        """
        if sql.lstrip()[:6].upper() != "SELECT":
            raise JournalError(f"{self._path}: only SELECT is run outside a transaction")
        try:
            return self._connection.execute(sql, tuple(parameters))
        except STORE_ERRORS as error:
            raise explained(self._path, "reading", error) from error

    def append(self, tx: Transaction, facts: Sequence[Fact]) -> None:
        """Add ``facts``, in order, and what they say to the tables that answer questions.

        Raises:
            JournalError: a fact cannot be written, a fill's key or an order's id is in the journal
                already, or ``tx`` is not this journal's open transaction.
        """
        if tx is not self._current:
            raise JournalError(f"journal {shown_path(self._path)}: not its open transaction")
        try:
            rows = rows_of(facts)
        except ValueError as error:
            raise explained(self._path, "writing facts", error) from error
        for statement, batch in rows.items():
            try:
                tx.executemany(statement, batch)
            except JournalError as error:
                if isinstance(error.__cause__, sqlite3.IntegrityError):
                    keys = ", ".join("/".join(map(str, row[:2])) for row in batch[:_MAX_KEYS_SHOWN])
                    raise JournalError(f"{error}; among {keys}") from error
                raise

    def replay(self, after_seq: int = 0) -> Iterator[Fact]:
        """Every fact after the one numbered ``after_seq``, oldest first, a few thousand in memory.

        Raises:
            JournalError: a fact is missing or does not read back, with its number and kind.
        """
        last = after_seq
        while True:
            try:
                rows = self._connection.execute(_REPLAY, (last, _REPLAY_ROWS)).fetchall()
            except sqlite3.Error as error:
                raise explained(self._path, f"reading facts after {last}", error) from error
            for seq, kind, body in rows:
                if seq != last + 1:
                    raise JournalError(
                        f"journal {shown_path(self._path)}: facts {last + 1} to {seq - 1} are "
                        "missing; restore a backup"
                    )
                last = seq
                try:
                    fact = fact_from(body)
                except msgspec.DecodeError as error:
                    raise JournalError(
                        f"journal {shown_path(self._path)}: fact {seq} of kind {kind!r} does not "
                        f"read back: {error}"
                    ) from error
                yield fact
            if len(rows) < _REPLAY_ROWS:
                return

    def authority(self) -> Authority:
        """The record of authority; that of a fresh host where none was ever written.

        What cannot be read is a halt: whoever damaged it must not have granted anything.
        """
        try:
            row = self._connection.execute("SELECT body FROM authority WHERE id = 1").fetchone()
            return Authority() if row is None else authority_from(row[0])
        except (sqlite3.Error, msgspec.DecodeError):
            return UNREADABLE

    def sync_now(self) -> None:
        """Block until everything committed so far is on disk.

        Raises:
            JournalError: it could not be brought there, within five seconds.
        """
        if self._failure is not None:
            raise JournalError(str(self._failure)) from self._failure
        if self._sync is not None:
            self._sync.wait(_SYNC_WITHIN_S)

    def sync_state(self) -> SyncState:
        """How far the disk is behind the last commit; all zero where commits wait for it."""
        return SyncState(0, 0.0, 0.0, 0) if self._sync is None else self._sync.state()

    def close(self) -> None:
        """Bring everything to disk and into the one file, and let go of it. Twice is once."""
        if self._closed:
            return
        self._closed = True
        if self._sync is not None:
            self._sync.stop()
        self._checkpointer.stop()
        if self._failure is None:
            # Readers still open, or a full disk, only leave the rest in the -wal file.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()

    def _commit(self, transaction: "_OpenTransaction") -> None:
        if transaction.failure is not None:
            raise JournalError(str(transaction.failure)) from transaction.failure
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._failure = explained(self._path, "committing", error)
            raise self._failure from error
        if self._sync is not None:
            self._sync.committed()
        self._checkpointer.committed()

    def _fail(self, failure: JournalError) -> None:
        if self._failure is None:
            self._failure = failure
            self._on_failure(failure)

    def _refuse_unusable(self) -> None:
        if self._failure is not None:
            raise JournalError(str(self._failure)) from self._failure
        if self._closed:
            raise JournalError(f"journal {shown_path(self._path)}: closed")
        if self._current is not None:
            raise JournalError(f"journal {shown_path(self._path)}: a transaction is open already")


class _OpenTransaction:
    """A ``Transaction``; of no use once it has ended or a statement of it failed."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._ended = False
        self.failure: JournalError | None = None

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> sqlite3.Cursor:
        """Run one statement inside the transaction."""
        self._refuse_ended()
        try:
            return self._connection.execute(sql, tuple(parameters))
        except STORE_ERRORS as error:
            self.failure = explained(self._path, "writing", error)
            raise self.failure from error

    def executemany(self, sql: str, rows: Sequence[Sequence[object]], /) -> sqlite3.Cursor:
        """Run one statement for each row inside the transaction."""
        self._refuse_ended()
        try:
            return self._connection.executemany(sql, rows)
        except STORE_ERRORS as error:
            self.failure = explained(self._path, "writing", error)
            raise self.failure from error

    def end(self) -> None:
        """Refuse every statement from now on."""
        self._ended = True

    def _refuse_ended(self) -> None:
        # SQLite may have rolled back by itself; a statement after that would commit on its own.
        if self.failure is not None:
            raise JournalError(str(self.failure)) from self.failure
        if self._ended:
            raise JournalError(f"journal {shown_path(self._path)}: this transaction has ended")
