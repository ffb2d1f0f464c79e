"""What stands behind a button: ``<verb>:<instance>:<argument>``, and the verbs. Pure."""

import re

from bot.messenger import Button

SHOW = "show"
"""A view again: its argument is a page's number and the command, such as ``2 trades 50``."""
PAUSE = "pause"
HALT = "halt"
CLOSE = "close"
"""Its argument is a trade's id."""
ACKNOWLEDGE = "ack"
"""Its argument is an alert's id."""

MAX_DATA_BYTES = 64

_VERB = re.compile(r"[a-z_]{1,16}")
_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,16}")

Rows = tuple[tuple[Button, ...], ...]
"""Buttons under a message, row by row."""


def data(verb: str, instance: str, argument: str = "") -> str:
    """What comes back when a button is tapped; ``instance`` is the mark of this installation.

    Raises:
        ValueError: it would be longer than the 64 bytes Telegram takes, or nobody could read it.
    """
    text = f"{verb}:{instance}:{argument}"
    if not _VERB.fullmatch(verb) or not _INSTANCE.fullmatch(instance):
        raise ValueError(f"{text!r} is not verb:instance:argument")
    if len(text.encode("utf-8", "replace")) > MAX_DATA_BYTES or not argument.isprintable():
        raise ValueError(f"{text!r} does not fit into the data of a button")
    return text


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
