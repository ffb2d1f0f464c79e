"""The confirm file with the authority it raises: real files, and what counts as a touch."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.domain.authority import Authority, FileMark, Level, Sight
from trader.ops.sensors import ConfirmState, halt_file_present, look_at_confirm_file
from trader.risk.authority import after_look, after_start, arms, halt, lift_halt, to_paper

NAME = ".live_trading_ok"
HOUR_NS = 3_600 * 10**9
ENOUGH = 5.0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, and a umask under which a plain touch is safe."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    yield tmp_path
    os.umask(before)


def sight(at_ns: int | None = None) -> Sight:
    """The host's files as they are, by the clock or by one that says ``at_ns``."""
    file = look_at_confirm_file(NAME)
    mark = FileMark(file.device, file.inode, file.ctime_ns, file.mtime_ns)
    return Sight(
        at_ns=time.time_ns() if at_ns is None else at_ns,
        mark=None if file.state is ConfirmState.ABSENT else mark,
        stands=file.state is ConfirmState.STANDING,
        halt_file=halt_file_present(".halt"),
    )


def look(authority: Authority, found: Sight | None = None, *, causes: bool = False) -> Authority:
    """A look where all but the file is well, unless a cause stands."""
    found = found or sight()
    causes = causes or (found.mark is not None and not found.stands)
    return after_look(authority, found, lost=(), causes=causes, ready=not causes)


def touch() -> None:
    """As a shell does it, until its times have moved: a coarse clock may need a moment."""
    path = Path(NAME)
    before = path.stat() if path.exists() else None
    give_up = time.monotonic() + ENOUGH
    path.touch()
    while before is not None and not _has_moved(before, path.stat()):
        assert time.monotonic() < give_up, "the file system's clock stands still"
        path.touch()


def change_ctime_alone(path: Path) -> None:
    """What chmod does to a file: its mode, and with it ctime; until ctime has moved."""
    before = path.stat()
    give_up = time.monotonic() + ENOUGH
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        assert time.monotonic() < give_up, "the file system's clock stands still"
        path.chmod(0o600)
        path.chmod(0o644)
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def _has_moved(before: os.stat_result, now: os.stat_result) -> bool:
    return (before.st_ctime_ns != now.st_ctime_ns) and (before.st_mtime_ns != now.st_mtime_ns)


def demoted() -> Authority:
    """A host that was live and is demoted, with the file as it is now."""
    return to_paper(Authority(Level.LIVE, 1), "42", "", sight())


class TestFreshHost:
    def test_a_plain_touch_is_the_whole_ceremony(self, here: Path) -> None:
        """Absent: paper; touched once: live. Nothing else is asked of the file."""
        assert look(Authority()).level is Level.PAPER

        touch()

        assert look(Authority()).level is Level.LIVE
        assert (here / NAME).exists()


