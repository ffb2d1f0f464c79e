"""The Prometheus series of what stands around the engine: bounds, orders, host, venues."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric

from trader.domain.authority import Level
from trader.domain.instrument import Venue
from trader.ops.around import Around, LaneFigures, LedgerStanding, VenueFigures
from trader.ops.families import counted, gauge, labelled

_VENUE_GAUGES: tuple[tuple[str, str, Callable[[VenueFigures], float | None]], ...] = (
    ("feed_connected", "1 while the connection for books stands.", lambda at: at.connected),
    (
        "venue_reconciled",
        "1 while our account was compared with the venue's since the last connect.",
        lambda at: at.reconciled,
    ),
    (
        "venue_clock_skew_seconds",
        "How far our clock is ahead of the venue's; absent while nobody knows.",
        lambda at: at.clock_skew_s,
    ),
    (
        "venue_rate_limit_used_ratio",
        "Used share of the rate limit that is nearest to its end.",
        lambda at: at.limit_used_ratio,
    ),
    (
        "venue_shut_out_seconds",
        "For how long the venue still wants to hear nothing of us; 0 when it has not shut us out.",
        lambda at: at.shut_out_s,
    ),
)
_VENUE_COUNTERS: tuple[tuple[str, str, Callable[[VenueFigures], int]], ...] = (
    ("feed_frames_total", "Frames heard on the connection for books.", lambda at: at.frames),
    (
        "feed_invalid_frames_total",
        "Frames and snapshots that did not decode and were dropped.",
        lambda at: at.invalid_frames,
    ),
    (
        "feed_reconnects_total",
        "Connections for books that were lost, each followed by another.",
        lambda at: at.reconnects,
    ),
    ("feed_snapshots_total", "Books that were asked for and came.", lambda at: at.snapshots),
    (
        "feed_snapshots_failed_total",
        "Books that were asked for and could not be had.",
        lambda at: at.snapshots_failed,
    ),
    (
        "venue_throttled_total",
        "How often the venue answered that it was asked too often.",
        lambda at: at.refusals,
    ),
    ("venue_bans_total", "How often the venue shut us out for a time.", lambda at: at.bans),
)
_LANE_ENDS: tuple[tuple[str, Callable[[LaneFigures], int]], ...] = (
    ("accepted", lambda at: at.accepted),
    ("rejected", lambda at: at.rejected),
    ("throttled", lambda at: at.throttled),
    ("unknown", lambda at: at.unknown),
)


def series_around(around: Around) -> Iterator[Metric]:
    """The series of one cycle; what is not known is absent."""
    bounds = around.bounds
    yield gauge("max_daily_loss_krw", "safety.max_daily_loss_krw.", bounds.max_daily_loss_krw)
    yield gauge("max_exposure_krw", "position_engine.max_exposure_krw.", bounds.max_exposure_krw)
    yield gauge("max_loop_lag_seconds", "safety.max_loop_lag_ms.", bounds.max_loop_lag_s)
    yield gauge(
        "min_disk_free_bytes", "engine.min_disk_free_mb, in bytes.", bounds.min_disk_free_bytes
    )
    yield labelled(
        "authority",
        "1 for the level that people permit now.",
        "level",
        ((level.name, level is around.authority) for level in Level),
    )
    yield from _ledgers(around.ledgers)
    yield from _orders(around)
    yield from _host(around)
    yield from _venues(around.venues)


def _ledgers(ledgers: tuple[LedgerStanding, ...]) -> Iterator[Metric]:
    yield labelled(
        "pnl_today_krw",
        "Realised and unrealised PnL since midnight in Seoul, in won.",
        "ledger",
        ((at.ledger, at.pnl_today_krw) for at in ledgers),
    )
    yield labelled(
        "nearest_stop_ratio",
        "Of the open trade nearest to its stop, what it may still lose, as a share of its entry"
        " notional; absent without open trades.",
        "ledger",
        ((at.ledger, at.nearest_stop_ratio) for at in ledgers),
    )
    yield labelled(
        "legs_unhedged",
        "Trades that stand on one leg.",
        "ledger",
        ((at.ledger, at.legs_unhedged) for at in ledgers),
    )


def _orders(around: Around) -> Iterator[Metric]:
    yield counted(
        "orders_total",
        "Orders by how they ended; of those whose outcome became unknown each is counted by its"
        " end, too.",
        ("ledger", "venue", "outcome"),
        (
            ((ledger, venue, end), around.orders[ledger, venue, end])
            for ledger, venue, end in sorted(around.orders)
        ),
    )
    yield labelled(
        "orders_unknown",
        "Orders whose outcome is unknown, the quarantined included.",
        "venue",
        sorted(around.orders_unknown.items()),
    )


def _host(around: Around) -> Iterator[Metric]:
    if around.loop_lag_s is not None:
        yield gauge(
            "loop_lag_seconds",
            "How late the event loop called back, at worst, in the last cycle.",
            around.loop_lag_s,
        )
    if around.disk_free_bytes is not None:
        yield gauge(
            "disk_free_bytes",
            "Left on the disk of the state, for this user.",
            around.disk_free_bytes,
        )
    if around.telegram_answer_age_s is not None:
        yield gauge(
            "telegram_answer_age_seconds",
            "Time since Telegram last answered both polling and sending.",
            around.telegram_answer_age_s,
        )


def _venues(venues: Mapping[Venue, VenueFigures]) -> Iterator[Metric]:
    if not venues:
        return
    named = sorted(venues.items())
    for name, text, read in _VENUE_GAUGES:
        yield labelled(name, text, "venue", ((venue, read(at)) for venue, at in named))
    for name, text, count in _VENUE_COUNTERS:
        yield counted(name, text, ("venue",), (((venue,), count(at)) for venue, at in named))
    lanes = [(venue, at.lane) for venue, at in named if at.lane is not None]
    if not lanes:
        return
    yield labelled(
        "lane_connections_ready",
        "Order connections that are open, warm and free.",
        "venue",
        ((venue, lane.connections_ready) for venue, lane in lanes),
    )
    yield labelled(
        "lane_round_trip_seconds",
        "From the signing of the last answered order to its answer; absent before the first.",
        "venue",
        ((venue, lane.round_trip_s) for venue, lane in lanes),
    )
    yield labelled(
        "private_connected",
        "1 while the private stream stands that tells of our orders.",
        "venue",
        ((venue, lane.stream_connected) for venue, lane in lanes),
    )
    yield counted(
        "private_reconnects_total",
        "Private streams that were lost, each followed by another.",
        ("venue",),
        (((venue,), lane.stream_reconnects) for venue, lane in lanes),
    )
    yield counted(
        "lane_orders_total",
        "Orders the venue was sent, by how it answered; unknown where no answer was understood.",
        ("venue", "outcome"),
        (((venue, end), read(lane)) for venue, lane in lanes for end, read in _LANE_ENDS),
    )
