"""What the host's sensors say, of real files and real event loops."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trader.ops.sensors import (
    ClockWatch,
    ConfirmState,
    LoopLag,
    disk_free_mb,
    env_flag,
    halt_file_present,
    look_at_confirm_file,
)

NAME = ".live_trading_ok"
MS = 1_000_000
_IS_ROOT = os.geteuid() == 0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_confirm_file(here: Path, mode: int = 0o644) -> Path:
    """What a plain ``touch`` leaves, with this mode whatever the umask."""
    path = here / NAME
    path.touch()
    path.chmod(mode)
    return path


class TestConfirmFile:
    def test_absent(self, here: Path) -> None:
        """Nothing there is an answer of its own."""
        assert look_at_confirm_file(NAME).state is ConfirmState.ABSENT
        assert here.is_dir()

    @pytest.mark.parametrize("content", ["", "yes\n", "\0\xff"])
    @pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o755])
    def test_stands_whatever_it_contains(self, here: Path, content: str, mode: int) -> None:
        """A plain touch is the whole ceremony."""
        path = here / NAME
        path.write_text(content)
        path.chmod(mode)

        assert look_at_confirm_file(NAME).state is ConfirmState.STANDING

    def test_tells_what_a_latch_records(self, here: Path) -> None:
        """Device, inode and both times, which a touch changes."""
        path = a_confirm_file(here)
        found = path.stat()

        seen = look_at_confirm_file(NAME)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 5))
        touched = look_at_confirm_file(NAME)

        assert (seen.device, seen.inode) == (found.st_dev, found.st_ino)
        assert (seen.ctime_ns, seen.mtime_ns) == (found.st_ctime_ns, found.st_mtime_ns)
        assert touched.mtime_ns == seen.mtime_ns + 5
        assert touched.ctime_ns >= seen.ctime_ns

    @pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o622])
    def test_that_others_may_write_is_unsafe(self, here: Path, mode: int) -> None:
        """Somebody else could have put it there."""
        a_confirm_file(here, mode)

        seen = look_at_confirm_file(NAME)

        assert seen.state is ConfirmState.UNSAFE
        assert f"{mode:04o}" in seen.reason

    @pytest.mark.parametrize("target", ["real", "missing"])
    def test_that_is_a_symbolic_link_is_unsafe(self, here: Path, target: str) -> None:
        """Also one that leads nowhere: it is there, and it is no file."""
        (here / "real").touch()
        (here / NAME).symlink_to(target)

        seen = look_at_confirm_file(NAME)

        assert (seen.state, seen.reason) == (ConfirmState.UNSAFE, "it is a symbolic link")

    def test_with_a_second_link_is_unsafe(self, here: Path) -> None:
        """Its times can be changed under another name."""
        a_confirm_file(here)
        (here / "other").hardlink_to(here / NAME)

        assert look_at_confirm_file(NAME).reason == "it has 2 links"

    @pytest.mark.parametrize("kind", ["directory", "pipe", "socket", "device"])
    def test_that_is_no_regular_file_is_unsafe(self, here: Path, kind: str) -> None:
        """And a pipe nobody writes to does not hold the engine up."""
        name = NAME
        if kind == "directory":
            (here / NAME).mkdir()
        elif kind == "pipe":
            os.mkfifo(here / NAME)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(NAME)
        else:
            name = "/dev/null"

        seen = look_at_confirm_file(name)

        assert (seen.state, seen.reason) == (ConfirmState.UNSAFE, "it is not a regular file")

    @pytest.mark.skipif(not _IS_ROOT, reason="only root may give a file away")
    def test_of_another_user_is_unsafe(self, here: Path) -> None:
        """The operator is this user or root."""
        os.chown(a_confirm_file(here), 12_345, -1)

        seen = look_at_confirm_file(NAME)

        assert (seen.state, seen.reason) == (ConfirmState.UNSAFE, "its owner is user 12345")

    @pytest.mark.skipif(not _IS_ROOT, reason="needs a file of root's and another user's eyes")
    @pytest.mark.parametrize(("mode", "state"), [(0o644, "standing"), (0o600, "unreadable")])
    def test_of_root_stands_for_any_user_who_can_read_it(
        self, here: Path, mode: int, state: str
    ) -> None:
        """Unreadable counts as tampered with, not as absent."""
        here.chmod(0o755)
        a_confirm_file(here, mode)
        asked = (
            "import os, sys; from trader.ops.sensors import look_at_confirm_file as look;"
            f"os.setuid(12345); sys.stdout.write(look({NAME!r}).state)"
        )

        seen = subprocess.run(
            [sys.executable, "-c", asked],
            env={"PYTHONPATH": str(Path(__file__).parents[3])},
            cwd=here,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert (seen.stdout, seen.stderr) == (state, "")

    @pytest.mark.skipif(_IS_ROOT, reason="root reads everything")
    def test_without_read_permission_is_unreadable(self, here: Path) -> None:
        """It counts as tampered with, not as absent."""
        a_confirm_file(here, 0o200)

        assert look_at_confirm_file(NAME).state is ConfirmState.UNREADABLE

    @pytest.mark.parametrize("name", ["x" * 300, "nul\0byte", "file/below"])
    def test_of_an_impossible_name_is_unreadable(self, here: Path, name: str) -> None:
        """Never an exception, and never a permission."""
        (here / "file").touch()

        assert look_at_confirm_file(name).state is ConfirmState.UNREADABLE

    def test_leaves_no_descriptor_open(self, here: Path) -> None:
        """It is looked at before each order."""
        a_confirm_file(here)
        before = len(os.listdir("/proc/self/fd"))

        for _ in range(50):
            look_at_confirm_file(NAME)

        assert len(os.listdir("/proc/self/fd")) == before


class TestHaltFile:
    @pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
    def test_halts_whatever_it_is(self, here: Path, kind: str) -> None:
        """Only its name counts."""
        path = here / ".halt"
        before = halt_file_present(path)
        if kind == "file":
            path.touch(0o000)
        elif kind == "directory":
            path.mkdir()
        else:
            path.symlink_to("nowhere")

        assert (before, halt_file_present(path)) == (False, True)

    def test_that_cannot_be_looked_at_counts_as_present(self, here: Path) -> None:
        """A doubt halts."""
        (here / "file").touch()

        assert halt_file_present("file/.halt")
        assert halt_file_present("nul\0byte")


class TestEnvFlag:
    @pytest.mark.parametrize(
        ("value", "raised"),
        [("1", True), ("", False), ("0", False), ("true", False), (" 1", False), ("1\n", False)],
    )
    def test_is_exactly_one(self, value: str, raised: bool) -> None:
        """What is nearly right is wrong."""
        assert env_flag({"LIVE_TRADING": value}) is raised

    def test_is_down_when_unset(self) -> None:
        """Absence permits nothing."""
        assert env_flag({}) is False


class TestDiskFree:
    def test_is_what_this_user_may_still_write(self, tmp_path: Path) -> None:
        """In megabytes; unknown where it cannot be told."""
        found = os.statvfs(tmp_path)

        free = disk_free_mb(tmp_path)

        assert free == pytest.approx(found.f_bavail * found.f_frsize / 1e6, rel=0.05)
        assert disk_free_mb(tmp_path / "missing") is None
        assert disk_free_mb("nul\0byte") is None


class TestClockWatch:
    @pytest.mark.parametrize(
        ("wall_ms", "mono_ms", "step_ms"),
        [
            (1_000, 1_000, 0.0),
            (1_050, 1_000, 0.0),
            (1_051, 1_000, 51.0),
            (900, 1_000, -100.0),
            (-3_600_000, 1_000, -3_601_000.0),
            (1_000_400, 1_000_000, 0.0),
            (3_601_000, 1_000, 3_600_000.0),
        ],
    )
    def test_tells_steps_from_steering(self, wall_ms: int, mono_ms: int, step_ms: float) -> None:
        """Beyond the tolerance and what NTP may steer, either way; a sleep of the machine too."""
        watch = ClockWatch(tolerance_ms=49.5)
        watch.step_ms(10**18, 5 * MS)

        assert watch.step_ms(10**18 + wall_ms * MS, (5 + mono_ms) * MS) == pytest.approx(step_ms)

    def test_first_look_has_nothing_to_compare(self) -> None:
        """No step is invented at start, and one step is told once."""
        watch = ClockWatch(tolerance_ms=10)

        steps = [watch.step_ms(at * MS, mono * MS) for at, mono in ((0, 0), (500, 1), (501, 2))]

        assert steps == [0.0, 499.0, 0.0]


class TestLoopLag:
    async def test_tells_how_long_a_callback_held_the_loop(self) -> None:
        """While it is still held, and of the last time; the worst until it is taken."""
        probe = LoopLag(interval_s=0.005)
        unknown = probe.lag_ms()
        probe.start()
        for _ in range(10_000):
            if probe.lag_ms() is not None:
                break
            await asyncio.sleep(0.001)
        probe.take_worst_ms()

        until = time.monotonic() + 0.12
        while time.monotonic() < until:
            pass
        held_ms = probe.lag_ms()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        called_back_ms = probe.lag_ms()
        worst_ms = probe.take_worst_ms()
        probe.stop()

        assert unknown is None
        assert held_ms is not None
        assert called_back_ms is not None
        assert min(held_ms, called_back_ms, worst_ms) >= 100
        assert probe.lag_ms() is None
