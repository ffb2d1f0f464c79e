"""The outbox in a real journal: kept with its facts, merged, ordered, counted, bounded."""

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.alerts import outbox as outbox_module
from trader.alerts import tables
from trader.alerts.outbox import (
    FOLD_ROWS,
    KEEP_LEDGER_NS,
    KEEP_NS,
    LATE_NS,
    MAX_PENDING_INFO,
    MIGRATIONS,
    PERIOD_NS,
    TIDY_EVERY,
    Outbox,
)
from trader.domain.control import Alert, AlertCode, Severity, Transaction
from trader.domain.delivery import (
    URGENT,
    DeliveryNote,
    Folded,
    LedgerFigures,
    NoteKind,
    OutboxCounts,
    StoredAlert,
    Waiting,
)
from trader.domain.errors import JournalError
from trader.execution.database import open_reader, open_writer
from trader.execution.journal import Journal

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
START_NS = 1_000 * PERIOD_NS


class Clock:
    """A hand-wound clock."""

    now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


class Desk:
    """An outbox in a journal, and a person who tells."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.journal = Journal.open(path, migrations={"outbox": MIGRATIONS})
        self.reader = open_reader(self.journal.path, same_thread=True)
        self.outbox = Outbox(self.journal, self.reader, now_ns=self.clock)

    def close(self) -> None:
        self.reader.close()
        self.journal.close()

    def enqueue(self, *alerts: Alert) -> None:
        with self.journal.transaction() as tx:
            self.outbox.enqueue(tx, alerts)

    def later(self, *alerts: Alert) -> int:
        """One second on, then these; returns the time."""
        self.clock.now_ns += 1_000_000_000
        self.enqueue(*alerts)
        return self.clock.now_ns

    def rows(self) -> tuple[StoredAlert, ...]:
        return self.outbox.waiting(10_000).alerts

    def shown(self) -> list[tuple[str, int, bool]]:
        """What waits: key (with ! for a clearing), number, whether it carries its end."""
        return [
            (row.alert.key + "!" * row.alert.clears, row.count - row.told, row.over_ns is not None)
            for row in self.rows()
        ]

    def tell(self, *rows: StoredAlert, at_ns: int | None = None) -> None:
        """Acknowledge rows as they were taken."""
        at_ns = self.clock.now_ns if at_ns is None else at_ns
        self.outbox.acknowledge([note_of(row, at_ns) for row in rows])

    def tell_all(self) -> None:
        self.tell(*self.rows())

    def note(self, kind: NoteKind, alert_id: int, at_ns: int = START_NS, error: str = "") -> None:
        self.outbox.acknowledge([DeliveryNote(alert_id, kind, at_ns, error=error)])


def note_of(row: StoredAlert, at_ns: int) -> DeliveryNote:
    return DeliveryNote(row.id, NoteKind.SENT, at_ns, row.count, over=row.over_ns is not None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    opened = Desk(path)
    yield opened
    opened.close()


def an_alert(
    severity: Severity = INFO,
    key: str = "k",
    *,
    lasting: bool = False,
    clears: bool = False,
    code: AlertCode = AlertCode.LEG_UNHEDGED,
    pair: str = "페어",
) -> Alert:
    return Alert(code, severity, key, 5, {"pair": pair}, clears=clears, lasting=lasting)


def raised(severity: Severity = WARNING, key: str = "k") -> Alert:
    return an_alert(severity, key, lasting=True)


def cleared(severity: Severity = INFO, key: str = "k") -> Alert:
    return an_alert(severity, key, clears=True, code=AlertCode.FEED_RECOVERED)


def adds_up(outbox: Outbox) -> bool:
    """Every alert was told, waits, or is a number in a digest."""
    counts, waiting = outbox.counts(), outbox.waiting(100_000)
    pending = sum(row.count - row.told for row in waiting.alerts)
    folded = sum(one.count for one in waiting.folded)
    return (
        (counts.pending, counts.folded) == (pending, folded)
        and counts.created == counts.sent + pending + folded
        and waiting.total == len(waiting.alerts)
    )


class TestKeeping:
    def test_gives_back_what_it_was_given(self, desk: Desk) -> None:
        """Every part of an alert survives the disk."""
        alert = an_alert(WARNING, "x", lasting=True)

        desk.enqueue(alert)

        found = desk.outbox.waiting(10)
        assert found == Waiting(
            (StoredAlert(1, alert, START_NS, last_ns=START_NS),), total=1, journal=found.journal
        )
        assert desk.outbox.get(1) == desk.rows()[0]
        assert desk.outbox.get(2) is None

    def test_a_transaction_that_fails_leaves_nothing(self, desk: Desk) -> None:
        """Neither the fact nor its alert exists without the other, nor is it counted."""
        with contextlib.suppress(ZeroDivisionError), desk.journal.transaction() as tx:
            desk.outbox.enqueue(tx, [raised()])
            raise ZeroDivisionError

        assert desk.rows() == ()
        assert desk.outbox.conditions() == frozenset()
        assert desk.outbox.counts() == OutboxCounts()

    def test_survives_a_restart(self, path: Path) -> None:
        """What was not sent yesterday is sent today; what stood still stands and merges."""
        first = Desk(path)
        first.enqueue(raised(key="kept"), an_alert(CRITICAL))
        first.close()

        second = Desk(path)
        second.enqueue(raised(key="kept"))
        assert second.shown() == [("k", 1, False), ("kept", 2, False)]
        second.enqueue(cleared(key="kept"))
        assert second.shown() == [("k", 1, False), ("kept", 2, True)]
        assert second.outbox.conditions() == frozenset()
        assert adds_up(second.outbox)
        second.close()

    def test_disabled_takes_nothing_in(self, desk: Desk) -> None:
        """With alerts switched off none piles up."""
        outbox = Outbox(desk.journal, desk.reader, enabled=False)

        with desk.journal.transaction() as tx:
            outbox.enqueue(tx, [raised(CRITICAL)])

        assert desk.rows() == ()
        assert outbox.conditions() == frozenset()

    def test_a_reading_error_is_ours(self, desk: Desk) -> None:
        """SQLite's exceptions stop at this door."""
        with pytest.raises(JournalError, match="no such table"):
            Outbox(desk.journal, sqlite3.connect(":memory:")).waiting(1)


