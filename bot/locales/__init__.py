"""The bot's own words, in two equal languages; what alerts say comes from the engine."""

from bot.locales import en, ko
from bot.locales.words import SenderWords
from trader.port import Language

__all__ = ["SenderWords", "sender_words"]


def sender_words(language: Language) -> SenderWords:
    """What the sender of alerts says around them."""
    return ko.SENDER if language is Language.KO else en.SENDER
