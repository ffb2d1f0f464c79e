"""Handover: what an operator must know when the engine may not act any more.

Open legs as orders to be placed by hand, once closings are revoked; the orders in flight, once
everything is halted, and how each of them ended.
"""

from collections.abc import Iterable
from itertools import chain

from msgspec.structs import replace

from trader.domain.client_ids import number_of
from trader.domain.control import Mode
from trader.domain.facts import ClosingsRestored, ClosingsRevoked, OrdersAtHalt, OrdersAtHaltEnded
from trader.domain.instrument import InstrumentId
from trader.domain.market import exact
from trader.domain.order import LedgerName, Order, Side, worsened
from trader.domain.position import Position
from trader.domain.trade import Trade
from trader.domain.trade_facts import HandOrder, OrderAtHalt, OrderEnd, PriceBasis
from trader.engine.halted_orders import UNSETTLED
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk

_PRICE_WAIT_NS = 3_000_000_000
"""So long after a start no book may have come yet; an order with a price is worth the wait."""

_Leg = tuple[object, ...]


class Handover:
    """Tells once what was left to the operator, and again where that has changed."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._live = state.ledgers[LedgerName.LIVE]
        self._desk = ClosingDesk(state.instruments, state.rules.strategy.max_unwind_slippage_pct)
        self._unpriced_since_ns: int | None = None

    def watch(self) -> None:
        """Look once; to be called after every event that is not a quote, and each second."""
        if self._state.halt_is_new:
            self._name_in_flight()
        if self._state.halted_orders.waiting:
            self._tell_ends()
        if self._state.rules.mode is Mode.LIVE and self._state.verdict is not None:
            self._watch_revoked()

    # orders in flight

    def _name_in_flight(self) -> None:
        state = self._state
        state.halt_is_new = False
        orders = []
        for ledger in state.ledgers.values():
            # In the order of their numbers, since a set's is not the same in every process.
            ids = chain.from_iterable(ledger.in_flight.values())
            orders += [_at_halt(ledger.orders[order_id]) for order_id in sorted(ids, key=number_of)]
        # A halt after a halt that was lifted meanwhile: those of the first are known already.
        if any(order.client_order_id not in state.halted_orders.waiting for order in orders):
            state.record(OrdersAtHalt(state.now_ns, state.authority.revision, tuple(orders)))

    def _tell_ends(self) -> None:
        state, halted = self._state, self._state.halted_orders
        ends = []
        for order_id, named in halted.waiting.items():
            order = state.ledgers[named.ledger].orders.get(order_id)
            if order is None:
                continue
            if not order.is_final and order.state not in UNSETTLED:
                return
            ends.append(
                OrderEnd(
                    replace(named, state=order.state),
                    order.executed,
                    halted.average_price(order_id, order.executed),
                    order.reason,
                )
            )
        state.record(OrdersAtHaltEnded(state.now_ns, halted.revision, tuple(ends)))

    # legs to be closed by hand

    def _watch_revoked(self) -> None:
        state, told = self._state, self._state.hand_orders
        orders = self._hand_orders() if state.revoked_by else []
        if _legs_of(orders) == _legs_of(told):
            self._unpriced_since_ns = None
        elif not orders:
            self._unpriced_since_ns = None
            state.record(ClosingsRestored(state.now_ns, len(self._open_legs())))
        elif not self._waits_for_prices(orders):
            # The next list waits for prices of its own.
            self._unpriced_since_ns = None
            state.record(ClosingsRevoked(state.now_ns, state.revoked_by, tuple(orders)))

    def _waits_for_prices(self, orders: Iterable[HandOrder]) -> bool:
        now, known = self._state.now_mono_ns, self._state.instruments
        if all(order.price is not None or order.instrument not in known for order in orders):
            return False
        if self._unpriced_since_ns is None:
            self._unpriced_since_ns = now
        return now - self._unpriced_since_ns < _PRICE_WAIT_NS

    def _open_legs(self) -> list[tuple[Trade, InstrumentId, Position]]:
        return [
            (trade, leg, position)
            for trade in self._live.trades.values()
            for leg, position in trade.legs
            if position.quantity != 0
        ]

    def _hand_orders(self) -> list[HandOrder]:
        state, orders = self._state, []
        told = _legs_of(state.hand_orders)
        for trade, leg, position in self._open_legs():
            side = Side.SELL if position.quantity > 0 else Side.BUY
            quantity = abs(position.quantity)
            known = state.instruments.get(leg)
            if known is None:
                # The config names it no longer; it is open all the same.
                orders.append(HandOrder(trade.id, leg, side, quantity, PriceBasis.MARKET))
                continue
            cut = known.floor_quantity(quantity)
            order = HandOrder(trade.id, leg, side, cut, PriceBasis.MARKET)
            # One that was told stays so, however near to the venue's minimum its price moves.
            is_dust = self._desk.is_dust(leg, position.quantity, state.market)
            if not is_dust or _leg_of(order) in told:
                orders.append(self._priced(order))
        return orders

    def _priced(self, order: HandOrder) -> HandOrder:
        """The order with the limit a closing would carry now, or the middle of the last book."""
        state = self._state
        book = state.market.last_good.get(order.instrument)
        age = state.market.age_ms(order.instrument, state.now_mono_ns)
        if book is None or age is None:
            return order
        if state.is_fresh(order.instrument):
            best = exact(book.best_ask if order.side is Side.BUY else book.best_bid)
            limit = worsened(
                best,
                state.rules.strategy.max_unwind_slippage_pct,
                order.side,
                state.instruments[order.instrument],
            )
            return replace(order, basis=PriceBasis.LIMIT, price=limit, age_ms=int(age))
        mid = (exact(book.best_bid) + exact(book.best_ask)) / 2
        return replace(order, basis=PriceBasis.MID, price=mid, age_ms=int(age))


def _at_halt(order: Order) -> OrderAtHalt:
    approved = order.approved
    return OrderAtHalt(
        approved.ledger,
        approved.client_order_id,
        approved.intent.instrument,
        approved.intent.side,
        approved.intent.quantity,
        order.state,
    )


def _leg_of(order: HandOrder) -> _Leg:
    # Not the price: it moves with every quote, and need not be followed.
    return order.trade_id, order.instrument, order.side, order.quantity


def _legs_of(orders: Iterable[HandOrder]) -> frozenset[_Leg]:
    return frozenset(map(_leg_of, orders))
