"""Reconcile: what a venue states against what the ledger counts. Finds, and changes nothing."""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from trader.domain.account import Holding
from trader.domain.facts import Cause
from trader.domain.instrument import (
    KRW,
    USDT,
    Asset,
    FeeIn,
    Instrument,
    InstrumentId,
    Venue,
    split_id,
)
from trader.domain.trade import Trade

_ZERO, _ONE = Decimal(0), Decimal(1)
# Money has no lot: this much of it is about a won.
_SMALLEST: Mapping[Asset, Decimal] = {KRW: _ONE, USDT: Decimal("0.001")}


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


class Need(Struct, frozen=True):
    """What open legs need of a holding to close, and by how much less is still no shortage."""

    amount: Decimal = _ZERO
    tolerance: Decimal = _ZERO

    def is_short(self, stated: Decimal) -> bool:
        """Whether a balance is short by more than coin fees and a lot."""
        return self.amount - stated > self.tolerance


def traded_assets(venue: Venue, instruments: Iterable[Instrument]) -> tuple[Asset, ...]:
    """The assets that orders at a venue may move, in the order of its instruments."""
    return tuple(
        dict.fromkeys(
            asset
            for instrument in instruments
            if instrument.venue == venue
            for asset in (instrument.base, instrument.quote)
        )
    )


def balance_differences(
    venue: Venue,
    stated: Mapping[Asset, Decimal],
    counted: Mapping[Holding, Decimal],
    instruments: Iterable[Instrument],
) -> tuple[BalanceDifference, ...]:
    """Every asset of the venue's instruments whose balance is not what the ledger counts."""
    found = []
    for asset in traded_assets(venue, instruments):
        before, now = counted.get((venue, asset)), stated.get(asset, _ZERO)
        if before != now:
            found.append(BalanceDifference(venue, asset, before, now))
    return tuple(found)


def is_rounding(difference: BalanceDifference, instruments: Iterable[Instrument]) -> bool:
    """Whether it is less than a lot of the asset, or than about a won: no transfer is so small."""
    smallest = _SMALLEST.get(difference.asset)
    if smallest is not None:
        return abs(difference.change) < smallest
    lots = [
        instrument.lot
        for instrument in instruments
        if instrument.venue == difference.venue and instrument.base == difference.asset
    ]
    return bool(lots) and abs(difference.change) < min(lots)


def cause_of(
    difference: BalanceDifference,
    instruments: Iterable[Instrument],
    *,
    moved_by_us: bool,
    others: Collection[InstrumentId],
) -> Cause:
    """Our best guess. ``moved_by_us``: orders of ours moved this balance since it last agreed;
    ``others`` are the instruments in which the account shows orders of somebody else's.
    """
    if difference.counted is None:
        return Cause.FIRST
    if is_rounding(difference, instruments):
        return Cause.ROUNDING
    if difference.change > 0:
        return Cause.DEPOSIT
    if moved_by_us:
        return Cause.OUR_ORDERS
    if any(difference.asset in split_id(one)[1:] for one in others):
        return Cause.OWN_ORDERS
    return Cause.WITHDRAWAL


def need_of(
    holding: Holding,
    trades: Iterable[Trade],
    instruments: Mapping[InstrumentId, Instrument],
    price: Callable[[InstrumentId], Decimal | None],
) -> Need:
    """What open legs need of a holding: the coin of a long, the money to buy back a short.

    ``price`` is what buying one coin back costs now; where nobody knows, its entry.
    """
    amount, fees, lot = _ZERO, _ZERO, _ZERO
    for trade in trades:
        for leg, position in trade.legs:
            known, held = instruments.get(leg), position.quantity
            if known is None or held == 0:
                continue
            share = known.fees.taker_share
            if held > 0 and holding == (known.venue, known.base):
                amount += held
                lot = max(lot, known.lot)
                if known.fees.charged_in is FeeIn.RECEIVED:
                    fees += held * share
            elif held < 0 and holding == (known.venue, known.quote):
                costs = price(leg)
                if costs is not None:
                    amount += -held * costs * (_ONE + share)
                    lot = max(lot, known.lot * costs)
    return Need(amount, fees + lot)
