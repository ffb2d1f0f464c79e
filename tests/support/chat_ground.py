"""What sequences of chat commands stand on: files opened once, and a desk that is watched."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from bot.control_memory import CONTROL_NAME, ControlMemory
from tests.support.chat_watch import Watch, standing
from tests.support.live_desk import LiveDesk
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.domain.events import Event
from trader.domain.order import LedgerName, OrderState
from trader.engine.engine import Outcome
from trader.execution.journal import Journal

_FILES_EACH = 200
_T = TypeVar("_T")


class HereMemory(ControlMemory):
    """The memory, whose calls are made on the loop, in their turn: as true and much faster."""

    async def apart(self, work: Callable[[], _T]) -> _T:
        """Let others have their turn, as a thread would, and do it."""
        await asyncio.sleep(0)
        return work()


class Here(ThreadPoolExecutor):
    """Does at once what it is given: questions of the past need no thread here."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Done when it returns."""
        done: Future[_T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever awaits it is to have it
            done.set_exception(error)
        return done


class Ground:
    """What costs time to open, shared by many sequences: the memory's file, and a journal."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self._root = Path(tempfile.mkdtemp(prefix="chat-", dir=shared if shared.is_dir() else None))
        self.here = Here(1)
        self._uses = self._files = 0
        self.journal = Journal.open(self._root / "journal.db", migrations={"outbox": MIGRATIONS})
        self.outbox = Outbox(self.journal, self.journal, enabled=True)
        self.memory = self._memory()

    def fresh(self) -> HereMemory:
        """A memory that knows of nothing."""
        self._uses += 1
        if self._uses % _FILES_EACH == 0:
            self.memory.close()
            shutil.rmtree(self._root / f"bot{self._files}")
            self._files += 1
            self.memory = self._memory()
        else:
            with self.memory.writing() as db:
                for table in ("heard", "late_notes", "buttons", "mutes"):
                    db.execute(f"DELETE FROM {table}")
        return self.memory

    def again(self) -> HereMemory:
        """The same file, as the next process opens it."""
        self.memory.close()
        self.memory = self._memory()
        return self.memory

    def close(self) -> None:
        """Nothing is left."""
        self.memory.close()
        self.journal.close()
        shutil.rmtree(self._root)

    def _memory(self) -> HereMemory:
        return HereMemory(self._root / f"bot{self._files}" / CONTROL_NAME)


@contextlib.contextmanager
def some_ground() -> Iterator[Ground]:
    """Ground that is given back."""
    ground = Ground()
    try:
        yield ground
    finally:
        ground.close()


class WatchedDesk(LiveDesk):
    """A live desk under watch, that can be followed by another process on the same journal."""

    def __init__(self, watch: Watch, **more: Any) -> None:
        super().__init__(**more)
        self.watch = watch

    def process(self, event: Event) -> Outcome:
        """Hand one event to the engine, and show it to the watch."""
        before = standing(self.engine.state)
        outcome = super().process(event)
        self.watch.saw(event, before, outcome, self.engine.state)
        return outcome

    def reborn(self, down_ns: int) -> "WatchedDesk":
        """The next process, with the account its facts rebuild and its stored authority."""
        before = self.authority
        later = WatchedDesk(self.watch, restored=self.history, at_ns=self.at_ns + down_ns)
        later.engine.trust(before)
        assert later.authority == before, "a restart changed the authority"
        later._fills = self._fills
        later.host = self.host
        later.sent = self.sent
        return later

    def settle_orders(self, random: Random) -> None:
        """The venues answer what is out: filled, in part, or not at all."""
        for order in self.take_orders():
            is_live = order.ledger is LedgerName.LIVE
            ledger = self.live if is_live else self.paper
            known = ledger.orders.get(order.client_order_id)
            if known is None or known.is_final:
                continue
            state = random.choice((OrderState.FILLED,) * 4 + (OrderState.CANCELLED,))
            if is_live:
                self.answer(order, state)
            else:
                self.report(order, state)
