"""State: the market as last seen (forgettable) and the account (rebuilt from facts).

``record`` is the only way anything becomes true: it folds the fact in and keeps it for the commit.
"""

from collections.abc import Mapping
from decimal import Decimal

from trader.domain.account import Account, Holding
from trader.domain.authority import Authority, Level
from trader.domain.client_ids import Whose
from trader.domain.control import BlockReason, Mode
from trader.domain.facts import (
    AuthorityChanged,
    BreakerCleared,
    BreakerTripped,
    ClosingOrdered,
    ClosingsRestored,
    ClosingsRevoked,
    DirectionEmptied,
    DirectionRefilled,
    EngineStarted,
    EngineStopped,
    Fact,
    FeedRecovered,
    FeedWentStale,
    FillBooked,
    GateChanged,
    InventoryLevelled,
    InventorySkewed,
    OrderIdsReserved,
    OrdersApproved,
    RestBegan,
    TradeAbandoned,
    TradeClosed,
)
from trader.domain.instrument import KRW, Asset, Instrument, InstrumentId
from trader.domain.market import MarketView, exact
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    PairName,
    Proposal,
    Purpose,
    TradeId,
)
from trader.domain.readiness import Readiness
from trader.domain.trade import Trade
from trader.domain.trade_facts import HandOrder
from trader.engine.acts import Acts
from trader.engine.clocks import Clocks
from trader.engine.discrepancies import Discrepancies
from trader.engine.halted_orders import HaltedOrders
from trader.engine.identity import Identity
from trader.engine.lately import Lately
from trader.engine.pauses import Pauses
from trader.engine.rules import EngineRules
from trader.portfolio.ledger import Ledger
from trader.portfolio.marks import TradeMark, mark_trade
from trader.portfolio.stoploss import StopMode
from trader.risk.breakers import BreakerKey, RestWindow
from trader.risk.live_guard import Memory, Verdict, may_close, may_enter
from trader.risk.measure import stop_reserve
from trader.strategy.protocol import StrategyPair

_ZERO = Decimal(0)
# An enum's member is slow to look up, and these are asked for on every quote.
_LIVE, _PAPER = LedgerName.LIVE, LedgerName.PAPER
_ID_BLOCK = 1_000

Route = tuple[LedgerName, PairName, str]
"""A ledger's pair and direction: what rests, empties and counts on its own."""


