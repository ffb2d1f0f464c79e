"""The bot as a whole: its parts, joined by hand and kept running under one supervisor.

Without credentials the same parts run and tell the log; nothing here imports Telegram's library
then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.backup import Backup
from bot.charts import Painter
from bot.line import Clock, SystemClock
from bot.messenger import Chat, LogMessenger, Messenger, OutMessage
from bot.pacing import Pace, is_group
from bot.schedule import Summaries
from bot.sender import Sender
from bot.store import Store
from bot.web import fetch, post
from trader.port import Severity, TraderPort
from trader.port.settings import BotSettings

if TYPE_CHECKING:
    from bot.cockpit import Desk

_logger = logging.getLogger("bot.app")

FIRST_RESTART_S = 1.0
MAX_RESTART_S = 60.0
CLOSE_WITHIN_S = 2.0

_STEADY_S = 300.0
_NS_PER_S = 1_000_000_000


class Bot:
    """Tells one engine's alerts and summaries, and lets one chat watch and steer it.

    Construct it before the loop has work to do.

    ``run`` outlives every error of its parts; the engine never notices.
    """

    def __init__(self, port: TraderPort, settings: BotSettings, clock: Clock | None = None) -> None:
        state_dir = Path(settings.state_dir)
        self._clock = clock = clock or SystemClock()
        self._store = Store(state_dir / "bot.db", scope=settings.mode)
        self._painter = Painter(scratch_dir=state_dir / "charts")
        self._chat = _chat(settings)
        self._desk = None if self._chat is None else _desk(settings, clock)
        self._messenger: Messenger = self._chat or LogMessenger()
        pace = None if self._chat is None else Pace(is_group=is_group(settings.chat_id))
        self._sender = Sender(
            port,
            self._messenger,
            self._store,
            settings,
            clock,
            paced=pace is not None,
            pace=pace,
            instance="" if self._desk is None else self._desk.memory.instance,
            is_muted=_never if self._desk is None else self._desk.mutes.is_muted,
        )
        summaries = Summaries(port, self._tell, self._store, settings, self._painter)
        self._parts: dict[str, Callable[[], Awaitable[None]]] = {
            "sender": self._sender.run,
            "second way out": Backup(port, _Web(), self._sender, settings, clock).run,
            "summaries": summaries.run,
        }
        if self._chat is not None and self._desk is not None and pace is not None:
            from bot.cockpit import Cockpit

            cockpit = Cockpit(
                port,
                self._chat,
                settings,
                clock,
                pace,
                self._desk,
                self._sender,
                summaries,
                self._painter,
            )
            self._parts.update(cockpit.parts)

    async def run(self) -> None:
        """Run every part until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, part in self._parts.items():
                group.create_task(self._supervised(name, part))

    async def drain(self, timeout_s: float) -> int:
        """Tell what still waits, for ``timeout_s`` at most; returns how many alerts are left."""
        return await self._sender.drain(timeout_s)

    async def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Let go of the worker, the connections and the files, all within ``within_s``."""
        closings = {"charts": self._painter.close, "chat": self._messenger.close}
        tasks = {asyncio.ensure_future(close()): name for name, close in closings.items()}
        done, left = await asyncio.wait(tasks, timeout=within_s)
        for task in left:
            task.cancel()
        for task in done | left:
            if task in left or task.exception() is not None:
                _logger.warning("Telegram bot: %s did not close", tasks[task])
        if self._desk is not None:
            self._desk.memory.close()
        self._store.close()

    async def _supervised(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        wait_s = FIRST_RESTART_S
        while True:
            began = self._clock.mono_ns()
            try:
                await part()
            except Exception:  # The task's outer edge: what failed is begun anew.
                _logger.exception("Telegram bot: %s failed; it starts again in %g s", name, wait_s)
            else:
                return
            await self._clock.sleep(wait_s)
            is_steady = self._clock.mono_ns() - began > _STEADY_S * _NS_PER_S
            wait_s = FIRST_RESTART_S if is_steady else min(2 * wait_s, MAX_RESTART_S)

    async def _tell(self, message: OutMessage, png: bytes | None) -> None:
        await self._sender.say(message, png)


class _Web:
    """The network, as the second way out uses it."""

    post = staticmethod(post)
    fetch = staticmethod(fetch)


def _desk(settings: BotSettings, clock: Clock) -> "Desk":
    from bot.cockpit import Desk

    return Desk(settings, clock)


def _never(_code: str, _now_ns: int, _severity: Severity) -> bool:
    return False


def _chat(settings: BotSettings) -> Chat | None:
    """The operator's chat; None where nothing is sent to Telegram."""
    if not settings.speaks:
        return None
    # Imported only here: it takes seconds, and the stub must not pay for it.
    from bot.telegram import TelegramMessenger

    return TelegramMessenger(settings)
