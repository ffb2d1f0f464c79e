"""Whatever venues report, in whatever order and however often: no trade hangs, no money is lost.

Each order has a truth: what it fills and how it ends. Its reports are delivered late, repeated and
out of order, between moving books. No fill comes after the venue's last word was understood; that
case has its own rules and tests.
"""

from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import BINANCE_BTC, UPBIT_BTC
from tests.support.engine_harness import Desk
from trader.domain.events import OrderReported
from trader.domain.facts import (
    DustMoved,
    FillBooked,
    OrdersApproved,
    TradeAbandoned,
    TradeClosed,
)
from trader.domain.instrument import split_id
from trader.domain.order import ApprovedOrder, OrderState, Side, TradeId
from trader.domain.trade import TradePhase

SIZE = Decimal("0.00066")
_ENDS = (OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.FILLED)
_MARKETS = ("signal", "even", "lose", "quiet")


class Floor:
    """A desk, the reports its venues have yet to deliver, and the rules that always hold."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.desk = Desk()
        self.desk.begin()
        self.before = dict(self.desk.paper.balances)
        self.waiting: list[OrderReported] = []
        self.seen = 0

    def take_in(self) -> None:
        """Decide the truth of every order just sent."""
        for order in self.desk.take_orders():
            self.waiting += self._truth_of(order)

    def _truth_of(self, order: ApprovedOrder) -> list[OrderReported]:
        lots = int(order.intent.quantity / Decimal("0.00001"))
        cuts = self.data.draw(st.lists(st.integers(0, lots), max_size=2), label="cuts")
        end = self.data.draw(st.sampled_from(_ENDS), label="end")
        amounts: list[Decimal] = []
        left = order.intent.quantity
        if end is not OrderState.REJECTED:
            for cut in cuts:
                amount = min(Decimal(cut) * Decimal("0.00001"), left)
                if amount > 0:
                    amounts.append(amount)
                    left -= amount
            if end is OrderState.FILLED and left > 0:
                amounts.append(left)
        reports: list[OrderReported] = []
        executed = Decimal(0)
        words = st.sampled_from([OrderState.ACKNOWLEDGED, OrderState.UNKNOWN])
        said = self.data.draw(st.lists(words, max_size=2), label="said")
        reports += [self._report(order, state, executed) for state in said]
        for amount in amounts:
            executed += amount
            reports.append(self._report(order, OrderState.PARTIAL, executed, amount))
        reports.append(self._report(order, end, executed))
        return reports

    def _report(
        self,
        order: ApprovedOrder,
        state: OrderState,
        executed: Decimal,
        amount: Decimal = Decimal(0),
    ) -> OrderReported:
        fills = (self.desk.fill(order, amount),) if amount else ()
        desk = self.desk
        return OrderReported(
            desk.at_ns, desk.mono_ns, order.client_order_id, state, executed, fills
        )

    def step(self) -> None:
        """Something happens: a report, a report again, time, or a move of the market."""
        act = self.data.draw(st.sampled_from(["deliver", "deliver", "repeat", "pass", "move"]))
        if act in ("deliver", "repeat") and self.waiting:
            index = self.data.draw(st.integers(0, len(self.waiting) - 1))
            report = self.waiting[index]
            if act == "deliver":
                del self.waiting[index]
            self.desk.process(report)
        elif act == "move":
            self.move(self.data.draw(st.sampled_from(_MARKETS)))
        else:
            self.desk.pass_ms(self.data.draw(st.sampled_from([10, 400, 1100])))
            self.desk.again()
        self.check()
        self.take_in()

    def move(self, market: str) -> None:
        """State the books of one of the market's moods."""
        match market:
            case "signal":
                self.desk.book(BINANCE_BTC, "107990", "108000")
                self.desk.signal()
            case "even":
                self.desk.even()
            case "lose":
                self.desk.lose()
            case _:
                self.desk.quiet_books()

    def settle(self) -> None:
        """Deliver what is left; from now on books are good and orders fill whole."""
        while self.waiting:
            self.desk.process(self.waiting.pop(0))
            self.check()
            self.take_in()
        self.move("quiet")
        for _ in range(8):
            self.desk.wait(1)
            self.check()
            self.desk.fill_all()
            self.check()

    def check(self) -> None:
        """The rules that hold after every single event."""
        ledger = self.desk.paper
        self._check_new_orders()
        for trade in ledger.trades.values():
            assert abs(trade.net_quantity) <= SIZE
            pending = [ledger.orders[i] for i in ledger.in_flight.get(trade.id, ())]
            legs = [order.approved.intent.instrument for order in pending]
            assert len(legs) == len(set(legs)), "two orders in flight on one leg"
        expected = dict(self.before)
        for fact in self.desk.all(FillBooked):
            fill = fact.fill
            venue, base, quote = split_id(fill.instrument)
            sign = fill.side.sign
            for asset, amount in (
                (base, sign * fill.quantity),
                (quote, -sign * fill.quantity * fill.price),
                (fill.fee_asset, -fill.fee),
            ):
                expected[venue, asset] += amount
        assert ledger.balances == expected
        self._check_profits()

    def _check_new_orders(self) -> None:
        """A closing reduces: it asks for no more than the trade has on that leg."""
        facts, self.seen = self.desk.facts[self.seen :], len(self.desk.facts)
        approved = [fact for fact in facts if isinstance(fact, OrdersApproved)]
        for fact in approved:
            assert len({order.trade_id for order in fact.orders}) == 1
            for order in fact.orders:
                assert order.intent.quantity <= SIZE

    def _check_profits(self) -> None:
        flows: dict[TradeId, Decimal] = defaultdict(Decimal)
        for fact in self.desk.facts:
            match fact:
                case FillBooked():
                    sign = 1 if fact.fill.side is Side.SELL else -1
                    flows[fact.trade_id] += sign * fact.value_krw - fact.fee_krw
                case DustMoved():
                    flows[fact.trade_id] += fact.cost_krw
                case TradeClosed() | TradeAbandoned():
                    assert abs(fact.pnl_krw - flows[fact.trade_id]) < Decimal("1e-9")
                case _:
                    pass


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_every_trade_ends_whole_and_nothing_is_lost(data: st.DataObject) -> None:
    """Balances are the sum of fills, profits too, and once books are good every trade is settled.

    Settled is closed, abandoned, or open with both legs alike and nothing in flight.
    """
    floor = Floor(data)
    floor.move("signal")
    floor.check()
    floor.take_in()

    for _ in range(data.draw(st.integers(5, 40), label="steps")):
        floor.step()
    floor.settle()

    ledger = floor.desk.paper
    assert ledger.in_flight == {}
    for trade in ledger.trades.values():
        assert trade.phase is TradePhase.OPEN
        assert trade.lone_leg is None
        assert trade.position(UPBIT_BTC).quantity != 0
    # Whatever came, in whatever order: the run replays, and its account is in its facts.
    replayed, restored = Desk(), Desk(restored=floor.desk.facts)
    for event in floor.desk.events:
        replayed.process(event)
    assert replayed.facts == floor.desk.facts
    assert restored.paper.balances == ledger.balances
    assert restored.paper.trades == ledger.trades
    breakers = floor.desk.engine.snapshot().breakers
    assert not any("UNHEDGED" in name or "UNKNOWN" in name for name in breakers)
