"""What does a socket ask for? The request arrays Upbit and Bithumb share, read as they read them.

Pure. Source: exchange fact sheet 1.7 and 2.7.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

ORDERBOOK = "orderbook"
TRADE = "trade"
TICKER = "ticker"
MY_ORDER = "myOrder"
MY_ASSET = "myAsset"
ANNOUNCEMENT = "announcement"

PUBLIC_TYPES = frozenset((TICKER, TRADE, ORDERBOOK))
PRIVATE_TYPES = frozenset((MY_ORDER, MY_ASSET))

LIST_SUBSCRIPTIONS = "LIST_SUBSCRIPTIONS"
_DEPTHS = frozenset((1, 5, 15, 30))
_MOST_DEPTH = 30
_LEVEL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


class WrongRequest(Exception):
    """A request the venue answers with an error frame; ``name`` is the venue's."""

    def __init__(self, name: str, message: str):
        """Keep the venue's name and words."""
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Format(StrEnum):
    """How messages are wrapped and their fields named."""

    DEFAULT = "DEFAULT"
    SIMPLE = "SIMPLE"
    JSON_LIST = "JSON_LIST"
    SIMPLE_LIST = "SIMPLE_LIST"

    @property
    def is_simple(self) -> bool:
        """Whether fields go by their short names."""
        return self in (Format.SIMPLE, Format.SIMPLE_LIST)

    @property
    def is_list(self) -> bool:
        """Whether each message is the only element of a list."""
        return self in (Format.JSON_LIST, Format.SIMPLE_LIST)


class Wanted(Struct, frozen=True):
    """One subscription: a type for one code, or for every code where that is None.

    ``depth`` is how many levels of an order book, ``level`` the size prices are grouped by.
    """

    type: str
    code: str | None
    snapshot: bool = True
    realtime: bool = True
    depth: int = _MOST_DEPTH
    level: str = "0"
    asked: str = ""


class StreamRequest(Struct, frozen=True):
    """A request array: the whole new set of subscriptions, or a question about the old one."""

    ticket: str
    wanted: tuple[Wanted, ...] = ()
    format: Format = Format.DEFAULT
    method: str = ""


def read_request(frame: str | bytes, types: frozenset[str]) -> StreamRequest:
    """Read a request of a socket that serves these types.

    Raises:
        WrongRequest: the venue would refuse it.
    """
    try:
        parts = msgspec.json.decode(frame, type=list[dict[str, object]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongRequest("WRONG_FORMAT", "잘못된 형식입니다.") from error
    ticket = next((part["ticket"] for part in parts if "ticket" in part), None)
    if not isinstance(ticket, str) or not ticket:
        raise WrongRequest("NO_TICKET", "티켓이 존재하지 않거나 유효하지 않습니다.")
    method = next((part["method"] for part in parts if "method" in part), None)
    if method is not None:
        if method != LIST_SUBSCRIPTIONS:
            raise WrongRequest("WRONG_FORMAT", "지원하지 않는 method 입니다.")
        return StreamRequest(ticket=ticket, method=LIST_SUBSCRIPTIONS)
    typed = [part for part in parts if "type" in part]
    if not typed:
        raise WrongRequest("NO_TYPE", "type 필드가 존재하지 않습니다.")
    wanted = tuple(one for part in typed for one in _wanted(part, types))
    return StreamRequest(ticket=ticket, wanted=wanted, format=_format(parts))


def _format(parts: list[dict[str, object]]) -> Format:
    found = next((part["format"] for part in parts if "format" in part), Format.DEFAULT)
    try:
        return Format(str(found))
    except ValueError as error:
        raise WrongRequest("WRONG_FORMAT", "지원하지 않는 format 입니다.") from error


def _wanted(part: Mapping[str, object], types: frozenset[str]) -> list[Wanted]:
    kind = part["type"]
    if not isinstance(kind, str) or kind not in types:
        raise WrongRequest("WRONG_FORMAT", "지원하지 않는 type 입니다.")
    snapshot, realtime = _kinds(part)
    codes = part.get("codes")
    if kind == ANNOUNCEMENT:
        return [Wanted(type=kind, code=None)]
    if kind == MY_ASSET:
        # The sheet warns of this one: an asset stream has no codes, and says so with this name.
        if codes is not None:
            raise WrongRequest("WRONG_FORMAT", "myAsset 에는 codes 를 지정할 수 없습니다.")
        return [Wanted(type=kind, code=None)]
    if codes is None or codes == []:
        if kind == MY_ORDER:
            return [Wanted(type=kind, code=None)]
        raise WrongRequest("NO_CODES", "codes 필드가 존재하지 않습니다.")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise WrongRequest("INVALID_PARAM", "codes 필드가 올바르지 않습니다.")
    level = str(part.get("level", "0"))
    if _LEVEL.fullmatch(level) is None:
        raise WrongRequest("INVALID_PARAM", "level 필드가 올바르지 않습니다.")
    return [_one(kind, code, snapshot, realtime, level) for code in codes]


def _one(kind: str, asked: str, snapshot: bool, realtime: bool, level: str) -> Wanted:
    code, depth = asked, _MOST_DEPTH
    if kind == ORDERBOOK:
        code, dot, digits = asked.partition(".")
        if dot and digits.isdecimal() and int(digits) in _DEPTHS:
            depth = int(digits)
    # Codes are upper case; another spelling is another code, which nobody lists.
    return Wanted(kind, code, snapshot, realtime, depth, level, asked)


def _kinds(part: Mapping[str, object]) -> tuple[bool, bool]:
    only_snapshot = part.get("is_only_snapshot", part.get("isOnlySnapshot", False))
    only_realtime = part.get("is_only_realtime", part.get("isOnlyRealtime", False))
    if not isinstance(only_snapshot, bool) or not isinstance(only_realtime, bool):
        raise WrongRequest("INVALID_PARAM", "is_only_snapshot, is_only_realtime 은 참/거짓입니다.")
    if only_snapshot and only_realtime:
        return True, True
    return not only_realtime, not only_snapshot
