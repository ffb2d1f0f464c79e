"""Rules: what one key accepts, and the words that say so in an error and in ``config/live.yml``.

Every rule is strict: a value of another type is refused, never converted. Only exact money may be
written as an integer, a decimal or a quoted decimal.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Never, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from trader.credentials import Secret

NOT_ALLOWED = "not_allowed"
"""The type of the one error a rule raises; its context holds what is allowed."""

_DECIMAL = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_MAX_TEXT = 2_000
# A key in PEM form fits, however many bits it has.
_MAX_SECRET = 65_536
_MAX_DEPTH = 8

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a key is read, and what it allows. ``read`` raises ``ValueError`` for anything else.

    With ``freeze`` the value holds more rules: it is read by them afterwards, and then frozen.
    """

    read: Callable[[object], object]
    allowed: str
    freeze: Callable[[object], object] | None = None

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The hook by which pydantic finds the rule in an annotation."""
        if self.freeze is None:
            return core_schema.no_info_plain_validator_function(self.check)
        inner = core_schema.no_info_before_validator_function(self.check, handler(source))
        # Frozen, it is no longer of the type that pydantic would expect when it is written out.
        thawed = core_schema.plain_serializer_function_ser_schema(dict)
        return core_schema.no_info_after_validator_function(
            self.freeze, inner, serialization=thawed
        )

    def check(self, value: object) -> object:
        """The value as the program uses it.

        Raises:
            PydanticCustomError: of type ``not_allowed``.
        """
        try:
            return self.read(value)
        except (ValueError, ArithmeticError):
            # Not chained: a library's message may repeat the value, and the value may be secret.
            raise PydanticCustomError(
                NOT_ALLOWED, "allowed: {allowed}", {"allowed": self.allowed}
            ) from None


def exact(unit: str, low: str, high: str, *, above: bool = False, below: bool = False) -> Rule:
    """A ``Decimal`` from ``low`` to ``high``; ``above`` and ``below`` leave the bound out."""
    least, most = Decimal(low), Decimal(high)

    def read(value: object) -> Decimal:
        number = _decimal(value)
        _demand(least < number if above else least <= number)
        _demand(number < most if below else number <= most)
        return number

    return Rule(read, f"{unit}, {_bounds(low, high, above=above, below=below)}")


def duration(unit: str, low: str, high: str, *, above: bool = False) -> Rule:
    """A ``float`` of time in ``unit``, in bounds like those of ``exact``."""
    inner = exact(unit, low, high, above=above)

    def read(value: object) -> float:
        _demand(not isinstance(value, str))
        return float(str(inner.read(value)))

    return Rule(read, inner.allowed)


def whole(unit: str, low: int, high: int) -> Rule:
    """An ``int`` from ``low`` to ``high``; 1.0 and true are none."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            return _refuse()
        _demand(low <= value <= high)
        return value

    return Rule(read, f"{unit}, {_bounds(str(low), str(high))}")


def flag() -> Rule:
    """A ``bool``; yes, on and 1 are none."""

    def read(value: object) -> bool:
        _demand(isinstance(value, bool))
        return value is True

    return Rule(read, "true or false")


def choice(*words: str) -> Rule:
    """One of ``words``, spelled exactly so."""

    def read(value: object) -> str:
        return next(word for word in words if word == value) if value in words else _refuse()

    return Rule(read, f"{', '.join(words[:-1])} or {words[-1]}")


def member(kind: type[_Choice]) -> Rule:
    """One of the words of an enumeration."""
    words = choice(*(str(one) for one in kind))
    return Rule(lambda value: kind(str(words.read(value))), words.allowed)


