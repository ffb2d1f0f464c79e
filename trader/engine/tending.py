"""Tending: what open trades need. Stops, exits, both legs alike, a leg left alone, dust.

One closing in flight for a trade; its remainder is a new intent, at most one attempt a second.
"""

from decimal import Decimal

from msgspec.structs import replace

from trader.domain.control import CheckName
from trader.domain.facts import (
    ClosingBegan,
    ClosingEnded,
    StopLossTriggered,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import InstrumentId
from trader.domain.order import Order, OrderState, Proposal, Purpose, TradeId
from trader.domain.trade import Trade, TradePhase
from trader.engine.alarms import Alarms
from trader.engine.decisions import Decisions
from trader.engine.dust import Dust
from trader.engine.holding import Holding
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk
from trader.portfolio.ledger import Ledger
from trader.portfolio.marks import mark_price_krw
from trader.portfolio.stoploss import StopLoss, StopMode
from trader.risk.safety import refused
from trader.strategy.protocol import Strategy

_ZERO = Decimal(0)
# An enum's member is slow to look up, and these are compared on every quote.
_OPENING, _CLOSING = TradePhase.OPENING, TradePhase.CLOSING
_STOPPABLE = frozenset({None, Purpose.EXIT, Purpose.REBALANCE})
_MAY_STAND_ON = frozenset({Purpose.EXIT, Purpose.REBALANCE})
_TURNED_AWAY = frozenset({OrderState.BLOCKED, OrderState.REJECTED})


class Tending:
    """Watches trades and drives each towards standing whole or being gone."""

    def __init__(
        self, state: State, decisions: Decisions, strategy: Strategy, stop: StopLoss
    ) -> None:
        self._state = state
        self._ledgers = tuple(state.ledgers.values())
        self._decisions = decisions
        self._strategy = strategy
        self._stop = stop
        self._desk = ClosingDesk(state.instruments, state.rules.strategy.max_unwind_slippage_pct)
        self._dust = Dust(state, self._desk)
        self._alarms = Alarms(state, self._desk)
        self._holding = Holding(state)
        self.stop_losses = 0

    def resume(self) -> None:
        """After a restart: a leg left alone is unwound, never completed."""
        for ledger in self._ledgers:
            for trade_id in ledger.trades:
                self.never_complete(trade_id)

    def never_complete(self, trade_id: TradeId) -> None:
        """A trade from before a restart: a leg of it that stands alone is unwound."""
        self._alarms.care_of(trade_id).completion_tried = True

    def on_book(self, instrument: InstrumentId) -> None:
        """A book moved: look at every trade it prices."""
        is_dollar = instrument == self._state.market.usdt_krw
        for ledger in self._ledgers:
            if not ledger.trades:
                continue
            for trade in list(ledger.trades.values()):
                for leg, _ in trade.legs:
                    if is_dollar or leg == instrument:
                        self._look(ledger, trade)
                        break

    def each_second(self) -> None:
        """What time alone brings about: holding limits, alarms, another attempt."""
        for ledger in self._ledgers:
            for trade in list(ledger.trades.values()):
                self._look_at_clock(ledger, trade)
                self.drive(ledger, trade.id)
                still = ledger.trades.get(trade.id)
                if still is not None:
                    self._watch_lone_leg(ledger, still)
                    self._alarms.sound(still)

    def close(self, ledger: Ledger, trade: Trade, purpose: Purpose, keep: Decimal = _ZERO) -> None:
        """Begin to close a trade down to ``keep`` of each leg."""
        self._state.record(ClosingBegan(self._state.now_ns, ledger.name, trade.id, purpose, keep))
        self._alarms.care_of(trade.id).next_try_ns = 0
        self.drive(ledger, trade.id)

    def flatten(self, ledger: Ledger, trade: Trade) -> None:
        """Close a trade for good, also one that was closing only in part or might stand on.

        An opening in flight is closed as soon as it stands.
        """
        is_partial = trade.phase is TradePhase.CLOSING and trade.closing in _MAY_STAND_ON
        if trade.phase is TradePhase.OPEN or is_partial:
            self.close(ledger, trade, Purpose.FLATTEN)

    def order(self, ledger: Ledger, trade_id: TradeId, purpose: Purpose) -> None:
        """An operator ordered a trade closed; one whose opening is in flight once it stands."""
        trade = ledger.trades[trade_id]
        if trade.phase is TradePhase.OPENING:
            self.drive(ledger, trade_id)
        else:
            self.close(ledger, trade, purpose)

    def closing_ended(self, ledger: Ledger, order: Order) -> None:
        """A closing order came to its end; one that never reached a book keeps its trade stuck.

        An unwinding that filled nothing is said at once, and trips the breaker.
        """
        trade = ledger.trades.get(order.approved.trade_id)
        if trade is None:
            return
        if order.executed == 0 and order.state in _TURNED_AWAY:
            named = order.reason in CheckName.__members__.values()
            self._alarms.note_stuck(trade, frozenset({CheckName(order.reason)} if named else ()))
        else:
            self._alarms.free_if_stuck(trade)
        is_unwinding = order.approved.purpose is Purpose.UNWIND
        if is_unwinding and order.executed == 0 and trade.lone_leg is not None:
            self._alarms.declare_unhedged(trade)

    def drive(self, ledger: Ledger, trade_id: TradeId) -> None:
        """Take the next step a trade needs, if nothing of it is in flight."""
        trade = ledger.trades.get(trade_id)
        if trade is None:
            return
        self._alarms.watch_alone(trade)
        if ledger.in_flight.get(trade_id):
            return
        if trade.lone_leg is not None:
            self._mend(ledger, trade)
            return
        self._alarms.note_hedged(trade)
        if trade.phase is not TradePhase.CLOSING:
            self._alarms.free_if_stuck(trade)
        if trade.phase is TradePhase.OPENING:
            self._finish_opening(ledger, trade)
        elif trade.phase is TradePhase.CLOSING:
            self._go_on_closing(ledger, trade)

    # stops and exits

    def _look(self, ledger: Ledger, trade: Trade) -> None:
        if trade.phase is _OPENING:
            self.drive(ledger, trade.id)
            return
        if trade.closing in _STOPPABLE and self._stop_if_reached(ledger, trade):
            return
        if trade.phase is _CLOSING:
            self.drive(ledger, trade.id)
        elif self._strategy.wants_exit(trade, self._state.market):
            self.close(ledger, trade, Purpose.EXIT)

    def _stop_if_reached(self, ledger: Ledger, trade: Trade) -> bool:
        state = self._state
        # Between the fills of its legs half of a trade says nothing about the whole, and a leg
        # that stands alone is being unwound already.
        if not self._stop.is_near(trade, state.market) or trade.lone_leg is not None:
            return False
        reading = self._stop.read(trade, state.market, state.now_mono_ns)
        # A stale mark trips nothing: half of it may be an hour old.
        if reading is None or reading.age_ms > state.rules.max_ws_age_ms:
            return False
        if self._stop.mode is StopMode.TRAILING and reading.change_krw > trade.best_krw:
            self._note_peak(ledger, trade, reading.change_krw)
        if not reading.is_reached:
            return False
        self._tell_stop(ledger, trade, reading.change_krw, reading.limit_krw)
        self.close(ledger, trade, Purpose.STOP_LOSS)
        return True

    def _note_peak(self, ledger: Ledger, trade: Trade, change: Decimal) -> None:
        """Move a trailing stop up, in steps worth a commit: a hundredth of the distance."""
        step = self._stop.distance_pct(trade.pair) / 100 * trade.notional_krw / 100
        if change - trade.best_krw >= step:
            self._state.record(TradePeaked(self._state.now_ns, ledger.name, trade.id, change))

    def _watch_lone_leg(self, ledger: Ledger, trade: Trade) -> None:
        """Tell once that the remainder of a trade reached the stop of a lone leg.

        Its unwinding is on its way already, or waits for an order whose outcome is unknown.
        """
        lone, care, state = trade.lone_leg, self._alarms.care_of(trade.id), self._state
        if lone is None:
            care.lone_stop_told = False
            return
        average = trade.position(lone[0]).average_krw
        price = mark_price_krw(state.instruments[lone[0]], lone[1], state.market)
        if care.lone_stop_told or average is None or price is None or not state.is_fresh(lone[0]):
            return
        change = (price - average) * lone[1]
        limit = -self._stop.distance_pct(trade.pair) / 100 * abs(lone[1]) * average
        if change <= limit:
            care.lone_stop_told = True
            self._tell_stop(ledger, trade, change, limit)

    def _tell_stop(
        self, ledger: Ledger, trade: Trade, change_krw: Decimal, limit_krw: Decimal
    ) -> None:
        self.stop_losses += 1
        self._state.record(
            StopLossTriggered(
                self._state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                trade.direction,
                change_krw,
                limit_krw,
            )
        )

    def _look_at_clock(self, ledger: Ledger, trade: Trade) -> None:
        if trade.phase is TradePhase.OPEN and self._holding.is_over(trade):
            self.close(ledger, trade, Purpose.EXIT)

    # opening and closing

    def _finish_opening(self, ledger: Ledger, trade: Trade) -> None:
        if trade.is_flat:
            self._state.record(
                TradeAbandoned(
                    self._state.now_ns,
                    ledger.name,
                    trade.id,
                    trade.pair,
                    trade.direction,
                    trade.pnl_krw,
                )
            )
            self._forget(trade.id)
            return
        if self._dust.is_dust(trade):
            self._dust.sweep(ledger, trade)
            self.drive(ledger, trade.id)
            return
        self._state.record(
            TradeOpened(
                self._state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                trade.direction,
                trade.notional_krw,
            )
        )
        self._holding.began(trade.id)
        self._decisions.signal_traded(trade.pair, trade.direction)
        self._alarms.care_of(trade.id).next_try_ns = 0
        purpose = Purpose.FLATTEN if self._state.flattening else self._state.ordered.get(trade.id)
        if purpose is not None:
            self.close(ledger, trade, purpose)

    def _go_on_closing(self, ledger: Ledger, trade: Trade) -> None:
        if trade.is_flat:
            self._finish(ledger, trade)
            return
        if trade.size <= trade.keep or (
            trade.keep and self._dust.is_dust(trade, trade.size - trade.keep)
        ):
            # What is missing of a share is too small to be closed; it need not be.
            self._stand_on(ledger, trade)
            return
        if self._dust.is_dust(trade):
            self._dust.sweep(ledger, trade)
            self.drive(ledger, trade.id)
            return
        if (
            trade.closing is Purpose.EXIT
            and not self._holding.is_over(trade)
            and not self._strategy.wants_exit(trade, self._state.market)
        ):
            # Nothing hangs half closed, and the reason to close is gone: wait for the next one.
            self._stand_on(ledger, trade)
            return
        care = self._alarms.care_of(trade.id)
        if self._state.now_mono_ns < care.next_try_ns:
            return
        proposal = self._desk.close(
            trade,
            trade.size - trade.keep,
            self._state.market,
            ledger.free(),
            trade.closing or Purpose.UNWIND,
            self._state.now_mono_ns,
        )
        self._attempt(trade, proposal)

    def _finish(self, ledger: Ledger, trade: Trade) -> None:
        self._alarms.free_if_stuck(trade)
        self._state.record(
            TradeClosed(
                self._state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                trade.direction,
                trade.closing or Purpose.UNWIND,
                trade.pnl_krw,
                trade.fees_krw,
                trade.entry_krw,
                trade.opened_ns,
            )
        )
        self._forget(trade.id)

    def _stand_on(self, ledger: Ledger, trade: Trade) -> None:
        self._alarms.free_if_stuck(trade)
        self._state.record(ClosingEnded(self._state.now_ns, ledger.name, trade.id))

    def _attempt(self, trade: Trade, proposal: Proposal | None) -> bool:
        """Try to send a closing; what keeps it from going out is remembered for the alarm."""
        state, care = self._state, self._alarms.care_of(trade.id)
        if state.holds_closings:
            return False
        if proposal is None:
            has_books = all(leg in state.market.books for leg, _ in trade.legs)
            missing = CheckName.BALANCE if has_books else CheckName.BOOK_VALID
            self._alarms.note_stuck(trade, frozenset({missing}))
            return False
        verdict = self._decisions.decide(proposal, trade)
        if not verdict.orders:
            self._alarms.note_stuck(trade, refused(verdict.checks))
            return False
        care.next_try_ns = state.now_mono_ns + state.rules.unwind_interval_ms * 1_000_000
        return True

    # a leg left alone

    def _mend(self, ledger: Ledger, trade: Trade) -> None:
        lone = trade.lone_leg
        if lone is None:
            return
        if self._desk.is_dust(lone[0], lone[1], self._state.market):
            self._dust.move(ledger, trade, lone[0], lone[1])
            self.drive(ledger, trade.id)
            return
        state, care = self._state, self._alarms.care_of(trade.id)
        if state.now_mono_ns < care.next_mend_ns:
            return
        ordered = state.ordered.get(trade.id)
        may_complete = not care.completion_tried and not state.stopping and ordered is None
        if trade.phase is TradePhase.OPENING and may_complete:
            care.completion_tried = True
            proposal = self._strategy.complete(trade, state.market, state.now_mono_ns)
            if proposal is not None and state.is_resting(proposal):
                proposal = None
            if proposal is not None and self._decisions.decide(proposal, trade).orders:
                care.next_mend_ns = state.now_mono_ns + state.rules.unwind_interval_ms * 1_000_000
                return
        unwind = self._desk.unwind(trade, state.market, ledger.free(), state.now_mono_ns)
        if unwind is not None and ordered is not None and not state.may_go(unwind):
            # A halt lets what the operator ordered go where the engine's own unwinding may not.
            unwind = replace(unwind, purpose=ordered)
        if self._attempt(trade, unwind and _within_leg(unwind, trade)):
            care.next_mend_ns = care.next_try_ns

    def _forget(self, trade_id: TradeId) -> None:
        self._alarms.forget(trade_id)
        self._holding.forget(trade_id)
        self._stop.forget(trade_id)


def _within_leg(unwinding: Proposal, trade: Trade) -> Proposal:
    """The unwinding, of no more than its leg holds.

    A late fill can leave both legs on one side: what stands beyond is then more than either holds,
    and the rest is the other leg's turn.
    """
    intents = tuple(
        replace(
            intent,
            quantity=min(intent.quantity, abs(trade.position(intent.instrument).quantity)),
        )
        for intent in unwinding.intents
    )
    return replace(unwinding, intents=intents)
