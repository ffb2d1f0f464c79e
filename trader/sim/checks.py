"""What a venue checks of an order before it looks at the account or the book."""

from decimal import Decimal

from trader.domain.order import Side
from trader.sim.model import (
    Code,
    Kind,
    Listing,
    MarketStatus,
    NewOrder,
    Refused,
    TimeInForce,
)


def check_shape(asked: NewOrder) -> None:
    """Whether price, quantity and funds fit the kind of order.

    Raises:
        Refused: MALFORMED.
    """
    numbers = (asked.price, asked.quantity, asked.funds)
    if not all(number is None or _is_sane(number) for number in numbers):
        raise Refused(Code.MALFORMED, "price, quantity and funds must be above zero, and numbers")
    if asked.kind is Kind.LIMIT:
        is_whole = asked.price is not None and asked.quantity is not None and asked.funds is None
    else:
        is_whole = asked.price is None and (asked.quantity is None) != (asked.funds is None)
        if asked.side is Side.SELL and asked.quantity is None:
            is_whole = False
        if asked.time_in_force is TimeInForce.POST_ONLY:
            is_whole = False
    if asked.kind is Kind.BEST and asked.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
        is_whole = False
    if not is_whole:
        raise Refused(Code.MALFORMED, f"{asked.kind} {asked.side} {asked.time_in_force}")


def check_listing(asked: NewOrder, listing: Listing, touch: Decimal | None) -> None:
    """Whether it trades, and whether tick, lot, minimum and maximum are kept.

    ``touch`` is the price the order would meet first; it values an order without a price.

    Raises:
        Refused: MARKET_OFFLINE, OFF_TICK, OFF_LOT, BELOW_MINIMUM or ABOVE_MAXIMUM.
    """
    instrument = listing.instrument
    if listing.status is not MarketStatus.TRADING:
        raise Refused(Code.MARKET_OFFLINE, listing.symbol)
    if asked.price is not None and not instrument.is_on_tick(asked.price):
        raise Refused(Code.OFF_TICK, f"{asked.price} by {instrument.tick_at(asked.price)}")
    if asked.quantity is not None and not instrument.is_on_lot(asked.quantity):
        raise Refused(Code.OFF_LOT, f"{asked.quantity} by {instrument.lot}")
    value = asked.funds
    if asked.quantity is not None:
        at = asked.price if asked.price is not None else touch
        value = None if at is None else at * asked.quantity
    if value is None:
        return
    if value < instrument.min_notional:
        raise Refused(Code.BELOW_MINIMUM, f"{value} below {instrument.min_notional}")
    if value > listing.max_notional:
        raise Refused(Code.ABOVE_MAXIMUM, f"{value} above {listing.max_notional}")


def _is_sane(number: Decimal) -> bool:
    """Above zero and not so long that arithmetic on it could round."""
    if not number.is_finite() or number <= 0:
        return False
    return -20 <= number.adjusted() <= 15 and len(number.as_tuple().digits) < 30
