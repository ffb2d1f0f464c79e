"""A process that changes authority until it is killed, and prints each change once it is durable.

Run as ``python -m tests.support.authority_writer PATH``. It goes on where the journal ends: halts,
lifts, demotes, in a fixed order, through the loop itself, and prints the revision of each answer.
"""

import asyncio
import sys
from pathlib import Path

from tests.support.builders import engine_rules
from tests.support.engine_harness import an_engine
from trader.domain.authority import FileMark, Level, Sight
from trader.domain.control import Command, Halt, LiftHalt, Mode, Reply, ToPaper
from trader.domain.events import CommandReceived
from trader.engine.engine import Engine
from trader.execution.journal import Journal
from trader.runtime import Inbox, Runtime, SystemClock


class Silent:
    """No alerts and no orders: this process only steers."""

    def enqueue_for(self, _tx: object, _facts: object, /) -> None:
        """Tell nobody."""

    def dispatch(self, _orders: object, /) -> None:
        """There are none."""
        raise AssertionError("nothing may be sent here")

    def shut(self) -> None:
        """The run is over."""


def next_command(engine: Engine) -> Command:
    """The next of the fixed order, by what authority is now."""
    authority = engine.state.authority
    if authority.level is Level.HALT:
        return (
            LiftHalt("host", authority.revision)
            if authority.nothing_goes
            else Halt("7", "stricter", now=True)
        )
    return Halt("7", "drill") if authority.revision % 2 else ToPaper("7", "drill")


async def write_for_ever(path: Path) -> None:
    """Command after command through inbox, engine, journal and listener."""
    journal = Journal.open(path)
    engine = an_engine(engine_rules(mode=Mode.LIVE))
    engine.restore(journal.replay())
    engine.trust(journal.authority())
    answers: asyncio.Queue[Reply] = asyncio.Queue()
    inbox, clock, silent = Inbox(100), SystemClock(), Silent()

    def answered(_event: object, outcome: object) -> None:
        reply = getattr(outcome, "reply", None)
        if isinstance(reply, Reply):
            answers.put_nowait(reply)

    runtime = Runtime(inbox, engine, journal, silent, silent, (answered,))
    async with asyncio.TaskGroup() as group:
        group.create_task(runtime.run())
        while True:
            now = clock.now()
            # Each demotion sees another touch, so that each is a change.
            sight = Sight(now.at_ns, FileMark(1, 1, now.at_ns, now.at_ns))
            inbox.put(CommandReceived(now.at_ns, now.mono_ns, next_command(engine), "c", sight))
            reply = await answers.get()
            sys.stdout.write(f"{reply.revision} {reply.level} {reply.changed}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1])))
