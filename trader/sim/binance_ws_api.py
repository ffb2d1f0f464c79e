"""Binance's WebSocket API: the REST endpoints by name, sessions, and the user data stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import count
from typing import Any

import msgspec
from aiohttp import web

from trader.domain.instrument import BINANCE
from trader.sim import binance_auth as auth
from trader.sim import binance_errors as errors
from trader.sim import binance_limits as limits
from trader.sim.binance_call import (
    Call,
    Desk,
    Route,
    carry_out,
    check_permission,
    check_signed,
    owner_of,
)
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_limits import refusal_of
from trader.sim.binance_render import Json
from trader.sim.binance_routes import WEBSOCKET
from trader.sim.binance_socket import Socket, Timing, open_socket, turned_away
from trader.sim.binance_user_data import UserData
from trader.sim.faults import After, Before, Operation, Verdict
from trader.sim.lanes import Lane, StreamKind
from trader.sim.model import Account, ApiKey, KeyKind, Permission

_CONNECT_WEIGHT = 2
_PENDING_AT_MOST = 200
"""Requests of one connection that wait for a delay; one more closes it."""
_ACCESS = ("apiKey", "signature")


class Request(msgspec.Struct):
    """A frame of a client."""

    method: str
    id: int | str | None = None
    params: dict[str, msgspec.Raw] = {}


class WebSocketApi:
    """Every connection to the WebSocket API."""

    def __init__(self, desk: Desk, timing: Timing) -> None:
        self._desk = desk
        self._timing = timing
        self._user_data = UserData(desk)

    async def listening(self, _application: web.Application) -> AsyncIterator[None]:
        """Hear the exchange while the application runs."""
        end = self._desk.exchange.subscribe(BINANCE, self._user_data.hear)
        yield
        end()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``/ws-api/v3``."""
        refused = await turned_away(self._desk, request, _CONNECT_WEIGHT)
        if refused is not None:
            return refused
        socket = await open_socket(self._desk, request, self._timing)
        tells_limits = request.query.get("returnRateLimits", "true") != "false"
        session = _Session(self._desk, self._user_data, socket, request.remote or "", tells_limits)
        return await session.serve()


