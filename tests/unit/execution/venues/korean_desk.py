"""A desk for testing the Korean venues' clients: keys, orders, frames, and answers by request."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC, UPBIT_USDT
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.instrument import InstrumentId
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Intent,
    LedgerName,
    PairName,
    Purpose,
    Side,
    TimeInForce,
    TradeId,
)
from trader.execution.bithumb import BithumbClient
from trader.execution.keys import Keys
from trader.execution.upbit import UpbitClient
from trader.execution.venue import OrderSeen, OrderView, PrivateStream
from trader.wire.http import HttpAnswer, HttpRequest

KEYS = Keys(
    Secret("TEST-ACCESS-KEY-0001"),
    Secret("TEST-SECRET-KEY-0001-padding-to-make-it-longer-than-64-bytes-abcdef"),
)
NONCE = "11111111-2222-4333-8444-555555555555"
STAMP = Stamp(AT_NS, 5_000_000_000)
MS = 1_000_000
ORDER_ID = ClientOrderId("tr-test-1")
BITHUMB_USDT = InstrumentId("bithumb:USDT-KRW")


def an_order(instrument: InstrumentId = UPBIT_BTC, side: Side = Side.BUY) -> ApprovedOrder:
    """A purchase of 0.01 Bitcoin at 140 million won, immediate or not at all."""
    intent = Intent(instrument, side, Decimal("0.01"), Decimal(140_000_000), TimeInForce.IOC)
    return ApprovedOrder(
        ORDER_ID,
        TradeId("T1"),
        PairName("upbit-bithumb"),
        LedgerName.LIVE,
        Purpose.OPEN,
        intent,
        0,
        0,
    )


def an_answer(
    content: object = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """An answer with JSON content, or with text as it stands."""
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    return HttpAnswer(status, headers or {}, body)


def an_error(name: str | int, status: int = 400, message: str = "왜") -> HttpAnswer:
    """A refusal."""
    return an_answer({"error": {"name": name, "message": message}}, status)


Answering = Callable[[HttpRequest], HttpAnswer]


class Venue:
    """Answers by method and path, and keeps what was asked. What nobody scripted is refused."""

    def __init__(self, answers: Mapping[str, object] | None = None) -> None:
        self.answers: dict[str, object] = dict(answers or {})
        self.asked: list[HttpRequest] = []

    async def __call__(self, request: HttpRequest) -> HttpAnswer:
        self.asked.append(request)
        answer = self.answers.get(f"{request.method} {urlsplit(request.target).path}")
        if isinstance(answer, HttpAnswer):
            return answer
        if callable(answer):
            answered: HttpAnswer = answer(request)
            return answered
        if answer is None:
            return an_answer("<html>", 404)
        return an_answer(answer)


def asked_for(request: HttpRequest) -> dict[str, str]:
    """The parameters in a request's address."""
    return dict(parse_qsl(urlsplit(request.target).query))


def upbit(venue: Venue | None = None, keys: Keys | None = KEYS, **changes: Any) -> UpbitClient:
    """The client for KRW-BTC and KRW-USDT."""
    return UpbitClient(
        keys,
        (UPBIT_BTC, UPBIT_USDT),
        venue or Venue(),
        lambda: STAMP,
        Decimal("0.05"),
        nonce=lambda: NONCE,
        **changes,
    )


def bithumb(venue: Venue | None = None, keys: Keys | None = KEYS) -> BithumbClient:
    """The client for KRW-BTC."""
    return BithumbClient(
        keys,
        (BITHUMB_BTC,),
        venue or Venue(),
        lambda: STAMP,
        Decimal("0.25"),
        nonce=lambda: NONCE,
    )


def a_trade(key: str, volume: str, price: str = "140000000") -> dict[str, Any]:
    return {
        "market": "KRW-BTC",
        "uuid": key,
        "price": price,
        "volume": volume,
        "funds": f"{Decimal(price) * Decimal(volume):f}",
        "side": "bid",
        "created_at": "2026-01-05T09:00:01+09:00",
    }


def an_upbit_order(**changes: Any) -> dict[str, Any]:
    """An IOC purchase of 0.01 that ended with 0.004 executed in two trades."""
    return {
        "uuid": "u-1",
        "identifier": "tr-test-1",
        "market": "KRW-BTC",
        "side": "bid",
        "ord_type": "limit",
        "time_in_force": "ioc",
        "price": "140000000",
        "volume": "0.01",
        "remaining_volume": "0.006",
        "executed_volume": "0.004",
        "paid_fee": "280",
        "state": "cancel",
        "created_at": "2026-01-05T09:00:00+09:00",
        "trades": [a_trade("t-1", "0.001"), a_trade("t-2", "0.003")],
    } | changes


def at_upbit(**changes: Any) -> str:
    """The first fill of an order for 0.01."""
    return json.dumps(
        {
            "type": "myOrder",
            "code": "KRW-BTC",
            "uuid": "u-1",
            "ask_bid": "BID",
            "order_type": "limit",
            "state": "trade",
            "trade_uuid": "t-1",
            "price": 139_990_000,
            "avg_price": 139_990_000,
            "volume": 0.004,
            "remaining_volume": 0.006,
            "executed_volume": 0.004,
            "paid_fee": 279.98,
            "executed_funds": 559_960,
            "time_in_force": "ioc",
            "trade_fee": 279.98,
            "is_maker": False,
            "identifier": "tr-test-1",
            "smp_type": "cancel_taker",
            "prevented_volume": 0,
            "trade_timestamp": AT_NS // MS,
            "stream_type": "REALTIME",
        }
        | changes
    )


def at_bithumb(**changes: Any) -> str:
    """The first fill of an order for 0.01; None leaves a field out, as the venue does."""
    frame = {
        "type": "myOrder",
        "stream_type": "REALTIME",
        "code": "KRW-BTC",
        "order_id": "C1",
        "client_order_id": "tr-test-1",
        "side": "buy",
        "order_type": "limit",
        "state": "trade",
        "time_in_force": "ioc",
        "order_price": 140_000_000,
        "order_quantity": 0.01,
        "trade_id": "T1",
        "trade_price": 140_000_000,
        "trade_quantity": 0.004,
        "executed_quantity": 0.004,
        "remaining_quantity": 0.006,
        "paid_fee": 1400,
        "trade_timestamp": AT_NS // MS,
        "timestamp": AT_NS // MS + 3,
    } | changes
    return json.dumps({name: value for name, value in frame.items() if value is not None})


def view_in(stream: PrivateStream, frame: bytes | str) -> OrderView:
    (news,) = stream.decode(frame, STAMP)
    assert isinstance(news, OrderSeen)
    return news.view
