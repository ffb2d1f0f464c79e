"""The local Bot API's socket: HTTP on a loopback port in front of a ``Telegram``.

In the loop of a test (``served``), in a thread beside one (``in_thread``), or as a process of its
own (``process.py``).
"""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import BodyPartReader, web

from tests.support.telegram.faults import Fault, FaultKind
from tests.support.telegram.methods import ApiError, Call, Upload, call
from tests.support.telegram.rooms import Request
from tests.support.telegram.state import Telegram

Control = Callable[[str, Mapping[str, Any]], Any]

_TOKEN_FORM = re.compile(r"[1-9]\d{4,}:[A-Za-z0-9_-]{30,}")
_MAX_BODY_BYTES = 50_000_000
_MAX_POLL_S = 50
_HASTY_S = 3.0
_TAKEN_OVER = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
_HAS_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
_WEBHOOK_SET = "Conflict: terminated by setWebhook request"


class TelegramServer:
    """Answers from a ``Telegram``, in one loop. Stop it and start it again to play an outage."""

    def __init__(self, api: Telegram, port: int = 0, control: Control | None = None) -> None:
        self.api = api
        self.port = port
        self._control = control
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poll: asyncio.Future[str] | None = None
        self._news = asyncio.Event()
        self._last_poll = (0, -1e9)
        self._recorded = 0

    async def start(self) -> None:
        """Listen; the same port again after a stop."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_post("/control/{name}", self._steer)
        app.router.add_route("*", "/{rest:.*}", _nothing_here)
        # Hanging answers are ended at once when the server stops, as a dying machine would.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.api.base = f"http://127.0.0.1:{self.port}"
        self.api.on_update.append(self._wake)

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        self.api.on_update.remove(self._wake)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _wake(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._news.set)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        asked = await _parameters(request)
        if not _TOKEN_FORM.fullmatch(token):
            return _error(404, "Not Found", {})
        known = Request(method, asked.text("chat_id"), self.api.clock.mono_ns())
        self.api.requests.append(known)
        response = await self._with_fault(self.api.faults.draw(method), request, method, asked)
        known.status = response.status
        return response

    async def _with_fault(
        self, fault: Fault | None, request: web.Request, method: str, asked: Call
    ) -> web.Response:
        if fault is None:
            return await self._result(request, method, asked)
        match fault.kind:
            case FaultKind.ERROR:
                return _error(fault.status, fault.description, fault.parameters)
            case FaultKind.RAW:
                return web.Response(status=fault.status, body=fault.body, content_type="text/html")
            case FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
                return await self._result(request, method, asked)
            case FaultKind.HANG | FaultKind.ACCEPT_HANG:
                if fault.kind is FaultKind.ACCEPT_HANG:
                    await self._result(request, method, asked)
                await asyncio.Event().wait()
            case FaultKind.ACCEPT_RESET:
                await self._result(request, method, asked)
        _reset(request)
        raise asyncio.CancelledError

    async def _result(self, request: web.Request, method: str, asked: Call) -> web.Response:
        if request.match_info["token"] != self.api.token:
            return _error(401, "Unauthorized", {})
        try:
            if method.lower() == "getupdates":
                result = await self._get_updates(asked)
            else:
                result = call(self.api, method, asked)
                if method.lower() == "setwebhook" and self.api.webhook_url:
                    self._end_poll(_WEBHOOK_SET)
        except ApiError as error:
            return _error(error.status, error.description, error.parameters)
        return web.json_response({"ok": True, "result": result})

    async def _get_updates(self, asked: Call) -> list[Any]:
        api = self.api
        if api.webhook_url:
            raise ApiError(409, _HAS_WEBHOOK)
        offset, limit = asked.number("offset"), asked.number("limit", 100)
        limit = limit if 1 <= limit <= 100 else 100
        timeout = float(min(max(asked.number("timeout"), 0), _MAX_POLL_S))
        allowed = asked.structure("allowed_updates")
        loop = asyncio.get_running_loop()
        # Telegram slows down whoever asks the same thing again at once.
        if self._last_poll[0] == offset and loop.time() < self._last_poll[1] + _HASTY_S:
            timeout = max(timeout, _HASTY_S)
        self._last_poll = (offset, loop.time())
        deadline = loop.time() + timeout
        with api.lock:
            if allowed is not None:
                api.updates.allow(allowed)
            found = self._take(offset, limit)
        if found or not timeout:
            return found
        return await self._long_poll(offset, limit, deadline)

    async def _long_poll(self, offset: int, limit: int, deadline: float) -> list[Any]:
        loop = asyncio.get_running_loop()
        self._end_poll(_TAKEN_OVER)
        ended: asyncio.Future[str] = loop.create_future()
        self._poll = ended
        self.api.polls += 1
        # A negative offset was resolved by the first look; looking again would forget more.
        offset = max(offset, 0)
        try:
            while True:
                self._news.clear()
                if found := self._take(offset, limit):
                    return found
                news = asyncio.ensure_future(self._news.wait())
                left = max(0.0, deadline - loop.time())
                either: set[asyncio.Future[Any]] = {news, ended}
                done, _ = await asyncio.wait(
                    either, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                news.cancel()
                if ended in done:
                    raise ApiError(409, ended.result())
                if not done:
                    return self._take(offset, limit)
        finally:
            self.api.polls -= 1
            if self._poll is ended:
                self._poll = None

    def _take(self, offset: int, limit: int) -> list[Any]:
        with self.api.lock:
            found = self.api.updates.take(offset, limit, self.api.now_s())
            if offset and offset != self._recorded:
                self._recorded = offset
                self.api.record({"e": "offset", "offset": offset})
        return found

    def _end_poll(self, why: str) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(why)

    async def _steer(self, request: web.Request) -> web.StreamResponse:
        if self._control is None:
            return _error(404, "Not Found", {})
        try:
            result = self._control(request.match_info["name"], await request.json())
        except (LookupError, TypeError, ValueError) as error:
            return _error(400, f"{type(error).__name__}: {error}", {})
        return web.json_response({"ok": True, "result": result})


@asynccontextmanager
async def served(api: Telegram | None = None, port: int = 0) -> AsyncIterator[Telegram]:
    """A server in this loop for the length of the block; its world, with ``base`` filled in."""
    server = TelegramServer(api if api is not None else Telegram(), port)
    await server.start()
    try:
        yield server.api
    finally:
        await server.stop()


@contextmanager
def in_thread(api: Telegram | None = None, port: int = 0) -> Iterator[Telegram]:
    """The same in a thread of its own, for tests that have no loop or must block theirs."""
    world = api if api is not None else Telegram()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()
    failures: list[BaseException] = []

    async def run() -> None:
        server = TelegramServer(world, port)
        await server.start()
        ready.set()
        await stopping.wait()
        await server.stop()

    def work() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:  # told by the test's own thread, below
            failures.append(error)
            raise
        finally:
            ready.set()
            # Answers that hang, whose connections have gone, wait for nothing any more.
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left))
            loop.close()

    thread = threading.Thread(target=work, name="telegram")
    thread.start()
    ready.wait()
    try:
        if failures:
            raise failures[0]
        yield world
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
        thread.join()


async def _nothing_here(_: web.Request) -> web.Response:
    return _error(404, "Not Found", {})


def _error(status: int, description: str, parameters: Mapping[str, int]) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = dict(parameters)
    return web.json_response(body, status=status)


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    # Closing with nothing to linger for sends a reset where a plain close would end politely.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _parameters(request: web.Request) -> Call:
    given: dict[str, Any] = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        try:
            given |= json.loads(await request.read() or b"{}")
        except (TypeError, ValueError):
            return Call(given)
    elif request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            content = bytes(await part.read(decode=True))
            if part.filename is not None:
                files[part.name or ""] = Upload(part.filename, content)
            else:
                given[part.name or ""] = content.decode()
    else:
        given |= {name: str(value) for name, value in (await request.post()).items()}
    return Call(given, files)
