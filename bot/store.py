"""What the bot must remember over a restart: ``state/bot.db``, an SQLite file of its own.

The engine's outbox is the truth about what is still to be told; this file only spares its readers
duplicates. So where it is damaged it is put aside and begun anew, and where nothing can be written
it is kept in memory.

An outbox numbers its alerts from one, and outboxes are deleted, restored and swapped. So an alert
is its number and when it entered, and what belongs to one scope is not seen in another.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.stories import Story, Told
from trader.port import Folded

_logger = logging.getLogger("bot.store")

STORE_NAME = "bot.db"
MAX_ROWS = 100_000
KEEP_NS = 30 * 24 * 3_600 * 1_000_000_000
MAX_STORIES = 2_000
"""How many stories are read back at a start, the newest first."""

_MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE told (
        engine TEXT NOT NULL,
        alert_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        count INTEGER NOT NULL,
        over INTEGER NOT NULL,
        at_ns INTEGER NOT NULL,
        PRIMARY KEY (engine, alert_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX told_at ON told (at_ns);
    CREATE TABLE stories (
        engine TEXT NOT NULL,
        key TEXT NOT NULL,
        alert_id INTEGER NOT NULL,
        at_ns INTEGER NOT NULL,
        story TEXT NOT NULL,
        PRIMARY KEY (engine, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX stories_at ON stories (at_ns);
    CREATE INDEX stories_alert ON stories (engine, alert_id);
    CREATE TABLE folded_told (
        engine TEXT NOT NULL,
        code TEXT NOT NULL,
        folded TEXT NOT NULL,
        PRIMARY KEY (engine, code)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE summaries_sent (
        kind TEXT NOT NULL,
        period TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        PRIMARY KEY (kind, period)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX summaries_at ON summaries_sent (at_ns);
    """,
    """
    -- Of which database these were was not noted, and what is mistaken for told is never told.
    DROP TABLE told;
    DELETE FROM stories;
    DELETE FROM folded_told;
    CREATE TABLE told (
        engine TEXT NOT NULL,
        alert_id INTEGER NOT NULL,
        created_ns INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        count INTEGER NOT NULL,
        over INTEGER NOT NULL,
        at_ns INTEGER NOT NULL,
        PRIMARY KEY (engine, alert_id, created_ns)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX told_at ON told (at_ns);
    -- Those of no scope were sent before there were any, and count in each.
    ALTER TABLE summaries_sent RENAME TO summaries_before;
    DROP INDEX summaries_at;
    CREATE TABLE summaries_sent (
        scope TEXT NOT NULL,
        kind TEXT NOT NULL,
        period TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        PRIMARY KEY (scope, kind, period)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX summaries_at ON summaries_sent (at_ns);
    INSERT INTO summaries_sent SELECT '', kind, period, at_ns FROM summaries_before;
    DROP TABLE summaries_before;
    """,
)
"""Each leads from one ``user_version`` to the next."""

_OPEN_TIMEOUT_S = 1.0
_BUSY_TIMEOUT_MS = 50
"""How long a statement waits for another process: alerts and the engine wait with it."""
_PRUNE_EVERY = 1_000
_PRUNE_MOST = 5_000
_PRUNED = {
    "told": "engine, alert_id, created_ns",
    "stories": "engine, key",
    "summaries_sent": "scope, kind, period",
}
"""The tables that grow, with their keys."""


class StoreError(Exception):
    """The file did not do as it should; the text says what SQLite said."""


