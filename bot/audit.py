"""The audit chain: who commanded what, how old it was, what was decided, and what it changed.

Each line carries the hash of the one before it, so whoever kept a head sees if an earlier line was
changed or left out.
"""

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from bot.control_memory import ControlMemory

GENESIS = "0" * 64
MAX_FIELD_CHARS = 500
KEEP_ROWS = 100_000
KEEP_NS = 366 * 24 * 3_600 * 1_000_000_000
MOST_ROWS = 500_000
"""A line goes once it is older than a year and beyond ``KEEP_ROWS``, or beyond ``MOST_ROWS``."""

_PRUNE_EVERY = 1_000
_PRUNE_MOST = 10_000
_COLUMNS = "seq, at_ns, who, what, age_s, decision, before, after, prev_hash, hash"

_encoder = msgspec.json.Encoder()


class AuditLine(Struct, frozen=True):
    """One line. ``age_s`` is how old the command was; ``before`` and ``after`` are states in words.

    ``hash`` covers everything else, ``prev_hash`` included.
    """

    seq: int
    at_ns: int
    who: str
    what: str
    age_s: int | None
    decision: str
    before: str
    after: str
    prev_hash: str
    hash: str


class AuditEntry(Struct, frozen=True):
    """What a line is to say."""

    who: str
    what: str
    decision: str
    age_s: int | None = None
    before: str = ""
    after: str = ""


class AuditHead(Struct, frozen=True):
    """The newest line's number and hash; 0 and ``GENESIS`` where there is none."""

    seq: int
    hash: str


class AuditFlaw(Struct, frozen=True):
    """The first line that does not fit, and why."""

    seq: int
    why: str


class Audit:
    """The chain in the control memory. Every method may raise MemoryFailed and waits for the disk.

    From the loop, call through ``ControlMemory.apart``.
    """

    def __init__(self, memory: ControlMemory, now_ns: Callable[[], int]) -> None:
        self._memory = memory
        self._now_ns = now_ns
        self._added = 0

    def note(self, *entries: AuditEntry) -> AuditHead:
        """Add lines, on disk when it returns; the head they lead to."""
        at_ns = self._now_ns()
        with self._memory.writing() as db:
            head = self._head()
            for entry in entries:
                line = _chained(head, at_ns, entry)
                db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(line))
                head = AuditHead(line.seq, line.hash)
        self._added += len(entries)
        if self._added >= _PRUNE_EVERY:
            self._added = 0
            self.prune()
        return head

    def head(self) -> AuditHead:
        """Where the chain stands: to be told outside, so that a shortened chain shows."""
        return self._head()

    def recent(self, most: int) -> tuple[AuditLine, ...]:
        """The newest lines, the newest first."""
        found = self._memory.rows(f"SELECT {_COLUMNS} FROM audit ORDER BY seq DESC LIMIT ?", most)
        return tuple(_line(row) for row in found)

    def verify(self, known: AuditHead | None = None) -> AuditFlaw | None:
        """The first flaw, or None; ``known`` is a head told earlier, which must be found."""
        seen = cut = self._cut()
        while lines := self._after(seen.seq):
            for line in lines:
                if (why := _flaw(seen, line)) is not None:
                    return AuditFlaw(line.seq, why)
                seen = AuditHead(line.seq, line.hash)
        return None if known is None else self._missing(known, cut, seen)

    def prune(self) -> None:
        """Cut off what is beyond the bounds, and remember where."""
        row = self._memory.rows(
            "SELECT max(seq) FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?"
            " OR (seq <= (SELECT max(seq) FROM audit) - ? AND at_ns < ?)",
            MOST_ROWS,
            KEEP_ROWS,
            self._now_ns() - KEEP_NS,
        )[0]
        if row[0] is None:
            return
        last = msgspec.convert(row[0], int)
        last = min(last, self._cut().seq + _PRUNE_MOST)
        with self._memory.writing() as db:
            # First where the cut is, since nothing else may be removed.
            db.execute(
                "INSERT OR REPLACE INTO audit_cut SELECT 1, seq, hash FROM audit WHERE seq = ?",
                (last,),
            )
            db.execute("DELETE FROM audit WHERE seq <= ?", (last,))

    def _head(self) -> AuditHead:
        found = self._memory.rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        return AuditHead(*msgspec.convert(found[0], tuple[int, str])) if found else self._cut()

    def _cut(self) -> AuditHead:
        found = self._memory.rows("SELECT seq, hash FROM audit_cut")
        return AuditHead(*msgspec.convert(found[0], tuple[int, str])) if found else _START

    def _after(self, seq: int) -> Sequence[AuditLine]:
        found = self._memory.rows(
            f"SELECT {_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000", seq
        )
        return [_line(row) for row in found]

    def _missing(self, known: AuditHead, cut: AuditHead, newest: AuditHead) -> AuditFlaw | None:
        if known.seq < cut.seq or known == cut:
            return None
        if known.seq > newest.seq:
            return AuditFlaw(known.seq, "the chain ends before it")
        found = self._memory.rows("SELECT hash FROM audit WHERE seq = ?", known.seq)
        return (
            None if found == [(known.hash,)] else AuditFlaw(known.seq, "another line stands here")
        )


_START = AuditHead(0, GENESIS)


def _chained(head: AuditHead, at_ns: int, entry: AuditEntry) -> AuditLine:
    line = AuditLine(
        head.seq + 1,
        at_ns,
        _cut_short(entry.who),
        _cut_short(entry.what),
        entry.age_s,
        _cut_short(entry.decision),
        _cut_short(entry.before),
        _cut_short(entry.after),
        head.hash,
        "",
    )
    return msgspec.structs.replace(line, hash=_digest(line))


def _digest(line: AuditLine) -> str:
    return hashlib.sha256(_encoder.encode(astuple(line)[:-1])).hexdigest()


def _flaw(before: AuditHead, line: AuditLine) -> str | None:
    if line.seq != before.seq + 1:
        return f"line {before.seq + 1} is missing"
    if line.prev_hash != before.hash:
        return "it does not follow from the line before it"
    return None if line.hash == _digest(line) else "its content was changed"


def _line(row: tuple[object, ...]) -> AuditLine:
    return AuditLine(
        *msgspec.convert(row, tuple[int, int, str, str, int | None, str, str, str, str, str])
    )


def _cut_short(text: str) -> str:
    return text[:MAX_FIELD_CHARS].encode("utf-8", "replace").decode()
