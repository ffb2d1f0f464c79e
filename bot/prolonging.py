"""The button that prolongs a pause which ends soon. Pure.

It names the end and not a length, so that two taps of it prolong once.
"""

from bot.buttons import Rows, buttons, rows
from bot.control_texts import Tongue
from bot.messenger import Button
from bot.pages.pen import View
from trader.port import Alert, AlertCode

PROLONG = "prolong"
"""The verb; its argument is the new end in seconds UTC, and the scope where there is one."""
LENGTHS_S = (1_800, 7_200)

_NS_PER_S = 1_000_000_000
_MAX_DIGITS = 11


def prolong_buttons(alert: Alert, view: View) -> Rows:
    """The buttons of the alert that a pause ends soon; none for any other alert."""
    until = alert.fields.get("until_ns", "")
    is_ending = alert.code is AlertCode.PAUSED and alert.fields.get("variant") == "ends_soon"
    if not is_ending or not (until.isascii() and until.isdecimal()):
        return ()
    tongue, scope = Tongue(view), alert.fields.get("scope", "")
    found: list[Button] = []
    for length_s in LENGTHS_S:
        end_s = int(until) // _NS_PER_S + length_s
        words = tongue.say("button.prolong", span=tongue.lasting(length_s * _NS_PER_S))
        found += buttons(words, PROLONG, view.instance, f"{end_s} {scope}".rstrip())
    return rows(tuple(found))


def prolonged_by(args: tuple[str, ...]) -> tuple[str, int] | None:
    """The scope and the new end (UTC ns) that such a button names; None for anything else."""
    end, _, scope = " ".join(args).partition(" ")
    is_time = end.isascii() and end.isdecimal() and len(end) <= _MAX_DIGITS
    return (scope, int(end) * _NS_PER_S) if is_time else None
