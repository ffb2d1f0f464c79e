"""The figures of a cycle, by line and by name."""

import json
from decimal import Decimal

import pytest

from tests.support.snapshots import AT_NS, a_ledger, a_snapshot
from trader.domain.control import BlockReason, Mode
from trader.domain.order import LedgerName
from trader.ops.metrics import Metrics, OutboxFigures, execution_rate_pct, metrics_line


class FakeClock:
    """Monotonic time that moves only when told."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def shown(snapshot_changes: dict[str, object], **figures: object) -> dict[str, object]:
    """The JSON form of one cycle."""
    metrics = Metrics()
    given: dict[str, object] = {
        "loop_latency_ms": 1.25,
        "ws_lag_ms": 40.0,
        "redis_heartbeat_age_ms": None,
    }
    metrics.observe_cycle(a_snapshot(**snapshot_changes), **(given | figures))  # type: ignore[arg-type]  # a table of keyword arguments
    return metrics.to_json()


class TestMetricsLine:
    def test_is_exact_for_an_engine_that_did_nothing(self) -> None:
        """Operators grep this line; every character of it is agreed."""
        assert metrics_line(a_snapshot(), 1.2) == (
            "[METRICS] pnl=0₩ trades=0 open_pos=0 exposure=0₩ realized_pnl=0₩ signals=0 "
            "exec_rate=0.0% safety_rejections=0 sl_triggers=0 loop_ms=1.2 live=❌"
        )

    def test_shows_each_figure_in_its_place(self) -> None:
        """No two figures can be mistaken for each other."""
        ledger = a_ledger(
            pnl_krw=Decimal("-1494.732789"),
            realised_krw=Decimal("249.561873"),
            exposure_krw=Decimal("1199594"),
            open_trades=2,
            trades_opened=7,
            trades_closed=5,
        )
        snapshot = a_snapshot(
            paper=ledger, signals=9, signals_executed=7, refusals=3, stop_losses=4
        )

        assert metrics_line(snapshot, 12.35) == (
            "[METRICS] pnl=-1495₩ trades=7 open_pos=2 exposure=1199594₩ realized_pnl=250₩ "
            "signals=9 exec_rate=77.8% safety_rejections=3 sl_triggers=4 loop_ms=12.3 live=❌"
        )

    @pytest.mark.parametrize(
        ("amount", "shown_as"),
        [
            ("-0.4", "0"),
            ("0.5", "0"),
            ("-0.5", "0"),
            ("1.5", "2"),
            ("2.5", "2"),
            ("-1.5", "-2"),
            ("1E+7", "10000000"),
            ("NaN", "nan"),
        ],
    )
    def test_rounds_to_whole_won_and_knows_no_minus_zero(self, amount: str, shown_as: str) -> None:
        """Halves go to even; what rounds to nothing has no sign."""
        snapshot = a_snapshot(paper=a_ledger(pnl_krw=Decimal(amount)))

        assert f" pnl={shown_as}₩ " in metrics_line(snapshot, 0.0)

    def test_money_is_the_live_ledgers_in_live_mode_even_when_blocked(self) -> None:
        """Paper gains never pass for money earned."""
        snapshot = a_snapshot(
            mode=Mode.LIVE,
            paper=a_ledger(pnl_krw=Decimal(111)),
            live_ledger=a_ledger(LedgerName.LIVE, pnl_krw=Decimal(-222)),
        )

        line = metrics_line(snapshot, 0.0)

        assert "pnl=-222₩" in line
        assert line.endswith("live=❌")

    def test_marks_an_open_gate(self) -> None:
        """The mark follows the gate, not the mode."""
        assert metrics_line(a_snapshot(mode=Mode.LIVE, live=True), 0.0).endswith("live=✅")

    @pytest.mark.parametrize(
        ("signals", "executed", "rate"), [(0, 0, 0.0), (3, 1, 33.3), (2, 2, 100.0), (2, 5, 100.0)]
    )
    def test_execution_rate_is_a_share_of_signals(
        self, signals: int, executed: int, rate: float
    ) -> None:
        """Nothing without a signal, and never above a hundred."""
        snapshot = a_snapshot(signals=signals, signals_executed=executed)

        assert round(execution_rate_pct(snapshot), 1) == rate


class TestJson:
    def test_has_the_agreed_names_and_values(self) -> None:
        """Dashboards read these names."""
        live = a_ledger(LedgerName.LIVE, trades_today=2, last_trade_ns=AT_NS)
        figures = shown(
            {
                "mode": Mode.LIVE,
                "live_ledger": live,
                "paper": a_ledger(trades_today=5),
                "blocks": (BlockReason.ENV_FLAG_MISSING, BlockReason.DRY_RUN),
                "faults": 2,
            },
            redis_heartbeat_age_ms=812.5,
            errors=3,
            outbox=OutboxFigures(sent=8, late=1, pending=4, oldest_pending_age_s=61.5),
        )

        expected = {
            "loop_latency_ms": 1.25,
            "ws_lag_ms": 40.0,
            "redis_heartbeat_age_ms": 812.5,
            "num_live_trades_today": 2,
            "num_paper_trades_today": 5,
            "last_live_trade_ts": "2026-01-05T00:05:00.123+00:00",
            "live_block_reasons": "ENV_FLAG_MISSING;DRY_RUN",
            "errors": 5,
            "alerts_sent": 8,
            "alerts_late": 1,
            "alerts_pending": 4,
            "oldest_pending_alert_age_s": 61.5,
        }
        assert expected.items() <= figures.items()

    def test_says_nothing_of_what_never_was(self) -> None:
        """No live trade is an empty time; no connection is null, not zero."""
        figures = shown({}, ws_lag_ms=None)

        assert figures["last_live_trade_ts"] == ""
        assert figures["ws_lag_ms"] is None
        assert figures["redis_heartbeat_age_ms"] is None
        assert figures["live_block_reasons"] == ""

    def test_money_is_a_number_to_a_hundredth_of_a_jeon(self) -> None:
        """It can be drawn, and no minus zero or NaN breaks who reads it."""
        ledger = a_ledger(
            pnl_krw=Decimal("249.561873"),
            realised_krw=Decimal("-0.00001"),
            fees_krw=Decimal("NaN"),
        )

        text = json.dumps(shown({"paper": ledger}), allow_nan=False)

        assert '"pnl_krw": 249.5619' in text
        assert '"realized_pnl_krw": 0.0' in text
        assert '"fees_krw": null' in text

    def test_paper_money_stands_beside_the_live_ledgers_in_live_mode_only(self) -> None:
        """One number never stands for both ledgers."""
        ledgers = {
            "paper": a_ledger(pnl_krw=Decimal(7)),
            "live_ledger": a_ledger(LedgerName.LIVE, pnl_krw=Decimal(9)),
        }

        live = shown({"mode": Mode.LIVE, **ledgers})
        paper = shown({"mode": Mode.PAPER, **ledgers})

        assert (live["ledger"], live["pnl_krw"], live["paper_pnl_krw"]) == ("live", 9.0, 7.0)
        assert (paper["ledger"], paper["pnl_krw"]) == ("paper", 7.0)
        assert "paper_pnl_krw" not in paper

    def test_is_empty_before_the_first_cycle(self) -> None:
        """Zeros would look like figures."""
        assert Metrics().to_json() == {}


class TestQuietSeconds:
    def test_counts_from_the_start_and_then_from_each_cycle(self) -> None:
        """A loop that never began is as quiet as one that stopped."""
        clock = FakeClock()
        metrics = Metrics(monotonic_ns=clock)

        clock.now_ns += 2_500_000_000
        before = metrics.quiet_seconds()
        metrics.observe_cycle(
            a_snapshot(), loop_latency_ms=1.0, ws_lag_ms=None, redis_heartbeat_age_ms=None
        )
        clock.now_ns += 1_000_000_000

        assert (before, metrics.quiet_seconds()) == (2.5, 1.0)
