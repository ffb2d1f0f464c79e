"""The small web server for figures and health: takes the port at once, loads the web library later.

Read only, and on loopback unless the config says otherwise.
"""

import asyncio
import errno
import importlib
import socket
from collections.abc import Callable, Sequence

from trader.domain.errors import ConfigError
from trader.ops.metrics import Metrics

_BACKLOG = 64


class MetricsServer:
    """Serves the latest figures. ``bind()`` first, then ``run()`` as a task until cancelled."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        host: str,
        port: int,
        alive_within_s: float,
        not_ready: Callable[[], Sequence[str]],
        version: str,
    ) -> None:
        """Port 0 takes any free one.

        ``alive_within_s`` is how old the last cycle may be for ``/healthz`` to say yes.
        ``not_ready`` names what the caller knows to be missing (not started, journal failed);
        empty means nothing is.
        """
        self._metrics = metrics
        self._host = host
        self._port = port
        self._alive_within_s = alive_within_s
        self._not_ready = not_ready
        self._version = version
        self._listeners: list[socket.socket] = []

    @property
    def port(self) -> int:
        """The port that is listened on, once bound."""
        return int(self._listeners[0].getsockname()[1]) if self._listeners else self._port

    async def bind(self) -> None:
        """Take the port on every address the host name stands for. Callers wait until ``run()``.

        Raises:
            ConfigError: the port is taken or forbidden, or the host is not one of this machine's.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
                self._listeners.append(_listening(family, address))
        except OSError as error:
            self.close()
            raise ConfigError(_why_not(self._host, self._port, error)) from error

    async def run(self) -> None:
        """Answer requests until cancelled, then let go of the port."""
        try:
            # Hundreds of milliseconds of import, which the first cycle need not wait for.
            await asyncio.to_thread(importlib.import_module, "trader.ops.pages")
            from trader.ops.pages import Pages

            pages = Pages(
                self._metrics,
                alive_within_s=self._alive_within_s,
                not_ready=self._not_ready,
                version=self._version,
            )
            await pages.serve(self._listeners)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the port; ``run()`` does so by itself."""
        while self._listeners:
            self._listeners.pop().close()


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for the connections of the run before it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"metrics_server.port: {port} is already in use on {host};"
            " stop what listens there, choose another port from 1 to 65535,"
            " or set metrics_server.enabled: false"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"metrics_server.port: {port} may not be opened on {host} by this user;"
            " choose one from 1024 to 65535"
        )
    reason = error.strerror or str(error)
    return (
        f"metrics_server.host: {host!r} cannot be listened on, port {port} ({reason});"
        " name an address of this machine, such as 127.0.0.1"
    )
