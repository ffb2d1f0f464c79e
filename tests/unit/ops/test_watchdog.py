"""The watchdog's signs, read from a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.ops.watchdog import Watchdog

STATUS = "STATUS=mode paper"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What the service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def signs(manager: socket.socket) -> list[str]:
    """The lines of the next datagram."""
    return manager.recv(4096).decode().split("\n")


def a_watchdog(manager: socket.socket, **environ: str) -> Watchdog:
    """One that was given this socket and these variables."""
    return Watchdog.from_environment({"NOTIFY_SOCKET": manager.getsockname(), **environ})


class TestACycle:
    def test_the_first_says_that_the_service_is_up(self, manager: socket.socket) -> None:
        """Ready means that a cycle was processed, not that a process exists."""
        watchdog = a_watchdog(manager)

        watchdog.cycle_ended("mode paper", 30.0)
        watchdog.cycle_ended("mode paper", 30.0)

        assert signs(manager) == [STATUS, "READY=1"]
        assert signs(manager) == [STATUS]
        watchdog.close()

    def test_each_feeds_the_watchdog_that_waits_for_it(self, manager: socket.socket) -> None:
        """One sign a cycle where the manager watches, none where it does not."""
        watchdog = a_watchdog(manager, WATCHDOG_USEC="30000000", WATCHDOG_PID=str(os.getpid()))

        watchdog.cycle_ended("mode paper", 30.0)
        watchdog.cycle_ended("mode paper", 30.0)

        assert signs(manager) == [STATUS, "READY=1", "WATCHDOG=1"]
        assert signs(manager) == [STATUS, "WATCHDOG=1"]
        watchdog.close()

    def test_a_slow_cycle_of_the_config_is_allowed_for(self, manager: socket.socket) -> None:
        """A unit's 30 s must not kill an engine that was told to run a cycle a minute."""
        watchdog = a_watchdog(manager, WATCHDOG_USEC="30000000")

        watchdog.cycle_ended("mode paper", 600.0)
        watchdog.cycle_ended("mode paper", 600.0)

        assert "WATCHDOG_USEC=600000000" in signs(manager)
        assert signs(manager) == [STATUS, "WATCHDOG=1"]
        watchdog.close()

    def test_a_status_of_many_lines_adds_no_sign(self, manager: socket.socket) -> None:
        """Each line of a datagram is an order to the manager."""
        watchdog = a_watchdog(manager)

        watchdog.cycle_ended("mode paper\nSTOPPING=1", 30.0)

        assert signs(manager) == ["STATUS=mode paper STOPPING=1", "READY=1"]
        watchdog.close()


class TestTheEnd:
    def test_is_told_once_and_is_the_last_sign(self, manager: socket.socket) -> None:
        """A cycle that ends while the process stops must not say that it is up."""
        watchdog = a_watchdog(manager)

        watchdog.stopping()
        watchdog.cycle_ended("mode paper", 30.0)

        assert signs(manager) == ["STOPPING=1"]
        with pytest.raises(BlockingIOError):
            signs(manager)


class TestNobodyListens:
    @pytest.mark.parametrize("address", ["", "@", "relative/path", "vsock:2:1234"])
    def test_without_a_socket_nothing_is_said(self, address: str) -> None:
        """Started by hand, in a container, or by a manager whose address is not understood."""
        watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": address})

        watchdog.cycle_ended("mode paper", 30.0)
        watchdog.stopping()
        watchdog.close()

    def test_a_manager_that_went_away_stops_no_cycle(self, tmp_path: Path) -> None:
        """The socket's name leads nowhere."""
        watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")})

        watchdog.cycle_ended("mode paper", 30.0)
        watchdog.close()

    def test_a_manager_that_does_not_read_stops_no_cycle(self, manager: socket.socket) -> None:
        """The queue of a datagram socket is short; a sign too many is dropped, never waited for."""
        watchdog = a_watchdog(manager)

        for _ in range(2_000):
            watchdog.cycle_ended("mode paper", 30.0)

        assert signs(manager) == [STATUS, "READY=1"]
        watchdog.close()

    def test_ready_is_said_again_until_it_went_out(self, tmp_path: Path) -> None:
        """A manager that was away at the first cycle still learns that the service is up."""
        watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": str(tmp_path / "late")})
        watchdog.cycle_ended("mode paper", 30.0)

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(tmp_path / "late"))
            watchdog.cycle_ended("mode paper", 30.0)

            assert "READY=1" in signs(listener)
        watchdog.close()

    @pytest.mark.parametrize("environ", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
    def test_another_process_s_watchdog_is_not_fed(
        self, manager: socket.socket, environ: dict[str, str]
    ) -> None:
        """The variables are inherited; the process they mean is named in them."""
        watchdog = a_watchdog(manager, **{"WATCHDOG_USEC": "30000000", **environ})

        watchdog.cycle_ended("mode paper", 30.0)

        assert signs(manager) == [STATUS, "READY=1"]
        watchdog.close()


def test_an_abstract_address_is_understood() -> None:
    """Some managers listen outside the file system; such an address begins with a zero byte."""
    name = f"trader-watchdog-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": f"@{name}"})

        watchdog.cycle_ended("mode paper", 30.0)

        assert signs(listener) == [STATUS, "READY=1"]
        watchdog.close()
