"""From settings to the plain records the pure packages decide by."""

from collections.abc import Mapping
from decimal import Decimal

from trader.config import OwnVenue, Settings, VenueSection, venues
from trader.domain.account import Limits
from trader.domain.errors import ConfigError
from trader.domain.instrument import (
    BINANCE,
    KRW,
    USDT,
    FeeIn,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    Venue,
    split_id,
)
from trader.domain.order import PairName
from trader.domain.synthetic import SIMULATED_COINS
from trader.engine.rules import EngineRules
from trader.portfolio.rebalancer import RebalanceRules
from trader.portfolio.stoploss import StopMode, StopRules
from trader.risk.breakers import BreakerRules
from trader.risk.live_guard import GuardRules
from trader.strategy.protocol import StrategyPair, StrategyParameters

# The simulated venues' own rules. A real venue states its rules itself, and nothing is assumed.
_KRW_BANDS = tuple(
    TickBand(Decimal(floor), Decimal(tick))
    for floor, tick in (
        (0, 1),
        (5_000, 5),
        (10_000, 10),
        (50_000, 50),
        (100_000, 100),
        (500_000, 500),
        (1_000_000, 1_000),
    )
)
_USDT_BANDS = (TickBand(Decimal(0), Decimal("0.0001")), TickBand(Decimal(100), Decimal("0.01")))
_KRW_LOT, _USDT_LOT = Decimal("0.00000001"), Decimal("0.00001")
_KRW_MINIMUM, _USDT_MINIMUM = Decimal(5_000), Decimal(5)


def engine_rules(settings: Settings) -> EngineRules:
    """Every number the engine decides by."""
    strategy, safety, execution = settings.strategy, settings.safety, settings.execution
    stop, rebalancer, breakers = settings.stoploss, settings.rebalancer, settings.breakers
    return EngineRules(
        name=settings.engine.name,
        mode=settings.mode.current,
        limits=limits(settings),
        strategy=strategy_parameters(settings),
        stop=StopRules(
            StopMode(stop.mode), stop.static_pct, stop.atr_multiple, stop.atr_window, stop.max_pct
        ),
        rebalance=RebalanceRules(
            rebalancer.max_exposure_krw, rebalancer.reduce_pct, rebalancer.inventory_skew_pct
        ),
        breakers=BreakerRules(
            max_daily_loss_krw=safety.max_daily_loss_krw,
            max_unhedged_seconds=_exact(execution.max_unhedged_seconds),
            unknown_latch_seconds=_exact(execution.unknown_latch_seconds),
            reject_window_orders=breakers.reject_window_orders,
            max_reject_share_pct=breakers.max_reject_share_pct,
            rejection_quiet_minutes=_exact(breakers.rejection_quiet_minutes),
            max_rests_per_hour=breakers.max_rests_per_hour,
        ),
        max_holding_minutes=strategy.max_holding_minutes,
        max_trades_per_pair=strategy.max_trades_per_pair,
        max_repeats=strategy.max_repeats,
        repeat_window_minutes=strategy.repeat_window_minutes,
        unwind_interval_ms=execution.unwind_interval_ms,
        closing_alarm_seconds=_exact(execution.closing_alarm_seconds),
        max_ws_age_ms=float(safety.max_ws_age_ms),
        paper_balance_krw=settings.paper.balances,
        guard=guard_rules(settings),
    )


def limits(settings: Settings) -> Limits:
    """The bounds of the pre-trade checks."""
    safety = settings.safety
    entries_a_minute = safety.max_orders_per_minute - safety.orders_kept_for_closings
    return Limits(
        min_confidence=safety.min_confidence,
        max_slippage_pct=safety.max_slippage_pct,
        max_position_size_krw=safety.max_position_size_krw,
        max_daily_loss_krw=safety.max_daily_loss_krw,
        min_profit_pct=settings.strategy.min_profit_pct,
        min_liquidity_krw=safety.min_liquidity_krw,
        max_order_delay_ms=Decimal(safety.max_order_delay_ms),
        price_collar_pct=safety.price_collar_pct,
        exit_collar_pct=safety.exit_collar_pct,
        max_venue_gap_pct=safety.max_venue_gap_pct,
        max_exposure_krw=settings.position_engine.max_exposure_krw,
        rebalancer_max_exposure_krw=settings.rebalancer.max_exposure_krw,
        max_open_positions=Decimal(settings.position_engine.max_open_positions),
        max_entry_orders_per_minute=Decimal(entries_a_minute),
        max_ws_age_ms=Decimal(safety.max_ws_age_ms),
        max_book_skew_ms=Decimal(safety.max_book_skew_ms),
        max_unwind_slippage_pct=settings.execution.max_unwind_slippage_pct,
    )