class _Session:
    """One connection: who logged on, what it subscribed to."""

    def __init__(
        self, desk: Desk, user_data: UserData, socket: Socket, address: str, tells_limits: bool
    ) -> None:
        self._desk = desk
        self._user_data = user_data
        self._socket = socket
        self._budget = desk.budgets.address(address)
        self._tells_limits = tells_limits
        self._since_ms = desk.now_ms
        self._logged_on: tuple[Account, ApiKey, int] | None = None
        self._subscriptions: dict[int, _Subscription] = {}
        self._numbers = count()
        self._pending: set[asyncio.Task[None]] = set()
        self._own: dict[str, Callable[[Mapping[str, str]], Json]] = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._list,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    async def serve(self) -> web.StreamResponse:
        try:
            await self._socket.run(self._take)
        finally:
            # What was received is carried out, though nobody is left to be told.
            for subscription in self._subscriptions.values():
                subscription.end()
        return self._socket.response

    def _take(self, message: str | bytes) -> None:
        try:
            request = msgspec.json.decode(message, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._refuse(None, errors.invalid_json())
            return
        if len(self._pending) >= _PENDING_AT_MOST:
            self._socket.abort()
            return
        task = asyncio.get_running_loop().create_task(self._answer(request))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _answer(self, request: Request) -> None:
        route = WEBSOCKET.get(request.method)
        operation = Operation.QUERY if route is None else route.operation
        verdict = self._desk.faults.on_request(BINANCE, operation)
        if verdict.delay_ms:
            await asyncio.sleep(verdict.delay_ms / 1_000)
        if self._turned_away(request, verdict):
            return
        try:
            result = self._carried_out(request, route, verdict)
        except BinanceRefusal as refusal:
            answer: Json = self._refusal(refusal)
        else:
            answer = {"status": 200, "result": result}
        if verdict.answer_delay_ms:
            await asyncio.sleep(verdict.answer_delay_ms / 1_000)
        match verdict.after:
            case After.ANSWER:
                self._say(request.id, answer)
            case After.ERROR:
                self._refuse(request.id, refusal_of(verdict, self._desk.now_ms))
            case After.CLOSE | After.RESET | After.HANG:
                self._socket.abort()

    def _turned_away(self, request: Request, verdict: Verdict) -> bool:
        match verdict.before:
            case Before.PROCEED:
                return False
            case Before.CLOSE | Before.RESET:
                self._socket.abort()
            case Before.ERROR | Before.TOO_MANY | Before.BANNED | Before.MAINTENANCE:
                self._refuse(request.id, refusal_of(verdict, self._desk.now_ms))
        return True

    def _carried_out(self, request: Request, route: Route | None, verdict: Verdict) -> object:
        params = {name: _as_text(raw) for name, raw in request.params.items()}
        if request.method.startswith(("userDataStream.start", "userDataStream.ping")):
            raise errors.gone()
        own = self._own.get(request.method)
        if own is not None:
            self._budget.spend(self._desk.now_ms, 2)
            return own(params)
        if route is None:
            raise errors.unknown_method(request.method)
        weight = route.weight(params)
        self._budget.spend(self._desk.now_ms, weight)
        if route.permission is None:
            call = Call(self._desk, params)
        else:
            account, key = self._asking(params)
            bare = {name: value for name, value in params.items() if name not in _ACCESS}
            call = Call(self._desk, bare, account, key, verdict.twist)
        done = carry_out(route, call)
        if route.free_when_done:
            self._budget.give_back(self._desk.now_ms, weight)
        return done

    def _asking(self, params: Mapping[str, str]) -> tuple[Account, ApiKey]:
        """Who signed this request, or else who logged on to this session."""
        if "apiKey" in params or "signature" in params or self._logged_on is None:
            return self._signed(params)
        auth.check_time(params, self._desk.now_ms)
        account, key, _ = self._logged_on
        return account, key

    def _signed(self, params: Mapping[str, str]) -> tuple[Account, ApiKey]:
        if "apiKey" not in params:
            raise errors.missing("apiKey")
        account, key = owner_of(self._desk, params["apiKey"])
        auth.check_time(params, self._desk.now_ms)
        payload = auth.websocket_payload(params)
        check_signed(key, payload, params.get("signature"), encoded=False)
        check_permission(key, Permission.VIEW, self._desk.now_ns)
        return account, key

    # Sessions

    def _log_on(self, params: Mapping[str, str]) -> Json:
        account, key = self._signed(params)
        if key.kind is not KeyKind.ED25519:
            raise errors.hmac_session()
        self._logged_on = account, key, self._desk.now_ms
        return self._status({})

    def _log_out(self, _params: Mapping[str, str]) -> Json:
        self._logged_on = None
        for number in [n for n, it in self._subscriptions.items() if it.by_session]:
            self._end(number)
        return self._status({})

    def _status(self, _params: Mapping[str, str]) -> Json:
        key = None if self._logged_on is None else self._logged_on[1].access
        since = None if self._logged_on is None else self._logged_on[2]
        return {
            "apiKey": key,
            "authorizedSince": since,
            "connectedSince": self._since_ms,
            "returnRateLimits": self._tells_limits,
            "serverTime": self._desk.now_ms,
            "userDataStream": bool(self._subscriptions),
        }

    # The user data stream

    def _subscribe(self, _params: Mapping[str, str]) -> Json:
        if self._logged_on is None:
            raise errors.not_logged_on()
        return self._begin(self._logged_on[0], by_session=True)

    def _subscribe_signed(self, params: Mapping[str, str]) -> Json:
        return self._begin(self._signed(params)[0], by_session=False)

    def _begin(self, account: Account, *, by_session: bool) -> Json:
        if any(it.account == account.name for it in self._subscriptions.values()):
            raise errors.already_subscribed()
        number = next(self._numbers)
        lane = self._desk.faults.lane(
            BINANCE, StreamKind.PRIVATE, self._socket.send, self._socket.shut_down
        )

        def deliver(event: Json) -> None:
            lane.push(msgspec.json.encode({"subscriptionId": number, "event": event}))

        end = self._user_data.subscribe(account.name, deliver)
        self._subscriptions[number] = _Subscription(account.name, by_session, lane, end)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Mapping[str, str]) -> Json:
        stated = params.get("subscriptionId")
        if stated is not None and not (stated.isdigit() and int(stated) in self._subscriptions):
            raise errors.not_subscribed()
        if not self._subscriptions:
            raise errors.not_subscribed()
        for number in [*self._subscriptions] if stated is None else [int(stated)]:
            self._end(number)
        return {}

    def _list(self, _params: Mapping[str, str]) -> Json:
        return {"subscriptions": [{"subscriptionId": number} for number in self._subscriptions]}

    def _end(self, number: int) -> None:
        self._subscriptions.pop(number).end()
        event = {"e": "eventStreamTerminated", "E": self._desk.now_ms}
        self._socket.send_json({"subscriptionId": number, "event": event})

    # Answers

    def _refuse(self, number: object, refusal: BinanceRefusal) -> None:
        self._say(number, self._refusal(refusal))

    def _refusal(self, refusal: BinanceRefusal) -> Json:
        error: dict[str, Any] = {"code": refusal.code, "msg": refusal.msg}
        wait_s = dict(refusal.headers).get("Retry-After")
        if wait_s is not None:
            now_ms = self._desk.now_ms
            error["data"] = {"serverTime": now_ms, "retryAfter": now_ms + int(wait_s) * 1_000}
        return {"status": refusal.status, "error": error}

    def _say(self, number: object, answer: Json) -> None:
        told = {"id": number, **answer}
        if self._tells_limits:
            rule = limits.rules()[0]
            told["rateLimits"] = [rule | {"count": self._budget.used(self._desk.now_ms)}]
        self._socket.send_json(told)


class _Subscription:
    """One account heard on one connection."""

    def __init__(
        self, account: str, by_session: bool, lane: Lane[bytes], end: Callable[[], None]
    ) -> None:
        self.account = account
        self.by_session = by_session
        self._lane = lane
        self._end = end

    def end(self) -> None:
        """Hear no more."""
        self._end()
        self._lane.close()


def _as_text(raw: msgspec.Raw) -> str:
    """A parameter as it enters the signed text: strings without quotes, the rest as written."""
    token = bytes(raw)
    return msgspec.json.decode(token, type=str) if token.startswith(b'"') else token.decode()
