"""Whatever a command leads to can be said in both languages."""

import pytest

from trader.domain.control import Language, ReplyCode
from trader.texts.replies import explain_reply


def _has_hangul(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


@pytest.mark.parametrize("code", ReplyCode)
def test_each_is_said_in_its_language(code: ReplyCode) -> None:
    """A sentence without its stop: figures may follow."""
    english, korean = (explain_reply(code, one) for one in (Language.EN, Language.KO))

    assert english
    assert not _has_hangul(english)
    assert _has_hangul(korean)
    assert not english.endswith(".")
    assert not korean.endswith(".")


@pytest.mark.parametrize("language", Language)
def test_no_two_are_alike(language: Language) -> None:
    """What happened must be clear from the sentence alone."""
    assert len({explain_reply(code, language) for code in ReplyCode}) == len(ReplyCode)
