"""A journal of a process that died with thousands of orders out: none of them has an end."""

import time
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from tests.support.builders import BINANCE_BTC, UPBIT_BINANCE, UPBIT_BTC
from tests.support.facts import a_decision
from trader.alerts.outbox import MIGRATIONS
from trader.domain.facts import Fact, OrderIdsReserved, OrderMoved, OrdersApproved
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    DecisionId,
    Intent,
    LedgerName,
    OrderState,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.journal import Journal

_SECOND_NS = 1_000_000_000
_QUANTITY = Decimal("0.00066")
_LEGS = (
    (UPBIT_BTC, Side.SELL, Decimal(150_000_000)),
    (BINANCE_BTC, Side.BUY, Decimal(108_000)),
)


def write_unsettled(journal: Path, orders: int) -> list[ClientOrderId]:
    """Write ``orders`` live orders of two-legged openings, every other pair unknown already."""
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    at_ns = time.time_ns() - 30 * _SECOND_NS
    facts: list[Fact] = [OrderIdsReserved(at_ns, 2 * orders)]
    ids: list[ClientOrderId] = []
    for number in range(orders // len(_LEGS)):
        opening = _opening(number, at_ns + number)
        ids += [order.client_order_id for order in opening.orders]
        facts.append(opening)
        if number % 2:
            facts += [_unknown(order, opening.at_ns) for order in opening.orders]
    with Journal.open(journal, migrations={"outbox": MIGRATIONS}) as book, book.transaction() as tx:
        book.append(tx, facts)
    return ids


def _opening(number: int, at_ns: int) -> OrdersApproved:
    trade_id = TradeId(f"T{number}")
    orders = tuple(
        ApprovedOrder(
            client_order_id=ClientOrderId(f"tr-main-zzzzzzzz-{number * len(_LEGS) + at}"),
            trade_id=trade_id,
            pair=UPBIT_BINANCE,
            ledger=LedgerName.LIVE,
            purpose=Purpose.OPEN,
            intent=Intent(instrument, side, _QUANTITY, price),
            generation=0,
            signal_ns=0,
        )
        for at, (instrument, side, price) in enumerate(_LEGS)
    )
    decision = replace(
        a_decision(f"D{number}", at_ns=at_ns), ledger=LedgerName.LIVE, pair=UPBIT_BINANCE
    )
    return OrdersApproved(at_ns, trade_id, replace(decision, id=DecisionId(f"D{number}")), orders)


def _unknown(order: ApprovedOrder, at_ns: int) -> OrderMoved:
    return OrderMoved(
        at_ns,
        LedgerName.LIVE,
        order.client_order_id,
        order.trade_id,
        OrderState.UNKNOWN,
        Decimal(0),
        "timeout",
    )
