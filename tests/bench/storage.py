"""The journal: what a commit costs, and how fast a start replays."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import (
    Figure,
    clock_cost_ns,
    collector_as_in_the_program,
    scaled,
    summed_up,
)
from tests.bench.scenes import SignalScene, an_engine, facts_of_trades
from trader.domain.facts import Fact, OrdersApproved
from trader.execution.journal import Journal, SyncMode

_RUNS = 5


def commit(scale: float) -> list[Figure]:
    """A decision with two orders, from BEGIN to durable against the process's death."""
    number = scaled(500, scale)
    approvals = _approvals(number * _RUNS)
    runs = [approvals[k * number : (k + 1) * number] for k in range(_RUNS)]
    return [
        summed_up(
            "commit.after",
            "commit two approved orders (journal.sync: after)",
            "µs",
            [_commits(run, "after") for run in runs],
        ),
        summed_up(
            "commit.before",
            "the same, the disk waited for (journal.sync: before)",
            "µs",
            [_commits(run[: scaled(100, scale)], "before") for run in runs],
        ),
    ]


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


def _commits(facts: Sequence[OrdersApproved], sync: SyncMode) -> list[float]:
    """Microseconds of every commit, each with one fact, into a journal of its own."""
    samples, read, cost = [], time.perf_counter_ns, clock_cost_ns()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        Journal.open(Path(directory) / "journal.db", sync=sync) as journal,
        collector_as_in_the_program(),
    ):
        for fact in facts:
            began = read()
            _commit(journal, (fact,))
            samples.append((read() - began - cost) / 1e3)
            # Trades are minutes apart: the disk is at rest again before the next one.
            journal.sync_now()
    return samples


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
