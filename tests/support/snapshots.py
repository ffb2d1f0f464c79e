"""Builders of what the engine shows: one ledger, one snapshot."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.domain.control import Mode
from trader.domain.order import LedgerName
from trader.engine.snapshot import LedgerView, Snapshot

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
