"""Why not, in words: every block, check and breaker with the way to mend it; their units."""

from collections.abc import Mapping
from enum import StrEnum

from trader.domain.control import BlockReason, CheckName, Language
from trader.domain.facts import BreakerCode
from trader.texts import reasons_en, reasons_ko
from trader.texts.entry import Explanation
from trader.texts.format import number, percent, quantity, span, won


class Unit(StrEnum):
    """What a check or breaker measures in."""

    WON = "won"
    PERCENT = "percent"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    NUMBER = "number"


CHECK_UNITS: Mapping[CheckName, Unit] = {
    CheckName.SLIPPAGE: Unit.PERCENT,
    CheckName.POSITION_SIZE: Unit.WON,
    CheckName.DAILY_LOSS: Unit.WON,
    CheckName.NET_PROFIT: Unit.PERCENT,
    CheckName.LIQUIDITY: Unit.WON,
    CheckName.ORDER_DELAY: Unit.MILLISECONDS,
    CheckName.PRICE_COLLAR: Unit.PERCENT,
    CheckName.EXIT_COLLAR: Unit.PERCENT,
    CheckName.VENUE_GAP: Unit.PERCENT,
    CheckName.EXPOSURE: Unit.WON,
    CheckName.REBALANCER_EXPOSURE: Unit.WON,
    CheckName.BOOK_AGE: Unit.MILLISECONDS,
    CheckName.BOOK_SKEW: Unit.MILLISECONDS,
}
"""Units of the checks' figures; the others are plain numbers: counts, shares of one, quantities."""

BREAKER_UNITS: Mapping[BreakerCode, Unit] = {
    BreakerCode.DAILY_LOSS: Unit.WON,
    BreakerCode.LEG_UNHEDGED: Unit.SECONDS,
    BreakerCode.ORDER_UNKNOWN: Unit.SECONDS,
    BreakerCode.REJECT_RATE: Unit.PERCENT,
}
"""Units of the breakers' figures; the others are plain numbers."""


def explain_block(reason: BlockReason, language: Language) -> Explanation:
    """Why the live gate is shut, and what opens it."""
    return (reasons_ko.BLOCKS if language is Language.KO else reasons_en.BLOCKS)[reason]


def explain_check(check: CheckName, language: Language) -> Explanation:
    """Why a check refuses, and what would let it pass."""
    return (reasons_ko.CHECKS if language is Language.KO else reasons_en.CHECKS)[check]


def explain_breaker(breaker: BreakerCode, language: Language) -> Explanation:
    """Why a breaker tripped, and what ends it."""
    return (reasons_ko.BREAKERS if language is Language.KO else reasons_en.BREAKERS)[breaker]


def in_unit(figure: str, unit: Unit, language: Language) -> str:
    """A figure of a check or breaker with its unit; what is no number stays as it is."""
    value = number(figure)
    if value is None:
        return figure
    match unit:
        case Unit.WON:
            return won(value)
        case Unit.PERCENT:
            return percent(value, 4)
        case Unit.MILLISECONDS:
            return span(float(value), language)
        case Unit.SECONDS:
            return span(float(value) * 1_000, language)
        case Unit.NUMBER:
            return quantity(value)
