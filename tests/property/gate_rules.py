"""The rules of the live gate, written from its specification alone: imports nothing of trader.

Tables and small functions over plain values. What is shipped is compared with them step by step.
"""

import math
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Loss(StrEnum):
    """What it costs when a predicate does not hold."""

    PAUSES = "pauses"
    SUSPENDS = "suspends"
    DEMOTES = "demotes"
    REVOKES = "revokes"
    HALTS = "halts"


LOSS: dict[str, Loss] = {
    "MODE_NOT_LIVE": Loss.REVOKES,
    "ENV_FLAG_MISSING": Loss.REVOKES,
    "CONFIRM_FILE_MISSING": Loss.REVOKES,
    "CONFIRM_FILE_UNSAFE": Loss.REVOKES,
    "LOCK_NOT_HELD": Loss.REVOKES,
    "LEASE_NOT_HELD": Loss.REVOKES,
    "KEY_SCOPE_TOO_WIDE": Loss.REVOKES,
    "KEY_SCOPE_UNKNOWN": Loss.SUSPENDS,
    "KEY_SCOPE_STALE": Loss.DEMOTES,
    "HALTED": Loss.HALTS,
    "DEMOTED": Loss.DEMOTES,
    "CONFIRM_FILE_NOT_ARMED": Loss.DEMOTES,
    "CONFIRM_FILE_EXPIRED": Loss.DEMOTES,
    "BREAKER_TRIPPED": Loss.DEMOTES,
    "SAFETY_FAILED": Loss.DEMOTES,
    "DISK_LOW": Loss.SUSPENDS,
    "OPERATOR_CREDENTIALS": Loss.DEMOTES,
    "OPERATOR_UNREACHABLE": Loss.SUSPENDS,
    "FEEDS_STALE": Loss.SUSPENDS,
    "REDIS_STALE": Loss.SUSPENDS,
    "CLOCK_SKEWED": Loss.SUSPENDS,
    "NOT_RECONCILED": Loss.SUSPENDS,
    "LOOP_SLOW": Loss.SUSPENDS,
    "DRY_RUN": Loss.SUSPENDS,
    "PAUSED": Loss.PAUSES,
}

OF_AUTHORITY = frozenset({"HALTED", "DEMOTED", "CONFIRM_FILE_NOT_ARMED"})
"""These speak of the record of authority, not of something sensed."""

LOWERING = frozenset(
    code
    for code, loss in LOSS.items()
    if loss in (Loss.DEMOTES, Loss.REVOKES) and code not in OF_AUTHORITY
)
"""What revokes or demotes and is sensed: must hold to be raised, and latches when it is lost."""

SHORT_SUSPENSION_NS = 30 * 10**9
KEY_ANSWER_HOURS = 48


class Status(StrEnum):
    """How a predicate stands. IDLE passes because its question does not arise."""

    HOLDS = "holds"
    IDLE = "idle"
    UNKNOWN = "unknown"
    FAILS = "fails"


PASSES = (Status.HOLDS, Status.IDLE)


class Limits(NamedTuple):
    """The limits that the config sets."""

    redis_ms: float = 5_000.0
    skew_ms: float = 500.0
    lag_ms: float = 250.0
    disk_mb: float = 500.0
    cycles: int = 3
    redis_needed: bool = True
    operator_needed: bool = True
    file_hours: float | None = 24.0


class Mark(NamedTuple):
    """What tells one touch of the file from another."""

    device: int
    inode: int
    ctime: int
    mtime: int


class Host(NamedTuple):
    """The host's files as they are found. ``mark`` None: nothing has the confirm file's name."""

    now: int
    mark: Mark | None
    stands: bool
    halt_file: bool = False


class Level(IntEnum):
    """What people permit."""

    HALT = 0
    PAPER = 1
    LIVE = 2


class Record(NamedTuple):
    """Authority. ``seen`` is what the latch recorded of the file; nothing if ``latched`` is not."""

    level: Level = Level.PAPER
    latched: bool = False
    seen: Mark | None = None
    nothing_goes: bool = False
    used_up: bool = False
    revision: int = 0


# --- How each predicate stands -------------------------------------------------------------------


