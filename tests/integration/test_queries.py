"""Every command that only looks, through the lane: asked, told as a page, and never left silent."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from bot.access import Kind
from bot.audit import AuditEntry
from bot.buttons import SHOW, data
from bot.messenger import OutMessage, SendFailed
from bot.pages.help import COMMANDS
from bot.schedule import SummaryParts
from bot.updates import Heard
from tests.support import page_answers as pages
from tests.support.answer_port import PNG, QueryDesk, a_chart, query_desk
from tests.support.updates import GROUP, a_heard, a_tap
from trader.domain.answers import TradesAnswer
from trader.domain.control import Language
from trader.domain.errors import PortError, PortTimeout

HANGUL = re.compile("[가-힣]")
ACTS = {"halt", "stop", "pause", "resume", "paper", "flatten", "close", "ack", "mute", "drill"}
PAGES = sorted(
    {name for _, commands in COMMANDS for name, _ in commands} - ACTS - {"chart", "summary"}
)


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[QueryDesk]:
    async with query_desk(tmp_path, language=Language.EN) as one:
        yield one


def said(text: str, message_id: int = 7, **more: object) -> Heard:
    return replace(a_heard(text, message_id, pages.NOW), **more)


def tapped(desk: QueryDesk, argument: str, number: int = 1) -> Heard:
    message_id = desk.chat.sends[-1].message_id
    tap = a_tap(data(SHOW, desk.memory.instance, argument), f"tap{number}")
    return replace(tap, tapped_message_id=message_id)


class TestEveryView:
    @pytest.mark.parametrize("name", PAGES)
    async def test_is_answered_by_one_message(self, desk: QueryDesk, name: str) -> None:
        """With a page of its own, silently, and without a word of failure."""
        await desk.hear(said(f"/{name}"))

        (told,) = desk.chat.sends
        assert told.message.silent
        assert desk.failures() == []
        assert "engine does not answer" not in told.message.plain

    @pytest.mark.parametrize("name", PAGES)
    async def test_speaks_the_language_of_whoever_asks(self, tmp_path: Path, name: str) -> None:
        """Where the config names none."""
        async with query_desk(tmp_path) as desk:
            await desk.hear(said(f"/{name}", language="ko-KR"))
            korean = desk.shown()
            await desk.hear(said(f"/{name}", 8, language="de"))

            if name != "metrics":
                assert HANGUL.search(korean)
            assert not HANGUL.search(desk.shown().replace("한국어", ""))

    async def test_all_are_views(self, desk: QueryDesk) -> None:
        """So that a slow one never keeps a command waiting, and an old one is dropped."""
        handlers = desk.queries.handlers()

        assert {kind for kind, _ in handlers.values()} == {Kind.VIEW}
        assert {*PAGES, "chart", "summary", SHOW} == set(handlers)

    @pytest.mark.parametrize("name", ["positions", "trades", "why", "balance"])
    async def test_tells_the_state_on_top(self, desk: QueryDesk, name: str) -> None:
        """A page of an engine that lost live trading must not look as if it had not."""
        desk.port.answers["status"] = pages.a_demoted_status()

        await desk.hear(said(f"/{name}"))

        assert desk.shown().splitlines()[0].startswith("🟠")

    async def test_the_state_may_be_missing(self, desk: QueryDesk) -> None:
        """A page is worth telling also where the state is not known."""
        desk.port.answers["status"] = PortError("busy")

        await desk.hear(said("/positions"))

        assert "T12" in desk.shown()


class TestArguments:
    @pytest.mark.parametrize(
        ("text", "question", "arguments"),
        [
            ("/trades 50", "trades", {"limit": 50}),
            ("/trades", "trades", {}),
            ("/logs 5", "logs", {"limit": 5}),
            ("/audit 3", "audit", {"limit": 3}),
            ("/alerts 4", "alerts", {"limit": 4, "language": "en"}),
            ("/pnl 7D", "pnl", {"span": "7d"}),
            ("/why D17", "why", {"id": "D17"}),
            ("/chart spread 6h", "chart", {"kind": "spread", "span": "6h"}),
            ("/chart 30d pnl", "chart", {"span": "30d", "kind": "pnl"}),
        ],
    )
    async def test_reach_the_engine(
        self, desk: QueryDesk, text: str, question: str, arguments: dict[str, object]
    ) -> None:
        """As the question names them."""
        await desk.hear(said(text))

        assert desk.port.arguments_of(question) == arguments

    @pytest.mark.parametrize(
        ("text", "allowed"),
        [
            ("/trades many", "1 to 100"),
            ("/trades 0", "1 to 100"),
            ("/trades 101", "1 to 100"),
            ("/trades 99999999999999999999", "1 to 100"),
            ("/trades ²", "1 to 100"),
            ("/logs 1 2", "1 to 100"),
            ("/pnl 2d", "1d, 7d, 30d"),
            ("/chart equity spread", "equity, spread, pnl; 1h, 6h, 1d, 7d, 30d"),
            ("/chart candles", "equity, spread, pnl; 1h, 6h, 1d, 7d, 30d"),
            ("/spread DOGE", "BTC"),
            ("/summary hourly", "daily, weekly, monthly"),
            (f"/why {'x' * 65}", "64"),
        ],
    )
    async def test_that_do_not_fit_are_told_with_what_does(
        self, desk: QueryDesk, text: str, allowed: str
    ) -> None:
        """In one line, and the engine is not asked in vain."""
        await desk.hear(said(text))

        (told,) = desk.chat.sends
        assert allowed in told.message.plain
        assert len(told.message.plain.splitlines()) == 1
        assert desk.failures() == []

    async def test_markup_in_them_is_escaped(self, desk: QueryDesk) -> None:
        """What somebody wrote comes back as text."""
        await desk.hear(said("/trades <b>"))

        assert "&lt;b&gt;" in desk.chat.sends[-1].message.html

    async def test_a_pair_is_chosen_in_any_spelling(self, desk: QueryDesk) -> None:
        """A phone's keyboard begins every word with a capital letter."""
        await desk.hear(said("/spread btc"))

        assert "BTC" in desk.shown()


