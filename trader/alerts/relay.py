"""The relay: takes alerts out of the outbox to whoever tells them, until each has been accepted."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from trader.alerts.outbox import Outbox
from trader.alerts.stub import log_as_sent
from trader.domain.control import Language
from trader.domain.delivery import DeliveryNote, NoteKind, StoredAlert

_logger = logging.getLogger("trader.alerts")

IDLE_S = 5.0
"""How long the relay sleeps at most while nobody wakes it."""
DELIVER_TIMEOUT_S = 60.0
FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0
MAX_RETRY_AFTER_S = 3_600.0
_BATCH = 50
_MAX_DOUBLINGS = 16


class DeliveryFailed(Exception):
    """The sink did not take an alert, and would not take another now.

    ``retry_after_s`` is how long it asks to be left alone, where it says so. The text goes into
    the log and the outbox, so it must hold no secret.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Sink(Protocol):
    """Whoever tells alerts: Telegram, a webhook, or the log."""

    async def deliver(self, alert: StoredAlert) -> None:
        """Tell one alert; returning means it was accepted.

        Raises:
            DeliveryFailed: it was not; it will be tried again.
        """
        ...


class StubSink:
    """Writes alerts into the log as they would have been sent, and accepts them all."""

    def __init__(self, language: Language) -> None:
        self._language = language

    async def deliver(self, alert: StoredAlert) -> None:
        """Log one alert."""
        log_as_sent(alert.alert, self._language)


class Relay:
    """Hands waiting alerts to the sink one by one, the most severe and then the oldest first.

    An alert is marked as delivered only after the sink took it, so a crash in between tells it
    twice and never loses it. ``wake`` is set by whoever commits alerts; without it they wait for
    ``IDLE_S`` at most.
    """

    def __init__(
        self,
        outbox: Outbox,
        sink: Sink,
        wake: asyncio.Event,
        now_ns: Callable[[], int] = time.time_ns,
        *,
        first_backoff_s: float = FIRST_BACKOFF_S,
        deliver_timeout_s: float = DELIVER_TIMEOUT_S,
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._wake = wake
        self._now_ns = now_ns
        self._first_backoff_s = first_backoff_s
        self._deliver_timeout_s = deliver_timeout_s
        self._failures = 0
        # Two passes at once, the loop's and a drain's, would tell an alert twice.
        self._one_pass = asyncio.Lock()

    async def run(self) -> None:
        """Relay until cancelled. Outlives every error of the sink, but none of the database."""
        while True:
            wait_s = await self._pass()
            if wait_s is not None:
                # Not cut short by a new alert: the sink asked to be left alone.
                await asyncio.sleep(wait_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()

    async def drain(self, timeout_s: float) -> int:
        """Deliver what waits, for ``timeout_s`` at most; returns how many alerts still wait.

        Gives up at the first failure: what is left waits in the outbox for the next start.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._pass()
        return self._outbox.pending_count()

    async def _pass(self) -> float | None:
        """Deliver until nothing waits; returns how long to wait instead, after a failure."""
        async with self._one_pass:
            # An alert the sink chokes on must not keep the others from being told.
            choked: set[int] = set()
            while True:
                self._wake.clear()
                waiting = self._outbox.waiting(_BATCH).alerts
                batch = [alert for alert in waiting if alert.id not in choked]
                if not batch:
                    return self._backoff_s(None) if choked else None
                for alert in batch:
                    refusal = await self._offer(alert)
                    if refusal is None:
                        self._failures = 0
                        self._outbox.acknowledge((self._accepted(alert),))
                    elif refusal.is_about_alert:
                        self._note(alert, refusal)
                        choked.add(alert.id)
                    else:
                        return self._note(alert, refusal)
                    # Something new came meanwhile, and may be more severe than the next one here.
                    if self._wake.is_set():
                        break

    async def _offer(self, stored: StoredAlert) -> "_Refusal | None":
        try:
            async with asyncio.timeout(self._deliver_timeout_s):
                await self._sink.deliver(stored)
        except DeliveryFailed as failure:
            return _Refusal(str(failure), failure.retry_after_s)
        except TimeoutError:
            return _Refusal(f"not taken within {self._deliver_timeout_s:g} s")
        except Exception as error:  # The outer edge of the sink's code: it may be anything.
            _logger.exception("Telegram relay: alert %d broke the sink", stored.id)
            return _Refusal(f"{type(error).__name__} in the sink", is_about_alert=True)
        return None

    def _accepted(self, stored: StoredAlert) -> DeliveryNote:
        return DeliveryNote(
            stored.id,
            NoteKind.SENT,
            self._now_ns(),
            stored.count,
            over=stored.over_ns is not None,
        )

    def _note(self, stored: StoredAlert, refusal: "_Refusal") -> float:
        self._failures += 1
        wait_s = self._backoff_s(refusal.retry_after_s)
        self._outbox.acknowledge(
            (DeliveryNote(stored.id, NoteKind.FAILED, self._now_ns(), error=refusal.reason),)
        )
        _logger.warning(
            "Telegram relay: alert %d (%s) not delivered: %s; next attempt in %.0f s",
            stored.id,
            stored.alert.code,
            refusal.reason,
            wait_s,
        )
        return wait_s

    def _backoff_s(self, asked_s: float | None) -> float:
        doublings = min(max(self._failures - 1, 0), _MAX_DOUBLINGS)
        backoff_s = min(self._first_backoff_s * 2.0**doublings, MAX_BACKOFF_S)
        return min(max(asked_s or 0.0, backoff_s), MAX_RETRY_AFTER_S)


class _Refusal(Struct, frozen=True):
    reason: str
    retry_after_s: float | None = None
    is_about_alert: bool = False
