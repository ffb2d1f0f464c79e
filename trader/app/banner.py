"""The ``[LIVE]`` banner: whether live orders may leave, and every reason why not."""

import logging
from collections.abc import Sequence

from trader.domain.control import BlockReason, Language
from trader.domain.facts import GateChanged
from trader.texts import explain_block

_LOG = logging.getLogger("trader.live")


def log_gate(fact: GateChanged) -> None:
    """Write the banner: whether live orders may leave, and each reason why not with its mending."""
    if fact.live:
        _LOG.warning("[LIVE] LIVE TRADING ALLOWED mode=%s", fact.mode)
        return
    _LOG.warning("[LIVE] LIVE TRADING BLOCKED mode=%s reasons=%s", fact.mode, ";".join(fact.blocks))
    for line in explained(fact.blocks):
        _LOG.info("[LIVE]   %s", line)


def explained(blocks: Sequence[BlockReason], language: Language = Language.EN) -> list[str]:
    """Each reason's code, what it means and how to mend it, a line each."""
    lines = []
    for reason in blocks:
        words = explain_block(reason, language)
        lines.append(f"{reason}: {words.sentence} {words.mend}")
    return lines
