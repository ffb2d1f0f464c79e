"""Senses what the live guard judges, and says in the log what it found: the ``[LIVE]`` banner."""

import logging
from collections.abc import Sequence
from pathlib import Path

from trader.config import Settings
from trader.domain.control import BlockReason, Language, Mode
from trader.domain.facts import GateChanged
from trader.domain.order import LedgerName
from trader.engine.engine import Engine
from trader.ops.lease import StateLock
from trader.ops.sensors import ConfirmState, disk_free_mb, look_at_confirm_file
from trader.risk.live_guard import LiveGuard, Readiness
from trader.texts import explain_block

_LOG = logging.getLogger("trader.live")


class MockReadiness:
    """What a mock run can sense. It shows the gate's table; nothing of it is ever latched.

    Simulated venues share one clock, hold no keys and need no reconciling; the loop has no lag in
    simulated time, so none is reported: a decision must not depend on how busy the host is.
    """

    def __init__(
        self, settings: Settings, engine: Engine, lock: StateLock, *, env_flag: bool
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._lock = lock
        self._env_flag = env_flag

    def sense(self) -> Readiness:
        """Everything, as it is this instant."""
        state = self._engine.state
        paper = state.ledgers[LedgerName.PAPER]
        file = look_at_confirm_file(self._settings.live_guards.confirm_file)
        stands = file.state is ConfirmState.STANDING
        return Readiness(
            mode=Mode.MOCK,
            env_flag=self._env_flag,
            confirm_file=file.state is not ConfirmState.ABSENT,
            confirm_file_safe=stands,
            confirm_file_arms=stands,
            lock_held=self._lock.is_held(),
            breakers=tuple(key[0].value for key in state.breakers_of(paper.name)),
            safety_holds=self._safety_holds(),
            disk_free_mb=disk_free_mb(Path(self._settings.engine.state_dir)),
            fresh_pairs=self._fresh_pairs(),
            paused=state.paused,
            clock_skew_ms=0.0,
            reconciled=True,
            loop_lag_ms=0.0,
        )

    def _safety_holds(self) -> bool | None:
        """The checks that need no signal: loss today, exposure and open trades; None unmeasured."""
        state, rules = self._engine.state, self._engine.state.rules
        ledger = state.ledgers[LedgerName.PAPER]
        loss, limits = state.loss_today(ledger), rules.limits
        if loss is None or limits.max_exposure_krw is None or limits.max_open_positions is None:
            return None
        return (
            loss[0] < rules.breakers.max_daily_loss_krw
            and ledger.exposure_krw <= limits.max_exposure_krw
            and len(ledger.trades) <= limits.max_open_positions
        )

    def _fresh_pairs(self) -> int:
        snapshot = self._engine.snapshot()
        fresh = {view.instrument for view in snapshot.feeds if view.fresh}
        return sum(
            pair.first in fresh and pair.second in fresh for pair in self._settings.strategy.pairs
        )


def blocks_now(guard: LiveGuard, readiness: MockReadiness) -> tuple[BlockReason, ...]:
    """Every reason why no live order may leave now."""
    return guard.blocks(readiness.sense())


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
