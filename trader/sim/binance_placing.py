"""Placing an order at Binance: what is read of it, what is refused, and in which order."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from trader.domain.order import Side
from trader.sim import binance_errors as errors
from trader.sim import binance_filters as filters
from trader.sim.binance_auth import amount
from trader.sim.binance_call import Call, made_up_id
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_render import STP_MODES, Json, place_answer
from trader.sim.model import (
    Code,
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    Refused,
    SelfTrade,
    TimeInForce,
)

PLACE_PARAMETERS = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId "
    "strategyType stopPrice trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
_T = TypeVar("_T")
_CLIENT_ID = re.compile(r"[A-Za-z0-9./:_-]{1,36}")
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


def client_id_of(call: Call, name: str) -> str:
    """A client order id; empty where none was sent.

    Raises:
        BinanceRefusal: -1105 empty, -1100 with characters no id may have.
    """
    stated = call.params.get(name)
    if stated is None:
        return ""
    if not stated:
        raise errors.empty(name)
    if not _CLIENT_ID.fullmatch(stated):
        raise errors.illegal_characters(name, "^[a-zA-Z0-9-_./:]{1,36}$")
    return stated


def _read(call: Call) -> tuple[NewOrder, str]:
    """The order as asked for, held to every rule that comes before the engine."""
    listing = call.listing()
    side = _choice(call, "side", {"BUY": Side.BUY, "SELL": Side.SELL}, -1117, "Invalid side.")
    kind = _kind(call)
    client_id = client_id_of(call, "newClientOrderId") or made_up_id()
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
    filters.check_price(listing.instrument, price, call.reference_price(listing) or price)
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
    reference = call.reference_price(listing)
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


def _in_binance_words(refused: Refused) -> BinanceRefusal:
    if refused.code in _FILTERS:
        return errors.filter_failure(_FILTERS[refused.code])
    if refused.code is Code.UNKNOWN_MARKET:
        return errors.unknown_symbol()
    return errors.order_rejected(_REJECTIONS.get(refused.code, "Order was rejected."))
