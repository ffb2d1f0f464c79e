"""What answers stand on, and how each is handed out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from trader.app.answers.host import AlertShelf
from trader.config import Settings
from trader.domain.answers import Origin
from trader.domain.control import Mode
from trader.engine.engine import Engine
from trader.engine.state import State
from trader.ops.metrics import Cycle
from trader.portfolio.stoploss import StopLoss


@dataclass(frozen=True)
class AnswerGround:
    """The running engine and its surroundings.

    ``stop`` is the engine's own reading of stops, which alone has the bars of the dynamic mode.
    ``cycle`` is the newest cycle's figures, ``redact`` masks what is secret in a line of text.
    """

    settings: Settings
    engine: Engine
    stop: StopLoss
    journal: Path
    alerts: AlertShelf
    cycle: Callable[[], Cycle | None]
    redact: Callable[[str], str]
    log_lines_lost: Callable[[], int]
    version: str
    now_ns: Callable[[], int] = time.time_ns
    """This host's UTC now."""
    started_mono_ns: int = field(default_factory=time.monotonic_ns)
    started_ns: int = field(default_factory=time.time_ns)

    @property
    def state(self) -> State:
        """The engine's state, for reading."""
        return self.engine.state

    @property
    def uptime_s(self) -> float:
        """Seconds since the process began to answer."""
        return (time.monotonic_ns() - self.started_mono_ns) / 1e9

    def origin(self) -> Origin:
        """Who answers, in which mode, and when by this host's clock."""
        rules = self.state.rules
        return Origin(rules.name, rules.mode, self.now_ns())

    def market_now_ns(self) -> int:
        """Now as the journal counts it: the simulated market has a calendar of its own."""
        return self.state.now_ns if self.state.rules.mode is Mode.MOCK else self.now_ns()


def figures(answer: Struct) -> Mapping[str, object]:
    """An answer as the hatch hands it out: plain values, money as text."""
    plain: Mapping[str, object] = msgspec.to_builtins(answer)
    return plain
