"""Delivery: alerts on their way to a person, and what became of each. Times are UTC nanoseconds."""

from enum import StrEnum

from msgspec import Struct

from trader.domain.control import Alert, AlertCode

URGENT = frozenset({AlertCode.HALTED, AlertCode.DEMOTED, AlertCode.POSITION_UNGUARDED})
"""Where critical, these are told before every other critical: they say what no longer trades."""


class StoredAlert(Struct, frozen=True):
    """An alert with its place in the delivery ledger, all by this host's clock.

    A warning or an info stands for ``count`` equal ones, of which messages have told ``told``;
    ``last_ns`` is when the newest of them entered. It waits while ``told < count``. ``over_ns`` is
    when its condition ended, where that happened before it was told.
    """

    id: int
    alert: Alert
    created_ns: int
    count: int = 1
    told: int = 0
    last_ns: int = 0
    over_ns: int | None = None
    attempts: int = 0
    last_error: str = ""
    tried_ns: int | None = None
    sent_ns: int | None = None
    acknowledged_ns: int | None = None
    backup_ns: int | None = None
    """When the second way out took it."""


class Folded(Struct, frozen=True):
    """Alerts of one kind that were too many to keep singly; infos, but for a flood of warnings."""

    code: AlertCode
    count: int
    first_ns: int
    last_ns: int


class Waiting(Struct, frozen=True):
    """What waits to be told, the most urgent first.

    ``total`` is how many alerts wait, listed here or not; ``folded`` comes on top. ``journal``
    names the database they wait in: another one counts its alerts anew.
    """

    alerts: tuple[StoredAlert, ...]
    folded: tuple[Folded, ...] = ()
    total: int = 0
    journal: str = ""


class NoteKind(StrEnum):
    """What became of an alert."""

    SENT = "sent"
    FAILED = "failed"
    SEEN = "seen"
    """A person acknowledged it."""
    BACKUP = "backup"
    """The second way out took it; it still goes the first one."""


class DeliveryNote(Struct, frozen=True):
    """One entry of the delivery ledger.

    For what was sent, ``count`` is the alert's own count as it was told, and ``over`` whether the
    message also said that its condition has ended: what it did not say goes on waiting.
    """

    alert_id: int
    kind: NoteKind
    at_ns: int
    count: int = 1
    error: str = ""
    by: str = ""
    over: bool = False


class BotHealth(Struct, frozen=True):
    """How the bot reaches its operator: the last successes, and why Telegram refuses for good.

    ``refused`` is empty while Telegram will have us; such refusals are 401, 403, 404, 409 and a
    group that moved.
    """

    sent_ns: int | None = None
    polled_ns: int | None = None
    refused: str = ""


class OutboxCounts(Struct, frozen=True):
    """How many alerts came to stand where; merged ones count as what they stand for.

    ``created`` is what was sent, is pending and is folded, together. An alert that ended before it
    was told carries its end with it, and a clearing whose condition came again before it was told
    is taken back: neither counts. All but the pending and the folded are totals since the database
    began.
    """

    created: int = 0
    pending: int = 0
    pending_critical: int = 0
    sent: int = 0
    late: int = 0
    acknowledged: int = 0
    folded: int = 0
    failed_attempts: int = 0


class LedgerFigures(Struct, frozen=True):
    """What happened to alerts within a span of time.

    ``unacknowledged`` are the criticals of that time, of those still kept, that nobody has seen.
    """

    created: int = 0
    sent: int = 0
    late: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    folded: int = 0
