"""One message over plain HTTP, to Telegram or a webhook: past the outbox, for scripts.

Blocks its thread for about ``timeout_s``. No error raised here holds the token, the webhook's
address, or anything chained that does.
"""

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

from trader.credentials import MASK, Secret, mask_tokens
from trader.domain.errors import TraderError

TELEGRAM_API = "https://api.telegram.org"
MAX_MESSAGE_UNITS = 4_096
"""Telegram counts UTF-16 units, of which most emoji take two."""

_MAX_ANSWER_BYTES = 65_536
_MAX_REASON_CHARS = 200
_HINTS = {
    400: "check the chat id",
    401: "check the bot token",
    403: "the bot may not write to this chat: write to it first, or invite it",
    404: "check the bot token and alert.telegram.api_base",
}


class DirectSendFailed(TraderError):
    """The message was not accepted; the text says why and holds no secret."""

    def __init__(
        self, reason: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class TelegramTarget(Struct, frozen=True):
    """Where a message goes: the bot, the chat, and the topic in it where there is one."""

    token: Secret
    chat_id: str
    topic_id: int | None = None
    api_base: str = TELEGRAM_API


def send_telegram(
    target: TelegramTarget, text: str, timeout_s: float, *, silent: bool = False
) -> None:
    """Send one plain message; cut to what Telegram takes. Never retried here.

    Raises:
        DirectSendFailed: it was not accepted, or no answer came in time.
    """
    message: dict[str, object] = {
        "chat_id": target.chat_id,
        # Without a parse mode nothing in the text is markup, so nothing needs escaping.
        "text": _fitted(text),
        "disable_notification": silent,
        "link_preview_options": {"is_disabled": True},
    }
    if target.topic_id is not None:
        message["message_thread_id"] = target.topic_id
    token = target.token.reveal()
    url = f"{target.api_base.rstrip('/')}/bot{quote(token, safe=':')}/sendMessage"
    status, answer = _post(url, message, timeout_s, "Telegram", token)
    if status == 200 and answer.get("ok") is True:
        return
    raise _refused(status, answer, token)


def send_webhook(url: Secret, payload: Mapping[str, object], timeout_s: float) -> None:
    """POST ``payload`` as JSON; any 2xx answer will do. Never retried here.

    Raises:
        DirectSendFailed: it was not accepted, or no answer came in time.
    """
    status, _ = _post(url.reveal(), payload, timeout_s, "webhook", url.reveal())
    if not 200 <= status < 300:
        raise DirectSendFailed(f"webhook answered {status}", status=status)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token in the address to another host."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing; the answer then counts as an error."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _post(
    url: str, payload: Mapping[str, object], timeout_s: float, whom: str, secret: str
) -> tuple[int, Mapping[str, object]]:
    """Status and decoded JSON object of the answer; empty where it is none."""
    request: urllib.request.Request | None = None
    with contextlib.suppress(ValueError):
        request = urllib.request.Request(
            url,
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
    if request is None or request.type not in ("http", "https"):
        raise DirectSendFailed(f"{whom}: the address is not an http:// or https:// one")
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            return response.status, _decoded(response.read(_MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _answer_of(error)
    # None of these is chained: their texts and attributes may hold the address with the token.
    except TimeoutError:
        reason = f"no answer within {timeout_s:g} s"
    except urllib.error.URLError as error:
        timed_out = isinstance(error.reason, TimeoutError)
        reason = f"no answer within {timeout_s:g} s" if timed_out else str(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = type(error).__name__
    raise DirectSendFailed(f"{whom} not reached: {_clean(reason, secret)}")


def _answer_of(error: urllib.error.HTTPError) -> Mapping[str, object]:
    try:
        return _decoded(error.read(_MAX_ANSWER_BYTES))
    except (OSError, http.client.HTTPException):
        return {}


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refused(status: int, answer: Mapping[str, object], token: str) -> DirectSendFailed:
    parameters = answer.get("parameters")
    details = parameters if isinstance(parameters, dict) else {}
    parts = [f"Telegram answered {status}"]
    description = answer.get("description")
    if isinstance(description, str) and description:
        parts.append(_clean(description, token))
    if "migrate_to_chat_id" in details:
        parts.append(_clean(f"the group's new chat id is {details['migrate_to_chat_id']}", token))
    elif status in _HINTS:
        parts.append(_HINTS[status])
    retry_after = details.get("retry_after")
    retry_after_s = float(retry_after) if isinstance(retry_after, int | float) else None
    if retry_after_s is not None:
        parts.append(f"retry after {retry_after_s:g} s")
    return DirectSendFailed("; ".join(parts), status=status, retry_after_s=retry_after_s)


def _clean(text: str, secret: str) -> str:
    for spelling in {secret, quote(secret, safe=":"), quote(secret)} - {""}:
        text = text.replace(spelling, MASK)
    printable = "".join(char if char.isprintable() else " " for char in mask_tokens(text))
    return printable[:_MAX_REASON_CHARS]


def _fitted(text: str) -> str:
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * MAX_MESSAGE_UNITS:
        return text
    return encoded[: 2 * (MAX_MESSAGE_UNITS - 1)].decode("utf-16-le", "ignore") + "…"
