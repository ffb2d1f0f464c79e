"""FeeBook: what each trade of ours cost, where a venue tells the fee of an order only.

A trade is booked once, by its key, so its fee must be the same from whichever side it is told
first: the private stream or an order looked up.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

_KEPT = 8192
_PLACES = Decimal("0.00000001")
# So much of the larger one may the difference of two numbers be off that were written as doubles.
_DOUBLE = Decimal("4.5e-16")
_EXACT = Context(prec=120, rounding=ROUND_DOWN)
_ZERO = Decimal(0)


class FeeBook:
    """Fees by order and trade. The first word on a trade stays; the oldest are forgotten.

    A trade's id alone does not do: nobody promises that it is unique beyond its order.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._fees: dict[tuple[str, str], Decimal] = {}
        self._kept = kept

    def settle(self, order: str, trade: str, fee: Decimal) -> Decimal:
        """The fee of a trade of which ``fee`` is now told: what was told first."""
        first = self._fees.setdefault((order, trade), fee)
        if len(self._fees) > self._kept:
            del self._fees[next(iter(self._fees))]
        return first

    def find(self, order: str, trade: str) -> Decimal | None:
        """What was told of a trade."""
        return self._fees.get((order, trade))

    def split(
        self, order: str, trades: Sequence[tuple[str, Decimal]], paid: Decimal
    ) -> tuple[Decimal, ...]:
        """The fee of each trade of an order, given as id and value, of which ``paid`` in all.

        What was told before stays, the rest divides what is left of ``paid``, to the last digit.
        """
        known = {trade: self.find(order, trade) for trade, _ in trades}
        left = paid
        for fee in known.values():
            left = _EXACT.subtract(left, fee or _ZERO)
        new = [(trade, value) for trade, value in trades if known[trade] is None]
        shares = shared([value for _, value in new], max(left, _ZERO))
        for (trade, _), fee in zip(new, shares, strict=True):
            known[trade] = self.settle(order, trade, fee)
        return tuple(known[trade] or _ZERO for trade, _ in trades)


def is_as_told(exact: Decimal, fee: Decimal, told: Decimal) -> bool:
    """Whether ``fee``, taken from a number a socket ``told``, is ``exact`` but for the rounding."""
    return abs(_EXACT.subtract(exact, fee)) <= _EXACT.multiply(told, _DOUBLE)


def unrounded(fee: Decimal, value: Decimal) -> Decimal:
    """``fee`` as it was before a socket rounded it, where one rate of at most eight places says so.

    REST tells every digit and sockets write doubles, but a trade of this ``value`` must cost the
    same from whichever it is heard.
    """
    if value <= 0:
        return fee
    rate = _EXACT.divide(fee, value).quantize(_PLACES, ROUND_HALF_EVEN, _EXACT)
    exact = _EXACT.multiply(value, rate)
    return exact if is_as_told(exact, fee, fee) else fee


def shared(values: Sequence[Decimal], paid: Decimal) -> tuple[Decimal, ...]:
    """``paid`` divided by value; its parts sum to it exactly.

    By one rate of at most eight places where that gives ``paid``; else in proportion, cut to eight
    places or those of ``paid``, and the last takes what remains.
    """
    if not values:
        return ()
    total = _ZERO
    for value in values:
        total = _EXACT.add(total, value)
    if len(values) == 1 or total <= 0:
        return (*(_ZERO for _ in values[1:]), paid)
    rate = _EXACT.divide(paid, total)
    round_rate = rate.quantize(_PLACES, ROUND_HALF_EVEN, _EXACT)
    fees = [_EXACT.multiply(value, round_rate) for value in values]
    if _sum(fees) == paid:
        return tuple(fees)
    digit = Decimal((0, (1,), min(int(paid.as_tuple().exponent), -8)))
    fees = [_EXACT.quantize(_EXACT.multiply(value, rate), digit) for value in values[:-1]]
    return (*fees, _EXACT.subtract(paid, _sum(fees)))


def _sum(values: Sequence[Decimal]) -> Decimal:
    total = _ZERO
    for value in values:
        total = _EXACT.add(total, value)
    return total
