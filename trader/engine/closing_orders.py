"""Closings that an operator orders: all trades of a ledger, or one, as shown and confirmed."""

from decimal import Decimal

from trader.domain.authority import Level
from trader.domain.control import CloseTrade, Flatten, ReplyCode
from trader.domain.facts import ClosingOrdered
from trader.domain.order import LedgerName, Purpose, TradeId
from trader.domain.trade import Trade, TradePhase
from trader.engine.fingerprint import fingerprint_of
from trader.engine.impact import closing_result_krw
from trader.engine.said import Said, short, trade_line
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.portfolio.ledger import Ledger
from trader.risk.live_guard import Route
from trader.texts.format import won

WORSE_PCT = Decimal("0.3")
"""By so much of the notional the result may be worse than the one that was confirmed."""

_HUNDRED = Decimal(100)
_PARTIAL = frozenset({Purpose.EXIT, Purpose.REBALANCE})


class ClosingOrders:
    """Hands confirmed closings to the tending of trades, which drives each until it is over."""

    def __init__(self, state: State, tending: Tending) -> None:
        self._state = state
        self._tending = tending

    def order(self, command: Flatten | CloseTrade) -> Said:
        """Close what was confirmed, unless it is not what stands now or may not leave."""
        state = self._state
        if isinstance(command, Flatten):
            trade_id: TradeId | None = None
            ledger, purpose = state.ledgers[command.ledger], Purpose.FLATTEN
            trades = list(ledger.trades.values())
        else:
            trade_id, purpose = command.trade_id, Purpose.CLOSE
            found = [one for one in state.ledgers.values() if trade_id in one.trades]
            if not found:
                return Said(ReplyCode.NOT_OPEN)
            ledger = found[0]
            trades = [ledger.trades[trade_id]]
        if not trades:
            return Said(ReplyCode.NOTHING_OPEN, ledger=ledger.name)
        wanted = [trade for trade in trades if not self._is_under_way(ledger, trade)]
        if not wanted:
            return Said(ReplyCode.ALREADY_CLOSING, details=_lines(trades), ledger=ledger.name)
        seen = fingerprint_of(state, ledger.name, trade_id)
        refusal = self._refusal(command, ledger, trade_id, trades, seen)
        if refusal is not None:
            return refusal
        state.record(
            ClosingOrdered(
                state.now_ns,
                ledger.name,
                purpose,
                tuple(trade.id for trade in wanted),
                command.by,
                state.host_ns,
                command.written_ns,
            )
        )
        for trade in wanted:
            self._tending.order(ledger, trade.id, purpose)
        return Said(
            ReplyCode.CLOSING, details=_lines(wanted), ledger=ledger.name, did_something=True
        )

    def _is_under_way(self, ledger: Ledger, trade: Trade) -> bool:
        """Whether a trade is being closed whole by something that may leave."""
        state = self._state
        if trade.id in state.ordered:
            return True
        if trade.phase is not TradePhase.CLOSING or trade.closing in _PARTIAL:
            return False
        # In a halt the engine closes nothing by itself: what it began is the operator's to finish.
        return ledger.name is LedgerName.PAPER or state.authority.level is not Level.HALT

    def _refusal(
        self,
        command: Flatten | CloseTrade,
        ledger: Ledger,
        trade_id: TradeId | None,
        trades: list[Trade],
        fingerprint: str,
    ) -> Said | None:
        if command.fingerprint != fingerprint:
            return Said(ReplyCode.CHANGED_SINCE, details=_lines(trades), ledger=ledger.name)
        if ledger.name is LedgerName.LIVE:
            code = self._why_none_leaves()
            if code is not None:
                details = self._by_hand() if code is ReplyCode.CLOSINGS_REVOKED else ()
                return Said(code, details=details, ledger=ledger.name)
        if command.loss_krw is None:
            return None
        result = closing_result_krw(self._state, ledger.name, trade_id)
        if result is None:
            return Said(ReplyCode.NO_PRICES, ledger=ledger.name)
        notional = sum((trade.notional_krw for trade in trades), Decimal(0))
        if command.loss_krw - result > notional * WORSE_PCT / _HUNDRED:
            shown = (won(result, signed=True),)
            return Said(ReplyCode.LOSS_GREW, details=shown, ledger=ledger.name)
        return None

    def _why_none_leaves(self) -> ReplyCode | None:
        """Why the gate would let no live closing of the operator's out, now or soon."""
        verdict, authority = self._state.verdict, self._state.authority
        if authority.level is Level.HALT and authority.nothing_goes:
            return ReplyCode.NOTHING_GOES
        if verdict is None:
            return ReplyCode.NOT_SENSED
        if verdict.closings is Route.LIVE or verdict.operator_closes:
            return None
        return ReplyCode.CLOSINGS_REVOKED

    def _by_hand(self) -> tuple[str, ...]:
        return short(
            [
                f"{one.trade_id} {one.instrument} {one.side.value} {one.quantity:f}"
                for one in self._state.hand_orders
            ]
        )


def _lines(trades: list[Trade]) -> tuple[str, ...]:
    return short([trade_line(trade) for trade in trades])
