"""Locks that keep a second engine away: from an account on this host, and from a state directory.

The kernel frees them when the process dies, however it dies. The lock files stay.
"""

import errno
import fcntl
import os
import re
import stat
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Self

from trader.domain.errors import ConfigError, TraderError

_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OPEN_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_TRIES = 10
_MAX_PID_BYTES = 20


class AlreadyRunning(TraderError):
    """Another process holds the lock at ``path``; ``pid`` is what it wrote there, if anything."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(f"already running: {holder} holds {path}")
        self.path = path
        self.pid = pid


class _FileLock:
    """A held lock. Freed by ``release()``, as a context manager, or by the death of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        _held.add(self)

    @property
    def path(self) -> Path:
        """Where the lock is."""
        return self._path

    def is_held(self) -> bool:
        """Whether this process still holds it alone: the locked file is still the one of that name.

        Were it removed or replaced, a second engine could lock the new one. Costs microseconds.
        """
        if self._descriptor is None:
            return False
        return _is_named(self._path, self._descriptor)

    def release(self) -> None:
        """Let others have it. The file stays, since removing it would race with the next owner."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            self._forget()

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class HostLock(_FileLock):
    """The account's lock on this host, named by the fingerprint of its keys."""

    @classmethod
    def acquire(cls, lock_dir: Path, fingerprint: str) -> Self:
        """Lock the account or refuse at once.

        The file is open to every user (0666), so that processes of different users exclude each
        other; what it contains is shown, never trusted.

        Raises:
            AlreadyRunning: another process trades this account.
            ConfigError: ``engine.lock_dir`` cannot be used.
            ValueError: the fingerprint is not one.
        """
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(
                f"fingerprint {fingerprint!r} is not 1 to 128 of A-Z, a-z, 0-9, _ and -"
            )
        path = lock_dir.absolute() / f"trader-{fingerprint}.lock"
        try:
            _check_directory(lock_dir)
            return cls(path, _lock(path, 0o666))
        except OSError as error:
            raise _unusable("engine.lock_dir", lock_dir, error) from error


class StateLock(_FileLock):
    """The lock of a state directory."""

    @classmethod
    def acquire(cls, state_dir: Path) -> Self:
        """Lock the directory, which is made (0700) when it is missing, or refuse at once.

        Raises:
            AlreadyRunning: another process uses this state.
            ConfigError: ``engine.state_dir`` cannot be used.
        """
        path = state_dir.absolute() / "lock"
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(path, _lock(path, 0o600))
        except OSError as error:
            raise _unusable("engine.state_dir", state_dir, error) from error


def _check_directory(directory: Path) -> None:
    mode = directory.stat().st_mode
    if not stat.S_ISDIR(mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise OSError(
            errno.EPERM, "everybody may remove files of others there: it needs its sticky bit"
        )


def _lock(path: Path, mode: int) -> int:
    """The descriptor of the locked file, which is made if it is missing."""
    for _ in range(_MAX_TRIES):
        descriptor = _open(path, mode)
        is_ours = False
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, f"{path.name} is not a regular file")
            _lock_now(descriptor, path)
            # Somebody may have removed it between our opening and our locking.
            if _is_named(path, descriptor):
                _sign(descriptor)
                is_ours = True
                return descriptor
        finally:
            if not is_ours:
                os.close(descriptor)
    raise OSError(errno.EAGAIN, f"{path.name} was replaced {_MAX_TRIES} times")


def _open(path: Path, mode: int) -> int:
    for _ in range(_MAX_TRIES):
        # Opened before made: in a sticky directory the kernel may refuse O_CREAT on others' files.
        with suppress(FileNotFoundError):
            return os.open(path, _OPEN_FLAGS)
        with suppress(FileExistsError):
            descriptor = os.open(path, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL, mode)
            # The umask is for files nobody else needs.
            os.fchmod(descriptor, mode)
            return descriptor
    raise OSError(errno.EAGAIN, f"{path.name} came and went {_MAX_TRIES} times")


def _lock_now(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(path, _holder(descriptor)) from None


def _is_named(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except OSError:
        return False


def _sign(descriptor: int) -> None:
    # Only for the message of the next start; on a full disk the lock holds without it.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)


def _holder(descriptor: int) -> int | None:
    written = os.pread(descriptor, _MAX_PID_BYTES, 0).strip()
    return int(written) if written.isdigit() else None


def _unusable(key: str, directory: Path, error: OSError) -> ConfigError:
    if error.errno == errno.ELOOP:
        why = "the lock file there is a symbolic link"
    else:
        why = error.strerror or str(error)
    return ConfigError(
        f"{key}: {str(directory)!r} cannot hold the lock ({why});"
        " name a directory on a local disk that this user may write to"
    )


def _forget_in_child() -> None:
    # A forked child shares the lock and would keep it after our death: it closes its copy.
    for lock in list(_held):
        lock._forget()


_held: weakref.WeakSet[_FileLock] = weakref.WeakSet()
os.register_at_fork(after_in_child=_forget_in_child)
