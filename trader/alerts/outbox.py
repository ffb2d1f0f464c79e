"""The durable outbox: alerts in the journal's own database, kept until somebody has taken them.

Used from the event loop's thread alone, so every statement is short: it changes a bounded number of
rows, or counts along an index that holds nothing else.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
from msgspec import Struct

from trader.domain.control import Alert, AlertCode, Severity, Transaction
from trader.domain.errors import JournalError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE alert_outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        rank INTEGER NOT NULL,
        key TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        fields TEXT NOT NULL,
        clears INTEGER NOT NULL,
        lasting INTEGER NOT NULL,
        created_ns INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        tried_ns INTEGER,
        last_error TEXT NOT NULL DEFAULT '',
        sent_ns INTEGER,
        acknowledged_ns INTEGER,
        dropped_ns INTEGER
    ) STRICT;
    CREATE INDEX alert_outbox_pending ON alert_outbox (rank, id)
        WHERE sent_ns IS NULL AND dropped_ns IS NULL;
    CREATE INDEX alert_outbox_sent ON alert_outbox (sent_ns) WHERE sent_ns IS NOT NULL;
    CREATE INDEX alert_outbox_late ON alert_outbox (sent_ns)
        WHERE sent_ns - created_ns > 60000000000;
    CREATE INDEX alert_outbox_acknowledged ON alert_outbox (acknowledged_ns)
        WHERE acknowledged_ns IS NOT NULL;
    CREATE INDEX alert_outbox_dropped ON alert_outbox (dropped_ns) WHERE dropped_ns IS NOT NULL;
    CREATE INDEX alert_outbox_failed ON alert_outbox (attempts, sent_ns)
        WHERE tried_ns IS NOT NULL;
    CREATE TABLE alert_open (
        key TEXT PRIMARY KEY,
        since_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_open_since ON alert_open (since_ns);
    """,
)
"""Scripts the journal runs under the name "outbox", each leading to the next version."""

MAX_PENDING_INFO = 20_000
"""Beyond as many waiting infos the oldest are dropped; warnings and criticals never are."""
MAX_KEPT = 100_000
KEEP_NS = 30 * 24 * 3_600 * 1_000_000_000
MAX_OPEN = 20_000
LATE_NS = 60 * 1_000_000_000
"""An alert sent later than this after it was created counts as late; an index spells it, too."""

_MAX_WORK = 500
_MAX_ERROR_CHARS = 300
_RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_IS_PENDING = "sent_ns IS NULL AND dropped_ns IS NULL"
_COLUMNS = (
    "id, code, severity, key, at_ns, fields, clears, lasting, "
    "created_ns, attempts, last_error, sent_ns, acknowledged_ns, dropped_ns"
)
_COUNTS = f"""
SELECT
    (SELECT count(*) FROM alert_outbox WHERE {_IS_PENDING}),
    (SELECT count(*) FROM alert_outbox WHERE {_IS_PENDING} AND rank = 0),
    (SELECT count(*) FROM alert_outbox WHERE sent_ns IS NOT NULL),
    (SELECT count(*) FROM alert_outbox WHERE sent_ns - created_ns > {LATE_NS}),
    (SELECT count(*) FROM alert_outbox WHERE acknowledged_ns IS NOT NULL),
    (SELECT count(*) FROM alert_outbox WHERE dropped_ns IS NOT NULL),
    (SELECT total(attempts - (sent_ns IS NOT NULL)) FROM alert_outbox WHERE tried_ns IS NOT NULL)
"""
# A good message about something that was never told would only puzzle.
_INSERT = """
INSERT INTO alert_outbox
    (code, severity, rank, key, at_ns, fields, clears, lasting, created_ns)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?
WHERE NOT ? OR EXISTS (SELECT 1 FROM alert_open WHERE key = ?)
"""


class Rows(Protocol):
    """What a statement found."""

    def fetchall(self) -> Sequence[Sequence[object]]:
        """All rows, in the statement's order."""
        ...


class Reader(Protocol):
    """A connection to the journal's file that only reads; an ``sqlite3.Connection`` will do."""

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> Rows:
        """Run one statement."""
        ...


