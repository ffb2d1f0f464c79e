"""Halt: how long until the gate is shut, and until the durable answer, under load."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.bench.figures import Aim, Figure, collector_as_in_the_program, scaled, summed_up
from tests.bench.scenes import Stamps, quiet_engine, quotes
from trader.domain.authority import Level, Sight
from trader.domain.control import Halt, LiftHalt, Mode, Transaction
from trader.domain.events import Event
from trader.domain.facts import Fact
from trader.domain.order import ApprovedOrder
from trader.domain.readiness import Readiness
from trader.engine.engine import Outcome
from trader.execution.gate import GuardKeeper
from trader.execution.journal import Journal
from trader.port.local import LocalPort
from trader.risk.live_guard import LiveGuard
from trader.runtime import Inbox, Runtime, SystemClock

_QUOTES_A_SECOND = 20_000
_SLICE_S = 0.001
_INBOX_BOUND = 100_000


class _NoAlerts:
    def enqueue_for(self, _tx: Transaction, _facts: Sequence[Fact], /) -> None:
        """Nothing."""


class _NoDoor:
    def dispatch(self, _orders: Sequence[ApprovedOrder], /) -> None:
        """Nothing."""

    def shut(self) -> None:
        """The run is over."""


def halt(scale: float) -> list[Figure]:
    """From the command in the port to the shut gate, and to the reply after the synced commit."""
    with tempfile.TemporaryDirectory() as directory:
        shut, answered = asyncio.run(_halts(scaled(300, scale), Path(directory) / "halt.db"))
    flow = f"{_QUOTES_A_SECOND:,} quotes a second flowing, a halt from the port to"
    return [
        summed_up("halt.gate", f"{flow} the shut gate", "ms", [shut], Aim(1), aims_at_worst=True),
        summed_up("halt.answer", f"{flow} its durable answer", "ms", [answered]),
    ]


async def _halts(rounds: int, path: Path) -> tuple[list[float], list[float]]:
    engine, clock, inbox = quiet_engine(), SystemClock(), Inbox(_INBOX_BOUND)
    state = engine.state
    keeper = GuardKeeper(
        LiveGuard(state.rules.guard),
        lambda: (state.authority, state.memory),
        lambda: Readiness(mode=Mode.LIVE),
    )
    shut_at: list[float] = []

    def shut() -> None:
        keeper.halt_at_once()
        shut_at.append(time.perf_counter())

    port = LocalPort("bench", clock, inbox.put, lambda: Sight(0, None), shut, {})

    def answer(_event: Event, outcome: Outcome) -> None:
        if outcome.reply is not None:
            keeper.halt_is_durable()
            port.answered(outcome.reply)

    to_shut, to_answer = [], []
    with Journal.open(path) as journal:
        runtime = Runtime(inbox, engine, journal, _NoAlerts(), _NoDoor(), (answer,))
        tasks = [asyncio.create_task(runtime.run()), asyncio.create_task(flow(inbox))]
        with collector_as_in_the_program():
            for number in range(rounds):
                await asyncio.sleep(0.003)
                began = time.perf_counter()
                reply = await port.command(Halt("bench", f"round {number}"))
                to_answer.append((time.perf_counter() - began) * 1e3)
                to_shut.append((shut_at[-1] - began) * 1e3)
                assert reply.level == Level.HALT.name
                await port.command(LiftHalt("bench", reply.revision))
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    return to_shut, to_answer


def quotes_a_second() -> int:
    """How many quotes the market of these benchmarks brings each second."""
    return _QUOTES_A_SECOND


async def flow(inbox: Inbox) -> None:
    """Quotes at the rate named, in slices as sockets deliver them, for as long as it is let."""
    stamps = Stamps()
    began, sent = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - began) * _QUOTES_A_SECOND) - sent
        for event in quotes(stamps, max(due, 0)):
            inbox.put(event)
        sent += max(due, 0)
        await asyncio.sleep(_SLICE_S)
