"""Reports: what venues say of our orders, booked once, in whatever order and however often told.

Money that moved is booked in every state; a final word counts once its fills are there.
"""

from decimal import Decimal

from msgspec.structs import replace

from trader.domain.client_ids import Whose
from trader.domain.events import OrderReported
from trader.domain.facts import FaultRecorded, OrderMoved
from trader.domain.order import (
    FINAL_STATES,
    ClientOrderId,
    LedgerName,
    Order,
    OrderState,
    may_become,
)
from trader.engine.foreign import Foreigners
from trader.engine.housekeeping import Housekeeping
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.portfolio.booking import book_fill
from trader.portfolio.ledger import Ledger

# Words that the quantity executed may not bear out.
_TOO_EARLY = frozenset({OrderState.FILLED, OrderState.ACKNOWLEDGED})


class Reports:
    """Folds the venues' reports into orders, and drives the trades they belong to."""

    def __init__(
        self, state: State, housekeeping: Housekeeping, tending: Tending, foreigners: Foreigners
    ) -> None:
        self._state = state
        self._housekeeping = housekeeping
        self._tending = tending
        self._foreigners = foreigners
        self.strangers = 0
        """Reports of orders that no ledger holds."""
        # Orders a venue called over before it told all their fills: its last word on each.
        self._last_words: dict[ClientOrderId, tuple[OrderState, Decimal]] = {}

    def take(self, event: OrderReported) -> None:
        """Book what is new of a report; a repeated, late or reordered one changes nothing twice."""
        state = self._state
        ledger = state.ledger_of(event.client_order_id)
        if ledger is None:
            self._take_stranger(event)
            return
        order = ledger.orders[event.client_order_id]
        by = state.discrepancies.accepted.get(event.client_order_id)
        if by is not None and event.state is order.state is OrderState.QUARANTINED:
            # Asked once more, the venue still knows nothing: that is what the operator accepted.
            reason = f"accepted by {by}: {event.reason}"
            event = replace(event, state=OrderState.EXPIRED, executed=order.executed, reason=reason)
        trade_id = order.approved.trade_id
        known = ledger.fill_keys.get(event.client_order_id, set())
        executed = order.executed
        for fill in event.fills:
            if fill.key in known:
                continue
            executed += fill.quantity
            state.record(
                book_fill(
                    fill,
                    ledger.name,
                    trade_id,
                    state.instruments,
                    state.market,
                    state.now_mono_ns,
                    state.rules.max_ws_age_ms,
                    state.last_usdt_krw,
                )
            )
            known = ledger.fill_keys[event.client_order_id]
        after = self._state_after(order, event, executed)
        if after is not order.state or executed != order.executed:
            self.move(ledger, order, after, executed, event.reason)

    def end_paper(self) -> None:
        """A paper venue forgets with its process: what was in flight there is never reported."""
        paper = self._state.ledgers[LedgerName.PAPER]
        for trade_id in list(paper.in_flight):
            for order_id in sorted(paper.in_flight.get(trade_id, ())):
                order = paper.orders[order_id]
                self.move(paper, order, OrderState.CANCELLED, order.executed, "process ended")

    def _take_stranger(self, event: OrderReported) -> None:
        state, order_id = self._state, event.client_order_id
        self.strangers += 1
        match state.whose(order_id):
            case Whose.FOREIGN:
                self._foreigners.saw(order_id, event.at_ns)
            case Whose.LOST | Whose.ACCEPTED:
                # The next look at the account adopts the one; the other an operator knows of.
                return
            case _:
                message = f"no order of ours: {order_id}"
                state.record(FaultRecorded(state.now_ns, "report", message))

    def _state_after(self, order: Order, event: OrderReported, executed: Decimal) -> OrderState:
        """Where a report leaves an order. What was executed decides, not the name it is given.

        An order said to be over, of which more was executed than we have fills for, is not over for
        us: its trade would go on with a leg it cannot see. It stays on its way until the fills have
        come, or until that takes so long that a breaker trips.
        """
        said, told = event.state, event.executed
        if said not in FINAL_STATES and event.client_order_id in self._last_words:
            said, told = self._last_words[event.client_order_id]
        if executed >= order.approved.intent.quantity:
            said = OrderState.FILLED
        elif said in FINAL_STATES and told > executed:
            self._last_words[event.client_order_id] = said, told
            said = _on_its_way(executed)
        elif said in _TOO_EARLY:
            said = _on_its_way(executed)
        elif said is OrderState.REJECTED and executed > 0:
            said = OrderState.EXPIRED
        after = said if may_become(order.state, said) else order.state
        if after in FINAL_STATES:
            self._last_words.pop(event.client_order_id, None)
        return after

    def move(
        self,
        ledger: Ledger,
        order: Order,
        after: OrderState,
        executed: Decimal,
        reason: str,
    ) -> None:
        """Bring an order to another state, or further; what follows from its end follows here."""
        state, approved = self._state, order.approved
        state.record(
            OrderMoved(
                state.now_ns,
                ledger.name,
                approved.client_order_id,
                approved.trade_id,
                after,
                executed,
                reason,
            )
        )
        moved = ledger.orders[approved.client_order_id]
        if not moved.is_final:
            return
        # An unfilled IOC says nothing of the venue, and our own gate's refusal even less.
        is_answer = after is OrderState.REJECTED or executed > 0
        counts = not order.is_final and after is not OrderState.BLOCKED and is_answer
        if ledger.name is LedgerName.LIVE and counts:
            venue = state.instruments[approved.intent.instrument].venue
            self._housekeeping.count_answer(venue, rejected=after is OrderState.REJECTED)
        if approved.is_closing:
            self._tending.closing_ended(ledger, moved)
        self._tending.drive(ledger, approved.trade_id)


def _on_its_way(executed: Decimal) -> OrderState:
    """An order the venue answers for, and of which more is to be heard."""
    return OrderState.PARTIAL if executed > 0 else OrderState.ACKNOWLEDGED
