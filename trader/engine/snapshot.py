"""The figures the rest of the program may show: one frozen picture of the engine."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.instrument import InstrumentId
from trader.domain.market import BookFlaw
from trader.domain.order import LedgerName


class LedgerView(Struct, frozen=True):
    """One ledger's money, in won; totals since it began, ``*_today`` since midnight in Seoul.

    ``pnl_krw`` is ``realised_krw`` (price differences less fees) plus ``unrealised_krw``.
    """

    ledger: LedgerName
    pnl_krw: Decimal
    realised_krw: Decimal
    unrealised_krw: Decimal
    fees_krw: Decimal
    exposure_krw: Decimal
    open_trades: int
    loss_today_krw: Decimal
    trades_opened: int
    trades_closed: int
    trades_today: int
    last_trade_ns: int | None
    """When the newest trade of this ledger opened (UTC), or None."""


class FeedView(Struct, frozen=True):
    """How one instrument's book stands; ``age_ms`` is None before its first frame."""

    instrument: InstrumentId
    age_ms: float | None
    fresh: bool
    flaw: BookFlaw | None


class Snapshot(Struct, frozen=True):
    """The engine at one instant. Counts without ``_today`` are since this process started."""

    at_ns: int
    mono_ns: int
    name: str
    mode: Mode
    live: bool
    blocks: tuple[BlockReason, ...]
    paused: bool
    cycles: int
    paper: LedgerView
    live_ledger: LedgerView
    signals: int
    signals_executed: int
    refusals: int
    refusals_by_check: Mapping[CheckName, int]
    stop_losses: int
    faults: int
    feeds: tuple[FeedView, ...]
    breakers: tuple[str, ...]
    """``CODE subject`` of each breaker that stands."""
    suspensions: int = 0
    """Of the live gate, those that were over within 30 s: counted, not told."""

    @property
    def ledger(self) -> LedgerView:
        """The ledger this mode's money is in: live in live mode, else paper."""
        return self.live_ledger if self.mode is Mode.LIVE else self.paper
