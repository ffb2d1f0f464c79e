"""Orders, trades, balances and refusals as Upbit writes them.

Pure. Source: exchange fact sheet 1.3, 1.7 and 1.8.
"""

from collections.abc import Mapping
from decimal import Decimal

from trader.domain.order import Side
from trader.sim.korean_orders import SIDE_WORDS, order_type, stated_force, stated_price
from trader.sim.korean_params import Failure, in_ms, korean_time, plain, plain_or_none
from trader.sim.model import (
    ZERO,
    Cause,
    Code,
    OrderEnded,
    OrderState,
    Refused,
    SimOrder,
    SimTrade,
)

Fields = dict[str, object]

# What the sheet gives no name for is marked; a client must not depend on those names.
_NAMES: Mapping[Code, tuple[int, str, str]] = {
    Code.UNKNOWN_MARKET: (400, "validation_error", "잘못된 마켓입니다."),
    Code.MARKET_OFFLINE: (400, "market_offline", "현재 거래가 지원되지 않는 페어입니다."),
    Code.MALFORMED: (400, "validation_error", "잘못된 API 요청입니다."),
    Code.OFF_TICK: (400, "invalid_price_{side}", "주문가격 단위를 잘못 입력하셨습니다."),
    Code.OFF_LOT: (400, "validation_error", "주문수량 단위를 잘못 입력하셨습니다."),
    Code.BELOW_MINIMUM: (400, "under_min_total_{side}", "최소주문금액 이상으로 주문해주세요."),
    Code.ABOVE_MAXIMUM: (400, "volume_too_large", "최대주문금액 이하로 주문해주세요."),
    Code.INSUFFICIENT_FUNDS: (400, "insufficient_funds_{side}", "주문가능한 금액이 부족합니다."),
    # Unnamed in the sheet.
    Code.DUPLICATE_CLIENT_ID: (400, "duplicate_identifier", "이미 사용된 identifier 입니다."),
    Code.BEYOND_BOOK: (400, "volume_too_large", "호가 총량을 초과한 주문입니다."),
    Code.ORDER_NOT_FOUND: (404, "order_not_found", "주문을 찾지 못했습니다."),
    Code.ORDER_FINAL: (404, "order_not_found", "주문을 찾지 못했습니다."),
}


def failure_of(refused: Refused, side: Side | None = None) -> Failure:
    """What Upbit answers where the exchange refuses."""
    word = SIDE_WORDS.get(side, "bid") if side is not None else "bid"
    unnamed = (400, f"create_{word}_error", "주문 요청 정보가 올바르지 않습니다.")
    status, name, message = _NAMES.get(refused.code, unnamed)
    return Failure(status, name.format(side=word), message)


def malformed(name: str) -> Failure:
    """A parameter of a signed request is not what it must be."""
    return Failure(400, "validation_error", f"잘못된 파라미터: {name}")


def malformed_public(name: str) -> Failure:
    """The same of a quotation, whose errors go by numbers."""
    return Failure(400, 400, f"Invalid request parameter: {name}")


def order_state(order: SimOrder) -> str:
    """Upbit's word for where the order stands.

    A purchase by funds that bought all it could still ends as ``cancel`` when a part of the funds
    was too little to spend; so does an IOC with a rest.
    """
    match order.state:
        case OrderState.OPEN | OrderState.PARTLY_FILLED:
            return "wait"
        case OrderState.DONE:
            return "done"
        case OrderState.CANCELLED:
            return "cancel"


def order_view(order: SimOrder, *, with_trades: bool = False) -> Fields:
    """The order as REST tells it; only the call for a single order names its trades."""
    asked = order.asked
    view: Fields = {
        "market": order.symbol,
        "uuid": order.id,
        "side": SIDE_WORDS[order.side],
        "ord_type": order_type(asked),
        "price": plain_or_none(stated_price(asked)),
        "state": order_state(order),
        "created_at": korean_time(order.created_ns),
        "volume": plain_or_none(asked.quantity),
        "remaining_volume": plain(order.remaining or ZERO),
        "executed_volume": plain(order.executed),
        "executed_funds": plain(order.executed_funds),
        "reserved_fee": plain(order.reserved_fee),
        "remaining_fee": plain(order.remaining_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.locked),
        "prevented_volume": plain(_prevented_volume(order)),
        "prevented_locked": plain(_prevented_locked(order)),
        "trades_count": len(order.trades),
        "smp_type": str(asked.self_trade),
    }
    force = stated_force(asked)
    if force is not None:
        view["time_in_force"] = force
    if order.client_id:
        view["identifier"] = order.client_id
    if with_trades:
        view["trades"] = [_trade_view(order, trade) for trade in order.trades]
    return view


def order_message(order: SimOrder, state: str, now_ns: int, trade: SimTrade | None) -> Fields:
    """``myOrder``: with a trade, price and volume are the fill's and the rest is cumulative."""
    asked = order.asked
    return {
        "type": "myOrder",
        "code": order.symbol,
        "uuid": order.id,
        "ask_bid": SIDE_WORDS[order.side].upper(),
        "order_type": order_type(asked),
        "state": state,
        "trade_uuid": trade.id if trade is not None else None,
        "price": trade.price if trade is not None else stated_price(asked),
        "avg_price": order.average_price or ZERO,
        "volume": trade.quantity if trade is not None else asked.quantity,
        "remaining_volume": order.remaining or ZERO,
        "executed_volume": order.executed,
        "trades_count": len(order.trades),
        "reserved_fee": order.reserved_fee,
        "remaining_fee": order.remaining_fee,
        "paid_fee": order.paid_fee,
        "locked": order.locked,
        "executed_funds": order.executed_funds,
        "time_in_force": stated_force(asked),
        "trade_fee": trade.fee if trade is not None else None,
        "is_maker": trade.is_maker if trade is not None else None,
        "identifier": order.client_id or None,
        "smp_type": str(asked.self_trade),
        "prevented_volume": _prevented_volume(order),
        "prevented_locked": _prevented_locked(order),
        "trade_timestamp": in_ms(trade.at_ns) if trade is not None else None,
        "order_timestamp": in_ms(order.created_ns),
        "timestamp": in_ms(now_ns),
        "stream_type": "REALTIME",
    }


def ending_messages(event: OrderEnded, now_ns: int) -> list[Fields]:
    """How an end is told: what self-trade prevention took off is told first."""
    order = event.order
    states = [order_state(order)]
    if order.cause is Cause.SELF_TRADE:
        states.insert(0, "prevented")
    return [order_message(order, state, now_ns, None) for state in states]


def _trade_view(order: SimOrder, trade: SimTrade) -> Fields:
    return {
        "market": order.symbol,
        "uuid": trade.id,
        "price": plain(trade.price),
        "volume": plain(trade.quantity),
        "funds": plain(trade.funds),
        "trend": "up" if trade.side is Side.BUY else "down",
        "created_at": korean_time(trade.at_ns),
        "side": SIDE_WORDS[trade.side],
    }


def _prevented_volume(order: SimOrder) -> Decimal:
    return (order.remaining or ZERO) if order.cause is Cause.SELF_TRADE else ZERO


def _prevented_locked(order: SimOrder) -> Decimal:
    """Won for a purchase, the coin for a sale."""
    volume = _prevented_volume(order)
    price = order.asked.price
    return volume * price if order.side is Side.BUY and price is not None else volume
