"""The table of Binance's endpoints: parameters, weights, permissions."""

from collections.abc import Callable, Mapping

from trader.sim import binance_account as account
from trader.sim import binance_market as market
from trader.sim import binance_orders as orders
from trader.sim import binance_placing as placing
from trader.sim.binance_call import Route, route
from trader.sim.faults import Operation
from trader.sim.model import Permission

_VIEW, _TRADE = Permission.VIEW, Permission.TRADE
_SPAN = "startTime endTime limit"


def _cheaper_with(name: str, low: int, high: int) -> Callable[[Mapping[str, str]], int]:
    return lambda params: low if name in params else high


def _test_weight(params: Mapping[str, str]) -> int:
    return 20 if params.get("computeCommissionRates") == "true" else 1


TIME = route("GET", "/api/v3/time", market.server_time)
PING = route("GET", "/api/v3/ping", market.ping)
PLACE = route(
    "POST",
    "/api/v3/order",
    placing.place,
    accepts=placing.PLACE_PARAMETERS,
    permission=_TRADE,
    operation=Operation.PLACE,
    free_when_done=True,
)
TEST = route(
    "POST",
    "/api/v3/order/test",
    placing.test,
    accepts=f"{placing.PLACE_PARAMETERS} computeCommissionRates",
    weight=_test_weight,
    permission=_TRADE,
)
CANCEL = route(
    "DELETE",
    "/api/v3/order",
    orders.cancel,
    accepts=orders.CANCEL_PARAMETERS,
    permission=_TRADE,
    operation=Operation.CANCEL,
    free_when_done=True,
)
CANCEL_ALL = route(
    "DELETE",
    "/api/v3/openOrders",
    orders.cancel_all,
    accepts="symbol",
    permission=_TRADE,
    operation=Operation.CANCEL,
    free_when_done=True,
)
QUERY = route(
    "GET",
    "/api/v3/order",
    orders.query,
    accepts="symbol orderId origClientOrderId",
    weight=4,
    permission=_VIEW,
)
OPEN_ORDERS = route(
    "GET",
    "/api/v3/openOrders",
    orders.open_orders,
    accepts="symbol",
    weight=_cheaper_with("symbol", 6, 80),
    permission=_VIEW,
)
ALL_ORDERS = route(
    "GET",
    "/api/v3/allOrders",
    orders.all_orders,
    accepts=f"symbol orderId {_SPAN}",
    weight=20,
    permission=_VIEW,
)
MY_TRADES = route(
    "GET",
    "/api/v3/myTrades",
    orders.my_trades,
    accepts=f"symbol orderId fromId {_SPAN}",
    weight=_cheaper_with("orderId", 5, 20),
    permission=_VIEW,
)
ACCOUNT = route(
    "GET",
    "/api/v3/account",
    account.account,
    accepts="omitZeroBalances",
    weight=20,
    permission=_VIEW,
)
COMMISSION = route(
    "GET",
    "/api/v3/account/commission",
    account.commission,
    accepts="symbol",
    weight=20,
    permission=_VIEW,
)
ORDER_COUNTS = route(
    "GET", "/api/v3/rateLimit/order", account.order_counts, weight=40, permission=_VIEW
)
RESTRICTIONS = route(
    "GET", "/sapi/v1/account/apiRestrictions", account.restrictions, permission=_VIEW
)
COINS = route("GET", "/sapi/v1/capital/config/getall", account.coins, weight=10, permission=_VIEW)
MARGIN_PAIRS = tuple(
    route(
        "GET", f"/sapi/v1/margin/{path}", account.margin_pairs, accepts="symbol", permission=_VIEW
    )
    for path in ("allPairs", "isolated/allPairs")
)
EXCHANGE_INFO = route(
    "GET",
    "/api/v3/exchangeInfo",
    market.exchange_info,
    accepts=market.INFO_PARAMETERS,
    weight=20,
)
DEPTH = route(
    "GET",
    "/api/v3/depth",
    market.depth,
    accepts=market.DEPTH_PARAMETERS,
    weight=market.depth_weight,
)

_PUBLIC: tuple[Route, ...] = (
    TIME,
    PING,
    EXCHANGE_INFO,
    DEPTH,
    route(
        "GET",
        "/api/v3/ticker/bookTicker",
        market.book_ticker,
        accepts=market.SEVERAL_PARAMETERS,
        weight=_cheaper_with("symbol", 2, 4),
    ),
    route(
        "GET",
        "/api/v3/ticker/price",
        market.price,
        accepts=market.SEVERAL_PARAMETERS,
        weight=_cheaper_with("symbol", 2, 4),
    ),
    route(
        "GET",
        "/api/v3/ticker/24hr",
        market.day_ticker,
        accepts=f"{market.SEVERAL_PARAMETERS} type",
        weight=_cheaper_with("symbol", 2, 80),
    ),
    route("GET", "/api/v3/trades", market.trades, accepts="symbol limit", weight=25),
    route(
        "GET",
        "/api/v3/aggTrades",
        market.aggregate_trades,
        accepts="symbol fromId startTime endTime limit",
        weight=4,
    ),
    route("GET", "/api/v3/avgPrice", market.average_price, accepts="symbol", weight=2),
    route(
        "GET",
        "/api/v3/klines",
        market.klines,
        accepts="symbol interval startTime endTime timeZone limit",
        weight=2,
    ),
    route("GET", "/sapi/v1/system/status", market.system_status),
)
_RETIRED = tuple(
    route(method, "/api/v3/userDataStream", market.retired, accepts="listenKey", weight=2)
    for method in ("POST", "PUT", "DELETE")
)
_SIGNED: tuple[Route, ...] = (
    PLACE,
    TEST,
    CANCEL,
    CANCEL_ALL,
    QUERY,
    OPEN_ORDERS,
    ALL_ORDERS,
    MY_TRADES,
    ACCOUNT,
    COMMISSION,
    ORDER_COUNTS,
    RESTRICTIONS,
    COINS,
    *MARGIN_PAIRS,
)
REST = (*_PUBLIC, *_RETIRED, *_SIGNED)
"""Every endpoint under its HTTP path."""

WEBSOCKET: dict[str, Route] = {
    "ping": PING,
    "time": TIME,
    "exchangeInfo": EXCHANGE_INFO,
    "depth": DEPTH,
    "order.place": PLACE,
    "order.test": TEST,
    "order.cancel": CANCEL,
    "order.status": QUERY,
    "openOrders.status": OPEN_ORDERS,
    "openOrders.cancelAll": CANCEL_ALL,
    "allOrders": ALL_ORDERS,
    "myTrades": MY_TRADES,
    "account.status": ACCOUNT,
    "account.commission": COMMISSION,
    "account.rateLimits.orders": ORDER_COUNTS,
}
"""The same endpoints by their names in the WebSocket API."""
