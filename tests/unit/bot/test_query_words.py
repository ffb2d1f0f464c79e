"""The words around answers: two equal languages, and who is spoken to in which."""

import pytest

from bot.locales import query_en, query_ko
from bot.query_words import language_for, one_line, say
from trader.domain.control import Language
from trader.texts import placeholders


def test_both_languages_say_the_same_things() -> None:
    """A key that one lacks would be a crash in the other."""
    assert query_en.WORDS.keys() == query_ko.WORDS.keys()


@pytest.mark.parametrize("key", sorted(query_en.WORDS))
def test_both_tell_the_same_figures(key: str) -> None:
    """And neither is empty."""
    assert query_en.WORDS[key].strip()
    assert placeholders(query_en.WORDS[key]) == placeholders(query_ko.WORDS[key])


@pytest.mark.parametrize(
    ("configured", "theirs", "spoken"),
    [
        (None, "ko", Language.KO),
        (None, "ko-KR", Language.KO),
        (None, "KO", Language.KO),
        (None, "kok", Language.EN),
        (None, "de", Language.EN),
        (None, "", Language.EN),
        (Language.EN, "ko", Language.EN),
        (Language.KO, "en", Language.KO),
    ],
)
def test_the_config_decides_then_the_sender(
    configured: Language | None, theirs: str, spoken: Language
) -> None:
    """Whoever is neither is spoken to in English."""
    assert language_for(configured, theirs) is spoken


def test_a_line_is_escaped() -> None:
    """What it tells may come from anybody."""
    told = one_line(say(Language.EN, "away", why="<b>"))

    assert "&lt;b&gt;" in told.html
    assert "<b>" in told.plain
