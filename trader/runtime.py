"""The loop, and the inbox that feeds it. Facts are durable before anything leaves the process."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from trader.domain.clock import Stamp
from trader.domain.control import Transaction
from trader.domain.errors import InvariantBroken
from trader.domain.events import BookUpdated, Event, FeedLost
from trader.domain.facts import (
    AuthorityChanged,
    BalanceSettled,
    EngineStarted,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    Fact,
    OrderAccepted,
)
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.order import ApprovedOrder
from trader.engine.engine import Engine, Outcome

_YIELD_EVENTS = 64
# A callback that falls due just after a slice began is run after that slice and the timers' next
# look: two slices at worst, half a millisecond.
_YIELD_NS = 250_000

_BINDING = (
    AuthorityChanged
    | BalanceSettled
    | EngineStarted
    | EntriesPaused
    | EntriesResumed
    | EpochAccepted
    | OrderAccepted
)
"""What must be on disk before anybody is answered or an order leaves: acts of people, and the
epoch of a start, which keeps the ids of its orders from ever coming again."""

Listener = Callable[[Event, Outcome], None]


class FactJournal(Protocol):
    """What the loop needs of the journal."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One atomic write."""
        ...

    def append(self, tx: Transaction, facts: Sequence[Fact], /) -> None:
        """Write facts inside it."""
        ...

    def sync_now(self) -> None:
        """Wait until everything committed is on disk."""
        ...


class AlertWriter(Protocol):
    """What the loop needs of the alerts: those a batch of facts raises, in its transaction."""

    def enqueue_for(self, tx: Transaction, facts: Sequence[Fact], /) -> None:
        """Write the alerts that ``facts`` raise."""
        ...


class Door(Protocol):
    """What the loop needs of the gate."""

    def dispatch(self, orders: Sequence[ApprovedOrder], /) -> None:
        """Send what was approved."""
        ...

    def shut(self) -> None:
        """Let nothing more out."""
        ...


class SystemClock:
    """The host's clocks: wall time for records, monotonic time for ages."""

    def now(self) -> Stamp:
        """This instant."""
        return Stamp(time.time_ns(), time.monotonic_ns())

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> None:
        """Call back on the running event loop."""
        asyncio.get_running_loop().call_later(delay_ns / 1e9, callback)


class Inbox:
    """Where every event enters. Commands and reports go before quotes, each in its own order.

    A newer book replaces an unread older one of its instrument; nothing else is ever replaced or
    dropped: past ``bound`` events ``put`` raises, and the process must stop.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self.on_full: Callable[[], None] = lambda: None
        """Called before ``put`` raises: nothing may leave between that and the process's end."""
        self._is_full = False
        self._urgent: deque[Event] = deque()
        self._books: dict[InstrumentId, BookUpdated] = {}
        # Whose turn it is. A dict finds its own first key by walking past all that were removed.
        self._turns: deque[InstrumentId] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._handed_out = 0
        self._slice_began_ns = 0
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._books)

    def put(self, event: Event) -> None:
        """Take an event in.

        Raises:
            InvariantBroken: more events wait than the bound allows.
        """
        if type(event) is BookUpdated:
            instrument = event.book.instrument
            if instrument in self._books:
                self.conflated += 1
            else:
                self._turns.append(instrument)
            self._books[instrument] = event
        else:
            if len(self._urgent) >= self._bound:
                self._is_full = True
                self.on_full()
                raise self._fallen_behind()
            if type(event) is FeedLost:
                self._drop_books_of(event)
            self._urgent.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _fallen_behind(self) -> InvariantBroken:
        return InvariantBroken(f"inbox: {self._bound} events wait, the loop has fallen behind")

    def _drop_books_of(self, lost: FeedLost) -> None:
        """A book that was read before its connection was lost must not come after the loss."""
        for instrument in [one for one in self._books if split_id(one)[0] == lost.venue]:
            del self._books[instrument]
        self._turns = deque(one for one in self._turns if one in self._books)

    async def get(self) -> Event:
        """The next event. Lets others run after 64 events or a quarter of a millisecond.

        Raises:
            InvariantBroken: an event found no room. Whoever put it may have survived that; the
                process must not.
        """
        if self._is_full:
            raise self._fallen_behind()
        if not self._urgent and not self._books:
            await self._wait()
            self._handed_out, self._slice_began_ns = 0, time.perf_counter_ns()
        self._handed_out += 1
        if (
            self._handed_out > _YIELD_EVENTS
            or time.perf_counter_ns() - self._slice_began_ns > _YIELD_NS
        ):
            await asyncio.sleep(0)
            self._handed_out, self._slice_began_ns = 1, time.perf_counter_ns()
        if self._urgent:
            return self._urgent.popleft()
        return self._books.pop(self._turns.popleft())

    async def idle(self) -> None:
        """Wait until every event is processed and the loop asks for the next."""
        if self._wake is not None and not self._urgent and not self._books:
            return
        if self._idle is None or self._idle.done():
            self._idle = asyncio.get_running_loop().create_future()
        # Shielded: one who gives up waiting must not take the others with him.
        await asyncio.shield(self._idle)

    async def _wait(self) -> None:
        while not self._urgent and not self._books:
            self._wake = asyncio.get_running_loop().create_future()
            if self._idle is not None and not self._idle.done():
                self._idle.set_result(None)
            await self._wake
        self._wake = None


class Runtime:
    """Takes events out of the inbox one by one, for as long as the process lives."""

    def __init__(
        self,
        inbox: Inbox,
        engine: Engine,
        journal: FactJournal,
        alerts: AlertWriter,
        gate: Door,
        listeners: Sequence[Listener],
    ) -> None:
        self.inbox = inbox
        self.engine = engine
        self.journal = journal
        self.alerts = alerts
        self.gate = gate
        self.listeners = listeners

    async def run(self) -> None:
        """Run until cancelled. A commit that fails ends it: the only safe state is on disk.

        However it ends, the gate is shut behind it.

        Raises:
            JournalError: facts could not be written; nothing they led to has left the process.
        """
        try:
            await self._turn()
        finally:
            self.gate.shut()

    async def _turn(self) -> None:
        while True:
            event = await self.inbox.get()
            outcome = self.engine.process(event)
            if outcome.facts:
                with self.journal.transaction() as tx:
                    self.journal.append(tx, outcome.facts)
                    self.alerts.enqueue_for(tx, outcome.facts)
                if any(isinstance(fact, _BINDING) for fact in outcome.facts):
                    # Nobody is answered, and nothing leaves, before a power cut cannot undo it.
                    self.journal.sync_now()
            if outcome.orders:
                self.gate.dispatch(outcome.orders)
            for listener in self.listeners:
                listener(event, outcome)
