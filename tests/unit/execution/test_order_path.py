"""From the inbox to the lane: whatever happens at any await on the way, nothing leaves wrongly.

The loop, the engine, the gate and its keeper are the real ones; journal and lanes stand in. Every
event of a run that ends in a live signal is a point at which something may happen.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from tests.support.builders import AT_NS, MS_NS
from tests.support.live_desk import GUARD, READY, LiveDesk
from trader.domain.clock import SimulatedClock
from trader.domain.control import BlockReason, CheckName, Halt
from trader.domain.errors import JournalError
from trader.domain.events import CommandReceived, CycleTicked, Event
from trader.domain.facts import Fact, OrderMoved, OrdersApproved
from trader.domain.instrument import BINANCE, UPBIT
from trader.domain.order import ApprovedOrder, LedgerName
from trader.domain.readiness import Readiness
from trader.execution.gate import OUTDATED, Gate, GuardKeeper
from trader.risk.live_guard import LiveGuard, sight_of
from trader.runtime import Inbox, Runtime

MAX_DELAY_MS = 2_500


def rehearsed() -> list[Event]:
    """Every event from the start to a signal that trades live."""
    desk = LiveDesk()
    desk.go_live()
    desk.signal()
    assert {order.ledger for order in desk.take_orders()} == {LedgerName.LIVE}
    return desk.events


EVENTS = rehearsed()
SIGNAL = len(EVENTS) - 1


class Lane:
    """A venue's order connection."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.sent: list[ApprovedOrder] = []

    def prepare(self, _order: ApprovedOrder) -> str:
        """Always ready."""
        return ""

    def release(self, _order: ApprovedOrder) -> None:
        """Nothing was taken."""

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send: never while the gate is off, and nothing of a generation that is over."""
        assert self._world.is_on
        assert all(o.generation == self._world.engine.state.generation for o in orders)
        self.sent.extend(orders)


class Paper:
    """The paper venue, which nobody answers for here."""

    def __init__(self) -> None:
        self.sent: list[ApprovedOrder] = []

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Take in what was decided on paper, and only that."""
        assert {order.ledger for order in orders} == {LedgerName.PAPER}
        self.sent.extend(orders)


