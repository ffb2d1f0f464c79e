"""OrderLane: the order entry of one live venue. Nothing leaves here twice.

Sending is split so that the gate's last look and the write are one step: ``prepare`` signs, takes
the rate-limit token and claims a connection; ``submit`` only writes. What was prepared and not
written is provably unsent; what was written and not answered is unknown.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable, Sequence
from decimal import Decimal

import structlog
from msgspec import Struct

from trader.domain.clock import Clock, Stamp
from trader.domain.errors import InvariantBroken, VenueUnavailable
from trader.domain.events import Event, OrderReported
from trader.domain.order import ApprovedOrder, ClientOrderId, Fill, OrderState
from trader.execution.lane_connection import LaneConnection, Origin
from trader.execution.lane_pool import LanePool, PoolCounts
from trader.execution.venue import Accepted, Placement, Rejected, Throttled, Unknown, VenueClient
from trader.wire.budget import Budget, Pause, retry_after_s
from trader.wire.http import HttpAnswer, HttpRequest

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LANE_DOWN = "LANE_DOWN"
"""No connection stands."""
LANE_BUSY = "LANE_BUSY"
"""Every connection that stands carries a request already."""
LANE_UNSIGNED = "LANE_UNSIGNED"
"""The request could not be built or signed."""
THROTTLED = "THROTTLED"
"""The venue's rate limit leaves no room for it now."""
BANNED = "BANNED"
"""The venue has shut us out for a time."""

_REMEMBERED_ORDERS = 10_000
_GAVE_UP_WAITING = 408
_STOP_TIMEOUT_S = 1.0


class LaneCounts:
    """What became of orders so far, for metrics. ``round_trip_ms`` is the last answer's."""

    def __init__(self, connections: PoolCounts) -> None:
        self.sent = self.accepted = self.rejected = self.throttled = self.unknown = 0
        self.round_trip_ms = 0.0
        self.connections = connections


class _Prepared(Struct, frozen=True):
    """An order that could leave at once, and what it has taken."""

    order: ApprovedOrder
    request: HttpRequest
    wire: bytes
    connection: LaneConnection
    stamp: Stamp