class TestOrder:
    def test_by_urgency_then_by_age(self, desk: Desk) -> None:
        """A flood of trades never stands before a halt; an edit goes before a new message."""
        desk.enqueue(raised(key="told"))
        desk.tell_all()
        for number, severity in enumerate((INFO, WARNING, CRITICAL, INFO, CRITICAL)):
            desk.enqueue(an_alert(severity, f"{severity}{number}"))
        desk.enqueue(cleared(key="told"))

        assert [row.alert.key for row in desk.rows()] == [
            "critical2",
            "critical4",
            "told",
            "warning1",
            "info0",
            "info3",
        ]
        few = desk.outbox.waiting(2)
        assert ([row.id for row in few.alerts], few.total) == ([4, 6], 6)
        assert [row.id for row in desk.outbox.recent(2)] == [7, 6]

    @pytest.mark.parametrize("code", sorted(URGENT))
    def test_the_end_of_trading_goes_before_other_criticals(
        self, desk: Desk, code: AlertCode
    ) -> None:
        """However many wait, it is among the first few; two of them keep their order."""
        desk.enqueue(*(an_alert(CRITICAL, f"leg{number}") for number in range(60)))
        desk.enqueue(
            an_alert(CRITICAL, "first", code=code), an_alert(CRITICAL, "second", code=code)
        )
        desk.enqueue(an_alert(INFO, "info", code=code))

        found = desk.outbox.waiting(3)

        assert [row.alert.key for row in found.alerts] == ["first", "second", "leg0"]
        assert found.total == 63
        assert len({row.id for row in desk.rows()}) == 63
        plan = desk.reader.execute(f"EXPLAIN QUERY PLAN {tables.SELECT_URGENT}", (1,)).fetchall()
        assert "alert_outbox_urgent" in plan[0][3]


class TestUnreadable:
    def test_one_row_holds_up_no_other(self, desk: Desk) -> None:
        """A newer program's row is shown as an error that says what it was, as loud as it was."""
        desk.enqueue(an_alert(CRITICAL, "odd"), an_alert(CRITICAL, "even"), an_alert(key="info"))
        with desk.journal.transaction() as tx:
            tx.execute("UPDATE alert_outbox SET code = 'quake' WHERE id = 1")
            tx.execute("UPDATE alert_outbox SET fields = '[', severity = 'loud' WHERE id = 3")

        odd, even, info = desk.rows()

        assert (odd.alert.code, odd.alert.severity) == (AlertCode.SYSTEM_ERROR, CRITICAL)
        assert "quake" in odd.alert.fields["message"]
        assert (even.alert.key, info.alert.severity) == ("even", WARNING)
        desk.tell_all()
        assert desk.rows() == ()

    def test_numbers_of_an_unknown_kind_wait(self, desk: Desk) -> None:
        """A digest could not say what they are, and a newer program can."""
        with desk.journal.transaction() as tx:
            tx.execute("INSERT INTO alert_folded VALUES ('quake', 2, 0, 0), ('dust', 3, 0, 0)")

        assert desk.outbox.waiting(9).folded == (Folded(AlertCode.DUST, 3, 0, 0),)


