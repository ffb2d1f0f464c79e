"""HttpClient: one request of a venue, asked once, within its budget. Orders have their own lane.

aiohttp is imported with the first request, so that a start that asks nothing does not wait.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from trader.domain.clock import Clock
from trader.domain.errors import HeldBack, OutcomeUnknown, VenueUnavailable
from trader.wire.budget import Budget
from trader.wire.http import HttpAnswer, HttpRequest
from trader.wire.tls import trusted

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

    from trader.wire.session import Attempt

MAX_ANSWER_BYTES = 8 << 20
_CONNECTIONS = 4
_CLOSE_TIMEOUT_S = 1.0


class HttpClient:
    """Asks one venue at ``base_url``: nothing is sent twice or redirected, no cookie is kept."""

    def __init__(
        self,
        base_url: str,
        budget: Budget,
        clock: Clock,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._budget = budget
        self._clock = clock
        self._timeout_s = timeout_s
        self._tls = tls
        self._session: ClientSession | None = None

    async def __call__(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status.

        Raises:
            VenueUnavailable: it did not leave; no connection, or the budget or a ban forbids it.
            OutcomeUnknown: it may have left, and no whole answer came in time.
        """
        asked = self._clock.now()
        wait_s = self._budget.take(request.group, request.weight, asked)
        if wait_s > 0:
            what = f"{_name(request)}: held back for {wait_s:.1f} s by the budget"
            raise HeldBack(what, wait_s)
        try:
            answer = await self._ask(request)
        except VenueUnavailable:
            self._budget.give_back(request.group, request.weight, asked)
            raise
        self._budget.heard(request.group, answer, asked, self._clock.now())
        return answer

    async def close(self) -> None:
        """Close every connection. The client may be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await session.close()

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        from aiohttp import ClientError

        from trader.wire.session import Attempt

        attempt = Attempt()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(request, attempt)
        except (OutcomeUnknown, VenueUnavailable) as error:
            raise type(error)(f"{_name(request)}: {error}") from None
        except (ClientError, OSError, ValueError) as error:
            # Not chained: aiohttp's errors may quote the signed address.
            what = f"{_name(request)}: {type(error).__name__}"
            if attempt.may_have_left:
                raise OutcomeUnknown(what) from None
            raise VenueUnavailable(what) from None

    async def _exchange(self, request: HttpRequest, attempt: "Attempt") -> HttpAnswer:
        from yarl import URL

        async with self._opened().request(
            request.method,
            URL(self._base_url + request.target, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as response:
            body = await _read(response)
            headers = {name.lower(): text for name, text in response.headers.items()}
            return HttpAnswer(response.status, headers, body)

    def _opened(self) -> "ClientSession":
        if self._session is None:
            from trader.wire.session import open_session

            tls = trusted() if self._tls is None else self._tls
            self._session = open_session(tls, _CONNECTIONS, self._timeout_s)
        return self._session


async def _read(response: "ClientResponse") -> bytes:
    """The whole body.

    Raises:
        OutcomeUnknown: it is larger than any honest answer.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            response.close()
            raise OutcomeUnknown(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _name(request: HttpRequest) -> str:
    """The request without its query, which may be signed."""
    return f"{request.method} {request.target.partition('?')[0]}"
