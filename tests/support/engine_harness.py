"""An engine with everything a run needs and no thread, socket or real clock.

Two ways to use it. :class:`Desk` hands the engine one event after another and keeps what came of
each, the orders included, which nobody answers but the test. :class:`Rehearsal` joins the engine to
paper venues, the gate and the seeded market, and lets simulated time pass.
"""

from collections import Counter, deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    BITHUMB_BTC,
    MS_NS,
    SECOND_NS,
    UPBIT_BINANCE,
    UPBIT_BTC,
    Number,
    a_book,
    a_dollar_book,
    dec,
    engine_rules,
    some_instruments,
    strategy_parameters,
)
from trader.domain.clock import SimulatedClock
from trader.domain.control import Command, Mode
from trader.domain.events import (
    BookUpdated,
    CommandReceived,
    CycleTicked,
    Event,
    FeedLost,
    FeesStated,
    OrderReported,
    ProcessStarted,
    StopRequested,
)
from trader.domain.facts import Fact, OrdersApproved
from trader.domain.instrument import FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.domain.order import ApprovedOrder, ClientOrderId, Fill, LedgerName, OrderState
from trader.domain.readiness import Readiness
from trader.domain.synthetic import SyntheticMarket
from trader.domain.trade import Trade
from trader.engine.engine import Engine, Outcome
from trader.engine.rules import EngineRules
from trader.execution.gate import Gate
from trader.execution.paper import PaperVenues, taker_fee
from trader.feeds.mock import MockFeed
from trader.portfolio.ledger import Ledger
from trader.strategy.protocol import StrategyPair
from trader.strategy.spread import SpreadStrategy

_F = TypeVar("_F")
_ONE_PAIR = (StrategyPair(UPBIT_BINANCE, UPBIT_BTC, BINANCE_BTC),)


def an_engine(
    rules: EngineRules | None = None, instruments: dict[InstrumentId, Instrument] | None = None
) -> Engine:
    """A fresh engine with the spread strategy, both pairs, and the documented rules."""
    known = instruments or some_instruments()
    given = rules or engine_rules()
    return Engine(given, known, SpreadStrategy(given.strategy, known))


