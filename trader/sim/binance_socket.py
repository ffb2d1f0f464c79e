"""One WebSocket as Binance keeps it: pings, message limit, a day's life, a bounded queue out."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from trader.domain.instrument import BINANCE
from trader.sim import faulty
from trader.sim.binance_call import Desk
from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_limits import refusal_of
from trader.sim.faults import Operation, Verdict

PING_EVERY_S = 20.0
PONG_WITHIN_S = 60.0
LIFE_S = 86_400.0
MESSAGES_PER_S = 5
_QUEUED_AT_MOST = 10_000
MAX_INCOMING = 64 * 1024
"""Bytes a client's message may have."""


class Timing(msgspec.Struct, frozen=True):
    """How long things last on a connection, in seconds; tests shorten them."""

    ping_every_s: float = PING_EVERY_S
    pong_within_s: float = PONG_WITHIN_S
    life_s: float = LIFE_S
    messages_per_s: int = MESSAGES_PER_S
    """Frames a client may send within one second, pings and pongs among them; 0 is any number."""


USUAL = Timing()


class Socket:
    """A connection that is open, and the frames on their way out of it.

    ``in_stream`` where every event carries the name of its stream.
    """

    def __init__(
        self,
        desk: Desk,
        request: web.Request,
        ws: web.WebSocketResponse,
        timing: Timing,
        *,
        in_stream: bool,
    ) -> None:
        self._in_stream = in_stream
        self._desk = desk
        self._request = request
        self._ws = ws
        self._timing = timing
        self._out: asyncio.Queue[bytes | int] = asyncio.Queue(_QUEUED_AT_MOST)
        self._arrivals: deque[float] = deque(maxlen=max(timing.messages_per_s, 1))
        self._last_pong = 0.0

    def send(self, frame: bytes) -> None:
        """Queue a text frame; a reader too slow for the bound is cut off."""
        try:
            self._out.put_nowait(frame)
        except asyncio.QueueFull:
            self.abort()

    def send_json(self, content: object) -> None:
        """Queue a message."""
        self.send(msgspec.json.encode(content))

    def shut_down(self, close_code: int) -> None:
        """Announce the end where it is an orderly one (1001), then close."""
        if close_code == WSCloseCode.GOING_AWAY:
            event = {"e": "serverShutdown", "E": self._desk.now_ms}
            wrapped = {"stream": "!serverShutdown", "data": event}
            self.send_json(wrapped if self._in_stream else event)
        self.close(close_code)

    def close(self, close_code: int) -> None:
        """Close once everything queued is out; 1006 is no handshake at all."""
        if close_code == WSCloseCode.ABNORMAL_CLOSURE:
            self.abort()
            return
        try:
            self._out.put_nowait(close_code)
        except asyncio.QueueFull:
            self.abort()

    def abort(self) -> None:
        """Drop the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    @property
    def response(self) -> web.WebSocketResponse:
        """What the handler returns once the connection has ended."""
        return self._ws

    async def run(self, hear: Callable[[str | bytes], None]) -> None:
        """Serve the connection until it ends; ``hear`` gets each message of the client."""
        loop = asyncio.get_running_loop()
        self._last_pong = loop.time()
        tasks = [loop.create_task(self._write()), loop.create_task(self._ping())]
        lifetime = loop.call_later(self._timing.life_s, self.shut_down, WSCloseCode.GOING_AWAY)
        try:
            async for message in self._ws:
                if not await self._took(message, hear):
                    break
        finally:
            lifetime.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _took(self, message: WSMessage, hear: Callable[[str | bytes], None]) -> bool:
        if self._is_flooded():
            await self._ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
            return False
        if message.type is WSMsgType.PING:
            await self._ws.pong(message.data)
        elif message.type is WSMsgType.PONG:
            self._last_pong = asyncio.get_running_loop().time()
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            hear(message.data)
        return True

    def _is_flooded(self) -> bool:
        if not self._timing.messages_per_s:
            return False
        now = asyncio.get_running_loop().time()
        full = len(self._arrivals) == self._timing.messages_per_s
        flooded = full and now - self._arrivals[0] < 1.0
        self._arrivals.append(now)
        return flooded

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                frame = await self._out.get()
                if isinstance(frame, int):
                    await self._ws.close(code=frame)
                    return
                await self._ws.send_str(frame.decode())

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(self._timing.ping_every_s)
                if loop.time() - self._last_pong > self._timing.pong_within_s:
                    self.abort()
                    return
                await self._ws.ping(str(self._desk.now_ms).encode())


async def open_socket(
    desk: Desk, request: web.Request, timing: Timing, *, in_stream: bool = False
) -> Socket:
    """Accept the handshake."""
    ws = web.WebSocketResponse(autoping=False, max_msg_size=MAX_INCOMING, compress=False)
    await ws.prepare(request)
    return Socket(desk, request, ws, timing, in_stream=in_stream)


async def turned_away(
    desk: Desk, request: web.Request, weight: int = 0
) -> web.StreamResponse | None:
    """The answer to a handshake that a fault or a limit refuses; None for one that may go on."""

    def refuse(verdict: Verdict) -> web.Response:
        return _refused(refusal_of(verdict, desk.now_ms))

    verdict = desk.faults.on_request(BINANCE, Operation.STREAM)
    if verdict.delay_ms:
        await asyncio.sleep(verdict.delay_ms / 1_000)
    refused = faulty.turned_away(request, verdict, refuse)
    if refused is not None:
        return refused
    try:
        desk.budgets.address(request.remote or "").connect(desk.now_ms, weight)
    except BinanceRefusal as refusal:
        return _refused(refusal)
    return None


def _refused(refusal: BinanceRefusal) -> web.Response:
    return web.Response(
        status=refusal.status,
        body=refusal.body,
        headers=dict(refusal.headers),
        content_type="application/json",
    )
