"""Secrets, from where an operator may keep them: environment, ``*_FILE``, systemd credentials.

Imports nothing of the program, so config and alerts may both use it. A ``.env`` file is never read:
what the process was started with is all there is.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

MASK = "***"

_MAX_SECRET_BYTES = 65_536
_SYSTEMD_DIRECTORY = "CREDENTIALS_DIRECTORY"
_BOT_TOKEN = re.compile(r"\d{5,}:[A-Za-z0-9_-]{16,}")


class CredentialError(Exception):
    """What should hold a secret is of no use; one line that names it and never its content."""


class Secret:
    """Text that no log, traceback, message or ``repr`` may show. Empty is unset, and false."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for a signature or a request, never for a message."""
        return self._text

    def fingerprint(self) -> str:
        """Sixteen hex digits that name the secret without telling it: for locks, attestations."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str, ...]]:
        # A pickle would carry the text into other processes and files.
        raise TypeError("a Secret is not pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        memo[id(self)] = self
        return self


class Credentials:
    """Reads secrets by name from a mapping like ``os.environ`` and the files it points to."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, name: str) -> Secret | None:
        """The secret called ``name``, whitespace stripped; ``None`` when no source has it.

        Looked for as the variable ``name``, in the file that ``name_FILE`` points to, and in
        systemd's ``$CREDENTIALS_DIRECTORY``, spelled the same or in lower case. An empty variable
        counts as not set; an empty file does not, since somebody pointed at it.

        Raises:
            CredentialError: a file that was pointed at, or is there, cannot be read or is empty;
                or the variable is no text.
        """
        value = self._environ.get(name, "").strip()
        if value:
            return Secret(_encodable(value, name))

        pointed_at = self._environ.get(f"{name}_FILE", "").strip()
        if pointed_at:
            return _from_file(Path(pointed_at), f"{name}_FILE")

        directory = self._environ.get(_SYSTEMD_DIRECTORY, "").strip()
        if directory:
            for spelling in (name, name.lower()):
                path = Path(directory) / spelling
                if path.is_symlink() or path.exists():
                    return _from_file(path, name)
        return None


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file of at most ``max_bytes``; never waits on a pipe or a device.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger; ``strerror`` says which.
    """
    # Without O_NONBLOCK, opening a pipe nobody writes to would hang the start for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"larger than {max_bytes} bytes")
    return content


def mask_tokens(text: str) -> str:
    """``text`` with everything that looks like a Telegram bot token masked."""
    return _BOT_TOKEN.sub(MASK, text)


def shown_path(path: Path) -> str:
    """``path`` fit for a message: one line, and masked should a secret stand in its place."""
    text = mask_tokens(str(path))
    return text if text.isprintable() else repr(text)


def _encodable(value: str, source: str) -> str:
    # Bytes of the environment that are no UTF-8 would only fail later, while signing.
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CredentialError(f"{source}: not UTF-8 text") from None
    return value


def _from_file(path: Path, source: str) -> Secret:
    try:
        text = read_bounded(path, _MAX_SECRET_BYTES).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        # Not chained: the decoder's error carries the bytes of the secret.
        raise CredentialError(f"{source}: {shown_path(path)}: not UTF-8 text") from None
    except ValueError:
        raise CredentialError(f"{source}: {shown_path(path)}: not a path") from None
    except OSError as error:
        raise CredentialError(f"{source}: {shown_path(path)}: {error.strerror}") from error
    if not text:
        raise CredentialError(f"{source}: {shown_path(path)}: empty")
    return Secret(text)
