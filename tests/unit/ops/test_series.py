"""The Prometheus series, read back by the library's own parser."""

import re
import shutil
import subprocess
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.snapshots import AT_NS, a_ledger, a_snapshot, an_around
from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.instrument import InstrumentId
from trader.domain.market import BookFlaw
from trader.domain.order import LedgerName
from trader.engine.snapshot import FeedView, Snapshot
from trader.ops.metrics import Metrics, OutboxFigures
from trader.ops.series import Series

_PROMTOOL = shutil.which("promtool")


def a_busy_snapshot() -> Snapshot:
    """Something to tell in every series."""
    return a_snapshot(
        mode=Mode.LIVE,
        blocks=(BlockReason.DRY_RUN,),
        paper=a_ledger(pnl_krw=Decimal("12.5"), trades_opened=3),
        live_ledger=a_ledger(
            LedgerName.LIVE, pnl_krw=Decimal(-7), trades_opened=1, last_trade_ns=AT_NS
        ),
        refusals=6,
        refusals_by_check={CheckName.SLIPPAGE: 4},
        feeds=(
            FeedView(InstrumentId("upbit:BTC-KRW"), 120.0, True, None),
            FeedView(InstrumentId("binance:BTC-USDT"), None, False, BookFlaw.CROSSED),
        ),
        breakers=("DAILY_LOSS all", "REJECT_RATE upbit", "REJECT_RATE bithumb"),
        faults=1,
    )


def rendered(snapshot: Snapshot | None) -> str:
    """What a scrape reads after one cycle, or before any."""
    metrics = Metrics()
    if snapshot is not None:
        metrics.observe_cycle(
            snapshot,
            loop_latency_ms=1.5,
            ws_lag_ms=40.0,
            redis_heartbeat_age_ms=900.0,
            outbox=OutboxFigures(
                sent=8, late=1, pending=4, oldest_pending_age_s=61.5, pending_critical=3
            ),
            errors=2,
            around=an_around(),
        )
    return Series(metrics, "1.2.3").render().decode()


def samples(text: str) -> dict[str, float]:
    """Every sample, keyed as it is written."""
    read: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in read
            read[key] = sample.value
    return read


class TestSeries:
    def test_tell_the_snapshot_in_base_units(self) -> None:
        """Seconds and won, and each figure under its own label."""
        read = samples(rendered(a_busy_snapshot()))

        expected = {
            "trader_live": 0.0,
            "trader_mode{mode=live}": 1.0,
            "trader_mode{mode=mock}": 0.0,
            "trader_live_blocked{reason=DRY_RUN}": 1.0,
            "trader_live_blocked{reason=HALTED}": 0.0,
            "trader_loop_latency_seconds": 0.0015,
            "trader_ws_lag_seconds": 0.04,
            "trader_redis_heartbeat_age_seconds": 0.9,
            "trader_pnl_krw{ledger=paper}": 12.5,
            "trader_pnl_krw{ledger=live}": -7.0,
            "trader_trades_opened_total{ledger=paper}": 3.0,
            "trader_last_trade_timestamp_seconds{ledger=live}": 1_767_571_500.123,
            "trader_refusals_total": 6.0,
            "trader_checks_failed_total{check=SLIPPAGE}": 4.0,
            "trader_checks_failed_total{check=LOT}": 0.0,
            "trader_feed_age_seconds{instrument=upbit:BTC-KRW,venue=upbit}": 0.12,
            "trader_feed_fresh{instrument=binance:BTC-USDT,venue=binance}": 0.0,
            "trader_feed_flawed{instrument=binance:BTC-USDT,venue=binance}": 1.0,
            "trader_breakers_tripped": 3.0,
            "trader_breaker_tripped{breaker=REJECT_RATE}": 2.0,
            "trader_errors_total": 3.0,
            "trader_alerts_pending": 4.0,
            "trader_alerts_pending_critical": 3.0,
            "trader_oldest_pending_alert_age_seconds": 61.5,
        }
        assert {key: read.get(key) for key in expected} == pytest.approx(expected)

    def test_leave_out_what_is_not_known(self) -> None:
        """An age of a book that never came would be an invention."""
        read = samples(rendered(a_busy_snapshot()))

        assert not [key for key in read if "feed_age" in key and "binance" in key]
        assert "trader_last_trade_timestamp_seconds{ledger=paper}" not in read

    def test_exist_before_the_first_cycle(self) -> None:
        """A scrape of an engine that hangs at start still says what it is, and since when."""
        read = samples(rendered(None))

        assert any(key.startswith("trader_build_info{") and "1.2.3" in key for key in read)
        assert read["trader_quiet_seconds"] >= 0.0
        assert read["process_resident_memory_bytes"] > 1_000_000
        assert "trader_live" not in read

    def test_follow_each_cycle_and_the_time_between(self) -> None:
        """However often they are asked for, the figures are those of the newest cycle."""
        now = [0]
        metrics = Metrics(monotonic_ns=lambda: now[0])
        series = Series(metrics, "1")
        seen = []
        for cycles in (1, 2):
            metrics.observe_cycle(
                a_snapshot(cycles=cycles),
                loop_latency_ms=1.0,
                ws_lag_ms=None,
                redis_heartbeat_age_ms=None,
            )
            for _ in range(2):
                now[0] += 1_000_000_000
                read = samples(series.render().decode())
                seen.append((read["trader_cycles_total"], read["trader_quiet_seconds"]))

        assert seen == [(1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (2.0, 2.0)]

    def test_keep_the_conventions(self) -> None:
        """Every family has a help text and a lawful name; counters alone end in _total."""
        text = rendered(a_busy_snapshot())

        for family in text_string_to_metric_families(text):
            assert family.documentation.endswith(".")
            assert re.fullmatch(r"(trader|process)_[a-z0-9_]+", family.name)
            names = {sample.name for sample in family.samples}
            assert {name.endswith("_total") for name in names} <= {family.type == "counter"}
            assert not any(re.search(r"_(ms|millis\w*|pct|count)$", name) for name in names)

    @pytest.mark.skipif(_PROMTOOL is None, reason="promtool is not on PATH")
    def test_satisfy_promtool(self) -> None:
        """Prometheus' own linter has nothing to say."""
        assert _PROMTOOL is not None
        checked = subprocess.run(
            [_PROMTOOL, "check", "metrics"],
            input=rendered(a_busy_snapshot()),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
