"""The journal on real SQLite: what is committed, what is refused, who may read the files."""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.facts import (
    AT_NS,
    a_booking,
    a_refusal,
    a_sample,
    an_approval,
    an_opening,
)
from trader.domain.control import Transaction
from trader.domain.errors import JournalError
from trader.domain.facts import EntriesPaused, EntriesResumed, Fact, FaultRecorded
from trader.execution.database import wal_path
from trader.execution.journal import Journal
from trader.execution.tables import MIGRATIONS

NOTE = FaultRecorded(AT_NS, "here", "text")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal will be."""
    return tmp_path / "state" / "live.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A new journal."""
    with Journal.open(path) as journal:
        yield journal


def commit(journal: Journal, *facts: Fact) -> None:
    """Append facts in one transaction."""
    with journal.transaction() as tx:
        journal.append(tx, facts)


def roll_back(journal: Journal, *facts: Fact) -> None:
    """Append facts in one transaction that an exception ends."""

    def fail() -> None:
        with journal.transaction() as tx:
            journal.append(tx, facts)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()


def ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What an independent reader finds in the file."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def mode_of(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


class TestTransaction:
    def test_facts_come_back_in_order_after_a_restart(self, path: Path) -> None:
        """Start is replay."""
        facts: list[Fact] = [an_approval(1), NOTE, a_booking(), an_opening()]
        with Journal.open(path) as journal:
            commit(journal, *facts[:2])
            commit(journal, *facts[2:])

        with Journal.open(path) as journal:
            assert list(journal.replay()) == facts

    def test_replay_goes_on_after_a_number(self, journal: Journal) -> None:
        """What a snapshot already holds need not be read again."""
        commit(journal, NOTE, an_approval(1), an_approval(2))

        assert list(journal.replay(after_seq=2)) == [an_approval(2)]

    def test_replay_passes_its_own_page_size(self, journal: Journal) -> None:
        """Replay reads in pages; none is lost or read twice at their edges."""
        facts = [FaultRecorded(AT_NS + number, "here", "") for number in range(4_001)]
        commit(journal, *facts)

        assert list(journal.replay()) == facts

    def test_an_exception_leaves_nothing(self, journal: Journal, path: Path) -> None:
        """Facts and what goes with them are one thing or none."""
        roll_back(journal, an_approval(1), a_booking(), a_refusal())

        assert list(journal.replay()) == []
        for table in ("intents", "fills", "decisions", "refusals"):
            assert ask(path, f"SELECT COUNT(*) FROM {table}") == [(0,)]

    def test_goes_on_after_a_rollback(self, journal: Journal) -> None:
        """An exception in the caller is no fault of the journal."""
        roll_back(journal, NOTE)

        commit(journal, an_approval(1))

        assert list(journal.replay()) == [an_approval(1)]

    def test_another_reader_sees_only_what_is_committed(self, journal: Journal, path: Path) -> None:
        """Durable before visible."""
        with journal.transaction() as tx:
            journal.append(tx, [NOTE])
            assert ask(path, "SELECT COUNT(*) FROM facts") == [(0,)]

        assert ask(path, "SELECT COUNT(*) FROM facts") == [(1,)]

    def test_refuses_another_inside(self, journal: Journal) -> None:
        """A transaction within a transaction would commit half."""
        with (
            pytest.raises(JournalError, match="open already"),
            journal.transaction(),
            journal.transaction(),
        ):
            pass

        commit(journal, NOTE)
        assert list(journal.replay()) == [NOTE]

    def test_refuses_a_transaction_that_has_ended(self, journal: Journal) -> None:
        """A write through a kept transaction would be committed by itself."""
        kept: list[Transaction] = []
        with journal.transaction() as tx:
            kept.append(tx)

        with pytest.raises(JournalError, match="ended"):
            kept[0].execute("DELETE FROM intents")
        with pytest.raises(JournalError, match="not its open transaction"):
            journal.append(kept[0], [NOTE])

    def test_a_failed_statement_cannot_be_swallowed(self, journal: Journal) -> None:
        """Whoever catches the error still commits nothing."""

        def swallow() -> None:
            with journal.transaction() as tx:
                journal.append(tx, [NOTE])
                with suppress(JournalError):
                    tx.execute("INSERT INTO nowhere VALUES (1)")

        with pytest.raises(JournalError, match="no such table"):
            swallow()

        assert list(journal.replay()) == []

    def test_refuses_a_number_sqlite_cannot_hold(self, journal: Journal) -> None:
        """Every failure of the store is a JournalError."""
        with pytest.raises(JournalError, match="OverflowError"):
            commit(journal, FaultRecorded(2**63, "here", "text"))

        assert list(journal.replay()) == []

    def test_refuses_text_that_is_no_text(self, journal: Journal) -> None:
        """Half a surrogate pair cannot be written as UTF-8."""
        with pytest.raises(JournalError, match="surrogates"):
            commit(journal, FaultRecorded(AT_NS, "here", "\ud800"))

    def test_refuses_work_after_closing(self, path: Path) -> None:
        """Closing is final, and twice is once."""
        journal = Journal.open(path)
        journal.close()
        journal.close()

        with pytest.raises(JournalError, match="closed"):
            commit(journal, NOTE)


