"""Binance's rate limits as data, and what its answers say of them.

The venue states them itself in exchangeInfo; these are what it published, until it has been asked.
Weight counts per address and minute, orders per account and by the calendar.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trader.execution.binance_errors import code_of
from trader.wire.budget import Limit, Pause, Told, Used, retry_after_s
from trader.wire.http import HttpAnswer

ORDER = "order"
CANCEL = "cancel"
LOOKUP = "lookup"
ACCOUNT = "account"
PUBLIC = "public"

_WEIGHT = "weight"
_RAW = "raw"
_ORDERS_10S = "orders_10s"
_ORDERS_1D = "orders_1d"
_TOO_MANY_ORDERS = -1015
_URGENT = (ORDER, CANCEL, LOOKUP)

LIMITS: tuple[Limit, ...] = (
    Limit(_WEIGHT, 6000, 60.0, reserve=1000, reserve_for=_URGENT, aligned=True),
    Limit(_RAW, 300_000, 300.0, reserve=1000, reserve_for=_URGENT, aligned=True, by_weight=False),
    # Those kept back are for closings, which the gate marks as urgent.
    Limit(_ORDERS_10S, 100, 10.0, (ORDER,), reserve=20, aligned=True, by_weight=False),
    Limit(_ORDERS_1D, 160_000, 86_400.0, (ORDER,), reserve=2_000, aligned=True, by_weight=False),
)

_HEADERS: Mapping[str, str] = {
    "x-mbx-used-weight-1m": _WEIGHT,
    "x-mbx-order-count-10s": _ORDERS_10S,
    "x-mbx-order-count-1d": _ORDERS_1D,
}
_STATED: Mapping[tuple[str, str, int], str] = {
    ("REQUEST_WEIGHT", "MINUTE", 1): _WEIGHT,
    ("RAW_REQUESTS", "MINUTE", 5): _RAW,
    ("ORDERS", "SECOND", 10): _ORDERS_10S,
    ("ORDERS", "DAY", 1): _ORDERS_1D,
}


class RateLimitRow(Struct, rename="camel"):
    """One limit as exchangeInfo states it."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


def read_limits(answer: HttpAnswer) -> Sequence[Told]:
    """What an answer says of the limits: a ``Reader`` for the budget. Never raises."""
    told: list[Told] = []
    for header, limit in _HEADERS.items():
        text = answer.headers.get(header, "")
        # Digits alone: int() also takes signs, blanks and underscores.
        if text.isascii() and text.isdigit() and len(text) < 12:
            told.append(Used(limit, int(text)))
    if answer.status in (418, 429):
        group = ORDER if answer.status == 429 and code_of(answer) == _TOO_MANY_ORDERS else ""
        told.append(Pause(retry_after_s(answer) or 0.0, group, answer.status == 418))
    return told


def stated_limits(rows: Sequence[RateLimitRow]) -> Mapping[str, int]:
    """The tokens of each limit of ours that the venue states, for ``Budget.restate``."""
    stated = {}
    for row in rows:
        name = _STATED.get((row.rate_limit_type, row.interval, row.interval_num))
        if name is not None:
            stated[name] = row.limit
    return stated
