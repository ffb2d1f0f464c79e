"""A desk for testing the Korean venues' clients: keys, orders, and answers by request."""

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
from trader.wire.http import HttpAnswer, HttpRequest

KEYS = Keys(
    Secret("TEST-ACCESS-KEY-0001"),
    Secret("TEST-SECRET-KEY-0001-padding-to-make-it-longer-than-64-bytes-abcdef"),
)
NONCE = "11111111-2222-4333-8444-555555555555"
STAMP = Stamp(AT_NS, 5_000_000_000)
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
