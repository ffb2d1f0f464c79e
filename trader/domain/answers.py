"""Answers: what an engine says when it is asked, by question. Money is won, times UTC nanoseconds.

Every answer names its engine, its mode and when it was taken, so that nobody reads one engine's
figures as another's, or old ones as new. Paper is not live: what is counted is counted per ledger.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.decision import CheckResult, Decision
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.order import (
    ClientOrderId,
    DecisionId,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)

MAX_ROWS = 100
"""No list in an answer is longer; ``more`` says how many were left out."""


class Question(StrEnum):
    """What an engine can be asked, beside ``guards`` and ``metrics``."""

    STATUS = "status"
    METRICS = "metrics"
    GUARDS = "guards"
    WHY = "why"
    SPREAD = "spread"
    POSITIONS = "positions"
    ORDERS = "orders"
    TRADES = "trades"
    BALANCE = "balance"
    PNL = "pnl"
    CHART = "chart"
    ALERTS = "alerts"
    LOGS = "logs"
    CONFIG = "config"
    AUDIT = "audit"
    HEALTH = "health"
    VERSION = "version"
    IMPACT = "impact"
    SUMMARY = "summary"


class Origin(Struct, frozen=True):
    """Which engine answered, in which mode, and when."""

    engine: str
    mode: Mode
    at_ns: int


class Effective(StrEnum):
    """What new trades do now: the state of the live gate in one word."""

    MOCK = "mock"
    PAPER = "paper"
    LIVE = "live"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    DEMOTED = "demoted"
    REVOKED = "revoked"
    HALTED = "halted"


class PauseView(Struct, frozen=True):
    """A pause that stands. ``scope`` is empty for all, else a venue or a pair; the host's times."""

    scope: str
    since_ns: int
    by: str
    reason: str = ""
    until_ns: int = 0


class FeedLine(Struct, frozen=True):
    """One book's freshness."""

    instrument: InstrumentId
    age_ms: float | None
    fresh: bool
    flaw: str = ""


class LedgerLine(Struct, frozen=True):
    """One ledger's day: realised and unrealised since midnight in Seoul, and what stands open."""

    ledger: LedgerName
    pnl_today_krw: Decimal
    realised_today_krw: Decimal
    unrealised_krw: Decimal
    exposure_krw: Decimal
    open_trades: int
    trades_today: int
    loss_today_krw: Decimal
    loss_limit_krw: Decimal


class StatusAnswer(Struct, frozen=True):
    """``/status``: what runs, what it may do, and how it fares."""

    origin: Origin
    effective: Effective
    level: str
    revision: int
    live: bool
    blocks: tuple[BlockReason, ...]
    latch_reason: str
    latch_by: str
    latch_ns: int | None
    used_up: bool
    pauses: tuple[PauseView, ...]
    feeds: tuple[FeedLine, ...]
    ledgers: tuple[LedgerLine, ...]
    breakers: tuple[str, ...]
    nearest_stop_pct: Decimal | None
    """Of all open trades, the smallest distance to a stop, in percent of its entry notional."""
    uptime_s: float
    version: str
    dry_run: bool = True
    """Whether a dry run is made before live; false is a warning in every banner."""


class TradeLine(Struct, frozen=True):
    """A trade of the past or present. ``pnl_krw`` is less fees."""

    trade_id: TradeId
    ledger: LedgerName
    pair: PairName
    direction: str
    state: str
    opened_ns: int
    closed_ns: int | None
    notional_krw: Decimal | None
    pnl_krw: Decimal | None
    fees_krw: Decimal | None
    reason: str = ""


class WhyAnswer(Struct, frozen=True):
    """``/why``: one decision in full.

    ``outcome`` is a code: ``refused``; of what was approved ``opening``, ``open``, ``closing``,
    ``closed``, ``abandoned``, or ``sent`` where nothing more is known; empty without a decision.
    """

    origin: Origin
    decision: Decision | None
    outcome: str = ""
    recent: tuple[tuple[DecisionId, str], ...] = ()
    """Other decisions that may be asked for, newest first, each with its purpose where it was
    approved, else with the first check that refused it."""
    trade: TradeLine | None = None
    """The trade its orders belong to, once that has opened or ended."""
    refused: tuple[CheckName, ...] = ()
    """The checks that refused it, in the order of the checks."""


class Transfer(Struct, frozen=True):
    """What must be moved so that a direction that is empty can trade again."""

    ledger: LedgerName
    pair: PairName
    direction: str
    asset: Asset
    amount: Decimal
    from_venue: Venue
    to_venue: Venue


class SpreadLine(Struct, frozen=True):
    """One direction as the strategy sees it now; what is not known is None. All in percent.

    ``net_pct`` is ``spread_pct`` less ``costs_pct`` (fees and slippage of all four fills, and the
    spread it closes at). ``needed_pct`` is what the spread must exceed for a signal. ``fault`` is
    a code: ``no_price``, ``stale``, ``no_balance`` or ``unexplained``; empty where all is well.
    """

    pair: PairName
    direction: str
    spread_pct: Decimal | None
    costs_pct: Decimal | None
    net_pct: Decimal | None
    needed_pct: Decimal | None
    trades_left: int | None
    age_ms: float | None
    """Of the oldest book it was read from."""
    fault: str = ""
    transfer: Transfer | None = None
    rests_until_ns: int = 0
    """Until when it opens nothing, having opened too often; 0 where it does not rest."""


