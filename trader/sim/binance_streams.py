"""Binance's market streams over WebSocket: raw and combined, with live subscription."""

import asyncio
import time
from typing import Any

import msgspec
from aiohttp import web

from trader.domain.instrument import BINANCE
from trader.sim.binance_call import Desk
from trader.sim.binance_render import Json
from trader.sim.binance_socket import Socket, Timing, open_socket, turned_away
from trader.sim.binance_subscriptions import (
    FAST_NS,
    BestStream,
    BookStream,
    StreamName,
    aggregate_frame,
    parse,
    trade_frame,
)
from trader.sim.lanes import StreamKind
from trader.sim.model import Book, BookChanged, OrderFilled, RawFrame, SimEvent

_MAX_STREAMS = 1_024
_DEPTH_PULSE_S = FAST_NS / 1e9 / 2


class MarketStreams:
    """Every connection to the market streams."""

    def __init__(self, desk: Desk, timing: Timing) -> None:
        self._desk = desk
        self._timing = timing

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """``/ws/<stream>`` and ``/ws``: events as they are."""
        names = request.match_info.get("streams", "")
        return await self._serve(request, names, combined=False)

    async def combined(self, request: web.Request) -> web.StreamResponse:
        """``/stream?streams=a/b``: events wrapped in the name of their stream."""
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve(
        self, request: web.Request, names: str, *, combined: bool
    ) -> web.StreamResponse:
        refused = await turned_away(self._desk, request)
        if refused is not None:
            return refused
        asked = [name for name in names.split("/") if name]
        if len(asked) > _MAX_STREAMS:
            return web.Response(status=400, text="too many streams")
        micro = request.query.get("timeUnit", "").upper() == "MICROSECOND"
        socket = await open_socket(self._desk, request, self._timing, in_stream=combined)
        connection = _Connection(self._desk, socket, combined=combined, micro=micro)
        return await connection.serve(asked)


class _Connection:
    def __init__(self, desk: Desk, socket: Socket, *, combined: bool, micro: bool) -> None:
        self._desk = desk
        self._socket = socket
        self._combined = combined
        self._ns_per_unit = 1_000 if micro else 1_000_000
        self._names: dict[str, StreamName | None] = {}
        self._books: dict[str, BookStream] = {}
        self._bests: dict[str, BestStream] = {}
        self._lane = desk.faults.lane(BINANCE, StreamKind.PUBLIC, socket.send, self._cut)

    async def serve(self, asked: list[str]) -> web.StreamResponse:
        self._subscribe(asked)
        end = self._desk.exchange.subscribe(BINANCE, self._hear)
        pulse = asyncio.get_running_loop().create_task(self._beat())
        try:
            await self._socket.run(self._take)
        finally:
            end()
            pulse.cancel()
            self._lane.close()
        return self._socket.response

    # What the client says

    def _take(self, message: str | bytes) -> None:
        try:
            asked = msgspec.json.decode(message, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._refuse(3, "Invalid JSON: expected value at line 1 column 1", None)
            return
        number = asked.get("id")
        method, params = asked.get("method"), asked.get("params", [])
        if not isinstance(method, str):
            self._refuse(2, "Invalid request: method must be a string", number)
        elif method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            if not isinstance(params, list) or not all(isinstance(it, str) for it in params):
                self._refuse(2, "Invalid request: params must be an array of strings", number)
            elif method == "UNSUBSCRIBE":
                self._unsubscribe(params)
                self._answer(None, number)
            elif len(self._names) + len(params) > _MAX_STREAMS:
                self._refuse(2, "Invalid request: too many streams", number)
            else:
                self._subscribe(params)
                self._answer(None, number)
        elif method == "LIST_SUBSCRIPTIONS":
            self._answer(list(self._names), number)
        elif method == "GET_PROPERTY":
            self._answer(self._combined, number)
        elif method == "SET_PROPERTY" and isinstance(params, list) and len(params) == 2:
            self._combined = params[1] is True
            self._answer(None, number)
        else:
            self._refuse(2, f"Invalid request: unknown variant {method}", number)

    def _answer(self, result: object, number: object) -> None:
        self._socket.send_json({"result": result, "id": number})

    def _refuse(self, code: int, msg: str, number: object) -> None:
        self._socket.send_json({"error": {"code": code, "msg": msg}, "id": number})

    def _subscribe(self, names: list[str]) -> None:
        """Names that no stream has are taken too, and stay silent, as Binance does it."""
        for name in names:
            if name in self._names:
                continue
            stream = self._names[name] = parse(name)
            if stream is None:
                continue
            listing = self._desk.exchange.listing(BINANCE, stream.symbol)
            book = None if listing is None else self._desk.exchange.book(listing.id)
            if stream.kind == "depth":
                self._books[name] = BookStream(stream, book)
            elif stream.kind == "bookTicker":
                self._bests[name] = BestStream(stream.symbol, book)

    def _unsubscribe(self, names: list[str]) -> None:
        for name in names:
            for kept in (self._names, self._books, self._bests):
                kept.pop(name, None)

    # What the exchange says

    def _hear(self, event: SimEvent) -> None:
        if isinstance(event, BookChanged):
            for name, best in self._bests.items():
                if self._is_of(name, event.symbol):
                    self._push(name, best.frame(event.book))
        elif isinstance(event, OrderFilled):
            self._push_trade(event)
        elif isinstance(event, RawFrame):
            self._push_recorded(event.text)

    def _push_trade(self, event: OrderFilled) -> None:
        for name, stream in self._names.items():
            if stream is None or stream.symbol != event.order.symbol:
                continue
            tell = {"trade": trade_frame, "aggTrade": aggregate_frame}.get(stream.kind)
            if tell is not None:
                self._push(name, tell(stream.symbol, event.trade, self._desk.now_ns, self._time))

    def _push_recorded(self, text: str) -> None:
        """A recorded combined message, to those who asked for its stream."""
        message = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if "stream" not in message or "data" not in message:
            self._lane.push(text.encode())
            return
        if msgspec.json.decode(message["stream"], type=str) in self._names:
            self._lane.push(text.encode() if self._combined else bytes(message["data"]))

    async def _beat(self) -> None:
        """Depth frames come in step, twice as often looked for as the fastest is sent."""
        while True:
            await asyncio.sleep(_DEPTH_PULSE_S)
            now_ns, mono_ns = self._desk.now_ns, time.monotonic_ns()
            for name, stream in list(self._books.items()):
                self._push(name, stream.frame(self._book_of(name), now_ns, mono_ns, self._time))

    def _book_of(self, name: str) -> Book | None:
        stream = self._names[name]
        listing = None if stream is None else self._desk.exchange.listing(BINANCE, stream.symbol)
        return None if listing is None else self._desk.exchange.book(listing.id)

    def _is_of(self, name: str, symbol: str) -> bool:
        stream = self._names[name]
        return stream is not None and stream.symbol == symbol

    def _push(self, name: str, frame: Json | None) -> None:
        if frame is not None:
            content = {"stream": name, "data": frame} if self._combined else frame
            self._lane.push(msgspec.json.encode(content))

    def _cut(self, close_code: int) -> None:
        self._socket.shut_down(close_code)

    def _time(self, at_ns: int) -> int:
        return at_ns // self._ns_per_unit
