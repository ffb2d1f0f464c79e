"""How it is said: alerts, reasons and figures in English and Korean. Pure; languages are equals."""

from trader.texts.alerts import MAX_CHARS, SEPARATOR, VARIANT, placeholders, render, words_of
from trader.texts.entry import AlertText, Explanation, Words
from trader.texts.format import SEOUL, UNKNOWN, moment, number, percent, quantity, span, won
from trader.texts.reasons import (
    BREAKER_UNITS,
    CHECK_UNITS,
    Unit,
    explain_block,
    explain_breaker,
    explain_check,
    in_unit,
)
from trader.texts.samples import sample, samples

__all__ = [
    "BREAKER_UNITS",
    "CHECK_UNITS",
    "MAX_CHARS",
    "SEOUL",
    "SEPARATOR",
    "UNKNOWN",
    "VARIANT",
    "AlertText",
    "Explanation",
    "Unit",
    "Words",
    "explain_block",
    "explain_breaker",
    "explain_check",
    "in_unit",
    "moment",
    "number",
    "percent",
    "placeholders",
    "quantity",
    "render",
    "sample",
    "samples",
    "span",
    "won",
    "words_of",
]
