"""The journal: what a commit costs, and how fast a start replays."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from tests.bench.figures import (
    Aim,
    Figure,
    clock_cost_ns,
    collector_as_in_the_program,
    scaled,
    summed_up,
)
from tests.bench.scenes import SignalScene, an_engine, facts_of_trades
from trader.domain.facts import Fact, OrdersApproved
from trader.execution.journal import Journal, SyncMode
from trader.execution.wal import WalSync

_RUNS = 5
_BUSY_GAP_S = 0.005
_COMMIT_AIM = Aim(2_000)
_SYNC_AIM = Aim(10)


def commit(scale: float) -> list[Figure]:
    """A decision with two orders: from BEGIN to durable against the process's death, then the disk.

    Both are aimed at by their p99. At rest the disk has nothing else to do; busy, a decision comes
    every five milliseconds, and checkpoints between them.
    """
    number = scaled(500, scale)
    approvals = _approvals(number * _RUNS)
    runs = [approvals[k * number : (k + 1) * number] for k in range(_RUNS)]
    rested = [_commits(run, "after") for run in runs]
    busy = [_busy_commits(run) for run in runs]
    two = "commit two approved orders"
    return [
        _aimed("commit.after", f"{two} (journal.sync: after)", "µs", [r[0] for r in rested]),
        _aimed("commit.synced", "from there until they are on disk", "ms", [r[1] for r in rested]),
        _aimed("commit.busy", f"{two}, every 5 ms", "µs", [r[0] for r in busy]),
        _aimed(
            "commit.busy_synced", "from there until they are on disk", "ms", [r[1] for r in busy]
        ),
        summed_up(
            "commit.before",
            "the same, the disk waited for (journal.sync: before)",
            "µs",
            [_commits(run[: scaled(100, scale)], "before")[0] for run in runs],
        ),
    ]


def _aimed(name: str, what: str, unit: str, runs: Sequence[Sequence[float]]) -> Figure:
    aim = _COMMIT_AIM if unit == "µs" else _SYNC_AIM
    return summed_up(name, what, unit, runs, aim, aims_at_worst=True)


def replay(scale: float) -> list[Figure]:
    """Facts a second, read from the journal and folded into an engine, as a start does."""
    facts = facts_of_trades(scaled(1_500, scale))
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        path = Path(directory) / "journal.db"
        with Journal.open(path) as journal:
            for k in range(0, len(facts), 500):
                _commit(journal, facts[k : k + 500])
        rates = [_replays(path, len(facts)) for _ in range(_RUNS)]
    what = f"a start replays a journal of {len(facts):,} facts"
    return [summed_up("replay", what, "facts/s", [rates], rates=True)]


def _approvals(number: int) -> list[OrdersApproved]:
    scene = SignalScene()
    for _ in range(number):
        scene.call_off(scene.engine.process(scene.signal()))
        scene.show_all()
    return [fact for fact in scene.facts if isinstance(fact, OrdersApproved)][:number]


def _commits(facts: Sequence[OrdersApproved], sync: SyncMode) -> tuple[list[float], list[float]]:
    """Microseconds of every commit, each with one fact, and milliseconds until it was synced."""
    samples, synced, read, cost = [], [], time.perf_counter_ns, clock_cost_ns()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        Journal.open(Path(directory) / "journal.db", sync=sync) as journal,
        collector_as_in_the_program(),
    ):
        for fact in facts:
            began = read()
            _commit(journal, (fact,))
            committed = read()
            # Trades are minutes apart: the disk is at rest again before the next one.
            journal.sync_now()
            synced.append((read() - committed - cost) / 1e6)
            samples.append((committed - began - cost) / 1e3)
    return samples, synced


def _busy_commits(facts: Sequence[OrdersApproved]) -> tuple[list[float], list[float]]:
    """The same, one after the other; a commit is on disk with the first sync begun after it."""
    samples, read, cost = [], time.perf_counter_ns, clock_cost_ns()
    ends: list[int] = []
    syncs: list[tuple[int, int]] = []
    committed = WalSync.committed

    def told(sync: WalSync) -> None:
        ends.append(read())
        committed(sync)

    def flush(descriptor: int) -> None:
        began = read()
        os.fdatasync(descriptor)
        syncs.append((began, read()))

    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        Journal.open(Path(directory) / "journal.db", flush=flush) as journal,
        collector_as_in_the_program(),
        patch.object(WalSync, "committed", told),
    ):
        for fact in facts:
            began = read()
            _commit(journal, (fact,))
            samples.append((read() - began - cost) / 1e3)
            time.sleep(_BUSY_GAP_S)
        journal.sync_now()
    synced = []
    for end in ends:
        while syncs[0][0] < end:
            syncs.pop(0)
        synced.append((syncs[0][1] - end) / 1e6)
    return samples, synced


def _commit(journal: Journal, facts: Sequence[Fact]) -> None:
    with journal.transaction() as tx:
        journal.append(tx, facts)


def _replays(path: Path, number: int) -> float:
    engine = an_engine()
    with Journal.open(path) as journal, collector_as_in_the_program():
        began = time.perf_counter()
        restored = engine.restore(journal.replay())
        elapsed = time.perf_counter() - began
    assert restored == number
    return number / elapsed
