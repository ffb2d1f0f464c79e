"""Account and Limits: what pre-trade checks look at, filled by the ledger and by the config."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from trader.domain.instrument import Asset, InstrumentId, Venue

Holding = tuple[Venue, Asset]
"""An asset at a venue."""


class Account(Struct, frozen=True):
    """One ledger at one instant. Won unless named otherwise; ages in milliseconds.

    ``free`` is what a venue holds less what open and unknown orders hold. ``reserved`` is what the
    open trades need to close at their stops. ``reducible`` is what the trade at hand still has
    open at each instrument, less what unknown orders may already have closed.
    """

    exposure_krw: Decimal
    open_trades: int
    loss_today_krw: Decimal | None
    marks_age_ms: float
    orders_last_minute: int
    free: Mapping[Holding, Decimal]
    reserved: Mapping[Holding, Decimal]
    reducible: Mapping[InstrumentId, Decimal]
    breakers: int = 0
    """How many circuit breakers of this ledger stand."""
    paused: bool = False
    gate_shut: bool = False
    """Whether the live gate would refuse the proposal at hand; never on paper."""


class Limits(Struct, frozen=True):
    """Every bound of the pre-trade checks, by the name of its config key; unset refuses."""

    min_confidence: Decimal | None = None
    max_slippage_pct: Decimal | None = None
    max_position_size_krw: Decimal | None = None
    max_daily_loss_krw: Decimal | None = None
    min_profit_pct: Decimal | None = None
    min_liquidity_krw: Decimal | None = None
    max_order_delay_ms: Decimal | None = None
    price_collar_pct: Decimal | None = None
    exit_collar_pct: Decimal | None = None
    max_venue_gap_pct: Decimal | None = None
    max_exposure_krw: Decimal | None = None
    rebalancer_max_exposure_krw: Decimal | None = None
    max_open_positions: Decimal | None = None
    max_entry_orders_per_minute: Decimal | None = None
    max_ws_age_ms: Decimal | None = None
    max_book_skew_ms: Decimal | None = None
    max_unwind_slippage_pct: Decimal | None = None
