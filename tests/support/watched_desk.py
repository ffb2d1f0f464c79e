"""A live desk on which every event is followed by a look at the rules of two-legged trades."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.support.builders import SECOND_NS
from tests.support.live_desk import LiveDesk
from trader.domain.events import Event, OrderReported
from trader.domain.facts import (
    DustMoved,
    Fact,
    FillBooked,
    LegUnhedged,
    OrderMoved,
    OrdersApproved,
)
from trader.domain.instrument import InstrumentId
from trader.domain.market import exact
from trader.domain.order import (
    ApprovedOrder,
    LedgerName,
    OrderState,
    Purpose,
    Side,
    TimeInForce,
    TradeId,
)
from trader.domain.readiness import Readiness
from trader.domain.trade import Trade
from trader.engine.engine import Outcome

SIZE = Decimal("0.00066")
"""Of each leg of the documented example's trade."""
COLLAR_PCT = Decimal("0.50")
MAX_UNHEDGED_S = 10
_DUST_KRW = Decimal(6_000)
# A look a second: what is just past its bound may be said at the next one.
_LATE_S = 1.5


class WatchedDesk(LiveDesk):
    """Checks after every event: never more than one leg alone, one collared order at a time."""

    def __init__(
        self, *, restored: list[Fact] | None = None, most_alone: Decimal = SIZE, **rules: Any
    ) -> None:
        """``most_alone`` is how much may ever stand alone."""
        self.longest_alone_s = 0.0
        self.failed_unwindings = 0
        self.mendings = 0
        self._most_alone = most_alone
        self._alone_since_ns: int | None = None
        self._last_ns: dict[tuple[TradeId, bool], int] = {}
        super().__init__(restored=restored, **rules)

    # what the test does

    def live_orders(self) -> list[ApprovedOrder]:
        """The live orders sent since last asked; those on paper are nobody's business here."""
        return [order for order in self.take_orders() if order.ledger is LedgerName.LIVE]

    def tell(
        self, order: ApprovedOrder, state: OrderState, filled: Decimal, executed: Decimal
    ) -> None:
        """A venue says how an order stands: what is newly filled, and what it counts in all."""
        fills = (self.fill(order, filled),) if filled else ()
        name = order.client_order_id
        self.process(OrderReported(self.at_ns, self.mono_ns, name, state, executed, fills))

    def sense(self, **changes: Any) -> Readiness:
        """As the host is, with the breakers that stand."""
        breakers = tuple(key[0] for key in self.engine.state.breakers_of(LedgerName.LIVE))
        return super().sense(**{"breakers": breakers, **changes})

    def tick(self) -> Outcome:
        """A cycle, with everything sensed anew."""
        self.sense()
        return super().tick()

    def reborn(self) -> "WatchedDesk":
        """Another process on the same journal, ten seconds later, with the books as they were."""
        later = WatchedDesk(restored=self.history, most_alone=self._most_alone)
        later._began_ns = self.at_ns + 10 * SECOND_NS
        later._fills = self._fills
        later.host = replace(self.host, breakers=())
        later._books = dict(self._books)
        later.start()
        later.again()
        later.tick()
        return later

    def process(self, event: Event) -> Outcome:
        """Hand one event to the engine, then look at everything that must hold."""
        outcome = super().process(event)
        for fact in outcome.facts:
            if isinstance(fact, OrdersApproved) and fact.orders[0].ledger is LedgerName.LIVE:
                self._check_orders(fact)
            elif isinstance(fact, OrderMoved) and fact.ledger is LedgerName.LIVE:
                self._count_failure(fact)
        for trade in self.live.trades.values():
            assert abs(trade.net_quantity) <= self._most_alone, "too much unhedged"
        self._measure_alone()
        return outcome

    # the rules

    def _check_orders(self, approved: OrdersApproved) -> None:
        orders = approved.orders
        for order in orders:
            intent = order.intent
            assert intent.time_in_force is TimeInForce.IOC, "an order that could rest"
            assert intent.quantity <= SIZE, "more than a leg"
            self._check_collar(order)
        together = {order.client_order_id for order in orders}
        others = self.live.in_flight.get(approved.trade_id, set()) - together
        assert not others, "a second order of the trade while one is out"
        legs = [order.intent.instrument for order in orders]
        assert len(set(legs)) == len(legs), "two orders on one leg"
        if orders[0].purpose is Purpose.OPEN:
            return
        # A leg that a closing left alone is mended at once, so each has a pace of its own.
        trade = self.live.trades[approved.trade_id]
        is_mending = trade.lone_leg is not None
        assert len(orders) == (1 if is_mending else len(trade.legs))
        pace = trade.id, is_mending
        last, self._last_ns[pace] = self._last_ns.get(pace), self.mono_ns
        assert last is None or self.mono_ns - last >= SECOND_NS, "two within a second"
        self.mendings += is_mending
        for order in orders:
            if order.is_closing:
                self._check_within(approved, order)

    def _check_collar(self, order: ApprovedOrder) -> None:
        """Never a market order: within the slippage that an unwinding is allowed."""
        intent, book = order.intent, self.engine.state.market.last_good[order.intent.instrument]
        best = exact(book.best_ask if intent.side is Side.BUY else book.best_bid)
        worst = best * (1 + intent.side.sign * COLLAR_PCT / 100)
        beyond = (intent.limit_price - worst) * intent.side.sign
        assert intent.limit_price > 0, "no limit"
        assert beyond <= 0, f"{order.purpose} beyond its collar"

    def _check_within(self, approved: OrdersApproved, order: ApprovedOrder) -> None:
        trade = self.live.trades[approved.trade_id]
        held = trade.position(order.intent.instrument).quantity
        assert order.intent.side.sign * held < 0, "a closing that opens"
        assert order.intent.quantity <= abs(held), "a closing of more than there is"

    def _count_failure(self, moved: OrderMoved) -> None:
        order = self.live.orders[moved.client_order_id]
        is_unwinding = order.approved.purpose is Purpose.UNWIND
        if is_unwinding and order.is_final and not moved.executed and self._is_alone():
            self.failed_unwindings += 1

    def _is_alone(self) -> bool:
        return any(self.is_more_than_dust(trade) for trade in self.live.trades.values())

    def is_more_than_dust(self, trade: Trade) -> bool:
        """Whether more stands alone than a venue would not even take."""
        return abs(trade.net_quantity) * 150_000_000 > _DUST_KRW

    def _measure_alone(self) -> None:
        if not self._is_alone():
            self._alone_since_ns = None
            return
        if self._alone_since_ns is None:
            self._alone_since_ns = self.mono_ns
        alone_s = (self.mono_ns - self._alone_since_ns) / SECOND_NS
        self.longest_alone_s = max(self.longest_alone_s, alone_s)

    # what the test asks at the end

    def check_alarms(self) -> bool:
        """Whether an alarm sounded; it did exactly where a leg stood alone too long, or failed."""
        alarms = self.all(LegUnhedged)
        if self.longest_alone_s > MAX_UNHEDGED_S + _LATE_S or self.failed_unwindings:
            assert alarms, f"no alarm; alone for {self.longest_alone_s} s"
        if self.longest_alone_s <= MAX_UNHEDGED_S and not self.failed_unwindings:
            assert not alarms, f"an alarm after {self.longest_alone_s} s alone"
        for alarm in alarms:
            assert abs(alarm.quantity) * 150_000_000 > _DUST_KRW, "an alarm about dust"
        return bool(alarms)

    def check_money(self) -> None:
        """What trades hold is what their fills came to, less the dust that left them."""
        held: dict[tuple[str, InstrumentId], Decimal] = {}
        for fact in self.history:
            if isinstance(fact, FillBooked) and fact.ledger is LedgerName.LIVE:
                place = (fact.trade_id, fact.fill.instrument)
                moved = fact.fill.side.sign * fact.fill.quantity
                held[place] = held.get(place, Decimal(0)) + moved
            elif isinstance(fact, DustMoved) and fact.ledger is LedgerName.LIVE:
                place = (fact.trade_id, fact.instrument)
                held[place] = held.get(place, Decimal(0)) - fact.quantity
        standing = {
            (trade.id, leg): position.quantity
            for trade in self.live.trades.values()
            for leg, position in trade.legs
        }
        assert {place: q for place, q in held.items() if q} == {
            place: q for place, q in standing.items() if q
        }