class World:
    """A live process on its loop, and the host around it."""

    def __init__(self) -> None:
        desk = LiveDesk()
        self.engine = desk.engine
        self.clock = SimulatedClock(AT_NS)
        self.inbox = Inbox(1_000)
        self.is_on = True
        self.fails = False
        self.facts: list[Fact] = []
        self.lanes = {UPBIT: Lane(self), BINANCE: Lane(self)}
        self.paper = Paper()
        state = self.engine.state
        self.keeper = GuardKeeper(
            LiveGuard(GUARD), lambda: (state.authority, state.memory), self.sense
        )
        gate = Gate(self.paper, self.clock, self.inbox.put, MAX_DELAY_MS, self.lanes, self.keeper)
        runtime = Runtime(self.inbox, self.engine, self, self, gate, ())
        self.task = asyncio.create_task(runtime.run())

    def sense(self) -> Readiness:
        """The host, this instant."""
        return replace(READY, lock_held=self.is_on, at_ns=self.clock.now().at_ns)

    # the journal

    @contextmanager
    def transaction(self) -> Iterator["World"]:
        """Fails when the test says so, once there is an order in it."""
        before = len(self.facts)
        yield self
        if self.fails and any(isinstance(f, OrdersApproved) for f in self.facts[before:]):
            raise JournalError("disk full")

    def append(self, _tx: object, facts: Sequence[Fact], /) -> None:
        """Write."""
        self.facts.extend(facts)

    def enqueue_for(self, _tx: object, _facts: object, /) -> None:
        """Tell nobody."""

    def sync_now(self) -> None:
        """At once."""

    def execute(self, _sql: str, _parameters: Sequence[object] = (), /) -> object:
        """No tables here."""
        return None

    def executemany(self, _sql: str, _rows: Sequence[Sequence[object]], /) -> object:
        """No tables here."""
        return None

    # what happens

    async def feed(self, event: Event) -> None:
        """One event, at its time, and the loop until it waits again."""
        self.clock.advance(max(event.mono_ns, self.clock.now().mono_ns))
        if isinstance(event, CycleTicked) and event.readiness is not None:
            event = replace(event, readiness=replace(event.readiness, lock_held=self.is_on))
        self.inbox.put(event)
        await self.settle()

    async def settle(self) -> None:
        """Until the loop has nothing left, or is over."""
        idle = asyncio.ensure_future(self.inbox.idle())
        await asyncio.wait({idle, self.task}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()

    async def end(self) -> None:
        """The loop is over, by a fault only where the test asked for one."""
        self.task.cancel()
        await asyncio.wait({self.task})
        if not self.task.cancelled():
            fault = self.task.exception()
            assert isinstance(fault, JournalError), fault

    @property
    def sent(self) -> list[ApprovedOrder]:
        """What reached a lane."""
        return [order for lane in self.lanes.values() for order in lane.sent]

    @property
    def live_refusals(self) -> set[str]:
        """Why live orders came back."""
        live = self.engine.state.ledgers[LedgerName.LIVE].orders
        return {
            fact.reason
            for fact in self.facts
            if isinstance(fact, OrderMoved) and fact.client_order_id in live and fact.reason
        }


async def run(disturb: Callable[[World, int], None]) -> World:
    """The whole run; ``disturb`` is called before each event with its number."""
    world = World()
    for number, event in enumerate(EVENTS):
        disturb(world, number)
        if world.task.done() or world.task.cancelling():
            break
        await world.feed(event)
    await world.end()
    return world


async def test_undisturbed_both_legs_leave() -> None:
    """The others can fail: this is the run that they disturb."""
    world = await run(lambda _world, _number: None)

    assert len(world.sent) == 2
    assert world.paper.sent == []


@pytest.mark.parametrize("at", range(SIGNAL + 1))
async def test_off_from_any_await_on(at: int) -> None:
    """Seen by a look of the loop or by the gate alone: no live entry leaves."""

    def off(world: World, number: int) -> None:
        if number == at:
            world.is_on = False

    world = await run(off)

    assert world.sent == []
    assert world.engine.state.now_mono_ns == EVENTS[-1].mono_ns


async def test_off_at_the_last_instant_blocks_both_legs() -> None:
    """Approved while all was well, and blocked whole by the gate's own look."""
    world = await run(lambda w, number: setattr(w, "is_on", number != SIGNAL))

    assert world.sent == []
    assert world.live_refusals == {BlockReason.LOCK_NOT_HELD}


@pytest.mark.parametrize("at", range(SIGNAL))
async def test_off_and_on_again(at: int) -> None:
    """What leaves afterwards was approved afterwards, in the generation that holds then."""
    world = await run(lambda w, number: setattr(w, "is_on", number != at))

    approved = [f for f in world.facts if isinstance(f, OrdersApproved)]
    assert {order.generation for order in world.sent} <= {world.engine.state.generation}
    assert {order.trade_id for order in world.sent} <= {fact.trade_id for fact in approved}


async def test_a_recovery_does_not_let_the_refused_out() -> None:
    """The same orders, dispatched again once all is well: their generation is over."""
    world = World()
    for event in EVENTS[:-1]:
        await world.feed(event)
    world.is_on = False
    await world.feed(EVENTS[-1])
    world.is_on = True
    live = world.engine.state.ledgers[LedgerName.LIVE]
    orders = [order.approved for order in live.orders.values()]

    assert {world.keeper.why_not(order) for order in orders} == {OUTDATED}
    await world.end()


@pytest.mark.parametrize("at", range(SIGNAL + 1))
async def test_cancelled(at: int) -> None:
    """A loop that is cancelled sends nothing more, whatever waits in the inbox."""

    def cancel(world: World, number: int) -> None:
        if number == at:
            world.inbox.put(EVENTS[SIGNAL])
            world.task.cancel()

    world = await run(cancel)

    assert world.sent == []
    assert world.task.cancelled()


async def test_a_commit_that_fails_sends_nothing() -> None:
    """What is not journaled does not leave; the loop ends with the fault."""
    world = await run(lambda w, _number: setattr(w, "fails", True))

    assert world.sent == []
    assert isinstance(world.task.exception(), JournalError)


async def test_a_clock_that_jumps_sends_nothing() -> None:
    """A host that slept between the quote and the send: the signal is old."""

    def jump(world: World, number: int) -> None:
        if number == SIGNAL:
            world.clock.advance(EVENTS[SIGNAL].mono_ns + MAX_DELAY_MS * MS_NS)

    world = await run(jump)

    assert world.sent == []
    assert world.live_refusals == {CheckName.ORDER_DELAY}


@pytest.mark.parametrize("at", range(SIGNAL + 1))
async def test_a_halt_shuts_ahead_of_the_queue(at: int) -> None:
    """Shut when it is given, though its event still waits; the fact takes over."""

    def halt(world: World, number: int) -> None:
        if number == at:
            world.keeper.halt_at_once()
            now = world.clock.now()
            world.inbox.put(
                CommandReceived(now.at_ns, now.mono_ns, Halt("7"), "c", sight_of(world.sense()))
            )

    world = await run(halt)

    assert world.sent == world.paper.sent == []
