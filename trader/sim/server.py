"""The simulator as a whole: one world, its market, its three faces and the operator's pages."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import web
from msgspec import Struct, field
from msgspec.structs import replace

from trader.domain.errors import ConfigError
from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, Venue
from trader.sim import admin, binance, bithumb, upbit
from trader.sim.captured import Captured
from trader.sim.captured import replay as replay_captured
from trader.sim.deeds import Operator, Step
from trader.sim.defaults import default_accounts, listings_of
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults
from trader.sim.market import BentMarket, MarketSource, Pump
from trader.sim.referee import Referee
from trader.sim.rules import RULES, ClientIds, VenueRules

_SHUTDOWN_S = 1.0
_BACKLOG = 512
_NS_PER_MS = 1_000_000


_FACES: dict[Venue, Callable[[Exchange, Faults], web.Application]] = {
    UPBIT: upbit.app,
    BITHUMB: bithumb.app,
    BINANCE: binance.app,
}


class Setup(Struct, frozen=True):
    """What the simulator is to be. ``speed`` is market seconds per second."""

    market: MarketSource
    host: str = "127.0.0.1"
    port: int = 0
    is_separate: bool = False
    """Also open a port of its own per venue, for clients that cannot be given a path."""
    speed: float = 1.0
    book_interval_s: float = 0.1
    ledger: Path | None = None
    scenario: Sequence[Step] = ()
    captured: Mapping[Venue, list[Captured]] = field(default_factory=dict)
    bithumb_client_ids: ClientIds = ClientIds.RETURNS_EXISTING


class Simulator:
    """One running simulator. ``start`` it in a loop, ``stop`` it there; both once."""

    def __init__(self, setup: Setup) -> None:
        """Build the world, with nothing listening yet.

        Raises:
            ConfigError: the ledger cannot be written.
        """
        self._setup = setup
        listings = listings_of(setup.market.instruments)
        now_ns = time.time_ns()
        self.faults = Faults(time.time_ns)
        self.exchange = Exchange(
            listings,
            default_accounts(now_ns),
            _rules(setup.bithumb_client_ids),
            self.faults,
            time.time_ns,
            now_ns // _NS_PER_MS,
        )
        self.market = BentMarket(setup.market, {each.id: each for each in listings})
        self.referee = Referee(self.exchange, self.faults, setup.ledger)
        self.operator = Operator(self.exchange, self.faults, self.market, self.referee)
        self.pump = Pump(
            self.exchange, self.market, setup.book_interval_s, setup.speed, time.monotonic
        )
        self.port = 0
        self.separate_ports: dict[Venue, int] = {}
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The address of the port that serves everything by path."""
        return f"http://{self._setup.host}:{self.port}"

    def venue_url(self, venue: Venue) -> str:
        """The base address of a venue; a WebSocket's begins with ``ws`` in place of ``http``."""
        if venue in self.separate_ports:
            return f"http://{self._setup.host}:{self.separate_ports[venue]}"
        return f"{self.url}/{venue}"

    async def start(self) -> None:
        """State every book once, open the ports, and let the market and the scenario run.

        Raises:
            ConfigError: a port is taken.
        """
        self.pump.state_all()
        root = web.Application()
        root.add_subapp("/admin", admin.app(self.operator, self.referee))
        for venue, face in _FACES.items():
            root.add_subapp(f"/{venue}", face(self.exchange, self.faults))
        self.port = await self._serve(root, self._setup.port)
        if self._setup.is_separate:
            for offset, (venue, face) in enumerate(_FACES.items(), start=1):
                port = self._setup.port + offset if self._setup.port else 0
                alone = face(self.exchange, self.faults)
                self.separate_ports[venue] = await self._serve(alone, port)
        self._tasks.append(asyncio.create_task(self.pump.run(), name="pump"))
        if self._setup.scenario:
            played = self.operator.play(list(self._setup.scenario))
            self._tasks.append(asyncio.create_task(played, name="scenario"))
        for venue, frames in self._setup.captured.items():
            replayed = replay_captured(self.exchange, venue, frames, self._setup.speed)
            self._tasks.append(asyncio.create_task(replayed, name=f"captured {venue}"))

    async def wait(self) -> None:
        """Run until cancelled.

        Raises:
            Exception: whatever ended the market or the scenario.
        """
        pending = set(self._tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def stop(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in self._runners:
            await runner.cleanup()
        self.referee.close()

    async def _serve(self, served: web.Application, port: int) -> int:
        runner = web.AppRunner(
            served, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, self._setup.host, port, backlog=_BACKLOG).start()
        except OSError as error:
            raise ConfigError(
                f"{self._setup.host}:{port} cannot be listened on: {error.strerror or error}"
            ) from error
        return bound_port(runner.addresses)


def bound_port(addresses: Sequence[object]) -> int:
    """The port of what a runner listens on."""
    first = addresses[0]
    assert isinstance(first, tuple)
    return int(first[1])


def _rules(bithumb_client_ids: ClientIds) -> dict[Venue, VenueRules]:
    changed = replace(RULES[BITHUMB], client_ids=bithumb_client_ids)
    return RULES | {BITHUMB: changed}
