"""What venues tell of an order, in their own bytes: the answer, the private stream, look-ups.

An order's story is settled first; every message is a view of it, so whoever hears them all, in
whatever order, must come to the same. Korean sockets write doubles here, as the real ones do.
"""

import json
from collections.abc import Coroutine, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from tests.support.builders import AT_NS, BINANCE_BTC, BITHUMB_BTC, MS_NS, UPBIT_BTC
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, Venue, split_id
from trader.domain.order import ApprovedOrder, OrderState, Side
from trader.execution.binance import BinanceClient
from trader.execution.bithumb import BithumbClient
from trader.execution.keys import Keys
from trader.execution.upbit import UpbitClient
from trader.execution.venue import (
    Absent,
    Accepted,
    OrderSeen,
    OrderView,
    Rejected,
    Throttled,
    VenueClient,
)
from trader.wire.http import HttpAnswer, HttpRequest

_T = TypeVar("_T")
_KEYS = Keys(Secret("TEST-ACCESS-KEY-0001"), Secret("TEST-SECRET-KEY-0001-of-some-length"))
_STAMP = Stamp(AT_NS, 1)
_AT_MS = AT_NS // MS_NS
_CREATED = "2026-01-05T09:00:00+09:00"
_SHARES = {UPBIT: Decimal("0.0005"), BITHUMB: Decimal("0.0004"), BINANCE: Decimal("0.001")}
_DUST = Decimal("0.00000001")
_SIDES = {Side.BUY: ("bid", "BID", "buy", "BUY"), Side.SELL: ("ask", "ASK", "sell", "SELL")}


class Trade(Struct, frozen=True):
    """One execution, with the fee as its venue keeps it."""

    number: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str


class Story(Struct, frozen=True):
    """What became of an order: ``serial`` is its venue's number for it."""

    order: ApprovedOrder
    serial: int
    trades: tuple[Trade, ...]

    @property
    def venue(self) -> Venue:
        """Where it was placed."""
        return split_id(self.order.intent.instrument)[0]

    def executed(self, count: int) -> Decimal:
        """How much its first ``count`` trades come to."""
        return sum((trade.quantity for trade in self.trades[:count]), Decimal(0))

    def paid(self, count: int) -> Decimal:
        """What they cost."""
        return sum((trade.fee for trade in self.trades[:count]), Decimal(0))

    @property
    def is_whole(self) -> bool:
        """Whether all that was ordered was executed."""
        return self.executed(len(self.trades)) == self.order.intent.quantity


def a_story(
    order: ApprovedOrder,
    serial: int,
    pieces: Sequence[tuple[Decimal, Decimal]],
    *,
    in_bnb: bool = False,
) -> Story:
    """An order that was executed in these pieces of (price, quantity)."""
    venue, base, quote = split_id(order.intent.instrument)
    trades = []
    for at, (price, quantity) in enumerate(pieces):
        fee, asset = price * quantity * _SHARES[venue], str(quote)
        if venue == BINANCE:
            buys = order.intent.side is Side.BUY
            asset = "BNB" if in_bnb else str(base if buys else quote)
            fee = quantity * _SHARES[venue] if buys or in_bnb else fee
            fee = fee.quantize(_DUST, ROUND_DOWN)
        trades.append(Trade(serial * 10 + at, price, quantity, fee, asset))
    return Story(order, serial, tuple(trades))


class Look(Struct, frozen=True):
    """How far a look-up saw: so many trades, whether the order was over, and what lagged behind."""

    count: int
    is_over: bool
    trades_lag: bool = False
    fee_lags: bool = False


# what each venue says


def answer(story: Story) -> HttpAnswer:
    """The answer that placed it: Binance tells all at once, the others only that they took it."""
    if story.venue != BINANCE:
        return _json({**_korean(story, Look(0, is_over=False)), "trades": None})
    fills = [
        {
            "price": f"{trade.price:f}",
            "qty": f"{trade.quantity:f}",
            "commission": f"{trade.fee:f}",
            "commissionAsset": trade.fee_asset,
            "tradeId": trade.number,
        }
        for trade in story.trades
    ]
    row = _binance_row(story, Look(len(story.trades), is_over=True))
    return _json({**row, "transactTime": _AT_MS, "fills": fills})


def frames(story: Story, *, fee_lags: bool = False) -> list[str]:
    """What the private stream says of it, in order; at Bithumb, ``fee_lags`` by one message."""
    say = {UPBIT: _upbit_frame, BITHUMB: _bithumb_frame, BINANCE: _binance_frame}[story.venue]
    steps = [("new", 0), *(("trade", at + 1) for at in range(len(story.trades)))]
    if story.venue != BINANCE or not story.is_whole:
        steps.append(("end", len(story.trades)))
    return [json.dumps(say(story, kind, count, fee_lags=fee_lags)) for kind, count in steps]


