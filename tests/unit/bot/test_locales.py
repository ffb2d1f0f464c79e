"""The sender's own words: the languages are equals."""

import pytest
from msgspec.structs import asdict

from bot.locales import SenderWords, sender_words
from trader.domain.control import AlertCode, Language
from trader.texts import placeholders

ENGLISH, KOREAN = (sender_words(language) for language in (Language.EN, Language.KO))
NAMES = sorted(name for name in asdict(ENGLISH) if name != "kinds")


@pytest.mark.parametrize("name", NAMES)
def test_both_say_the_same_figures(name: str) -> None:
    """What is told in one language is told in the other, and neither is left out."""
    english, korean = getattr(ENGLISH, name), getattr(KOREAN, name)

    assert english
    assert korean
    assert english != korean or not any(char.isalpha() for char in english.split("}")[-1])
    assert placeholders(english) == placeholders(korean)


@pytest.mark.parametrize("words", [ENGLISH, KOREAN], ids=["en", "ko"])
def test_every_kind_has_a_name_of_its_own(words: SenderWords) -> None:
    """A digest counts by kind."""
    kinds = words.kinds

    assert kinds.keys() == {str(code) for code in AlertCode}
    assert len(set(kinds.values())) == len(kinds)
