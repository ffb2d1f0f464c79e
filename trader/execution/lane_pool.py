"""LanePool: a venue's order connections, opened ahead of need, warmed while idle, renewed."""

import asyncio
import ssl
from collections.abc import Callable
from random import Random

import structlog

from trader.domain.clock import Clock
from trader.execution.lane_connection import LaneConnection, Origin
from trader.wire.budget import Budget
from trader.wire.http import HttpAnswer, HttpRequest
from trader.wire.tls import trusted

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_GOOD_LIFE_S = 10.0
"""After so long a life the next pause is a short one again."""


class PoolCounts:
    """What happened to the connections so far, for metrics."""

    def __init__(self) -> None:
        self.connected = self.not_connected = self.lost = self.warmed = 0


class LanePool:
    """Keeps ``wanted`` connections to ``origin``; ``run`` does the work.

    ``warming`` names the cheap request that goes out when one was idle for ``warm_every_s``, and
    right after it was opened; its answer proves that the way is open. Of those in use one warms at
    a time, so that orders find the others free.
    """

    def __init__(
        self,
        origin: Origin,
        warming: Callable[[], HttpRequest],
        budget: Budget,
        clock: Clock,
        timeout_s: float,
        wanted: int,
        tls: ssl.SSLContext | None,
        warm_every_s: float,
    ) -> None:
        self._origin = origin
        self._warming_request = warming
        self._budget = budget
        self._clock = clock
        self._timeout_s = timeout_s
        self._wanted = wanted
        self._tls = tls
        self._warm_every_s = warm_every_s
        self._chance = Random()
        self._connections: list[LaneConnection] = []
        self._one_warms = asyncio.Lock()
        self.counts = PoolCounts()

    @property
    def stands(self) -> bool:
        """Whether any connection is open at all, busy or not."""
        return any(one.is_open for one in self._connections)

    def is_ready(self) -> bool:
        """Whether one is open, warm and free."""
        return any(one.is_free() for one in self._connections)

    @property
    def ready(self) -> int:
        """How many are open, warm and free; looks at each socket, so not for every tick."""
        return sum(one.is_free() for one in self._connections)

    def claim(self) -> LaneConnection | None:
        """Reserve a free connection for one order; None where there is none."""
        return next((one for one in self._connections if one.is_free() and one.claim()), None)

    def abort(self) -> None:
        """Close every connection at once; nothing that is still in a buffer leaves."""
        for connection in self._connections:
            connection.abort()

    async def run(self) -> None:
        """Keep the connections until cancelled; all are closed at once then."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._wanted):
                group.create_task(self._keep_one())

    async def _keep_one(self) -> None:
        losses = 0
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                async with asyncio.timeout(self._timeout_s):
                    connection = await self._connect()
            except OSError as error:
                self.counts.not_connected += 1
                _log.warning(
                    "order_connection_failed", host=self._origin.host, error=type(error).__name__
                )
            else:
                await self._use(connection)
                self.counts.lost += 1
            if loop.time() - began_s >= _GOOD_LIFE_S:
                losses = 0
            pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(losses, 10), _LONGEST_PAUSE_S)
            losses += 1
            banned_s = min(self._budget.banned_s(self._clock.now()), _LONGEST_PAUSE_S)
            await asyncio.sleep(max(pause_s * self._chance.uniform(0.5, 1.0), banned_s))

    async def _connect(self) -> LaneConnection:
        loop = asyncio.get_running_loop()
        origin = self._origin
        context = None
        if origin.is_tls:
            context = trusted() if self._tls is None else self._tls
        _, connection = await loop.create_connection(
            lambda: LaneConnection(loop.time), origin.host, origin.port, ssl=context
        )
        self.counts.connected += 1
        return connection

    async def _use(self, connection: LaneConnection) -> None:
        """Until it is closed; idle, it is warmed from time to time."""
        loop = asyncio.get_running_loop()
        self._connections.append(connection)
        try:
            await self._warm(connection)
            while not connection.closed.is_set():
                idle_s = connection.used_s + self._warm_every_s - loop.time()
                try:
                    async with asyncio.timeout(max(idle_s, 0.05)):
                        await connection.closed.wait()
                except TimeoutError:
                    async with self._one_warms:
                        if loop.time() - connection.used_s >= self._warm_every_s:
                            await self._warm(connection)
        finally:
            self._connections.remove(connection)
            connection.abort()

    async def _warm(self, connection: LaneConnection) -> None:
        """Ask something cheap on it; an answer that does not come ends the connection."""
        if not connection.claim():
            return
        request = self._warming_request()
        asked = self._clock.now()
        if self._budget.take(request.group, request.weight, asked) > 0:
            # An order needs the connection more than the connection needs the exercise.
            connection.give_up_claim()
            connection.used_s = asyncio.get_running_loop().time()
            return
        answered: asyncio.Future[HttpAnswer | str] = asyncio.get_running_loop().create_future()

        def ended(answer: HttpAnswer | str) -> None:
            if not answered.done():
                answered.set_result(answer)

        try:
            async with asyncio.timeout(self._timeout_s):
                connection.exchange(self._origin.encode(request), ended)
                answer = await answered
        except TimeoutError:
            answer = f"no answer in {self._timeout_s:g} s"
        if isinstance(answer, str):
            connection.abort()
            _log.info("order_connection_not_warmed", host=self._origin.host, reason=answer)
            return
        self.counts.warmed += 1
        self._budget.heard(request.group, answer, asked, self._clock.now())
