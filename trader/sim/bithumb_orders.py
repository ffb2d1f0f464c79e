"""Bithumb's requests that change orders: placing, alone and in batches, and cancelling.

Source: exchange fact sheet 2.3 and 2.4.
"""

import re

from msgspec import structs

from trader.domain.instrument import BITHUMB
from trader.sim.bithumb_acceptance import Acceptance
from trader.sim.bithumb_views import (
    acknowledgement,
    cancel_view,
    failure_of,
    malformed,
)
from trader.sim.exchange import Exchange
from trader.sim.korean_orders import read_amounts, side_of
from trader.sim.korean_params import Answer, Call, Failure, Params, body_params
from trader.sim.model import Code, NewOrder, Refused, SimOrder

_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_MOST_PLACED = 20
_MOST_CANCELLED = 30


class OrderEntry:
    """Placing and cancelling orders."""

    def __init__(self, exchange: Exchange, acceptance: Acceptance):
        """For the accounts of this exchange."""
        self._exchange = exchange
        self._acceptance = acceptance

    def place(self, call: Call) -> Answer:
        """``POST /v2/orders``. A used client order id answers as the exchange's rules say."""
        return Answer(acknowledgement(self._placed(call, call.params)), 201)

    def place_several(self, call: Call) -> Answer:
        """``POST /v2/orders/batch``: each for itself, acknowledged or refused in its place."""
        batch = call.params.body.get("batch_orders")
        if not isinstance(batch, list) or not 1 <= len(batch) <= _MOST_PLACED:
            raise malformed("batch_orders")
        answers: list[dict[str, object]] = []
        for one in batch:
            params = body_params(one if isinstance(one, dict) else {}, malformed)
            try:
                answers.append(acknowledgement(self._placed(call, params)))
            except Failure as failure:
                answers.append(
                    {
                        "client_order_id": params.text("client_order_id"),
                        "name": failure.name,
                        "message": failure.message,
                    }
                )
        return Answer({"batch_orders_response": answers})

    def cancel(self, call: Call) -> Answer:
        """``DELETE /v2/order``."""
        order_id = call.params.text("order_id") or ""
        client_id = "" if order_id else call.params.required("client_order_id")
        return Answer(cancel_view(self._cancelled(call, order_id, client_id)))

    def cancel_several(self, call: Call) -> Answer:
        """``POST /v2/orders/cancel``: by the venue's ids where both kinds are given."""
        order_ids = call.params.texts("order_ids")
        names = order_ids or call.params.texts("client_order_ids")
        if not 1 <= len(names) <= _MOST_CANCELLED:
            raise malformed("order_ids")
        success: list[dict[str, object]] = []
        fail: list[dict[str, object]] = []
        for name in names:
            order_id, client_id = (name, "") if order_ids else ("", name)
            try:
                success.append(cancel_view(self._cancelled(call, order_id, client_id)))
            except Failure as failure:
                error = {"name": failure.name, "message": failure.message}
                key = "order_id" if order_ids else "client_order_id"
                fail.append({key: name, "error": error})
        return Answer({"success": success, "fail": fail})

    def _placed(self, call: Call, params: Params) -> SimOrder:
        asked = read_order(params, self._exchange)
        try:
            order = self._exchange.place(call.account, asked, call.twist)
        except Refused as refused:
            raise failure_of(refused, asked.side) from refused
        self._acceptance.begin(order)
        return order

    def _cancelled(self, call: Call, order_id: str, client_id: str) -> SimOrder:
        order = self._exchange.find(call.account, order_id=order_id, client_id=client_id)
        if order is None:
            raise failure_of(Refused(Code.ORDER_NOT_FOUND))
        self._acceptance.require(order, by_client_id=not order_id)
        try:
            return self._exchange.cancel(call.account, order_id=order.id)
        except Refused as refused:
            raise failure_of(refused) from refused


def read_order(params: Params, exchange: Exchange) -> NewOrder:
    """The order a request asks for.

    Raises:
        Failure: Bithumb refuses it for its form.
    """
    side = side_of(params, malformed)
    listing = exchange.listing(BITHUMB, params.required("market"))
    if listing is None:
        raise malformed("market")
    client_id = params.text("client_order_id") or ""
    if client_id and _CLIENT_ORDER_ID.fullmatch(client_id) is None:
        raise malformed("client_order_id")
    read = read_amounts(params, "order_type", listing.id, side, malformed)
    return structs.replace(read, client_id=client_id)
