"""Builders of what the engine shows: one ledger, one snapshot, and what stands around it."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.domain.authority import Level
from trader.domain.control import Mode
from trader.domain.instrument import Venue
from trader.domain.order import LedgerName
from trader.engine.snapshot import LedgerView, Snapshot
from trader.ops.around import (
    Around,
    Bounds,
    LaneFigures,
    LedgerStanding,
    OrderEnd,
    VenueFigures,
)

AT_NS = 1_767_571_500_123_000_000
"""2026-01-05 00:05:00.123 UTC."""


def a_ledger(ledger: LedgerName = LedgerName.PAPER, **changes: Any) -> LedgerView:
    """A ledger that has done nothing yet."""
    nothing = LedgerView(
        ledger=ledger,
        pnl_krw=Decimal(0),
        realised_krw=Decimal(0),
        unrealised_krw=Decimal(0),
        fees_krw=Decimal(0),
        exposure_krw=Decimal(0),
        open_trades=0,
        loss_today_krw=Decimal(0),
        trades_opened=0,
        trades_closed=0,
        trades_today=0,
        last_trade_ns=None,
    )
    return replace(nothing, **changes)


def a_snapshot(**changes: Any) -> Snapshot:
    """An engine in mock mode after its first cycle."""
    first = Snapshot(
        at_ns=AT_NS,
        mono_ns=1,
        name="main",
        mode=Mode.MOCK,
        live=False,
        blocks=(),
        paused=False,
        cycles=1,
        paper=a_ledger(),
        live_ledger=a_ledger(LedgerName.LIVE),
        signals=0,
        signals_executed=0,
        refusals=0,
        refusals_by_check={},
        stop_losses=0,
        faults=0,
        feeds=(),
        breakers=(),
    )
    return replace(first, **changes)


def an_around(**changes: Any) -> Around:
    """Two venues, one of them with keys; something to tell in every figure, no two alike."""
    everything = Around(
        bounds=Bounds(Decimal(150_000), Decimal(1_000_000), 0.25, 5e8),
        authority=Level.LIVE,
        ledgers=(
            LedgerStanding(LedgerName.PAPER, Decimal("12.5"), None, 0),
            LedgerStanding(LedgerName.LIVE, Decimal(-7), Decimal("0.011"), 1),
        ),
        orders={
            (LedgerName.LIVE, Venue("upbit"), OrderEnd.FILLED): 4,
            (LedgerName.LIVE, Venue("upbit"), OrderEnd.UNKNOWN): 1,
            (LedgerName.PAPER, Venue("binance"), OrderEnd.PARTIAL): 2,
        },
        orders_unknown={Venue("upbit"): 1, Venue("binance"): 0},
        loop_lag_s=0.003,
        disk_free_bytes=9e9,
        telegram_answer_age_s=21.5,
        venues={
            Venue("binance"): VenueFigures(),
            Venue("upbit"): VenueFigures(
                connected=True,
                frames=1_000,
                invalid_frames=3,
                reconnects=2,
                snapshots=50,
                snapshots_failed=5,
                reconciled=True,
                clock_skew_s=-0.04,
                limit_used_ratio=0.6,
                refusals=7,
                bans=6,
                shut_out_s=90.0,
                lane=LaneFigures(
                    3,
                    0.012,
                    stream_connected=True,
                    stream_reconnects=13,
                    accepted=40,
                    rejected=8,
                    throttled=9,
                    unknown=11,
                ),
            ),
        },
    )
    return replace(everything, **changes)
