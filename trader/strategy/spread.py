"""The spread strategy: sell a coin where it is dear, buy it where it is cheap, close when even.

Floats find out on every tick whether there may be something; only then is it computed exactly.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import nan

from msgspec import Struct

from trader.domain.instrument import KRW, Instrument, InstrumentId, coarser_lot
from trader.domain.market import MarketView, Walk, exact, walk
from trader.domain.order import (
    Evidence,
    Intent,
    LedgerName,
    PairName,
    Proposal,
    Purpose,
    Side,
    worsened,
)
from trader.domain.trade import Trade
from trader.strategy.protocol import MayOpen, StrategyParameters

_HUNDRED = Decimal(100)
_ONE = Decimal(1)
_THREE = Decimal(3)
# Floats carry 15 digits: a ratio this far below its threshold cannot be above it exactly.
_FLOAT_SLACK = 1e-9
_BOUGHT_IN_DOLLARS, _SOLD_IN_DOLLARS = 1, 2

_Test = tuple[InstrumentId, InstrumentId, float, int | None, "Direction"]
"""Sold, bought, least ratio, which leg is in dollars if one is, and whose test this is."""


class Direction(Struct, frozen=True):
    """One way round a pair. ``least_ratio`` is the bound of the fast test."""

    pair: PairName
    name: str
    sell: Instrument
    buy: Instrument
    least_ratio: float
    fees_pct: Decimal


class Opportunity(Struct, frozen=True):
    """A direction worth more than its costs: quantities and limits walked from both books."""

    direction: Direction
    quantity: Decimal
    sell_limit: Decimal
    buy_limit: Decimal
    evidence: Evidence


class SpreadStrategy:
    """Openings of every configured pair in both directions; see ``strategy.protocol.Strategy``."""

    def __init__(
        self, parameters: StrategyParameters, instruments: Mapping[InstrumentId, Instrument]
    ) -> None:
        self._parameters = parameters
        self._instruments = dict(instruments)
        self._rebuild()

    @property
    def directions(self) -> Sequence[tuple[PairName, str, InstrumentId, InstrumentId]]:
        """Every (pair, direction, sold instrument, bought instrument)."""
        return tuple((d.pair, d.name, d.sell.id, d.buy.id) for d in self._directions.values())

    def revise(self, instrument: Instrument) -> None:
        """Take over an instrument's rules or fees; thresholds follow at once."""
        self._instruments[instrument.id] = instrument
        self._rebuild()

    def propose(
        self, instrument: InstrumentId, market: MarketView, ledger: LedgerName, may_open: MayOpen
    ) -> Proposal | None:
        """The first direction touched by this book whose expected net profit is above its bound."""
        books = market.books
        # On every tick: plain tuples, and nothing is looked at before it is needed.
        for sold, bought, least_ratio, money, direction in self._touched.get(instrument, ()):
            sell, buy = books.get(sold), books.get(bought)
            if sell is None or buy is None:
                continue
            ratio = sell.bids[0][0] / buy.asks[0][0]
            seen_ns = 0
            if money is not None:
                dollar = books.get(market.usdt_krw) if market.usdt_krw is not None else None
                if dollar is None:
                    continue
                # A move of KRW-USDT alone is a signal of its own, however long the legs were quiet.
                seen_ns = dollar.mono_ns
                if money == _BOUGHT_IN_DOLLARS:
                    ratio /= dollar.asks[0][0]
                else:
                    ratio *= dollar.bids[0][0]
            if ratio <= least_ratio or not may_open(direction.pair, direction.name):
                continue
            found = self.opportunity(direction, market)
            if found is not None:
                return _proposal(found, ledger, max(seen_ns, sell.mono_ns, buy.mono_ns))
        return None

    def is_signal(self, pair: PairName, direction: str, market: MarketView) -> bool:
        """Whether this direction's expected net profit is above its bound now."""
        known = self._directions.get((pair, direction))
        return known is not None and self.opportunity(known, market) is not None

    def opportunity(self, direction: Direction, market: MarketView) -> Opportunity | None:
        """Evaluate one direction exactly; None where no signal exists.

        Opening spread: best bid sold at over best ask bought at, in won, less one. Expected net
        profit: that, less exit spread, less the fees of four fills, less the slippage of four, the
        closing's taken as the opening's.
        """
        sell_book = market.books.get(direction.sell.id)
        buy_book = market.books.get(direction.buy.id)
        sell_rate = market.won_taking(direction.sell.quote, leaving=False)
        buy_rate = market.won_taking(direction.buy.quote, leaving=True)
        if sell_book is None or buy_book is None or sell_rate is None or buy_rate is None:
            return None
        bid, ask = exact(sell_book.best_bid), exact(buy_book.best_ask)
        dear, cheap = bid * sell_rate, ask * buy_rate
        lot = coarser_lot(direction.sell, direction.buy)
        quantity = (self._parameters.position_size_krw / max(dear, cheap)) // lot * lot
        sold, bought = walk(sell_book.bids, quantity), walk(buy_book.asks, quantity)
        if sold is None or bought is None:
            return None
        evidence = self._evidence(
            direction, dear / cheap, _slippage(sold, bid) + _slippage(bought, ask)
        )
        if evidence.expected_net_pct <= self._parameters.min_profit_pct:
            return None
        thinner = min(sold.displayed, bought.displayed)
        confidence = min(_ONE, thinner / (_THREE * quantity))
        rate = buy_rate if direction.buy.quote != KRW else sell_rate
        evidence = Evidence(
            spread_pct=evidence.spread_pct,
            fees_pct=evidence.fees_pct,
            slippage_pct=evidence.slippage_pct,
            expected_net_pct=evidence.expected_net_pct,
            confidence=confidence,
            usdt_krw=None if rate == _ONE else rate,
        )
        return Opportunity(direction, quantity, sold.last_price, bought.last_price, evidence)

    def wants_exit(self, trade: Trade, market: MarketView) -> bool:
        """Whether the closing spread, walked for the trade's size, is at or under its bound."""
        if len(trade.legs) != 2:
            return False
        (a, held_a), (b, held_b) = trade.legs
        if held_a.quantity > 0:
            a, held_a, b, held_b = b, held_b, a, held_a
        short, long = market.books.get(a), market.books.get(b)
        if short is None or long is None or held_a.quantity >= 0 or held_b.quantity <= 0:
            return False
        # Walking only makes it worse, so the best prices must pass before anything is exact.
        best = short.asks[0][0] * self._float_won(a, market, leaving=True)
        if best > long.bids[0][0] * self._float_won(b, market, leaving=False) * self._exit_ratio:
            return False
        buy_back = self._in_won(a, market, leaving=True)
        sell_off = self._in_won(b, market, leaving=False)
        if buy_back != sell_off and market.usdt_krw not in market.books:
            # Won against dollars, and the dollar's book is void: its last price proves nothing.
            return False
        if buy_back is None or sell_off is None:
            return False
        bound = _ONE + self._parameters.exit_spread_pct / _HUNDRED
        bought, sold = walk(short.asks, -held_a.quantity), walk(long.bids, held_b.quantity)
        if bought is None or sold is None:
            return False
        if bought.filled < -held_a.quantity or sold.filled < held_b.quantity:
            return False
        return bought.average_price * buy_back <= bound * sold.average_price * sell_off

    def complete(self, trade: Trade, market: MarketView, signal_ns: int) -> Proposal | None:
        """Buy or sell what is missing, if at today's price the whole is still worth it."""
        lone, direction = trade.lone_leg, self._directions.get((trade.pair, trade.direction))
        if lone is None or direction is None:
            return None
        net = lone[1]
        missing = direction.buy if net < 0 else direction.sell
        side = Side.BUY if net < 0 else Side.SELL
        book = market.books.get(missing.id)
        rate = self._in_won(missing.id, market, leaving=side is Side.BUY)
        entry = trade.position(lone[0]).average_krw
        quantity = missing.floor_quantity(abs(net))
        if book is None or rate is None or entry is None or quantity <= 0:
            return None
        levels = book.asks if side is Side.BUY else book.bids
        taken, best = walk(levels, quantity), exact(levels[0][0])
        if taken is None:
            return None
        price = best * rate
        ratio = entry / price if side is Side.BUY else price / entry
        evidence = self._evidence(direction, ratio, _slippage(taken, best))
        if evidence.expected_net_pct <= self._parameters.min_profit_pct:
            return None
        limit = worsened(best, self._parameters.max_unwind_slippage_pct, side, missing)
        intent = Intent(missing.id, side, quantity, limit)
        return Proposal(
            pair=trade.pair,
            direction=trade.direction,
            purpose=Purpose.COMPLETE,
            ledger=trade.ledger,
            intents=(intent,),
            signal_ns=signal_ns,
            trade_id=trade.id,
            evidence=Evidence(
                spread_pct=evidence.spread_pct,
                fees_pct=evidence.fees_pct,
                slippage_pct=evidence.slippage_pct,
                expected_net_pct=evidence.expected_net_pct,
                confidence=min(_ONE, taken.displayed / (_THREE * quantity)),
            ),
        )

    def _evidence(self, direction: Direction, ratio: Decimal, slippage: Decimal) -> Evidence:
        spread = (ratio - _ONE) * _HUNDRED
        expected = spread - self._parameters.exit_spread_pct - direction.fees_pct - 2 * slippage
        return Evidence(spread, direction.fees_pct, 2 * slippage, expected, Decimal(0))

    def _in_won(
        self, instrument: InstrumentId, market: MarketView, *, leaving: bool
    ) -> Decimal | None:
        known = self._instruments.get(instrument)
        return None if known is None else market.won_taking(known.quote, leaving=leaving)

    def _float_won(self, instrument: InstrumentId, market: MarketView, *, leaving: bool) -> float:
        """``_in_won`` for the fast test; a NaN, which passes every test, where that is None."""
        in_won = self._quoted_in_won.get(instrument)
        if in_won:
            return 1.0
        usdt_krw = market.usdt_krw
        book = None if in_won is None or usdt_krw is None else market.last_good.get(usdt_krw)
        if book is None:
            return nan
        return book.asks[0][0] if leaving else book.bids[0][0]

    def _rebuild(self) -> None:
        self._exit_ratio = float(_ONE + self._parameters.exit_spread_pct / _HUNDRED) + _FLOAT_SLACK
        self._quoted_in_won = {
            instrument.id: instrument.quote == KRW for instrument in self._instruments.values()
        }
        self._directions: dict[tuple[PairName, str], Direction] = {}
        for pair in self._parameters.pairs:
            first, second = self._instruments[pair.first], self._instruments[pair.second]
            for sell, buy in ((first, second), (second, first)):
                direction = self._direction(pair.name, sell, buy)
                self._directions[direction.pair, direction.name] = direction
        self._touched: dict[InstrumentId, tuple[_Test, ...]] = {}
        for direction in self._directions.values():
            test = _fast_test(direction)
            legs = [direction.sell.id, direction.buy.id]
            if self._parameters.usdt_krw and direction.sell.quote != direction.buy.quote:
                legs.append(self._parameters.usdt_krw)
            for leg in legs:
                self._touched[leg] = (*self._touched.get(leg, ()), test)

    def _direction(self, pair: PairName, sell: Instrument, buy: Instrument) -> Direction:
        fees = 2 * (sell.fees.taker_pct + buy.fees.taker_pct)
        least = self._parameters.exit_spread_pct + self._parameters.min_profit_pct + fees
        name = f"{sell.venue}>{buy.venue}"
        return Direction(pair, name, sell, buy, 1 + float(least) / 100 - _FLOAT_SLACK, fees)


def _fast_test(direction: Direction) -> _Test:
    """What a tick is tested by, without a look at any instrument."""
    money = None
    if direction.sell.quote != direction.buy.quote:
        money = _BOUGHT_IN_DOLLARS if direction.buy.quote != KRW else _SOLD_IN_DOLLARS
    return direction.sell.id, direction.buy.id, direction.least_ratio, money, direction


def _slippage(taken: Walk, best: Decimal) -> Decimal:
    return abs(taken.average_price / best - _ONE) * _HUNDRED


def _proposal(found: Opportunity, ledger: LedgerName, signal_ns: int) -> Proposal:
    direction = found.direction
    return Proposal(
        pair=direction.pair,
        direction=direction.name,
        purpose=Purpose.OPEN,
        ledger=ledger,
        intents=(
            Intent(direction.sell.id, Side.SELL, found.quantity, found.sell_limit),
            Intent(direction.buy.id, Side.BUY, found.quantity, found.buy_limit),
        ),
        signal_ns=signal_ns,
        evidence=found.evidence,
    )
