"""Upbit's order requests: what they ask, what is refused before the exchange sees it, the answers.

Source: exchange fact sheet 1.3 and 1.4.
"""

from collections import OrderedDict
from decimal import Decimal
from uuid import uuid4

from trader.domain.instrument import UPBIT
from trader.domain.order import Side
from trader.sim.exchange import Exchange
from trader.sim.korean_params import Answer, Call, Params
from trader.sim.model import (
    Code,
    Kind,
    Listing,
    NewOrder,
    Refused,
    SelfTrade,
    SimOrder,
    TimeInForce,
)
from trader.sim.upbit_views import failure_of, malformed, order_view

_SIDES = {"bid": Side.BUY, "ask": Side.SELL}
_SELF_TRADES = {
    "cancel_maker": SelfTrade.CANCEL_MAKER,
    "cancel_taker": SelfTrade.CANCEL_TAKER,
    "none": SelfTrade.NONE,
}
_FORCES = {
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "post_only": TimeInForce.POST_ONLY,
}
_TYPES = ("limit", "price", "market", "best")
_VOLUME_DECIMALS = 8
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
                side = _SIDES.get(params.text("side") or "")
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
    side = _SIDES.get(params.required("side"))
    if side is None:
        raise malformed("side")
    listing = _listing(params, exchange, side)
    kind = params.text("ord_type")
    if kind not in _TYPES:
        raise malformed("ord_type")
    price, volume = params.decimal("price"), params.decimal("volume")
    force = _force(params, kind)
    self_trade = _self_trade(params, force)
    if volume is not None and -int(volume.as_tuple().exponent) > _VOLUME_DECIMALS:
        raise malformed("volume")
    _check_amounts(kind, side, price, volume)
    by_funds = kind == "price" or (kind == "best" and side is Side.BUY)
    return NewOrder(
        instrument=listing.id,
        side=side,
        kind={"limit": Kind.LIMIT, "best": Kind.BEST}.get(kind, Kind.MARKET),
        quantity=volume,
        price=price if kind == "limit" else None,
        funds=price if by_funds else None,
        time_in_force=force,
        client_id=params.text("identifier") or "",
        self_trade=self_trade,
    )


def _check_amounts(kind: str, side: Side, price: Decimal | None, volume: Decimal | None) -> None:
    """Which of price and volume must be there, and which must not."""
    match kind:
        case "limit":
            wanted = (True, True)
        case "price":
            wanted = (True, False)
        case "market":
            wanted = (False, True)
        case _:
            wanted = (side is Side.BUY, side is Side.SELL)
    # A market purchase is named "price" and a market sale "market", never the other way round.
    wrong_way = (kind == "price") is not (side is Side.BUY) and kind in ("price", "market")
    if wrong_way or (price is not None, volume is not None) != wanted:
        raise malformed("ord_type")


def _listing(params: Params, exchange: Exchange, side: Side) -> Listing:
    listing = exchange.listing(UPBIT, params.required("market"))
    if listing is None:
        raise failure_of(Refused(Code.UNKNOWN_MARKET), side)
    return listing


def _force(params: Params, kind: str) -> TimeInForce:
    given = params.text("time_in_force")
    allowed = {"limit": ("ioc", "fok", "post_only"), "best": ("ioc", "fok")}.get(kind, ())
    if given is None:
        if kind == "best":
            raise malformed("time_in_force")
        return TimeInForce.GTC
    if given not in allowed:
        raise malformed("time_in_force")
    return _FORCES[given]


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
        "side": ("bid" if old.side is Side.BUY else "ask",),
    }
    for name in ("ord_type", "price", "volume", "time_in_force", "smp_type", "identifier"):
        value = params.text(f"new_{name}")
        if value is not None:
            texts[name] = (value,)
    if texts.get("volume") == ("remain_only",):
        texts["volume"] = (f"{old.remaining or Decimal(0):f}",)
    return Params(texts, malformed)