class Desk:
    """An engine and the test as its only venue: time, books and reports come when the test says.

    It trades Upbit against Binance only, so that one signal is one proposal.
    """

    def __init__(
        self,
        *,
        restored: Sequence[Fact] = (),
        instruments: dict[InstrumentId, Instrument] | None = None,
        at_ns: int = AT_NS,
        **rules: Any,
    ) -> None:
        self.rules = engine_rules(**{"strategy": strategy_parameters(pairs=_ONE_PAIR), **rules})
        self.engine = an_engine(self.rules, instruments)
        self._began_ns = at_ns
        self.mono_ns = 0
        self.events: list[Event] = []
        self.facts: list[Fact] = []
        self.sent: list[ApprovedOrder] = []
        self._books: dict[InstrumentId, OrderBook] = {}
        self._fills = count(1)
        self.engine.restore(restored)
        self.history = [*restored]

    # what the test reads

    @property
    def at_ns(self) -> int:
        """UTC now."""
        return self._began_ns + self.mono_ns

    @property
    def paper(self) -> Ledger:
        """The paper ledger."""
        return self.engine.state.ledgers[LedgerName.PAPER]

    @property
    def trade(self) -> Trade:
        """The one trade there is."""
        (trade,) = self.paper.trades.values()
        return trade

    def all(self, kind: type[_F]) -> list[_F]:
        """Every fact of a kind so far, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def take_orders(self) -> list[ApprovedOrder]:
        """The orders sent since last asked."""
        orders, self.sent = self.sent, []
        return orders

    # what the test does

    def process(self, event: Event) -> Outcome:
        """Hand one event to the engine."""
        self.events.append(event)
        outcome = self.engine.process(event)
        self.facts.extend(outcome.facts)
        self.history.extend(outcome.facts)
        self.sent.extend(outcome.orders)
        return outcome

    def start(self) -> Outcome:
        """The process begins to decide."""
        return self.process(ProcessStarted(self.at_ns, self.mono_ns, "0"))

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass; nothing happens in it."""
        self.mono_ns += milliseconds * MS_NS

    def tick(self) -> Outcome:
        """A cycle of the control loop."""
        return self.process(CycleTicked(self.at_ns, self.mono_ns, 1, Readiness(mode=Mode.MOCK)))

    def book(
        self,
        instrument: InstrumentId,
        bid: Number,
        ask: Number,
        size: Number = 50,
        *,
        bids: Sequence[tuple[Number, Number]] | None = None,
        asks: Sequence[tuple[Number, Number]] | None = None,
        venue_ns: int | None = None,
    ) -> Outcome:
        """A venue states a book, now."""
        book = a_book(
            instrument,
            bid,
            ask,
            size,
            bids=bids,
            asks=asks,
            mono_ns=self.mono_ns,
            at_ns=self.at_ns,
            venue_ns=self.at_ns if venue_ns is None else venue_ns,
        )
        self._books[instrument] = book
        return self.process(BookUpdated(book))

    def dollar(self, bid: Number = 1389, ask: Number = 1390) -> Outcome:
        """Upbit states KRW-USDT, now."""
        return self.book(a_dollar_book().instrument, bid, ask, 10_000_000)

    def quiet_books(self) -> None:
        """Every venue states a book on which nobody would trade."""
        self.book(UPBIT_BTC, 150_110_000, 150_120_000)
        self.dollar()
        self.book(BITHUMB_BTC, 150_100_000, 150_110_000)
        self.book(BINANCE_BTC, "107990", "108000")

    def again(self, *, but: Sequence[InstrumentId] = ()) -> None:
        """Every venue confirms the book it stated last."""
        for book in list(self._books.values()):
            if book.instrument not in but:
                self.book(book.instrument, 0, 0, bids=book.bids, asks=book.asks)

    def wait(self, seconds: int, *, but: Sequence[InstrumentId] = ()) -> None:
        """Let seconds pass in which every venue confirms its last book, ``but`` some."""
        for _ in range(seconds):
            self.pass_ms(1000)
            self.again(but=but)
            self.tick()

    def begin(self) -> None:
        """Start, and let every venue state a quiet book, so that paper balances are there."""
        self.start()
        self.quiet_books()
        self.pass_ms(1000)
        self.quiet_books()
        self.tick()
        self.pass_ms(100)

    def signal(self) -> Outcome:
        """The documented example's entry appears: sell at Upbit, buy at Binance."""
        return self.book(UPBIT_BTC, 150_900_000, 150_910_000)

    def even(self) -> Outcome:
        """The closing spread is gone: the documented example's exit."""
        self.book(BINANCE_BTC, "108100", "108110")
        return self.book(UPBIT_BTC, 150_200_000, 150_210_000)

    def lose(self) -> Outcome:
        """The spread widens to the documented example's stop."""
        self.book(UPBIT_BTC, 152_000_000, 152_010_000)
        self.book(BINANCE_BTC, "108700", "108710")
        return self.book(UPBIT_BTC, 153_674_000, 153_684_000)

    def opened(self) -> Trade:
        """Begin, see the signal, and fill both legs whole."""
        self.begin()
        self.signal()
        self.fill_all()
        return self.trade

    def fill_all(self) -> list[ApprovedOrder]:
        """Every order out is filled whole at its limit."""
        orders = self.take_orders()
        for order in orders:
            self.report(order)
        return orders

    def report(
        self,
        order: ApprovedOrder,
        state: OrderState = OrderState.FILLED,
        filled: Number | None = None,
        *,
        price: Number | None = None,
        executed: Number | None = None,
        told: bool = True,
        reason: str = "",
    ) -> Outcome:
        """A venue reports an order; ``filled`` is new, ``executed`` what it counts in all.

        Without ``told`` the venue keeps the fills themselves to itself.
        """
        whole = order.intent.quantity if state is OrderState.FILLED else Decimal(0)
        new = whole if filled is None else dec(filled)
        fills = (self.fill(order, new, price),) if new and told else ()
        before = self.paper.orders[order.client_order_id].executed
        return self.process(
            OrderReported(
                self.at_ns,
                self.mono_ns,
                order.client_order_id,
                state,
                before + new if executed is None else dec(executed),
                fills,
                reason,
            )
        )

    def fill(self, order: ApprovedOrder, quantity: Decimal, price: Number | None = None) -> Fill:
        """One execution of an order, at its limit unless told, with its venue's fee."""
        intent = order.intent
        at = intent.limit_price if price is None else dec(price)
        instrument = self.engine.state.instruments[intent.instrument]
        fee, asset = taker_fee(instrument, intent.side, at, quantity)
        return Fill(
            f"fill-{next(self._fills)}",
            order.client_order_id,
            intent.instrument,
            intent.side,
            at,
            quantity,
            fee,
            asset,
            self.at_ns,
        )

    def command(self, command: Command) -> Outcome:
        """An operator says something."""
        return self.process(CommandReceived(self.at_ns, self.mono_ns, command))

    def lose_feed(self, venue: Venue) -> Outcome:
        """A venue's connection is gone."""
        return self.process(FeedLost(self.at_ns, self.mono_ns, venue, "closed"))

    def state_fees(self, instrument: InstrumentId, taker_pct: Number) -> Outcome:
        """A venue states the fee it takes."""
        fees = FeeSchedule(dec(taker_pct))
        return self.process(FeesStated(self.at_ns, self.mono_ns, instrument, fees))

    def stop(self, *, flatten: bool = False) -> Outcome:
        """The process is asked to end."""
        return self.process(StopRequested(self.at_ns, self.mono_ns, "asked", flatten))

    def restarted(self, **rules: Any) -> "Desk":
        """Another process on the same journal, ten seconds later; its monotonic clock is new."""
        later = Desk(restored=self.history, at_ns=self.at_ns + 10 * SECOND_NS, **rules)
        later._fills = self._fills
        return later


