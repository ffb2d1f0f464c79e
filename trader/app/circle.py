"""The circle: engine, journal, gate and port joined by hand, on simulated or on real venues."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from trader.alerts.outbox import Outbox
from trader.app.answers import AnswerGround, Answers
from trader.app.answers.standing import effective
from trader.app.connectors import Connectors
from trader.app.engine_orders import EngineOrders
from trader.app.figures import guard_figures, unasked
from trader.app.listeners import AlertDesk, MarketLag, log_facts
from trader.app.looking_around import LookAround
from trader.app.mock import MockSession
from trader.app.options import RunOptions
from trader.app.order_ends import OrderEnds
from trader.app.outside import Outside
from trader.app.prospects import Prospects
from trader.app.reach import Reach
from trader.app.real import RealSession
from trader.app.reconcile_questions import reconcile_questions
from trader.app.restoring import restore
from trader.app.senses import HostSenses
from trader.app.summary import LoopRecord, summary_question
from trader.app.wiring import engine_rules, guard_rules
from trader.config import Settings
from trader.domain.clock import Clock, SimulatedClock
from trader.domain.control import Halt, Mode
from trader.domain.delivery import BotHealth
from trader.domain.events import CommandReceived, Event, LossSeen
from trader.domain.instrument import Instrument, InstrumentId
from trader.domain.readiness import Readiness
from trader.engine.engine import Engine, Outcome
from trader.execution.gate import Gate, GuardKeeper
from trader.execution.history import History
from trader.execution.journal import Journal
from trader.execution.paper import PaperVenues
from trader.feeds.mock import Market, MockFeed
from trader.ops.lease import HostLock, StateLock
from trader.ops.metrics import Cycle
from trader.port.local import LocalPort, Question, Questions
from trader.risk.live_guard import LiveGuard
from trader.runtime import Inbox, Listener, Runtime, SystemClock
from trader.strategy.protocol import Strategy

_NS = 1_000_000_000
Figures = Mapping[str, object]


class Session(Protocol):
    """Paces the cycles of a run."""

    async def run(
        self,
        *,
        loops: int | None,
        interval_s: float,
        stop: asyncio.Event,
        version: str,
        unguarded: int,
    ) -> None:
        """Run ``loops`` cycles, or until ``stop`` is set."""
        ...

    async def end(self, reason: str, *, flatten: bool) -> None:
        """Stop entries, let what is in flight finish, and say goodbye."""
        ...


@dataclass(frozen=True)
class Ground:
    """What a circle stands on: settings, locks, the journal, and who is told."""

    settings: Settings
    options: RunOptions
    locks: tuple[StateLock | HostLock, ...]
    journal: Journal
    outbox: Outbox
    committed: asyncio.Event
    on_cycle: Callable[[float], None]
    status: Callable[[], Figures]
    history: History
    loop: LoopRecord
    unguarded: int
    cycle: Callable[[], Cycle | None]
    redact: Callable[[str], str]
    log_lines_lost: Callable[[], int]

    @property
    def interval_s(self) -> float:
        """Real seconds between two cycles."""
        given = self.options.interval_s
        return self.settings.engine.cycle_seconds if given is None else given


@dataclass(frozen=True)
class Circle:
    """The parts that the process runs."""

    engine: Engine
    runtime: Runtime
    port: LocalPort
    session: Session
    lag: MarketLag
    restored: int
    answers: Answers
    look_around: LookAround
    beside: tuple[Callable[[], Awaitable[None]], ...] = ()
    """What runs beside the loop: the venues' connections."""


def mock_circle(
    ground: Ground,
    instruments: Mapping[InstrumentId, Instrument],
    strategy: Strategy,
    market: Market,
) -> Circle:
    """A circle on simulated venues and simulated time. No part of it could send a live order."""
    settings = ground.settings
    engine = Engine(engine_rules(settings), instruments, strategy)
    restored = restore(engine, ground.journal, settings.mock.seed)
    start_ns = int(settings.mock.start.timestamp()) * _NS
    # A journal that is further on continues: the date never goes back.
    clock = SimulatedClock(max(start_ns, engine.state.now_ns))
    reach = Reach(settings.bot.unreachable_minutes)
    senses = HostSenses(settings, engine, ground.locks, reach=reach)
    inbox = Inbox(settings.engine.max_inbox_events)
    gate = Gate(
        _paper(settings, engine, clock, inbox),
        clock,
        inbox.put,
        settings.safety.max_order_delay_ms,
        {},
    )
    feed = MockFeed(
        market,
        tuple(instruments),
        clock,
        inbox.put,
        settings.mock.step_ms,
        settings.mock.seed,
    )
    feed.catch_up(clock.now().at_ns - start_ns)
    session = MockSession(
        engine,
        inbox,
        clock,
        feed,
        senses,
        ground.on_cycle,
        settings.mock.seconds_per_cycle,
        settings.mock.seed,
    )
    # There is no live order to hold back here; the fact follows within the millisecond.
    answers = _answers(ground, engine)
    asked = reconcile_questions(engine, None, clock)
    port = _port(ground, engine, senses, clock, inbox, lambda: None, reach, answers, asked)
    lag = MarketLag()
    ends = OrderEnds(engine.state)
    look_around = LookAround(settings, engine, reach, ends)
    runtime = _runtime(
        ground, engine, inbox, gate, (lag, log_facts, ends, *answers.listeners, _replies(port))
    )
    return Circle(engine, runtime, port, session, lag, restored, answers, look_around)


