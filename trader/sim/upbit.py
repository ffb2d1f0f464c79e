"""Upbit as its clients meet it: REST under ``/v1``, sockets under ``/websocket/v1``.

Written from exchange fact sheet section 1 alone, so that it judges the connector independently.
"""

from functools import partial
from uuid import uuid4

from aiohttp import web

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults, Operation
from trader.sim.korean_accounts import WITHDRAWAL_PATHS
from trader.sim.korean_auth import UPBIT_TOKENS
from trader.sim.korean_desk import Desk, Manners, PrivateRoute, PublicRoute
from trader.sim.korean_frames import UPBIT_NAMES, Message
from trader.sim.korean_limits import RateGroup
from trader.sim.korean_params import in_ms
from trader.sim.korean_quotes import CommonQuotes
from trader.sim.korean_requests import ANNOUNCEMENT, MY_ASSET, MY_ORDER, PRIVATE_TYPES, Wanted
from trader.sim.korean_socket import SocketManners, Sockets, Voice
from trader.sim.korean_tape import Tapes
from trader.sim.korean_voice import Narrator, Tone, note_markets
from trader.sim.model import (
    Account,
    BalancesChanged,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    Permission,
    SimEvent,
)
from trader.sim.upbit_lookups import AccountDesk, OrderDesk
from trader.sim.upbit_orders import OrderEntry
from trader.sim.upbit_quotes import Quotes
from trader.sim.upbit_views import (
    ending_messages,
    malformed,
    malformed_public,
    order_message,
)

_GROUPS = {
    **dict.fromkeys(("market", "candle", "trade", "ticker", "orderbook"), RateGroup(10)),
    "default": RateGroup(30),
    "order": RateGroup(12),
    "order-test": RateGroup(8),
    "order-cancel-all": RateGroup(1, window_s=2),
    "websocket-connect": RateGroup(5),
    "origin": RateGroup(1, window_s=10),
}
_MANNERS = Manners(
    venue=UPBIT,
    tokens=UPBIT_TOKENS,
    groups=_GROUPS,
    malformed=malformed,
    malformed_public=malformed_public,
    per_account=True,
    tells_remaining=True,
    hashes_encoded=False,
)
_IDLE_S = 120.0


def app(exchange: Exchange, faults: Faults, *, idle_s: float = _IDLE_S) -> web.Application:
    """The application that answers as Upbit; ``idle_s`` is how long a quiet socket may live."""
    desk, tapes = Desk(exchange, faults, _MANNERS), Tapes()
    made = web.Application()
    desk.serve(made, [*_public_routes(exchange, tapes), *_private_routes(exchange)])
    note_markets(exchange, UPBIT, tapes, made)
    manners = SocketManners(UPBIT_NAMES, "websocket-connect", idle_s)
    public = Narrator(exchange, tapes, Tone(UPBIT)).voice

    def private_of(request: web.Request) -> Voice:
        account, key = desk.holder(request, frozenset())
        desk.entitled(key, Permission.ORDERS)
        return Voice(
            PRIVATE_TYPES | {ANNOUNCEMENT},
            lambda _: None,
            partial(_private_news, exchange, account),
            account,
        )

    sockets = Sockets(desk, manners)
    made.router.add_get("/websocket/v1", sockets.handler(lambda _: public))
    made.router.add_get("/websocket/v1/private", sockets.handler(private_of))
    made.on_shutdown.append(sockets.close)
    return made


def _public_routes(exchange: Exchange, tapes: Tapes) -> list[PublicRoute]:
    common = CommonQuotes(exchange, UPBIT, tapes, malformed_public)
    quotes = Quotes(exchange, tapes, common)
    return [
        PublicRoute("GET", "/v1/market/all", "market", quotes.markets),
        PublicRoute("GET", "/v1/orderbook", "orderbook", quotes.orderbooks),
        PublicRoute("GET", "/v1/orderbook/instruments", "orderbook", quotes.instruments),
        PublicRoute("GET", "/v1/ticker", "ticker", common.tickers),
        PublicRoute("GET", "/v1/ticker/all", "ticker", quotes.tickers_by_quote),
        PublicRoute("GET", "/v1/trades/ticks", "trade", common.trades),
        PublicRoute("GET", "/v1/candles/minutes/{unit}", "candle", common.minutes),
    ]


def _private_routes(exchange: Exchange) -> list[PrivateRoute]:
    entry, orders, account = OrderEntry(exchange), OrderDesk(exchange), AccountDesk(exchange)
    place, cancel, query = Operation.PLACE, Operation.CANCEL, Operation.QUERY
    trade, look, view = Permission.TRADE, Permission.ORDERS, Permission.VIEW
    route = PrivateRoute
    return [
        route("POST", "/v1/orders", "order", place, trade, entry.place),
        route("POST", "/v1/orders/test", "order-test", query, trade, entry.test),
        route("POST", "/v1/orders/cancel_and_new", "order", place, trade, entry.replace),
        route("GET", "/v1/order", "default", query, look, orders.one),
        route("DELETE", "/v1/order", "default", cancel, trade, orders.cancel),
        route("GET", "/v1/orders/uuids", "default", query, look, orders.several),
        route("DELETE", "/v1/orders/uuids", "default", cancel, trade, orders.cancel_several),
        route("GET", "/v1/orders/open", "default", query, look, orders.open),
        route("DELETE", "/v1/orders/open", "order-cancel-all", cancel, trade, orders.cancel_open),
        route("GET", "/v1/orders/closed", "default", query, look, orders.closed),
        route("GET", "/v1/orders/chance", "default", query, view, account.chance),
        route("GET", "/v1/accounts", "default", query, view, account.balances),
        route("GET", "/v1/api_keys", "default", query, view, account.keys),
        *(
            route("GET", path, "default", query, Permission.WITHDRAW, account.withdrawals)
            for path in WITHDRAWAL_PATHS
        ),
    ]


def _private_news(
    exchange: Exchange, account: Account, event: SimEvent, wanted: Wanted
) -> list[Message]:
    """What concerns this account. Nothing is ever said on subscribing."""
    now_ns = exchange.now_ns(UPBIT)
    match event:
        case OrderAccepted() | OrderFilled() | OrderEnded() if event.account == account.name:
            if wanted.type != MY_ORDER or wanted.code not in (None, event.order.symbol):
                return []
            match event:
                case OrderAccepted():
                    return [order_message(event.order, "wait", now_ns, None)]
                case OrderFilled():
                    return [order_message(event.order, "trade", now_ns, event.trade)]
                case OrderEnded():
                    return [*ending_messages(event, now_ns)]
        case BalancesChanged() if event.account == account.name and wanted.type == MY_ASSET:
            assets = [
                {"currency": asset, "balance": balance.free, "locked": balance.locked}
                for asset, balance in event.balances.items()
            ]
            return [
                {
                    "type": MY_ASSET,
                    "asset_uuid": str(uuid4()),
                    "assets": assets,
                    "asset_timestamp": in_ms(event.at_ns),
                    "timestamp": in_ms(now_ns),
                    "stream_type": "REALTIME",
                }
            ]
        case _:
            pass
    return []
