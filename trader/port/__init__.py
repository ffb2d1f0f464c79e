"""The hatch: all that a bot or a host command may see of an engine. The protocol; no I/O here."""

from collections.abc import Mapping
from typing import Protocol

from trader.domain.control import (
    Command,
    Halt,
    LiftHalt,
    Pause,
    Reply,
    Resume,
    ToPaper,
)

__all__ = [
    "Command",
    "Halt",
    "LiftHalt",
    "Pause",
    "Reply",
    "Resume",
    "ToPaper",
    "TraderPort",
]


class TraderPort(Protocol):
    """One way in for everyone who watches or steers. ``to`` names an engine."""

    async def engines(self) -> tuple[str, ...]:
        """The engines that can be reached."""
        ...

    async def command(self, command: Command, to: str) -> Reply:
        """Give a command and wait for what it led to, durable and read back.

        Raises:
            PortTimeout: no answer came in time; nothing is known of the effect.
        """
        ...

    async def ask(self, question: str, to: str) -> Mapping[str, object]:
        """Ask for figures: ``guards`` or ``status``.

        Raises:
            PortTimeout: no answer came in time.
            PortError: the engine does not know the question.
        """
        ...
