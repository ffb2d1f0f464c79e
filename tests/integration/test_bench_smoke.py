"""deploy/bench still runs: every cheap benchmark at a tiny size, its table and its JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# What must be printed, whatever it was measured to be. Startup and memory take real seconds.
FIGURES = {
    "tick": ["tick.quiet", "tick.holding", "tick.approved", "tick.refused"],
    "limits": ["limits.decode", "limits.floor", "limits.tick/decode", "limits.tick/floor"],
    "decode": [
        f"decode.{stream}{figure}"
        for stream in ("upbit", "bithumb", "depth20", "ticker", "binance")
        for figure in ("", ".codec", "/bare", "/typed")
    ],
    "throughput": ["throughput.engine", "throughput.loop", "throughput.single"],
    "inbox": ["inbox.put", "inbox.due"],
    "alerts": ["alerts.stop", "alerts.block", "alerts.bare"],
    "commit": [
        "commit.after",
        "commit.synced",
        "commit.busy",
        "commit.busy_synced",
        "commit.before",
    ],
    "replay": ["replay"],
}
# Where recorded frames and ccxt are at hand.
MORE = (
    "decode.upbit.recorded",
    "decode.ticker.recorded",
    "decode.bithumb.ccxt",
    "decode.ticker.ccxt",
)
KEYS = {"name", "what", "unit", "median", "p99", "samples", "aim", "aims_at_worst", "is_met"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks as deploy/bench does."""
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", FIGURES)
class TestEachBenchmark:
    def test_prints_its_figures_and_writes_the_same_as_json(
        self, name: str, tmp_path: Path
    ) -> None:
        """One row a figure, the machine above; the JSON holds what the rows hold, in order."""
        written = tmp_path / "bench.json"

        result = bench(name, "--scale", "0.002", "--json", str(written))

        assert result.returncode == 0, result.stderr
        rows = [line.split("|")[1].strip() for line in result.stdout.splitlines() if "|" in line]
        assert rows[0] == "figure"
        assert [row for row in rows[2:] if not row.startswith(MORE)] == FIGURES[name]
        told: dict[str, Any] = json.loads(written.read_text())
        assert [figure["name"] for figure in told["figures"]] == rows[2:]
        for figure in told["figures"]:
            assert set(figure) == KEYS
            assert figure["median"] > 0
            assert figure["samples"] > 0
            assert (figure["aim"] is None) == (figure["is_met"] is None)
        assert told["machine"]["cpu"] in result.stdout.splitlines()[0]
        assert told["machine"]["cores"] >= 1


class TestArguments:
    def test_an_unknown_name_is_answered_with_those_known(self) -> None:
        """A mistype measures nothing."""
        result = bench("tikc")

        assert result.returncode == 2
        assert "tick, limits, decode, throughput" in result.stderr
        assert result.stdout == ""
