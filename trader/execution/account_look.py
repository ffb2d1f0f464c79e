"""A look at an account: its open orders and the recent ones, and which of them concern us.

Whose an order is the engine's records tell; what was lost there is looked up with its fills, so
that the engine can adopt it in one step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from trader.domain.client_ids import Whose
from trader.domain.clock import Clock
from trader.domain.errors import HeldBack
from trader.domain.events import StatedOrder
from trader.domain.instrument import InstrumentId
from trader.domain.order import FINAL_STATES, ClientOrderId
from trader.execution.venue import Balance, OrderView, VenueClient

OVERLAP_NS = 600_000_000_000
"""So far before the last look the next one begins: clocks differ, and orders appear late."""

_DAY_NS = 24 * 3_600 * 1_000_000_000
_FURTHEST_NS = 7 * _DAY_NS
_MOST_LOST, _MOST_FOREIGN = 200, 50
"""So many are handed to the engine from one look, the oldest of ours and the newest of others'. The
rest of ours is found by the next look; of others' one is enough.
"""

_LONGEST_HOLD_S = 5.0
_LONGER_S = 0.05
_MOST_HOLDS = 20

_T = TypeVar("_T")


class Records(Protocol):
    """What the engine knows of orders, now."""

    @property
    def known_until_ns(self) -> int:
        """UTC of the newest fact when the process began; 0 where the journal was fresh."""
        ...

    def whose(self, client_order_id: ClientOrderId) -> Whose:
        """Whose order it is."""
        ...


class AccountLook(Struct, frozen=True):
    """What was found. ``views`` are all orders that are open or ended since ``since_ns`` (UTC),
    ``orders`` those to tell the engine of; ``is_whole`` where no more were lost than these.
    """

    views: tuple[OrderView, ...]
    orders: tuple[StatedOrder, ...]
    others: tuple[InstrumentId, ...]
    since_ns: int
    is_whole: bool = True


class AccountSeen(Struct, frozen=True):
    """All that an account shows to somebody who only wants to see it.

    ``asked_mono_ns`` is when the balances were asked for.
    """

    look: AccountLook
    balances: tuple[Balance, ...]
    asked_mono_ns: int


def first_since_ns(now_ns: int, known_until_ns: int) -> int:
    """From when on a first look asks: from the journal's newest fact, since only what came after it
    can be lost, or a day back where there is no journal yet; never more than a week.
    """
    known = min(known_until_ns or now_ns - _DAY_NS, now_ns)
    return max(known - OVERLAP_NS, now_ns - _FURTHEST_NS)


async def look_at(client: VenueClient, records: Records, since_ns: int) -> AccountLook:
    """Ask for the open orders and those that ended since then.

    Raises:
        VenueError: something could not be asked for.
    """
    views: dict[str, OrderView] = {}
    # In this order: what ends between the two questions is in one of the answers at least.
    for view in await patiently(client.open_orders):
        views[_name(view)] = view
    for view in await patiently(lambda: client.closed_orders(since_ns)):
        views[_name(view)] = view
    found = [(view, records.whose(view.client_order_id)) for view in views.values()]
    lost = _by_age(view for view, whose in found if whose is Whose.LOST)
    foreign = _by_age(view for view, whose in found if whose is Whose.FOREIGN)
    orders = [await _whole(client, view) for view in lost[:_MOST_LOST]]
    others = {view.instrument for view, whose in found if whose is Whose.OTHERS}
    return AccountLook(
        views=tuple(views.values()),
        orders=tuple(map(_stated, [*orders, *foreign[-_MOST_FOREIGN:]])),
        others=tuple(sorted(others)),
        since_ns=since_ns,
        is_whole=len(lost) <= _MOST_LOST,
    )


async def see_account(
    client: VenueClient, records: Records, since_ns: int, clock: Clock
) -> AccountSeen:
    """Its orders since then, and after them its balances.

    Raises:
        VenueError: something could not be asked for.
    """
    look = await look_at(client, records, since_ns)
    asked_mono_ns = clock.now().mono_ns
    return AccountSeen(look, await patiently(client.balances), asked_mono_ns)


async def patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask, and again after a moment where only our own budget held the question back.

    Raises:
        VenueError: as ``ask`` does, and where the budget holds back for long.
    """
    for hold in range(_MOST_HOLDS):
        try:
            return await ask()
        except HeldBack as error:
            if error.wait_s > _LONGEST_HOLD_S:
                raise
            # A question may be many requests: each time more of the budget should have come back.
            await asyncio.sleep(error.wait_s + hold * _LONGER_S)
    return await ask()


def by_id(views: Sequence[OrderView]) -> Mapping[ClientOrderId, OrderView]:
    """Orders by their client ids; those without one are nobody's here."""
    return {view.client_order_id: view for view in views if view.client_order_id}


def is_whole(view: OrderView) -> bool:
    """Whether a list alone says how an order ended: over, and with every fill it had."""
    told = sum(fill.quantity for fill in view.fills)
    return view.state in FINAL_STATES and told == view.executed


async def _whole(client: VenueClient, view: OrderView) -> OrderView:
    """A lost order with its fills, as far as the venue tells them now."""
    if is_whole(view):
        return view
    found = await patiently(
        lambda: client.find(view.client_order_id, view.instrument, view.created_ns)
    )
    return found if isinstance(found, OrderView) else view


def _stated(view: OrderView) -> StatedOrder:
    executed = view.executed
    return StatedOrder(
        client_order_id=view.client_order_id,
        instrument=view.instrument,
        side=view.side,
        state=view.state,
        executed=executed,
        # Ours are limit orders, of which every venue tells these; of others nothing depends on it.
        quantity=max(view.quantity or executed, executed),
        limit_price=view.limit_price or executed * 0,
        created_ns=view.created_ns,
        fills=view.fills,
        reason=view.reason,
    )


def _by_age(views: Iterable[OrderView]) -> list[OrderView]:
    return sorted(views, key=lambda view: view.created_ns)


def _name(view: OrderView) -> str:
    return view.venue_order_id or view.client_order_id
