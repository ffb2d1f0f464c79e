"""What an operator may say and hear: commands, alerts, and every stable code."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from trader.domain.order import LedgerName, TradeId


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
    """Block new entries; closings go on.

    ``scope`` is empty for all, else a venue or a pair. ``until_ns`` (UTC) ends it, 0 never does.
    ``written_ns`` (UTC) of this and every command is when a person wrote it; 0 is not known.
    """

    by: str
    reason: str = ""
    scope: str = ""
    until_ns: int = 0
    written_ns: int = 0


class Resume(Struct, frozen=True, tag=True):
    """Lift the pause of a scope; of the empty one, every pause.

    ``revision`` is that of the authority it answers; -1 answers any.
    """

    by: str
    scope: str = ""
    revision: int = -1
    written_ns: int = 0


class Halt(Struct, frozen=True, tag=True):
    """Stop everything. ``now`` forbids even the unwinding of a half-filled trade."""

    by: str
    reason: str = ""
    now: bool = False
    written_ns: int = 0


class ToPaper(Struct, frozen=True, tag=True):
    """Demote to paper; live closings go on."""

    by: str
    reason: str = ""
    written_ns: int = 0


class LiftHalt(Struct, frozen=True, tag=True):
    """Lift the halt of this revision to paper, and the pause of everything with it."""

    by: str
    revision: int
    written_ns: int = 0


class Flatten(Struct, frozen=True, tag=True):
    """Close every open trade of a ledger, as shown to the operator and confirmed.

    ``fingerprint`` is that of what was shown. ``loss_krw`` is the result that was shown, signed: a
    loss is negative; None where there were no prices for one.
    """

    by: str
    ledger: LedgerName
    fingerprint: str
    loss_krw: Decimal | None
    written_ns: int = 0


class CloseTrade(Struct, frozen=True, tag=True):
    """Close one open trade; otherwise as :class:`Flatten`."""

    by: str
    trade_id: TradeId
    fingerprint: str
    loss_krw: Decimal | None
    written_ns: int = 0


class Accept(Struct, frozen=True, tag=True):
    """Accept what reconciliation found and nobody else can explain.

    ``subject`` is empty for every difference that stands, or names one: ``venue:ASSET``, the engine
    and epoch of foreign orders, or a quarantined order by its id. Typed on the host, or confirmed.
    """

    by: str
    subject: str = ""
    written_ns: int = 0


Command = Pause | Resume | Halt | ToPaper | LiftHalt | Flatten | CloseTrade | Accept


class ReplyCode(StrEnum):
    """What a command led to, for whoever says it in another language; see ``texts.replies``."""

    PAUSED = "PAUSED"
    PAUSE_CHANGED = "PAUSE_CHANGED"
    ALREADY_PAUSED = "ALREADY_PAUSED"
    PAUSE_OVER = "PAUSE_OVER"
    SCOPE_UNKNOWN = "SCOPE_UNKNOWN"
    RESUMED = "RESUMED"
    NOT_PAUSED = "NOT_PAUSED"
    HALTED = "HALTED"
    ALREADY_HALTED = "ALREADY_HALTED"
    DEMOTED = "DEMOTED"
    DEMOTED_GUARDED = "DEMOTED_GUARDED"
    DEMOTED_UNGUARDED = "DEMOTED_UNGUARDED"
    ALREADY_PAPER = "ALREADY_PAPER"
    HALT_IS_STRICTER = "HALT_IS_STRICTER"
    HALT_LIFTED = "HALT_LIFTED"
    PAUSE_LIFTED = "PAUSE_LIFTED"
    NOTHING_TO_LIFT = "NOTHING_TO_LIFT"
    HALT_FILE_STANDS = "HALT_FILE_STANDS"
    HALTED_AGAIN = "HALTED_AGAIN"
    AUTHORITY_CHANGED = "AUTHORITY_CHANGED"
    RESUMED_SINCE = "RESUMED_SINCE"
    LIFTED_SINCE = "LIFTED_SINCE"
    LIVE_SINCE = "LIVE_SINCE"
    PAUSED_SINCE = "PAUSED_SINCE"
    HALTED_SINCE = "HALTED_SINCE"
    DEMOTED_SINCE = "DEMOTED_SINCE"
    CLOSING = "CLOSING"
    ALREADY_CLOSING = "ALREADY_CLOSING"
    NOTHING_OPEN = "NOTHING_OPEN"
    NOT_OPEN = "NOT_OPEN"
    CHANGED_SINCE = "CHANGED_SINCE"
    LOSS_GREW = "LOSS_GREW"
    NO_PRICES = "NO_PRICES"
    NOT_SENSED = "NOT_SENSED"
    NOTHING_GOES = "NOTHING_GOES"
    CLOSINGS_REVOKED = "CLOSINGS_REVOKED"
    ACCEPTED = "ACCEPTED"
    ASKING_VENUE = "ASKING_VENUE"
    NOTHING_TO_ACCEPT = "NOTHING_TO_ACCEPT"
    NOT_QUARANTINED = "NOT_QUARANTINED"


class Reply(Struct, frozen=True):
    """What a command led to, as read back from the engine once it was durable.

    ``changed`` is false where the state already held or the command could not act; ``note`` says
    which in one English sentence, and ``code`` for any language.
    """

    command_id: str
    changed: bool
    level: str
    revision: int
    paused: bool
    """Whether a pause of everything stands; pauses of a venue or a pair are among ``details``."""
    note: str
    ledger: str = ""
    """Whose money it was about: of a closing its trades', otherwise that of the mode."""
    mode: str = ""
    at_ns: int = 0
    """The host's time (UTC) at which it was taken."""
    since_ns: int = 0
    """Since when (the host's UTC) what stands in the way, or held already, does; 0 unknown."""
    details: tuple[str, ...] = ()
    """A short line each: what is open or in flight, the pauses that stand, what is allowed."""
    code: ReplyCode | None = None
