"""Authority: what people permit, as a durable record. The transitions are in ``risk.authority``."""

from enum import IntEnum

from msgspec import Struct


class Level(IntEnum):
    """What is permitted; comparable, lowest first."""

    HALT = 0
    PAPER = 1
    LIVE = 2


class FileMark(Struct, frozen=True):
    """What tells one touch of the confirm file from another."""

    device: int
    inode: int
    ctime_ns: int
    mtime_ns: int


class Latch(Struct, frozen=True):
    """Why, by whom and when authority was lowered, and the confirm file as it was then.

    ``seen`` is None where the file was absent. Of one that is not to be trusted it is the mark all
    the same: mending its mode later is no touch.
    """

    reason: str
    who: str
    at_ns: int
    seen: FileMark | None


class Authority(Struct, frozen=True):
    """The durable record. ``revision`` rises with every change; a resume names the one it answers.

    ``nothing_goes`` is a halt that forbids even the unwinding of a half-filled trade (``/halt
    now``). ``used_up`` says that the newest touch of the file came too early and does not arm.
    """

    level: Level = Level.PAPER
    revision: int = 0
    latch: Latch | None = None
    nothing_goes: bool = False
    used_up: bool = False


UNSEEN = FileMark(0, 0, 0, 0)
"""Stands for a file that is there and whose times could not be read at all."""

HALT_LIFTED = "HALT_LIFTED"
"""The reason of the latch that lifting a halt leaves behind."""

UNREADABLE = Authority(Level.HALT, 0, Latch("STORE_UNREADABLE", "host", 0, None))
"""What a store that cannot be read stands for."""


class Sight(Struct, frozen=True):
    """What is found on the host: the confirm file's mark, None where it is absent, and the rest.

    ``stands`` says that the file is one to be trusted; a mark is recorded of any other, too, so
    that mending its mode is not taken for a touch.
    """

    at_ns: int
    mark: FileMark | None
    stands: bool = True
    halt_file: bool = False
