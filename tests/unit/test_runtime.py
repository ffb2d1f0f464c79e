"""The loop and its inbox: what goes first, what may be replaced, and durable before visible."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.support.builders import AT_NS, UPBIT_BTC, a_book
from tests.support.engine_harness import Desk
from trader.domain.control import Pause, Transaction
from trader.domain.errors import InvariantBroken, JournalError
from trader.domain.events import (
    BookUpdated,
    CommandReceived,
    CycleTicked,
    Event,
    FeedLost,
    ProcessStarted,
)
from trader.domain.facts import Fact, OrdersApproved
from trader.domain.instrument import UPBIT, InstrumentId
from trader.domain.order import ApprovedOrder
from trader.engine.engine import Outcome
from trader.runtime import Inbox, Runtime, SystemClock

BOUND = 1_000


def a_quote(name: str = UPBIT_BTC, mono_ns: int = 0) -> BookUpdated:
    """A book event."""
    return BookUpdated(a_book(InstrumentId(name), mono_ns=mono_ns))


def a_cycle(number: int) -> CycleTicked:
    """An event that is no quote."""
    return CycleTicked(0, 0, number)


def a_command() -> CommandReceived:
    """An operator's command."""
    return CommandReceived(0, 0, Pause("op"))


class TestInbox:
    async def test_a_newer_book_replaces_an_unread_one_of_its_instrument(self) -> None:
        """Only the newest matters, and only of the same instrument."""
        inbox = Inbox(BOUND)
        inbox.put(a_quote("upbit:A-KRW", 1))
        inbox.put(a_quote("upbit:B-KRW", 2))
        inbox.put(a_quote("upbit:A-KRW", 3))

        got = [await inbox.get(), await inbox.get()]

        assert got == [a_quote("upbit:A-KRW", 3), a_quote("upbit:B-KRW", 2)]
        assert inbox.conflated == 1
        assert len(inbox) == 0

    async def test_everything_else_goes_first_and_in_order(self) -> None:
        """Commands and reports before quotes; among them nothing overtakes."""
        inbox = Inbox(BOUND)
        events: list[Event] = [a_quote(), a_cycle(1), a_command(), a_cycle(2)]
        for event in events:
            inbox.put(event)

        got = [await inbox.get() for _ in events]

        assert got == [a_cycle(1), a_command(), a_cycle(2), a_quote()]

    async def test_nothing_else_is_ever_replaced(self) -> None:
        """Two equal reports are two reports."""
        inbox = Inbox(BOUND)
        inbox.put(a_cycle(1))
        inbox.put(a_cycle(1))

        assert len(inbox) == 2

    def test_past_its_bound_it_raises(self) -> None:
        """Better to stop than to drop an order's report."""
        inbox = Inbox(2)
        inbox.put(a_cycle(1))
        inbox.put(a_cycle(2))

        with pytest.raises(InvariantBroken):
            inbox.put(a_cycle(3))

    def test_past_its_bound_it_shuts_the_gate_before_it_raises(self) -> None:
        """Whoever put the event may be slow to end the process; nothing may leave meanwhile."""
        inbox, calls = Inbox(1), []
        inbox.on_full = lambda: calls.append("shut")
        inbox.put(a_cycle(1))

        with pytest.raises(InvariantBroken):
            inbox.put(a_cycle(2))

        assert calls == ["shut"]

    async def test_past_its_bound_the_reader_stops_too(self) -> None:
        """Whoever put the event may swallow the error; the process must end all the same."""
        inbox = Inbox(1)
        inbox.put(a_cycle(1))
        with pytest.raises(InvariantBroken):
            inbox.put(a_cycle(2))

        with pytest.raises(InvariantBroken):
            await inbox.get()

    def test_quotes_do_not_count_towards_the_bound(self) -> None:
        """They conflate; a burst of them must not stop the process."""
        inbox = Inbox(2)
        for number in range(100):
            inbox.put(a_quote(f"upbit:{number}-KRW"))
        inbox.put(a_cycle(1))
        inbox.put(a_cycle(2))

        assert len(inbox) == 102

    async def test_a_waiting_reader_is_woken(self) -> None:
        """An event wakes the loop, however long it slept."""
        inbox = Inbox(BOUND)
        reader = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)

        inbox.put(a_cycle(1))

        assert await asyncio.wait_for(reader, 5) == a_cycle(1)

    async def test_a_command_waits_for_at_most_64_quotes(self) -> None:
        """Twenty thousand quotes wait; a command put meanwhile is next after the slice in hand."""
        inbox = Inbox(BOUND)
        for number in range(20_000):
            inbox.put(a_quote(f"upbit:{number}-KRW"))
        got: list[Event] = []
        put_at: list[int] = []

        async def command() -> None:
            put_at.append(len(got))
            inbox.put(a_command())

        sender = asyncio.create_task(command())
        while not got or type(got[-1]) is BookUpdated:
            got.append(await inbox.get())
        await sender

        quotes_after = len(got) - 1 - put_at[0]
        assert put_at[0] <= 64
        assert quotes_after == 0

    async def test_draining_takes_as_many_steps_as_books_wait(self) -> None:
        """Nobody looks for the next book: fifty thousand cost one turn each, in their order."""
        inbox = Inbox(BOUND)
        names = [InstrumentId(f"upbit:{number}-KRW") for number in range(50_000)]
        for name in names:
            inbox.put(a_quote(name))
        books = _Unsearchable(inbox._books)
        inbox._books = books

        got = [await inbox.get() for _ in names]

        assert [event.book.instrument for event in got if type(event) is BookUpdated] == names
        assert books.removed == len(names)
        assert len(inbox) == 0

    async def test_a_replaced_book_keeps_its_place_and_takes_one_turn(self) -> None:
        """The newer book comes when the older would have come, and nothing comes after it."""
        inbox = Inbox(BOUND)
        for mono_ns in range(3):
            inbox.put(a_quote("upbit:A-KRW", mono_ns))
            inbox.put(a_quote("upbit:B-KRW", mono_ns))
        inbox.put(a_cycle(1))

        got = [await inbox.get() for _ in range(3)]

        assert got == [a_cycle(1), a_quote("upbit:A-KRW", 2), a_quote("upbit:B-KRW", 2)]
        assert len(inbox) == 0

    async def test_a_lost_feed_leaves_no_turn_to_its_books(self) -> None:
        """What is read after the loss, of any venue, comes in order, and nothing else does."""
        inbox = Inbox(BOUND)
        for name in ("upbit:A-KRW", "bithumb:A-KRW", "upbit:B-KRW"):
            inbox.put(a_quote(name))
        lost = FeedLost(0, 0, UPBIT, "gone")

        inbox.put(lost)
        inbox.put(a_quote("upbit:A-KRW", 7))
        got = [await inbox.get() for _ in range(3)]

        assert got == [lost, a_quote("bithumb:A-KRW"), a_quote("upbit:A-KRW", 7)]
        assert len(inbox) == 0
        inbox.put(a_quote("upbit:B-KRW", 8))
        assert await inbox.get() == a_quote("upbit:B-KRW", 8)

    async def test_others_run_after_64_events(self) -> None:
        """A burst starves nobody, whatever the machine's speed."""
        inbox = Inbox(BOUND)
        for number in range(400):
            inbox.put(a_cycle(number))
        turns: list[int] = []
        got = 0

        async def other() -> None:
            while True:
                turns.append(got)
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(400):
            await inbox.get()
            got += 1
        task.cancel()

        gaps = [b - a for a, b in pairwise(turns)]
        assert len(turns) >= 400 // 64
        assert all(gap <= 64 for gap in gaps)


