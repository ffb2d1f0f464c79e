"""A sender between a fake engine and a fake chat, on time that passes only when told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bot.pacing import Pace
from bot.sender import Sender
from bot.store import Store
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from tests.support.fake_port import FakePort
from trader.credentials import Secret
from trader.domain.control import Alert, AlertCode, Severity
from trader.port.settings import BotSettings


def some_settings(**changes: object) -> BotSettings:
    """Settings of a bot that may speak, with some of them changed."""
    settings: dict[str, object] = {
        "engine": "main",
        "state_dir": "state",
        "zone": "Asia/Seoul",
        "telegram_enabled": True,
        "token": Secret("1234567:abcdefghijklmnopqrst"),
        "chat_id": "42",
    }
    return BotSettings(**(settings | changes))  # type: ignore[arg-type]  # keys are the caller's


def a_critical(name: str = "t-1", *, lasting: bool = True) -> Alert:
    """A leg stands unhedged."""
    fields = {"pair": name, "trade_id": name, "ledger": "live", "notional_krw": "99594"}
    return Alert(
        AlertCode.LEG_UNHEDGED,
        Severity.CRITICAL,
        f"leg_unhedged:{name}",
        1_795_000_000_000_000_000,
        fields,
        lasting=lasting,
    )


def a_warning(name: str = "upbit:BTC-KRW", *, lasting: bool = True) -> Alert:
    """A feed went stale."""
    return Alert(
        AlertCode.FEED_STALE,
        Severity.WARNING,
        f"feed_stale:{name}",
        1_795_000_000_000_000_000,
        {"instrument": name, "age_ms": "3200"},
        lasting=lasting,
    )


def an_info(name: str = "t-1") -> Alert:
    """A trade was opened."""
    return Alert(
        AlertCode.TRADE_OPENED,
        Severity.INFO,
        f"trade_opened:{name}",
        1_795_000_000_000_000_000,
        {"pair": name, "trade_id": name, "entry_notional_krw": "99594", "spread_pct": "0.52"},
    )


def the_end_of(alert: Alert, code: AlertCode | None = None) -> Alert:
    """What clears an alert's condition."""
    return Alert(
        code or alert.code, Severity.INFO, alert.key, alert.at_ns, alert.fields, clears=True
    )


class SenderDesk:
    """All that a sender touches; :meth:`start` and :meth:`stop` are process starts and ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.port = FakePort(self.clock)
        self.chat = FakeMessenger(self.clock)
        self.settings = some_settings()
        self.paced = True
        self.pace: Pace | None = None
        self.instance = ""
        self.sender = self._made()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self.sender.run())

    async def stop(self) -> None:
        """End as a killed process does, but for what is under way."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        await self.clock.settle()

    async def restart(self) -> None:
        """Another process takes over, with the same files."""
        await self.stop()
        self._store.close()
        self.sender = self._made()
        self.start()

    async def after(self, seconds: float) -> None:
        """Let so much time pass."""
        await self.clock.advance(seconds)

    def _made(self) -> Sender:
        self._store = Store(self.path)
        return Sender(
            self.port,
            self.chat,
            self._store,
            self.settings,
            self.clock,
            paced=self.paced,
            pace=self.pace,
            instance=self.instance,
        )


@contextlib.asynccontextmanager
async def a_desk(path: Path, **settings: object) -> AsyncIterator[SenderDesk]:
    """A desk whose sender runs, with nothing to tell yet."""
    desk = SenderDesk(path / "bot.db")
    desk.settings = some_settings(**settings)
    await desk.restart()
    await desk.after(0)
    try:
        yield desk
    finally:
        await desk.stop()
