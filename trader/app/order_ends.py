"""OrderEnds: a listener that counts how orders ended since the process started."""

from collections import Counter
from collections.abc import Sequence

from trader.domain.events import Event
from trader.domain.facts import OrderMoved, OrdersAdopted, OrdersApproved
from trader.domain.instrument import Venue, split_id
from trader.domain.order import FINAL_STATES, ApprovedOrder, ClientOrderId, LedgerName, OrderState
from trader.engine.engine import Outcome
from trader.engine.state import State
from trader.ops.around import OrderEnd

EndKey = tuple[LedgerName, Venue, OrderEnd]


class OrderEnds:
    """Counts each order's end once, however often its reports repeat.

    It holds only orders without an end, of which safety bounds the number.
    """

    def __init__(self, state: State) -> None:
        """``state`` is that of a restored engine: what is in flight there may still end."""
        self._open: dict[ClientOrderId, Venue] = {}
        self._unknown: set[ClientOrderId] = set()
        for ledger in state.ledgers.values():
            for pending in ledger.in_flight.values():
                self._take_in([ledger.orders[name].approved for name in pending])
        venues = sorted({instrument.venue for instrument in state.instruments.values()})
        # Zeros from the start, so that the first end of a kind is an increase.
        self.counts: Counter[EndKey] = Counter(
            {
                (ledger, venue, end): 0
                for ledger in LedgerName
                for venue in venues
                for end in OrderEnd
            }
        )

    def __call__(self, _event: Event, outcome: Outcome) -> None:
        """Take in what became true."""
        for fact in outcome.facts:
            match fact:
                case OrdersApproved() | OrdersAdopted():
                    self._take_in(fact.orders)
                case OrderMoved():
                    self._move(fact)
                case _:
                    pass

    def _take_in(self, orders: Sequence[ApprovedOrder]) -> None:
        for order in orders:
            self._open[order.client_order_id] = split_id(order.intent.instrument)[0]

    def _move(self, fact: OrderMoved) -> None:
        name = fact.client_order_id
        venue = self._open.get(name)
        if venue is None:
            # Its end was counted: a late fill brings the same state again.
            return
        if fact.state in FINAL_STATES:
            del self._open[name]
            self._unknown.discard(name)
            self.counts[fact.ledger, venue, _end(fact)] += 1
        elif fact.state is OrderState.UNKNOWN and name not in self._unknown:
            self._unknown.add(name)
            self.counts[fact.ledger, venue, OrderEnd.UNKNOWN] += 1


def _end(fact: OrderMoved) -> OrderEnd:
    if fact.state is not OrderState.FILLED and fact.executed > 0:
        return OrderEnd.PARTIAL
    return OrderEnd(fact.state.value)
