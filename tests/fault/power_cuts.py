"""Cuts the power under recorded writes of a trading engine's journal, and opens what is left.

``python -m tests.fault.power_cuts [--cuts 10000] [--seed N]`` prints the figures.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from msgspec import Struct, field

from tests.support.kill_floor import KillFloor, Plan
from tests.support.kill_plans import troubles
from tests.support.order_referee import Journal as JournalAsFound
from tests.support.order_referee import own_differences
from tests.support.torn_files import Cut, Disk, Tear, cuts
from tests.support.write_recorder import Committed, Event, Synced, Write, read_recording
from trader.alerts.outbox import MIGRATIONS
from trader.app.strategies import load_strategy
from trader.app.wiring import engine_rules, simulated_instruments
from trader.config import Settings, load_settings
from trader.domain.authority import Sight
from trader.domain.client_ids import DRAW_CHARS
from trader.domain.errors import JournalError
from trader.domain.events import ProcessStarted
from trader.engine.engine import Engine
from trader.execution.journal import Journal

TRADES_FOR_S = 2.5
SYNC_S = (1.5, 0.0, 0.15)
"""How much longer a sync takes in each life that is recorded: a slow disk has more to lose.

The first one begins where another ended as it should, and so with an authority that is live; the
others on what a killed one left.
"""
_IDS = 3
# What a sync costs has been measured elsewhere.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
_MIRRORS = {
    "fills": "kind = 'FillBooked'",
    "order_updates": "kind = 'OrderMoved'",
}
"""Tables that repeat facts, and the facts they repeat."""


class Tally(Struct):
    """What was recorded, how often it was cut, and what was wrong."""

    cuts: int = 0
    seconds: float = 0.0
    commits: int = 0
    syncs: int = 0
    checkpoints: int = 0
    megabytes: float = 0.0
    tears: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    """Cuts that took something: facts that were committed and not synced."""
    most_lost: int = 0
    in_checkpoint: int = 0
    """Cuts that left a database half written by a checkpoint."""
    orders: int = 0
    """Orders sent at the moment of the cut, added up: none of their ids came again."""
    wrong: list[str] = field(default_factory=list)


class Recorded(Struct, frozen=True):
    """One life's writes, what it drew for its epoch, and the settings it was lived with."""

    events: list[Event]
    draw: str
    settings: Settings


def record(directory: Path, seed: int) -> list[Recorded]:
    """Let an engine trade, live and with faults, and record what it writes."""
    random = Random(seed)
    paths, draws = [], []
    with KillFloor(directory, random.randrange(2**31)) as floor:
        assert floor.settle() == []
        for life, sync_s in enumerate(SYNC_S):
            if life:
                floor.sim.admin("faults", troubles(random))
            paths.append(directory / f"life-{life}")
            # A command would wait for the slowest disk, and the trading with it.
            plan = Plan("random", after_s=TRADES_FOR_S, commands=sync_s < 1, sync_s=sync_s)
            death = floor.live(plan, paths[-1])
            assert death.wrong == (), death
            draws.append(floor.watch.epoch[:DRAW_CHARS])
        environ = {**floor.sim.keys, "LIVE_TRADING": "1"}
        settings = load_settings(floor.host.config_path, environ, {"mode.current": "live"})
    drawn = zip(paths, draws, strict=True)
    return [Recorded(read_recording(path), draw, settings) for path, draw in drawn]


def cut_power(recorded: Sequence[Recorded], number: int, seed: int) -> Tally:
    """Cut so often, evenly over the lives; a life is given up where anything is wrong."""
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cut-", dir=_MEMORY) as directory:
        path = Path(directory) / "journal.db"
        for life, one in enumerate(recorded):
            _count(one.events, tally)
            bodies = _bodies(path, one.events)
            wanted = number * (life + 1) // len(recorded) - tally.cuts
            for disk, cut in cuts(one.events, wanted, Random(f"{seed}/{life}")):
                found = [*disk.broken, *_opened(path, cut, bodies, one)]
                where = f"life {life}, event {cut.at}, {cut.tear}"
                tally.wrong += [f"{where}: {what}" for what in found]
                _note(cut, tally)
                if found:
                    break
    tally.seconds = time.monotonic() - began
    return tally


