"""What to tell next, and what became of a condition: pure, so every decision is a table's row.

A story is one condition and the message that tells it. Records are UTC nanoseconds; whatever is
waited for goes by the monotonic clock, so a stepping wall clock neither delays nor repeats.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from trader.port import URGENT, Alert, AlertCode, Folded, Severity, StoredAlert

_NS_PER_S = 1_000_000_000
_NS_PER_MINUTE = 60 * _NS_PER_S
EDIT_GAP_NS = 5 * _NS_PER_S
"""Between two edits of one message, so that a storm costs a message and a few edits."""
CROWD_GAP_NS = 7 * _NS_PER_S
"""For each further message whose counter runs, so that edits leave turns to what is new."""
GATHER_NS = 2 * _NS_PER_S
JOIN_NS = 10 * _NS_PER_MINUTE
"""An alert joins the message of its key while no more than this lies between."""
OLD_NS = 10 * _NS_PER_MINUTE
REPEAT_GAPS_NS = tuple(minutes * _NS_PER_MINUTE for minutes in (1, 2, 7, 20, 60))
"""From one telling to the next: after 1, 3, 10, 30 minutes, then hourly."""
DIGEST = 0
"""Stands in ``troubled`` for the digest, as no alert has this id."""


class Story(Struct, frozen=True):
    """A condition, its newest alert, and the message that tells it.

    ``ending`` is the alert that cleared it, where there was one. A ``closed`` story takes nothing
    more: later messages have told what came of it. ``dirty`` means that the message does not show
    everything yet. ``created_ns`` is when its newest alert entered the outbox named ``journal``:
    numbers alone come again in another.
    """

    key: str
    alert_id: int
    alert: Alert
    message_id: int
    count: int
    first_ns: int
    last_ns: int
    told_ns: int
    repeats: int = 0
    next_repeat_ns: int | None = None
    seen_ns: int | None = None
    seen_by: str = ""
    over_ns: int | None = None
    ending: Alert | None = None
    closed: bool = False
    dirty: bool = False
    created_ns: int = 0
    journal: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether it is told again and again while its condition stands."""
        return (
            self.alert.severity is Severity.CRITICAL
            and self.alert.lasting
            and self.seen_ns is None
            and self.over_ns is None
            and not self.closed
        )


class Tracked(Struct, frozen=True):
    """A story and what of it goes by the monotonic clock; ``gone`` if it cannot be edited."""

    story: Story
    edited_mono: int | None = None
    repeat_mono: int | None = None
    gone: bool = False


class Told(Struct, frozen=True):
    """How much of an alert a message has told: how many of its equals, and whether its end.

    ``created_ns`` is the alert's own, without which its number says little.
    """

    count: int
    over: bool = False
    created_ns: int = 0


class View(Struct, frozen=True):
    """All that decides what comes next. ``troubled`` says until when an alert is let be.

    ``hurry`` waits for nothing: neither gathering nor gaps between edits.
    """

    waiting: tuple[StoredAlert, ...]
    now_ns: int
    mono_ns: int
    folded: tuple[Folded, ...] = ()
    told: Mapping[int, Told] = {}
    stories: Mapping[str, Tracked] = {}
    conditions: frozenset[str] = frozenset()
    troubled: Mapping[int, int] = {}
    infos_since_mono: int | None = None
    quiet: bool = False
    hurry: bool = False


class SendCritical(Struct, frozen=True):
    """A message of its own, with sound."""

    row: StoredAlert


class SendWarning(Struct, frozen=True):
    """A message of its own."""

    row: StoredAlert
    silent: bool


class EditStory(Struct, frozen=True):
    """Bring a story's message up to date; ``story`` is how it shall be once these rows are told."""

    story: Story
    rows: tuple[StoredAlert, ...] = ()


class Repeat(Struct, frozen=True):
    """Tell a standing critical once more, with sound."""

    story: Story


class SendInfos(Struct, frozen=True):
    """As many of these as fit into one message."""

    rows: tuple[StoredAlert, ...]


class SendDigest(Struct, frozen=True):
    """All of these in one message, by kind."""

    rows: tuple[StoredAlert, ...]
    folded: tuple[Folded, ...]


class Wait(Struct, frozen=True):
    """Nothing to do before ``until_mono``, or before there is news."""

    until_mono: int | None = None


Step = SendCritical | SendWarning | EditStory | Repeat | SendInfos | SendDigest | Wait


