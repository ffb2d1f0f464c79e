"""Every series an engine exports today, with its labels, and those that are declared for later."""

import re
from decimal import Decimal
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.snapshots import AT_NS, a_ledger, a_snapshot, an_around
from trader.domain.control import BlockReason, Mode
from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName
from trader.engine.snapshot import FeedView
from trader.ops.metrics import Metrics, OutboxFigures
from trader.ops.series import Series

PENDING_TABLE = Path(__file__).parents[2] / "deploy" / "prometheus" / "pending-series.md"
_ROW = re.compile(r"\| `(\w+)` \| (gauge|counter) \| ([\w, ]*|-) \| .+ \| .+ \|")


def exported() -> dict[str, frozenset[str]]:
    """Name of each series, as it is queried, and its labels."""
    metrics = Metrics()
    metrics.observe_cycle(
        a_snapshot(
            mode=Mode.LIVE,
            blocks=(BlockReason.DRY_RUN,),
            live_ledger=a_ledger(LedgerName.LIVE, pnl_krw=Decimal(-7), last_trade_ns=AT_NS),
            feeds=(FeedView(InstrumentId("upbit:BTC-KRW"), 120.0, True, None),),
            breakers=("DAILY_LOSS all",),
        ),
        loop_latency_ms=1.5,
        ws_lag_ms=40.0,
        redis_heartbeat_age_ms=900.0,
        outbox=OutboxFigures(sent=8, late=1, pending=4, oldest_pending_age_s=61.5),
        around=an_around(),
    )
    text = Series(metrics, "1.2.3").render().decode()
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def pending() -> dict[str, frozenset[str]]:
    """The series that rules and dashboard name already, from their table."""
    rows = [
        _ROW.fullmatch(line)
        for line in PENDING_TABLE.read_text().splitlines()
        if line.startswith("| `")
    ]
    found = {}
    for row in rows:
        assert row is not None, "a row of pending-series.md cannot be read"
        name, _kind, labels = row.groups()
        found[name] = frozenset() if labels == "-" else frozenset(labels.split(", "))
    return found
