"""Prices on a venue's tick grid, as the floats market data is made of."""

import math
from decimal import Decimal
from fractions import Fraction

from trader.domain.instrument import Instrument
from trader.sim.model import Levels

_SLACK = 1e-7


class Grid:
    """The grid of one instrument around one price: a whole number of ticks makes a clean float."""

    __slots__ = ("_over", "_parts")

    def __init__(self, instrument: Instrument, price: float) -> None:
        tick = Fraction(instrument.tick_at(Decimal(repr(price))))
        self._over, self._parts = tick.numerator, tick.denominator

    def below(self, price: float) -> int:
        """The number of ticks at or below a price."""
        return math.floor(price * self._parts / self._over + _SLACK)

    def above(self, price: float) -> int:
        """The number of ticks at or above a price."""
        return math.ceil(price * self._parts / self._over - _SLACK)

    def price(self, ticks: int) -> float:
        """The float nearest to that many ticks, so that it prints as the venue would write it."""
        return ticks * self._over / self._parts


def scaled(levels: Levels, factor: float, instrument: Instrument, *, is_bid: bool) -> Levels:
    """A side with every price multiplied and put back on the grid, away from the other side."""
    merged: dict[float, float] = {}
    for price, size in levels:
        moved = price * factor
        grid = Grid(instrument, moved)
        at = grid.price(grid.below(moved) if is_bid else grid.above(moved))
        if at > 0:
            merged[at] = merged.get(at, 0.0) + size
    # Sizes that met at one price may have gained digits no venue would write.
    return tuple((price, round(size, 8)) for price, size in merged.items())
