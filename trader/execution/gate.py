"""Gate: the only door to a venue. What the engine approved leaves here, or comes back as blocked.

Mock and paper construct it without lanes: there is then no function in this process that could
send a live order. With lanes, the live guard is asked in the very step that writes: nothing is
awaited between its answer and the socket.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from trader.domain.authority import Authority
from trader.domain.clock import Clock
from trader.domain.control import BlockReason, CheckName
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import Venue, split_id
from trader.domain.order import ApprovedOrder, LedgerName, OrderState
from trader.domain.readiness import PairReadiness, Readiness
from trader.risk.live_guard import LiveGuard, Memory, Verdict, may_close, may_enter

OUTDATED = "GENERATION_PASSED"
"""The reason of an order approved before the last loss, halt or reconnect."""

PAIR_NOT_READY = "PAIR_NOT_READY"
"""The reason where the gate is open and this order's own pair is stale or not reconciled."""

_READY_PAIR = PairReadiness(fresh=True, reconciled=True, clock_holds=True)


class OrderEntry(Protocol):
    """Takes approved orders of one ledger towards their venues."""

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send the orders of one trade in one step."""
        ...


class Lane(OrderEntry, Protocol):
    """A live venue's order connection: what is slow is done before the guard is asked."""

    def prepare(self, order: ApprovedOrder) -> str:
        """Sign an order and take its place in the venue's budget; why it cannot leave, or empty.

        Nothing stays taken where it cannot.
        """
        ...

    def release(self, order: ApprovedOrder) -> None:
        """Give back what was taken for an order that does not leave after all."""
        ...


class Keeper(Protocol):
    """Asks the live guard about one order, with everything sensed anew."""

    def why_not(self, order: ApprovedOrder) -> str:
        """Why this live order may not leave this instant; empty means it may."""
        ...


class GuardKeeper:
    """The keeper of a live process: the guard's rules over what is sensed at this instant.

    ``standing`` gives the authority and the guard's memory as they are now; ``sense`` looks at the
    host by name, again for every order. ``saw_loss`` is handed what was sensed when it forbade an
    order, so that the loop latches a loss that is over before its next look.
    """

    def __init__(
        self,
        guard: LiveGuard,
        standing: Callable[[], tuple[Authority, Memory]],
        sense: Callable[[], Readiness],
        saw_loss: Callable[[Readiness], None] = lambda _: None,
    ) -> None:
        self._guard = guard
        self._standing = standing
        self._sense = sense
        self._saw_loss = saw_loss
        self._void_up_to = -1
        self._halts_on_their_way = 0

    @property
    def _is_halting(self) -> bool:
        return self._halts_on_their_way > 0

    def halt_at_once(self) -> None:
        """Let nothing out until the halt that was just commanded has become a fact."""
        self._halts_on_their_way += 1

    def halt_is_durable(self) -> None:
        """One halt is in the record of authority now, which takes over.

        Call it once for each ``halt_at_once``: a second halt may be stricter than the first.
        """
        self._halts_on_their_way = max(self._halts_on_their_way - 1, 0)

    def why_not(self, order: ApprovedOrder) -> str:
        """Why this live order may not leave this instant; empty means it may.

        A loss met here voids everything approved before it, though the loop has not seen it yet.
        """
        authority, memory = self._standing()
        if self._is_halting:
            return BlockReason.HALTED
        if order.generation != memory.generation or order.generation <= self._void_up_to:
            return OUTDATED
        readiness = self._sense()
        verdict = self._guard.verdict(authority, memory, readiness)
        may_leave = _may_leave(order, verdict, readiness.pairs.get(order.pair))
        if may_leave:
            return ""
        blocks = verdict.blocks
        if _may_leave(order, verdict, _READY_PAIR):
            # Its own pair alone stands in its way: that is no loss to any other.
            blocks = ()
        else:
            self._void_up_to = memory.generation
            self._saw_loss(readiness)
        return ";".join(blocks) or PAIR_NOT_READY


