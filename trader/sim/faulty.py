"""Carries out one request under the faults in force, so that no face repeats the branching."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from trader.domain.instrument import Venue
from trader.sim.faults import After, Before, Faults, Operation, Twist, Verdict

_MAINTENANCE_PAGE = "<html><body><h1>503 Service under maintenance</h1></body></html>"
_RST_ON_CLOSE = struct.pack("ii", 1, 0)


async def answer(
    request: web.Request,
    faults: Faults,
    venue: Venue,
    operation: Operation,
    work: Callable[[Twist], Awaitable[web.Response]],
    refusal: Callable[[Verdict], web.Response],
) -> web.StreamResponse:
    """Answer one request as a venue with faults would.

    ``work`` does it (its twist goes to ``Exchange.place``); ``refusal`` says TOO_MANY, BANNED or
    ERROR in the venue's own words from the verdict's status and ``retry_after_s``. Read the
    request's body before calling. For the handshake of a WebSocket ask ``faults.on_request``
    yourself and use :func:`turned_away`.
    """
    verdict = faults.on_request(venue, operation)
    if verdict.delay_ms:
        await asyncio.sleep(verdict.delay_ms / 1_000)
    refused = turned_away(request, verdict, refusal)
    if refused is not None:
        return refused
    done = await work(verdict.twist)
    if verdict.answer_delay_ms:
        await asyncio.sleep(verdict.answer_delay_ms / 1_000)
    match verdict.after:
        case After.ANSWER:
            return done
        case After.ERROR:
            return refusal(verdict)
        case After.RESET:
            return _closed(request, abruptly=True)
        case After.CLOSE | After.HANG:
            return _closed(request, abruptly=False)


def turned_away(
    request: web.Request, verdict: Verdict, refusal: Callable[[Verdict], web.Response]
) -> web.Response | None:
    """The answer to a request that is not to be carried out; None for one that is."""
    match verdict.before:
        case Before.PROCEED:
            return None
        case Before.CLOSE | Before.RESET:
            return _closed(request, abruptly=verdict.before is Before.RESET)
        case Before.MAINTENANCE:
            return web.Response(status=503, text=_MAINTENANCE_PAGE, content_type="text/html")
        case Before.ERROR | Before.TOO_MANY | Before.BANNED:
            return refusal(verdict)


def _closed(request: web.Request, *, abruptly: bool) -> web.Response:
    """Close the connection under the client; what is returned is never sent."""
    transport = request.transport
    if transport is not None:
        if abruptly:
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        transport.abort()
    return web.Response(status=500)