class Rehearsal:
    """A whole simulated run: seeded market, gate, paper venues and engine on simulated time."""

    def __init__(
        self, seed: int, *, latency_ms: float = 80, step_ms: int = 1000, **rules: Any
    ) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.queue: deque[Event] = deque()
        self.engine = an_engine(engine_rules(**rules))
        state = self.engine.state
        paper = PaperVenues(
            state.instruments, state.market.books, self.clock, self.queue.append, latency_ms
        )
        self.gate = Gate(paper, self.clock, self.queue.append, 2500, {})
        market = SyntheticMarket(seed)
        names = [InstrumentId(name) for name in market.instruments]
        MockFeed(market, names, self.clock, self.queue.append, step_ms, seed).start()
        self.events: list[Event] = []
        self.facts: list[Fact] = []

    def run(self, cycles: int, seconds_per_cycle: int = 300) -> None:
        """Start the engine and let that much simulated time pass."""
        now = self.clock.now()
        self.queue.append(ProcessStarted(now.at_ns, now.mono_ns, "0"))
        self._pump()
        for number in range(cycles):
            end = (number + 1) * seconds_per_cycle * SECOND_NS
            while self.clock.advance(end):
                self._pump()
            now = self.clock.now()
            sensed = Readiness(mode=Mode.MOCK)
            self.queue.append(CycleTicked(now.at_ns, now.mono_ns, number, sensed))
            self._pump()

    @property
    def counts(self) -> Counter[str]:
        """How many facts of each kind became true."""
        return Counter(type(fact).__name__ for fact in self.facts)

    def _pump(self) -> None:
        while self.queue:
            event = self.queue.popleft()
            self.events.append(event)
            outcome = self.engine.process(event)
            self.facts.extend(outcome.facts)
            if outcome.orders:
                self.gate.dispatch(outcome.orders)


def order_ids(facts: Sequence[Fact]) -> list[ClientOrderId]:
    """Every client order id these facts approved."""
    return [
        order.client_order_id
        for fact in facts
        if isinstance(fact, OrdersApproved)
        for order in fact.orders
    ]