class TestOnceOnly:
    def test_a_fill_is_booked_once(self, journal: Journal) -> None:
        """The same execution twice would be money out of nothing."""
        commit(journal, a_booking("k-1"))

        with pytest.raises(JournalError, match=r"fills\.venue, fills\.key.*upbit/k-1"):
            commit(journal, NOTE, a_booking("k-1"))

        assert list(journal.replay()) == [a_booking("k-1")]

    def test_an_order_id_is_used_once(self, journal: Journal) -> None:
        """A venue would take the second order for the first."""
        commit(journal, an_approval(1))

        with pytest.raises(JournalError, match=r"intents\.client_order_id"):
            commit(journal, an_approval(1))

    def test_a_decision_refused_by_two_checks_is_kept_once(
        self, journal: Journal, path: Path
    ) -> None:
        """Each check that refuses it brings the decision along."""
        commit(journal, a_refusal("d-1"), a_refusal("d-1"))

        assert ask(path, "SELECT id FROM decisions") == [("d-1",)]

    def test_facts_are_never_changed_nor_removed(self, journal: Journal) -> None:
        """The journal is append only, also for a statement written by mistake."""
        commit(journal, NOTE)

        for statement in ("UPDATE facts SET kind = 'x'", "DELETE FROM facts"):
            with pytest.raises(JournalError, match="only ever added"), journal.transaction() as tx:
                tx.execute(statement)

        assert list(journal.replay()) == [NOTE]


class TestTables:
    def test_hold_what_an_approval_says(self, journal: Journal, path: Path) -> None:
        """Both legs, with their decision, are there before anything leaves."""
        commit(journal, an_approval(1))

        rows = ask(path, "SELECT client_order_id, trade_id, decision_id, limit_price FROM intents")
        assert rows == [
            ("o-1-a", "t-1", "d-1", "100000000"),
            ("o-1-b", "t-1", "d-1", "100000000"),
        ]

    def test_hold_who_commanded_what(self, journal: Journal, path: Path) -> None:
        """An operator's acts are kept apart from the traffic."""
        commit(journal, EntriesPaused(1, by="host", reason="tea"), EntriesResumed(2, by="phone"))

        rows = ask(path, "SELECT at_ns, action, actor, reason FROM operator_actions")
        assert rows == [(1, "pause", "host", "tea"), (2, "resume", "phone", "")]

    def test_refuse_another_type(self, journal: Journal) -> None:
        """STRICT: a number where text belongs is an error, not a conversion lost later."""
        with pytest.raises(JournalError, match="TEXT"), journal.transaction() as tx:
            tx.execute("INSERT INTO facts (at_ns, kind, body) VALUES (1, x'00', 'b')")

    def test_are_all_strict(self, journal: Journal, path: Path) -> None:
        """Also the one that holds the versions."""
        commit(journal, a_sample())

        loose = ask(
            path,
            "SELECT name FROM sqlite_master "
            "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%STRICT%'",
        )
        assert loose == []


