"""Telling the service manager that cycles go on: systemd's notification socket, without a library.

Silent where there is none. Nothing here raises or waits: an engine must not stop over this.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

SOCKET_NAME = "NOTIFY_SOCKET"
_PERIOD_NAME, _PID_NAME = "WATCHDOG_USEC", "WATCHDOG_PID"
_US = 1_000_000


class Watchdog:
    """Feeds the service manager's watchdog, once for each cycle and by nothing else.

    A timer would go on while the loop's work stands still; a cycle that has ended cannot lie.
    """

    def __init__(self, address: str, period_s: float | None) -> None:
        """``address`` is empty where nobody listens.

        ``period_s`` is how long the manager waits for the next sign, None where it does not.
        """
        # A leading @ stands for the zero byte that begins an abstract address.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._period_s = period_s
        self._is_ready = False
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """The one this process was given, if it was: ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``."""
        address = environ.get(SOCKET_NAME, "")
        is_ours = environ.get(_PID_NAME, str(os.getpid())) == str(os.getpid())
        period = environ.get(_PERIOD_NAME, "")
        given = period.isascii() and period.isdigit() and int(period) > 0
        return cls(
            address if address.startswith(("/", "@")) and len(address) > 1 else "",
            int(period) / _US if is_ours and given else None,
        )

    def cycle_ended(self, status: str, within_s: float) -> None:
        """A cycle was processed; the first one means that the service is up.

        ``status`` is a line for ``systemctl status``, which every user of the host may read.
        ``within_s`` is how long the next cycle may take by the operator's own config: a manager
        that is less patient than that is asked to be.
        """
        signs = [f"STATUS={' '.join(status.split())}"]
        if not self._is_ready:
            signs.append("READY=1")
        if self._period_s is not None:
            if within_s > self._period_s:
                self._period_s = within_s
                signs.append(f"WATCHDOG_USEC={int(within_s * _US)}")
            signs.append("WATCHDOG=1")
        self._is_ready = self._send(signs) or self._is_ready

    def stopping(self) -> None:
        """The end has begun; no more signs are owed, and a cycle that still ends gives none."""
        self._send(["STOPPING=1"])
        self.close()

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, signs: list[str]) -> bool:
        if self._socket is None:
            return False
        # A manager that is busy or gone gets the next sign; the cycle goes on without it.
        with suppress(OSError):
            self._socket.sendto("\n".join(signs).encode(), self._address)
            return True
        return False
