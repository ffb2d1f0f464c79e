"""What must be confirmed: closing here, resuming beside it. Shown first, done by a one-time button.

The button is bound to the action, its target, the state that was shown and the user. Where the
state has changed since, the new one is shown and asked about again; nothing is done by half.
"""

from decimal import Decimal
from functools import partial

import msgspec

from bot.acting import Act, Acting
from bot.asking import (
    FLATTEN,
    RESUME,
    impact_question,
    nothing_open,
    which_trade,
)
from bot.buttons import CLOSE
from bot.control_memory import MemoryFailed, OneTime, TapRefused
from bot.control_texts import short
from bot.resuming import Resuming
from bot.updates import Heard
from trader.port import (
    UNKNOWN,
    CloseTrade,
    Flatten,
    ImpactAnswer,
    Language,
    LedgerName,
    Mode,
    PortError,
    PortTimeout,
    PositionsAnswer,
    Question,
    ReplyCode,
    explain_reply,
    won,
)

_C = ReplyCode
_ASK_AGAIN = frozenset({_C.CHANGED_SINCE, _C.LOSS_GREW, _C.NO_PRICES})
_NO_FIGURE = "-"


class Confirming:
    """The handlers of what must be confirmed, and of the button that confirms it."""

    def __init__(self, acting: Acting, resuming: Resuming) -> None:
        self._acting = acting
        self._resuming = resuming

    async def flatten(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Show what closing everything would do, and ask: live in live mode, else paper."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        if args:
            await acting.record(heard, "/flatten", "nothing done: not understood")
            await acting.say(heard, short(tongue.say("bad.flatten", words=" ".join(args)[:100])))
            return False
        try:
            status = await acting.status()
        except PortError:
            await acting.tell_silent(heard, "/flatten")
            return False
        is_live = status.origin.mode is Mode.LIVE
        await self._ask_closing(heard, FLATTEN, LedgerName.LIVE if is_live else LedgerName.PAPER)
        return None

    async def close(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Show what closing one trade would do, and ask."""
        if len(args) != 1:
            await self._which(heard, self._acting.tongue(heard).say("ask.which"))
            return False
        await self._ask_closing(heard, CLOSE, args[0])
        return None

    async def confirm(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """A tap on such a button: counts once, in time, for its user; otherwise nothing is done."""
        acting = self._acting
        now_ns = acting.clock.now_ns()
        token = args[0] if args else ""
        try:
            one = await acting.kept(partial(acting.memory.use, token, heard.user_id, now_ns))
        except MemoryFailed:
            await acting.record(heard, "confirmation", "nothing done: it cannot be noted")
            await acting.say(heard, short(acting.tongue(heard).say("unnoted")))
            return False
        if isinstance(one, TapRefused):
            await self._refused(heard, one)
            return False
        if one.action == RESUME:
            return await self._resuming.confirmed(heard, one)
        return await self._do_closing(heard, one)

    async def _refused(self, heard: Heard, why: TapRefused) -> None:
        acting = self._acting
        await acting.record(heard, "confirmation", f"nothing done: {why}")
        # To another user's tap there is nothing to say.
        is_theirs = why is TapRefused.OTHER_USER
        words = "" if is_theirs else acting.tongue(heard).say(f"tap.{why}")
        await acting.hint(heard, words)

    # closing

    async def _ask_closing(self, heard: Heard, action: str, target: str) -> None:
        acting, tongue = self._acting, self._acting.tongue(heard)
        what = f"/{action} {target}"
        at_ns = acting.clock.now_ns()
        try:
            answer = await self._impact(action, target)
        except PortTimeout:
            await acting.tell_silent(heard, what)
            return
        except PortError as error:
            await acting.record(heard, what, "nothing done: no such trade")
            await self._which(heard, _not_open(str(error), tongue.language))
            return
        if not answer.trades:
            await acting.record(heard, what, "nothing done: nothing is open")
            await acting.say(heard, nothing_open(answer, tongue))
            return
        await self._offer_closing(heard, what, answer, (action, target), at_ns)

    async def _offer_closing(
        self,
        heard: Heard,
        what: str,
        answer: ImpactAnswer,
        act: tuple[str, str],
        at_ns: int,
        *,
        again: bool = False,
    ) -> None:
        acting = self._acting
        shown = f"{answer.fingerprint} {_figure(answer.result_krw)}"
        one = await acting.offer(heard, *act, shown, at_ns)
        if one is not None:
            krw = answer.result_krw
            result = UNKNOWN if krw is None else won(krw, signed=True)
            await acting.record(heard, what, f"asked to confirm, result {result}")
            await acting.say(heard, impact_question(answer, one, acting.tongue(heard), again=again))

    async def _do_closing(self, heard: Heard, one: OneTime) -> bool:
        acting = self._acting
        fingerprint, _, figure = one.fingerprint.rpartition(" ")
        result = None if figure == _NO_FIGURE else Decimal(figure)
        by, written_ns = heard.who, one.created_ns
        command: Flatten | CloseTrade
        if one.action == FLATTEN:
            command = Flatten(by, LedgerName(one.target), fingerprint, result, written_ns)
        else:
            # Read, since the type of a trade's id is not among what the hatch shows.
            fields: dict[str, object] = {
                "by": by,
                "trade_id": one.target,
                "fingerprint": fingerprint,
            }
            fields |= {"loss_krw": result, "written_ns": written_ns}
            command = msgspec.convert(fields, CloseTrade)
        what = f"confirmed /{one.action} {one.target}"
        act = Act(heard, what, command, acting.clock.now_ns() - one.created_ns)
        reply = await acting.carry_out(act)
        if reply is None:
            return True
        if reply.code not in _ASK_AGAIN:
            return await acting.tell(act, reply)
        at_ns = acting.clock.now_ns()
        try:
            answer = await self._impact(one.action, one.target)
        except PortError:
            answer = None
        if answer is None or not answer.trades:
            await acting.tell(act, reply)
        else:
            target = (one.action, one.target)
            await self._offer_closing(heard, what, answer, target, at_ns, again=True)
        return False

    async def _impact(self, action: str, target: str) -> ImpactAnswer:
        arguments = {"ledger" if action == FLATTEN else "trade_id": target}
        return await self._acting.ask(ImpactAnswer, Question.IMPACT, arguments)

    async def _which(self, heard: Heard, first: str) -> None:
        acting = self._acting
        try:
            positions = await acting.ask(PositionsAnswer, Question.POSITIONS)
        except PortError:
            await acting.say(heard, short(first))
            return
        await acting.say(heard, which_trade(positions, first, acting.tongue(heard)))


def _not_open(error: str, language: Language) -> str:
    """The engine's refusal of an impact question names a trade that is not open, or its trouble."""
    if "is not open" not in error:
        return error[:300]
    sentence = explain_reply(_C.NOT_OPEN, language)
    return sentence[:1].upper() + sentence[1:]


def _figure(result: Decimal | None) -> str:
    return _NO_FIGURE if result is None else f"{result:f}"