class TestStanding:
    def test_is_the_newest_critical_told_of_each_condition(self, desk: Desk) -> None:
        """What still must be repeated, should nobody else remember it."""
        desk.enqueue(raised(CRITICAL, "a"), raised(CRITICAL, "b"), raised(CRITICAL, "a"))
        desk.enqueue(raised(WARNING, "w"), an_alert(CRITICAL, "once"))
        desk.tell_all()
        desk.enqueue(raised(CRITICAL, "waits"), raised(CRITICAL, "a"))

        assert [row.id for row in desk.outbox.standing(9)] == [3, 2]
        assert [row.id for row in desk.outbox.standing(1)] == [3]

    def test_is_not_what_was_seen_or_is_over(self, desk: Desk) -> None:
        """The last one seen is enough: nobody needs to see each."""
        desk.enqueue(raised(CRITICAL, "a"), raised(CRITICAL, "b"), raised(CRITICAL, "a"))
        desk.tell_all()
        desk.note(NoteKind.SEEN, 3)
        desk.enqueue(cleared(key="b"))

        assert desk.outbox.standing(9) == ()

    def test_goes_along_an_index(self, desk: Desk) -> None:
        """It is asked while the engine waits."""
        plan = desk.reader.execute(f"EXPLAIN QUERY PLAN {tables.SELECT_STANDING}", (1,)).fetchall()

        assert any("alert_outbox_standing" in row[3] for row in plan)


class TestJournal:
    def test_has_one_name_for_life(self, path: Path, tmp_path: Path) -> None:
        """Numbers come again in another; the name does not."""
        names = []
        for place in (path, path, tmp_path / "other" / "journal.db"):
            desk = Desk(place)
            names.append(desk.outbox.waiting(0).journal)
            desk.close()

        assert names[0]
        assert names[0] == names[1] != names[2]


class TestMerging:
    @pytest.mark.parametrize("severity", [WARNING, INFO])
    def test_a_storm_of_one_key_is_one_row(self, desk: Desk, severity: Severity) -> None:
        """With its number, its newest figures and its first and last time."""
        desk.enqueue(an_alert(severity, pair="first"))
        for _ in range(998):
            desk.enqueue(an_alert(severity, pair="middle"))
        newest_ns = desk.later(an_alert(severity, pair="newest"))

        (row,) = desk.rows()
        assert (row.count, row.told, row.alert.fields) == (1_000, 0, {"pair": "newest"})
        assert (row.created_ns, row.last_ns) == (START_NS, newest_ns)
        assert adds_up(desk.outbox)

    def test_criticals_are_each_their_own(self, desk: Desk) -> None:
        """None hides behind another."""
        desk.enqueue(raised(CRITICAL), raised(CRITICAL), raised(CRITICAL))

        assert desk.shown() == [("k", 1, False)] * 3

    def test_only_what_is_equal_merges(self, desk: Desk) -> None:
        """Another code, severity or key is another story."""
        desk.enqueue(
            an_alert(WARNING),
            an_alert(WARNING, code=AlertCode.DUST),
            an_alert(INFO),
            an_alert(WARNING, "other"),
        )

        assert len(desk.rows()) == 4

    def test_what_came_while_it_was_told_goes_on_waiting(self, desk: Desk) -> None:
        """The message said two; the third is for its counter."""
        desk.enqueue(an_alert(WARNING), an_alert(WARNING))
        taken = desk.rows()[0]
        came_ns = desk.later(an_alert(WARNING))

        desk.tell(taken)

        (row,) = desk.rows()
        assert (row.id, row.count, row.told, row.sent_ns) == (taken.id, 3, 2, came_ns)
        desk.tell(row, at_ns=came_ns + 7)
        assert desk.rows() == ()
        kept = desk.outbox.get(row.id)
        assert kept is not None
        assert (kept.told, kept.sent_ns) == (3, came_ns)
        assert adds_up(desk.outbox)

    def test_a_note_that_comes_late_takes_nothing_back(self, desk: Desk) -> None:
        """Three came and two were told; that one was told is old news."""
        desk.enqueue(an_alert(WARNING))
        one = desk.rows()[0]
        desk.enqueue(an_alert(WARNING))
        two = desk.rows()[0]
        desk.enqueue(an_alert(WARNING))
        desk.tell(two)

        desk.tell(one)

        assert desk.shown() == [("k", 1, False)]
        assert adds_up(desk.outbox)

    def test_after_it_was_told_it_is_a_new_row(self, desk: Desk) -> None:
        """The sender knows whether that edits the old message."""
        desk.enqueue(an_alert(WARNING))
        desk.tell_all()

        desk.enqueue(an_alert(WARNING))

        assert [(row.id, row.count) for row in desk.rows()] == [(2, 1)]


