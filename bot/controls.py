"""The controls: absolute verbs that lower risk at once, and what else an operator may do.

What raises risk or closes money is in ``confirm``. Everything here is safe to do twice.
"""

from collections import OrderedDict
from collections.abc import Mapping

from msgspec.structs import replace

from bot.access import HALT, Kind
from bot.acting import Act, Acting
from bot.asked import halt_asked, pause_asked
from bot.asking import CONFIRM, FLATTEN, RESUME
from bot.buttons import ACKNOWLEDGE, CLOSE, PAUSE
from bot.confirm import Confirming
from bot.control_texts import guard_of, short, unknown_message
from bot.drills import DRILLED, Drills, Say
from bot.lane import Handler
from bot.mutes import Mutes
from bot.noting import Noting, Seen
from bot.pages.help import live_page
from bot.pages.pen import clean
from bot.prolonging import PROLONG, prolonged_by
from bot.resuming import Resuming
from bot.updates import Denied, Heard, HeardKind
from trader.port import (
    Halt,
    Pause,
    PortError,
    Reply,
    ReplyCode,
    StatusAnswer,
    ToPaper,
)

_NS_PER_S = 1_000_000_000
_MAX_ANSWERED = 1_000
_MAX_WORDS = 100


class Controls:
    """Every control by name, for the lane. ``say`` sends a drill the way alerts go."""

    def __init__(self, acting: Acting, seen: Seen, say: Say, mutes: Mutes) -> None:
        self._acting = acting
        self._resuming = Resuming(acting)
        self._confirming = Confirming(acting, self._resuming)
        self._drills = Drills(acting, say)
        self._noting = Noting(acting, seen, mutes)
        # Halts that were answered, so that their second run in line has nothing to say.
        self._answered: OrderedDict[str, None] = OrderedDict()

    def handlers(self) -> Mapping[str, tuple[Kind, Handler]]:
        """By command, button verbs included."""
        return {
            HALT: (Kind.LOWERS, self.halt),
            PAUSE: (Kind.LOWERS, self.pause),
            PROLONG: (Kind.LOWERS, self.prolong),
            "paper": (Kind.LOWERS, self.paper),
            RESUME: (Kind.RAISES, self._resuming.resume),
            FLATTEN: (Kind.RAISES, self._confirming.flatten),
            CLOSE: (Kind.RAISES, self._confirming.close),
            CONFIRM: (Kind.RAISES, self._confirming.confirm),
            ACKNOWLEDGE: (Kind.NOTES, self._noting.acknowledge),
            "mute": (Kind.NOTES, self._noting.mute),
            "drill": (Kind.NOTES, self._drills.drill),
            DRILLED: (Kind.NOTES, self._drills.drilled),
            "live": (Kind.VIEW, self.live),
        }

    # what lowers risk

    async def halt_now(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Halt before anything else, and answer once it is durable.

        Raises:
            PortError: nothing is known of its effect; it has been answered, and the lane halts
                again in its turn.
        """
        act = self._halt(heard, args)
        try:
            reply = await self._acting.command(act)
        except PortError:
            await self._halt_unknown(act)
            raise
        self._answered[heard.identity] = None
        while len(self._answered) > _MAX_ANSWERED:
            self._answered.popitem(last=False)
        return await self._acting.tell(act, reply)

    async def halt(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Make sure, in its turn, that the halt is what holds; silent where it was answered."""
        act = self._halt(heard, args)
        try:
            reply = await self._acting.command(act)
        except PortError:
            await self._halt_unknown(act)
            return None
        if heard.identity in self._answered and not reply.changed:
            return None
        return await self._acting.tell(act, reply)

    async def pause(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Block entries, of all or of one, for a time counted from when it was written."""
        acting, asked = self._acting, pause_asked(args)
        if asked is None:
            words = clean(" ".join(args), _MAX_WORDS)
            await acting.record(heard, f"/pause {words}", "nothing done: not understood")
            await acting.say(heard, short(acting.tongue(heard).say("bad.pause", words=words)))
            return False
        written_ns = heard.written_ns or 0
        until_ns = 0
        if asked.seconds:
            until_ns = (written_ns or acting.clock.now_ns()) + asked.seconds * _NS_PER_S
        command = Pause(heard.who, "", asked.scope, until_ns, written_ns)
        what = " ".join(("/pause", *args))
        return await self._pause(Act(heard, what, command, acting.age_ns(heard)), command)

    async def prolong(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Let a pause last until the time its button names, however often that is tapped."""
        acting, asked = self._acting, prolonged_by(args)
        if asked is None or heard.kind is not HeardKind.TAP:
            await acting.hint(heard, acting.tongue(heard).say("prolong.bad"))
            return False
        scope, until_ns = asked
        command = Pause(heard.who, "", scope, until_ns)
        what = f"prolong {scope or 'all'}"
        return await self._pause(Act(heard, what, command), command)

    async def paper(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Demote to paper; says which live positions remain and what guards them."""
        acting = self._acting
        reason = " ".join(args)[:_MAX_WORDS]
        command = ToPaper(heard.who, reason, heard.written_ns or 0)
        act = Act(heard, "/paper", command, acting.age_ns(heard))
        reply = await acting.carry_out(act)
        if reply is None:
            return None
        return await acting.tell(act, reply, await self._guard(heard, reply))

    # what is always refused

    async def live(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Always no; and what the host must do."""
        acting = self._acting
        words = " ".join(("/live", *args))[:_MAX_WORDS]
        await acting.record(heard, words, "refused: only the host raises")
        view = acting.view(heard)
        try:
            status = await acting.status()
        except PortError:
            await acting.say(heard, *live_page(view))
            return False
        await acting.say(heard, *live_page(view, status.origin, status.blocks))
        return False

    async def old_button(self, denied: Denied) -> None:
        """Answer an operator's tap on a button of another installation; nothing is done."""
        acting = self._acting
        await acting.answers.callback(denied, acting.tongue().say("tap.old"))

    # inside

    def _halt(self, heard: Heard, args: tuple[str, ...]) -> Act:
        asked = halt_asked(args)
        command = Halt(heard.who, asked.reason, asked.now, heard.written_ns or 0)
        what = "/halt now" if asked.now else "/halt"
        return Act(heard, what, command, self._acting.age_ns(heard))

    async def _halt_unknown(self, act: Act) -> None:
        tongue = self._acting.tongue(act.heard)
        await self._acting.say(act.heard, unknown_message(tongue, act.what, is_halt=True))

    async def _pause(self, act: Act, command: Pause) -> bool | None:
        acting = self._acting
        reply = await acting.carry_out(act)
        if reply is not None and reply.code is ReplyCode.SCOPE_UNKNOWN:
            # A phone may have made a capital of the first letter.
            meant = [one for one in reply.details if one.casefold() == command.scope.casefold()]
            if meant:
                again = replace(command, scope=meant[0])
                identity = f"{act.heard.identity}:scope"
                act = replace(act, command=again, id=identity)
                reply = await acting.carry_out(act)
        return None if reply is None else await acting.tell(act, reply)

    async def _guard(self, heard: Heard, reply: Reply) -> str:
        """What the reply's own words leave open about live positions that remain."""
        told = {ReplyCode.DEMOTED_GUARDED, ReplyCode.DEMOTED_UNGUARDED}
        if not reply.details or reply.code in told:
            return ""
        try:
            status: StatusAnswer = await self._acting.status()
        except PortError:
            return ""
        return guard_of(status, self._acting.tongue(heard))