def _yes(value: object) -> Status:
    if value is None:
        return Status.UNKNOWN
    return Status.HOLDS if value is True else Status.FAILS


def _number(value: float | None, *, low: float, high: float, low_holds: bool) -> Status:
    """Above (or from) ``low`` and below ``high``; what is no number is neither."""
    if value is None:
        return Status.UNKNOWN
    if math.isnan(value) or math.isnan(low) or math.isnan(high) or math.isinf(value):
        return Status.FAILS
    above = value >= low if low_holds else value > low
    return Status.HOLDS if above and value < high else Status.FAILS


def _below(value: float | None, limit: float) -> Status:
    return _number(value, low=0.0, high=limit, low_holds=True)


def _worst(*statuses: Status) -> Status:
    return max(statuses, key=list(Status).index)


def judge_host(s: Mapping[str, object], limits: Limits) -> dict[str, Status]:
    """The predicates of the process and its host: mode, flag, file, lock, keys."""
    is_there = s["confirm_file"]
    keys = s["keys_cannot_withdraw"]
    found = {
        "MODE_NOT_LIVE": _yes(s["mode"] == "live"),
        "ENV_FLAG_MISSING": _yes(s["env_flag"]),
        "CONFIRM_FILE_MISSING": _yes(is_there),
        "CONFIRM_FILE_UNSAFE": _yes(s["confirm_file_safe"]),
        "CONFIRM_FILE_EXPIRED": Status.IDLE,
        "LOCK_NOT_HELD": _yes(s["lock_held"]),
        "LEASE_NOT_HELD": _yes(s["lease_held"]) if limits.redis_needed else Status.IDLE,
        "KEY_SCOPE_TOO_WIDE": Status.IDLE if keys is None else _yes(keys),
        "KEY_SCOPE_UNKNOWN": Status.UNKNOWN if keys is None else Status.HOLDS,
        "KEY_SCOPE_STALE": Status.IDLE,
    }
    if limits.file_hours is not None:
        found["CONFIRM_FILE_EXPIRED"] = _below(
            _float(s["confirm_file_age_hours"]), limits.file_hours
        )
    if keys is not None:
        found["KEY_SCOPE_STALE"] = _below(_float(s["key_answer_age_hours"]), KEY_ANSWER_HOURS)
    if is_there is False:
        # An absent file is missing, and nothing else can be said of it.
        found["CONFIRM_FILE_UNSAFE"] = found["CONFIRM_FILE_EXPIRED"] = Status.IDLE
    return found


def judge_running(s: Mapping[str, object], limits: Limits) -> dict[str, Status]:
    """The predicates of what runs: breakers, disk, operator, feeds, Redis, clock, loop."""
    idle = Status.IDLE
    pairs = _float(s["fresh_pairs"])
    loop = _worst(
        _below(_float(s["loop_lag_ms"]), limits.lag_ms),
        _below(_float(s["verdict_age_cycles"]), 2.0),
    )
    return {
        "BREAKER_TRIPPED": _yes(s["breakers"] == ()),
        "SAFETY_FAILED": _yes(s["safety_holds"]),
        "DISK_LOW": _number(
            _float(s["disk_free_mb"]), low=limits.disk_mb, high=math.inf, low_holds=False
        ),
        "OPERATOR_CREDENTIALS": _yes(s["operator_credentials"]) if limits.operator_needed else idle,
        "OPERATOR_UNREACHABLE": _yes(s["operator_reachable"]) if limits.operator_needed else idle,
        "FEEDS_STALE": Status.UNKNOWN if pairs is None else _yes(pairs >= 1),
        "REDIS_STALE": (
            _below(_float(s["redis_age_ms"]), limits.redis_ms) if limits.redis_needed else idle
        ),
        "CLOCK_SKEWED": _below(_float(s["clock_skew_ms"]), limits.skew_ms),
        "NOT_RECONCILED": _yes(s["reconciled"]),
        "LOOP_SLOW": loop,
        "PAUSED": _yes(s["paused"] is False),
    }


def judge_authority(record: Record, host: Host, is_there: object) -> dict[str, Status]:
    """The predicates that follow from the record and the files."""
    armed = record.level is Level.LIVE or is_armed(record, host)
    return {
        "HALTED": _yes(record.level is not Level.HALT and not host.halt_file),
        "DEMOTED": _yes(not (record.level is Level.PAPER and record.latched)),
        "CONFIRM_FILE_NOT_ARMED": Status.IDLE if is_there is False else _yes(armed),
    }


