"""Orders as Upbit and Bithumb tell of them over REST, and what they mean.

Both use the same words with other meanings: the remainder of an IOC order ends as ``cancel`` at
Upbit, a partly filled one as ``done`` at Bithumb. So what was executed decides, never the word.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Protocol

from msgspec import Struct

from trader.domain.instrument import InstrumentId, split_id
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Fill,
    OrderState,
    Side,
)
from trader.execution.fee_book import FeeBook
from trader.execution.jwt import Pairs
from trader.execution.venue import OrderView

EXACT = Context(prec=120)
"""Sums of what a venue tells, with every digit it told."""

SIDES: Mapping[str, Side] = {
    "bid": Side.BUY,
    "ask": Side.SELL,
    "BID": Side.BUY,
    "ASK": Side.SELL,
    "buy": Side.BUY,
    "sell": Side.SELL,
}
_WORDS: Mapping[Side, str] = {Side.BUY: "bid", Side.SELL: "ask"}
_OPEN = frozenset({"wait", "watch", "trade", "prevented"})
_IMMEDIATE = frozenset({"ioc", "fok"})
_ZERO = Decimal(0)
_LARGEST_EXPONENT = 30
_KST = timezone(timedelta(hours=9))
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class RestTrade(Struct):
    """One execution of an order."""

    uuid: str
    price: Decimal
    volume: Decimal
    funds: Decimal | None = None
    created_at: str = ""


class RestOrder(Struct):
    """An order; the two venues name its ids differently, and its kind in one answer."""

    market: str
    side: str
    state: str = "wait"
    uuid: str = ""
    order_id: str = ""
    identifier: str | None = None
    client_order_id: str | None = None
    time_in_force: str | None = None
    volume: Decimal | None = None
    price: Decimal | None = None
    executed_volume: Decimal | None = None
    paid_fee: Decimal | None = None
    cancel_type: str | None = None
    created_at: str = ""
    trades: list[RestTrade] | None = None

    @property
    def venue_order_id(self) -> str:
        """The venue's id, under whichever name."""
        return self.uuid or self.order_id

    @property
    def client_id(self) -> ClientOrderId:
        """The client's id, empty where there is none."""
        return ClientOrderId(self.identifier or self.client_order_id or "")


class Told(Protocol):
    """How an order that was told of becomes a view."""

    def __call__(self, order: RestOrder, instrument: InstrumentId) -> OrderView:
        """The order as the rest of the program knows orders."""
        ...


def order_pairs(order: ApprovedOrder, symbol: str, kind: str) -> Pairs:
    """What both venues want to know of an order; ``kind`` is their name for the field."""
    intent = order.intent
    return (
        ("market", symbol),
        ("side", _WORDS[intent.side]),
        ("volume", f"{intent.quantity:f}"),
        ("price", f"{intent.limit_price:f}"),
        (kind, "limit"),
        ("time_in_force", intent.time_in_force.value),
    )


def state_of(
    word: str, executed: Decimal, volume: Decimal | None, time_in_force: str | None
) -> OrderState:
    """Where an order stands. ``volume`` is all it was for, None where the venue does not say."""
    if volume is not None and 0 < volume <= executed:
        return OrderState.FILLED
    if word in _OPEN:
        return OrderState.PARTIAL if executed else OrderState.ACKNOWLEDGED
    if word == "done":
        # Without a volume it was for an amount of money, and "done" is all there is to know.
        is_whole = volume is None and executed > 0
        return OrderState.FILLED if is_whole else OrderState.EXPIRED
    if word == "cancel":
        return OrderState.EXPIRED if time_in_force in _IMMEDIATE else OrderState.CANCELLED
    return OrderState.UNKNOWN


def view_of(
    order: RestOrder, instrument: InstrumentId, fees: FeeBook, *, is_free: bool, now_ns: int
) -> OrderView:
    """An order that was looked up, with the fills it names.

    ``is_free`` where no fee is taken on the instrument; ``now_ns`` (UTC) dates what has no date.

    Raises:
        ValueError: a number in it is none, or its side is no side.
    """
    executed = amount(order.executed_volume)
    volume = None if order.volume is None else amount(order.volume)
    side = SIDES.get(order.side)
    if side is None:
        raise ValueError(f"no side of a market: {order.side[:20]!r}")
    state = state_of(order.state, executed, volume, order.time_in_force)
    return OrderView(
        order.client_id,
        order.venue_order_id,
        instrument,
        side,
        state,
        executed,
        _fills(order, instrument, side, executed, fees, is_free=is_free, now_ns=now_ns),
        order.cancel_type or "",
        volume,
        None if order.price is None else amount(order.price),
        ns_of(order.created_at) or 0,
    )


def amount(value: Decimal | None) -> Decimal:
    """A quantity, price or fee as told; nothing is zero.

    Raises:
        ValueError: it is no finite number of a size that can be meant, or below zero.
    """
    if value is None:
        return _ZERO
    if not value.is_finite() or value < 0 or len(value.as_tuple().digits) > 60:
        raise ValueError(f"no amount: {str(value)[:40]}")
    if value and not -_LARGEST_EXPONENT <= value.adjusted() <= _LARGEST_EXPONENT:
        raise ValueError(f"no amount: {str(value)[:40]}")
    return value


def ns_of(created_at: str) -> int | None:
    """UTC nanoseconds of a time as REST writes it; one without a zone is in Korean time."""
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_KST)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _fills(
    order: RestOrder,
    instrument: InstrumentId,
    side: Side,
    executed: Decimal,
    fees: FeeBook,
    *,
    is_free: bool,
    now_ns: int,
) -> tuple[Fill, ...]:
    """The fills, once they are all there and their fee with them; a later look-up names them.

    The fee is told of the order as a whole, so trades beside a fee that is not yet theirs, or not
    all trades beside all fees, would be booked at a wrong cost for good. While an order is open its
    fee may lag behind its trades; an immediate one is over within moments.
    """
    trades = order.trades or []
    paid = amount(order.paid_fee)
    total = _ZERO
    for trade in trades:
        total = EXACT.add(total, amount(trade.volume))
    if not trades or total != executed:
        return ()
    if order.state in _OPEN and not is_free:
        return ()
    values = []
    for trade in trades:
        value = EXACT.multiply(amount(trade.price), trade.volume)
        values.append((trade.uuid, amount(trade.funds) if trade.funds is not None else value))
    _, _, quote = split_id(instrument)
    return tuple(
        Fill(
            trade.uuid,
            order.client_id,
            instrument,
            side,
            trade.price,
            trade.volume,
            fee,
            quote,
            ns_of(trade.created_at) or now_ns,
        )
        for trade, fee in zip(trades, fees.split(order.venue_order_id, values, paid), strict=True)
    )
