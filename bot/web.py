"""Plain HTTP to addresses of the operator's: the webhook and the dead man's switch.

Such an address is a secret of its own, so no text raised here holds it, nor anything chained.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, InvalidURL

from bot.messenger import SendFailed


class Hidden(Protocol):
    """Text that only this module needs to see."""

    def reveal(self) -> str:
        """The text itself."""
        ...


async def post(url: Hidden, payload: Mapping[str, object], timeout_s: float) -> None:
    """POST ``payload`` as JSON. Any 2xx is acceptance; redirects are not followed.

    Raises:
        SendFailed: it was not accepted, or no answer came within ``timeout_s``.
    """
    await _asked("POST", url, timeout_s, "webhook", payload)


async def fetch(url: Hidden, timeout_s: float) -> None:
    """GET an address for the sake of the visit. Any 2xx will do; redirects are not followed.

    Raises:
        SendFailed: another answer, or none within ``timeout_s``.
    """
    await _asked("GET", url, timeout_s, "dead man's switch", None)


def why(error: OSError) -> str:
    """What the operating system says of a connection that failed, without the address."""
    # The error's own text names host and port; below zero are those of name resolution.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__


async def _asked(
    method: str, url: Hidden, timeout_s: float, whom: str, payload: Mapping[str, object] | None
) -> None:
    try:
        async with (
            asyncio.timeout(timeout_s),
            ClientSession(timeout=ClientTimeout(total=timeout_s)) as session,
            session.request(method, url.reveal(), json=payload, allow_redirects=False) as response,
        ):
            status = response.status
        reason = None if 200 <= status < 300 else f"{whom} answered {status}"
    except TimeoutError:
        reason = f"{whom} did not answer within {timeout_s:g} s"
    except InvalidURL:
        reason = f"{whom}: the address is not an http:// or https:// one"
    except ClientConnectorError as error:
        reason = f"{whom} not reached: {why(error.os_error)}"
    except (ClientError, OSError, ValueError) as error:
        reason = f"{whom} not reached: {type(error).__name__}"
    # Raised out here, so that nothing hangs on it that may hold the address.
    if reason is not None:
        raise SendFailed(reason)