class TestClearings:
    def test_of_what_was_never_raised_is_nothing(self, desk: Desk) -> None:
        """Every filled order clears; only one that was unknown is news."""
        desk.enqueue(cleared(key="order"))

        assert desk.rows() == ()
        assert desk.outbox.counts() == OutboxCounts()

    @pytest.mark.parametrize("severity", [WARNING, INFO])
    def test_of_what_waits_rides_with_it(self, desk: Desk, severity: Severity) -> None:
        """One message says both."""
        desk.enqueue(raised(severity))

        over_ns = desk.later(cleared())

        (row,) = desk.rows()
        assert (row.over_ns, row.alert.clears) == (over_ns, False)
        desk.tell(row)
        assert desk.rows() == ()
        assert adds_up(desk.outbox)

    def test_the_first_end_counts(self, desk: Desk) -> None:
        """A second clearing ends nothing."""
        desk.enqueue(raised())
        over_ns = desk.later(cleared())

        desk.later(cleared())

        assert [row.over_ns for row in desk.rows()] == [over_ns]

    def test_of_what_was_told_is_one_row(self, desk: Desk) -> None:
        """An edit of the message, under the condition's key, whatever its own code."""
        desk.enqueue(raised())
        desk.tell_all()

        desk.later(cleared())
        desk.later(cleared())

        (row,) = desk.rows()
        assert (row.alert, row.count) == (cleared(), 1)
        assert desk.outbox.conditions() == frozenset()
        desk.tell(row)
        desk.later(cleared())
        assert desk.rows() == ()

    def test_of_a_critical_that_waits_is_a_row_of_its_own(self, desk: Desk) -> None:
        """It is told first, however short it was, and then that it is over."""
        desk.enqueue(raised(CRITICAL), cleared(), cleared())

        assert desk.shown() == [("k", 1, False), ("k!", 1, False)]

    def test_of_what_is_partly_told_rides_with_the_rest(self, desk: Desk) -> None:
        """One edit gives the counter and the end, and none of them is lost."""
        desk.enqueue(raised())
        desk.tell_all()
        desk.enqueue(raised())
        taken = desk.rows()[0]
        desk.enqueue(raised())
        desk.tell(taken)

        desk.enqueue(cleared())

        assert desk.shown() == [("k", 1, True)]
        desk.tell_all()
        assert desk.rows() == ()
        assert adds_up(desk.outbox)

    def test_that_comes_while_it_is_told_is_not_lost(self, desk: Desk) -> None:
        """The message on its way could not say so: an edit will, as it was raised."""
        desk.enqueue(raised())
        taken = desk.rows()[0]
        over_ns = desk.later(cleared())

        desk.tell(taken)
        desk.tell(taken)

        (row,) = desk.rows()
        assert (row.alert, row.created_ns, row.count) == (cleared(), over_ns, 1)
        desk.tell_all()
        assert desk.rows() == ()
        assert adds_up(desk.outbox)

    def test_that_rides_with_the_rest_is_no_row(self, desk: Desk) -> None:
        """The message on its way told the first of two; the counter's edit tells the end, too."""
        desk.enqueue(raised())
        taken = desk.rows()[0]
        desk.enqueue(raised(), cleared())

        desk.tell(taken)

        assert desk.shown() == [("k", 1, True)]

    def test_of_a_critical_and_a_warning_is_told_to_both(self, desk: Desk) -> None:
        """The critical message was told and is edited; the warning carries its end."""
        desk.enqueue(raised(CRITICAL))
        desk.tell_all()

        desk.enqueue(raised(WARNING), cleared())

        assert desk.shown() == [("k!", 1, False), ("k", 1, True)]

    def test_of_what_does_not_last_is_nothing(self, desk: Desk) -> None:
        """A stop that closed whole is over as it is told."""
        desk.enqueue(an_alert(WARNING), an_alert(CRITICAL), cleared())

        assert desk.shown() == [("k", 1, False)] * 2
        assert desk.outbox.conditions() == frozenset()

    def test_raised_again_it_is_not_over(self, desk: Desk) -> None:
        """Only its last state is told."""
        desk.enqueue(raised(), cleared(), raised())

        assert desk.shown() == [("k", 2, False)]
        assert desk.outbox.conditions() == {"k"}

    @pytest.mark.parametrize("severity", [WARNING, INFO])
    def test_flapping_stays_one_row(self, desk: Desk, severity: Severity) -> None:
        """A day of it without any delivery, in one message."""
        for _ in range(500):
            desk.enqueue(raised(severity), cleared())

        assert desk.shown() == [("k", 500, True)]
        assert adds_up(desk.outbox)

    def test_flapping_after_it_was_told_stays_two(self, desk: Desk) -> None:
        """The end of what was told, then all that came after, in this order."""
        desk.enqueue(raised())
        desk.tell_all()
        for _ in range(50):
            desk.enqueue(cleared(), raised())

        assert desk.shown() == [("k!", 1, False), ("k", 50, False)]
        assert adds_up(desk.outbox)


class TestCriticalsThatComeAgain:
    def test_a_clearing_that_waits_is_taken_back(self, desk: Desk) -> None:
        """It would be told after the new one, and say that it is over while it lasts."""
        desk.enqueue(raised(CRITICAL))
        desk.tell_all()

        desk.enqueue(cleared(), raised(CRITICAL))

        assert desk.shown() == [("k", 1, False)]
        assert desk.outbox.conditions() == {"k"}
        assert adds_up(desk.outbox)

    def test_flapping_keeps_every_raising_and_one_end(self, desk: Desk) -> None:
        """Each sounds; the last message is edited."""
        for _ in range(3):
            desk.enqueue(raised(CRITICAL), cleared())

        assert desk.shown() == [("k", 1, False)] * 3 + [("k!", 1, False)]
        desk.tell_all()
        assert desk.rows() == ()
        assert adds_up(desk.outbox)