class OrderLane:
    """Takes live orders of one venue to it, each once.

    ``heard`` is told how each order was answered, after the event was delivered: a rejection may
    say that no key or no rule holds any more.
    """

    def __init__(
        self,
        client: VenueClient,
        base_url: str,
        budget: Budget,
        clock: Clock,
        deliver: Callable[[Event], None],
        timeout_s: float,
        connections: int = 3,
        heard: Callable[[ApprovedOrder, Placement], None] = lambda _, __: None,
        tls: ssl.SSLContext | None = None,
        warm_every_s: float = 15.0,
    ) -> None:
        self._client = client
        self._origin = Origin(base_url)
        self._budget = budget
        self._clock = clock
        self._deliver = deliver
        self._timeout_s = timeout_s
        self._heard = heard
        self._is_running = False
        # The rate limits that the last order drew on: its group and weight.
        self._drawn: tuple[str, int] | None = None
        self._pool = LanePool(
            self._origin,
            client.warming,
            budget,
            clock,
            timeout_s,
            connections,
            tls,
            warm_every_s,
        )
        self._prepared: dict[ClientOrderId, _Prepared] = {}
        self._in_flight: dict[ClientOrderId, tuple[_Prepared, asyncio.TimerHandle]] = {}
        self._written: OrderedDict[ClientOrderId, None] = OrderedDict()
        self.counts = LaneCounts(self._pool.counts)

    @property
    def is_ready(self) -> bool:
        """Whether an order could be written at this moment, as far as connections go."""
        return self._is_running and self._pool.is_ready()

    @property
    def connections_ready(self) -> int:
        """How many connections could carry an order at this moment."""
        return self._pool.ready if self._is_running else 0

    @property
    def takes_orders(self) -> bool:
        """Whether an order that matters could leave now: the way stands, and no limit forbids it.

        A single connection being busy is no hindrance; being shut out for a time is.
        """
        now = self._clock.now()
        if not self._is_running or not self._pool.stands or self._budget.banned_s(now) > 0:
            return False
        return self._drawn is None or self._budget.wait_s(*self._drawn, now, urgent=True) <= 0

    @property
    def in_flight(self) -> int:
        """How many orders were written and not answered yet."""
        return len(self._in_flight)

    def awaits(self, client_order_id: ClientOrderId) -> bool:
        """Whether this order was written and its answer may still come."""
        return client_order_id in self._in_flight

    async def run(self) -> None:
        """Keep the connections until cancelled; what is on its way then is unknown.

        From the very step of the cancellation on nothing leaves.
        """
        keeping = asyncio.create_task(self._pool.run())
        self._is_running = True
        try:
            await asyncio.wait({keeping})
        finally:
            self._is_running = False
            for ready in list(self._prepared.values()):
                self.release(ready.order)
            for name in list(self._in_flight):
                self._ended(name, "the lane was shut down")
            self._pool.abort()
            keeping.cancel()
            await asyncio.wait({keeping}, timeout=_STOP_TIMEOUT_S)
        if not keeping.cancelled():
            keeping.result()

    def prepare(self, order: ApprovedOrder) -> str:
        """Make an order ready to be written; empty, or why it cannot leave, nothing taken then.

        Raises:
            InvariantBroken: this order was prepared or written before.
        """
        name = order.client_order_id
        if name in self._prepared or name in self._written:
            raise InvariantBroken(f"{name}: an order is sent once")
        stamp = self._clock.now()
        if self._budget.banned_s(stamp) > 0:
            return BANNED
        connection = self._pool.claim() if self._is_running else None
        if connection is None:
            return LANE_BUSY if self._is_running and self._pool.stands else LANE_DOWN
        ready = self._signed(order, connection, stamp)
        if isinstance(ready, str):
            connection.give_up_claim()
            return ready
        self._prepared[name] = ready
        return ""

    def release(self, order: ApprovedOrder) -> None:
        """Give back what a prepared order has taken; nothing was written."""
        ready = self._prepared.pop(order.client_order_id, None)
        if ready is not None:
            ready.connection.give_up_claim()
            self._budget.give_back(ready.request.group, ready.request.weight, ready.stamp)

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Write prepared orders, one write each. A later one that cannot be comes back as blocked.

        Raises:
            VenueUnavailable: the first could not be written, so nothing was; all are released.
        """
        for number, order in enumerate(orders):
            try:
                self._write(order)
            except VenueUnavailable:
                for unsent in orders[number:]:
                    self.release(unsent)
                if number == 0:
                    raise
                for unsent in orders[number:]:
                    self._report(unsent, OrderState.BLOCKED, LANE_DOWN)
                return

    def _signed(
        self, order: ApprovedOrder, connection: LaneConnection, stamp: Stamp
    ) -> "_Prepared | str":
        """The order's bytes, its token taken; or why not."""
        try:
            request = self._client.placement(order, stamp)
            wire = self._origin.encode(request)
        except Exception as error:  # noqa: BLE001 - the outer edge of a venue's code
            # Its text may hold what it was about to sign with.
            _log.error("order_not_signed", order=order.client_order_id, error=type(error).__name__)
            return LANE_UNSIGNED
        self._drawn = (request.group, request.weight)
        if self._budget.take(request.group, request.weight, stamp, urgent=order.is_closing) > 0:
            return THROTTLED
        return _Prepared(order, request, wire, connection, stamp)

    def _write(self, order: ApprovedOrder) -> None:
        name = order.client_order_id
        ready = self._prepared.get(name)
        if ready is None:
            raise VenueUnavailable(f"{name}: not prepared, nothing was written")
        timer = asyncio.get_running_loop().call_later(self._timeout_s, self._timed_out, name)
        # Noted first: whatever happens from here on, it is never written again.
        self._remember(name)
        self._in_flight[name] = (ready, timer)
        try:
            ready.connection.exchange(ready.wire, lambda answer: self._ended(name, answer))
        except VenueUnavailable:
            del self._in_flight[name]
            timer.cancel()
            raise
        del self._prepared[name]
        self.counts.sent += 1

    def _remember(self, name: ClientOrderId) -> None:
        self._written[name] = None
        if len(self._written) > _REMEMBERED_ORDERS:
            self._written.popitem(last=False)

    def _timed_out(self, name: ClientOrderId) -> None:
        self._ended(name, f"no answer in {self._timeout_s:g} s")

    def _ended(self, name: ClientOrderId, answer: HttpAnswer | str) -> None:
        """An order was answered, or never will be; the first to say so is heard."""
        flight = self._in_flight.pop(name, None)
        if flight is None:
            return
        ready, timer = flight
        timer.cancel()
        now = self._clock.now()
        if isinstance(answer, str):
            placement: Placement = Unknown(answer)
        else:
            self.counts.round_trip_ms = (now.mono_ns - ready.stamp.mono_ns) / 1e6
            placement = self._read(ready.order, answer, now)
        if isinstance(placement, Unknown):
            # Whatever still comes on it belongs to an order that is settled elsewhere.
            ready.connection.abort()
        self._tell(ready.order, placement)
        if isinstance(answer, HttpAnswer):
            self._learn(ready, answer, placement, now)
        self._heard(ready.order, placement)

    def _read(self, order: ApprovedOrder, answer: HttpAnswer, now: Stamp) -> Placement:
        if answer.status == _GAVE_UP_WAITING:
            # Said of its own accord to an idle connection, it may have crossed the order.
            return Unknown(f"status {answer.status}")
        try:
            return self._client.read_placement(order, answer, now)
        except Exception as error:  # noqa: BLE001 - the outer edge of a venue's code
            return Unknown(f"answer not understood: {type(error).__name__}")

    def _tell(self, order: ApprovedOrder, placement: Placement) -> None:
        counts = self.counts
        match placement:
            case Accepted(view):
                counts.accepted += 1
                self._report(order, view.state, view.reason, view.executed, view.fills)
            case Rejected(code):
                counts.rejected += 1
                self._report(order, OrderState.REJECTED, code)
            case Throttled(code):
                counts.throttled += 1
                self._report(order, OrderState.REJECTED, f"{THROTTLED}:{code}")
            case Unknown(reason):
                counts.unknown += 1
                self._report(order, OrderState.UNKNOWN, reason)

    def _learn(
        self, ready: _Prepared, answer: HttpAnswer, placement: Placement, now: Stamp
    ) -> None:
        request = ready.request
        if not isinstance(placement, Throttled):
            self._budget.heard(request.group, answer, ready.stamp, now)
            return
        told = self._budget.learn(answer, ready.stamp, now)
        wait_s = max(placement.wait_s, retry_after_s(answer) or 0.0)
        # A venue may shut everything for it, not this kind of request alone.
        is_for_all = any(isinstance(one, Pause) and not one.group for one in told)
        group = "" if placement.banned or is_for_all else request.group
        self._budget.throttled(group, wait_s, now, banned=placement.banned)

    def _report(
        self,
        order: ApprovedOrder,
        state: OrderState,
        reason: str,
        executed: Decimal = Decimal(0),
        fills: tuple[Fill, ...] = (),
    ) -> None:
        stamp = self._clock.now()
        self._deliver(
            OrderReported(
                stamp.at_ns,
                stamp.mono_ns,
                order.client_order_id,
                state,
                executed,
                fills,
                reason,
            )
        )
