"""A summary's figures, put together: the journal's past, the engine's present, the alerts' fate."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from trader.domain.authority import Level
from trader.domain.control import Mode
from trader.domain.delivery import LedgerFigures
from trader.domain.order import LedgerName, OrderState
from trader.domain.summary import (
    MAX_CARES,
    AlertFigures,
    Care,
    CareCode,
    LedgerNow,
    LedgerSummary,
    LoopFigures,
    SummaryFigures,
)
from trader.engine.engine import Engine
from trader.engine.snapshot import LedgerView, Snapshot
from trader.engine.state import State
from trader.execution.digest import digest
from trader.execution.history import History
from trader.risk.live_guard import Route

_HOUR_NS = 3_600 * 1_000_000_000
_HOURS_KEPT = 40 * 24
_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})


class AlertLedger(Protocol):
    """What became of alerts, as far as a summary tells it; the outbox keeps it."""

    def ledger_between(self, from_ns: int, to_ns: int) -> LedgerFigures:
        """The alerts from ``from_ns`` on and before ``to_ns``, by this host's clock."""
        ...

    def pending_count(self) -> int:
        """How many wait to be told."""
        ...


class Span(Struct, frozen=True):
    """From ``from_ns`` on and before ``to_ns``, UTC."""

    from_ns: int
    to_ns: int


class _Hour(Struct):
    start_ns: int
    latency_ms: float
    lag_ms: float | None


class LoopRecord:
    """The worst of loop and market data, hour by hour, for as long as a summary reaches back."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._hours: deque[_Hour] = deque(maxlen=_HOURS_KEPT)

    def note(self, at_ns: int, latency_ms: float, lag_ms: float | None) -> None:
        """Count a cycle: when by this host's clock, what it took, and the newest frame's lag."""
        if self._since_ns is None:
            self._since_ns = at_ns
        start_ns = at_ns - at_ns % _HOUR_NS
        # A clock that stepped back goes on in the hour that was reached.
        if not self._hours or start_ns > self._hours[-1].start_ns:
            self._hours.append(_Hour(start_ns, latency_ms, lag_ms))
            return
        hour = self._hours[-1]
        hour.latency_ms = max(hour.latency_ms, latency_ms)
        if lag_ms is not None:
            hour.lag_ms = lag_ms if hour.lag_ms is None else max(hour.lag_ms, lag_ms)

    def between(self, from_ns: int, to_ns: int) -> LoopFigures:
        """The worst of a span, by whole hours that overlap it."""
        hours = [h for h in self._hours if from_ns - _HOUR_NS < h.start_ns < to_ns]
        lags = [hour.lag_ms for hour in hours if hour.lag_ms is not None]
        since_ns = self._since_ns
        return LoopFigures(
            latency_ms=max((hour.latency_ms for hour in hours), default=None),
            lag_ms=max(lags, default=None),
            since_ns=since_ns if since_ns is not None and since_ns > from_ns else None,
        )


def market_span(mode: Mode, now_ns: int, span: Span) -> Span:
    """The span in the market's time: the same, or on the simulated market, which no calendar of
    ours fits, the last one as long, up to its ``now_ns``.
    """
    if mode is not Mode.MOCK:
        return span
    # The newest fact carries the market's very now, and a span ends before its end.
    return Span(now_ns + 1 - (span.to_ns - span.from_ns), now_ns + 1)


async def summary_figures(
    history: History,
    engine: Engine,
    alerts: AlertLedger,
    loop: LoopRecord,
    span: Span,
    *,
    made_ns: int,
    unguarded: int = 0,
) -> SummaryFigures:
    """The figures of a span of this host's time. Call on the engine's loop.

    ``made_ns`` is this host's now. ``unguarded`` counts live positions that stand while this
    process, in mock or paper, guards none of them.

    Raises:
        ValueError: the span is empty or longer than 40 days.
        JournalError: the journal cannot be read.
    """
    snapshot = engine.snapshot()
    market = market_span(snapshot.mode, snapshot.at_ns, span)
    past = await asyncio.to_thread(digest, history, market.from_ns, market.to_ns)
    # The engine's own present comes last and in one piece, so that it agrees with itself.
    snapshot = engine.snapshot()
    told = alert_figures(alerts, span)
    cares = tuple(_cares(engine.state, snapshot, told, past.faults, unguarded))
    return SummaryFigures(
        engine=snapshot.name,
        mode=snapshot.mode,
        made_ns=made_ns,
        from_ns=span.from_ns,
        to_ns=span.to_ns,
        market_from_ns=market.from_ns,
        market_to_ns=market.to_ns,
        paper=LedgerSummary(LedgerName.PAPER, past.paper, _now(snapshot.paper)),
        live=LedgerSummary(LedgerName.LIVE, past.live, _now(snapshot.live_ledger)),
        is_live=snapshot.live,
        blocks=snapshot.blocks,
        refusals=past.refusals,
        feeds=past.feeds,
        loop=loop.between(span.from_ns, span.to_ns),
        alerts=told,
        starts=past.starts,
        faults=past.faults,
        commands=past.commands,
        commands_left_out=past.commands_left_out,
        breakers=past.breakers,
        breakers_left_out=past.breakers_left_out,
        cares=cares[:MAX_CARES],
        cares_left_out=len(cares[MAX_CARES:]),
    )


def summary_question(
    history: History,
    engine: Engine,
    alerts: AlertLedger,
    loop: LoopRecord,
    *,
    unguarded: int = 0,
    now_ns: Callable[[], int] = time.time_ns,
) -> Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]:
    """The question ``summary`` of the hatch: takes ``from_ns`` and ``to_ns``, gives the figures.

    Its answer is JSON at heart and reads back as SummaryFigures.
    """

    async def answer(arguments: Mapping[str, object]) -> Mapping[str, object]:
        span = msgspec.convert(dict(arguments), Span)
        figures = await summary_figures(
            history, engine, alerts, loop, span, made_ns=now_ns(), unguarded=unguarded
        )
        builtins: Mapping[str, object] = msgspec.to_builtins(figures)
        return builtins

    return answer


def alert_figures(alerts: AlertLedger, span: Span) -> AlertFigures:
    """What became of a span's alerts, and what of all that are kept stands open now."""
    within = alerts.ledger_between(span.from_ns, span.to_ns)
    return AlertFigures(
        created=within.created,
        sent=within.sent,
        late=within.late,
        folded=within.folded,
        waiting=alerts.pending_count(),
        unacknowledged=within.unacknowledged,
    )


