"""Closings: proposals that only reduce a trade, for every reason there is to close one.

Price rule: the best price worsened by ``execution.max_unwind_slippage_pct``;
the quantity is cut on all legs alike to what stands within it and to what the balances cover.
"""

from collections.abc import Mapping
from decimal import Decimal

from trader.domain.account import Holding
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import MarketView, exact, quantity_within
from trader.domain.order import Intent, Proposal, Purpose, Side, worsened
from trader.domain.trade import Trade

_ZERO = Decimal(0)


class ClosingDesk:
    """Builds closing proposals against the books of the moment. Holds no trade."""

    def __init__(
        self, instruments: Mapping[InstrumentId, Instrument], max_unwind_slippage_pct: Decimal
    ) -> None:
        self._instruments = instruments
        self._worsen_pct = max_unwind_slippage_pct

    def close(
        self,
        trade: Trade,
        quantity: Decimal,
        market: MarketView,
        free: Mapping[Holding, Decimal],
        purpose: Purpose,
        signal_ns: int,
    ) -> Proposal | None:
        """Close ``quantity`` of every leg alike; None while a book is missing or nothing fits."""
        sized = min(quantity, trade.size)
        legs: list[tuple[Instrument, Side, Decimal]] = []
        for instrument_id, position in trade.legs:
            instrument = self._instruments[instrument_id]
            side = Side.SELL if position.quantity > 0 else Side.BUY
            limit = self._limit(instrument, side, market)
            if limit is None:
                return None
            sized = min(sized, self._reach(instrument, side, limit, market, free))
            legs.append((instrument, side, limit))
        lot = max(instrument.lot for instrument, _, _ in legs)
        sized = sized // lot * lot
        if sized <= 0:
            return None
        intents = tuple(Intent(i.id, side, sized, limit) for i, side, limit in legs)
        return _closing(trade, purpose, intents, signal_ns)

    def unwind(
        self,
        trade: Trade,
        market: MarketView,
        free: Mapping[Holding, Decimal],
        signal_ns: int,
    ) -> Proposal | None:
        """Reduce the leg that stands alone by what it is beyond the other; None where it cannot."""
        lone = trade.lone_leg
        if lone is None:
            return None
        instrument = self._instruments[lone[0]]
        side = Side.SELL if lone[1] > 0 else Side.BUY
        limit = self._limit(instrument, side, market)
        if limit is None:
            return None
        reach = self._reach(instrument, side, limit, market, free)
        sized = instrument.floor_quantity(min(abs(lone[1]), reach))
        if sized <= 0:
            return None
        intent = Intent(instrument.id, side, sized, limit)
        return _closing(trade, Purpose.UNWIND, (intent,), signal_ns)

    def is_dust(self, instrument: InstrumentId, quantity: Decimal, market: MarketView) -> bool:
        """Whether ``quantity`` (signed) is under what the venue would take: its lot or its minimum.

        The minimum is judged at the limit price a closing would carry, as the venue judges it.
        Without a book only the lot can tell, so the remainder is not yet called dust.
        """
        known = self._instruments[instrument]
        cut = known.floor_quantity(abs(quantity))
        if cut == 0:
            return True
        book = market.last_good.get(instrument)
        if book is None:
            return False
        side = Side.SELL if quantity > 0 else Side.BUY
        best = exact(book.best_ask if side is Side.BUY else book.best_bid)
        return cut * worsened(best, self._worsen_pct, side, known) < known.min_notional

    def _limit(self, instrument: Instrument, side: Side, market: MarketView) -> Decimal | None:
        book = market.books.get(instrument.id)
        if book is None:
            return None
        best = exact(book.best_ask if side is Side.BUY else book.best_bid)
        return worsened(best, self._worsen_pct, side, instrument)

    def _reach(
        self,
        instrument: Instrument,
        side: Side,
        limit: Decimal,
        market: MarketView,
        free: Mapping[Holding, Decimal],
    ) -> Decimal:
        """The most that stands within ``limit`` and that the balance covers."""
        book = market.books[instrument.id]
        buying = side is Side.BUY
        standing = quantity_within(book.asks if buying else book.bids, limit, buying=buying)
        if not buying:
            return min(standing, free.get((instrument.venue, instrument.base), _ZERO))
        money = free.get((instrument.venue, instrument.quote), _ZERO)
        if limit <= 0:
            return _ZERO
        return min(standing, max(money, _ZERO) / (limit * (1 + instrument.fees.taker_share)))


def _closing(
    trade: Trade, purpose: Purpose, intents: tuple[Intent, ...], signal_ns: int
) -> Proposal:
    return Proposal(
        pair=trade.pair,
        direction=trade.direction,
        purpose=purpose,
        ledger=trade.ledger,
        intents=intents,
        signal_ns=signal_ns,
        trade_id=trade.id,
    )