def _float(value: object) -> float | None:
    assert value is None or isinstance(value, (int, float))
    return value


# --- Authority -----------------------------------------------------------------------------------


def is_touched(record: Record, mark: Mark | None) -> bool:
    """Both times differ from those recorded, or there was nothing to compare with."""
    if mark is None:
        return False
    if not record.latched or record.seen is None:
        return True
    return mark.ctime != record.seen.ctime and mark.mtime != record.seen.mtime


def is_armed(record: Record, host: Host) -> bool:
    """The file arms: it stands and was touched since the latch."""
    return host.stands and is_touched(record, host.mark)


def _latch(record: Record, level: Level, host: Host, *, now: bool = False) -> Record:
    return Record(level, True, host.mark, now, False, record.revision + 1)


def halted(record: Record, host: Host, *, now: bool) -> Record:
    """``/halt`` and ``/halt now``: always latch; only the stricter one adds to the other."""
    if record.level is not Level.HALT:
        return _latch(record, Level.HALT, host, now=now)
    if now and not record.nothing_goes:
        return record._replace(nothing_goes=True, revision=record.revision + 1)
    return record


def demoted(record: Record, host: Host) -> Record:
    """``/paper``: always latches what is not halted, once for each state of the file."""
    already = record.level is Level.PAPER and record.latched and record.seen == host.mark
    if record.level is Level.HALT or already:
        return record
    return _latch(record, Level.PAPER, host)


def lifted(record: Record, host: Host, revision: int) -> Record:
    """``/resume`` of a halt: to PAPER, a latch itself; by its revision, and under no .halt file."""
    if record.level is Level.HALT and not host.halt_file and revision == record.revision:
        return _latch(record, Level.PAPER, host)
    return record


def started(record: Record, host: Host, *, crashed: bool) -> Record:
    """A clean stop keeps what was, a crash latches PAPER, and a .halt file halts."""
    if crashed and record.level is Level.LIVE:
        record = _latch(record, Level.PAPER, host)
    return halted(record, host, now=False) if host.halt_file else record


def seen_by_look(
    record: Record, host: Host, standing: Mapping[str, Status], held: frozenset[str]
) -> Record:
    """What a look in live mode makes of authority."""
    if host.halt_file:
        return halted(record, host, now=False)
    causes = {code for code in LOWERING if standing[code] is Status.FAILS}
    if record.level is Level.LIVE and causes & held:
        return _latch(record, Level.PAPER, host)
    if record.level is not Level.PAPER or not is_touched(record, host.mark):
        return record
    assert host.mark is not None
    is_ahead = host.mark.ctime > host.now or host.mark.mtime > host.now
    if record.latched and (causes or is_ahead):
        return record._replace(seen=host.mark, used_up=True, revision=record.revision + 1)
    # A key not asked about yet may still turn out to be one that revokes.
    needed = LOWERING | {"KEY_SCOPE_UNKNOWN"}
    if host.stands and all(standing[code] in PASSES for code in needed):
        return Record(Level.LIVE, revision=record.revision + 1)
    return record


# --- What still goes -----------------------------------------------------------------------------


class Way(IntEnum):
    """Where orders go; the strictest first."""

    NONE = 0
    PAPER = 1
    LIVE = 2


class Goes(NamedTuple):
    """What may go: entries, closings, and in a halt the unwinding and the operator's own."""

    entries: Way
    closings: Way
    unwinds: bool
    operator_closes: bool


ENTRIES = {
    "open": Way.LIVE,
    "paused": Way.NONE,
    "suspended": Way.PAPER,
    "demoted": Way.PAPER,
    "revoked": Way.PAPER,
    "halted": Way.NONE,
}
CLOSINGS = {
    "open": Way.LIVE,
    "paused": Way.LIVE,
    "suspended": Way.LIVE,
    "demoted": Way.LIVE,
    "revoked": Way.NONE,
    "halted": Way.NONE,
}
_NAMES = {
    Loss.PAUSES: "paused",
    Loss.SUSPENDS: "suspended",
    Loss.DEMOTES: "demoted",
    Loss.REVOKES: "revoked",
    Loss.HALTS: "halted",
}


