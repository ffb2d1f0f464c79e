"""What stands behind a button: ``<verb>:<instance>:<argument>``, and the verbs. Pure."""

from bot.messenger import Button
from bot.spoken import tap_data

SHOW = "show"
"""A view again: its argument is a page's number and the command, such as ``2 trades 50``."""
PAUSE = "pause"
HALT = "halt"
CLOSE = "close"
"""Its argument is a trade's id."""
ACKNOWLEDGE = "ack"
"""Its argument is an alert's id."""

Rows = tuple[tuple[Button, ...], ...]
"""Buttons under a message, row by row."""


def data(verb: str, instance: str, argument: str = "") -> str:
    """What comes back when a button is tapped; ``instance`` is the mark of this installation.

    Raises:
        ValueError: it would be longer than the 64 bytes Telegram takes, or nobody could read it.
    """
    return tap_data(verb, instance, argument)


def buttons(text: str, verb: str, instance: str, argument: str = "") -> tuple[Button, ...]:
    """One button, or none where taps are not answered (no instance) or its data does not fit."""
    if not instance:
        return ()
    try:
        return (Button(text, data(verb, instance, argument)),)
    except ValueError:
        return ()


def rows(*candidates: tuple[Button, ...]) -> Rows:
    """The rows that hold a button."""
    return tuple(row for row in candidates if row)