class TestClearingsThatSound:
    def test_are_told_whatever_came_before(self, desk: Desk) -> None:
        """Live trading allowed is news."""
        desk.enqueue(cleared(WARNING))

        assert desk.shown() == [("k!", 1, False)]

    def test_end_their_condition_too(self, desk: Desk) -> None:
        """Told or not."""
        desk.enqueue(raised(key="told"))
        desk.tell_all()
        desk.enqueue(raised(key="waits"))

        desk.enqueue(cleared(WARNING, "told"), cleared(WARNING, "waits"))

        assert desk.shown() == [("waits", 1, True), ("told!", 1, False), ("waits!", 1, False)]
        assert desk.outbox.conditions() == frozenset()

    @pytest.mark.parametrize("told_first", [False, True])
    def test_flapping_never_ends_on_the_wrong_word(self, desk: Desk, told_first: bool) -> None:
        """Blocked, allowed, blocked: whoever reads last must read blocked, in a bounded number."""
        if told_first:
            desk.enqueue(raised())
            desk.tell_all()
        for _ in range(50):
            desk.enqueue(raised(), cleared(WARNING))

        assert desk.shown() == [("k", 50, True), ("k!", 1, False)]
        assert len(desk.outbox.recent(100)) == 2 + told_first
        desk.enqueue(raised())
        assert desk.shown() == [("k", 51, False)]
        assert desk.outbox.conditions() == {"k"}
        assert adds_up(desk.outbox)

    def test_partly_told_and_taken_back_stay_counted(self, desk: Desk) -> None:
        """What was said was said."""
        desk.enqueue(cleared(WARNING))
        taken = desk.rows()[0]
        desk.enqueue(cleared(WARNING))
        desk.tell(taken)

        desk.enqueue(raised(CRITICAL))

        assert desk.shown() == [("k", 1, False)]
        assert desk.outbox.counts().sent == 1
        assert adds_up(desk.outbox)


class TestLedger:
    def test_keeps_the_first_time_of_each(self, desk: Desk) -> None:
        """Created, sent, backed up, acknowledged."""
        desk.enqueue(an_alert(CRITICAL), an_alert(CRITICAL))

        for at_ns in (2_000, 9_000):
            desk.tell(desk.outbox.recent(2)[1], at_ns=at_ns)
            desk.note(NoteKind.SEEN, 1, at_ns + 1)
            desk.note(NoteKind.BACKUP, 1, at_ns + 2)

        assert [row.id for row in desk.rows()] == [2]
        first = desk.outbox.get(1)
        assert first is not None
        assert (first.sent_ns, first.acknowledged_ns, first.backup_ns) == (2_000, 2_001, 2_002)
        assert (first.attempts, first.told) == (1, 1)

    def test_a_failed_attempt_is_noted_and_the_alert_waits(self, desk: Desk) -> None:
        """With its time and the reason, cut to a line's length."""
        desk.enqueue(an_alert())

        desk.note(NoteKind.FAILED, 1, 2_000, "x" * 5_000)

        (row,) = desk.rows()
        assert (row.attempts, row.tried_ns, row.last_error) == (1, 2_000, "x" * 300)

    def test_a_note_about_nothing_changes_nothing(self, desk: Desk) -> None:
        """The bot may know more, or less, than is kept."""
        desk.enqueue(an_alert())

        for kind in NoteKind:
            desk.note(kind, 77)
        desk.outbox.acknowledge([DeliveryNote(1, NoteKind.SENT, START_NS, count=0)])
        desk.outbox.acknowledge([])

        assert desk.shown() == [("k", 1, False)]
        assert desk.outbox.counts() == OutboxCounts(created=1, pending=1)

    def test_counts_what_stands_where(self, desk: Desk) -> None:
        """Merged ones as what they stand for; late is what waited longer than a minute."""
        desk.enqueue(an_alert(CRITICAL), *(an_alert(key=key) for key in "aabc"))
        a, b, _ = desk.rows()[1:]
        desk.note(NoteKind.FAILED, 1)
        desk.note(NoteKind.FAILED, 1)
        desk.tell(a, at_ns=START_NS + LATE_NS + 1)
        desk.tell(b, at_ns=START_NS + LATE_NS)
        desk.note(NoteKind.SEEN, b.id)

        assert desk.outbox.counts() == OutboxCounts(
            created=5,
            pending=2,
            pending_critical=1,
            sent=3,
            late=2,
            acknowledged=1,
            folded=0,
            failed_attempts=2,
        )
        assert desk.outbox.pending_count() == 2

    def test_an_empty_outbox_counts_nothing(self, desk: Desk) -> None:
        """Metrics of a first start."""
        assert desk.outbox.counts() == OutboxCounts()
        assert desk.outbox.oldest_pending_ns() is None
        assert desk.outbox.ledger_between(0, 2**62) == LedgerFigures()

    def test_knows_since_when_the_oldest_waits(self, desk: Desk) -> None:
        """Whatever its severity; what was told of a storm waits no more."""
        desk.enqueue(an_alert(INFO))
        taken = desk.rows()[0]
        came_ns = desk.later(an_alert(CRITICAL), an_alert(INFO))
        assert desk.outbox.oldest_pending_ns() == START_NS

        desk.tell(taken)

        assert desk.outbox.oldest_pending_ns() == came_ns

    def test_tells_what_happened_within_a_span(self, desk: Desk) -> None:
        """For the summary, however long ago the rows themselves were forgotten."""
        desk.enqueue(an_alert(CRITICAL), an_alert(CRITICAL), an_alert(), an_alert())
        desk.clock.now_ns += PERIOD_NS
        desk.enqueue(an_alert(CRITICAL))
        desk.tell_all()
        desk.note(NoteKind.SEEN, 1, START_NS + PERIOD_NS)

        middle = START_NS + PERIOD_NS
        ledger = desk.outbox.ledger_between
        assert ledger(START_NS, middle) == LedgerFigures(created=4, unacknowledged=1)
        assert ledger(middle, middle + 1) == LedgerFigures(
            created=1, sent=5, late=4, acknowledged=1, unacknowledged=1
        )
        assert ledger(START_NS, middle + 1).created == 5
        assert ledger(middle + PERIOD_NS, 2**62) == LedgerFigures()


