"""Fault: the disk is full, or lets no file grow."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import EngineProcess
from tests.support.facts import AT_NS, an_approval
from tests.support.live_floor import EVEN, RICH, LiveFloor
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


def fill_the_disk(engine: EngineProcess) -> None:
    """From now on no file of the engine may grow, as if its disk had no room left."""
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def assert_stopped_by_it(engine: EngineProcess) -> None:
    """It ends by itself with exit 1, and says on every way out why."""
    assert engine.wait() == 1, engine.out
    (line,) = engine.told("stopped: ")
    assert "journal state/journal.db: committing: " in line
    assert "look at the disk" in line
    assert engine.told("not journaled: engine main")
    assert engine.err == []


@pytest.mark.slow
class TestLive:
    def test_an_order_that_cannot_be_journaled_does_not_leave(self, tmp_path: Path) -> None:
        """No venue hears of it; a start with room goes on, once a touch permits it anew."""
        with LiveFloor(tmp_path) as floor:
            with floor.begin() as engine:
                floor.arm(engine)
                fill_the_disk(engine)
                floor.premium(RICH)
                assert_stopped_by_it(engine)
            assert floor.orders() == []
            assert floor.reader().orders() == {}

            floor.premium(EVEN)
            with floor.begin() as engine:
                engine.wait_for("CONFIRM_FILE_NOT_ARMED")
                floor.arm(engine)
                floor.open_trade(engine)
                assert engine.stop(SIGTERM)[0] == 0
            floor.assert_agrees()

    def test_an_open_pair_waits_for_the_next_start(self, tmp_path: Path) -> None:
        """What was out is settled, and the pair is closed without a touch: closings still go."""
        with LiveFloor(tmp_path) as floor:
            with floor.begin() as engine:
                floor.arm(engine)
                floor.open_trade(engine)
                sent = len(floor.orders())
                fill_the_disk(engine)
                floor.premium(EVEN)
                assert_stopped_by_it(engine)
            assert len(floor.orders()) == sent

            with floor.begin() as engine:
                engine.wait_for("trade closed ledger=live")
                assert engine.stop(SIGTERM)[0] == 0
            floor.assert_agrees()
