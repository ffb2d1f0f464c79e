"""One WebSocket connection from its handshake to its end; ``socket.py`` decides about the next."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

import structlog
from msgspec import Struct

from trader.domain.clock import Clock, Stamp
from trader.domain.errors import FrameInvalid, InvariantBroken, OutcomeUnknown, VenueUnavailable

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientWebSocketResponse

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_NS = 1_000_000_000
_CLOSE_TIMEOUT_S = 0.5
_SEND_TIMEOUT_S = 10.0
_MAX_UNSENT = 64
_YIELD_FRAMES = 32

Send = Callable[[str], None]
"""Queues a text frame, to be sent as soon as the venue's pace allows."""


class Heard(Enum):
    """What a frame was: data proves that the stream lives, anything else does not."""

    DATA = auto()
    OTHER = auto()


class Ending(Struct, frozen=True):
    """The frame says that this connection is over; it is left at once."""

    reason: str


class SocketUser(Protocol):
    """Whose connection it is. Everything is called synchronously on the loop."""

    def address(self) -> str:
        """Where to connect."""
        ...

    def headers(self) -> Mapping[str, str]:
        """Headers of the handshake, made anew for each connection."""
        ...

    def on_open(self, send: Send) -> None:
        """A connection stands. Where connections overlap, the last one may still speak."""
        ...

    def on_frame(self, frame: bytes | str, stamp: Stamp) -> Heard | Ending:
        """A text or binary frame was read at ``stamp``.

        Raises:
            FrameInvalid: it does not decode; counted, logged at most once a second, dropped.
        """
        ...

    def on_lost(self, reason: str) -> None:
        """The connection is gone, and nothing of the next has been heard yet."""
        ...

    def on_fault(self, error: Exception) -> None:
        """One of these functions raised what it must not. The connection is renewed."""
        ...


class SocketRules(Struct, frozen=True):
    """How a connection is kept. Seconds throughout."""

    silence_s: float | None
    """Without data for so long it is dead; None where silence is usual (private streams)."""
    keepalive: str | None = None
    """A text frame to send when nothing else was sent for ``keepalive_s``."""
    keepalive_s: float = 25.0
    ping_s: float = 20.0
    """A protocol ping when nothing came for so long; dead when half of that brings no pong."""
    max_life_s: float = 23 * 3600.0
    overlaps: bool = False
    """Whether, at the end of its life, the next one is heard before this one is closed."""
    open_timeout_s: float = 10.0
    send_gap_s: float = 0.25
    """Between any two frames we send."""
    max_frame_bytes: int = 1 << 20


class SocketCounts:
    """What happened so far, for metrics."""

    def __init__(self) -> None:
        self.frames = self.invalid = self.opened = self.failed = self.lost = self.rotated = 0
        self._complained_ns: int | None = None

    def count_invalid(self, error: FrameInvalid, now_mono_ns: int) -> None:
        """Count a frame that does not decode; say so at most once a second."""
        self.invalid += 1
        last = self._complained_ns
        if last is None or now_mono_ns - last >= _NS:
            self._complained_ns = now_mono_ns
            _log.warning("frame_invalid", error=str(error)[:200], count=self.invalid)


class Loss(Struct, frozen=True):
    """How a connection ended: whether it ever stood, how long the venue said to stay away."""

    reason: str
    was_open: bool
    stay_away_s: float = 0.0
    fault: Exception | None = None


