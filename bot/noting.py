"""What is noted beside the trading: that an alert was seen, that a kind of alert be quiet."""

import logging
from typing import Protocol

from bot.acting import Acting
from bot.asked import MAX_MUTE_S, duration_s, id_asked
from bot.buttons import ACKNOWLEDGE, buttons, rows
from bot.control_memory import MemoryFailed
from bot.control_texts import Tongue, message, short
from bot.drills import kind_asked
from bot.messenger import Button
from bot.mutes import ALWAYS_CRITICAL, MUTABLE, Mutes
from bot.pages.pen import clean
from bot.paging import bold, line
from bot.updates import Heard
from trader.port import AlertCode, AlertLine, AlertsAnswer, PortError, Question, Severity

_logger = logging.getLogger("bot.controls")

_NS_PER_S = 1_000_000_000
_MAX_WORDS = 100
_LOOK_AT = 100
_MAX_LISTED = 10


class Seen(Protocol):
    """Whoever repeats alerts until a person has seen them."""

    async def seen(self, alert_id: int, by: str) -> bool:
        """Note it; True if that ends its repeating.

        Raises:
            PortError: the engine could not note it; the repeating ends all the same.
        """
        ...


class Noting:
    """The handlers of ``ack`` and ``mute``."""

    def __init__(self, acting: Acting, seen: Seen, mutes: Mutes) -> None:
        self._acting = acting
        self._seen = seen
        self._mutes = mutes

    async def acknowledge(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Say that an alert was seen; a critical one is repeated no more."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        alert_id = id_asked(args)
        known = await self._alerts(heard)
        if alert_id is None:
            await self._unacknowledged(heard, known)
            return False
        found = next((one for one in known or () if one.id == alert_id), None)
        if found is not None and found.acknowledged_ns is not None:
            since = tongue.say("since", at=tongue.pen.clock(found.acknowledged_ns))
            await acting.record(heard, f"/ack {alert_id}", "already acknowledged")
            await acting.say(heard, short(tongue.say("ack.already", id=alert_id), since))
            return False
        try:
            ends = await self._seen.seen(alert_id, heard.user_name or str(heard.user_id))
        except PortError:
            await acting.record(heard, f"/ack {alert_id}", "not noted by the engine")
            await acting.say(heard, short(tongue.say("ack.unnoted")))
            return None
        told = "" if found is None else clean(found.text)
        old = tongue.say("ack.old") if known is not None and found is None else ""
        await acting.record(heard, f"/ack {alert_id}", "acknowledged")
        ending = tongue.say("ack.ends") if ends else ""
        await acting.say(heard, short(tongue.say("ack.done", id=alert_id), told, old, ending))
        return None

    async def mute(self, heard: Heard, args: tuple[str, ...]) -> bool | None:
        """Keep quiet about a kind of alert for a while; what is critical cannot be muted."""
        acting, tongue = self._acting, self._acting.tongue(heard)
        code = kind_asked(args[:1])
        if code in ALWAYS_CRITICAL:
            await acting.record(heard, f"/mute {code}", "nothing done: always critical")
            await acting.say(heard, short(tongue.say("mute.critical", kind=tongue.kind(code))))
            return False
        ends = len(args) == 2 and args[1].lower() == "off"
        seconds = duration_s(args[1], MAX_MUTE_S) if len(args) == 2 else None
        if code is None or (seconds is None and not ends):
            words = clean(" ".join(args), _MAX_WORDS)
            types = tongue.say("bad.mute.types", types=", ".join(MUTABLE))
            await acting.say(heard, short(tongue.say("bad.mute", words=words), types))
            return False
        began_ns = heard.written_ns or acting.clock.now_ns()
        until_ns = 0 if seconds is None else began_ns + seconds * _NS_PER_S
        return await self._mute(heard, code, until_ns)

    async def _alerts(self, heard: Heard) -> tuple[AlertLine, ...] | None:
        try:
            arguments = {"limit": _LOOK_AT, "language": self._acting.view(heard).language.value}
            answer = await self._acting.ask(AlertsAnswer, Question.ALERTS, arguments)
        except PortError:
            return None
        return answer.alerts

    async def _unacknowledged(self, heard: Heard, known: tuple[AlertLine, ...] | None) -> None:
        acting, tongue = self._acting, self._acting.tongue(heard)
        found = [
            one
            for one in known or ()
            if one.severity is Severity.CRITICAL and one.acknowledged_ns is None
        ][:_MAX_LISTED]
        lines = [line(tongue.say("bad.ack"))]
        if known is not None:
            lines.append(line(bold(tongue.say("ack.open" if found else "ack.none"))))
        lines += [line(f"#{one.id} {clean(one.text)}") for one in found]
        standing = rows(*(_button(one, tongue) for one in found))
        await acting.say(heard, message(lines, standing=standing))

    async def _mute(self, heard: Heard, code: AlertCode, until_ns: int) -> bool | None:
        acting, tongue = self._acting, self._acting.tongue(heard)
        standing = self._mutes.standing(acting.clock.now_ns()).get(code, 0)
        at = tongue.pen.clock(until_ns)
        kind = tongue.kind(code)
        if standing == until_ns:
            key = "mute.same" if until_ns else "mute.off.same"
            await acting.say(heard, short(tongue.say(key, kind=kind, at=at)))
            return False
        what = f"/mute {code} {'off' if not until_ns else at}"
        try:
            await self._mutes.mute(code, until_ns)
        except MemoryFailed as error:
            _logger.error("Telegram: a mute could not be noted: %s", error)
            await acting.say(heard, short(tongue.say("unnoted")))
            return False
        await acting.record(heard, what, "muted" if until_ns else "told again")
        key = "mute.done" if until_ns else "mute.off"
        kept = tongue.say("mute.kept") if until_ns else ""
        await acting.say(heard, short(tongue.say(key, kind=kind, at=at), kept))
        return None


def _button(alert: AlertLine, tongue: Tongue) -> tuple[Button, ...]:
    words = tongue.pen.say("button.ack", id=alert.id)
    return buttons(words, ACKNOWLEDGE, tongue.instance, str(alert.id))
