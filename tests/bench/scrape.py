"""Scrape: what being scraped a hundred times a second does to the loop of a running engine."""

import json
import tempfile
import time
from pathlib import Path
from signal import SIGTERM
from typing import Any

from tests.bench.figures import Figure, scaled, summed_up
from tests.support.engine_process import wait_until
from tests.support.scraping import Scraping
from tests.support.sim_process import SimHost, SimProcess

_PER_SECOND = 100
_POLL_S = 0.02
_PAIR = {"name": "upbit-binance", "first": "upbit:BTC-KRW", "second": "binance:BTC-USDT"}


def scrape(scale: float) -> list[Figure]:
    """Loop lag and cycle time with and without scrapes, in turns; and what one scrape takes."""
    cycles, rounds = scaled(100, scale), 3
    runs: dict[str, list[list[float]]] = {}
    took: list[list[float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        home = Path(directory)
        with SimProcess(home / "sim") as sim:
            host = SimHost(home / "engine", sim, [_PAIR])
            with host.start("--mode", "paper") as engine:
                engine.wait_for("[METRICS]", count=10)
                # Turn about, so that what else the machine does falls on both alike.
                for _ in range(rounds):
                    _note(runs, "quiet", _cycles(host, cycles))
                    with Scraping(host.port, _PER_SECOND) as scraping:
                        _note(runs, "scraped", _cycles(host, cycles))
                    assert scraping.error is None, scraping.error
                    took.append(scraping.took_ms)
                engine.stop(SIGTERM)
    how = {"quiet": "not scraped", "scraped": f"scraped {_PER_SECOND} times a second"}
    figures = []
    for key, what in (
        ("loop_lag_ms", "the event loop's worst lateness in a cycle"),
        ("loop_latency_ms", "a cycle of the control loop"),
    ):
        for name, said in how.items():
            title = f"scrape.{key.removesuffix('_ms').removeprefix('loop_')}.{name}"
            text = f"a paper engine on the simulator, {said}: {what}"
            figures.append(summed_up(title, text, "ms", runs[f"{name} {key}"]))
    figures.append(
        summed_up("scrape.answer", "one scrape, from asking to its last byte", "ms", took)
    )
    return figures


def _note(runs: dict[str, list[list[float]]], name: str, seen: list[dict[str, Any]]) -> None:
    for key in ("loop_lag_ms", "loop_latency_ms"):
        runs.setdefault(f"{name} {key}", []).append([shown[key] for shown in seen])


def _cycles(host: SimHost, number: int) -> list[dict[str, Any]]:
    """The figures of so many cycles, each asked for once."""
    seen: dict[int, dict[str, Any]] = {}

    def has_enough() -> bool:
        time.sleep(_POLL_S)
        shown = json.loads(host.get("/metrics.json")[1])
        seen[shown["cycles"]] = shown
        return len(seen) > number

    wait_until(has_enough, within_s=number * 2.0 + 60)
    # The first one began before this was asked for.
    del seen[min(seen)]
    return list(seen.values())
