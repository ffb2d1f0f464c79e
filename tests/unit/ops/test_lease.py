"""The locks of account and state, against real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trader.domain.errors import ConfigError
from trader.ops.lease import AlreadyRunning, HostLock, StateLock

ROOT = Path(__file__).parents[3]
FINGERPRINT = "0123456789abcdef"

_HOLD = """
import sys
from pathlib import Path
from trader.ops.lease import HostLock, StateLock
kind, directory = sys.argv[1:]
held = (
    HostLock.acquire(Path(directory), "0123456789abcdef")
    if kind == "host"
    else StateLock.acquire(Path(directory))
)
print("held", flush=True)
sys.stdin.read()
"""

_HOLD_AND_FORK = (
    _HOLD.partition("print")[0]
    + """
import os, signal
if os.fork() == 0:
    # Told by the child, so that it has let go of its copy by then.
    print(os.getpid(), flush=True)
signal.pause()
"""
)

Acquire = Callable[[Path], HostLock | StateLock]


def host(directory: Path) -> HostLock:
    """The account's lock."""
    return HostLock.acquire(directory, FINGERPRINT)


def started(script: str, kind: str, directory: Path) -> "subprocess.Popen[str]":
    """A process that runs ``script`` on a lock of this kind."""
    return subprocess.Popen(
        [sys.executable, "-c", script, kind, str(directory)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(params=["host", "state"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both locks keep the same promises."""
    return str(request.param)


@pytest.fixture
def acquire(kind: str) -> Acquire:
    """How this kind of lock is taken."""
    return host if kind == "host" else StateLock.acquire


@pytest.fixture
def holder(kind: str, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock."""
    with started(_HOLD, kind, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class TestASecondStart:
    def test_is_refused_at_once_and_told_who_runs(
        self, acquire: Acquire, holder: "subprocess.Popen[str]", tmp_path: Path
    ) -> None:
        """Path and process are what an operator needs to find it."""
        with pytest.raises(AlreadyRunning) as refused:
            acquire(tmp_path)

        assert refused.value.pid == holder.pid
        assert refused.value.path.parent == tmp_path
        assert str(holder.pid) in str(refused.value)
        assert str(refused.value.path) in str(refused.value)

    def test_succeeds_once_the_first_was_killed(
        self, acquire: Acquire, holder: "subprocess.Popen[str]", tmp_path: Path
    ) -> None:
        """The kernel frees the lock, so a crash needs no cleaning up."""
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)

        with acquire(tmp_path) as lock:
            assert lock.is_held()
            assert lock.path.read_text() == f"{os.getpid()}\n"

    def test_is_refused_within_one_process_too(self, acquire: Acquire, tmp_path: Path) -> None:
        """And a release lets the next one in."""
        with acquire(tmp_path), pytest.raises(AlreadyRunning):
            acquire(tmp_path)
        with acquire(tmp_path) as again:
            assert again.is_held()

        assert not again.is_held()


class TestTheLock:
    def test_ends_with_its_process_though_a_forked_child_lives(
        self, kind: str, acquire: Acquire, tmp_path: Path
    ) -> None:
        """A chart worker that outlives a killed engine must not keep the next one out."""
        with started(_HOLD_AND_FORK, kind, tmp_path) as engine:
            assert engine.stdout is not None
            worker = int(engine.stdout.readline())
            try:
                engine.send_signal(signal.SIGKILL)
                engine.wait(30)

                with acquire(tmp_path) as again:
                    assert again.is_held()
                assert Path(f"/proc/{worker}").is_dir()
            finally:
                os.kill(worker, signal.SIGKILL)

    @pytest.mark.parametrize("change", ["removed", "replaced"])
    def test_is_lost_when_its_file_is(self, acquire: Acquire, tmp_path: Path, change: str) -> None:
        """Whoever locks the new file would be a second owner."""
        with acquire(tmp_path) as lock:
            lock.path.unlink()
            if change == "replaced":
                lock.path.touch()

            assert not lock.is_held()

    @pytest.mark.parametrize("trap", ["symbolic link", "directory", "pipe"])
    def test_is_not_taken_on_something_planted(
        self, kind: str, acquire: Acquire, tmp_path: Path, trap: str
    ) -> None:
        """A link in a common directory could make us overwrite a file of ours."""
        name = f"trader-{FINGERPRINT}.lock" if kind == "host" else "lock"
        victim = tmp_path / "victim"
        victim.write_text("precious")
        if trap == "symbolic link":
            (tmp_path / name).symlink_to(victim)
        elif trap == "directory":
            (tmp_path / name).mkdir()
        else:
            os.mkfifo(tmp_path / name)
        key = "lock_dir" if kind == "host" else "state_dir"

        with pytest.raises(ConfigError, match=rf"^engine\.{key}: "):
            acquire(tmp_path)

        assert victim.read_text() == "precious"

    def test_leaves_no_descriptor_behind_when_refused(
        self, acquire: Acquire, tmp_path: Path
    ) -> None:
        """A waiting start asks again and again."""
        with acquire(tmp_path):
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                with pytest.raises(AlreadyRunning):
                    acquire(tmp_path)

            assert len(os.listdir("/proc/self/fd")) == before


class TestHostLock:
    def test_is_for_every_user_whatever_the_umask(self, tmp_path: Path) -> None:
        """Two users with the same keys exclude each other."""
        before = os.umask(0o077)
        try:
            with host(tmp_path) as lock:
                mode = lock.path.stat().st_mode & 0o777
        finally:
            os.umask(before)

        assert mode == 0o666

    def test_of_two_accounts_do_not_meet(self, tmp_path: Path) -> None:
        """One host may run several."""
        with HostLock.acquire(tmp_path, "first"), HostLock.acquire(tmp_path, "second") as second:
            assert second.is_held()

    def test_needs_a_directory_where_nobody_can_take_it_away(self, tmp_path: Path) -> None:
        """Open to all without the sticky bit, another user could replace the file."""
        tmp_path.chmod(0o777)
        with pytest.raises(ConfigError, match="sticky"):
            host(tmp_path)

        tmp_path.chmod(0o1777)
        with host(tmp_path) as lock:
            assert lock.is_held()

    def test_names_the_key_when_there_is_no_such_directory(self, tmp_path: Path) -> None:
        """One line an operator can act on; it is never made, since it must be common."""
        with pytest.raises(ConfigError, match=r"^engine\.lock_dir: '.*missing' cannot hold"):
            host(tmp_path / "missing")

    @pytest.mark.parametrize("fingerprint", ["", "../up", "a/b", "a\0b", "x" * 129])
    def test_takes_no_path_for_a_fingerprint(self, tmp_path: Path, fingerprint: str) -> None:
        """It becomes a file name."""
        with pytest.raises(ValueError, match="fingerprint"):
            HostLock.acquire(tmp_path, fingerprint)


class TestStateLock:
    def test_makes_a_private_directory(self, tmp_path: Path) -> None:
        """State is nobody else's to read."""
        with StateLock.acquire(tmp_path / "deep" / "state") as lock:
            assert lock.path.parent.stat().st_mode & 0o777 == 0o700
            assert lock.path.stat().st_mode & 0o777 == 0o600
