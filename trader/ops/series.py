"""The Prometheus series, made from the latest cycle once somebody scrapes and at no other time.

Importing this costs tens of milliseconds, so only the server does, once it serves.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.instrument import split_id
from trader.engine.snapshot import FeedView, LedgerView, Snapshot
from trader.ops.families import gauge, labelled
from trader.ops.metrics import Cycle, Metrics
from trader.ops.series_around import series_around

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_MS = 1_000.0
_NS = 1_000_000_000.0

_LEDGER_GAUGES: tuple[tuple[str, str, Callable[[LedgerView], Decimal | int]], ...] = (
    ("pnl_krw", "Realised and unrealised PnL, in won.", lambda at: at.pnl_krw),
    ("realised_pnl_krw", "Realised PnL less fees, in won.", lambda at: at.realised_krw),
    ("unrealised_pnl_krw", "Unrealised PnL of open trades, in won.", lambda at: at.unrealised_krw),
    ("fees_krw", "Fees paid since the ledger began, in won.", lambda at: at.fees_krw),
    ("exposure_krw", "Entry notionals held and in flight, in won.", lambda at: at.exposure_krw),
    ("loss_today_krw", "Loss since midnight in Seoul, in won.", lambda at: at.loss_today_krw),
    ("open_trades", "Trades that are open.", lambda at: at.open_trades),
    ("trades_today", "Trades opened since midnight in Seoul.", lambda at: at.trades_today),
)
_LEDGER_COUNTERS: tuple[tuple[str, str, Callable[[LedgerView], int]], ...] = (
    ("trades_opened_total", "Trades opened since the ledger began.", lambda at: at.trades_opened),
    ("trades_closed_total", "Trades closed since the ledger began.", lambda at: at.trades_closed),
)
_COUNTERS: tuple[tuple[str, str, Callable[[Cycle], int]], ...] = (
    ("cycles_total", "Cycles of the control loop.", lambda at: at.snapshot.cycles),
    ("signals_total", "Signals of the strategies.", lambda at: at.snapshot.signals),
    (
        "signals_executed_total",
        "Signals that led to orders.",
        lambda at: at.snapshot.signals_executed,
    ),
    ("refusals_total", "Intents refused by pre-trade checks.", lambda at: at.snapshot.refusals),
    ("stop_losses_total", "Stop-losses triggered.", lambda at: at.snapshot.stop_losses),
    (
        "gate_suspensions_total",
        "Live gates that shut and were open again within 30 s.",
        lambda at: at.snapshot.suspensions,
    ),
    ("errors_total", "Faults met, the engine's and those around it.", lambda at: _errors(at)),
    ("alerts_sent_total", "Alerts delivered.", lambda at: at.outbox.sent),
    ("alerts_late_total", "Alerts delivered late.", lambda at: at.outbox.late),
    ("log_lines_lost_total", "Log lines a destination did not get.", lambda at: at.log_lines_lost),
)


class Series:
    """Renders the text that ``GET /metrics`` answers, from registries of its own.

    What a cycle left is rendered once, however often it is asked for: it takes milliseconds, and
    the loop that trades would stand still for each of them.
    """

    def __init__(self, metrics: Metrics, version: str) -> None:
        self._metrics = metrics
        self._process = CollectorRegistry()
        self._process.register(_Process(metrics, version))
        ProcessCollector(registry=self._process)
        self._rendered: tuple[Cycle | None, bytes] = (None, b"")

    def render(self) -> bytes:
        """All series in Prometheus' text format."""
        return generate_latest(self._process) + self._of_cycle()

    def _of_cycle(self) -> bytes:
        cycle, text = self._rendered
        latest = self._metrics.latest
        if latest is not None and latest is not cycle:
            registry = CollectorRegistry()
            registry.register(_Figures(latest))
            text = generate_latest(registry)
            self._rendered = (latest, text)
        return text


