"""EngineRules: every number the engine decides by, filled once from the config by the app."""

from decimal import Decimal

from msgspec import Struct

from trader.domain.account import Limits
from trader.domain.control import Mode
from trader.portfolio.rebalancer import RebalanceRules
from trader.portfolio.stoploss import StopRules
from trader.risk.breakers import BreakerRules
from trader.risk.predicates import GuardRules
from trader.strategy.protocol import StrategyParameters


class EngineRules(Struct, frozen=True):
    """Units by the names of the fields; won where they say nothing else.

    ``max_holding_minutes`` of zero never closes by time. ``paper_balance_krw`` is what the paper
    ledger holds in won, in dollars and in each coin at every venue when it begins.
    """

    name: str
    mode: Mode
    limits: Limits
    strategy: StrategyParameters
    stop: StopRules
    rebalance: RebalanceRules
    breakers: BreakerRules
    max_holding_minutes: float
    max_trades_per_pair: int
    max_repeats: int
    repeat_window_minutes: float
    unwind_interval_ms: int
    closing_alarm_seconds: Decimal
    max_ws_age_ms: float
    paper_balance_krw: Decimal
    guard: GuardRules = GuardRules()
