"""Every predicate of the live gate has a short name in both languages."""

import pytest

from trader.domain.control import BlockReason, Language
from trader.texts.reasons_gate import UNITS, explain_unreachable, name_block, say_later

LONGEST = 24
"""Beside a code, a value and a limit there is no more room in a terminal of 100 columns."""


def _has_hangul(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


@pytest.mark.parametrize("reason", BlockReason)
def test_each_is_named(reason: BlockReason) -> None:
    """Short, in its language, and no two alike."""
    english, korean = (name_block(reason, language) for language in (Language.EN, Language.KO))

    assert 0 < len(english) <= LONGEST
    assert 0 < len(korean) <= LONGEST
    assert not _has_hangul(english)
    assert _has_hangul(korean)
    for language in Language:
        assert len({name_block(one, language) for one in BlockReason}) == len(BlockReason)


def test_units_are_of_figures() -> None:
    """What is measured has its unit; a yes or no has none."""
    assert UNITS[BlockReason.DISK_LOW] == "MB"
    assert UNITS[BlockReason.DRY_RUN] == "cycles"
    assert BlockReason.HALTED not in UNITS


@pytest.mark.parametrize("language", Language)
def test_nobody_without_credentials_comes_back_by_himself(language: Language) -> None:
    """The way to mend it is to give them."""
    words = explain_unreachable(language)

    assert "OPERATOR_CREDENTIALS" in words.mend
    assert _has_hangul(words.sentence) == (language is Language.KO)
    assert _has_hangul(say_later(language)) == (language is Language.KO)