def choose(view: View) -> Step:
    """The most urgent thing to do now."""
    free = [row for row in view.waiting if _is_free(view, row)]
    criticals = [row for row in free if row.alert.severity is Severity.CRITICAL]
    if criticals:
        # The first of the least: those that say what no longer trades overtake the others.
        return SendCritical(min(criticals, key=lambda row: row.alert.code not in URGENT))

    joined = _joined(view, free)
    edits, waits = _edits(view, joined)
    ending = next((edit for edit in edits if edit.story.over_ns is not None), None)
    if ending is not None:
        return ending
    due = [one for one in view.stories.values() if _is_standing(view, one)]
    repeat = min(due, key=lambda one: one.repeat_mono or 0, default=None)
    if repeat is not None and (repeat.repeat_mono or 0) <= view.mono_ns:
        return Repeat(repeat.story)

    taken = {row.id for rows in joined.values() for row in rows}
    rest = [row for row in free if row.id not in taken]
    for row in rest:
        if row.alert.severity is Severity.WARNING:
            # What was over before anybody heard of it need not wake anyone; that orders for real
            # money go again must.
            is_quiet_now = view.quiet and row.alert.code is not AlertCode.LIVE_ALLOWED
            return SendWarning(row, silent=is_quiet_now or row.over_ns is not None)
    if edits:
        return edits[0]
    infos = _infos(view, [row for row in rest if row.alert.severity is Severity.INFO])
    if not isinstance(infos, Wait):
        return infos
    waits += [infos.until_mono, *(one.repeat_mono for one in due)]
    waits += [until for until in view.troubled.values() if until > view.mono_ns]
    return Wait(min((until for until in waits if until is not None), default=None))


def _is_free(view: View, row: StoredAlert) -> bool:
    return view.troubled.get(row.id, view.mono_ns) <= view.mono_ns


def _ends_quietly(row: StoredAlert) -> bool:
    return row.alert.clears and row.alert.severity is Severity.INFO


def _is_standing(view: View, one: Tracked) -> bool:
    return one.repeat_mono is not None and one.story.repeatable and one.story.key in view.conditions


def _joined(view: View, free: Iterable[StoredAlert]) -> dict[str, list[StoredAlert]]:
    """The rows that an edit of their key's message tells, by key, in their order."""
    joined: dict[str, list[StoredAlert]] = {
        key: [] for key, one in view.stories.items() if one.story.dirty
    }
    for row in free:
        one = view.stories.get(row.alert.key)
        if one is not None and _joins(view, one.story, row):
            joined.setdefault(row.alert.key, []).append(row)
    return joined


def _joins(view: View, story: Story, row: StoredAlert) -> bool:
    if story.closed:
        return False
    if row.id == story.alert_id or _ends_quietly(row):
        return True
    # Only a storm of warnings is counted; a critical sounds each time, and infos gather anyway.
    if not row.alert.severity == story.alert.severity == Severity.WARNING or row.alert.clears:
        return False
    stands = story.over_ns is None and story.alert.lasting and story.key in view.conditions
    # A time before the last one says that the clock was set back, and not how much lies between.
    return stands or 0 <= row.created_ns - story.last_ns <= JOIN_NS


def _edits(
    view: View, joined: Mapping[str, Sequence[StoredAlert]]
) -> tuple[list[EditStory], list[int | None]]:
    edits: list[EditStory] = []
    waits: list[int | None] = []
    # The longest unedited first, or a few storms would keep the others' counters from moving.
    by_age = sorted(joined.items(), key=lambda item: view.stories[item[0]].edited_mono or 0)
    crowd_ns = max(EDIT_GAP_NS, (len(joined) - 1) * CROWD_GAP_NS)
    for key, rows in by_age:
        one = view.stories[key]
        story = updated(one.story, rows, view.told, view.conditions)
        gap = crowd_ns if story.over_ns is None else EDIT_GAP_NS
        ready = view.mono_ns if one.edited_mono is None else one.edited_mono + gap
        if ready > view.mono_ns and not view.hurry:
            waits.append(ready)
            continue
        edits.append(EditStory(story, tuple(rows)))
    return edits, waits


def _infos(view: View, rows: Sequence[StoredAlert]) -> SendInfos | SendDigest | Wait:
    # What was not taken in company goes alone, so that it spoils nobody else's message.
    shunned = [row for row in rows if row.id in view.troubled]
    if shunned:
        return SendInfos((shunned[0],))
    if not rows and not view.folded:
        return Wait()
    is_old = any(view.now_ns - row.created_ns > OLD_NS for row in rows)
    if view.folded or (is_old and len(rows) > 1):
        until = view.troubled.get(DIGEST, view.mono_ns)
        return SendDigest(tuple(rows), view.folded) if until <= view.mono_ns else Wait(until)
    until = view.mono_ns if view.infos_since_mono is None else view.infos_since_mono + GATHER_NS
    return SendInfos(tuple(rows)) if view.hurry or until <= view.mono_ns else Wait(until)


