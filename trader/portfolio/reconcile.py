"""Reconcile: what a venue states against what the ledger counts. Finds, and changes nothing."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from trader.domain.account import Holding
from trader.domain.instrument import KRW, Asset, Instrument, Venue

_ZERO = Decimal(0)
_WON = Decimal(1)


class BalanceDifference(Struct, frozen=True):
    """A venue states another balance than the ledger counts; None where it counts none yet."""

    venue: Venue
    asset: Asset
    counted: Decimal | None
    stated: Decimal

    @property
    def change(self) -> Decimal:
        """What the venue states beyond what is counted; negative where it states less."""
        return self.stated - (self.counted or _ZERO)


def balance_differences(
    venue: Venue,
    stated: Mapping[Asset, Decimal],
    counted: Mapping[Holding, Decimal],
    instruments: Iterable[Instrument],
) -> tuple[BalanceDifference, ...]:
    """Every asset of the venue's instruments whose balance is not what the ledger counts."""
    traded = dict.fromkeys(
        asset
        for instrument in instruments
        if instrument.venue == venue
        for asset in (instrument.base, instrument.quote)
    )
    found = []
    for asset in traded:
        before, now = counted.get((venue, asset)), stated.get(asset, _ZERO)
        if before != now:
            found.append(BalanceDifference(venue, asset, before, now))
    return tuple(found)


def is_rounding(difference: BalanceDifference, instruments: Iterable[Instrument]) -> bool:
    """Whether it is less than a lot of the asset, or than one won: no transfer is that small."""
    if difference.asset == KRW:
        return abs(difference.change) < _WON
    lots = [
        instrument.lot
        for instrument in instruments
        if instrument.venue == difference.venue and instrument.base == difference.asset
    ]
    return bool(lots) and abs(difference.change) < min(lots)