class Gate:
    """Routes approved orders by ledger, the orders of a trade together.

    ``lanes`` are the live venues' order connections; there are none in mock and paper, and then no
    keeper is needed either.
    """

    def __init__(
        self,
        paper: OrderEntry,
        clock: Clock,
        deliver: Callable[[Event], None],
        max_order_delay_ms: float,
        lanes: Mapping[Venue, Lane],
        keeper: Keeper | None = None,
    ) -> None:
        self._paper = paper
        self._clock = clock
        self._deliver = deliver
        self._max_delay_ns = int(max_order_delay_ms * 1e6)
        self._lanes = lanes
        self._keeper = keeper
        self._is_shut = False

    def shut(self) -> None:
        """Let nothing more out; for the moments before the process stops."""
        self._is_shut = True

    def dispatch(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send what was approved; a trade one of whose orders may not go is blocked whole."""
        for _, together in groupby(orders, key=lambda order: order.trade_id):
            group = list(together)
            reason = self._why_not(group)
            if reason:
                self._block(group, reason)
            else:
                self._submit(group)

    def _why_not(self, group: Sequence[ApprovedOrder]) -> str:
        if self._is_shut:
            return "GATE_SHUT"
        now = self._clock.now().mono_ns
        # Written so that an order from the future does not pass either.
        if not all(0 <= now - order.signal_ns < self._max_delay_ns for order in group):
            return CheckName.ORDER_DELAY
        if any(_is_live(order) and _venue_of(order) not in self._lanes for order in group):
            return BlockReason.MODE_NOT_LIVE
        live = [order for order in group if _is_live(order)]
        return self._prepare(live) or self._asked(live)

    def _prepare(self, live: Sequence[ApprovedOrder]) -> str:
        """Have every order signed and paid for, or none; why not, or empty."""
        for place, order in enumerate(live):
            reason = self._lanes[_venue_of(order)].prepare(order)
            if reason:
                self._release(live[:place])
                return reason
        return ""

    def _asked(self, live: Sequence[ApprovedOrder]) -> str:
        """The live guard's answer, for orders that could leave as they stand."""
        for order in live:
            reason = (
                BlockReason.MODE_NOT_LIVE if self._keeper is None else self._keeper.why_not(order)
            )
            if reason:
                self._release(live)
                return reason
        return ""

    def _release(self, orders: Sequence[ApprovedOrder]) -> None:
        for order in orders:
            self._lanes[_venue_of(order)].release(order)

    def _submit(self, group: Sequence[ApprovedOrder]) -> None:
        # By ledger, never by what is connected: a live order filled on paper would be a trade that
        # the live ledger holds and no venue knows.
        paper = [order for order in group if not _is_live(order)]
        if paper:
            self._paper.submit(paper)
        for order in group:
            if _is_live(order):
                self._send(order)

    def _send(self, order: ApprovedOrder) -> None:
        """Write one order to its lane. Where that breaks, nobody knows whether it left."""
        try:
            self._lanes[_venue_of(order)].submit((order,))
        except Exception as error:  # noqa: BLE001 - the outer edge of a venue's code
            self._report(order, OrderState.UNKNOWN, f"lane broke: {type(error).__name__}")

    def _block(self, group: Sequence[ApprovedOrder], reason: str) -> None:
        for order in group:
            self._report(order, OrderState.BLOCKED, reason)

    def _report(self, order: ApprovedOrder, state: OrderState, reason: str) -> None:
        stamp = self._clock.now()
        self._deliver(
            OrderReported(
                at_ns=stamp.at_ns,
                mono_ns=stamp.mono_ns,
                client_order_id=order.client_order_id,
                state=state,
                executed=Decimal(0),
                reason=reason,
            )
        )


def _may_leave(order: ApprovedOrder, verdict: Verdict, pair: PairReadiness | None) -> bool:
    if order.is_closing:
        return may_close(verdict, order.purpose, pair)
    return may_enter(verdict, pair)


def _is_live(order: ApprovedOrder) -> bool:
    return order.ledger is LedgerName.LIVE


def _venue_of(order: ApprovedOrder) -> Venue:
    return split_id(order.intent.instrument)[0]
