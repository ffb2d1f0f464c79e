"""An engine that answers what it was told to answer, and a desk that asks it through the lane."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bot.access import Kind
from bot.answering import Answering
from bot.audit import Audit
from bot.charts import ChartFailed, ChartSpec
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.lane import Handler, Lane
from bot.messenger import Button, OutMessage
from bot.queries import Queries, Told
from bot.schedule import SummaryParts
from bot.summary_sections import SummaryKind
from bot.updates import Heard
from tests.support import page_answers as pages
from tests.support.control_desk import HandClock
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from trader.credentials import Secret
from trader.domain.answers import (
    ChartAnswer,
    ChartLine,
    OrdersAnswer,
    PositionsAnswer,
    TradesAnswer,
)
from trader.domain.errors import PortError
from trader.port.settings import BotSettings

PNG = b"\x89PNG\r\n\x1a\n picture"
METRICS = {"name": "main", "mode": "live", "loop_latency_ms": 1.2, "live_block_reasons": []}


def settings_of(directory: Path, **changed: Any) -> BotSettings:
    """Settings of a bot that speaks in one private chat."""
    given: dict[str, Any] = {
        "engine": "main",
        "state_dir": str(directory),
        "zone": "Asia/Seoul",
        "telegram_enabled": True,
        "token": Secret("1:token"),
        "chat_id": "1001",
    }
    return BotSettings(**(given | changed))


def a_chart(kind: str = "equity", span: str = "1d", **fields: Any) -> ChartAnswer:
    """A curve of the live ledger."""
    shown: dict[str, Any] = {
        "unit": "%" if kind == "spread" else "₩",
        "lines": (ChartLine("live", (pages.NOW - 60 * 10**9, pages.NOW), (1.0, 2.0)),),
    }
    return ChartAnswer(pages.an_origin(), kind, span, **(shown | fields))


def all_answers() -> dict[str, object]:
    """A typical answer to every question."""
    return {
        "status": pages.a_status(),
        "metrics": METRICS,
        "guards": pages.guards_of_the_engine(),
        "why": pages.a_why(),
        "spread": pages.some_spreads(),
        "positions": PositionsAnswer(pages.an_origin(), (pages.a_position(),)),
        "orders": OrdersAnswer(pages.an_origin(), (pages.an_order(),)),
        "trades": TradesAnswer(pages.an_origin(), (pages.a_trade(),)),
        "balance": pages.some_balances(),
        "pnl": pages.some_pnl(),
        "chart": a_chart(),
        "alerts": pages.some_alerts(),
        "logs": pages.some_lines(),
        "config": pages.some_lines(),
        "audit": pages.an_audit(),
        "health": pages.a_health(),
        "version": pages.a_version(),
    }


class AnswerPort:
    """Answers as told; an answer that is an exception is raised. ``asked`` is what came."""

    def __init__(self) -> None:
        self.answers = all_answers()
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.broken: Exception | None = None

    async def ask(
        self, question: str, to: str, arguments: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The answer as it crosses the hatch: plain JSON."""
        assert to == "main"
        self.asked.append((question, dict(arguments)))
        answer = self.answers.get(question, PortError(f"{question} is not known"))
        for error in (self.broken, answer):
            if isinstance(error, Exception):
                raise error
        found: Mapping[str, object] = msgspec.json.decode(msgspec.json.encode(answer))
        return found

    def arguments_of(self, question: str) -> dict[str, object]:
        """What came with a question the last time."""
        return next(given for name, given in reversed(self.asked) if name == question)


class Pictures:
    """A painter that keeps what it was to draw."""

    def __init__(self) -> None:
        self.drawn: list[ChartSpec] = []
        self.fails = ""

    async def draw(self, spec: ChartSpec) -> bytes:
        """A picture, or none."""
        self.drawn.append(spec)
        if self.fails:
            raise ChartFailed(self.fails)
        return PNG


class OneSummary:
    """Summaries that are made already."""

    def __init__(self) -> None:
        self.parts = SummaryParts(None, None, OutMessage("so far", "so far"))
        self.asked: list[SummaryKind] = []

    async def summary_now(self, kind: SummaryKind) -> SummaryParts:
        """The same for every kind."""
        self.asked.append(kind)
        return self.parts


class CardTaps:
    """A card that keeps who tapped it."""

    def __init__(self) -> None:
        self.taps: list[Heard] = []

    async def tapped(self, heard: Heard) -> None:
        """Keep it."""
        self.taps.append(heard)


class QueryDesk:
    """Queries behind a lane, with everything around them at hand."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.port = AnswerPort()
        # Its waits never come to an end here: who would wait in one of these tests has failed.
        self.chat = FakeMessenger(FakeClock())
        self.painter = Pictures()
        self.summaries = OneSummary()
        self.card = CardTaps()
        self.clock = HandClock(pages.NOW)
        self.memory = ControlMemory(directory / CONTROL_NAME)
        self.audit = Audit(self.memory, self.clock.now_ns)
        self.queries = Queries(
            self.port,
            settings_of(directory, **settings),
            Answering(self.chat, self.clock, None, 5.0),
            self.memory,
            self.audit,
            self.clock,
            Told(self.summaries, self.painter, self.card),
        )
        self._done = asyncio.Event()
        handlers = {
            name: (kind, self._noted(handler))
            for name, (kind, handler) in self.queries.handlers().items()
        }
        self.lane = Lane(
            {"halt": (Kind.LOWERS, self._nothing), **handlers},
            pointer=self._noted(self.queries.pointer),
            halt_now=self._nothing,
            memory=self.memory,
            audit=self.audit,
            clock=self.clock,
            patience_s=5.0,
        )

    async def hear(self, heard: Heard) -> None:
        """Put it through the lane and wait until it was handled."""
        self._done.clear()
        await self.lane.take([heard])
        async with asyncio.timeout(10):
            await self._done.wait()

    def shown(self) -> str:
        """What the newest message says."""
        return self.chat.taken[-1].message.plain

    def labels(self) -> list[str]:
        """The buttons under the newest message."""
        return [button.text for row in self.chat.taken[-1].message.buttons for button in row]

    def button(self, label: str) -> Button:
        """One of them."""
        rows = self.chat.taken[-1].message.buttons
        return next(one for row in rows for one in row if one.text == label)

    def failures(self) -> list[str]:
        """The lines of the audit that say that a handler failed."""
        found = self.audit.recent(1_000)
        return [line.decision for line in found if line.decision.startswith("failed")]

    def _noted(self, handler: Handler) -> Handler:
        async def act(heard: Heard, args: tuple[str, ...]) -> bool | None:
            try:
                return await handler(heard, args)
            finally:
                self._done.set()

        return act

    async def _nothing(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        raise AssertionError(f"{heard.text} {args} has no place here")


@asynccontextmanager
async def query_desk(directory: Path, **settings: Any) -> AsyncIterator[QueryDesk]:
    """A desk whose lane runs."""
    desk = QueryDesk(directory, **settings)
    task = asyncio.ensure_future(desk.lane.run())
    try:
        yield desk
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        desk.memory.close()
