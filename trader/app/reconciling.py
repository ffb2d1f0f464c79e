"""Reconciling for somebody who asks: what venues show beside what the live ledger counts.

Read only: what is found here is judged by the engine when its own sessions find it.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from trader.app.answers.open_trades import order_line, orders_out
from trader.app.connectors import SeeAccount
from trader.domain.answers import Origin
from trader.domain.client_ids import Whose
from trader.domain.errors import VenueError
from trader.domain.facts import BreakerCode
from trader.domain.instrument import Venue
from trader.domain.order import FINAL_STATES, ClientOrderId, LedgerName, OrderState
from trader.domain.reconcile_answers import (
    KnownOrder,
    ReconcileAnswer,
    SeenBalance,
    SeenOrder,
    SeenVenue,
    Standing,
    StandingKind,
)
from trader.engine.engine import Engine
from trader.execution.account_look import AccountSeen
from trader.execution.venue import OrderView
from trader.portfolio.reconcile import BalanceDifference, traded_assets

DAY_NS = 24 * 3_600 * 1_000_000_000
MAX_ORDERS = 50
"""Of each list of a venue's orders; the rest is counted."""

_ASK_WITHIN_S = 4.0
_ZERO = Decimal(0)
_ALARMING = frozenset({Whose.LOST, Whose.FOREIGN})
_STANDING = {
    BreakerCode.BALANCE_SHORT: StandingKind.SHORT,
    BreakerCode.FOREIGN_EPOCH: StandingKind.FOREIGN,
}


async def see(
    accounts: Mapping[Venue, SeeAccount], since_ns: int, within_s: float = _ASK_WITHIN_S
) -> dict[Venue, AccountSeen | str]:
    """Ask every account at once; of one that did not answer, why."""

    async def ask(account: SeeAccount) -> AccountSeen | str:
        try:
            async with asyncio.timeout(within_s):
                return await account(since_ns)
        except TimeoutError:
            return f"no answer within {within_s:.0f} s"
        except VenueError as error:
            return str(error)

    found = await asyncio.gather(*(ask(account) for account in accounts.values()))
    return dict(zip(accounts, found, strict=True))


def compared(
    engine: Engine, origin: Origin, seen: Mapping[Venue, AccountSeen | str]
) -> ReconcileAnswer:
    """What was seen, beside what the engine counts now."""
    venues = tuple(_venue(engine, venue, found) for venue, found in seen.items())
    live = [one for one in orders_out(engine.state) if one.approved.ledger is LedgerName.LIVE]
    unsettled = tuple(order_line(order, {}) for order in live)
    standing = tuple(_standing(engine))
    return ReconcileAnswer(
        origin=origin,
        venues=venues,
        unsettled=unsettled[:MAX_ORDERS],
        standing=standing,
        differs=bool(standing)
        or any(order.state is OrderState.QUARANTINED for order in live)
        or any(map(_differs, venues)),
    )


def known_order(engine: Engine, origin: Origin, order_id: str) -> KnownOrder:
    """What the live ledger knows of one order."""
    order = engine.state.ledgers[LedgerName.LIVE].orders.get(ClientOrderId(order_id))
    if order is None:
        return KnownOrder(origin)
    return KnownOrder(origin, order_line(order, {}), order.reason)


def _differs(venue: SeenVenue) -> bool:
    orders = (*venue.open_orders, *venue.recent)
    return (
        bool(venue.error)
        or any(order.whose in _ALARMING for order in orders)
        or any(balance.differs for balance in venue.balances)
    )


def _venue(engine: Engine, venue: Venue, found: AccountSeen | str) -> SeenVenue:
    if isinstance(found, str):
        return SeenVenue(venue, error=found)
    seen = [_order(engine, view) for view in found.look.views]
    seen.sort(key=lambda order: order.created_ns, reverse=True)
    ended = [o for o in seen if o.state in FINAL_STATES and o.whose is not Whose.OTHERS]
    # What somebody must look at comes before what is merely shown.
    ended.sort(key=lambda order: order.whose not in _ALARMING)
    still = [order for order in seen if order.state not in FINAL_STATES]
    others = sum(order.whose is Whose.OTHERS for order in seen)
    return SeenVenue(
        venue=venue,
        since_ns=found.look.since_ns,
        open_orders=tuple(still[:MAX_ORDERS]),
        recent=tuple(ended[:MAX_ORDERS]),
        more=len(ended[MAX_ORDERS:]) + len(still[MAX_ORDERS:]),
        others=others,
        balances=_balances(engine, venue, found),
    )


def _order(engine: Engine, view: OrderView) -> SeenOrder:
    return SeenOrder(
        client_order_id=view.client_order_id,
        instrument=view.instrument,
        side=view.side,
        state=view.state,
        quantity=view.quantity,
        executed=view.executed,
        created_ns=view.created_ns,
        whose=engine.state.whose(view.client_order_id),
    )


def _balances(engine: Engine, venue: Venue, found: AccountSeen) -> tuple[SeenBalance, ...]:
    state, ledger = engine.state, engine.state.ledgers[LedgerName.LIVE]
    stated = {balance.asset: balance.total for balance in found.balances}
    lines = []
    for asset in traded_assets(venue, state.instruments.values()):
        now, counted = stated.get(asset, _ZERO), ledger.balances.get((venue, asset))
        difference = BalanceDifference(venue, asset, counted, now)
        missed = state.discrepancies.missing.get((venue, asset))
        cause = None if missed is None else missed.cause
        if now != counted:
            cause = engine.balances.guess(difference, found.look.others, found.asked_mono_ns)
        lines.append(
            SeenBalance(
                asset=asset,
                stated=now,
                counted=counted,
                cause=cause,
                needed=engine.balances.need((venue, asset)).amount,
                missing=_ZERO if missed is None else missed.missing,
            )
        )
    return tuple(lines)


def _standing(engine: Engine) -> list[Standing]:
    state = engine.state
    found = [
        Standing(StandingKind.BALANCE, f"{venue}:{asset}", missed.at_ns, missed.missing)
        for (venue, asset), missed in sorted(state.discrepancies.missing.items())
    ]
    for (ledger, (code, subject)), since_ns in state.breakers.items():
        kind = _STANDING.get(code)
        if ledger is LedgerName.LIVE and kind is not None:
            found.append(Standing(kind, subject, since_ns, _ZERO))
    return found
