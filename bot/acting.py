"""How a control acts: the state before, the command, its reply, one audit line, an answer.

An answer says what the engine replied once that was durable. Without a reply it says that nothing
is known, never that it is done.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from bot.access import FRESH_NS
from bot.audit import Audit, AuditEntry
from bot.control_memory import ControlMemory, MemoryFailed, OneTime
from bot.control_texts import (
    SINCE,
    Tongue,
    reply_message,
    short,
    silent_message,
    standing_after,
    standing_of,
    unknown_message,
)
from bot.line import Clock
from bot.messenger import OutMessage
from bot.pages.pen import View
from bot.updates import Denied, Heard, HeardKind
from trader.port import Command, Language, PortError, Question, Reply, StatusAnswer, TraderPort
from trader.port.settings import BotSettings

_logger = logging.getLogger("bot.controls")

BEFORE_WITHIN_S = 0.5
"""How long a command that lowers risk waits to learn what stood before it."""
AUDIT_WITHIN_S = 2.0

_NS_PER_S = 1_000_000_000
_NOT_KNOWN = "not known"

T = TypeVar("T")
A = TypeVar("A", bound=Struct)


class Answers(Protocol):
    """How answers reach whoever spoke."""

    async def reply(
        self, heard: Heard, messages: Sequence[OutMessage], *, control: bool = False
    ) -> int | None:
        """Send these, in order; with ``control`` what fails is tried again for a while."""
        ...

    async def callback(self, heard: Heard | Denied, text: str = "") -> None:
        """End the waiting of a tapped button, with a short note where there is one."""
        ...


class Act(Struct, frozen=True):
    """A command on its way: who said it, how records call it, and how old what was said is.

    ``id`` names the command to the engine, the same again for what is delivered again.
    """

    heard: Heard
    what: str
    command: Command
    age_ns: int | None = None
    id: str = ""


class Acting:
    """What every control needs. ``to`` is the engine that commands and questions go to."""

    def __init__(
        self,
        port: TraderPort,
        answers: Answers,
        memory: ControlMemory,
        audit: Audit,
        settings: BotSettings,
        clock: Clock,
    ) -> None:
        """Nothing is asked yet.

        Raises:
            ZoneInfoNotFoundError: the settings name no time zone.
        """
        self.port = port
        self.answers = answers
        self.memory = memory
        self.clock = clock
        self.to = settings.engine
        self.audit = audit
        self._language = settings.language
        self._zone = ZoneInfo(settings.zone)
        self._last_known = _NOT_KNOWN

    def view(self, heard: Heard | None = None) -> View:
        """For whom and when texts are made: in the set language, else in the speaker's."""
        speaks = Language.KO if heard and heard.language.lower().startswith("ko") else Language.EN
        language = self._language or speaks
        return View(language, self._zone, self.clock.now_ns(), self.memory.instance)

    def tongue(self, heard: Heard | None = None) -> Tongue:
        """The words for whoever spoke."""
        return Tongue(self.view(heard))

    def age_ns(self, heard: Heard) -> int | None:
        """How long ago it was written; a tap does not say."""
        return None if heard.written_ns is None else self.clock.now_ns() - heard.written_ns

    async def say(self, heard: Heard, *messages: OutMessage) -> None:
        """Answer, and end the waiting of the button where one was tapped."""
        await self.answers.reply(heard, messages, control=True)
        if heard.kind is HeardKind.TAP:
            await self.answers.callback(heard)

    async def hint(self, heard: Heard, words: str) -> None:
        """A short note to whoever tapped, gone again by itself; to a message, an answer."""
        if heard.kind is HeardKind.TAP:
            await self.answers.callback(heard, words)
        elif words:
            await self.say(heard, short(words))

    async def ask(
        self, answer: type[A], question: Question, arguments: Mapping[str, object] | None = None
    ) -> A:
        """Ask the engine.

        Raises:
            PortError: it does not answer, or not what was asked for.
        """
        figures = await self.port.ask(question, self.to, arguments or {})
        try:
            found = msgspec.json.decode(msgspec.json.encode(figures), type=answer)
        except (msgspec.MsgspecError, TypeError) as error:
            raise PortError(f"question {question}: the answer is none: {error}") from error
        if isinstance(found, StatusAnswer):
            self._last_known = standing_of(found)
        return found

    async def status(self) -> StatusAnswer:
        """How things stand.

        Raises:
            PortError: the engine does not answer.
        """
        return await self.ask(StatusAnswer, Question.STATUS)

    async def carry_out(self, act: Act) -> Reply | None:
        """Do what was asked, with what stood before it in the records; None: nothing is known.

        In that case the answer has been given.
        """
        try:
            async with asyncio.timeout(BEFORE_WITHIN_S):
                await self.status()
        except (PortError, TimeoutError):
            self._last_known = _NOT_KNOWN
        try:
            return await self.command(act, is_fresh=True)
        except PortError:
            await self.say(act.heard, unknown_message(self.tongue(act.heard), act.what))
            return None

    async def command(self, act: Act, *, is_fresh: bool = False) -> Reply:
        """Give a command at once, and record what it led to; answers nothing.

        What stood before is on record as last known, unless it ``is_fresh``.

        Raises:
            PortError: nothing is known of its effect, which is on record then.
        """
        before = self._last_known if is_fresh else f"last known: {self._last_known}"
        command_id = act.id or act.heard.identity
        try:
            reply = await self.port.command(act.command, self.to, command_id)
        except PortError as error:
            self._last_known = _NOT_KNOWN
            await self.note(act, f"not known: {type(error).__name__}", before, _NOT_KNOWN)
            raise
        self._last_known = standing_after(reply)
        decision = reply.code or ("done" if reply.changed else "nothing done")
        await self.note(act, decision, before, self._last_known)
        return reply

    async def tell(self, act: Act, reply: Reply, guard: str = "") -> bool:
        """Answer with what the engine replied; False where a newer act stood in the way."""
        tongue = self.tongue(act.heard)
        age_ns = act.age_ns or 0
        shown_age = age_ns if age_ns > FRESH_NS else 0
        await self.say(act.heard, reply_message(reply, self.to, tongue, shown_age, guard))
        return reply.code not in SINCE

    async def tell_silent(self, heard: Heard, what: str) -> None:
        """Answer that the engine could not be asked, and record that nothing was done."""
        await self.record(heard, what, "nothing done: the engine does not answer")
        await self.say(heard, silent_message(self.tongue(heard)))

    async def note(self, act: Act, decision: str, before: str, after: str) -> None:
        """One audit line about a command."""
        age_ns = self.age_ns(act.heard) if act.age_ns is None else act.age_ns
        await self._noted(act.heard, act.what, decision, age_ns, before, after)

    async def record(
        self, heard: Heard, what: str, decision: str, age_ns: int | None = None
    ) -> None:
        """One audit line about what is no command to the engine."""
        age_ns = self.age_ns(heard) if age_ns is None else age_ns
        await self._noted(heard, what, decision, age_ns, "", "")

    async def offer(
        self, heard: Heard, action: str, target: str, shown: str, at_ns: int
    ) -> OneTime | None:
        """Make a one-time confirmation, bound to what was shown; None: it cannot be noted.

        In that case the answer has been given.
        """
        make = partial(self.memory.offer, action, target, shown, heard.user_id, at_ns)
        try:
            return await self.kept(make)
        except MemoryFailed:
            await self.say(heard, short(self.tongue(heard).say("unnoted")))
            return None

    async def kept(self, work: Callable[[], T]) -> T:
        """Run a call of the memory off the loop.

        Raises:
            MemoryFailed: it could not be done.
        """
        return await self.memory.apart(work)

    async def _noted(
        self,
        heard: Heard,
        what: str,
        decision: str,
        age_ns: int | None,
        before: str,
        after: str,
    ) -> None:
        age_s = None if age_ns is None else age_ns // _NS_PER_S
        entry = AuditEntry(heard.who, what, decision, age_s, before, after)
        try:
            # A disk that hangs must not keep the answer from whoever waits for it; the line is
            # written whenever it can be.
            async with asyncio.timeout(AUDIT_WITHIN_S):
                await asyncio.shield(self.memory.apart(partial(self.audit.note, entry)))
        except (MemoryFailed, TimeoutError) as error:
            _logger.error("Telegram: %s could not be put on record: %r", what, error)
