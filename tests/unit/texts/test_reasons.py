"""Every reason that blocks, refuses or trips is explained in both languages."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest

from trader.domain.control import BlockReason, CheckName, Language
from trader.domain.facts import BreakerCode
from trader.texts import (
    Explanation,
    Unit,
    explain_block,
    explain_breaker,
    explain_check,
    in_unit,
)

EVERY = [
    *((explain_block, code) for code in BlockReason),
    *((explain_check, code) for code in CheckName),
    *((explain_breaker, code) for code in BreakerCode),
]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("explain", "code"), EVERY)
def test_each_has_a_sentence_and_a_way_to_mend_it(
    explain: Callable[[Any, Language], Explanation], code: StrEnum, language: Language
) -> None:
    """A code alone helps nobody at three in the morning."""
    explanation = explain(code, language)

    assert explanation.sentence.endswith(".")
    assert explanation.mend.endswith(".")


@pytest.mark.parametrize(("explain", "code"), EVERY)
def test_korean_is_korean(explain: Callable[[Any, Language], Explanation], code: StrEnum) -> None:
    """No text was left in the other language."""
    assert _has_hangul(explain(code, Language.KO).sentence)
    assert _has_hangul(explain(code, Language.KO).mend)
    assert not _has_hangul(explain(code, Language.EN).sentence)
    assert not _has_hangul(explain(code, Language.EN).mend)


def test_reasons_use_the_words_of_the_bot() -> None:
    """One Korean word for one thing, everywhere."""
    assert "신규진입 중지" in explain_block(BlockReason.PAUSED, Language.KO).sentence
    assert "긴급정지" in explain_block(BlockReason.HALTED, Language.KO).sentence
    assert "실거래 해제(모의로 전환)" in explain_block(BlockReason.DEMOTED, Language.KO).sentence
    assert "노출금액" in explain_check(CheckName.EXPOSURE, Language.KO).sentence
    assert "한쪽만 체결" in explain_breaker(BreakerCode.LEG_UNHEDGED, Language.KO).sentence
    assert "결과 미확인 주문" in explain_breaker(BreakerCode.ORDER_UNKNOWN, Language.KO).sentence


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        (Unit.WON, "1,234 ₩"),
        (Unit.PERCENT, "1,234.5000 %"),
        (Unit.MILLISECONDS, "1.2 s"),
        (Unit.SECONDS, "20 min 34 s"),
        (Unit.NUMBER, "1,234.5"),
    ],
)
def test_figures_carry_their_unit(unit: Unit, shown: str) -> None:
    """A check's number without its unit says nothing."""
    assert in_unit("1234.5", unit, Language.EN) == shown


def test_what_is_no_number_stays_as_it_is() -> None:
    """Alerts fail open."""
    assert in_unit("unset", Unit.WON, Language.EN) == "unset"


def _has_hangul(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)
