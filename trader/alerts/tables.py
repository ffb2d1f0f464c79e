"""What is asked of the alert tables: the statements, and a row read back as an alert.

The conditions on ``told``, ``count`` and ``rank`` are spelled as the partial indexes spell them;
another spelling would be a scan.
"""

from collections.abc import Sequence

import msgspec

from trader.domain.control import Alert, AlertCode, Severity
from trader.domain.delivery import Folded, StoredAlert

LATE_NS = 60 * 1_000_000_000
"""An alert told later than this after it began to wait is late; the schema spells it, too."""
PERIOD_NS = 900 * 1_000_000_000
"""The ledger counts by quarters of an hour: days begin on one in every time zone."""

_MAX_SHOWN_CHARS = 500

CLEARING = 1
RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 2, Severity.INFO: 3}
"""The order of telling. A clearing that makes no sound is an edit and goes before warnings."""

_MERGES = "ON CONFLICT (key, code, severity, clears) WHERE told < count AND rank > 0 DO UPDATE SET"
_NEWER = "count = count + 1, last_ns = excluded.last_ns, fields = excluded.fields"
_ENTERS = (
    "INSERT INTO alert_outbox (code, severity, rank, key, at_ns, fields, clears, lasting, "
    "created_ns, last_ns, waits_ns)"
)
# Wherever a raising alert of a lasting condition waits, that is no critical one.
_RAISED = "key = ? AND told < count AND rank > 0 AND clears = 0 AND lasting = 1"

RAISE = f"""
{_ENTERS} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
{_MERGES} {_NEWER}, lasting = excluded.lasting,
    over_ns = NULL, over_code = NULL, over_at_ns = NULL, over_fields = NULL
"""
"""Parameters: the alert's row, then the time thrice."""

OVERTAKE = """
UPDATE alert_outbox SET count = told, told_ns = ? WHERE key = ? AND told < count AND rank > 0
    AND clears = 1 AND id > CASE WHEN ? THEN 0 ELSE (
        SELECT id FROM alert_outbox WHERE key = ? AND code = ? AND severity = ? AND clears = 0
            AND told < count AND rank > 0) END
"""
"""Take back clearings that would be told after the raising that followed them.

Parameters: now, key, whether the raising is critical, key, code, severity.
"""
FORGET_OVERTAKEN = "DELETE FROM alert_outbox WHERE key = ? AND count = 0"

OPEN = """
INSERT INTO alert_open (key, since_ns, rank, told) VALUES (?, ?, ?, 0)
ON CONFLICT (key) DO UPDATE SET rank = min(rank, excluded.rank)
"""
CLOSE = "DELETE FROM alert_open WHERE key = ?"
SAY_OVER = f"""
UPDATE alert_outbox SET over_ns = ?, over_code = ?, over_at_ns = ?, over_fields = ?
WHERE {_RAISED} AND over_ns IS NULL
"""
# A good message about something that was never told would only puzzle.
CLEAR = f"""
{_ENTERS} SELECT ?, ?, {CLEARING}, ?, ?, ?, ?, ?, ?, ?, ? FROM alert_open
WHERE key = ? AND (rank = 0 OR NOT EXISTS (SELECT 1 FROM alert_outbox WHERE {_RAISED}))
{_MERGES} {_NEWER}, at_ns = excluded.at_ns
"""
"""Parameters: the alert's row without its rank, the time thrice, then the key twice."""
CLEAR_TOLD_WITHOUT = f"""
{_ENTERS} SELECT over_code, 'info', {CLEARING}, key, over_at_ns, over_fields, 1, 0,
    over_ns, over_ns, over_ns FROM alert_outbox
WHERE id = ? AND told < count AND count <= ? AND over_ns IS NOT NULL
{_MERGES} {_NEWER}, at_ns = excluded.at_ns
"""
"""It ended while a message that did not say so was on its way. Parameters: id, count told."""

