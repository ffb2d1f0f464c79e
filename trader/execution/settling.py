"""Settling: orders whose end is not known are looked up by client id until the venue has told.

Never by sending again, never by assuming. What the venue still does not know after a while is
quarantined: it goes on counting at its worst, and an operator decides.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

import structlog
from msgspec import Struct

from trader.domain.clock import Clock
from trader.domain.errors import HeldBack, VenueError
from trader.domain.events import Event, OrderReported
from trader.domain.order import ClientOrderId, Fill, Order, OrderState
from trader.execution.account_look import is_whole
from trader.execution.venue import Absent, OrderView, VenueClient

_log: structlog.stdlib.BoundLogger = structlog.get_logger("trader.venue")
_NS = 1_000_000_000
_ZERO = Decimal(0)
_LOOK_EVERY_S = 0.1
_AT_ONCE = 8
_MANY = 100
_PORTION = 256
_LONGEST_HOLD_S = 5.0
# An accepted immediate order ends within moments; its report may have been lost on the way.
_ACCEPTED_WAITS_S = 1.0
_SHORTEST_NS = _NS // 4
_LONGEST_S = 30
# Of what was waited so far: whatever the venue tells is known a quarter later at most. While it is
# not, the other leg of the trade may stand alone.
_SHARE = 4
_TOLD = frozenset({OrderState.ACKNOWLEDGED, OrderState.PARTIAL})
_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})


class _Search(Struct):
    """One order's look-ups so far."""

    seen_ns: int
    seen_mono_ns: int
    due_mono_ns: int
    looks: int = 0
    answered_mono_ns: int = -1


