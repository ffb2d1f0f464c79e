"""How the engine stands: its state in one word, its pauses, feeds, ledgers, and what it lacks.

Everything is read from the engine's state, on its loop; nothing here waits.
"""

from collections.abc import Iterator
from decimal import Decimal

from trader.app.answers.recall import Recall
from trader.domain.answers import (
    MAX_ROWS,
    BalanceLine,
    Effective,
    FeedLine,
    LedgerLine,
    PauseView,
    Transfer,
)
from trader.domain.authority import Level
from trader.domain.control import BlockReason, Mode
from trader.domain.facts import DirectionEmptied
from trader.domain.instrument import KRW, Asset, Venue
from trader.domain.market import exact
from trader.domain.order import LedgerName
from trader.engine.state import State
from trader.engine.views import feed_views, ledger_view
from trader.portfolio.ledger import Ledger
from trader.risk.live_guard import Route

_ZERO = Decimal(0)
_OF_A_PAUSE = frozenset({BlockReason.PAUSED, BlockReason.DRY_RUN})


def effective(state: State) -> Effective:
    """What new trades do now, by the engine's last look at the gate; the strictest word that holds.

    Before its first look nothing is known, which suspends.
    """
    mode, verdict = state.rules.mode, state.verdict
    seen_halt = verdict is not None and BlockReason.HALTED in verdict.blocks
    if state.authority.level is Level.HALT or seen_halt:
        return Effective.HALTED
    if mode is not Mode.LIVE:
        shown = Effective.MOCK if mode is Mode.MOCK else Effective.PAPER
        return Effective.PAUSED if state.entries_stopped else shown
    if verdict is None:
        return Effective.SUSPENDED
    if verdict.is_open:
        return Effective.LIVE
    if state.authority.latch is None and state.authority.level is Level.PAPER:
        # It never was live, so nothing was lost; unless live positions stand that nothing guards.
        has_positions = bool(state.ledgers[LedgerName.LIVE].trades)
        if not (has_positions and verdict.closings is Route.NONE):
            return Effective.PAPER
    if verdict.closings is Route.NONE:
        return Effective.REVOKED
    if state.authority.level is not Level.LIVE:
        return Effective.DEMOTED
    # A pause begins the dry run anew; that alone is no suspension to tell of.
    is_paused_alone = state.paused and not set(verdict.blocks) - _OF_A_PAUSE
    return Effective.PAUSED if is_paused_alone else Effective.SUSPENDED


def pauses(state: State) -> tuple[PauseView, ...]:
    """The pauses that stand, that of everything first."""
    return tuple(
        PauseView(one.scope, one.since_ns, one.by, one.reason, one.until_ns)
        for one in state.pauses.standing[:MAX_ROWS]
    )


def feeds(state: State) -> tuple[FeedLine, ...]:
    """Every book's freshness."""
    return tuple(
        FeedLine(view.instrument, view.age_ms, view.fresh, "" if view.flaw is None else view.flaw)
        for view in feed_views(state)[:MAX_ROWS]
    )


def ledgers_of(state: State) -> tuple[Ledger, ...]:
    """Both ledgers, that of the mode first."""
    first = LedgerName.LIVE if state.rules.mode is Mode.LIVE else LedgerName.PAPER
    return (state.ledgers[first], *(one for name, one in state.ledgers.items() if name != first))


def ledger_line(state: State, ledger: Ledger, recall: Recall) -> LedgerLine:
    """One ledger's day. Its midnight is that of the engine's own day roll."""
    view = ledger_view(state, ledger)
    today = view.pnl_krw - (ledger.day_open_krw if ledger.date is not None else _ZERO)
    booked = recall.booked_at_midnight(ledger.name, ledger.date)
    return LedgerLine(
        ledger=ledger.name,
        pnl_today_krw=today,
        # Without midnight's marks all that is unrealised counts as today's.
        realised_today_krw=(
            today - view.unrealised_krw if booked is None else view.realised_krw - booked
        ),
        unrealised_krw=view.unrealised_krw,
        exposure_krw=view.exposure_krw,
        open_trades=view.open_trades,
        trades_today=view.trades_today,
        loss_today_krw=view.loss_today_krw,
        loss_limit_krw=state.rules.breakers.max_daily_loss_krw,
    )


def balances(state: State) -> list[BalanceLine]:
    """What every ledger holds at every venue; nothing of which nothing is held."""
    return [
        BalanceLine(ledger.name, venue, asset, quantity, worth_krw(state, venue, asset, quantity))
        for ledger in ledgers_of(state)
        for (venue, asset), quantity in sorted(ledger.balances.items())
        if quantity != 0
    ]


def worth_krw(state: State, venue: Venue, asset: Asset, quantity: Decimal) -> Decimal | None:
    """What it is worth in won at mid, by this venue's own book where there is one."""
    if asset == KRW:
        return quantity
    priced = [one for one in state.instruments.values() if one.base == asset]
    priced.sort(key=lambda one: one.venue != venue)
    for instrument in priced:
        book = state.market.last_good.get(instrument.id)
        rate = state.market.won_mid(instrument.quote)
        if book is not None and rate is not None:
            return quantity * (exact(book.best_bid) + exact(book.best_ask)) / 2 * rate
    return None


def transfers(state: State) -> Iterator[Transfer]:
    """What mends every direction that is empty."""
    for empty in state.empty.values():
        yield transfer(empty)


def transfer(empty: DirectionEmptied) -> Transfer:
    """What mends one direction that is empty."""
    return Transfer(
        ledger=empty.ledger,
        pair=empty.pair,
        direction=empty.direction,
        asset=empty.asset,
        amount=empty.amount,
        from_venue=empty.from_venue,
        to_venue=empty.to_venue,
    )
