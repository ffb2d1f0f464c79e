"""Kills the trading engine at bad moments and compares its journal with the venues' referee.

``python -m tests.fault.order_kills [--kills 500] [--seed N]`` prints the figures.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

from msgspec import Struct, field

from tests.support.kill_floor import KillFloor, Plan
from tests.support.kill_plans import plans, troubles
from tests.support.order_referee import Journal, orders_of

PER_ROUND = 25
"""Kills on one simulator and one journal; every second round also has faults."""
_LOG_WORDS = ("Traceback", " CRIT ", "Exception")
_TOLD = "Telegram (stub)"


class Tally(Struct):
    """What was done, what it came to, and what was wrong."""

    kills: int = 0
    rounds: int = 0
    compared: int = 0
    """Comparisons with the referee that agreed."""
    seconds: float = 0.0
    wanted: Counter[str] = field(default_factory=Counter)
    """How a life was to end."""
    met: Counter[str] = field(default_factory=Counter)
    """How it did end; ``late`` where its point did not come in time."""
    orders: int = 0
    fills: int = 0
    trades: int = 0
    quarantined: int = 0
    accepted: int = 0
    """Quarantined orders that an operator had closed by what their venues show."""
    adopted: int = 0
    """Orders that a power cut took from the journal and a venue showed."""
    commands: int = 0
    alerts: int = 0
    facts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """How often each kind struck."""
    wrong: list[str] = field(default_factory=list)


def kill(directory: Path, kills: int, seed: int) -> Tally:
    """Kill as often, round by round, and add up."""
    tally = Tally()
    began = time.monotonic()
    drawn = plans(Random(seed))
    while tally.kills < kills and not tally.wrong:
        number = tally.rounds
        most = min(PER_ROUND, kills - tally.kills)
        home = directory / f"r{number}"
        _round(home, f"{seed}/{number}", list(islice(drawn, most)), tally)
        tally.rounds += 1
        if not tally.wrong:
            shutil.rmtree(home)
    tally.seconds = time.monotonic() - began
    return tally


def _round(home: Path, seed: str, wanted: Sequence[Plan], tally: Tally) -> None:
    random = Random(seed)
    is_faulty = tally.rounds % 2 == 1
    with KillFloor(home, random.randrange(2**31)) as floor:
        for number, plan in enumerate(wanted, 1):
            if floor.is_spent:
                break
            if is_faulty:
                floor.sim.admin("faults", troubles(random))
            death = floor.live(plan)
            tally.kills += 1
            tally.compared += death.compared
            tally.wanted[plan.name] += 1
            tally.met[death.at] += 1
            tally.trades += death.trades
            tally.wrong += [
                f"seed {seed}, life {number} ({plan.name} {plan.at}, died at {death.at}): {found}"
                for found in death.wrong
            ]
            if death.wrong:
                break
        for fault in floor.sim.admin("state")["faults"]:
            tally.faults[fault["fault"]["kind"]] += fault["struck"]
        floor.sim.admin("faults", method="DELETE")
        if not tally.wrong:
            tally.wrong += [f"seed {seed}, at the end: {found}" for found in floor.settle()]
            tally.compared += not tally.wrong
        _add_up(floor, tally)


def _add_up(floor: KillFloor, tally: Tally) -> None:
    journal, ledger = Journal(floor.host.journal), floor.sim.ledger()
    orders = orders_of(ledger)
    tally.orders += len(orders)
    tally.fills += sum(len(order["trades"]) for order in orders)
    for fact in journal.facts:
        kind = fact["type"]
        tally.quarantined += kind == "OrderMoved" and fact["state"] == "quarantined"
        tally.accepted += kind == "OrderAccepted"
        tally.adopted += len(fact["orders"]) if kind == "OrdersAdopted" else 0
    tally.commands += len(floor.hand.acts)
    tally.alerts += sum(int(row[3]) for row in journal.alerts)
    tally.facts += len(journal.facts)
    log = (floor.host.directory / "console.log").read_text(encoding="utf-8").splitlines()
    for line in log:
        if any(word in line for word in _LOG_WORDS) and _TOLD not in line:
            tally.wrong.append(f"{floor.host.directory}: logged: {line[:200]}")
            return


def table(tally: Tally) -> str:
    """The figures, and by point how often it was wanted and met."""
    lines = [f"{'point':24}{'wanted':>8}{'met':>8}"]
    lines += [
        f"{name:24}{tally.wanted[name]:>8}{tally.met[name]:>8}"
        for name in sorted(tally.wanted | tally.met)
    ]
    for name in tally.__struct_fields__:
        if name not in ("wanted", "met", "wrong"):
            value = getattr(tally, name)
            shown = dict(value) if isinstance(value, Counter) else value
            lines.append(f"{name}: {shown:.1f}" if name == "seconds" else f"{name}: {shown}")
    lines += [f"WRONG: {found}" for found in tally.wrong]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 where anything was wrong, whose files are then left to be looked at."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.order_kills")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="kills-"))
    tally = kill(directory, chosen.kills, chosen.seed)
    sys.stdout.write(f"{table(tally)}\n")
    if tally.wrong:
        sys.stdout.write(f"left in {directory}\n")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
