"""Orders, trades and refusals as Bithumb writes them: what is not there is left out.

Pure. Source: exchange fact sheet 2.3, 2.7 and 2.8.
"""

from collections.abc import Mapping

from trader.domain.order import Side
from trader.sim.korean_orders import SIDE_WORDS, order_type, stated_force, stated_price
from trader.sim.korean_params import Failure, in_ms, korean_time, plain, plain_or_none
from trader.sim.model import (
    ZERO,
    Cause,
    Code,
    OrderState,
    Refused,
    SimOrder,
    SimTrade,
)

Fields = dict[str, object]

STP_TYPE = "cancel_taker"
_STREAM_SIDES = {Side.BUY: "buy", Side.SELL: "sell"}
_CANCEL_TYPES = {
    Cause.IOC: "tif_cancel",
    Cause.FOK: "tif_cancel",
    Cause.POST_ONLY: "tif_cancel",
    Cause.SELF_TRADE: "stp_cancel",
}
# Ends that count as done once anything was filled: Bithumb tells a partial IOC from an empty one.
_DONE_WHEN_FILLED = frozenset((Cause.IOC, Cause.UNSPENT, Cause.NO_LIQUIDITY))

# What the sheet gives no name for: market_offline, duplicate_client_order_id.
_NAMES: Mapping[Code, tuple[int, str, str]] = {
    Code.MARKET_OFFLINE: (400, "market_offline", "거래가 중단된 마켓입니다."),
    Code.OFF_TICK: (400, "invalid_price_{side}", "주문 가격 단위가 올바르지 않습니다."),
    # Told with a good status: some errors of this venue are, and clients must see them.
    Code.BELOW_MINIMUM: (200, "under_price_limit_{side}", "최소 주문 금액 미만입니다."),
    Code.INSUFFICIENT_FUNDS: (400, "insufficient_funds_{side}", "주문 가능 금액이 부족합니다."),
    Code.DUPLICATE_CLIENT_ID: (
        400,
        "duplicate_client_order_id",
        "이미 사용된 client_order_id 입니다.",
    ),
    Code.ORDER_NOT_FOUND: (404, "order_not_found", "주문을 찾을 수 없습니다."),
    Code.ORDER_FINAL: (404, "order_not_found", "주문을 찾을 수 없습니다."),
}


def failure_of(refused: Refused, side: Side = Side.BUY) -> Failure:
    """What Bithumb answers where the exchange refuses."""
    unnamed = (400, "invalid_parameter", "잘못된 파라미터입니다.")
    status, name, message = _NAMES.get(refused.code, unnamed)
    return Failure(status, name.format(side=SIDE_WORDS[side]), message)


def malformed(name: str) -> Failure:
    """A parameter is not what it must be."""
    word = "invalid_price" if name == "price" else "invalid_parameter"
    return Failure(400, word, f"잘못된 파라미터입니다: {name}")


def not_ready() -> Failure:
    """The order is still being taken in."""
    return Failure(422, "order_not_ready", "주문이 접수 중입니다. 잠시 후 다시 시도해 주세요.")


def order_state(order: SimOrder) -> str:
    """Bithumb's word for where the order stands."""
    match order.state:
        case OrderState.OPEN | OrderState.PARTLY_FILLED:
            return "wait"
        case OrderState.DONE:
            return "done"
        case OrderState.CANCELLED:
            filled = order.executed > ZERO and order.cause in _DONE_WHEN_FILLED
            return "done" if filled else "cancel"


def acknowledgement(order: SimOrder) -> Fields:
    """The answer to a new order: that it came in, and nothing of what became of it."""
    answer = cancel_view(order)
    answer |= {
        "market": order.symbol,
        "side": SIDE_WORDS[order.side],
        "order_type": order_type(order.asked),
        "stp_type": STP_TYPE,
    }
    force = stated_force(order.asked)
    if force is not None:
        answer["time_in_force"] = force
    return answer


