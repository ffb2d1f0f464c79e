"""Rebalancer: which trade to reduce, and by how much, when exposure stands above its limit.

Entries never pass that limit; only adopted orders or a lowered limit get there.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from trader.domain.account import Holding
from trader.domain.instrument import KRW, USDT, Asset, Instrument, InstrumentId, Venue
from trader.domain.market import MarketView, exact
from trader.domain.order import TradeId
from trader.domain.trade import Trade, TradePhase

_HUNDRED = Decimal(100)
# A closing's limit is up to half a percent worse than the best price its notional is judged by.
_ROOM = Decimal("1.01")
_ZERO = Decimal(0)


class RebalanceRules(Struct, frozen=True):
    """The config section ``rebalancer``; won and percent."""

    max_exposure_krw: Decimal = Decimal(600_000)
    reduce_pct: Decimal = Decimal(30)
    inventory_skew_pct: Decimal = Decimal(80)


class Reduction(Struct, frozen=True):
    """Close ``quantity`` of each leg of a trade; ``whole`` when nothing of it is to be left."""

    trade_id: TradeId
    quantity: Decimal
    whole: bool


class Skew(Struct, frozen=True):
    """One venue holds ``share_pct`` of an asset; moving ``amount`` to ``to_venue`` levels it."""

    asset: Asset
    share_pct: Decimal
    amount: Decimal
    from_venue: Venue
    to_venue: Venue


def reduction(
    trades: Sequence[tuple[Trade, Decimal]],
    exposure_krw: Decimal,
    rules: RebalanceRules,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
) -> Reduction | None:
    """The worst open trade's reduction while exposure is above the limit, or None.

    ``trades`` come with their unrealised won. The whole trade goes when what would be left is under
    twice the venue minimum of a leg, or the share itself under the minimum. Only one reduction at
    a time: nothing while one is closing.
    """
    if exposure_krw <= rules.max_exposure_krw:
        return None
    if any(trade.phase is TradePhase.CLOSING for trade, _ in trades):
        return None
    open_trades = [(trade, mark) for trade, mark in trades if trade.phase is TradePhase.OPEN]
    if not open_trades:
        return None
    worst, _ = min(open_trades, key=lambda pair: (pair[1], pair[0].id))
    lot = max(instruments[leg].lot for leg, _ in worst.legs)
    quantity = worst.size * rules.reduce_pct / _HUNDRED // lot * lot
    left = worst.size - quantity
    least = max(_least_quantity(instruments[leg], market) for leg, _ in worst.legs)
    whole = quantity < least * _ROOM or left < 2 * least
    return Reduction(worst.id, worst.size if whole else quantity, whole)


def skews(
    balances: Mapping[Holding, Decimal],
    venues_of: Mapping[Asset, Sequence[Venue]],
    limit_pct: Decimal,
) -> list[Skew]:
    """Assets of which one venue holds more than ``limit_pct`` percent of the whole."""
    found = []
    for asset, venues in venues_of.items():
        held = {venue: max(balances.get((venue, asset), _ZERO), _ZERO) for venue in venues}
        total = sum(held.values(), _ZERO)
        if len(venues) < 2 or total <= 0 or asset in (KRW, USDT):
            continue
        richest = max(venues, key=lambda venue: held[venue])
        poorest = min(venues, key=lambda venue: held[venue])
        share = held[richest] / total * _HUNDRED
        if share > limit_pct:
            amount = held[richest] - total / len(venues)
            found.append(Skew(asset, share, amount, richest, poorest))
    return found


def _least_quantity(instrument: Instrument, market: MarketView) -> Decimal:
    book = market.last_good.get(instrument.id)
    if book is None:
        return instrument.lot
    return max(instrument.lot, instrument.min_notional / exact(book.best_bid))