class _Process(Collector):
    """What changes without a cycle, too."""

    def __init__(self, metrics: Metrics, version: str) -> None:
        self._metrics = metrics
        self._build = {"version": version, "python": platform.python_version()}

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The series of this moment."""
        yield InfoMetricFamily("trader_build", "What is running.", value=self._build)
        yield gauge(
            "quiet_seconds",
            "Time since the last cycle, or the start.",
            self._metrics.quiet_seconds(),
        )


class _Figures(Collector):
    """What one cycle left."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: what there is depends on the cycle."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The series of this cycle."""
        cycle = self._cycle
        yield from _engine(cycle.snapshot)
        yield from _process(cycle)
        yield from _ledgers((cycle.snapshot.paper, cycle.snapshot.live_ledger))
        yield from _feeds(cycle.snapshot.feeds)
        if cycle.around is not None:
            yield from series_around(cycle.around)
        for name, text, read in _COUNTERS:
            yield CounterMetricFamily(f"trader_{name}", text, value=read(cycle))


def _engine(snapshot: Snapshot) -> Iterator[Metric]:
    yield gauge("live", "1 while orders may go to a real venue.", snapshot.live)
    yield gauge("paused", "1 while an operator blocks entries.", snapshot.paused)
    yield gauge("snapshot_timestamp_seconds", "Time of the engine's figures.", snapshot.at_ns / _NS)
    yield labelled(
        "mode",
        "1 for the configured mode.",
        "mode",
        ((mode, mode is snapshot.mode) for mode in Mode),
    )
    yield labelled(
        "live_blocked",
        "1 for each reason that keeps the live gate shut.",
        "reason",
        ((reason, reason in snapshot.blocks) for reason in BlockReason),
    )
    yield gauge("breakers_tripped", "Circuit breakers that stand.", len(snapshot.breakers))
    codes = [standing.partition(" ")[0] for standing in snapshot.breakers]
    yield labelled(
        "breaker_tripped",
        "How many breakers of a kind stand; a kind without any is absent.",
        "breaker",
        ((code, codes.count(code)) for code in sorted(set(codes))),
    )
    checks = CounterMetricFamily(
        "trader_checks_failed_total", "Pre-trade checks that refused.", labels=["check"]
    )
    for check in CheckName:
        checks.add_metric([check], snapshot.refusals_by_check.get(check, 0))
    yield checks


def _process(cycle: Cycle) -> Iterator[Metric]:
    outbox = cycle.outbox
    yield gauge("loop_latency_seconds", "What the last cycle took.", cycle.loop_latency_ms / _MS)
    if cycle.ws_lag_ms is not None:
        yield gauge("ws_lag_seconds", "Newest frame's way from the venue.", cycle.ws_lag_ms / _MS)
    if cycle.redis_heartbeat_age_ms is not None:
        age_s = cycle.redis_heartbeat_age_ms / _MS
        yield gauge("redis_heartbeat_age_seconds", "Time since Redis answered.", age_s)
    yield gauge("alerts_pending", "Alerts that wait for delivery.", outbox.pending)
    yield gauge(
        "alerts_pending_critical",
        "Of those that wait for delivery, the critical ones.",
        outbox.pending_critical,
    )
    yield gauge(
        "oldest_pending_alert_age_seconds",
        "How long the oldest undelivered alert waits.",
        outbox.oldest_pending_age_s or 0.0,
    )


def _ledgers(ledgers: tuple[LedgerView, ...]) -> Iterator[Metric]:
    for name, text, read in _LEDGER_GAUGES:
        yield labelled(name, text, "ledger", ((at.ledger, read(at)) for at in ledgers))
    for name, text, count in _LEDGER_COUNTERS:
        family = CounterMetricFamily(f"trader_{name}", text, labels=["ledger"])
        for ledger in ledgers:
            family.add_metric([ledger.ledger], count(ledger))
        yield family
    yield labelled(
        "last_trade_timestamp_seconds",
        "When the newest trade opened; absent before the first.",
        "ledger",
        ((at.ledger, at.last_trade_ns / _NS) for at in ledgers if at.last_trade_ns is not None),
    )


def _feeds(feeds: tuple[FeedView, ...]) -> Iterator[Metric]:
    labels = ["venue", "instrument"]
    age = GaugeMetricFamily("trader_feed_age_seconds", "Age of the book.", labels=labels)
    fresh = GaugeMetricFamily(
        "trader_feed_fresh", "1 while the book may be traded on by its age.", labels=labels
    )
    flawed = GaugeMetricFamily(
        "trader_feed_flawed", "1 while the book is crossed, locked or broken.", labels=labels
    )
    for feed in feeds:
        values = [split_id(feed.instrument)[0], feed.instrument]
        if feed.age_ms is not None:
            age.add_metric(values, feed.age_ms / _MS)
        fresh.add_metric(values, feed.fresh)
        flawed.add_metric(values, feed.flaw is not None)
    yield from (age, fresh, flawed)


def _errors(cycle: Cycle) -> int:
    return cycle.snapshot.faults + cycle.errors
