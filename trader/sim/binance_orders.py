"""Binance's order endpoints: what they read, what they refuse, and in which order."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from trader.domain.order import Side
from trader.sim import binance_errors as errors
from trader.sim import binance_filters as filters
from trader.sim.binance_auth import amount
from trader.sim.binance_call import Call, made_up_id
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_render import (
    STP_MODES,
    Json,
    cancel_answer,
    place_answer,
    query_answer,
    trade_answer,
)
from trader.sim.model import (
    Code,
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    OrderState,
    Refused,
    SelfTrade,
    SimOrder,
    TimeInForce,
)

PLACE_PARAMETERS = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId "
    "strategyType stopPrice trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
CANCEL_PARAMETERS = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
_T = TypeVar("_T")
_CLIENT_ID = re.compile(r"[A-Za-z0-9./:_-]{1,36}")
_DAY_NS = 86_400_000_000_000
_NS_PER_MS = 1_000_000
_MAX_LISTED = 1_000
_TIMES_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_STOP_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
# What the engine says, in the words that callers tell the cases apart by.
_REJECTIONS = {
    Code.INSUFFICIENT_FUNDS: "Account has insufficient balance for requested action.",
    Code.DUPLICATE_CLIENT_ID: "Duplicate order sent.",
    Code.MARKET_OFFLINE: "Market is closed.",
    Code.WOULD_TAKE: "Order would immediately match and take.",
    Code.REJECTED: "This symbol is not permitted for this account.",
}
_FILTERS = {
    Code.OFF_TICK: "PRICE_FILTER",
    Code.OFF_LOT: "LOT_SIZE",
    Code.BELOW_MINIMUM: "NOTIONAL",
    Code.ABOVE_MAXIMUM: "NOTIONAL",
    Code.TOO_MANY_OPEN: "MAX_NUM_ORDERS",
}


def place(call: Call) -> Json:
    """``POST /api/v3/order``, ``order.place``."""
    asked, style = _read(call)
    budget = call.desk.budgets.orders(call.owner.name)
    budget.check(call.desk.now_ms)
    # Counted first: a fill within this very step gives the place back.
    budget.count(call.desk.now_ms)
    try:
        order = call.exchange.place(call.owner, asked, call.twist)
    except Refused as refused:
        budget.count(call.desk.now_ms, -1)
        raise _in_binance_words(refused) from None
    return place_answer(order, style)


def test(call: Call) -> Json:
    """``POST /api/v3/order/test``: everything but the placing; the answer says nothing."""
    asked, _ = _read(call)
    try:
        call.exchange.check(call.owner, asked)
    except Refused as refused:
        raise _in_binance_words(refused) from None
    if not call.flag("computeCommissionRates"):
        return {}
    fees = call.exchange.fees(call.owner)
    rates = {"maker": filters.text(fees.maker), "taker": filters.text(fees.taker)}
    none = {"maker": filters.text(Decimal(0)), "taker": filters.text(Decimal(0))}
    return {
        "standardCommissionForOrder": rates,
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": filters.text(Decimal("0.75")),
        },
    }


def cancel(call: Call) -> Json:
    """``DELETE /api/v3/order``, ``order.cancel``; the answer is final."""
    listing = call.listing()
    cancel_id = _client_id(call, "newClientOrderId") or made_up_id()
    order = _named(call, listing)
    if order is None or order.state.is_final:
        raise errors.cancel_rejected()
    wanted = call.params.get("cancelRestrictions")
    if wanted not in (None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise errors.invalid_value("cancelRestrictions")
    is_new = order.state is OrderState.OPEN
    if wanted is not None and is_new != (wanted == "ONLY_NEW"):
        raise errors.cancel_rejected("Order was not canceled due to cancel restrictions.")
    return _cancelled(call, order, cancel_id)


def cancel_all(call: Call) -> list[Json]:
    """``DELETE /api/v3/openOrders``: every open order of a symbol."""
    listing = call.listing()
    found = call.exchange.open_orders(call.owner, listing.id)
    if not found:
        raise errors.cancel_rejected()
    return [_cancelled(call, order, made_up_id()) for order in found]


def query(call: Call) -> Json:
    """``GET /api/v3/order``, ``order.status``."""
    order = _named(call, call.listing())
    if order is None:
        raise errors.no_such_order()
    return query_answer(order)


def open_orders(call: Call) -> list[Json]:
    """``GET /api/v3/openOrders``, of one symbol or of all."""
    listing = call.listing() if "symbol" in call.params else None
    instrument = None if listing is None else listing.id
    return [query_answer(order) for order in call.exchange.open_orders(call.owner, instrument)]


def all_orders(call: Call) -> list[Json]:
    """``GET /api/v3/allOrders``: open and ended ones of a symbol, within a day where a span is set.

    Without a span the newest come; with ``orderId`` those from that id on.
    """
    listing = call.listing()
    since_ns, until_ns = _span(call)
    found = call.exchange.orders(
        call.owner, listing.id, since_ns=since_ns, until_ns=until_ns, limit=_MAX_LISTED
    )
    first = call.whole("orderId")
    limit = _limit(call)
    if first is not None:
        return _answers([order for order in found if int(order.id) >= first][:limit])
    return _answers(found[:limit] if since_ns is not None else found[-limit:])


def my_trades(call: Call) -> list[Json]:
    """``GET /api/v3/myTrades``: the account's fills in a symbol, or of one order."""
    listing = call.listing()
    order_id, from_id = call.whole("orderId"), call.whole("fromId")
    since_ns, until_ns = _span(call)
    found = call.exchange.trades(
        call.owner, listing.id, "" if order_id is None else str(order_id), limit=_MAX_LISTED
    )
    within = [
        trade
        for trade in found
        if (since_ns is None or trade.at_ns >= since_ns)
        and (until_ns is None or trade.at_ns <= until_ns)
        and (from_id is None or int(trade.id) >= from_id)
    ]
    limit = _limit(call)
    chosen = within[:limit] if from_id is not None or since_ns is not None else within[-limit:]
    return [trade_answer(trade, listing.symbol) for trade in chosen]


