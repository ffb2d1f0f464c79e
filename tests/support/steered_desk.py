"""The controls over a scripted engine and a real memory; what they sent and said is kept."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from bot.acting import Acting
from bot.audit import Audit, AuditLine
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.controls import Controls
from bot.line import NotNow
from bot.messenger import Button, OutMessage
from bot.mutes import Mutes
from bot.spoken import spoken
from bot.updates import Denied, Heard
from tests.support.chat_html import check
from tests.support.control_desk import HandClock
from tests.support.fake_clock import FakeClock
from tests.support.fake_port import FakePort
from tests.support.updates import WRITTEN_NS, a_heard, a_tap
from trader.domain.answers import (
    Effective,
    ImpactAnswer,
    ImpactLeg,
    ImpactLine,
    LegLine,
    Origin,
    PauseView,
    PositionLine,
    PositionsAnswer,
    StatusAnswer,
)
from trader.domain.control import AlertCode, Command, Language, Mode, Reply, ReplyCode, Severity
from trader.domain.errors import PortError, PortTimeout
from trader.domain.host_answers import (
    AlertLine,
    AlertsAnswer,
)
from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName, PairName, Side, TradeId
from trader.port.settings import BotSettings

ORIGIN = Origin("main", Mode.LIVE, WRITTEN_NS)
SECOND_NS = 1_000_000_000


def a_status(**changes: Any) -> StatusAnswer:
    """An engine that trades live and is not paused."""
    status = StatusAnswer(
        origin=ORIGIN,
        effective=Effective.LIVE,
        level="LIVE",
        revision=7,
        live=True,
        blocks=(),
        latch_reason="",
        latch_by="telegram:1001 Kim",
        latch_ns=WRITTEN_NS - 60 * SECOND_NS,
        used_up=False,
        pauses=(),
        feeds=(),
        ledgers=(),
        breakers=(),
        nearest_stop_pct=None,
        uptime_s=60.0,
        version="1",
    )
    return replace(status, **changes)


def a_pause(scope: str = "", since_ns: int = WRITTEN_NS - 60 * SECOND_NS) -> PauseView:
    """A pause that stands."""
    return PauseView(scope, since_ns, "telegram:1001 Kim")


def a_reply(code: ReplyCode | None = ReplyCode.PAUSED, **changes: Any) -> Reply:
    """What an engine in live mode replies."""
    given: dict[str, Any] = {
        "command_id": "c",
        "changed": True,
        "level": "LIVE",
        "revision": 7,
        "paused": False,
        "note": "as it says",
        "ledger": "live",
        "mode": "live",
        "at_ns": WRITTEN_NS,
        "code": code,
    }
    return Reply(**(given | changes))


def an_impact(**changes: Any) -> ImpactAnswer:
    """Closing the one trade there is would cost 1,205 won."""
    leg = ImpactLeg(
        InstrumentId("upbit:BTC-KRW"),
        Side.SELL,
        Decimal("0.00066"),
        Decimal(99_000_000),
        Decimal(99_500_000),
        Decimal("0.05"),
        later=Decimal("0.0001"),
    )
    trade = ImpactLine(
        TradeId("T12"),
        PairName("upbit-binance"),
        "upbit>binance",
        Decimal(199_000),
        Decimal(-1_205),
        (leg,),
    )
    answer = ImpactAnswer(
        ORIGIN, LedgerName.LIVE, "f1", Decimal(-1_205), Decimal(199_000), (trade,), True
    )
    return replace(answer, **changes)


def a_position(trade_id: str = "T12") -> PositionLine:
    """An open trade."""
    return PositionLine(
        TradeId(trade_id),
        LedgerName.LIVE,
        PairName("upbit-binance"),
        "upbit>binance",
        WRITTEN_NS,
        "open",
        Decimal(199_000),
        Decimal(-100),
        None,
        None,
        False,
        False,
        (LegLine(InstrumentId("upbit:BTC-KRW"), Decimal("0.00066"), None, None),),
    )


def an_alert_line(alert_id: int = 5, **changes: Any) -> AlertLine:
    """A critical alert that nobody has acknowledged."""
    given = AlertLine(
        alert_id, AlertCode.HALTED, Severity.CRITICAL, "k", "Halted <b>", 1, 1, 1, None, 1
    )
    return replace(given, **changes)


class SteeredPort(FakePort):
    """Replies and answers as the test says; ``replies`` are used up, the last one stays.

    ``afterwards`` is what questions find once a command was taken.
    """

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.commands: list[Command] = []
        self.ids: list[str] = []
        self.asked: list[str] = []
        self.replies: list[Reply | PortError] = [a_reply()]
        self.afterwards: dict[str, msgspec.Struct | PortError] = {}
        self.answers: dict[str, msgspec.Struct | PortError] = {
            "status": a_status(),
            "impact": an_impact(),
            "positions": PositionsAnswer(ORIGIN, (a_position(),)),
            "alerts": AlertsAnswer(ORIGIN, (an_alert_line(),)),
        }

    async def command(self, command: Command, to: str = "", id: str = "") -> Reply:  # noqa: A002
        """The next reply."""
        assert to == "main"
        self.commands.append(command)
        self.ids.append(id)
        self.answers |= self.afterwards
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, PortError):
            raise reply
        return reply

    async def ask(
        self, question: str, to: str = "", arguments: Mapping[str, object] | None = None
    ) -> Mapping[str, object]:
        """The answer of the question, as it comes over the wire."""
        assert to == "main"
        self.asked.append(" ".join([question, *(f"{k}={v}" for k, v in (arguments or {}).items())]))
        answer = self.answers[question]
        if isinstance(answer, PortError):
            raise answer
        plain: Mapping[str, object] = msgspec.json.decode(msgspec.json.encode(answer))
        return plain


class KeptAnswers:
    """Answers that are kept; each must be something a chat takes."""

    def __init__(self) -> None:
        self.messages: list[OutMessage] = []
        self.toasts: list[str] = []

    async def reply(
        self, heard: Heard, messages: Sequence[OutMessage], *, control: bool = False
    ) -> int | None:
        """Keep them."""
        assert heard.chat_id
        assert control
        for one in messages:
            check(one)
        self.messages += messages
        return len(self.messages)

    async def callback(self, heard: Heard | Denied, text: str = "") -> None:
        """Keep it."""
        assert heard.callback_id
        assert len(text) <= 200
        self.toasts.append(text)


class SteeredDesk:
    """The controls, and what came of them."""

    def __init__(self, directory: Path, language: Language | None = None) -> None:
        self.clock = HandClock()
        self.memory = ControlMemory(directory / CONTROL_NAME)
        self.audit = Audit(self.memory, self.clock.now_ns)
        self.port = SteeredPort()
        self.told = KeptAnswers()
        self.seen: list[tuple[int, str]] = []
        self.seen_error: PortError | None = None
        self.drills: list[OutMessage] = []
        self.drill_error: NotNow | None = None
        settings = BotSettings("main", str(directory), "Asia/Seoul", language=language)
        acting = Acting(self.port, self.told, self.memory, self.audit, settings, self.clock)
        self.view = acting.view
        self.mutes = Mutes(self.memory, self.clock.now_ns())
        self.controls = Controls(acting, self._Seen(self), self._say, self.mutes)
        self._numbers = 0

    class _Seen:
        def __init__(self, desk: "SteeredDesk") -> None:
            self._desk = desk

        async def seen(self, alert_id: int, by: str) -> bool:
            """Note it."""
            if self._desk.seen_error is not None:
                raise self._desk.seen_error
            self._desk.seen.append((alert_id, by))
            return True

    @property
    def text(self) -> str:
        """The newest answer."""
        return self.told.messages[-1].plain

    @property
    def button(self) -> Button:
        """The first button of the newest answer."""
        return self.told.messages[-1].buttons[0][0]

    def lines(self) -> list[AuditLine]:
        """The audit, the oldest first."""
        return list(reversed(self.audit.recent(1_000)))

    async def hear(self, words: str, language: str = "en", **changes: Any) -> bool | None:
        """Handle a message as the lane would, with the handler of its name."""
        self._numbers += 1
        heard = replace(a_heard(words, 100 + self._numbers), language=language, **changes)
        return await self._handle(heard)

    async def tap(self, button: Button | str, language: str = "en", **changes: Any) -> bool | None:
        """Handle a tap on a button."""
        self._numbers += 1
        data = button if isinstance(button, str) else button.data
        heard = replace(a_tap(data, f"cb{self._numbers}"), language=language, **changes)
        return await self._handle(heard)

    async def halt_now(self, words: str = "/halt", language: str = "en", **changes: Any) -> Heard:
        """Halt as the lane does first; what was heard, for its second run."""
        heard = replace(a_heard(words, 50), language=language, **changes)
        said = spoken(heard)
        assert said is not None
        await self.controls.halt_now(heard, said.args)
        return heard

    async def _handle(self, heard: Heard) -> bool | None:
        said = spoken(heard)
        assert said is not None
        _, run = self.controls.handlers()[said.name]
        return await run(heard, said.args)

    async def _say(self, message: OutMessage) -> int:
        if self.drill_error is not None:
            raise self.drill_error
        check(message)
        self.drills.append(message)
        return len(self.drills)


@contextmanager
def steered_desk(directory: Path, language: Language | None = None) -> Iterator[SteeredDesk]:
    """A desk whose file is let go of at the end."""
    desk = SteeredDesk(directory, language)
    with contextlib.closing(desk.memory):
        yield desk


def timed_out() -> PortTimeout:
    """No answer in time."""
    return PortTimeout("engine main did not answer in 5 s")
