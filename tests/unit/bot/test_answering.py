"""How answers leave: at once, twice where that helps, late where they must, and never for ever."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from bot.answering import BURST_S, CONTROL_BOUND_S, MAX_LATE, VIEW_BOUND_S, Answering
from bot.messenger import MessageGone, OutMessage, Refused, SendFailed, Unsendable
from bot.pacing import Pace
from bot.updates import Denied, DenyReason
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from tests.support.updates import GROUP, a_heard, a_tap

HEARD = a_heard()
TAP = a_tap("show:Ab3_-x:1 status")
S_NS = 1_000_000_000


class Desk:
    """An answering with a chat, a pace and a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.chat = FakeMessenger(self.clock)
        self.pace = Pace()
        self.answering = Answering(self.chat, self.clock, self.pace, 5.0)

    def soon(self, *words: str, control: bool = False) -> "asyncio.Task[int | None]":
        """Reply, and let it take its time."""
        messages = [OutMessage(word, word) for word in words]
        return asyncio.ensure_future(self.answering.reply(HEARD, messages, control=control))


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    desk = Desk()
    late = asyncio.ensure_future(desk.answering.run())
    try:
        yield desk
    finally:
        late.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await late


class TestAReply:
    async def test_leaves_at_once_and_counts_in_the_pace(self) -> None:
        """Past the alerts that wait, which then know that a turn is taken."""
        async with a_desk() as desk:
            before = desk.pace.ready_ns(desk.clock.mono_ns(), critical=False)

            message_id = await desk.soon("one", "two")

            assert desk.chat.titles() == ["one", "two"]
            assert message_id == desk.chat.sends[-1].message_id
            assert desk.pace.ready_ns(desk.clock.mono_ns(), critical=False) > before + 2 * S_NS

    async def test_in_a_group_hangs_under_what_it_answers(self) -> None:
        """Alone with the bot there is nobody else it could be for."""
        async with a_desk() as desk:
            group = replace(HEARD, chat_id=GROUP, message_id=77)

            await desk.answering.reply(group, [OutMessage("a", "a")])
            await desk.soon("b")

            assert desk.chat.replied == [77]

    async def test_is_tried_once_more_after_what_telegram_asks(self) -> None:
        """And the alerts wait as long."""
        async with a_desk() as desk:
            desk.chat.failures = [SendFailed("429", 3.0)]

            task = desk.soon("one")
            await desk.clock.advance(2.9)
            assert desk.chat.titles() == []
            assert desk.pace.held_until_ns is not None
            await desk.clock.advance(0.2)

            assert await task is not None
            assert desk.chat.titles() == ["one"]

    async def test_is_dropped_when_that_takes_too_long(self) -> None:
        """Whoever asked has asked again by then."""
        async with a_desk() as desk:
            desk.chat.failures = [SendFailed("429", VIEW_BOUND_S + 1)]

            assert await desk.soon("one") is None

            assert desk.chat.requests == 1

    async def test_is_dropped_after_the_second_failure(self) -> None:
        """Two requests are the most it makes."""
        async with a_desk() as desk:
            desk.chat.broken = SendFailed("no network")

            task = desk.soon("one")
            await desk.clock.advance(20)

            assert await task is None
            assert desk.chat.requests == 2

    @pytest.mark.parametrize("error", [Refused("401", 401), Unsendable("strange")])
    async def test_is_not_tried_again_where_that_would_not_help(self, error: Exception) -> None:
        """The line of the alerts finds out by itself."""
        async with a_desk() as desk:
            desk.chat.broken = error

            assert await desk.soon("one") is None

            assert desk.chat.requests == 1

    async def test_does_not_go_while_the_chat_asked_for_peace(self) -> None:
        """Whoever asked for it: a request meanwhile would only prolong it."""
        async with a_desk() as desk:
            desk.pace.hold(desk.clock.mono_ns(), 4.0)

            task = desk.soon("one")
            await desk.clock.advance(3.9)
            assert desk.chat.requests == 0
            await desk.clock.advance(0.2)

            assert await task is not None

    async def test_a_burst_of_them_never_keeps_a_critical_waiting_for_long(self) -> None:
        """As after an outage, when everything that was asked meanwhile comes at once."""
        async with a_desk() as desk:
            tasks = [desk.soon(str(number)) for number in range(60)]
            longest = 0
            for _ in range(300):
                now_ns = desk.clock.mono_ns()
                ready_ns = desk.pace.ready_ns(now_ns, critical=True)
                longest = max(longest, ready_ns - now_ns)
                await desk.clock.advance(0.2)

            assert longest <= (BURST_S + 1.1) * S_NS
            assert len(desk.chat.sends) >= BURST_S
            for task in tasks:
                task.cancel()

    async def test_an_answer_that_never_comes_is_a_failure(self) -> None:
        """A request is bounded, also where the messenger is not."""
        desk = Desk()
        desk.answering = Answering(desk.chat, desk.clock, desk.pace, 0.01)
        desk.chat.latency_s = 1_000

        task = desk.soon("one", control=True)

        assert await task is None


