"""Upbit's order requests: what they ask, what is refused before the exchange sees it, the answers.

Source: exchange fact sheet 1.3 and 1.4.
"""

from collections import OrderedDict
from decimal import Decimal
from uuid import uuid4

from msgspec import structs

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.korean_orders import SIDE_WORDS, SIDES, read_amounts, side_of
from trader.sim.korean_params import Answer, Call, Params
from trader.sim.model import (
    Code,
    NewOrder,
    Refused,
    SelfTrade,
    SimOrder,
    TimeInForce,
)
from trader.sim.upbit_views import failure_of, malformed, order_view

_SELF_TRADES = {
    "cancel_maker": SelfTrade.CANCEL_MAKER,
    "cancel_taker": SelfTrade.CANCEL_TAKER,
    "none": SelfTrade.NONE,
}
_IDENTIFIERS_KEPT = 200_000


class OrderEntry:
    """Placing and replacing orders, with every identifier ever sent burned."""

    def __init__(self, exchange: Exchange):
        """No identifier sent yet."""
        self._exchange = exchange
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()

    def place(self, call: Call) -> Answer:
        """``POST /v1/orders``."""
        asked = self._read_and_burn(call, call.params)
        return Answer(order_view(self._placed(call, asked)), 201)

    def test(self, call: Call) -> Answer:
        """``POST /v1/orders/test``: judged in full; its uuid stands for nothing."""
        asked = read_order(call.params, self._exchange)
        try:
            self._exchange.check(call.account, asked)
        except Refused as refused:
            raise failure_of(refused, asked.side) from refused
        listing = self._exchange.listing(UPBIT, call.params.required("market"))
        symbol = listing.symbol if listing is not None else ""
        order = SimOrder(
            str(uuid4()), UPBIT, call.account.name, asked, symbol, call.now_ns, call.now_ns
        )
        return Answer(order_view(order), 201)

    def replace(self, call: Call) -> Answer:
        """``POST /v1/orders/cancel_and_new``: same market and side, under a new identifier.

        Where the old order ended first there is no new one, and the answer names none.
        """
        params = call.params
        old = self._exchange.find(
            call.account,
            order_id=params.text("prev_order_uuid") or "",
            client_id=params.text("prev_order_identifier") or "",
        )
        if old is None:
            raise failure_of(Refused(Code.ORDER_NOT_FOUND))
        renamed = _replacement(params, old)
        asked = self._read_and_burn(call, renamed)
        answer = order_view(old)
        try:
            answer = order_view(self._exchange.cancel(call.account, order_id=old.id))
        except Refused:
            return Answer(answer)
        new = self._placed(call, asked)
        answer["new_order_uuid"] = new.id
        if new.client_id:
            answer["new_order_identifier"] = new.client_id
        return Answer(answer, 201)

    def _placed(self, call: Call, asked: NewOrder) -> SimOrder:
        try:
            return self._exchange.place(call.account, asked, call.twist)
        except Refused as refused:
            raise failure_of(refused, asked.side) from refused

    def _read_and_burn(self, call: Call, params: Params) -> NewOrder:
        """Read an order and burn its identifier, whatever becomes of it.

        The exchange burns those it sees; a request that is refused for its form burns its own too.
        """
        identifier = params.text("identifier")
        if identifier is not None:
            sent = (call.account.name, identifier)
            if sent in self._sent:
                side = SIDES.get(params.text("side") or "")
                raise failure_of(Refused(Code.DUPLICATE_CLIENT_ID, identifier), side)
            self._sent[sent] = None
            if len(self._sent) > _IDENTIFIERS_KEPT:
                self._sent.popitem(last=False)
        return read_order(params, self._exchange)


def read_order(params: Params, exchange: Exchange) -> NewOrder:
    """The order a request asks for.

    Raises:
        Failure: Upbit refuses it for its form.
    """
    side = side_of(params, malformed)
    listing = exchange.listing(UPBIT, params.required("market"))
    if listing is None:
        raise failure_of(Refused(Code.UNKNOWN_MARKET), side)
    read = read_amounts(params, "ord_type", listing.id, side, malformed)
    return structs.replace(
        read,
        client_id=params.text("identifier") or "",
        self_trade=_self_trade(params, read.time_in_force),
    )


def _self_trade(params: Params, force: TimeInForce) -> SelfTrade:
    given = params.text("smp_type")
    if force is TimeInForce.POST_ONLY:
        # An order that never takes cannot prevent anything, and may not say that it would.
        if given not in (None, "none"):
            raise malformed("smp_type")
        return SelfTrade.NONE
    if given is None:
        return SelfTrade.CANCEL_MAKER
    if given == "reduce":
        # The exchange has no way to shrink both orders; the resting one gives way as a whole.
        return SelfTrade.CANCEL_MAKER
    if given not in _SELF_TRADES:
        raise malformed("smp_type")
    return _SELF_TRADES[given]


def _replacement(params: Params, old: SimOrder) -> Params:
    """The parameters of the new order, under the names of an order that stands alone."""
    texts: dict[str, tuple[str, ...]] = {
        "market": (old.symbol,),
        "side": (SIDE_WORDS[old.side],),
    }
    for name in ("ord_type", "price", "volume", "time_in_force", "smp_type", "identifier"):
        value = params.text(f"new_{name}")
        if value is not None:
            texts[name] = (value,)
    if texts.get("volume") == ("remain_only",):
        texts["volume"] = (f"{old.remaining or Decimal(0):f}",)
    return Params(texts, malformed)