def states(record: Record, standing: Mapping[str, Status]) -> frozenset[str]:
    """Every row of the table that applies."""
    found = {"open"}
    found |= {_NAMES[LOSS[code]] for code, status in standing.items() if status is Status.FAILS}
    if Status.UNKNOWN in standing.values():
        found.add("suspended")
    if record.level is not Level.LIVE:
        found.add("halted" if record.level is Level.HALT else "demoted")
    return frozenset(found)


def goes(record: Record, standing: Mapping[str, Status]) -> Goes:
    """What still goes: each column takes its strictest."""
    applies = states(record, standing)
    own = ("ENV_FLAG_MISSING", "CONFIRM_FILE_MISSING", "CONFIRM_FILE_UNSAFE")
    stands = all(standing[code] is Status.HOLDS for code in own)
    closings = min(CLOSINGS[name] for name in applies)
    if not stands and applies & {"demoted", "revoked", "halted"}:
        closings = Way.NONE
    exceptions = (
        "halted" in applies and "revoked" not in applies and stands and not record.nothing_goes
    )
    return Goes(min(ENTRIES[name] for name in applies), closings, exceptions, exceptions)


def closing_goes(
    goes_now: Goes,
    purpose: str,
    *,
    reconciled: bool,
    fresh: bool,
    is_sensed: bool = True,
    takes_orders: bool = True,
) -> bool:
    """Whether one closing leaves: never before its venues are reconciled, nor on a stale book.

    Of two legs none goes while one venue takes no orders; of one leg nothing is known here.
    """
    if purpose in ("open", "complete") or not (is_sensed and reconciled and fresh):
        return False
    if purpose != "unwind" and not takes_orders:
        return False
    if goes_now.closings is Way.LIVE:
        return True
    if purpose in ("flatten", "close"):
        return goes_now.operator_closes
    return purpose == "unwind" and goes_now.unwinds


# --- What is remembered of the process -----------------------------------------------------------


class Past(NamedTuple):
    """``streak`` whole cycles so far of the ``needed``; ``ended`` is when a done dry run broke."""

    held: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset(LOSS)
    streak: int = 0
    needed: int = 0
    ended: int | None = None
    generation: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the dry run is over: enough cycles in a row, up to this one."""
        return self.streak > 0 and self.streak >= self.needed


def dry_run(past: Past, limits: Limits) -> Status:
    """The predicate of the dry run; none is needed when the config asks for none."""
    return _yes(limits.cycles == 0 or past.is_done)


def looked(
    before: Record,
    after: Record,
    past: Past,
    standing: Mapping[str, Status],
    mono: int,
    limits: Limits,
) -> Past:
    """What a cycle adds to what is remembered."""
    failing = frozenset(code for code, status in standing.items() if status not in PASSES)
    entailed = OF_AUTHORITY | {"DRY_RUN"}
    is_whole = after.level is Level.LIVE and failing <= entailed | {"PAUSED"}
    streak, needed, ended = past.streak, past.needed, past.ended
    if after.revision != before.revision:
        streak, ended = 0, None
    if is_whole:
        if streak == 0:
            is_short = ended is not None and 0 <= mono - ended < SHORT_SUSPENSION_NS
            needed = min(1, limits.cycles) if is_short else limits.cycles
        streak, ended = streak + 1, None
    elif streak:
        streak, ended = 0, mono if past.is_done else None
    is_loss = bool(failing - past.failing - entailed) or after.level < before.level
    held = frozenset(code for code, status in standing.items() if status is Status.HOLDS)
    return Past(past.held | held, failing, streak, needed, ended, past.generation + is_loss)


def broken(past: Past, mono: int) -> Past:
    """A loss between two cycles: a pause, a reconnect, something seen at the gate."""
    ended = mono if past.is_done else (None if past.streak else past.ended)
    return past._replace(streak=0, ended=ended, generation=past.generation + 1)


def acted(past: Past) -> Past:
    """A person changed authority: a latch, so the whole dry run again."""
    return past._replace(streak=0, ended=None, generation=past.generation + 1)
