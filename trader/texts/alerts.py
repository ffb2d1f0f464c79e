"""An alert as plain text for one phone screen: title with severity, numbers, what to do."""

from collections.abc import Mapping
from datetime import tzinfo
from string import Formatter

from trader.domain.control import Alert, BlockReason, CheckName, Language, Severity
from trader.domain.facts import BreakerCode
from trader.texts import alerts_en, alerts_ko
from trader.texts.entry import AlertText, Explanation, Words
from trader.texts.format import SEOUL, UNKNOWN, moment, number, percent, quantity, span, won
from trader.texts.listing import cut, direction, lines_of, plain
from trader.texts.reasons import (
    BREAKER_UNITS,
    CHECK_UNITS,
    Unit,
    explain_block,
    explain_breaker,
    explain_check,
    in_unit,
)
from trader.texts.reasons_told import say_reason

VARIANT = "variant"
"""Field that picks another text of one code, as ``order_unknown.quarantined``."""

SEPARATOR = ";"
"""What stands between the codes of a field that lists several."""

MAX_CHARS = 2_900
"""No alert is longer; Telegram takes 4,096."""

_MARKS = {Severity.CRITICAL: "🚨", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}
_OVER = "✅"
_MAX_LISTED = 6
_SIGNED = frozenset({"pnl_krw", "pnl_pct", "change_krw"})
_QUANTITIES = frozenset({"quantity", "amount", "price", "executed", "expected", "found", "missing"})
_BY_UNIT = frozenset({"value", "limit"})


def render(alert: Alert, language: Language, zone: tzinfo = SEOUL) -> str:
    """The alert in words. Never fails: an unknown figure shows as a dash or drops its line."""
    words = words_of(language)
    text = _text_of(alert, words)
    shown = _shown(alert.fields, words, language, zone)
    # Some kinds say by their very title that something is over, such as a feed that recovered.
    is_cleared = alert.clears and bool(text.cleared)
    title, lines = (text.cleared, text.cleared_lines) if is_cleared else (text.title, text.lines)
    to_do = words.to_do + (words.nothing if is_cleared else _filled(text.action, shown))
    mark = _OVER if alert.clears and alert.severity is Severity.INFO else _MARKS[alert.severity]
    tag = words.ledgers.get(alert.fields.get("ledger", ""), "")

    parts = [" ".join(filter(None, (mark, tag, _filled(title, shown))))]
    parts += [_filled(line, shown) for line in lines if placeholders(line) <= shown.keys()]
    parts.append(moment(alert.at_ns, zone))
    # Cut in the middle, since the end says what to do.
    return f"{cut(chr(10).join(parts), MAX_CHARS - len(to_do))}\n{to_do}"


def words_of(language: Language) -> Words:
    """Every text of a language."""
    return alerts_ko.WORDS if language is Language.KO else alerts_en.WORDS


def placeholders(template: str) -> set[str]:
    """The fields that a template is filled with."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def _text_of(alert: Alert, words: Words) -> AlertText:
    variant = alert.fields.get(VARIANT, "")
    return words.texts.get(f"{alert.code}.{variant}") or words.texts[alert.code]


def _filled(template: str, shown: Mapping[str, str]) -> str:
    known = dict.fromkeys(placeholders(template), UNKNOWN) | dict(shown)
    return template.format_map(known)


def _shown(
    fields: Mapping[str, str], words: Words, language: Language, zone: tzinfo
) -> dict[str, str]:
    told = {
        name: _value(name, raw, words, language, zone)
        for name, raw in fields.items()
        if raw and name not in _BY_UNIT
    }
    # What comes to nothing drops its line, as what is not known does.
    shown = {name: value for name, value in told.items() if value}
    unit, explanation = _meaning(fields, language)
    for name in _BY_UNIT & fields.keys():
        if fields[name]:
            shown[name] = in_unit(plain(fields[name]), unit, language)
    if explanation is not None:
        shown["refused"] = shown["tripped"] = explanation.sentence
        shown["mend"] = explanation.mend
    return shown


def _meaning(fields: Mapping[str, str], language: Language) -> tuple[Unit, Explanation | None]:
    check, breaker = fields.get("check", ""), fields.get("breaker", "")
    if check in CheckName.__members__:
        name = CheckName[check]
        return CHECK_UNITS.get(name, Unit.NUMBER), explain_check(name, language)
    if breaker in BreakerCode.__members__:
        code = BreakerCode[breaker]
        return BREAKER_UNITS.get(code, Unit.NUMBER), explain_breaker(code, language)
    return Unit.NUMBER, None


def _value(name: str, raw: str, words: Words, language: Language, zone: tzinfo) -> str:
    match name:
        case "blocks":
            return _blocks(raw, words, language)
        case "checks":
            return _checks(raw, words, language)
        case "direction":
            return direction(raw, words)
        case "purpose" | "reason":
            return words.purposes.get(raw) or say_reason(raw, language)
        case "cause":
            return words.causes.get(raw) or plain(raw)
        case "until_ns":
            return _instant(raw, zone)
        case _:
            listed = lines_of(name, raw, words, language)
            return listed or _figure(name, raw, language) or plain(raw)


def _instant(raw: str, zone: tzinfo) -> str:
    try:
        return moment(int(raw), zone)
    except (ValueError, OverflowError, OSError):
        return plain(raw)


def _figure(name: str, raw: str, language: Language) -> str | None:
    value = number(raw)
    if value is None:
        return None
    signed = name in _SIGNED
    if name.endswith("_krw"):
        return won(value, signed=signed)
    if name.endswith("_pct"):
        return percent(value, signed=signed)
    if name.endswith("_ms"):
        return span(float(value), language)
    return quantity(value) if name in _QUANTITIES else None


def _blocks(raw: str, words: Words, language: Language) -> str:
    codes = raw.split(SEPARATOR)
    lines = []
    for code in codes[:_MAX_LISTED]:
        if code in BlockReason.__members__:
            why = explain_block(BlockReason[code], language)
            lines.append(f"• {code}: {why.sentence} → {why.mend}")
        else:
            lines.append(f"• {plain(code)}")
    return _listed(lines, codes, words)


def _checks(raw: str, words: Words, language: Language) -> str:
    codes = raw.split(SEPARATOR)
    lines = []
    for code in codes[:_MAX_LISTED]:
        if code in CheckName.__members__:
            lines.append(f"• {code}: {explain_check(CheckName[code], language).sentence}")
        else:
            lines.append(f"• {plain(code)}")
    return _listed(lines, codes, words)


def _listed(lines: list[str], codes: list[str], words: Words) -> str:
    rest = codes[_MAX_LISTED:]
    if rest:
        lines.append(words.and_more.format(count=len(rest), codes=plain(", ".join(rest))))
    return "\n".join(lines)
