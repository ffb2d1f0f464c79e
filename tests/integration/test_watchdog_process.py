"""The real process under a service manager: up after a cycle, fed by cycles, and told its end."""

import socket
from pathlib import Path
from signal import SIGTERM

from tests.support.engine_process import EngineHome

WITHIN_S = 60.0


def test_cycles_feed_the_watchdog_and_nothing_else_does(tmp_path: Path) -> None:
    """As many signs as cycles: ready with the first, one each, and the end announced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WITHIN_S)
        home = EngineHome(tmp_path / "home")
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        told: list[list[str]] = []
        with home.start("--mock", "--interval", "0.3", environ=environ) as engine:
            while sum("WATCHDOG=1" in signs for signs in told) < 3:
                told.append(manager.recv(4096).decode().split("\n"))
            code, _ = engine.stop(SIGTERM)
        while told[-1] != ["STOPPING=1"]:
            told.append(manager.recv(4096).decode().split("\n"))

    assert code == 0
    assert told[0] == ["STATUS=mode mock", "READY=1", "WATCHDOG=1"]
    assert all("READY=1" not in signs for signs in told[1:])
    cycles = len(engine.told("[METRICS]"))
    # A cycle that ends while the process stops gives no sign any more.
    assert cycles - 1 <= sum("WATCHDOG=1" in signs for signs in told) <= cycles


def test_a_long_cycle_of_the_config_asks_for_patience(tmp_path: Path) -> None:
    """`--interval 60` is ten minutes of patience, as for `/healthz`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WITHIN_S)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        home = EngineHome(tmp_path / "home")
        with home.start("--mock", "--interval", "60", environ=environ):
            assert "WATCHDOG_USEC=600000000" in manager.recv(4096).decode().split("\n")