def pages(story: Story, look: Look) -> dict[str, HttpAnswer]:
    """What REST answers to a look-up of it, by path."""
    if story.venue != BINANCE:
        return {"/v1/order": _json(_korean(story, look))}
    shown = story.trades[: max(look.count - look.trades_lag, 0)]
    trades = [
        {
            "symbol": "BTCUSDT",
            "id": trade.number,
            "orderId": story.serial,
            "price": f"{trade.price:f}",
            "qty": f"{trade.quantity:f}",
            "commission": f"{trade.fee:f}",
            "commissionAsset": trade.fee_asset,
            "time": _AT_MS,
            "isBuyer": story.order.intent.side is Side.BUY,
        }
        for trade in shown
    ]
    row = {**_binance_row(story, look), "time": _AT_MS, "updateTime": _AT_MS}
    return {"/api/v3/order": _json(row), "/api/v3/myTrades": _json(trades)}


# what our codecs make of it


class Ears:
    """One process's clients and streams: they remember, so each process has its own."""

    def __init__(self) -> None:
        self._pages: Mapping[str, HttpAnswer] = {}

        async def ask(request: HttpRequest) -> HttpAnswer:
            return self._pages[urlsplit(request.target).path]

        def now() -> Stamp:
            return _STAMP

        self._clients: dict[Venue, VenueClient] = {
            UPBIT: UpbitClient(_KEYS, (UPBIT_BTC,), ask, now, Decimal("0.05")),
            BITHUMB: BithumbClient(_KEYS, (BITHUMB_BTC,), ask, now, Decimal("0.04")),
            BINANCE: BinanceClient(_KEYS, (BINANCE_BTC,), ask, now, Decimal("0.1")),
        }
        self._streams = {venue: one.private_stream() for venue, one in self._clients.items()}

    def answered(self, order: ApprovedOrder, said: HttpAnswer) -> OrderView:
        """What the lane makes of an answer."""
        client = self._clients[split_id(order.intent.instrument)[0]]
        placement = client.read_placement(order, said, _STAMP)
        if isinstance(placement, Accepted):
            return placement.view
        is_no = isinstance(placement, Rejected | Throttled)
        return word(order, OrderState.REJECTED if is_no else OrderState.UNKNOWN)

    def heard(self, venue: Venue, frame: str) -> OrderView:
        """The order a frame tells of."""
        (news,) = self._streams[venue].decode(frame, _STAMP)
        assert isinstance(news, OrderSeen)
        return news.view

    def found(self, order: ApprovedOrder, answers: Mapping[str, HttpAnswer]) -> OrderView:
        """What a look-up finds."""
        self._pages = answers
        venue = split_id(order.intent.instrument)[0]
        asked = self._clients[venue].find(order.client_order_id, order.intent.instrument, AT_NS)
        view = _at_once(asked)
        assert not isinstance(view, Absent)
        return view


def word(
    order: ApprovedOrder, state: OrderState, executed: Decimal = Decimal(0), reason: str = ""
) -> OrderView:
    """A word on an order that is ours and not a venue's: a time-out, a quarantine, an absence."""
    intent = order.intent
    return OrderView(
        order.client_order_id, "", intent.instrument, intent.side, state, executed, (), reason
    )


