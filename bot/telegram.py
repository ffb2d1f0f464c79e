"""Telegram, through aiogram: the only module that imports it.

Importing takes seconds and building a messenger tens of milliseconds, so both belong before the
loop has a market to serve. What is raised here holds no token, neither in its text nor chained.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import TypeVar

from aiogram import Bot
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
    AnswerCallbackQuery,
    EditMessageText,
    GetChat,
    GetMe,
    PinChatMessage,
    Response,
    SendChatAction,
    SendDocument,
    SendMessage,
    SendPhoto,
    SetMyCommands,
    TelegramMethod,
    UnpinChatMessage,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    BufferedInputFile,
    ChatFullInfo,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
    User,
)
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError

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
from bot.telegram_session import Session, Undecoded, Unreadable, undecodable
from bot.web import why
from trader.port.settings import BotSettings

_Result = TypeVar("_Result")

_HTML = "HTML"
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
        self._session = Session(api=server, timeout=settings.timeout_s)
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

    async def reply(self, message: OutMessage, to: int) -> int:
        """Send a message under another one; without it, if that is gone.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        try:
            return await self._sent(self._text(message.html, message, _HTML, to))
        except MarkupRefused:
            pass
        return await self._sent(self._text(message.plain, message, None, to))

    async def send_file(self, name: str, content: bytes, caption: OutMessage) -> int:
        """Send a file with words under it and return the message's id.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        try:
            return await self._sent(self._file(name, content, caption.html, caption, _HTML))
        except MarkupRefused:
            pass
        return await self._sent(self._file(name, content, caption.plain, caption, None))

    async def callback(self, callback_id: str, text: str = "") -> None:
        """End the waiting of whoever tapped a button.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        await self._asked(
            AnswerCallbackQuery(callback_query_id=callback_id, text=_encodable(text) or None)
        )

    async def typing(self, action: str = "typing") -> None:
        """Show for some seconds that an answer is in the making.

        Raises:
            SendFailed, Refused, Moved: as the protocol says.
        """
        await self._asked(
            SendChatAction(chat_id=self._chat_id, action=action, message_thread_id=self._topic_id)
        )

    async def pin(self, message_id: int) -> None:
        """Pin a message, without a sound.

        Raises:
            SendFailed, Refused, Moved, MessageGone, Unsendable: as the protocol says.
        """
        await self._asked(
            PinChatMessage(chat_id=self._chat_id, message_id=message_id, disable_notification=True)
        )

    async def unpin(self, message_id: int) -> None:
        """Take a pin away.

        Raises:
            SendFailed, Refused, Moved, MessageGone, Unsendable: as the protocol says.
        """
        await self._asked(UnpinChatMessage(chat_id=self._chat_id, message_id=message_id))

    async def set_commands(self, commands: Sequence[tuple[str, str]], language: str = "") -> None:
        """Set the menu of this chat alone.

        Raises:
            SendFailed, Refused, Moved, Unsendable: as the protocol says.
        """
        await self._asked(
            SetMyCommands(
                commands=[BotCommand(command=name, description=what) for name, what in commands],
                scope=BotCommandScopeChat(chat_id=self._chat_id),
                language_code=language or None,
            )
        )

    async def probe(self) -> None:
        """Ask whether the token is good, the chat is there, and the bot may write to it.

        Raises:
            SendFailed, Refused, Moved: as the protocol says.
        """
        await self._asked(GetMe())
        await self._asked(GetChat(chat_id=self._chat_id))
        # Telegram describes a chat also to a bot that its user has blocked; this one tells.
        await self.typing()

    async def close(self) -> None:
        """Let go of connections; a later call would open them again."""
        await self._session.close()

    def _text(
        self, text: str, message: OutMessage, parse_mode: str | None, to: int = 0
    ) -> SendMessage:
        above = ReplyParameters(message_id=to, allow_sending_without_reply=True) if to else None
        return SendMessage(
            chat_id=self._chat_id,
            message_thread_id=self._topic_id,
            reply_parameters=above,
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

    def _file(
        self, name: str, content: bytes, text: str, message: OutMessage, parse_mode: str | None
    ) -> SendDocument:
        return SendDocument(
            chat_id=self._chat_id,
            message_thread_id=self._topic_id,
            document=BufferedInputFile(content, name),
            caption=_encodable(text),
            parse_mode=parse_mode,
            disable_notification=message.silent,
            reply_markup=_keyboard(message.buttons),
        )

    async def _sent(self, method: TelegramMethod[Message]) -> int:
        try:
            return (await self._asked(method)).message_id
        except Undecoded as answer:
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
        except (NotModified, Undecoded):
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
                return undecodable(error)
            case TimeoutError():
                return SendFailed(f"Telegram did not answer within {self._timeout_s:g} s")
            case TelegramServerError():
                words = printable(error.message or "", self._token)
                return SendFailed(f"Telegram has trouble of its own: {words}")
            case Unreadable():
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