class TestAnEngineThatDoesNotAnswer:
    @pytest.mark.parametrize("name", ["status", "guards", "chart", "trades", "audit"])
    async def test_is_told_in_one_line(self, desk: QueryDesk, name: str) -> None:
        """Silence would look like a dead bot."""
        desk.port.broken = PortTimeout("no answer within 2 s")

        await desk.hear(said(f"/{name}"))

        assert desk.shown() == "The engine did not answer in time."

    async def test_says_why(self, desk: QueryDesk) -> None:
        """Where that is known."""
        desk.port.broken = PortError("the journal is locked")

        await desk.hear(said("/status"))

        assert desk.shown() == "The engine does not answer: the journal is locked"

    async def test_an_answer_of_another_form_is_told(self, desk: QueryDesk) -> None:
        """As after an upgrade of one side alone."""
        desk.port.answers["status"] = {"what": 1}

        await desk.hear(said("/status"))

        assert desk.shown() == "The engine's answer could not be read."
        assert desk.failures() == []

    @pytest.mark.parametrize("name", ["help", "start", "whoami", "live"])
    async def test_what_needs_no_engine_is_answered(self, desk: QueryDesk, name: str) -> None:
        """Above all the greeting with its halt button."""
        desk.port.broken = PortError("gone")

        await desk.hear(said(f"/{name}"))

        assert "gone" not in desk.shown()


class TestButtons:
    async def test_refresh_edits_the_message_it_hangs_on(self, desk: QueryDesk) -> None:
        """And ends the waiting of the phone, without words."""
        await desk.hear(said("/status"))
        desk.port.answers["status"] = pages.a_demoted_status()

        await desk.hear(tapped(desk, "1 status"))

        assert len(desk.chat.sends) == 1
        assert desk.chat.edits[-1].message.plain.startswith("🟠")
        assert desk.chat.callbacks == [("tap1", "")]

    async def test_pages_are_turned_in_place(self, desk: QueryDesk) -> None:
        """The first page is sent, its buttons lead to the others, with the same arguments."""
        trades = tuple(pages.a_trade(f"T{number}") for number in range(40))
        desk.port.answers["trades"] = TradesAnswer(pages.an_origin(), trades)
        await desk.hear(said("/trades 40"))
        (first,) = desk.chat.sends
        assert "1/" in first.message.plain.splitlines()[0]
        tap = replace(a_tap(desk.button("▶").data, "t2"), tapped_message_id=first.message_id)

        await desk.hear(tap)

        assert len(desk.chat.sends) == 1
        assert "2/" in desk.chat.edits[-1].title
        assert desk.port.arguments_of("trades") == {"limit": 40}

    async def test_a_page_that_is_no_more_is_the_last_one(self, desk: QueryDesk) -> None:
        """Answers grow shorter."""
        await desk.hear(said("/trades"))

        await desk.hear(tapped(desk, "3 trades"))

        assert desk.chat.edits[-1].message.plain == desk.chat.sends[0].message.plain

    async def test_a_tap_that_fails_leaves_the_page_and_says_why(self, desk: QueryDesk) -> None:
        """Old figures with their time are better than none."""
        await desk.hear(said("/status"))
        desk.port.broken = PortTimeout("late")

        await desk.hear(tapped(desk, "1 status"))

        assert desk.chat.edits == []
        assert desk.chat.callbacks == [("tap1", "The engine did not answer in time.")]

    async def test_under_a_message_that_is_gone_a_new_one_is_sent(self, desk: QueryDesk) -> None:
        """Somebody may delete what another one taps."""
        await desk.hear(said("/status"))
        desk.chat.shown.clear()

        await desk.hear(tapped(desk, "1 status"))

        assert len(desk.chat.sends) == 2

    @pytest.mark.parametrize("argument", ["", "x", "1 halt", "status", "1 nonsense", "² status"])
    async def test_a_button_nobody_knows_is_answered_and_does_nothing(
        self, desk: QueryDesk, argument: str
    ) -> None:
        """A later version may have made it."""
        await desk.hear(said("/status"))

        await desk.hear(tapped(desk, argument))

        assert len(desk.chat.taken) == 1
        assert desk.chat.callbacks[0][1].startswith("This button is out of date")

    async def test_the_cards_button_is_the_cards(self, desk: QueryDesk) -> None:
        """It decides itself how often it is edited."""
        await desk.hear(said("/status"))

        await desk.hear(tapped(desk, "1 card"))

        assert len(desk.card.taps) == 1