def _opened(path: Path, cut: Cut, bodies: Sequence[str], one: Recorded) -> list[str]:
    """Open what is left with the program's own code; what is wrong with it."""
    cut.put(path)
    try:
        with Journal.open(path, migrations={"outbox": MIGRATIONS}) as journal:
            found = [*_of_store(journal), *_of_facts(journal, cut, bodies)]
            found += _of_restart(journal, cut, one)
        return [*found, *own_differences(JournalAsFound(path))]
    except JournalError as error:
        return [f"does not open: {error}"]


def _of_store(journal: Journal) -> list[str]:
    verdicts = journal.execute("SELECT * FROM pragma_integrity_check").fetchall()
    found = [] if verdicts == [("ok",)] else [f"not sound: {verdicts[:3]}"]
    for table, which in _MIRRORS.items():
        ((rows,),) = journal.execute(f"SELECT COUNT(*) FROM {table}").fetchall()
        ((facts,),) = journal.execute(f"SELECT COUNT(*) FROM facts WHERE {which}").fetchall()
        if rows != facts:
            found.append(f"{table} has {rows} rows for {facts} facts")
    return found


def _of_facts(journal: Journal, cut: Cut, bodies: Sequence[str]) -> list[str]:
    """A beginning of what was committed, and at least what was synced."""
    left = [body for (body,) in journal.execute("SELECT body FROM facts ORDER BY seq").fetchall()]
    if not cut.promised <= len(left) <= cut.written:
        return [f"{len(left)} facts; {cut.promised} were synced, {cut.written} committed"]
    return [] if left == list(bodies[: len(left)]) else ["other facts than were committed"]


def _of_restart(journal: Journal, cut: Cut, one: Recorded) -> list[str]:
    """The next process: its authority is the record's, and its ids are new.

    It draws what the process before it drew, which is the worst that chance can do.
    """
    instruments = simulated_instruments(one.settings)
    strategy = load_strategy(one.settings, instruments)
    engine = Engine(engine_rules(one.settings), instruments, strategy)
    engine.restore(journal.replay())
    found = []
    if journal.authority() != engine.state.authority:
        found.append(f"authority {journal.authority()} is not that of the facts")
    now_ns = engine.state.now_ns
    engine.process(ProcessStarted(now_ns, 0, "", sight=Sight(now_ns, None), draw=one.draw))
    given = {str(engine.state.next_order_id()) for _ in range(_IDS)}
    if again := given & cut.sent:
        found.append(f"ids given again: {sorted(again)}")
    return found


def _bodies(path: Path, events: Sequence[Event]) -> list[str]:
    """Every fact of the recording, read from what is left when nothing was lost."""
    disk = Disk()
    for event in events:
        disk.take(event)
    disk.cut(Random(0), Tear.WHOLE).put(path)
    return JournalAsFound(path).bodies


def _count(events: Sequence[Event], tally: Tally) -> None:
    tally.commits += sum(isinstance(event, Committed) for event in events)
    tally.syncs += sum(isinstance(event, Synced) and event.file == "wal" for event in events)
    tally.checkpoints += sum(isinstance(event, Synced) and event.file == "db" for event in events)
    written = sum(len(event.content) for event in events if isinstance(event, Write))
    tally.megabytes += written / 1e6


def _note(cut: Cut, tally: Tally) -> None:
    tally.cuts += 1
    tally.tears[cut.tear] += 1
    tally.lost += cut.promised < cut.written
    tally.most_lost = max(tally.most_lost, cut.written - cut.promised)
    tally.in_checkpoint += cut.is_half_copied
    tally.orders += len(cut.sent)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.power_cuts")
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cuts-") as directory:
        tally = cut_power(record(Path(directory), chosen.seed), chosen.cuts, chosen.seed)
    for name in tally.__struct_fields__:
        sys.stdout.write(f"{name}: {getattr(tally, name)}\n")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