class Store(Protocol):
    """The journal, as far as the outbox writes to it."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One atomic write; committed when the block ends, undone when it raises."""
        ...


class StoredAlert(Struct, frozen=True):
    """An alert with its place in the delivery ledger; times are UTC nanoseconds of this host."""

    id: int
    alert: Alert
    created_ns: int
    attempts: int = 0
    last_error: str = ""
    sent_ns: int | None = None
    acknowledged_ns: int | None = None
    dropped_ns: int | None = None


class OutboxCounts(Struct, frozen=True):
    """How many alerts of those still kept stand where."""

    pending: int
    pending_critical: int
    sent: int
    late: int
    acknowledged: int
    dropped: int
    failed_attempts: int


class Outbox:
    """Alerts on their way out. With ``enabled=False`` nothing enters it at all.

    ``now_ns`` (UTC) stamps what happens here: an alert's own ``at_ns`` may be simulated time. All
    methods raise JournalError when the database does not do as it should.
    """

    def __init__(
        self,
        store: Store,
        reader: Reader,
        *,
        enabled: bool = True,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._reader = reader
        self._enabled = enabled
        self._now_ns = now_ns

    def enqueue(self, tx: Transaction, alerts: Iterable[Alert]) -> None:
        """Store alerts in the transaction of the facts that raised them.

        A clearing alert of severity info is stored only while its condition stands open here.
        """
        if not self._enabled:
            return
        created_ns = self._now_ns()
        for alert in alerts:
            only_if_open = alert.clears and alert.severity is Severity.INFO
            row = (*_row(alert), created_ns, int(only_if_open), alert.key)
            tx.execute(_INSERT, row)
            if alert.clears:
                tx.execute("DELETE FROM alert_open WHERE key = ?", (alert.key,))
            elif alert.lasting:
                tx.execute(
                    "INSERT OR IGNORE INTO alert_open (key, since_ns) VALUES (?, ?)",
                    (alert.key, created_ns),
                )

    def pending(self, limit: int) -> list[StoredAlert]:
        """What waits: critical ones first, then warnings, then infos, each by age."""
        return self._stored(f"WHERE {_IS_PENDING} ORDER BY rank, id LIMIT ?", limit)

    def recent(self, limit: int) -> list[StoredAlert]:
        """The newest alerts, newest first, whatever became of them."""
        return self._stored("ORDER BY id DESC LIMIT ?", limit)

    def delivered(self, ids: Sequence[int], at_ns: int) -> None:
        """Note that these were accepted, and drop some of what is kept no longer."""
        with self._store.transaction() as tx:
            tx.executemany(
                "UPDATE alert_outbox SET sent_ns = ?, attempts = attempts + 1, last_error = '' "
                "WHERE id = ? AND sent_ns IS NULL",
                [(at_ns, alert_id) for alert_id in ids],
            )
            _prune(tx, at_ns)

    def failed(self, alert_id: int, at_ns: int, error: str) -> None:
        """Note that an attempt failed; the alert goes on waiting."""
        with self._store.transaction() as tx:
            tx.execute(
                "UPDATE alert_outbox SET attempts = attempts + 1, tried_ns = ?, last_error = ? "
                f"WHERE id = ? AND {_IS_PENDING}",
                (at_ns, error[:_MAX_ERROR_CHARS], alert_id),
            )
            _drop_overflow(tx, at_ns)

    def acknowledge(self, alert_id: int, at_ns: int) -> None:
        """Note that a person has seen an alert; the first time counts."""
        with self._store.transaction() as tx:
            tx.execute(
                "UPDATE alert_outbox SET acknowledged_ns = ? "
                "WHERE id = ? AND acknowledged_ns IS NULL",
                (at_ns, alert_id),
            )

    def open_keys(self) -> list[str]:
        """Keys of the conditions that were told and are not over, the oldest first."""
        rows = self._rows("SELECT key FROM alert_open ORDER BY since_ns, key LIMIT ?", (MAX_OPEN,))
        return [str(key) for (key,) in rows]

    def pending_count(self) -> int:
        """How many alerts wait."""
        return self._number(f"SELECT count(*) FROM alert_outbox WHERE {_IS_PENDING}")

    def oldest_pending_ns(self) -> int | None:
        """When the oldest alert that waits was created, or None."""
        oldest = [
            number
            for rank in _RANKS.values()
            for (number,) in self._rows(
                f"SELECT created_ns FROM alert_outbox WHERE {_IS_PENDING} AND rank = ? "
                "ORDER BY id LIMIT 1",
                (rank,),
            )
        ]
        return min((_integer(number) for number in oldest), default=None)

    def counts(self) -> OutboxCounts:
        """Totals by state over what is still kept."""
        (row,) = self._rows(_COUNTS, ())
        return OutboxCounts(*map(_integer, row))

    def _stored(self, clause: str, limit: int) -> list[StoredAlert]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM alert_outbox {clause}", (limit,))
        return [_from_row(row) for row in rows]

    def _number(self, sql: str) -> int:
        ((number,),) = self._rows(sql, ())
        return _integer(number)

    def _rows(self, sql: str, parameters: Sequence[object]) -> Sequence[Sequence[object]]:
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"outbox: reading: {error}") from error


