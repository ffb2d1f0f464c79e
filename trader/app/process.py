"""One run of the engine, from its locks to its last line."""

import asyncio
import gc
import logging
import signal
import time
from pathlib import Path

from trader.alerts.direct import DirectSendFailed, TelegramTarget, send_telegram
from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.alerts.plain import PlainSink
from trader.alerts.relay import Relay, Sink, StubSink
from trader.app.figures import guard_figures
from trader.app.inspection import SOCKET, journal_path
from trader.app.listeners import AlertDesk, MarketLag, log_facts
from trader.app.mock import MockSession
from trader.app.options import RunOptions
from trader.app.restoring import restore
from trader.app.senses import HostSenses
from trader.app.strategies import load_strategy
from trader.app.wiring import (
    engine_rules,
    guard_rules,
    simulated_coins,
    simulated_instruments,
)
from trader.config import Settings
from trader.domain.clock import SimulatedClock
from trader.domain.control import Language, Mode
from trader.domain.errors import ConfigError, InvariantBroken, JournalError
from trader.domain.events import Event
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.order import LedgerName
from trader.domain.synthetic import SyntheticMarket
from trader.engine.engine import Engine, Outcome
from trader.execution.gate import Gate
from trader.execution.history import live_positions
from trader.execution.journal import Journal
from trader.execution.paper import PaperVenues
from trader.feeds.mock import MockFeed
from trader.ops.lease import StateLock
from trader.ops.logs import LogHandle, configure_logging
from trader.ops.metrics import Metrics, OutboxFigures, execution_rate_pct, metrics_line
from trader.ops.server import MetricsServer
from trader.port.local import LocalPort, PortSocket
from trader.risk.live_guard import LiveGuard
from trader.runtime import Inbox, Runtime
from trader.strategy.protocol import Strategy

_LOG = logging.getLogger("trader")
_TELEGRAM = logging.getLogger("trader.alerts")
EXIT_OK, EXIT_FAULT = 0, 1
_ALIVE_CYCLES = 10
_DRAIN_S = 1.0
_NS = 1_000_000_000


def run(settings: Settings, options: RunOptions, lock: StateLock | None = None) -> int:
    """Run the engine until it is stopped or its loops are done; returns the exit code.

    ``lock`` is that of the state directory where the caller holds it already.

    Raises:
        ConfigError: something the operator gave does not fit this host.
        AlreadyRunning: another engine works on this state directory.
    """
    if settings.mode.current is not Mode.MOCK:
        raise ConfigError(
            f"mode.current is {settings.mode.current}; allowed: mock, since this version has no"
            " connectors for real venues"
        )
    # What the config names is found before any file is made.
    instruments = simulated_instruments(settings)
    coins = simulated_coins(instruments)
    strategy = load_strategy(settings, instruments)
    # Then the lock, before anything is written: two engines never share a state.
    state_dir = Path(settings.engine.state_dir)
    if lock is None or lock.path.parent != state_dir.absolute():
        lock = StateLock.acquire(state_dir)
    with lock, _logs(settings) as logs:
        for warning in settings.warnings():
            _LOG.warning("config: %s", warning)
        try:
            with _journal(settings) as journal:
                market = SyntheticMarket(settings.mock.seed, coins=coins)
                process = _Process(settings, options, lock, logs, journal)
                process.wire(instruments, strategy, market)
                return asyncio.run(process.main())
        except (JournalError, InvariantBroken) as error:
            # The engine moved on in memory; the only safe state is the one on disk.
            _LOG.critical("stopped: %s", error)
            _tell_directly(settings, f"Engine {settings.engine.name} stopped: {error}")
            return EXIT_FAULT


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


def _tell_directly(settings: Settings, text: str) -> None:
    """One message past the outbox, which can no longer be written."""
    telegram = settings.alert.telegram
    if not (settings.alert.enabled and settings.alert.telegram_enabled):
        _TELEGRAM.critical("Telegram (stub) | 🚨 not journaled | %s", text)
        return
    target = _target(settings)
    if target is None:
        return
    try:
        send_telegram(target, f"🚨 not journaled: {text}", telegram.timeout_seconds)
    except DirectSendFailed as error:
        _TELEGRAM.error("Telegram: the last message was not accepted: %s", error)


