"""Upbit's requests about orders that exist, and about the account: looking, listing, cancelling.

Source: exchange fact sheet 1.3.
"""

from collections.abc import Iterable

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.korean_accounts import chance_view, held_views
from trader.sim.korean_orders import SIDE_WORDS, chosen_states, ordered, span_ns
from trader.sim.korean_params import Answer, Call, Params, korean_time
from trader.sim.model import Code, Listing, Refused, SimOrder
from trader.sim.upbit_views import (
    failure_of,
    malformed,
    order_state,
    order_view,
)

_WEEK_NS = 7 * 24 * 3_600 * 1_000_000_000
_MOST_FOUND = 100
_MOST_CANCELLED = 20
_MOST_OPEN_CANCELLED = 300
_MOST_EXCLUDED = 20


class OrderDesk:
    """Orders looked up, listed and cancelled."""

    def __init__(self, exchange: Exchange):
        """For the accounts of this exchange."""
        self._exchange = exchange

    def one(self, call: Call) -> Answer:
        """``GET /v1/order``: the only call that names trades."""
        return Answer(order_view(self._found(call), with_trades=True))

    def cancel(self, call: Call) -> Answer:
        """``DELETE /v1/order``: what is answered is the order as the request found it."""
        order = self._found(call)
        try:
            self._exchange.cancel(call.account, order_id=order.id)
        except Refused as refused:
            raise failure_of(refused) from refused
        return Answer(order_view(order))

    def several(self, call: Call) -> Answer:
        """``GET /v1/orders/uuids``."""
        orders = self._named(call, _MOST_FOUND)
        found = [order for order in orders if isinstance(order, SimOrder)]
        market = call.params.text("market")
        kept = [order for order in found if market in (None, order.symbol)]
        return Answer([order_view(order) for order in ordered(kept, call.params)])

    def cancel_several(self, call: Call) -> Answer:
        """``DELETE /v1/orders/uuids``."""
        done: list[SimOrder] = []
        failed: list[SimOrder | str] = []
        for named in self._named(call, _MOST_CANCELLED):
            if isinstance(named, SimOrder) and not named.state.is_final:
                done.append(self._exchange.cancel(call.account, order_id=named.id))
            else:
                failed.append(named)
        return Answer(_batch(done, failed))

    def cancel_open(self, call: Call) -> Answer:
        """``DELETE /v1/orders/open``: without parameters the newest 20 of everything."""
        params = call.params
        side = params.choice("cancel_side", ("all", "ask", "bid")) or "all"
        count = params.integer("count", 20, _MOST_OPEN_CANCELLED)
        pairs, excluded = params.listed("pairs"), params.listed("excluded_pairs")
        quotes = params.listed("quote_currencies")
        if (pairs and quotes) or len(excluded) > _MOST_EXCLUDED:
            raise malformed("pairs")
        chosen = [
            order
            for order in self._exchange.open_orders(call.account)
            if side in ("all", SIDE_WORDS[order.side])
            and (not pairs or order.symbol in pairs)
            and (not quotes or order.symbol.partition("-")[0] in quotes)
            and order.symbol not in excluded
        ]
        taken = ordered(chosen, params)[:count]
        done = [self._exchange.cancel(call.account, order_id=order.id) for order in taken]
        return Answer(_batch(done, []))

    def open(self, call: Call) -> Answer:
        """``GET /v1/orders/open``; nothing here is ever reserved, so ``watch`` finds nothing."""
        params = call.params
        states = chosen_states(params, ("wait", "watch"), ("wait",), malformed)
        limit, page = params.integer("limit", 100, 100), params.integer("page", 1, 1_000_000)
        market = self._market(params)
        found = self._exchange.open_orders(call.account, market.id if market else None)
        if "wait" not in states:
            found = []
        start = (page - 1) * limit
        return Answer([order_view(each) for each in ordered(found, params)[start : start + limit]])

    def closed(self, call: Call) -> Answer:
        """``GET /v1/orders/closed``: created within a span of seven days at most."""
        params = call.params
        states = chosen_states(params, ("done", "cancel"), ("done", "cancel"), malformed)
        limit = params.integer("limit", 100, 1_000)
        start_ns, end_ns = span_ns(params, call.now_ns, malformed)
        market = self._market(params)
        found = self._exchange.orders(
            call.account,
            market.id if market else None,
            since_ns=start_ns,
            until_ns=end_ns,
            final_only=True,
        )
        kept = [order for order in found if order_state(order) in states]
        return Answer([order_view(order) for order in ordered(kept, params)[:limit]])

    def _found(self, call: Call) -> SimOrder:
        uuid, identifier = call.params.text("uuid"), call.params.text("identifier")
        if uuid is None and identifier is None:
            raise malformed("uuid")
        # Where both are given the uuid wins.
        found = self._exchange.find(
            call.account, order_id=uuid or "", client_id="" if uuid else identifier or ""
        )
        if found is None:
            raise failure_of(Refused(Code.ORDER_NOT_FOUND))
        return found

    def _named(self, call: Call, most: int) -> list[SimOrder | str]:
        """Each order named by ``uuids[]`` or ``identifiers[]``, or its name where there is none."""
        uuids, identifiers = call.params.texts("uuids"), call.params.texts("identifiers")
        names = uuids or identifiers
        if not names or (uuids and identifiers) or len(names) > most:
            raise malformed("uuids")
        return [
            self._exchange.find(
                call.account, order_id=name if uuids else "", client_id="" if uuids else name
            )
            or name
            for name in names
        ]

    def _market(self, params: Params) -> Listing | None:
        market = params.text("market")
        if market is None:
            return None
        listing = self._exchange.listing(UPBIT, market)
        if listing is None:
            raise failure_of(Refused(Code.UNKNOWN_MARKET))
        return listing


class AccountDesk:
    """What an account has, pays, and may do."""

    def __init__(self, exchange: Exchange):
        """For the accounts of this exchange."""
        self._exchange = exchange

    def balances(self, call: Call) -> Answer:
        """``GET /v1/accounts``."""
        return Answer(held_views(call.account))

    def keys(self, call: Call) -> Answer:
        """``GET /v1/api_keys``."""
        return Answer(
            [
                {"access_key": key.access, "expire_at": korean_time(key.expires_ns)}
                for key in call.account.keys.values()
            ]
        )

    def chance(self, call: Call) -> Answer:
        """``GET /v1/orders/chance``."""
        listing = self._exchange.listing(UPBIT, call.params.required("market"))
        if listing is None:
            raise failure_of(Refused(Code.UNKNOWN_MARKET))
        fees = self._exchange.fees(call.account)
        return Answer(chance_view(call.account, fees, listing, {}))

    def withdrawals(self, call: Call) -> Answer:
        """``GET /v1/withdraws`` and its like: nothing ever left; who may ask is the point."""
        del call
        return Answer([])


def _batch(done: Iterable[SimOrder], failed: Iterable[SimOrder | str]) -> dict[str, object]:
    successes, failures = [_brief(each) for each in done], [_brief(each) for each in failed]
    return {
        "success": {"count": len(successes), "orders": successes},
        "failed": {"count": len(failures), "orders": failures},
    }


def _brief(order: SimOrder | str) -> dict[str, object]:
    if isinstance(order, str):
        return {"uuid": order, "market": ""}
    brief: dict[str, object] = {"uuid": order.id, "market": order.symbol}
    if order.client_id:
        brief["identifier"] = order.client_id
    return brief
