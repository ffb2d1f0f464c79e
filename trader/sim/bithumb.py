"""Bithumb as its clients meet it: REST under ``/v1`` and ``/v2``, sockets under ``/websocket``.

Written from exchange fact sheet section 2 alone, so that it judges the connector independently.
"""

from functools import partial

from aiohttp import web

from trader.domain.instrument import BITHUMB
from trader.sim.bithumb_acceptance import ACCEPTED_AFTER_S, Acceptance
from trader.sim.bithumb_lookups import AccountDesk, OrderDesk, facing
from trader.sim.bithumb_orders import OrderEntry
from trader.sim.bithumb_quotes import Quotes
from trader.sim.bithumb_views import malformed, order_message, order_state
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults, Operation
from trader.sim.korean_accounts import WITHDRAWAL_PATHS
from trader.sim.korean_auth import BITHUMB_TOKENS
from trader.sim.korean_desk import Desk, Manners, PrivateRoute, PublicRoute
from trader.sim.korean_frames import BITHUMB_NAMES, Message
from trader.sim.korean_limits import RateGroup
from trader.sim.korean_params import in_ms
from trader.sim.korean_quotes import CommonQuotes
from trader.sim.korean_requests import MY_ASSET, MY_ORDER, PRIVATE_TYPES, Wanted
from trader.sim.korean_socket import SocketManners, Sockets, Voice
from trader.sim.korean_tape import Tapes
from trader.sim.korean_voice import Narrator, Tone, note_markets
from trader.sim.model import (
    Account,
    BalancesChanged,
    Cause,
    MarketStatus,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    Permission,
    SimEvent,
    SimOrder,
)

_GROUPS = {
    "public": RateGroup(150),
    **dict.fromkeys(("order", "cancel", "other"), RateGroup(140)),
    "batch": RateGroup(20),
    "websocket-connect": RateGroup(10),
}
_MANNERS = Manners(
    venue=BITHUMB,
    tokens=BITHUMB_TOKENS,
    groups=_GROUPS,
    malformed=malformed,
    malformed_public=malformed,
    per_account=False,
    tells_remaining=False,
    hashes_encoded=True,
)
_TONE = Tone(
    BITHUMB,
    # Microseconds, where every other stream has milliseconds.
    book_time=lambda at_ns: at_ns // 1_000,
    most_levels=15,
    of_tickers=lambda listing: {
        "is_trading_suspended": listing.status is not MarketStatus.TRADING,
        "market_warning": "NONE",
    },
)
_IDLE_S = 120.0
_STATUS_EVERY_S = 10.0


def app(
    exchange: Exchange,
    faults: Faults,
    *,
    accepted_after_s: float = ACCEPTED_AFTER_S,
    idle_s: float = _IDLE_S,
    status_every_s: float = _STATUS_EVERY_S,
) -> web.Application:
    """The application that answers as Bithumb.

    ``accepted_after_s`` is how long an order is taken in before it can be asked about;
    ``idle_s`` how long a quiet socket may live; ``status_every_s`` how often ``UP`` is repeated.
    """
    desk, tapes = Desk(exchange, faults, _MANNERS), Tapes()
    made = web.Application()
    note_markets(exchange, BITHUMB, tapes, made)
    acceptance = Acceptance(accepted_after_s)
    desk.serve(made, [*_public_routes(exchange, tapes), *_private_routes(exchange, acceptance)])
    manners = SocketManners(
        BITHUMB_NAMES,
        "websocket-connect",
        idle_s,
        status_every_s,
        text_frames=True,
        alternates=True,
        limits_messages=False,
    )
    public = Narrator(exchange, tapes, _TONE).voice

    def private_of(request: web.Request) -> Voice:
        account, key = desk.holder(request, frozenset())
        desk.entitled(key, Permission.ORDERS)
        news = partial(_private_news, exchange, account)
        return Voice(PRIVATE_TYPES, lambda _: None, news, account)

    sockets = Sockets(desk, manners)
    made.router.add_get("/websocket/v1", sockets.handler(lambda _: public))
    # The private socket of the first version is closed; nothing answers under its path.
    made.router.add_get("/websocket/v2/private", sockets.handler(private_of))
    made.on_shutdown.append(sockets.close)
    return made


