"""A WebSocket venue for tests: what came is kept, what it says is the test's."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import cast

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.runtime import SystemClock
from trader.wire.socket import Ending, Heard, Send, SocketKeeper, SocketRules


class Peer:
    """One connection as the venue sees it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        request = cast(Request, connection.request)
        self.path = request.path
        self.headers = {name.lower(): text for name, text in request.headers.raw_items()}
        self.frames: list[tuple[float, str | bytes]] = []
        self.is_open = True


class SocketVenue:
    """Accepts every connection unless ``refusals`` says otherwise."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.refusals: list[tuple[int, Mapping[str, str]]] = []
        self.attempts: list[float] = []
        self.greeting: list[str | bytes] = []
        self.url = ""

    @property
    def last(self) -> Peer:
        """The newest connection."""
        return self.peers[-1]

    async def say(self, *frames: str | bytes) -> None:
        """Send frames on the newest connection."""
        for frame in frames:
            await self.last.connection.send(frame)

    async def serve(self, connection: ServerConnection) -> None:
        """One connection, until it is closed."""
        peer = Peer(connection)
        self.peers.append(peer)
        with suppress(ConnectionClosed):
            for frame in self.greeting:
                await connection.send(frame)
            async for frame in connection:
                peer.frames.append((asyncio.get_running_loop().time(), frame))
        peer.is_open = False

    def judge(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a handshake through, or not."""
        del request
        self.attempts.append(asyncio.get_running_loop().time())
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        response = connection.respond(HTTPStatus(status), "no\n")
        for name, text in headers.items():
            response.headers[name] = text
        return response


@asynccontextmanager
async def a_socket_venue() -> AsyncIterator[SocketVenue]:
    """A venue on a free loopback port."""
    venue = SocketVenue()
    async with serve(
        venue.serve,
        "127.0.0.1",
        0,
        process_request=venue.judge,
        ping_interval=None,
        compression=None,
        close_timeout=0.5,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        venue.url = f"ws://127.0.0.1:{port}"
        yield venue


class Listener:
    """A socket's user. ``data...`` is data, ``bad`` is invalid, ``end`` ends, ``bug`` is a bug."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.hello: tuple[str, ...] = ()
        self.log: list[str] = []
        self.stamps: list[Stamp] = []
        self.faults: list[Exception] = []
        self.send: Send = lambda _: None
        self.opened = 0

    def address(self) -> str:
        """The venue's, with a path of the connection's own."""
        return f"{self.url}/ws/{self.opened}"

    def headers(self) -> Mapping[str, str]:
        """Something made anew for each connection."""
        return {"Authorization": f"Bearer {self.opened}"}

    def on_open(self, send: Send) -> None:
        """Say hello."""
        self.send = send
        self.opened += 1
        self.log.append("open")
        for frame in self.hello:
            send(frame)

    def on_frame(self, frame: bytes | str, stamp: Stamp) -> Heard | Ending:
        """By what it begins with."""
        text = frame if isinstance(frame, str) else frame.decode()
        if text == "bad":
            raise FrameInvalid("bad frame")
        if text == "bug":
            raise KeyError("bug")
        if text == "end":
            return Ending("the venue said so")
        self.log.append(text)
        self.stamps.append(stamp)
        return Heard.DATA if text.startswith("data") else Heard.OTHER

    def on_lost(self, reason: str) -> None:
        """Note it."""
        self.log.append(f"lost: {reason}")

    def on_fault(self, error: Exception) -> None:
        """Note it."""
        self.faults.append(error)


@asynccontextmanager
async def kept(user: Listener, rules: SocketRules) -> AsyncIterator[SocketKeeper]:
    """A keeper that runs."""
    keeper = SocketKeeper("test", user, rules, SystemClock())
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait({task})
