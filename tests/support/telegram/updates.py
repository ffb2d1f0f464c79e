"""The queue of updates of one bot: identifiers, confirmation, age. Pure."""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from random import Random
from typing import Any

Json = dict[str, Any]

KEPT_S = 86_400
# A later offset than this beyond the newest update is taken for nonsense and confirms nothing.
_FORESIGHT = 10
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Updates until they are confirmed, or a day old. Times are UTC seconds."""

    def __init__(self, first_id: int) -> None:
        self.next_id = first_id
        self._waiting: deque[tuple[int, float, Json]] = deque()
        self._again: list[Json] = []
        self._allowed: frozenset[str] | None = None

    def allow(self, kinds: Iterable[str]) -> None:
        """Only these kinds enter from now on; none named is the default. What waits stays."""
        named = frozenset(kinds)
        self._allowed = named or None

    def allows(self, kind: str) -> bool:
        """Whether an update of ``kind`` would enter."""
        if self._allowed is None:
            return kind not in _NOT_BY_DEFAULT
        return kind in self._allowed

    def add(self, kind: str, payload: Json, now: float) -> int | None:
        """The id it got; None where its kind is not allowed."""
        if not self.allows(kind):
            return None
        update_id = self.next_id
        self.put(update_id, now, {kind: payload})
        return update_id

    def put(self, update_id: int, created: float, content: Json) -> None:
        """An update with an id of its own, above all that wait."""
        self._waiting.append((update_id, created, content))
        self.next_id = max(self.next_id, update_id + 1)

    def repeat(self, update: Json) -> None:
        """Deliver it once more with the next answer, whatever was confirmed."""
        self._again.append(update)

    def take(self, offset: int, limit: int, now: float) -> list[Json]:
        """Those from ``offset`` on, at most ``limit``; forgets all before it.

        A negative offset counts from the end of the queue.
        """
        self._drop_old(now)
        if offset < 0:
            offset = max(offset + self.next_id, 1)
        if offset <= self.next_id + _FORESIGHT:
            self.confirm(offset)
        again, self._again = self._again, []
        chosen = islice(self._waiting, limit)
        return again + [{"update_id": update_id, **content} for update_id, _, content in chosen]

    def confirm(self, offset: int) -> None:
        """Forget every update with an id below ``offset``."""
        while self._waiting and self._waiting[0][0] < offset:
            self._waiting.popleft()

    def waiting(self, now: float) -> list[Json]:
        """All unconfirmed ones, untouched."""
        self._drop_old(now)
        return [{"update_id": update_id, **content} for update_id, _, content in self._waiting]

    def restart_ids(self, random: Random) -> int:
        """Go on from an unrelated id, as Telegram does after a quiet week; nothing may wait."""
        if self._waiting:
            raise ValueError("updates are waiting: ids only restart when the queue is empty")
        self.next_id = random.randrange(1, 2**30)
        return self.next_id

    def clear(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def _drop_old(self, now: float) -> None:
        while self._waiting and self._waiting[0][1] + KEPT_S <= now:
            self._waiting.popleft()
