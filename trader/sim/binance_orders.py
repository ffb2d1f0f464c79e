"""Binance's orders after they were placed: found by either id, listed, cancelled; and fills."""

from collections.abc import Iterable

from trader.sim import binance_errors as errors
from trader.sim.binance_call import Call, made_up_id
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_placing import client_id_of
from trader.sim.binance_render import Json, cancel_answer, query_answer, trade_answer
from trader.sim.model import Listing, OrderState, Refused, SimOrder

CANCEL_PARAMETERS = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
_DAY_NS = 86_400_000_000_000
_NS_PER_MS = 1_000_000
_MAX_LISTED = 1_000


def cancel(call: Call) -> Json:
    """``DELETE /api/v3/order``, ``order.cancel``; the answer is final."""
    listing = call.listing()
    cancel_id = client_id_of(call, "newClientOrderId") or made_up_id()
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
