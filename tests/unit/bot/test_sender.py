"""The sender when Telegram works: order, storms, repeats, ends."""

import asyncio
import logging
from itertools import pairwise
from pathlib import Path

import pytest

from bot.messenger import LogMessenger, OutMessage, SendFailed
from bot.sender import Sender
from bot.store import Store
from tests.support.fake_clock import FakeClock
from tests.support.fake_messenger import FakeMessenger
from tests.support.fake_port import FakePort
from tests.support.sender_desk import (
    SenderDesk,
    a_critical,
    a_desk,
    a_warning,
    an_info,
    some_settings,
    the_end_of,
)
from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.delivery import Folded, NoteKind

_NS = 1_000_000_000
MINUTE = 60.0


class TestStorms:
    async def test_become_one_message_whose_counter_is_edited(self, tmp_path: Path) -> None:
        """10,000 equal warnings within a minute: one message, few edits, then its end."""
        async with a_desk(tmp_path) as desk:
            for _ in range(1_000):
                for _ in range(10):
                    desk.port.tell(a_warning())
                await desk.after(0.06)
            await desk.after(10)

            assert len(desk.chat.sends) == 1
            assert 2 <= len(desk.chat.edits) <= 14
            assert "×10,000, last" in desk.chat.edits[-1].message.plain

            desk.port.tell(the_end_of(a_warning(), AlertCode.FEED_RECOVERED))
            await desk.after(6)

        assert len(desk.chat.sends) == 1
        assert desk.chat.edits[-1].title.startswith("✅")
        assert "Over at" in desk.chat.edits[-1].message.plain
        assert "×10,000" in desk.chat.edits[-1].message.plain
        assert (await desk.port.alerts(1, "main")).total == 0

    async def test_edits_are_five_seconds_apart(self, tmp_path: Path) -> None:
        """One message is edited once in five seconds at most."""
        async with a_desk(tmp_path) as desk:
            for _ in range(60):
                desk.port.tell(a_warning())
                await desk.after(0.5)

        times = [one.mono_ns for one in desk.chat.edits]
        assert len(times) > 3
        assert all(b - a >= 5 * _NS for a, b in pairwise(times))

    async def test_of_many_kinds_all_move_their_counters(self, tmp_path: Path) -> None:
        """Thirty storms at once: none keeps another's counter from moving, nor an info away."""
        async with a_desk(tmp_path) as desk:
            for second in range(600):
                for number in range(30):
                    desk.port.tell(a_warning(f"v:{number}"))
                if second == 100:
                    desk.port.tell(an_info())
                await desk.after(1)

        edited = {one.message_id for one in desk.chat.edits}
        assert edited == {one.message_id for one in desk.chat.sends if "v:" in one.title}
        assert len(desk.chat.sends) == 31

    async def test_a_late_equal_is_a_new_message(self, tmp_path: Path) -> None:
        """Ten minutes after the last, and when the condition does not stand, it is news again."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning(lasting=False))
            await desk.after(9 * MINUTE)
            desk.port.tell(a_warning(lasting=False))
            await desk.after(5)
            assert len(desk.chat.sends) == 1
            await desk.after(10 * MINUTE + 1)

            desk.port.tell(a_warning(lasting=False))
            await desk.after(5)

        assert len(desk.chat.sends) == 2


class TestOrder:
    async def test_within_a_severity_is_kept(self, tmp_path: Path) -> None:
        """Criticals first, then warnings, each in the order they came."""
        async with a_desk(tmp_path) as desk:
            for number in range(20):
                desk.port.tell(a_warning(f"v:{number:02}"))
                desk.port.tell(a_critical(f"t-{number:02}", lasting=False))
            await desk.after(60)

        titles = desk.chat.titles()
        assert len(titles) == 40
        assert titles[:20] == sorted(t for t in titles if "🚨" in t)
        assert titles[20:] == sorted(t for t in titles if "⚠️" in t)

    async def test_a_critical_overtakes_all_that_is_queued(self, tmp_path: Path) -> None:
        """A critical behind 500 infos goes next, and at once."""
        async with a_desk(tmp_path) as desk:
            for number in range(500):
                desk.port.tell(an_info(f"t-{number}"))
            await desk.after(5)
            assert desk.chat.sends
            before = desk.clock.mono_ns()

            desk.port.tell(a_critical())
            await desk.after(1)

        critical = next(one for one in desk.chat.sends if "🚨" in one.title)
        assert critical.mono_ns - before < 0.2 * _NS
        assert not critical.message.silent

    async def test_a_halt_overtakes_the_criticals_that_wait(self, tmp_path: Path) -> None:
        """Sixty wait, more than one look sees: it is the next message."""
        async with a_desk(tmp_path) as desk:
            for number in range(60):
                desk.port.tell(a_critical(f"t-{number}", lasting=False))
            await desk.after(3)
            before = len(desk.chat.sends)
            desk.port.tell(Alert(AlertCode.HALTED, Severity.CRITICAL, "halted", 1, {"by": "me"}))
            await desk.after(2)

        assert before < 10
        assert "HALTED" in desk.chat.titles()[before].upper()

    async def test_a_muted_warning_makes_no_sound(self, tmp_path: Path) -> None:
        """Nor by day; it is told all the same."""
        desk = SenderDesk(tmp_path / "bot.db")
        sender = Sender(
            desk.port,
            desk.chat,
            Store(tmp_path / "muted.db"),
            desk.settings,
            desk.clock,
            is_muted=lambda code, _now_ns, _severity: code == AlertCode.FEED_STALE,
        )
        desk.port.tell(a_warning())
        await asyncio.gather(sender.drain(2), desk.clock.advance(2))

        assert [one.message.silent for one in desk.chat.sends] == [True]

    async def test_one_message_a_second(self, tmp_path: Path) -> None:
        """Whatever is told, edits included, the average of a second holds."""
        async with a_desk(tmp_path) as desk:
            for number in range(30):
                desk.port.tell(a_warning(f"v:{number}"))
                desk.port.tell(a_critical(f"t-{number}"))
                await desk.after(0.3)
            await desk.after(120)

        times = [one.mono_ns for one in desk.chat.taken]
        for start in range(len(times)):
            for end in range(start, len(times)):
                assert end - start <= (times[end] - times[start]) / _NS + 1

    async def test_twenty_a_minute_to_a_group(self, tmp_path: Path) -> None:
        """A group takes twenty a minute, of which criticals find some left."""
        async with a_desk(tmp_path, chat_id="-100123") as desk:
            for number in range(90):
                desk.port.tell(a_warning(f"v:{number}"))
            await desk.after(130)
            before = desk.clock.mono_ns()
            desk.port.tell(a_critical(lasting=False))
            await desk.after(190)

        times = [one.mono_ns for one in desk.chat.taken]
        assert len(times) == 91
        assert all(b - a > 60 * _NS for a, b in zip(times, times[20:], strict=False))
        critical = next(one for one in desk.chat.sends if "🚨" in one.title)
        assert critical.mono_ns - before < 1.1 * _NS


class TestCriticals:
    async def test_repeat_until_their_condition_is_over(self, tmp_path: Path) -> None:
        """After 1, 3, 10, 30 minutes, then hourly, as new messages with sound; the end edits."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(2.6 * 60 * MINUTE)

            first, *repeats = desk.chat.sends
            minutes = [round((one.mono_ns - first.mono_ns) / 60 / _NS, 1) for one in repeats]
            assert minutes == [1, 3, 10, 30, 90, 150]
            assert all("Still:" in one.title for one in repeats)
            assert not any(one.message.silent for one in repeats)
            assert "repeat 6" in repeats[-1].message.plain

            desk.port.tell(the_end_of(a_critical()))
            await desk.after(5 * 60 * MINUTE)

        assert len(desk.chat.sends) == 7
        assert [one.message_id for one in desk.chat.edits] == [repeats[-1].message_id]
        assert desk.chat.edits[0].title.startswith("✅")

    async def test_go_on_repeating_after_a_restart(self, tmp_path: Path) -> None:
        """The schedule is on disk."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(3.5 * MINUTE)
            assert len(desk.chat.sends) == 3

            await desk.restart()
            await desk.after(6 * MINUTE)
            assert len(desk.chat.sends) == 3
            await desk.after(1 * MINUTE)

        assert len(desk.chat.sends) == 4
        assert "repeat 3" in desk.chat.sends[-1].message.plain

    @pytest.mark.parametrize("restarts", [False, True])
    async def test_are_not_silenced_by_a_clock_that_steps_back(
        self, tmp_path: Path, restarts: bool
    ) -> None:
        """An hour back costs no repeat more than its own gap."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(3.5 * MINUTE)

            desk.clock.step_wall(-3_600)
            if restarts:
                await desk.restart()
            await desk.after(7.1 * MINUTE)

        assert len(desk.chat.sends) == 4

    async def test_stop_repeating_once_seen(self, tmp_path: Path) -> None:
        """A person's word ends it, also over a restart, and the message says so."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(70)

            assert await desk.sender.seen(1, "kim <&>")
            assert not await desk.sender.seen(1, "kim again")
            await desk.after(10)
            await desk.restart()
            await desk.after(5 * 60 * MINUTE)

        assert len(desk.chat.sends) == 2
        assert "Acknowledged by kim &lt;&amp;&gt;" in desk.chat.edits[-1].message.html
        seen = [note for note in desk.port.notes if note.kind is NoteKind.SEEN]
        assert [note.by for note in seen] == ["kim <&>", "kim again"]

    async def test_what_does_not_last_sounds_once(self, tmp_path: Path) -> None:
        """A stop that closed whole needs no reminder."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical(lasting=False))
            await desk.after(3 * 60 * MINUTE)

        assert len(desk.chat.sends) == 1

    async def test_sound_at_night_and_warnings_do_not(self, tmp_path: Path) -> None:
        """Quiet hours silence warnings only."""
        async with a_desk(tmp_path, quiet_hours="00:00-23:59") as desk:
            desk.port.tell(a_critical())
            desk.port.tell(a_warning())
            await desk.after(5)

        assert [one.message.silent for one in desk.chat.sends] == [False, True]

    async def test_each_of_one_key_is_told(self, tmp_path: Path) -> None:
        """Criticals are never merged; the last one's message is edited in the end."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            desk.port.tell(a_critical())
            await desk.after(10)
            desk.port.tell(the_end_of(a_critical()))
            await desk.after(10)

        assert len(desk.chat.sends) == 2
        assert [one.message_id for one in desk.chat.edits] == [desk.chat.sends[1].message_id]

    async def test_carry_a_button_only_where_it_is_answered(self, tmp_path: Path) -> None:
        """Its data names the alert; without anybody to answer there is none."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical("a"))
            await desk.after(3)
            desk.instance = "here"
            await desk.restart()
            desk.port.tell(a_critical("b"))
            await desk.after(3)

        without, with_one = desk.chat.sends
        assert without.message.buttons == ()
        ((button,),) = with_one.message.buttons
        assert (button.text, button.data) == ("Acknowledge", "ack:here:2")


