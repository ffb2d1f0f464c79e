"""How often a bot may write, by chat and by group: Telegram's flood limits. Pure."""

import math
from collections import deque

from msgspec import Struct

_MINUTE_S = 60.0


class Limits(Struct, frozen=True):
    """Messages a second to a chat with a burst on top, and messages a minute to a group."""

    per_chat_per_s: float = 1.0
    burst: int = 3
    per_group_per_minute: int = 20


class Flood:
    """Counts what is written; says how long to wait where it is too much. Monotonic seconds."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits
        self._until: dict[int, float] = {}
        self._tokens: dict[int, tuple[float, float]] = {}
        self._minutes: dict[int, deque[float]] = {}

    def shut(self, chat_id: int, until: float) -> None:
        """Refuse everything to this chat until then."""
        self._until[chat_id] = until

    def wait_s(self, chat_id: int, is_group: bool, now: float) -> int:
        """Count one message: 0 where it may go, else whole seconds until one may."""
        until = self._until.get(chat_id, 0.0)
        if now < until:
            return max(1, math.ceil(until - now))
        if self.limits is None:
            return 0
        wait = max(self._chat_wait(chat_id, now), self._group_wait(chat_id, is_group, now))
        if wait > 0:
            whole = max(1, math.ceil(wait))
            # Whoever comes back before the time told is told the rest of it, whatever the counts.
            self._until[chat_id] = now + whole
            return whole
        tokens, _ = self._tokens[chat_id]
        self._tokens[chat_id] = (tokens - 1.0, now)
        if is_group:
            self._minutes[chat_id].append(now)
        return 0

    def _chat_wait(self, chat_id: int, now: float) -> float:
        limits = self.limits
        assert limits is not None
        tokens, since = self._tokens.get(chat_id, (float(limits.burst), now))
        tokens = min(float(limits.burst), tokens + (now - since) * limits.per_chat_per_s)
        self._tokens[chat_id] = (tokens, now)
        # A hair of tolerance: a client that waited its second exactly is not to be turned away.
        return 0.0 if tokens >= 1.0 - 1e-3 else (1.0 - tokens) / limits.per_chat_per_s

    def _group_wait(self, chat_id: int, is_group: bool, now: float) -> float:
        limits = self.limits
        assert limits is not None
        if not is_group:
            return 0.0
        recent = self._minutes.setdefault(chat_id, deque())
        while recent and recent[0] + _MINUTE_S <= now:
            recent.popleft()
        full = len(recent) >= limits.per_group_per_minute
        return recent[0] + _MINUTE_S - now if full else 0.0
