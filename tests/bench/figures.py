"""Figures: how samples become a median and a p99, what a figure says, the machine it is from."""

import gc
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

LEAST_SAMPLES = 20
_CLOCK_READS = 20_000


class Aim(Struct, frozen=True):
    """What a figure should reach: at most ``bound``, or at least where ``at_least``."""

    bound: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether ``value`` reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound


class Figure(Struct, frozen=True):
    """One measured figure. ``p99`` is the bad side: of a rate what 99 % of the runs exceed.

    Of fewer than a hundred samples it is the worst one. The aim is about the median, unless
    ``aims_at_worst``.
    """

    name: str
    what: str
    unit: str
    median: float
    p99: float
    samples: int
    aim: Aim | None = None
    aims_at_worst: bool = False

    @property
    def verdict(self) -> str:
        """The aim and whether it is met, or nothing."""
        if self.aim is None:
            return ""
        sign = "≥" if self.aim.at_least else "≤"
        word = "met" if self.is_met else "NOT met"
        return f"{sign} {shown(self.aim.bound)} {word}"

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        return self.aim.is_met(self.p99 if self.aims_at_worst else self.median)


class Machine(Struct, frozen=True):
    """Where and when the figures were measured."""

    cpu: str
    cores: int
    python: str
    kernel: str
    load: float
    date: str


def machine() -> Machine:
    """This host, now; ``load`` is the load average of the last minute before the run."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        kernel=f"{platform.system()} {platform.release()}",
        load=round(os.getloadavg()[0], 2),
        date=datetime.now(UTC).date().isoformat(),
    )


def scaled(samples: int, scale: float) -> int:
    """A sample size, never so small that a p99 is a single accident."""
    return max(int(samples * scale), LEAST_SAMPLES)


def p99_of(samples: Sequence[float], *, of_rates: bool = False) -> float:
    """The value that 99 % of the samples stay within, on the bad side."""
    ordered = sorted(samples, reverse=of_rates)
    return ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]


def summed_up(
    name: str,
    what: str,
    unit: str,
    runs: Sequence[Sequence[float]],
    aim: Aim | None = None,
    *,
    aims_at_worst: bool = False,
    rates: bool = False,
) -> Figure:
    """One figure of several runs: the median of their medians and of their p99s.

    Of ``rates`` more is better.
    """
    return Figure(
        name,
        what,
        unit,
        median(median(run) for run in runs),
        median(p99_of(run, of_rates=rates) for run in runs),
        sum(len(run) for run in runs),
        aim,
        aims_at_worst,
    )


def clock_cost_ns() -> float:
    """What reading the clock twice adds to a sample; taken off every one."""
    read = time.perf_counter_ns
    return median([-(read() - read()) for _ in range(_CLOCK_READS)])


@contextmanager
def collector_as_in_the_program() -> Iterator[None]:
    """What exists is frozen and the collector stays on, as in a running engine."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.collect()


def timed_each(step: Callable[[Any], object], values: Sequence[object]) -> list[float]:
    """Microseconds of ``step(value)`` for every value; what the clock costs is taken off."""
    read, cost_ns = time.perf_counter_ns, clock_cost_ns()
    samples = []
    for value in values:
        began = read()
        step(value)
        samples.append((read() - began - cost_ns) / 1e3)
    return samples


def shown(value: float) -> str:
    """A number in four digits or whole thousands, as the table prints it."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
