"""The series of what stands around the engine, each from a known figure."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.snapshots import a_snapshot, an_around
from trader.ops.around import Around
from trader.ops.metrics import Metrics
from trader.ops.series import Series


def samples(around: Around | None) -> dict[str, float]:
    """Every sample of one cycle with these figures, keyed as it is written."""
    metrics = Metrics()
    metrics.observe_cycle(
        a_snapshot(),
        loop_latency_ms=1.0,
        ws_lag_ms=None,
        redis_heartbeat_age_ms=None,
        around=around,
    )
    read = {}
    for family in text_string_to_metric_families(Series(metrics, "1").render().decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            read[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return read


class TestSeriesAround:
    def test_tell_bounds_money_orders_and_host_in_base_units(self) -> None:
        """Won, seconds, bytes; the level that stands is the one at 1."""
        read = samples(an_around())

        expected = {
            "trader_max_daily_loss_krw": 150_000.0,
            "trader_max_exposure_krw": 1_000_000.0,
            "trader_max_loop_lag_seconds": 0.25,
            "trader_min_disk_free_bytes": 5e8,
            "trader_authority{level=HALT}": 0.0,
            "trader_authority{level=PAPER}": 0.0,
            "trader_authority{level=LIVE}": 1.0,
            "trader_pnl_today_krw{ledger=paper}": 12.5,
            "trader_pnl_today_krw{ledger=live}": -7.0,
            "trader_nearest_stop_ratio{ledger=live}": 0.011,
            "trader_legs_unhedged{ledger=paper}": 0.0,
            "trader_legs_unhedged{ledger=live}": 1.0,
            "trader_orders_total{ledger=live,outcome=filled,venue=upbit}": 4.0,
            "trader_orders_total{ledger=live,outcome=unknown,venue=upbit}": 1.0,
            "trader_orders_total{ledger=paper,outcome=partial,venue=binance}": 2.0,
            "trader_orders_unknown{venue=upbit}": 1.0,
            "trader_orders_unknown{venue=binance}": 0.0,
            "trader_loop_lag_seconds": 0.003,
            "trader_disk_free_bytes": 9e9,
            "trader_telegram_answer_age_seconds": 21.5,
        }
        assert {key: read.get(key) for key in expected} == pytest.approx(expected)

    def test_tell_how_each_venue_fares(self) -> None:
        """No two figures of a venue can be mistaken for each other."""
        read = samples(an_around())

        expected = {
            "trader_feed_connected": 1.0,
            "trader_feed_frames_total": 1_000.0,
            "trader_feed_invalid_frames_total": 3.0,
            "trader_feed_reconnects_total": 2.0,
            "trader_feed_snapshots_total": 50.0,
            "trader_feed_snapshots_failed_total": 5.0,
            "trader_venue_reconciled": 1.0,
            "trader_venue_clock_skew_seconds": -0.04,
            "trader_venue_rate_limit_used_ratio": 0.6,
            "trader_venue_throttled_total": 7.0,
            "trader_venue_bans_total": 6.0,
            "trader_venue_shut_out_seconds": 90.0,
            "trader_lane_connections_ready": 3.0,
            "trader_lane_round_trip_seconds": 0.012,
            "trader_private_connected": 1.0,
            "trader_private_reconnects_total": 13.0,
        }
        found = {name: read.get(f"{name}{{venue=upbit}}") for name in expected}
        assert found == pytest.approx(expected)
        ends = {"accepted": 40.0, "rejected": 8.0, "throttled": 9.0, "unknown": 11.0}
        for end, count in ends.items():
            assert read[f"trader_lane_orders_total{{outcome={end},venue=upbit}}"] == count

    def test_leave_out_what_is_not_known(self) -> None:
        """No skew of a clock nobody asked, no lane without keys, no lag where none is measured."""
        read = samples(
            an_around(loop_lag_s=None, disk_free_bytes=None, telegram_answer_age_s=None, venues={})
        )

        assert "trader_venue_clock_skew_seconds{venue=binance}" not in samples(an_around())
        assert not [key for key in samples(an_around()) if "lane" in key and "binance" in key]
        assert "trader_nearest_stop_ratio{ledger=paper}" not in read
        assert not read.keys() & {
            "trader_loop_lag_seconds",
            "trader_disk_free_bytes",
            "trader_telegram_answer_age_seconds",
        }
        assert not [key for key in read if "feed_frames" in key or "lane" in key]

    def test_are_absent_before_anything_was_gathered(self) -> None:
        """Zeros would look like figures."""
        assert not [key for key in samples(None) if "authority" in key or "orders_" in key]

    def test_have_bounded_labels_only(self) -> None:
        """No order, trade or account names a series."""
        metrics = Metrics()
        metrics.observe_cycle(
            a_snapshot(),
            loop_latency_ms=1.0,
            ws_lag_ms=None,
            redis_heartbeat_age_ms=None,
            around=an_around(),
        )
        labels = {
            label
            for family in text_string_to_metric_families(Series(metrics, "1").render().decode())
            for sample in family.samples
            for label in sample.labels
        }

        assert labels <= {
            *("venue", "ledger", "outcome", "level", "instrument", "mode", "reason", "check"),
            *("breaker", "version", "python"),
        }
