"""Fact -> Alert or nothing: code, severity, key, fields. Pure, no memory; the words are in texts.

A fact that ends a condition becomes an alert with ``clears`` whether or not the condition was ever
told: the outbox drops what has nothing to clear. An alert's fields are its fact's, by their names.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from trader.alerts.rules_form import milliseconds, over, told
from trader.alerts.rules_gate import GateFact, alert_of_gate
from trader.domain.control import Alert, AlertCode, CheckName, Severity
from trader.domain.facts import (
    ActivityCounted,
    BalanceMissed,
    BalanceSettled,
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingOrdered,
    ClosingsRestored,
    ClosingsRevoked,
    ClosingStuck,
    DayRolled,
    DirectionEmptied,
    DirectionRefilled,
    DustMoved,
    EpochAccepted,
    EquitySampled,
    Fact,
    FeeChanged,
    FeedRecovered,
    FeedWentStale,
    FillBooked,
    InventoryLevelled,
    InventoryRebased,
    InventorySkewed,
    LegHedged,
    LegUnhedged,
    OrderAccepted,
    OrderIdsReserved,
    OrderMoved,
    OrdersAdopted,
    OrdersApproved,
    OrdersAtHalt,
    OrdersAtHaltEnded,
    RebalanceBegan,
    RefusalBegan,
    RefusalEnded,
    RestBegan,
    StopLossTriggered,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.order import FINAL_STATES, LedgerName, OrderState
from trader.texts import VARIANT

UNTOLD_CHECKS = frozenset(
    {
        # A market below our thresholds is the everyday state; it is counted.
        CheckName.NET_PROFIT,
        CheckName.CONFIDENCE,
        CheckName.LIQUIDITY,
        # A quiet venue makes two books differ in time all day; a stale book has its own alert.
        CheckName.BOOK_SKEW,
        CheckName.BOOK_AGE,
        # The breaker that tripped and the pause are told themselves.
        CheckName.BREAKERS,
        CheckName.ENTRIES_PAUSED,
        # The gate's own banner and alerts say why.
        CheckName.LIVE_GATE,
    }
)
"""Checks whose refusals are counted and not told, unless their very input was at fault."""

_STALE = "stale"
"""A fault of every check that looks at a book which is not fresh. That has an alert of its own."""

_HUNDRED = Decimal(100)
_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO

_Bound = RefusalBegan | RefusalEnded | BreakerTripped | BreakerCleared
_Trade = TradeOpened | TradeClosed | StopLossTriggered | RebalanceBegan | DustMoved
_Trouble = OrderMoved | LegUnhedged | LegHedged | ClosingStuck | ClosingFreed
_Handover = ClosingsRevoked | ClosingsRestored | OrdersAtHalt | OrdersAtHaltEnded
_Inventory = DirectionEmptied | DirectionRefilled | InventorySkewed | InventoryLevelled
_Venue = FeedWentStale | FeedRecovered | FeeChanged
_Mismatch = BalanceMissed | BalanceSettled | OrdersAdopted


def alerts_for(facts: Sequence[Fact]) -> tuple[Alert, ...]:
    """What is worth telling of these facts, in their order."""
    return tuple(alert for alert in map(alert_for, facts) if alert is not None)


def alert_for(fact: Fact) -> Alert | None:
    """What is worth telling of one fact, or None."""
    if isinstance(fact, GateFact):
        return alert_of_gate(fact)
    if isinstance(fact, _Bound):
        return _of_bound(fact)
    if isinstance(fact, _Trade):
        return _of_trade(fact)
    if isinstance(fact, _Trouble):
        return _of_trouble(fact)
    if isinstance(fact, _Handover):
        return _of_handover(fact)
    if isinstance(fact, _Inventory):
        return _of_inventory(fact)
    if isinstance(fact, _Venue):
        return _of_venue(fact)
    if isinstance(fact, _Mismatch):
        return _of_mismatch(fact)
    match fact:
        # Counted, shown or kept for replay; what matters about them comes as a fact of its own.
        case OrdersApproved() | FillBooked() | ActivityCounted() | TradeAbandoned() | RestBegan():
            return None
        case ClosingBegan() | ClosingEnded() | TradePeaked() | InventoryRebased():
            return None
        case DayRolled() | EquitySampled() | OrderIdsReserved() | ClosingOrdered():
            return None
        case EpochAccepted() | OrderAccepted():
            return None
        case _:
            assert_never(fact)


def _of_bound(fact: _Bound) -> Alert | None:
    match fact:
        case RefusalBegan():
            return _refusal_began(fact)
        case RefusalEnded():
            if fact.check in UNTOLD_CHECKS:
                return None
            subject = f"{fact.pair}:{fact.direction}:{fact.check}"
            lasted = {"lasted_ms": milliseconds(fact.at_ns - fact.began_ns)}
            return over(fact, AlertCode.SAFETY_REJECTION, subject, lasted)
        case BreakerTripped() | BreakerCleared():
            return _breaker(fact)
        case _:
            assert_never(fact)


def _refusal_began(fact: RefusalBegan) -> Alert | None:
    is_untold = fact.check in UNTOLD_CHECKS
    if fact.result.fault == _STALE or (is_untold and not fact.result.fault):
        return None
    numbers = {
        "value": fact.result.value,
        "limit": fact.result.limit,
        "fault": fact.result.fault,
        "age_ms": fact.result.age_ms,
        "ledger": fact.decision.ledger,
        "decision_id": fact.decision.id,
    }
    return told(
        fact,
        AlertCode.SAFETY_REJECTION,
        _WARNING,
        f"{fact.pair}:{fact.direction}:{fact.check}",
        numbers,
        # The end of an untold refusal does not say that its input was at fault: nothing would
        # ever clear this one.
        lasting=not is_untold,
    )


def _breaker(fact: BreakerTripped | BreakerCleared) -> Alert:
    if fact.breaker is BreakerCode.DAILY_LOSS:
        code, subject = AlertCode.DAILY_LOSS_LIMIT, str(fact.ledger)
    else:
        code, subject = AlertCode.BREAKER_TRIPPED, f"{fact.ledger}:{fact.breaker}:{fact.subject}"
    if isinstance(fact, BreakerCleared):
        return over(fact, code, subject)
    # On paper a breaker stops play money until its cause is over; live it costs the live gate.
    severity = _CRITICAL if fact.ledger is LedgerName.LIVE else _WARNING
    numbers: dict[str, object] = (
        {"loss_krw": fact.value, "limit_krw": fact.limit}
        if code is AlertCode.DAILY_LOSS_LIMIT
        else {}
    )
    return told(fact, code, severity, subject, numbers, lasting=True)


def _of_trade(fact: _Trade) -> Alert:
    match fact:
        case TradeOpened():
            return told(fact, AlertCode.TRADE_OPENED, _INFO, fact.trade_id)
        case TradeClosed():
            whole = fact.entry_notional_krw
            numbers = {
                "pnl_pct": fact.pnl_krw / whole * _HUNDRED if whole > 0 else None,
                "held_ms": milliseconds(fact.at_ns - fact.opened_ns),
            }
            return told(fact, AlertCode.TRADE_CLOSED, _INFO, fact.trade_id, numbers)
        case StopLossTriggered():
            # Not lasting: a stop that closes whole sounds once. One that cannot go out is told as
            # a stuck closing, and that lasts.
            return told(fact, AlertCode.STOP_LOSS, _CRITICAL, fact.trade_id)
        case RebalanceBegan():
            # A warning: entries never pass the limit, so adopted orders or a lowered limit did.
            return told(fact, AlertCode.REBALANCE, _WARNING, fact.trade_id)
        case DustMoved():
            return told(fact, AlertCode.DUST, _INFO, f"{fact.trade_id}:{fact.instrument}")
        case _:
            assert_never(fact)


def _of_trouble(fact: _Trouble) -> Alert | None:
    match fact:
        case OrderMoved():
            order = fact.client_order_id
            if fact.state in FINAL_STATES:
                return over(fact, AlertCode.ORDER_UNKNOWN, order)
            if fact.state is OrderState.UNKNOWN:
                return told(fact, AlertCode.ORDER_UNKNOWN, _CRITICAL, order, lasting=True)
            if fact.state is OrderState.QUARANTINED:
                variant = {VARIANT: "quarantined"}
                return told(fact, AlertCode.ORDER_UNKNOWN, _CRITICAL, order, variant, lasting=True)
            return None
        case LegUnhedged():
            return told(fact, AlertCode.LEG_UNHEDGED, _CRITICAL, fact.trade_id, lasting=True)
        case LegHedged():
            return over(fact, AlertCode.LEG_UNHEDGED, fact.trade_id)
        case ClosingStuck():
            return told(fact, AlertCode.CLOSING_STUCK, _CRITICAL, fact.trade_id, lasting=True)
        case ClosingFreed():
            return over(fact, AlertCode.CLOSING_STUCK, fact.trade_id)
        case _:
            assert_never(fact)


def _of_handover(fact: _Handover) -> Alert:
    match fact:
        case ClosingsRevoked():
            extra: dict[str, object] = {
                VARIANT: "revoked",
                "ledger": LedgerName.LIVE,
                "count": len(fact.hand_orders),
                "why": ", ".join(fact.blocks),
            }
            code = AlertCode.POSITION_UNGUARDED
            return told(fact, code, _CRITICAL, "revoked", extra, lasting=True)
        case ClosingsRestored():
            extra = {VARIANT: "revoked", "ledger": LedgerName.LIVE}
            return over(fact, AlertCode.POSITION_UNGUARDED, "revoked", extra)
        case OrdersAtHalt():
            # Not lasting: the halt itself is what lasts.
            extra = {VARIANT: "in_flight", "count": len(fact.in_flight)}
            subject = f"in_flight:{fact.revision}"
            return told(fact, AlertCode.HALTED, _CRITICAL, subject, extra)
        case OrdersAtHaltEnded():
            subject = f"ended:{fact.revision}"
            return told(fact, AlertCode.HALTED, _WARNING, subject, {VARIANT: "ended"})
        case _:
            assert_never(fact)


def _of_inventory(fact: _Inventory) -> Alert:
    # A normal state, which a transfer mends whenever it suits; it need not sound.
    match fact:
        case DirectionEmptied() | DirectionRefilled():
            code, subject = (
                AlertCode.DIRECTION_EMPTY,
                f"{fact.ledger}:{fact.pair}:{fact.direction}",
            )
        case InventorySkewed() | InventoryLevelled():
            code, subject = AlertCode.INVENTORY_SKEW, f"{fact.ledger}:{fact.asset}"
        case _:
            assert_never(fact)
    if isinstance(fact, DirectionRefilled | InventoryLevelled):
        return over(fact, code, subject)
    return told(fact, code, _INFO, subject, lasting=True)


def _of_venue(fact: _Venue) -> Alert:
    match fact:
        case FeedWentStale():
            return told(fact, AlertCode.FEED_STALE, _WARNING, fact.instrument, lasting=True)
        case FeedRecovered():
            key = f"{AlertCode.FEED_STALE}:{fact.instrument}"
            return told(fact, AlertCode.FEED_RECOVERED, _INFO, key=key, clears=True)
        case FeeChanged():
            # Only a rise costs signals; either counts at once.
            severity = _WARNING if fact.after_pct > fact.before_pct else _INFO
            variant = {VARIANT: "fee_changed"}
            subject = f"fee_changed:{fact.instrument}"
            return told(fact, AlertCode.SYSTEM_ERROR, severity, subject, variant)
        case _:
            assert_never(fact)


def _of_mismatch(fact: _Mismatch) -> Alert:
    code = AlertCode.RECONCILIATION_MISMATCH
    match fact:
        case OrdersAdopted():
            extra: dict[str, object] = {VARIANT: "adopted", "ledger": LedgerName.LIVE}
            return told(fact, code, _WARNING, f"adopted:{fact.trade_id}", extra)
        case BalanceMissed():
            extra = {VARIANT: "balance"}
            return told(fact, code, _WARNING, f"{fact.venue}:{fact.asset}", extra, lasting=True)
        case BalanceSettled():
            return over(fact, code, f"{fact.venue}:{fact.asset}", {VARIANT: "balance"})
        case _:
            assert_never(fact)
