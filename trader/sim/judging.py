"""What an order would do to a book and an account, worked out before anything is changed."""

from decimal import Decimal

from msgspec import Struct

from trader.domain.instrument import Instrument
from trader.sim.books import MarketBook, Take, Wanted, plan
from trader.sim.checks import check_listing, check_shape
from trader.sim.faults import Twist
from trader.sim.model import (
    ZERO,
    Account,
    Cause,
    Code,
    Kind,
    Listing,
    NewOrder,
    Refused,
    SelfTrade,
    SimOrder,
    TimeInForce,
)
from trader.sim.money import Reserve, reserve_for
from trader.sim.orders import OrderStore, own_in_the_way
from trader.sim.rules import VenueRules


class Judged(Struct, frozen=True):
    """What to do: set aside, cancel own orders in the way, take, and then rest or end.

    ``ends`` is why it ends with something left; None for one that rests.
    """

    reserve: Reserve
    in_the_way: list[SimOrder]
    takes: list[Take]
    ends: Cause | None


def judge(
    account: Account,
    asked: NewOrder,
    listing: Listing,
    book: MarketBook,
    store: OrderStore,
    rules: VenueRules,
    twist: Twist,
) -> Judged:
    """Work out what the order does.

    Raises:
        Refused: it may not be placed.
    """
    check_shape(asked)
    check_listing(asked, listing, book.best(asked.side))
    if twist.reject is not None:
        raise Refused(twist.reject, "refused on demand")
    if len(store.open) >= rules.max_open_orders:
        raise Refused(Code.TOO_MANY_OPEN, str(len(store.open)))
    in_the_way = [] if asked.self_trade is SelfTrade.NONE else own_in_the_way(store, asked)
    takes, ends = _takes(asked, listing.instrument, book, in_the_way, rules)
    if twist.share is not None and takes and asked.time_in_force is not TimeInForce.FOK:
        takes = _part_of(takes, twist.share, listing.instrument.lot)
        if ends is Cause.UNSPENT:
            ends = Cause.NO_LIQUIDITY if asked.kind is Kind.MARKET else Cause.IOC
    reserve = reserve_for(asked, listing.instrument, account.fees.reserve, takes)
    if account.balance(reserve.asset).free < reserve.amount:
        raise Refused(Code.INSUFFICIENT_FUNDS, f"{reserve.amount} {reserve.asset}")
    if asked.self_trade is not SelfTrade.CANCEL_MAKER:
        in_the_way = []
    elif takes and _is_whole(asked, takes, listing.instrument.lot):
        # Filled before it came to those further away.
        in_the_way = [own for own in in_the_way if _comes_before(own, takes[-1], asked)]
    return Judged(reserve, in_the_way, takes, ends)


def _takes(
    asked: NewOrder,
    instrument: Instrument,
    book: MarketBook,
    in_the_way: list[SimOrder],
    rules: VenueRules,
) -> tuple[list[Take], Cause | None]:
    """What is taken, and why it ends then; the cause matters only where something is left."""
    offered = book.offered(asked.side)
    if asked.kind is Kind.BEST:
        offered = offered[:1]
    limit, is_blocked = asked.price, False
    if in_the_way and asked.self_trade is SelfTrade.CANCEL_TAKER:
        limit, is_blocked = in_the_way[0].asked.price, True
    takes = plan(offered, Wanted(asked.side, asked.quantity, asked.funds, limit, instrument.lot))
    is_whole = _is_whole(asked, takes, instrument.lot)
    if asked.time_in_force is TimeInForce.POST_ONLY and takes:
        if rules.refuses_taking_post_only:
            raise Refused(Code.WOULD_TAKE, str(asked.price))
        return [], Cause.POST_ONLY
    if asked.time_in_force is TimeInForce.FOK and not is_whole:
        return [], Cause.FOK
    if is_whole and asked.funds is not None:
        return takes, Cause.UNSPENT
    if is_blocked and not is_whole:
        return takes, Cause.SELF_TRADE
    if asked.kind is Kind.MARKET:
        if rules.refuses_market_beyond_book and not is_whole:
            raise Refused(Code.BEYOND_BOOK, "more than all that is displayed")
        return takes, Cause.NO_LIQUIDITY
    return takes, Cause.IOC if asked.time_in_force is TimeInForce.IOC else None


def _comes_before(own: SimOrder, last: Take, asked: NewOrder) -> bool:
    return own.asked.price is not None and (last.price - own.asked.price) * asked.side.sign > 0


def _is_whole(asked: NewOrder, takes: list[Take], lot: Decimal) -> bool:
    """Whether the takes are all that could be bought or sold.

    Funds are spent when the rest does not buy one lot more at the last price.
    """
    if asked.quantity is not None:
        return sum((take.quantity for take in takes), ZERO) == asked.quantity
    assert asked.funds is not None
    left = asked.funds - sum((take.price * take.quantity for take in takes), ZERO)
    return bool(takes) and left < takes[-1].price * lot


def _part_of(takes: list[Take], share: Decimal, lot: Decimal) -> list[Take]:
    """The first of the takes, up to a share of their quantity in whole lots."""
    left = sum((take.quantity for take in takes), ZERO) * share // lot * lot
    part: list[Take] = []
    for price, quantity in takes:
        taken = min(quantity, left)
        if taken > 0:
            part.append(Take(price, taken))
        left -= taken
    return part
