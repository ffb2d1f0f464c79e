"""The virtual environment of the clients that no one here wrote, made on first use.

Their pins clash with ours, so they live beside the test environment and never in it. It is
complete when it holds a copy of the lock it was made from; the copy is written last.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "clients.lock"
HOME = ROOT / ".venv-clients"
_STAMP = "made-from-clients.lock"
_WITHIN_S = 300.0
"""How long the packages may take to come; beyond it the tests are skipped."""


class ClientsNotHad(RuntimeError):
    """The packages cannot be installed on this host, or not in time; the message says why."""


def client_python(home: Path = HOME, lock: Path = LOCK, within_s: float = _WITHIN_S) -> Path:
    """The interpreter that has the packages of ``lock``. Two that ask at once wait for each other.

    Raises:
        ClientsNotHad: there is no such interpreter and none could be made.
    """
    python = home / "bin" / "python"
    if _is_complete(home, lock):
        return python
    with _alone(home):
        if not _is_complete(home, lock):
            _make(home, lock, within_s)
    return python


def _is_complete(home: Path, lock: Path) -> bool:
    stamp = home / _STAMP
    has_python = os.access(home / "bin" / "python", os.X_OK)
    return has_python and stamp.exists() and stamp.read_bytes() == lock.read_bytes()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock file beside ``home``; whoever holds it gives up after a bounded time."""
    with home.with_name(f"{home.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _make(home: Path, lock: Path, within_s: float) -> None:
    shutil.rmtree(home, ignore_errors=True)
    try:
        venv.create(home, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClientsNotHad(f"no virtual environment can be made here: {error}") from error
    # Linters look into directories that no repository ignores, as in an unpacked archive.
    (home / ".ignore").write_text("*\n")
    # Wheels only: building from source would run code that no hash vouches for.
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "-qq", "--no-input"]
    command += ["--disable-pip-version-check", "--require-hashes", "--no-deps", "--retries", "1"]
    command += ["--only-binary", ":all:", "-r", str(lock)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            env={**os.environ, "PIP_USER": "0"},
        )
    except subprocess.TimeoutExpired as error:
        raise ClientsNotHad(f"the packages did not come within {within_s:.0f} s") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise ClientsNotHad(f"pip could not install them on {sys.version.split()[0]}: {last[0]}")
    shutil.copyfile(lock, home / _STAMP)
