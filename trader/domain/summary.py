"""Summary: the figures of a span of time, for a person to read. Words and pictures are elsewhere.

Paper is not live: each ledger has figures of its own, and nothing here adds them up. Money is won,
times are UTC nanoseconds.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.order import LedgerName, PairName, TradeId

MAX_POINTS = 1_500
"""No equity series is longer."""

MAX_NOTES = 100
"""No list of commands or breakers is longer; what is left out is counted."""

MAX_CARES = 50
"""Nor is the list of what needs care."""

_HUNDRED = Decimal(100)


class TradeResult(Struct, frozen=True):
    """What one closed trade brought, fees included."""

    trade_id: TradeId
    pair: PairName
    direction: str
    pnl_krw: Decimal


class LedgerSpan(Struct, frozen=True):
    """What a span brought to one ledger.

    ``prices_krw`` is what price differences realised, before ``fees_krw``. ``stop_loss_krw`` is
    the result of the trades a stop-loss closed; it is part of both, not a third beside them.
    Equity is realised plus unrealised since the ledger began, as sampled once a minute:
    ``equity_first_krw`` stood when the span began and ``equity_last_krw`` when it ended; both are
    None where the span holds no sample, and so is the change of the unrealised part.
    ``drawdown_krw`` is the deepest fall of equity below its best of the span.
    """

    prices_krw: Decimal = Decimal(0)
    fees_krw: Decimal = Decimal(0)
    stop_losses: int = 0
    stop_loss_krw: Decimal = Decimal(0)
    unrealised_change_krw: Decimal | None = None
    equity_first_krw: Decimal | None = None
    equity_last_krw: Decimal | None = None
    opened: int = 0
    closed: int = 0
    wins: int = 0
    best: TradeResult | None = None
    worst: TradeResult | None = None
    drawdown_krw: Decimal = Decimal(0)
    exposure_worst_krw: Decimal = Decimal(0)
    equity: tuple[tuple[int, float], ...] = ()
    """(time, won) in order, at most ``MAX_POINTS``; for drawing, not for counting."""

    @property
    def realised_krw(self) -> Decimal:
        """What the span realised: price differences less fees."""
        return self.prices_krw - self.fees_krw

    @property
    def win_rate_pct(self) -> Decimal | None:
        """How many of a hundred closed trades won; None where none closed."""
        return self.wins * _HUNDRED / self.closed if self.closed else None


class LedgerNow(Struct, frozen=True):
    """How one ledger stands when the summary is made."""

    unrealised_krw: Decimal = Decimal(0)
    exposure_krw: Decimal = Decimal(0)
    open_trades: int = 0


class LedgerSummary(Struct, frozen=True):
    """One ledger's figures."""

    ledger: LedgerName
    span: LedgerSpan = LedgerSpan()
    now: LedgerNow = LedgerNow()

    @property
    def is_idle(self) -> bool:
        """Whether nothing happened in it and nothing is open."""
        span = self.span
        return not (
            span.opened
            or span.closed
            or span.stop_losses
            or span.prices_krw
            or span.fees_krw
            or self.now.open_trades
        )


class RefusalFigures(Struct, frozen=True):
    """How often a check refused; counted by whole hours, the one a span begins in included."""

    check: CheckName
    count: int


class FeedFigures(Struct, frozen=True):
    """How the market data held: how often a book went stale, and the longest silence that ended."""

    stale: int = 0
    longest_ms: float | None = None
    longest_instrument: str = ""


class LoopFigures(Struct, frozen=True):
    """The worst of the control loop and of the market data's way to us, in milliseconds.

    Kept in memory: ``since_ns`` is when the process began to count, where that was within the
    span, else None.
    """

    latency_ms: float | None = None
    lag_ms: float | None = None
    since_ns: int | None = None


class AlertFigures(Struct, frozen=True):
    """What became of the span's alerts, by this host's clock.

    Each counts as what it stands for. ``late`` were sent more than a minute after they were
    raised; ``folded`` became numbers in a digest. ``unacknowledged`` are criticals nobody has seen.
    ``waiting`` stand now, however old.
    """

    created: int = 0
    sent: int = 0
    late: int = 0
    folded: int = 0
    waiting: int = 0
    unacknowledged: int = 0


class CommandNote(Struct, frozen=True):
    """Who commanded what, or what the engine took back by itself (``by`` is then ``engine``)."""

    at_ns: int
    action: str
    by: str
    reason: str = ""


class BreakerNote(Struct, frozen=True):
    """A circuit breaker that tripped; ``breaker`` is its code."""

    at_ns: int
    ledger: LedgerName
    breaker: str
    subject: str


class CareCode(StrEnum):
    """What may need a person's care."""

    POSITION_UNGUARDED = "position_unguarded"
    LEG_UNHEDGED = "leg_unhedged"
    CLOSING_STUCK = "closing_stuck"
    ORDER_UNKNOWN = "order_unknown"
    HALTED = "halted"
    DEMOTED = "demoted"
    BREAKER_TRIPPED = "breaker_tripped"
    UNACKNOWLEDGED = "unacknowledged"
    PAUSED = "paused"
    FEED_STALE = "feed_stale"
    DISK_LOW = "disk_low"
    DIRECTION_EMPTY = "direction_empty"
    ALERTS_LATE = "alerts_late"
    ALERTS_WAITING = "alerts_waiting"
    FAULTS = "faults"


class Care(Struct, frozen=True):
    """One thing that needs care when the summary is made; ``fields`` are what its text names."""

    code: CareCode
    fields: Mapping[str, str] = {}


class SummaryFigures(Struct, frozen=True):
    """The figures of the time from ``from_ns`` on and before ``to_ns``, by this host's clock.

    On the simulated market, whose time is its own and runs faster, the ledgers, refusals, feeds,
    commands and breakers are those of a span as long that ends at the market's now, from
    ``market_from_ns`` to ``market_to_ns``; elsewhere the two spans are one.
    """

    engine: str
    mode: Mode
    made_ns: int
    from_ns: int
    to_ns: int
    market_from_ns: int
    market_to_ns: int
    paper: LedgerSummary
    live: LedgerSummary
    is_live: bool = False
    blocks: tuple[BlockReason, ...] = ()
    """Why no live order could go when the summary was made."""
    refusals: tuple[RefusalFigures, ...] = ()
    feeds: FeedFigures = FeedFigures()
    loop: LoopFigures = LoopFigures()
    alerts: AlertFigures = AlertFigures()
    starts: int = 0
    faults: int = 0
    commands: tuple[CommandNote, ...] = ()
    commands_left_out: int = 0
    breakers: tuple[BreakerNote, ...] = ()
    breakers_left_out: int = 0
    cares: tuple[Care, ...] = ()
    """The most urgent first."""
    cares_left_out: int = 0

    @property
    def is_simulated(self) -> bool:
        """Whether the market's time is its own."""
        return self.mode is Mode.MOCK
