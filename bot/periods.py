"""When summaries are due and which stretch of the calendar each covers. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.summary_sections import SummaryKind
from trader.port.settings import BotSettings

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

AHEAD_NS = 2 * 24 * 3_600 * 1_000_000_000
"""A note made so much later than now was made by a clock that was wrong then."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Period(Struct, frozen=True):
    """A day, week or month of the zone's calendar that ended, and when its summary was due.

    ``name`` says which it is (``2026-11-21``, ``2026-W47``, ``2026-10``); names of one kind sort
    by time. It goes from ``from_ns`` on to before ``to_ns``, UTC.
    """

    kind: SummaryKind
    name: str
    from_ns: int
    to_ns: int
    due_ns: int


class Times(Struct, frozen=True):
    """When a kind is due, as the zone's clocks show it; ``day`` is a weekday from 0, or of a month.

    ``day`` counts for weekly and monthly summaries.
    """

    at: time
    day: int = 0


def times_of(kind: SummaryKind, settings: BotSettings) -> Times:
    """The config's words for a kind: ``09:00``, ``mon 09:05`` or ``1 09:10``."""
    match kind:
        case SummaryKind.DAILY:
            return Times(time.fromisoformat(settings.daily_summary))
        case SummaryKind.WEEKLY:
            weekday, clock = settings.weekly_summary.split()
            return Times(time.fromisoformat(clock), WEEKDAYS.index(weekday.lower()))
        case SummaryKind.MONTHLY:
            day, clock = settings.monthly_summary.split()
            return Times(time.fromisoformat(clock), int(day))


def due(
    kind: SummaryKind, settings: BotSettings, now_ns: int, last: tuple[str, int] | None
) -> Period | None:
    """The period whose summary is owed at ``now_ns`` (UTC), or None.

    ``last`` is the name of the last one noted and when (UTC). That is the newest period whose time
    to be told has come, where it is newer; older ones are never made up for, and a clock that
    stepped back owes nothing. Where nothing was ever noted nothing is owed.
    """
    if last is None:
        return None
    period, (name, noted_ns) = newest(kind, settings, now_ns), last
    # A note from a future that never came must not silence the time until then.
    was_ahead = noted_ns - now_ns > AHEAD_NS
    return period if period.name > name or was_ahead else None


def newest(kind: SummaryKind, settings: BotSettings, now_ns: int) -> Period:
    """The newest period of a kind whose time to be told has come."""
    zone, times = ZoneInfo(settings.zone), times_of(kind, settings)
    today = (_EPOCH + now_ns // 1_000 * _MICROSECOND).astimezone(zone).date()
    # Tomorrow as well: in a zone whose clock went back over midnight it may be due already.
    day = today + _DAY
    while True:
        if _is_day(kind, times, day):
            due_ns = _instant(day, times.at, zone)
            if due_ns <= now_ns:
                return _ended_before(kind, day, zone, due_ns)
        day -= _DAY


def current(kind: SummaryKind, settings: BotSettings, now_ns: int) -> Period:
    """The period that ``now_ns`` falls in, cut off there: what is known of it so far."""
    zone = ZoneInfo(settings.zone)
    today = (_EPOCH + now_ns // 1_000 * _MICROSECOND).astimezone(zone).date()
    first = _first_day(kind, today)
    from_ns = _instant(first, time(), zone)
    # At midnight itself nothing of the day is over; a nanosecond keeps the span from being none.
    return Period(kind, _name(kind, first), from_ns, max(now_ns, from_ns + 1), now_ns)


def _is_day(kind: SummaryKind, times: Times, day: date) -> bool:
    match kind:
        case SummaryKind.DAILY:
            return True
        case SummaryKind.WEEKLY:
            return day.weekday() == times.day
        case SummaryKind.MONTHLY:
            return day.day == times.day


def _ended_before(kind: SummaryKind, day: date, zone: ZoneInfo, due_ns: int) -> Period:
    end = _first_day(kind, day)
    first = _first_day(kind, end - _DAY)
    return Period(
        kind,
        _name(kind, first),
        _instant(first, time(), zone),
        _instant(end, time(), zone),
        due_ns,
    )


def _first_day(kind: SummaryKind, day: date) -> date:
    match kind:
        case SummaryKind.DAILY:
            return day
        case SummaryKind.WEEKLY:
            return day - timedelta(days=day.weekday())
        case SummaryKind.MONTHLY:
            return day.replace(day=1)


def _name(kind: SummaryKind, first: date) -> str:
    match kind:
        case SummaryKind.DAILY:
            return first.isoformat()
        case SummaryKind.WEEKLY:
            week = first.isocalendar()
            return f"{week.year:04d}-W{week.week:02d}"
        case SummaryKind.MONTHLY:
            return f"{first:%Y-%m}"


def _instant(day: date, at: time, zone: ZoneInfo) -> int:
    """UTC nanoseconds of a local time.

    Of one that comes twice it is the first; one that is skipped counts as if the clocks had not
    been put forward yet, so 02:30 is then when they show 03:30.
    """
    local = datetime.combine(day, at, zone)
    return (local.astimezone(UTC) - _EPOCH) // _MICROSECOND * 1_000
