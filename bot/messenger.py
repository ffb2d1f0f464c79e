"""The seam to a chat: what a messenger does, how it may fail, and the stub that only logs."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from trader.port import Severity

_logger = logging.getLogger("bot.messenger")

_LEVELS = {
    Severity.CRITICAL: logging.ERROR,
    Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}


class Button(Struct, frozen=True):
    """A button under a message; ``data`` comes back when it is tapped, 64 bytes at most."""

    text: str
    data: str


class OutMessage(Struct, frozen=True):
    """One message, as Telegram's HTML and as the same words without markup.

    ``silent`` makes no sound. ``buttons`` are rows of buttons.
    """

    html: str
    plain: str
    silent: bool = False
    severity: Severity = Severity.INFO
    buttons: tuple[tuple[Button, ...], ...] = ()


class MessengerError(Exception):
    """A message was not taken. The text goes into logs and ledgers, so it holds no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SendFailed(MessengerError):
    """Not now: try again later, and not before ``retry_after_s`` where the chat asks for that."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Refused(MessengerError):
    """The chat will not have us until somebody mends it: 401, 403, 404, 409, chat not found."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Moved(MessengerError):
    """The group has another id for good."""

    def __init__(self, new_chat_id: int) -> None:
        super().__init__(f"the group moved to {new_chat_id}")
        self.new_chat_id = new_chat_id


class MessageGone(MessengerError):
    """The message to be edited is not there, or may be edited no longer."""


class Unsendable(MessengerError):
    """This very message is not taken; others may be."""


class Messenger(Protocol):
    """Sends to one chat. Every method may raise SendFailed, Refused and Moved.

    Markup that the chat cannot parse is sent again without it, in here.
    """

    async def send(self, message: OutMessage) -> int:
        """Send a message and return its id.

        Raises:
            Unsendable: this very message is not taken.
        """
        ...

    async def edit(self, message_id: int, message: OutMessage) -> None:
        """Give a sent message other content; that it is the same already counts as done.

        Raises:
            MessageGone: there is no such message any more.
            Unsendable: this very content is not taken.
        """
        ...

    async def send_photo(self, png: bytes, caption: OutMessage) -> int:
        """Send a picture with words under it and return the message's id.

        Raises:
            Unsendable: this very picture is not taken.
        """
        ...

    async def probe(self) -> None:
        """Ask whether bot and chat are there, sending nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Chat(Messenger, Protocol):
    """A chat that also answers whoever speaks in it. Fails as a messenger does."""

    async def reply(self, message: OutMessage, to: int) -> int:
        """Send a message under the one with the id ``to``, if that is still there.

        Raises:
            Unsendable: this very message is not taken.
        """
        ...

    async def send_file(self, name: str, content: bytes, caption: OutMessage) -> int:
        """Send a file with words under it and return the message's id.

        Raises:
            Unsendable: this very file is not taken.
        """
        ...

    async def callback(self, callback_id: str, text: str = "") -> None:
        """End the waiting of whoever tapped a button, with at most 200 units of text over the chat.

        Raises:
            Unsendable: the tap is too old to be answered, or was answered before.
        """
        ...

    async def typing(self, action: str = "typing") -> None:
        """Show for some seconds that an answer is in the making, such as ``upload_photo``."""
        ...

    async def pin(self, message_id: int) -> None:
        """Pin a message, without a sound.

        Raises:
            Unsendable: the bot may not pin here.
            MessageGone: there is no such message any more.
        """
        ...

    async def unpin(self, message_id: int) -> None:
        """Take a pin away.

        Raises:
            Unsendable: the bot may not do that here.
            MessageGone: there is no such message any more.
        """
        ...

    async def set_commands(self, commands: Sequence[tuple[str, str]], language: str = "") -> None:
        """Set the menu of this chat alone: names and what they do.

        ``language`` is a code of two letters, or empty for everybody whose own has no menu.

        Raises:
            Unsendable: Telegram does not take this menu.
        """
        ...


class LogMessenger:
    """The stub: every message as one log line, louder the more severe it is. Never fails.

    A message is taken once its line is written: what is noted as told must survive the process.
    """

    def __init__(self) -> None:
        self._last_id = 0

    async def send(self, message: OutMessage) -> int:
        """Log a message."""
        self._last_id += 1
        await _log("", message)
        return self._last_id

    async def edit(self, message_id: int, message: OutMessage) -> None:
        """Log the new content of a message."""
        await _log(f"edit of message {message_id} | ", message)

    async def send_photo(self, png: bytes, caption: OutMessage) -> int:
        """Log a picture's size and its words."""
        self._last_id += 1
        await _log(f"picture of {len(png):,} bytes | ", caption)
        return self._last_id

    async def probe(self) -> None:
        """There is always a log."""

    async def close(self) -> None:
        """Nothing is held open."""


async def _log(what: str, message: OutMessage) -> None:
    line = " | ".join(part for part in message.plain.splitlines() if part.strip())
    _logger.log(_LEVELS[message.severity], "Telegram (stub) | %s%s", what, line)
    # Elsewhere, for a terminal may be frozen.
    await asyncio.to_thread(_write_out)


def _write_out() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()
