"""Upbit as its clients meet it: REST under ``/v1``, sockets under ``/websocket/v1``.

Written from exchange fact sheet section 1 alone, so that it judges the connector independently.
"""

from collections.abc import AsyncIterator, Callable
from functools import partial
from uuid import uuid4

from aiohttp import web

from trader.domain.instrument import UPBIT
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults, Operation
from trader.sim.korean_auth import UPBIT_TOKENS
from trader.sim.korean_desk import Desk, Manners, PrivateRoute, PublicRoute
from trader.sim.korean_frames import UPBIT_NAMES, Message
from trader.sim.korean_limits import RateGroup
from trader.sim.korean_market import as_decimal, orderbook_fields, ticker_message, trade_fields
from trader.sim.korean_params import in_ms
from trader.sim.korean_requests import (
    ANNOUNCEMENT,
    MY_ASSET,
    MY_ORDER,
    ORDERBOOK,
    PRIVATE_TYPES,
    PUBLIC_TYPES,
    TICKER,
    TRADE,
    Wanted,
)
from trader.sim.korean_socket import SocketManners, Voice, socket_handler
from trader.sim.korean_tape import Tapes
from trader.sim.model import (
    Account,
    BalancesChanged,
    Book,
    BookChanged,
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
    manners = SocketManners(UPBIT_NAMES, "websocket-connect", idle_s)
    public = Voice(PUBLIC_TYPES, partial(_snapshot, exchange, tapes), partial(_news, tapes))

    def private_of(request: web.Request) -> Voice:
        account, key = desk.holder(request, frozenset())
        desk.entitled(key, Permission.ORDERS)
        return Voice(
            PRIVATE_TYPES | {ANNOUNCEMENT},
            lambda _: None,
            partial(_private_news, exchange, account),
            account,
        )

    made.router.add_get("/websocket/v1", socket_handler(desk, manners, lambda _: public))
    made.router.add_get("/websocket/v1/private", socket_handler(desk, manners, private_of))
    made.cleanup_ctx.append(noting(exchange, tapes))
    return made


def noting(exchange: Exchange, tapes: Tapes) -> Callable[[web.Application], AsyncIterator[None]]:
    """Keeps tapes while the application runs."""
    # From the start and not from the first request: a tape must not miss what came before.
    for listing in exchange.listings(UPBIT):
        book = exchange.book(listing.id)
        if book is not None:
            tapes.of(listing.symbol).note_book(book)
    unsubscribe = exchange.subscribe(UPBIT, tapes.hear)

    async def context(_: web.Application) -> AsyncIterator[None]:
        yield
        unsubscribe()

    return context


def _public_routes(exchange: Exchange, tapes: Tapes) -> list[PublicRoute]:
    quotes = Quotes(exchange, tapes)
    return [
        PublicRoute("GET", "/v1/market/all", "market", quotes.markets),
        PublicRoute("GET", "/v1/orderbook", "orderbook", quotes.orderbooks),
        PublicRoute("GET", "/v1/orderbook/instruments", "orderbook", quotes.instruments),
        PublicRoute("GET", "/v1/ticker", "ticker", quotes.tickers),
        PublicRoute("GET", "/v1/ticker/all", "ticker", quotes.tickers_by_quote),
        PublicRoute("GET", "/v1/trades/ticks", "trade", quotes.trades),
        PublicRoute("GET", "/v1/candles/minutes/{unit}", "candle", quotes.minutes),
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
        route("GET", "/v1/withdraws", "default", query, Permission.WITHDRAW, account.withdrawals),
    ]


def _snapshot(exchange: Exchange, tapes: Tapes, wanted: Wanted) -> Message | None:
    code = wanted.code or ""
    listing = exchange.listing(UPBIT, code)
    tape = tapes.of(code) if listing is not None else None
    if tape is None or tape.book is None or tape.last is None:
        return None
    now_ns = exchange.now_ns(UPBIT)
    match wanted.type:
        case "orderbook":
            return _book_message(code, tape.book, wanted, "SNAPSHOT")
        case "trade":
            fields = trade_fields(tape, tape.last, as_decimal)
            return _head(TRADE, code) | fields | _tail(now_ns, "SNAPSHOT")
        case _:
            fields = ticker_message(tape, now_ns)
            return _head(TICKER, code) | fields | _tail(now_ns, "SNAPSHOT")


def _news(tapes: Tapes, event: SimEvent, wanted: Wanted) -> list[Message]:
    match event:
        case BookChanged() if event.symbol == wanted.code:
            if wanted.type == ORDERBOOK:
                return [_book_message(event.symbol, event.book, wanted, "REALTIME")]
            if wanted.type == TICKER:
                at_ns = event.book.at_ns
                fields = ticker_message(tapes.of(event.symbol), at_ns)
                return [_head(TICKER, event.symbol) | fields | _tail(at_ns, "REALTIME")]
        case OrderFilled() if event.order.symbol == wanted.code and wanted.type == TRADE:
            tape = tapes.of(event.order.symbol)
            if tape.last is not None:
                fields = trade_fields(tape, tape.last, as_decimal)
                tail = _tail(event.trade.at_ns, "REALTIME")
                return [_head(TRADE, event.order.symbol) | fields | tail]
        case _:
            pass
    return []


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
            head: Message = {"type": MY_ASSET, "asset_uuid": str(uuid4()), "assets": assets}
            return [{**head, "asset_timestamp": in_ms(event.at_ns), **_tail(now_ns, "REALTIME")}]
        case _:
            pass
    return []


def _book_message(code: str, book: Book, wanted: Wanted, stream: str) -> Message:
    fields = orderbook_fields(book, wanted.depth, wanted.level, as_decimal)
    head = _head(ORDERBOOK, code) | {"timestamp": in_ms(book.at_ns)}
    return head | fields | {"level": as_decimal(float(wanted.level)), "stream_type": stream}


def _head(kind: str, code: str) -> dict[str, object]:
    return {"type": kind, "code": code}


def _tail(at_ns: int, stream: str) -> dict[str, object]:
    return {"timestamp": in_ms(at_ns), "stream_type": stream}
