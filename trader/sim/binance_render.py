"""Orders, fills and balances in Binance's words, for REST answers and user data events.

``cummulativeQuoteQty`` is spelled as Binance spells it. Amounts are strings with eight decimals,
ids numbers, times milliseconds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from trader.domain.instrument import BINANCE, Asset
from trader.domain.order import Side
from trader.sim.binance_filters import text
from trader.sim.model import (
    ZERO,
    Balance,
    Cause,
    Code,
    Kind,
    NewOrder,
    OrderState,
    SelfTrade,
    SimOrder,
    SimTrade,
    TimeInForce,
)

Json = dict[str, object]

EXPIRY_REASONS = {
    Cause.IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    Cause.FOK: "UNFILLED_FOK_ORDER_EXPIRED",
    Cause.NO_LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
    Cause.VENUE: "EXCHANGE_CANCELED",
}
REJECT_REASONS = {
    Code.INSUFFICIENT_FUNDS: "INSUFFICIENT_BALANCES",
    Code.WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
}
"""Refusals of the matching engine that also appear in the user data stream."""
_NO_ORDER_ID = "-1"
_STP = {
    SelfTrade.NONE: "NONE",
    SelfTrade.CANCEL_MAKER: "EXPIRE_MAKER",
    SelfTrade.CANCEL_TAKER: "EXPIRE_TAKER",
}
STP_MODES = {name: mode for mode, name in _STP.items()}


def ms(at_ns: int) -> int:
    """Nanoseconds as Binance's milliseconds."""
    return at_ns // 1_000_000


def status_of(order: SimOrder) -> str:
    """The order's status."""
    if order.state is OrderState.CANCELLED:
        if order.cause is Cause.USER:
            return "CANCELED"
        if order.cause is Cause.SELF_TRADE:
            return "EXPIRED_IN_MATCH"
        # A purchase by quote quantity ends filled, though a rest too small to spend is left.
        return "FILLED" if order.cause is Cause.UNSPENT and order.executed else "EXPIRED"
    if order.state is OrderState.DONE or (order.executed and order.remaining == ZERO):
        return "FILLED"
    return "PARTIALLY_FILLED" if order.executed else "NEW"


def query_answer(order: SimOrder) -> Json:
    """One order as ``GET /api/v3/order``, ``openOrders`` and ``allOrders`` tell it."""
    return {
        "symbol": order.symbol,
        "orderId": int(order.id),
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": text(ZERO),
        "icebergQty": text(ZERO),
        "time": ms(order.created_ns),
        "updateTime": ms(order.updated_ns),
        "isWorking": True,
        "workingTime": ms(order.created_ns),
        "origQuoteOrderQty": text(order.asked.funds or ZERO),
        "selfTradePreventionMode": _STP[order.asked.self_trade],
        **_expiry(order),
    }


