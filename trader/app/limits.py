"""Limits: every bound the config sets on trading, one line each, named by its key."""

from collections.abc import Iterator

from trader.config import Settings

_BELOW, _MOST, _ABOVE, _SIZE = "below", "at most", "above", ""

_SIZES = (
    ("strategy.position_size_krw", _SIZE, "₩", "size of one leg"),
    ("safety.max_position_size_krw", _BELOW, "₩", "won value of one leg"),
    ("safety.max_daily_loss_krw", _BELOW, "₩", "loss today"),
    ("position_engine.max_exposure_krw", _MOST, "₩", "exposure after an entry"),
    ("rebalancer.max_exposure_krw", _MOST, "₩", "the same; beyond it trades are cut"),
    ("rebalancer.reduce_pct", _SIZE, "%", "share a cut takes of the worst trade"),
    ("rebalancer.inventory_skew_pct", _MOST, "%", "share of a coin at one venue"),
    ("position_engine.max_open_positions", _MOST, "trades", "open trades"),
    ("strategy.max_trades_per_pair", _MOST, "trades", "open per pair and direction"),
    ("strategy.max_repeats", _MOST, "openings", "of one direction per window"),
    ("strategy.repeat_window_minutes", _SIZE, "min", "that window, and a rest"),
    ("safety.max_orders_per_minute", _MOST, "orders", "orders per minute"),
    ("safety.orders_kept_for_closings", _SIZE, "orders", "of these kept for closings"),
)
_SIGNALS = (
    ("strategy.min_profit_pct", _ABOVE, "%", "expected net profit"),
    ("safety.min_confidence", _ABOVE, "of 1", "confidence of a signal"),
    ("safety.max_slippage_pct", _BELOW, "%", "slippage of each leg"),
    ("safety.min_liquidity_krw", _ABOVE, "₩", "liquidity within 1 % of mid"),
    ("safety.price_collar_pct", _MOST, "%", "entry's limit price from mid (collar)"),
    ("safety.max_venue_gap_pct", _BELOW, "%", "gap between the venues' mids"),
    ("safety.max_order_delay_ms", _BELOW, "ms", "order delay, signal to send"),
    ("safety.max_ws_age_ms", _MOST, "ms", "age of an order book"),
    ("safety.max_book_skew_ms", _MOST, "ms", "age between the two books"),
)
_CLOSINGS = (
    ("strategy.exit_spread_pct", _MOST, "%", "closing spread at which a trade closes"),
    ("strategy.max_holding_minutes", _MOST, "min", "holding time"),
    ("execution.max_unwind_slippage_pct", _MOST, "%", "slippage of a closing"),
    ("safety.exit_collar_pct", _MOST, "%", "closing's limit price from mid (collar)"),
    ("execution.max_unhedged_seconds", _MOST, "s", "one leg alone"),
    ("execution.unwind_interval_ms", _SIZE, "ms", "between two unwindings"),
    ("execution.closing_alarm_seconds", _MOST, "s", "a stop that cannot go out"),
    ("execution.timeout_ms", _MOST, "ms", "a venue's answer to an order"),
    ("execution.unknown_latch_seconds", _MOST, "s", "an order with unknown outcome"),
    ("execution.quarantine_seconds", _MOST, "s", "looking for it, then an operator decides"),
)
_STOP_STATIC = (("stoploss.static_pct", _SIZE, "%", "stop-loss, from entry"),)
_STOP_TRAILING = (("stoploss.static_pct", _SIZE, "%", "stop-loss, from the best value"),)
_STOP_DYNAMIC = (
    ("stoploss.static_pct", _SIZE, "%", "stop-loss until the bars are there"),
    ("stoploss.atr_multiple", _SIZE, "times", "stop-loss, of the average true range"),
    ("stoploss.atr_window", _SIZE, "min", "that range's one-minute bars"),
    ("stoploss.max_pct", _MOST, "%", "stop-loss at its widest"),
)
_BREAKERS = (
    ("breakers.max_reject_share_pct", _MOST, "%", "orders rejected by a venue"),
    ("breakers.reject_window_orders", _SIZE, "orders", "of its last so many"),
    ("breakers.rejection_quiet_minutes", _SIZE, "min", "without one ends that breaker"),
    ("breakers.max_rests_per_hour", _BELOW, "rests", "of one direction per hour"),
)
_OPERATOR = (("bot.unreachable_minutes", _MOST, "min", "operator out of reach"),)

_STOPS = {"static": _STOP_STATIC, "trailing": _STOP_TRAILING, "dynamic": _STOP_DYNAMIC}


def limit_figures(settings: Settings) -> list[dict[str, str]]:
    """Every limit in force: key, value, unit, how a figure must stand to it, and what it bounds.

    Those of readiness (disk, clock, loop, Redis) are predicates of the gate and stand there; the
    stop-loss is shown as its mode reads it.
    """
    return list(_figures(settings))


def _figures(settings: Settings) -> Iterator[dict[str, str]]:
    values = dict(settings.shown())
    rows = [*_SIZES, *_SIGNALS, *_CLOSINGS, *_STOPS[settings.stoploss.mode], *_BREAKERS]
    if settings.alert.enabled and settings.alert.telegram_enabled:
        rows += _OPERATOR
    for key, bound, unit, name in rows:
        if key == "strategy.max_holding_minutes" and settings.strategy.max_holding_minutes == 0:
            yield _figure(key, "never", "", "", "a trade closes for its age")
            continue
        yield _figure(key, values[key], unit, bound, name)


def _figure(key: str, value: str, unit: str, bound: str, name: str) -> dict[str, str]:
    return {"key": key, "name": name, "bound": bound, "value": value, "unit": unit}
