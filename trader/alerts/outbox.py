"""The durable outbox: alerts in the journal's own database, kept until somebody has told them.

Used from the event loop's thread alone, so every statement is short: it touches a bounded number of
rows along an index. Storms become one row, and infos too many to keep singly become numbers.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, assert_never

from trader.alerts import tables
from trader.alerts.schema import MIGRATIONS
from trader.alerts.tables import LATE_NS, PERIOD_NS, RANKS
from trader.domain.control import Alert, Severity, Transaction
from trader.domain.delivery import (
    DeliveryNote,
    Folded,
    LedgerFigures,
    NoteKind,
    OutboxCounts,
    StoredAlert,
    Waiting,
)
from trader.domain.errors import JournalError

__all__ = ["LATE_NS", "MIGRATIONS", "PERIOD_NS", "Outbox"]

MAX_PENDING_INFO = 2_000
"""Beyond as many waiting infos the oldest become numbers that a digest tells."""
MAX_PENDING_WARNINGS = 20_000
"""The same for warnings, of which only different ones count. Criticals are always kept."""
MAX_KEPT = 20_000
"""As many told alerts are kept, for KEEP_NS at most."""
KEEP_NS = 30 * 24 * 3_600 * 1_000_000_000
KEEP_LEDGER_NS = 62 * 24 * 3_600 * 1_000_000_000
MAX_OPEN = 20_000
FOLD_ROWS = 150
TIDY_EVERY = 100
"""The bounds are looked after once in as many alerts, and may be passed by as many."""

_MAX_WORK = 500
_MAX_ERROR_CHARS = 300


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
        self._journal = ""
        # Tidied now and then by what enters, so that it stays bounded without any sender, too.
        self._entered = TIDY_EVERY

    def enqueue(self, tx: Transaction, alerts: Iterable[Alert]) -> None:
        """Store alerts in the transaction of the facts that raised them.

        Warnings and infos join an equal one that still waits. A clearing of severity info says
        *over* on the alert it ends while that waits, and is a row of its own where that was told;
        where its condition does not stand it is nothing.
        """
        if not self._enabled:
            return
        now_ns = self._now_ns()
        for alert in alerts:
            if alert.clears:
                _end(tx, alert, now_ns)
                if alert.severity is Severity.INFO:
                    continue
            elif alert.lasting:
                _begin(tx, alert, now_ns)
            tx.execute(tables.RAISE, tables.row_of(alert, now_ns))
            self._entered += 1
        if self._entered >= TIDY_EVERY:
            _fold(tx, self._entered)
            _tidy(tx, now_ns)
            self._entered = 0

    def waiting(self, most: int) -> Waiting:
        """What waits, at most ``most`` alerts of it.

        Criticals first, of these the ``URGENT`` ones, then clearings of told alerts, then warnings
        and infos, each by age.
        """
        most = max(most, 0)
        urgent = list(map(tables.stored, self._rows(tables.SELECT_URGENT, most)))
        taken = {row.id for row in urgent}
        rows = map(tables.stored, self._rows(tables.SELECT_WAITING, most))
        urgent += [row for row in rows if row.id not in taken]
        return Waiting(
            tuple(urgent[:most]),
            tuple(filter(None, map(tables.folded, self._rows(tables.SELECT_FOLDED)))),
            self.pending_count(),
            self._named(),
        )

    def acknowledge(self, notes: Sequence[DeliveryNote]) -> None:
        """Note what became of alerts, and drop some of what is kept no longer.

        A note about an alert that is gone, or that was told already, changes nothing.
        """
        if not notes:
            return
        with self._store.transaction() as tx:
            for note in notes:
                _take(tx, note)
            _tidy(tx, self._now_ns())

    def folded_told(self, folded: Sequence[Folded]) -> None:
        """Note that a digest told these numbers; what was folded since goes on waiting."""
        if not folded:
            return
        now_ns = self._now_ns()
        with self._store.transaction() as tx:
            for one in folded:
                number, code = max(one.count, 0), str(one.code)
                late = (now_ns, LATE_NS, code)
                period = _period(now_ns)
                tx.execute(tables.FOLDED_TO_LEDGER, (period, number, number, *late))
                tx.execute(tables.FOLDED_TO_TALLY, (number, *late, RANKS[Severity.INFO]))
                tx.execute(tables.FOLDED_LESS, (number, one.last_ns, code))
                tx.execute(tables.FOLDED_NONE, (code,))

    def conditions(self) -> frozenset[str]:
        """Keys of the lasting conditions that stand."""
        return frozenset(str(key) for (key,) in self._rows(tables.SELECT_OPEN, MAX_OPEN))

    def standing(self, most: int) -> tuple[StoredAlert, ...]:
        """Of each condition that stands, the newest critical told, where nobody has seen it.

        At most ``most``, the newest first.
        """
        return tuple(map(tables.stored, self._rows(tables.SELECT_STANDING, max(most, 0))))

    def recent(self, limit: int) -> tuple[StoredAlert, ...]:
        """The newest alerts, newest first, whatever became of them."""
        return tuple(map(tables.stored, self._rows(tables.SELECT_RECENT, max(limit, 0))))

    def get(self, alert_id: int) -> StoredAlert | None:
        """The alert of this id, or None where it is kept no longer."""
        return next(map(tables.stored, self._rows(tables.SELECT_ONE, alert_id)), None)

    def pending_count(self) -> int:
        """How many alerts wait; equal ones that wait together are one."""
        ((number,),) = self._rows(tables.SELECT_QUEUED)
        return tables.integer(number)

    def oldest_pending_ns(self) -> int | None:
        """Since when (UTC) the alert waits that waits longest, or None."""
        return next((tables.integer(ns) for (ns,) in self._rows(tables.SELECT_OLDEST)), None)

    def counts(self) -> OutboxCounts:
        """Totals since the database began."""
        (row,) = self._rows(tables.SELECT_TALLY)
        return OutboxCounts(*map(tables.integer, row))

    def ledger_between(self, from_ns: int, to_ns: int) -> LedgerFigures:
        """What happened from ``from_ns`` until before ``to_ns`` (UTC), by quarters of an hour.

        A quarter belongs to the span its beginning lies in. Kept for 62 days.
        """
        (row,) = self._rows(tables.SELECT_LEDGER, from_ns, to_ns, from_ns, to_ns)
        return LedgerFigures(*map(tables.integer, row))

    def _named(self) -> str:
        if not self._journal:
            ((name,),) = self._rows(tables.SELECT_JOURNAL)
            self._journal = str(name)
        return self._journal

    def _rows(self, sql: str, *parameters: object) -> Sequence[Sequence[object]]:
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise JournalError(f"outbox: reading: {error}") from error


def _begin(tx: Transaction, alert: Alert, now_ns: int) -> None:
    is_critical = alert.severity is Severity.CRITICAL
    merged_with = (alert.key, str(alert.code), str(alert.severity))
    tx.execute(tables.OVERTAKE, (now_ns, alert.key, is_critical, *merged_with))
    tx.execute(tables.FORGET_OVERTAKEN, (alert.key,))
    tx.execute(tables.OPEN, (alert.key, now_ns, RANKS[alert.severity]))


def _end(tx: Transaction, alert: Alert, now_ns: int) -> None:
    row = tables.row_of(alert, now_ns)
    code, severity, _, key, at_ns, fields, *_ = row
    tx.execute(tables.SAY_OVER, (now_ns, code, at_ns, fields, key))
    if alert.severity is Severity.INFO:
        tx.execute(tables.CLEAR, (code, severity, *row[3:], key, key))
    tx.execute(tables.CLOSE, (key,))


def _fold(tx: Transaction, entered: int) -> None:
    for severity, most in (
        (Severity.INFO, MAX_PENDING_INFO),
        (Severity.WARNING, MAX_PENDING_WARNINGS),
    ):
        rank = RANKS[severity]
        # Each makes room for FOLD_ROWS; a commit of more than that needs more of them.
        for _ in range(-(-entered // FOLD_ROWS)):
            for statement in tables.FOLD:
                tx.execute(statement, (rank, FOLD_ROWS, most, rank))


def _take(tx: Transaction, note: DeliveryNote) -> None:
    alert_id, at_ns, count = note.alert_id, note.at_ns, note.count
    match note.kind:
        case NoteKind.SENT:
            if not note.over:
                tx.execute(tables.CLEAR_TOLD_WITHOUT, (alert_id, count))
            tx.execute(tables.TELL, (count, at_ns, at_ns, count, at_ns, alert_id, count))
        case NoteKind.FAILED:
            tx.execute(tables.FAIL, (at_ns, note.error[:_MAX_ERROR_CHARS], alert_id))
        case NoteKind.SEEN:
            tx.execute(tables.SEE, (at_ns, alert_id))
        case NoteKind.BACKUP:
            tx.execute(tables.BACK_UP, (at_ns, alert_id))
        case _:
            assert_never(note.kind)


def _tidy(tx: Transaction, now_ns: int) -> None:
    tx.execute(tables.FORGET_OLD, (now_ns - KEEP_NS, _MAX_WORK))
    tx.execute(tables.FORGET_MANY, (_MAX_WORK, MAX_KEPT))
    tx.execute(tables.FORGET_OPEN, (_MAX_WORK, MAX_OPEN))
    tx.execute(tables.FORGET_LEDGER, (now_ns - KEEP_LEDGER_NS,))


def _period(at_ns: int) -> int:
    return at_ns - at_ns % PERIOD_NS