def _public_routes(exchange: Exchange, tapes: Tapes) -> list[PublicRoute]:
    common = CommonQuotes(exchange, BITHUMB, tapes, malformed)
    quotes = Quotes(exchange, common)
    return [
        PublicRoute("GET", "/v1/market/all", "public", quotes.markets),
        PublicRoute("GET", "/v1/market/virtual_asset_warning", "public", quotes.warnings),
        PublicRoute("GET", "/v1/notices", "public", quotes.notices),
        PublicRoute("GET", "/v1/orderbook", "public", quotes.orderbooks),
        PublicRoute("GET", "/v1/ticker", "public", common.tickers),
        PublicRoute("GET", "/v1/trades/ticks", "public", common.trades),
        PublicRoute("GET", "/v1/candles/minutes/{unit}", "public", common.minutes),
    ]


def _private_routes(exchange: Exchange, acceptance: Acceptance) -> list[PrivateRoute]:
    entry, orders = OrderEntry(exchange, acceptance), OrderDesk(exchange, acceptance)
    account = AccountDesk(exchange)
    place, cancel, query = Operation.PLACE, Operation.CANCEL, Operation.QUERY
    trade, look, view = Permission.TRADE, Permission.ORDERS, Permission.VIEW
    route = PrivateRoute
    return [
        route("POST", "/v2/orders", "order", place, trade, entry.place),
        route("POST", "/v2/orders/batch", "batch", place, trade, entry.place_several),
        route("DELETE", "/v2/order", "cancel", cancel, trade, entry.cancel),
        route("POST", "/v2/orders/cancel", "batch", cancel, trade, entry.cancel_several),
        route("GET", "/v1/order", "other", query, look, orders.one),
        route("POST", "/v2/orders/search", "other", query, look, orders.search),
        route("GET", "/v2/orders/pending", "other", query, look, orders.pending),
        route("GET", "/v2/orders/history", "other", query, look, orders.history),
        route("GET", "/v1/orders", "other", query, look, orders.legacy),
        route("GET", "/v1/orders/chance", "other", query, view, account.chance),
        route("GET", "/v1/accounts", "other", query, view, account.balances),
        *(
            route("GET", path, "other", query, Permission.WITHDRAW, account.withdrawals)
            for path in WITHDRAWAL_PATHS
        ),
    ]


def _private_news(
    exchange: Exchange, account: Account, event: SimEvent, wanted: Wanted
) -> list[Message]:
    """What concerns this account. Nothing is ever said on subscribing."""
    now_ns = exchange.now_ns(BITHUMB)
    match event:
        case OrderAccepted() | OrderFilled() | OrderEnded() if event.account == account.name:
            if wanted.type != MY_ORDER or wanted.code not in (None, event.order.symbol):
                return []
            match event:
                case OrderAccepted():
                    return [order_message(event.order, "wait", now_ns)]
                case OrderFilled():
                    return [order_message(event.order, "trade", now_ns, event.trade)]
                case OrderEnded():
                    return [_ending(exchange, account, event.order, now_ns)]
        case BalancesChanged() if event.account == account.name and wanted.type == MY_ASSET:
            assets = [
                {"currency": asset, "balance": balance.free, "locked": balance.locked}
                for asset, balance in event.balances.items()
            ]
            return [
                {
                    "type": MY_ASSET,
                    "assets": assets,
                    "asset_timestamp": in_ms(event.at_ns),
                    "timestamp": in_ms(now_ns),
                    "stream_type": "REALTIME",
                }
            ]
        case _:
            pass
    return []


def _ending(exchange: Exchange, account: Account, order: SimOrder, now_ns: int) -> Message:
    canceling = ""
    if order.cause is Cause.SELF_TRADE:
        canceling = facing(exchange.open_orders(account, order.instrument), order)
    return order_message(order, order_state(order), now_ns, canceling=canceling)
