"""One WebSocket of a Korean venue: subscriptions, keep-alive, limits, frames through a lane."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from msgspec import Struct

from trader.sim.faults import Operation
from trader.sim.faulty import turned_away
from trader.sim.korean_desk import Desk, failed
from trader.sim.korean_frames import Message, Names, rendered
from trader.sim.korean_limits import Budgets, RateGroup
from trader.sim.korean_params import Failure
from trader.sim.korean_requests import (
    StreamRequest,
    Wanted,
    WrongRequest,
    read_request,
)
from trader.sim.lanes import StreamKind
from trader.sim.model import Account, RawFrame, SimEvent

_UP = b'{"status":"UP"}'
_QUEUE_FRAMES = 10_000
_CLOSED_WITHIN_S = 1.0
_MAX_REQUEST_BYTES = 1 << 20
_MESSAGE_GROUPS = {"second": RateGroup(5), "minute": RateGroup(100, 60)}


class SocketManners(Struct, frozen=True):
    """How a venue's sockets differ.

    ``status_every_s`` is how often ``UP`` is repeated after a text PING, 0 for once;
    ``text_frames`` sends data as text; ``alternates`` writes numbers as text in every other frame.
    """

    names: Names
    connect_group: str
    idle_s: float
    status_every_s: float = 0.0
    text_frames: bool = False
    alternates: bool = False
    limits_messages: bool = True


class Voice(Struct, frozen=True):
    """What a socket can say: the types it serves and the messages it makes.

    ``account`` is whose socket it is; None for a public one.
    """

    types: frozenset[str]
    snapshot: Callable[[Wanted], Message | None]
    news: Callable[[SimEvent, Wanted], list[Message]]
    account: Account | None = None


class Connection:
    """A connected client. ``run`` ends when it goes, is idle, or is cut."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        desk: Desk,
        voice: Voice,
        manners: SocketManners,
    ):
        """Subscribed to nothing yet. ``transport`` is cut off when a close does not get through."""
        self._ws = ws
        self._transport = transport
        self._desk = desk
        self._voice = voice
        self._manners = manners
        self._request = StreamRequest(ticket="")
        self._outgoing: asyncio.Queue[bytes | int] = asyncio.Queue(_QUEUE_FRAMES)
        self._budgets = Budgets(_MESSAGE_GROUPS)
        self._frames = 0
        self._active_ns = time.monotonic_ns()
        self._status: asyncio.TimerHandle | None = None
        self._cut_with = 0
        self._abort: asyncio.TimerHandle | None = None
        kind = StreamKind.PUBLIC if voice.account is None else StreamKind.PRIVATE
        self._lane = desk.faults.lane(desk.venue, kind, self._queue, self.cut)

    async def run(self) -> None:
        """Serve the client until one side ends it."""
        unsubscribe = self._desk.exchange.subscribe(self._desk.venue, self._hear)
        sender = asyncio.create_task(self._send())
        try:
            await self._listen()
        finally:
            unsubscribe()
            self._lane.close()
            for timer in (self._status, self._abort):
                if timer is not None:
                    timer.cancel()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _listen(self) -> None:
        while not self._ws.closed:
            idle_s = (time.monotonic_ns() - self._active_ns) / 1e9
            try:
                message = await self._ws.receive(max(self._manners.idle_s - idle_s, 0.01))
            except TimeoutError:
                if (time.monotonic_ns() - self._active_ns) / 1e9 < self._manners.idle_s:
                    continue
                await self._ws.close(code=WSCloseCode.OK)
                return
            self._active_ns = time.monotonic_ns()
            match message.type:
                case WSMsgType.PING:
                    await self._ws.pong(message.data)
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    self._take(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return

    def _take(self, frame: str | bytes) -> None:
        if not self._may_speak():
            return
        if frame in ("PING", b"PING"):
            self._say_up()
            return
        try:
            request = read_request(frame, self._voice.types)
        except WrongRequest as wrong:
            error = {"error": {"name": wrong.name, "message": wrong.message}}
            self._queue(msgspec.json.encode(error))
            return
        if request.method:
            self._queue(_subscriptions(self._request, request.ticket))
            return
        # A new request replaces the old set as a whole.
        self._request = request
        for wanted in request.wanted:
            message = self._voice.snapshot(wanted) if wanted.snapshot else None
            if message is not None:
                self._push(message)

    def _may_speak(self) -> bool:
        if not self._manners.limits_messages:
            return True
        now_ns = time.monotonic_ns()
        if all(self._budgets.spend(group, "", now_ns).allowed for group in _MESSAGE_GROUPS):
            return True
        self.cut(WSCloseCode.POLICY_VIOLATION)
        return False

    def _hear(self, event: SimEvent) -> None:
        if isinstance(event, RawFrame):
            if self._voice.account is None and self._request.wanted:
                self._lane.push(event.text.encode())
            return
        for wanted in self._request.wanted:
            if not wanted.realtime:
                continue
            for message in self._voice.news(event, wanted):
                self._push(message)

    def _push(self, message: Message) -> None:
        strings = self._manners.alternates and bool(self._frames % 2)
        self._frames += 1
        form = self._request.format
        self._lane.push(rendered(message, form, self._manners.names, strings=strings))

    def _say_up(self) -> None:
        self._queue(_UP)
        if self._status is not None:
            self._status.cancel()
        if self._manners.status_every_s:
            loop = asyncio.get_running_loop()
            self._status = loop.call_later(self._manners.status_every_s, self._say_up)

    def _queue(self, frame: bytes) -> None:
        if self._outgoing.full():
            # A client that does not read is dropped; it would only hear of a past long gone.
            self.cut(WSCloseCode.TRY_AGAIN_LATER)
            return
        self._outgoing.put_nowait(frame)

    def cut(self, code: int) -> None:
        """Close with this code, after what is queued already."""
        if self._cut_with:
            return
        self._cut_with = code
        if self._transport is not None:
            # A client that reads nothing does not read the close either.
            loop = asyncio.get_running_loop()
            self._abort = loop.call_later(_CLOSED_WITHIN_S, self._transport.abort)
        while self._outgoing.full():
            self._outgoing.get_nowait()
        self._outgoing.put_nowait(code)

    async def _send(self) -> None:
        while True:
            frame = await self._outgoing.get()
            try:
                if isinstance(frame, int):
                    await self._ws.close(code=frame)
                    return
                if self._manners.text_frames:
                    await self._ws.send_str(frame.decode())
                else:
                    await self._ws.send_bytes(frame)
            except ConnectionError:
                return
            self._active_ns = time.monotonic_ns()


class Sockets:
    """Every WebSocket of one venue."""

    def __init__(self, desk: Desk, manners: SocketManners):
        """None connected yet."""
        self._desk = desk
        self._manners = manners
        self._open: set[Connection] = set()

    def handler(
        self, voice_of: Callable[[web.Request], Voice]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What aiohttp is to call; ``voice_of`` raises ``Failure`` for whom it denies."""

        async def handle(request: web.Request) -> web.StreamResponse:
            desk = self._desk
            verdict = desk.faults.on_request(desk.venue, Operation.STREAM)
            if verdict.delay_ms:
                await asyncio.sleep(verdict.delay_ms / 1_000)
            refused = turned_away(request, verdict, desk.refusal)
            if refused is not None:
                return refused
            try:
                desk.admit(request, self._manners.connect_group)
                voice = voice_of(request)
            except Failure as failure:
                done = failed(failure)
                return web.json_response(done.body, status=done.status)
            ws = web.WebSocketResponse(autoping=False, max_msg_size=_MAX_REQUEST_BYTES)
            await ws.prepare(request)
            connection = Connection(ws, request.transport, desk, voice, self._manners)
            self._open.add(connection)
            try:
                await connection.run()
            finally:
                self._open.discard(connection)
            return ws

        return handle

    async def close(self, _: web.Application) -> None:
        """End every connection: the application is about to."""
        for connection in [*self._open]:
            connection.cut(WSCloseCode.GOING_AWAY)


def _subscriptions(current: StreamRequest, ticket: str) -> bytes:
    kinds: dict[str, list[Wanted]] = {}
    for wanted in current.wanted:
        kinds.setdefault(wanted.type, []).append(wanted)
    simple = current.format.is_simple
    result: list[Mapping[str, object]] = []
    for kind, group in kinds.items():
        entry: dict[str, object] = {"ty" if simple else "type": kind}
        codes = [wanted.asked for wanted in group if wanted.code is not None]
        if codes:
            entry["cds" if simple else "codes"] = codes
        result.append(entry)
    names = ("mthd", "rslt", "tckt") if simple else ("method", "result", "ticket")
    body = dict(zip(names, ("LIST_SUBSCRIPTIONS", result, ticket), strict=True))
    return msgspec.json.encode([body] if current.format.is_list else body)
