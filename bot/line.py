"""The line to the chat: pace, back-off, and what a refusal means for everything that follows."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from bot.messenger import (
    MessageGone,
    Messenger,
    Moved,
    OutMessage,
    Refused,
    SendFailed,
    Unsendable,
)
from bot.pacing import Pace
from trader.port import BotHealth

_logger = logging.getLogger("bot.sender")

FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0
PROBE_EVERY_S = 60.0
"""How often Telegram is asked whether it will have us, after a refusal and when nothing is said."""

SENT_EVERY_S = 240.0
"""How old the last proof may be that Telegram takes what is sent, while polling works."""

_NS_PER_S = 1_000_000_000
_MAX_DOUBLINGS = 6
T = TypeVar("T")


class Clock(Protocol):
    """Both times, and sleep."""

    def now_ns(self) -> int:
        """UTC, for records."""
        ...

    def mono_ns(self) -> int:
        """Monotonic, for every age and wait."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep, or only let others run where ``seconds`` is 0."""
        ...


class SystemClock:
    """The host's clocks."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


class NotNow(Exception):
    """The message was not taken, and no other would be; the line says when to try again."""


class Line:
    """One chat, whose answers decide when the next message may go."""

    def __init__(
        self,
        messenger: Messenger,
        clock: Clock,
        timeout_s: float,
        pace: Pace | None,
        sent_every_s: float = SENT_EVERY_S,
    ) -> None:
        """``pace`` None is for the stub, which needs none. ``sent_every_s`` is how old the last
        proof may be that Telegram takes what is sent.
        """
        self._sent_every_s = sent_every_s
        self._messenger = messenger
        self._clock = clock
        self._timeout_s = timeout_s
        self._pace = pace
        self._failures = 0
        self._backoff_until = 0
        self._probe_at: int | None = None
        self._refused = ""
        self._moved = False
        self._sent_ns: int | None = None
        self._polled_ns: int | None = None
        self._polling_refused = ""
        self._is_polled = False
        self._sent_mono: int | None = None
        self.answered_mono: int | None = None
        """When Telegram last took or answered something."""

    @property
    def health(self) -> BotHealth:
        """The last successes, and why Telegram refuses, if it does."""
        return BotHealth(self._sent_ns, self._polled_ns, self._refused or self._polling_refused)

    @property
    def fortune(self) -> tuple[str, bool, bool, bool]:
        """What of the health is worth telling at once when it changes."""
        health = self.health
        has_sent, has_polled = health.sent_ns is not None, health.polled_ns is not None
        return health.refused, self.is_failing, has_sent, has_polled

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt reached nobody."""
        return self._failures > 0

    def polled(self, at_ns: int, refused: str = "") -> None:
        """Note that polling had an answer at ``at_ns``, or is refused and why."""
        self._polling_refused = refused
        if not refused:
            self._is_polled = True
            self._polled_ns = at_ns
            self.answered_mono = self._clock.mono_ns()

    def ready_ns(self, *, critical: bool, untried: bool = False) -> int | None:
        """When the next message may go, monotonic; None while Telegram will not have us.

        What was ``untried`` since the line failed need not wait for the back-off, only for what
        Telegram itself asked.
        """
        if self._refused:
            return None
        ready = 0
        if self._pace is not None:
            ready = self._pace.ready_ns(self._clock.mono_ns(), critical=critical)
        return ready if untried else max(ready, self._backoff_until)

    def probe_due_ns(self) -> int | None:
        """When to probe, monotonic; None where no probe would help."""
        if self._moved or self._pace is None:
            return None
        if self._probe_at is not None:
            return self._probe_at
        if self.answered_mono is None:
            return self._clock.mono_ns()
        if self._is_polled and not self._polling_refused:
            # Polling says that Telegram is there; whether it takes what we send it does not say.
            since = self._sent_mono if self._sent_mono is not None else 0
            return since + int(self._sent_every_s * _NS_PER_S)
        return self.answered_mono + int(PROBE_EVERY_S * _NS_PER_S)

    async def send(self, message: OutMessage) -> int:
        """Send a message.

        Raises:
            NotNow: nothing goes at the moment.
            Unsendable: this message does not go.
        """
        self._take_turn()
        message_id = await self._guarded(self._messenger.send(message))
        self._was_sent()
        return message_id

    async def show(self, png: bytes, caption: OutMessage) -> int:
        """Send a picture.

        Raises:
            NotNow: nothing goes at the moment.
            Unsendable: this picture does not go.
        """
        self._take_turn()
        message_id = await self._guarded(self._messenger.send_photo(png, caption))
        self._was_sent()
        return message_id

    async def edit(self, message_id: int, message: OutMessage) -> None:
        """Edit a message.

        Raises:
            NotNow: nothing goes at the moment.
            MessageGone: this message cannot be edited.
            Unsendable: this content does not go.
        """
        self._take_turn()
        await self._guarded(self._messenger.edit(message_id, message))
        self._was_sent()

    async def probe(self) -> None:
        """Ask whether bot and chat are there, and go by the answer."""
        self._probe_at = self._clock.mono_ns() + int(PROBE_EVERY_S * _NS_PER_S)
        try:
            await self._guarded(self._messenger.probe())
        except (NotNow, MessageGone, Unsendable):
            return
        # That it answers a probe says nothing of polling, which alone can hear the operator.
        self._was_sent()

    def _was_sent(self) -> None:
        self._sent_ns, self._sent_mono = self._clock.now_ns(), self._clock.mono_ns()

    def _take_turn(self) -> None:
        if self._pace is not None:
            self._pace.took(self._clock.mono_ns())

    async def _guarded(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await request
        except (MessageGone, Unsendable):
            self._answered()
            raise
        except Moved as moved:
            raise self._has_moved(moved) from None
        except Refused as refused:
            raise self._was_refused(refused.reason) from None
        except SendFailed as failed:
            raise self._has_failed(failed.reason, failed.retry_after_s) from None
        except TimeoutError:
            raise self._has_failed(f"no answer within {self._timeout_s:g} s", None) from None
        except Exception as error:  # The outer edge of the messenger's code: it may be anything.
            _logger.exception("Telegram: a message broke the messenger")
            raise Unsendable(f"{type(error).__name__} in the messenger") from error
        self._answered()
        return result

    def _answered(self) -> None:
        if self._refused:
            _logger.info("Telegram: accepts us again; what waited is being sent")
        elif self._failures:
            _logger.info("Telegram: works again after %d failed attempts", self._failures)
        self._refused, self._failures, self._backoff_until = "", 0, 0
        self._probe_at = None
        self.answered_mono = self._clock.mono_ns()

    def _has_failed(self, reason: str, retry_after_s: float | None) -> NotNow:
        now = self._clock.mono_ns()
        if retry_after_s is not None and self._pace is not None:
            self._pace.hold(now, retry_after_s)
            _logger.warning("Telegram: asks to wait %g s; nothing is sent meanwhile", retry_after_s)
            return NotNow(reason)
        self._failures += 1
        doublings = min(self._failures - 1, _MAX_DOUBLINGS)
        backoff_s = min(FIRST_BACKOFF_S * 2.0**doublings, MAX_BACKOFF_S)
        self._backoff_until = now + int(backoff_s * _NS_PER_S)
        # An outage is a line when it begins and one when it is over, not one for each attempt.
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        _logger.log(level, "Telegram: not delivered: %s; next attempt in %.0f s", reason, backoff_s)
        return NotNow(reason)

    def _was_refused(self, reason: str) -> NotNow:
        if self._refused != reason:
            _logger.error(
                "Telegram: refuses us: %s; sending stops, the queue is kept, asked every %.0f s",
                reason,
                PROBE_EVERY_S,
            )
        self._refused = reason
        self._probe_at = self._clock.mono_ns() + int(PROBE_EVERY_S * _NS_PER_S)
        return NotNow(reason)

    def _has_moved(self, moved: Moved) -> NotNow:
        if not self._moved:
            _logger.error(
                "Telegram: the group moved, its new id is %d: set alert.telegram.chat_id to it and"
                " start again; nothing is sent until then",
                moved.new_chat_id,
            )
        self._moved = True
        self._refused = f"the group moved: set alert.telegram.chat_id to {moved.new_chat_id}"
        return NotNow(moved.reason)