class SpreadAnswer(Struct, frozen=True):
    """``/spread``."""

    origin: Origin
    lines: tuple[SpreadLine, ...]


class LegLine(Struct, frozen=True):
    """One leg of an open trade; quantity is signed, prices in the instrument's own currency.

    ``price`` is the best of the side it would close on. Without a quantity there is neither.
    """

    instrument: InstrumentId
    quantity: Decimal
    entry_price: Decimal | None
    price: Decimal | None


class PositionLine(Struct, frozen=True):
    """An open trade. ``to_stop_*`` is how far its value may still fall, in percent of its entry
    notional; None without a price. Of an unhedged trade it is that of the leg that stands alone.
    """

    trade_id: TradeId
    ledger: LedgerName
    pair: PairName
    direction: str
    opened_ns: int
    phase: str
    notional_krw: Decimal
    unrealised_krw: Decimal | None
    to_stop_krw: Decimal | None
    to_stop_pct: Decimal | None
    unhedged: bool
    stuck: bool
    legs: tuple[LegLine, ...]


class PositionsAnswer(Struct, frozen=True):
    """``/positions``."""

    origin: Origin
    positions: tuple[PositionLine, ...]
    more: int = 0


class OrderLine(Struct, frozen=True):
    """An order in flight, or one whose outcome is not known."""

    client_order_id: ClientOrderId
    ledger: LedgerName
    trade_id: TradeId
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    limit_price: Decimal
    executed: Decimal
    state: OrderState
    purpose: Purpose
    since_ns: int


class OrdersAnswer(Struct, frozen=True):
    """``/orders``: only IOC and FOK are ever sent, so what is listed is on its way or unknown."""

    origin: Origin
    orders: tuple[OrderLine, ...]
    more: int = 0


class TradesAnswer(Struct, frozen=True):
    """``/trades``, newest first."""

    origin: Origin
    trades: tuple[TradeLine, ...]


class BalanceLine(Struct, frozen=True):
    """What one venue holds of one asset in one ledger, and its worth where a price is known."""

    ledger: LedgerName
    venue: Venue
    asset: Asset
    quantity: Decimal
    worth_krw: Decimal | None


class BalanceAnswer(Struct, frozen=True):
    """``/balance``."""

    origin: Origin
    balances: tuple[BalanceLine, ...]
    more: int = 0
    transfers: tuple[Transfer, ...] = ()
    """What mends the directions that are empty."""


class PnlLine(Struct, frozen=True):
    """One day (in the given zone) of one ledger: the trades that ended in it, abandoned openings
    included in the money alone. ``realised_krw`` is less fees.
    """

    date: str
    ledger: LedgerName
    realised_krw: Decimal
    fees_krw: Decimal
    trades: int
    wins: int


class PnlAnswer(Struct, frozen=True):
    """``/pnl``: days, oldest first; ``unrealised_krw`` per ledger as of now."""

    origin: Origin
    span: str
    lines: tuple[PnlLine, ...]
    unrealised_krw: tuple[tuple[LedgerName, Decimal], ...]


class ChartLine(Struct, frozen=True):
    """One curve: times and values, both as they are drawn."""

    label: str
    times_ns: tuple[int, ...]
    values: tuple[float, ...]


class ChartAnswer(Struct, frozen=True):
    """``/chart``: curves, a unit of ₩ or %, and lines that matter such as what is needed."""

    origin: Origin
    kind: str
    span: str
    unit: str
    lines: tuple[ChartLine, ...]
    levels: tuple[tuple[str, float], ...] = ()
    since_ns: int = 0
    """Since when there are figures, where that is later than the span begins; else 0."""


class ImpactLeg(Struct, frozen=True):
    """What closing one leg would do to its book: the quantity that goes at once, the worst price
    it may take, and what the whole leg is expected to fetch; None where there is no fresh book.

    ``later`` is what neither book nor balance covers within the limit price: it goes in further
    orders, each against the book of its moment.
    """

    instrument: InstrumentId
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    average_price: Decimal | None
    slippage_pct: Decimal | None
    later: Decimal = Decimal(0)


class ImpactLine(Struct, frozen=True):
    """What closing one trade now would bring: its PnL in all, every fee included, as the journal
    would have it. Dust has no legs: it is moved to inventory. ``checks`` are those of its first
    order, in the order of the checks.
    """

    trade_id: TradeId
    pair: PairName
    direction: str
    notional_krw: Decimal
    result_krw: Decimal | None
    legs: tuple[ImpactLeg, ...]
    checks: tuple[CheckResult, ...] = ()


class ImpactAnswer(Struct, frozen=True):
    """What ``/flatten`` or ``/close`` would do. ``fingerprint`` names positions, quantities and
    authority as they were: the act carries it and asks again where they have changed.
    """

    origin: Origin
    ledger: LedgerName
    fingerprint: str
    result_krw: Decimal | None
    notional_krw: Decimal
    trades: tuple[ImpactLine, ...]
    may_go: bool
    """Whether the gate would let these closings out now."""
    blocks: tuple[BlockReason, ...] = ()
    more: int = 0
    """How many trades are not listed; result and notional are of all."""
