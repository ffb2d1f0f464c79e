"""Tending: what open trades need. Stops, exits, both legs alike, a leg left alone, dust.

One closing in flight for a trade; its remainder is a new intent, at most one attempt a second.
"""

from decimal import Decimal

from trader.domain.control import CheckName
from trader.domain.facts import (
    BreakerCode,
    BreakerTripped,
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingStuck,
    DustMoved,
    LegHedged,
    LegUnhedged,
    StopLossTriggered,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import InstrumentId
from trader.domain.order import Proposal, Purpose, TradeId
from trader.domain.trade import Trade, TradePhase
from trader.engine.decisions import Decisions
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk
from trader.portfolio.ledger import Ledger
from trader.portfolio.stoploss import StopLoss, StopMode
from trader.risk.safety import refused
from trader.strategy.protocol import Strategy

_ZERO = Decimal(0)
_SECOND_NS = 1_000_000_000
_STOPPABLE = frozenset({None, Purpose.EXIT, Purpose.REBALANCE})


class _Care:
    """What is remembered of a restless trade between attempts; lost with the process."""

    __slots__ = ("completion_tried", "next_try_ns", "stuck_since_ns", "unhedged_since_ns")

    def __init__(self) -> None:
        self.next_try_ns = 0
        self.completion_tried = False
        self.stuck_since_ns: int | None = None
        self.unhedged_since_ns: int | None = None


class Tending:
    """Watches trades and drives each towards standing whole or being gone."""

    def __init__(
        self, state: State, decisions: Decisions, strategy: Strategy, stop: StopLoss
    ) -> None:
        self._state = state
        self._decisions = decisions
        self._strategy = strategy
        self._stop = stop
        self._desk = ClosingDesk(state.instruments, state.rules.strategy.max_unwind_slippage_pct)
        self._care: dict[TradeId, _Care] = {}
        self.stop_losses = 0

    def resume(self) -> None:
        """After a restart: a leg left alone is unwound, never completed."""
        for ledger in self._state.ledgers.values():
            for trade_id in ledger.trades:
                self._care_of(trade_id).completion_tried = True

    def on_book(self, instrument: InstrumentId) -> None:
        """A book moved: look at every trade it prices."""
        is_dollar = instrument == self._state.market.usdt_krw
        for ledger in self._state.ledgers.values():
            for trade in list(ledger.trades.values()):
                if is_dollar or any(leg == instrument for leg, _ in trade.legs):
                    self._look(ledger, trade)

    def each_second(self) -> None:
        """What time alone brings about: holding limits, alarms, another attempt."""
        for ledger in self._state.ledgers.values():
            for trade in list(ledger.trades.values()):
                self._look_at_clock(ledger, trade)
                self.drive(ledger, trade.id)
                self._sound_alarms(ledger, trade.id)

    def close(self, ledger: Ledger, trade: Trade, purpose: Purpose, keep: Decimal = _ZERO) -> None:
        """Begin to close a trade down to ``keep`` of each leg."""
        self._state.record(ClosingBegan(self._state.now_ns, ledger.name, trade.id, purpose, keep))
        self._care_of(trade.id).next_try_ns = 0
        self.drive(ledger, trade.id)

    def unwinding_failed(self, ledger: Ledger, trade_id: TradeId) -> None:
        """An unwinding order ended with nothing filled: say so at once, and trip the breaker."""
        trade = ledger.trades.get(trade_id)
        if trade is not None and trade.lone_leg is not None:
            self._declare_unhedged(ledger, trade)

    def drive(self, ledger: Ledger, trade_id: TradeId) -> None:
        """Take the next step a trade needs, if nothing of it is in flight."""
        trade = ledger.trades.get(trade_id)
        if trade is None or ledger.in_flight.get(trade_id):
            return
        if trade.lone_leg is not None:
            self._mend(ledger, trade)
            return
        self._note_hedged(ledger, trade)
        if trade.phase is TradePhase.OPENING:
            self._finish_opening(ledger, trade)
        elif trade.phase is TradePhase.CLOSING:
            self._go_on_closing(ledger, trade)

    # stops and exits

    def _look(self, ledger: Ledger, trade: Trade) -> None:
        if trade.phase is TradePhase.OPENING:
            self.drive(ledger, trade.id)
            return
        if trade.closing in _STOPPABLE and self._stop_if_reached(ledger, trade):
            return
        if trade.phase is TradePhase.CLOSING:
            self.drive(ledger, trade.id)
        elif self._strategy.wants_exit(trade, self._state.market):
            self.close(ledger, trade, Purpose.EXIT)

    def _stop_if_reached(self, ledger: Ledger, trade: Trade) -> bool:
        state = self._state
        if not self._stop.is_near(trade, state.market):
            return False
        reading = self._stop.read(trade, state.market, state.now_mono_ns)
        # A stale mark trips nothing: half of it may be an hour old.
        if reading is None or reading.age_ms > state.rules.max_ws_age_ms:
            return False
        if self._stop.mode is StopMode.TRAILING and reading.change_krw > trade.best_krw:
            self._note_peak(ledger, trade, reading.change_krw)
        if not reading.is_reached:
            return False
        self.stop_losses += 1
        state.record(
            StopLossTriggered(
                state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                trade.direction,
                reading.change_krw,
                reading.limit_krw,
            )
        )
        self.close(ledger, trade, Purpose.STOP_LOSS)
        return True

    def _note_peak(self, ledger: Ledger, trade: Trade, change: Decimal) -> None:
        """Move a trailing stop up, in steps worth a commit: a hundredth of the distance."""
        step = -self._stop.limit_krw(trade) / 100
        if change - trade.best_krw >= max(step, _ZERO):
            self._state.record(TradePeaked(self._state.now_ns, ledger.name, trade.id, change))

    def _look_at_clock(self, ledger: Ledger, trade: Trade) -> None:
        minutes = self._state.rules.max_holding_minutes
        held_ns = self._state.now_ns - trade.opened_ns
        if trade.phase is TradePhase.OPEN and minutes and held_ns > minutes * 60 * _SECOND_NS:
            self.close(ledger, trade, Purpose.EXIT)

    def _has_outstayed(self, trade: Trade) -> bool:
        minutes = self._state.rules.max_holding_minutes
        return bool(minutes) and self._state.now_ns - trade.opened_ns > minutes * 60 * _SECOND_NS

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
        if self._is_dust(trade):
            self._sweep(ledger, trade)
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
        self._decisions.signal_traded(trade.pair, trade.direction)
        self._care_of(trade.id).next_try_ns = 0

    def _go_on_closing(self, ledger: Ledger, trade: Trade) -> None:
        if trade.is_flat:
            self._finish(ledger, trade)
            return
        if trade.size <= trade.keep:
            self._stand_on(ledger, trade)
            return
        if self._is_dust(trade):
            self._sweep(ledger, trade)
            self.drive(ledger, trade.id)
            return
        if (
            trade.closing is Purpose.EXIT
            and not self._has_outstayed(trade)
            and not self._strategy.wants_exit(trade, self._state.market)
        ):
            # Nothing hangs half closed, and the reason to close is gone: wait for the next one.
            self._stand_on(ledger, trade)
            return
        care = self._care_of(trade.id)
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
        self._attempt(ledger, trade, proposal)

    def _finish(self, ledger: Ledger, trade: Trade) -> None:
        self._free_if_stuck(ledger, trade)
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
        self._free_if_stuck(ledger, trade)
        self._state.record(ClosingEnded(self._state.now_ns, ledger.name, trade.id))

    def _attempt(self, ledger: Ledger, trade: Trade, proposal: Proposal | None) -> bool:
        """Try to send a closing; what keeps it from going out is remembered for the alarm."""
        state, care = self._state, self._care_of(trade.id)
        if proposal is None:
            self._note_stuck(ledger, trade, frozenset({CheckName.BOOK_VALID}))
            return False
        verdict = self._decisions.decide(proposal, trade)
        if not verdict.orders:
            self._note_stuck(ledger, trade, refused(verdict.checks))
            return False
        care.next_try_ns = state.now_mono_ns + state.rules.unwind_interval_ms * 1_000_000
        self._free_if_stuck(ledger, trade)
        return True

    # a leg left alone

    def _mend(self, ledger: Ledger, trade: Trade) -> None:
        lone = trade.lone_leg
        if lone is None:
            return
        if self._desk.is_dust(lone[0], lone[1], self._state.market):
            self._move_dust(ledger, trade, lone[0], lone[1])
            self.drive(ledger, trade.id)
            return
        state, care = self._state, self._care_of(trade.id)
        if care.unhedged_since_ns is None:
            care.unhedged_since_ns = state.now_mono_ns
        if state.now_mono_ns < care.next_try_ns:
            return
        if trade.phase is TradePhase.OPENING and not care.completion_tried:
            care.completion_tried = True
            proposal = self._strategy.complete(trade, state.market, state.now_mono_ns)
            if proposal is not None and self._decisions.decide(proposal, trade).orders:
                care.next_try_ns = state.now_mono_ns + state.rules.unwind_interval_ms * 1_000_000
                return
        unwind = self._desk.unwind(trade, state.market, ledger.free(), state.now_mono_ns)
        self._attempt(ledger, trade, unwind)

    def _note_hedged(self, ledger: Ledger, trade: Trade) -> None:
        care = self._care.get(trade.id)
        if care is not None:
            care.unhedged_since_ns = None
        if trade.unhedged:
            self._state.record(LegHedged(self._state.now_ns, ledger.name, trade.id, trade.pair))

    def _declare_unhedged(self, ledger: Ledger, trade: Trade) -> None:
        lone, rules = trade.lone_leg, self._state.rules.breakers
        if lone is None or trade.unhedged:
            return
        since = self._care_of(trade.id).unhedged_since_ns
        now = self._state.now_mono_ns
        seconds = Decimal(0 if since is None else (now - since) // 1_000_000) / 1_000
        average = trade.position(lone[0]).average_krw or _ZERO
        self._state.record(
            LegUnhedged(
                self._state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                lone[0],
                lone[1],
                abs(lone[1]) * average,
            )
        )
        self._state.record(
            BreakerTripped(
                self._state.now_ns,
                ledger.name,
                BreakerCode.LEG_UNHEDGED,
                trade.id,
                seconds,
                rules.max_unhedged_seconds,
            )
        )

    # alarms

    def _sound_alarms(self, ledger: Ledger, trade_id: TradeId) -> None:
        trade, care = ledger.trades.get(trade_id), self._care.get(trade_id)
        if trade is None or care is None or care.unhedged_since_ns is None:
            return
        alone_ns = self._state.now_mono_ns - care.unhedged_since_ns
        if alone_ns > self._state.rules.breakers.max_unhedged_seconds * _SECOND_NS:
            self._declare_unhedged(ledger, trade)

    def _note_stuck(self, ledger: Ledger, trade: Trade, checks: frozenset[CheckName]) -> None:
        state, care = self._state, self._care_of(trade.id)
        if care.stuck_since_ns is None:
            care.stuck_since_ns = state.now_mono_ns
        waited = state.now_mono_ns - care.stuck_since_ns
        if trade.stuck or waited < state.rules.closing_alarm_seconds * _SECOND_NS:
            return
        state.record(
            ClosingStuck(
                state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                trade.closing or Purpose.UNWIND,
                tuple(sorted(checks)),
                waited // 1_000_000,
            )
        )

    def _free_if_stuck(self, ledger: Ledger, trade: Trade) -> None:
        self._care_of(trade.id).stuck_since_ns = None
        if trade.stuck:
            self._state.record(ClosingFreed(self._state.now_ns, ledger.name, trade.id, trade.pair))

    # dust

    def _is_dust(self, trade: Trade) -> bool:
        """Whether a hedged trade is too small to be closed at any of its venues."""
        return any(
            self._desk.is_dust(leg, position.quantity, self._state.market)
            for leg, position in trade.legs
        )

    def _sweep(self, ledger: Ledger, trade: Trade) -> None:
        for leg, position in trade.legs:
            if position.quantity != 0:
                self._move_dust(ledger, trade, leg, position.quantity)

    def _move_dust(
        self, ledger: Ledger, trade: Trade, instrument: InstrumentId, quantity: Decimal
    ) -> None:
        position = trade.position(instrument)
        cost = (
            position.cost_krw
            if quantity == position.quantity
            else position.cost_krw * quantity / position.quantity
        )
        self._state.record(
            DustMoved(self._state.now_ns, ledger.name, trade.id, instrument, quantity, cost)
        )

    def _forget(self, trade_id: TradeId) -> None:
        self._care.pop(trade_id, None)
        self._stop.forget(trade_id)

    def _care_of(self, trade_id: TradeId) -> _Care:
        care = self._care.get(trade_id)
        if care is None:
            care = self._care[trade_id] = _Care()
        return care
