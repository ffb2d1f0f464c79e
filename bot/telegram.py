"""Telegram, through aiogram: the only module that imports it.

Importing takes seconds and building a messenger tens of milliseconds, so both belong before the
loop has a market to serve. What is raised here holds no token, neither in its text nor chained.
"""

import asyncio
import contextlib
import json
from http import HTTPStatus
from typing import TypeVar

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    EditMessageText,
    GetChat,
    GetMe,
    Response,
    SendChatAction,
    SendMessage,
    SendPhoto,
    TelegramMethod,
)
from aiogram.types import (
    BufferedInputFile,
    ChatFullInfo,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    User,
)
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError, ClientResponse, ClientTimeout

from bot.messenger import (
    Button,
    MessengerError,
    Moved,
    OutMessage,
    Refused,
    SendFailed,
    Unsendable,
)
from bot.refusals import MarkupRefused, NotModified, bad_request, printable
from bot.web import why
from trader.port.settings import BotSettings

_Result = TypeVar("_Result")

_HTML = "HTML"
_MAX_ANSWER_BYTES = 4_194_304
# Built at first use otherwise, which would hold the loop for milliseconds.
_ANSWERS = (
    Response[Message],
    Response[Message | bool],
    Response[User],
    Response[ChatFullInfo],
    Response[bool],
)

_STOPS: dict[type[TelegramAPIError], tuple[HTTPStatus, str]] = {
    TelegramUnauthorizedError: (HTTPStatus.UNAUTHORIZED, "check the bot token"),
    TelegramForbiddenError: (HTTPStatus.FORBIDDEN, "unblock the bot, or invite it again"),
    TelegramNotFound: (HTTPStatus.NOT_FOUND, "check the bot token and alert.telegram.api_base"),
    TelegramConflictError: (HTTPStatus.CONFLICT, "somebody else uses this bot token"),
}