def _now(view: LedgerView) -> LedgerNow:
    return LedgerNow(view.unrealised_krw, view.exposure_krw, view.open_trades)


def _cares(
    state: State, snapshot: Snapshot, alerts: AlertFigures, faults: int, unguarded: int
) -> Iterator[Care]:
    yield from _of_positions(state, unguarded)
    yield from _of_authority(state)
    for ledger, (breaker, subject) in state.breakers:
        fields = {"ledger": ledger.value, "breaker": breaker.value, "subject": subject}
        yield Care(CareCode.BREAKER_TRIPPED, fields)
    if alerts.unacknowledged:
        yield Care(CareCode.UNACKNOWLEDGED, {"count": str(alerts.unacknowledged)})
    if state.paused:
        yield Care(CareCode.PAUSED)
    for feed in snapshot.feeds:
        # One that never spoke is not fresh either, and has no age.
        if not feed.fresh:
            age = {} if feed.age_ms is None else {"age_ms": f"{feed.age_ms:.0f}"}
            yield Care(CareCode.FEED_STALE, {"instrument": feed.instrument, **age})
    sensed = state.readiness
    free_mb = None if sensed is None else sensed.disk_free_mb
    if free_mb is not None and free_mb <= state.rules.guard.min_disk_free_mb:
        yield Care(CareCode.DISK_LOW, {"free_mb": f"{free_mb:.0f}"})
    for empty in state.empty.values():
        yield Care(
            CareCode.DIRECTION_EMPTY,
            {
                "ledger": empty.ledger.value,
                "pair": empty.pair,
                "direction": empty.direction,
                "amount": str(empty.amount),
                "asset": empty.asset,
                "from_venue": empty.from_venue,
                "to_venue": empty.to_venue,
            },
        )
    for code, count in (
        (CareCode.ALERTS_LATE, alerts.late),
        (CareCode.ALERTS_WAITING, alerts.waiting),
        (CareCode.FAULTS, faults),
    ):
        if count:
            yield Care(code, {"count": str(count)})


def _of_positions(state: State, unguarded: int) -> Iterator[Care]:
    live = state.ledgers[LedgerName.LIVE]
    verdict = state.verdict
    if state.rules.mode is Mode.LIVE:
        shut = verdict is None or verdict.closings is not Route.LIVE
        unguarded = len(live.trades) if shut else 0
    if unguarded:
        yield Care(CareCode.POSITION_UNGUARDED, {"count": str(unguarded)})
    for name, ledger in state.ledgers.items():
        for trade in ledger.trades.values():
            fields = {"ledger": name.value, "trade_id": trade.id, "pair": trade.pair}
            if trade.unhedged:
                yield Care(CareCode.LEG_UNHEDGED, fields)
            if trade.stuck:
                yield Care(CareCode.CLOSING_STUCK, fields)
        for order_id in sorted(set().union(*ledger.in_flight.values())):
            if ledger.orders[order_id].state in _UNSETTLED:
                yield Care(CareCode.ORDER_UNKNOWN, {"ledger": name.value, "order_id": order_id})


def _of_authority(state: State) -> Iterator[Care]:
    latch = state.authority.latch
    if latch is None:
        return
    fields = {"reason": latch.reason, "by": latch.who}
    if state.authority.level is Level.HALT:
        yield Care(CareCode.HALTED, fields)
    elif state.authority.level is Level.PAPER and state.rules.mode is Mode.LIVE:
        yield Care(CareCode.DEMOTED, fields)
