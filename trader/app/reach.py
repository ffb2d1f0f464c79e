"""Reach: whether the operator can be told and heard, from what the bot reports of itself."""

import time
from collections.abc import Callable

from trader.domain.delivery import BotHealth

_NS = 1_000_000_000
_NS_PER_MINUTE = 60 * _NS


class Reach:
    """Ages by the monotonic clock: a step of the wall clock makes nobody reachable."""

    def __init__(
        self, unreachable_minutes: float, mono_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._within_ns = unreachable_minutes * _NS_PER_MINUTE
        self._mono_ns = mono_ns
        self._health = BotHealth()
        self._sent_mono_ns: int | None = None
        self._polled_mono_ns: int | None = None

    def heard(self, health: BotHealth) -> None:
        """Take in how the bot fares."""
        now = self._mono_ns()
        if health.sent_ns is not None and health.sent_ns != self._health.sent_ns:
            self._sent_mono_ns = now
        if health.polled_ns is not None and health.polled_ns != self._health.polled_ns:
            self._polled_mono_ns = now
        self._health = health

    def has_credentials(self, given: bool | None) -> bool | None:
        """False where there are none or Telegram refused them; None until it took or refused."""
        if given is False or self._health.refused:
            return False
        answered = self._sent_mono_ns is not None or self._polled_mono_ns is not None
        return True if answered else None

    def is_reachable(self) -> bool | None:
        """Whether both polling and sending worked of late; None before both did once."""
        age_ns = self._answer_age_ns()
        return None if age_ns is None else age_ns <= self._within_ns

    def answer_age_s(self) -> float | None:
        """Seconds since Telegram answered polling and sending, of the two the longer; None before
        both did once.
        """
        age_ns = self._answer_age_ns()
        return None if age_ns is None else age_ns / _NS

    def _answer_age_ns(self) -> int | None:
        if self._sent_mono_ns is None or self._polled_mono_ns is None:
            return None
        return self._mono_ns() - min(self._sent_mono_ns, self._polled_mono_ns)
