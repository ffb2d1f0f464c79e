"""What happens beside the loop: alerts to the outbox, decisions to the log, lag to the figures."""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal

import structlog

from trader.alerts.outbox import Outbox
from trader.alerts.rules import alerts_for
from trader.app.banner import log_gate
from trader.domain.control import Transaction
from trader.domain.events import BookUpdated, Event
from trader.domain.facts import (
    BalanceMissed,
    BalanceSettled,
    BreakerCleared,
    BreakerTripped,
    ClosingsRestored,
    ClosingsRevoked,
    ClosingStuck,
    DirectionEmptied,
    DustMoved,
    EpochAccepted,
    Fact,
    FaultRecorded,
    FeedRecovered,
    FeedWentStale,
    GateChanged,
    LegHedged,
    LegUnhedged,
    OrderAccepted,
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
)
from trader.domain.order import LedgerName, OrderState
from trader.engine.engine import Outcome

_NOTABLE_ENDS = frozenset(
    {OrderState.REJECTED, OrderState.BLOCKED, OrderState.UNKNOWN, OrderState.QUARANTINED}
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.engine")


class AlertDesk:
    """Writes the alerts a batch of facts raises, and wakes the relay once they are committed."""

    def __init__(self, outbox: Outbox, wake: asyncio.Event) -> None:
        self._outbox = outbox
        self._wake = wake

    def enqueue_for(self, tx: Transaction, facts: Sequence[Fact]) -> None:
        """Write alerts inside the facts' own transaction."""
        alerts = alerts_for(facts)
        if alerts:
            self._outbox.enqueue(tx, alerts)
            # The relay runs on this loop, so it wakes only after the commit that follows.
            self._wake.set()


class MarketLag:
    """How long the newest frames took from the venue to us, in milliseconds; None before any."""

    def __init__(self) -> None:
        self.latest_ms: float | None = None

    def __call__(self, event: Event, _outcome: Outcome) -> None:
        """Note the lag of a book whose venue told its time."""
        if type(event) is BookUpdated and event.book.venue_ns is not None:
            self.latest_ms = (event.book.at_ns - event.book.venue_ns) / 1e6


def log_facts(_event: Event, outcome: Outcome) -> None:
    """Write a line for every fact a person would look for; traffic stays out."""
    for fact in outcome.facts:
        if isinstance(fact, GateChanged):
            log_gate(fact)
        else:
            _log_fact(fact)


def _log_fact(fact: Fact) -> None:
    match fact:
        case TradeOpened():
            _log.info(
                "trade opened",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                pair=fact.pair,
                direction=fact.direction,
                notional_krw=f"{fact.entry_notional_krw:.0f}",
            )
        case TradeClosed():
            _log.info(
                "trade closed",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                pair=fact.pair,
                direction=fact.direction,
                reason=fact.reason.value,
                pnl_krw=f"{fact.pnl_krw:.2f}",
                held_s=(fact.at_ns - fact.opened_ns) // 1_000_000_000,
            )
        case TradeAbandoned():
            _log.info(
                "trade abandoned",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                pair=fact.pair,
                direction=fact.direction,
                pnl_krw=f"{fact.pnl_krw:.2f}",
            )
        case StopLossTriggered():
            _log.warning(
                "stop-loss",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                pair=fact.pair,
                direction=fact.direction,
                change_krw=f"{fact.change_krw:.2f}",
                limit_krw=f"{fact.limit_krw:.2f}",
            )
        case RefusalBegan():
            _log.info(
                "refused",
                check=fact.check.value,
                pair=fact.pair,
                direction=fact.direction,
                value=_figure(fact.result.value),
                limit=_figure(fact.result.limit),
                why=fact.result.fault or "limit",
                decision=fact.decision.id,
            )
        case OrdersApproved() | OrdersAdopted() | OrderMoved():
            _log_order(fact)
        case _:
            _log_trouble(fact)


def _log_order(fact: OrdersApproved | OrdersAdopted | OrderMoved) -> None:
    """Real orders only: those on paper are told by their trades."""
    if not isinstance(fact, OrderMoved):
        is_new = isinstance(fact, OrdersApproved)
        for order in fact.orders:
            if order.ledger is LedgerName.LIVE:
                _log.log(
                    logging.INFO if is_new else logging.WARNING,
                    "order approved" if is_new else "order adopted",
                    order=order.client_order_id,
                    trade=order.trade_id,
                    purpose=order.purpose.value,
                    instrument=order.intent.instrument,
                    side=order.intent.side.value,
                    quantity=str(order.intent.quantity),
                    limit=str(order.intent.limit_price),
                )
    elif fact.ledger is LedgerName.LIVE:
        is_plain = fact.state not in _NOTABLE_ENDS
        _log.log(
            logging.INFO if is_plain else logging.WARNING,
            f"order {fact.state.value}",
            order=fact.client_order_id,
            trade=fact.trade_id,
            executed=str(fact.executed),
            reason=fact.reason,
        )


def _log_trouble(fact: Fact) -> None:
    match fact:
        case RefusalEnded():
            _log.info(
                "refusals ended",
                check=fact.check.value,
                pair=fact.pair,
                direction=fact.direction,
                count=fact.count,
            )
        case LegUnhedged():
            _log.error(
                "leg unhedged",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                instrument=fact.instrument,
                quantity=str(fact.quantity),
                notional_krw=f"{fact.notional_krw:.0f}",
            )
        case LegHedged():
            _log.info("leg hedged", ledger=fact.ledger.value, trade=fact.trade_id)
        case ClosingStuck():
            _log.error(
                "closing stuck",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                checks=",".join(fact.checks),
                waited_ms=fact.waited_ms,
            )
        case BreakerTripped() | BreakerCleared():
            _log.warning(
                "breaker tripped" if isinstance(fact, BreakerTripped) else "breaker cleared",
                ledger=fact.ledger.value,
                breaker=fact.breaker.value,
                subject=fact.subject,
            )
        case RestBegan():
            _log.info("direction rests", pair=fact.pair, direction=fact.direction)
        case ClosingsRevoked() | ClosingsRestored() | OrdersAtHalt() | OrdersAtHaltEnded():
            _log_handover(fact)
        case RebalanceBegan():
            _log.info(
                "rebalance",
                ledger=fact.ledger.value,
                trade=fact.trade_id,
                exposure_krw=f"{fact.exposure_krw:.0f}",
            )
        case _:
            _log_surroundings(fact)


def _log_handover(
    fact: ClosingsRevoked | ClosingsRestored | OrdersAtHalt | OrdersAtHaltEnded,
) -> None:
    match fact:
        case ClosingsRevoked():
            for order in fact.hand_orders:
                _log.error(
                    "close by hand",
                    trade=order.trade_id,
                    instrument=order.instrument,
                    side=order.side.value,
                    quantity=str(order.quantity),
                    price=str(order.price),
                    basis=order.basis.value,
                    reasons=";".join(fact.blocks),
                )
        case ClosingsRestored():
            _log.info("no orders by hand any more", open_legs=fact.legs)
        case OrdersAtHalt():
            for named in fact.in_flight:
                _log.warning(
                    "in flight at the halt",
                    ledger=named.ledger.value,
                    order=named.client_order_id,
                    instrument=named.instrument,
                    side=named.side.value,
                    quantity=str(named.quantity),
                    state=named.state.value,
                )
        case OrdersAtHaltEnded():
            for end in fact.ends:
                _log.warning(
                    "ended after the halt",
                    ledger=end.order.ledger.value,
                    order=end.order.client_order_id,
                    state=end.order.state.value,
                    executed=str(end.executed),
                    average_price=str(end.average_price),
                    reason=end.reason,
                )


def _log_surroundings(fact: Fact) -> None:
    match fact:
        case DirectionEmptied():
            _log.info(
                "direction empty",
                pair=fact.pair,
                direction=fact.direction,
                transfer=f"{fact.amount} {fact.asset} {fact.from_venue} to {fact.to_venue}",
            )
        case DustMoved():
            _log.info("dust to inventory", trade=fact.trade_id, quantity=str(fact.quantity))
        case FeedWentStale():
            _log.warning("feed stale", instrument=fact.instrument, age_ms=round(fact.age_ms))
        case FeedRecovered():
            _log.info("feed fresh again", instrument=fact.instrument)
        case FaultRecorded():
            _log.error("fault", where=fact.where, message=fact.message)
        case BalanceMissed() | BalanceSettled() | EpochAccepted() | OrderAccepted():
            _log_difference(fact)
        case _:
            pass


def _log_difference(fact: BalanceMissed | BalanceSettled | EpochAccepted | OrderAccepted) -> None:
    match fact:
        case BalanceMissed():
            _log.error(
                "balance missed",
                venue=fact.venue,
                asset=fact.asset,
                counted=str(fact.expected),
                stated=str(fact.found),
                missing=str(fact.missing),
                guess=fact.cause.value,
            )
        case BalanceSettled():
            _log.warning("balance settled", venue=fact.venue, asset=fact.asset, by=fact.by)
        case EpochAccepted():
            made = f"{fact.engine}-{fact.epoch}"
            _log.warning("foreign orders accepted", made_by=made, upto=fact.upto, by=fact.by)
        case OrderAccepted():
            _log.warning("order accepted", order=fact.client_order_id, by=fact.by)


def _figure(value: object) -> str:
    if not isinstance(value, Decimal):
        return "none"
    return f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.4f}".rstrip("0").rstrip(".")
