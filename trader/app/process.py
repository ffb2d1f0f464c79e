"""One run of the engine, from its locks to its last line."""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.app.circle import Circle, Ground, mock_circle, real_circle
from trader.app.connectors import Connectors
from trader.app.inspection import SOCKET, journal_path
from trader.app.options import RunOptions
from trader.app.strategies import load_strategy
from trader.app.summary import LoopRecord
from trader.app.telling import announce, tell_directly
from trader.app.wiring import simulated_coins, simulated_instruments
from trader.config import Settings
from trader.domain.control import Mode
from trader.domain.errors import ConfigError, InvariantBroken, JournalError
from trader.domain.order import LedgerName
from trader.domain.synthetic import SyntheticMarket
from trader.execution.history import History, live_positions
from trader.execution.journal import Journal
from trader.feeds.wider import WiderMarket
from trader.ops.lease import HostLock, StateLock
from trader.ops.logs import LogHandle, configure_logging
from trader.ops.metrics import Metrics, OutboxFigures, execution_rate_pct, metrics_line
from trader.ops.server import MetricsServer
from trader.ops.watchdog import Watchdog
from trader.port.local import PortSocket

_LOG = logging.getLogger("trader")
EXIT_OK, EXIT_FAULT = 0, 1
_ALIVE_CYCLES = 10
# Longer than the pace of a chat, so that the last message goes out with the process.
_DRAIN_S = 2.5
_CLOSE_S = 1.0
# Of the ten seconds a stop may take, one is left to whatever else there is.
_STOP_S = 9.0
_NS = 1_000_000_000

Build = Callable[[Ground], Circle]


def run(
    settings: Settings,
    options: RunOptions,
    lock: StateLock | None = None,
    connectors: Connectors | None = None,
) -> int:
    """Run the engine until it is stopped or its loops are done; returns the exit code.

    ``lock`` is that of the state directory where the caller holds it already; ``connectors`` join
    paper and live mode to their venues.

    Raises:
        ConfigError: something the operator gave does not fit this host.
        AlreadyRunning: another engine works on this state directory, or on this account.
    """
    if connectors is None and settings.mode.current is not Mode.MOCK:
        from trader.app.venues import RealVenues

        connectors = RealVenues(settings)
    # What the config names is found before any file is made.
    build = _circle_of(settings, connectors)
    # Then the lock, before anything is written: two engines never share a state.
    state_dir = Path(settings.engine.state_dir)
    if lock is None or lock.path.parent != state_dir.absolute():
        lock = StateLock.acquire(state_dir)
    with ExitStack() as held:
        locks: list[StateLock | HostLock] = [held.enter_context(lock)]
        if settings.mode.current is Mode.LIVE and connectors is not None:
            for fingerprint in connectors.fingerprints:
                account = HostLock.acquire(Path(settings.engine.lock_dir), fingerprint)
                locks.append(held.enter_context(account))
        logs = held.enter_context(_logs(settings))
        for warning in settings.warnings():
            _LOG.warning("config: %s", warning)
        try:
            with _journal(settings) as journal, closing(History(journal.path)) as history:
                process = _Process(settings, options, tuple(locks), logs, journal, history)
                process.wire(build)
                return asyncio.run(process.main())
        except (JournalError, InvariantBroken) as error:
            # The engine moved on in memory; the only safe state is the one on disk.
            _LOG.critical("stopped: %s", error)
            tell_directly(settings, f"not journaled: engine {settings.engine.name}: {error}")
            return EXIT_FAULT
        except ConfigError:
            raise
        # The process's outer edge: nobody may find it dead unheard.
        except Exception as error:  # noqa: BLE001
            _LOG.critical("stopped by a fault: %s", error, exc_info=error)
            what = f"{type(error).__name__}: {error}"
            tell_directly(settings, f"engine {settings.engine.name} stopped by a fault: {what}")
            return EXIT_FAULT


def _circle_of(settings: Settings, connectors: Connectors | None) -> Build:
    """How the circle of this mode is built.

    Raises:
        ConfigError: the config names what is not there.
    """
    if connectors is not None and settings.mode.current is not Mode.MOCK:
        venues, real_strategy = connectors, load_strategy(settings, connectors.instruments)
        return lambda ground: real_circle(ground, real_strategy, venues)
    instruments = simulated_instruments(settings)
    seed, coins = settings.mock.seed, simulated_coins(instruments)
    market = WiderMarket(SyntheticMarket(seed, coins=coins), instruments, seed)
    strategy = load_strategy(settings, instruments)
    return lambda ground: mock_circle(ground, instruments, strategy, market)


