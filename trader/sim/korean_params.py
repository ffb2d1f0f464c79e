"""What a request says and what an answer is: parameters, failures and spellings both faces share.

Pure. Every value that does not read as it must is a ``Failure`` in the venue's own words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from msgspec import Struct

from trader.sim.faults import NO_TWIST, Twist
from trader.sim.model import Account, ApiKey

_PLAIN_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")
_KOREA = timezone(timedelta(hours=9))
_NS_PER_MS = 1_000_000
_MS_PER_S = 1_000


class Failure(Exception):
    """An answer that is an error: the HTTP status, the venue's name for it, and its words."""

    def __init__(self, status: int, name: str | int, message: str):
        """Keep all three."""
        super().__init__(f"{status} {name}: {message}")
        self.status = status
        self.name = name
        self.message = message


class Answer(Struct, frozen=True):
    """What a handler answers; ``body`` becomes JSON."""

    body: object
    status: int = 200


class Params:
    """Parameters of a query string or a JSON body, which looks the same from here on."""

    def __init__(
        self,
        texts: Mapping[str, Sequence[str]],
        malformed: Callable[[str], Failure],
        body: Mapping[str, object] | None = None,
    ):
        """``malformed`` makes the venue's failure for a parameter of that name."""
        self._texts = texts
        self._malformed = malformed
        self.body = body or {}

    def has(self, name: str) -> bool:
        """Whether something was given under this name."""
        return self.text(name) is not None

    def text(self, name: str) -> str | None:
        """The last value of a name; None where there is none, or nothing but an empty one."""
        values = self._texts.get(name)
        return values[-1] or None if values else None

    def required(self, name: str) -> str:
        """The value of a name that must be given."""
        found = self.text(name)
        if found is None:
            raise self._malformed(name)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of a list, given as ``name[]`` or simply repeated."""
        return tuple(
            value for key in (f"{name}[]", name) for value in self._texts.get(key, ()) if value
        )

    def listed(self, name: str) -> tuple[str, ...]:
        """The values of a comma-separated list."""
        found = self.text(name)
        return tuple(part.strip() for part in found.split(",") if part.strip()) if found else ()

    def decimal(self, name: str) -> Decimal | None:
        """A number above zero in plain decimal notation."""
        found = self.text(name)
        if found is None:
            return None
        if _PLAIN_NUMBER.fullmatch(found) is None or not Decimal(found):
            raise self._malformed(name)
        return Decimal(found)

    def integer(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to ``most``."""
        found = self.text(name)
        if found is None:
            return default
        if not found.isdecimal() or len(found) > 9 or not 1 <= int(found) <= most:
            raise self._malformed(name)
        return int(found)

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of a few words."""
        found = self.text(name)
        if found is not None and found not in allowed:
            raise self._malformed(name)
        return found

    def moment_ns(self, name: str) -> int | None:
        """A time, in ISO 8601 (with an offset, or Korean) or as milliseconds."""
        found = self.text(name)
        if found is None:
            return None
        if found.isdecimal() and len(found) < 17:
            return int(found) * _NS_PER_MS
        try:
            # A plus sign that was not encoded arrives as a space.
            at = datetime.fromisoformat(found.replace(" ", "+"))
        except ValueError as error:
            raise self._malformed(name) from error
        if at.tzinfo is None:
            at = at.replace(tzinfo=_KOREA)
        return int(at.timestamp() * _MS_PER_S) * _NS_PER_MS


def body_params(body: Mapping[str, object], malformed: Callable[[str], Failure]) -> Params:
    """The parameters of a parsed JSON body."""
    texts: dict[str, Sequence[str]] = {}
    for name, value in body.items():
        match value:
            case str():
                texts[name] = (value,)
            case bool():
                texts[name] = ("true" if value else "false",)
            case list():
                texts[name] = tuple(inner for inner in value if isinstance(inner, str))
            case _:
                pass
    return Params(texts, malformed, body)


class Call(Struct, frozen=True):
    """A signed request of an account that may make it."""

    params: Params
    account: Account
    key: ApiKey
    now_ns: int
    twist: Twist = NO_TWIST


def plain(value: Decimal) -> str:
    """A number as text, without exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_or_none(value: Decimal | None) -> str | None:
    """The same, where there may be none."""
    return None if value is None else plain(value)


def korean_time(at_ns: int) -> str:
    """A time as Korean venues write it: whole seconds, +09:00."""
    seconds = at_ns // (_NS_PER_MS * _MS_PER_S)
    return datetime.fromtimestamp(seconds, _KOREA).isoformat()


def utc_date(at_ns: int) -> datetime:
    """A time as a date in UTC."""
    return datetime.fromtimestamp(at_ns // (_NS_PER_MS * _MS_PER_S), UTC)


def korean_date(at_ns: int) -> datetime:
    """A time as a date in Korea."""
    return utc_date(at_ns).astimezone(_KOREA)


def in_ms(at_ns: int) -> int:
    """Nanoseconds as milliseconds."""
    return at_ns // _NS_PER_MS
