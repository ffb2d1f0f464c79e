"""Scenes: engines in a known state, and the books that are shown to them.

Books are those of the seeded market, fifteen levels a side, from a ring small enough for the
processor's caches: a frame decoded a moment ago is there too. Stamps move on by a millisecond.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    MS_NS,
    SECOND_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    engine_rules,
    some_instruments,
    some_limits,
    strategy_parameters,
)
from trader.domain.clock import SimulatedClock
from trader.domain.events import BookUpdated, Event, OrderReported
from trader.domain.facts import Fact
from trader.domain.instrument import InstrumentId
from trader.domain.market import Level, OrderBook
from trader.domain.order import LedgerName, OrderState
from trader.domain.synthetic import SyntheticMarket
from trader.engine.engine import Engine, Outcome
from trader.execution.paper import PaperVenues
from trader.portfolio.stoploss import StopRules
from trader.strategy.spread import SpreadStrategy

_SEED = 7
_RING = 256
_NO_BOUND = Decimal(10) ** 15
_SIGNAL, _EVEN = 1.008, 0.9995

Sides = tuple[tuple[Level, ...], tuple[Level, ...]]


class Stamps:
    """A pair of clocks that moves on by a millisecond with every book."""

    def __init__(self) -> None:
        self._mono_ns = SECOND_NS

    def book(self, instrument: InstrumentId, sides: Sides) -> BookUpdated:
        """The book as just read."""
        self._mono_ns += MS_NS
        at_ns = AT_NS + self._mono_ns
        return BookUpdated(OrderBook(instrument, *sides, at_ns, self._mono_ns, at_ns))

    def skip(self, milliseconds: int) -> None:
        """Let time pass."""
        self._mono_ns += milliseconds * MS_NS

    @property
    def now(self) -> tuple[int, int]:
        """UTC and monotonic nanoseconds now."""
        return AT_NS + self._mono_ns, self._mono_ns


def drawn_books() -> list[tuple[InstrumentId, Sides]]:
    """The ring of books: the market's instruments in turn, a quarter of a second apart."""
    market = SyntheticMarket(_SEED)
    names = [name for name in some_instruments() if name in market.instruments]
    ring = []
    for number in range(_RING):
        market.step(0.25)
        name = names[number % len(names)]
        book = market.book(name)
        ring.append((name, (book.bids, book.asks)))
    return ring


def quotes(stamps: Stamps, number: int) -> list[BookUpdated]:
    """That many books, one millisecond apart, as events."""
    ring = drawn_books()
    return [stamps.book(*ring[k % _RING]) for k in range(number)]


def quiet_engine(facts: Sequence[Fact] = ()) -> Engine:
    """An engine whose bounds nothing in the ring reaches: no signal, no exit, no stop."""
    engine = an_engine(
        strategy=strategy_parameters(exit_spread_pct=Decimal(-90), min_profit_pct=Decimal(500)),
        stop=StopRules(static_pct=Decimal(50)),
        max_holding_minutes=0,
    )
    engine.restore(facts)
    return engine


def an_engine(**rules: Any) -> Engine:
    """An engine with the spread strategy, two pairs, both directions."""
    instruments = some_instruments()
    given = engine_rules(**rules)
    return Engine(given, instruments, SpreadStrategy(given.strategy, instruments))


class SignalScene:
    """A market in which Upbit's book, whenever asked for, is a signal; decided over and over."""

    def __init__(self, *, refused: bool = False) -> None:
        """With ``refused``, one check refuses every signal."""
        self.engine = an_engine(
            limits=some_limits(
                max_entry_orders_per_minute=_NO_BOUND,
                min_liquidity_krw=_NO_BOUND if refused else 20_000_000,
            ),
            max_repeats=1_000_000_000,
        )
        self.facts: list[Fact] = []
        self._stamps = Stamps()
        self._books = dict(drawn_books())
        mids = {name: (bids[0][0] + asks[0][0]) / 2 for name, (bids, asks) in self._books.items()}
        even = mids[BINANCE_BTC] * mids[UPBIT_USDT] / mids[UPBIT_BTC]
        self._upbit = {
            premium: _moved(self._books[UPBIT_BTC], even * premium) for premium in (_EVEN, _SIGNAL)
        }
        self._reports: list[Event] = []
        self._clock = SimulatedClock(AT_NS)
        state = self.engine.state
        self._venues = PaperVenues(
            state.instruments, state.market.books, self._clock, self._reports.append, latency_ms=0
        )
        # Paper balances are given on the first second that knows every price.
        for _ in range(2):
            self.show_all()
            self._stamps.skip(1_000)
        self.show_all()

    def show_all(self) -> None:
        """Every book again; nothing is to be gained in any."""
        for name, sides in self._books.items():
            shown = self._upbit[_EVEN] if name == UPBIT_BTC else sides
            self._take(self.engine.process(self._stamps.book(name, shown)))

    def signal(self) -> BookUpdated:
        """Upbit's book with a premium worth taking, not yet processed."""
        return self._stamps.book(UPBIT_BTC, self._upbit[_SIGNAL])

    def call_off(self, outcome: Outcome) -> None:
        """End the orders with nothing filled, so that the next signal finds the room of the first.

        Raises:
            AssertionError: the signal was not decided as two orders.
        """
        assert len(outcome.orders) == 2, self.engine.snapshot().refusals_by_check
        self.facts.extend(outcome.facts)
        for order in outcome.orders:
            report = OrderReported(
                *self._stamps.now, order.client_order_id, OrderState.CANCELLED, Decimal(0)
            )
            self._take(self.engine.process(report))

    def open_trade(self) -> None:
        """Take the signal and have both legs filled."""
        self._take(self.engine.process(self.signal()))
        assert self._open_trades() == 1, self.engine.snapshot().refusals_by_check

    def close_trade(self) -> None:
        """Show that the premium is gone; the trade's exit is filled."""
        self.show_all()
        assert self._open_trades() == 0

    def _take(self, outcome: Outcome) -> None:
        """Keep the facts, let the paper venues answer the orders, and so on until all is quiet."""
        self.facts.extend(outcome.facts)
        self._venues.submit(outcome.orders)
        while self._clock.advance(0):
            pass
        reports = tuple(self._reports)
        self._reports.clear()
        for report in reports:
            self._take(self.engine.process(report))

    def _open_trades(self) -> int:
        return len(self.engine.state.ledgers[LedgerName.PAPER].trades)


def facts_of_an_open_trade() -> list[Fact]:
    """The journal of an engine that holds one trade, both legs whole."""
    scene = SignalScene()
    scene.open_trade()
    return scene.facts


def facts_of_trades(number: int) -> list[Fact]:
    """The journal of an engine that has opened and closed that many trades."""
    scene = SignalScene()
    for _ in range(number):
        scene.open_trade()
        scene.close_trade()
    return scene.facts


def _moved(sides: Sides, factor: float) -> Sides:
    """Both sides at ``factor`` times their prices, on Upbit's grid of a thousand won."""
    bids, asks = sides
    shift = round(bids[0][0] * (factor - 1) / 1_000) * 1_000
    return (
        tuple((price + shift, quantity) for price, quantity in bids),
        tuple((price + shift, quantity) for price, quantity in asks),
    )
