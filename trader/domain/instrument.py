"""Venues, assets, instruments: identity, rounding to tick and lot, minimum notional, fees."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

Venue = NewType("Venue", str)
Asset = NewType("Asset", str)
InstrumentId = NewType("InstrumentId", str)
"""``venue:BASE-QUOTE``, for instance ``upbit:BTC-KRW``. A string, since its hash is cached."""

UPBIT = Venue("upbit")
BITHUMB = Venue("bithumb")
BINANCE = Venue("binance")
KRW = Asset("KRW")
USDT = Asset("USDT")

_HUNDRED = Decimal(100)


class Rounding(StrEnum):
    """Which way a price moves onto its tick grid."""

    DOWN = "down"
    UP = "up"


class FeeIn(StrEnum):
    """What a venue takes its fee in."""

    QUOTE = "quote"
    """The quote asset, on top of a purchase and out of a sale (Upbit, Bithumb)."""
    RECEIVED = "received"
    """Whatever the fill brings in: the coin on a purchase, the quote on a sale (Binance)."""


class FeeSchedule(Struct, frozen=True):
    """Taker fee in percent of the fill's value, and the asset it is taken in."""

    taker_pct: Decimal
    charged_in: FeeIn = FeeIn.QUOTE

    @property
    def taker_share(self) -> Decimal:
        """The fee as a share of one."""
        return self.taker_pct / _HUNDRED


class TickBand(Struct, frozen=True):
    """The price step at and above ``from_price``, both in the quote asset."""

    from_price: Decimal
    tick: Decimal


class Instrument(Struct, frozen=True):
    """What is traded at one venue, with the rules the venue states for it.

    ``min_notional`` is in the quote asset. ``bands`` are sorted by ``from_price``, from zero on.
    What is not ``tradable`` is not entered; what is ``halted`` takes no order at all now, also none
    that would close something.
    """

    id: InstrumentId
    venue: Venue
    base: Asset
    quote: Asset
    bands: tuple[TickBand, ...]
    lot: Decimal
    min_notional: Decimal
    fees: FeeSchedule
    tradable: bool = True
    halted: bool = False

    def tick_at(self, price: Decimal) -> Decimal:
        """The price step in force at ``price``."""
        tick = self.bands[0].tick
        for band in self.bands:
            if price < band.from_price:
                break
            tick = band.tick
        return tick

    def round_price(self, price: Decimal, towards: Rounding) -> Decimal:
        """``price`` on the tick grid; down can reach zero, which no check lets pass."""
        return _on_grid(price, self.tick_at(price), towards)

    def is_on_tick(self, price: Decimal) -> bool:
        """Whether the venue would take this price."""
        return price % self.tick_at(price) == 0

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """``quantity`` cut to whole lots."""
        return _on_grid(quantity, self.lot, Rounding.DOWN)

    def is_on_lot(self, quantity: Decimal) -> bool:
        """Whether the venue would take this quantity."""
        return quantity % self.lot == 0


def instrument_id(venue: Venue, base: Asset, quote: Asset) -> InstrumentId:
    """The id under which an instrument is known everywhere in the program."""
    return InstrumentId(f"{venue}:{base}-{quote}")


def split_id(instrument: InstrumentId) -> tuple[Venue, Asset, Asset]:
    """Venue, base and quote of an id.

    Raises:
        ValueError: the text is not ``venue:BASE-QUOTE``.
    """
    venue, colon, symbol = instrument.partition(":")
    base, dash, quote = symbol.partition("-")
    if not (venue and colon and base and dash and quote):
        raise ValueError(f"{instrument!r} is not venue:BASE-QUOTE")
    return Venue(venue), Asset(base), Asset(quote)


def coarser_lot(first: Instrument, second: Instrument) -> Decimal:
    """The lot both venues take: the larger, as lots are powers of ten."""
    return max(first.lot, second.lot)


def _on_grid(value: Decimal, step: Decimal, towards: Rounding) -> Decimal:
    rounding = ROUND_FLOOR if towards is Rounding.DOWN else ROUND_CEILING
    return (value / step).to_integral_value(rounding) * step