class TestFiles:
    @pytest.mark.parametrize("umask", [0o000, 0o777])
    def test_are_for_this_user_only_whatever_the_umask(self, path: Path, umask: int) -> None:
        """Directory 0700, every file 0600."""
        before = os.umask(umask)
        try:
            with Journal.open(path) as journal:
                commit(journal, NOTE)
                modes = {file.name: mode_of(file) for file in path.parent.iterdir()}
        finally:
            os.umask(before)

        assert modes == {"live.db": 0o600, "live.db-wal": 0o600, "live.db-shm": 0o600}
        assert mode_of(path.parent) == 0o700

    def test_found_too_wide_are_narrowed(self, path: Path) -> None:
        """A restored backup comes with whatever mode it was copied with."""
        Journal.open(path).close()
        path.chmod(0o644)
        path.parent.chmod(0o755)

        with Journal.open(path):
            assert mode_of(path) == 0o600
            assert mode_of(path.parent) == 0o700

    def test_a_directory_that_is_everybodys_is_left_alone(self, tmp_path: Path) -> None:
        """A sticky directory such as /tmp must not be shut for its other users."""
        shared = tmp_path / "shared"
        shared.mkdir()
        shared.chmod(0o1777)

        with Journal.open(shared / "live.db"):
            assert mode_of(shared) == 0o1777

    def test_closing_leaves_one_file(self, path: Path) -> None:
        """A backup of a stopped engine is a copy of one file."""
        with Journal.open(path) as journal:
            commit(journal, NOTE)

        assert [file.name for file in path.parent.iterdir()] == ["live.db"]

    @pytest.mark.parametrize(("sync", "level"), [("after", 1), ("before", 2)])
    def test_sync_before_waits_for_the_disk(self, path: Path, sync: str, level: int) -> None:
        """PRAGMA synchronous: 1 is NORMAL, 2 is FULL."""
        with (
            Journal.open(path, sync="before" if sync == "before" else "after") as journal,
            journal.transaction() as tx,
        ):
            answer = tx.execute("PRAGMA synchronous")
            assert isinstance(answer, sqlite3.Cursor)
            assert answer.fetchone() == (level,)


