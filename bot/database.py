"""Opening an SQLite file of the bot's: private, in WAL mode, brought up to date, never in the way.

The bot must be able to halt whatever became of its files. So a damaged one is put aside and begun
anew, and where nothing can be written everything is kept in memory.
"""

import logging
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

_logger = logging.getLogger("bot.database")

_BUSY_TIMEOUT_S = 1.0
_NO_DAMAGE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")
"""Another file would fare no better."""


class _NotOurs(Exception):
    """A file that some other program, or a newer one, has written."""


def open_database(path: Path, migrations: Sequence[str], *, full_sync: bool) -> sqlite3.Connection:
    """A connection that any one thread at a time may use, on a file (0600) that has ``migrations``.

    With ``full_sync`` every commit waits for the disk. Each migration leads from one
    ``user_version`` to the next. Never fails: see the module.
    """
    try:
        return _connected(path, migrations, full_sync=full_sync)
    except (sqlite3.DatabaseError, OSError, _NotOurs) as error:
        if isinstance(error, OSError) or _name_of(error).startswith(_NO_DAMAGE):
            _logger.error("Telegram: %s cannot be used, kept in memory instead: %s", path, error)
            return _in_memory(migrations)
        _logger.error("Telegram: %s is of no use and put aside: %s", path, error)
    try:
        _put_aside(path)
        return _connected(path, migrations, full_sync=full_sync)
    except (sqlite3.DatabaseError, OSError, _NotOurs) as error:
        _logger.error("Telegram: %s cannot be begun anew, kept in memory: %s", path, error)
        return _in_memory(migrations)


def _connected(path: Path, migrations: Sequence[str], *, full_sync: bool) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made by us before SQLite can, which would let the umask decide who may read it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
        (checked,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if checked != "ok":
            raise _NotOurs(f"quick_check says {checked}")
        _migrate(connection, migrations)
    except (sqlite3.Error, _NotOurs):
        connection.close()
        raise
    return connection


def _in_memory(migrations: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _migrate(connection, migrations)
    return connection


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise _NotOurs(f"version {version} is newer than {len(migrations)}, which is known here")
    for number, script in enumerate(migrations[version:], version + 1):
        connection.executescript(f"BEGIN;{script};PRAGMA user_version = {number};COMMIT;")


def _name_of(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _put_aside(path: Path) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(path.with_name(f"{path.name}.broken-{stamp}{suffix}"))