class TestOtherOutboxes:
    """A journal is deleted, restored, or another mode's: what was told of one is not of another."""

    async def test_a_critical_of_a_told_number_is_told(self, tmp_path: Path) -> None:
        """Number one was told yesterday; today's number one was not."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical("old", lasting=False))
            await desk.after(5)
            desk.port.swapped("two")
            desk.port.tell(a_critical("new", lasting=False))
            assert not desk.sender.has_told(1, desk.clock.now_ns())
            await desk.restart()
            await desk.after(5)

        assert ["old" in title for title in desk.chat.titles()] == [True, False]
        assert (await desk.port.alerts(1, "main")).total == 0

    @pytest.mark.parametrize("before", [1, 3])
    async def test_a_warning_does_not_join_the_message_of_another(
        self, tmp_path: Path, before: int
    ) -> None:
        """Whether its number is lower or higher, it sounds."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning())
            await desk.after(5)
            await desk.stop()
            desk.port.swapped("two")
            for number in range(before):
                desk.port.tell(a_warning("same" * number))
            desk.port.tell(a_warning())
            await desk.restart()
            await desk.after(30)

        assert len(desk.chat.sends) == 2 + before
        assert desk.chat.edits == []

    async def test_a_restored_journal_that_contradicts_is_told_anew(self, tmp_path: Path) -> None:
        """It has the name it had, and gives the same numbers once more."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning())
            await desk.after(5)
            await desk.stop()
            desk.port.swapped("one")
            desk.port.tell(a_warning())
            await desk.restart()
            await desk.after(30)

        assert len(desk.chat.sends) == 2
        assert desk.chat.edits == []


class TestLostMemory:
    async def test_what_stands_goes_on_repeating(self, tmp_path: Path) -> None:
        """With the file gone the engine still knows what was told and stands; the end ends it."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(5)
            await _forgotten(desk)
            await desk.after(31 * MINUTE)
            assert len(desk.chat.sends) == 5
            assert "repeat 4" in desk.chat.sends[-1].message.plain

            desk.port.tell(the_end_of(a_critical()))
            await desk.after(120 * MINUTE)

        assert len(desk.chat.sends) == 5
        assert desk.chat.edits[-1].title.startswith("✅")

    async def test_what_was_seen_stays_silent(self, tmp_path: Path) -> None:
        """Seen once is seen, whichever file is lost."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(5)
            await desk.sender.seen(1, "me")
            await _forgotten(desk)
            await desk.after(120 * MINUTE)

        assert len(desk.chat.sends) == 1

    async def test_an_end_before_the_first_repeat_is_told(self, tmp_path: Path) -> None:
        """By a message of its own, as nobody knows any more which to edit."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(5)
            await _forgotten(desk)
            await desk.after(5)
            desk.port.tell(the_end_of(a_critical()))
            await desk.after(30)

        assert len(desk.chat.sends) == 2
        assert desk.chat.edits == []
        assert (await desk.port.alerts(1, "main")).total == 0


