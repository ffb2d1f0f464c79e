"""The simulator's Binance face: its REST endpoints, market streams and WebSocket API.

What each endpoint does is in the ``binance_*`` files beside this one; here requests arrive, are
weighed, authenticated and answered.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from aiohttp import web

from trader.domain.instrument import BINANCE
from trader.sim import binance_auth as auth
from trader.sim import faulty
from trader.sim.binance_call import Call, Desk, Route, carry_out, check_signed, owner_of
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_limits import Budgets, refusal_of
from trader.sim.binance_routes import REST
from trader.sim.binance_socket import USUAL, Timing
from trader.sim.binance_streams import MarketStreams
from trader.sim.binance_ws_api import WebSocketApi
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults, Twist, Verdict
from trader.sim.model import OrderFilled, SimEvent

_MAX_BODY = 64 * 1024
_FORM = "application/x-www-form-urlencoded"


def app(exchange: Exchange, faults: Faults, timing: Timing = USUAL) -> web.Application:
    """Binance at its own paths: ``/api/v3``, ``/sapi/v1``, ``/ws``, ``/stream``, ``/ws-api/v3``."""
    desk = Desk(exchange, faults, Budgets())
    application = web.Application(client_max_size=_MAX_BODY)
    for route in REST:
        application.router.add_route(route.method, route.path, _handler(desk, route))
    streams = MarketStreams(desk, timing)
    # Orders come by the dozen here: the WebSocket API counts weight, not messages.
    api = WebSocketApi(desk, msgspec.structs.replace(timing, messages_per_s=0))
    application.router.add_get("/ws", streams.raw)
    application.router.add_get("/ws/{streams:.+}", streams.raw)
    application.router.add_get("/stream", streams.combined)
    application.router.add_get("/ws-api/v3", api.serve)
    application.cleanup_ctx.append(_counting_fills(desk))
    application.cleanup_ctx.append(api.listening)
    return application


def _handler(desk: Desk, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()

        async def work(twist: Twist) -> web.Response:
            return _answer(desk, route, request, body, twist)

        def refuse(verdict: Verdict) -> web.Response:
            return _refused(desk, request, refusal_of(verdict, desk.now_ms))

        return await faulty.answer(request, desk.faults, BINANCE, route.operation, work, refuse)

    return handle


def _answer(
    desk: Desk, route: Route, request: web.Request, body: bytes, twist: Twist
) -> web.Response:
    """Weigh, authenticate and carry out one request."""
    address = desk.budgets.address(request.remote or "")
    now_ms = desk.now_ms
    try:
        query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
        form = _form(request, body)
        params = auth.parameters_of(query, form)
        weight = route.weight(params)
        address.spend(now_ms, weight)
        call = _call(desk, route, request, query, form, params, twist)
        done = carry_out(route, call)
    except BinanceRefusal as refusal:
        return _refused(desk, request, refusal)
    if route.free_when_done:
        address.give_back(now_ms, weight)
    headers = _weight_headers(desk, request)
    if route.free_when_done and call.account is not None:
        ten_s, day = desk.budgets.orders(call.account.name).counts(desk.now_ms)
        headers |= {"X-MBX-ORDER-COUNT-10S": str(ten_s), "X-MBX-ORDER-COUNT-1D": str(day)}
    return _json(200, msgspec.json.encode(done), headers)


def _call(
    desk: Desk,
    route: Route,
    request: web.Request,
    query: bytes,
    form: bytes,
    params: dict[str, str],
    twist: Twist,
) -> Call:
    if route.permission is None:
        return Call(desk, params)
    account, key = owner_of(desk, request.headers.get("X-MBX-APIKEY"))
    auth.check_time(params, desk.now_ms)
    payload = auth.payload_of(query, form)
    check_signed(key, payload.signed, payload.signature, encoded=True)
    return Call(desk, params, account, key, twist)


def _form(request: web.Request, body: bytes) -> bytes:
    """The body's parameters; only a form has any, and a GET's body is not looked at."""
    if request.method == "GET" or not body:
        return b""
    if request.content_type != _FORM:
        raise BinanceRefusal(-1102, "Parameters of the body must be form-encoded.", status=400)
    return body


def _refused(desk: Desk, request: web.Request, refusal: BinanceRefusal) -> web.Response:
    headers = _weight_headers(desk, request) | dict(refusal.headers)
    return _json(refusal.status, refusal.body, headers)


def _weight_headers(desk: Desk, request: web.Request) -> dict[str, str]:
    used = str(desk.budgets.address(request.remote or "").used(desk.now_ms))
    return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}


def _json(status: int, body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=body, headers=headers, content_type="application/json", charset="utf-8"
    )


def _counting_fills(desk: Desk) -> Callable[[web.Application], AsyncIterator[None]]:
    """Give an order's place in the order count back with its first fill."""

    def hear(event: SimEvent) -> None:
        if isinstance(event, OrderFilled) and event.order.executed == event.trade.quantity:
            desk.budgets.orders(event.account).count(desk.now_ms, -1)

    async def context(_application: web.Application) -> AsyncIterator[None]:
        end = desk.exchange.subscribe(BINANCE, hear)
        yield
        end()

    return context