class TestFolding:
    def enqueue_infos(self, desk: Desk, number: int, first: int = 0) -> None:
        codes = (AlertCode.TRADE_OPENED, AlertCode.TRADE_CLOSED)
        for n in range(first, first + number):
            desk.later(an_alert(key=f"t{n}", code=codes[n % 2]))

    def test_the_oldest_infos_become_numbers(self, desk: Desk) -> None:
        """By kind, with their first and last time; nobody need deliver anything for it."""
        with desk.journal.transaction() as tx:
            for n in range(5_000):
                desk.outbox.enqueue(tx, [an_alert(key=f"t{n}"), an_alert(WARNING, f"w{n % 3}")])
            desk.outbox.enqueue(tx, [an_alert(CRITICAL)])

        waiting = desk.outbox.waiting(100_000)
        infos = [row for row in waiting.alerts if row.alert.severity is INFO]
        assert MAX_PENDING_INFO - FOLD_ROWS <= len(infos) <= MAX_PENDING_INFO + TIDY_EVERY
        assert infos[-1].alert.key == "t4999"
        assert [(row.alert.key, row.count) for row in waiting.alerts[:4]] == [
            ("k", 1),
            ("w0", 1_667),
            ("w1", 1_667),
            ("w2", 1_666),
        ]
        assert desk.outbox.counts().created == 10_001
        assert adds_up(desk.outbox)

    def test_one_great_commit_is_bounded_too(self, desk: Desk) -> None:
        """As after a long replay."""
        desk.enqueue(*(an_alert(key=str(n)) for n in range(5_000)))

        assert len(desk.rows()) <= MAX_PENDING_INFO
        assert adds_up(desk.outbox)

    def test_warnings_are_bounded_far_beyond(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Thousands of different ones would fill the disk as well; criticals are all kept."""
        monkeypatch.setattr(outbox_module, "MAX_PENDING_WARNINGS", 50)
        desk.enqueue(*(an_alert(WARNING, str(n)) for n in range(300)))
        desk.enqueue(*(an_alert(CRITICAL, str(n)) for n in range(300)))

        severities = [row.alert.severity for row in desk.rows()]
        assert severities.count(CRITICAL) == 300
        assert severities.count(WARNING) <= 50 + TIDY_EVERY
        assert adds_up(desk.outbox)

    def test_a_digest_takes_them_away(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was folded while it was on its way waits for the next one."""
        monkeypatch.setattr(outbox_module, "MAX_PENDING_INFO", 0)
        monkeypatch.setattr(outbox_module, "TIDY_EVERY", 1)
        self.enqueue_infos(desk, 4)
        told = desk.outbox.waiting(10).folded
        second_ns = START_NS + 1_000_000_000
        opened = Folded(AlertCode.TRADE_OPENED, 2, second_ns, START_NS + 3_000_000_000)
        assert told[0] == opened
        self.enqueue_infos(desk, 1, first=4)

        desk.outbox.folded_told(told)

        last_ns = START_NS + 5_000_000_000
        assert desk.outbox.waiting(10).folded == (
            Folded(AlertCode.TRADE_OPENED, 1, START_NS + 3_000_000_000, last_ns),
        )
        assert (desk.outbox.counts().sent, desk.outbox.counts().folded) == (4, 1)
        assert adds_up(desk.outbox)
        desk.outbox.folded_told([*told, Folded(AlertCode.DUST, 3, 0, 0)])
        desk.outbox.folded_told([])
        assert desk.outbox.waiting(10) == Waiting((), journal=desk.outbox.waiting(0).journal)
        assert adds_up(desk.outbox)
        figures = desk.outbox.ledger_between(START_NS, 2**62)
        assert (figures.created, figures.sent, figures.folded) == (5, 5, 5)

    def test_the_end_of_what_was_folded_is_nothing(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody was told that it began; what was told before keeps its end."""
        desk.enqueue(raised(INFO, "told"))
        desk.tell_all()
        monkeypatch.setattr(outbox_module, "MAX_PENDING_INFO", 0)
        monkeypatch.setattr(outbox_module, "TIDY_EVERY", 1)
        desk.enqueue(raised(INFO, "told"), raised(INFO, "folded"))
        assert desk.outbox.conditions() == {"told"}

        desk.enqueue(cleared(key="told"), cleared(key="folded"))

        assert desk.shown() == [("told!", 1, False)]


class TestBounds:
    def test_what_was_told_long_ago_is_forgotten(self, desk: Desk) -> None:
        """Thirty days; what waits is never too old, and the totals stay."""
        desk.enqueue(an_alert(key="old"), an_alert(key="waits"), an_alert(key="new"))
        old, _, new = desk.rows()
        desk.tell(old)

        desk.clock.now_ns += KEEP_NS + 1
        desk.tell(new)

        assert [row.alert.key for row in desk.outbox.recent(10)] == ["new", "waits"]
        assert desk.outbox.counts().sent == 2

    def test_only_so_many_are_kept(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The last ones told; and no id is ever used twice."""
        monkeypatch.setattr(outbox_module, "MAX_KEPT", 2)
        desk.enqueue(*(an_alert(key=str(n)) for n in range(1, 6)))
        for row in desk.rows():
            desk.tell(row, at_ns=START_NS + row.id)

        desk.enqueue(an_alert())

        assert [row.id for row in desk.outbox.recent(10)] == [6, 5, 4]
        assert adds_up(desk.outbox)

    def test_open_conditions_are_bounded(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """One whose end was lost must not stay for ever among thousands."""
        monkeypatch.setattr(outbox_module, "MAX_OPEN", 1)
        desk.enqueue(raised(CRITICAL, "lost"))
        desk.later(raised(CRITICAL, "fresh"))

        desk.note(NoteKind.SEEN, 1)

        assert desk.outbox.conditions() == {"fresh"}

    def test_the_ledger_is_bounded(self, desk: Desk) -> None:
        """Two months for the monthly summary."""
        desk.enqueue(an_alert(CRITICAL))
        desk.clock.now_ns += KEEP_LEDGER_NS + PERIOD_NS
        desk.tell_all()

        ledger = desk.outbox.ledger_between(0, 2**62)
        assert (ledger.created, ledger.sent) == (0, 1)

    def test_a_day_of_alarms_that_nobody_hears(self, desk: Desk) -> None:
        """Criticals all kept, warnings by their keys, infos to their bound: the rest is numbers."""
        order = ["critical"] * 20 + ["warning"] * 180 + ["info"] * 19_800
        random.Random(7).shuffle(order)
        with desk.journal.transaction() as tx:
            for n, severity in enumerate(order):
                key = f"w{n % 30}" if severity == "warning" else f"k{n}"
                desk.outbox.enqueue(tx, [an_alert(Severity(severity), key)])

        severities = [row.alert.severity for row in desk.rows()]
        assert severities.count(CRITICAL) == 20
        assert severities.count(WARNING) <= 30
        assert severities.count(INFO) <= MAX_PENDING_INFO + TIDY_EVERY
        assert desk.outbox.counts().created == 20_000
        assert adds_up(desk.outbox)

    def test_a_random_life_always_adds_up(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Raised, cleared, told whole, in part, late or never: created is told, waiting, folded."""
        monkeypatch.setattr(outbox_module, "MAX_PENDING_INFO", 3)
        monkeypatch.setattr(outbox_module, "TIDY_EVERY", 4)
        dice = random.Random(11)
        taken: tuple[StoredAlert, ...] = ()
        for _ in range(1_500):
            severity, key = dice.choice((CRITICAL, WARNING, INFO)), dice.choice("abcde")
            match dice.randrange(6):
                case 0 | 1:
                    desk.later(an_alert(severity, key, lasting=dice.random() < 0.7))
                case 2 | 3:
                    desk.later(cleared(dice.choice((INFO, INFO, WARNING)), key))
                case 4:
                    desk.tell(*dice.sample(taken, min(len(taken), 2)))
                case 5:
                    taken = desk.rows()
                    desk.outbox.folded_told(desk.outbox.waiting(1).folded[:1])
            assert adds_up(desk.outbox)
        while desk.rows():
            desk.tell_all()
        assert desk.outbox.counts().pending == 0
        assert desk.outbox.pending_count() == 0


class Steps:
    """A journal that counts what SQLite does, in hundreds of its steps."""

    def __init__(self, path: Path) -> None:
        self.connection = open_writer(path, full_sync=False, migrations={"outbox": MIGRATIONS})
        self.connection.set_progress_handler(self._step, 10)
        self.taken = 0

    def _step(self) -> int:
        self.taken += 1
        return 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.connection.execute("BEGIN")
        yield self.connection
        self.connection.execute("COMMIT")


class TestCost:
    def test_every_statement_goes_along_an_index(self, desk: Desk) -> None:
        """What scans the alerts would hold up the loop on the worst day of all."""
        # The newest by their numbers, from the end, as many as asked for.
        public = {name: text for name, text in vars(tables).items() if name[0].isupper()}
        del public["SELECT_RECENT"]
        statements = [text for text in public.values() if type(text) is str] + [*tables.FOLD]
        assert len(statements) > 20
        for statement in statements:
            parameters = (0,) * statement.count("?")
            for row in desk.reader.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                is_scan = row[3].startswith("SCAN alert_outbox") and "USING" not in row[3]
                assert not is_scan, (statement, row[3])

    def test_costs_the_same_however_many_wait(self, path: Path) -> None:
        """A raising, a merge, a clearing, an acknowledgement and every question."""

        def cost(store: Steps, outbox: Outbox, name: str) -> int:
            before = store.taken
            with store.transaction() as tx:
                outbox.enqueue(tx, [an_alert(key=f"new{name}"), raised(key="same"), cleared()])
                outbox.enqueue(tx, [raised(CRITICAL, name), cleared(key="same")])
            newest = outbox.recent(1)[0]
            outbox.acknowledge([note_of(newest, START_NS)])
            outbox.waiting(10)
            outbox.counts()
            outbox.oldest_pending_ns()
            outbox.ledger_between(0, 2**62)
            return store.taken - before

        store = Steps(path)
        outbox = Outbox(store, store.connection, now_ns=Clock())
        with store.transaction() as tx:
            outbox.enqueue(tx, [an_alert(key=str(n)) for n in range(100)])
        cost(store, outbox, "warm")
        few = cost(store, outbox, "few")
        with store.transaction() as tx:
            outbox.enqueue(tx, [an_alert(key=str(n)) for n in range(1_800)])
            outbox.enqueue(tx, [an_alert(WARNING, str(n)) for n in range(1_800)])
        many = cost(store, outbox, "many")
        store.connection.close()

        assert few > 0
        assert many < 2 * few


class TestMigration:
    def test_an_old_database_goes_on_waiting(self, path: Path) -> None:
        """Nothing is lost: equal ones merge, what had been dropped becomes numbers."""
        with (
            Journal.open(path, migrations={"outbox": MIGRATIONS[:1]}) as old,
            old.transaction() as tx,
        ):
            insert = (
                "INSERT INTO alert_outbox (code, severity, rank, key, at_ns, fields, clears, "
                "lasting, created_ns, attempts, tried_ns, sent_ns, dropped_ns) "
                "VALUES ('dust', ?, ?, ?, 5, ?, ?, 0, ?, ?, ?, ?, ?)"
            )
            late_ns = START_NS + LATE_NS + 1
            rows = [
                ("info", 2, "sent", "{}", 0, START_NS, 3, 7, late_ns, None),
                ("info", 2, "same", '{"n":"1"}', 0, START_NS + 1, 0, None, None, None),
                ("critical", 0, "alarm", "{}", 0, START_NS + 2, 0, None, None, None),
                ("critical", 0, "alarm", "{}", 0, START_NS + 3, 0, None, None, None),
                ("info", 2, "same", '{"n":"2"}', 0, START_NS + 4, 2, 7, None, None),
                ("info", 2, "gone", "{}", 0, START_NS + 5, 0, None, None, late_ns),
                ("info", 2, "over", "{}", 1, START_NS + 6, 0, None, None, None),
                ("warning", 1, "warned", "{}", 0, START_NS + 7, 0, None, None, None),
                ("info", 2, "gone", "{}", 0, START_NS + 8, 0, None, None, late_ns),
            ]
            tx.executemany(insert, rows)
            tx.execute("INSERT INTO alert_open VALUES ('alarm', ?)", (START_NS,))

        desk = Desk(path)

        assert desk.shown() == [
            ("alarm", 1, False),
            ("alarm", 1, False),
            ("over!", 1, False),
            ("warned", 1, False),
            ("same", 2, False),
        ]
        same = desk.rows()[-1]
        assert (same.id, same.alert.fields) == (2, {"n": "2"})
        assert (same.created_ns, same.last_ns) == (START_NS + 1, START_NS + 4)
        gone = Folded(AlertCode.DUST, 2, START_NS + 5, START_NS + 8)
        assert desk.outbox.waiting(9).folded == (gone,)
        assert desk.outbox.counts() == OutboxCounts(
            created=9, pending=6, pending_critical=2, sent=1, late=1, folded=2, failed_attempts=2
        )
        assert desk.outbox.conditions() == {"alarm"}
        desk.enqueue(an_alert(CRITICAL), cleared(key="alarm"))
        assert desk.outbox.recent(2)[1].id == 10
        assert ("alarm!", 1, False) in desk.shown()
        assert adds_up(desk.outbox)
        desk.close()
