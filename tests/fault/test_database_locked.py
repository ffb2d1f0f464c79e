"""Fault: another process holds the journal's database, as a backup or a curious hand may do."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.facts import an_approval
from tests.support.live_floor import EVEN, LiveFloor
from trader.domain.errors import JournalError
from trader.execution.journal import Journal

_LOCKED = "database is locked; another process is writing to it"


@contextmanager
def locked(database: Path) -> Iterator[sqlite3.Connection]:
    """Hold the right to write, which a database has once, until the end or a rollback."""
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
    finally:
        connection.close()


def test_a_moment_is_waited_for(tmp_path: Path) -> None:
    """Less than a second delays a commit, and nothing else."""
    path = tmp_path / "state" / "live.db"
    with Journal.open(path) as journal, locked(path) as holder:
        release = threading.Timer(0.3, holder.execute, ("ROLLBACK",))
        release.start()
        with journal.transaction() as tx:
            journal.append(tx, [an_approval(1)])
        release.join()

        assert list(journal.replay()) == [an_approval(1)]


def test_what_lasts_longer_is_told_and_has_written_nothing(tmp_path: Path) -> None:
    """The transaction never began, so nothing is half done."""
    path = tmp_path / "state" / "live.db"
    with Journal.open(path) as journal:
        with locked(path), pytest.raises(JournalError, match=_LOCKED), journal.transaction() as tx:
            journal.append(tx, [an_approval(1)])

        assert list(journal.replay()) == []


@pytest.mark.slow
class TestLive:
    def test_longer_than_a_second_ends_the_process_and_nothing_leaves(self, tmp_path: Path) -> None:
        """Exit 1 with the cause; while it lasts no start gets any further; then all goes on."""
        with LiveFloor(tmp_path) as floor:
            with floor.begin() as engine:
                floor.arm(engine)
                floor.open_trade(engine)
                sent = len(floor.orders())
                with locked(floor.host.journal):
                    floor.premium(EVEN)
                    assert engine.wait() == 1
                    assert _LOCKED in engine.told("stopped: ")[0]
                    assert engine.err == []
                    with floor.begin() as again:
                        assert again.wait() == 1
                        assert _LOCKED in again.told("stopped: ")[0]
                    assert len(floor.orders()) == sent

            with floor.begin() as engine:
                engine.wait_for("trade closed ledger=live")
                assert engine.stop(SIGTERM)[0] == 0
            floor.assert_agrees()
