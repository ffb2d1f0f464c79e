"""``python -m bot setup``: from a token to a chat id, with a person at a terminal.

The token is shown nowhere, and nothing is written but the mark that this installation's buttons
carry, so that the halt button of the first message works once the engine runs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from bot.buttons import HALT, buttons, rows
from bot.control_memory import CONTROL_NAME, ControlMemory, MemoryFailed
from bot.messenger import MessengerError, OutMessage, Refused, SendFailed
from bot.pages import View
from bot.pages.pen import MAX_NAME_CHARS, Pen, clean
from bot.paging import Line, bold, html_of, line, plain_of
from bot.polling import Conflict, Hearing, connect
from bot.query_words import say
from bot.updates import Incoming, Source, read_update
from trader.port import Language
from trader.port.settings import BotSettings, Secret

DEFAULT_API = "https://api.telegram.org"
TIMEOUT_S = 10.0
POLL_S = 20
RETRY_S = 2.0
_BATCH = 20
_STATUSES_OF_A_TOKEN = (401, 404)


class SetupFailed(Exception):
    """It came to nothing; the text is one line. ``is_mistake`` if what was given is wrong."""

    def __init__(self, why: str, *, is_mistake: bool = False) -> None:
        super().__init__(why)
        self.is_mistake = is_mistake


class Given(Struct, frozen=True):
    """What the command line and the environment gave; without a token it is asked for."""

    token: str
    language: Language
    api_base: str
    state_dir: Path
    wait_minutes: float


class Terminal(Protocol):
    """A person who reads and answers."""

    def tell(self, line: str) -> None:
        """Show a line."""
        ...

    def ask(self, question: str) -> str:
        """Ask for a line.

        Raises:
            EOFError: nobody is there to answer.
        """
        ...

    def ask_secret(self, question: str) -> str:
        """Ask for a line that is shown nowhere; empty where there is none."""
        ...


def set_up(given: Given, terminal: Terminal) -> None:
    """Find the chat, send a first message there, and say what to put where.

    Raises:
        SetupFailed: it came to nothing.
    """
    token = given.token or terminal.ask_secret(say(given.language, "setup.token"))
    if not token:
        raise SetupFailed(say(given.language, "setup.no_token"), is_mistake=True)
    settings = BotSettings(
        engine="",
        state_dir=str(given.state_dir),
        zone="UTC",
        language=given.language,
        token=Secret(token),
        api_base=given.api_base,
        timeout_s=TIMEOUT_S,
    )
    try:
        asyncio.run(_Setup(given, settings, terminal).run())
    except EOFError:
        raise SetupFailed(say(given.language, "setup.aborted")) from None
    except MessengerError as error:
        why = say(given.language, "setup.failed", why=error.reason.removeprefix("Telegram "))
        is_mistake = isinstance(error, Refused) and error.status in _STATUSES_OF_A_TOKEN
        raise SetupFailed(why, is_mistake=is_mistake) from None


def first_message(language: Language, instance: str) -> OutMessage:
    """What the chat hears first: what the bot may do, what it never can, and the halt button."""
    told: list[Line] = [line(bold(say(language, "setup.first.title")))]
    keys = ("can", "never", "halt") if instance else ("can", "never")
    told += [line(say(language, f"setup.first.{key}")) for key in keys]
    pen = Pen(View(language, UTC, 0, instance))
    halt = buttons(pen.words["button.halt"], HALT, instance)
    return OutMessage(html_of(told), plain_of(told), buttons=rows(halt))


class _Setup:
    """One run of it."""

    def __init__(self, given: Given, settings: BotSettings, terminal: Terminal) -> None:
        self._given = given
        self._settings = settings
        self._terminal = terminal
        self._offset: int | None = None

    async def run(self) -> None:
        """All steps, one after the other."""
        async with _connected(self._settings) as hearing:
            me = await hearing.me()
            self._tell("setup.me", me=me)
            self._tell("setup.write", me=me, minutes=f"{self._given.wait_minutes:g}")
            chosen = await self._chosen(hearing)
            # What is confirmed here the engine does not take for a command later.
            with suppress(SendFailed):
                await hearing.updates(self._offset, 1, 0, TIMEOUT_S)
        await self._greet(chosen)
        self._explain(chosen)

    async def _chosen(self, hearing: Hearing) -> Incoming:
        """Whoever wrote and was confirmed."""
        until_s = time.monotonic() + 60 * self._given.wait_minutes
        while (left_s := until_s - time.monotonic()) > 0:
            for raw in await self._heard(hearing, min(POLL_S, int(left_s) + 1)):
                incoming = read_update(raw)
                self._offset = max(self._offset or 0, incoming.update_id + 1)
                if not _is_somebody(incoming):
                    continue
                if self._confirms(incoming):
                    return incoming
                self._tell("setup.not_you")
        minutes = f"{self._given.wait_minutes:g}"
        raise SetupFailed(say(self._given.language, "setup.silence", minutes=minutes))

    async def _heard(self, hearing: Hearing, wait_s: int) -> Sequence[object]:
        try:
            return await hearing.updates(self._offset, _BATCH, wait_s, wait_s + TIMEOUT_S)
        except Conflict as error:
            if not error.by_webhook:
                raise
            await hearing.drop_webhook()
        except SendFailed as error:
            await asyncio.sleep(max(RETRY_S, min(error.retry_after_s or 0.0, POLL_S)))
        return ()

    def _confirms(self, incoming: Incoming) -> bool:
        language = self._given.language
        chat = str(incoming.chat_id)
        key = "private" if (incoming.chat_id or 0) > 0 else "group"
        if incoming.topic_id is not None:
            key = "topic"
        where = say(language, f"setup.chat.{key}", chat=chat, topic=incoming.topic_id)
        self._tell(
            "setup.heard",
            name=clean(incoming.user_name, MAX_NAME_CHARS) or "?",
            user=incoming.user_id,
            chat=where,
            text=clean(incoming.text, MAX_NAME_CHARS),
        )
        answer = self._terminal.ask(say(language, "setup.confirm"))
        return answer.casefold() in say(language, "setup.yes").split()

    async def _greet(self, chosen: Incoming) -> None:
        # Imported only once there is somebody to write to: it takes a second.
        from bot.telegram import TelegramMessenger

        messenger = TelegramMessenger(
            replace(self._settings, chat_id=str(chosen.chat_id), topic_id=chosen.topic_id)
        )
        try:
            instance = _instance(self._given.state_dir)
            await messenger.send(first_message(self._given.language, instance))
        finally:
            await messenger.close()

    def _explain(self, chosen: Incoming) -> None:
        for key in ("sent", "put", "put.token", "put.chat", "change", "change.enabled"):
            self._tell(f"setup.{key}", chat=chosen.chat_id)
        if chosen.topic_id is not None:
            self._tell("setup.change.topic", topic=chosen.topic_id)
        if (chosen.chat_id or 0) < 0:
            self._tell("setup.change.users", user=chosen.user_id)
        self._tell("setup.then")

    def _tell(self, key: str, **values: object) -> None:
        self._terminal.tell(say(self._given.language, key, **values))


@asynccontextmanager
async def _connected(settings: BotSettings) -> AsyncIterator[Hearing]:
    hearing = await connect(settings)
    try:
        yield hearing
    finally:
        await hearing.close()


def _is_somebody(incoming: Incoming) -> bool:
    """A person's own message: only such a one shows which chat that person wants."""
    is_own = not (incoming.from_bot or incoming.has_sender_chat or incoming.is_forwarded)
    is_whole = incoming.chat_id is not None and incoming.user_id is not None
    return incoming.source is Source.MESSAGE and is_own and is_whole


def _instance(state_dir: Path) -> str:
    """The mark of this installation; empty where it cannot be kept."""
    try:
        memory = ControlMemory(state_dir / CONTROL_NAME)
    except MemoryFailed:
        return ""
    try:
        return memory.instance
    finally:
        memory.close()
