"""The port's side of alerts, and questions with arguments: in one process and over its socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.domain.authority import Sight
from trader.domain.clock import SimulatedClock
from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.delivery import BotHealth, DeliveryNote, Folded, NoteKind, Waiting
from trader.domain.errors import JournalError, PortError, PortTimeout
from trader.execution.database import open_reader
from trader.execution.journal import Journal
from trader.port import TraderPort
from trader.port import local as local_module
from trader.port.local import LocalPort, PortSocket, Questions, Request, send

SOON_S = 10.0
LONG_S = 3_600.0


def doubled(arguments: Mapping[str, object]) -> Mapping[str, object]:
    """A question that takes a number and says twice that."""
    number = arguments["number"]
    if not isinstance(number, int):
        raise TypeError(f"number: {number!r} is no whole number")
    return {"doubled": 2 * number}


async def slowly_doubled(arguments: Mapping[str, object]) -> Mapping[str, object]:
    await asyncio.sleep(0)
    return doubled(arguments)


async def never(_: Mapping[str, object]) -> Mapping[str, object]:
    await asyncio.Event().wait()
    return {}


def unreadable(_: Mapping[str, object]) -> Mapping[str, object]:
    raise JournalError("journal x: reading: disk I/O error")


QUESTIONS: Questions = {
    "doubled": doubled,
    "slowly_doubled": slowly_doubled,
    "never": never,
    "unreadable": unreadable,
    "no_json": lambda _: {"what": object()},
    "long": lambda _: {"what": "x" * 2_000_000},
}


class Home:
    """An engine's journal with its outbox, and the port to it."""

    def __init__(self, journal: Journal, outbox: Outbox) -> None:
        self.journal = journal
        self.outbox = outbox
        self.committed = asyncio.Event()
        self.health: list[BotHealth] = []
        self.port = a_port(outbox, self.committed, self.health)

    def commit(self, *severities: Severity, key: str = "k", lasting: bool = False) -> None:
        alerts = [
            Alert(AlertCode.DUST, severity, key, 5, {}, lasting=lasting) for severity in severities
        ]
        with self.journal.transaction() as tx:
            self.outbox.enqueue(tx, alerts)
        self.committed.set()


def a_port(
    outbox: Outbox | None = None,
    committed: asyncio.Event | None = None,
    health: list[BotHealth] | None = None,
) -> LocalPort:
    return LocalPort(
        "home",
        SimulatedClock(0),
        lambda _: None,
        lambda: Sight(0, None),
        lambda: None,
        QUESTIONS,
        alerts=outbox,
        committed=committed,
        reported=(lambda _: None) if health is None else health.append,
    )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Journal.open(tmp_path / "journal.db", migrations={"outbox": MIGRATIONS}) as journal:
        reader = open_reader(journal.path, same_thread=True)
        yield Home(journal, Outbox(journal, reader))
        reader.close()


class TestAlerts:
    async def test_are_taken_and_acknowledged_through_the_port(self, home: Home) -> None:
        """What the bot told is on disk when the call returns."""
        home.commit(Severity.INFO, Severity.CRITICAL, lasting=True)
        port: TraderPort = home.port

        waiting = await port.alerts(1)
        assert [row.alert.severity for row in waiting.alerts] == [Severity.CRITICAL]
        assert waiting.total == 2
        assert await port.conditions() == {"k"}

        critical = waiting.alerts[0]
        sent_ns = critical.created_ns + 7
        await port.acknowledge([DeliveryNote(critical.id, NoteKind.SENT, sent_ns)])

        kept = home.outbox.get(critical.id)
        assert kept is not None
        assert kept.sent_ns == sent_ns
        assert (await port.alerts(10)).total == 1

    async def test_numbers_are_taken_away_by_a_digest(self, home: Home) -> None:
        """And by nothing else."""
        home.commit(Severity.INFO)
        with home.journal.transaction() as tx:
            tx.execute("INSERT INTO alert_folded VALUES ('dust', 3, 1, 2)")
        folded = (await home.port.alerts(10)).folded
        assert folded == (Folded(AlertCode.DUST, 3, 1, 2),)

        await home.port.folded_told(folded)

        assert (await home.port.alerts(10)).folded == ()

    async def test_the_engine_hears_how_its_bot_fares(self, home: Home) -> None:
        """As it was said."""
        await home.port.report(BotHealth(sent_ns=5, refused="401"))

        assert home.health == [BotHealth(sent_ns=5, refused="401")]

    async def test_a_broken_database_is_the_ports_own_error(self, home: Home) -> None:
        """The bot knows no journal."""
        home.journal.close()

        with pytest.raises(PortError, match="closed"):
            await home.port.acknowledge([DeliveryNote(1, NoteKind.SENT, 7)])

    async def test_of_another_engine_are_not_here(self, home: Home) -> None:
        """Nothing is answered for, or taken by, somebody else."""
        port = home.port
        for asked in (
            port.alerts(1, to="other"),
            port.news(LONG_S, to="other"),
            port.acknowledge([], to="other"),
            port.folded_told([], to="other"),
            port.conditions(to="other"),
            port.report(BotHealth(), to="other"),
            port.ask("doubled", to="other"),
        ):
            with pytest.raises(PortError, match="'other' is not here"):
                await asked
        assert home.health == []

    async def test_without_an_outbox_there_are_none(self) -> None:
        """And nothing breaks."""
        port = a_port()

        await port.acknowledge([DeliveryNote(1, NoteKind.SENT, 7)])
        await port.folded_told([Folded(AlertCode.DUST, 1, 1, 1)])
        await port.report(BotHealth())
        await port.news(0)
        assert await port.alerts(10) == Waiting(())
        assert await port.conditions() == frozenset()


