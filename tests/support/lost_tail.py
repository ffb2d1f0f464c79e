"""A journal whose newest commits a power cut took, and what venues show of the orders in them."""

from decimal import Decimal

from tests.support.account_looks import a_stated
from tests.support.builders import SECOND_NS, Number, dec
from tests.support.live_desk import LiveDesk
from trader.domain.events import ProcessStarted, StatedOrder
from trader.domain.facts import Fact, OrdersApproved
from trader.domain.order import ApprovedOrder, OrderState

FIRST_DRAW, SECOND_DRAW = "k3x9aaaa", "k3x9bbbb"


def a_live_desk() -> LiveDesk:
    """A live process whose orders bear an epoch that was drawn."""
    desk = LiveDesk()
    desk.process(ProcessStarted(desk.at_ns, 0, "0", draw=FIRST_DRAW, sight=desk.sight))
    desk.quiet_books()
    desk.pass_ms(1000)
    desk.quiet_books()
    desk.tick()
    desk.wait(3)
    return desk


def before(desk: LiveDesk, number: int = 0) -> list[Fact]:
    """The journal as it was before the approval of this number, from zero."""
    places = [n for n, fact in enumerate(desk.history) if isinstance(fact, OrdersApproved)]
    return desk.history[: places[number]]


def after_the_cut(journal: list[Fact], desk: LiveDesk) -> LiveDesk:
    """The next process, ten seconds later; every book is there, and nothing is reconciled yet."""
    later = LiveDesk(restored=journal, at_ns=desk.at_ns + 10 * SECOND_NS)
    later.process(ProcessStarted(later.at_ns, 0, "0", draw=SECOND_DRAW, sight=later.sight))
    later.quiet_books()
    later.pass_ms(1000)
    later.quiet_books()
    later.tick()
    return later


def shown(
    order: ApprovedOrder,
    desk: LiveDesk,
    executed: Number | None = None,
    *,
    state: OrderState | None = None,
    told: bool = True,
) -> StatedOrder:
    """A lost order as its venue shows it: filled whole unless told."""
    intent = order.intent
    return a_stated(
        order.client_order_id,
        intent.instrument,
        intent.side,
        intent.quantity,
        intent.limit_price,
        executed=executed,
        state=state,
        told=told,
        created_ns=desk.at_ns,
    )


def net_of(desk: LiveDesk) -> dict[str, Decimal]:
    """What each leg of every live trade holds, by instrument."""
    held: dict[str, Decimal] = {}
    for trade in desk.live.trades.values():
        for leg, position in trade.legs:
            held[leg] = held.get(leg, dec(0)) + position.quantity
    return {leg: quantity for leg, quantity in held.items() if quantity}