class Settling:
    """Looks up what does not end by itself.

    ``unsettled`` are the venue's live orders without an end, now; ``awaited`` says whether the lane
    still waits for an order's answer, which comes first.
    """

    def __init__(
        self,
        client: VenueClient,
        clock: Clock,
        deliver: Callable[[Event], None],
        unsettled: Callable[[], Sequence[Order]],
        awaited: Callable[[ClientOrderId], bool],
        quarantine_after_s: float,
    ) -> None:
        self._client = client
        self._clock = clock
        self._deliver = deliver
        self._unsettled = unsettled
        self._awaited = awaited
        self._quarantine_after_ns = int(quarantine_after_s * _NS)
        self._searches: dict[ClientOrderId, _Search] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look_once()
            # Of thousands that wait none is in a hurry, and going through them takes its time.
            await asyncio.sleep(_LOOK_EVERY_S * (1 + len(self._searches) // _MANY))

    async def look_once(self) -> None:
        """Ask for the orders whose next look-up is due."""
        due = self._due()
        if due:
            await asyncio.gather(*(self._look(order) for order in due))

    async def look_at_all(self, since_mono_ns: int | None = None) -> None:
        """Ask once for every order without an end; part of reconciling.

        Those the venue answered for since then are not asked for again: of thousands, what a
        failure interrupts goes on where it was. Within the venue's budget, however long that takes.

        Raises:
            VenueError: one could not be asked for.
        """
        since = self._clock.now().mono_ns if since_mono_ns is None else since_mono_ns
        left = deque(
            order
            for order in self._unsettled()
            if self._answered_ns(order) < since
            and not self._awaited(order.approved.client_order_id)
        )
        while left:
            batch = [left.popleft() for _ in range(min(_AT_ONCE, len(left)))]
            answers = await asyncio.gather(
                *(self._look(order) for order in batch), return_exceptions=True
            )
            hold_s = 0.0
            for order, answer in zip(batch, answers, strict=True):
                if isinstance(answer, HeldBack) and answer.wait_s <= _LONGEST_HOLD_S:
                    hold_s = max(hold_s, answer.wait_s)
                    left.append(order)
                elif answer is not None:
                    raise answer
            if hold_s:
                await asyncio.sleep(hold_s)

    async def told(
        self, views: Mapping[ClientOrderId, OrderView], taken_in: Callable[[Event], Awaitable[None]]
    ) -> None:
        """Report the ends of orders that a list of ended orders tells whole.

        One question settles a thousand so. ``taken_in`` waits until the engine has an event; they
        are handed over in portions, since the inbox is bounded.
        """
        ends = [
            self._reported(order, view.state, view.executed, view.reason, view.fills)
            for order in self._unsettled()
            if (view := views.get(order.approved.client_order_id)) is not None and is_whole(view)
        ]
        for first in range(0, len(ends), _PORTION):
            *most, last = ends[first : first + _PORTION]
            for report in most:
                self._deliver(report)
            await taken_in(last)

    def hurry(self, client_order_id: str) -> None:
        """Look this order up at once: an operator waits for the answer."""
        search = self._searches.get(ClientOrderId(client_order_id))
        if search is not None:
            search.due_mono_ns = self._clock.now().mono_ns

    def _answered_ns(self, order: Order) -> int:
        search = self._searches.get(order.approved.client_order_id)
        return -1 if search is None else search.answered_mono_ns

    def _due(self) -> list[Order]:
        orders, now = self._unsettled(), self._clock.now()
        alive = {order.approved.client_order_id for order in orders}
        for gone in [one for one in self._searches if one not in alive]:
            del self._searches[gone]
        due = []
        for order in orders:
            order_id = order.approved.client_order_id
            search = self._searches.get(order_id)
            if search is None:
                wait_s = 0.0 if order.state in _UNSETTLED else _ACCEPTED_WAITS_S
                search = self._searches[order_id] = _Search(
                    now.at_ns, now.mono_ns, now.mono_ns + int(wait_s * _NS)
                )
            if order.state in _UNSETTLED and not search.looks:
                search.due_mono_ns = now.mono_ns
            if search.due_mono_ns <= now.mono_ns and not self._awaited(order_id):
                due.append(order)
        return due[:_AT_ONCE]

    async def _look(self, order: Order) -> VenueError | None:
        """Ask for one order and report what is said; the error where nothing was."""
        approved, now = order.approved, self._clock.now()
        search = self._searches.setdefault(
            approved.client_order_id, _Search(now.at_ns, now.mono_ns, now.mono_ns)
        )
        search.looks += 1
        waited_ns = now.mono_ns - search.seen_mono_ns
        search.due_mono_ns = now.mono_ns + min(
            max(waited_ns // _SHARE, _SHORTEST_NS), _LONGEST_S * _NS
        )
        try:
            found = await self._client.find(
                approved.client_order_id, approved.intent.instrument, search.seen_ns
            )
        except HeldBack as error:
            # Nothing was asked.
            search.looks -= 1
            search.due_mono_ns = now.mono_ns + int(min(error.wait_s, _LONGEST_S) * _NS)
            return error
        except VenueError as error:
            _log.warning(
                "order not looked up",
                order=approved.client_order_id,
                looks=search.looks,
                error=str(error),
            )
            return error
        search.answered_mono_ns = self._clock.now().mono_ns
        if isinstance(found, OrderView):
            self._report(order, found.state, found.executed, found.reason, found.fills)
        else:
            self._report_absent(order, found, search)
        return None

    def _report_absent(self, order: Order, absent: Absent, search: _Search) -> None:
        waited_ns = self._clock.now().mono_ns - search.seen_mono_ns
        if absent.final:
            # No word of the venue's on the order itself, so it is no rejection that counts.
            self._report(order, OrderState.EXPIRED, _ZERO, "never reached the venue")
        elif order.state is OrderState.QUARANTINED:
            # Nothing new, but it is what an operator may have accepted.
            self._report(order, order.state, order.executed, "the venue still knows it not")
        elif waited_ns >= self._quarantine_after_ns:
            if order.state is not OrderState.UNKNOWN:
                self._report(order, OrderState.UNKNOWN, order.executed, "the venue knows it not")
            self._report(
                order, OrderState.QUARANTINED, order.executed, "the venue still knows it not"
            )
        elif order.state not in _UNSETTLED:
            self._report(order, OrderState.UNKNOWN, order.executed, "the venue knows it not so far")

    def _report(
        self,
        order: Order,
        state: OrderState,
        executed: Decimal,
        reason: str,
        fills: tuple[Fill, ...] = (),
    ) -> None:
        self._deliver(self._reported(order, state, executed, reason, fills))

    def _reported(
        self,
        order: Order,
        state: OrderState,
        executed: Decimal,
        reason: str,
        fills: tuple[Fill, ...],
    ) -> OrderReported:
        now, order_id = self._clock.now(), order.approved.client_order_id
        return OrderReported(now.at_ns, now.mono_ns, order_id, state, executed, fills, reason)
