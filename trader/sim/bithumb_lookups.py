"""Bithumb's requests about orders that exist and about the account.

Source: exchange fact sheet 2.3.
"""

from collections.abc import Sequence
from decimal import Decimal

from trader.domain.instrument import BITHUMB, InstrumentId
from trader.sim.bithumb_acceptance import Acceptance
from trader.sim.bithumb_views import failure_of, malformed, order_state, order_view
from trader.sim.exchange import Exchange
from trader.sim.korean_accounts import chance_view, held_views
from trader.sim.korean_orders import chosen_states, ordered, span_ns
from trader.sim.korean_params import Answer, Call, Params, plain
from trader.sim.model import ZERO, Cause, Code, Refused, SimOrder

_MOST_NAMED = 100
_MOST_PENDING = 100
_MOST_PAST = 1_000


class OrderDesk:
    """Orders looked up and listed. What is still being taken in is in no list."""

    def __init__(self, exchange: Exchange, acceptance: Acceptance):
        """For the accounts of this exchange."""
        self._exchange = exchange
        self._acceptance = acceptance

    def one(self, call: Call) -> Answer:
        """``GET /v1/order``: under ``uuid`` what placing called ``order_id``; it wins."""
        uuid = call.params.text("uuid") or ""
        client_id = "" if uuid else call.params.required("client_order_id")
        order = self._exchange.find(call.account, order_id=uuid, client_id=client_id)
        if order is None:
            raise failure_of(Refused(Code.ORDER_NOT_FOUND))
        self._acceptance.require(order, by_client_id=not uuid)
        return Answer(self._view(call, order, with_trades=True))

    def search(self, call: Call) -> Answer:
        """``POST /v2/orders/search``: by ids; what is unknown is left out."""
        found = self._named(call, "order_ids", "client_order_ids")
        if found is None:
            raise malformed("order_ids")
        return Answer(self._page(call, found, len(found), None))

    def pending(self, call: Call) -> Answer:
        """``GET /v2/orders/pending``; nothing is ever reserved here, so ``watch`` finds nothing."""
        params = call.params
        states = chosen_states(params, ("wait", "watch"), ("wait",), malformed)
        limit = params.integer("limit", _MOST_PENDING, _MOST_PENDING)
        found = self._exchange.open_orders(call.account, self._market(params))
        kept = ordered(self._ready(found) if "wait" in states else [], params)
        return Answer(self._page(call, kept, limit, params.text("next_key")))

    def history(self, call: Call) -> Answer:
        """``GET /v2/orders/history``: created within a span of seven days at most."""
        params = call.params
        states = chosen_states(params, ("done", "cancel"), ("done", "cancel"), malformed)
        limit = params.integer("limit", 100, _MOST_PAST)
        start_ns, end_ns = span_ns(params, call.now_ns, malformed)
        found = self._exchange.orders(
            call.account,
            self._market(params),
            since_ns=start_ns,
            until_ns=end_ns,
            final_only=True,
            limit=200_000,
        )
        kept = [order for order in self._ready(found) if order_state(order) in states]
        return Answer(self._page(call, ordered(kept, params), limit, params.text("next_key")))

    def legacy(self, call: Call) -> Answer:
        """``GET /v1/orders``: of one state unless told otherwise, and that is ``wait``."""
        params = call.params
        states = chosen_states(params, ("wait", "watch", "done", "cancel"), ("wait",), malformed)
        if "watch" in states and len(states) > 1:
            raise malformed("states")
        limit, page = params.integer("limit", 100, 100), params.integer("page", 1, 1_000_000)
        found = self._named(call, "uuids", "client_order_ids")
        if found is None:
            found = self._ready(self._exchange.orders(call.account, limit=200_000))
        market = params.text("market")
        kept = [
            order
            for order in ordered(found, params)
            if order_state(order) in states and market in (None, order.symbol)
        ]
        shown = kept[(page - 1) * limit : page * limit]
        return Answer([self._view(call, order) for order in shown])

    def _named(self, call: Call, by_id: str, by_client_id: str) -> list[SimOrder] | None:
        order_ids, client_ids = call.params.texts(by_id), call.params.texts(by_client_id)
        if not order_ids and not client_ids:
            return None
        if len(order_ids or client_ids) > _MOST_NAMED:
            raise malformed(by_id)
        found = [
            self._exchange.find(call.account, order_id=name if order_ids else "", client_id=name)
            for name in order_ids or client_ids
        ]
        return self._ready([order for order in found if order is not None])

    def _ready(self, orders: Sequence[SimOrder]) -> list[SimOrder]:
        return [order for order in orders if self._acceptance.is_ready(order)]

    def _page(
        self, call: Call, orders: Sequence[SimOrder], limit: int, after: str | None
    ) -> dict[str, object]:
        """One page; the key of the next is the last order shown."""
        start = 0
        if after is not None:
            ids = [order.id for order in orders]
            if after not in ids:
                raise malformed("next_key")
            start = ids.index(after) + 1
        shown = orders[start : start + limit]
        more = start + limit < len(orders)
        return {
            "data": [self._view(call, order) for order in shown],
            "has_next": more,
            "next_key": shown[-1].id if more else None,
        }

    def _view(self, call: Call, order: SimOrder, *, with_trades: bool = False) -> dict[str, object]:
        canceling = ""
        if order.cause is Cause.SELF_TRADE:
            canceling = facing(self._exchange.open_orders(call.account, order.instrument), order)
        return order_view(order, canceling, with_trades=with_trades)

    def _market(self, params: Params) -> InstrumentId | None:
        market = params.text("market")
        if market is None:
            return None
        listing = self._exchange.listing(BITHUMB, market)
        if listing is None:
            raise malformed("market")
        return listing.id


class AccountDesk:
    """What an account has and pays."""

    def __init__(self, exchange: Exchange):
        """For the accounts of this exchange."""
        self._exchange = exchange

    def balances(self, call: Call) -> Answer:
        """``GET /v1/accounts``."""
        return Answer(held_views(call.account))

    def chance(self, call: Call) -> Answer:
        """``GET /v1/orders/chance``, with the price unit at the present price."""
        listing = self._exchange.listing(BITHUMB, call.params.required("market"))
        if listing is None:
            raise malformed("market")
        book, fees = self._exchange.book(listing.id), self._exchange.fees(call.account)
        price = Decimal(repr(book.bids[0][0])) if book is not None and book.bids else ZERO
        unit: dict[str, object] = {"price_unit": plain(listing.instrument.tick_at(price))}
        return Answer(chance_view(call.account, fees, listing, unit))

    def withdrawals(self, call: Call) -> Answer:
        """``GET /v1/withdraws`` and its like: nothing ever left; who may ask is the point."""
        del call
        return Answer([])


def facing(orders: Sequence[SimOrder], order: SimOrder) -> str:
    """The account's own order on the other side that stood in the way, if it still does."""
    others = (each for each in orders if each.side is not order.side)
    return next((each.id for each in others), "")