class Store:
    """Remembers what was told and by which message. Used from one thread.

    Every method may raise StoreError. Times are UTC nanoseconds.
    """

    def __init__(self, path: Path, scope: str = "") -> None:
        """Open or create the file, private to its owner; never fails, see the module.

        ``scope`` parts what shares the file but nothing else, such as modes with a journal each.
        """
        self._scope = scope
        self._db = _opened(path)
        self._writes = 0
        with contextlib.suppress(StoreError):
            self._prune()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def told(self, engine: str, alerts: Mapping[int, int]) -> dict[int, Told]:
        """What of these alerts, each with when it entered, a message has told.

        Those of which nothing was told are left out.
        """
        rows = self._rows(
            "SELECT alert_id, count, over, created_ns FROM told WHERE engine = ?"
            " AND alert_id IN (SELECT value FROM json_each(?))",
            (self._of(engine), msgspec.json.encode(list(alerts)).decode()),
        )
        told = {int(row[0]): row for row in rows if alerts[int(row[0])] == row[3]}
        return {one: Told(int(row[1]), bool(row[2]), int(row[3])) for one, row in told.items()}

    def record(
        self, engine: str, told: dict[int, Told], story: Story | None, message_id: int, at_ns: int
    ) -> None:
        """Note in one step what a message told, and how its story stands."""
        key = self._of(engine)
        with self._writing():
            self._db.executemany(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (key, alert_id, one.created_ns, message_id, one.count, int(one.over), at_ns)
                    for alert_id, one in told.items()
                ],
            )
            if story is not None:
                text = msgspec.json.encode(story).decode()
                self._db.execute(
                    "INSERT OR REPLACE INTO stories VALUES (?, ?, ?, ?, ?)",
                    (key, story.key, story.alert_id, at_ns, text),
                )
        self._writes += max(len(told), 1)
        if self._writes >= _PRUNE_EVERY:
            self._writes = 0
            self._prune()

    def stories(self, engine: str) -> list[Story]:
        """The stories touched last, the newest first, up to ``MAX_STORIES``."""
        rows = self._rows(
            "SELECT story FROM stories WHERE engine = ? ORDER BY at_ns DESC LIMIT ?",
            (self._of(engine), MAX_STORIES),
        )
        return [story for row in rows if (story := _story(row)) is not None]

    def stories_of(self, engine: str, keys: Sequence[str]) -> list[Story]:
        """The stories of these conditions, as far as there are any."""
        rows = self._rows(
            "SELECT story FROM stories WHERE engine = ?"
            " AND key IN (SELECT value FROM json_each(?))",
            (self._of(engine), msgspec.json.encode(list(keys)).decode()),
        )
        return [story for row in rows if (story := _story(row)) is not None]

    def story_of(self, engine: str, alert_id: int) -> Story | None:
        """The story whose newest alert this is."""
        rows = self._rows(
            "SELECT story FROM stories WHERE engine = ? AND alert_id = ?",
            (self._of(engine), alert_id),
        )
        return _story(rows[0]) if rows else None

    def note_folded(self, engine: str, folded: Sequence[Folded]) -> None:
        """Note what of the folded infos a digest told, until the engine knows it."""
        key = self._of(engine)
        with self._writing():
            self._db.executemany(
                "INSERT OR REPLACE INTO folded_told VALUES (?, ?, ?)",
                [(key, str(one.code), msgspec.json.encode(one).decode()) for one in folded],
            )

    def folded(self, engine: str) -> tuple[Folded, ...]:
        """What a digest told and the engine may not know yet."""
        rows = self._rows("SELECT folded FROM folded_told WHERE engine = ?", (self._of(engine),))
        found = []
        for row in rows:
            with contextlib.suppress(msgspec.DecodeError):
                found.append(msgspec.json.decode(str(row[0]), type=Folded))
        return tuple(found)

    def forget_folded(self, engine: str) -> None:
        """The engine knows what was told."""
        with self._writing():
            self._db.execute("DELETE FROM folded_told WHERE engine = ?", (self._of(engine),))

    def summary_sent(self, kind: str, period: str) -> bool:
        """Whether the summary of this period was sent."""
        rows = self._rows(
            "SELECT 1 FROM summaries_sent WHERE scope IN (?, '') AND kind = ? AND period = ?",
            (self._scope, kind, period),
        )
        return bool(rows)

    def note_summary(self, kind: str, period: str, at_ns: int) -> None:
        """Note that the summary of this period was sent."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO summaries_sent VALUES (?, ?, ?, ?)",
                (self._scope, kind, period, at_ns),
            )

    def last_summary(self, kind: str) -> tuple[str, int] | None:
        """The period of the summary sent last, and when that was."""
        rows = self._rows(
            "SELECT period, at_ns FROM summaries_sent WHERE scope IN (?, '') AND kind = ?"
            " ORDER BY at_ns DESC, period DESC LIMIT 1",
            (self._scope, kind),
        )
        return (str(rows[0][0]), int(rows[0][1])) if rows else None

    def _of(self, engine: str) -> str:
        return f"{self._scope}/{engine}" if self._scope else engine

    def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[tuple[int | str, ...]]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise StoreError(f"{STORE_NAME}: reading: {error}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise StoreError(f"{STORE_NAME}: writing: {error}") from error

    def _prune(self) -> None:
        """Drop what is old or beyond the bound, counted back from the newest row's own time."""
        with self._writing():
            for table, keys in _PRUNED.items():
                beyond = self._db.execute(
                    f"SELECT max(at_ns) - ?, (SELECT at_ns FROM {table}"
                    f" ORDER BY at_ns DESC LIMIT 1 OFFSET ?) FROM {table}",
                    (KEEP_NS, MAX_ROWS),
                ).fetchone()
                oldest = max((at for at in beyond if at is not None), default=None)
                if oldest is not None:
                    self._db.execute(
                        f"DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {table}"
                        " WHERE at_ns <= ? ORDER BY at_ns LIMIT ?)",
                        (oldest, _PRUNE_MOST),
                    )


def _story(row: tuple[int | str, ...]) -> Story | None:
    # A story that cannot be read costs an edit, never an alert.
    try:
        return msgspec.json.decode(str(row[0]), type=Story)
    except msgspec.DecodeError:
        return None


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path)
    except (sqlite3.DatabaseError, OSError, _NotOurs) as error:
        if not _is_broken(error):
            _logger.error("Telegram: %s cannot be used, kept in memory instead: %s", path, error)
            return _in_memory()
        _logger.warning("Telegram: %s is damaged and put aside: %s", path, error)
    try:
        _put_aside(path)
        return _connected(path)
    except (sqlite3.DatabaseError, OSError, _NotOurs) as error:
        _logger.error("Telegram: %s cannot be begun anew, kept in memory: %s", path, error)
        return _in_memory()


class _NotOurs(Exception):
    """A file that some other program, or a newer one, has written."""


def _is_broken(error: Exception) -> bool:
    # Locked, or a full disk, is no damage; another file would fare no better.
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR")):
        return False
    return not isinstance(error, OSError) or isinstance(error, PermissionError | IsADirectoryError)


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made by us before SQLite can, which would let the umask decide who may read it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    connection = sqlite3.connect(path, timeout=_OPEN_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Losing the last moments to a power cut costs a duplicate, which a nightly fsync does not.
        connection.execute("PRAGMA synchronous = NORMAL")
        checked = connection.execute("PRAGMA quick_check(1)").fetchone()
        if checked != ("ok",):
            raise _NotOurs(f"quick_check says {checked[0]}")
        _migrate(connection)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    except (sqlite3.Error, _NotOurs):
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise _NotOurs(f"version {version} is newer than {len(_MIGRATIONS)}, which is known here")
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN;{script};PRAGMA user_version = {number};COMMIT;")


def _in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection)
    return connection


def _put_aside(path: Path) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(path.with_name(f"{path.name}.broken-{stamp}{suffix}"))
