"""The pinned card: one, silent, edited rarely, and never when an alert could want the turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.answering import Answering
from bot.buttons import SHOW, data
from bot.card import AGE_EVERY_S, EDIT_EVERY_S, Card
from bot.card_face import face_of
from bot.control_memory import CONTROL_NAME, ControlMemory
from bot.messenger import SendFailed, Unsendable
from bot.pacing import Pace
from bot.updates import Heard
from tests.support import page_answers as pages
from tests.support.answer_port import AnswerPort, settings_of
from tests.support.chat_html import check
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from tests.support.updates import a_tap
from trader.domain.control import Language
from trader.domain.errors import PortError
from trader.port import Effective, LedgerName


class CardDesk:
    """A card with everything around it; ``begin`` and ``end`` are a start and a stop."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.port = AnswerPort()
        self.clock = FakeClock()
        self.chat = FakeMessenger(self.clock)
        self.pace = Pace()
        self.directory = directory
        self._settings = settings_of(directory, **({"language": Language.EN} | settings))
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start it."""
        self.memory = ControlMemory(self.directory / CONTROL_NAME)
        answering = Answering(self.chat, self.clock, self.pace, 5.0)
        self.card = Card(
            self.port, self.chat, self._settings, self.memory, answering, self.clock, self.pace
        )
        self._task = asyncio.ensure_future(self.card.run())

    async def end(self) -> None:
        """Stop it, at any moment."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            self.memory.close()

    async def passes(self, seconds: int) -> None:
        """Let time pass, second by second, and everything that happens in it."""
        for _ in range(seconds + 1):
            for _ in range(4):
                # Whatever is on its way to the disk; it holds no clock.
                await self.memory.apart(lambda: None)
                await self.clock.settle()
            await self.clock.advance(1)

    def tap(self, message_id: int | None = None) -> Heard:
        """Somebody taps the card's button."""
        shown = self.chat.pinned[-1] if message_id is None else message_id
        tap = a_tap(data(SHOW, self.memory.instance, "1 card"))
        return replace(tap, tapped_message_id=shown)

    def change(self, **fields: Any) -> None:
        """Something happens to the engine."""
        self.port.answers["status"] = pages.a_status(**fields)


@asynccontextmanager
async def a_desk(directory: Path, **settings: Any) -> AsyncIterator[CardDesk]:
    desk = CardDesk(directory, **settings)
    desk.begin()
    try:
        yield desk
    finally:
        await desk.end()


class TestOneCard:
    async def test_is_sent_silently_and_pinned(self, tmp_path: Path) -> None:
        """At the start."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(5)

            (sent,) = desk.chat.sends
            assert sent.message.silent
            assert desk.chat.pinned == [sent.message_id]
            labels = [button.text for row in sent.message.buttons for button in row]
            assert len(labels) == 3

    async def test_survives_restarts(self, tmp_path: Path) -> None:
        """The same message goes on, and is not pinned again, which would show in the chat."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(5)
            for _ in range(3):
                await desk.end()
                desk.begin()
                await desk.passes(40)

            assert len(desk.chat.sends) == 1
            assert len(desk.chat.pinned) == 1
            assert len(desk.chat.edits) == 3

    async def test_is_another_one_in_another_chat(self, tmp_path: Path) -> None:
        """There the same number is somebody else's message."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(5)
        async with a_desk(tmp_path, chat_id="2002") as other:
            await other.passes(5)

            assert len(other.chat.sends) == 1

    async def test_is_made_anew_when_it_is_gone(self, tmp_path: Path) -> None:
        """And only that one is pinned."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(5)
            desk.chat.shown.clear()
            desk.change(effective=Effective.PAUSED)
            await desk.passes(70)

            assert len(desk.chat.sends) == 2
            assert desk.chat.pinned == [desk.chat.sends[-1].message_id]

    async def test_a_chat_that_keeps_losing_it_gets_ever_fewer(self, tmp_path: Path) -> None:
        """Whoever deletes it again and again does not want it."""
        async with a_desk(tmp_path) as desk:
            for minute in range(40):
                desk.chat.shown.clear()
                desk.change(uptime_s=1.0, nearest_stop_pct=pages.D(minute))
                await desk.passes(60)

            assert 2 <= len(desk.chat.sends) <= 8

    async def test_where_it_may_not_be_pinned_it_stands_unpinned(self, tmp_path: Path) -> None:
        """And is not sent again for that."""
        async with a_desk(tmp_path) as desk:
            refused = Unsendable("not enough rights to manage pinned messages")
            desk.chat.after = lambda: desk.chat.failures.append(refused)
            await desk.passes(5)
            desk.chat.after = lambda: None
            await desk.passes(600)

            assert len(desk.chat.sends) == 1
            assert desk.chat.pinned == []
            assert len(desk.chat.edits) <= 3

    async def test_that_was_not_pinned_before_a_stop_is_pinned_after(self, tmp_path: Path) -> None:
        """The same one: its id was kept as soon as it was sent."""
        async with a_desk(tmp_path) as desk:
            lost = SendFailed("no network")
            desk.chat.after = lambda: setattr(desk.chat, "broken", lost)
            await desk.passes(5)
            await desk.end()
            desk.chat.after = lambda: None
            desk.chat.broken = None
            desk.begin()
            await desk.passes(5)

            (sent,) = desk.chat.sends
            assert desk.chat.pinned == [sent.message_id]

    async def test_that_could_not_be_sent_is_sent_later(self, tmp_path: Path) -> None:
        """Telegram may be away at the start."""
        async with a_desk(tmp_path) as desk:
            desk.chat.broken = SendFailed("no network")
            await desk.passes(100)
            desk.chat.broken = None
            await desk.passes(300)

            assert len(desk.chat.sends) == 1
            assert len(desk.chat.pinned) == 1


