"""What the sender knows of what it told: the store, and in memory what must outlive its errors."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from bot.line import Clock
from bot.store import Store, StoreError
from bot.stories import (
    Story,
    Told,
    Tracked,
    begun,
    is_finished,
    is_foreign,
    repeat_gap_ns,
    tells,
    tracked_again,
)
from trader.port import Folded, PortError, StoredAlert, TraderPort, Waiting

_logger = logging.getLogger("bot.sender")

MAX_STORIES = 2_000
MAX_TOLD = 10_000
_TELL_AGAIN_NS = 30 * 1_000_000_000


class Memory:
    """Stories and tellings of one engine. A store that fails costs a line in the log, no more."""

    def __init__(self, store: Store, engine: str, clock: Clock) -> None:
        """Reads back the stories that were touched last."""
        self._store = store
        self._engine = engine
        self._clock = clock
        self._told: dict[int, Told] = {}
        self._told_again: dict[int, int] = {}
        self._stories: dict[str, Tracked] = {}
        self._folded: tuple[Folded, ...] = ()
        self._journal = ""
        try:
            self._adopt(reversed(store.stories(engine)))
            self._folded = store.folded(engine)
        except StoreError as error:
            _complain(error)

    @property
    def stories(self) -> Mapping[str, Tracked]:
        """The stories at hand, by key."""
        return self._stories

    def know(self, keys: Iterable[str]) -> None:
        """Have the stories of these keys at hand, where there are any."""
        missing = [key for key in keys if key not in self._stories]
        if not missing:
            return
        try:
            self._adopt(self._store.stories_of(self._engine, missing))
        except StoreError as error:
            _complain(error)

    def look(self, waiting: Waiting) -> None:
        """Have the stories of what waits at hand, and none that are of another outbox."""
        self._journal = waiting.journal or self._journal
        self.know({row.alert.key for row in waiting.alerts})
        foreign = {
            row.alert.key
            for row in waiting.alerts
            if (one := self._stories.get(row.alert.key)) and is_foreign(one.story, row)
        }
        self._stories = {
            key: one
            for key, one in self._stories.items()
            if key not in foreign and self._is_ours(one.story)
        }

    def resume(self, standing: Iterable[StoredAlert]) -> None:
        """Repeat from now on what stands, was told, and is known to no story here."""
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        rows = list(standing)
        self.know(row.alert.key for row in rows)
        for row in rows:
            one = self._stories.get(row.alert.key)
            if one is not None and self._is_ours(one.story) and tells(one.story, row):
                continue
            # Which message told it is not known any more, so none can be edited.
            story = replace(begun(row, 0, now_ns), journal=self._journal)
            self._stories[story.key] = Tracked(story, None, mono_ns + repeat_gap_ns(0), gone=True)
        self._shrink()

    def told(self, alerts: Mapping[int, int]) -> dict[int, Told]:
        """What of these alerts, each with when it entered (UTC ns), a message has told."""
        found: dict[int, Told] = {}
        if alerts:
            try:
                found = self._store.told(self._engine, alerts)
            except StoreError as error:
                _complain(error)
        for alert_id, created_ns in alerts.items():
            one = self._told.get(alert_id)
            if one is not None and one.created_ns == created_ns:
                found[alert_id] = one
        return found

    def may_tell_again(self, alert_id: int) -> bool:
        """Whether to tell the engine again what it should know: now and then, not at each look."""
        now = self._clock.mono_ns()
        last = self._told_again.get(alert_id)
        if last is not None and now - last < _TELL_AGAIN_NS:
            return False
        self._told_again[alert_id] = now
        _bound(self._told_again)
        return True

    def note(
        self,
        told: dict[int, Told],
        story: Story | None,
        message_id: int,
        *,
        edited: bool = False,
    ) -> None:
        """Note what a message told, in the store and here."""
        self._told |= told
        _bound(self._told)
        if story is not None:
            story = replace(story, journal=self._journal)
            self._track(story, edited=edited)
        try:
            self._store.record(self._engine, told, story, message_id, self._clock.now_ns())
        except StoreError as error:
            _complain(error)

    def keep(self, story: Story) -> None:
        """Note how a story stands, without anything having been told."""
        one = self._stories.get(story.key)
        self._stories[story.key] = replace(one, story=story) if one else Tracked(story)
        try:
            self._store.record(self._engine, {}, story, story.message_id, self._clock.now_ns())
        except StoreError as error:
            _complain(error)

    def gone(self, key: str) -> None:
        """Note that the story's message cannot be edited; told anew, it can again."""
        self._stories[key] = replace(self._stories[key], gone=True)

    def postpone(self, key: str, wait_ns: int) -> None:
        """Repeat the story only after ``wait_ns``."""
        due = self._clock.mono_ns() + wait_ns
        self._stories[key] = replace(self._stories[key], repeat_mono=due)

    def story_of(self, alert_id: int) -> Story | None:
        """The story whose newest alert this is."""
        for one in self._stories.values():
            if one.story.alert_id == alert_id:
                return one.story
        try:
            story = self._store.story_of(self._engine, alert_id)
        except StoreError as error:
            _complain(error)
            return None
        return story if story is not None and self._is_ours(story) else None

    def forget_finished(self, waiting: set[str], conditions: frozenset[str]) -> None:
        """Let go of stories that nothing can join any more; the store still has them."""
        now_ns = self._clock.now_ns()
        self._stories = {
            key: one
            for key, one in self._stories.items()
            if key in waiting or not is_finished(one.story, now_ns, conditions)
        }

    def note_folded(self, folded: Sequence[Folded]) -> None:
        """Note what of the folded infos a digest told."""
        self._folded = tuple(folded)
        try:
            self._store.note_folded(self._engine, folded)
        except StoreError as error:
            _complain(error)

    async def settle_folded(
        self, waiting: Sequence[Folded], port: TraderPort
    ) -> tuple[Folded, ...]:
        """Tell the engine which folded infos were told; returns those that were not.

        Where the engine cannot note it, it is told again next time.
        """
        told = {one.code: one for one in self._folded}
        if not told:
            return tuple(waiting)
        # One that began later, or counts fewer, is another: the engine knew of the telling.
        unsettled = [
            told[one.code]
            for one in waiting
            if one.code in told
            and one.first_ns == told[one.code].first_ns
            and one.count >= told[one.code].count
        ]
        if await self._settled(unsettled, port):
            self._folded = ()
            try:
                self._store.forget_folded(self._engine)
            except StoreError as error:
                _complain(error)
        settled = {one.code: one for one in unsettled}
        rest = (_less(one, settled.get(one.code)) for one in waiting)
        return tuple(one for one in rest if one.count > 0)

    async def _settled(self, told: Sequence[Folded], port: TraderPort) -> bool:
        try:
            if told:
                await port.folded_told(told, self._engine)
        except PortError as error:
            _logger.debug("Telegram: the engine cannot note a digest: %s", error)
            return False
        return True

    def _is_ours(self, story: Story) -> bool:
        return story.journal in ("", self._journal)

    def _adopt(self, stories: Iterable[Story]) -> None:
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        for story in stories:
            self._stories[story.key] = tracked_again(story, now_ns, mono_ns)
        self._shrink()

    def _track(self, story: Story, *, edited: bool) -> None:
        mono_ns = self._clock.mono_ns()
        before = self._stories.get(story.key)
        repeat_mono = before.repeat_mono if before and edited else None
        if not edited and story.next_repeat_ns is not None:
            wait_ns = story.next_repeat_ns - self._clock.now_ns()
            repeat_mono = mono_ns + min(max(wait_ns, 0), repeat_gap_ns(story.repeats))
        # A first telling counts as an edit: a storm's counter moves once it had time to grow.
        self._stories[story.key] = Tracked(story, mono_ns, repeat_mono)
        self._shrink()

    def _shrink(self) -> None:
        if len(self._stories) <= MAX_STORIES:
            return
        by_worth = sorted(
            self._stories.values(),
            key=lambda one: (one.story.repeatable, one.story.dirty, one.story.last_ns),
        )
        for one in by_worth[: MAX_STORIES // 4]:
            del self._stories[one.story.key]


def _less(folded: Folded, told: Folded | None) -> Folded:
    if told is None:
        return folded
    return replace(folded, count=folded.count - told.count, first_ns=told.last_ns)


def _bound(kept: dict[int, Told] | dict[int, int]) -> None:
    while len(kept) > MAX_TOLD:
        del kept[next(iter(kept))]


def _complain(error: StoreError) -> None:
    _logger.error("Telegram: what was told is kept in memory only: %s", error)
