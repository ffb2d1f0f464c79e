"""aiogram's session as Telegram is asked here: no redirects, no endless answers, none misread."""

import json
from typing import TypeVar

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import ClientDecodeError
from aiogram.methods import TelegramMethod
from aiohttp import ClientResponse, ClientTimeout

from bot.messenger import MessengerError, SendFailed

_Result = TypeVar("_Result")

_MAX_ANSWER_BYTES = 4_194_304


class Undecoded(SendFailed):
    """Accepted, with an answer that aiogram does not understand but for the message's id."""

    def __init__(self, message_id: int) -> None:
        super().__init__("Telegram's answer was not understood")
        self.message_id = message_id


class Unreadable(Exception):
    """An answer that is no JSON object, or says yes to nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Session(AiohttpSession):
    """aiogram's session, but follows no redirect and reads no answer without end."""

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[_Result],
        timeout: int | None = None,  # noqa: ASYNC109 - the signature is aiogram's
    ) -> _Result:
        """One request, and its result.

        Raises:
            TelegramAPIError, ClientDecodeError: what Telegram said, by aiogram's names.
            Unreadable: the answer makes no sense.
            aiohttp.ClientError, TimeoutError, OSError: there was none.
        """
        session = await self.create_session()
        seconds = self.timeout if timeout is None else timeout
        async with session.post(
            self.api.api_url(token=bot.token, method=method.__api_method__),
            data=self.build_form_data(bot=bot, method=method),
            timeout=ClientTimeout(total=seconds),
            # Whoever redirects is not Telegram, and is told nothing.
            allow_redirects=False,
        ) as response:
            content = await _content(response)
        answer = self.check_response(bot, method, response.status, content)
        if answer.result is None:
            raise Unreadable(response.status)
        return answer.result

    async def close(self) -> None:
        """Close the connections; aiogram's own sleeps for what aiohttp itself now waits for."""
        if self._session is not None:
            await self._session.close()


async def _content(response: ClientResponse) -> str:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            raise Unreadable(response.status)
    try:
        content = body.decode()
        is_object = isinstance(json.loads(content), dict)
    except ValueError:
        is_object = False
        content = ""
    if not is_object:
        raise Unreadable(response.status)
    return content


def undecodable(error: ClientDecodeError) -> MessengerError:
    answer = error.data
    if isinstance(answer, dict) and answer.get("ok") is True:
        result = answer.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) else None
        if isinstance(message_id, int):
            return Undecoded(message_id)
    return SendFailed("Telegram's answer was not understood")
