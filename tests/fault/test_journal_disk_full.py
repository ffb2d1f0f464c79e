"""Fault: the disk is full, or lets no file grow."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.facts import AT_NS, an_approval
from trader.domain.errors import JournalError
from trader.domain.facts import FaultRecorded
from trader.execution.journal import Journal


@contextmanager
def files_limited_to(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond ``limit`` bytes; a write beyond fails as if full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_database_that_may_not_grow_commits_nothing(tmp_path: Path) -> None:
    """One line with what to do, and what was committed before stays."""
    with Journal.open(tmp_path / "state" / "live.db") as journal:
        with journal.transaction() as tx:
            journal.append(tx, [an_approval(1)])
            tx.execute("PRAGMA max_page_count = 1")

        with (
            pytest.raises(JournalError, match="full; free disk space"),
            journal.transaction() as tx,
        ):
            journal.append(tx, [FaultRecorded(AT_NS, "here", "x" * 200_000)])

        assert list(journal.replay()) == [an_approval(1)]


def test_a_commit_that_fails_ends_the_journal(tmp_path: Path) -> None:
    """Memory and disk may differ now; only a new start knows which is right."""
    path = tmp_path / "state" / "live.db"
    journal = Journal.open(path)
    with journal.transaction() as tx:
        journal.append(tx, [an_approval(1)])

    with (
        files_limited_to(0),
        pytest.raises(JournalError, match="committing"),
        journal.transaction() as tx,
    ):
        journal.append(tx, [an_approval(2)])

    with pytest.raises(JournalError, match="committing"), journal.transaction():
        pass
    with pytest.raises(JournalError, match="committing"):
        journal.sync_now()
    journal.close()
    with Journal.open(path) as again:
        assert list(again.replay()) == [an_approval(1)]
