"""The whole program as a process: how soon it trades, and what memory it takes over time."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression

import yaml

from tests.bench.figures import Aim, Figure, scaled, summed_up

ROOT = Path(__file__).parents[2]
_STARTED, _CYCLE = "[LIVE]", "[METRICS]"
_END_WITHIN_S = 300.0
_SECONDS_PER_CYCLE = 120
"""Market time of a cycle in the memory run: two minutes are one cycle, ten are five."""


def startup(scale: float) -> list[Figure]:
    """From the start of a process to its first cycle, the whole program loaded."""
    number = max(round(10 * scale), 2)
    aim = Aim(1.5)
    module = [sys.executable, "-m", "trader", "--once", "--mock"]
    figures = [
        summed_up(
            "startup.module",
            "python -m trader --once --mock to its first cycle",
            "s",
            [[_seconds_to_first_cycle(module) for _ in range(number)]],
            aim,
            aims_at_worst=True,
        )
    ]
    # Anything else would measure how long the packages take to download.
    if _is_made_from_its_lock():
        script = [str(ROOT / "deploy" / "run"), "--once", "--mock"]
        figures.append(
            summed_up(
                "startup.script",
                "deploy/run --once --mock to its first cycle, .venv in place",
                "s",
                [[_seconds_to_first_cycle(script) for _ in range(number)]],
                aim,
                aims_at_worst=True,
            )
        )
    return figures


def memory(scale: float) -> list[Figure]:
    """Resident memory of the program as simulated market goes by."""
    cycles = scaled(1_000, scale)
    command = [
        sys.executable,
        *("-m", "trader", "--mock", "--interval", "0", "--loops", str(cycles)),
    ]
    with _home({"mock": {"seconds_per_cycle": _SECONDS_PER_CYCLE}}) as home:
        started: list[float] = []
        taken: list[float] = []
        with _running(command, home) as process:
            for line in _lines(process):
                if _STARTED in line and not started:
                    started.append(_resident_mb(process.pid))
                elif _CYCLE in line:
                    taken.append(_resident_mb(process.pid))
            code = process.wait()
    assert code == 0, f"the program ended with {code}"
    # The last line may come when the process is already gone, and reads zero.
    taken = [value for value in taken if value > 0]
    later = taken[len(taken) // 2 :]
    slope = linear_regression(range(len(later)), later).slope * 1_000
    aim = Aim(120)
    minutes = _SECONDS_PER_CYCLE / 60
    return [
        _once("memory.start", "resident after the start", "MB", started[0], aim),
        _once("memory.2min", "after 2 minutes of market", "MB", taken[0], aim),
        _once("memory.10min", "after 10 minutes of market", "MB", taken[4], aim),
        _once(
            "memory.end",
            f"after {len(taken) * minutes:,.0f} minutes of market",
            "MB",
            taken[-1],
            aim,
        ),
        Figure(
            "memory.slope",
            f"growth in 1,000 cycles of {minutes:.0f} minutes, over the second half",
            "MB",
            slope,
            slope,
            len(later),
        ),
    ]


def _once(name: str, what: str, unit: str, value: float, aim: Aim) -> Figure:
    return Figure(name, what, unit, value, value, 1, aim)


def _seconds_to_first_cycle(command: Sequence[str]) -> float:
    with _home({}) as home:
        began = time.perf_counter()
        with _running(command, home) as process:
            seconds = 0.0
            for line in _lines(process):
                if _CYCLE in line and not seconds:
                    seconds = time.perf_counter() - began
            code = process.wait()
    assert code == 0, f"the program ended with {code}"
    assert seconds > 0, f"{_CYCLE} was not printed"
    return seconds


@contextmanager
def _home(sections: dict[str, dict[str, object]]) -> Iterator[Path]:
    """A config with a state, a log and a port of its own, in a directory that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        home = Path(directory)
        config: dict[str, dict[str, object]] = {
            "engine": {"state_dir": str(home / "state")},
            "logging": {"file": str(home / "live.log")},
            "metrics_server": {"port": _free_port()},
            **sections,
        }
        path = home / "bench.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        yield path


@contextmanager
def _running(command: Sequence[str], config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*command, "--config", str(config)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # A program that hangs is ended, which ends the reading too.
    watch = threading.Timer(_END_WITHIN_S, process.kill)
    watch.start()
    try:
        yield process
    finally:
        watch.cancel()
        process.kill()
        process.wait()


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    with process.stdout as stream:
        yield from stream


def _resident_mb(pid: int) -> float:
    """Resident memory in MB (10^6 bytes); zero of a process that is over."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_made_from_its_lock() -> bool:
    made, lock = ROOT / ".venv/made-from-requirements.lock", ROOT / "deploy/requirements.lock"
    return made.exists() and made.read_bytes() == lock.read_bytes()
