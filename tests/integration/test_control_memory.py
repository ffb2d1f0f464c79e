"""What the control side must not forget, in a real file: once is once, also over a restart."""

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bot import control_memory
from bot.control_memory import (
    BUTTON_LIFE_NS,
    CONTROL_NAME,
    KEEP_NS,
    MAX_LATE,
    MAX_MUTES,
    ControlMemory,
    Fate,
    MemoryFailed,
    OneTime,
    TapRefused,
)
from bot.updates import Heard
from tests.support.updates import OPERATOR, OTHER, S_NS, WRITTEN_NS, a_heard, a_tap

NOW = WRITTEN_NS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / CONTROL_NAME


@pytest.fixture
def memory(path: Path) -> Iterator[ControlMemory]:
    made = ControlMemory(path)
    yield made
    made.close()


def begun(memory: ControlMemory, *heards: Heard, at_ns: int = NOW) -> tuple[bool, ...]:
    return memory.begin([(heard, False) for heard in heards], at_ns)


class TestFile:
    def test_is_private_and_synced(self, memory: ControlMemory, path: Path) -> None:
        """0600, and every commit waits for the disk."""
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert memory.rows("PRAGMA synchronous") == [(2,)]
        assert memory.rows("PRAGMA journal_mode") == [("wal",)]

    def test_a_damaged_one_is_put_aside(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Whoever must halt cannot wait for a repair."""
        path.parent.mkdir()
        path.write_bytes(b"no database at all, and long enough to be read as one" * 50)

        memory = ControlMemory(path)

        assert begun(memory, a_heard()) == (True,)
        assert [found.name for found in path.parent.glob("*.broken-*")]
        assert "Telegram" in caplog.text
        memory.close()

    def test_a_newer_one_is_put_aside(self, path: Path) -> None:
        """Its tables may mean something else."""
        ControlMemory(path).close()
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()

        memory = ControlMemory(path)

        assert begun(memory, a_heard()) == (True,)
        memory.close()

    def test_without_one_everything_is_kept_in_memory(self, tmp_path: Path) -> None:
        """A directory that cannot be made is no reason to hear nobody."""
        (tmp_path / "state").write_text("a file where the directory should be")

        memory = ControlMemory(tmp_path / "state" / CONTROL_NAME)

        assert begun(memory, a_heard()) == (True,)
        assert begun(memory, a_heard()) == (False,)
        memory.close()

    def test_the_instance_survives(self, path: Path, tmp_path: Path) -> None:
        """Buttons of before a restart are ours; those of another installation are not."""
        first = ControlMemory(path)
        again = ControlMemory(path)
        other = ControlMemory(tmp_path / "other.db")

        assert first.instance == again.instance != other.instance
        for memory in (first, again, other):
            memory.close()

    def test_failures_have_one_name(self, memory: ControlMemory) -> None:
        """And undo what was begun."""
        memory.close()

        with pytest.raises(MemoryFailed, match=r"bot-control\.db: writing"):
            begun(memory, a_heard())
        with pytest.raises(MemoryFailed, match=r"bot-control\.db: reading"):
            memory.knows("x")

    async def test_calls_apart_run_in_their_turn_and_off_the_loop(
        self, memory: ControlMemory
    ) -> None:
        """A commit waits for the disk; the loop does not wait with it."""
        order: list[int] = []
        calls = [memory.apart(partial(order.append, n)) for n in range(50)]

        await asyncio.gather(*calls)

        assert order == list(range(50))


class TestUpdates:
    def test_are_new_once(self, memory: ControlMemory) -> None:
        """By message, or by query for a tap; the update's id does not matter."""
        assert begun(memory, a_heard(), a_heard(message_id=8), a_heard(update_id=9)) == (
            True,
            True,
            False,
        )
        assert begun(memory, a_tap("a:b:", "1"), a_tap("a:b:", "2"), a_tap("c:d:", "1")) == (
            True,
            True,
            False,
        )
        assert memory.knows(a_heard().identity)
        assert not memory.knows("message:1001:9999")

    def test_begun_and_not_finished_are_found_in_order(self, path: Path) -> None:
        """After a crash, as they were heard."""
        memory = ControlMemory(path)
        heards = [a_heard("/pause 30m 한글", 9), a_tap("halt:i:"), a_heard("/halt", 3)]
        begun(memory, *heards)
        memory.begin([(a_heard("/status", 11), True)], NOW)
        memory.finish(heards[1].identity)
        memory.close()

        again = ControlMemory(path)

        assert again.unfinished() == (heards[0], heards[2])
        again.close()

    def test_are_kept_two_days(self, memory: ControlMemory) -> None:
        """Telegram keeps its own for one."""
        begun(memory, a_heard())
        memory.finish(a_heard().identity)

        memory.prune(NOW + KEEP_NS)
        assert memory.knows(a_heard().identity)

        memory.prune(NOW + KEEP_NS + 1)
        assert not memory.knows(a_heard().identity)

    def test_not_finished_are_never_dropped(self, memory: ControlMemory) -> None:
        """They are still owed."""
        begun(memory, a_heard())

        memory.prune(NOW + 10 * KEEP_NS)

        assert memory.unfinished() == (a_heard(),)

    def test_are_bounded_in_number(
        self, memory: ControlMemory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without anybody asking for it."""
        monkeypatch.setattr(control_memory, "MAX_UPDATES", 1_000)
        for first in range(0, 3_000, 100):
            rows = [(a_heard("/status", first + n + 1), True) for n in range(100)]
            memory.begin(rows, NOW)

        assert memory.rows("SELECT count(*) <= 1500 FROM heard") == [(1,)]
        assert memory.knows(a_heard(message_id=3_000).identity)


class TestButtons:
    def test_are_good_once(self, memory: ControlMemory, path: Path) -> None:
        """For a double tap, and for a tap after a restart."""
        made = memory.offer("flatten", "live", "f1", OPERATOR, NOW)

        assert memory.use(made.token, OPERATOR, NOW + S_NS) == made
        assert memory.use(made.token, OPERATOR, NOW + S_NS) is TapRefused.USED
        again = ControlMemory(path)
        assert again.use(made.token, OPERATOR, NOW + S_NS) is TapRefused.USED
        again.close()

    def test_say_what_they_were_made_for(self, memory: ControlMemory) -> None:
        """Action, target, the state that was shown, and the user."""
        made = memory.offer("close", "t-1", "f1", OPERATOR, NOW)

        assert made == OneTime(
            made.token, "close", "t-1", "f1", OPERATOR, NOW, NOW + BUTTON_LIFE_NS
        )
        assert len(made.token) >= 10
        assert made.token != memory.offer("close", "t-1", "f1", OPERATOR, NOW).token

    @pytest.mark.parametrize(
        ("user", "after_s", "verdict"),
        [
            (OTHER, 1, TapRefused.OTHER_USER),
            (OPERATOR, 61, TapRefused.EXPIRED),
            (OPERATOR, -1, TapRefused.EXPIRED),
        ],
    )
    def test_are_refused(
        self, memory: ControlMemory, user: int, after_s: int, verdict: TapRefused
    ) -> None:
        """To another, after a minute, and where the clock was set back."""
        made = memory.offer("flatten", "live", "f1", OPERATOR, NOW)

        assert memory.use(made.token, user, NOW + after_s * S_NS) is verdict
        assert memory.use(made.token, OPERATOR, NOW + 60 * S_NS) == made

    def test_nobody_made_are_refused(self, memory: ControlMemory) -> None:
        """Also those that were forgotten since."""
        made = memory.offer("flatten", "live", "f1", OPERATOR, NOW)
        memory.prune(NOW + 2 * KEEP_NS)

        assert memory.use("guess", OPERATOR, NOW) is TapRefused.UNKNOWN
        assert memory.use(made.token, OPERATOR, NOW) is TapRefused.UNKNOWN


class TestMutes:
    def test_last_until_their_time(self, memory: ControlMemory) -> None:
        """The newest word counts; a time that is past ends one."""
        memory.mute("feed_stale", NOW + 5)
        memory.mute("rebalance", NOW + 1)
        memory.mute("feed_stale", NOW + 9)
        memory.mute("trade_opened", NOW - 1)

        assert memory.mutes(NOW) == {"feed_stale": NOW + 9, "rebalance": NOW + 1}
        assert memory.mutes(NOW + 9) == {}

    def test_are_bounded(self, memory: ControlMemory) -> None:
        """There are fewer kinds of alerts."""
        for number in range(MAX_MUTES + 50):
            memory.mute(f"kind {number}", NOW + number)

        assert len(memory.mutes(NOW - 1)) == MAX_MUTES


class TestLateNotes:
    def test_are_kept_until_told(self, path: Path) -> None:
        """Also over another crash; the newest of them."""
        memory = ControlMemory(path)
        for number in range(MAX_LATE + 10):
            memory.note_late(a_heard(f"/pause {number}"), "pause", Fate.APPLIED, NOW + number)
        memory.close()

        again = ControlMemory(path)
        notes = again.late_notes()
        again.forget_late(notes[-2].seq)

        assert len(notes) == MAX_LATE
        assert notes[0].at_ns == NOW + 10
        assert [note.at_ns for note in again.late_notes()] == [NOW + MAX_LATE + 9]
        again.close()