def cancel_view(order: SimOrder) -> Fields:
    """The answer to a cancel: that it was accepted, not that the order is gone."""
    view: Fields = {"order_id": order.id, "created_at": korean_time(order.created_ns)}
    if order.client_id:
        view["client_order_id"] = order.client_id
    return view


def order_view(order: SimOrder, canceling: str = "", *, with_trades: bool = False) -> Fields:
    """The order as queries tell it, under ``uuid`` and ``ord_type`` where placing said otherwise.

    ``canceling`` is the order that self-trade prevention let stand.
    """
    asked = order.asked
    view: Fields = {
        "uuid": order.id,
        "side": SIDE_WORDS[order.side],
        "ord_type": order_type(asked),
        "price": plain_or_none(stated_price(asked)),
        "state": order_state(order),
        "market": order.symbol,
        "created_at": korean_time(order.created_ns),
        "volume": plain_or_none(asked.quantity),
        "remaining_volume": plain(order.remaining or ZERO),
        "reserved_fee": plain(order.reserved_fee),
        "remaining_fee": plain(order.remaining_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.locked),
        "executed_volume": plain(order.executed),
        "executed_funds": plain(order.executed_funds),
        "trades_count": len(order.trades),
        "stp_type": STP_TYPE,
        "client_order_id": order.client_id or None,
        "time_in_force": stated_force(asked),
        "cancel_type": _cancel_type(order),
        "canceling_uuid": canceling or None,
    }
    optional = ("client_order_id", "time_in_force", "cancel_type", "canceling_uuid", "volume")
    view = _without_nothing(view, optional)
    if with_trades:
        view["trades"] = [_trade_view(order, trade) for trade in order.trades]
    return view


def order_message(
    order: SimOrder, state: str, now_ns: int, trade: SimTrade | None = None, canceling: str = ""
) -> Fields:
    """``myOrder`` of the second version; what has no value is left out, and no trades counted."""
    asked = order.asked
    message: Fields = {
        "type": "myOrder",
        "stream_type": "REALTIME",
        "code": order.symbol,
        "order_id": order.id,
        "client_order_id": order.client_id or None,
        "side": _STREAM_SIDES[order.side],
        "order_type": order_type(asked),
        "state": state,
        "time_in_force": stated_force(asked),
        "order_price": asked.price if asked.price is not None else ZERO,
        "order_quantity": asked.quantity,
        "order_amount": asked.funds
        if asked.price is None or asked.quantity is None
        else asked.price * asked.quantity,
        "executed_quantity": order.executed,
        "remaining_quantity": order.remaining,
        "executed_amount": order.executed_funds,
        "reserved_fee": order.reserved_fee,
        "remaining_fee": order.remaining_fee,
        "paid_fee": order.paid_fee,
        "cancel_type": _cancel_type(order) if state == "cancel" else None,
        "canceling_order_id": canceling or None,
        "order_timestamp": in_ms(order.created_ns),
        "timestamp": in_ms(now_ns),
    }
    if trade is not None:
        message |= {
            "trade_id": trade.id,
            "trade_price": trade.price,
            "trade_quantity": trade.quantity,
            "trade_amount": trade.funds,
            "trade_timestamp": in_ms(trade.at_ns),
        }
    return _without_nothing(message, tuple(message))


def _cancel_type(order: SimOrder) -> str | None:
    """Why the venue ended it; a cancel by its owner has no documented word."""
    return _CANCEL_TYPES.get(order.cause) if order_state(order) == "cancel" else None


def _trade_view(order: SimOrder, trade: SimTrade) -> Fields:
    return {
        "market": order.symbol,
        "uuid": trade.id,
        "price": plain(trade.price),
        "volume": plain(trade.quantity),
        "funds": plain(trade.funds),
        "side": SIDE_WORDS[trade.side],
        "created_at": korean_time(trade.at_ns),
    }


def _without_nothing(fields: Fields, optional: tuple[str, ...]) -> Fields:
    return {
        name: value for name, value in fields.items() if value is not None or name not in optional
    }
