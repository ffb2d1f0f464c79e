"""Alarms: trades that stay restless too long, a leg left alone or a closing that cannot go out.

What is remembered here between attempts is lost with the process, and begins anew after it.
"""

from decimal import Decimal

from trader.domain.control import CheckName
from trader.domain.facts import (
    BreakerCode,
    BreakerTripped,
    ClosingFreed,
    ClosingStuck,
    LegHedged,
    LegUnhedged,
)
from trader.domain.order import Purpose, TradeId
from trader.domain.trade import Trade
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk

_ZERO = Decimal(0)
_SECOND_NS = 1_000_000_000


class Care:
    """What is remembered of a restless trade between attempts.

    A leg that a closing left alone is mended at once, so mending keeps a pace of its own.
    """

    __slots__ = (
        "completion_tried",
        "lone_stop_told",
        "next_mend_ns",
        "next_try_ns",
        "stuck_since_ns",
        "unhedged_since_ns",
    )

    def __init__(self) -> None:
        self.next_try_ns = self.next_mend_ns = 0
        self.completion_tried = self.lone_stop_told = False
        self.stuck_since_ns: int | None = None
        self.unhedged_since_ns: int | None = None


class Alarms:
    """Knows since when a trade has been in trouble, and says so once it has been for too long."""

    def __init__(self, state: State, desk: ClosingDesk) -> None:
        self._state = state
        self._desk = desk
        self._care: dict[TradeId, Care] = {}

    def care_of(self, trade_id: TradeId) -> Care:
        """What is remembered of a trade."""
        care = self._care.get(trade_id)
        if care is None:
            care = self._care[trade_id] = Care()
        return care

    def forget(self, trade_id: TradeId) -> None:
        """Drop what is remembered of a trade that is over."""
        self._care.pop(trade_id, None)

    # a leg left alone

    def watch_alone(self, trade: Trade) -> None:
        """Note since when a leg stands alone, also while the other's order is still out."""
        lone, care = trade.lone_leg, self.care_of(trade.id)
        if lone is None or self._desk.is_dust(lone[0], lone[1], self._state.market):
            care.unhedged_since_ns = None
        elif care.unhedged_since_ns is None:
            care.unhedged_since_ns = self._state.now_mono_ns

    def note_hedged(self, trade: Trade) -> None:
        """No leg stands alone any more: end the alarm there was."""
        if trade.unhedged:
            self._state.record(LegHedged(self._state.now_ns, trade.ledger, trade.id, trade.pair))

    def sound(self, trade: Trade) -> None:
        """Say that a leg stands alone once it has for longer than allowed."""
        since = self.care_of(trade.id).unhedged_since_ns
        limit_ns = self._state.rules.breakers.max_unhedged_seconds * _SECOND_NS
        if since is not None and self._state.now_mono_ns - since > limit_ns:
            self.declare_unhedged(trade)

    def declare_unhedged(self, trade: Trade) -> None:
        """Say that a leg stands alone, once, and trip the breaker."""
        lone, rules = trade.lone_leg, self._state.rules.breakers
        if lone is None or trade.unhedged:
            return
        since = self.care_of(trade.id).unhedged_since_ns
        now = self._state.now_mono_ns
        seconds = Decimal(0 if since is None else (now - since) // 1_000_000) / 1_000
        average = trade.position(lone[0]).average_krw or _ZERO
        self._state.record(
            LegUnhedged(
                self._state.now_ns,
                trade.ledger,
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
                trade.ledger,
                BreakerCode.LEG_UNHEDGED,
                trade.id,
                seconds,
                rules.max_unhedged_seconds,
            )
        )

    # a closing that cannot go out

    def note_stuck(self, trade: Trade, checks: frozenset[CheckName]) -> None:
        """A closing did not go out, for these checks; say so once that has lasted."""
        state, care = self._state, self.care_of(trade.id)
        if care.stuck_since_ns is None:
            care.stuck_since_ns = state.now_mono_ns
        waited = state.now_mono_ns - care.stuck_since_ns
        if trade.stuck or waited < state.rules.closing_alarm_seconds * _SECOND_NS:
            return
        state.record(
            ClosingStuck(
                state.now_ns,
                trade.ledger,
                trade.id,
                trade.pair,
                trade.closing or Purpose.UNWIND,
                tuple(sorted(checks)),
                waited // 1_000_000,
            )
        )

    def free_if_stuck(self, trade: Trade) -> None:
        """A closing went out, or is not needed any more."""
        self.care_of(trade.id).stuck_since_ns = None
        if trade.stuck:
            self._state.record(ClosingFreed(self._state.now_ns, trade.ledger, trade.id, trade.pair))