def text(pattern: str, allowed: str) -> Rule:
    """A printable string that matches ``pattern`` whole."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        found = _text(value)
        _demand(found.isprintable() and compiled.fullmatch(found) is not None)
        return found

    return Rule(read, allowed)


def dotted_path() -> Rule:
    """The place of a class that can be imported."""
    return text(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", "a dotted path to a class, such as module.Class")


def secret(allowed: str, *schemes: str, pattern: str = r"(?s).*") -> Rule:
    """A ``Secret``; with ``schemes``, one that is a URL. Empty and null mean not set."""
    compiled = re.compile(pattern)

    def read(value: object) -> Secret:
        if isinstance(value, Secret):
            value = value.reveal()
        if value is None:
            return Secret()
        found = _text(value, _MAX_SECRET).strip()
        if found and schemes:
            _url(found, schemes)
        _demand(not found or compiled.fullmatch(found) is not None)
        return Secret(found)

    return Rule(read, f"{allowed}, or empty")


def web_address(*schemes: str) -> Rule:
    """A URL with a host and one of ``schemes``, without user or password; a last slash is cut."""

    def read(value: object) -> str:
        found = _text(value)
        _url(found, schemes)
        _demand("@" not in found and "?" not in found and "#" not in found)
        return found.rstrip("/")

    return Rule(read, f"a URL that begins {' or '.join(f'{one}://' for one in schemes)}")


def optional(rule: Rule) -> Rule:
    """What ``rule`` allows, or ``None``, written null or as an empty string."""

    def read(value: object) -> object:
        return None if value is None or value == "" else rule.read(value)

    return Rule(read, f"{rule.allowed}, or null")


def many(rule: Rule, most: int) -> Rule:
    """A tuple of 1 to ``most`` different values, each allowed by ``rule``."""

    def read(value: object) -> tuple[object, ...]:
        if not isinstance(value, list | tuple):
            return _refuse()
        found = tuple(rule.read(one) for one in value)
        _demand(0 < len(found) <= most and len(set(found)) == len(found))
        return found

    return Rule(read, f"a list of 1 to {most}, each {rule.allowed}")


def chat_number() -> Rule:
    """A Telegram chat's number as text, from a number or a string; empty means not set."""

    def read(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        found = _text(value).strip()
        _demand(not found or re.fullmatch(r"-?[1-9][0-9]{0,18}", found) is not None)
        return found

    return Rule(read, "a chat's number (a group's begins with -), or empty")


def moment() -> Rule:
    """An aware ``datetime`` from ISO 8601 with an offset."""

    def read(value: object) -> datetime:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
        _demand(found.tzinfo is not None and 2000 <= found.year < 2100)
        return found

    return Rule(read, "ISO 8601 with an offset, from the years 2000 to 2099")


def time_zone() -> Rule:
    """The name of a time zone this host knows."""

    def read(value: object) -> str:
        found = _text(value)
        try:
            return ZoneInfo(found).key
        except (KeyError, OSError):
            return _refuse()

    return Rule(read, "the name of a time zone, such as Asia/Seoul or UTC")


def plain_mapping() -> Rule:
    """A mapping of names to plain values, made read-only all the way down."""

    def read(value: object) -> object:
        _demand(isinstance(value, Mapping))
        return _frozen(value, _MAX_DEPTH)

    return Rule(read, "a mapping of names to plain values")


def named_sections() -> Rule:
    """A read-only mapping of names to sections, each of which has rules of its own."""

    def read(value: object) -> object:
        _demand(isinstance(value, Mapping))
        return value

    return Rule(read, "a mapping of names to sections", freeze=_read_only)


def _read_only(value: object) -> object:
    return MappingProxyType(value) if isinstance(value, dict) else _refuse()


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        found = value
    elif isinstance(value, bool):
        return _refuse()
    elif isinstance(value, int):
        found = Decimal(value)
    elif isinstance(value, float) and math.isfinite(value):
        # The shortest decimal that is this float is what the operator wrote.
        found = Decimal(repr(value))
    elif isinstance(value, str) and len(value) <= _MAX_TEXT and _DECIMAL.fullmatch(value):
        found = Decimal(value)
    else:
        return _refuse()
    _demand(found.is_finite())
    # Minus zero is within many bounds, and nobody means it.
    return found if found else found.copy_abs()


def _text(value: object, most: int = _MAX_TEXT) -> str:
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        return _refuse()
    return value


def _url(value: str, schemes: tuple[str, ...]) -> None:
    parts = urlsplit(value)
    _demand(parts.scheme in schemes and bool(parts.hostname) and parts.port != 0)
    _demand(value.isprintable() and " " not in value)


def _frozen(value: object, depth: int) -> object:
    _demand(depth > 0)
    if isinstance(value, Mapping):
        _demand(all(isinstance(key, str) for key in value))
        return MappingProxyType({key: _frozen(one, depth - 1) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_frozen(one, depth - 1) for one in value)
    if isinstance(value, float):
        _demand(math.isfinite(value))
    return value if isinstance(value, str | int | float | None) else _refuse()


def _bounds(low: str, high: str, *, above: bool = False, below: bool = False) -> str:
    return f"{'above' if above else 'from'} {low} {'to below' if below else 'to'} {high}"


def _demand(condition: bool) -> None:
    if not condition:
        _refuse()


def _refuse() -> Never:
    raise ValueError
