"""How aiohttp is made to do what is asked once, and nothing of its own accord.

By itself it follows redirects, keeps cookies, obeys proxies named in the environment, and sends a
GET, PUT or DELETE again when a kept connection turns out to be closed.
"""

import ssl
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import aiohttp

from trader.domain.errors import OutcomeUnknown, VenueUnavailable

_RESOLVE_TTL_S = 30
_RESOLVE_NAMES = 16


class Attempt:
    """What is known of one request: whether it ``may_have_left``."""

    def __init__(self) -> None:
        self.may_have_left = False


def open_session(
    tls: ssl.SSLContext, connections: int, connect_timeout_s: float
) -> aiohttp.ClientSession:
    """A session for one venue. Must be called on the running loop."""
    connector = aiohttp.TCPConnector(
        ssl=tls,
        limit=connections,
        ttl_dns_cache=_RESOLVE_TTL_S,
        dns_cache_max_size=_RESOLVE_NAMES,
        keepalive_timeout=15.0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s),
        skip_auto_headers=("Accept-Encoding", "Content-Type"),
        trace_configs=[_watching()],
        middlewares=(_once_only,),
    )


async def _once_only(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """Turn what aiohttp would answer by sending again into our own errors, which it lets pass."""
    try:
        response = await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        # Its text may hold the whole signed address.
        raise VenueUnavailable(f"no connection: {_kind(error)}") from None
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise OutcomeUnknown(f"connection broke: {_kind(error)}") from None
    if 300 <= response.status < 400 and response.status != 304:
        location = response.headers.get("Location", "")[:100]
        response.close()
        raise OutcomeUnknown(f"redirected ({response.status}) to {location!r}, not followed")
    return response


def _watching() -> aiohttp.TraceConfig:
    """From the moment a connection was found the request counts as having left."""
    watch = aiohttp.TraceConfig()

    async def found(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        attempt = context.trace_request_ctx
        if isinstance(attempt, Attempt):
            attempt.may_have_left = True

    watch.on_connection_create_end.append(found)
    watch.on_connection_reuseconn.append(found)
    return watch


def _kind(error: Exception) -> str:
    """The error's name, with the system's own word for it where it has one."""
    number = getattr(error, "errno", None)
    return type(error).__name__ if number is None else f"{type(error).__name__} errno {number}"
