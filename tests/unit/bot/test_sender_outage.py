"""The sender when things break: the chat, the engine, the process, the disk."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.messenger import Moved, Refused, SendFailed
from tests.support.fake_messenger import Taken
from tests.support.sender_desk import (
    a_critical,
    a_desk,
    a_warning,
    an_info,
    the_end_of,
)
from trader.domain.delivery import NoteKind

_NS = 1_000_000_000
HOUR = 3_600.0


class TestOutage:
    async def test_of_hours_loses_nothing(self, tmp_path: Path) -> None:
        """Criticals singly and first, then warnings, then one digest for the low ones."""
        async with a_desk(tmp_path) as desk:
            desk.chat.broken = SendFailed("away")
            for hour in range(6):
                for number in range(5):
                    desk.port.tell(a_warning(f"v:{hour}-{number}"))
                    desk.port.tell(a_critical(f"t-{hour}-{number}", lasting=False))
                    for part in range(40):
                        desk.port.tell(an_info(f"i-{hour}-{number}-{part}"))
                await desk.after(HOUR)
            desk.chat.broken = None
            await desk.after(61 + 70)

        titles = desk.chat.titles()
        assert len(titles) == 61
        assert all("🚨" in title for title in titles[:30])
        assert all("⚠️" in title for title in titles[30:60])
        assert "1,200 older notices in one" in titles[60]
        digest = desk.chat.sends[60].message
        assert "trade opened: 1,200 (" in digest.plain
        assert digest.silent
        assert "late" in desk.chat.sends[0].message.plain
        assert (await desk.port.alerts(1, "main")).total == 0

    async def test_backs_off_and_logs_two_lines(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """1, 2, 4 … 60 s between attempts; one line when it begins, one when it is over."""
        caplog.set_level(logging.INFO, logger="bot.sender")
        async with a_desk(tmp_path) as desk:
            requests = desk.chat.requests
            desk.chat.broken = SendFailed("away")
            desk.port.tell(a_warning())
            await desk.after(HOUR)
            attempts = desk.chat.requests - requests
            desk.chat.broken = None
            await desk.after(61)

        assert 60 <= attempts <= 75
        assert len(desk.chat.sends) == 1
        assert len(caplog.records) == 2
        assert all("Telegram" in record.getMessage() for record in caplog.records)

    async def test_does_not_make_a_new_critical_wait_for_the_back_off(self, tmp_path: Path) -> None:
        """What was not tried since the chat went away is tried at once."""
        async with a_desk(tmp_path) as desk:
            desk.chat.broken = SendFailed("away")
            desk.port.tell(a_warning())
            await desk.after(130)
            desk.chat.broken = None

            desk.port.tell(a_critical())
            await desk.after(0.2)

        assert [title[0] for title in desk.chat.titles()] == ["🚨"]

    async def test_notes_failed_attempts(self, tmp_path: Path) -> None:
        """The ledger knows how often and why."""
        async with a_desk(tmp_path) as desk:
            desk.chat.failures = [SendFailed("status 502")]
            desk.port.tell(a_critical())
            await desk.after(5)

        assert [(note.kind, note.error) for note in desk.port.notes] == [
            (NoteKind.FAILED, "status 502"),
            (NoteKind.SENT, ""),
        ]

    async def test_retry_after_is_obeyed_to_the_second(self, tmp_path: Path) -> None:
        """For 17 s nothing at all is sent, criticals and probes included; then it goes on."""
        async with a_desk(tmp_path) as desk:
            desk.chat.failures = [SendFailed("too many requests", 17)]
            desk.port.tell(a_warning())
            await desk.after(1)
            requests, asked = desk.chat.requests, desk.clock.mono_ns()
            desk.port.tell(a_critical())
            await desk.after(15.8)
            assert desk.chat.requests == requests

            await desk.after(3)

        assert [title[0] for title in desk.chat.titles()] == ["🚨", "⚠"]
        assert desk.chat.sends[0].mono_ns - asked < 16.2 * _NS

    async def test_a_slow_request_holds_a_critical_up_for_the_timeout_at_most(
        self, tmp_path: Path
    ) -> None:
        """The guard is on a real clock, so a request without end is given up."""
        async with a_desk(tmp_path, timeout_s=0.05) as desk:
            desk.chat.latency_s = 1e9
            desk.port.tell(a_warning())
            await desk.after(0.2)
            assert desk.chat.requests == 2
            desk.chat.latency_s = 0
            desk.port.tell(a_critical())
            for _ in range(1_000):
                await desk.after(0.01)
                if desk.chat.sends:
                    break

        assert desk.chat.titles()[0].startswith("🚨")


class TestCrash:
    async def test_between_record_and_acknowledgement_costs_no_duplicate(
        self, tmp_path: Path
    ) -> None:
        """The store knows it; the engine is told again, the person is not."""
        async with a_desk(tmp_path) as desk:
            desk.port.deaf = True
            for number in range(3):
                desk.port.tell(a_critical(f"t-{number}", lasting=False))
            desk.port.tell(a_warning())
            await desk.after(30)
            assert len(desk.chat.sends) == 4

            desk.port.deaf = False
            await desk.restart()
            await desk.after(30)

        assert len(desk.chat.taken) == 4
        assert (await desk.port.alerts(1, "main")).total == 0
        assert len(desk.port.sent()) == 4

    async def test_between_acceptance_and_record_costs_one_duplicate(self, tmp_path: Path) -> None:
        """What Telegram took and nobody noted is told once more, and once only."""
        async with a_desk(tmp_path) as desk:
            desk.chat.after = _lost_once(desk.chat.taken)
            for number in range(3):
                desk.port.tell(a_critical(f"t-{number}", lasting=False))
            await desk.after(1.0)
            await desk.restart()
            await desk.after(30)

        assert len(desk.chat.sends) == 4
        assert len(set(desk.chat.titles())) == 3

    async def test_at_every_step_loses_nothing(self, tmp_path: Path) -> None:
        """A process that dies again and again tells all, in order, once each."""
        async with a_desk(tmp_path) as desk:
            for number in range(40):
                desk.port.tell(a_critical(f"t-{number:02}", lasting=False))
                desk.port.tell(a_warning(f"v:{number:02}"))
                await desk.after(0.37)
                await desk.restart()
            await desk.after(120)

        titles = desk.chat.titles()
        criticals = [title for title in titles if "🚨" in title]
        assert criticals == sorted(criticals)
        assert len(criticals) == len(set(criticals)) == 40
        assert len(titles) == len(set(titles)) == 80

    async def test_of_the_store_costs_no_storm(self, tmp_path: Path) -> None:
        """With a disk that takes nothing, memory keeps messages from being told again."""
        async with a_desk(tmp_path) as desk:
            _break_tables(desk.path)
            desk.port.deaf = True
            for number in range(3):
                desk.port.tell(a_critical(f"t-{number}", lasting=False))
            await desk.after(10)
            desk.port.deaf = False
            await desk.after(60)

        assert len(desk.chat.sends) == 3
        assert (await desk.port.alerts(1, "main")).total == 0


class TestRefusal:
    async def test_stops_with_one_line_and_resumes(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """401: nothing is sent, the queue stays, a probe a minute; then one line and on."""
        caplog.set_level(logging.INFO, logger="bot.sender")
        async with a_desk(tmp_path) as desk:
            desk.chat.broken = Refused("Telegram answered 401: Unauthorized", 401)
            desk.port.tell(a_critical(lasting=False))
            desk.port.tell(a_warning())
            await desk.after(1)
            requests = desk.chat.requests
            await desk.after(600)
            assert desk.chat.requests - requests == 10
            assert desk.port.reports[-1].refused == "Telegram answered 401: Unauthorized"
            assert (await desk.port.alerts(9, "main")).total == 2

            desk.chat.broken = None
            await desk.after(65)

        assert len(desk.chat.sends) == 2
        assert desk.port.reports[-1].refused == ""
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == 2
        assert "401" in lines[0]
        assert "again" in lines[1]
        assert all("Telegram" in line for line in lines)

    async def test_is_heard_before_the_first_alert(self, tmp_path: Path) -> None:
        """A wrong token is known at the start, not at the first stop-loss."""
        async with a_desk(tmp_path) as desk:
            await desk.stop()
            desk.chat.broken = Refused("Telegram answered 404: Not Found", 404)
            await desk.restart()
            await desk.after(1)

            assert desk.port.reports[-1].refused == "Telegram answered 404: Not Found"

    async def test_a_group_that_moved_stops_for_good(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line names the new id and the key; nothing is sent or asked any more."""
        async with a_desk(tmp_path, chat_id="-7") as desk:
            desk.chat.failures = [Moved(-100_777)]
            desk.port.tell(a_critical())
            await desk.after(1)
            requests = desk.chat.requests
            await desk.after(HOUR)

            assert desk.chat.requests == requests
            assert (await desk.port.alerts(9, "main")).total == 1
            assert "-100777" in desk.port.reports[-1].refused
            assert len(desk.port.reports) > 60
        errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert len(errors) == 1
        assert "-100777" in errors[0]
        assert "alert.telegram.chat_id" in errors[0]
        assert "Telegram" in errors[0]


