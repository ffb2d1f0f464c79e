"""Settings: YAML, environment and command line become one frozen value, read once at start."""

from trader.config.consistency import used_venues, venues
from trader.config.loading import DEFAULT_PATH, config_origin, load_settings, secret_exposure
from trader.config.operation import (
    AlertSection,
    BotSection,
    EngineSection,
    LoggingSection,
    MetricsServer,
    Mock,
    Paper,
    RedisSection,
    Schedule,
    Telegram,
)
from trader.config.settings import Settings
from trader.config.trading import (
    Breakers,
    Execution,
    LiveGuards,
    Pair,
    PositionEngine,
    Rebalancer,
    Safety,
    Stoploss,
    StrategySection,
)
from trader.config.venue_sections import OwnVenue, Venues, VenueSection

__all__ = [
    "DEFAULT_PATH",
    "AlertSection",
    "BotSection",
    "Breakers",
    "EngineSection",
    "Execution",
    "LiveGuards",
    "LoggingSection",
    "MetricsServer",
    "Mock",
    "OwnVenue",
    "Pair",
    "Paper",
    "PositionEngine",
    "Rebalancer",
    "RedisSection",
    "Safety",
    "Schedule",
    "Settings",
    "Stoploss",
    "StrategySection",
    "Telegram",
    "VenueSection",
    "Venues",
    "config_origin",
    "load_settings",
    "secret_exposure",
    "used_venues",
    "venues",
]