@pytest.mark.usefixtures("here")
class TestAfterALatch:
    def test_the_same_file_does_not_arm(self) -> None:
        """Nor does reading it, nor a restart."""
        touch()
        authority = demoted()

        Path(NAME).read_bytes()

        assert look(authority) is authority
        assert look(after_start(authority, sight(), crashed=False)) is authority

    def test_a_touch_arms(self) -> None:
        """One is enough, of the same file or of one made anew."""
        touch()
        authority = demoted()
        touch()
        assert look(authority).level is Level.LIVE

        authority = demoted()
        Path(NAME).unlink()
        assert look(authority) is authority
        touch()
        assert look(authority).level is Level.LIVE

    def test_only_chmodded_does_not_arm(self) -> None:
        """It moves ctime and leaves mtime."""
        touch()
        authority = demoted()

        change_ctime_alone(Path(NAME))

        assert authority.latch is not None
        assert sight().mark != authority.latch.seen
        assert look(authority) is authority

    def test_only_chowned_does_not_arm(self) -> None:
        """To the very same owner, which anyone may."""
        touch()
        authority = demoted()
        path = Path(NAME)
        before, give_up = path.stat(), time.monotonic() + ENOUGH
        while path.stat().st_ctime_ns == before.st_ctime_ns:
            assert time.monotonic() < give_up
            os.chown(path, before.st_uid, before.st_gid)

        assert look(authority) is authority

    def test_only_moved_away_and_back_does_not_arm(self) -> None:
        """As long as no latch was taken while it was away."""
        touch()
        authority = demoted()

        Path(NAME).rename("elsewhere")
        assert look(authority) is authority
        Path("elsewhere").rename(NAME)

        assert look(authority) is authority

    def test_a_mended_mode_is_no_touch(self) -> None:
        """Of a file that others could write when the latch saw it."""
        touch()
        Path(NAME).chmod(0o666)
        authority = demoted()
        assert not sight().stands

        change_ctime_alone(Path(NAME))

        assert sight().stands
        assert look(authority) is authority

    def test_a_touch_of_an_unsafe_file_is_used_up_before_it_is_mended(self) -> None:
        """Touched by whoever may write there; mended, it takes a touch of its own."""
        touch()
        authority = demoted()
        Path(NAME).chmod(0o666)
        touch()
        seen = look(authority)
        assert seen.used_up

        change_ctime_alone(Path(NAME))
        assert sight().stands
        assert look(seen) is seen

        touch()
        assert look(seen).level is Level.LIVE

    def test_a_touch_while_a_cause_stands_is_used_up(self) -> None:
        """The cause gone, it takes another."""
        touch()
        authority = demoted()
        touch()

        seen = look(authority, causes=True)

        assert seen.used_up
        assert look(seen) is seen
        touch()
        assert look(seen).level is Level.LIVE

    def test_touched_while_the_clock_ran_ahead_and_seen_after_it_was_set_back(self) -> None:
        """Its date is of the future then: used up, also when that future has come."""
        touch()
        authority = demoted()
        touch()
        file = sight()
        assert file.mark is not None

        seen = look(authority, sight(at_ns=file.mark.mtime_ns - HOUR_NS))

        assert seen.used_up
        assert look(seen, sight(at_ns=file.mark.mtime_ns + HOUR_NS)) is seen

    def test_latched_while_the_clock_ran_ahead_and_touched_after_it_was_set_back(self) -> None:
        """An older date than the latch saw is a touch like any other: no clocks are compared."""
        touch()
        ahead = time.time_ns() + HOUR_NS
        os.utime(NAME, ns=(ahead, ahead))
        authority = demoted()

        touch()

        found = sight()
        assert found.mark is not None
        assert authority.latch is not None
        assert authority.latch.seen is not None
        assert found.mark.mtime_ns < authority.latch.seen.mtime_ns
        assert look(authority).level is Level.LIVE

    def test_dated_ahead_by_hand_is_used_up(self) -> None:
        """``touch -d`` with a date yet to come."""
        touch()
        authority = demoted()
        change_ctime_alone(Path(NAME))
        ahead = time.time_ns() + HOUR_NS
        os.utime(NAME, ns=(ahead, ahead))

        assert look(authority).used_up

    def test_lifting_a_halt_takes_a_touch_after_it(self) -> None:
        """One made during the halt does not count."""
        touch()
        halted = halt(Authority(Level.LIVE, 1), "42", "", sight(), now=False)
        touch()
        assert look(halted) is halted

        lifted = lift_halt(halted, "42", halted.revision, sight())

        assert lifted.level is Level.PAPER
        assert look(lifted) is lifted
        touch()
        assert look(lifted).level is Level.LIVE

    def test_under_a_halt_file_nothing_is_lifted_and_its_removal_resumes_nothing(self) -> None:
        """Whatever it is: here a directory."""
        touch()
        Path(".halt").mkdir()
        halted = look(Authority(Level.LIVE, 1))
        assert halted.level is Level.HALT
        assert lift_halt(halted, "42", halted.revision, sight()) is halted

        Path(".halt").rmdir()
        touch()

        assert look(halted) is halted


@pytest.mark.usefixtures("here")
class TestBetweenCheckAndSend:
    def test_deleted_is_seen_by_the_very_next_look(self) -> None:
        """By name, anew each time: an open descriptor or an older answer says nothing."""
        touch()
        with Path(NAME).open() as kept:
            assert sight().stands
            Path(NAME).unlink()

            found = sight()

            assert kept.readable()
        assert (found.mark, found.stands) == (None, False)
        assert not arms(Authority(), found)

    def test_replaced_by_a_link_to_itself_does_not_stand(self) -> None:
        """The same content, owner and times behind another kind of name."""
        touch()
        Path(NAME).rename("elsewhere")
        Path(NAME).symlink_to("elsewhere")

        found = sight()

        assert not found.stands
        assert look(Authority(), found).level is Level.PAPER
