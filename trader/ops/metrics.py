"""The figures of one cycle: the ``[METRICS]`` line, the JSON form, the source of all series.

Nothing is computed per tick: a cycle leaves its snapshot here, and whoever asks derives the rest.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from trader.domain.control import Mode
from trader.domain.order import LedgerName
from trader.engine.snapshot import LedgerView, Snapshot
from trader.ops.around import Around

_NS = 1_000_000_000
_MS = 1_000
_JSON_DIGITS = 4


class OutboxFigures(Struct, frozen=True):
    """How the alerts stand: counts since the process started; the age is None when none waits."""

    sent: int = 0
    late: int = 0
    pending: int = 0
    oldest_pending_age_s: float | None = None
    pending_critical: int = 0


_NO_ALERTS = OutboxFigures()


class Cycle(Struct, frozen=True):
    """What one cycle left: the engine's snapshot and the figures of the process around it.

    ``ws_lag_ms`` is the newest frame's way from the venue to us, ``redis_heartbeat_age_ms`` the
    time since the last round trip; None where there is no such connection. ``seen_mono_ns`` is
    real monotonic time, also in mock mode. ``around`` is what else the process gathered.
    """

    snapshot: Snapshot
    loop_latency_ms: float
    ws_lag_ms: float | None
    redis_heartbeat_age_ms: float | None
    outbox: OutboxFigures
    errors: int
    log_lines_lost: int
    seen_mono_ns: int
    around: Around | None = None


class Metrics:
    """Keeps the latest cycle for everyone who shows figures."""

    def __init__(self, *, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._since_ns = monotonic_ns()
        self._latest: Cycle | None = None

    @property
    def latest(self) -> Cycle | None:
        """The newest cycle, or None before the first."""
        return self._latest

    def observe_cycle(
        self,
        snapshot: Snapshot,
        *,
        loop_latency_ms: float,
        ws_lag_ms: float | None,
        redis_heartbeat_age_ms: float | None,
        outbox: OutboxFigures = _NO_ALERTS,
        errors: int = 0,
        log_lines_lost: int = 0,
        around: Around | None = None,
    ) -> None:
        """Keep this cycle's figures.

        ``errors`` counts faults of the process outside the engine (feeds, journal, senders) since
        it started; the engine's own come with the snapshot and are added where figures are shown.
        """
        self._latest = Cycle(
            snapshot,
            loop_latency_ms,
            ws_lag_ms,
            redis_heartbeat_age_ms,
            outbox,
            errors,
            log_lines_lost,
            self._monotonic_ns(),
            around,
        )

    def quiet_seconds(self) -> float:
        """Seconds since the last cycle; before the first, since this object was made."""
        since = self._since_ns if self._latest is None else self._latest.seen_mono_ns
        return (self._monotonic_ns() - since) / _NS

    def to_json(self) -> dict[str, object]:
        """The latest figures by name, empty before the first cycle; see ``figures``."""
        return {} if self._latest is None else figures(self._latest)


def metrics_line(snapshot: Snapshot, loop_ms: float) -> str:
    """The line every cycle logs. Money is of the mode's ledger, in whole won, halves to even."""
    ledger = snapshot.ledger
    return (
        f"[METRICS] pnl={_whole_won(ledger.pnl_krw)}₩ trades={ledger.trades_opened}"
        f" open_pos={ledger.open_trades} exposure={_whole_won(ledger.exposure_krw)}₩"
        f" realized_pnl={_whole_won(ledger.realised_krw)}₩ signals={snapshot.signals}"
        f" exec_rate={execution_rate_pct(snapshot):.1f}% safety_rejections={snapshot.refusals}"
        f" sl_triggers={snapshot.stop_losses} loop_ms={max(loop_ms, 0.0):.1f}"
        f" live={'✅' if snapshot.live else '❌'}"
    )