def _logs(settings: Settings) -> LogHandle:
    section = settings.logging
    return configure_logging(
        level=section.level,
        fmt=section.format,
        file=Path(section.file),
        max_bytes=section.max_megabytes * 1_000_000,
        backups=section.backups,
        secrets=[secret.reveal() for secret in settings.secrets() if secret],
    )


def _journal(settings: Settings) -> Journal:
    return Journal.open(
        journal_path(settings), sync=settings.journal.sync, migrations={"outbox": MIGRATIONS}
    )


class _Process:
    """Everything one run is made of, wired by hand."""

    def __init__(
        self,
        settings: Settings,
        options: RunOptions,
        locks: tuple[StateLock | HostLock, ...],
        logs: LogHandle,
        journal: Journal,
        history: History,
    ) -> None:
        self._settings = settings
        self._options = options
        self._logs = logs
        self._journal = journal
        self._history = history
        self._loop_record = LoopRecord()
        self._locks = locks
        self._outbox = Outbox(journal, journal, enabled=settings.alert.enabled)
        self._committed = asyncio.Event()
        self._stop = asyncio.Event()
        self._stop_by: float | None = None
        self._metrics = Metrics()
        self._watchdog = Watchdog.from_environment(os.environ)

    def wire(self, build: Build) -> None:
        """Restore the engine and join its parts."""
        ground = Ground(
            self._settings,
            self._options,
            self._locks,
            self._journal,
            self._outbox,
            self._committed,
            self._on_cycle,
            self._status,
            self._history,
            self._loop_record,
            self._unguarded(),
            lambda: self._metrics.latest,
            self._logs.redact,
            lambda: self._logs.lost_lines,
        )
        self._interval_s = ground.interval_s
        self._circle = build(ground)
        self._announce(self._circle.restored)
        # Before the loop runs: what it imports and connects takes its time.
        self._bot = announce(
            self._settings, with_bot=self._options.with_bot, port=self._circle.port
        )

    async def main(self) -> int:
        """Bind, run, end; the first part that fails ends the run."""
        server = self._server()
        if server is not None:
            await server.bind()
        self._catch_signals()
        try:
            async with asyncio.TaskGroup() as group:
                background = [group.create_task(self._circle.runtime.run())]
                background += [group.create_task(_forever(part)) for part in self._circle.beside]
                if self._bot is not None:
                    background.append(group.create_task(self._bot.run()))
                if server is not None:
                    background.append(group.create_task(server.run()))
                background.append(group.create_task(self._socket().run()))
                # What was built to start with lives as long as the process: spare the collector.
                gc.collect()
                gc.freeze()
                await self._run_session()
                if self._bot is not None:
                    await self._bot.drain(min(_DRAIN_S, self._left_s() - _CLOSE_S))
                for task in background:
                    task.cancel()
        except BaseExceptionGroup as group_error:
            known, rest = group_error.split((JournalError, InvariantBroken, ConfigError))
            if known is None:
                raise
            if rest is not None:
                # What fell with it must not hide why.
                _LOG.error("also failed: %s", rest, exc_info=rest)
            raise _first(known) from None
        finally:
            if self._bot is not None:
                await self._bot.close(_CLOSE_S)
            self._circle.answers.close()
            self._watchdog.close()
        self._say_summary()
        return EXIT_OK

    def _left_s(self) -> float:
        """How long the end may still take."""
        return _STOP_S if self._stop_by is None else max(self._stop_by - time.monotonic(), 0.0)

    async def _run_session(self) -> None:
        await self._circle.session.run(
            loops=self._options.loops,
            interval_s=self._interval_s,
            stop=self._stop,
            version=self._options.version,
            unguarded=self._unguarded(),
        )
        reason = "asked to stop" if self._stop.is_set() else "loops done"
        flatten = self._settings.engine.on_shutdown == "flatten"
        await self._circle.session.end(reason, flatten=flatten)

    def _unguarded(self) -> int:
        """Live positions that this process, in mock or paper, does not guard."""
        if self._settings.mode.current is Mode.LIVE:
            return 0
        return live_positions(Path(self._settings.engine.state_dir) / "journal.db")

    def _socket(self) -> PortSocket:
        return PortSocket(self._circle.port, Path(self._settings.engine.state_dir) / SOCKET)

    def _status(self) -> Mapping[str, object]:
        return self._metrics.to_json()

    def _announce(self, restored: int) -> None:
        """The first lines: what runs, on which state, and where to look."""
        settings, server = self._settings, self._settings.metrics_server
        shown = f"http://{server.host}:{server.port}/metrics" if server.enabled else "off"
        is_mock = settings.mode.current is Mode.MOCK
        seed = f", seed {settings.mock.seed}" if is_mock else ""
        _LOG.info(
            "trader %s: engine %s, mode %s%s, state %s, metrics %s",
            self._options.version,
            settings.engine.name,
            settings.mode.current.value,
            seed,
            self._journal.path,
            shown,
        )
        if restored:
            _LOG.info("journal replayed: %d facts", restored)

    def _on_cycle(self, loop_ms: float) -> None:
        snapshot = self._circle.engine.snapshot()
        self._loop_record.note(time.time_ns(), loop_ms, self._circle.lag.latest_ms)
        counts = self._outbox.counts()
        oldest = self._outbox.oldest_pending_ns()
        self._metrics.observe_cycle(
            snapshot,
            loop_latency_ms=loop_ms,
            ws_lag_ms=self._circle.lag.latest_ms,
            redis_heartbeat_age_ms=None,
            outbox=OutboxFigures(
                counts.sent,
                counts.late,
                counts.pending,
                None if oldest is None else max(time.time_ns() - oldest, 0) / _NS,
                counts.pending_critical,
            ),
            log_lines_lost=self._logs.lost_lines,
            around=self._circle.look_around(),
        )
        _LOG.info("%s", metrics_line(snapshot, loop_ms))
        # No figures: whoever may log in to this host may read it.
        status = f"mode {snapshot.mode}"
        if snapshot.mode is Mode.LIVE:
            status += ", live" if snapshot.live else f", blocked: {';'.join(snapshot.blocks)}"
        self._watchdog.cycle_ended(status, self._alive_within_s())

    def _alive_within_s(self) -> float:
        """How long a cycle may be waited for before the engine counts as stalled."""
        return max(_ALIVE_CYCLES * self._interval_s, 30.0)

    def _server(self) -> MetricsServer | None:
        section = self._settings.metrics_server
        if not section.enabled:
            return None
        return MetricsServer(
            self._metrics,
            host=section.host,
            port=section.port,
            alive_within_s=self._alive_within_s(),
            not_ready=lambda: (),
            version=self._options.version,
        )

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        # A closed terminal is a request to stop like any other.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        _LOG.info("%s: stopping", signal.Signals(number).name)
        self._stop_by = time.monotonic() + _STOP_S
        self._watchdog.stopping()
        self._stop.set()
        # A second one ends the process at once, should the first be stuck.
        asyncio.get_running_loop().remove_signal_handler(number)

    def _say_summary(self) -> None:
        snapshot = self._circle.engine.snapshot()
        ledger = snapshot.ledger
        counts = self._outbox.counts()
        _LOG.info(
            "[SUMMARY] ledger=%s cycles=%d pnl=%.2f₩ (realised %.2f₩, fees %.2f₩) trades=%d"
            " closed=%d open=%d signals=%d exec_rate=%.1f%% refusals=%d stop_losses=%d"
            " alerts=%d waiting=%d",
            LedgerName(ledger.ledger).value,
            snapshot.cycles,
            ledger.pnl_krw,
            ledger.realised_krw,
            ledger.fees_krw,
            ledger.trades_opened,
            ledger.trades_closed,
            ledger.open_trades,
            snapshot.signals,
            execution_rate_pct(snapshot),
            snapshot.refusals,
            snapshot.stop_losses,
            counts.sent,
            counts.pending,
        )


async def _forever(part: Callable[[], Awaitable[None]]) -> None:
    await part()


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first of the errors that ended a task group."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    raise group
