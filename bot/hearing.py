"""The way in, through aiogram's Bot: getUpdates as plain JSON, and what its failures mean.

Like ``bot.telegram`` this imports aiogram, which takes seconds; ``bot.polling`` imports it late and
in a thread. What is raised here holds no token, neither in its text nor chained.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import DeleteWebhook, GetMe, Response, TelegramMethod
from aiogram.types import User
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError, ClientResponse, ClientTimeout

from bot.messenger import MessengerError, Refused, SendFailed
from bot.polling import Conflict, Unreadable
from trader.port.settings import BotSettings

_Result = TypeVar("_Result")

KINDS = ("message", "edited_message", "channel_post", "edited_channel_post", "callback_query")
"""The updates asked for; of most of them only that they came is noted."""
MAX_ANSWER_BYTES = 33_554_432
"""Far above the largest batch there can be: one that is never read would come again for a day."""

_MASK = "***"
_MAX_REASON_CHARS = 200
_REFUSALS: dict[type[TelegramAPIError], int] = {
    TelegramUnauthorizedError: 401,
    TelegramForbiddenError: 403,
    TelegramNotFound: 404,
}
# Built at first use otherwise, which would hold the loop for milliseconds.
_ANSWERS = (Response[list[Any]], Response[User], Response[bool])


class RawUpdates(TelegramMethod[list[Any]]):
    """getUpdates without aiogram's models, which refuse a whole batch for one odd update."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int
    timeout: int
    allowed_updates: list[str]


class TelegramHearing:
    """Asks Telegram with the settings' token. Never retries."""

    def __init__(self, settings: BotSettings) -> None:
        """Open no connection yet.

        Raises:
            Refused: the token has not the form of one.
        """
        self._token = settings.token.reveal()
        self._timeout_s = settings.timeout_s
        server = TelegramAPIServer.from_base(settings.api_base)
        self._session = _Session(api=server, timeout=settings.timeout_s)
        bot: Bot | None = None
        with contextlib.suppress(TokenValidationError):
            bot = Bot(self._token, session=self._session)
        if bot is None:
            raise Refused("the bot token has not the form of one", _REFUSALS[TelegramNotFound])
        self._bot = bot

    async def me(self) -> str:
        """The bot's user name.

        Raises:
            SendFailed, Refused: as the protocol says.
        """
        return (await self._asked(GetMe(), self._timeout_s)).username or ""

    async def updates(
        self, offset: int | None, most: int, wait_s: int, timeout_s: float
    ) -> Sequence[object]:
        """What waits at Telegram from ``offset`` on.

        Raises:
            SendFailed, Unreadable, Refused, Conflict: as the protocol says.
        """
        method = RawUpdates(offset=offset, limit=most, timeout=wait_s, allowed_updates=list(KINDS))
        found: list[object] = await self._asked(method, timeout_s)
        return found

    async def drop_webhook(self) -> None:
        """Remove the webhook; what waits stays.

        Raises:
            SendFailed, Refused: as the protocol says.
        """
        await self._asked(DeleteWebhook(drop_pending_updates=False), self._timeout_s)

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()

    async def _asked(self, method: TelegramMethod[_Result], timeout_s: float) -> _Result:
        failure: MessengerError
        try:
            async with asyncio.timeout(timeout_s):
                return await self._bot(method)
        except Exception as error:  # noqa: BLE001 - the outer edge of somebody else's library
            failure = self._translated(error, timeout_s)
        # Raised out here, so that nothing hangs on it that may hold the address with the token.
        raise failure

    def _translated(self, error: Exception, timeout_s: float) -> MessengerError:
        words = self._clean(getattr(error, "message", None) or "")
        match error:
            case TelegramRetryAfter():
                return SendFailed(
                    f"Telegram asks to wait {error.retry_after} s", float(error.retry_after)
                )
            case TelegramConflictError():
                return Conflict(words, by_webhook="webhook is active" in words)
            case TimeoutError():
                return SendFailed(f"Telegram did not answer within {timeout_s:g} s")
            case ClientDecodeError() | _NoJson():
                return Unreadable("Telegram's answer could not be read")
            case ClientConnectorError():
                return SendFailed(f"Telegram not reached: {error.os_error.strerror}")
        for kind, status in _REFUSALS.items():
            if isinstance(error, kind):
                return Refused(f"Telegram answered {status}: {words}", status)
        if isinstance(error, TelegramAPIError):
            return SendFailed(f"Telegram has trouble of its own: {words}")
        # Of whatever else it is, only the name is sure to hold no address.
        return SendFailed(f"Telegram not reached: {type(error).__name__}")

    def _clean(self, text: str) -> str:
        masked = text.replace(self._token, _MASK)
        return "".join(char if char.isprintable() else " " for char in masked)[:_MAX_REASON_CHARS]


class _NoJson(Exception):
    """The answer is longer than any batch can be."""


class _Session(AiohttpSession):
    """aiogram's session, but follows no redirect and reads no answer without end."""

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[_Result],
        timeout: int | None = None,  # noqa: ASYNC109 - the signature is aiogram's
    ) -> _Result:
        """One request, and its result; how long it may take is its caller's to say."""
        del timeout
        session = await self.create_session()
        async with session.post(
            self.api.api_url(token=bot.token, method=method.__api_method__),
            data=self.build_form_data(bot=bot, method=method),
            timeout=ClientTimeout(total=None),
            allow_redirects=False,
        ) as response:
            content = await _content(response)
        answer = self.check_response(bot, method, response.status, content)
        return cast(_Result, answer.result)


async def _content(response: ClientResponse) -> str:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise _NoJson
    return body.decode("utf-8", "replace")