class TestNews:
    async def test_returns_as_soon_as_there_is_some(self, home: Home) -> None:
        """Long before the hour is over."""
        waiting = asyncio.create_task(home.port.news(LONG_S))
        await asyncio.sleep(0)
        assert not waiting.done()

        home.commit(Severity.INFO)

        async with asyncio.timeout(SOON_S):
            await waiting

    async def test_nothing_between_two_calls_is_missed(self, home: Home) -> None:
        """It was committed while the bot was busy; and it is news once."""
        home.commit(Severity.INFO)

        async with asyncio.timeout(SOON_S):
            await home.port.news(LONG_S)
        second = asyncio.create_task(home.port.news(LONG_S))
        for _ in range(20):
            await asyncio.sleep(0)

        assert not second.done()
        second.cancel()

    async def test_returns_without_any_in_the_end(self, home: Home) -> None:
        """A wake that got lost delays an alert and never strands it."""
        async with asyncio.timeout(SOON_S):
            await home.port.news(0.001)
            await home.port.news(-1)


class TestQuestions:
    @pytest.mark.parametrize("question", ["doubled", "slowly_doubled"])
    async def test_take_arguments(self, question: str) -> None:
        """Whether the answer is at hand or must be waited for."""
        assert await a_port().ask(question, arguments={"number": 21}) == {"doubled": 42}

    @pytest.mark.parametrize("question", ["doubled", "slowly_doubled"])
    @pytest.mark.parametrize(
        ("arguments", "why"), [({}, "KeyError: 'number'"), ({"number": "x"}, "no whole number")]
    )
    async def test_refuse_bad_arguments(
        self, question: str, arguments: Mapping[str, object], why: str
    ) -> None:
        """With an answer that says what was wrong."""
        with pytest.raises(PortError, match=f"{question}.*{why}"):
            await a_port().ask(question, arguments=arguments)

    async def test_that_are_not_known_name_those_that_are(self) -> None:
        """Nobody need guess."""
        with pytest.raises(PortError, match="'what' is not known; allowed: doubled, long"):
            await a_port().ask("what")

    async def test_the_past_may_not_read(self) -> None:
        """One line instead of a traceback."""
        with pytest.raises(PortError, match="disk I/O error"):
            await a_port().ask("unreadable")

    async def test_have_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that never comes is told as that."""
        monkeypatch.setattr(local_module, "ANSWER_WITHIN_S", 0.01)

        with pytest.raises(PortTimeout, match=r"no answer in 0\.01 s"):
            await a_port().ask("never")


class TestSocket:
    @pytest.fixture
    async def path(self, tmp_path: Path) -> AsyncIterator[Path]:
        path = tmp_path / "engine.sock"
        serving = asyncio.create_task(PortSocket(a_port(), path).run())
        async with asyncio.timeout(SOON_S):
            while True:
                if path.exists():
                    break
                await asyncio.sleep(0.001)
        yield path
        serving.cancel()
        await asyncio.wait([serving])

    async def answer(self, path: Path, request: Request) -> tuple[Mapping[str, object], str]:
        answer = await asyncio.to_thread(send, path, request)
        assert answer is not None
        return answer.figures, answer.error

    async def raw(self, path: Path, line: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(line.encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return str(answer["error"])

    async def test_carries_arguments(self, path: Path) -> None:
        """As the caller gave them."""
        request = Request(question="doubled", arguments={"number": 4})

        assert await self.answer(path, request) == ({"doubled": 8}, "")

    @pytest.mark.parametrize(
        ("question", "why"),
        [
            ("doubled", "KeyError: 'number'"),
            ("no_json", "the answer is no JSON"),
            ("long", "bytes; allowed: 1048576"),
            ("what", "not known"),
        ],
    )
    async def test_answers_what_cannot_be_answered(
        self, path: Path, question: str, why: str
    ) -> None:
        """With one line, and serves the next one."""
        _, error = await self.answer(path, Request(question=question))

        assert why in error
        following = Request(question="doubled", arguments={"number": 1})
        assert await self.answer(path, following) == ({"doubled": 2}, "")

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ('{"question": "doubled", "arguments": 3}', "Expected `object`"),
            ('{"question": "doubled", "arguments": {"number": [1]}}', "no whole number"),
            ('{"question": "doubled", "arguments": ' + "[" * 50_000, "not a request"),
            ('{"question": "doubled", "arguments": {"a": ' + "[" * 20_000, "nested too deep"),
            ("", "not a request"),
        ],
    )
    async def test_refuses_what_is_no_request(self, path: Path, line: str, why: str) -> None:
        """Whatever a client writes, it gets one line back."""
        assert why in await self.raw(path, line)
