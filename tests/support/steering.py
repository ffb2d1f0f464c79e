"""A person with a phone, the controls, the hatch, and the real engine, which answers at once."""

from pathlib import Path

from msgspec.structs import replace

from bot.acting import Acting
from bot.audit import Audit
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.controls import Controls
from bot.line import NotNow
from bot.messenger import Button, OutMessage
from bot.mutes import Mutes
from bot.spoken import spoken
from bot.updates import Heard
from tests.support.answer_desk import AnswerDesk
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from tests.support.steered_desk import KeptAnswers
from tests.support.updates import a_heard, a_tap
from trader.domain.authority import Sight
from trader.domain.clock import Stamp
from trader.domain.events import Event
from trader.port.local import LocalPort
from trader.port.settings import BotSettings


class DeskClock:
    """The desk's time, for the hatch and for the bot."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def now(self) -> Stamp:
        """Both times."""
        return Stamp(self._desk.at_ns, self._desk.mono_ns)

    def call_later(self, delay_ns: int, _: object, /) -> None:
        """Nothing here waits."""
        raise AssertionError(delay_ns)

    def now_ns(self) -> int:
        """UTC."""
        return self._desk.at_ns

    def mono_ns(self) -> int:
        """Monotonic."""
        return self._desk.mono_ns

    async def sleep(self, seconds: float) -> None:
        """Nothing here waits."""
        raise AssertionError(seconds)


class Steering:
    """What is written and tapped reaches the engine; what it says is kept in ``told``."""

    def __init__(self, desk: Desk, directory: Path) -> None:
        self.desk = desk
        self.told = KeptAnswers()
        self.memory = ControlMemory(directory / CONTROL_NAME)
        self._answers = AnswerDesk(desk.engine, directory)
        self._numbers = 0
        clock = DeskClock(desk)
        self.audit = Audit(self.memory, clock.now_ns)
        self._port = LocalPort(
            "test", clock, self._deliver, self._sight, _nothing, self._answers.answers.questions()
        )
        settings = BotSettings("test", str(directory), "Asia/Seoul")
        acting = Acting(self._port, self.told, self.memory, self.audit, settings, clock)
        self.controls = Controls(acting, _Unseen(), _unsaid, Mutes(self.memory, clock.now_ns()))

    @property
    def text(self) -> str:
        """The newest answer."""
        return self.told.messages[-1].plain

    @property
    def button(self) -> Button:
        """The first button of the newest answer."""
        return self.told.messages[-1].buttons[0][0]

    async def hear(self, words: str, *, late_s: int = 0) -> bool | None:
        """A message, written so many seconds ago."""
        self._numbers += 1
        written_ns = self.desk.at_ns - late_s * 1_000_000_000
        return await self._handle(a_heard(words, 100 + self._numbers, written_ns))

    async def tap(self, button: Button) -> bool | None:
        """A tap on a button."""
        self._numbers += 1
        return await self._handle(a_tap(button.data, f"cb{self._numbers}"))

    def close(self) -> None:
        """Let go of the files."""
        self.memory.close()
        self._answers.close()

    async def _handle(self, heard: Heard) -> bool | None:
        heard = replace(heard, language="en")
        said = spoken(heard)
        assert said is not None
        if said.name == "halt":
            return await self.controls.halt_now(heard, said.args)
        return await self.controls.handlers()[said.name][1](heard, said.args)

    def _deliver(self, event: Event) -> None:
        # The reply cannot come before somebody waits for it, which the hatch does first.
        outcome = self.desk.process(event)
        if outcome.reply is not None:
            self._port.answered(outcome.reply)

    def _sight(self) -> Sight:
        desk = self.desk
        return desk.sight if isinstance(desk, LiveDesk) else Sight(desk.at_ns, None)


class _Unseen:
    async def seen(self, alert_id: int, by: str) -> bool:
        """Nobody acknowledges here."""
        raise AssertionError((alert_id, by))


async def _unsaid(message: OutMessage) -> int:
    raise NotNow(message.plain)


def _nothing() -> None:
    """No gate is here that could be shut at once."""
