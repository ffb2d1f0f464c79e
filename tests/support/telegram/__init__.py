"""A local Bot API with Telegram's semantics: what the bot and the alert sender are tested against.

``served`` runs it in a test's loop, ``in_thread`` beside it, ``telegram_process`` on its own. The
``Telegram`` they yield is the world behind it: what people do, what was accepted, what goes wrong.
"""

from tests.support.telegram import faults
from tests.support.telegram.limits import Limits
from tests.support.telegram.process import TelegramProcess, recorded, telegram_process
from tests.support.telegram.rooms import Person, Request, Room, Sent, Version
from tests.support.telegram.server import TelegramServer, in_thread, served
from tests.support.telegram.state import (
    BOT,
    CHANNEL,
    FORUM,
    GROUP,
    MEMBER,
    OWNER,
    PRIVATE,
    STRANGER,
    SUPERGROUP,
    TOKEN,
    TOPIC,
    Clock,
    Telegram,
)

__all__ = [
    "BOT",
    "CHANNEL",
    "FORUM",
    "GROUP",
    "MEMBER",
    "OWNER",
    "PRIVATE",
    "STRANGER",
    "SUPERGROUP",
    "TOKEN",
    "TOPIC",
    "Clock",
    "Limits",
    "Person",
    "Request",
    "Room",
    "Sent",
    "Telegram",
    "TelegramProcess",
    "TelegramServer",
    "Version",
    "faults",
    "in_thread",
    "recorded",
    "served",
    "telegram_process",
]
