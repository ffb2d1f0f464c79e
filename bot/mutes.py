"""Which kinds of alert are quiet for a while. What is critical is told whatever was muted."""

import logging
from collections.abc import Mapping
from functools import partial

from bot.control_memory import ControlMemory, MemoryFailed
from trader.port import AlertCode, Severity

_logger = logging.getLogger("bot.controls")

ALWAYS_CRITICAL = frozenset(
    {
        AlertCode.STOP_LOSS,
        AlertCode.LEG_UNHEDGED,
        AlertCode.ORDER_UNKNOWN,
        AlertCode.HALTED,
        AlertCode.DEMOTED,
        AlertCode.POSITION_UNGUARDED,
        AlertCode.CLOSING_STUCK,
        AlertCode.HEARTBEAT_LOST,
    }
)
"""Kinds that nobody can mute; of the others, what is critical is told all the same."""
MUTABLE = tuple(code for code in AlertCode if code not in ALWAYS_CRITICAL)


class Mutes:
    """The mutes of the control memory, at hand for whoever sends alerts."""

    def __init__(self, memory: ControlMemory, now_ns: int) -> None:
        """Reads what stands; where that cannot be read, nothing is muted."""
        self._memory = memory
        self._until: dict[str, int] = {}
        try:
            self._until = memory.mutes(now_ns)
        except MemoryFailed as error:
            _logger.error("Telegram: what is muted is not known, so all is told: %s", error)

    def is_muted(self, code: str, now_ns: int, severity: Severity = Severity.INFO) -> bool:
        """Whether an alert of this kind need not be told now; a critical one always is."""
        if severity is Severity.CRITICAL or code in ALWAYS_CRITICAL:
            return False
        return self._until.get(code, 0) > now_ns

    def standing(self, now_ns: int) -> Mapping[str, int]:
        """Until when (UTC ns) each muted kind is quiet."""
        return {code: until for code, until in self._until.items() if until > now_ns}

    async def mute(self, code: AlertCode, until_ns: int) -> None:
        """Keep quiet about a kind until then; a time that is past ends it.

        Raises:
            MemoryFailed: it could not be noted, and nothing is muted by it.
        """
        await self._memory.apart(partial(self._memory.mute, code.value, until_ns))
        self._until[code.value] = until_ns
