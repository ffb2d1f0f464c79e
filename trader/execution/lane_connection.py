"""One order connection: HTTP/1.1 over a socket of its own, one request at a time, one write each.

It knows bytes and answers, not orders. Whatever is odd ends the connection: a fresh one is cheap,
and an answer that might belong to another request is worth nothing.
"""

import asyncio
import re
import select
from collections.abc import Callable
from enum import Enum, auto
from typing import cast
from urllib.parse import urlsplit

import httptools

from trader.domain.errors import ConfigError, VenueUnavailable
from trader.wire.http import HttpAnswer, HttpRequest

MAX_ANSWER_BYTES = 1 << 20
_LINE = re.compile(r"[\x20-\x7e]*")
_TARGET = re.compile(r"/[\x21-\x7e]*")
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

Ended = Callable[[HttpAnswer | str], None]
"""Called once for each request: with the whole answer, or with why there is none."""


class Origin:
    """Where a venue's orders go, and how a request looks on the wire there."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{base_url!r} is no http or https address")
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._netloc = parts.netloc.rpartition("@")[2]

    def encode(self, request: HttpRequest) -> bytes:
        """The request's bytes, all of them.

        Raises:
            ValueError: a line of it could be taken for two.
        """
        target = self._prefix + request.target
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {self._netloc}"]
        lines += [f"{name}: {text}" for name, text in request.headers]
        if not any(name.lower() == "user-agent" for name, _ in request.headers):
            lines.append("User-Agent: trader")
        if request.body or request.method in _METHODS_WITH_BODY:
            lines.append(f"Content-Length: {len(request.body)}")
        if not _TARGET.fullmatch(target) or not all(map(_LINE.fullmatch, lines)):
            raise ValueError(f"{request.method}: a header or the target is not plain ASCII")
        return "\r\n".join((*lines, "", "")).encode("ascii") + request.body


class _Use(Enum):
    NEW = auto()
    FREE = auto()
    CLAIMED = auto()
    WAITING = auto()


class LaneConnection(asyncio.Protocol):
    """The protocol of one connection. ``closed`` is set when it is of no more use."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._transport: asyncio.Transport | None = None
        self._descriptor = -1
        self._use = _Use.NEW
        self._ended: Ended | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: HttpAnswer | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._received = 0
        self._keeps_open = self._is_overlong = False
        self.used_s = now_s()
        """When it last carried an answer, on the loop's clock."""
        self.closed = asyncio.Event()

    # what the lane does with it

    @property
    def is_open(self) -> bool:
        """Whether it stands, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    def is_free(self) -> bool:
        """Whether a request written now would be the only one, on a peer that has not hung up.

        Looks at the socket itself: a goodbye that lies there unread would make the next request
        one whose outcome nobody knows.
        """
        transport = self._transport
        return (
            self._use is _Use.FREE
            and transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
            and not _is_readable(self._descriptor)
        )

    def claim(self) -> bool:
        """Reserve it for one request; False if it is not to be had."""
        if not (self.is_free() or (self._use is _Use.NEW and self.is_open)):
            return False
        self._use = _Use.CLAIMED
        return True

    def give_up_claim(self) -> None:
        """Nothing will be written after all."""
        if self._use is _Use.CLAIMED:
            self._use = _Use.FREE

    def exchange(self, request: bytes, ended: Ended) -> None:
        """Write a request, whole and at once, on a claimed connection.

        Raises:
            VenueUnavailable: nothing was written.
        """
        transport = self._transport
        if self._use is not _Use.CLAIMED or transport is None or transport.is_closing():
            raise VenueUnavailable("the order connection closed before anything was written")
        self._use = _Use.WAITING
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._answer = None
        self._received = 0
        self._keeps_open = self._is_overlong = False
        transport.write(request)

    def abort(self) -> None:
        """Close at once; nothing that is still in a buffer leaves."""
        if self._transport is not None:
            self._transport.abort()
        self.closed.set()

    # what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)
        self._descriptor = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; anything nobody asked for ends the connection."""
        if self._use is not _Use.WAITING or self._parser is None:
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(f"the answer is no HTTP: {type(error).__name__}")
            return
        if self._received > MAX_ANSWER_BYTES:
            self._end(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        elif self._answer is not None:
            self._complete(self._answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end("closed before a whole answer" if exc is None else f"lost: {_name(exc)}")

    # what the parser tells

    def on_message_begin(self) -> None:
        """An answer begins; a second one to a single question is none."""
        if self._answer is not None:
            self._is_overlong = True
        self._headers = {}
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """An answer is whole; one that only says to wait is not the answer."""
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status >= 200 and self._answer is None:
            self._answer = HttpAnswer(status, self._headers, b"".join(self._body))
            self._keeps_open = self._parser.should_keep_alive()

    def _complete(self, answer: HttpAnswer) -> None:
        ended, self._ended, self._parser = self._ended, None, None
        self.used_s = self._now_s()
        if self._keeps_open and not self._is_overlong:
            self._use = _Use.FREE
        else:
            self.abort()
        if ended is not None:
            ended(answer)

    def _end(self, reason: str) -> None:
        """Of no more use; whoever waits hears why."""
        ended, self._ended, self._parser = self._ended, None, None
        self.abort()
        if ended is not None:
            ended(reason)


def _is_readable(descriptor: int) -> bool:
    """Whether something lies there to be read: bytes nobody asked for, or the peer's goodbye."""
    if descriptor < 0:
        return True
    # poll and not select, which knows no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _name(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return type(error).__name__ if number is None else f"{type(error).__name__} errno {number}"
