"""Views: the engine's state as figures to show."""

from decimal import Decimal

from trader.domain.order import LedgerName
from trader.engine.decisions import Decisions
from trader.engine.snapshot import FeedView, LedgerView, Snapshot
from trader.engine.state import State
from trader.portfolio.ledger import Ledger

_ZERO = Decimal(0)


def snapshot(
    state: State,
    decisions: Decisions,
    *,
    cycles: int,
    stop_losses: int,
    faults: int,
    suspensions: int,
) -> Snapshot:
    """One frozen picture of everything, as of the last event."""
    return Snapshot(
        at_ns=state.now_ns,
        mono_ns=state.now_mono_ns,
        name=state.rules.name,
        mode=state.rules.mode,
        live=state.verdict is not None and state.verdict.is_open,
        blocks=state.blocks or (),
        paused=state.paused,
        cycles=cycles,
        paper=ledger_view(state, state.ledgers[LedgerName.PAPER]),
        live_ledger=ledger_view(state, state.ledgers[LedgerName.LIVE]),
        signals=decisions.signals,
        signals_executed=decisions.executed,
        refusals=decisions.refusals,
        refusals_by_check=dict(decisions.refusals_by_check),
        stop_losses=stop_losses,
        faults=faults,
        feeds=feed_views(state),
        breakers=tuple(f"{key[0]} {key[1]}" for _, key in state.breakers),
        suspensions=suspensions,
    )


def ledger_view(state: State, ledger: Ledger) -> LedgerView:
    """One ledger's money; a trade without a price counts as unchanged until it has one."""
    unrealised = _ZERO
    for trade in ledger.trades.values():
        mark = state.mark(trade)
        if mark is not None:
            unrealised += mark.unrealised_krw
    loss = state.loss_today(ledger)
    return LedgerView(
        ledger=ledger.name,
        pnl_krw=ledger.booked_krw + unrealised,
        realised_krw=ledger.booked_krw,
        unrealised_krw=unrealised,
        fees_krw=ledger.fees_krw,
        exposure_krw=ledger.exposure_krw,
        open_trades=len(ledger.trades),
        loss_today_krw=_ZERO if loss is None else loss[0],
        trades_opened=ledger.trades_opened,
        trades_closed=ledger.trades_closed,
        trades_today=ledger.trades_today,
        last_trade_ns=ledger.last_trade_ns,
    )


def feed_views(state: State) -> tuple[FeedView, ...]:
    """How every instrument's book stands."""
    views = []
    for instrument in state.instruments:
        age = state.market.age_ms(instrument, state.now_mono_ns)
        fresh = (
            instrument in state.market.books
            and age is not None
            and age <= state.rules.max_ws_age_ms
        )
        views.append(FeedView(instrument, age, fresh, state.market.flaws.get(instrument)))
    return tuple(views)
