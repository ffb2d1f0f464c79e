"""What follows a control's name, read: durations, scopes, reasons. Pure."""

import re

from msgspec import Struct

MAX_PAUSE_S = 30 * 86_400
MAX_MUTE_S = 7 * 86_400
MAX_REASON_CHARS = 200

_DURATION = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
_UNITS_S = (86_400, 3_600, 60, 1)
_NOW = frozenset({"now", "즉시", "지금"})
_SCOPE = re.compile(r"[^\W\d][\w.:/-]{0,63}")


class PauseAsked(Struct, frozen=True):
    """A scope, empty for everything, and for how long; 0 without an end."""

    scope: str = ""
    seconds: int = 0


class HaltAsked(Struct, frozen=True):
    """Whether even a half-filled trade stays as it is, and the reason given."""

    now: bool = False
    reason: str = ""


def duration_s(text: str, most_s: int) -> int | None:
    """The seconds that ``90s``, ``30m``, ``2h`` or ``1h30m`` say; None for anything else.

    Nothing at all, and more than ``most_s``, is no duration.
    """
    found = _DURATION.fullmatch(text.lower())
    if found is None:
        return None
    seconds = sum(
        int(digits or 0) * unit for digits, unit in zip(found.groups(), _UNITS_S, strict=True)
    )
    return seconds if 0 < seconds <= most_s else None


def pause_asked(args: tuple[str, ...]) -> PauseAsked | None:
    """At most one scope and at most one time, in either order; None for anything else."""
    scopes, times = [], []
    for word in args:
        seconds = duration_s(word, MAX_PAUSE_S)
        if seconds is not None:
            times.append(seconds)
        elif _SCOPE.fullmatch(word):
            scopes.append(word)
        else:
            return None
    if len(scopes) > 1 or len(times) > 1:
        return None
    return PauseAsked(scopes[0] if scopes else "", times[0] if times else 0)


def scope_asked(args: tuple[str, ...]) -> str | None:
    """One scope, empty for everything; None for anything else."""
    if not args:
        return ""
    return args[0] if len(args) == 1 and _SCOPE.fullmatch(args[0]) else None


def halt_asked(args: tuple[str, ...]) -> HaltAsked:
    """A halt understands everything: what is not ``now`` is its reason."""
    is_now = bool(args) and args[0].lower() in _NOW
    reason = " ".join(args[1:] if is_now else args)
    return HaltAsked(is_now, reason[:MAX_REASON_CHARS])


def id_asked(args: tuple[str, ...]) -> int | None:
    """The number of an alert, with or without its sign; None for anything else."""
    text = args[0].removeprefix("#") if len(args) == 1 else ""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 15
    return int(text) if is_number else None
