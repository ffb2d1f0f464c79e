"""The whole way of an alert on real files: journal, outbox, port, sender, store. Only time is ours.

Whoever is at its end, Telegram's messenger or a fake, is handed in, and so is the clock.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bot.line import Clock
from bot.messenger import Messenger
from bot.pacing import Pace
from bot.sender import Sender
from bot.store import Store
from tests.support.telegram import PRIVATE, TOKEN
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.credentials import Secret
from trader.domain.authority import Sight
from trader.domain.clock import Stamp
from trader.domain.control import Alert, Transaction
from trader.domain.delivery import DeliveryNote, Folded
from trader.domain.errors import PortError
from trader.domain.events import Event
from trader.execution.journal import Journal
from trader.port.local import LocalPort
from trader.port.settings import BotSettings

ENGINE = "main"
WITHIN_S = 60.0


class Also(Protocol):
    """Writes more in the transaction of the alerts."""

    def __call__(self, transaction: Transaction, /) -> None: ...


def chain_settings(base: str, **changes: object) -> BotSettings:
    """Settings of a bot that speaks to the local Bot API at ``base``, with some of them changed."""
    settings: dict[str, object] = {
        "engine": ENGINE,
        "state_dir": "state",
        "zone": "Asia/Seoul",
        "telegram_enabled": True,
        "token": Secret(TOKEN),
        "chat_id": str(PRIVATE),
        "api_base": base,
    }
    return BotSettings(**(settings | changes))  # type: ignore[arg-type]  # keys are the caller's


class ClockedPort(LocalPort):
    """The engine's own port, except that waiting for news goes by the clock handed in."""

    def __init__(self, clock: Clock, outbox: Outbox, committed: asyncio.Event) -> None:
        super().__init__(
            ENGINE,
            _Stamps(clock),
            _no_event,
            lambda: Sight(0, None),
            lambda: None,
            {},
            alerts=outbox,
            committed=committed,
        )
        self._sleeps = clock
        self._news = committed
        self.noted = asyncio.Event()
        """Set whenever something was noted as told, or as tried."""
        self.deaf = False
        """Whether nothing can be noted, as with a disk that is full."""

    async def news(self, timeout_s: float, to: str = "") -> None:
        """Return once alerts were committed since the last call, or after ``timeout_s``."""
        assert to in ("", ENGINE)
        slept = asyncio.ensure_future(self._sleeps.sleep(timeout_s))
        heard = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((slept, heard), return_when=asyncio.FIRST_COMPLETED)
        finally:
            slept.cancel()
            heard.cancel()
        self._news.clear()

    async def acknowledge(self, notes: Sequence[DeliveryNote], to: str = "") -> None:
        """Note what became of alerts; committed when it returns."""
        if self.deaf:
            raise PortError("nothing can be noted")
        await super().acknowledge(notes, to)
        self.noted.set()

    async def folded_told(self, folded: Sequence[Folded], to: str = "") -> None:
        """Note that these numbers were told in a digest; committed when it returns."""
        await super().folded_told(folded, to)
        self.noted.set()


class AlertChain:
    """Everything between a fact and the chat. ``commit`` is an engine's transaction."""

    def __init__(
        self,
        directory: Path,
        settings: BotSettings,
        messenger: Messenger,
        clock: Clock,
        *,
        pace: Pace | None = None,
        migrations: Mapping[str, Sequence[str]] = {},
    ) -> None:
        """Opens the files, new or of an earlier life."""
        self.directory = directory
        self.clock = clock
        self.journal = Journal.open(
            directory / "journal.db", migrations={"outbox": MIGRATIONS, **migrations}
        )
        self.outbox = Outbox(self.journal, self.journal, now_ns=clock.now_ns)
        self.committed = asyncio.Event()
        self.port = ClockedPort(clock, self.outbox, self.committed)
        self.store = Store(directory / "bot.db")
        self.sender = Sender(self.port, messenger, self.store, settings, clock, pace=pace)
        self._task: asyncio.Task[None] | None = None

    def commit(self, *alerts: Alert, also: Also | None = None) -> None:
        """Commit alerts in one transaction, with what ``also`` writes beside them."""
        with self.journal.transaction() as tx:
            if also is not None:
                also(tx)
            self.outbox.enqueue(tx, alerts)
        self.committed.set()

    @property
    def waiting(self) -> int:
        """How many alerts, or folded kinds, are left to tell."""
        found = self.outbox.waiting(0)
        return found.total + len(found.folded)

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self.sender.run())

    async def stop(self) -> None:
        """End sending, but for what is under way."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def emptied(self, within_s: float = WITHIN_S) -> None:
        """Wait until nothing is left to tell, for so many real seconds at most."""
        async with asyncio.timeout(within_s):
            while self.waiting:
                self.port.noted.clear()
                await self.port.noted.wait()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.journal.close()


@contextlib.asynccontextmanager
async def a_chain(
    directory: Path,
    settings: BotSettings,
    messenger: Messenger,
    clock: Clock,
    *,
    pace: Pace | None = None,
) -> AsyncIterator[AlertChain]:
    """A chain that sends for the length of the block."""
    chain = AlertChain(directory, settings, messenger, clock, pace=pace)
    chain.start()
    try:
        yield chain
    finally:
        await chain.stop()
        chain.close()


class _Stamps:
    """The chain's clock as the port wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> Stamp:
        return Stamp(self._clock.now_ns(), self._clock.mono_ns())

    def call_later(self, _delay_ns: int, _callback: object) -> None:
        raise AssertionError("nobody asks for this")


def _no_event(event: Event) -> None:
    raise AssertionError(f"{event} was put where nobody listens")