_OLDEST = """
FROM alert_outbox WHERE told < count AND rank = ? ORDER BY id
LIMIT (SELECT ? * (queued > ?) FROM alert_tally WHERE rank = ?)
"""
FOLD = (
    f"""
    DELETE FROM alert_open WHERE told = 0 AND rank > 0
        AND key IN (SELECT key {_OLDEST})
    """,
    f"""
    INSERT INTO alert_folded (code, count, first_ns, last_ns)
    SELECT code, sum(number), min(first_ns), max(last_ns) FROM (
        SELECT code, count - told AS number, waits_ns AS first_ns, last_ns {_OLDEST}
    ) WHERE true GROUP BY code
    ON CONFLICT (code) DO UPDATE SET count = count + excluded.count,
        first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)
    """,
    f"DELETE FROM alert_outbox WHERE id IN (SELECT id {_OLDEST})",
)
"""Make numbers of the oldest that wait. Parameters of each: rank, how many, beyond which, rank."""

FOLDED_TO_LEDGER = """
INSERT INTO alert_ledger (start_ns, sent, late)
SELECT ?, min(count, ?), min(count, ?) * (? - last_ns > ?) FROM alert_folded WHERE code = ?
ON CONFLICT (start_ns) DO UPDATE SET sent = sent + excluded.sent, late = late + excluded.late
"""
FOLDED_TO_TALLY = """
UPDATE alert_tally SET sent = sent + found.number, late = late + found.number * found.is_late
FROM (SELECT min(count, ?) AS number, ? - last_ns > ? AS is_late FROM alert_folded
    WHERE code = ?) AS found
WHERE rank = ?
"""
# What a digest did not tell yet was folded after what it told.
FOLDED_LESS = """
UPDATE alert_folded SET count = max(count - ?, 0), first_ns = max(first_ns, min(?, last_ns))
WHERE code = ?
"""
FOLDED_NONE = "DELETE FROM alert_folded WHERE code = ? AND count = 0"

TELL = """
UPDATE alert_outbox SET told = min(count, ?), told_ns = ?, sent_ns = coalesce(sent_ns, ?),
    waits_ns = CASE WHEN count > ? THEN max(waits_ns, ?) ELSE waits_ns END,
    attempts = attempts + 1, last_error = ''
WHERE id = ? AND told < min(count, ?)
"""
FAIL = """
UPDATE alert_outbox SET attempts = attempts + 1, tried_ns = ?, last_error = ?
WHERE id = ? AND told < count
"""
SEE = "UPDATE alert_outbox SET acknowledged_ns = ? WHERE id = ? AND acknowledged_ns IS NULL"
BACK_UP = "UPDATE alert_outbox SET backup_ns = ? WHERE id = ? AND backup_ns IS NULL"

FORGET_OLD = """
DELETE FROM alert_outbox WHERE id IN (SELECT id FROM alert_outbox
    WHERE told >= count AND told_ns < ? ORDER BY told_ns LIMIT ?)
"""
FORGET_MANY = """
DELETE FROM alert_outbox WHERE id IN (SELECT id FROM alert_outbox
    WHERE told >= count ORDER BY told_ns
    LIMIT (SELECT max(0, min(?, sum(kept - queued) - ?)) FROM alert_tally))
"""
FORGET_OPEN = """
DELETE FROM alert_open WHERE key IN (
    SELECT key FROM alert_open ORDER BY since_ns DESC LIMIT ? OFFSET ?)
"""
FORGET_LEDGER = "DELETE FROM alert_ledger WHERE start_ns < ?"

