"""Answers over an engine and a journal of its facts, asked as the hatch asks them."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tests.support.builders import AT_NS
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.app.answers import AnswerGround, Answers
from trader.config import Settings
from trader.domain.facts import Fact
from trader.engine.engine import Engine
from trader.execution.journal import Journal
from trader.ops.redaction import Redactor
from trader.portfolio.stoploss import StopLoss

HOST_NS = AT_NS + 3_600_000_000_000
"""This host's now in these tests, an hour after the market's."""
_A = TypeVar("_A", bound=Struct)


class AnswerDesk:
    """An engine's answers. ``write`` journals its facts, as the loop would have done."""

    def __init__(self, engine: Engine, directory: Path, **ground: Any) -> None:
        self.journal = Journal.open(directory / "journal.db", migrations={"outbox": MIGRATIONS})
        self.outbox = Outbox(self.journal, self.journal, enabled=True)
        given: dict[str, Any] = {
            "settings": Settings(),
            "engine": engine,
            "stop": StopLoss(engine.state.rules.stop, engine.state.instruments),
            "journal": self.journal.path,
            "alerts": self.outbox,
            "cycle": lambda: None,
            "redact": Redactor(()),
            "log_lines_lost": lambda: 0,
            "version": "1.2.3",
            "now_ns": lambda: HOST_NS,
        }
        self.answers = Answers(AnswerGround(**(given | ground)))

    def write(self, facts: Sequence[Fact]) -> None:
        """Commit facts, each by itself: the rows of one commit are not written in their order."""
        for fact in facts:
            with self.journal.transaction() as tx:
                self.journal.append(tx, [fact])

    async def ask(self, answer: type[_A], question: str, /, **arguments: object) -> _A:
        """The answer, read back from what goes over the wire."""
        figures = self.answers.questions()[question](arguments)
        plain = await figures if inspect.isawaitable(figures) else figures
        return msgspec.json.decode(msgspec.json.encode(plain), type=answer)

    def close(self) -> None:
        """Let go of the files."""
        self.answers.close()
        self.journal.close()
