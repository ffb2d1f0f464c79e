"""What a power cut can leave of a journal's two files, from a recording of its writes.

Whatever was synced is there. Of the rest each sector may be there or not, and a file that grew may
have any length in between, with zeros where nothing arrived.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum, auto
from pathlib import Path
from random import Random

from msgspec import Struct

from tests.support.write_recorder import Answered, Committed, Event, Sent, Synced, Write

SECTOR_BYTES = 512


class Tear(StrEnum):
    """What became of the bytes that were not synced."""

    LOST = auto()
    CUT = auto()
    """All up to any byte, and nothing of the rest."""
    ZEROED = auto()
    """All up to any byte, zeros to the file's end after it."""
    SCATTERED = auto()
    """Each sector by chance."""
    WHOLE = auto()


class Cut(Struct, frozen=True):
    """Two files as they are found after it, and what was promised before it."""

    at: int
    """After how many events of the recording."""
    tear: Tear
    database: bytes
    log: bytes
    promised: int
    """The number of the last fact that was synced."""
    written: int
    """That of the last fact that was committed."""
    sent: frozenset[str]
    """The ids of all orders that were written to a venue."""
    is_half_copied: bool
    """Whether a checkpoint was under way."""

    def put(self, journal: Path) -> None:
        """Write the files, as a host finds them when the power is back."""
        journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix, content in (("", self.database), ("-wal", self.log)):
            file = journal.with_name(journal.name + suffix)
            file.write_bytes(content)
            file.chmod(0o600)
        journal.with_name(f"{journal.name}-shm").unlink(missing_ok=True)


class Disk:
    """The two files: what is on disk for sure, and what was written since."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._sure = {"db": bytearray(), "wal": bytearray()}
        self._pending: dict[str, list[tuple[int, Write]]] = {"db": [], "wal": []}
        self._commits: list[tuple[int, int]] = []
        self.promised = self.written = 0
        self.sent: set[str] = set()
        self.broken: list[str] = []
        """Answers given, and orders sent, before what they rest on was on disk."""

    def take(self, event: Event) -> None:
        """Fold in what happened next."""
        number = len(self._events)
        self._events.append(event)
        match event:
            case Write():
                self._pending[event.file].append((number, event))
            case Committed(upto):
                self.written = upto
                self._commits.append((number, upto))
            case Synced(file, events):
                self._sync(file, events)
            case Sent(client_order_id):
                self.sent.add(client_order_id)
            case Answered(command_id):
                if self.promised < self.written:
                    self.broken.append(
                        f"{command_id} was answered with fact {self.written} and only"
                        f" {self.promised} on disk"
                    )

    def cut(self, random: Random, tear: Tear) -> Cut:
        """Cut the power now."""
        return Cut(
            len(self._events),
            tear,
            self._left_of("db", random, Tear.SCATTERED if tear is not Tear.WHOLE else tear),
            self._left_of("wal", random, tear),
            self.promised,
            self.written,
            frozenset(self.sent),
            bool(self._pending["db"]),
        )

    def _sync(self, file: str, events: int) -> None:
        sure, rest = self._sure[file], []
        for number, write in self._pending[file]:
            if number < events:
                _put(sure, write)
            else:
                rest.append((number, write))
        self._pending[file] = rest
        if file == "wal":
            while self._commits and self._commits[0][0] < events:
                self.promised = max(self.promised, self._commits.pop(0)[1])

    def _left_of(self, file: str, random: Random, tear: Tear) -> bytes:
        left = bytearray(self._sure[file])
        writes = [write for _, write in self._pending[file]]
        total = sum(len(write.content) for write in writes)
        reached = random.randint(0, total)
        for write in writes:
            taken = max(min(len(write.content), reached), 0)
            reached -= len(write.content)
            match tear:
                case Tear.LOST:
                    break
                case Tear.WHOLE:
                    _put(left, write)
                case Tear.SCATTERED:
                    _scatter(left, write, random)
                case Tear.CUT | Tear.ZEROED:
                    _put(left, Write(file, write.place, write.content[:taken]))  # type: ignore[arg-type]
                    if tear is Tear.ZEROED:
                        _stretch(left, write.place + len(write.content))
        return bytes(left)


def cuts(events: Sequence[Event], number: int, random: Random) -> Iterator[tuple[Disk, Cut]]:
    """So many cuts of a recording, at any event after its beginning, torn in every way."""
    begun = next(n for n, event in enumerate(events) if isinstance(event, Synced)) + 2
    wanted = sorted(random.randint(begun, len(events)) for _ in range(number))
    tears = [*Tear, Tear.CUT, Tear.SCATTERED]
    disk = Disk()
    for count, event in enumerate(events, 1):
        disk.take(event)
        # Of a commit's bytes any part may be missing, but the recording tells its number last.
        if isinstance(event, Write) and event.file == "wal":
            continue
        while wanted and wanted[0] <= count:
            wanted.pop(0)
            yield disk, disk.cut(random, random.choice(tears))


def _put(file: bytearray, write: Write) -> None:
    _stretch(file, write.place)
    file[write.place : write.place + len(write.content)] = write.content
    if write.size >= 0:
        _stretch(file, write.size)
        del file[write.size :]


def _scatter(file: bytearray, write: Write, random: Random) -> None:
    """By sectors of the file, not of the write: one half of a sector never comes alone."""
    place, end = write.place, write.place + len(write.content)
    _stretch(file, end)
    while place < end:
        upto = min((place // SECTOR_BYTES + 1) * SECTOR_BYTES, end)
        if random.random() < 0.5:
            file[place:upto] = write.content[place - write.place : upto - write.place]
        place = upto


def _stretch(file: bytearray, size: int) -> None:
    if len(file) < size:
        file.extend(bytes(size - len(file)))
