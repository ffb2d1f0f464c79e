"""The outbox in a real journal: kept with its facts, ordered, counted, bounded."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.alerts import outbox as outbox_module
from trader.alerts.outbox import KEEP_NS, LATE_NS, MIGRATIONS, Outbox, OutboxCounts
from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.errors import JournalError
from trader.execution.database import open_reader
from trader.execution.journal import Journal

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


class Clock:
    """A hand-wound clock."""

    now_ns = 1_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path, migrations={"outbox": MIGRATIONS}) as opened:
        yield opened


@pytest.fixture
def reader(journal: Journal) -> Iterator[sqlite3.Connection]:
    connection = open_reader(journal.path, same_thread=True)
    yield connection
    connection.close()


@pytest.fixture
def outbox(journal: Journal, reader: sqlite3.Connection, clock: Clock) -> Outbox:
    return Outbox(journal, reader, now_ns=clock)


def an_alert(
    severity: Severity = INFO, key: str = "k", *, lasting: bool = False, clears: bool = False
) -> Alert:
    return Alert(
        AlertCode.LEG_UNHEDGED, severity, key, 5, {"pair": "페어"}, clears=clears, lasting=lasting
    )


def enqueue(journal: Journal, outbox: Outbox, *alerts: Alert) -> None:
    with journal.transaction() as tx:
        outbox.enqueue(tx, alerts)


def pending_keys(outbox: Outbox) -> list[str]:
    return [stored.alert.key for stored in outbox.pending(100)]


class TestKeeping:
    def test_gives_back_what_it_was_given(self, journal: Journal, outbox: Outbox) -> None:
        """Every part of an alert survives the disk."""
        alert = an_alert(WARNING, "x", lasting=True)

        enqueue(journal, outbox, alert)

        (stored,) = outbox.pending(10)
        assert stored.alert == alert
        assert (stored.created_ns, stored.attempts, stored.sent_ns) == (1_000, 0, None)

    def test_a_transaction_that_fails_leaves_nothing(
        self, journal: Journal, outbox: Outbox
    ) -> None:
        """Neither the fact nor its alert exists without the other."""
        with contextlib.suppress(ZeroDivisionError), journal.transaction() as tx:
            outbox.enqueue(tx, [an_alert(lasting=True)])
            raise ZeroDivisionError

        assert outbox.pending(10) == []
        assert outbox.open_keys() == []

    def test_survives_a_restart(self, path: Path) -> None:
        """What was not sent yesterday is sent today."""
        with Journal.open(path, migrations={"outbox": MIGRATIONS}) as first:
            enqueue(first, Outbox(first, sqlite3.connect(":memory:")), an_alert(key="kept"))

        with Journal.open(path, migrations={"outbox": MIGRATIONS}) as second:
            reader = open_reader(second.path, same_thread=True)
            assert pending_keys(Outbox(second, reader)) == ["kept"]
            reader.close()

    def test_disabled_takes_nothing_in(self, journal: Journal, reader: sqlite3.Connection) -> None:
        """With alerts switched off none piles up."""
        outbox = Outbox(journal, reader, enabled=False)

        enqueue(journal, outbox, an_alert(CRITICAL, lasting=True))

        assert outbox.pending(10) == []
        assert outbox.open_keys() == []

    def test_a_reading_error_is_ours(self, journal: Journal) -> None:
        """SQLite's exceptions stop at this door."""
        with pytest.raises(JournalError, match="no such table"):
            Outbox(journal, sqlite3.connect(":memory:")).pending(1)


class TestOrder:
    def test_critical_first_then_by_age(self, journal: Journal, outbox: Outbox) -> None:
        """A flood of trades never stands before a halt."""
        severities = (INFO, WARNING, CRITICAL, INFO, CRITICAL)
        alerts = [an_alert(s, f"{s}{n}") for n, s in enumerate(severities)]

        enqueue(journal, outbox, *alerts)

        assert pending_keys(outbox) == ["critical2", "critical4", "warning1", "info0", "info3"]
        assert [stored.id for stored in outbox.pending(2)] == [3, 5]
        assert [stored.id for stored in outbox.recent(2)] == [5, 4]


class TestConditions:
    def test_a_clear_of_what_was_never_told_is_dropped(
        self, journal: Journal, outbox: Outbox
    ) -> None:
        """Every filled order clears; only one that was unknown is news."""
        enqueue(journal, outbox, an_alert(key="order", clears=True))

        assert outbox.pending(10) == []

    def test_a_clear_ends_its_condition_once(self, journal: Journal, outbox: Outbox) -> None:
        """The second clear has nothing left to clear."""
        enqueue(journal, outbox, an_alert(CRITICAL, "leg", lasting=True))
        assert outbox.open_keys() == ["leg"]

        enqueue(journal, outbox, an_alert(key="leg", clears=True))
        enqueue(journal, outbox, an_alert(key="leg", clears=True))

        assert pending_keys(outbox) == ["leg", "leg"]
        assert outbox.open_keys() == []

    def test_a_clear_that_sounds_is_always_told(self, journal: Journal, outbox: Outbox) -> None:
        """Live trading allowed is news whatever came before."""
        enqueue(journal, outbox, an_alert(WARNING, "gate", clears=True))

        assert pending_keys(outbox) == ["gate"]

    def test_what_does_not_last_opens_nothing(self, journal: Journal, outbox: Outbox) -> None:
        """A stop that closed whole is over as it is told."""
        enqueue(journal, outbox, an_alert(CRITICAL, "stop"))

        assert outbox.open_keys() == []


