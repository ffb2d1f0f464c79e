"""Real session: cycles by the host's clock while the market flows, in paper and in live mode."""

import asyncio
import secrets
import string
import time
from collections.abc import Callable

from trader.app.outside import Outside
from trader.app.senses import HostSenses
from trader.domain.client_ids import DRAW_CHARS
from trader.domain.clock import Clock
from trader.domain.events import (
    BookUpdated,
    CycleTicked,
    Event,
    ProcessStarted,
    ProcessStopping,
    StopRequested,
)
from trader.domain.order import Purpose, TradeId
from trader.domain.trade import Trade
from trader.engine.engine import Engine, Outcome
from trader.runtime import Inbox

STOP_WITHIN_S = 5.0
"""How long all that may take once a stop was asked for; the whole stop has 10 s."""
_GOODBYE_S = 0.5
_BASE36 = string.digits + string.ascii_lowercase


class RealSession:
    """Runs cycles: everything is sensed anew, then one tick of the control loop."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        clock: Clock,
        senses: HostSenses,
        outside: Outside,
        on_cycle: Callable[[float], None],
        stop_within_s: float = STOP_WITHIN_S,
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._senses = senses
        self._outside = outside
        self._on_cycle = on_cycle
        self._stop_within_s = stop_within_s
        self._ticked: asyncio.Future[float] | None = None
        self._calm: asyncio.Event | None = None
        self._gone = asyncio.Event()
        # Trades, still there, of which a leg that stood alone was once sent to be unwound.
        self._unwound: set[TradeId] = set()

    async def run(
        self,
        *,
        loops: int | None,
        interval_s: float,
        stop: asyncio.Event,
        version: str,
        unguarded: int,
    ) -> None:
        """Run ``loops`` cycles, or until ``stop`` is set; tells of ``unguarded`` live positions."""
        now = self._clock.now()
        self._outside.lag.start()
        self._inbox.put(
            ProcessStarted(
                now.at_ns,
                now.mono_ns,
                version,
                None,
                unguarded,
                self._senses.sight(),
                _drawn(),
            )
        )
        number, due = 0, time.monotonic()
        while not stop.is_set() and (loops is None or number < loops):
            number += 1
            await self._tick(number)
            # By due times, so that cycles do not drift; those that were missed are not made up for.
            due = max(due + interval_s, time.monotonic())
            if loops is None or number < loops:
                await _wait(stop, due - time.monotonic())

    async def end(self, reason: str, *, flatten: bool) -> None:
        """Stop entries, let what is in flight finish, a leg alone be unwound once; say goodbye."""
        now = self._clock.now()
        self._inbox.put(StopRequested(now.at_ns, now.mono_ns, reason, flatten))
        # Set by the loop itself, for an inbox that is never idle must not hold up the end.
        self._calm = asyncio.Event()
        await _wait(self._calm, self._stop_within_s)
        self._outside.lag.stop()
        now = self._clock.now()
        self._inbox.put(ProcessStopping(now.at_ns, now.mono_ns, reason))
        await _wait(self._gone, _GOODBYE_S)

    def saw(self, event: Event, outcome: Outcome) -> None:
        """A listener: notes that a cycle's event went through the engine, or the last report."""
        for order in outcome.orders:
            if order.purpose is Purpose.UNWIND:
                self._unwound &= self._trades().keys()
                self._unwound.add(order.trade_id)
        if self._calm is not None and type(event) is not BookUpdated and not self._is_restless():
            self._calm.set()
        if type(event) is ProcessStopping:
            self._gone.set()
        if type(event) is not CycleTicked:
            return
        self._outside.looked(event.mono_ns)
        if self._ticked is not None and not self._ticked.done():
            self._ticked.set_result(time.perf_counter())

    def _is_restless(self) -> bool:
        """Whether an order is in flight, or a leg stands alone that was not unwound even once."""
        if any(ledger.in_flight for ledger in self._engine.state.ledgers.values()):
            return True
        return any(
            trade.lone_leg is not None and trade.id not in self._unwound
            for trade in self._trades().values()
        )

    def _trades(self) -> dict[TradeId, Trade]:
        ledgers = self._engine.state.ledgers.values()
        return {trade.id: trade for ledger in ledgers for trade in ledger.trades.values()}

    async def _tick(self, number: int) -> None:
        self._ticked = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        readiness = self._senses.sense(for_cycle=True)
        now = self._clock.now()
        self._inbox.put(CycleTicked(now.at_ns, now.mono_ns, number, readiness))
        ended = await self._ticked
        self._on_cycle((ended - began) * 1e3)


def _drawn() -> str:
    """What names this start; mock needs none, so that a seed fixes everything."""
    return "".join(secrets.choice(_BASE36) for _ in range(DRAW_CHARS))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        # Others get their turn also where a cycle takes longer than its interval.
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
