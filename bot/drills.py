"""Drills: an alert that says of itself that it is none, on the road the real ones take.

It waits its turn as they do, sounds as they do, and the time until somebody acknowledges it goes
into the audit, so that one knows how fast the real one would be seen.
"""

from collections.abc import Awaitable, Callable

from bot.acting import Acting
from bot.buttons import buttons, rows
from bot.control_memory import MemoryFailed
from bot.control_texts import Tongue, message, short
from bot.line import NotNow
from bot.messenger import OutMessage, Unsendable
from bot.pages.pen import clean
from bot.paging import GAP, bold, line
from bot.updates import Heard, HeardKind
from trader.port import AlertCode, Severity, render, sample

DRILLED = "drilled"
"""The verb of its button; the argument is the kind and when it was sent, in milliseconds UTC."""

Say = Callable[[OutMessage], Awaitable[int]]
"""Sends what an alert would be sent as; NotNow and Unsendable say why it did not go."""

_NS_PER_MS = 1_000_000
_SEEN = "acknowledged"
_LOOK_BACK = 1_000
"""Lines of the audit in which a second tap is found."""


class Drills:
    """Sends them with ``say``, which is the alerts' own way to the chat."""

    def __init__(self, acting: Acting, say: Say) -> None:
        self._acting = acting
        self._say = say

    async def drill(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Send one of a kind."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        code = kind_asked(args)
        if code is None:
            types = tongue.say("bad.mute.types", types=", ".join(AlertCode))
            await acting.say(heard, short(tongue.say("bad.drill"), types))
            return False
        now_ns = acting.clock.now_ns()
        try:
            await self._say(drill_message(code, now_ns, tongue))
        except (NotNow, Unsendable) as error:
            await acting.record(heard, f"/drill {code}", "not sent")
            words = tongue.say("drill.failed", reason=clean(str(error)))
            await acting.say(heard, short(words))
            return False
        await acting.record(heard, _name(code, now_ns // _NS_PER_MS), "sent")
        await acting.say(heard, short(tongue.say("drill.sent", kind=tongue.kind(code))))
        return None

    async def drilled(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Keep the time until it was acknowledged; once."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        code_text, _, sent = (args[0] if args else "").partition(" ")
        code = kind_asked((code_text,))
        if code is None or not sent.isdecimal() or heard.kind is not HeardKind.TAP:
            await acting.hint(heard, tongue.say("tap.unknown"))
            return False
        sent_ms = int(sent)
        what = _name(code, sent_ms)
        if await self._is_seen(what):
            await acting.hint(heard, tongue.say("drill.already"))
            return False
        age_ns = max(acting.clock.now_ns() - sent_ms * _NS_PER_MS, 0)
        await acting.record(heard, what, _SEEN, age_ns)
        words = tongue.say("drill.done", age=tongue.lasting(age_ns), kind=tongue.kind(code))
        await acting.say(heard, short(words))
        return None

    async def _is_seen(self, what: str) -> bool:
        try:
            found = await self._acting.kept(lambda: self._acting.audit.recent(_LOOK_BACK))
        except MemoryFailed:
            return False
        return any(one.what == what and one.decision == _SEEN for one in found)


def kind_asked(args: tuple[str, ...]) -> AlertCode | None:
    """The kind of alert that is named, or None."""
    name = args[0].lower() if len(args) == 1 else ""
    return AlertCode(name) if name in AlertCode.__members__.values() else None


def drill_message(code: AlertCode, now_ns: int, tongue: Tongue) -> OutMessage:
    """An alert's own words under a title that says it is a drill, with its button."""
    pen = tongue.pen
    shown = render(sample(code, now_ns), tongue.language, pen.view.zone)
    lines = [
        line("🔔 ", bold(tongue.say("drill.title", kind=tongue.kind(code)))),
        line(tongue.say("drill.nothing")),
        GAP,
        *(line(one) for one in shown.splitlines()),
        GAP,
        line(f"→ {tongue.say('drill.to_do')}"),
    ]
    argument = f"{code} {now_ns // _NS_PER_MS}"
    seen = buttons(tongue.say("button.seen"), DRILLED, tongue.instance, argument)
    return message(lines, standing=rows(seen), severity=Severity.CRITICAL)


def _name(code: AlertCode, sent_ms: int) -> str:
    return f"/drill {code} {sent_ms}"
