"""Paper venues: fills against the book that stands when the order would have arrived.

Honest by construction: latency, fees, walking the book, never more than a level displays, and the
remainder of an IOC cancelled. What a fill took from a level stays taken until that book is stated
anew.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

from trader.domain.clock import Clock
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import Asset, FeeIn, Instrument, InstrumentId
from trader.domain.market import OrderBook, exact
from trader.domain.order import ApprovedOrder, Fill, OrderState, Side, TimeInForce

_ZERO = Decimal(0)


class PaperVenues:
    """All venues' order entry on paper. ``books`` is read when an order arrives, never kept."""

    def __init__(
        self,
        instruments: Mapping[InstrumentId, Instrument],
        books: Mapping[InstrumentId, OrderBook],
        clock: Clock,
        deliver: Callable[[Event], None],
        latency_ms: float,
    ) -> None:
        self._instruments = instruments
        self._books = books
        self._clock = clock
        self._deliver = deliver
        self._latency_ns = int(latency_ms * 1e6)
        self._taken: dict[InstrumentId, tuple[OrderBook, dict[tuple[Side, float], Decimal]]] = {}

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Send orders; each arrives after the latency and is reported as it ends."""
        for order in orders:
            self._clock.call_later(self._latency_ns, partial(self._arrive, order))

    def _arrive(self, order: ApprovedOrder) -> None:
        stamp = self._clock.now()
        fills = self._match(order, stamp.at_ns)
        executed = sum((fill.quantity for fill in fills), _ZERO)
        whole = executed == order.intent.quantity
        self._deliver(
            OrderReported(
                at_ns=stamp.at_ns,
                mono_ns=stamp.mono_ns,
                client_order_id=order.client_order_id,
                state=OrderState.FILLED if whole else OrderState.EXPIRED,
                executed=executed,
                fills=tuple(fills),
                reason="" if whole else "remainder of an immediate order cancelled",
            )
        )

    def _match(self, order: ApprovedOrder, at_ns: int) -> list[Fill]:
        intent = order.intent
        book = self._books.get(intent.instrument)
        if book is None:
            return []
        instrument = self._instruments[intent.instrument]
        taken = self._taken_from(book)
        levels = book.asks if intent.side is Side.BUY else book.bids
        takes: list[tuple[float, Decimal]] = []
        left = intent.quantity
        for price, size in levels:
            beyond = exact(price) - intent.limit_price
            if (beyond > 0 if intent.side is Side.BUY else beyond < 0) or left <= 0:
                break
            available = exact(size) - taken.get((intent.side, price), _ZERO)
            quantity = instrument.floor_quantity(min(left, available))
            if quantity > 0:
                takes.append((price, quantity))
                left -= quantity
        if left > 0 and intent.time_in_force is TimeInForce.FOK:
            return []
        fills = []
        for number, (price, quantity) in enumerate(takes):
            taken[intent.side, price] = taken.get((intent.side, price), _ZERO) + quantity
            fills.append(_fill(order, instrument, exact(price), quantity, number, at_ns))
        return fills

    def _taken_from(self, book: OrderBook) -> dict[tuple[Side, float], Decimal]:
        known = self._taken.get(book.instrument)
        if known is None or known[0] is not book:
            known = self._taken[book.instrument] = (book, {})
        return known[1]


def _fill(
    order: ApprovedOrder,
    instrument: Instrument,
    price: Decimal,
    quantity: Decimal,
    number: int,
    at_ns: int,
) -> Fill:
    fee, asset = taker_fee(instrument, order.intent.side, price, quantity)
    return Fill(
        key=f"{order.client_order_id}/{number}",
        client_order_id=order.client_order_id,
        instrument=instrument.id,
        side=order.intent.side,
        price=price,
        quantity=quantity,
        fee=fee,
        fee_asset=asset,
        at_ns=at_ns,
    )


def taker_fee(
    instrument: Instrument, side: Side, price: Decimal, quantity: Decimal
) -> tuple[Decimal, Asset]:
    """The fee of a taker's fill and the asset the venue takes it in."""
    share = instrument.fees.taker_share
    if instrument.fees.charged_in is FeeIn.RECEIVED and side is Side.BUY:
        return quantity * share, instrument.base
    return price * quantity * share, instrument.quote
