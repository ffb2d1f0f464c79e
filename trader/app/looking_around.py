"""LookAround: gathers once a cycle what the figures show beside the engine's own snapshot."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

from trader.app.answers.open_trades import to_stop_krw
from trader.app.order_ends import OrderEnds
from trader.app.reach import Reach
from trader.config import Settings
from trader.domain.instrument import Venue
from trader.domain.order import OrderState
from trader.engine.engine import Engine
from trader.engine.state import State
from trader.ops.around import Around, Bounds, LedgerStanding, VenueFigures
from trader.ops.sensors import LoopLag, disk_free_mb
from trader.portfolio.ledger import Ledger
from trader.portfolio.stoploss import StopLoss

_UNKNOWN = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})
_MS, _MB = 1_000, 1_000_000


class LookAround:
    """Reads, and changes nothing; ``lag`` and ``venues`` are for a process with real venues.

    It is the only one to ask for the worst lag, since that is forgotten once asked for.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        reach: Reach,
        ends: OrderEnds,
        lag: LoopLag | None = None,
        venues: Callable[[], Mapping[Venue, VenueFigures]] = dict,
    ) -> None:
        self._engine = engine
        self._reach = reach
        self._ends = ends
        self._lag = lag
        self._venues = venues
        self._state_dir = Path(settings.engine.state_dir)
        self._bounds = Bounds(
            settings.safety.max_daily_loss_krw,
            settings.position_engine.max_exposure_krw,
            settings.safety.max_loop_lag_ms / _MS,
            float(settings.engine.min_disk_free_mb * _MB),
        )

    def __call__(self) -> Around:
        """How things stand now."""
        state = self._engine.state
        free_mb = disk_free_mb(self._state_dir)
        ledgers = state.ledgers.values()
        return Around(
            bounds=self._bounds,
            authority=state.authority.level,
            ledgers=tuple(ledger_standing(state, self._engine.stop, one) for one in ledgers),
            orders=dict(self._ends.counts),
            orders_unknown=orders_unknown(state),
            loop_lag_s=None if self._lag is None else self._lag.take_worst_ms() / _MS,
            disk_free_bytes=None if free_mb is None else free_mb * _MB,
            telegram_answer_age_s=self._reach.answer_age_s(),
            venues=self._venues(),
        )


def ledger_standing(state: State, stop: StopLoss, ledger: Ledger) -> LedgerStanding:
    """One ledger at this moment's prices."""
    equity = None if ledger.date is None else state.equity(ledger)
    nearest: Decimal | None = None
    for trade in ledger.trades.values():
        to_stop = to_stop_krw(state, stop, trade)
        if to_stop is not None:
            ratio = to_stop / trade.notional_krw
            nearest = ratio if nearest is None else min(nearest, ratio)
    return LedgerStanding(
        ledger.name,
        None if equity is None else equity[0] - ledger.day_open_krw,
        nearest,
        sum(trade.unhedged or trade.lone_leg is not None for trade in ledger.trades.values()),
    )


def orders_unknown(state: State) -> dict[Venue, int]:
    """How many orders of each configured venue nobody knows the outcome of."""
    found = {instrument.venue: 0 for instrument in state.instruments.values()}
    for ledger in state.ledgers.values():
        for pending in ledger.in_flight.values():
            for name in pending:
                order = ledger.orders[name]
                instrument = state.instruments.get(order.approved.intent.instrument)
                if order.state in _UNKNOWN and instrument is not None:
                    found[instrument.venue] += 1
    return found