class TestEnds:
    async def test_what_was_over_before_it_was_told_is_one_silent_message(
        self, tmp_path: Path
    ) -> None:
        """Nobody is woken for what is past."""
        async with a_desk(tmp_path) as desk:
            await desk.stop()
            desk.port.tell(a_warning())
            await desk.after(20)
            desk.port.tell(the_end_of(a_warning(), AlertCode.FEED_RECOVERED))
            await desk.restart()
            await desk.after(20)

        (only,) = desk.chat.taken
        assert only.message.silent
        assert "Raised at" in only.message.plain
        assert "and over at" in only.message.plain

    async def test_live_again_is_a_message_and_ends_the_block(self, tmp_path: Path) -> None:
        """It sounds, marks the old message, and the next block is a message again."""
        block = Alert(
            AlertCode.LIVE_BLOCKED, Severity.WARNING, "live_blocked:gate", 0, {}, lasting=True
        )
        allowed = Alert(
            AlertCode.LIVE_ALLOWED, Severity.WARNING, "live_blocked:gate", 0, {}, clears=True
        )
        async with a_desk(tmp_path) as desk:
            for alert in (block, allowed, block):
                desk.port.tell(alert)
                await desk.after(10)

        assert [one.title for one in desk.chat.sends] == [
            "⚠️ LIVE TRADING BLOCKED",
            "⚠️ LIVE TRADING ALLOWED",
            "⚠️ LIVE TRADING BLOCKED",
        ]
        assert not any(one.message.silent for one in desk.chat.sends)
        assert [one.message_id for one in desk.chat.edits] == [desk.chat.sends[0].message_id]
        assert desk.chat.edits[0].title == "✅ LIVE TRADING BLOCKED"

    async def test_a_flapping_condition_stays_one_message(self, tmp_path: Path) -> None:
        """Over and back within minutes: the message says that it stands again."""
        async with a_desk(tmp_path) as desk:
            for _ in range(3):
                desk.port.tell(a_warning())
                await desk.after(20)
                desk.port.tell(the_end_of(a_warning(), AlertCode.FEED_RECOVERED))
                await desk.after(20)
            desk.port.tell(a_warning())
            await desk.after(20)

        assert len(desk.chat.sends) == 1
        assert "×4" in desk.chat.edits[-1].message.plain
        assert "Over at" not in desk.chat.edits[-1].message.plain

    async def test_a_deleted_message_is_told_anew(self, tmp_path: Path) -> None:
        """Where the message to edit is gone, the end is a silent message of its own."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning())
            await desk.after(10)
            desk.chat.shown.clear()
            desk.port.tell(the_end_of(a_warning(), AlertCode.FEED_RECOVERED))
            await desk.after(10)

        assert len(desk.chat.sends) == 2
        assert desk.chat.sends[1].title.startswith("✅")
        assert desk.chat.sends[1].message.silent

    async def test_an_end_whose_story_is_lost_is_told_all_the_same(self, tmp_path: Path) -> None:
        """The store may be gone; the news is not."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning())
            await desk.after(10)
            await desk.stop()
            desk.path = tmp_path / "another.db"
            await desk.restart()
            desk.port.tell(the_end_of(a_warning(), AlertCode.FEED_RECOVERED))
            await desk.after(10)

        assert len(desk.chat.sends) == 2
        assert desk.chat.sends[1].title.startswith("✅")
        assert (await desk.port.alerts(1, "main")).total == 0