def real_circle(ground: Ground, strategy: Strategy, connectors: Connectors) -> Circle:
    """A circle on real venues. Only live mode is given their lanes, and a keeper before them."""
    settings = ground.settings
    engine = Engine(engine_rules(settings), connectors.instruments, strategy)
    restored = restore(engine, ground.journal, settings.mock.seed)
    clock = SystemClock()
    inbox = Inbox(settings.engine.max_inbox_events)
    connectors.connect(clock, inbox.put, EngineOrders(engine))
    outside = Outside(settings, engine, connectors, clock, ground.interval_s)
    reach = Reach(settings.bot.unreachable_minutes)
    senses = HostSenses(settings, engine, ground.locks, outside, reach)
    is_live = settings.mode.current is Mode.LIVE
    keeper = _keeper(settings, engine, senses, clock, inbox) if is_live else None
    gate = Gate(
        _paper(settings, engine, clock, inbox),
        clock,
        inbox.put,
        settings.safety.max_order_delay_ms,
        connectors.lanes() if is_live else {},
        keeper,
    )
    session = RealSession(engine, inbox, clock, senses, outside, ground.on_cycle)
    halt_at_once = (lambda: None) if keeper is None else keeper.halt_at_once
    answers = _answers(ground, engine)
    asked = reconcile_questions(engine, connectors if is_live else None, clock)
    port = _port(ground, engine, senses, clock, inbox, halt_at_once, reach, answers, asked)
    lag = MarketLag()
    ends = OrderEnds(engine.state)
    look_around = LookAround(settings, engine, reach, ends, outside.lag, connectors.figures)
    listeners: list[Listener] = [lag, log_facts, ends, *answers.listeners, session.saw]
    listeners.append(lambda event, _: connectors.saw(event))
    if keeper is not None:
        listeners.append(_durable_halts(keeper))
    # Last, since a command is answered when all else has taken notice of it.
    listeners.append(_replies(port))
    runtime = _runtime(ground, engine, inbox, gate, listeners)
    beside = (connectors.run,)
    return Circle(engine, runtime, port, session, lag, restored, answers, look_around, beside)


def _paper(settings: Settings, engine: Engine, clock: Clock, inbox: Inbox) -> PaperVenues:
    state = engine.state
    return PaperVenues(
        state.instruments, state.market.books, clock, inbox.put, settings.paper.latency_ms
    )


def _keeper(
    settings: Settings, engine: Engine, senses: HostSenses, clock: Clock, inbox: Inbox
) -> GuardKeeper:
    state = engine.state

    def saw_loss(readiness: Readiness) -> None:
        now = clock.now()
        inbox.put(LossSeen(now.at_ns, now.mono_ns, readiness))

    return GuardKeeper(
        LiveGuard(guard_rules(settings)),
        lambda: (state.authority, state.memory),
        senses.sense,
        saw_loss,
    )


def _durable_halts(keeper: GuardKeeper) -> Listener:
    """Hand each halt over to the record of authority, once that is on disk."""

    def listen(event: Event, _outcome: Outcome) -> None:
        if type(event) is CommandReceived and isinstance(event.command, Halt):
            keeper.halt_is_durable()

    return listen


def _replies(port: LocalPort) -> Listener:
    def listen(_event: Event, outcome: Outcome) -> None:
        if outcome.reply is not None:
            port.answered(outcome.reply)

    return listen


def _runtime(
    ground: Ground,
    engine: Engine,
    inbox: Inbox,
    gate: Gate,
    listeners: tuple[Listener, ...] | list[Listener],
) -> Runtime:
    inbox.on_full = gate.shut
    return Runtime(
        inbox,
        engine,
        ground.journal,
        AlertDesk(ground.outbox, ground.committed),
        gate,
        tuple(listeners),
    )


def _answers(ground: Ground, engine: Engine) -> Answers:
    return Answers(
        AnswerGround(
            settings=ground.settings,
            engine=engine,
            stop=engine.stop,
            journal=ground.journal.path,
            alerts=ground.outbox,
            cycle=ground.cycle,
            redact=ground.redact,
            log_lines_lost=ground.log_lines_lost,
            version=ground.options.version,
        )
    )


def _port(
    ground: Ground,
    engine: Engine,
    senses: HostSenses,
    clock: Clock,
    inbox: Inbox,
    halt_at_once: Callable[[], None],
    reach: Reach,
    answers: Answers,
    asked: Questions,
) -> LocalPort:
    guard, state = LiveGuard(guard_rules(ground.settings)), engine.state
    prospects = Prospects(ground.settings, state.instruments)
    not_asked = unasked(ground.settings)

    def reported(health: BotHealth) -> None:
        reach.heard(health)
        answers.heard(health)

    def guards(_: Figures) -> Figures:
        sensed = senses.sense()
        whose = {
            "engine": ground.settings.engine.name,
            "at_ns": sensed.at_ns,
            "effective": effective(state).value,
        }
        figures = guard_figures(guard, state.authority, state.memory, sensed, unasked=not_asked)
        return {**figures, **whose}

    def trades(_: Figures) -> Figures:
        return prospects.figures(state)

    def status(_: Figures) -> Figures:
        return ground.status()

    questions: dict[str, Question] = {
        **answers.questions(),
        **asked,
        "guards": guards,
        "metrics": status,
        "prospects": trades,
        "summary": summary_question(
            ground.history, engine, ground.outbox, ground.loop, unguarded=ground.unguarded
        ),
    }
    return LocalPort(
        ground.settings.engine.name,
        clock,
        inbox.put,
        senses.sight,
        halt_at_once,
        questions,
        alerts=ground.outbox,
        committed=ground.committed,
        reported=reported,
    )