def begun(row: StoredAlert, message_id: int, now_ns: int) -> Story:
    """The story that starts with this alert's message; a lasting critical's first repeat is set."""
    story = Story(
        row.alert.key,
        row.id,
        row.alert,
        message_id,
        row.count,
        row.created_ns,
        max(row.created_ns, row.last_ns),
        now_ns,
        over_ns=row.over_ns,
        created_ns=row.created_ns,
    )
    return replace(story, next_repeat_ns=now_ns + repeat_gap_ns(0)) if story.repeatable else story


def updated(
    story: Story,
    rows: Sequence[StoredAlert],
    told: Mapping[int, Told],
    conditions: frozenset[str],
) -> Story:
    """The story with what these rows add to it: newest figures, the counter, the end."""
    over_ns, ending = story.over_ns, story.ending
    for row in rows:
        if row.alert.clears:
            over_ns, ending = row.created_ns, row.alert
            continue
        before = max(row.told, told[row.id].count if row.id in told else 0)
        more = max(row.count - before, 0)
        last_ns = max(row.created_ns, row.last_ns)
        story = replace(
            story,
            count=story.count + more,
            alert=row.alert if more else story.alert,
            alert_id=row.id,
            created_ns=row.created_ns,
            last_ns=max(story.last_ns, last_ns),
        )
        if row.over_ns is not None:
            over_ns, ending = row.over_ns, None
        elif over_ns is not None and more and last_ns > over_ns:
            over_ns, ending = None, None
    if story.key in conditions and not story.closed:
        # It stands again, whatever the order in which that was written down.
        over_ns, ending = None, None
    return replace(story, over_ns=over_ns, ending=ending, dirty=False)


def ended(story: Story, row: StoredAlert) -> Story:
    """The story after a message of its own told its end: marked so, and taking nothing more."""
    return replace(story, over_ns=row.created_ns, ending=None, closed=True, dirty=True)


def is_foreign(story: Story, row: StoredAlert) -> bool:
    """Whether the alert of the same key shows that the story is of another life of the outbox."""
    if row.id == story.alert_id:
        return row.created_ns != story.created_ns
    return row.id < story.alert_id and row.created_ns > story.created_ns


def tells(story: Story, row: StoredAlert) -> bool:
    """Whether the story, of the same outbox, tells of this alert or of what came after it."""
    if row.id == story.alert_id:
        return row.created_ns == story.created_ns
    is_later = row.id < story.alert_id and row.created_ns <= story.created_ns
    return is_later and (story.repeatable or story.seen_ns is not None)


def repeat_gap_ns(repeats: int) -> int:
    """From the telling before, of which ``repeats`` were repeats, to the next."""
    return REPEAT_GAPS_NS[min(repeats, len(REPEAT_GAPS_NS) - 1)]


def tracked_again(story: Story, now_ns: int, mono_ns: int) -> Tracked:
    """A story read back after a restart.

    Its repeat comes when it would have come, and never later than a whole gap from now, since the
    wall clock may have stepped back.
    """
    if story.next_repeat_ns is None:
        return Tracked(story)
    wait_ns = min(max(story.next_repeat_ns - now_ns, 0), repeat_gap_ns(story.repeats))
    return Tracked(story, repeat_mono=mono_ns + wait_ns)


def is_finished(story: Story, now_ns: int, conditions: frozenset[str]) -> bool:
    """Whether nothing can join the story any more, as far as its own clock says."""
    stands = story.alert.lasting and story.over_ns is None and story.key in conditions
    return not stands and not story.dirty and now_ns - story.last_ns > 2 * JOIN_NS


def is_quiet(now_ns: int, hours: str | None, zone: tzinfo) -> bool:
    """Whether this instant lies in the quiet hours, ``HH:MM-HH:MM`` in ``zone``.

    Goes by what a clock on the wall shows, so it is right on the days that clocks change.
    """
    if not hours:
        return False
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    instant = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=now_ns // 1_000)
    shown = instant.astimezone(zone).time()
    if begin < end:
        return begin <= shown < end
    return shown >= begin or shown < end