def _read(call: Call) -> tuple[NewOrder, str]:
    """The order as asked for, held to every rule that comes before the engine."""
    listing = call.listing()
    side = _choice(call, "side", {"BUY": Side.BUY, "SELL": Side.SELL}, -1117, "Invalid side.")
    kind = _kind(call)
    client_id = _client_id(call, "newClientOrderId") or made_up_id()
    style = call.params.get("newOrderRespType", "FULL")
    if style not in ("ACK", "RESULT", "FULL"):
        raise errors.invalid_value("newOrderRespType")
    stp = STP_MODES.get(call.params.get("selfTradePreventionMode", filters.DEFAULT_STP))
    if stp is None:
        raise errors.invalid_value("selfTradePreventionMode")
    for unsupported in ("stopPrice", "trailingDelta", "icebergQty"):
        if unsupported in call.params:
            raise errors.not_required(unsupported)
    read = _market if kind == "MARKET" else _limited
    asked = read(call, listing, side, kind, client_id, stp)
    if listing.status is not MarketStatus.TRADING:
        raise errors.order_rejected(_REJECTIONS[Code.MARKET_OFFLINE])
    return asked, style


def _limited(
    call: Call, listing: Listing, side: Side, kind: str, client_id: str, stp: SelfTrade
) -> NewOrder:
    if kind == "LIMIT_MAKER":
        if "timeInForce" in call.params:
            raise errors.not_required("timeInForce")
        tif = TimeInForce.POST_ONLY
    else:
        tif = _choice(call, "timeInForce", _TIMES_IN_FORCE, -1115, "Invalid timeInForce.")
    if "quoteOrderQty" in call.params:
        raise errors.not_required("quoteOrderQty")
    quantity, price = amount(call.params, "quantity"), amount(call.params, "price")
    if quantity is None:
        raise errors.missing("quantity")
    if price is None:
        raise errors.missing("price")
    filters.check_price(listing.instrument, price, reference_price(call, listing) or price)
    filters.check_quantity(listing.instrument, quantity)
    filters.check_notional(listing, price * quantity, is_market=False)
    if tif in (TimeInForce.GTC, TimeInForce.POST_ONLY):
        filters.check_open_orders(len(call.exchange.open_orders(call.owner, listing.id)))
    return NewOrder(
        listing.id,
        side,
        quantity=quantity,
        price=price,
        time_in_force=tif,
        client_id=client_id,
        self_trade=stp,
    )


