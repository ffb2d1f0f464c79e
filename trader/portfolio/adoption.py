"""Adoption: to which trade an order of ours belongs that a venue shows and the journal had lost.

What an order was for is not in its id; it is read from what stands: an order that reduces a trade
closed it, one that hedges a leg left alone completed it, and of any other the next number with the
other side is its second leg. Pure: the engine asks for one step after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from trader.domain.client_ids import ClientId, read, spelled
from trader.domain.events import StatedOrder
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.order import PairName, Purpose, Side, TradeId
from trader.domain.trade import Trade, TradePhase
from trader.portfolio.ledger import Ledger

TOGETHER_NS = 2_000_000_000
"""Both legs of an opening leave in one step; so far apart venues may date them."""


class Pair(Protocol):
    """Two instruments of one coin that are traded against each other."""

    @property
    def name(self) -> PairName:
        """As the config calls it."""
        ...

    @property
    def first(self) -> InstrumentId:
        """One of them."""
        ...

    @property
    def second(self) -> InstrumentId:
        """The other."""
        ...


class Adoption(Struct, frozen=True):
    """Orders to be entered together, into the trade named or one of their own."""

    orders: tuple[StatedOrder, ...]
    purpose: Purpose
    pair: PairName
    direction: str
    legs: tuple[InstrumentId, ...]
    trade_id: TradeId | None = None


def in_order(lost: Iterable[StatedOrder]) -> list[StatedOrder]:
    """Lost orders in the order in which they were sent: epoch after epoch, by their numbers."""
    every = list(lost)
    began: dict[str, int] = {}
    for one in every:
        epoch = _id_of(one).epoch
        began[epoch] = min(began.get(epoch, one.created_ns), one.created_ns)
    return sorted(every, key=lambda one: (began[_id_of(one).epoch], *_place(one)))


def next_adoption(lost: Sequence[StatedOrder], ledger: Ledger, pairs: Sequence[Pair]) -> Adoption:
    """What becomes of the first of these orders, which are ``in_order``, as the ledger stands."""
    first = lost[0]
    second = next((one for one in lost[1:] if _are_legs(first, one)), None)
    pair = None if second is None else _pair_of(pairs, first, second)
    if second is not None and pair is not None:
        both = (first, second)
        closed = _reduced(ledger, both)
        if closed is not None:
            return _of_trade(closed, both, Purpose.EXIT)
        legs = (first.instrument, second.instrument)
        return Adoption(both, Purpose.OPEN, pair.name, _direction(both), legs)
    return _alone(first, ledger, pairs)


def _alone(order: StatedOrder, ledger: Ledger, pairs: Sequence[Pair]) -> Adoption:
    opened = _partner_s_trade(ledger, order)
    if opened is not None:
        return _of_trade(opened, (order,), Purpose.OPEN)
    closed = _reduced(ledger, (order,))
    if closed is not None:
        lone = closed.lone_leg
        is_unwinding = lone is not None and lone[0] == order.instrument
        return _of_trade(closed, (order,), Purpose.UNWIND if is_unwinding else Purpose.EXIT)
    hedged = _hedged(ledger, order)
    if hedged is not None:
        return _of_trade(hedged, (order,), Purpose.COMPLETE)
    pair = next((one for one in pairs if order.instrument in (one.first, one.second)), None)
    if pair is None:
        # The config no longer trades it: it stands, and its alarm tells that nothing closes it.
        return Adoption((order,), Purpose.OPEN, PairName(""), "", (order.instrument,))
    other = pair.second if order.instrument == pair.first else pair.first
    legs = (order.instrument, other)
    return Adoption((order,), Purpose.OPEN, pair.name, _direction((order,), other), legs)


def _of_trade(trade: Trade, orders: tuple[StatedOrder, ...], purpose: Purpose) -> Adoption:
    legs = tuple(leg for leg, _ in trade.legs)
    return Adoption(orders, purpose, trade.pair, trade.direction, legs, trade.id)


def _reduced(ledger: Ledger, orders: Sequence[StatedOrder]) -> Trade | None:
    """The trade of which every order closes a part that is still open, the oldest of them."""
    for trade in ledger.trades.values():
        left = ledger.reducible(trade)
        if all(_reduces(trade, left, order) for order in orders):
            return trade
    return None


def _reduces(trade: Trade, left: Mapping[InstrumentId, Decimal], order: StatedOrder) -> bool:
    held = trade.position(order.instrument).quantity
    is_opposite = held * order.side.sign < 0
    return is_opposite and order.quantity <= left.get(order.instrument, Decimal(0))


def _hedged(ledger: Ledger, order: StatedOrder) -> Trade | None:
    """The opening whose leg left alone this order makes whole at its other venue."""
    for trade in ledger.trades.values():
        net = trade.net_quantity
        is_leg = any(leg == order.instrument for leg, _ in trade.legs)
        is_hedging = net * order.side.sign < 0 and order.quantity <= abs(net)
        if trade.phase is TradePhase.OPENING and is_leg and is_hedging:
            return trade
    return None


def _partner_s_trade(ledger: Ledger, order: StatedOrder) -> Trade | None:
    """The trade that this order opened together with one that was adopted before it."""
    made = _id_of(order)
    for number in (made.number - 1, made.number + 1):
        partner = ledger.orders.get(spelled(made.engine, made.epoch, number))
        if partner is None or partner.approved.purpose is not Purpose.OPEN:
            continue
        trade = ledger.trades.get(partner.approved.trade_id)
        intent = partner.approved.intent
        is_leg = intent.side is order.side.opposite and _base(intent.instrument) == _base(
            order.instrument
        )
        if trade is not None and is_leg and abs(trade.opened_ns - order.created_ns) <= TOGETHER_NS:
            return trade
    return None


def _are_legs(first: StatedOrder, second: StatedOrder) -> bool:
    one, other = _id_of(first), _id_of(second)
    return (
        (one.engine, one.epoch, one.number + 1) == (other.engine, other.epoch, other.number)
        and first.side is second.side.opposite
        and _base(first.instrument) == _base(second.instrument)
        and first.instrument != second.instrument
        and abs(first.created_ns - second.created_ns) <= TOGETHER_NS
    )


def _pair_of(pairs: Sequence[Pair], first: StatedOrder, second: StatedOrder) -> Pair | None:
    wanted = {first.instrument, second.instrument}
    return next((pair for pair in pairs if {pair.first, pair.second} == wanted), None)


def _direction(orders: Sequence[StatedOrder], other: InstrumentId | None = None) -> str:
    """``sold>bought`` by venue."""
    venues = {order.side: split_id(order.instrument)[0] for order in orders}
    if other is not None:
        venues[orders[0].side.opposite] = split_id(other)[0]
    return f"{venues[Side.SELL]}>{venues[Side.BUY]}"


def _base(instrument: InstrumentId) -> str:
    return split_id(instrument)[1]


def _place(order: StatedOrder) -> tuple[str, int]:
    made = _id_of(order)
    return made.epoch, made.number


def _id_of(order: StatedOrder) -> ClientId:
    """Only what reads back as an id of ours is ever taken for lost."""
    made = read(order.client_order_id)
    return ClientId("", "", 0) if made is None else made