class TestUnsendable:
    async def test_holds_nobody_up(self, tmp_path: Path) -> None:
        """The others go on; it goes in a few letters instead."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "t-bad" in message.plain
            desk.port.tell(a_critical("t-bad", lasting=False))
            desk.port.tell(a_critical("t-good", lasting=False))
            desk.port.tell(a_warning())
            await desk.after(10)

        titles = desk.chat.titles()
        assert len(titles) == 3
        assert "t-good" in titles[0]
        assert "CRITICAL: leg unhedged (#1)" in titles
        assert (await desk.port.alerts(1, "main")).total == 0

    async def test_for_good_is_tried_less_and_less(self, tmp_path: Path) -> None:
        """Not even the few letters are taken: hours cost few attempts, and others go on."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "🚨" in message.plain or "CRIT" in message.plain
            desk.port.tell(a_critical())
            await desk.after(HOUR)
            assert desk.chat.requests - desk.chat.probes < 20

            desk.port.tell(a_warning())
            await desk.after(2)

        assert len(desk.chat.sends) == 1
        failed = [note for note in desk.port.notes if note.kind is NoteKind.FAILED]
        assert len(failed) > 5

    async def test_in_a_batch_spoils_only_itself(self, tmp_path: Path) -> None:
        """A batch that is not taken goes one by one, each in full but the bad one."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "i-3" in message.plain
            for number in range(5):
                desk.port.tell(an_info(f"i-{number}"))
            await desk.after(20)

        plains = [one.message.plain for one in desk.chat.sends]
        assert len(plains) == 5
        assert sum("Opened: i-" in plain for plain in plains) == 4
        assert sum("INFO: trade opened (#4)" in plain for plain in plains) == 1

    async def test_digest_is_told_by_numbers_alone(self, tmp_path: Path) -> None:
        """Where a line of it is not taken, the counts still are."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "i-3" in message.plain
            await desk.stop()
            for number in range(5):
                desk.port.tell(an_info(f"i-{number}"))
            await desk.after(HOUR)
            await desk.restart()
            await desk.after(20)

        (only,) = desk.chat.sends
        assert "trade opened: 5 (" in only.message.plain

    async def test_digest_for_good_is_tried_less_and_less(self, tmp_path: Path) -> None:
        """Neither by news nor by idle looks is it tried more often than its back-off says."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "older notices" in message.plain
            await desk.stop()
            for number in range(5):
                desk.port.tell(an_info(f"i-{number}"))
            await desk.after(HOUR)
            await desk.restart()
            requests = desk.chat.requests - desk.chat.probes
            for number in range(60):
                desk.port.tell(a_warning(f"v:{number}"))
                await desk.after(20)

        assert len(desk.chat.sends) == 60
        assert desk.chat.requests - desk.chat.probes - requests - 60 <= 12

    async def test_repeat_is_told_in_letters(self, tmp_path: Path) -> None:
        """Not even a repeat that is disliked stops the repeating."""
        async with a_desk(tmp_path) as desk:
            desk.chat.dislikes = lambda message: "Still" in message.plain
            desk.port.tell(a_critical())
            await desk.after(5 * 60)

        assert [title[:8] for title in desk.chat.titles()][1:] == ["CRITICAL"] * 2

    async def test_a_broken_messenger_is_no_end(self, tmp_path: Path) -> None:
        """Whatever a library raises, the sender lives and tells it again."""
        async with a_desk(tmp_path) as desk:
            desk.chat.failures = [ValueError("surprise"), ValueError("surprise")]
            desk.port.tell(a_warning())
            await desk.after(20)

        assert len(desk.chat.sends) == 1


class TestEngineAway:
    async def test_is_waited_for(self, tmp_path: Path) -> None:
        """A hatch that is shut ends nothing."""
        async with a_desk(tmp_path) as desk:
            desk.port.down = True
            await desk.after(120)
            desk.port.down = False
            desk.port.tell(a_critical())
            await desk.after(16)

        assert len(desk.chat.sends) == 1

    async def test_an_end_is_not_lost_with_it(self, tmp_path: Path) -> None:
        """What was told while the engine could note nothing is settled when it can."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_warning())
            await desk.after(2)
            desk.port.deaf = True
            desk.port.tell(the_end_of(a_warning()))
            await desk.after(60)
            desk.port.deaf = False
            await desk.after(60)

        assert len(desk.chat.taken) == 2
        assert (await desk.port.alerts(1, "main")).total == 0


