"""What a venue shows when an account is looked at: balances, and orders asked for."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.support.builders import (
    BINANCE_BTC,
    UPBIT_BTC,
    Number,
    dec,
    some_instruments,
)
from tests.support.live_desk import LiveDesk
from trader.domain.events import AccountStated, StatedOrder
from trader.domain.facts import InventoryRebased
from trader.domain.instrument import BINANCE, UPBIT, Asset, InstrumentId, Venue
from trader.domain.order import ClientOrderId, Fill, OrderState, Side
from trader.engine.engine import Outcome
from trader.execution.paper import taker_fee
from trader.portfolio.reconcile import traded_assets


def look(
    desk: LiveDesk,
    *orders: StatedOrder,
    venue: Venue = UPBIT,
    looked: bool = True,
    asked_mono_ns: int | None = None,
    others: Sequence[InstrumentId] = (),
    **changes: Number,
) -> Outcome:
    """A venue states its account: as the ledger counts it, but for ``changes`` by asset."""
    held = {asset: total for (at, asset), total in desk.live.balances.items() if at == venue}
    for asset in traded_assets(venue, desk.engine.state.instruments.values()):
        held.setdefault(asset, Decimal(0))
    held |= {Asset(asset): dec(total) for asset, total in changes.items()}
    return desk.process(
        AccountStated(
            desk.at_ns,
            desk.mono_ns,
            venue,
            desk.mono_ns if asked_mono_ns is None else asked_mono_ns,
            tuple(held.items()),
            looked,
            orders,
            tuple(others),
        )
    )


def look_everywhere(desk: LiveDesk, *orders: StatedOrder) -> list[Outcome]:
    """Every venue of the desk's pair is looked at; each shows its own of these orders."""
    return [
        look(desk, *(one for one in orders if one.instrument.startswith(venue)), venue=venue)
        for venue in (UPBIT, BINANCE)
    ]


def a_stated(
    order_id: str,
    instrument: InstrumentId = UPBIT_BTC,
    side: Side = Side.SELL,
    quantity: Number = "0.00066",
    limit_price: Number | None = None,
    *,
    executed: Number | None = None,
    state: OrderState | None = None,
    told: bool = True,
    created_ns: int = 0,
    key: str = "",
) -> StatedOrder:
    """An order as its venue shows it: filled whole at its limit unless told, with its venue's fee.

    Without ``told`` the venue keeps the fills themselves to itself.
    """
    prices = {UPBIT_BTC: Decimal(150_900_000), BINANCE_BTC: Decimal(108_000)}
    price = prices[instrument] if limit_price is None else dec(limit_price)
    size = dec(quantity)
    done = size if executed is None else dec(executed)
    fills: tuple[Fill, ...] = ()
    if told and done:
        fee, asset = taker_fee(some_instruments_of(instrument), side, price, done)
        name = key or f"fill-of-{order_id}"
        fills = (
            Fill(
                name,
                ClientOrderId(order_id),
                instrument,
                side,
                price,
                done,
                fee,
                asset,
                created_ns,
            ),
        )
    ended = OrderState.FILLED if done == size else OrderState.EXPIRED
    return StatedOrder(
        ClientOrderId(order_id),
        instrument,
        side,
        ended if state is None else state,
        done,
        size,
        price,
        created_ns,
        fills,
    )


def some_instruments_of(instrument: InstrumentId) -> Any:
    """The instrument itself."""
    return some_instruments()[instrument]


def rebased(desk: LiveDesk) -> list[tuple[Asset, str]]:
    """What was based anew, and why."""
    return [(fact.asset, fact.reason) for fact in desk.all(InventoryRebased)]
