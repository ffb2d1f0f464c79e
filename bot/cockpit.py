"""The cockpit: what hears the operator, acts and answers, joined by hand. Needs a real chat."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.access import Kind
from bot.acting import Acting
from bot.answering import Answering
from bot.audit import Audit
from bot.card import Card
from bot.charts import Painter
from bot.control_memory import CONTROL_NAME, ControlMemory, MemoryFailed
from bot.controls import Controls
from bot.lane import Handler, Lane
from bot.late import late_message
from bot.line import Clock, NotNow
from bot.menu import Menu
from bot.messenger import Chat, MessengerError
from bot.mutes import Mutes
from bot.pacing import Pace
from bot.polling import Poller
from bot.queries import Queries, Told
from bot.schedule import Summaries
from bot.sender import Sender
from trader.port import BotHealth, Language, TraderPort
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.cockpit")

PATIENCE_S = 30.0
"""How long one command or view may take before the next has its turn."""
LATE_LOOK_S = 60.0

Parts = Mapping[str, Callable[[], Awaitable[None]]]


class Desk:
    """What is remembered of commands, and what everything else is marked and muted by."""

    def __init__(self, settings: BotSettings, clock: Clock) -> None:
        self.memory = ControlMemory(Path(settings.state_dir) / CONTROL_NAME)
        self.audit = Audit(self.memory, clock.now_ns)
        self.mutes = Mutes(self.memory, clock.now_ns())


class Cockpit:
    """Everything between the operator's words and the port, for one chat."""

    def __init__(
        self,
        port: TraderPort,
        chat: Chat,
        settings: BotSettings,
        clock: Clock,
        pace: Pace,
        desk: Desk,
        sender: Sender,
        summaries: Summaries,
        painter: Painter,
    ) -> None:
        """``sender`` tells alerts to the same chat, at the same ``pace``."""
        memory, audit = desk.memory, desk.audit
        self._settings = settings
        self._clock = clock
        self._sender = sender
        answering = Answering(chat, clock, pace, settings.timeout_s)
        acting = Acting(port, answering, memory, audit, settings, clock)
        controls = Controls(acting, sender, sender.say, desk.mutes)
        card = Card(port, chat, settings, memory, answering, clock, pace)
        told = Told(summaries, painter, card)
        queries = Queries(port, settings, answering, memory, audit, clock, told)
        handlers: dict[str, tuple[Kind, Handler]] = {**queries.handlers(), **controls.handlers()}
        self._lane = Lane(
            handlers,
            pointer=queries.pointer,
            halt_now=controls.halt_now,
            memory=memory,
            audit=audit,
            clock=clock,
            patience_s=PATIENCE_S,
            old_button=controls.old_button,
        )
        poller = Poller(
            settings,
            memory.instance,
            self._lane.take,
            self._polled,
            self._lane.passed_over,
            clock,
        )
        self._heard = asyncio.Event()
        self.parts: Parts = {
            "commands": self._lane.run,
            "polling": poller.run,
            "answers": answering.run,
            "late report": self._tell_late,
            "card": card.run,
            "menu": Menu(chat, settings.language, clock).run,
        }

    def _polled(self, health: BotHealth) -> None:
        if health.polled_ns is not None or health.refused:
            self._sender.polled(health.polled_ns or self._clock.now_ns(), health.refused)
        if health.polled_ns is not None and not health.refused:
            self._heard.set()

    async def _tell_late(self) -> None:
        """After the first good poll, and again now and then: a long outage needs no restart."""
        zone, language = ZoneInfo(self._settings.zone), self._settings.language or Language.EN
        await self._heard.wait()
        while True:
            try:
                report = await self._lane.startup_report()
                if report:
                    await self._sender.say(late_message(report, language, zone))
                    await self._lane.report_told(report)
            except (MemoryFailed, MessengerError, NotNow) as error:
                _logger.warning("Telegram: what came late is not told yet: %s", error)
            await self._clock.sleep(LATE_LOOK_S)
