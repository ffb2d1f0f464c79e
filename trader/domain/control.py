"""What an operator may say and hear: commands, alerts, and every stable code."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Mode(StrEnum):
    """What the config asks for."""

    MOCK = "mock"
    PAPER = "paper"
    LIVE = "live"


class CheckName(StrEnum):
    """Every pre-trade check, by the code a refusal carries."""

    CONFIDENCE = "CONFIDENCE"
    SLIPPAGE = "SLIPPAGE"
    POSITION_SIZE = "POSITION_SIZE"
    DAILY_LOSS = "DAILY_LOSS"
    NET_PROFIT = "NET_PROFIT"
    LIQUIDITY = "LIQUIDITY"
    ORDER_DELAY = "ORDER_DELAY"
    PRICE_COLLAR = "PRICE_COLLAR"
    EXIT_COLLAR = "EXIT_COLLAR"
    VENUE_GAP = "VENUE_GAP"
    EXPOSURE = "EXPOSURE"
    REBALANCER_EXPOSURE = "REBALANCER_EXPOSURE"
    OPEN_TRADES = "OPEN_TRADES"
    ORDER_RATE = "ORDER_RATE"
    BALANCE = "BALANCE"
    STOP_RESERVE = "STOP_RESERVE"
    VENUE_MINIMUM = "VENUE_MINIMUM"
    TICK = "TICK"
    LOT = "LOT"
    BOOK_VALID = "BOOK_VALID"
    BOOK_AGE = "BOOK_AGE"
    BOOK_SKEW = "BOOK_SKEW"
    POSITION = "POSITION"
    TRADABLE = "TRADABLE"
    BREAKERS = "BREAKERS"
    ENTRIES_PAUSED = "ENTRIES_PAUSED"
    LIVE_GATE = "LIVE_GATE"


class BlockReason(StrEnum):
    """Why the live gate is shut; ``live_block_reasons`` joins these with a semicolon."""

    MODE_NOT_LIVE = "MODE_NOT_LIVE"
    ENV_FLAG_MISSING = "ENV_FLAG_MISSING"
    CONFIRM_FILE_MISSING = "CONFIRM_FILE_MISSING"
    CONFIRM_FILE_UNSAFE = "CONFIRM_FILE_UNSAFE"
    CONFIRM_FILE_NOT_ARMED = "CONFIRM_FILE_NOT_ARMED"
    CONFIRM_FILE_EXPIRED = "CONFIRM_FILE_EXPIRED"
    LOCK_NOT_HELD = "LOCK_NOT_HELD"
    LEASE_NOT_HELD = "LEASE_NOT_HELD"
    KEY_SCOPE_TOO_WIDE = "KEY_SCOPE_TOO_WIDE"
    KEY_SCOPE_UNKNOWN = "KEY_SCOPE_UNKNOWN"
    KEY_SCOPE_STALE = "KEY_SCOPE_STALE"
    HALTED = "HALTED"
    DEMOTED = "DEMOTED"
    PAUSED = "PAUSED"
    BREAKER_TRIPPED = "BREAKER_TRIPPED"
    SAFETY_FAILED = "SAFETY_FAILED"
    DISK_LOW = "DISK_LOW"
    OPERATOR_UNREACHABLE = "OPERATOR_UNREACHABLE"
    OPERATOR_CREDENTIALS = "OPERATOR_CREDENTIALS"
    FEEDS_STALE = "FEEDS_STALE"
    REDIS_STALE = "REDIS_STALE"
    CLOCK_SKEWED = "CLOCK_SKEWED"
    NOT_RECONCILED = "NOT_RECONCILED"
    LOOP_SLOW = "LOOP_SLOW"
    DRY_RUN = "DRY_RUN"


class AlertCode(StrEnum):
    """Every kind of alert; one runbook entry each."""

    STOP_LOSS = "stop_loss"
    LIVE_BLOCKED = "live_blocked"
    LIVE_ALLOWED = "live_allowed"
    SAFETY_REJECTION = "safety_rejection"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    TRADE_OPENED = "trade_opened"
    TRADE_CLOSED = "trade_closed"
    REBALANCE = "rebalance"
    LEG_UNHEDGED = "leg_unhedged"
    ORDER_UNKNOWN = "order_unknown"
    FEED_STALE = "feed_stale"
    FEED_RECOVERED = "feed_recovered"
    HEARTBEAT_LOST = "heartbeat_lost"
    RECONCILIATION_MISMATCH = "reconciliation_mismatch"
    SYSTEM_ERROR = "system_error"
    STARTED = "started"
    STOPPED = "stopped"
    DEMOTED = "demoted"
    HALTED = "halted"
    SUMMARY = "summary"
    BREAKER_TRIPPED = "breaker_tripped"
    CLOSING_STUCK = "closing_stuck"
    DIRECTION_EMPTY = "direction_empty"
    INVENTORY_SKEW = "inventory_skew"
    POSITION_UNGUARDED = "position_unguarded"
    DUST = "dust"
    PAUSED = "paused"
    RESUMED = "resumed"


class Severity(StrEnum):
    """How loudly an alert is told."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Language(StrEnum):
    """The two equal languages of every text."""

    EN = "en"
    KO = "ko"


FieldValue = str | int | float | bool | Decimal | None
"""What an alert's text may be filled with."""


class Alert(Struct, frozen=True):
    """Something worth telling. ``key`` names its condition: alerts of one key are one story.

    ``clears`` says that the condition named by ``key`` is over. ``fields`` fill the text; words are
    made in ``texts``, so that both languages come from one record.
    """

    code: AlertCode
    severity: Severity
    key: str
    at_ns: int
    fields: Mapping[str, str]
    clears: bool = False
    lasting: bool = False
    """Whether the condition goes on until a later alert with ``clears`` ends it."""


class Transaction(Protocol):
    """One atomic write. Journal and outbox share it, so neither exists without the other."""

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> object:
        """Run one statement inside the transaction."""
        ...

    def executemany(self, sql: str, rows: Sequence[Sequence[object]], /) -> object:
        """Run one statement for each row inside the transaction."""
        ...


class Pause(Struct, frozen=True, tag=True):
    """Block new entries; closings go on."""

    by: str
    reason: str = ""


class Resume(Struct, frozen=True, tag=True):
    """Lift a pause of entries."""

    by: str


class Halt(Struct, frozen=True, tag=True):
    """Stop everything. ``now`` forbids even the unwinding of a half-filled trade."""

    by: str
    reason: str = ""
    now: bool = False


class ToPaper(Struct, frozen=True, tag=True):
    """Demote to paper; live closings go on."""

    by: str
    reason: str = ""


class LiftHalt(Struct, frozen=True, tag=True):
    """Lift the halt of this revision to paper, and a pause with it."""

    by: str
    revision: int


Command = Pause | Resume | Halt | ToPaper | LiftHalt


class Reply(Struct, frozen=True):
    """What a command led to, as read back from the engine once it was durable.

    ``changed`` is false where the state already held or the command could not act; ``note`` says
    which in one sentence.
    """

    command_id: str
    changed: bool
    level: str
    revision: int
    paused: bool
    note: str
