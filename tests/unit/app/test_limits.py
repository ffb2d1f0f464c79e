"""Every limit of the config stands in ``check``, with its unit."""

import pytest

from trader.app.limits import limit_figures
from trader.config import Settings

SECTIONS = ("safety", "breakers", "execution", "position_engine", "rebalancer")
OF_THE_GATE = {
    "safety.max_redis_heartbeat_age_ms",
    "safety.require_redis_heartbeat",
    "safety.max_clock_skew_ms",
    "safety.max_loop_lag_ms",
}
"""Predicates of the live gate, and shown there."""


def settings_with(section: str, **changes: object) -> Settings:
    """The defaults with changes in one section."""
    return Settings.model_validate({section: changes})


def by_key(settings: Settings) -> dict[str, dict[str, str]]:
    """The limits by their keys."""
    return {row["key"]: row for row in limit_figures(settings)}


def test_none_is_left_out() -> None:
    """A limit added to the config must be added here as well."""
    known = {key for key, _ in Settings().shown() if key.partition(".")[0] in SECTIONS}

    assert known - by_key(Settings()).keys() == OF_THE_GATE


def test_each_stands_once_with_value_and_unit() -> None:
    """As the config has it, and as the checks compare it."""
    rows = limit_figures(settings_with("safety", max_daily_loss_krw=90_000))

    assert len({row["key"] for row in rows}) == len(rows)
    assert all(row["unit"] and row["value"] and row["name"] for row in rows)
    assert {
        "key": "safety.max_daily_loss_krw",
        "name": "loss today",
        "bound": "below",
        "value": "90000",
        "unit": "₩",
    } in rows


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("static", {"static_pct"}),
        ("trailing", {"static_pct"}),
        ("dynamic", {"static_pct", "atr_multiple", "atr_window", "max_pct"}),
    ],
)
def test_the_stop_loss_is_shown_as_its_mode_reads_it(mode: str, keys: set[str]) -> None:
    """A figure that binds nothing would mislead."""
    found = by_key(settings_with("stoploss", mode=mode))

    assert {key for key in found if key.startswith("stoploss.")} == {
        f"stoploss.{key}" for key in keys
    }


def test_no_holding_time_is_never() -> None:
    """Zero minutes is not at once."""
    row = by_key(settings_with("strategy", max_holding_minutes=0))["strategy.max_holding_minutes"]

    assert (row["value"], row["unit"]) == ("never", "")


def test_an_operator_who_is_not_asked_has_no_bound() -> None:
    """With Telegram off nobody is waited for."""
    assert "bot.unreachable_minutes" not in by_key(Settings())
    assert "bot.unreachable_minutes" in by_key(settings_with("alert", telegram_enabled=True))
