"""Where the ticks of a chart go and what they say; pure, and knows no drawing library."""

import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

from msgspec import Struct

from trader.port import Language

NS_PER_S = 1_000_000_000
_NS_PER_US = 1_000
_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)

_SUB_DAY_S = (
    1, 2, 5, 10, 15, 30,
    *(minutes * _MINUTE_S for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR_S for hours in (1, 2, 3, 6, 12)),
)  # fmt: skip
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_SHORTEST_MONTH_DAYS = 28
_MONTH_NAMES = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_MOST_DECIMALS = 10
# From here on a step is written with an exponent: its zeros would leave no room for the picture.
_LONG_STEP = 1e11
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


class Tick(Struct, frozen=True):
    """One mark of the time axis: an instant, UTC ns, and its label in the chart's zone."""

    at_ns: int
    label: str


def moment_of(at_ns: int, zone: tzinfo) -> datetime:
    """The local time of an instant in UTC ns, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at_ns // _NS_PER_US)).astimezone(zone)


def day_label(day: date, language: Language) -> str:
    """``Nov 22`` or ``11/22``."""
    if language is Language.KO:
        return f"{day.month}/{day.day}"
    return f"{_MONTH_NAMES[day.month - 1]} {day.day}"


def period_label(first: date, last: date) -> str:
    """The days a chart covers, ``2026-11-21 – 2026-11-22`` or just the one."""
    return first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"


def time_ticks(
    from_ns: int, to_ns: int, zone: tzinfo, language: Language, most: int
) -> tuple[Tick, ...]:
    """At most ``most`` ticks on round local times; midnight carries the date instead of the hour.

    ``from_ns`` must be before ``to_ns``. A local time that a clock change skips has no tick, and
    one that occurs twice has its first.
    """
    span_s = (to_ns - from_ns) / NS_PER_S
    for step_s in _SUB_DAY_S:
        if span_s / step_s <= most - 1:
            return tuple(
                _within(_times_of_day(from_ns, to_ns, zone, step_s, language), from_ns, to_ns)
            )
    for days in _DAYS:
        if span_s / (days * _DAY_S) <= most - 1:
            return tuple(_within(_days(from_ns, to_ns, zone, days, language), from_ns, to_ns))
    months = next(
        (m for m in _MONTHS if span_s / (m * _SHORTEST_MONTH_DAYS * _DAY_S) <= most - 1),
        _MONTHS[-1],
    )
    return tuple(_within(_months(from_ns, to_ns, zone, months, language), from_ns, to_ns))


def value_limits(lowest: float, highest: float, smallest_span: float) -> tuple[float, float]:
    """The ends of the value axis: some air around the values, and a span even for a flat line."""
    span = highest - lowest
    # A span that floats can hardly tell from none would give ticks that all read alike.
    least = max(smallest_span, max(abs(lowest), abs(highest)) * 1e-9)
    if span < least:
        middle = lowest + span / 2
        return middle - least / 2, middle + least / 2
    return lowest - span * 0.06, highest + span * 0.06


def value_ticks(low: float, high: float, most: int) -> tuple[tuple[float, ...], float]:
    """Round values from ``low`` to ``high``, at most ``most`` of them, and the step between."""
    rough = (high - low) / max(1, most - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (*_ROUND, 20.0) if factor * size >= rough * 0.999_999)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return tuple(number * step for number in range(first, last + 1)), step


def value_label(value: float, step: float, unit: str) -> str:
    """``1,234,567 ₩`` or ``0.25 %``, with just the decimals that ``step`` needs."""
    if step >= _LONG_STEP:
        return f"{value:.3g} {unit}"
    decimals = 0
    while decimals < _MOST_DECIMALS and not _is_whole(step * 10**decimals):
        decimals += 1
    # Adding zero turns the minus zero that rounding may leave into a plain one.
    return f"{round(value, decimals) + 0.0:,.{decimals}f} {unit}"


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 * max(1.0, abs(value)) and round(value) != 0


def _within(ticks: Iterator[Tick], from_ns: int, to_ns: int) -> Iterator[Tick]:
    return (tick for tick in ticks if from_ns <= tick.at_ns <= to_ns)


def _times_of_day(
    from_ns: int, to_ns: int, zone: tzinfo, step_s: int, language: Language
) -> Iterator[Tick]:
    day = moment_of(from_ns, zone).date()
    last = moment_of(to_ns, zone).date()
    while day <= last:
        midnight = datetime.combine(day, time.min)
        first_s = 0
        if day == moment_of(from_ns, zone).date():
            # Steps of a second over a day that began long ago would be many for nothing.
            passed = moment_of(from_ns, zone).replace(tzinfo=None) - midnight
            first_s = max(0, int(passed.total_seconds()) // step_s - 1) * step_s
        for second in range(first_s, _DAY_S, step_s):
            at_ns = _instant(midnight + timedelta(seconds=second), zone)
            if at_ns is None:
                continue
            if at_ns > to_ns:
                break
            yield Tick(at_ns, _clock_label(day, second, step_s, language))
        day += timedelta(days=1)


def _clock_label(day: date, second: int, step_s: int, language: Language) -> str:
    if second == 0:
        return day_label(day, language)
    clock = f"{second // _HOUR_S:02d}:{second % _HOUR_S // _MINUTE_S:02d}"
    return clock if step_s >= _MINUTE_S else f"{clock}:{second % _MINUTE_S:02d}"


def _days(from_ns: int, to_ns: int, zone: tzinfo, step: int, language: Language) -> Iterator[Tick]:
    day = moment_of(from_ns, zone).date()
    last = moment_of(to_ns, zone).date()
    # Counted from a Monday, so that a step of a week stands on Mondays.
    day += timedelta(days=-(day.toordinal() - 1) % step)
    while day <= last:
        at_ns = _start_of(day, zone)
        yield Tick(at_ns, day_label(day, language))
        day += timedelta(days=step)


def _months(
    from_ns: int, to_ns: int, zone: tzinfo, step: int, language: Language
) -> Iterator[Tick]:
    start, last = moment_of(from_ns, zone), moment_of(to_ns, zone)
    month = start.year * 12 + start.month - 1
    month += -month % step
    while month <= last.year * 12 + last.month - 1:
        day = date(month // 12, month % 12 + 1, 1)
        label = f"{_MONTH_NAMES[day.month - 1]} {day.year}"
        if language is Language.KO:
            label = f"{day.year}/{day.month}"
        yield Tick(_start_of(day, zone), label)
        month += step


def _start_of(day: date, zone: tzinfo) -> int:
    """The first instant of a local day, also where a clock change skips its midnight."""
    midnight = datetime.combine(day, time.min)
    return next(
        at_ns
        for hours in range(24)
        if (at_ns := _instant(midnight + timedelta(hours=hours), zone)) is not None
    )


def _instant(wall: datetime, zone: tzinfo) -> int | None:
    """UTC ns of a local time; None for one that a clock change skips."""
    aware = wall.replace(tzinfo=zone)
    passed = aware - _EPOCH
    at_ns = passed // _MICROSECOND * _NS_PER_US
    return at_ns if moment_of(at_ns, zone).replace(tzinfo=None) == wall else None
