"""What a host command may do to a state whose engine does not run: look, and lift a halt."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from trader.alerts.outbox import MIGRATIONS, Outbox
from trader.alerts.rules import alerts_for
from trader.app.figures import SETTLED_BY_A_RUN, guard_figures, unasked
from trader.app.prospects import Prospects, last_known_books
from trader.app.restoring import restore
from trader.app.senses import HostSenses
from trader.app.strategies import load_strategy
from trader.app.wiring import engine_rules, guard_rules, simulated_instruments
from trader.config import Settings
from trader.domain.authority import HALT_LIFTED
from trader.domain.control import Mode
from trader.domain.facts import AuthorityChanged, EntriesResumed, Fact
from trader.engine.engine import Engine
from trader.execution.journal import Journal
from trader.ops.lease import StateLock
from trader.port.local import Answer, Request, send
from trader.risk.authority import after_start, lift_halt
from trader.risk.live_guard import LiveGuard

SOCKET = "engine.sock"


def journal_path(settings: Settings) -> Path:
    """The journal of the mode: mock has one of its own, so simulated days never mix with real."""
    name = "mock.db" if settings.mode.current is Mode.MOCK else "journal.db"
    return Path(settings.engine.state_dir) / name


def ask_engine(settings: Settings, request: Request) -> Answer | None:
    """The running engine's answer; None where none runs on this state.

    Raises:
        PortError: it runs and does not answer as it should.
    """
    return send(Path(settings.engine.state_dir) / SOCKET, request)


@dataclass(frozen=True)
class Quiet:
    """A state whose lock is ours, its journal open and an engine restored from it."""

    settings: Settings
    journal: Journal
    engine: Engine
    senses: HostSenses

    def guards(self) -> Mapping[str, object]:
        """Every predicate as far as it can be known without a run, as a start would find it."""
        guard = LiveGuard(guard_rules(self.settings))
        state = self.engine.state
        authority = after_start(state.authority, self.senses.sight(), crashed=state.was_running)
        readiness = self.senses.sense()
        if readiness.mode is not Mode.MOCK:
            readiness = replace(readiness, fresh_pairs=None)
        return guard_figures(
            guard,
            authority,
            guard.begin(),
            readiness,
            later=SETTLED_BY_A_RUN,
            unasked=unasked(self.settings),
        )

    def trades(self) -> Mapping[str, object]:
        """Trades left and break-even per direction, at the last prices the journal holds.

        Raises:
            JournalError: the journal does not read back.
        """
        state = self.engine.state
        books, at_ns = last_known_books(self.journal.replay())
        for book in books.values():
            state.market.update(book)
        prospects = Prospects(self.settings, state.instruments)
        return prospects.figures(state, prices="journal" if books else "none", at_ns=at_ns)

    def lift(self, who: str) -> str:
        """Lift a halt to paper and a pause; returns what became of it, in a sentence."""
        state, sight = self.engine.state, self.senses.sight()
        # Mock has a calendar of its own, which the host's time must not move.
        is_mock = self.settings.mode.current is Mode.MOCK
        at_ns = state.now_ns if is_mock and state.now_ns else sight.at_ns
        facts: list[Fact] = []
        lifted = lift_halt(state.authority, who, state.authority.revision, sight)
        if lifted != state.authority:
            facts.append(AuthorityChanged(at_ns, lifted, host_ns=sight.at_ns))
        elif sight.halt_file:
            return "not lifted: a .halt file stands; remove it first"
        if state.paused:
            facts.append(EntriesResumed(at_ns, who, host_ns=sight.at_ns))
        if not facts:
            return "nothing to lift: neither halted nor paused"
        outbox = Outbox(self.journal, self.journal, enabled=self.settings.alert.enabled)
        with self.journal.transaction() as tx:
            self.journal.append(tx, facts)
            outbox.enqueue(tx, alerts_for(facts))
        self.journal.sync_now()
        if lifted.latch is not None and lifted.latch.reason == HALT_LIFTED:
            return "halt lifted to PAPER; for live, touch the confirm file now"
        return "pause lifted"


@contextmanager
def quiet(settings: Settings) -> Iterator[Quiet]:
    """Hold the state of an engine that does not run.

    Raises:
        AlreadyRunning: one runs.
        JournalError: its journal cannot be read.
    """
    with (
        StateLock.acquire(Path(settings.engine.state_dir)) as lock,
        Journal.open(journal_path(settings), migrations={"outbox": MIGRATIONS}) as journal,
    ):
        instruments = simulated_instruments(settings)
        engine = Engine(engine_rules(settings), instruments, load_strategy(settings, instruments))
        restore(engine, journal, settings.mock.seed)
        yield Quiet(settings, journal, engine, HostSenses(settings, engine, (lock,)))