def _prune(tx: Transaction, now_ns: int) -> None:
    tx.execute(
        "DELETE FROM alert_outbox WHERE id IN (SELECT id FROM alert_outbox "
        "WHERE sent_ns IS NOT NULL AND sent_ns < ? ORDER BY sent_ns LIMIT ?)",
        (now_ns - KEEP_NS, _MAX_WORK),
    )
    # By id, since counting a hundred thousand rows at every delivery would hold up the loop.
    tx.execute(
        "DELETE FROM alert_outbox WHERE id IN (SELECT id FROM alert_outbox "
        "WHERE id <= (SELECT max(id) FROM alert_outbox) - ? "
        f"AND NOT ({_IS_PENDING}) ORDER BY id LIMIT ?)",
        (MAX_KEPT, _MAX_WORK),
    )
    tx.execute(
        "DELETE FROM alert_open WHERE key IN (SELECT key FROM alert_open "
        "ORDER BY since_ns DESC LIMIT ? OFFSET ?)",
        (_MAX_WORK, MAX_OPEN),
    )


def _drop_overflow(tx: Transaction, now_ns: int) -> None:
    tx.execute(
        "UPDATE alert_outbox SET dropped_ns = ? WHERE id IN (SELECT id FROM alert_outbox "
        f"WHERE {_IS_PENDING} AND rank = ? ORDER BY id DESC LIMIT ? OFFSET ?)",
        (now_ns, _RANKS[Severity.INFO], _MAX_WORK, MAX_PENDING_INFO),
    )


def _row(alert: Alert) -> tuple[object, ...]:
    return (
        str(alert.code),
        str(alert.severity),
        _RANKS[alert.severity],
        alert.key,
        alert.at_ns,
        msgspec.json.encode(dict(alert.fields)).decode(),
        int(alert.clears),
        int(alert.lasting),
    )


def _from_row(row: Sequence[object]) -> StoredAlert:
    alert_id, code, severity, key, at_ns, fields, clears, lasting, *delivery = row
    created_ns, attempts, last_error, sent_ns, acknowledged_ns, dropped_ns = delivery
    alert = Alert(
        AlertCode(str(code)),
        Severity(str(severity)),
        str(key),
        _integer(at_ns),
        msgspec.json.decode(str(fields), type=dict[str, str]),
        clears=bool(clears),
        lasting=bool(lasting),
    )
    return StoredAlert(
        _integer(alert_id),
        alert,
        _integer(created_ns),
        _integer(attempts),
        str(last_error),
        _optional(sent_ns),
        _optional(acknowledged_ns),
        _optional(dropped_ns),
    )


def _integer(value: object) -> int:
    # The table is STRICT, so anything else would be a database of somebody else's making.
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return int(value)


def _optional(value: object) -> int | None:
    return None if value is None else _integer(value)
