"""A moving book: what the market stated, less what our orders took of it since."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from trader.domain.instrument import InstrumentId
from trader.domain.market import exact
from trader.domain.order import Side
from trader.sim.model import ZERO, Book, Levels


class Take(NamedTuple):
    """So much at that price."""

    price: Decimal
    quantity: Decimal


class MarketBook:
    """The book of one instrument. A side becomes exact only when an order looks at it."""

    __slots__ = ("_asks", "_at_ns", "_bids", "_instrument", "_left", "sequence")

    def __init__(self, instrument: InstrumentId) -> None:
        self._instrument = instrument
        self._bids: Levels = ()
        self._asks: Levels = ()
        self._at_ns = 0
        self._left: dict[Side, dict[Decimal, Decimal]] = {}
        self.sequence = 0

    def state(self, bids: Levels, asks: Levels, at_ns: int) -> None:
        """Replace both sides; what was taken is forgotten."""
        self._bids, self._asks, self._at_ns = bids, asks, at_ns
        self.sequence += 1
        if self._left:
            self._left.clear()

    def view(self) -> Book:
        """What is displayed now."""
        if self._left:
            bids, asks = self._displayed(Side.SELL), self._displayed(Side.BUY)
            return Book(self._instrument, bids, asks, self.sequence, self._at_ns)
        return Book(self._instrument, self._bids, self._asks, self.sequence, self._at_ns)

    def best(self, side: Side) -> Decimal | None:
        """The first price an order of this side meets; None where nothing stands."""
        return next((level.price for level in self.offered(side)), None)

    def offered(self, side: Side) -> list[Take]:
        """What an order of this side may take, best first: asks for a purchase."""
        left = self._left.get(side)
        if left is None:
            levels = self._asks if side is Side.BUY else self._bids
            left = self._left[side] = {}
            for price, size in levels:
                at = exact(price)
                left[at] = left.get(at, ZERO) + exact(size)
        return [Take(price, quantity) for price, quantity in left.items() if quantity > 0]

    def take(self, side: Side, take: Take, at_ns: int) -> None:
        """An order of this side has taken so much; it is gone until the book is stated anew."""
        self._left[side][take.price] -= take.quantity
        self._at_ns = at_ns
        self.sequence += 1

    def _displayed(self, side: Side) -> Levels:
        if side not in self._left:
            return self._asks if side is Side.BUY else self._bids
        return tuple((float(price), float(size)) for price, size in self.offered(side))


class Wanted(NamedTuple):
    """How much an order still wants, and at what price at worst.

    Exactly one of ``quantity`` and ``funds`` (quote asset) is set.
    """

    side: Side
    quantity: Decimal | None
    funds: Decimal | None
    limit: Decimal | None
    lot: Decimal


def plan(offered: Iterable[Take], wanted: Wanted) -> list[Take]:
    """What the order would take, walking level by level; never more than is displayed."""
    takes: list[Take] = []
    quantity, funds = wanted.quantity, wanted.funds
    for price, size in offered:
        if wanted.limit is not None and not reaches(wanted.side, wanted.limit, price):
            break
        if quantity is not None:
            taken = min(size, quantity)
            quantity -= taken
        else:
            assert funds is not None
            # Whole lots that the rest pays for; // on decimals is exact.
            taken = min(size, funds // (price * wanted.lot) * wanted.lot)
            funds -= taken * price
        if taken <= 0:
            break
        takes.append(Take(price, taken))
    return takes


def reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Whether an order with this limit may trade at a price."""
    return price <= limit if side is Side.BUY else price >= limit
