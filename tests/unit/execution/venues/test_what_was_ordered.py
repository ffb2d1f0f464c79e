"""Look-ups and lists say what was ordered and when: what adopting a lost order takes."""

from decimal import Decimal

import msgspec
import pytest

from tests.support.builders import AT_NS, BINANCE_BTC, UPBIT_BTC
from trader.execution.binance_orders import OrderRow
from trader.execution.binance_orders import view_of as binance_view
from trader.execution.fee_book import FeeBook
from trader.execution.korean_orders import RestOrder
from trader.execution.korean_orders import view_of as korean_view

CREATED_MS = 1_767_571_200_123
UPBIT = {
    "uuid": "u-1",
    "identifier": "tr-main-k3x9a7q2-5",
    "market": "KRW-BTC",
    "side": "ask",
    "state": "cancel",
    "volume": "0.00066",
    "price": "150900000",
    "executed_volume": "0",
    "time_in_force": "ioc",
    "created_at": "2026-01-05T09:00:00+09:00",
}
BITHUMB = {
    **{key: value for key, value in UPBIT.items() if key not in ("uuid", "identifier")},
    "order_id": "C1",
    "client_order_id": "tr-main-k3x9a7q2-5",
}


@pytest.mark.parametrize("row", [UPBIT, BITHUMB])
def test_at_the_korean_venues(row: dict[str, str]) -> None:
    """Volume, price and the time it was created at."""
    order = msgspec.convert(row, RestOrder, strict=False)

    view = korean_view(order, UPBIT_BTC, FeeBook(), is_free=False, now_ns=AT_NS + 5)

    assert (view.quantity, view.limit_price) == (Decimal("0.00066"), Decimal(150_900_000))
    assert view.created_ns == AT_NS


def test_at_the_korean_venues_an_order_for_money_has_no_volume() -> None:
    """It is none of ours."""
    order = msgspec.convert({**UPBIT, "volume": None}, RestOrder, strict=False)

    view = korean_view(order, UPBIT_BTC, FeeBook(), is_free=False, now_ns=AT_NS)

    assert view.quantity is None


def test_at_binance() -> None:
    """As listed; in the answer to an order the time is that of the transaction."""
    row = OrderRow(
        symbol="BTCUSDT",
        order_id=28,
        client_order_id="tr-main-k3x9a7q2-5",
        status="EXPIRED",
        side="BUY",
        executed_qty=Decimal(0),
        orig_qty=Decimal("0.00066"),
        price=Decimal(108_000),
        time=CREATED_MS,
        update_time=CREATED_MS + 7,
    )

    view = binance_view(row, BINANCE_BTC)

    assert (view.quantity, view.limit_price) == (Decimal("0.00066"), Decimal(108_000))
    assert view.created_ns == CREATED_MS * 1_000_000
