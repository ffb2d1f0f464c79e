"""What Binance's refusals mean, as data: is there an order, may there be one, when to ask again.

Source: the venue's error codes as the fact sheet gives them. A code that stands in no table here
says nothing about whether an order exists.
"""

from collections.abc import Mapping
from enum import Enum, auto

import msgspec
from msgspec import Struct

from trader.domain.errors import OutcomeUnknown, VenueError, VenueRejected
from trader.execution.venue import Rejected, Throttled, Unknown
from trader.wire.budget import retry_after_s
from trader.wire.http import HttpAnswer

NO_SUCH_ORDER = -2013
REJECTED_BY_ENGINE = -2010

_TOO_MANY = 429
_BANNED = 418
_SERVER_ERROR = 500
_BAN_S = 120.0
_WEIGHT_WINDOW_S = 60.0
_ORDER_WINDOW_S = 10.0
_OVERLOADED_S = 1.0
_LONGEST_WAIT_S = 4 * 24 * 3600.0
_MAX_MESSAGE = 200


class Fate(Enum):
    """What became of the request."""

    REFUSED = auto()
    """Nothing was executed and nothing rests."""
    THROTTLED = auto()
    """Nobody looked at it."""
    UNKNOWN = auto()
    """It may have been executed."""


class Meaning(Struct, frozen=True):
    """What a code says. ``wait_s`` is how long to wait where the answer itself does not tell."""

    fate: Fate
    halts: bool = False
    stale_rules: bool = False
    wait_s: float = 0.0


_REFUSED = Meaning(Fate.REFUSED)
_STALE = Meaning(Fate.REFUSED, stale_rules=True)
_HALTS = Meaning(Fate.REFUSED, halts=True)
_UNKNOWN = Meaning(Fate.UNKNOWN)

CODES: Mapping[int, Meaning] = {
    -1000: _UNKNOWN,  # unknown error
    -1001: _UNKNOWN,  # disconnected inside the venue
    -1002: _HALTS,  # unauthorized
    -1003: Meaning(Fate.THROTTLED, wait_s=_WEIGHT_WINDOW_S),  # too much request weight
    -1006: _UNKNOWN,  # unexpected response inside the venue
    -1007: _UNKNOWN,  # timeout inside the venue
    -1008: Meaning(Fate.THROTTLED, wait_s=_OVERLOADED_S),  # overloaded, not accepted
    -1013: _STALE,  # a filter, before the matching engine
    -1015: Meaning(Fate.THROTTLED, wait_s=_ORDER_WINDOW_S),  # too many unfilled orders
    -1016: _UNKNOWN,  # shutting down
    # Outside recvWindow: our clock or the way there is at fault, and nothing was executed.
    -1021: _STALE,
    -1022: _HALTS,  # signature
    -1034: Meaning(Fate.THROTTLED, wait_s=_WEIGHT_WINDOW_S),  # too many connections
    # -1100 to -1130 are malformed parameters: our fault, before the matching engine.
    **dict.fromkeys(range(-1130, -1099), _REFUSED),
    -1111: _STALE,  # more decimals than the symbol takes
    -1121: _STALE,  # no such symbol
    REJECTED_BY_ENGINE: _REFUSED,
    -2011: _REFUSED,  # a cancel of what is not open
    NO_SUCH_ORDER: _REFUSED,
    -2014: _HALTS,  # form of the key
    -2015: _HALTS,  # key, address or permission
    -2026: _REFUSED,  # unfilled, over and archived
}

ENGINE_SAYS: tuple[tuple[str, Meaning], ...] = (
    # An order with this id is open, whoever placed it: to be looked up, never to be forgotten.
    ("Duplicate order sent", _UNKNOWN),
    ("Market is closed", _STALE),
    ("This symbol is not permitted for this account", _STALE),
    ("This symbol is restricted for this account", _STALE),
    ("This action is disabled on this account", _HALTS),
    ("This account may not place or cancel orders", _HALTS),
    ("Rest API trading is not enabled", _HALTS),
)
"""How messages of -2010 begin that say more than the code; any other is a plain rejection."""


class _Error(Struct):
    code: int
    msg: str = ""


_errors = msgspec.json.Decoder(_Error)


def refusal_of(answer: HttpAnswer) -> Rejected | Throttled | Unknown:
    """What an answer that is no success means for a request that may change something."""
    error = _error_in(answer)
    meaning = _meaning_of(answer.status, error)
    code = str(answer.status if error is None else error.code)
    message = "" if error is None else one_line(error.msg)
    match meaning.fate:
        case Fate.REFUSED:
            return Rejected(code, message, meaning.halts, meaning.stale_rules)
        case Fate.THROTTLED:
            return Throttled(code, _wait_s(answer, meaning), answer.status == _BANNED)
        case Fate.UNKNOWN:
            return Unknown(f"{answer.status} {code} {message}".strip())


def fault_of(what: str, answer: HttpAnswer) -> VenueError:
    """The exception that an answer which is no success is to who asked for ``what``."""
    match refusal_of(answer):
        case Rejected(code, message):
            return VenueRejected(f"binance {what}: {code} {message}".strip())
        case Throttled(code, wait_s):
            return VenueRejected(f"binance {what}: {code}, not before {wait_s:.0f} s")
        case Unknown(reason):
            return OutcomeUnknown(f"binance {what}: {reason}")


def code_of(answer: HttpAnswer) -> int | None:
    """The venue's own code of a refusal; None where the answer carries none, or is a 5xx."""
    error = _error_in(answer)
    return None if error is None or answer.status >= _SERVER_ERROR else error.code


def one_line(text: str) -> str:
    """What a venue wrote, fit for a message."""
    return "".join(char if char.isprintable() else " " for char in text[:_MAX_MESSAGE])


def _meaning_of(status: int, error: _Error | None) -> Meaning:
    if status in (_TOO_MANY, _BANNED):
        known = CODES.get(error.code, _UNKNOWN) if error is not None else _UNKNOWN
        if known.fate is Fate.THROTTLED and status != _BANNED:
            return known
        return Meaning(Fate.THROTTLED, wait_s=_BAN_S if status == _BANNED else _WEIGHT_WINDOW_S)
    if error is None:
        return _UNKNOWN
    meaning = CODES.get(error.code, _UNKNOWN)
    if meaning.fate is Fate.THROTTLED:
        return meaning
    # A 5xx is unknown whatever it says; a success that carries a code is nothing we know.
    if not 400 <= status < _SERVER_ERROR:
        return _UNKNOWN
    if error.code == REJECTED_BY_ENGINE:
        for beginning, special in ENGINE_SAYS:
            if error.msg.casefold().startswith(beginning.casefold()):
                return special
    return meaning


def _wait_s(answer: HttpAnswer, meaning: Meaning) -> float:
    told_s = retry_after_s(answer)
    return min(meaning.wait_s if told_s is None else told_s, _LONGEST_WAIT_S)


def _error_in(answer: HttpAnswer) -> _Error | None:
    try:
        return _errors.decode(answer.body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
