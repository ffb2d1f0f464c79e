"""Fault: the disk takes what was committed and then fails to keep it."""

import os
import threading
from pathlib import Path

import pytest

from tests.support.facts import an_approval
from trader.domain.errors import JournalError
from trader.execution.database import wal_path
from trader.execution.journal import Journal


class Watch:
    """Keeps the failure a journal tells of."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.failures: list[JournalError] = []

    def __call__(self, failure: JournalError) -> None:
        self.failures.append(failure)
        self.told.set()


def failing(_: int) -> None:
    """A sync as a dying disk answers it."""
    raise OSError(5, "Input/output error")


def commit(journal: Journal, number: int) -> None:
    """One approval."""
    with journal.transaction() as tx:
        journal.append(tx, [an_approval(number)])


def test_a_failed_sync_is_told_and_ends_the_journal(tmp_path: Path) -> None:
    """A second sync that succeeds would prove nothing: the kernel has dropped the pages."""
    watch = Watch()
    path = tmp_path / "state" / "live.db"
    with Journal.open(path, flush=failing, on_failure=watch) as journal:
        commit(journal, 1)

        assert watch.told.wait(10)
        with pytest.raises(JournalError, match="Input/output error"):
            journal.sync_now()
        with pytest.raises(JournalError, match="syncing to disk"):
            commit(journal, 2)

    assert len(watch.failures) == 1


def test_a_waiting_sync_now_learns_of_the_failure(tmp_path: Path) -> None:
    """Who waits for the disk is not left waiting for its time to run out."""
    asked = threading.Event()

    def flush(_: int) -> None:
        assert asked.wait(10)
        raise OSError(5, "Input/output error")

    with Journal.open(tmp_path / "state" / "live.db", flush=flush) as journal:
        commit(journal, 1)
        asked.set()

        with pytest.raises(JournalError, match="Input/output error"):
            journal.sync_now()


def test_a_log_taken_away_is_a_failure(tmp_path: Path) -> None:
    """Commits would go on into a file that no path leads to."""
    watch = Watch()
    path = tmp_path / "state" / "live.db"
    with Journal.open(path, on_failure=watch) as journal:
        commit(journal, 1)
        journal.sync_now()
        os.replace(wal_path(path), tmp_path / "taken")
        wal_path(path).write_bytes(b"")
        commit(journal, 2)

        assert watch.told.wait(10)

    assert "replaced" in str(watch.failures[0])
