"""However looks and late reports fall together, what an adopted order filled is booked once.

Looks at either venue, repeated and out of order, with and without the fills; the stream's reports
of the same fills before, between and after; a crash of the adopting process at any point.
"""

from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.account_looks import look
from tests.support.builders import SECOND_NS
from tests.support.live_desk import LiveDesk
from tests.support.lost_tail import a_live_desk, after_the_cut, before, shown
from trader.domain.account import Holding
from trader.domain.events import OrderReported, StatedOrder
from trader.domain.facts import FillBooked, OrdersAdopted
from trader.domain.instrument import BINANCE, UPBIT, split_id
from trader.domain.order import ApprovedOrder, Fill, LedgerName, OrderState

VENUES = (UPBIT, BINANCE)
PARTS = [Decimal(0), Decimal("0.0002"), Decimal("0.00066")]


class Lost:
    """One lost order at its venue: what it executed, in one fill or two."""

    def __init__(self, order: ApprovedOrder, desk: LiveDesk, executed: Decimal, cut: bool) -> None:
        self.venue = split_id(order.intent.instrument)[0]
        self.whole = shown(order, desk, executed)
        if cut and executed:
            (fill,) = self.whole.fills
            halves = (
                replace(fill, key=fill.key + "-1", quantity=fill.quantity / 2, fee=fill.fee / 2),
                replace(fill, key=fill.key + "-2", quantity=fill.quantity / 2, fee=fill.fee / 2),
            )
            self.whole = replace(self.whole, fills=halves)

    def view(self, *, told: bool) -> StatedOrder:
        """What a look shows, with or without its fills."""
        return self.whole if told else replace(self.whole, fills=())

    def report(self, desk: LiveDesk, fills: tuple[Fill, ...], state: OrderState) -> OrderReported:
        """What the stream tells, of any of its fills."""
        order_id, executed = self.whole.client_order_id, self.whole.executed
        return OrderReported(desk.at_ns, desk.mono_ns, order_id, state, executed, fills)


def restarted(desk: LiveDesk) -> LiveDesk:
    """The adopting process died, and another goes on."""
    later = LiveDesk(restored=desk.history, at_ns=desk.at_ns + SECOND_NS)
    later.start()
    later.quiet_books()
    later.facts = [*desk.facts]
    return later


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_every_fill_is_booked_exactly_once(data: st.DataObject) -> None:
    """Keys are booked once each; balances are what was plus every fill; nothing hangs."""
    desk = a_live_desk()
    desk.signal()
    orders = desk.take_orders()
    later = after_the_cut(before(desk), desk)
    opening = dict(later.live.balances)
    lost = [
        Lost(order, desk, data.draw(st.sampled_from(PARTS)), data.draw(st.booleans()))
        for order in orders
    ]

    for _ in range(data.draw(st.integers(2, 12), label="steps")):
        later.pass_ms(data.draw(st.sampled_from([0, 10, 5_000, 61_000])))
        one = data.draw(st.sampled_from(lost))
        match data.draw(st.sampled_from(["look", "report", "restart"])):
            case "look":
                shows = (
                    [one.view(told=data.draw(st.booleans()))] if data.draw(st.booleans()) else []
                )
                look(later, *shows, venue=one.venue)
            case "report":
                fills = tuple(f for f in one.whole.fills if data.draw(st.booleans()))
                state = data.draw(st.sampled_from([OrderState.PARTIAL, one.whole.state]))
                later.process(one.report(later, fills, state))
            case _:
                later = restarted(later)
    # At last both venues are looked at whole, and the stream repeats itself.
    for _ in range(2):
        for one in lost:
            look(later, one.view(told=True), venue=one.venue)
        for one in lost:
            later.process(one.report(later, one.whole.fills, one.whole.state))

    booked = [fact.fill for fact in later.all(FillBooked) if fact.ledger is LedgerName.LIVE]
    adopted = Counter(o.client_order_id for f in later.all(OrdersAdopted) for o in f.orders)
    every = [fill for one in lost for fill in one.whole.fills]
    assert adopted == Counter(order.client_order_id for order in orders)
    assert Counter(fill.key for fill in booked) == Counter(fill.key for fill in every)
    assert _moved(later, opening) == _sum(every)
    assert not adopted.keys() & set().union(*later.live.in_flight.values())


def _moved(desk: LiveDesk, opening: dict[Holding, Decimal]) -> dict[object, Decimal]:
    moved = {
        holding: quantity - opening.get(holding, Decimal(0))
        for holding, quantity in desk.live.balances.items()
    }
    return {holding: quantity for holding, quantity in moved.items() if quantity}


def _sum(fills: list[Fill]) -> dict[object, Decimal]:
    total: dict[object, Decimal] = {}
    for fill in fills:
        venue, base, quote = split_id(fill.instrument)
        signed = fill.side.sign * fill.quantity
        for asset, amount in (
            (base, signed),
            (quote, -signed * fill.price),
            (fill.fee_asset, -fill.fee),
        ):
            total[venue, asset] = total.get((venue, asset), Decimal(0)) + amount
    return {holding: quantity for holding, quantity in total.items() if quantity}
