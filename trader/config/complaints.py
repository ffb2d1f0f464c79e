"""What is wrong with a config, one line for each thing; values that are secret are masked."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trader.config.consistency import CONFLICTS
from trader.config.rules import NOT_ALLOWED
from trader.config.settings import OWN, Key, Settings, fields, own_fields, secret_keys
from trader.credentials import MASK, Secret, mask_tokens

_MAX_LINES = 20
_MAX_VALUE = 60
_MAX_GUESSES = 3
_ALIKE_HERE = 0.6
_ALIKE_ELSEWHERE = 0.75

_NAME_ITSELF = "[key]"
"""How pydantic says that not the value but its name is wrong."""

_OTHER_KINDS = {
    "model_type": "a mapping of keys",
    "tuple_type": "a list",
    "too_short": "a list with at least 1 entry",
    "too_long": "a list with at most 50 entries",
    "missing": "a value; it has no default",
}


class Origins:
    """Where each value came from: the file, unless noted otherwise."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._noted: dict[Key, str] = {}

    def note(self, key: Key, origin: str) -> None:
        """Record that the value at ``key`` came from elsewhere."""
        self._noted[key] = origin

    def of(self, key: Key) -> str:
        """Where the value at ``key`` came from."""
        return self._noted.get(key, self._file)


def complaints(error: ValidationError, origins: Origins) -> tuple[str, ...]:
    """A line for each error, in the file's order of sections; more than 20 are cut to 20."""
    lines = [
        line for details in error.errors(include_url=False) for line in _lines(details, origins)
    ]
    return tuple(lines[:_MAX_LINES])


def _lines(details: ErrorDetails, origins: Origins) -> Iterator[str]:
    place = details["loc"]
    context = details.get("ctx", {})
    if details["type"] == "too_short" and details["input"]:
        # Only because an entry was wrong, and that has a line of its own.
        return
    if details["type"] == CONFLICTS:
        for dotted, value, allowed in context["found"]:
            yield _line(origins.of(tuple(dotted.split("."))), dotted, _value(value), allowed)
        return

    names = tuple(one for one in place if isinstance(one, str))
    origin, dotted = origins.of(names), _dotted(place)
    if place[-1:] == (_NAME_ITSELF,):
        dotted = mask_tokens(_dotted(place[:-1]))
        yield f"{origin}: {dotted}: not a name; allowed: {context['allowed']}"
        return
    if details["type"] == "extra_forbidden":
        yield f"{origin}: {mask_tokens(dotted)}: unknown key; {_suggestion(names)}"
        return
    if details["type"] == NOT_ALLOWED:
        allowed = str(context["allowed"])
    else:
        allowed = _OTHER_KINDS.get(details["type"], details["msg"])
    given = "missing" if details["type"] == "missing" else _shown(details["input"], names)
    yield _line(origin, dotted, given, allowed)


def _line(origin: str, dotted: str, given: str, allowed: str) -> str:
    return f"{origin}: {dotted} is {given}; allowed: {allowed}"


def _dotted(place: Sequence[str | int]) -> str:
    dotted = ""
    for one in place:
        dotted += f"[{one}]" if isinstance(one, int) else f".{one}" if dotted else one
    return _one_line(dotted)


def _shown(value: object, key: Key) -> str:
    # Above a secret too: a key written in place of its section must not show up here.
    if any(secret[: len(key)] == key for secret in secret_keys([_own_name(key)])):
        return "null" if value is None else MASK
    return _value(value)


def _value(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Secret():
            return MASK
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            text = repr(mask_tokens(str(value)))
        case _:
            text = mask_tokens(str(value))
    return _one_line(text)


def _one_line(text: str) -> str:
    printable = "".join(one if one.isprintable() else "?" for one in text)
    return printable if len(printable) <= _MAX_VALUE else f"{printable[: _MAX_VALUE - 1]}…"


def _suggestion(key: Key) -> str:
    known = sorted(_known(_own_name(key)))
    section, name = key[:-1], key[-1]
    siblings = {one[-1]: one for one in known if one[:-1] == section}
    names = {one[-1] for one in known}

    # The right word in the wrong section, else a slip of the finger here, else one elsewhere.
    word: str | None = name
    if name not in names:
        word = _alike(name, siblings, _ALIKE_HERE) or _alike(name, names, _ALIKE_ELSEWHERE)
    if word is None:
        return f"known here: {', '.join(siblings)}"
    meant = [siblings[word]] if word in siblings else [one for one in known if one[-1] == word]
    return f"did you mean {' or '.join('.'.join(one) for one in meant[:_MAX_GUESSES])}?"


def _alike(name: str, words: Iterable[str], cutoff: float) -> str | None:
    return next(iter(difflib.get_close_matches(name, words, n=1, cutoff=cutoff)), None)


def _own_name(key: Key) -> str:
    """The user's own venue that a key is one of; else what stands for any name."""
    return key[len(OWN)] if key[: len(OWN)] == OWN and len(key) > len(OWN) else "NAME"


def _known(own: str) -> set[Key]:
    """Every key and every section, list entries and those of the own venue named included."""
    keys = {key for key, _ in (*fields(Settings), *own_fields(own))}
    pair = {("strategy", "pairs", name) for name in ("name", "first", "second")}
    sections = {key[:depth] for key in keys for depth in range(1, len(key))}
    return keys | pair | sections
