"""Every order a venue's accounts ever had accepted: found by id, by client id, open or past."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from trader.domain.instrument import InstrumentId
from trader.sim.model import Code, NewOrder, Refused, SimOrder, SimTrade
from trader.sim.rules import ClientIds

MAX_KEPT = 200_000
"""Orders kept, and client ids remembered; beyond it the oldest final ones are forgotten."""


class OrderStore:
    """The orders of one account."""

    def __init__(self, client_ids: ClientIds) -> None:
        self._policy = client_ids
        self._by_id: dict[str, SimOrder] = {}
        self._newest_by_client_id: dict[str, SimOrder] = {}
        self._burned: dict[str, None] = {}
        self._final: deque[SimOrder] = deque()
        self.open: dict[str, SimOrder] = {}

    def claim(self, client_id: str, *, for_test: bool = False) -> SimOrder | None:
        """Use a client id; returns the order it already stands for where the venue answers so.

        Raises:
            Refused: DUPLICATE_CLIENT_ID.
        """
        if not client_id:
            return None
        known, is_taken = self._newest_by_client_id.get(client_id), False
        match self._policy:
            case ClientIds.BURNED:
                is_taken = client_id in self._burned
                if not for_test:
                    self._burned[client_id] = None
                    if len(self._burned) > MAX_KEPT:
                        self._burned.pop(next(iter(self._burned)))
            case ClientIds.RETURNS_EXISTING:
                return known
            case ClientIds.UNIQUE:
                is_taken = known is not None
            case ClientIds.FREE_WHEN_FINAL:
                is_taken = known is not None and not known.state.is_final
        if is_taken:
            raise Refused(Code.DUPLICATE_CLIENT_ID, client_id)
        return None

    def add(self, order: SimOrder) -> None:
        """Take in an order that was just accepted."""
        self._by_id[order.id] = self.open[order.id] = order
        if order.client_id:
            self._newest_by_client_id[order.client_id] = order

    def close(self, order: SimOrder) -> None:
        """Note that an order became final."""
        self.open.pop(order.id, None)
        self._final.append(order)
        if len(self._final) > MAX_KEPT:
            oldest = self._final.popleft()
            self._by_id.pop(oldest.id, None)
            if self._newest_by_client_id.get(oldest.client_id) is oldest:
                self._newest_by_client_id.pop(oldest.client_id)

    def find(self, order_id: str, client_id: str) -> SimOrder | None:
        """By the venue's id, or else the newest under a client id."""
        if order_id:
            return self._by_id.get(order_id)
        return self._newest_by_client_id.get(client_id) if client_id else None

    def between(
        self,
        instrument: InstrumentId | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        *,
        final_only: bool,
    ) -> list[SimOrder]:
        """The newest ``limit`` of those created in the range, oldest first."""
        found = (
            order
            for order in reversed(self._by_id.values())
            if (instrument is None or order.instrument == instrument)
            and (since_ns is None or order.created_ns >= since_ns)
            and (until_ns is None or order.created_ns <= until_ns)
            and (order.state.is_final or not final_only)
        )
        return [*islice(found, limit)][::-1]

    def trades(self, instrument: InstrumentId, order_id: str, limit: int) -> list[SimTrade]:
        """The newest fills in an instrument, or of one order; oldest first."""
        if order_id:
            order = self._by_id.get(order_id)
            return [] if order is None or order.instrument != instrument else [*order.trades]
        found = (
            trade
            for order in reversed(self._by_id.values())
            if order.instrument == instrument
            for trade in reversed(order.trades)
        )
        newest = [*islice(found, limit)]
        return sorted(newest, key=lambda trade: trade.at_ns)


def by_priority(orders: Iterable[SimOrder]) -> list[SimOrder]:
    """Orders at rest: best price first, then oldest; the sort is stable and they come by age."""
    return sorted(orders, key=lambda order: (order.asked.price or 0) * -order.side.sign)


def own_in_the_way(store: OrderStore, asked: NewOrder) -> list[SimOrder]:
    """Open orders of the account that the asked one would meet, best first."""
    facing = [
        order
        for order in store.open.values()
        if order.instrument == asked.instrument
        and order.side is asked.side.opposite
        and order.asked.price is not None
        and (asked.price is None or _meets(asked, order))
    ]
    return by_priority(facing)


def _meets(asked: NewOrder, resting: SimOrder) -> bool:
    assert asked.price is not None
    assert resting.asked.price is not None
    return (asked.price - resting.asked.price) * asked.side.sign >= 0
