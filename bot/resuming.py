"""Resuming: shows what would be lifted, then lifts that by a button of one tap.

One confirmation is at most one command to the engine, whatever comes of it.
"""

from bot.acting import Act, Acting
from bot.asked import scope_asked
from bot.asking import RESUME, lifting, resume_question, state_mark
from bot.control_memory import OneTime
from bot.control_texts import short
from bot.updates import Heard
from trader.port import LiftHalt, PortError, ReplyCode, Resume, StatusAnswer

_C = ReplyCode
_ASK_AGAIN = frozenset(
    {_C.AUTHORITY_CHANGED, _C.HALTED_AGAIN, _C.PAUSED_SINCE, _C.HALTED_SINCE, _C.DEMOTED_SINCE}
)
_LIFTS_NOTHING = -2
"""No authority has this revision, so a resume that carries it only asks what stands."""


class Resuming:
    """The handler of ``/resume``, and what its confirmation does."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def resume(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Show what would be lifted, and ask."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        scope = scope_asked(args)
        if scope is None:
            await acting.record(heard, "/resume", "nothing done: not understood")
            await acting.say(heard, short(tongue.say("bad.resume", words=" ".join(args)[:100])))
            return False
        await self._ask(heard, scope)
        return None

    async def confirmed(self, heard: Heard, one: OneTime) -> bool:
        """Lift what was shown, if that is what still stands; else show it anew and ask."""
        acting, scope = self._acting, one.target
        what = f"confirmed /resume {scope}".rstrip()
        at_ns = acting.clock.now_ns()
        try:
            status = await acting.status()
        except PortError:
            await acting.tell_silent(heard, what)
            return False
        written, _, mark = one.fingerprint.partition(" ")
        if state_mark(status) != mark:
            await acting.record(heard, what, "nothing done: changed since", at_ns - one.created_ns)
            await self._ask(heard, scope, again=True)
            return False
        command: LiftHalt | Resume
        if lifting(status, scope).halt:
            command = LiftHalt(heard.who, status.revision, int(written))
        else:
            command = Resume(heard.who, scope, status.revision, int(written))
        act = Act(heard, what, command, at_ns - one.created_ns)
        reply = await acting.carry_out(act)
        if reply is None:
            return True
        done = await acting.tell(act, reply)
        if reply.code in _ASK_AGAIN:
            await self._offer_after_refusal(heard, scope)
        return done

    async def _ask(self, heard: Heard, scope: str, *, again: bool = False) -> None:
        acting = self._acting
        what = f"/resume {scope}".rstrip()
        # Taken first, so that whatever lowers from here on is newer than what is confirmed.
        at_ns = acting.clock.now_ns()
        try:
            status = await acting.status()
        except PortError:
            await acting.tell_silent(heard, what)
            return
        if lifting(status, scope):
            await self._offer(heard, scope, status, at_ns, again=again)
            return
        # There is nothing to lift, or no such scope; what holds is the engine's to say.
        act = Act(heard, what, Resume(heard.who, scope, _LIFTS_NOTHING, at_ns))
        reply = await acting.carry_out(act)
        if reply is not None:
            await acting.tell(act, reply)

    async def _offer(
        self, heard: Heard, scope: str, status: StatusAnswer, at_ns: int, *, again: bool = False
    ) -> None:
        acting = self._acting
        # The messenger's clock may be ahead of ours, and it dated the pause this answers.
        written_ns = max(at_ns, heard.written_ns or 0)
        shown = f"{written_ns} {state_mark(status)}"
        one = await acting.offer(heard, RESUME, scope, shown, at_ns)
        if one is not None:
            await acting.record(heard, f"/resume {scope}".rstrip(), "asked to confirm")
            tongue = acting.tongue(heard)
            await acting.say(heard, resume_question(status, scope, one, tongue, again=again))

    async def _offer_after_refusal(self, heard: Heard, scope: str) -> None:
        """Ask again about what still stands, if anything does.

        One confirmation is one command, whose reply was told: a pause that came to its end in the
        same instant leaves nothing to lift, and nothing more to say.
        """
        acting = self._acting
        at_ns = acting.clock.now_ns()
        try:
            status = await acting.status()
        except PortError:
            await acting.tell_silent(heard, f"/resume {scope}".rstrip())
            return
        if lifting(status, scope):
            await self._offer(heard, scope, status, at_ns)
