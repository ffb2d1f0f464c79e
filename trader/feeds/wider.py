"""WiderMarket: the seeded market, and beside it every instrument the config names that it lacks.

So that mock can rehearse a venue of the user's own. Nothing here changes a book of the market
itself: one seed shows the same of it, whoever else is simulated.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from random import Random

from trader.domain.instrument import KRW, Instrument, InstrumentId
from trader.domain.synthetic import SyntheticBook, SyntheticMarket

_PREMIUM_SD = 0.0022
_HALF_LIFE_S = 15 * 60.0
"""About as far, and for as long, as two Korean venues stray from each other."""


class WiderMarket:
    """Books of the market, and those of more venues that stray from its own."""

    def __init__(
        self, market: SyntheticMarket, instruments: Mapping[InstrumentId, Instrument], seed: int
    ) -> None:
        self._market = market
        listed = market.instruments
        self._strays = {
            name: _Stray(one, Random(f"{seed}/{name}/stray"))
            for name, one in instruments.items()
            if name not in listed
        }

    def step(self, elapsed_s: float) -> None:
        """Let so many seconds of market time pass; none change nothing."""
        self._market.step(elapsed_s)
        if elapsed_s > 0.0:
            for stray in self._strays.values():
                stray.advance(elapsed_s)

    def book(self, instrument: str) -> SyntheticBook:
        """The book as it stands now; the same until the next step."""
        stray = self._strays.get(InstrumentId(instrument))
        if stray is None:
            return self._market.book(instrument)
        return stray.shifted(self._market.book(stray.followed))


class _Stray:
    """One instrument that follows another by a premium, which wanders around zero."""

    def __init__(self, instrument: Instrument, chance: Random) -> None:
        self._instrument = instrument
        self._chance = chance
        self._premium = chance.gauss(0.0, _PREMIUM_SD)
        followed = "upbit" if instrument.quote == KRW else "binance"
        self.followed = f"{followed}:{instrument.base}-{instrument.quote}"

    def advance(self, elapsed_s: float) -> None:
        kept = 0.5 ** (elapsed_s / _HALF_LIFE_S)
        noise = _PREMIUM_SD * math.sqrt(1.0 - kept * kept)
        self._premium = self._premium * kept + noise * self._chance.gauss(0.0, 1.0)

    def shifted(self, book: SyntheticBook) -> SyntheticBook:
        """The followed book, moved as a whole by whole ticks."""
        best = Decimal(repr(book.bids[0][0]))
        tick = self._instrument.tick_at(best)
        shift = tick * round(best * Decimal(self._premium) / tick)

        def moved(side: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
            return tuple((float(Decimal(repr(price)) + shift), size) for price, size in side)

        return SyntheticBook(self._instrument.id, moved(book.bids), moved(book.asks))