class _Unsearchable(dict[InstrumentId, BookUpdated]):
    """Waiting books that give one up by its name, and are never walked through to find one."""

    removed = 0

    def pop(self, *instrument: Any) -> Any:
        """Give one up."""
        self.removed += 1
        return super().pop(*instrument)

    def __iter__(self) -> Iterator[InstrumentId]:
        raise AssertionError("walked through to find the next book")


class Journal:
    """Remembers what was committed, or fails to commit."""

    def __init__(self, log: list[str], *, fails: bool = False) -> None:
        self.log = log
        self.fails = fails
        self.facts: list[Fact] = []

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One atomic write."""
        self.log.append("begin")
        yield _NoSql()
        if self.fails:
            raise JournalError("no space left")
        self.log.append("commit")

    def append(self, tx: Transaction, facts: Sequence[Fact], /) -> None:
        """Write facts."""
        assert isinstance(tx, _NoSql)
        self.log.append("facts")
        self.facts.extend(facts)

    def enqueue_for(self, tx: Transaction, facts: Sequence[Fact], /) -> None:
        """Write the alerts they raise."""
        assert isinstance(tx, _NoSql)
        assert facts
        self.log.append("alerts")

    def sync_now(self) -> None:
        """Wait for the disk."""
        self.log.append("sync")


class _NoSql:
    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> object:
        """Run nothing."""
        return sql, parameters

    def executemany(self, sql: str, rows: Sequence[Sequence[object]], /) -> object:
        """Run nothing."""
        return sql, rows


class Loop:
    """A running loop on a desk's engine; the gate and listeners only write down what they got."""

    def __init__(self, desk: Desk, *, fails: bool = False) -> None:
        self.log: list[str] = []
        self.sent: list[ApprovedOrder] = []
        self.heard: list[Any] = []
        self.is_shut = False
        self.inbox = Inbox(BOUND)
        self.journal = Journal(self.log, fails=fails)
        self.runtime = Runtime(
            self.inbox, desk.engine, self.journal, self.journal, self, [self.hear]
        )

    def dispatch(self, orders: Sequence[ApprovedOrder], /) -> None:
        """Take orders."""
        self.log.append("dispatch")
        self.sent.extend(orders)

    def shut(self) -> None:
        """Let nothing more out."""
        self.is_shut = True

    def hear(self, event: Event, outcome: Outcome) -> None:
        """Take what happened."""
        self.log.append("listener")
        self.heard.append((event, outcome))

    async def process(self, *events: Event) -> None:
        """Run until these are processed, then end."""
        task = asyncio.create_task(self.runtime.run())
        for event in events:
            self.inbox.put(event)
        idle = asyncio.create_task(self.inbox.idle())
        await asyncio.wait({task, idle}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        ended = task.done()
        for each in (task, idle):
            each.cancel()
        await asyncio.gather(task, idle, return_exceptions=True)
        if ended:
            task.result()


def with_signal() -> tuple[Desk, BookUpdated]:
    """A desk that waits for its signal, and the quote that is one."""
    desk = Desk()
    desk.begin()
    quote = BookUpdated(a_book(UPBIT_BTC, mono_ns=desk.mono_ns, at_ns=desk.at_ns))
    return desk, quote


class TestRuntime:
    async def test_commits_before_anything_leaves(self) -> None:
        """Facts and alerts in one transaction, then the orders, then those who listen."""
        desk, quote = with_signal()
        loop = Loop(desk)

        await loop.process(quote)

        assert loop.log == ["begin", "facts", "alerts", "commit", "dispatch", "listener"]
        assert len(loop.sent) == 2
        assert any(isinstance(fact, OrdersApproved) for fact in loop.journal.facts)

    async def test_a_start_is_on_disk_before_anything_of_it_can_leave(self) -> None:
        """Its epoch keeps the ids of its orders from coming again, whatever a power cut takes."""
        loop = Loop(Desk())

        await loop.process(ProcessStarted(AT_NS, 0, "0", draw="k3x9a7q2"))

        assert loop.log == ["begin", "facts", "alerts", "commit", "sync", "listener"]

    async def test_a_failed_commit_sends_nothing_and_ends_the_run(self) -> None:
        """The engine has moved on in memory; the only safe state is the one on disk."""
        desk, quote = with_signal()
        loop = Loop(desk, fails=True)

        with pytest.raises(JournalError):
            await loop.process(quote)

        assert loop.sent == []
        assert loop.heard == []
        assert loop.is_shut

    async def test_a_quote_without_facts_costs_no_commit(self) -> None:
        """It is heard all the same: who measures the loop must see it."""
        desk, _ = with_signal()
        quiet = BookUpdated(a_book(UPBIT_BTC, 150_110_000, 150_120_000, mono_ns=desk.mono_ns))
        loop = Loop(desk)

        await loop.process(quiet)

        assert loop.log == ["listener"]

    async def test_idle_waits_for_the_last_event(self) -> None:
        """When it returns, everything put before has been processed."""
        desk, _ = with_signal()
        loop = Loop(desk)

        await loop.process(*(a_cycle(number) for number in range(200)))

        assert len(loop.heard) == 200

    async def test_idle_returns_at_once_when_nothing_waits(self) -> None:
        """A loop that sleeps is idle."""
        desk, _ = with_signal()
        loop = Loop(desk)
        task = asyncio.create_task(loop.runtime.run())
        await asyncio.sleep(0)

        await asyncio.wait_for(loop.inbox.idle(), 5)

        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_system_clock_calls_back() -> None:
    """On the running loop, and time does not go back meanwhile."""
    clock, done = SystemClock(), asyncio.Event()
    before = clock.now()

    clock.call_later(1, done.set)
    await asyncio.wait_for(done.wait(), 5)

    after = clock.now()
    assert after.mono_ns >= before.mono_ns
