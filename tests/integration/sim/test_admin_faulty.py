"""What a client sees of each fault, on a real connection, and whether the work was done."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web

from tests.support.sim_floor import Floor
from trader.domain.instrument import UPBIT
from trader.sim.faults import Before, Fault, FaultKind, Operation, Twist, Verdict
from trader.sim.faulty import answer
from trader.sim.server import bound_port

PATIENCE = aiohttp.ClientTimeout(total=10)


class Counter:
    """A venue of one page that counts how often it did its work."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.done = 0
        self.port = 0

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Do the work, under the faults in force."""

        async def work(_: Twist) -> web.Response:
            self.done += 1
            return web.Response(text="done")

        return await answer(request, self.floor.faults, UPBIT, Operation.PLACE, work, _refusal)


def _refusal(verdict: Verdict) -> web.Response:
    status = {Before.TOO_MANY: 429, Before.BANNED: 418}.get(verdict.before, verdict.status)
    return web.Response(status=status, text=str(verdict.retry_after_s))


@pytest.fixture
async def counter() -> AsyncIterator[Counter]:
    """It listens on a free port."""
    venue = Counter()
    app = web.Application()
    app.router.add_post("/", venue.page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.port = bound_port(runner.addresses)
    try:
        yield venue
    finally:
        await runner.cleanup()


async def ask(counter: Counter) -> int | str:
    """The status, or what became of the connection."""
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        try:
            async with session.post(f"http://127.0.0.1:{counter.port}/") as got:
                return got.status
        except aiohttp.ServerDisconnectedError:
            return "closed"
        except aiohttp.ClientOSError:
            return "reset"


class Case(NamedTuple):
    """A fault, what the client sees of it, and how often the work was done."""

    kind: FaultKind
    seen: int | str
    done: int


class TestAnswers:
    """Before means not done, after means done, and the client cannot tell from its side."""

    @pytest.mark.parametrize(
        "case",
        [
            Case(FaultKind.DELAY, 200, 1),
            Case(FaultKind.DELAY_ANSWER, 200, 1),
            Case(FaultKind.DROP_BEFORE, "closed", 0),
            Case(FaultKind.DROP_AFTER, "closed", 1),
            Case(FaultKind.HANG_AFTER, "closed", 1),
            Case(FaultKind.RESET_BEFORE, "reset", 0),
            Case(FaultKind.RESET_AFTER, "reset", 1),
            Case(FaultKind.ERROR_BEFORE, 503, 0),
            Case(FaultKind.ERROR_AFTER, 502, 1),
            Case(FaultKind.TOO_MANY, 429, 0),
            Case(FaultKind.BANNED, 418, 0),
            Case(FaultKind.MAINTENANCE, 503, 0),
        ],
        ids=lambda case: case.kind,
    )
    async def test_seen_and_done(self, counter: Counter, case: Case) -> None:
        """One request under one fault, and a clean one after it."""
        number = counter.floor.faults.install(Fault(case.kind, delay_ms=50))

        assert await ask(counter) == case.seen
        assert counter.done == case.done
        counter.floor.faults.remove(number)
        assert await ask(counter) == 200

    async def test_a_delay_holds_one_request_only(self, counter: Counter) -> None:
        """Others pass meanwhile: the venue is not one queue."""
        counter.floor.faults.install(Fault(FaultKind.DELAY, count=1, delay_ms=5_000))
        arrived = asyncio.Event()
        counter.floor.faults.watcher = lambda *_: arrived.set()
        slow = asyncio.create_task(ask(counter))
        await arrived.wait()

        assert await ask(counter) == 200
        assert not slow.done()
        slow.cancel()
