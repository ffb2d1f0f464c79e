"""Open trades and orders on their way, each with the figures the engine itself goes by."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import chain

from msgspec.structs import replace

from trader.domain.answers import LegLine, OrderLine, PositionLine
from trader.domain.client_ids import number_of
from trader.domain.instrument import KRW, InstrumentId, split_id
from trader.domain.market import exact
from trader.domain.order import ClientOrderId, LedgerName, Order, TradeId
from trader.domain.position import Position
from trader.domain.trade import Trade
from trader.engine.state import State
from trader.execution.lookups import PricedFill
from trader.portfolio.stoploss import StopLoss

_HUNDRED = Decimal(100)

Entries = Mapping[tuple[LedgerName, TradeId], Sequence[PricedFill]]
"""The fills of trades, as far as they were looked up."""


def position_line(state: State, stop: StopLoss, trade: Trade, entries: Entries) -> PositionLine:
    """One open trade as it stands now."""
    mark = state.mark(trade)
    to_stop = to_stop_krw(state, stop, trade)
    fills = entries.get((trade.ledger, trade.id), ())
    return PositionLine(
        trade_id=trade.id,
        ledger=trade.ledger,
        pair=trade.pair,
        direction=trade.direction,
        opened_ns=trade.opened_ns,
        phase=trade.phase.value,
        notional_krw=trade.notional_krw,
        unrealised_krw=None if mark is None else mark.unrealised_krw,
        to_stop_krw=to_stop,
        to_stop_pct=None if to_stop is None else to_stop / trade.notional_krw * _HUNDRED,
        unhedged=trade.unhedged or trade.lone_leg is not None,
        stuck=trade.stuck,
        legs=tuple(_leg(state, leg, position, fills) for leg, position in trade.legs),
    )


def to_stop_krw(state: State, stop: StopLoss, trade: Trade) -> Decimal | None:
    """How many won a trade's value may still fall until it stops; None without a price.

    Of a trade with a leg that stands alone it is that leg's own distance.
    """
    lone = trade.lone_leg
    if lone is not None:
        leg, quantity = lone
        held = trade.position(leg)
        rest = Position(quantity, held.cost_krw * quantity / held.quantity)
        trade = replace(trade, legs=((leg, rest),), best_krw=Decimal(0))
    if trade.notional_krw == 0:
        return None
    reading = stop.read(trade, state.market, state.now_mono_ns)
    return None if reading is None else reading.change_krw - reading.limit_krw


def nearest_stop_pct(state: State, stop: StopLoss) -> Decimal | None:
    """The smallest distance to a stop of all open trades, in percent of its entry notional."""
    nearest: Decimal | None = None
    for ledger in state.ledgers.values():
        for trade in ledger.trades.values():
            to_stop = to_stop_krw(state, stop, trade)
            if to_stop is not None:
                pct = to_stop / trade.notional_krw * _HUNDRED
                nearest = pct if nearest is None else min(nearest, pct)
    return nearest


def orders_out(state: State) -> list[Order]:
    """Orders in flight and those whose outcome is not known, by the number in their ids."""
    found = []
    for ledger in state.ledgers.values():
        ids = chain.from_iterable(ledger.in_flight.values())
        found += [ledger.orders[order_id] for order_id in ids]
    return sorted(found, key=lambda order: number_of(order.approved.client_order_id))


def order_line(order: Order, approved_ns: Mapping[ClientOrderId, int]) -> OrderLine:
    """One order that is out."""
    approved, intent = order.approved, order.approved.intent
    return OrderLine(
        client_order_id=approved.client_order_id,
        ledger=approved.ledger,
        trade_id=approved.trade_id,
        instrument=intent.instrument,
        side=intent.side,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        executed=order.executed,
        state=order.state,
        purpose=approved.purpose,
        since_ns=approved_ns.get(approved.client_order_id, 0),
    )


def _leg(
    state: State, leg: InstrumentId, position: Position, fills: Sequence[PricedFill]
) -> LegLine:
    book = state.market.last_good.get(leg)
    price = None
    if book is not None and position.quantity:
        price = exact(book.best_bid if position.quantity > 0 else book.best_ask)
    return LegLine(leg, position.quantity, _entry_price(leg, position, fills), price)


def _entry_price(
    leg: InstrumentId, position: Position, fills: Sequence[PricedFill]
) -> Decimal | None:
    """The average price of what is open, in the instrument's own currency."""
    if position.quantity == 0 or split_id(leg)[2] == KRW:
        return position.average_krw
    # The ledger counts in won; the same booking, in the currency of the fills, gives their average.
    booked = Position()
    for fill in fills:
        if fill.instrument == leg:
            signed = fill.side.sign * fill.quantity
            booked, _ = booked.apply(signed, fill.price * fill.quantity)
    return booked.average_krw
