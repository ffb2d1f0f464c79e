"""Senses: what the live guard judges, read from the host and from the engine. Never cached."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trader.app.reach import Reach
from trader.config import Settings
from trader.domain.authority import FileMark, Sight
from trader.domain.control import Mode
from trader.domain.order import LedgerName, PairName
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Engine
from trader.ops.lease import HostLock, StateLock
from trader.ops.sensors import (
    ConfirmState,
    disk_free_mb,
    env_flag_at_start,
    halt_file_present,
    look_at_confirm_file,
)

HALT_FILE = ".halt"
_HOUR_NS = 3_600_000_000_000
_ENV_FLAG_AT_START = env_flag_at_start()
"""Read once, when the process starts: what is set at run time permits nothing."""


class Beyond(Protocol):
    """What a process with real venues senses beyond its host."""

    def sense(self, known: Readiness, *, for_cycle: bool) -> Readiness:
        """``known`` completed by venues, clocks, loop and operator."""
        ...


class HostSenses:
    """Looks at the confirm file, the halt file, the locks, the disk, and the engine's own figures;
    ``beyond`` adds what only a process with real venues has.

    In mock mode there is no ``beyond``: the venues are simulated, share one clock, hold no keys and
    need no reconciling, and the loop has no lag in simulated time. Figures that would depend on how
    busy the host is are reported as good, since a decision of a mock run must not depend on them.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        locks: Sequence[StateLock | HostLock],
        beyond: Beyond | None = None,
        reach: Reach | None = None,
    ) -> None:
        """``reach`` is for a process that has, or may have, a bot."""
        self._settings = settings
        self._engine = engine
        self._locks = tuple(locks)
        self._beyond = beyond
        self._reach = reach

    def sight(self) -> Sight:
        """The host's files alone, for an act of a person."""
        file = look_at_confirm_file(self._settings.live_guards.confirm_file)
        return Sight(
            at_ns=time.time_ns(),
            mark=_mark(file.state, file.device, file.inode, file.ctime_ns, file.mtime_ns),
            stands=file.state is ConfirmState.STANDING,
            halt_file=halt_file_present(HALT_FILE),
        )

    def sense(self, *, for_cycle: bool = False) -> Readiness:
        """Everything, as it is this instant."""
        found = self._sense_host()
        if self._beyond is None:
            return found
        return self._beyond.sense(found, for_cycle=for_cycle)

    def _sense_host(self) -> Readiness:
        state, mode = self._engine.state, self._settings.mode.current
        ledger = state.ledgers[LedgerName.LIVE if mode is Mode.LIVE else LedgerName.PAPER]
        sight = self.sight()
        pairs = self._pairs()
        is_mock = mode is Mode.MOCK
        return Readiness(
            mode=mode,
            env_flag=_ENV_FLAG_AT_START,
            confirm_file=sight.mark is not None,
            confirm_file_safe=sight.stands,
            confirm_file_age_hours=_age_hours(sight),
            lock_held=all(lock.is_held() for lock in self._locks),
            breakers=tuple(key[0].value for key in state.breakers_of(ledger.name)),
            safety_holds=self._safety_holds(ledger.name),
            disk_free_mb=disk_free_mb(Path(self._settings.engine.state_dir)),
            fresh_pairs=sum(pair.fresh for pair in pairs.values()),
            paused=state.paused,
            operator_credentials=self._operator_credentials(),
            operator_reachable=None if self._reach is None else self._reach.is_reachable(),
            clock_skew_ms=0.0 if is_mock else None,
            reconciled=True if is_mock else None,
            loop_lag_ms=0.0 if is_mock else None,
            at_ns=sight.at_ns,
            file_mark=sight.mark,
            halt_file=sight.halt_file,
            pairs=pairs,
        )

    def _operator_credentials(self) -> bool | None:
        """False where there are none; whether Telegram accepts them only a run can tell."""
        telegram = self._settings.alert.telegram
        given = None if telegram.bot_token and telegram.chat_id else False
        return given if self._reach is None else self._reach.has_credentials(given)

    def _safety_holds(self, name: LedgerName) -> bool | None:
        """The checks that need no signal: loss today, exposure and open trades; None unmeasured."""
        state, rules = self._engine.state, self._engine.state.rules
        ledger = state.ledgers[name]
        loss, limits = state.loss_today(ledger), rules.limits
        if loss is None or limits.max_exposure_krw is None or limits.max_open_positions is None:
            return None
        return (
            loss[0] < rules.breakers.max_daily_loss_krw
            and ledger.exposure_krw <= limits.max_exposure_krw
            and len(ledger.trades) <= limits.max_open_positions
        )

    def _pairs(self) -> dict[PairName, PairReadiness]:
        state = self._engine.state
        is_mock = self._settings.mode.current is Mode.MOCK
        found = {}
        for pair in state.rules.strategy.pairs:
            fresh = all(state.is_fresh(leg) for leg in state.books_of(pair))
            found[pair.name] = PairReadiness(fresh, reconciled=is_mock, clock_holds=is_mock)
        return found


def _mark(
    state: ConfirmState, device: int, inode: int, ctime_ns: int, mtime_ns: int
) -> FileMark | None:
    if state is ConfirmState.ABSENT:
        return None
    return FileMark(device, inode, ctime_ns, mtime_ns)


def _age_hours(sight: Sight) -> float | None:
    """Signed: a file from the future has no age that could be young enough."""
    return None if sight.mark is None else (sight.at_ns - sight.mark.mtime_ns) / _HOUR_NS
