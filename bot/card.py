"""The pinned card: one message that always says how the engine stands, never at alerts' expense.

Its id is kept on disk, so that a restart goes on with the same message.
"""

import logging
from zoneinfo import ZoneInfo

import msgspec

from bot.answering import Answering
from bot.card_face import Face, face_of
from bot.control_memory import ControlMemory, MemoryFailed
from bot.line import Clock
from bot.marks import keep, kept
from bot.messenger import Chat, MessageGone, MessengerError, SendFailed
from bot.pacing import Pace
from bot.pages import Guards, View, guards_of
from bot.query_words import language_for
from bot.schedule import Answers
from bot.updates import Heard
from bot.views import Asking
from trader.port import Language, PortError, Question, StatusAnswer
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.card")

EDIT_EVERY_S = 30.0
"""No two edits are closer than this, whatever changes and whoever taps."""
AGE_EVERY_S = 300.0
"""An unchanged card is edited this often, so that its own time tells that it is kept."""
SLACK_WITHIN_S = 10.0
MAX_BACKOFF_S = 3_600.0

_LOOK_S = 1.0
_NS_PER_S = 1_000_000_000
_PINNED = "pinned"


class Card:
    """Keeps one card in the chat. Its edits go only when no alert could want the turn."""

    def __init__(
        self,
        port: Answers,
        chat: Chat,
        settings: BotSettings,
        memory: ControlMemory,
        answering: Answering,
        clock: Clock,
        pace: Pace | None,
    ) -> None:
        """``pace`` is the one that alerts keep."""
        self._asking = Asking(port, settings.engine)
        self._chat = chat
        self._settings = settings
        self._zone = ZoneInfo(settings.zone)
        self._memory = memory
        self._answering = answering
        self._clock = clock
        self._pace = pace
        # By chat: what one chat calls a message is another one, or none, elsewhere.
        self._name = f"card {settings.chat_id.strip()} {settings.topic_id or 0}"
        self._language = settings.language or Language.EN
        self._id: int | None = None
        self._is_pinned = False
        self._is_known = False
        self._shown: Face | None = None
        self._tried_ns: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """Keep the card until cancelled.

        Raises:
            MemoryFailed: which message is the card cannot be read.
        """
        while True:
            await self._keep()
            # A chat that keeps losing the card, or will not have it, is asked less and less.
            wait_s = min(EDIT_EVERY_S * 2.0 ** min(self._failures, 10), MAX_BACKOFF_S)
            await self._clock.sleep(wait_s)

    async def tapped(self, heard: Heard) -> None:
        """Tell whoever tapped what is now, and edit the card if it is time for that."""
        self._language = language_for(self._settings.language, heard.language)
        face = await self._face()
        if heard.tapped_message_id == self._id and self._may_edit():
            await self._edit(face)
        elif heard.tapped_message_id != self._id:
            # An older card that somebody found in the chat.
            await self._answering.edit(heard, face.message)
        await self._answering.callback(heard, face.message.plain)

    async def _keep(self) -> None:
        """One look: edit, send anew, or leave it as it is."""
        await self._recall()
        face = await self._face()
        if not self._is_due(face) or not await self._has_slack():
            return
        # While it waited, somebody may have tapped.
        if self._id is not None and self._may_edit():
            await self._edit(face)
        if self._id is None:
            await self._create(face)
        if self._id is not None and not self._is_pinned:
            await self._pin(self._id)

    def _is_due(self, face: Face) -> bool:
        if self._id is None or self._shown is None or not self._is_pinned:
            return True
        if not self._may_edit():
            return False
        is_other = face.gist != self._shown.gist
        return is_other or self._age_s() >= AGE_EVERY_S

    def _may_edit(self) -> bool:
        return self._age_s() >= EDIT_EVERY_S

    def _age_s(self) -> float:
        if self._tried_ns is None:
            return MAX_BACKOFF_S
        return (self._clock.mono_ns() - self._tried_ns) / _NS_PER_S

    async def _face(self) -> Face:
        status: StatusAnswer | None = None
        guards: Guards | None = None
        try:
            status = await self._asking.status()
            guards = guards_of(await self._asking.figures(Question.GUARDS, {}))
        except (PortError, msgspec.ValidationError) as error:
            _logger.debug("the card lacks figures: %s", error)
        view = View(self._language, self._zone, self._clock.now_ns(), self._memory.instance)
        return face_of(status, guards, view)

    async def _has_slack(self) -> bool:
        """Wait for a moment in which even a lesser message could go at once; but not for long."""
        if self._pace is None:
            return True
        looks = int(SLACK_WITHIN_S / _LOOK_S)
        for look in range(looks):
            now_ns = self._clock.mono_ns()
            if self._pace.ready_ns(now_ns, critical=False) <= now_ns:
                return True
            if look < looks - 1:
                await self._clock.sleep(_LOOK_S)
        return False

    async def _edit(self, face: Face) -> None:
        assert self._id is not None
        message_id = self._id
        try:
            self._take_turn()
            await self._chat.edit(message_id, face.message)
        except MessageGone:
            # Should it be there all the same, at least it is no longer pinned beside the new one.
            await self._unpin(message_id)
            self._failures += 1
            self._id, self._is_pinned, self._shown = None, False, None
        except MessengerError as error:
            self._has_failed("edited", error)
        else:
            self._failures = 0
            self._shown = face

    async def _create(self, face: Face) -> None:
        try:
            self._take_turn()
            self._id = await self._chat.send(face.message)
        except MessengerError as error:
            self._has_failed("sent", error)
            return
        self._shown = face
        await self._remember()

    async def _pin(self, message_id: int) -> None:
        try:
            await self._chat.pin(message_id)
        except SendFailed as error:
            self._has_failed("pinned", error)
            return
        except MessengerError as error:
            # It may not pin here; the card stands in the chat all the same.
            _logger.warning("Telegram: the card is not pinned: %s", error.reason)
        self._is_pinned = True
        await self._remember()

    async def _unpin(self, message_id: int) -> None:
        try:
            await self._chat.unpin(message_id)
        except MessengerError as error:
            _logger.debug("Telegram: the old card is not unpinned: %s", error.reason)

    def _take_turn(self) -> None:
        # Noted before the answer: whoever taps meanwhile must not edit as well.
        self._tried_ns = self._clock.mono_ns()
        if self._pace is not None:
            self._pace.took(self._clock.mono_ns())

    def _has_failed(self, what: str, error: MessengerError) -> None:
        self._failures += 1
        if isinstance(error, SendFailed) and error.retry_after_s is not None and self._pace:
            self._pace.hold(self._clock.mono_ns(), error.retry_after_s)
        level = logging.INFO if self._failures == 1 else logging.DEBUG
        _logger.log(level, "Telegram: the card is not %s: %s", what, error.reason)

    async def _recall(self) -> None:
        """Go on with the card of an earlier run."""
        if self._is_known:
            return
        try:
            found = await self._memory.apart(lambda: kept(self._memory, self._name))
        except MemoryFailed as error:
            # Rather no card for now than a second one.
            _logger.warning("Telegram: which message is the card is not known: %s", error)
            raise
        number, _, pinned = found.partition(" ")
        self._id = int(number) if number.isdecimal() else None
        self._is_pinned = pinned == _PINNED
        self._is_known = True

    async def _remember(self) -> None:
        value = f"{self._id} {_PINNED if self._is_pinned else ''}".strip()
        try:
            await self._memory.apart(lambda: keep(self._memory, self._name, value))
        except MemoryFailed as error:
            _logger.warning("Telegram: which message is the card is not kept: %s", error)
