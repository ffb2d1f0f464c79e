"""EngineOrders: what connectors are told of the orders in the engine's live ledger."""

from itertools import chain

from trader.domain.client_ids import Whose
from trader.domain.facts import BreakerCode
from trader.domain.instrument import Venue, split_id
from trader.domain.order import ClientOrderId, LedgerName, Order
from trader.engine.engine import Engine
from trader.engine.foreign import GONE_NS


class EngineOrders:
    """Reads the engine's state; to be constructed once its journal was replayed."""

    def __init__(self, engine: Engine) -> None:
        self._state = engine.state
        self._ledger = engine.state.ledgers[LedgerName.LIVE]
        tripped = [
            at_ns - GONE_NS
            for (ledger, (code, _)), at_ns in engine.state.breakers.items()
            if ledger is LedgerName.LIVE and code is BreakerCode.FOREIGN_EPOCH
        ]
        self._known_until_ns = min([engine.state.now_ns, *tripped])

    @property
    def known_until_ns(self) -> int:
        """UTC of the newest fact when the process began; 0 where the journal was fresh.

        While foreign orders stand it is a day before they were found: they can only be accepted,
        or adopted, once they are seen again.
        """
        return self._known_until_ns

    def unsettled(self, venue: Venue) -> list[Order]:
        """The live orders of a venue that have no end yet."""
        orders = self._ledger.orders
        return [
            order
            for order_id in chain.from_iterable(self._ledger.in_flight.values())
            if split_id((order := orders[order_id]).approved.intent.instrument)[0] == venue
        ]

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """Whose an order is that a venue shows."""
        return self._state.whose(client_order_id)