class State:
    """All the engine knows. Components read it freely and change it only through ``record``."""

    def __init__(self, rules: EngineRules, instruments: Mapping[InstrumentId, Instrument]) -> None:
        self.rules = rules
        self.instruments: dict[InstrumentId, Instrument] = dict(instruments)
        self.market = MarketView(rules.strategy.usdt_krw)
        self.ledgers = {name: Ledger(name, self.instruments) for name in LedgerName}
        self.breakers: dict[tuple[LedgerName, BreakerKey], int] = {}
        self.rests: dict[Route, int] = {}
        self.rest_windows: dict[Route, RestWindow] = {}
        self.lately = Lately(rules.max_repeats, rules.repeat_window_minutes)
        self.empty: dict[Route, DirectionEmptied] = {}
        self.skewed: set[tuple[LedgerName, Asset]] = set()
        self.stale: dict[InstrumentId, int] = {}
        self.stopping = self.flattening = self.holds_closings = False
        # Where a venue shows orders of ours that cannot be adopted yet.
        self.unadopted: frozenset[InstrumentId] = frozenset()
        self.pauses = Pauses()
        self.acts = Acts()
        self.identity = Identity()
        self.discrepancies = Discrepancies()
        # Trades an operator ordered closed, until they are over.
        self.ordered: dict[TradeId, Purpose] = {}
        self.blocks: tuple[BlockReason, ...] | None = None
        self.authority = Authority()
        self.memory = Memory(dry_left=rules.guard.dry_run_cycles)
        self.verdict: Verdict | None = None
        self.readiness: Readiness | None = None
        self.revoked_by: tuple[BlockReason, ...] = ()
        self.hand_orders: tuple[HandOrder, ...] = ()
        self.halted_orders = HaltedOrders()
        self.halt_is_new = self.was_running = False
        self.last_seed: int | None = None
        self.last_usdt_krw: Decimal | None = None
        self._unwound_in_halt: set[TradeId] = set()
        self.clocks = Clocks(is_simulated=rules.mode is Mode.MOCK)
        self.now_ns = self.now_mono_ns = self._number = 0
        self._facts: list[Fact] = []
        self._orders: list[ApprovedOrder] = []

    # what becomes true

    def record(self, fact: Fact) -> None:
        """Make a fact true and keep it for the commit."""
        self._facts.append(fact)
        self.apply(fact)

    def send(self, orders: tuple[ApprovedOrder, ...]) -> None:
        """Hand approved orders to the gate, once their facts are committed."""
        self._orders.extend(orders)

    def take(self) -> tuple[tuple[Fact, ...], tuple[ApprovedOrder, ...]]:
        """The facts and orders since the last call."""
        facts, orders = tuple(self._facts), tuple(self._orders)
        self._facts.clear()
        self._orders.clear()
        return facts, orders

    @property
    def has_news(self) -> bool:
        """Whether anything became true since the last ``take``."""
        return bool(self._facts)

    def apply(self, fact: Fact) -> None:
        """Fold one fact in, new or replayed."""
        for ledger in self.ledgers.values():
            ledger.apply(fact)
        self.halted_orders.apply(fact)
        self.pauses.apply(fact)
        self.acts.apply(fact, self.authority)
        self.identity.apply(fact)
        self.discrepancies.apply(fact)
        match fact:
            case OrdersApproved():
                self.lately.apply(fact, self.now_ns)
                if fact.orders[0].purpose is Purpose.UNWIND and self.authority.level is Level.HALT:
                    # A halt lets one unwinding of a trade go, and none after it.
                    self._unwound_in_halt.add(fact.trade_id)
            case ClosingOrdered():
                self.ordered.update(dict.fromkeys(fact.trades, fact.purpose))
            case TradeClosed() | TradeAbandoned():
                self.ordered.pop(fact.trade_id, None)
            case BreakerTripped():
                self.breakers[fact.ledger, (fact.breaker, fact.subject)] = fact.at_ns
            case BreakerCleared():
                self.breakers.pop((fact.ledger, (fact.breaker, fact.subject)), None)
            case RestBegan():
                self._rest(fact)
            case DirectionEmptied():
                self.empty[fact.ledger, fact.pair, fact.direction] = fact
            case DirectionRefilled():
                self.empty.pop((fact.ledger, fact.pair, fact.direction), None)
            case InventorySkewed():
                self.skewed.add((fact.ledger, fact.asset))
            case InventoryLevelled():
                self.skewed.discard((fact.ledger, fact.asset))
            case FeedWentStale():
                self.stale[fact.instrument] = fact.at_ns
            case FeedRecovered():
                self.stale.pop(fact.instrument, None)
            case GateChanged():
                self.blocks = fact.blocks
            case AuthorityChanged():
                was, self.authority = self.authority.level, fact.authority
                if fact.authority.level is not Level.HALT:
                    self._unwound_in_halt.clear()
                elif was is not Level.HALT:
                    self.halt_is_new = True
            case ClosingsRevoked():
                self.hand_orders = fact.hand_orders
            case ClosingsRestored():
                self.hand_orders = ()
            case EngineStarted():
                self.was_running, self.last_seed = True, fact.seed
            case EngineStopped():
                self.was_running = False
            case FillBooked():
                self.last_usdt_krw = fact.usdt_krw or self.last_usdt_krw
            case _:
                pass

    def _rest(self, fact: RestBegan) -> None:
        route = (fact.ledger, fact.pair, fact.direction)
        self.rests[route] = fact.until_ns
        if route not in self.rest_windows:
            self.rest_windows[route] = RestWindow(self.rules.breakers)
        self.rest_windows[route].add(fact.at_ns)

    def forget_process(self) -> None:
        """After a replay: what held only for the process that is gone."""
        self._number = self.identity.numbers_end
        self.blocks = None
        # What it found in flight was written with the halt.
        self.halt_is_new = False

    # what is so now

    @property
    def generation(self) -> int:
        """Rises with every loss, halt and reconnect; an approved order carries it."""
        return self.memory.generation

    @property
    def entry_ledger(self) -> LedgerName:
        """Where a new trade would be booked: live while the gate is open, else paper."""
        return _LIVE if self.verdict is not None and self.verdict.is_open else _PAPER

    @property
    def host_ns(self) -> int:
        """UTC by the host's clock, as last seen; it may go back, other than ``now_ns``."""
        return self.clocks.host_ns(self.now_ns, self.now_mono_ns)

    @property
    def surely_ns(self) -> int:
        """``host_ns``, or the venues' time where that is earlier: a step forward ends nothing."""
        return self.clocks.surely_ns(self.now_ns, self.now_mono_ns)

    def saw_host(self, at_ns: int) -> None:
        """The host's clock told its time."""
        self.clocks.saw_host(at_ns, self.now_mono_ns)
        self.acts.doubt(at_ns)

    @property
    def paused(self) -> bool:
        """Whether an operator paused every entry; a pause of a venue or a pair is another thing."""
        return self.pauses.of_everything

    @property
    def entries_stopped(self) -> bool:
        """Whether no entry goes at all, not even on paper: paused or halted by an operator."""
        return self.paused or self.authority.level is Level.HALT

    def entry_is_stopped(self, proposal: Proposal) -> bool:
        """Whether an operator blocked this very entry, or all of them."""
        return self.entries_stopped or self.pauses.block(proposal)

    def may_go(self, proposal: Proposal) -> bool:
        """Whether the gate would let a proposal of the live ledger out, as of the last look."""
        if proposal.ledger is not _LIVE:
            return True
        if self.verdict is None or self.readiness is None or self.holds_closings:
            return False
        if any(intent.instrument in self.unadopted for intent in proposal.intents):
            return False
        pair = self.readiness.pairs.get(proposal.pair)
        if not proposal.is_closing:
            return may_enter(self.verdict, pair)
        is_unwinding = proposal.purpose is Purpose.UNWIND and self.authority.level is Level.HALT
        if is_unwinding and proposal.trade_id in self._unwound_in_halt:
            return False
        return may_close(self.verdict, proposal.purpose, pair)

    def is_resting(self, proposal: Proposal) -> bool:
        """Whether a live entry waits: for orders to be adopted, or a balance to be explained."""
        if proposal.ledger is not _LIVE:
            return False
        legs = [intent.instrument for intent in proposal.intents]
        return bool(self.unadopted) or self.discrepancies.concern(legs)

    def books_of(self, pair: StrategyPair) -> tuple[InstrumentId, ...]:
        """The books a pair needs: its legs', and the dollar's where a leg is in dollars."""
        legs = (pair.first, pair.second)
        dollar = self.market.usdt_krw
        if dollar is not None and any(self.instruments[leg].quote != KRW for leg in legs):
            return (*legs, dollar)
        return legs

    def is_fresh(self, instrument: InstrumentId) -> bool:
        """Whether a book may be traded on and was confirmed within its bound."""
        age = self.market.age_ms(instrument, self.now_mono_ns)
        return (
            instrument in self.market.books and age is not None and age <= self.rules.max_ws_age_ms
        )

    def ledger_of(self, client_order_id: ClientOrderId) -> Ledger | None:
        """The ledger that sent this order, or None if neither did."""
        for ledger in self.ledgers.values():
            if client_order_id in ledger.orders:
                return ledger
        return None

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """Whose order it is that a venue shows."""
        if self.ledger_of(client_order_id) is not None:
            return Whose.OURS
        return self.identity.whose(client_order_id)

    def next_number(self) -> int:
        """A number never used before on this journal, for ids of orders, trades and decisions."""
        if self._number >= self.identity.numbers_end:
            upto = self.identity.numbers_end + _ID_BLOCK
            self.record(OrderIdsReserved(self.now_ns, upto))
        self._number += 1
        return self._number

    def next_trade_id(self) -> TradeId:
        """The id of a trade about to be opened: the number its first order will carry.

        Nothing is used up, so that a refusal repeated at tick rate reserves no numbers.
        """
        return TradeId(f"T{self._number + 1}")

    def next_order_id(self) -> ClientOrderId:
        """A client order id never used before on any venue; at most 36 characters."""
        return self.identity.order_id(self.rules.name, self.next_number())

    def mark(self, trade: Trade) -> TradeMark | None:
        """The trade's value change in won now; None while a leg has no price."""
        return mark_trade(trade, self.instruments, self.market, self.now_mono_ns)

    def equity(self, ledger: Ledger) -> tuple[Decimal, Decimal, float] | None:
        """(equity, unrealised, age of the oldest mark in ms) in won; None while a mark is missing.

        Equity is that of trades and lone legs, fees included; inventory is the operator's.
        """
        unrealised, oldest = _ZERO, 0.0
        for trade in ledger.trades.values():
            mark = self.mark(trade)
            if mark is None:
                return None
            unrealised += mark.unrealised_krw
            oldest = max(oldest, mark.age_ms)
        return ledger.booked_krw + unrealised, unrealised, oldest

    def loss_today(self, ledger: Ledger) -> tuple[Decimal, float] | None:
        """(loss since midnight in Seoul in won, age of its marks in ms); None while unknown."""
        equity = self.equity(ledger)
        if equity is None or ledger.date is None:
            return None
        return max(ledger.day_open_krw - equity[0], _ZERO), equity[2]

    def breakers_of(self, ledger: LedgerName) -> list[BreakerKey]:
        """The breakers that stand in this ledger."""
        return [key for name, key in self.breakers if name is ledger]

    def account(
        self,
        ledger: Ledger,
        trade: Trade | None = None,
        *,
        gate_shut: bool = False,
        paused: bool | None = None,
    ) -> Account:
        """What checks look at, now; ``trade`` is the one a closing is about.

        Without ``paused`` only what stops every entry counts.
        """
        loss = self.loss_today(ledger)
        return Account(
            exposure_krw=ledger.exposure_krw,
            open_trades=len(ledger.trades),
            loss_today_krw=None if loss is None else loss[0],
            marks_age_ms=0.0 if loss is None else loss[1],
            orders_last_minute=self.lately.orders_last_minute(ledger.name, self.now_ns),
            free=ledger.free(),
            reserved=self.reserved(ledger),
            reducible={} if trade is None else ledger.reducible(trade),
            breakers=len(self.breakers_of(ledger.name)),
            paused=self.entries_stopped if paused is None else paused,
            gate_shut=gate_shut,
        )

    def reserved(self, ledger: Ledger) -> dict[Holding, Decimal]:
        """What the open trades need to close at their stops, by holding."""
        stop = self.rules.stop
        # A stop that moves with the market may move out to its bound before it is reached.
        furthest = stop.static_pct
        if stop.mode is StopMode.DYNAMIC:
            furthest = max(furthest, stop.max_pct)
        reserved: dict[Holding, Decimal] = {}
        for trade in ledger.trades.values():
            for leg, position in trade.legs:
                book = self.market.last_good.get(leg)
                if position.quantity == 0 or book is None:
                    continue
                holding, amount = stop_reserve(
                    self.instruments[leg], position.quantity, exact(book.best_ask), furthest
                )
                reserved[holding] = reserved.get(holding, _ZERO) + amount
        return reserved
