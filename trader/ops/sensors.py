"""What can be sensed on this host: confirm file, halt file, env flag, disk, clock steps, loop lag.

Sensors report, they do not judge; none raises, since what cannot be sensed is an answer too.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

ENV_FLAG = "LIVE_TRADING"

_NS_PER_MS = 1_000_000
_BYTES_PER_MB = 1_000_000
_LOOK_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class ConfirmState(StrEnum):
    """How the confirm file stands."""

    ABSENT = "absent"
    STANDING = "standing"
    UNSAFE = "unsafe"
    """Something is there that somebody else may have put there; ``reason`` says what is wrong."""
    UNREADABLE = "unreadable"
    """It cannot be looked at, which counts as tampered with."""


class ConfirmFile(Struct, frozen=True):
    """One look at the confirm file. The marks are zero where nothing has its name."""

    state: ConfirmState
    reason: str = ""
    device: int = 0
    inode: int = 0
    ctime_ns: int = 0
    mtime_ns: int = 0


_ABSENT = ConfirmFile(ConfirmState.ABSENT)


def look_at_confirm_file(path: str | os.PathLike[str]) -> ConfirmFile:
    """Look at the confirm file by its name in the working directory, without following links.

    It stands when it is a regular file with one link, owned by this user or root, and nobody else
    may write to it; its content does not matter. Fast enough for the order path, and never raises.
    """
    try:
        descriptor = os.open(path, _LOOK_FLAGS)
    except OSError as error:
        return _not_opened(path, error)
    except ValueError as error:
        return ConfirmFile(ConfirmState.UNREADABLE, str(error))
    try:
        # Of what was opened, not of the name: the file cannot be swapped between the two.
        found = os.fstat(descriptor)
    except OSError as error:
        return ConfirmFile(ConfirmState.UNREADABLE, os.strerror(error.errno or 0))
    finally:
        os.close(descriptor)
    reason = _what_is_unsafe(found)
    return ConfirmFile(
        state=ConfirmState.UNSAFE if reason else ConfirmState.STANDING,
        reason=reason,
        device=found.st_dev,
        inode=found.st_ino,
        ctime_ns=found.st_ctime_ns,
        mtime_ns=found.st_mtime_ns,
    )


def halt_file_present(path: str | os.PathLike[str]) -> bool:
    """Whether anything has this name; what cannot be looked at counts as present."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


def env_flag(environ: Mapping[str, str]) -> bool:
    """Whether the process was started with ``LIVE_TRADING`` exactly ``1``.

    Ask once, at process start, with ``os.environ``, and keep the answer.
    """
    return environ.get(ENV_FLAG) == "1"


def env_flag_at_start() -> bool:
    """The same of this very process, whatever was set in it since, as far as the system tells.

    Linux keeps the environment a process was given; elsewhere ``os.environ`` must do.
    """
    if not env_flag(os.environ):
        return False
    try:
        given = Path("/proc/self/environ").read_bytes()
    except OSError:
        return True
    return f"{ENV_FLAG}=1".encode() in given.split(b"\0")


def disk_free_mb(path: str | os.PathLike[str]) -> float | None:
    """Free space for this user on the disk of ``path``, in megabytes (10^6); None if not known."""
    try:
        found = os.statvfs(path)
    except (OSError, ValueError):
        return None
    return found.f_bavail * found.f_frsize / _BYTES_PER_MB


class ClockWatch:
    """Notices steps of the wall clock by comparing it with the monotonic clock from look to look.

    Steering by NTP moves them apart by at most 0.05 % and is no step; a machine that slept is one.
    """

    _STEERING = 0.0005

    def __init__(self, *, tolerance_ms: float) -> None:
        """``tolerance_ms`` is the difference between two looks that is still no step."""
        self._tolerance_ms = tolerance_ms
        self._last: tuple[int, int] | None = None

    def step_ms(self, at_ns: int, mono_ns: int) -> float:
        """How far the wall clock stepped since the last look, signed, in ms; 0.0 if it did not.

        ``at_ns`` and ``mono_ns`` must be read at the same instant. The first look has nothing to
        compare with.
        """
        last, self._last = self._last, (at_ns, mono_ns)
        if last is None:
            return 0.0
        elapsed_ms = (mono_ns - last[1]) / _NS_PER_MS
        step_ms = (at_ns - last[0] - (mono_ns - last[1])) / _NS_PER_MS
        allowed_ms = self._tolerance_ms + abs(elapsed_ms) * self._STEERING
        return step_ms if abs(step_ms) > allowed_ms else 0.0


class LoopLag:
    """Measures how late the event loop calls back, by a timer that is always due soon."""

    def __init__(self, *, interval_s: float) -> None:
        self._interval_s = interval_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._last_ms: float | None = None
        self._worst_ms = 0.0

    def start(self) -> None:
        """Begin measuring the running loop."""
        self._loop = asyncio.get_running_loop()
        self._schedule(self._loop)

    def stop(self) -> None:
        """Stop measuring; what was measured is forgotten, so that it cannot pass for news."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = self._last_ms = None

    def lag_ms(self) -> float | None:
        """The lag now: of the last call back, or of the one overdue at this moment if longer.

        None before the first call back and when stopped.
        """
        if self._loop is None or self._last_ms is None:
            return None
        return max(self._last_ms, self._overdue_ms(self._loop))

    def take_worst_ms(self) -> float:
        """The worst lag since this was last asked; counting starts anew."""
        overdue_ms = 0.0 if self._loop is None else self._overdue_ms(self._loop)
        worst_ms, self._worst_ms = max(self._worst_ms, overdue_ms), 0.0
        return worst_ms

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + self._interval_s
        self._timer = loop.call_at(self._due_s, self._called_back, loop)

    def _called_back(self, loop: asyncio.AbstractEventLoop) -> None:
        self._last_ms = self._overdue_ms(loop)
        self._worst_ms = max(self._worst_ms, self._last_ms)
        self._schedule(loop)

    def _overdue_ms(self, loop: asyncio.AbstractEventLoop) -> float:
        return max(0.0, loop.time() - self._due_s) * 1_000.0


def _not_opened(path: str | os.PathLike[str], error: OSError) -> ConfirmFile:
    """What can be said of a file that would not open, with its marks where it has any.

    A latch records them too, so that mending its mode later is not taken for a touch.
    """
    if error.errno == errno.ENOENT:
        return _ABSENT
    state, reason = ConfirmState.UNREADABLE, os.strerror(error.errno or 0)
    if error.errno == errno.ELOOP:
        state, reason = ConfirmState.UNSAFE, "it is a symbolic link"
    elif error.errno == errno.ENXIO:
        state, reason = ConfirmState.UNSAFE, "it is not a regular file"
    try:
        found = os.lstat(path)
    except OSError:
        return ConfirmFile(state, reason)
    return ConfirmFile(
        state, reason, found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns
    )


def _what_is_unsafe(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file"
    if found.st_nlink != 1:
        return f"it has {found.st_nlink} links"
    if found.st_uid not in (0, os.geteuid()):
        return f"its owner is user {found.st_uid}"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"others may write to it (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""
