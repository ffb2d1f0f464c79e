"""An engine's side of alert delivery in memory: the outbox's rules, and a hatch to shut."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count

from msgspec.structs import replace

from tests.support.fake_clock import FakeClock
from trader.domain.control import Alert, Command, Reply, Severity
from trader.domain.delivery import (
    URGENT,
    BotHealth,
    DeliveryNote,
    Folded,
    NoteKind,
    StoredAlert,
    Waiting,
)
from trader.domain.errors import PortError

_RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 2, Severity.INFO: 3}


class FakePort:
    """Alerts enter with :meth:`tell`; ``down`` shuts everything, ``deaf`` only what notes."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._ids = count(1)
        self._rows: dict[int, StoredAlert] = {}
        self._endings: dict[int, Alert] = {}
        self._by_key: dict[tuple[str, str], int] = {}
        self._open: dict[str, bool] = {}
        self._news = asyncio.Event()
        self.folded: dict[str, Folded] = {}
        self.notes: list[DeliveryNote] = []
        self.reports: list[BotHealth] = []
        self.down = False
        self.deaf = False
        self.journal = "one"
        self._told_criticals: dict[str, StoredAlert] = {}

    def swapped(self, journal: str) -> None:
        """Another database takes its place: nothing waits, nothing stands, ids begin anew."""
        self._ids = count(1)
        for kept in (self._rows, self._endings, self._by_key, self._open, self._told_criticals):
            kept.clear()
        self.folded.clear()
        self.journal = journal

    def tell(self, alert: Alert) -> None:
        """Commit an alert."""
        now_ns = self._clock.now_ns()
        self._news.set()
        waiting = self._waiting_of(alert)
        if alert.clears:
            told = self._end(alert, now_ns)
            if alert.severity is Severity.INFO and not told:
                return
        elif alert.lasting:
            self._open[alert.key] = True
        is_merged = alert.severity is not Severity.CRITICAL and not alert.clears
        if is_merged and waiting is not None:
            more = replace(
                waiting, alert=alert, count=waiting.count + 1, last_ns=now_ns, over_ns=None
            )
            self._rows[waiting.id] = more
            return
        row = StoredAlert(next(self._ids), alert, now_ns, last_ns=now_ns)
        self._rows[row.id] = row
        if not alert.clears:
            self._by_key[alert.key, alert.code] = row.id

    def sent(self) -> list[DeliveryNote]:
        """The notes of what was sent."""
        return [note for note in self.notes if note.kind is NoteKind.SENT]

    async def engines(self) -> tuple[str, ...]:
        """One, without a name that matters."""
        return ("main",)

    async def command(self, command: Command, to: str = "", id: str = "") -> Reply:  # noqa: A002 - the port's
        """Nobody commands here."""
        raise PortError(f"{command} {id} to {to}: no commands here")

    async def ask(
        self, question: str, to: str = "", arguments: Mapping[str, object] | None = None
    ) -> Mapping[str, object]:
        """Nobody asks here."""
        raise PortError(f"{question} of {to} with {arguments}: no questions here")

    async def alerts(self, most: int, to: str = "") -> Waiting:
        """What waits, by rank and age."""
        self._look(to)
        rows = sorted(self._rows.values(), key=lambda row: (*_rank(row), row.id))
        return Waiting(tuple(rows[:most]), tuple(self.folded.values()), len(rows), self.journal)

    async def news(self, timeout_s: float, to: str = "") -> None:
        """Wait for an alert or for the fake clock."""
        self._look(to)
        slept = asyncio.ensure_future(self._clock.sleep(timeout_s))
        heard = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((slept, heard), return_when=asyncio.FIRST_COMPLETED)
        finally:
            slept.cancel()
            heard.cancel()
        self._news.clear()

    async def acknowledge(self, notes: Sequence[DeliveryNote], to: str = "") -> None:
        """Note it, and let go of what was told."""
        self._look(to)
        if self.deaf:
            raise PortError("the disk is full")
        for note in notes:
            self.notes.append(note)
            if note.kind is NoteKind.SEEN:
                self._told_criticals = {
                    key: one for key, one in self._told_criticals.items() if one.id != note.alert_id
                }
            row = self._rows.get(note.alert_id)
            if row is None:
                continue
            if note.kind is NoteKind.SENT and row.alert.severity is Severity.CRITICAL:
                self._told_criticals[row.alert.key] = row
            if note.kind is NoteKind.BACKUP:
                self._rows[row.id] = replace(row, backup_ns=note.at_ns)
            elif note.kind is NoteKind.SENT:
                self._take(row, note)

    async def folded_told(self, folded: Sequence[Folded], to: str = "") -> None:
        """Take off what was told."""
        self._look(to)
        for one in folded:
            kept = self.folded[one.code]
            del self.folded[one.code]
            if kept.count > one.count:
                rest = replace(kept, count=kept.count - one.count, first_ns=one.last_ns)
                self.folded[one.code] = rest

    async def conditions(self, to: str = "") -> frozenset[str]:
        """What stands."""
        self._look(to)
        return frozenset(self._open)

    async def standing(self, most: int, to: str = "") -> tuple[StoredAlert, ...]:
        """What was told, stands and was not seen."""
        self._look(to)
        found = [row for key, row in self._told_criticals.items() if key in self._open]
        return tuple(sorted(found, key=lambda row: -row.id)[:most])

    async def report(self, health: BotHealth, to: str = "") -> None:
        """Keep it."""
        self._look(to)
        self.reports.append(health)

    def _look(self, to: str) -> None:
        assert to == "main"
        self._clock.busy += 1
        if self.down:
            raise PortError("the engine does not answer")

    def _waiting_of(self, alert: Alert) -> StoredAlert | None:
        row_id = self._by_key.get((alert.key, alert.code))
        return None if row_id is None else self._rows.get(row_id)

    def _end(self, alert: Alert, now_ns: int) -> bool:
        """End the condition; whether its alert was told, so that the end is news of its own."""
        was_open = self._open.pop(alert.key, False)
        for row in list(self._rows.values()):
            if row.alert.key != alert.key or row.alert.clears:
                continue
            if row.told == 0 and row.alert.severity is not Severity.CRITICAL:
                self._rows[row.id] = replace(row, over_ns=now_ns)
                self._endings[row.id] = alert
                return False
        return was_open

    def _take(self, row: StoredAlert, note: DeliveryNote) -> None:
        told = max(row.told, note.count)
        if told < row.count:
            self._rows[row.id] = replace(row, told=told)
            return
        del self._rows[row.id]
        ending = self._endings.pop(row.id, None)
        if row.over_ns is not None and ending is not None and not note.over:
            late = StoredAlert(next(self._ids), ending, row.over_ns, last_ns=row.over_ns)
            self._rows[late.id] = late


def _rank(row: StoredAlert) -> tuple[int, bool]:
    ends = row.alert.clears and row.alert.severity is Severity.INFO
    rank = 1 if ends else _RANKS[row.alert.severity]
    return rank, rank == 0 and row.alert.code not in URGENT