class TestVersions:
    OUTBOX = ("CREATE TABLE outbox (id INTEGER PRIMARY KEY) STRICT",)
    OUTBOX_NEXT = (
        *OUTBOX,
        "ALTER TABLE outbox ADD COLUMN late INTEGER; -- since; when\n"
        "CREATE INDEX by_late ON outbox (late) -- for the summary; ends here",
    )

    def test_tables_of_others_join(self, path: Path) -> None:
        """The outbox lives in the journal's transactions."""
        with Journal.open(path, migrations={"outbox": self.OUTBOX}) as journal:
            with journal.transaction() as tx:
                journal.append(tx, [NOTE])
                tx.executemany("INSERT INTO outbox VALUES (?)", [(1,), (2,)])
            assert ask(path, "SELECT COUNT(*) FROM outbox") == [(2,)]

    def test_an_older_file_is_brought_up(self, path: Path) -> None:
        """Only what is new runs, and what was there stays."""
        with (
            Journal.open(path, migrations={"outbox": self.OUTBOX}) as journal,
            journal.transaction() as tx,
        ):
            tx.execute("INSERT INTO outbox VALUES (7)")

        with Journal.open(path, migrations={"outbox": self.OUTBOX_NEXT}):
            assert ask(
                path, "SELECT id, late FROM outbox INDEXED BY by_late WHERE late IS NULL"
            ) == [(7, None)]
            assert ask(path, "SELECT name, version FROM schema_versions ORDER BY name") == [
                ("journal", len(MIGRATIONS)),
                ("outbox", 2),
            ]

    def test_a_failed_step_changes_nothing(self, path: Path) -> None:
        """Half a migration would be a version nobody knows."""
        Journal.open(path, migrations={"outbox": self.OUTBOX}).close()
        broken = (*self.OUTBOX, "CREATE TABLE half (id INTEGER) STRICT; CREATE TABLE half (no);")

        with pytest.raises(JournalError, match="half"):
            Journal.open(path, migrations={"outbox": broken})

        assert ask(path, "SELECT version FROM schema_versions WHERE name = 'outbox'") == [(1,)]
        assert ask(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []

    def test_a_newer_file_is_refused_and_untouched(self, path: Path) -> None:
        """An older program would write what the newer one cannot read."""
        Journal.open(path, migrations={"outbox": self.OUTBOX_NEXT}).close()
        before = path.read_bytes()

        with pytest.raises(JournalError, match=r"outbox has version 2, this program knows 1"):
            Journal.open(path, migrations={"outbox": self.OUTBOX})

        assert path.read_bytes() == before

    def test_the_journals_own_name_is_taken(self, path: Path) -> None:
        """Two lists of one name would undo each other."""
        with pytest.raises(ValueError, match="journal"):
            Journal.open(path, migrations={"journal": ()})


class TestUnusableFile:
    def test_one_that_is_no_database_is_refused_in_one_line(self, path: Path) -> None:
        """The line names the file, what is wrong and what to do."""
        path.parent.mkdir()
        path.write_bytes(b"not a database at all, but long enough to look at" * 20)

        with pytest.raises(JournalError, match=r"not a database; .*aside") as caught:
            Journal.open(path)

        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_damage_found_in_use_is_told(self, path: Path) -> None:
        """Pages overwritten by a failing disk."""
        with Journal.open(path) as journal:
            commit(journal, *[a_refusal(f"d-{number}") for number in range(500)])
        content = bytearray(path.read_bytes())
        content[8192:] = b"\xff" * (len(content) - 8192)
        path.write_bytes(content)

        with pytest.raises(JournalError, match=r"malformed.*backup"), Journal.open(path) as journal:
            list(journal.replay())

    def test_one_of_another_program_is_refused(self, path: Path) -> None:
        """To add tables to somebody else's database would be rude, and to trade on it worse."""
        path.parent.mkdir()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE theirs (id INTEGER)")
        connection.close()

        with pytest.raises(JournalError, match="another program"):
            Journal.open(path)

        assert ask(path, "SELECT name FROM sqlite_master") == [("theirs",)]

    def test_a_log_without_its_database_is_refused(self, path: Path) -> None:
        """SQLite would delete the log, and the facts in it, without a word."""
        path.parent.mkdir()
        wal_path(path).write_bytes(b"facts")

        with pytest.raises(JournalError, match="missing or empty"):
            Journal.open(path)

        assert wal_path(path).read_bytes() == b"facts"

    def test_a_log_taken_from_its_database_is_refused(self, path: Path) -> None:
        """Its index is still there, as it is after a kill; the last facts were in the log."""
        with Journal.open(path):
            log = wal_path(path).read_bytes()
        path.with_name(f"{path.name}-shm").write_bytes(b"index")

        with pytest.raises(JournalError, match="wal is missing"):
            Journal.open(path)

        wal_path(path).write_bytes(log)
        Journal.open(path).close()

    def test_an_empty_file_is_no_new_journal(self, path: Path) -> None:
        """A journal gets its name once it has its tables, so something emptied it."""
        path.parent.mkdir()
        path.touch()

        with pytest.raises(JournalError, match="the file is empty"):
            Journal.open(path)

    def test_what_a_kill_left_of_a_creation_is_done_anew(self, path: Path) -> None:
        """Half a database under another name is nobody's journal."""
        path.parent.mkdir()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"{path.name}.new{suffix}").write_bytes(b"half")

        with Journal.open(path) as journal:
            commit(journal, NOTE)

        assert sorted(file.name for file in path.parent.iterdir()) == [path.name]

    def test_a_place_that_is_no_directory_is_told(self, tmp_path: Path) -> None:
        """Permissions and read-only file systems come out the same way."""
        (tmp_path / "state").write_text("a file")

        with pytest.raises(JournalError, match="state"):
            Journal.open(tmp_path / "state" / "live.db")

    def test_a_directory_in_its_place_is_told(self, path: Path) -> None:
        """An answer of SQLite's, with what mends it."""
        path.mkdir(parents=True)

        with pytest.raises(JournalError, match="unable to open"):
            Journal.open(path)

    @pytest.mark.parametrize("body", ["{", '{"type":"MoonLanded","at_ns":1}'])
    def test_a_fact_that_does_not_read_back_is_named(self, journal: Journal, body: str) -> None:
        """Its number and kind, since someone will have to look at it."""
        commit(journal, NOTE)
        with journal.transaction() as tx:
            tx.execute("INSERT INTO facts VALUES (2, 1, 'MoonLanded', ?)", (body,))

        with pytest.raises(JournalError, match="fact 2 of kind 'MoonLanded'"):
            list(journal.replay())

    def test_a_missing_fact_is_named(self, journal: Journal) -> None:
        """A gap is damage, not history."""
        commit(journal, NOTE)
        with journal.transaction() as tx:
            tx.execute("INSERT INTO facts VALUES (5, 1, 'FaultRecorded', '{}')")

        with pytest.raises(JournalError, match="facts 2 to 4 are missing"):
            list(journal.replay())