def guard_rules(settings: Settings) -> GuardRules:
    """The limits of readiness."""
    safety, guards = settings.safety, settings.live_guards
    has_redis = bool(settings.redis.url) or safety.require_redis_heartbeat
    return GuardRules(
        max_redis_heartbeat_age_ms=float(safety.max_redis_heartbeat_age_ms),
        max_clock_skew_ms=float(safety.max_clock_skew_ms),
        max_loop_lag_ms=float(safety.max_loop_lag_ms),
        min_disk_free_mb=float(settings.engine.min_disk_free_mb),
        dry_run_cycles=guards.dry_run_cycles if guards.dry_run_on_startup else 0,
        redis_needed=has_redis,
        operator_needed=settings.alert.enabled and settings.alert.telegram_enabled,
        confirm_max_age_hours=guards.confirm_max_age_hours,
    )


def strategy_parameters(settings: Settings) -> StrategyParameters:
    """What a strategy is constructed with."""
    section = settings.strategy
    return StrategyParameters(
        pairs=tuple(
            StrategyPair(PairName(pair.name), InstrumentId(pair.first), InstrumentId(pair.second))
            for pair in section.pairs
        ),
        exit_spread_pct=section.exit_spread_pct,
        min_profit_pct=section.min_profit_pct,
        position_size_krw=section.position_size_krw,
        max_unwind_slippage_pct=settings.execution.max_unwind_slippage_pct,
        usdt_krw=None if section.usdt_krw is None else InstrumentId(section.usdt_krw),
        options=dict(section.options),
    )


def simulated_instruments(settings: Settings) -> dict[InstrumentId, Instrument]:
    """The instruments the pairs name, with the simulated venues' rules and the configured fees."""
    named = [leg for pair in settings.strategy.pairs for leg in (pair.first, pair.second)]
    if settings.strategy.usdt_krw is not None:
        named.append(settings.strategy.usdt_krw)
    found = {}
    for name in dict.fromkeys(named):
        venue, base, quote = split_id(InstrumentId(name))
        section = venues(settings)[venue]
        in_won = quote == KRW
        found[InstrumentId(name)] = Instrument(
            id=InstrumentId(name),
            venue=venue,
            base=base,
            quote=quote,
            bands=_KRW_BANDS if in_won else _USDT_BANDS,
            lot=_KRW_LOT if in_won else _USDT_LOT,
            min_notional=_KRW_MINIMUM if in_won else _USDT_MINIMUM,
            fees=FeeSchedule(section.taker_fee_pct, _fee_in(venue, section)),
        )
    return found


def simulated_coins(instruments: Mapping[InstrumentId, Instrument]) -> tuple[str, ...]:
    """The coins the simulated market must know.

    Raises:
        ConfigError: a pair names a coin it does not simulate.
    """
    traded = [one.base for one in instruments.values() if (one.base, one.quote) != (USDT, KRW)]
    coins = tuple(dict.fromkeys(traded))
    unknown = [coin for coin in coins if coin not in SIMULATED_COINS]
    if unknown:
        raise ConfigError(
            f"strategy.pairs names {unknown[0]}, which mock mode does not simulate; allowed:"
            f" {', '.join(SIMULATED_COINS)}"
        )
    return coins


def _fee_in(venue: Venue, section: VenueSection) -> FeeIn:
    if isinstance(section, OwnVenue):
        return section.fee_in
    return FeeIn.RECEIVED if venue == BINANCE else FeeIn.QUOTE


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