def _target(settings: Settings) -> TelegramTarget | None:
    """Where Telegram messages go; None without credentials."""
    telegram = settings.alert.telegram
    if not (telegram.bot_token and telegram.chat_id):
        return None
    return TelegramTarget(
        telegram.bot_token, telegram.chat_id, telegram.topic_id, telegram.api_base
    )


class _Process:
    """Everything one run is made of, wired by hand."""

    def __init__(
        self,
        settings: Settings,
        options: RunOptions,
        lock: StateLock,
        logs: LogHandle,
        journal: Journal,
    ) -> None:
        self._settings = settings
        self._options = options
        self._logs = logs
        self._journal = journal
        self._outbox = Outbox(journal, journal, enabled=settings.alert.enabled)
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._metrics = Metrics()
        self._lag = MarketLag()
        self._lock = lock

    def wire(
        self,
        instruments: dict[InstrumentId, Instrument],
        strategy: Strategy,
        market: SyntheticMarket,
    ) -> None:
        """Restore the engine and join its parts."""
        settings, journal = self._settings, self._journal
        self._engine = Engine(engine_rules(settings), instruments, strategy)
        restored = restore(self._engine, journal, settings.mock.seed)
        start_ns = int(settings.mock.start.timestamp()) * _NS
        # A journal that is further on continues: the date never goes back.
        clock = SimulatedClock(max(start_ns, self._engine.state.now_ns))
        self._announce(restored)
        self._senses = HostSenses(settings, self._engine, self._lock)

        self._inbox = Inbox(settings.engine.max_inbox_events)
        state = self._engine.state
        paper = PaperVenues(
            state.instruments,
            state.market.books,
            clock,
            self._inbox.put,
            settings.paper.latency_ms,
        )
        # No lanes: in mock and paper no part of this process could send a live order.
        gate = Gate(paper, clock, self._inbox.put, settings.safety.max_order_delay_ms, {})
        self._runtime = Runtime(
            self._inbox,
            self._engine,
            journal,
            AlertDesk(self._outbox, self._wake),
            gate,
            (self._lag, log_facts, self._give_reply),
        )
        self._port = self._hatch(clock)
        feed = MockFeed(
            market,
            tuple(instruments),
            clock,
            self._inbox.put,
            settings.mock.step_ms,
            settings.mock.seed,
        )
        feed.catch_up(clock.now().at_ns - start_ns)
        self._session = MockSession(
            self._engine,
            self._inbox,
            clock,
            feed,
            self._senses,
            self._on_cycle,
            settings.mock.seconds_per_cycle,
        )

    async def main(self) -> int:
        """Bind, run, end; the first part that fails ends the run."""
        server = self._server()
        if server is not None:
            await server.bind()
        self._catch_signals()
        relay = Relay(self._outbox, self._sink(), self._wake)
        try:
            async with asyncio.TaskGroup() as group:
                background = [group.create_task(self._runtime.run())]
                if self._options.with_bot:
                    background.append(group.create_task(relay.run()))
                if server is not None:
                    background.append(group.create_task(server.run()))
                background.append(group.create_task(self._socket().run()))
                # What was built to start with lives as long as the process: spare the collector.
                gc.collect()
                gc.freeze()
                await self._run_session()
                if self._options.with_bot:
                    await relay.drain(_DRAIN_S)
                for task in background:
                    task.cancel()
        except BaseExceptionGroup as group_error:
            known, rest = group_error.split((JournalError, InvariantBroken, ConfigError))
            if known is None or rest is not None:
                raise
            raise _first(known) from None
        self._say_summary()
        return EXIT_OK

    async def _run_session(self) -> None:
        interval = self._options.interval_s
        await self._session.run(
            loops=self._options.loops,
            interval_s=self._settings.engine.cycle_seconds if interval is None else interval,
            stop=self._stop,
            version=self._options.version,
            seed=self._settings.mock.seed,
            unguarded=live_positions(Path(self._settings.engine.state_dir) / "journal.db"),
        )
        reason = "asked to stop" if self._stop.is_set() else "loops done"
        flatten = self._settings.engine.on_shutdown == "flatten"
        await self._session.end(reason, flatten=flatten)

    def _hatch(self, clock: SimulatedClock) -> LocalPort:
        guard = LiveGuard(guard_rules(self._settings))
        return LocalPort(
            self._settings.engine.name,
            clock,
            self._inbox.put,
            self._senses.sight,
            # There is no live order to hold back here; the fact follows within the millisecond.
            lambda: None,
            {"guards": lambda: self._guards(guard), "status": self._metrics.to_json},
        )

    def _socket(self) -> PortSocket:
        return PortSocket(self._port, Path(self._settings.engine.state_dir) / SOCKET)

    def _guards(self, guard: LiveGuard) -> dict[str, object]:
        state = self._engine.state
        return guard_figures(guard, state.authority, state.memory, self._senses.sense())

    def _give_reply(self, _event: Event, outcome: Outcome) -> None:
        if outcome.reply is not None:
            self._port.answered(outcome.reply)

    def _announce(self, restored: int) -> None:
        """The first lines: what runs, on which state, and where to look."""
        settings, server = self._settings, self._settings.metrics_server
        shown = f"http://{server.host}:{server.port}/metrics" if server.enabled else "off"
        _LOG.info(
            "trader %s: engine %s, mode %s, seed %d, state %s, metrics %s",
            self._options.version,
            settings.engine.name,
            settings.mode.current.value,
            settings.mock.seed,
            self._journal.path,
            shown,
        )
        if restored:
            _LOG.info("journal replayed: %d facts", restored)

    def _on_cycle(self, loop_ms: float) -> None:
        snapshot = self._engine.snapshot()
        counts = self._outbox.counts()
        oldest = self._outbox.oldest_pending_ns()
        self._metrics.observe_cycle(
            snapshot,
            loop_latency_ms=loop_ms,
            ws_lag_ms=self._lag.latest_ms,
            redis_heartbeat_age_ms=None,
            outbox=OutboxFigures(
                counts.sent,
                counts.late,
                counts.pending,
                None if oldest is None else max(time.time_ns() - oldest, 0) / _NS,
            ),
            log_lines_lost=self._logs.lost_lines,
        )
        _LOG.info("%s", metrics_line(snapshot, loop_ms))

    def _server(self) -> MetricsServer | None:
        section = self._settings.metrics_server
        if not section.enabled:
            return None
        pause = self._options.interval_s or self._settings.engine.cycle_seconds
        return MetricsServer(
            self._metrics,
            host=section.host,
            port=section.port,
            alive_within_s=max(_ALIVE_CYCLES * pause, 30.0),
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
        self._stop.set()
        # A second one ends the process at once, should the first be stuck.
        asyncio.get_running_loop().remove_signal_handler(number)

    def _language(self) -> Language:
        return Language(self._settings.bot.language or Language.EN)

    def _sink(self) -> Sink:
        """Where alerts go: Telegram with its credentials, else the stub, and the log says which."""
        alert, language = self._settings.alert, self._language()
        if not alert.enabled:
            _TELEGRAM.info("Telegram: alerts are off (alert.enabled: false)")
        elif not self._options.with_bot:
            _TELEGRAM.info("Telegram: nothing is sent here (--no-bot); alerts wait in the outbox")
        elif not alert.telegram_enabled:
            _TELEGRAM.info("Telegram: stub, alerts are logged (alert.telegram_enabled: false)")
        else:
            target = _target(self._settings)
            if target is not None:
                _TELEGRAM.info("Telegram: alerts are sent to chat %s", target.chat_id)
                return PlainSink(target, language, alert.telegram.timeout_seconds)
            # The config's own warning has named what is missing.
            _TELEGRAM.info("Telegram: stub, alerts are logged")
        return StubSink(language)

    def _say_summary(self) -> None:
        snapshot = self._engine.snapshot()
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


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first of the errors that ended a task group."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    raise group
