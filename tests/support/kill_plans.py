"""How lives are to end and what troubles them, drawn from a seed."""

from collections.abc import Iterator
from random import Random

from tests.support.crash_points import (
    COMMAND_POINTS,
    POINTS,
    RECOVERY_POINTS,
    TRADING_POINTS,
)
from tests.support.kill_floor import Plan
from tests.support.torn_files import Tear

RANDOM, EARLY, POWER = "random", "early", "power"
"""Killed from outside at any time: of its trading, of its recovery; of its trading with the power.
"""

_SOON_S, _LATER_S = 0.4, 0.6
_WITHIN_S = 1.0
_EARLY_SHARE, _COMMAND_SHARE, _POWER_SHARE = 0.2, 0.4, 0.12
_LEAVES_OPEN = (
    "after approval commit",
    "before leg 2 write",
    "after leg 1 write",
    "after leg 2 write",
    "answer arrived",
)
# A point is passed so often in the time a life has.
_AT_MOST = {
    "after opening": 1,
    "before replay": 1,
    "after replay": 1,
    "before a look-up": 2,
    "after a look-up": 2,
    "before sync": 15,
    "after sync": 15,
    "before report commit": 8,
    "after report commit": 8,
    "answer arrived": 6,
    "answer handed over": 6,
    "stream report arrived": 6,
    "before command commit": 2,
    "after command commit": 2,
    "before the reply": 2,
}
_USUALLY_AT_MOST = 3

# Chances are per request or frame; each lasts so long that a comparison can come after it.
_FAULT_MS = 2_500
_Fault = dict[str, object]
_PLACING: tuple[_Fault, ...] = (
    {"kind": "drop_after"},
    {"kind": "reset_after"},
    {"kind": "error_after"},
    {"kind": "hang_after", "delay_ms": 700},
    {"kind": "delay", "delay_ms": 150},
    {"kind": "delay_answer", "delay_ms": 250},
    {"kind": "partial", "share": "0.5"},
    {"kind": "partial", "share": "0"},
    {"kind": "reject"},
)
_NEVER_PLACED: tuple[_Fault, ...] = tuple(
    {"kind": kind} for kind in ("drop_before", "reset_before", "error_before")
)
_ASKING: tuple[_Fault, ...] = (
    {"kind": "drop_after"},
    {"kind": "error_after"},
    {"kind": "error_before"},
    {"kind": "delay", "delay_ms": 200},
)
_STREAMING: tuple[_Fault, ...] = tuple(
    {"kind": kind} for kind in ("duplicate", "reorder", "gap", "cut")
)


def plans(random: Random) -> Iterator[Plan]:
    """Every point once before any comes again, and kills at random times between.

    Whoever dies while it recovers was not compared, so the next one may trade.
    """
    while True:
        bag = [*POINTS, *(RANDOM,) * 5, *(EARLY,) * 4]
        random.shuffle(bag)
        for name in bag:
            plan = _plan(name, random)
            if "look-up" in name:
                yield _plan(random.choice(_LEAVES_OPEN), random, early=False)
            yield plan
            if plan.early:
                yield _plan(random.choice(TRADING_POINTS), random, early=False)


def troubles(random: Random) -> list[_Fault]:
    """Faults for one life, as the simulator's operator sets them."""
    wanted: list[_Fault] = [{**random.choice(_PLACING), "operation": "place"}]
    if random.random() < 0.5:
        wanted.append({**random.choice(_STREAMING), "stream": "private"})
    if random.random() < 0.4:
        wanted.append({**random.choice(_ASKING), "operation": "query"})
    if random.random() < 0.1:
        wanted.append({**random.choice(_NEVER_PLACED), "operation": "place", "count": 1})
    return [
        {
            "probability": round(random.uniform(0.1, 0.4), 2),
            "seed": random.randrange(2**31),
            "for_ms": _FAULT_MS,
            **fault,
        }
        for fault in wanted
    ]


def _plan(name: str, random: Random, *, early: bool | None = None) -> Plan:
    commands = random.random() < _COMMAND_SHARE
    if random.random() < _POWER_SHARE:
        # Killed, and the power with it, at any time; a slow disk has more to lose.
        return Plan(
            POWER,
            after_s=random.uniform(0.1, _LATER_S),
            commands=commands,
            tear=random.choice(list(Tear)),
            sync_s=random.choice((0.0, 0.05, 0.3)),
        )
    if name == RANDOM:
        return Plan(name, after_s=random.uniform(0, _LATER_S), commands=commands)
    if name == EARLY:
        return Plan(name, after_s=random.uniform(0, _SOON_S), early=True)
    if early is None:
        early = name in RECOVERY_POINTS or random.random() < _EARLY_SHARE
    return Plan(
        name,
        point=name,
        at=random.randint(1, _AT_MOST.get(name, _USUALLY_AT_MOST)),
        early=early,
        commands=commands or name in COMMAND_POINTS,
        within_s=_WITHIN_S,
    )