class TelegramMessenger:
    """Sends to the chat of the settings. Never retries; a request takes ``timeout_s`` at most.

    A message whose markup does not parse goes a second time, as plain text: that is the one case
    in which a call makes two requests.
    """

    def __init__(self, settings: BotSettings) -> None:
        self._timeout_s = settings.timeout_s
        self._token = settings.token.reveal()
        self._chat_id = _chat_id(settings.chat_id)
        self._topic_id = settings.topic_id
        server = TelegramAPIServer.from_base(settings.api_base)
        self._session = _Session(api=server, timeout=settings.timeout_s)
        self._bot: Bot | None = None
        # A token that is none must stop the sending, not the start: every call then says so.
        with contextlib.suppress(TokenValidationError):
            self._bot = Bot(self._token, session=self._session)

    async def send(self, message: OutMessage) -> int:
        """Send a message and return its id.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        try:
            return await self._sent(self._text(message.html, message, _HTML))
        except MarkupRefused:
            pass
        return await self._sent(self._text(message.plain, message, None))

    async def edit(self, message_id: int, message: OutMessage) -> None:
        """Give a sent message other content.

        Raises:
            SendFailed, Refused, Moved, MessageGone, Unsendable: as the protocol says.
        """
        try:
            return await self._edited(message_id, message.html, message, _HTML)
        except MarkupRefused:
            pass
        return await self._edited(message_id, message.plain, message, None)

    async def send_photo(self, png: bytes, caption: OutMessage) -> int:
        """Send a picture with words under it and return the message's id.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        try:
            return await self._sent(self._photo(png, caption.html, caption, _HTML))
        except MarkupRefused:
            pass
        return await self._sent(self._photo(png, caption.plain, caption, None))

    async def probe(self) -> None:
        """Ask whether the token is good, the chat is there, and the bot may write to it.

        Raises:
            SendFailed, Refused, Moved: as the protocol says.
        """
        await self._asked(GetMe())
        await self._asked(GetChat(chat_id=self._chat_id))
        # Telegram describes a chat also to a bot that its user has blocked; this one tells.
        typing = SendChatAction(
            chat_id=self._chat_id, action="typing", message_thread_id=self._topic_id
        )
        await self._asked(typing)

    async def close(self) -> None:
        """Let go of connections; a later call would open them again."""
        await self._session.close()

    def _text(self, text: str, message: OutMessage, parse_mode: str | None) -> SendMessage:
        return SendMessage(
            chat_id=self._chat_id,
            message_thread_id=self._topic_id,
            text=_encodable(text),
            parse_mode=parse_mode,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            disable_notification=message.silent,
            reply_markup=_keyboard(message.buttons),
        )

    def _photo(
        self, png: bytes, text: str, message: OutMessage, parse_mode: str | None
    ) -> SendPhoto:
        return SendPhoto(
            chat_id=self._chat_id,
            message_thread_id=self._topic_id,
            photo=BufferedInputFile(png, "chart.png"),
            caption=_encodable(text),
            parse_mode=parse_mode,
            disable_notification=message.silent,
            reply_markup=_keyboard(message.buttons),
        )

    async def _sent(self, method: TelegramMethod[Message]) -> int:
        try:
            return (await self._asked(method)).message_id
        except _Undecoded as answer:
            message_id = answer.message_id
        # Telegram took it. To call that a failure would send it again and again.
        return message_id

    async def _edited(
        self, message_id: int, text: str, message: OutMessage, parse_mode: str | None
    ) -> None:
        method = EditMessageText(
            chat_id=self._chat_id,
            message_id=message_id,
            text=_encodable(text),
            parse_mode=parse_mode,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(message.buttons),
        )
        try:
            await self._asked(method)
        except (NotModified, _Undecoded):
            return

    async def _asked(self, method: TelegramMethod[_Result]) -> _Result:
        if self._bot is None:
            raise Refused("what stands as Telegram's bot token is none: check it", 401)
        failure: MessengerError
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._bot(method)
        except Exception as error:  # noqa: BLE001 - the outer edge of somebody else's library
            failure = self._translated(error)
        # Raised out here, so that nothing hangs on it that may hold the address with the token.
        raise failure

    def _translated(self, error: Exception) -> MessengerError:
        match error:
            case TelegramRetryAfter():
                return SendFailed(
                    f"Telegram asks to wait {error.retry_after} s", float(error.retry_after)
                )
            case TelegramMigrateToChat():
                return Moved(error.migrate_to_chat_id)
            case TelegramBadRequest():
                return bad_request(error.message or "", self._token)
            case TelegramEntityTooLarge():
                return Unsendable("Telegram answered 413: too large")
            case ClientDecodeError():
                return _undecodable(error)
            case TimeoutError():
                return SendFailed(f"Telegram did not answer within {self._timeout_s:g} s")
            case TelegramServerError():
                words = printable(error.message or "", self._token)
                return SendFailed(f"Telegram has trouble of its own: {words}")
            case _Unreadable():
                return SendFailed(f"Telegram answered {error.status} with nothing readable")
            case ClientConnectorError():
                return SendFailed(f"Telegram not reached: {why(error.os_error)}")
        for kind, (status, hint) in _STOPS.items():
            if isinstance(error, kind):
                words = printable(error.message or "", self._token)
                return Refused(f"Telegram answered {status.value}: {words}; {hint}", status.value)
        if isinstance(error, TelegramAPIError):
            return SendFailed(f"Telegram answered: {printable(error.message or '', self._token)}")
        # Of whatever else it is, only the name is sure to hold no address.
        return SendFailed(f"Telegram not reached: {type(error).__name__}")


class _Undecoded(SendFailed):
    """Accepted, with an answer that aiogram does not understand but for the message's id."""

    def __init__(self, message_id: int) -> None:
        super().__init__("Telegram's answer was not understood")
        self.message_id = message_id


class _Unreadable(Exception):
    """An answer that is no JSON object, or says yes to nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Session(AiohttpSession):
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
            _Unreadable: the answer makes no sense.
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
            raise _Unreadable(response.status)
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
            raise _Unreadable(response.status)
    try:
        content = body.decode()
        is_object = isinstance(json.loads(content), dict)
    except ValueError:
        is_object = False
        content = ""
    if not is_object:
        raise _Unreadable(response.status)
    return content


def _undecodable(error: ClientDecodeError) -> MessengerError:
    answer = error.data
    if isinstance(answer, dict) and answer.get("ok") is True:
        result = answer.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) else None
        if isinstance(message_id, int):
            return _Undecoded(message_id)
    return SendFailed("Telegram's answer was not understood")


def _chat_id(text: str) -> int | str:
    # A number as text would do as well, but not for every method of every server.
    return int(text) if text.removeprefix("-").isdecimal() else text


def _encodable(text: str) -> str:
    # Half a surrogate pair, as a venue's JSON may hold, would fail before anything was sent.
    return text.encode("utf-8", "replace").decode()


def _keyboard(buttons: tuple[tuple[Button, ...], ...]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    rows = [
        [InlineKeyboardButton(text=button.text, callback_data=button.data) for button in row]
        for row in buttons
    ]
    return InlineKeyboardMarkup(inline_keyboard=rows)