def figures(cycle: Cycle) -> dict[str, object]:
    """A cycle's figures as plain JSON values.

    Money is a number rounded to 0.0001 won, so that it can be drawn; exact amounts are in the
    journal. What is not known is null. In live mode ``paper_*`` stands beside the live ledger's.
    """
    snapshot, outbox, around = cycle.snapshot, cycle.outbox, cycle.around
    lag_s = None if around is None else around.loop_lag_s
    live_trade_ns = snapshot.live_ledger.last_trade_ns
    shown: dict[str, object] = {
        "at": _iso(snapshot.at_ns),
        "name": snapshot.name,
        "mode": snapshot.mode.value,
        "live": snapshot.live,
        "live_block_reasons": ";".join(reason.value for reason in snapshot.blocks),
        "paused": snapshot.paused,
        "breakers": list(snapshot.breakers),
        "cycles": snapshot.cycles,
        "loop_latency_ms": _number(cycle.loop_latency_ms),
        "loop_lag_ms": None if lag_s is None else _number(lag_s * _MS),
        "ws_lag_ms": _number(cycle.ws_lag_ms),
        "redis_heartbeat_age_ms": _number(cycle.redis_heartbeat_age_ms),
        "num_live_trades_today": snapshot.live_ledger.trades_today,
        "num_paper_trades_today": snapshot.paper.trades_today,
        "last_live_trade_ts": "" if live_trade_ns is None else _iso(live_trade_ns),
        "ledger": snapshot.ledger.ledger.value,
        **_money(snapshot.ledger, ""),
        "signals": snapshot.signals,
        "signals_executed": snapshot.signals_executed,
        "exec_rate_pct": round(execution_rate_pct(snapshot), 1),
        "safety_rejections": snapshot.refusals,
        "sl_triggers": snapshot.stop_losses,
        "alerts_sent": outbox.sent,
        "alerts_late": outbox.late,
        "alerts_pending": outbox.pending,
        "oldest_pending_alert_age_s": _number(outbox.oldest_pending_age_s),
        "errors": snapshot.faults + cycle.errors,
        "log_lines_lost": cycle.log_lines_lost,
    }
    if snapshot.mode is Mode.LIVE:
        shown |= _money(snapshot.paper, f"{LedgerName.PAPER}_")
    return shown


def execution_rate_pct(snapshot: Snapshot) -> float:
    """How many signals of a hundred became orders; 0 without a signal."""
    if snapshot.signals <= 0:
        return 0.0
    return min(100.0, snapshot.signals_executed * 100 / snapshot.signals)


def _money(ledger: LedgerView, prefix: str) -> dict[str, object]:
    return {
        f"{prefix}pnl_krw": _number(ledger.pnl_krw),
        f"{prefix}realized_pnl_krw": _number(ledger.realised_krw),
        f"{prefix}unrealized_pnl_krw": _number(ledger.unrealised_krw),
        f"{prefix}fees_krw": _number(ledger.fees_krw),
        f"{prefix}exposure_krw": _number(ledger.exposure_krw),
        f"{prefix}loss_today_krw": _number(ledger.loss_today_krw),
        f"{prefix}trades": ledger.trades_opened,
        f"{prefix}trades_closed": ledger.trades_closed,
        f"{prefix}open_pos": ledger.open_trades,
    }


def _whole_won(amount: Decimal) -> str:
    # A line of the log must not stop an engine, so what is no number is shown as such.
    if not amount.is_finite():
        return str(amount).lower()
    return str(int(amount.to_integral_value(ROUND_HALF_EVEN)))


def _number(value: Decimal | float | None) -> float | None:
    # JSON has no NaN and no infinity.
    if value is None or not math.isfinite(value):
        return None
    # Adding zero turns a rounded -0.0 into 0.0.
    return round(float(value), _JSON_DIGITS) + 0.0


def _iso(at_ns: int) -> str:
    moment = datetime.fromtimestamp(at_ns // _NS, UTC).replace(microsecond=at_ns % _NS // 1_000)
    return moment.isoformat(timespec="milliseconds")
