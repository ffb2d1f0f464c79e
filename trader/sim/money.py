"""What orders reserve, what fills move, what is given back. Every unit taken is put somewhere.

Fees leave the account; nothing else does. Call within :data:`EXACT`: the usual 28 digits round.
"""

from decimal import ROUND_FLOOR, Context, Decimal
from typing import NamedTuple

from trader.domain.instrument import Asset, FeeIn, Instrument
from trader.domain.order import Side
from trader.sim.books import Take
from trader.sim.model import ZERO, Account, NewOrder, SimOrder

EXACT = Context(prec=80)


class Reserve(NamedTuple):
    """What an order sets aside; ``fee`` is the part of ``amount`` meant for fees."""

    asset: Asset
    amount: Decimal
    fee: Decimal


class Charge(NamedTuple):
    """The fee of one fill."""

    fee: Decimal
    asset: Asset


def reserve_for(
    asked: NewOrder, instrument: Instrument, share: Decimal, takes: list[Take]
) -> Reserve:
    """What the order needs: of the coin for a sale, of the quote with its fee for a purchase.

    ``share`` is the fee's share of one; a purchase of a quantity at market needs what it takes.
    """
    if asked.side is Side.SELL:
        assert asked.quantity is not None
        return Reserve(instrument.base, asked.quantity, ZERO)
    if asked.price is not None and asked.quantity is not None:
        value = asked.price * asked.quantity
    elif asked.funds is not None:
        value = asked.funds
    else:
        value = sum((take.price * take.quantity for take in takes), ZERO)
    fee = value * share if instrument.fees.charged_in is FeeIn.QUOTE else ZERO
    return Reserve(instrument.quote, value + fee, fee)


def lock(account: Account, order: SimOrder, reserve: Reserve) -> None:
    """Set the reserve aside; the caller has made sure it is there."""
    balance = account.balance(reserve.asset)
    balance.free -= reserve.amount
    balance.locked += reserve.amount
    order.locked = reserve.amount
    order.reserved_fee = order.remaining_fee = reserve.fee


def charge_for(
    instrument: Instrument, side: Side, take: Take, share: Decimal, step: Decimal | None
) -> Charge:
    """The fee of a fill, cut down to the venue's ``step`` where it has one."""
    in_coin = instrument.fees.charged_in is FeeIn.RECEIVED and side is Side.BUY
    fee = (take.quantity if in_coin else take.price * take.quantity) * share
    if step is not None:
        fee = (fee / step).to_integral_value(ROUND_FLOOR) * step
    return Charge(fee, instrument.base if in_coin else instrument.quote)


def settle(
    account: Account, instrument: Instrument, order: SimOrder, take: Take, charge: Charge
) -> None:
    """Move what one fill moves, out of the order's reserve and into the account."""
    quote, base = account.balance(instrument.quote), account.balance(instrument.base)
    funds = take.price * take.quantity
    if order.side is Side.SELL:
        base.locked -= take.quantity
        order.locked -= take.quantity
        quote.free += funds - charge.fee
        return
    # A limit reserved at its own price: what a better one saves comes back at once.
    at = take.price if order.asked.price is None else order.asked.price
    value = at * take.quantity
    in_quote = charge.asset == instrument.quote
    fee_part = value * account.fees.reserve if in_quote else ZERO
    released, spent = value + fee_part, funds + (charge.fee if in_quote else ZERO)
    quote.locked -= released
    quote.free += released - spent
    order.locked -= released
    order.remaining_fee -= fee_part
    base.free += take.quantity if in_quote else take.quantity - charge.fee


def release(account: Account, instrument: Instrument, order: SimOrder) -> bool:
    """Give back what an order that ended still had set aside; whether that was anything."""
    rest, order.locked, order.remaining_fee = order.locked, ZERO, ZERO
    asset = instrument.base if order.side is Side.SELL else instrument.quote
    balance = account.balance(asset)
    balance.locked -= rest
    balance.free += rest
    return rest != 0
