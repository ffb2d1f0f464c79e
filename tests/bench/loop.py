"""Inbox and loop: quotes a second, and how long a command waits behind a flood of them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from tests.bench.figures import Aim, Figure, collector_as_in_the_program, scaled, summed_up
from tests.bench.scenes import Stamps, drawn_books, quiet_engine, quotes
from trader.domain.control import Pause, Resume, Transaction
from trader.domain.events import CommandReceived, Event
from trader.domain.facts import Fact
from trader.domain.instrument import InstrumentId
from trader.domain.order import ApprovedOrder
from trader.engine.engine import Engine, Outcome
from trader.runtime import Inbox, Listener, Runtime

_RUNS = 5
_WARM_UP = 2_000
_WAITING = 20_000
_INBOX_BOUND = 100_000
_COMMAND_WITHIN_S = 10.0


def throughput(scale: float) -> list[Figure]:
    """Quotes a second, through the engine alone and through inbox and loop."""
    number = scaled(100_000, scale)
    alone = [_quotes_a_second(number) for _ in range(_RUNS)]
    bursts = [asyncio.run(_through_the_loop(number, 4)) for _ in range(_RUNS)]
    single = [asyncio.run(_through_the_loop(number, 1)) for _ in range(_RUNS)]
    return [
        _rate("throughput.engine", "engine alone", alone, Aim(250_000, at_least=True)),
        _rate(
            "throughput.loop",
            "inbox and loop, four at once, one of each instrument",
            bursts,
            Aim(80_000, at_least=True),
        ),
        _rate("throughput.single", "inbox and loop, the loop asleep before each", single),
    ]


def inbox(scale: float) -> list[Figure]:
    """How long a command waits behind a flood of quotes."""
    rounds = scaled(300, scale)
    put, due = asyncio.run(_commands_in_a_flood(rounds))
    return [
        summed_up(
            "inbox.put",
            f"{_WAITING:,} quotes waiting, a command from put to processed",
            "ms",
            [put],
            Aim(1),
            aims_at_worst=True,
        ),
        summed_up(
            "inbox.due",
            "the same, from the instant at which it could have been put",
            "ms",
            [due],
            Aim(1),
            aims_at_worst=True,
        ),
    ]


def _rate(name: str, what: str, rates: Sequence[float], aim: Aim | None = None) -> Figure:
    return summed_up(name, what, "quotes/s", [rates], aim, rates=True)


def _quotes_a_second(number: int) -> float:
    engine, events = quiet_engine(), quotes(Stamps(), _WARM_UP + number)
    process = engine.process
    for event in events[:_WARM_UP]:
        process(event)
    measured = events[_WARM_UP:]
    with collector_as_in_the_program():
        began = time.perf_counter()
        for event in measured:
            process(event)
        return number / (time.perf_counter() - began)


async def _through_the_loop(number: int, at_once: int) -> float:
    runtime = _runtime(quiet_engine(), lambda _event, _outcome: None)
    events = quotes(Stamps(), _WARM_UP + number)
    waiting = runtime.inbox
    async with _running(runtime):
        for event in events[:_WARM_UP]:
            waiting.put(event)
            await waiting.idle()
        with collector_as_in_the_program():
            began = time.perf_counter()
            for k in range(_WARM_UP, len(events), at_once):
                for event in events[k : k + at_once]:
                    waiting.put(event)
                await waiting.idle()
            elapsed = time.perf_counter() - began
    assert waiting.conflated == 0
    return number / elapsed


# a command in a flood


async def _commands_in_a_flood(rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from put, and from when it was due, of one command a round."""
    done: list[float] = []

    processed = asyncio.Event()

    def note(event: Event, _outcome: Outcome) -> None:
        if type(event) is CommandReceived:
            done.append(time.perf_counter())
            processed.set()

    runtime = _runtime(quiet_engine(), note)
    stamps, chance = Stamps(), random.Random(1)
    sides = [sides for _, sides in drawn_books()]
    names = [InstrumentId(f"upbit:C{k}-KRW") for k in range(_WAITING)]
    from_put: list[float] = []
    from_due: list[float] = []
    loop = asyncio.get_running_loop()
    # Two clocks on the same ticks; the loop's decides when the command is due.
    offset = time.perf_counter() - loop.time()
    async with _running(runtime):
        with collector_as_in_the_program():
            for number in range(rounds):
                for k, name in enumerate(names):
                    runtime.inbox.put(stamps.book(name, sides[k % len(sides)]))
                due = loop.time() + chance.uniform(0.0002, 0.002)
                put_at: list[float] = []
                loop.call_at(due, _put_command, runtime.inbox, stamps, number, put_at)
                async with asyncio.timeout(_COMMAND_WITHIN_S):
                    await processed.wait()
                processed.clear()
                assert len(runtime.inbox) > 0, "the flood ran dry before the command came"
                from_put.append((done[number] - put_at[0]) * 1e3)
                from_due.append((done[number] - due - offset) * 1e3)
    return from_put, from_due


def _put_command(waiting: Inbox, stamps: Stamps, number: int, put_at: list[float]) -> None:
    command = Resume("bench") if number % 2 else Pause("bench", "bench")
    put_at.append(time.perf_counter())
    waiting.put(CommandReceived(*stamps.now, command))


def _runtime(engine: Engine, listener: Listener) -> Runtime:
    nothing = _Nothing()
    return Runtime(Inbox(_INBOX_BOUND), engine, nothing, nothing, nothing, (listener,))


@asynccontextmanager
async def _running(runtime: Runtime) -> AsyncIterator[None]:
    task = asyncio.create_task(runtime.run())
    try:
        # Only once it waits for the first event does the loop run.
        await runtime.inbox.idle()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Nothing:
    """Stands where journal, outbox and gate are, and costs nothing."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction in which nothing is written."""
        yield self

    def append(self, _tx: Transaction, _facts: Sequence[Fact], /) -> None:
        """Nothing is kept."""

    def sync_now(self) -> None:
        """Nothing waits for a disk."""

    def enqueue_for(self, _tx: Transaction, _facts: Sequence[Fact], /) -> None:
        """Nobody is told."""

    def dispatch(self, _orders: Sequence[ApprovedOrder], /) -> None:
        """Nothing leaves."""

    def shut(self) -> None:
        """The run is over."""

    def execute(self, _sql: str, _parameters: Sequence[object] = (), /) -> object:
        """Nothing is run."""
        return None

    def executemany(self, _sql: str, _rows: Sequence[Sequence[object]], /) -> object:
        """Nothing is run."""
        return None
