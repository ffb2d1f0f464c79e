"""How a figure is written for people: won, percent, quantity, span, moment. For display only."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from trader.domain.control import Language

SEOUL = timezone(timedelta(hours=9), "KST")
"""Korea keeps no summer time, so a fixed offset is the zone."""

UNKNOWN = "–"
"""What stands where a figure is not known."""

_ONE = Decimal(1)
_MAX_EXPONENT = 20
_MIN_EXPONENT = -60
_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_UNITS = {Language.EN: ("ms", "s", "min", "h"), Language.KO: ("ms", "초", "분", "시간")}


def number(text: str) -> Decimal | None:
    """The figure that ``text`` spells, or None where it is no figure one could print on a line."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if value.is_snan():
        return None
    exponent = value.as_tuple().exponent
    # A literal exponent may ask for a million digits.
    if isinstance(exponent, int) and exponent < _MIN_EXPONENT:
        return None
    return value if value.adjusted() <= _MAX_EXPONENT else None


def won(amount: Decimal, *, signed: bool = False) -> str:
    """``99,594 ₩``: whole won; ``signed`` puts a plus before a gain."""
    if not amount.is_finite():
        return f"{UNKNOWN} ₩"
    return f"{_grouped(amount, _ONE, signed=signed)} ₩"


def percent(value: Decimal, places: int = 2, *, signed: bool = False) -> str:
    """``0.52 %``: a value that is already in percent."""
    if not value.is_finite():
        return f"{UNKNOWN} %"
    return f"{_grouped(value, _ONE.scaleb(-places), signed=signed)} %"


def quantity(value: Decimal) -> str:
    """``0.00066`` or ``1,500``: every digit that counts, never an exponent."""
    if not value.is_finite():
        return UNKNOWN
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def span(milliseconds: float, language: Language) -> str:
    """``850 ms``, ``3.2 s``, ``12 min 5 s`` or ``25 h 3 min``; two units at most."""
    ms, second, minute, hour = _UNITS[language]
    # Also false for a NaN, which no unit would make sense of.
    if not 0 <= milliseconds < float("inf"):
        return UNKNOWN
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.0f} {ms}"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.1f} {second}"
    if milliseconds < _HOUR_MS:
        minutes, rest = divmod(int(milliseconds), _MINUTE_MS)
        return f"{minutes} {minute} {rest // _SECOND_MS} {second}"
    hours, rest = divmod(int(milliseconds), _HOUR_MS)
    return f"{hours} {hour} {rest // _MINUTE_MS} {minute}"


def moment(at_ns: int, zone: tzinfo = SEOUL) -> str:
    """``2026-11-22 19:20:06 KST``, from UTC nanoseconds."""
    # Added to the epoch, since a float of seconds would lose digits and refuse some years.
    instant = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_ns // 1_000)
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _grouped(value: Decimal, step: Decimal, *, signed: bool) -> str:
    rounded = value.quantize(step, ROUND_HALF_EVEN)
    if rounded.is_zero():
        # A minus before nothing, or a plus, would only make people look twice.
        return f"{abs(rounded):,f}"
    return f"{rounded:+,f}" if signed else f"{rounded:,f}"