_COLUMNS = (
    "id, code, severity, key, at_ns, fields, clears, lasting, created_ns, count, told, last_ns, "
    "over_ns, attempts, last_error, tried_ns, sent_ns, acknowledged_ns, backup_ns"
)
SELECT_WAITING = f"SELECT {_COLUMNS} FROM alert_outbox WHERE told < count ORDER BY rank, id LIMIT ?"
SELECT_URGENT = (
    f"SELECT {_COLUMNS} FROM alert_outbox INDEXED BY alert_outbox_urgent"
    " WHERE told < count AND rank = 0"
    " AND code IN ('halted', 'demoted', 'position_unguarded') ORDER BY id LIMIT ?"
)
"""The codes of ``URGENT``, spelled as their index spells them."""
SELECT_STANDING = f"""
SELECT {_COLUMNS} FROM alert_outbox WHERE acknowledged_ns IS NULL AND id IN (
    SELECT (SELECT max(id) FROM alert_outbox
        WHERE key = alert_open.key AND rank = 0 AND lasting = 1 AND told >= count)
    FROM alert_open WHERE alert_open.rank = 0)
ORDER BY id DESC LIMIT ?
"""
SELECT_JOURNAL = "SELECT id FROM alert_journal"
SELECT_RECENT = f"SELECT {_COLUMNS} FROM alert_outbox ORDER BY id DESC LIMIT ?"
SELECT_ONE = f"SELECT {_COLUMNS} FROM alert_outbox WHERE id = ?"
SELECT_FOLDED = "SELECT code, count, first_ns, last_ns FROM alert_folded ORDER BY first_ns, code"
SELECT_OPEN = "SELECT key FROM alert_open ORDER BY since_ns DESC LIMIT ?"
SELECT_QUEUED = "SELECT sum(queued) FROM alert_tally"
SELECT_OLDEST = "SELECT waits_ns FROM alert_outbox WHERE told < count ORDER BY waits_ns LIMIT 1"
SELECT_TALLY = """
SELECT sum(created), sum(waiting), sum(waiting * (rank = 0)), sum(sent), sum(late),
    sum(acknowledged), (SELECT coalesce(sum(count), 0) FROM alert_folded), sum(failed)
FROM alert_tally
"""
SELECT_LEDGER = """
SELECT coalesce(sum(created), 0), coalesce(sum(sent), 0), coalesce(sum(late), 0),
    coalesce(sum(acknowledged), 0),
    (SELECT count(*) FROM alert_outbox
        WHERE rank = 0 AND acknowledged_ns IS NULL AND created_ns >= ? AND created_ns < ?),
    coalesce(sum(folded), 0)
FROM alert_ledger WHERE start_ns >= ? AND start_ns < ?
"""
"""Parameters: from, to, from, to."""


def row_of(alert: Alert, now_ns: int) -> tuple[object, ...]:
    """An alert as ``RAISE`` takes it, entering at ``now_ns``."""
    return (
        str(alert.code),
        str(alert.severity),
        RANKS[alert.severity],
        alert.key,
        alert.at_ns,
        msgspec.json.encode(dict(alert.fields)).decode(),
        int(alert.clears),
        int(alert.lasting),
        now_ns,
        now_ns,
        now_ns,
    )


def stored(row: Sequence[object]) -> StoredAlert:
    """The alert of one row, selected as this module does.

    Where what it says cannot be read, as in a row of a newer program, it is an error that names it:
    one such row must hold up no other.
    """
    alert_id, *said, created = row[:9]
    delivery = (created, *row[9:])
    created_ns, count, told, last_ns, over_ns, attempts, last_error, *times = delivery
    try:
        alert = _alert(said)
    except (ValueError, TypeError, msgspec.DecodeError) as error:
        alert = _unreadable(alert_id, said, error)
    return StoredAlert(
        integer(alert_id),
        alert,
        integer(created_ns),
        integer(count),
        integer(told),
        integer(last_ns),
        _optional(over_ns),
        integer(attempts),
        str(last_error),
        *map(_optional, times),
    )


def _alert(said: Sequence[object]) -> Alert:
    code, severity, key, at_ns, fields, clears, lasting = said
    return Alert(
        AlertCode(str(code)),
        Severity(str(severity)),
        str(key),
        integer(at_ns),
        msgspec.json.decode(str(fields), type=dict[str, str]),
        clears=bool(clears),
        lasting=bool(lasting),
    )


def _unreadable(alert_id: object, said: Sequence[object], error: Exception) -> Alert:
    code, severity, key, at_ns, fields, clears, lasting = said
    known = severity in set(Severity)
    what = f"{code} ({severity}, {key}): {fields}"[:_MAX_SHOWN_CHARS]
    return Alert(
        AlertCode.SYSTEM_ERROR,
        # How loud it was to be may be all that is known; not to know calls for a look as well.
        Severity(str(severity)) if known else Severity.WARNING,
        str(key),
        integer(at_ns),
        {"where": f"alert {alert_id}", "message": f"cannot be read ({error}): {what}"},
        clears=bool(clears),
        lasting=bool(lasting),
    )


def folded(row: Sequence[object]) -> Folded | None:
    """The numbers of one row of ``alert_folded``; None where only a newer program knows the kind.

    They wait for it.
    """
    code, count, first_ns, last_ns = row
    if code not in set(AlertCode):
        return None
    return Folded(AlertCode(str(code)), integer(count), integer(first_ns), integer(last_ns))


def integer(value: object) -> int:
    """A number out of a STRICT table; anything else would be a database of somebody else's."""
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return int(value)


def _optional(value: object) -> int | None:
    return None if value is None else integer(value)
