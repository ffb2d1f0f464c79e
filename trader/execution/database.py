"""Opening the journal's SQLite file: permissions, pragmas, versions, and errors in words.

Nothing here, nor anywhere else in the process, may open the database file or its ``-shm`` past
SQLite: closing such a descriptor would drop the locks SQLite holds on it.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trader.credentials import shown_path
from trader.domain.errors import JournalError

STORE_ERRORS = (sqlite3.Error, OverflowError)
"""What a statement may raise; the second for a number beyond 64 bits."""

_BUSY_TIMEOUT_S = 1.0
_BACKSTOP_PAGES = 8_000
_MAX_WAL_BYTES = 64 * 1024 * 1024
_OLDEST_SQLITE = (3, 37)
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_VERSIONS_TABLE = """
CREATE TABLE IF NOT EXISTS schema_versions (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT
"""
_RESTORE = "restore a backup, or move it and its -wal aside to begin a new journal"
_ADVICE = (
    ("SQLITE_NOTADB", _RESTORE),
    ("SQLITE_CORRUPT", _RESTORE),
    ("SQLITE_FULL", "free disk space, then start again"),
    ("SQLITE_READONLY", "let this user write to the file and its directory"),
    ("SQLITE_CANTOPEN", "let this user write to the file and its directory"),
    ("SQLITE_PERM", "let this user write to the file and its directory"),
    ("SQLITE_BUSY", "another process is writing to it"),
    ("SQLITE_IOERR", "look at the disk"),
)


def explained(path: Path, doing: str, error: Exception) -> JournalError:
    """A store error as one line: the file, what was being done, what SQLite said, what mends it."""
    name = getattr(error, "sqlite_errorname", "")
    said = str(error) if isinstance(error, sqlite3.Error) else f"{type(error).__name__}: {error}"
    advice = next((f"; {text}" for prefix, text in _ADVICE if name.startswith(prefix)), "")
    return JournalError(f"journal {shown_path(path)}: {doing}: {said}{advice}")


def wal_path(path: Path) -> Path:
    """Where SQLite keeps what was committed and not yet moved into the database file."""
    return path.with_name(f"{path.name}-wal")


def open_writer(
    path: Path, *, full_sync: bool, migrations: Mapping[str, Sequence[str]]
) -> sqlite3.Connection:
    """The one connection that writes, on a file brought up to ``migrations``, in WAL mode.

    Creates the directory (0700) and the file (0600) if they are missing. With ``full_sync`` every
    commit waits for the disk. Each migration is a script that leads from one version to the next.

    Raises:
        JournalError: the file cannot be used, or is newer than this program; one line says why.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 is needed")
    _prepare_files(path, migrations)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        _refuse_damaged(connection, path)
        versions = _versions(connection, path)
        _refuse_newer(versions, migrations, path)
        _set_pragmas(connection, path, full_sync=full_sync)
        _migrate(connection, versions, migrations)
        _sync_opened(path)
    except JournalError:
        if connection is not None:
            connection.close()
        raise
    except (*STORE_ERRORS, OSError) as error:
        if connection is not None:
            connection.close()
        raise explained(path, "opening", error) from error
    return connection


def open_reader(path: Path, *, same_thread: bool) -> sqlite3.Connection:
    """A connection that cannot write, on a file that is there.

    Raises:
        JournalError: the file cannot be opened.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=same_thread,
        )
    except sqlite3.Error as error:
        raise explained(path, "opening to read", error) from error
    try:
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, "opening to read", error) from error
    return connection


def open_checkpointer(path: Path) -> sqlite3.Connection:
    """A second connection that only moves the WAL into the database file, from its own thread."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare_files(path: Path, migrations: Mapping[str, Sequence[str]]) -> None:
    directory = path.parent
    try:
        directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        found = directory.stat()
        # A sticky directory, such as /tmp, is everybody's and not ours to shut. The mode given to
        # mkdir passes through the umask, so it is set again.
        shared = found.st_mode & stat.S_ISVTX
        if not shared and stat.S_IMODE(found.st_mode) != _DIRECTORY_MODE:
            directory.chmod(_DIRECTORY_MODE)
        _refuse_lost_parts(path)
        if path.exists():
            # SQLite gives its -wal and -shm the mode of this file, whatever the umask.
            for suffix in ("", "-wal", "-shm"):
                _tighten(path.with_name(path.name + suffix))
        else:
            _create(path, migrations)
    except OSError as error:
        raise JournalError(
            f"journal {shown_path(path)}: opening: {error.strerror}: {error.filename}"
        ) from error


def _create(path: Path, migrations: Mapping[str, Sequence[str]]) -> None:
    """Make a database with its tables and only then give it its name.

    So a file of that name is never empty, unless something emptied it.
    """
    new = path.with_name(f"{path.name}.new")
    for suffix in ("", "-wal", "-shm"):
        # What a process left that was killed while it did this.
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    try:
        os.fchmod(descriptor, _FILE_MODE)
    finally:
        os.close(descriptor)
    try:
        connection = sqlite3.connect(new, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _set_pragmas(connection, path, full_sync=True)
            _migrate(connection, {}, migrations)
        finally:
            # The last connection brings everything into the one file and syncs it.
            connection.close()
    except sqlite3.Error as error:
        raise explained(path, "creating", error) from error
    new.rename(path)


def _refuse_lost_parts(path: Path) -> None:
    """A database without all of its files is refused; SQLite would go on with what there is."""
    wal, index = wal_path(path), path.with_name(f"{path.name}-shm")
    has_content = path.exists() and path.stat().st_size > 0
    # It would take an empty database as the truth and delete the log beside it.
    if not has_content and wal.exists() and wal.stat().st_size > 0:
        raise JournalError(
            f"journal {shown_path(path)}: the file is missing or empty, but {wal.name} is not; "
            "put the file back, or move its -wal aside to begin a new journal"
        )
    if path.exists() and not has_content:
        raise JournalError(
            f"journal {shown_path(path)}: the file is empty, which no journal is; "
            "restore a backup, or move it aside to begin a new journal"
        )
    # A clean end removes both, the index before the log; so somebody else took the log.
    if has_content and index.exists() and not wal.exists():
        raise JournalError(
            f"journal {shown_path(path)}: {wal.name} is missing, and the last commits with it; "
            f"put it back, or move {index.name} aside to go on without them"
        )


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """Look at every page before anything is built on one of them; a second takes a gigabyte."""
    ((found, *_), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        said = " ".join(str(found).split())[:200]
        raise JournalError(
            f"journal {shown_path(path)}: opening: it is damaged: {said}; {_RESTORE}"
        )


def _tighten(file: Path) -> None:
    # By path, never through a descriptor: see the head of this module.
    try:
        if stat.S_IMODE(file.stat().st_mode) != _FILE_MODE:
            file.chmod(_FILE_MODE)
    except FileNotFoundError:
        return


def _versions(connection: sqlite3.Connection, path: Path) -> dict[str, int]:
    tables = {
        str(name)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if not tables:
        return {}
    if "schema_versions" not in tables:
        raise JournalError(
            f"journal {shown_path(path)}: a database of another program "
            f"(tables {', '.join(sorted(tables)[:5])}); move it aside or name another directory"
        )
    rows = connection.execute("SELECT name, version FROM schema_versions")
    return {str(name): int(version) for name, version in rows}


def _refuse_newer(
    versions: Mapping[str, int], migrations: Mapping[str, Sequence[str]], path: Path
) -> None:
    for name, steps in migrations.items():
        if versions.get(name, 0) > len(steps):
            raise JournalError(
                f"journal {shown_path(path)}: newer than this program: {name} has version "
                f"{versions[name]}, this program knows {len(steps)}; run the newer program"
            )


def _set_pragmas(connection: sqlite3.Connection, path: Path, *, full_sync: bool) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(
            f"journal {shown_path(path)}: this file system allows no WAL (mode is {mode}); "
            "keep the state directory on a local disk"
        )
    connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_MAX_WAL_BYTES}")
    # Checkpoints run in a thread of their own, since one costs a commit many milliseconds; this
    # bounds the WAL should that thread fall behind.
    connection.execute(f"PRAGMA wal_autocheckpoint = {_BACKSTOP_PAGES}")


def _migrate(
    connection: sqlite3.Connection,
    versions: Mapping[str, int],
    migrations: Mapping[str, Sequence[str]],
) -> None:
    if all(versions.get(name, 0) == len(steps) for name, steps in migrations.items()):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_VERSIONS_TABLE)
        for name, steps in migrations.items():
            for script in steps[versions.get(name, 0) :]:
                for statement in _statements(script):
                    connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_versions VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                (name, len(steps)),
            )
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    # executescript would commit first, and the steps of a migration belong together.
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    # What is left ends in a comment, which must not swallow the end of the statement before it.
    if statement:
        yield f"{statement[:-1]}\n;"


def _sync_opened(path: Path) -> None:
    # What a killed process had committed counts as done from now on, so it must be on disk; and a
    # file is only there after a power cut if its directory says so.
    for target in (wal_path(path), path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
