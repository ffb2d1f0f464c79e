"""Commands through the port in one process: whose reply is whose."""

import asyncio

from trader.domain.authority import Sight
from trader.domain.clock import SimulatedClock
from trader.domain.control import Halt, Pause, Reply, ReplyCode
from trader.domain.events import CommandReceived, Event
from trader.port.local import LocalPort


class Engine:
    """Takes commands in and answers when the test says."""

    def __init__(self) -> None:
        self.commands: list[CommandReceived] = []
        self._came: asyncio.Queue[CommandReceived] = asyncio.Queue()
        self.halts = 0
        self.port = LocalPort(
            "main", SimulatedClock(0), self._take, lambda: Sight(0, None), self._halt, {}
        )

    def _take(self, event: Event) -> None:
        assert isinstance(event, CommandReceived)
        self._came.put_nowait(event)

    def _halt(self) -> None:
        self.halts += 1

    async def hear(self, commands: int = 1) -> None:
        """Wait until so many more commands have come."""
        for _ in range(commands):
            self.commands.append(await self._came.get())

    def answer(self, number: int, code: ReplyCode) -> None:
        """Reply to one of the commands that came."""
        command_id = self.commands[number].id
        self.port.answered(Reply(command_id, True, "PAPER", 0, True, "done", code=code))


async def test_a_command_carries_the_id_it_was_given() -> None:
    """Derived from chat and message, so that a repeat can be told."""
    engine = Engine()
    asked = asyncio.create_task(engine.port.command(Pause("7"), id="chat-1-42"))
    await engine.hear()
    engine.answer(0, ReplyCode.PAUSED)

    reply = await asked

    assert engine.commands[0].id == reply.command_id == "chat-1-42"


async def test_commands_without_an_id_are_told_apart() -> None:
    """Each hears its own reply, in whatever order they come."""
    engine = Engine()
    one = asyncio.create_task(engine.port.command(Pause("7")))
    other = asyncio.create_task(engine.port.command(Pause("8")))
    await engine.hear(2)
    engine.answer(1, ReplyCode.ALREADY_PAUSED)
    engine.answer(0, ReplyCode.PAUSED)

    assert (await one).code is ReplyCode.PAUSED
    assert (await other).code is ReplyCode.ALREADY_PAUSED


async def test_a_repeated_id_is_answered_as_often_as_it_came() -> None:
    """The second waiter must not take the first one's place, nor wait for ever."""
    engine = Engine()
    first = asyncio.create_task(engine.port.command(Halt("7"), id="chat-1-42"))
    again = asyncio.create_task(engine.port.command(Halt("7"), id="chat-1-42"))
    await engine.hear(2)
    engine.answer(0, ReplyCode.HALTED)
    engine.answer(1, ReplyCode.ALREADY_HALTED)

    assert (await first).code is ReplyCode.HALTED
    assert (await again).code is ReplyCode.ALREADY_HALTED
    assert engine.halts == 2


async def test_a_reply_nobody_waits_for_is_dropped() -> None:
    """Whoever gave up waiting is gone, and his id is free again."""
    engine = Engine()
    asked = asyncio.create_task(engine.port.command(Pause("7"), id="chat-1-42"))
    await engine.hear()
    asked.cancel()
    await asyncio.wait([asked])
    engine.answer(0, ReplyCode.PAUSED)
    again = asyncio.create_task(engine.port.command(Pause("7"), id="chat-1-42"))
    await engine.hear()

    assert not again.done()
    engine.answer(1, ReplyCode.ALREADY_PAUSED)
    assert (await again).code is ReplyCode.ALREADY_PAUSED
