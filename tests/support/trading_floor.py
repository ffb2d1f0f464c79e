"""The real pieces of the core joined by hand: propose, judge, fill on paper, book, fold.

What the engine does with them step by step, without its events; for tests about money.
"""

from decimal import Decimal
from itertools import count

from tests.support.builders import (
    AT_NS,
    NOW_NS,
    UPBIT_BTC,
    a_market,
    a_strategy,
    some_balances,
    some_instruments,
    some_limits,
)
from trader.domain.account import Account, Holding
from trader.domain.clock import SimulatedClock
from trader.domain.decision import Decision
from trader.domain.events import Event, OrderReported
from trader.domain.facts import (
    ClosingBegan,
    FillBooked,
    InventoryRebased,
    OrderMoved,
    OrdersApproved,
    TradeOpened,
)
from trader.domain.market import MarketView, OrderBook
from trader.domain.order import (
    ClientOrderId,
    DecisionId,
    LedgerName,
    OrderState,
    Proposal,
    Purpose,
    TradeId,
)
from trader.domain.trade import Trade
from trader.execution.paper import PaperVenues
from trader.portfolio.booking import book_fill
from trader.portfolio.closing import ClosingDesk
from trader.portfolio.ledger import Ledger
from trader.portfolio.marks import TradeMark, mark_trade
from trader.portfolio.stoploss import StopLoss, StopRules
from trader.risk.measure import Measured, measure_closing, measure_entry
from trader.risk.safety import SafetyValidator, Verdict

MAX_AGE_MS = 3_000.0


class TradingFloor:
    """One paper ledger, its strategy, desk, stops, checks and paper venues, at one instant."""

    def __init__(self) -> None:
        self.instruments = some_instruments()
        self.market: MarketView = a_market()
        self.ledger = Ledger(LedgerName.PAPER, self.instruments)
        self.strategy = a_strategy(self.instruments)
        self.desk = ClosingDesk(self.instruments, Decimal("0.50"))
        self.stop = StopLoss(StopRules(), self.instruments)
        self.booked: list[FillBooked] = []
        self._safety = SafetyValidator(some_limits())
        self._clock = SimulatedClock(AT_NS)
        self._reports: list[Event] = []
        self._venues = PaperVenues(
            self.instruments, self.market.books, self._clock, self._reports.append, latency_ms=0
        )
        self._numbers = count(1)
        self.opening_balances: dict[Holding, Decimal] = some_balances()
        for (venue, asset), quantity in self.opening_balances.items():
            self.ledger.apply(
                InventoryRebased(AT_NS, LedgerName.PAPER, venue, asset, quantity, "test")
            )

    @property
    def trade(self) -> Trade:
        """The only trade there is."""
        (trade,) = self.ledger.trades.values()
        return trade

    def show(self, *books: OrderBook) -> None:
        """The market moved."""
        for book in books:
            assert self.market.update(book) is None

    def mark(self) -> TradeMark:
        """The trade's value change now."""
        mark = mark_trade(self.trade, self.instruments, self.market, NOW_NS)
        assert mark is not None
        return mark

    def changed(self) -> dict[Holding, Decimal]:
        """By how much each balance differs from what it was at first; untouched ones left out."""
        return {
            holding: quantity - self.opening_balances[holding]
            for holding, quantity in self.ledger.balances.items()
            if quantity != self.opening_balances[holding]
        }

    def open(self) -> Proposal:
        """Let the strategy propose on Upbit's book, and trade what it proposes."""
        proposal = self.strategy.propose(
            UPBIT_BTC, self.market, LedgerName.PAPER, lambda _pair, _direction: True
        )
        assert proposal is not None
        measured = measure_entry(
            proposal, self._account(), self.instruments, self.market, Decimal("1.2"), NOW_NS
        )
        self._execute(proposal, self._validate(proposal, TradeId("T1"), measured))
        self.ledger.apply(
            TradeOpened(
                AT_NS,
                LedgerName.PAPER,
                self.trade.id,
                self.trade.pair,
                self.trade.direction,
                self.trade.notional_krw,
            )
        )
        return proposal

    def close(self, purpose: Purpose) -> Trade:
        """Close the trade whole; returns it as it was left, flat."""
        trade = self.trade
        self.ledger.apply(ClosingBegan(AT_NS, LedgerName.PAPER, trade.id, purpose))
        proposal = self.desk.close(
            trade, trade.size, self.market, self.ledger.free(), purpose, NOW_NS
        )
        assert proposal is not None
        measured = measure_closing(
            proposal, self._account(trade), self.instruments, self.market, NOW_NS
        )
        self._execute(proposal, self._validate(proposal, trade.id, measured))
        return self.trade

    def _account(self, trade: Trade | None = None) -> Account:
        return Account(
            exposure_krw=self.ledger.exposure_krw,
            open_trades=len(self.ledger.trades),
            loss_today_krw=Decimal(0),
            marks_age_ms=0.0,
            orders_last_minute=0,
            free=self.ledger.free(),
            reserved={},
            reducible={} if trade is None else self.ledger.reducible(trade),
        )

    def _validate(self, proposal: Proposal, trade_id: TradeId, measured: Measured) -> Verdict:
        verdict = self._safety.validate(
            proposal,
            measured,
            trade_id,
            0,
            lambda: ClientOrderId(f"tr-test-{next(self._numbers)}"),
        )
        assert verdict.orders, verdict.refusals
        return verdict

    def _execute(self, proposal: Proposal, verdict: Verdict) -> None:
        decision = Decision(
            DecisionId("D1"),
            AT_NS,
            proposal.pair,
            proposal.direction,
            proposal.purpose,
            proposal.ledger,
            (),
            proposal.evidence,
            verdict.checks,
            approved=True,
        )
        trade_id = verdict.orders[0].trade_id
        self.ledger.apply(OrdersApproved(AT_NS, trade_id, decision, verdict.orders))
        self._venues.submit(verdict.orders)
        while self._clock.advance(0):
            pass
        for report in self._reports:
            assert isinstance(report, OrderReported)
            assert report.state is OrderState.FILLED
            for fill in report.fills:
                fact = book_fill(
                    fill,
                    LedgerName.PAPER,
                    trade_id,
                    self.instruments,
                    self.market,
                    NOW_NS,
                    MAX_AGE_MS,
                )
                self.booked.append(fact)
                self.ledger.apply(fact)
            self.ledger.apply(
                OrderMoved(
                    AT_NS,
                    LedgerName.PAPER,
                    report.client_order_id,
                    trade_id,
                    report.state,
                    report.executed,
                )
            )
        self._reports.clear()
