"""The menu of commands that the chat shows: for this chat alone, so that strangers see none."""

import logging

from bot.line import Clock
from bot.messenger import Chat, MessengerError, SendFailed
from bot.pages import menu
from bot.query_words import KOREAN
from trader.port import Language

_logger = logging.getLogger("bot.menu")

FIRST_RETRY_S = 30.0
MAX_RETRY_S = 3_600.0


class Menu:
    """Sets the menu once after each start."""

    def __init__(self, chat: Chat, language: Language | None, clock: Clock) -> None:
        """Without a ``language`` everyone sees the menu in their own."""
        self._chat = chat
        self._language = language
        self._clock = clock

    async def run(self) -> None:
        """Set it, however long that takes; a menu that Telegram does not take is left."""
        wait_s = FIRST_RETRY_S
        while True:
            try:
                await self._set()
            except SendFailed as failed:
                wait_s = max(wait_s, failed.retry_after_s or 0.0)
            except MessengerError as error:
                _logger.warning("Telegram: the menu of commands is not set: %s", error.reason)
                return
            else:
                return
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, MAX_RETRY_S)

    async def _set(self) -> None:
        await self._chat.set_commands(menu(self._language or Language.EN))
        # One in Korean that was set before would win over the language that is configured now.
        await self._chat.set_commands(menu(self._language or Language.KO), KOREAN)
