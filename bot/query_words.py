"""The words around answers, by language, and single lines as messages. Pure."""

from bot.locales import query_en, query_ko
from bot.messenger import OutMessage
from bot.paging import html_of, line, plain_of
from trader.port import Language

KOREAN = "ko"


def say(language: Language, key: str, **values: object) -> str:
    """The words of a key, with the values in their places."""
    words = query_ko.WORDS if language is Language.KO else query_en.WORDS
    return words[key].format_map(values)


def language_for(configured: Language | None, theirs: str) -> Language:
    """The configured language, else that of whoever writes, as Telegram names it."""
    if configured is not None:
        return configured
    return Language.KO if theirs.lower().split("-")[0] == KOREAN else Language.EN


def one_line(text: str) -> OutMessage:
    """A line of plain words as a silent message."""
    lines = (line(text),)
    return OutMessage(html_of(lines), plain_of(lines), silent=True)