class TestAControlsReply:
    async def test_is_told_late_and_keeps_nobody_waiting(self) -> None:
        """The next command runs meanwhile."""
        async with a_desk() as desk:
            desk.chat.failures = [SendFailed("no network")] * 3

            assert await desk.soon("paused", control=True) is None
            await desk.clock.advance(CONTROL_BOUND_S)

            assert desk.chat.titles() == ["paused"]

    async def test_keeps_its_order(self) -> None:
        """What was done last must be read last."""
        async with a_desk() as desk:
            desk.chat.failures = [SendFailed("429", 5.0)]

            await desk.soon("paused", control=True)
            await desk.soon("resumed", control=True)
            await desk.clock.advance(6)

            assert desk.chat.titles() == ["paused", "resumed"]

    async def test_is_given_up_in_the_end(self) -> None:
        """An act of half a minute ago is no news any more; the state is, by /status."""
        async with a_desk() as desk:
            desk.chat.broken = SendFailed("no network")

            await desk.soon("paused", control=True)
            await desk.clock.advance(CONTROL_BOUND_S + 10)
            asked = desk.chat.requests
            desk.chat.broken = None
            await desk.clock.advance(600)

            assert asked > 3
            assert desk.chat.requests == asked

    async def test_is_not_sent_into_a_peace_the_chat_asked_for(self) -> None:
        """It waits for its end."""
        async with a_desk() as desk:
            desk.pace.hold(desk.clock.mono_ns(), 10.0)

            assert await desk.soon("halted", control=True) is None
            assert desk.chat.requests == 0
            await desk.clock.advance(10.5)

            assert desk.chat.titles() == ["halted"]

    async def test_only_so_many_wait(self) -> None:
        """An outage must not fill the memory."""
        async with a_desk() as desk:
            desk.pace.hold(desk.clock.mono_ns(), 5.0)

            await desk.soon(*(str(number) for number in range(2 * MAX_LATE)), control=True)
            await desk.clock.advance(20)

            assert desk.chat.titles() == [str(number) for number in range(MAX_LATE)]


class TestAnEdit:
    async def test_changes_the_message_that_was_tapped(self) -> None:
        """In its place."""
        async with a_desk() as desk:
            message_id = await desk.soon("old")
            assert message_id is not None
            tap = replace(TAP, tapped_message_id=message_id)

            edited = await desk.answering.edit(tap, OutMessage("new", "new"))

            assert edited == message_id
            assert desk.chat.shown[message_id].plain == "new"

    async def test_of_a_message_that_is_gone_is_a_new_one(self) -> None:
        """For a tap; whoever keeps an id decides for himself."""
        async with a_desk() as desk:
            new = OutMessage("new", "new")

            by_tap = await desk.answering.edit(TAP, new)
            by_id = await desk.answering.edit(12_345, new)

            assert by_tap == desk.chat.sends[-1].message_id
            assert by_id is None
            assert len(desk.chat.sends) == 1

    async def test_of_what_was_written_is_a_reply(self) -> None:
        """Nobody can edit what somebody else wrote."""
        async with a_desk() as desk:
            await desk.answering.edit(HEARD, OutMessage("new", "new"))

            assert desk.chat.titles() == ["new"]


class TestTheRest:
    async def test_a_tap_is_answered_in_few_words(self) -> None:
        """Telegram takes 200 units, and refuses what is longer."""
        async with a_desk() as desk:
            await desk.answering.callback(TAP, "정지 🛑" * 100)

            ((callback_id, text),) = desk.chat.callbacks
            assert callback_id == TAP.callback_id
            assert len(text.encode("utf-16-le")) // 2 <= 200
            assert text.endswith("…")

    async def test_a_tap_that_cannot_be_answered_does_no_harm(self) -> None:
        """It may be too old."""
        async with a_desk() as desk:
            for error in (Unsendable("query is too old"), SendFailed("x"), MessageGone("y")):
                desk.chat.failures = [error]
                await desk.answering.callback(TAP)

            assert desk.chat.requests == 3

    async def test_only_taps_are_answered_so(self) -> None:
        """Strangers' taps carry no id here, so that nothing is said to them."""
        async with a_desk() as desk:
            await desk.answering.callback(HEARD)
            await desk.answering.callback(Denied(1, DenyReason.OTHER_CHAT, 1, 1, ""))

            assert desk.chat.requests == 0

    async def test_files_and_pictures_count_as_messages(self) -> None:
        """Telegram counts them so."""
        async with a_desk() as desk:
            caption = OutMessage("c", "c")

            await desk.answering.file(HEARD, "logs.txt", b"x", caption)
            await desk.answering.photo(HEARD, b"png", caption)

            assert desk.chat.files == [("logs.txt", b"x")]
            assert desk.chat.pictures == [b"png"]
            now_ns = desk.clock.mono_ns()
            assert desk.pace.ready_ns(now_ns, critical=False) > now_ns + 2 * S_NS

    async def test_an_action_that_is_not_shown_is_no_matter(self) -> None:
        """It is only a courtesy."""
        async with a_desk() as desk:
            desk.chat.failures = [SendFailed("x")]

            await desk.answering.typing()
            await desk.answering.typing("upload_photo")

            assert desk.chat.actions == ["upload_photo"]
