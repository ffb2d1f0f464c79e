"""Engine: one pure, synchronous step from an event to an outcome; the one place that orders them.

No await, no clock, no I/O. The same events always lead to the same facts.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from trader.domain.authority import Authority, Level
from trader.domain.control import Reply
from trader.domain.errors import InvariantBroken
from trader.domain.events import (
    AccountLost,
    AccountStated,
    BookUpdated,
    CommandReceived,
    CycleTicked,
    Event,
    FaultReported,
    FeedLost,
    FeesStated,
    InstrumentStated,
    LossSeen,
    OrderReported,
    ProcessStarted,
    ProcessStopping,
    StopRequested,
)
from trader.domain.facts import (
    EngineStarted,
    EngineStopped,
    Fact,
    FaultRecorded,
    PositionsUnguarded,
    RestBegan,
)
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.market import OrderBook
from trader.domain.order import (
    ApprovedOrder,
    LedgerName,
    OrderState,
    PairName,
    Proposal,
    Purpose,
    TradeId,
)
from trader.engine.accepting import Accepting
from trader.engine.accounts import Accounts
from trader.engine.adopting import Adopting
from trader.engine.balances import Balances
from trader.engine.decisions import Decisions
from trader.engine.foreign import Foreigners
from trader.engine.gatekeeping import Gatekeeping
from trader.engine.handover import Handover
from trader.engine.housekeeping import Housekeeping
from trader.engine.obeying import Obeying
from trader.engine.reports import Reports
from trader.engine.rules import EngineRules
from trader.engine.snapshot import Snapshot
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.engine.views import snapshot
from trader.portfolio.stoploss import StopLoss, StopMode
from trader.strategy.protocol import Strategy

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS


class Outcome(Struct, frozen=True):
    """What an event led to: facts to commit, then orders to send, those of a trade together.

    Nothing is ever cancelled: every order is IOC or FOK and cannot rest.
    """

    facts: tuple[Fact, ...] = ()
    orders: tuple[ApprovedOrder, ...] = ()
    reply: Reply | None = None
    """To the command that was processed; to be given once its facts are on disk."""


NOTHING = Outcome()
"""Most quotes lead to nothing; they share this."""


class Engine:
    """Decides. Construct, ``restore`` the journal's facts, then ``process`` events one by one."""

    def __init__(
        self,
        rules: EngineRules,
        instruments: Mapping[InstrumentId, Instrument],
        strategy: Strategy,
    ) -> None:
        self._state = State(rules, instruments)
        self._strategy = strategy
        stop = StopLoss(rules.stop, self._state.instruments)
        self._stop = stop
        self._observes_spreads = stop.mode is StopMode.DYNAMIC
        self._decisions = Decisions(self._state, stop)
        self._tending = Tending(self._state, self._decisions, strategy, stop)
        self._housekeeping = Housekeeping(self._state, self._tending, strategy)
        foreigners = Foreigners(self._state)
        self._reports = Reports(self._state, self._housekeeping, self._tending, foreigners)
        self._ledgers = tuple(self._state.ledgers.values())
        self._gatekeeping = Gatekeeping(self._state)
        self._handover = Handover(self._state)
        self._balances = Balances(self._state)
        accepting = Accepting(self._state, self._balances, foreigners)
        self._obeying = Obeying(self._state, self._gatekeeping, self._tending, accepting)
        adopting = Adopting(self._state, foreigners, self._reports, self._tending, self._balances)
        self._accounts = Accounts(self._state, strategy, self._balances, adopting)
        self._reply: Reply | None = None
        self._next_second_ns = 0
        self._cycles = self._faults = 0

    @property
    def stop(self) -> StopLoss:
        """The reading of stops it goes by; for reading only."""
        return self._stop

    @property
    def balances(self) -> Balances:
        """How it judges balances; for reading only."""
        return self._balances

    @property
    def state(self) -> State:
        """What the engine knows; for reading only."""
        return self._state

    def restore(self, facts: Iterable[Fact]) -> int:
        """Rebuild the account from the journal before the first event; returns how many facts."""
        count = 0
        for fact in facts:
            self._state.now_ns = max(self._state.now_ns, fact.at_ns)
            self._state.apply(fact)
            count += 1
        self._state.forget_process()
        self._tending.resume()
        return count

    def process(self, event: Event) -> Outcome:
        """Take one event in. Facts are already true in here; commit them before anything leaves."""
        state = self._state
        # A book's own stamps, past the event's properties: this runs on every quote.
        stamps = event.book if type(event) is BookUpdated else event
        if stamps.mono_ns > state.now_mono_ns:
            state.now_mono_ns = stamps.mono_ns
        if stamps.at_ns > state.now_ns:
            state.now_ns = stamps.at_ns
        if type(event) is BookUpdated:
            self._on_book(event.book)
        else:
            self._on_other(event)
            if type(event) is not ProcessStopping:
                self._handover.watch()
        # After the last event nobody is left to hear how an order ended.
        if state.now_mono_ns >= self._next_second_ns and type(event) is not ProcessStopping:
            self._each_second()
        if not state.has_news and self._reply is None:
            return NOTHING
        return self._outcome()

    def note(self, event: AccountStated | CommandReceived | OrderReported) -> Outcome:
        """Take in what a host command found while no process decides: no second passes, and
        nothing may be sent.

        Raises:
            InvariantBroken: something would be sent.
        """
        state = self._state
        state.now_mono_ns = max(state.now_mono_ns, event.mono_ns)
        state.now_ns = max(state.now_ns, event.at_ns)
        self._on_other(event)
        outcome = self._outcome()
        if outcome.orders:
            raise InvariantBroken(f"{len(outcome.orders)} orders approved while nothing runs")
        return outcome

    def _outcome(self) -> Outcome:
        facts, orders = self._state.take()
        reply, self._reply = self._reply, None
        return Outcome(facts, orders, reply)

    def strangers(self) -> list[tuple[TradeId, InstrumentId]]:
        """Open trades in instruments the config no longer names, which could not be closed."""
        return [
            (trade.id, leg)
            for ledger in self._ledgers
            for trade in ledger.trades.values()
            for leg, _ in trade.legs
            if leg not in self._state.instruments
        ]

    def trust(self, stored: Authority) -> None:
        """Compare the replayed authority with the stored row; where they differ it is a halt.

        Call after ``restore``. A record that was tampered with, or lost, must not permit anything.
        """
        if stored != self._state.authority:
            self._gatekeeping.distrust()

    def snapshot(self) -> Snapshot:
        """The figures the rest of the program may show, as of the last event."""
        return snapshot(
            self._state,
            self._decisions,
            cycles=self._cycles,
            stop_losses=self._tending.stop_losses,
            faults=self._faults + self._reports.strangers,
            suspensions=self._gatekeeping.suspensions,
        )

    # quotes

    def _on_book(self, book: OrderBook) -> None:
        state = self._state
        if book.venue_ns is not None:
            state.clocks.venue_ns, state.clocks.venue_mono_ns = book.venue_ns, book.mono_ns
        if state.market.update(book) is not None:
            return
        if self._ledgers[0].trades or self._ledgers[1].trades:
            self._tending.on_book(book.instrument)
        if self._observes_spreads:
            self._observe_spreads(book)
        if state.stopping:
            return
        proposal = self._strategy.propose(
            book.instrument, state.market, state.entry_ledger, self._may_open
        )
        if proposal is not None:
            self._consider(proposal)

    def _may_open(self, pair: PairName, direction: str) -> bool:
        """Whether there is room for one more trade: none open, not resting, not empty."""
        state = self._state
        route = (state.entry_ledger, pair, direction)
        if route in state.empty or state.now_ns < state.rests.get(route, 0):
            return False
        ledger = state.ledgers[route[0]]
        # A ledger nobody has stated balances of yet would refuse everything for want of them.
        if not ledger.balances:
            return False
        trades = ledger.trades
        if not trades:
            return state.rules.max_trades_per_pair > 0
        open_now = sum(
            trade.pair == pair and trade.direction == direction for trade in trades.values()
        )
        return open_now < state.rules.max_trades_per_pair

    def _consider(self, proposal: Proposal) -> None:
        state = self._state
        # The strategy is a user's to write; only an opening may come from here, in the ledger of
        # the moment, and where there is room whether or not it asked.
        is_opening = proposal.purpose is Purpose.OPEN and proposal.trade_id is None
        if not is_opening or proposal.ledger is not state.entry_ledger:
            return
        if not self._may_open(proposal.pair, proposal.direction):
            return
        if state.is_resting(proposal):
            return
        self._decisions.note_signal(proposal.pair, proposal.direction)
        route = (proposal.ledger, proposal.pair, proposal.direction)
        if state.lately.recent_openings(route, state.now_ns) >= state.rules.max_repeats:
            until = state.now_ns + int(state.rules.repeat_window_minutes * _MINUTE_NS)
            state.record(RestBegan(state.now_ns, *route, until))
            return
        self._decisions.decide(proposal)

    def _observe_spreads(self, book: OrderBook) -> None:
        market = self._state.market
        for pair in self._state.rules.strategy.pairs:
            if book.instrument not in (pair.first, pair.second):
                continue
            first, second = market.books.get(pair.first), market.books.get(pair.second)
            first_rate = market.won_mid(self._state.instruments[pair.first].quote)
            second_rate = market.won_mid(self._state.instruments[pair.second].quote)
            if first is None or second is None or first_rate is None or second_rate is None:
                continue
            ratio = first.mid * float(first_rate) / (second.mid * float(second_rate))
            self._stop.observe(pair.name, book.mono_ns, (ratio - 1) * 100)

    # everything else

    def _on_other(self, event: Event) -> None:
        state = self._state
        match event:
            case BookUpdated():
                self._on_book(event.book)
            case OrderReported():
                self._on_report(event)
            case CycleTicked():
                self._on_cycle(event)
            case LossSeen():
                state.saw_host(event.readiness.at_ns)
                self._gatekeeping.look(event.readiness, event.mono_ns)
            case CommandReceived():
                state.saw_host(event.sight.at_ns)
                self._reply = self._obeying.obey(event)
            case FeedLost():
                self._gatekeeping.broke()
                for instrument in state.instruments.values():
                    if instrument.venue == event.venue:
                        state.market.forget(instrument.id)
            case FeesStated():
                known = state.instruments.get(event.instrument)
                if known is not None and known.fees != event.fees:
                    self._accounts.revise(known, replace(known, fees=event.fees))
            case InstrumentStated():
                self._accounts.take_rules(event)
            case AccountStated():
                self._accounts.take_statement(event)
            case AccountLost():
                self._gatekeeping.broke()
            case ProcessStarted():
                self._start(event)
            case StopRequested():
                self._stop_entries(event)
            case ProcessStopping():
                self._decisions.write_counts()
                # Quotes may still come in: what they would close has the next process to close it.
                state.holds_closings = True
                state.record(EngineStopped(state.now_ns, event.reason))
            case FaultReported():
                self._faults += 1
                state.record(FaultRecorded(state.now_ns, event.where, event.message))
            case _:
                assert_never(event)

    def _each_second(self) -> None:
        self._next_second_ns = self._state.now_mono_ns + _SECOND_NS
        self._gatekeeping.each_second()
        self._obeying.each_second()
        self._housekeeping.each_second()
        self._tending.each_second()
        self._handover.watch()
        for pair, direction in self._decisions.standing_signals:
            if not self._strategy.is_signal(pair, direction, self._state.market):
                self._decisions.signal_ended(pair, direction)
        self._decisions.write_counts()

    def _on_report(self, event: OrderReported) -> None:
        state = self._state
        ledger = state.ledger_of(event.client_order_id)
        if event.state is OrderState.BLOCKED and ledger is state.ledgers[LedgerName.LIVE]:
            # Before the report is taken, which may approve the next attempt at once.
            self._gatekeeping.broke()
        self._reports.take(event)
        if ledger is not None and ledger.name is LedgerName.LIVE:
            order = ledger.orders.get(event.client_order_id)
            if order is not None:
                self._balances.saw_report(order.approved.intent.instrument, event.mono_ns)

    def _on_cycle(self, event: CycleTicked) -> None:
        self._cycles += 1
        if event.readiness is not None:
            self._state.saw_host(event.readiness.at_ns)
            self._gatekeeping.look(event.readiness, event.mono_ns)

    def _start(self, event: ProcessStarted) -> None:
        state = self._state
        state.clocks.begin(event.mono_ns)
        state.saw_host(event.sight.at_ns)
        self._gatekeeping.start(event.sight)
        state.record(
            EngineStarted(
                state.now_ns,
                state.rules.name,
                state.rules.mode,
                event.version,
                event.seed,
                state.identity.next_epoch(event.draw),
            )
        )
        self._balances.begin()
        if event.unguarded:
            state.record(PositionsUnguarded(state.now_ns, state.rules.mode, event.unguarded))
        self._reports.end_paper()

    def _stop_entries(self, event: StopRequested) -> None:
        state = self._state
        state.stopping = True
        if not event.flatten:
            return
        state.flattening = True
        for ledger in self._ledgers:
            if ledger.name is LedgerName.LIVE and state.authority.level is Level.HALT:
                # A halt leaves closing to the operator; this would be the engine's own doing.
                continue
            for trade in list(ledger.trades.values()):
                self._tending.flatten(ledger, trade)
