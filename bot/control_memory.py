"""What the control side must not forget: ``state/bot-control.db``.

Updates handled, one-time buttons, mutes, what was applied late, and the audit chain's rows. A file
apart from the sender's, since every commit here waits for the disk and so runs in a thread of its
own: ``apart`` takes a call there, in order, and leaves the engine's loop alone.
"""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from threading import RLock
from typing import TypeVar

import msgspec
from msgspec import Struct

from bot.control_tables import MIGRATIONS
from bot.database import open_database
from bot.updates import Heard

CONTROL_NAME = "bot-control.db"
KEEP_NS = 48 * 3_600 * 1_000_000_000
BUTTON_LIFE_NS = 60 * 1_000_000_000
MAX_UPDATES = 100_000
MAX_BUTTONS = 10_000
MAX_LATE = 100
MAX_MUTES = 100

_TOKEN_BYTES = 8
_INSTANCE_BYTES = 4
_PRUNE_EVERY = 500

T = TypeVar("T")


class MemoryFailed(Exception):
    """The file did not do as it should; the text says what SQLite said."""


class Fate(StrEnum):
    """What became of a command that did not run as it was given."""

    APPLIED = "applied"
    TOO_OLD = "too_old"
    INTERRUPTED = "interrupted"
    CROWDED = "crowded"
    OUTDATED = "outdated"


class LateNote(Struct, frozen=True):
    """A command that acted late or not at all. Times are UTC nanoseconds; a tap has no writing."""

    seq: int
    name: str
    who: str
    written_ns: int | None
    at_ns: int
    fate: Fate


class OneTime(Struct, frozen=True):
    """A confirmation, good for one tap by one user until ``expires_ns`` (UTC)."""

    token: str
    action: str
    target: str
    fingerprint: str
    user_id: int
    created_ns: int
    expires_ns: int


class TapRefused(StrEnum):
    """Why a confirmation does not count."""

    UNKNOWN = "unknown"
    OTHER_USER = "other_user"
    USED = "used"
    EXPIRED = "expired"