class TestWhatIsLong:
    async def test_goes_as_a_file(self, desk: QueryDesk) -> None:
        """Under its first line."""
        desk.port.answers["logs"] = replace(
            pages.some_lines(), lines=tuple(f"{number} {'x' * 300}" for number in range(100))
        )

        await desk.hear(said("/logs 100"))

        ((name, content),) = desk.chat.files
        assert name == "logs.txt"
        assert content.decode().count("x" * 300) == 100

    async def test_the_config_is_gathered_whole(self, desk: QueryDesk) -> None:
        """The engine gives it in parts."""
        desk.port.answers["config"] = replace(pages.some_lines(2), more=2)

        await desk.hear(said("/config"))

        # Every part says that there is more, so this also shows that the asking is bounded.
        parts = [given for question, given in desk.port.asked if question == "config"]
        assert [given.get("after", 0) for given in parts] == list(range(0, 42, 2))


class TestTheAudit:
    async def test_has_the_chats_own_lines_and_their_head(self, desk: QueryDesk) -> None:
        """Beside what the engine has on record."""
        head = desk.audit.note(AuditEntry("telegram:1001 Kim", "/pause", "acted", 1, "open", "off"))

        await desk.hear(said("/audit"))

        assert "/pause" in desk.shown()
        assert "open → off" in desk.shown()
        assert head.hash[:12] in desk.shown()
        assert "was changed" not in desk.shown()

    async def test_a_chain_that_was_changed_is_told_first(self, desk: QueryDesk) -> None:
        """That is what the chain is for."""
        desk.audit.note(AuditEntry("telegram:1001 Kim", "/pause", "acted"))
        with desk.memory.writing() as db:
            db.execute("DROP TRIGGER audit_stays")
            db.execute("UPDATE audit SET what = '/resume'")

        await desk.hear(said("/audit"))

        assert "was changed" in desk.shown()


class TestPictures:
    async def test_a_chart_is_a_photo_in_the_configs_zone(self, desk: QueryDesk) -> None:
        """While it is drawn the chat shows that something comes, and no message does."""
        await desk.hear(said("/chart"))

        assert desk.chat.actions == ["upload_photo"]
        assert desk.chat.pictures == [PNG]
        (spec,) = desk.painter.drawn
        assert spec.zone == "Asia/Seoul"
        assert spec.title == "Equity, 1 day"
        assert [one.label for one in spec.series] == ["live"]

    async def test_a_chart_that_fails_is_a_line(self, desk: QueryDesk) -> None:
        """With the reason."""
        desk.painter.fails = "no picture within 20 s"

        await desk.hear(said("/chart"))

        assert desk.shown() == "No picture: no picture within 20 s"

    async def test_the_caption_says_since_when_there_are_figures(self, desk: QueryDesk) -> None:
        """A short curve is not a short day."""
        desk.port.answers["chart"] = a_chart(since_ns=pages.NOW - 3_600 * 10**9)

        await desk.hear(said("/chart"))

        assert "Figures since 18:20:06 KST." in desk.shown()


class TestTheSummary:
    async def test_is_sent_as_it_is(self, desk: QueryDesk) -> None:
        """For the kind that was asked for."""
        await desk.hear(said("/summary weekly"))

        assert desk.summaries.asked == ["weekly"]
        assert desk.shown() == "so far"

    async def test_comes_with_its_picture(self, desk: QueryDesk) -> None:
        """Once, where it fits under it."""
        desk.summaries.parts = SummaryParts(PNG, OutMessage("all", "all"), None)

        await desk.hear(said("/summary"))

        assert desk.chat.pictures == [PNG]
        assert desk.chat.titles() == ["all"]

    async def test_a_picture_that_is_not_taken_does_not_cost_the_words(
        self, desk: QueryDesk
    ) -> None:
        """They are sent alone."""
        desk.summaries.parts = SummaryParts(PNG, OutMessage("all", "all"), None)
        desk.chat.failures = [SendFailed("typing")]
        desk.chat.dislikes = lambda _: not desk.chat.taken and desk.chat.requests < 3

        await desk.hear(said("/summary"))

        assert desk.chat.titles() == ["all"]


class TestOtherWords:
    async def test_get_a_pointer(self, desk: QueryDesk) -> None:
        """Short, with the way to everything."""
        await desk.hear(said("hello?"))

        assert "/help" in desk.shown()

    @pytest.mark.parametrize(("text", "answers"), [("lunch?", 0), ("/lunch", 1)])
    async def test_in_a_group_only_commands_do(
        self, desk: QueryDesk, text: str, answers: int
    ) -> None:
        """People talk to each other there."""
        await desk.hear(said(text, chat_id=GROUP))

        assert len(desk.chat.sends) == answers
