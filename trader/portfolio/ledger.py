"""Ledger: one account's balances, trades and money, folded from facts. Live and paper apart.

Everything here is rebuilt by applying the journal's facts in order; nothing is read from a venue.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.account import Holding
from trader.domain.facts import (
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingStuck,
    DayRolled,
    DustMoved,
    Fact,
    FillBooked,
    InventoryRebased,
    LegHedged,
    LegUnhedged,
    OrderMoved,
    OrdersAdopted,
    OrdersApproved,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import Asset, Instrument, InstrumentId, Venue, split_id
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    Order,
    PairName,
    Side,
    TradeId,
)
from trader.domain.position import Position
from trader.domain.trade import Trade, TradePhase
from trader.portfolio.booking import planned_krw

_ZERO = Decimal(0)
# Final orders are kept this long so that a late or repeated report still finds its order.
_FINAL_ORDERS_KEPT = 10_000


class Ledger:
    """One account. Read its attributes freely; only :meth:`apply` changes them."""

    def __init__(self, name: LedgerName, instruments: Mapping[InstrumentId, Instrument]) -> None:
        self.name = name
        self._instruments = instruments
        self.balances: dict[Holding, Decimal] = {}
        self.trades: dict[TradeId, Trade] = {}
        self.orders: dict[ClientOrderId, Order] = {}
        self.in_flight: dict[TradeId, set[ClientOrderId]] = {}
        self.fill_keys: dict[ClientOrderId, set[str]] = {}
        self.realised_krw = _ZERO
        self.fees_krw = _ZERO
        self.date: str | None = None
        self.day_open_krw = _ZERO
        self.trades_opened = self.trades_closed = self.trades_today = 0
        self.last_trade_ns: int | None = None
        self._settled: deque[ClientOrderId] = deque()

    @property
    def booked_krw(self) -> Decimal:
        """Realised won of all trades: price differences less fees."""
        return self.realised_krw - self.fees_krw

    @property
    def exposure_krw(self) -> Decimal:
        """Sum of entry notionals, lone remainders again, openings in flight at their worst."""
        return sum((self.exposure_of(trade) for trade in self.trades.values()), _ZERO)

    def exposure_of(self, trade: Trade) -> Decimal:
        """One trade's share of the exposure, in won."""
        lone = trade.lone_leg
        notional = trade.notional_krw
        again = _ZERO
        if lone is not None:
            leg = trade.position(lone[0])
            # Multiplied first: a whole leg alone then counts again to the last digit.
            again = abs(leg.cost_krw * lone[1] / leg.quantity)
        if self.in_flight.get(trade.id) and trade.phase is TradePhase.OPENING:
            return max(trade.planned_krw, notional + again)
        return notional + again

    def free(self) -> dict[Holding, Decimal]:
        """Balances less what orders not yet final may still take, fees included."""
        free = dict(self.balances)
        for pending in self.in_flight.values():
            for client_order_id in pending:
                holding, amount = self._held_by(self.orders[client_order_id])
                free[holding] = free.get(holding, _ZERO) - amount
        return free

    def reducible(self, trade: Trade) -> dict[InstrumentId, Decimal]:
        """What each leg still has open, less what orders in flight may already have closed."""
        open_now = {leg: abs(position.quantity) for leg, position in trade.legs}
        for client_order_id in self.in_flight.get(trade.id, ()):
            order = self.orders[client_order_id]
            if order.approved.is_closing:
                leg = order.approved.intent.instrument
                open_now[leg] = open_now.get(leg, _ZERO) - order.remaining
        return open_now

    def apply(self, fact: Fact) -> None:
        """Fold one fact in. Facts of the other ledger, or about other things, change nothing."""
        match fact:
            case OrdersApproved():
                self._approve(fact)
            case OrdersAdopted():
                self._adopt(fact)
            case OrderMoved(ledger=self.name):
                self._move(fact)
            case FillBooked(ledger=self.name):
                self._fill(fact)
            case TradeOpened(ledger=self.name):
                self._change(
                    fact.trade_id, phase=TradePhase.OPEN, entry_krw=fact.entry_notional_krw
                )
                self.trades_opened += 1
                self.trades_today += 1
                self.last_trade_ns = fact.at_ns
            case TradeClosed(ledger=self.name):
                self.trades.pop(fact.trade_id, None)
                self.trades_closed += 1
            case TradeAbandoned(ledger=self.name):
                self.trades.pop(fact.trade_id, None)
            case ClosingBegan(ledger=self.name):
                self._change(
                    fact.trade_id,
                    phase=TradePhase.CLOSING,
                    closing=fact.purpose,
                    keep=fact.keep,
                )
            case ClosingEnded(ledger=self.name):
                self._change(fact.trade_id, phase=TradePhase.OPEN, closing=None, keep=_ZERO)
            case ClosingStuck(ledger=self.name):
                self._change(fact.trade_id, stuck=True)
            case ClosingFreed(ledger=self.name):
                self._change(fact.trade_id, stuck=False)
            case LegUnhedged(ledger=self.name):
                self._change(fact.trade_id, unhedged=True)
            case LegHedged(ledger=self.name):
                self._change(fact.trade_id, unhedged=False)
            case DustMoved(ledger=self.name):
                self._move_dust(fact)
            case TradePeaked(ledger=self.name):
                self._change(fact.trade_id, best_krw=fact.best_krw)
            case InventoryRebased(ledger=self.name):
                self.balances[fact.venue, fact.asset] = fact.quantity
            case DayRolled(ledger=self.name):
                self.date, self.day_open_krw, self.trades_today = fact.date, fact.equity_krw, 0
            case _:
                pass

    def _approve(self, fact: OrdersApproved) -> None:
        orders = self._take_in(fact.orders, fact.trade_id)
        if orders and fact.trade_id not in self.trades:
            first = orders[0]
            self.trades[fact.trade_id] = Trade(
                id=fact.trade_id,
                ledger=self.name,
                pair=first.pair,
                direction=fact.decision.direction,
                opened_ns=fact.at_ns,
                planned_krw=planned_krw(orders, fact.decision.evidence),
                legs=tuple((order.intent.instrument, Position()) for order in orders),
            )

    def _adopt(self, fact: OrdersAdopted) -> None:
        orders = self._take_in(fact.orders, fact.trade_id)
        if orders and fact.trade_id not in self.trades:
            self.trades[fact.trade_id] = Trade(
                id=fact.trade_id,
                ledger=self.name,
                pair=orders[0].pair,
                direction=fact.direction,
                opened_ns=fact.created_ns,
                planned_krw=fact.planned_krw,
                legs=tuple((leg, Position()) for leg in fact.legs),
            )

    def _take_in(self, every: Sequence[ApprovedOrder], trade_id: TradeId) -> list[ApprovedOrder]:
        """Those of this ledger, now on their way."""
        orders = [order for order in every if order.ledger is self.name]
        for approved in orders:
            self.orders[approved.client_order_id] = Order(approved)
            self.in_flight.setdefault(trade_id, set()).add(approved.client_order_id)
        return orders

    def _move(self, fact: OrderMoved) -> None:
        order = self.orders.get(fact.client_order_id)
        if order is None:
            return
        moved = replace(order, state=fact.state, executed=fact.executed, reason=fact.reason)
        self.orders[fact.client_order_id] = moved
        if moved.is_final:
            pending = self.in_flight.get(fact.trade_id)
            if pending is not None:
                pending.discard(fact.client_order_id)
                if not pending:
                    del self.in_flight[fact.trade_id]
            self._settle(fact.client_order_id)

    def _settle(self, client_order_id: ClientOrderId) -> None:
        self._settled.append(client_order_id)
        while len(self._settled) > _FINAL_ORDERS_KEPT:
            oldest = self._settled.popleft()
            self.orders.pop(oldest, None)
            self.fill_keys.pop(oldest, None)

    def _fill(self, fact: FillBooked) -> None:
        fill = fact.fill
        self.fill_keys.setdefault(fill.client_order_id, set()).add(fill.key)
        # By its id: a journal outlives the config that named its instruments.
        venue, base, quote = split_id(fill.instrument)
        signed = fill.side.sign * fill.quantity
        self._add(venue, base, signed)
        self._add(venue, quote, -signed * fill.price)
        self._add(venue, fill.fee_asset, -fill.fee)

        trade = self.trades.get(fact.trade_id) or self._resurrected(fact)
        legs, realised = [], _ZERO
        known = {leg for leg, _ in trade.legs}
        places = (
            trade.legs if fill.instrument in known else (*trade.legs, (fill.instrument, Position()))
        )
        for leg, position in places:
            held = position
            if leg == fill.instrument:
                held, realised = position.apply(signed, fact.value_krw)
            legs.append((leg, held))
        self.realised_krw += realised
        self.fees_krw += fact.fee_krw
        after = replace(
            trade,
            legs=tuple(legs),
            realised_krw=trade.realised_krw + realised,
            fees_krw=trade.fees_krw + fact.fee_krw,
        )
        self.trades[trade.id] = replace(after, best_krw=_best_of_rest(trade, after))

    def _resurrected(self, fact: FillBooked) -> Trade:
        """A fill that came after its trade was over: what it left is closed like a lone leg."""
        order = self.orders.get(fact.fill.client_order_id)
        return Trade(
            id=fact.trade_id,
            ledger=self.name,
            pair=order.approved.pair if order is not None else PairName(""),
            direction="",
            opened_ns=fact.at_ns,
            planned_krw=_ZERO,
            legs=((fact.fill.instrument, Position()),),
            phase=TradePhase.CLOSING,
        )

    def _move_dust(self, fact: DustMoved) -> None:
        trade = self.trades.get(fact.trade_id)
        if trade is None:
            return
        legs = tuple(
            (
                leg,
                Position(position.quantity - fact.quantity, position.cost_krw - fact.cost_krw)
                if leg == fact.instrument
                else position,
            )
            for leg, position in trade.legs
        )
        self.trades[trade.id] = replace(trade, legs=legs)

    def _change(self, trade_id: TradeId, **changes: object) -> None:
        trade = self.trades.get(trade_id)
        if trade is not None:
            self.trades[trade_id] = replace(trade, **changes)

    def _add(self, venue: Venue, asset: Asset, amount: Decimal) -> None:
        holding = (venue, asset)
        self.balances[holding] = self.balances.get(holding, _ZERO) + amount

    def _held_by(self, order: Order) -> tuple[Holding, Decimal]:
        intent = order.approved.intent
        instrument = self._instruments[intent.instrument]
        if intent.side is Side.SELL:
            return (instrument.venue, instrument.base), order.remaining
        worst = order.remaining * intent.limit_price * (1 + instrument.fees.taker_share)
        return (instrument.venue, instrument.quote), worst


def _best_of_rest(before: Trade, after: Trade) -> Decimal:
    """The best value change since entry of what a closing left open, for a trailing stop."""
    if before.best_krw == 0 or after.notional_krw >= before.notional_krw:
        return before.best_krw
    return before.best_krw * after.notional_krw / before.notional_krw
