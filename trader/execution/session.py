"""VenueSession: our account at one venue in live mode, from connect to reconnect.

The private stream tells what happens; after every gap in it open and recent orders and balances are
asked for anew, and only when the engine has taken the answers in does the venue count as
reconciled. Placing orders is the lane's.
"""

import asyncio
from collections.abc import Callable

import structlog

from trader.domain.client_ids import Whose
from trader.domain.clock import Clock, Stamp
from trader.domain.control import Accept
from trader.domain.errors import VenueError, VenueRejected
from trader.domain.events import (
    AccountLost,
    AccountStated,
    CommandReceived,
    Event,
    FaultReported,
    OrderReported,
)
from trader.execution.account_look import (
    OVERLAP_NS,
    AccountLook,
    Records,
    by_id,
    first_since_ns,
    look_at,
    patiently,
)
from trader.execution.repeating import Pace, repeat
from trader.execution.settling import Settling
from trader.execution.venue import (
    BalancesSeen,
    OrderSeen,
    OrderView,
    PrivateEnding,
    PrivateStream,
    Rejected,
    VenueClient,
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.venue")
_RECONCILE = Pace(every_s=60.0, first_retry_s=0.5, last_retry_s=15.0)
# Balances change with every fill of ours; one statement a while later is worth more than many.
_SETTLES_S = 3.0
# Balances alone are stated anew after every fill; orders draw on the venue's limits.
_LOOKS_EVERY_NS = 60_000_000_000
# A key that was refused is looked at by a person; until then one order in a while is enough.
_REFUSED_RESTS_NS = 300_000_000_000


class VenueSession:
    """Keeps one account reconciled. ``records`` tell whose an order is that the venue shows."""

    def __init__(
        self,
        client: VenueClient,
        settling: Settling,
        clock: Clock,
        deliver: Callable[[Event], None],
        records: Records,
    ) -> None:
        self._client = client
        self._stream: PrivateStream = client.private_stream()
        self._settling = settling
        self._clock = clock
        self._deliver = deliver
        self._records = records
        self._connection = 0
        self._is_open = False
        self._refused_until_ns = 0
        self._reconciled = 0
        self._due = asyncio.Event()
        self._taken: asyncio.Future[None] | None = None
        self._awaited: Event | None = None
        self._looked_ns: int | None = None
        self._look_due_ns = 0
        self._stood_mono_ns = 0
        self.others = 0
        """Orders told of that are not ours: the operator's own, or another program's."""

    @property
    def stream(self) -> PrivateStream:
        """What the connection's keeper needs to know of the stream."""
        return self._stream

    @property
    def is_reconciled(self) -> bool:
        """Whether orders and balances were compared since the last connect."""
        is_current = self._is_open and self._reconciled == self._connection
        return is_current and self._clock.now().mono_ns >= self._refused_until_ns

    # the connection's keeper calls these

    def opened(self) -> None:
        """The private stream is connected; where it says nothing on success it stands already."""
        if not self._stream.says_when_ready:
            self._stand()

    def heard(self, data: bytes | str, stamp: Stamp) -> PrivateEnding | None:
        """Take in one frame; the venue's word that the connection is over, or None.

        Raises:
            FrameInvalid: it does not decode.
        """
        if not self._is_open and self._stream.is_ready(data):
            self._stand()
        ending = None
        for one in self._stream.decode(data, stamp):
            if isinstance(one, PrivateEnding):
                ending = one
            else:
                self._take(one, stamp)
        return ending

    def lost(self, reason: str) -> None:
        """The private stream is gone; what it would have told must be asked for."""
        if not self._is_open:
            return
        self._is_open = False
        now = self._clock.now()
        self._deliver(AccountLost(now.at_ns, now.mono_ns, self._client.venue, reason))

    # others call these

    def saw(self, event: Event) -> None:
        """The engine has processed an event; a statement among them completes the reconciling."""
        if event is self._awaited and self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        if isinstance(event, CommandReceived) and isinstance(event.command, Accept):
            self._settling.hurry(event.command.subject)
            self._look_soon()

    def refused(self, rejected: Rejected) -> None:
        """The venue refused an order because of our key or signature: no other will fare better."""
        self._refused_until_ns = self._clock.now().mono_ns + _REFUSED_RESTS_NS
        self._tell_fault(f"our key was refused: {rejected.code} {rejected.message}".strip())

    async def run(self) -> None:
        """Reconcile after every connect, and state balances anew now and then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(repeat(self._reconcile, _RECONCILE, self._failed, self._due))
            group.create_task(self._settling.run())

    # what it does

    def _stand(self) -> None:
        self._is_open = True
        self._stood_mono_ns = self._clock.now().mono_ns
        self._connection += 1
        self._due.set()

    def _take(self, news: OrderSeen | BalancesSeen, stamp: Stamp) -> None:
        if isinstance(news, OrderSeen):
            self._report(news.view, stamp)
        else:
            # Which of it our own orders explain is judged on a whole statement.
            self._due.set()

    def _report(self, view: OrderView, stamp: Stamp) -> None:
        whose = self._records.whose(view.client_order_id)
        if whose is Whose.OTHERS:
            self.others += 1
            return
        if whose is Whose.LOST:
            # Only a look tells all of it that adopting it takes.
            self._look_soon()
        self._deliver(
            OrderReported(
                stamp.at_ns,
                stamp.mono_ns,
                view.client_order_id,
                view.state,
                view.executed,
                view.fills,
                view.reason,
            )
        )

    async def _reconcile(self) -> None:
        connection = self._connection
        if not self._is_open:
            return
        if self._reconciled == connection:
            await asyncio.sleep(_SETTLES_S)
        began = self._clock.now()
        is_anew = self._reconciled != connection
        look = await self._look(began) if is_anew or began.mono_ns >= self._look_due_ns else None
        if look is not None:
            await self._settling.told(by_id(look.views), self._taken_in)
        await self._settling.look_at_all(self._stood_mono_ns if is_anew else began.mono_ns)
        await self._state_account(look)
        if look is not None and not look.is_whole:
            self._look_soon()
        if self._reconciled != connection and connection == self._connection and self._is_open:
            self._reconciled = connection
            _log.info("reconciled", venue=self._client.venue, connection=connection)

    async def _look(self, began: Stamp) -> AccountLook:
        """Open and recent orders: since the last look, with some overlap."""
        if self._looked_ns is None:
            since_ns = first_since_ns(began.at_ns, self._records.known_until_ns)
        else:
            since_ns = self._looked_ns - OVERLAP_NS
        self._look_due_ns = began.mono_ns + _LOOKS_EVERY_NS
        look = await look_at(self._client, self._records, since_ns)
        if look.is_whole:
            self._looked_ns = began.at_ns
        return look

    async def _state_account(self, look: AccountLook | None) -> None:
        """Ask for the balances, and wait until the engine has taken the statement in."""
        asked_mono_ns = self._clock.now().mono_ns
        balances = await patiently(self._client.balances)
        now = self._clock.now()
        await self._taken_in(
            AccountStated(
                now.at_ns,
                now.mono_ns,
                self._client.venue,
                asked_mono_ns,
                tuple((balance.asset, balance.total) for balance in balances),
                look is not None,
                () if look is None else look.orders,
                () if look is None else look.others,
            )
        )

    async def _taken_in(self, event: Event) -> None:
        """Hand an event over, and wait until the engine has processed it."""
        self._awaited = event
        self._taken = asyncio.get_running_loop().create_future()
        self._deliver(event)
        await self._taken

    def _look_soon(self) -> None:
        self._look_due_ns = 0
        self._due.set()

    def _failed(self, error: VenueError, failures: int) -> None:
        if isinstance(error, VenueRejected):
            if failures == 1:
                self._tell_fault(f"account refused: {error}")
        elif failures & (failures - 1) == 0:
            _log.warning(
                "not reconciled", venue=self._client.venue, failures=failures, error=str(error)
            )

    def _tell_fault(self, message: str) -> None:
        now = self._clock.now()
        self._deliver(FaultReported(now.at_ns, now.mono_ns, self._client.venue, message))
