"""Listens for updates: long polling under its own supervision, which confirms what was handled.

An update is confirmed only once whoever takes batches has returned, so a crash loses none. Nothing
that Telegram does ends the poller, and it touches no signal.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol

from msgspec import Struct

from bot.access import access_of, hear
from bot.line import Clock
from bot.messenger import MessengerError, Refused, SendFailed
from bot.updates import Denied, Heard
from trader.port import BotHealth
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.polling")

BATCH = 50
TRIES = 3
"""How often an update is handed over before it is passed over."""
OFFSET_LIFE_NS = 24 * 3_600 * 1_000_000_000
"""Telegram keeps nothing longer, and its ids may begin anew after a quiet week."""
SAY_AGAIN_NS = 600 * 1_000_000_000

_NS_PER_S = 1_000_000_000
_CONFLICT_STATUS = 409
_MAX_DOUBLINGS = 8

Batch = list[Heard | Denied]
OnBatch = Callable[[Batch], Awaitable[None]]
Skipped = Callable[[Heard | Denied, str], Awaitable[None]]
Report = Callable[[BotHealth], None]


class Unreadable(SendFailed):
    """An answer that is none: no JSON, or endless."""


class Conflict(Refused):
    """Somebody else listens with this token; ``by_webhook`` if a webhook is set."""

    def __init__(self, reason: str, *, by_webhook: bool) -> None:
        super().__init__(reason, _CONFLICT_STATUS)
        self.by_webhook = by_webhook


class Hearing(Protocol):
    """What is asked of Telegram. Every method may raise SendFailed and Refused."""

    async def me(self) -> str:
        """The bot's user name."""
        ...

    async def updates(
        self, offset: int | None, most: int, wait_s: int, timeout_s: float
    ) -> Sequence[object]:
        """Updates from ``offset`` on, which confirms those before it.

        Telegram waits ``wait_s`` for one to come, and we ``timeout_s`` for any answer.

        Raises:
            Conflict: somebody else listens.
            Unreadable: the answer is none.
        """
        ...

    async def drop_webhook(self) -> None:
        """Remove the webhook; what waits stays."""
        ...

    async def close(self) -> None:
        """Let go of connections; a poll that waits at Telegram ends with them."""
        ...


class Pauses(Struct, frozen=True):
    """How long to wait, in seconds; pairs are the first wait and the longest."""

    poll_s: int = 25
    margin_s: float = 5.0
    probe_s: float = 60.0
    trouble_s: tuple[float, float] = (1.0, 30.0)
    conflict_s: tuple[float, float] = (5.0, 60.0)
    retry_s: float = 1.0


Connect = Callable[[BotSettings], Awaitable[Hearing]]


async def connect(settings: BotSettings) -> Hearing:
    """Telegram itself. Imports aiogram, in a thread, so that the loop goes on meanwhile.

    Raises:
        Refused: the token has not the form of one.
    """

    def built() -> Hearing:
        from bot.hearing import TelegramHearing

        return TelegramHearing(settings)

    return await asyncio.to_thread(built)


