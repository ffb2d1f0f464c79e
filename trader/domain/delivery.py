"""Delivery: alerts on their way to a person, and what became of each. Times are UTC nanoseconds."""

from enum import StrEnum

from msgspec import Struct

from trader.domain.control import Alert, AlertCode


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
    """Infos of one kind that were too many to keep singly."""

    code: AlertCode
    count: int
    first_ns: int
    last_ns: int


class Waiting(Struct, frozen=True):
    """What waits to be told, the most urgent first; ``total`` counts what was asked for no more."""

    alerts: tuple[StoredAlert, ...]
    folded: tuple[Folded, ...] = ()
    total: int = 0


class NoteKind(StrEnum):
    """What became of an alert."""

    SENT = "sent"
    FAILED = "failed"
    SEEN = "seen"
    """A person acknowledged it."""
    BACKUP = "backup"
    """The second way out took it; it still goes the first one."""


class DeliveryNote(Struct, frozen=True):
    """One entry of the delivery ledger; ``count`` is the alert's own count as it was told."""

    alert_id: int
    kind: NoteKind
    at_ns: int
    count: int = 1
    error: str = ""
    by: str = ""


class BotHealth(Struct, frozen=True):
    """How the bot reaches its operator: the last successes, and why Telegram refuses for good.

    ``refused`` is empty while Telegram will have us; such refusals are 401, 403, 404, 409 and a
    group that moved.
    """

    sent_ns: int | None = None
    polled_ns: int | None = None
    refused: str = ""


class OutboxCounts(Struct, frozen=True):
    """How many alerts of those still kept stand where; merged ones count as what they stand for."""

    created: int = 0
    pending: int = 0
    pending_critical: int = 0
    sent: int = 0
    late: int = 0
    acknowledged: int = 0
    folded: int = 0
    failed_attempts: int = 0
