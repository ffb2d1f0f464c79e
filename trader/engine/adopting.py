"""Adopting: orders of ours that a venue shows and the journal had lost enter the ledger.

Legs stand at two venues, so nothing is adopted before every venue that could show the other one
was asked; until then no live entry goes, and no closing in the instruments concerned.
"""

from decimal import Decimal

from msgspec.structs import replace

from trader.domain.client_ids import Whose, read
from trader.domain.events import AccountStated, OrderReported, StatedOrder
from trader.domain.facts import ClosingBegan, OrdersAdopted
from trader.domain.instrument import KRW, InstrumentId, Venue, split_id
from trader.domain.order import ClientOrderId, Intent, LedgerName, Purpose, TradeId
from trader.domain.trade import TradePhase
from trader.engine.balances import Balances
from trader.engine.foreign import Foreigners
from trader.engine.reports import Reports
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.portfolio.adoption import Adoption, in_order, next_adoption
from trader.risk.safety import recovered

_WAITS_NS = 60_000_000_000
"""So long a leg waits for a venue that does not answer; then it is adopted as it stands."""

_ONE = Decimal(1)


class Adopting:
    """Takes in what a look at an account found of orders with our prefix."""

    def __init__(
        self,
        state: State,
        foreigners: Foreigners,
        reports: Reports,
        tending: Tending,
        balances: Balances,
    ) -> None:
        self._state = state
        self._balances = balances
        self._foreigners = foreigners
        self._reports = reports
        self._tending = tending
        self._ledger = state.ledgers[LedgerName.LIVE]
        self._waiting: dict[ClientOrderId, StatedOrder] = {}
        self._waits_since_ns: int | None = None
        self._looked: set[Venue] = set()
        # Makers of foreign orders under this journal's name, and the instruments they traded.
        self._claimed: set[tuple[str, InstrumentId]] = set()
        self._regained = 0

    def take(self, event: AccountStated) -> None:
        """Tell ours from foreign ones, and adopt what was lost once its legs can be known."""
        if not event.looked:
            return
        if self._regained != self._state.identity.regained:
            # What another venue showed before that was not taken for ours.
            self._regained = self._state.identity.regained
            self._looked.clear()
        self._looked.add(event.venue)
        for shown in event.orders:
            # A venue that does not date its orders has just shown it, at least.
            order = replace(shown, created_ns=shown.created_ns or event.at_ns)
            whose = self._state.whose(order.client_order_id)
            if whose is Whose.FOREIGN:
                self._see_foreign(order)
            elif whose is Whose.LOST and order.instrument in self._state.instruments:
                self._waiting[order.client_order_id] = order
        self._foreigners.clear_gone()
        if self._waiting and self._may_adopt():
            self._adopt()
        makers = self._foreigners.makers
        self._claimed = {one for one in self._claimed if one[0] in makers}
        self._state.unadopted = frozenset(
            {instrument for _, instrument in self._claimed}
            | {one.instrument for one in self._waiting.values()}
        )

    def _see_foreign(self, order: StatedOrder) -> None:
        """One that bears this journal's name may turn out to be ours: what it moved is not judged,
        and nothing live goes in its instrument, before somebody has said whose it is.
        """
        self._foreigners.saw(order.client_order_id, order.created_ns)
        made = read(order.client_order_id)
        if made is not None and made.installation == self._state.identity.installation:
            self._claimed.add((made.maker, order.instrument))

    def _may_adopt(self) -> bool:
        state = self._state
        # Sent after a copy of this journal was made: an operator must say that it is the same
        # engine's, before any of it, or what followed from it, is taken for ours.
        if self._foreigners.is_own_installation:
            return False
        if self._waits_since_ns is None:
            self._waits_since_ns = state.now_mono_ns
        if state.now_mono_ns - self._waits_since_ns >= _WAITS_NS:
            return True
        wanted = {one.instrument for one in self._waiting.values()}
        venues = {
            split_id(leg)[0]
            for pair in state.rules.strategy.pairs
            if wanted & {pair.first, pair.second}
            for leg in (pair.first, pair.second)
        }
        return venues <= self._looked

    def _adopt(self) -> None:
        state, lost = self._state, in_order(self._waiting.values())
        self._waiting.clear()
        self._waits_since_ns = None
        touched: dict[TradeId, None] = {}
        # What was sent next may be among them: nothing new is sent before all are in.
        state.holds_closings = True
        try:
            while lost:
                found = next_adoption(lost, self._ledger, state.rules.strategy.pairs)
                touched[self._enter(found)] = None
                for order in found.orders:
                    lost.remove(order)
                    self._report(order)
        finally:
            state.holds_closings = False
        for trade_id in touched:
            self._tending.drive(self._ledger, trade_id)

    def _enter(self, found: Adoption) -> TradeId:
        state = self._state
        trade_id = found.trade_id or TradeId(f"T{state.next_number()}")
        trade = self._ledger.trades.get(trade_id)
        is_new = trade is not None and trade.phase is not TradePhase.CLOSING
        if found.purpose is Purpose.EXIT and is_new:
            state.record(ClosingBegan(state.now_ns, LedgerName.LIVE, trade_id, Purpose.EXIT))
        orders = tuple(
            recovered(
                one.client_order_id,
                trade_id,
                found.pair,
                found.purpose,
                Intent(one.instrument, one.side, one.quantity, one.limit_price),
            )
            for one in found.orders
        )
        created_ns = min(one.created_ns for one in found.orders)
        planned = max(map(self._planned_krw, found.orders))
        state.record(
            OrdersAdopted(
                state.now_ns, trade_id, found.direction, created_ns, planned, found.legs, orders
            )
        )
        # A leg left alone over a restart is unwound, never completed.
        self._tending.never_complete(trade_id)
        return trade_id

    def _planned_krw(self, order: StatedOrder) -> Decimal:
        state, quote = self._state, split_id(order.instrument)[2]
        rate = state.market.won_mid(quote) or state.last_usdt_krw or _ONE
        return order.quantity * order.limit_price * (_ONE if quote == KRW else rate)

    def _report(self, order: StatedOrder) -> None:
        state = self._state
        self._balances.saw_report(order.instrument, state.now_mono_ns)
        self._reports.take(
            OrderReported(
                state.now_ns,
                state.now_mono_ns,
                order.client_order_id,
                order.state,
                order.executed,
                order.fills,
                order.reason,
            )
        )
