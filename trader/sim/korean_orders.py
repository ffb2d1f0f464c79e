"""How Upbit and Bithumb read an order's type, amounts and time in force, which they do alike.

Pure. Source: exchange fact sheet 1.3 and 2.3.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from trader.domain.instrument import InstrumentId
from trader.domain.order import Side
from trader.sim.korean_params import Failure, Params
from trader.sim.model import Kind, NewOrder, SelfTrade, SimOrder, TimeInForce

SIDES = {"bid": Side.BUY, "ask": Side.SELL}
SIDE_WORDS = {Side.BUY: "bid", Side.SELL: "ask"}

_FORCES = {
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "post_only": TimeInForce.POST_ONLY,
}
_ALLOWED_FORCES = {"limit": ("ioc", "fok", "post_only"), "best": ("ioc", "fok")}
_TYPES = ("limit", "price", "market", "best")
_VOLUME_DECIMALS = 8
_WEEK_NS = 7 * 24 * 3_600 * 1_000_000_000

Malformed = Callable[[str], Failure]


def side_of(params: Params, malformed: Malformed) -> Side:
    """The side an order names."""
    side = SIDES.get(params.required("side"))
    if side is None:
        raise malformed("side")
    return side


def read_amounts(
    params: Params, type_name: str, instrument: InstrumentId, side: Side, malformed: Malformed
) -> NewOrder:
    """The order but for its client id and self-trade rule; ``type_name`` is what the type is under.

    Raises:
        Failure: type, amounts and time in force do not go together.
    """
    kind = params.required(type_name)
    if kind not in _TYPES:
        raise malformed(type_name)
    price, volume = params.decimal("price"), params.decimal("volume")
    if volume is not None and -int(volume.as_tuple().exponent) > _VOLUME_DECIMALS:
        raise malformed("volume")
    if not _fits(kind, side, price, volume):
        raise malformed(type_name)
    by_funds = kind == "price" or (kind == "best" and side is Side.BUY)
    return NewOrder(
        instrument=instrument,
        side=side,
        kind={"limit": Kind.LIMIT, "best": Kind.BEST}.get(kind, Kind.MARKET),
        quantity=volume,
        price=price if kind == "limit" else None,
        funds=price if by_funds else None,
        time_in_force=_force(params, kind, malformed),
        self_trade=SelfTrade.CANCEL_TAKER,
    )


def order_type(asked: NewOrder) -> str:
    """The word for a kind of order: a market purchase is named after what it gives."""
    if asked.kind is Kind.MARKET:
        return "price" if asked.side is Side.BUY else "market"
    return "limit" if asked.kind is Kind.LIMIT else "best"


def stated_price(asked: NewOrder) -> Decimal | None:
    """What was sent under ``price``: a limit, or for a purchase by funds the won to spend."""
    return asked.price if asked.price is not None else asked.funds


def stated_force(asked: NewOrder) -> str | None:
    """The word for the time in force; None for an order that simply stands."""
    return None if asked.time_in_force is TimeInForce.GTC else str(asked.time_in_force)


def span_ns(params: Params, now_ns: int, malformed: Malformed) -> tuple[int, int]:
    """The span a list of ended orders is asked for; seven days at most, the last ones if unsaid."""
    start_ns, end_ns = params.moment_ns("start_time"), params.moment_ns("end_time")
    if end_ns is None:
        end_ns = now_ns if start_ns is None else start_ns + _WEEK_NS
    if start_ns is None:
        start_ns = end_ns - _WEEK_NS
    if not 0 <= end_ns - start_ns <= _WEEK_NS:
        raise malformed("start_time")
    return start_ns, end_ns


def chosen_states(
    params: Params, allowed: Sequence[str], default: Sequence[str], malformed: Malformed
) -> Sequence[str]:
    """The states a list is asked for, under ``states[]`` or ``state``."""
    one = params.text("state")
    chosen = params.texts("states") or ((one,) if one else default)
    if any(state not in allowed for state in chosen):
        raise malformed("states")
    return chosen


def ordered(orders: Sequence[SimOrder], params: Params) -> list[SimOrder]:
    """Newest first unless asked otherwise."""
    direction = params.choice("order_by", ("asc", "desc")) or "desc"
    # Of the same instant, the one that came in later is newer: the sort keeps the order they had.
    by_age = sorted(orders, key=lambda order: order.created_ns)
    return by_age if direction == "asc" else by_age[::-1]


def _fits(kind: str, side: Side, price: Decimal | None, volume: Decimal | None) -> bool:
    """Whether price and volume are given where they must be, and only there."""
    given = (price is not None, volume is not None)
    match kind:
        case "limit":
            return given == (True, True)
        # A market purchase is named "price" and a market sale "market", never the other way round.
        case "price":
            return side is Side.BUY and given == (True, False)
        case "market":
            return side is Side.SELL and given == (False, True)
        case _:
            return given == (side is Side.BUY, side is Side.SELL)


def _force(params: Params, kind: str, malformed: Malformed) -> TimeInForce:
    given = params.text("time_in_force")
    if given is None and kind != "best":
        return TimeInForce.GTC
    if given is None or given not in _ALLOWED_FORCES.get(kind, ()):
        raise malformed("time_in_force")
    return _FORCES[given]