class ControlMemory:
    """The tables of the control side. Every method may raise MemoryFailed; times are UTC ns."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; never fails, see ``bot.database``."""
        self._db = open_database(path, MIGRATIONS, full_sync=True)
        self._lock = RLock()
        self._thread = ThreadPoolExecutor(1, "bot-memory")
        self._begun = 0
        self._instance = self._named("instance", lambda: secrets.token_urlsafe(_INSTANCE_BYTES))

    def close(self) -> None:
        """Finish what was begun apart, and let go of the file."""
        self._thread.shutdown(wait=True)
        with self._lock:
            self._db.close()

    async def apart(self, work: Callable[[], T]) -> T:
        """Run a call of this object, or of one that builds on it, off the loop and in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @property
    def instance(self) -> str:
        """The mark of this installation, in the data of its buttons; survives restarts."""
        return self._instance

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on disk when the block is left, or undone."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error | OverflowError):
                    raise MemoryFailed(f"{CONTROL_NAME}: writing: {error}") from error
                raise

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """What a question finds."""
        with self._lock:
            try:
                return self._db.execute(sql, parameters).fetchall()
            except (sqlite3.Error, OverflowError) as error:
                raise MemoryFailed(f"{CONTROL_NAME}: reading: {error}") from error

    # Updates handled.

    def knows(self, identity: str) -> bool:
        """Whether this was begun before."""
        return bool(self.rows("SELECT 1 FROM heard WHERE identity = ?", identity))

    def begin(self, batch: Sequence[tuple[Heard, bool]], at_ns: int) -> tuple[bool, ...]:
        """Take note of a batch, in order; for each whether it is new. True beside it: and done.

        What is begun and never finished is found by ``unfinished``, after a crash.
        """
        with self.writing() as db:
            fresh = tuple(_begun(db, heard, done, at_ns) for heard, done in batch)
        self._begun += len(fresh)
        if self._begun >= _PRUNE_EVERY:
            self._begun = 0
            self.prune(at_ns)
        return fresh

    def finish(self, identity: str) -> None:
        """What was begun has had its effect, or will have none."""
        with self.writing() as db:
            db.execute("UPDATE heard SET body = NULL WHERE identity = ?", (identity,))

    def unfinished(self) -> tuple[Heard, ...]:
        """What was begun and not finished, in the order it came."""
        found = self.rows("SELECT body FROM heard WHERE body IS NOT NULL ORDER BY seq")
        return tuple(heard for (body,) in found if (heard := _heard(body)) is not None)

    # What the start message tells.

    def note_late(self, heard: Heard, name: str, fate: Fate, at_ns: int) -> None:
        """Remember that a command acted late or not at all; the newest ``MAX_LATE`` are kept."""
        row = (name[:32], heard.who, heard.written_ns, at_ns, fate)
        with self.writing() as db:
            db.execute("INSERT INTO late_notes VALUES (NULL, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM late_notes WHERE seq <= (SELECT max(seq) FROM late_notes) - ?",
                (MAX_LATE,),
            )

    def late_notes(self) -> tuple[LateNote, ...]:
        """Those not told yet, the oldest first."""
        found = self.rows("SELECT seq, name, who, written_ns, at_ns, fate FROM late_notes")
        return tuple(_late_note(row) for row in found)

    def forget_late(self, up_to_seq: int) -> None:
        """These were told."""
        with self.writing() as db:
            db.execute("DELETE FROM late_notes WHERE seq <= ?", (up_to_seq,))

    # One-time buttons.

    def offer(
        self, action: str, target: str, fingerprint: str, user_id: int, now_ns: int
    ) -> OneTime:
        """Make a confirmation that this user may tap once within the next minute."""
        one = OneTime(
            secrets.token_urlsafe(_TOKEN_BYTES),
            action,
            target,
            fingerprint,
            user_id,
            now_ns,
            now_ns + BUTTON_LIFE_NS,
        )
        with self.writing() as db:
            db.execute(
                "INSERT INTO buttons VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                msgspec.structs.astuple(one),
            )
        return one

    def use(self, token: str, user_id: int, now_ns: int) -> OneTime | TapRefused:
        """Use up a confirmation, on disk before it is answered, so that it counts once for ever."""
        with self.writing() as db:
            row = db.execute(
                "SELECT token, action, target, fingerprint, user_id, created_ns, expires_ns,"
                " used_ns FROM buttons WHERE token = ?",
                (token,),
            ).fetchone()
            if row is None:
                return TapRefused.UNKNOWN
            one, used_ns = OneTime(*row[:7]), row[7]
            if one.user_id != user_id:
                return TapRefused.OTHER_USER
            if used_ns is not None:
                return TapRefused.USED
            # A clock that was set back must not make it young again.
            if not one.created_ns <= now_ns <= one.expires_ns:
                return TapRefused.EXPIRED
            db.execute("UPDATE buttons SET used_ns = ? WHERE token = ?", (now_ns, token))
        return one

    # Mutes.

    def mute(self, kind: str, until_ns: int) -> None:
        """Keep quiet about a kind of alert until then; a time that is past ends it."""
        with self.writing() as db:
            db.execute("INSERT OR REPLACE INTO mutes VALUES (?, ?)", (kind[:64], until_ns))
            db.execute(
                "DELETE FROM mutes WHERE kind NOT IN"
                " (SELECT kind FROM mutes ORDER BY until_ns DESC LIMIT ?)",
                (MAX_MUTES,),
            )

    def mutes(self, now_ns: int) -> dict[str, int]:
        """Until when each muted kind of alert is quiet."""
        found = self.rows("SELECT kind, until_ns FROM mutes WHERE until_ns > ?", now_ns)
        return dict(msgspec.convert(found, list[tuple[str, int]]))

    def prune(self, now_ns: int) -> None:
        """Forget what is over and old, or beyond the bounds."""
        with self.writing() as db:
            db.execute(
                "DELETE FROM heard WHERE body IS NULL AND (at_ns < ? OR seq <="
                " (SELECT max(seq) FROM heard) - ?)",
                (now_ns - KEEP_NS, MAX_UPDATES),
            )
            db.execute(
                "DELETE FROM buttons WHERE expires_ns < ? OR token NOT IN"
                " (SELECT token FROM buttons ORDER BY created_ns DESC LIMIT ?)",
                (now_ns - KEEP_NS, MAX_BUTTONS),
            )
            db.execute("DELETE FROM mutes WHERE until_ns <= ?", (now_ns,))

    def _named(self, name: str, make: Callable[[], str]) -> str:
        with self.writing() as db:
            db.execute("INSERT OR IGNORE INTO marks VALUES (?, ?)", (name, make()))
            (value,) = db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return str(value)


def _begun(db: sqlite3.Connection, heard: Heard, done: bool, at_ns: int) -> bool:
    body = None if done else msgspec.json.encode(heard).decode()
    row = (heard.identity, heard.update_id, heard.written_ns, at_ns, body)
    added = db.execute(
        "INSERT INTO heard VALUES (NULL, ?, ?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING", row
    )
    return added.rowcount == 1


def _late_note(row: tuple[object, ...]) -> LateNote:
    return LateNote(*msgspec.convert(row, tuple[int, str, str, int | None, int, Fate]))


def _heard(body: object) -> Heard | None:
    try:
        return msgspec.json.decode(str(body), type=Heard)
    except msgspec.DecodeError:
        return None
