"""Stop-loss: when a trade, or a lone leg, has lost what it may. It says so; the closing desk acts.

A hedged trade stops on the value change of both legs together, prices only, each on its closing
side and walked for its size. A leg of a hedged trade is never stopped alone.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.instrument import KRW, Instrument, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import PairName, TradeId
from trader.domain.trade import Trade
from trader.portfolio.marks import mark_trade

_HUNDRED = Decimal(100)
_BAR_NS = 60_000_000_000
# A trade of a billion won is still exact to a thousandth of this in floats.
_FLOAT_MARGIN_KRW = 0.01


class StopMode(StrEnum):
    """How the distance to the stop is found."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    TRAILING = "trailing"


class StopRules(Struct, frozen=True):
    """The config section ``stoploss``; percentages in percent."""

    mode: StopMode = StopMode.STATIC
    static_pct: Decimal = Decimal("1.2")
    atr_multiple: Decimal = Decimal(3)
    atr_window: int = 20
    max_pct: Decimal = Decimal("3.0")


class StopReading(Struct, frozen=True):
    """A trade against its stop, in won: it stops when ``change_krw <= limit_krw``."""

    change_krw: Decimal
    limit_krw: Decimal
    age_ms: float

    @property
    def is_reached(self) -> bool:
        """Whether the stop is reached; equal counts."""
        return self.change_krw <= self.limit_krw


class RangeBars:
    """One-minute bars of a percentage, for the average true range over the last ``window`` bars.

    True range of a bar: the largest of high - low, |high - previous close|, |low - previous close|
    (Wilder, New Concepts in Technical Trading Systems, 1978), averaged plainly.
    """

    def __init__(self, window: int) -> None:
        self._ranges: deque[float] = deque(maxlen=window)
        self._minute = -1
        self._high = self._low = self._last = 0.0
        self._closed: float | None = None

    def add(self, mono_ns: int, value: float) -> None:
        """Take in the value seen at ``mono_ns``."""
        minute = mono_ns // _BAR_NS
        if minute != self._minute:
            if self._minute >= 0:
                self._finish_bar()
            self._minute, self._high, self._low = minute, value, value
        self._high, self._low, self._last = max(self._high, value), min(self._low, value), value

    @property
    def average(self) -> float | None:
        """Average true range, or None until the window is full."""
        if len(self._ranges) < (self._ranges.maxlen or 1):
            return None
        return sum(self._ranges) / len(self._ranges)

    def _finish_bar(self) -> None:
        high, low = self._high, self._low
        if self._closed is not None:
            high, low = max(high, self._closed), min(low, self._closed)
        self._ranges.append(high - low)
        self._closed = self._last


class _Watch(Struct, frozen=True, gc=False):
    """A trade in floats, for the test that runs on every tick. Valid for that very ``trade``."""

    trade: Trade
    legs: tuple[tuple[InstrumentId, float, bool], ...]
    cost_krw: float
    bound_krw: float
    best_krw: float


class StopLoss:
    """Reads trades against their stops. The only state is the bars of the dynamic mode."""

    def __init__(self, rules: StopRules, instruments: Mapping[InstrumentId, Instrument]) -> None:
        self._rules = rules
        self._is_always_near = rules.mode is StopMode.DYNAMIC
        self._follows_best = rules.mode is StopMode.TRAILING
        self._instruments = instruments
        self._bars: dict[PairName, RangeBars] = {}
        self._watches: dict[TradeId, _Watch] = {}

    @property
    def mode(self) -> StopMode:
        """Which rule is in force."""
        return self._rules.mode

    def observe(self, pair: PairName, mono_ns: int, spread_pct: float) -> None:
        """Feed the dynamic mode one reading of a pair's mid spread, in percent."""
        bars = self._bars.get(pair)
        if bars is None:
            bars = self._bars[pair] = RangeBars(self._rules.atr_window)
        bars.add(mono_ns, spread_pct)

    def is_near(self, trade: Trade, market: MarketView) -> bool:
        """Whether the trade may have reached its stop, or a new best, by its best prices in floats.

        False is certain, within a margin far above what floats lose; True wants ``read``. A size
        beyond the best level, a missing price and the dynamic mode always want it.
        """
        watch = self._watches.get(trade.id)
        if watch is None or watch.trade is not trade:
            watch = self._watch(trade)
        dollar = market.last_good.get(market.usdt_krw) if market.usdt_krw else None
        rate = dollar.mid if dollar is not None else 0.0
        value = -watch.cost_krw
        for instrument, quantity, in_dollars in watch.legs:
            book = market.books.get(instrument)
            if book is None:
                return True
            price, size = book.bids[0] if quantity > 0.0 else book.asks[0]
            if quantity > size or -quantity > size:
                return True
            value += price * quantity * rate if in_dollars else price * quantity
        return (
            value <= watch.bound_krw
            or self._is_always_near
            or (self._follows_best and value >= watch.best_krw)
        )

    def forget(self, trade_id: TradeId) -> None:
        """Drop what was kept of a trade that is over."""
        self._watches.pop(trade_id, None)

    def read(self, trade: Trade, market: MarketView, now_mono_ns: int) -> StopReading | None:
        """The trade against its stop; None while a leg has no price.

        A one-legged trade stops where its own price has moved ``pct`` percent against its entry,
        which is the same arithmetic: its notional is quantity times entry price.
        """
        mark = mark_trade(trade, self._instruments, market, now_mono_ns)
        if mark is None:
            return None
        return StopReading(mark.unrealised_krw, self.limit_krw(trade), mark.age_ms)

    def limit_krw(self, trade: Trade) -> Decimal:
        """The value change in won at which the trade stops."""
        limit = -self.distance_pct(trade.pair) / _HUNDRED * trade.notional_krw
        if self._rules.mode is StopMode.TRAILING:
            limit += max(trade.best_krw, Decimal(0))
        return limit

    def _watch(self, trade: Trade) -> _Watch:
        watch = _Watch(
            trade,
            tuple(
                (leg, float(position.quantity), self._instruments[leg].quote != KRW)
                for leg, position in trade.legs
                if position.quantity != 0
            ),
            sum(float(position.cost_krw) for _, position in trade.legs),
            float(self.limit_krw(trade)) + _FLOAT_MARGIN_KRW,
            float(trade.best_krw) - _FLOAT_MARGIN_KRW,
        )
        self._watches[trade.id] = watch
        return watch

    def distance_pct(self, pair: PairName) -> Decimal:
        """How far the stop is, in percent of entry notional.

        The dynamic mode holds to the static distance until its window of bars is full.
        """
        rules = self._rules
        if rules.mode is not StopMode.DYNAMIC:
            return rules.static_pct
        bars = self._bars.get(pair)
        average = None if bars is None else bars.average
        if average is None:
            return rules.static_pct
        return min(rules.atr_multiple * Decimal(repr(average)), rules.max_pct)
