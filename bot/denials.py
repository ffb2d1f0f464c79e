"""How much is written about the denied: enough to see it, too little to cost the disk. Pure."""

from collections import OrderedDict

from msgspec import Struct

from bot.audit import AuditEntry
from bot.updates import Denied, DenyReason

MAX_STRANGERS = 1_000
HOURLY_LINES = 30
"""Lines about the denied in an hour, at most; what is beyond is told as one number."""

_HOUR_NS = 3_600 * 1_000_000_000


class Denials:
    """Rations the lines about denied updates: one an hour for each stranger, chat and reason.

    At most ``MAX_STRANGERS`` are remembered and ``HOURLY_LINES`` written, so a flood costs neither
    memory nor disk. Pure: times are given, UTC nanoseconds.
    """

    def __init__(self) -> None:
        self.counts: dict[DenyReason, int] = dict.fromkeys(DenyReason, 0)
        self._strangers: OrderedDict[tuple[object, ...], _Stranger] = OrderedDict()
        self._hour_ns = 0
        self._lines = 0
        self._unsaid = 0

    def note(self, denied: Denied, now_ns: int) -> tuple[AuditEntry, ...]:
        """Count a denied update; what is to be written about it, mostly nothing."""
        self.counts[denied.why] += 1
        if denied.why is DenyReason.WORDLESS:
            # An operator's pictures and our own pinning: nobody tried anything.
            return ()
        entries = self._new_hour(now_ns)
        key = (denied.user_id, denied.chat_id, denied.why)
        known = self._strangers.pop(key, None)
        is_due = known is None or not 0 <= now_ns - known.told_ns < _HOUR_NS
        if is_due and self._lines < HOURLY_LINES:
            self._lines += 1
            unsaid = 0 if known is None else known.unsaid
            entries = (*entries, _entry(denied, unsaid))
            self._remember(key, _Stranger(now_ns, 0))
        elif known is not None:
            self._remember(key, _Stranger(known.told_ns, known.unsaid + 1))
        else:
            self._unsaid += 1
        return entries

    def flush(self) -> tuple[AuditEntry, ...]:
        """What was counted and not written, as one line: for the end of the day."""
        unsaid = self._unsaid + sum(known.unsaid for known in self._strangers.values())
        self._unsaid = 0
        self._strangers.clear()
        return (_summed(unsaid),) if unsaid else ()

    def _new_hour(self, now_ns: int) -> tuple[AuditEntry, ...]:
        if 0 <= now_ns - self._hour_ns < _HOUR_NS:
            return ()
        self._hour_ns = now_ns
        self._lines = 0
        unsaid, self._unsaid = self._unsaid, 0
        return (_summed(unsaid),) if unsaid else ()

    def _remember(self, key: tuple[object, ...], stranger: "_Stranger") -> None:
        self._strangers[key] = stranger
        while len(self._strangers) > MAX_STRANGERS:
            _, forgotten = self._strangers.popitem(last=False)
            self._unsaid += forgotten.unsaid


class _Stranger(Struct, frozen=True):
    told_ns: int
    unsaid: int


def _entry(denied: Denied, unsaid: int) -> AuditEntry:
    who = f"telegram:{denied.user_id}" if denied.user_id is not None else "telegram:?"
    what = f"update {denied.update_id} in chat {denied.chat_id}"
    if denied.text_hash:
        what += f", text {denied.text_hash}"
    if unsaid:
        what += f"; {unsaid} more since the last line"
    return AuditEntry(who, what, f"denied: {denied.why}")


def _summed(unsaid: int) -> AuditEntry:
    return AuditEntry("telegram:*", f"{unsaid} more updates of strangers", "denied")