class TestSyncAfter:
    def test_every_commit_reaches_the_disk(self, path: Path) -> None:
        """By itself, without anyone asking."""
        synced = threading.Event()

        def flush(descriptor: int) -> None:
            os.fsync(descriptor)
            synced.set()

        with Journal.open(path, flush=flush) as journal:
            commit(journal, NOTE)

            assert synced.wait(10)
            journal.sync_now()
            assert journal.sync_state().unsynced_commits == 0

    def test_a_burst_shares_one_sync(self, path: Path) -> None:
        """What is committed while the disk is busy goes with the next sync."""
        busy, free = threading.Event(), threading.Event()

        def flush(_: int) -> None:
            busy.set()
            assert free.wait(10)

        with Journal.open(path, flush=flush) as journal:
            commit(journal, an_approval(0))
            assert busy.wait(10)
            for number in range(1, 51):
                commit(journal, an_approval(number))
            behind = journal.sync_state()
            free.set()
            journal.sync_now()
            after = journal.sync_state()

        assert behind.unsynced_commits == 51
        assert behind.oldest_unsynced_ms > 0
        assert (after.unsynced_commits, after.oldest_unsynced_ms, after.syncs) == (0, 0.0, 2)

    def test_syncs_the_file_the_commit_is_in(self, path: Path) -> None:
        """The descriptor is the log's, also after the log was emptied."""
        seen: list[tuple[int, int]] = []

        def flush(descriptor: int) -> None:
            found = os.fstat(descriptor)
            seen.append((found.st_ino, found.st_size))

        with Journal.open(path, flush=flush) as journal:
            # More than enough commits for the checkpointer to have emptied the log in between.
            for number in range(450):
                commit(journal, an_approval(number))
            journal.sync_now()
            log = wal_path(path).stat()

        assert {inode for inode, _ in seen} == {log.st_ino}
        assert seen[-1][1] > 0

    def test_closing_syncs_what_is_left(self, path: Path) -> None:
        """A clean stop leaves nothing to chance."""
        calls: list[int] = []
        with Journal.open(path, flush=calls.append) as journal:
            commit(journal, NOTE)

        assert calls


class TestLogGrowth:
    def test_the_log_is_moved_into_the_database_by_itself(self, path: Path) -> None:
        """A thread does it, so that the log does not grow for ever and no commit waits."""
        with Journal.open(path) as journal:
            empty = path.stat().st_size

            for number in range(400):
                commit(journal, an_approval(number))

            assert eventually(lambda: path.stat().st_size > empty)
            # The writer itself would not have moved so little.
            with journal.transaction() as tx:
                answer = tx.execute("PRAGMA wal_autocheckpoint")
                assert isinstance(answer, sqlite3.Cursor)
                (pages,) = answer.fetchone()
            assert wal_path(path).stat().st_size < pages * 4096


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait for a condition, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()
