"""The home of an engine that is killed all the time: three coins, short waits, wide limits."""

from pathlib import Path
from typing import Any

from tests.support.sim_process import SimHost, SimProcess
from trader.credentials import Secret
from trader.domain.instrument import Venue
from trader.sim.defaults import test_key as sim_key

COINS = ("BTC", "ETH", "SOL")
_PAIRS = tuple(
    {
        "name": f"{coin.lower()}-{venue}",
        "first": f"{venue}:{coin}-KRW",
        "second": f"binance:{coin}-USDT",
    }
    for coin in COINS
    for venue in ("upbit", "bithumb")
)
# Short waits, and no limit that so many trades a minute would reach.
_SECTIONS: dict[str, dict[str, Any]] = {
    "engine": {"cycle_seconds": 0.05},
    "live_guards": {"dry_run_cycles": 1},
    "metrics_server": {"enabled": False},
    "safety": {
        "max_orders_per_minute": 600,
        "max_clock_skew_ms": 1_000,
        "max_daily_loss_krw": 1_000_000_000,
    },
    "breakers": {"reject_window_orders": 1_000, "max_reject_share_pct": 99},
    "execution": {
        "timeout_ms": 500,
        "unwind_interval_ms": 100,
        "quarantine_seconds": 0.5,
        "unknown_latch_seconds": 3_600,
        "max_unhedged_seconds": 3_600,
    },
    # Far from both, so that an even market closes whatever a rich one opened.
    "strategy": {"max_repeats": 1_000, "exit_spread_pct": 0.6},
    "position_engine": {"max_exposure_krw": 1_000_000_000, "max_open_positions": 1_000},
    "rebalancer": {"max_exposure_krw": 1_000_000_000},
}


def killable_host(directory: Path, sim: SimProcess) -> SimHost:
    """A home whose engine trades every coin at all three venues, and is soon live again."""
    attested = {
        venue: {"attested_fingerprint": Secret(sim_key(Venue(venue))[0]).fingerprint()}
        for venue in ("upbit", "bithumb")
    }
    return SimHost(directory, sim, _PAIRS, venues=attested, **_SECTIONS)
