"""Bithumb's rate limits as data, kept well below what it published: it names no remainder.

Published are 150 a second for public requests and 140 for each kind of private one, by address;
more than about 20 orders and cancels a second on one asset may be restricted.
"""

from collections.abc import Sequence

from trader.execution.korean_errors import ban_s
from trader.wire.budget import Limit, Pause, Told
from trader.wire.http import HttpAnswer

ORDER = "order"
CANCEL = "cancel"
LOOKUP = "lookup"
ACCOUNT = "account"
PUBLIC = "public"
ORDERBOOK = "orderbook"

BITHUMB_LIMITS: tuple[Limit, ...] = (
    # Those kept back are for cancels and for closings, which the gate marks as urgent.
    Limit("order", 16, 1.0, (ORDER, CANCEL), reserve=6, reserve_for=(CANCEL,)),
    Limit("private", 60, 1.0, (LOOKUP, ACCOUNT), reserve=30, reserve_for=(LOOKUP,)),
    # Snapshots of the feed draw on it as ``orderbook``.
    Limit("public", 60, 1.0, (PUBLIC, ORDERBOOK)),
)


def read_bithumb_limits(answer: HttpAnswer) -> Sequence[Told]:
    """What an answer says of the limits: a ``Reader`` for the budget. Never raises."""
    return (Pause(ban_s(answer), banned=True),) if answer.status == 418 else ()