def place_answer(order: SimOrder, style: str) -> Json:
    """The answer to a new order; ``style`` is ACK, RESULT or FULL."""
    answer: Json = {
        "symbol": order.symbol,
        "orderId": int(order.id),
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": ms(order.updated_ns),
    }
    if style == "ACK":
        return answer
    answer |= {
        **_amounts(order),
        "origQuoteOrderQty": text(order.asked.funds or ZERO),
        "workingTime": ms(order.created_ns),
        "selfTradePreventionMode": _STP[order.asked.self_trade],
        **_expiry(order),
    }
    if style == "FULL":
        answer["fills"] = [
            {
                "price": text(trade.price),
                "qty": text(trade.quantity),
                "commission": text(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": int(trade.id),
            }
            for trade in order.trades
        ]
    return answer


def cancel_answer(order: SimOrder, cancel_id: str) -> Json:
    """The answer to a cancel: final here, unlike in Korea."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": int(order.id),
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": ms(order.updated_ns),
        **_amounts(order),
        "origQuoteOrderQty": text(order.asked.funds or ZERO),
        "selfTradePreventionMode": _STP[order.asked.self_trade],
    }


def trade_answer(trade: SimTrade, symbol: str) -> Json:
    """One fill as ``GET /api/v3/myTrades`` tells it."""
    return {
        "symbol": symbol,
        "id": int(trade.id),
        "orderId": int(trade.order_id),
        "orderListId": -1,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.funds),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": ms(trade.at_ns),
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def report(
    order: SimOrder, execution: str, execution_id: int, at_ns: int, trade: SimTrade | None = None
) -> Json:
    """An ``executionReport``; ``execution`` is NEW, TRADE, CANCELED, EXPIRED or TRADE_PREVENTION.

    On a cancel ``c`` is the cancel's own id and ``C`` that of the order.
    """
    cancelled = execution == "CANCELED"
    amounts = _amounts(order)
    event: Json = {
        "e": "executionReport",
        "E": ms(at_ns),
        "s": order.symbol,
        "c": order.cancel_id if cancelled and order.cancel_id else order.client_id,
        "S": amounts["side"],
        "o": amounts["type"],
        "f": amounts["timeInForce"],
        "q": amounts["origQty"],
        "p": amounts["price"],
        "P": text(ZERO),
        "F": text(ZERO),
        "g": -1,
        "C": order.client_id if cancelled else "",
        "x": execution,
        "X": amounts["status"],
        "r": "NONE",
        "i": int(order.id),
        "l": text(trade.quantity if trade else ZERO),
        "z": amounts["executedQty"],
        "L": text(trade.price if trade else ZERO),
        "n": text(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": ms(trade.at_ns if trade else order.updated_ns),
        "t": int(trade.id) if trade else -1,
        "I": execution_id,
        "w": not order.state.is_final and (trade is None or trade.is_maker),
        "m": trade.is_maker if trade else False,
        "M": trade is not None,
        "O": ms(order.created_ns),
        "Z": amounts["cummulativeQuoteQty"],
        "Y": text(trade.funds if trade else ZERO),
        "Q": text(order.asked.funds or ZERO),
        "W": ms(order.created_ns),
        "V": _STP[order.asked.self_trade],
    }
    if execution == "TRADE_PREVENTION":
        event["v"] = execution_id
    if execution == "EXPIRED" and order.cause in EXPIRY_REASONS:
        event["eR"] = EXPIRY_REASONS[order.cause]
    return event


def rejection(asked: NewOrder, symbol: str, reason: str, execution_id: int, at_ns: int) -> Json:
    """The ``executionReport`` of an order that the engine refused."""
    refused = SimOrder(
        id=_NO_ORDER_ID,
        venue=BINANCE,
        account="",
        asked=asked,
        symbol=symbol,
        created_ns=at_ns,
        updated_ns=at_ns,
    )
    return report(refused, "REJECTED", execution_id, at_ns) | {"X": "REJECTED", "r": reason}


def position(balances: Mapping[Asset, Balance], at_ns: int) -> Json:
    """An ``outboundAccountPosition``: what the account holds now of what changed."""
    return {
        "e": "outboundAccountPosition",
        "E": ms(at_ns),
        "u": ms(at_ns),
        "B": [
            {"a": asset, "f": text(balance.free), "l": text(balance.locked)}
            for asset, balance in balances.items()
        ],
    }


def transfer(asset: Asset, delta: Decimal, at_ns: int) -> Json:
    """A ``balanceUpdate``: money that came or went without a trade."""
    return {"e": "balanceUpdate", "E": ms(at_ns), "a": asset, "d": text(delta), "T": ms(at_ns)}


def balances(held: Iterable[tuple[Asset, Balance]], *, omit_zero: bool) -> list[Json]:
    """The ``balances`` of ``GET /api/v3/account``."""
    return [
        {"asset": asset, "free": text(balance.free), "locked": text(balance.locked)}
        for asset, balance in held
        if balance.total or not omit_zero
    ]


def _amounts(order: SimOrder) -> Json:
    asked = order.asked
    # A purchase by quote quantity has no quantity of its own: what it got is what it asked for.
    quantity = order.executed if order.quantity is None else order.quantity
    kind = "MARKET" if asked.kind is Kind.MARKET else "LIMIT"
    tif = asked.time_in_force
    if tif is TimeInForce.POST_ONLY:
        kind, tif = "LIMIT_MAKER", TimeInForce.GTC
    if asked.kind is Kind.MARKET:
        tif = TimeInForce.GTC
    return {
        "price": text(asked.price or ZERO),
        "origQty": text(quantity),
        "executedQty": text(order.executed),
        "cummulativeQuoteQty": text(order.executed_funds),
        "status": status_of(order),
        "timeInForce": tif.value.upper(),
        "type": kind,
        "side": asked.side.value.upper(),
    }


def _expiry(order: SimOrder) -> Json:
    if status_of(order) != "EXPIRED":
        return {}
    return {"expiryReason": EXPIRY_REASONS.get(order.cause, "EXCHANGE_CANCELED")}
