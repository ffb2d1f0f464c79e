"""Upbit's rate limits as data, and what its answers say of them.

Limits count by the second: those of orders and accounts for each account, the public ones for each
address. Look-ups and cancels draw on the same limit as the rest and have a part kept back.
"""

import re
from collections.abc import Sequence

from trader.execution.korean_errors import ban_s
from trader.wire.budget import Left, Limit, Pause, Told
from trader.wire.http import HttpAnswer

ORDER = "order"
ORDER_TEST = "order-test"
CANCEL = "cancel"
LOOKUP = "lookup"
ACCOUNT = "account"
MARKET = "market"
TICKER = "ticker"
ORDERBOOK = "orderbook"

UPBIT_LIMITS: tuple[Limit, ...] = (
    # Those kept back are for closings, which the gate marks as urgent.
    Limit("order", 12, 1.0, (ORDER,), reserve=4),
    Limit("order-test", 8, 1.0, (ORDER_TEST,)),
    Limit("default", 30, 1.0, (CANCEL, LOOKUP, ACCOUNT), reserve=12, reserve_for=(CANCEL, LOOKUP)),
    Limit("market", 10, 1.0, (MARKET,)),
    Limit("ticker", 10, 1.0, (TICKER,)),
    # Snapshots of the feed draw on it under the same name.
    Limit("orderbook", 10, 1.0, (ORDERBOOK,)),
)

_GROUP = re.compile(r"group=([a-z-]{1,40})(?:;|$)")
_LEFT = re.compile(r"sec=(\d{1,6})(?:;|$)")


def read_upbit_limits(answer: HttpAnswer) -> Sequence[Told]:
    """What an answer says of the limits: a ``Reader`` for the budget. Never raises.

    ``Remaining-Req: group=default; min=1800; sec=29``, of which the minute means nothing any more.
    """
    told: list[Told] = []
    text = answer.headers.get("remaining-req", "").replace(" ", "")
    group, left = _GROUP.search(text), _LEFT.search(text)
    if group is not None and left is not None:
        told.append(Left(group[1], int(left[1])))
    if answer.status == 418:
        # The block is of the account or the address: whatever else is asked makes it longer.
        told.append(Pause(ban_s(answer), banned=True))
    return told