class Poller:
    """Hands over what it hears, batch by batch and in order, until it is cancelled.

    ``report`` learns of each answered poll whose updates were handled, with nothing more waiting,
    and of each refusal. ``skipped`` learns of an update whose handling failed ``TRIES`` times.
    """

    def __init__(
        self,
        settings: BotSettings,
        instance: str,
        on_batch: OnBatch,
        report: Report,
        skipped: Skipped,
        clock: Clock,
        *,
        pauses: Pauses = Pauses(),  # noqa: B008 - frozen
        connect_to: Connect = connect,
    ) -> None:
        """``instance`` is the mark that the data of our buttons carries."""
        self._settings = settings
        self._instance = instance
        self._on_batch = on_batch
        self._report = report
        self._skipped = skipped
        self._clock = clock
        self._pauses = pauses
        self._connect = connect_to
        self._random = Random()
        self._access = access_of(settings, "", instance)
        self._is_known = False
        self._webhook_dropped = False
        self._offset: tuple[int, int] | None = None
        self._most = BATCH
        self._is_eager = True
        self._failures = 0
        self._said: tuple[str, int] | None = None
        self._polled_ns: int | None = None

    async def run(self) -> None:
        """Listen until cancelled. Nothing else ends it."""
        while True:
            hearing: Hearing | None = None
            try:
                hearing = await self._connect(self._settings)
                while True:
                    await self._round(hearing)
            except MessengerError as error:
                await self._clock.sleep(self._trouble(error))
            except Exception as error:  # noqa: BLE001 - the task's outer edge: listen on
                within = SendFailed(f"polling failed within: {type(error).__name__}")
                await self._clock.sleep(self._trouble(within))
            finally:
                if hearing is not None:
                    await hearing.close()

    async def _round(self, hearing: Hearing) -> None:
        """One poll and what follows from it, a wait included where it failed."""
        try:
            if not self._is_known:
                self._access = access_of(self._settings, await hearing.me(), self._instance)
                self._is_known = True
            found = await hearing.updates(
                self._offset_now(), self._most, self._wait_s(), self._timeout_s
            )
        except Conflict as error:
            if error.by_webhook and not self._webhook_dropped:
                await self._drop_webhook(hearing)
            else:
                await self._clock.sleep(self._trouble(error))
        except (SendFailed, Refused) as error:
            await self._clock.sleep(self._trouble(error))
        else:
            await self._take(found)

    def _wait_s(self) -> int:
        # At a start and after an outage an answer at once says that we are heard; in a quiet chat
        # the other kind takes its full time to say so.
        return 0 if self._is_eager else self._pauses.poll_s

    @property
    def _timeout_s(self) -> float:
        return self._pauses.poll_s + self._pauses.margin_s

    def _offset_now(self) -> int | None:
        if self._offset is None:
            return None
        update_id, since_ns = self._offset
        return update_id if self._clock.mono_ns() - since_ns < OFFSET_LIFE_NS else None

    async def _take(self, found: Sequence[object]) -> None:
        batch = [hear(raw, self._access) for raw in found]
        ids = [update.update_id for update in batch if update.update_id >= 0]
        if batch and not ids:
            # Nothing in it could ever be confirmed, so it would come again at once.
            await self._clock.sleep(self._trouble(Unreadable("Telegram sent no updates but junk")))
            return
        if batch:
            await self._hand_over(batch)
        # Without an offset after an empty answer: ids may go on from anywhere below the last one.
        self._offset = (ids[-1] + 1, self._clock.mono_ns()) if ids else None
        is_all = len(found) < self._most
        self._most = BATCH
        self._well(is_all=is_all)

    async def _hand_over(self, batch: Batch) -> None:
        try:
            await self._on_batch(batch)
        except Exception as error:  # noqa: BLE001 - the handler's outer edge: one by one, then
            _logger.error("Telegram: a batch of updates failed: %s", type(error).__name__)
        else:
            return
        for update in batch:
            await self._hand_over_one(update)

    async def _hand_over_one(self, update: Heard | Denied) -> None:
        failure = ""
        for number in range(TRIES):
            if number:
                await self._clock.sleep(self._pauses.retry_s)
            try:
                await self._on_batch([update])
            except Exception as error:  # noqa: BLE001 - as above; told below
                failure = type(error).__name__
            else:
                return
        _logger.error("Telegram: update %d is passed over: %s", update.update_id, failure)
        try:
            await self._skipped(update, failure)
        except Exception as error:  # noqa: BLE001 - what cannot be noted must hold up nothing
            _logger.error("Telegram: that could not be noted: %s", type(error).__name__)

    async def _drop_webhook(self, hearing: Hearing) -> None:
        self._webhook_dropped = True
        _logger.warning("Telegram: a webhook is set, which keeps updates from us; it is removed")
        try:
            await hearing.drop_webhook()
        except MessengerError as error:
            self._webhook_dropped = False
            await self._clock.sleep(self._trouble(error))

    def _well(self, *, is_all: bool) -> None:
        if self._said is not None:
            _logger.info("Telegram: updates are heard again")
        self._failures = 0
        self._is_eager = False
        self._said = None
        if is_all:
            self._polled_ns = self._clock.now_ns()
            self._report(BotHealth(polled_ns=self._polled_ns))

    def _trouble(self, error: MessengerError) -> float:
        """Say what is wrong, once, and how long to wait."""
        self._failures += 1
        # A short poll tells nothing of a rival who takes over the long ones.
        self._is_eager = not isinstance(error, Conflict)
        pauses = self._pauses
        match error:
            case Conflict():
                other = "a webhook takes the updates" if error.by_webhook else "someone else polls"
                self._say(logging.ERROR, f"{other} with this token ({error.reason})")
                self._report(BotHealth(polled_ns=self._polled_ns, refused=error.reason))
                return self._backed_off(pauses.conflict_s)
            case Refused():
                self._say(logging.ERROR, f"updates are refused: {error.reason}")
                self._report(BotHealth(polled_ns=self._polled_ns, refused=error.reason))
                return pauses.probe_s
            case Unreadable():
                # Should one update be the trouble, at least those before it get through.
                self._most = 1
        self._say(logging.WARNING, f"no updates: {error.reason}")
        waits = self._backed_off(pauses.trouble_s)
        asked = error.retry_after_s if isinstance(error, SendFailed) else None
        return max(waits, min(asked or 0.0, pauses.probe_s))

    def _backed_off(self, bounds: tuple[float, float]) -> float:
        first, longest = bounds
        whole = min(first * 2.0 ** min(self._failures - 1, _MAX_DOUBLINGS), longest)
        # Never less than half: many bots of one outage should not come back in one moment.
        return whole * (0.5 + self._random.random() / 2)

    def _say(self, level: int, words: str) -> None:
        now_ns = self._clock.mono_ns()
        said = self._said
        if said is not None and said[0] == words and now_ns - said[1] < SAY_AGAIN_NS:
            return
        self._said = (words, now_ns)
        _logger.log(level, "Telegram: %s", words)
