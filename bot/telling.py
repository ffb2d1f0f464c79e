"""Carrying out what was chosen: words, the line, the store, the engine's outbox, in this order."""

import logging
from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from bot.line import Clock, Line, NotNow
from bot.memory import Memory
from bot.messenger import MessageGone, OutMessage, Unsendable
from bot.render import Speech, digest_message, infos_message, short_message, story_message
from bot.stories import (
    DIGEST,
    EditStory,
    Repeat,
    SendCritical,
    SendDigest,
    SendInfos,
    SendWarning,
    Story,
    Told,
    begun,
    ended,
    repeat_gap_ns,
)
from trader.port import DeliveryNote, NoteKind, PortError, StoredAlert, TraderPort

_logger = logging.getLogger("bot.sender")

MAX_TROUBLED = 5_000
_MAX_NOTES = 50
_NS_PER_S = 1_000_000_000
_FIRST_TROUBLE_S = 1.0
_MAX_TROUBLE_S = 3_600.0
_MAX_DOUBLINGS = 12

Telling = SendCritical | SendWarning | EditStory | Repeat | SendInfos | SendDigest


class Teller:
    """Tells one step at a time, and remembers which alerts the chat would not take."""

    def __init__(
        self,
        port: TraderPort,
        engine: str,
        line: Line,
        memory: Memory,
        clock: Clock,
        speech: Speech,
    ) -> None:
        self._port = port
        self._engine = engine
        self._line = line
        self._memory = memory
        self._clock = clock
        self._speech = speech
        self._tries: dict[int, int] = {}
        self._until: dict[int, int] = {}
        # Of these only a few letters are told, as their own text was not taken.
        self._short: dict[int, bool] = {}
        self._trying: Sequence[StoredAlert] = ()
        self._told: dict[int, Told] = {}
        self._is_deaf = False

    @property
    def troubled(self) -> Mapping[int, int]:
        """Alerts that were not taken, and until when each is let be, monotonic nanoseconds."""
        return self._until

    def forget(self, ids: set[int]) -> None:
        """Forget the troubles of all alerts but these."""
        for alert_id in self._until.keys() - ids - {DIGEST}:
            del self._until[alert_id], self._tries[alert_id]

    async def tell(self, step: Telling, *, quiet: bool) -> None:
        """Carry out a step; what the chat would not take is noted and decides what comes next."""
        self._trying, self._told = (), {}
        try:
            await self._told_by(step, quiet=quiet)
        except NotNow as failure:
            await self._note_failed(str(failure))
        except Unsendable as failure:
            await self._has_trouble(step, failure.reason)
        except Exception as error:  # Words must never stand between an alert and its reader.
            _logger.exception("Telegram: an alert cannot be told as it is")
            await self._has_trouble(step, f"{type(error).__name__} in the bot")
        if self._told:
            await self.acknowledge(self._told)
        if isinstance(step, SendDigest):
            await self._memory.settle_folded(step.folded, self._port)

    async def acknowledge(self, told: Mapping[int, Told]) -> None:
        """Tell the engine what was told; where it cannot note that, it is told again later."""
        now_ns = self._clock.now_ns()
        notes = [
            DeliveryNote(alert_id, NoteKind.SENT, now_ns, one.count, over=one.over)
            for alert_id, one in told.items()
        ]
        try:
            await self._port.acknowledge(notes, self._engine)
        except PortError as error:
            # Nobody waits for it: it was told and noted here, and others are to be told.
            if not self._is_deaf:
                _logger.warning("Telegram: the engine cannot note what was sent: %s", error)
            self._is_deaf = True
        else:
            self._is_deaf = False

    async def _told_by(self, step: Telling, *, quiet: bool) -> None:
        match step:
            case SendCritical():
                await self._send_first(step.row, silent=False)
            case SendWarning():
                await self._send_first(step.row, silent=step.silent)
            case EditStory():
                await self._edit(step.story, step.rows, quiet=quiet)
            case Repeat():
                await self._repeat(step.story)
            case SendInfos():
                await self._send_infos(step.rows)
            case SendDigest():
                await self._send_digest(step)
            case _:
                assert_never(step)

    async def _send_first(self, row: StoredAlert, *, silent: bool) -> None:
        self._trying = (row,)
        now_ns = self._clock.now_ns()
        message = self._words(begun(row, 0, now_ns), silent=silent)
        message_id = await self._line.send(message)
        before = self._memory.stories.get(row.alert.key)
        story: Story | None = begun(row, message_id, now_ns)
        if row.alert.clears:
            story = ended(before.story, row) if before else None
        self._note_told((row,), story, message_id)

    async def _edit(self, story: Story, rows: Sequence[StoredAlert], *, quiet: bool) -> None:
        self._trying = rows
        if self._memory.stories[story.key].gone:
            silent = quiet or story.over_ns is not None or story.seen_ns is not None
            message_id = await self._line.send(self._words(story, silent=silent))
            story = replace(story, message_id=message_id)
        else:
            try:
                await self._line.edit(story.message_id, self._words(story))
            except (MessageGone, Unsendable) as failure:
                _logger.info("Telegram: told anew, not by an edit: %s", failure.reason)
                self._memory.gone(story.key)
                return
        self._note_told(rows, story, story.message_id, edited=True)

    async def _repeat(self, story: Story) -> None:
        scheduled = self._memory.stories[story.key].repeat_mono
        story = replace(story, repeats=story.repeats + 1)
        message_id = await self._line.send(self._words(story))
        gap_ns = repeat_gap_ns(story.repeats)
        # Kept to the schedule of the first telling, unless that has fallen behind.
        lag_ns = self._clock.mono_ns() - scheduled if scheduled is not None else 0
        due_ns = gap_ns - lag_ns if 0 <= lag_ns < gap_ns else gap_ns
        next_ns = self._clock.now_ns() + due_ns
        story = replace(story, message_id=message_id, next_repeat_ns=next_ns)
        self._note_told((), story, message_id)

    async def _send_infos(self, rows: Sequence[StoredAlert]) -> None:
        row, now_ns = rows[0], self._clock.now_ns()
        # Marked before the words are made, which may fail for any of them.
        self._trying = rows[:_MAX_NOTES]
        if row.id in self._short:
            message, taken = short_message(row, self._speech, silent=True), 1
        else:
            message, taken = infos_message(rows, self._speech, now_ns)
        self._trying = rows[:taken]
        message_id = await self._line.send(message)
        # Alone in its message, it has one that can be edited when it is over.
        is_own = taken == 1 and row.alert.lasting and not row.alert.clears
        story = begun(row, message_id, now_ns) if is_own else None
        self._note_told(rows[:taken], story, message_id)

    async def _send_digest(self, step: SendDigest) -> None:
        self._trying = step.rows
        short = DIGEST in self._short
        message = digest_message(step.rows, step.folded, self._speech, short=short)
        message_id = await self._line.send(message)
        if step.folded:
            self._memory.note_folded(step.folded)
        for kept in (self._short, self._until, self._tries):
            kept.pop(DIGEST, None)
        self._note_told(step.rows, None, message_id)

    def _words(self, story: Story, *, silent: bool = False) -> OutMessage:
        if story.alert_id not in self._short:
            return story_message(story, self._speech, silent=silent)
        row = StoredAlert(story.alert_id, story.alert, story.first_ns)
        return short_message(row, self._speech, silent=silent)

    def _note_told(
        self,
        rows: Sequence[StoredAlert],
        story: Story | None,
        message_id: int,
        *,
        edited: bool = False,
    ) -> None:
        """Note it in the same step as the chat's answer: a crash in between is a duplicate."""
        self._told = {
            row.id: Told(row.count, row.over_ns is not None, row.created_ns) for row in rows
        }
        self._memory.note(self._told, story, message_id, edited=edited)
        for row in rows:
            self._until.pop(row.id, None)
            self._tries.pop(row.id, None)

    async def _note_failed(self, reason: str) -> None:
        now_ns = self._clock.now_ns()
        notes = [
            DeliveryNote(row.id, NoteKind.FAILED, now_ns, error=reason)
            for row in self._trying[:_MAX_NOTES]
        ]
        if not notes:
            return
        try:
            await self._port.acknowledge(notes, self._engine)
        except PortError as error:
            _logger.debug("Telegram: the engine could not note a failure: %s", error)

    async def _has_trouble(self, step: Telling, reason: str) -> None:
        """Let others go first; next time alone, and then in a few letters only."""
        rows = self._trying
        match step:
            case SendDigest():
                ids = [DIGEST]
            case Repeat():
                ids = []
                self._short[step.story.alert_id] = True
                self._memory.postpone(step.story.key, repeat_gap_ns(0))
            case EditStory() if not rows:
                # Only the looks of a message; its news was told.
                ids = []
                self._memory.keep(step.story)
            case _:
                ids = [row.id for row in rows]
        if len(rows) == 1 or ids == [DIGEST] or isinstance(step, EditStory):
            self._short |= dict.fromkeys(ids, True)
        waits = [self._let_be(alert_id, alone=len(ids) == 1) for alert_id in ids]
        _logger.warning(
            "Telegram: does not take alert %s: %s; others go on, next attempt in %.0f s",
            ", ".join(str(alert_id) for alert_id in ids[:5]) or step,
            reason,
            max(waits, default=0.0),
        )
        while len(self._short) > MAX_TROUBLED:
            del self._short[next(iter(self._short))]
        await self._note_failed(reason)

    def _let_be(self, alert_id: int, *, alone: bool) -> float:
        """Until when an alert waits: not at all if it only was in bad company."""
        tries = self._tries.get(alert_id, 0)
        wait_s = min(_FIRST_TROUBLE_S * 2.0 ** min(tries, _MAX_DOUBLINGS), _MAX_TROUBLE_S)
        wait_s = wait_s if alone else 0.0
        self._tries[alert_id] = tries + alone
        self._until[alert_id] = self._clock.mono_ns() + int(wait_s * _NS_PER_S)
        return wait_s