def _market(
    call: Call, listing: Listing, side: Side, _kind: str, client_id: str, stp: SelfTrade
) -> NewOrder:
    for needless in ("price", "timeInForce"):
        if needless in call.params:
            raise errors.not_required(needless)
    quantity, funds = amount(call.params, "quantity"), amount(call.params, "quoteOrderQty")
    if quantity is None and funds is None:
        raise errors.missing_either("quantity", "quoteOrderQty")
    if quantity is not None and funds is not None:
        raise errors.not_required("quoteOrderQty")
    reference = reference_price(call, listing)
    if funds is not None and side is Side.SELL:
        # A sale for so much money is one of the quantity that brings it, cut to whole lots.
        if reference is None:
            raise errors.order_rejected(_REJECTIONS[Code.MARKET_OFFLINE])
        quantity, funds = listing.instrument.floor_quantity(funds / reference), None
    if quantity is not None:
        filters.check_quantity(listing.instrument, quantity)
        if reference is not None:
            filters.check_notional(listing, quantity * reference, is_market=True)
    elif funds is not None:
        filters.check_notional(listing, funds, is_market=True)
    return NewOrder(
        listing.id,
        side,
        Kind.MARKET,
        quantity=quantity,
        funds=funds,
        time_in_force=TimeInForce.IOC,
        client_id=client_id,
        self_trade=stp,
    )


def reference_price(call: Call, listing: Listing) -> Decimal | None:
    """What filters measure against: the middle of the book; None before there is one."""
    book = call.exchange.book(listing.id)
    if book is None or not book.bids or not book.asks:
        return None
    return (Decimal(repr(book.bids[0][0])) + Decimal(repr(book.asks[0][0]))) / 2


def _kind(call: Call) -> str:
    kind = call.params.get("type", "")
    if not kind:
        raise errors.missing("type")
    if kind in _STOP_TYPES:
        raise BinanceRefusal(-1013, "Stop loss orders are not supported for this symbol.")
    if kind not in filters.ORDER_TYPES:
        raise BinanceRefusal(-1116, "Invalid orderType.")
    return kind


def _choice(call: Call, name: str, among: Mapping[str, _T], code: int, msg: str) -> _T:
    stated = call.params.get(name)
    if not stated:
        raise errors.missing(name)
    found = among.get(stated)
    if found is None:
        raise BinanceRefusal(code, msg)
    return found


def _client_id(call: Call, name: str) -> str:
    stated = call.params.get(name)
    if stated is None:
        return ""
    if not stated:
        raise errors.empty(name)
    if not _CLIENT_ID.fullmatch(stated):
        raise errors.illegal_characters(name, "^[a-zA-Z0-9-_./:]{1,36}$")
    return stated


def _named(call: Call, listing: Listing) -> SimOrder | None:
    """The order that ``orderId`` or ``origClientOrderId`` names, if it is one of this symbol."""
    order_id, client_id = call.whole("orderId"), call.params.get("origClientOrderId")
    if order_id is None and not client_id:
        raise errors.missing_either("origClientOrderId", "orderId")
    if order_id is None:
        found = call.exchange.find(call.owner, client_id=client_id or "")
    else:
        found = call.exchange.find(call.owner, order_id=str(order_id))
        if found is not None and client_id and found.client_id != client_id:
            return None
    return found if found is not None and found.symbol == listing.symbol else None


def _cancelled(call: Call, order: SimOrder, cancel_id: str) -> Json:
    try:
        ended = call.exchange.cancel(call.owner, order_id=order.id, cancel_id=cancel_id)
    except Refused:
        raise errors.cancel_rejected() from None
    return cancel_answer(ended, cancel_id)


def _span(call: Call) -> tuple[int | None, int | None]:
    start, end = call.whole("startTime"), call.whole("endTime")
    since_ns = None if start is None else start * _NS_PER_MS
    # The whole of the last millisecond belongs to the span.
    until_ns = None if end is None else (end + 1) * _NS_PER_MS - 1
    if since_ns is not None and until_ns is not None and until_ns - since_ns > _DAY_NS + _NS_PER_MS:
        raise BinanceRefusal(-1127, "More than 24 hours between startTime and endTime.")
    return since_ns, until_ns


def _limit(call: Call) -> int:
    limit = call.whole("limit")
    return 500 if limit is None else max(1, min(limit, _MAX_LISTED))


def _answers(orders: Iterable[SimOrder]) -> list[Json]:
    return [query_answer(order) for order in orders]


def _in_binance_words(refused: Refused) -> BinanceRefusal:
    if refused.code in _FILTERS:
        return errors.filter_failure(_FILTERS[refused.code])
    if refused.code is Code.UNKNOWN_MARKET:
        return errors.unknown_symbol()
    return errors.order_rejected(_REJECTIONS.get(refused.code, "Order was rejected."))
