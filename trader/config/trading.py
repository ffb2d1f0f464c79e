"""What is traded and how much is risked, in sections; fields are named as the config's keys."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from trader.config.rules import (
    choice,
    dotted_path,
    duration,
    exact,
    flag,
    member,
    optional,
    plain_mapping,
    text,
    whole,
)
from trader.config.section import Section
from trader.config.venue_sections import VENUE_NAME
from trader.domain.control import Mode

# Whether there is such a venue is for the settings as a whole to say.
_INSTRUMENT = text(
    rf"{VENUE_NAME}:[A-Z0-9]{{1,15}}-(KRW|USDT)",
    "venue:BASE-QUOTE, such as upbit:BTC-KRW",
)
_DOLLAR = text(
    rf"(?!binance:){VENUE_NAME}:USDT-KRW",
    "upbit:USDT-KRW, bithumb:USDT-KRW or your own venue's",
)
_WON_MAX = "1000000000000"

Flag = Annotated[bool, flag()]
Instrument = Annotated[str, _INSTRUMENT]


class ModeSection(Section):
    """Which quotes are seen and where orders go."""

    current: Annotated[Mode, member(Mode)] = Mode.MOCK


class LiveGuards(Section):
    """What must be true before a real order may leave."""

    require_env_flag: Flag = True
    require_manual_confirm_file: Flag = True
    require_safety_pass: Flag = True
    dry_run_on_startup: Flag = True
    dry_run_cycles: Annotated[int, whole("cycles", 1, 10_000)] = 3
    confirm_file: Annotated[
        str, text(r"(?!\.{1,2}$)[^/\0\n]{1,100}", "a file name without a slash")
    ] = ".live_trading_ok"
    confirm_max_age_hours: Annotated[
        float | None, optional(duration("hours", "0", "8760", above=True))
    ] = None


class Safety(Section):
    """The limits of the pre-trade checks, and how fresh what they look at must be."""

    min_confidence: Annotated[Decimal, exact("share of one", "0", "1", below=True)] = Decimal("0.3")
    max_slippage_pct: Annotated[Decimal, exact("percent", "0", "10", above=True)] = Decimal("0.30")
    max_position_size_krw: Annotated[Decimal, exact("won", "0", _WON_MAX, above=True)] = Decimal(
        300_000
    )
    max_daily_loss_krw: Annotated[Decimal, exact("won", "0", _WON_MAX, above=True)] = Decimal(
        150_000
    )
    min_liquidity_krw: Annotated[Decimal, exact("won", "0", _WON_MAX)] = Decimal(20_000_000)
    max_order_delay_ms: Annotated[int, whole("milliseconds", 1, 60_000)] = 2_500
    price_collar_pct: Annotated[Decimal, exact("percent", "0", "10", above=True)] = Decimal("1.0")
    exit_collar_pct: Annotated[Decimal, exact("percent", "0", "20", above=True)] = Decimal("2.0")
    max_venue_gap_pct: Annotated[Decimal, exact("percent", "0", "50", above=True)] = Decimal("10.0")
    max_orders_per_minute: Annotated[int, whole("orders", 1, 600)] = 60
    orders_kept_for_closings: Annotated[int, whole("orders", 0, 600)] = 10
    max_ws_age_ms: Annotated[int, whole("milliseconds", 1, 60_000)] = 3_000
    max_book_skew_ms: Annotated[int, whole("milliseconds", 1, 60_000)] = 1_000
    max_redis_heartbeat_age_ms: Annotated[int, whole("milliseconds", 100, 60_000)] = 5_000
    require_redis_heartbeat: Flag = False
    max_clock_skew_ms: Annotated[int, whole("milliseconds", 1, 10_000)] = 500
    max_loop_lag_ms: Annotated[int, whole("milliseconds", 1, 10_000)] = 250


class Breakers(Section):
    """What trips and takes authority away until its cause is over."""

    reject_window_orders: Annotated[int, whole("orders", 1, 1_000)] = 20
    max_reject_share_pct: Annotated[Decimal, exact("percent", "0", "100", below=True)] = Decimal(50)
    max_rests_per_hour: Annotated[int, whole("rests", 1, 60)] = 3
    rejection_quiet_minutes: Annotated[float, duration("minutes", "0", "1440", above=True)] = 10.0


class Execution(Section):
    """How orders leave, and how long one leg may stand alone."""

    max_unwind_slippage_pct: Annotated[Decimal, exact("percent", "0", "10", above=True)] = Decimal(
        "0.50"
    )
    max_unhedged_seconds: Annotated[float, duration("seconds", "0", "3600", above=True)] = 10.0
    unknown_latch_seconds: Annotated[float, duration("seconds", "0", "3600", above=True)] = 60.0
    quarantine_seconds: Annotated[float, duration("seconds", "0", "86400", above=True)] = 120.0
    timeout_ms: Annotated[int, whole("milliseconds", 50, 60_000)] = 5_000
    unwind_interval_ms: Annotated[int, whole("milliseconds", 100, 60_000)] = 1_000
    closing_alarm_seconds: Annotated[float, duration("seconds", "0", "3600", above=True)] = 10.0


class Pair(Section):
    """Two instruments of one coin at two venues, traded against each other in both directions."""

    name: Annotated[str, text(r"[a-z0-9][a-z0-9-]{0,39}", "1 to 40 of a-z, 0-9 and -")]
    first: Instrument
    second: Instrument


_DEFAULT_PAIRS = (
    Pair(name="upbit-binance", first="upbit:BTC-KRW", second="binance:BTC-USDT"),
    Pair(name="upbit-bithumb", first="upbit:BTC-KRW", second="bithumb:BTC-KRW"),
)


class StrategySection(Section):
    """What is looked for, and how often."""

    class_path: Annotated[str, dotted_path()] = Field(
        default="trader.strategy.spread.SpreadStrategy", alias="class"
    )
    pairs: tuple[Pair, ...] = Field(default=_DEFAULT_PAIRS, min_length=1, max_length=50)
    usdt_krw: Annotated[str | None, optional(_DOLLAR)] = "upbit:USDT-KRW"
    exit_spread_pct: Annotated[Decimal, exact("percent", "0", "50")] = Decimal("0.05")
    min_profit_pct: Annotated[Decimal, exact("percent", "0", "50")] = Decimal("0.05")
    position_size_krw: Annotated[Decimal, exact("won", "0", _WON_MAX, above=True)] = Decimal(
        100_000
    )
    max_holding_minutes: Annotated[float, duration("minutes", "0", "525600")] = 1_440.0
    max_trades_per_pair: Annotated[int, whole("trades", 1, 100)] = 1
    max_repeats: Annotated[int, whole("openings", 1, 1_000)] = 5
    repeat_window_minutes: Annotated[float, duration("minutes", "0", "1440", above=True)] = 10.0
    options: Annotated[Mapping[str, object], plain_mapping()] = Field(
        default_factory=lambda: MappingProxyType({})
    )


class PositionEngine(Section):
    """How much may stand open at once."""

    max_exposure_krw: Annotated[Decimal, exact("won", "0", _WON_MAX, above=True)] = Decimal(
        1_000_000
    )
    max_open_positions: Annotated[int, whole("trades", 1, 1_000)] = 5


class Stoploss(Section):
    """When a trade is given up."""

    mode: Annotated[
        Literal["static", "dynamic", "trailing"], choice("static", "dynamic", "trailing")
    ] = "static"
    static_pct: Annotated[Decimal, exact("percent", "0", "50", above=True)] = Decimal("1.2")
    atr_multiple: Annotated[Decimal, exact("times", "0", "100", above=True)] = Decimal(3)
    atr_window: Annotated[int, whole("one-minute bars", 2, 1_440)] = 20
    max_pct: Annotated[Decimal, exact("percent", "0", "50", above=True)] = Decimal("3.0")


class Rebalancer(Section):
    """When trades are cut back, and when coins lie too unevenly between venues."""

    max_exposure_krw: Annotated[Decimal, exact("won", "0", _WON_MAX, above=True)] = Decimal(600_000)
    reduce_pct: Annotated[Decimal, exact("percent", "0", "100", above=True)] = Decimal(30)
    inventory_skew_pct: Annotated[
        Decimal, exact("percent of the coin's total", "0", "100", above=True)
    ] = Decimal(80)
