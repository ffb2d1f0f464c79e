"""How fast messages may go to one chat. Pure: every time is given, on the monotonic clock."""

from collections import deque

_NS_PER_S = 1_000_000_000
INTERVAL_NS = 1_020_000_000
"""A message a second, and a little for the unevenness of the way there."""
WINDOW_NS = 60_500_000_000
GROUP_MOST = 20
GROUP_INTERVAL_NS = 3_350_000_000
"""Between lesser messages to a group: evenly, so that one waits seconds for its turn and leaves two
of the minute's twenty to what is critical."""
MAX_HOLD_NS = 24 * 3_600 * _NS_PER_S


class Pace:
    """A message a second, and twenty a minute to a group.

    One turn is kept in reserve for what is critical: it need not wait for the second after a lesser
    message to pass, and the lesser one after it waits two, so the average holds.
    """

    def __init__(self, *, is_group: bool = False) -> None:
        self._is_group = is_group
        self._free_ns: int | None = None
        self._held_ns: int | None = None
        self._taken: deque[int] = deque(maxlen=GROUP_MOST)

    @property
    def held_until_ns(self) -> int | None:
        """Until when the chat asked to be left alone, by everything."""
        return self._held_ns

    def ready_ns(self, now_ns: int, *, critical: bool) -> int:
        """When the next message may go, ``now_ns`` at the earliest."""
        ready = now_ns
        if self._held_ns is not None:
            ready = max(ready, self._held_ns)
        if self._free_ns is not None:
            ready = max(ready, self._free_ns - INTERVAL_NS if critical else self._free_ns)
        if not self._is_group or not self._taken:
            return ready
        if not critical:
            ready = max(ready, self._taken[-1] + GROUP_INTERVAL_NS)
        if len(self._taken) == GROUP_MOST:
            ready = max(ready, self._taken[0] + WINDOW_NS)
        return ready

    def took(self, now_ns: int) -> None:
        """Note that a message left, or an edit, which counts as one."""
        free = now_ns if self._free_ns is None else max(self._free_ns, now_ns)
        self._free_ns = free + INTERVAL_NS
        self._taken.append(now_ns)

    def hold(self, now_ns: int, seconds: float) -> None:
        """Let nothing go for ``seconds``, of which a day counts at most."""
        wait_ns = min(max(int(seconds * _NS_PER_S), 0), MAX_HOLD_NS)
        self._held_ns = max(self._held_ns or 0, now_ns + wait_ns)


def is_group(chat_id: str) -> bool:
    """Whether the chat is a group or a channel, going by its id."""
    return chat_id.strip().startswith(("-", "@"))