class Connection:
    """One connection. ``live`` is called once."""

    def __init__(
        self,
        session: "ClientSession",
        user: SocketUser,
        rules: SocketRules,
        clock: Clock,
        counts: SocketCounts,
    ) -> None:
        self._session = session
        self._user = user
        self._rules = rules
        self._clock = clock
        self._counts = counts
        self._unsent: asyncio.Queue[str] = asyncio.Queue(_MAX_UNSENT)
        self._overflowed = asyncio.Event()
        self._last_data_ns = 0
        self.is_open = False
        self.was_open = False
        self.has_data = asyncio.Event()

    async def live(self) -> Loss:
        """Connect, talk until one side ends it, close.

        Raises:
            InvariantBroken: the user met what the process must not survive.
        """
        try:
            socket = await self._open()
            if isinstance(socket, Loss):
                return socket
            try:
                self.is_open = self.was_open = True
                return Loss(await self._talk(socket), was_open=True)
            finally:
                self.is_open = False
                await _close(socket)
        except InvariantBroken:
            raise
        except Exception as error:  # noqa: BLE001 - the outer edge of what the user says and hears
            return Loss(f"fault: {type(error).__name__}", self.was_open, fault=error)

    async def _open(self) -> "ClientWebSocketResponse[bool] | Loss":
        from aiohttp import ClientError, ClientWSTimeout, WSServerHandshakeError

        address, headers = self._user.address(), self._user.headers()
        try:
            async with asyncio.timeout(self._rules.open_timeout_s):
                return await self._session.ws_connect(
                    address,
                    headers=headers,
                    timeout=ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                    heartbeat=self._rules.ping_s,
                    max_msg_size=self._rules.max_frame_bytes,
                    decode_text=False,
                )
        except WSServerHandshakeError as error:
            told = error.headers.get("Retry-After", "") if error.headers else ""
            return Loss(f"handshake answered {error.status}", False, _stay_away(error.status, told))
        except (VenueUnavailable, OutcomeUnknown) as error:
            return Loss(str(error), was_open=False)
        except (ClientError, OSError, ValueError) as error:
            return Loss(f"not opened: {type(error).__name__}", was_open=False)

    async def _talk(self, socket: "ClientWebSocketResponse[bool]") -> str:
        """Until the first of reading, writing and watching ends; its reason."""
        self._counts.opened += 1
        self._last_data_ns = self._clock.now().mono_ns
        self._user.on_open(self._send)
        parts = [self._read(socket), self._write(socket), self._overflow()]
        if self._rules.silence_s is not None:
            parts.append(self._watch(int(self._rules.silence_s * _NS)))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task.result() for task in tasks if task in done)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, socket: "ClientWebSocketResponse[bool]") -> str:
        from aiohttp import WSMsgType

        frames_in = (WSMsgType.TEXT, WSMsgType.BINARY)
        while True:
            message = await socket.receive()
            if message.type not in frames_in:
                break
            reason = self._hand(message.data)
            if reason:
                return reason
            # Reading what is already here suspends nobody: a flood would starve all others.
            if self._counts.frames % _YIELD_FRAMES == 0:
                await asyncio.sleep(0)
        broken = socket.exception()
        if broken is not None:
            return f"broke: {type(broken).__name__}"
        return f"closed by the venue, code {socket.close_code}"

    def _hand(self, frame: bytes | str) -> str:
        """Give a frame to the user; why to end the connection, or nothing."""
        self._counts.frames += 1
        stamp = self._clock.now()
        try:
            heard = self._user.on_frame(frame, stamp)
        except FrameInvalid as error:
            self._counts.count_invalid(error, stamp.mono_ns)
            return ""
        if heard is Heard.DATA:
            self._last_data_ns = stamp.mono_ns
            self.has_data.set()
        elif isinstance(heard, Ending):
            return heard.reason or "ended by the venue"
        return ""

    def _send(self, text: str) -> None:
        try:
            self._unsent.put_nowait(text)
        except asyncio.QueueFull:
            self._overflowed.set()

    async def _overflow(self) -> str:
        await self._overflowed.wait()
        return f"more than {_MAX_UNSENT} frames to send"

    async def _write(self, socket: "ClientWebSocketResponse[bool]") -> str:
        rules = self._rules
        idle_s = None if rules.keepalive is None else rules.keepalive_s
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    text = await self._unsent.get()
            except TimeoutError:
                text = rules.keepalive or ""
            try:
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await socket.send_str(text)
            except OSError as error:
                return f"not sent: {type(error).__name__}"
            await asyncio.sleep(rules.send_gap_s)

    async def _watch(self, silence_ns: int) -> str:
        while True:
            left_ns = self._last_data_ns + silence_ns - self._clock.now().mono_ns
            if left_ns <= 0:
                return f"no data for {silence_ns / _NS:g} s"
            await asyncio.sleep(left_ns / _NS)


def _stay_away(status: int, told: str) -> float:
    """How long a refused handshake forbids the next one."""
    least_s = {429: 30.0, 418: 120.0}.get(status, 0.0)
    is_number = told.isascii() and told.isdigit()
    return max(least_s, min(float(told), 3600.0)) if is_number else least_s


async def _close(socket: "ClientWebSocketResponse[bool]") -> None:
    """Say goodbye, but not for long: a peer that streams on would be read for ever."""
    from aiohttp import ClientError

    with suppress(OSError, ClientError):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await socket.close()
