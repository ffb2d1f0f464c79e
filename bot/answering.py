"""How answers leave: at once, past the alerts that wait, and yet counted in the pace of the chat.

Whoever asked a view that cannot be delivered asks again; what a command did is told late rather
than never, by ``run``, so that nobody's next command waits for it. Nothing here raises what the
chat does.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from bot.line import Clock
from bot.messenger import Chat, MessageGone, MessengerError, OutMessage, SendFailed, Unsendable
from bot.pacing import Pace
from bot.updates import Denied, Heard, HeardKind

_logger = logging.getLogger("bot.answering")

VIEW_BOUND_S = 10.0
"""How long a view may wait for its turn or for a second try; after that it is dropped."""
CONTROL_BOUND_S = 30.0
"""How long it is tried to tell what a command did."""
MAX_LATE = 32
BURST_S = 5.0
"""How far views may run ahead of the pace: so long may a critical alert have to wait for them."""
CALLBACK_UNITS = 200

_FIRST_RETRY_S = 1.0
_MAX_RETRY_S = 8.0
_NS_PER_S = 1_000_000_000
T = TypeVar("T")


class _Late(Struct, frozen=True):
    """An answer that was not taken yet, until when it is worth telling, and when to try again."""

    message: OutMessage
    reply_to: int
    until_ns: int
    again_ns: int


class Answering:
    """Answers in the one chat there is. ``run`` belongs beside the lane that uses it."""

    def __init__(
        self,
        chat: Chat,
        clock: Clock,
        pace: Pace | None,
        timeout_s: float,
        *,
        burst_s: float = BURST_S,
    ) -> None:
        """``pace`` is the one that alerts keep; ``timeout_s`` bounds each request."""
        self._chat = chat
        self._clock = clock
        self._pace = pace
        self._timeout_s = timeout_s
        self._burst_ns = int(burst_s * _NS_PER_S)
        self._late: deque[_Late] = deque()
        self._has_late = asyncio.Event()

    async def run(self) -> None:
        """Tell late what commands did and the chat would not take, until cancelled."""
        while True:
            await self._has_late.wait()
            while self._late:
                await self._tell_late(self._late[0])
                self._late.popleft()
            self._has_late.clear()

    async def reply(
        self, heard: Heard, messages: Sequence[OutMessage], *, control: bool = False
    ) -> int | None:
        """Send an answer; the id of its last message, or None where that was not taken.

        With ``control`` what fails is tried for up to ``CONTROL_BOUND_S``, by ``run``.
        """
        # In a group it has to show whom it answers; alone with the bot, everything is for you.
        reply_to = heard.message_id if heard.chat_id < 0 else 0
        last = None
        for message in messages:
            last = await self._replied(message, reply_to, control=control)
        return last

    async def edit(self, where: Heard | int, message: OutMessage) -> int | None:
        """Edit the message that was tapped, or the one of this id; the id of what now says so.

        Where the tapped message is gone, or has no text of its own, a new one is sent. For an id
        that is gone, and for whatever is not taken, it is None.
        """
        tapped = where.tapped_message_id if isinstance(where, Heard) else where
        if isinstance(where, Heard) and where.kind is not HeardKind.TAP:
            return await self.reply(where, (message,))

        async def edit() -> int:
            await self._chat.edit(tapped, message)
            return tapped

        try:
            return await self._delivered(edit)
        except MessageGone:
            if isinstance(where, int):
                return None
        return await self.reply(where, (message,))

    async def callback(self, heard: Heard | Denied, text: str = "") -> None:
        """End the waiting of whoever tapped, if it was a tap; never fails and is never retried."""
        if not heard.callback_id:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._chat.callback(heard.callback_id, _short(text))
        except (MessengerError, TimeoutError) as error:
            _logger.info("Telegram: a tap was not answered: %s", _why(error))

    async def typing(self, action: str = "typing") -> None:
        """Show that an answer is in the making; never fails and is never retried."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._chat.typing(action)
        except (MessengerError, TimeoutError) as error:
            _logger.debug("Telegram: %s was not shown: %s", action, _why(error))

    async def file(
        self, heard: Heard, name: str, content: bytes, caption: OutMessage
    ) -> int | None:
        """Send a file; the message's id, or None where it was not taken."""
        del heard
        return await self._delivered(lambda: self._chat.send_file(name, content, caption))

    async def photo(self, heard: Heard, png: bytes, caption: OutMessage) -> int | None:
        """Send a picture; the message's id, or None where it was not taken."""
        del heard
        return await self._delivered(lambda: self._chat.send_photo(png, caption))

    async def _replied(self, message: OutMessage, reply_to: int, *, control: bool) -> int | None:
        if not control:
            return await self._delivered(lambda: self._send(message, reply_to))
        now_ns = self._clock.mono_ns()
        wait_s = max(self._held_ns() - now_ns, 0) / _NS_PER_S
        # What follows must not overtake what waits.
        if not self._late and not wait_s:
            try:
                return await self._once(lambda: self._send(message, reply_to))
            except SendFailed as failed:
                wait_s = failed.retry_after_s or _FIRST_RETRY_S
            except MessengerError as error:
                _dropped(error)
                return None
        self._tell_later(message, reply_to, wait_s)
        return None

    def _tell_later(self, message: OutMessage, reply_to: int, wait_s: float) -> None:
        if len(self._late) == MAX_LATE:
            _logger.warning("Telegram: an answer is dropped: %d wait already", MAX_LATE)
            return
        now_ns = self._clock.mono_ns()
        until_ns = now_ns + int(CONTROL_BOUND_S * _NS_PER_S)
        again_ns = now_ns + int(wait_s * _NS_PER_S)
        self._late.append(_Late(message, reply_to, until_ns, again_ns))
        self._has_late.set()

    async def _tell_late(self, late: _Late) -> None:
        wait_s = _FIRST_RETRY_S
        again_ns = late.again_ns
        while True:
            due_ns = max(again_ns, self._held_ns())
            if due_ns > late.until_ns:
                _logger.warning("Telegram: what a command did could not be told in time")
                return
            await self._sleep_until(due_ns)
            try:
                await self._once(lambda: self._send(late.message, late.reply_to))
            except SendFailed as failed:
                wait_s = min(2 * wait_s, _MAX_RETRY_S)
                again_ns = self._clock.mono_ns() + int((failed.retry_after_s or wait_s) * _NS_PER_S)
            except MessengerError as error:
                _dropped(error)
                return
            else:
                return

    async def _delivered(self, request: Callable[[], Awaitable[T]]) -> T | None:
        """A request in its turn, and once more where that may help; None where it was not taken.

        Raises:
            MessageGone: there is nothing to edit.
        """
        until_ns = self._clock.mono_ns() + int(VIEW_BOUND_S * _NS_PER_S)
        failure: MessengerError = SendFailed("the chat asked to be left alone")
        again_ns = 0
        for _ in range(2):
            if not await self._in_turn(again_ns, until_ns):
                break
            try:
                return await self._once(request)
            except MessageGone:
                raise
            except SendFailed as failed:
                failure = failed
                wait_s = failed.retry_after_s or _FIRST_RETRY_S
                again_ns = self._clock.mono_ns() + int(wait_s * _NS_PER_S)
            except MessengerError as error:
                failure = error
                break
        _dropped(failure)
        return None

    async def _in_turn(self, again_ns: int, until_ns: int) -> bool:
        """Wait for a view's turn, not before ``again_ns``; whether it came before ``until_ns``."""
        while (due_ns := max(again_ns, self._turn_ns())) > self._clock.mono_ns():
            if due_ns > until_ns:
                return False
            # Others wait as well, and whoever is first may take the turn.
            await self._sleep_until(due_ns)
        return True

    async def _once(self, request: Callable[[], Awaitable[T]]) -> T:
        """One request, counted in the pace; what it is asked to wait, the alerts wait as well."""
        if self._pace is not None:
            self._pace.took(self._clock.mono_ns())
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request()
        except TimeoutError:
            raise SendFailed(f"no answer within {self._timeout_s:g} s") from None
        except SendFailed as failed:
            if failed.retry_after_s is not None and self._pace is not None:
                self._pace.hold(self._clock.mono_ns(), failed.retry_after_s)
            raise

    async def _send(self, message: OutMessage, reply_to: int) -> int:
        if reply_to:
            return await self._chat.reply(message, reply_to)
        return await self._chat.send(message)

    def _held_ns(self) -> int:
        """Until when the chat asked to be left alone, monotonic; 0 if it did not."""
        held_ns = None if self._pace is None else self._pace.held_until_ns
        return held_ns or 0

    def _turn_ns(self) -> int:
        """When a view may go: at once, unless that would keep a critical alert waiting too long."""
        if self._pace is None:
            return 0
        ready_ns = self._pace.ready_ns(self._clock.mono_ns(), critical=True)
        return max(self._held_ns(), ready_ns - self._burst_ns)

    async def _sleep_until(self, due_ns: int) -> None:
        wait_ns = due_ns - self._clock.mono_ns()
        if wait_ns > 0:
            await self._clock.sleep(wait_ns / _NS_PER_S)


def _dropped(error: MessengerError) -> None:
    level = logging.ERROR if isinstance(error, Unsendable) else logging.WARNING
    _logger.log(level, "Telegram: an answer is dropped: %s", error.reason)


def _why(error: MessengerError | TimeoutError) -> str:
    return error.reason if isinstance(error, MessengerError) else "no answer in time"


def _short(text: str) -> str:
    """As much of a text as a tap's answer takes, counted in UTF-16 as Telegram does."""
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * CALLBACK_UNITS:
        return text
    return encoded[: 2 * (CALLBACK_UNITS - 1)].decode("utf-16-le", "ignore") + "…"
