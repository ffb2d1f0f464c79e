"""Holding: which open trades have outstayed the longest holding; a clock that jumps ends none."""

from trader.domain.order import TradeId
from trader.domain.trade import Trade
from trader.engine.state import State

_MINUTE_NS = 60_000_000_000


class Holding:
    """Ages trades: one opened in this process by the monotonic clock alone.

    One from before is as old as the host and the venues agree at first; from then on it ages no
    faster than the monotonic clock, either.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._limit_ns = int(state.rules.max_holding_minutes * _MINUTE_NS)
        self._opened_mono_ns: dict[TradeId, int] = {}
        self._due_mono_ns: dict[TradeId, int] = {}

    def began(self, trade_id: TradeId) -> None:
        """A trade stands, as of now."""
        self._opened_mono_ns[trade_id] = self._state.now_mono_ns

    def is_over(self, trade: Trade) -> bool:
        """Whether a trade has stood for longer than it may."""
        state, limit_ns = self._state, self._limit_ns
        if not limit_ns:
            return False
        if state.clocks.is_simulated:
            return state.now_ns - trade.opened_ns > limit_ns
        mono_ns = state.now_mono_ns
        began_ns = self._opened_mono_ns.get(trade.id)
        if began_ns is not None:
            return mono_ns - began_ns > limit_ns
        if not state.clocks.are_settled(mono_ns):
            return False
        left_ns = limit_ns - (state.surely_ns - trade.opened_ns)
        due_ns = self._due_mono_ns.setdefault(trade.id, mono_ns + left_ns)
        return left_ns < 0 and due_ns < mono_ns

    def forget(self, trade_id: TradeId) -> None:
        """Drop what is remembered of a trade that is over."""
        self._opened_mono_ns.pop(trade_id, None)
        self._due_mono_ns.pop(trade_id, None)
