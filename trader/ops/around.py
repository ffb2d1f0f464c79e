"""What a cycle gathers beside the engine's snapshot: bounds, money of the day, orders, venues."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.authority import Level
from trader.domain.instrument import Venue
from trader.domain.order import LedgerName


class OrderEnd(StrEnum):
    """How an order ended; ``partial`` is any end with a part executed.

    ``unknown`` is none for good: once settled, the same order is counted by its end as well.
    """

    FILLED = "filled"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class LaneFigures(Struct, frozen=True):
    """A venue's order connections and the private stream; counts since the process started.

    ``round_trip_s`` is from the signing of the last answered order to its answer.
    """

    connections_ready: int = 0
    round_trip_s: float | None = None
    stream_connected: bool = False
    stream_reconnects: int = 0
    accepted: int = 0
    rejected: int = 0
    throttled: int = 0
    unknown: int = 0


class VenueFigures(Struct, frozen=True):
    """One venue as its connections count it, since the process started; seconds throughout.

    ``clock_skew_s`` is how far our clock is ahead of the venue's, None while nobody knows.
    ``limit_used_ratio`` is the use of the rate limit that is nearest to its end. ``lane`` is None
    without keys.
    """

    connected: bool = False
    frames: int = 0
    invalid_frames: int = 0
    reconnects: int = 0
    snapshots: int = 0
    snapshots_failed: int = 0
    reconciled: bool = False
    clock_skew_s: float | None = None
    limit_used_ratio: float = 0.0
    refusals: int = 0
    bans: int = 0
    shut_out_s: float = 0.0
    lane: LaneFigures | None = None


class Bounds(Struct, frozen=True):
    """The limits of the config that figures are drawn against."""

    max_daily_loss_krw: Decimal
    max_exposure_krw: Decimal
    max_loop_lag_s: float
    min_disk_free_bytes: float


class LedgerStanding(Struct, frozen=True):
    """What of a ledger is known only at this moment's prices; None while a price is missing."""

    ledger: LedgerName
    pnl_today_krw: Decimal | None
    nearest_stop_ratio: Decimal | None
    legs_unhedged: int


class Around(Struct, frozen=True):
    """Gathered once a cycle. ``loop_lag_s`` is the worst since the cycle before; None where none
    is measured, as ``disk_free_bytes`` and ``telegram_answer_age_s`` where they are not known.
    """

    bounds: Bounds
    authority: Level
    ledgers: tuple[LedgerStanding, ...]
    orders: Mapping[tuple[LedgerName, Venue, OrderEnd], int]
    orders_unknown: Mapping[Venue, int]
    loop_lag_s: float | None
    disk_free_bytes: float | None
    telegram_answer_age_s: float | None
    venues: Mapping[Venue, VenueFigures]
