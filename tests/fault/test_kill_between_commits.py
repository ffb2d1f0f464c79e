"""Fault: ``kill -9`` while the journal is being written, again and again."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.support.facts import a_booking, an_approval
from trader.domain.facts import Fact
from trader.execution.history import History, live_positions
from trader.execution.journal import Journal

KILLS = 20
ROOT = Path(__file__).parents[2]


def write_until_killed(path: Path, acknowledgements: int) -> int:
    """Start a writer, kill it after so many acknowledgements, return the last number it told."""
    command = [sys.executable, "-m", "tests.support.journal_writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(acknowledgements)]
        writer.kill()
        told += writer.stdout.readlines()
    # The last line may be cut; only a whole one is an acknowledgement.
    whole = [int(line) for line in told if line.endswith("\n")]
    assert whole, "the writer died before its first commit"
    return whole[-1]


def commit_of(number: int) -> list[Fact]:
    """What the writer commits under a number."""
    trade = f"t-{number}"
    return [
        an_approval(number),
        a_booking(f"k-{number}-a", trade=trade),
        a_booking(f"k-{number}-b", trade=trade),
    ]


@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged_and_tears_nothing(tmp_path: Path) -> None:
    """Every number told is there, in order, whole; at most one more that was not told in time."""
    path = tmp_path / "state" / "live.db"
    random = Random(9)
    acknowledged = committed = 0

    for _ in range(KILLS):
        acknowledged = write_until_killed(path, random.randint(1, 120))
        with Journal.open(path) as journal:
            facts = list(journal.replay())

        committed = len(facts) // 3
        assert acknowledged <= committed <= acknowledged + 1
        expected = [fact for number in range(1, committed + 1) for fact in commit_of(number)]
        assert facts == expected

    assert acknowledged >= KILLS
    assert_tables_agree(path, committed)


def test_kill_9_leaves_a_journal_that_can_be_asked(tmp_path: Path) -> None:
    """A reader needs no writer to clear up first."""
    path = tmp_path / "state" / "live.db"

    acknowledged = write_until_killed(path, 30)
    history = History(path)
    decisions = history.last_decisions(10_000)
    history.close()

    assert acknowledged <= len(decisions) <= acknowledged + 1
    assert live_positions(path) == 0


def assert_tables_agree(path: Path, committed: int) -> None:
    """The tables for questions hold exactly what the facts say."""
    connection = sqlite3.connect(path)
    try:
        for table, rows in (("intents", 2), ("fills", 2), ("decisions", 1)):
            (found,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            assert found == rows * committed, table
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