class TestInfos:
    async def test_are_gathered_silently(self, tmp_path: Path) -> None:
        """Two seconds of infos are one message."""
        async with a_desk(tmp_path) as desk:
            for number in range(5):
                desk.port.tell(an_info(f"t-{number}"))
                await desk.after(0.3)
            assert desk.chat.taken == []
            await desk.after(1)

        (only,) = desk.chat.taken
        assert only.message.silent
        assert all(f"t-{number}" in only.message.plain for number in range(5))

    async def test_a_lasting_one_alone_is_edited_when_over(self, tmp_path: Path) -> None:
        """A cleared condition edits its own message."""
        paused = Alert(
            AlertCode.PAUSED, Severity.INFO, "paused:entries", 0, {"by": "kim"}, lasting=True
        )
        async with a_desk(tmp_path) as desk:
            desk.port.tell(paused)
            await desk.after(10)
            desk.port.tell(the_end_of(paused, AlertCode.RESUMED))
            await desk.after(10)

        assert len(desk.chat.sends) == 1
        assert desk.chat.edits[0].title.startswith("✅")

    async def test_folded_ones_become_one_digest(self, tmp_path: Path) -> None:
        """What the outbox kept only as numbers is told by number, once."""
        async with a_desk(tmp_path) as desk:
            now = desk.clock.now_ns()
            desk.port.folded["dust"] = Folded(AlertCode.DUST, 4_321, now - 900 * _NS, now)
            desk.port.tell(an_info())
            await desk.after(30)

        (only,) = desk.chat.taken
        assert "4,322" in only.title
        assert "remainder kept as inventory: 4,321" in only.message.plain
        assert desk.port.folded == {}