class TestEdits:
    async def test_are_thirty_seconds_apart_whatever_happens(self, tmp_path: Path) -> None:
        """Though something changes every second."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            for second in range(300):
                desk.change(nearest_stop_pct=pages.D(second))
                await desk.passes(0)

            times = [one.mono_ns for one in desk.chat.taken]
            gaps = [after - before for before, after in pairwise(times)]
            assert min(gaps) >= (EDIT_EVERY_S - 0.1) * 10**9
            assert 8 <= len(desk.chat.edits) <= 10

    async def test_of_an_unchanged_card_only_show_its_age(self, tmp_path: Path) -> None:
        """Every five minutes: older figures than that mean that nobody keeps it."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(int(4 * AGE_EVERY_S) + 60)

            assert 3 <= len(desk.chat.edits) <= 4

    async def test_wait_for_slack(self, tmp_path: Path) -> None:
        """While messages leave one after the other, the card stays as it is."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            desk.change(effective=Effective.HALTED)
            for _ in range(120):
                desk.pace.took(desk.clock.mono_ns())
                await desk.passes(0)
            assert desk.chat.edits == []
            await desk.passes(240)

            assert desk.chat.edits[0].message.plain.startswith("🔴")

    async def test_hold_everything_when_telegram_asks_to_wait(self, tmp_path: Path) -> None:
        """What the card ran into, the next alert must not."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            desk.change(effective=Effective.HALTED)
            desk.chat.failures = [SendFailed("429", 20.0)]
            await desk.passes(32)

            held_ns = desk.pace.held_until_ns
            assert held_ns is not None
            assert held_ns > desk.clock.mono_ns()

    async def test_tell_that_the_engine_is_silent(self, tmp_path: Path) -> None:
        """Rather than old figures."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            desk.port.broken = PortError("gone")
            await desk.passes(40)

            assert "The engine does not answer." in desk.chat.edits[-1].message.plain


class TestItsButton:
    async def test_tells_at_once_and_edits_only_when_it_is_time(self, tmp_path: Path) -> None:
        """Ten taps in a row are ten answers over the chat and no edit."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            desk.change(effective=Effective.PAUSED)
            for _ in range(10):
                await desk.card.tapped(desk.tap())

            assert desk.chat.edits == []
            assert len(desk.chat.callbacks) == 10
            assert desk.chat.callbacks[-1][1].startswith("🟡")

    async def test_edits_where_the_card_is_old_enough(self, tmp_path: Path) -> None:
        """Nobody taps to be told to wait."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(100)
            before = len(desk.chat.edits)
            await desk.card.tapped(desk.tap())

            assert len(desk.chat.edits) == before + 1

    async def test_on_an_older_card_edits_that_one(self, tmp_path: Path) -> None:
        """Somebody found it further up."""
        async with a_desk(tmp_path) as desk:
            await desk.passes(3)
            desk.chat.shown[5] = desk.chat.sends[0].message
            await desk.card.tapped(desk.tap(5))

            assert [one.message_id for one in desk.chat.edits] == [5]
            assert len(desk.chat.sends) == 1


class TestItsFace:
    @pytest.mark.parametrize("language", list(Language))
    @pytest.mark.parametrize("effective", list(Effective))
    def test_tells_state_money_stop_guards_and_data(
        self, language: Language, effective: Effective
    ) -> None:
        """In a few lines, in both languages."""
        status = pages.a_status(effective)

        face = face_of(status, pages.guards_of_the_engine(), pages.a_view(language))

        lines = check(face.message).splitlines()
        assert 6 <= len(lines) <= 8
        assert "-12,345 ₩" in face.message.plain
        assert "0.38 %" in face.message.plain
        assert "19:20:06 KST" in lines[-1]

    def test_of_other_ages_is_the_same_gist(self) -> None:
        """What only grew older is no news."""
        guards = pages.guards_of_the_engine()
        older = pages.a_status(feeds=(pages.a_feed(age_ms=2_900.0), pages.a_feed()))
        stale = pages.a_status(feeds=(pages.a_feed(age_ms=9_000.0), pages.a_feed()))

        faces = [
            face_of(status, guards, pages.a_view()) for status in (pages.a_status(), older, stale)
        ]

        assert faces[0].gist == faces[1].gist != faces[2].gist

    def test_without_trades_has_no_stop(self) -> None:
        """A dash would look like something that is not known."""
        status = pages.a_status(ledgers=(pages.an_empty_ledger(LedgerName.LIVE),))

        face = face_of(status, None, pages.a_view())

        assert "Nothing is open." in face.message.plain
        assert "Guards: not known" in face.message.plain