class TestHealth:
    async def test_is_reported_every_half_minute_and_probed_when_silent(
        self, tmp_path: Path
    ) -> None:
        """The engine's judgement of reachability needs fresh successes, also in quiet hours."""
        async with a_desk(tmp_path) as desk:
            await desk.after(600)

            assert desk.chat.probes in (10, 11)
            assert len(desk.port.reports) >= 20
            sent_ns = desk.port.reports[-1].sent_ns
            assert sent_ns is not None
            assert desk.clock.now_ns() - sent_ns <= 91 * _NS

    async def test_a_probe_is_no_poll(self, tmp_path: Path) -> None:
        """Where polling never worked the operator was never heard, however well all else goes."""
        async with a_desk(tmp_path) as desk:
            desk.port.tell(a_critical())
            await desk.after(600)

        assert desk.chat.probes > 0
        assert all(report.polled_ns is None for report in desk.port.reports)

    async def test_polling_spares_most_probes(self, tmp_path: Path) -> None:
        """Whoever polls tells the sender; only whether Telegram takes messages is asked."""
        async with a_desk(tmp_path) as desk:
            probes = desk.chat.probes
            for _ in range(40):
                desk.sender.polled(desk.clock.now_ns())
                await desk.after(30)
            sent_ns = desk.port.reports[-1].sent_ns
            assert desk.chat.probes - probes in (4, 5)
            assert sent_ns is not None
            assert desk.clock.now_ns() - sent_ns <= 271 * _NS

            desk.sender.polled(desk.clock.now_ns(), "Telegram answered 409: Conflict")
            await desk.after(1)
            assert desk.port.reports[-1].refused == "Telegram answered 409: Conflict"


def _lost_once(taken: list[Taken]) -> Callable[[], None]:
    def lost() -> None:
        if len(taken) == 1:
            raise SendFailed("no answer within 5 s")

    return lost


def _break_tables(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("DROP TABLE told")
    other.commit()
    other.close()