class TestLedger:
    def test_delivered_alerts_leave_the_queue_and_keep_their_times(
        self, journal: Journal, outbox: Outbox
    ) -> None:
        """Created, sent, acknowledged: the first time counts, each."""
        enqueue(journal, outbox, an_alert(), an_alert())

        outbox.delivered([1], 2_000)
        outbox.delivered([1], 9_000)
        outbox.acknowledge(1, 3_000)
        outbox.acknowledge(1, 9_000)

        assert [stored.id for stored in outbox.pending(10)] == [2]
        first = outbox.recent(10)[1]
        assert (first.sent_ns, first.acknowledged_ns, first.attempts) == (2_000, 3_000, 1)

    def test_a_failed_attempt_is_noted_and_the_alert_waits(
        self, journal: Journal, outbox: Outbox
    ) -> None:
        """With the reason, cut to a line's length."""
        enqueue(journal, outbox, an_alert())

        outbox.failed(1, 2_000, "x" * 5_000)

        (stored,) = outbox.pending(10)
        assert stored.attempts == 1
        assert stored.last_error == "x" * 300

    def test_counts_what_stands_where(self, journal: Journal, outbox: Outbox, clock: Clock) -> None:
        """Late is what took longer than a minute from its creation."""
        enqueue(journal, outbox, an_alert(CRITICAL), an_alert(), an_alert(), an_alert())
        outbox.failed(1, 2_000, "no")
        outbox.delivered([2], clock.now_ns + LATE_NS)
        outbox.delivered([3], clock.now_ns + LATE_NS + 1)
        outbox.acknowledge(3, 9_000)

        assert outbox.counts() == OutboxCounts(
            pending=2,
            pending_critical=1,
            sent=2,
            late=1,
            acknowledged=1,
            dropped=0,
            failed_attempts=1,
        )
        assert outbox.pending_count() == 2

    def test_an_empty_outbox_counts_nothing(self, outbox: Outbox) -> None:
        """Metrics of a first start."""
        assert outbox.counts() == OutboxCounts(0, 0, 0, 0, 0, 0, 0)
        assert outbox.oldest_pending_ns() is None

    def test_knows_the_age_of_the_oldest_that_waits(
        self, journal: Journal, outbox: Outbox, clock: Clock
    ) -> None:
        """Whatever its severity."""
        enqueue(journal, outbox, an_alert(INFO))
        clock.now_ns = 2_000
        enqueue(journal, outbox, an_alert(CRITICAL))

        assert outbox.oldest_pending_ns() == 1_000


class TestBounds:
    def test_what_was_sent_long_ago_is_forgotten(self, journal: Journal, outbox: Outbox) -> None:
        """Thirty days; what waits is never too old."""
        enqueue(journal, outbox, an_alert(key="old"), an_alert(key="waits"), an_alert(key="new"))
        outbox.delivered([1], 2_000)

        outbox.delivered([3], 2_000 + KEEP_NS + 1)

        assert [stored.alert.key for stored in outbox.recent(10)] == ["new", "waits"]

    def test_only_so_many_are_kept(
        self, journal: Journal, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And no id is ever used twice."""
        monkeypatch.setattr(outbox_module, "MAX_KEPT", 2)
        enqueue(journal, outbox, *(an_alert(key=str(n)) for n in range(1, 6)))

        outbox.delivered([1, 2, 3, 5], 2_000)
        outbox.delivered([4], 2_000)
        enqueue(journal, outbox, an_alert())

        assert [stored.id for stored in outbox.recent(10)] == [6, 5, 4]

    def test_old_infos_give_way_when_too_many_wait(
        self, journal: Journal, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Days without Telegram fill no disk; what is worse than info is never dropped."""
        monkeypatch.setattr(outbox_module, "MAX_PENDING_INFO", 1)
        enqueue(
            journal,
            outbox,
            an_alert(WARNING, "warning"),
            an_alert(key="first"),
            an_alert(CRITICAL, "critical"),
            an_alert(key="second"),
        )

        outbox.failed(3, 2_000, "no network")

        assert pending_keys(outbox) == ["critical", "warning", "second"]
        assert outbox.counts().dropped == 1

    def test_open_conditions_are_bounded(
        self, journal: Journal, outbox: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One whose end was lost must not stay for ever among thousands."""
        monkeypatch.setattr(outbox_module, "MAX_OPEN", 1)
        enqueue(journal, outbox, an_alert(CRITICAL, "lost", lasting=True))
        clock.now_ns = 2_000
        enqueue(journal, outbox, an_alert(CRITICAL, "fresh", lasting=True))

        outbox.delivered([1], 3_000)

        assert outbox.open_keys() == ["fresh"]