class TestStub:
    async def test_logs_the_very_messages(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No pace and no gathering: what would have been sent stands in the log at once."""
        clock = FakeClock()
        port = FakePort(clock)
        sender = Sender(
            port,
            LogMessenger(),
            Store(tmp_path / "bot.db"),
            some_settings(telegram_enabled=False),
            clock,
            paced=False,
        )
        for number in range(3):
            port.tell(a_critical(f"t-{number}", lasting=False))
        port.tell(a_warning())
        port.tell(an_info())

        with caplog.at_level(logging.INFO, logger="bot.messenger"):
            left = await sender.drain(1)

        assert left == 0
        levels = [record.levelno for record in caplog.records]
        assert levels == [logging.ERROR] * 3 + [logging.WARNING, logging.INFO]
        assert all(r.getMessage().startswith("Telegram (stub) | ") for r in caplog.records)
        assert port.reports == []


class TestDrain:
    async def test_sends_what_waits_within_its_time(self, tmp_path: Path) -> None:
        """At shutdown a few seconds are worth it, and the rest is counted."""
        desk = SenderDesk(tmp_path / "bot.db")
        for number in range(10):
            desk.port.tell(a_critical(f"t-{number}"))
        left, _ = await asyncio.gather(desk.sender.drain(3.5), desk.clock.advance(20))

        assert left == 10 - len(desk.chat.sends)
        assert 4 <= len(desk.chat.sends) <= 5

    async def test_gives_up_at_the_first_failure(self, tmp_path: Path) -> None:
        """A process that stops does not wait for a chat that is away."""
        desk = SenderDesk(tmp_path / "bot.db")
        desk.chat.broken = SendFailed("away")
        desk.port.tell(a_critical())
        desk.port.tell(a_warning())
        began = desk.clock.mono_ns()

        left, _ = await asyncio.gather(desk.sender.drain(30), desk.clock.advance(0))

        assert left == 2
        assert desk.clock.mono_ns() - began < 1_000_000

    async def test_waits_for_the_message_under_way(self, tmp_path: Path) -> None:
        """A send that the stop interrupts is noted, not repeated."""
        async with a_desk(tmp_path) as desk:
            desk.chat.answer_s = 2.0
            desk.port.tell(a_critical())
            await desk.after(1)

            await desk.stop()
            await asyncio.gather(desk.sender.drain(5), desk.clock.advance(5))

        assert len(desk.chat.sends) == 1
        assert (await desk.port.alerts(1, "main")).total == 0

    async def test_notes_what_is_taken_when_its_time_is_up(self, tmp_path: Path) -> None:
        """The answer comes a little late; the next start does not tell it again."""
        desk = SenderDesk(tmp_path / "bot.db")
        taking = asyncio.Event()

        async def slow(message: OutMessage) -> int:
            taking.set()
            await asyncio.sleep(0.2)
            return await FakeMessenger.send(desk.chat, message)

        desk.chat.send = slow  # type: ignore[method-assign]  # a chat that is slow by a real clock
        desk.port.tell(a_critical(lasting=False))
        left = await desk.sender.drain(0.05)

        assert taking.is_set()
        assert left == 0
        assert len(desk.chat.sends) == len(desk.port.sent()) == 1


async def _forgotten(desk: SenderDesk) -> None:
    """A start without the bot's own file."""
    await desk.stop()
    for file in desk.path.parent.glob(f"{desk.path.name}*"):
        file.unlink()
    await desk.restart()