def _at_once(asked: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that waits for nothing."""
    try:
        asked.send(None)
    except StopIteration as done:
        result: _T = done.value
        return result
    raise AssertionError("it waited")


# the bytes


def _json(content: object) -> HttpAnswer:
    return HttpAnswer(200, {}, json.dumps(content).encode())


def _korean(story: Story, look: Look) -> dict[str, Any]:
    """An order as both Korean venues' REST tells it: every digit, as text."""
    intent, executed = story.order.intent, story.executed(look.count)
    is_whole = executed == intent.quantity
    # What is left of an immediate order is cancelled; Bithumb calls a partly filled one done.
    over = "done" if is_whole or (story.venue == BITHUMB and executed) else "cancel"
    # A fee may lag behind its trades while the order is open.
    paid = story.paid(max(look.count - look.fee_lags, 0))
    shown = story.trades[: max(look.count - look.trades_lag, 0)]
    name = "identifier" if story.venue == UPBIT else "client_order_id"
    return {
        "uuid": f"order-{story.serial}",
        name: story.order.client_order_id,
        "market": "KRW-BTC",
        "side": _SIDES[intent.side][0],
        "time_in_force": "ioc",
        "state": over if look.is_over else "wait",
        "volume": f"{intent.quantity:f}",
        "executed_volume": f"{executed:f}",
        "paid_fee": f"{paid:f}",
        "created_at": _CREATED,
        "trades": [
            {
                "uuid": f"trade-{trade.number}",
                "price": f"{trade.price:f}",
                "volume": f"{trade.quantity:f}",
                "funds": f"{trade.price * trade.quantity:f}",
                "created_at": _CREATED,
            }
            for trade in shown
        ],
    }


def _upbit_frame(story: Story, kind: str, count: int, *, fee_lags: bool) -> dict[str, Any]:
    del fee_lags
    intent, executed = story.order.intent, story.executed(count)
    frame: dict[str, Any] = {
        "type": "myOrder",
        "code": "KRW-BTC",
        "uuid": f"order-{story.serial}",
        "identifier": story.order.client_order_id,
        "ask_bid": _SIDES[intent.side][1],
        "time_in_force": "ioc",
        "state": {"new": "wait", "trade": "trade"}.get(kind, "done"),
        "price": float(intent.limit_price),
        "volume": float(intent.quantity),
        "remaining_volume": float(intent.quantity - executed),
        "executed_volume": float(executed),
        "paid_fee": float(story.paid(count)),
        "prevented_volume": 0,
        "trade_timestamp": _AT_MS,
    }
    if kind == "end" and not story.is_whole:
        frame["state"] = "cancel"
    if kind == "trade":
        trade = story.trades[count - 1]
        frame |= {
            "trade_uuid": f"trade-{trade.number}",
            "price": float(trade.price),
            "volume": float(trade.quantity),
            "trade_fee": float(trade.fee),
        }
    return frame


def _bithumb_frame(story: Story, kind: str, count: int, *, fee_lags: bool) -> dict[str, Any]:
    intent, executed = story.order.intent, story.executed(count)
    paid = story.paid(count - 1 if fee_lags and kind == "trade" else count)
    frame: dict[str, Any] = {
        "type": "myOrder",
        "code": "KRW-BTC",
        "order_id": f"order-{story.serial}",
        "client_order_id": story.order.client_order_id,
        "side": _SIDES[intent.side][2],
        "time_in_force": "ioc",
        "state": {"new": "wait", "trade": "trade"}.get(kind, "done" if executed else "cancel"),
        "order_quantity": float(intent.quantity),
        "executed_quantity": float(executed),
        "remaining_quantity": float(intent.quantity - executed),
        "paid_fee": float(paid),
        "trade_timestamp": _AT_MS,
    }
    if kind == "trade":
        trade = story.trades[count - 1]
        frame |= {
            "trade_id": f"trade-{trade.number}",
            "trade_price": float(trade.price),
            "trade_quantity": float(trade.quantity),
        }
    return frame


def _binance_row(story: Story, look: Look) -> dict[str, Any]:
    intent, executed = story.order.intent, story.executed(look.count)
    open_word = "PARTIALLY_FILLED" if executed else "NEW"
    over = "FILLED" if executed == intent.quantity else "EXPIRED"
    return {
        "symbol": "BTCUSDT",
        "orderId": story.serial,
        "clientOrderId": story.order.client_order_id,
        "price": f"{intent.limit_price:f}",
        "origQty": f"{intent.quantity:f}",
        "executedQty": f"{executed:f}",
        "status": over if look.is_over else open_word,
        "timeInForce": "IOC",
        "side": _SIDES[intent.side][3],
    }


def _binance_frame(story: Story, kind: str, count: int, *, fee_lags: bool) -> dict[str, Any]:
    del fee_lags
    intent, executed = story.order.intent, story.executed(count)
    is_last = executed == intent.quantity
    traded = "FILLED" if is_last else "PARTIALLY_FILLED"
    report: dict[str, Any] = {
        "e": "executionReport",
        "s": "BTCUSDT",
        "c": story.order.client_order_id,
        "S": _SIDES[intent.side][3],
        "x": {"new": "NEW", "trade": "TRADE"}.get(kind, "EXPIRED"),
        "X": {"new": "NEW", "trade": traded}.get(kind, "EXPIRED"),
        "i": story.serial,
        "l": "0",
        "z": f"{executed:f}",
        "L": "0",
        "n": "0",
        "N": None,
        "T": _AT_MS,
        "t": -1,
    }
    if kind == "trade":
        trade = story.trades[count - 1]
        report |= {
            "l": f"{trade.quantity:f}",
            "L": f"{trade.price:f}",
            "n": f"{trade.fee:f}",
            "N": trade.fee_asset,
            "t": trade.number,
        }
    return {"subscriptionId": 0, "event": report}
