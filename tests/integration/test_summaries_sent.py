"""A summary's whole way: journal, engine, hatch, words, chat, and the note on the bot's disk."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.messenger import OutMessage, SendFailed
from bot.schedule import Summaries
from bot.store import Store
from bot.summary_sections import SummaryKind
from tests.support.builders import AT_NS, SECOND_NS
from tests.support.engine_harness import Rehearsal
from tests.support.engine_process import child_environment
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.app.summary import LoopRecord, summary_question
from trader.domain.authority import Sight
from trader.domain.facts import TradeClosed
from trader.execution.history import History
from trader.execution.journal import Journal
from trader.port.local import LocalPort
from trader.port.settings import BotSettings

DAY_NS = 24 * 3_600 * SECOND_NS


class Chat:
    """Keeps what it takes; refuses as often as told."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusals = 0

    async def tell(self, message: OutMessage, _png: bytes | None) -> None:
        """Take a message or refuse it."""
        if self.refusals:
            self.refusals -= 1
            raise SendFailed("502")
        self.taken.append(message.plain)


@pytest.fixture(scope="module")
def run() -> Rehearsal:
    """Two hours of the simulated market."""
    rehearsal = Rehearsal(7)
    rehearsal.run(24)
    return rehearsal


@pytest.fixture
def port(run: Rehearsal, tmp_path: Path) -> Iterator[LocalPort]:
    """The hatch of an engine whose journal holds that run."""
    path = tmp_path / "journal.db"
    with Journal.open(path, migrations={"outbox": MIGRATIONS}) as journal:
        for fact in run.facts:
            with journal.transaction() as tx:
                journal.append(tx, [fact])
        history = History(path)
        question = summary_question(
            history, run.engine, Outbox(journal, journal), LoopRecord(), now_ns=lambda: AT_NS
        )
        yield LocalPort(
            "dev",
            run.clock,
            run.queue.append,
            lambda: Sight(AT_NS, None),
            lambda: None,
            {"summary": question},
        )
        history.close()


class Bot:
    """A bot that is started again and again on one disk."""

    def __init__(self, port: LocalPort, directory: Path, chat: Chat) -> None:
        self._port, self._path, self._chat = port, directory / "bot.db", chat
        self._settings = BotSettings(engine="dev", state_dir=str(directory), zone="Asia/Seoul")

    async def run_at(self, now_ns: int) -> None:
        """Start, look once, and end."""
        store = Store(self._path)
        try:
            summaries = Summaries(
                self._port, self._chat.tell, store, self._settings, now_ns=lambda: now_ns
            )
            summaries.begin()
            await summaries.look()
        finally:
            store.close()


class TestWholeWay:
    async def test_a_day_is_told_once_however_often_the_bot_starts(
        self, port: LocalPort, run: Rehearsal, tmp_path: Path
    ) -> None:
        """With the figures of the journal."""
        chat = Chat()
        bot = Bot(port, tmp_path, chat)
        for days in (0, 1, 1, 1, 2):
            await bot.run_at(AT_NS + days * DAY_NS)

        daily = [text for text in chat.taken if text.startswith("📊 Daily")]
        closed = sum(isinstance(fact, TradeClosed) for fact in run.facts)
        assert len(daily) == 2
        assert closed > 0
        assert f"{closed} closed" in daily[0]
        assert "Simulated market" in daily[0]

    async def test_what_was_refused_is_told_by_the_next_process(
        self, port: LocalPort, tmp_path: Path
    ) -> None:
        """Only what the chat took is noted."""
        chat = Chat()
        bot = Bot(port, tmp_path, chat)
        await bot.run_at(AT_NS)
        chat.refusals = len(SummaryKind)

        await bot.run_at(AT_NS + DAY_NS)
        assert chat.taken == []
        chat.refusals = 0
        await bot.run_at(AT_NS + DAY_NS)

        assert len([text for text in chat.taken if text.startswith("📊 Daily")]) == 1


class TestImports:
    def test_the_scheduler_and_the_drawing_library_are_loaded_only_when_used(self) -> None:
        """Words and plans of summaries cost no more than themselves."""
        heavy = ("apscheduler", "matplotlib", "aiogram")
        code = f"import sys, bot.schedule; print([n for n in {heavy} if n in sys.modules])"

        done = subprocess.run(
            [sys.executable, "-c", code],
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert done.stdout.strip() == "[]"
