"""Refusals of Upbit and Bithumb: what an error says of the order, decided by its name.

The HTTP status is no guide at either: Upbit mixes 401 and 403, Bithumb may refuse with a 200. It
decides only where the name is not in the venue's table, for no published list is complete.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct

from trader.domain.errors import OutcomeUnknown, VenueRejected, VenueUnavailable
from trader.execution.venue import Placement, Rejected, Throttled, Unknown
from trader.wire.budget import retry_after_s
from trader.wire.http import HttpAnswer

_T = TypeVar("_T")

NOT_OURS_TO_READ = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""All that reading somebody else's bytes may raise."""

THROTTLED_S = 1.0
"""Limits count by the second: the next one is another chance."""
BANNED_S = 120.0
"""For how long to stay away where a ban does not say how long it is."""
_LONGEST_BAN_S = 3 * 24 * 3600.0
_MAX_TEXT = 200


class Kind(StrEnum):
    """What a refusal means for what was asked."""

    REJECTED = "rejected"
    """No to this order; nothing rests on the book."""
    STALE_RULES = "stale_rules"
    """No, because tick, lot, minimum or the market's state are not what we think."""
    HALTS = "halts"
    """No to whatever we send: key, signature, permission, membership."""
    THROTTLED = "throttled"
    ABSENT = "absent"
    """No such order, so far."""
    NOT_READY = "not_ready"
    """An order that is still being accepted."""
    UNKNOWN = "unknown"
    """The order may exist all the same."""


Table = Mapping[str, Kind]


class Refusal(Struct, frozen=True):
    """The venue's own words."""

    code: str
    message: str


class _Error(Struct):
    name: str | int = ""
    message: str | None = None


class _Body(Struct):
    error: _Error | None = None


_BY_STATUS: Mapping[int, Kind] = {
    400: Kind.REJECTED,
    401: Kind.HALTS,
    403: Kind.HALTS,
    404: Kind.ABSENT,
    429: Kind.THROTTLED,
}
_read_body = msgspec.json.Decoder(_Body).decode
_UNITS_S = (0.001, 1.0, 60.0, 3600.0)
_SPAN = re.compile(
    r"(\d{1,9})\s*(?:(ms|milliseconds?)|(초|seconds?|secs?|s)|(분|minutes?|mins?)|(시간|hours?|h))"
    r"(?![a-z])",
    re.IGNORECASE,
)


def refusal_in(answer: HttpAnswer) -> Refusal | None:
    """The error an answer carries, whatever its status; None where it carries none."""
    try:
        error = _read_body(answer.body).error
    except NOT_OURS_TO_READ:
        return None
    if error is None:
        return None
    return Refusal(str(error.name)[:_MAX_TEXT], (error.message or "")[:_MAX_TEXT])


def kind_of(answer: HttpAnswer, table: Table) -> Kind | None:
    """What a refusal means; None for an answer that is none."""
    status = answer.status
    refusal = refusal_in(answer)
    if refusal is None:
        if 200 <= status < 300:
            return None
        return Kind.THROTTLED if status in (418, 429) else Kind.UNKNOWN
    if status >= 500:
        return Kind.UNKNOWN
    if status in (418, 429):
        return Kind.THROTTLED
    known = table.get(refusal.code)
    if known is not None:
        return known
    # A name may be a number: then it is the status the venue means.
    if refusal.code.isascii() and refusal.code.isdigit() and len(refusal.code) == 3:
        status = int(refusal.code)
    return _BY_STATUS.get(status, Kind.UNKNOWN)


def refused(answer: HttpAnswer, table: Table) -> Placement | None:
    """What a refusal to an order means; None for an answer that is no refusal."""
    kind = kind_of(answer, table)
    if kind is None:
        return None
    refusal = refusal_in(answer) or Refusal(f"HTTP_{answer.status}", "")
    match kind:
        case Kind.REJECTED | Kind.STALE_RULES | Kind.HALTS:
            return Rejected(
                refusal.code,
                refusal.message,
                halts=kind is Kind.HALTS,
                stale_rules=kind is Kind.STALE_RULES,
            )
        case Kind.THROTTLED if answer.status == 418:
            return Throttled(refusal.code, ban_s(answer) or BANNED_S, banned=True)
        case Kind.THROTTLED:
            return Throttled(refusal.code, max(retry_after_s(answer) or 0.0, THROTTLED_S))
        case _:
            return Unknown(f"HTTP {answer.status} {refusal.code}")


def demand(answer: HttpAnswer, table: Table, kind: type[_T]) -> _T:
    """The answer's content, where the venue gave one.

    Raises:
        VenueRejected: the venue said no, or nothing we can make sense of, to what changes nothing.
        VenueUnavailable: we asked too often; it did not look.
        OutcomeUnknown: it failed, or its answer does not decode.
    """
    refusal_kind = kind_of(answer, table)
    if refusal_kind is None:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except NOT_OURS_TO_READ as error:
            raise OutcomeUnknown(f"HTTP {answer.status}, not what was asked: {error}") from None
    refusal = refusal_in(answer) or Refusal(f"HTTP {answer.status}", "")
    what = f"{refusal.code}: {refusal.message}" if refusal.message else refusal.code
    match refusal_kind:
        case Kind.THROTTLED:
            raise VenueUnavailable(what)
        case Kind.UNKNOWN:
            raise OutcomeUnknown(f"HTTP {answer.status} {what}")
        case _:
            raise VenueRejected(what)


def ban_s(answer: HttpAnswer) -> float:
    """How long a 418 says it lasts: its header, else the first span of time in its body; or 0."""
    told = retry_after_s(answer)
    if told is not None:
        return min(told, _LONGEST_BAN_S)
    refusal = refusal_in(answer)
    # The message first: in the body as it stands its letters may be escaped.
    found = None if refusal is None else _SPAN.search(refusal.message)
    found = found or _SPAN.search(answer.body.decode("utf-8", "replace"))
    if found is None:
        return 0.0
    unit_s = next(unit for unit, text in zip(_UNITS_S, found.groups()[1:], strict=True) if text)
    return min(int(found[1]) * unit_s, _LONGEST_BAN_S)
