"""SocketKeeper: one WebSocket kept open, for public feeds and private streams alike.

It knows when to connect, to wait, to renew and to give up on a silent peer; what the frames say is
its user's business. Age is measured on *data* alone: a peer that only answers pings is silent.
"""

import asyncio
import ssl
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import structlog

from trader.domain.clock import Clock
from trader.wire.connection import (
    Connection,
    Ending,
    Heard,
    Loss,
    Send,
    SocketCounts,
    SocketRules,
    SocketUser,
)
from trader.wire.tls import trusted

if TYPE_CHECKING:
    from aiohttp import ClientSession

__all__ = ["Ending", "Heard", "Send", "SocketCounts", "SocketKeeper", "SocketRules", "SocketUser"]

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_NS = 1_000_000_000
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
_GOOD_LIFE_S = 60.0
"""After so long a life the next pause is a short one again."""
_OVERLAP_S = 20.0
"""How long a successor may take until it is heard."""
_STOP_TIMEOUT_S = 1.0


class SocketKeeper:
    """Keeps one connection of ``user`` open until cancelled.

    ``name`` is for the log. Pauses between connections grow from 0.2 s to 30 s, jittered.
    ``shut_out_s`` says for how many seconds the venue wants to hear nothing of us at all; nothing
    is connected until then.
    """

    def __init__(
        self,
        name: str,
        user: SocketUser,
        rules: SocketRules,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
        shut_out_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._name = name
        self._user = user
        self._rules = rules
        self._clock = clock
        self._tls = tls
        self._shut_out_s = shut_out_s
        self._chance = Random()
        self._connection: Connection | None = None
        self._losses_in_a_row = 0
        self._reported: str | None = None
        self.counts = SocketCounts()

    @property
    def is_open(self) -> bool:
        """Whether a connection stands at this moment."""
        return self._connection is not None and self._connection.is_open

    async def run(self) -> None:
        """Connect and reconnect until cancelled; closes within a second then."""
        from trader.wire.session import open_session

        tls = trusted() if self._tls is None else self._tls
        # Room for two: a connection and its successor.
        async with open_session(tls, 2, self._rules.open_timeout_s) as session:
            while True:
                await asyncio.sleep(self._shut_out_s())
                began_ns = self._clock.now().mono_ns
                loss = await self._one_life(session)
                self._connection = None
                lived_s = (self._clock.now().mono_ns - began_ns) / _NS
                pause_s = self._pause_s(loss, lived_s)
                self._tell(loss, lived_s, pause_s)
                await asyncio.sleep(pause_s)

    async def _one_life(self, session: "ClientSession") -> Loss:
        """From a connection to a loss, however many successors took over in between."""
        connection, task = self._start(session)
        self._connection = connection
        life_s = self._rules.max_life_s * self._chance.uniform(0.97, 1.0)
        try:
            while True:
                await asyncio.wait({task}, timeout=life_s)
                if task.done():
                    return task.result()
                if not self._rules.overlaps:
                    return Loss("end of its life", was_open=connection.was_open)
                next_connection, next_task = self._start(session)
                if await self._is_heard(next_connection, next_task, task):
                    await _stop(task)
                    self.counts.rotated += 1
                    connection, task = next_connection, next_task
                    self._connection = connection
                    life_s = self._rules.max_life_s * self._chance.uniform(0.97, 1.0)
                else:
                    # The old one goes on where it can; its own end is noticed as ever.
                    await _stop(next_task)
                    life_s = _GOOD_LIFE_S
        finally:
            await _stop(task)

    def _start(self, session: "ClientSession") -> tuple[Connection, "asyncio.Task[Loss]"]:
        connection = Connection(session, self._user, self._rules, self._clock, self.counts)
        return connection, asyncio.create_task(connection.live())

    async def _is_heard(
        self, connection: Connection, task: "asyncio.Task[Loss]", old: "asyncio.Task[Loss]"
    ) -> bool:
        """Whether the successor speaks before it fails, time runs out or the old one is lost."""
        heard = asyncio.create_task(connection.has_data.wait())
        try:
            await asyncio.wait(
                {heard, task, old}, timeout=_OVERLAP_S, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            await _stop(task)
            raise
        finally:
            heard.cancel()
        return connection.has_data.is_set() and not task.done() and not old.done()

    def _pause_s(self, loss: Loss, lived_s: float) -> float:
        if loss.was_open and lived_s >= _GOOD_LIFE_S:
            self._losses_in_a_row = 0
            self._reported = None
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(self._losses_in_a_row, 10), _LONGEST_PAUSE_S)
        self._losses_in_a_row += 1
        return max(pause_s * self._chance.uniform(0.5, 1.0), loss.stay_away_s)

    def _tell(self, loss: Loss, lived_s: float, pause_s: float) -> None:
        # At most one line for each pause.
        _log.warning(
            "socket_lost" if loss.was_open else "socket_not_opened",
            socket=self._name,
            reason=loss.reason,
            lived_s=round(lived_s, 1),
            pause_s=round(pause_s, 2),
        )
        if loss.was_open:
            self.counts.lost += 1
            self._user.on_lost(loss.reason)
        else:
            self.counts.failed += 1
        fault = loss.fault
        if fault is not None and self._reported != repr(fault):
            # Once: the same fault on every new connection is no news.
            self._reported = repr(fault)
            self._user.on_fault(fault)


async def _stop(task: "asyncio.Task[Loss]") -> None:
    """Cancel a connection and see it closed; what it ended with no longer matters."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_STOP_TIMEOUT_S)
    if task.done() and not task.cancelled():
        # Look at it, or the loop complains about an exception nobody saw.
        task.exception()
