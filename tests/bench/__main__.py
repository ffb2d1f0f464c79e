"""``python -m tests.bench [name ...] [--json FILE] [--scale X]``: measure and print.

A figure that misses its aim says so and changes nothing else: speed is shown, never tested.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.bench.alerts import alerts
from tests.bench.chat import chat
from tests.bench.chat_loop import chat_loop
from tests.bench.decode import decode
from tests.bench.figures import Figure, Machine, machine, shown
from tests.bench.halt import halt
from tests.bench.loop import inbox, throughput
from tests.bench.processes import memory, startup
from tests.bench.scrape import scrape
from tests.bench.storage import commit, replay
from tests.bench.ticks import limits, tick

BENCHMARKS: dict[str, Callable[[float], list[Figure]]] = {
    "tick": tick,
    "limits": limits,
    "decode": decode,
    "throughput": throughput,
    "inbox": inbox,
    "halt": halt,
    "alerts": alerts,
    "chat": chat,
    "chat_loop": chat_loop,
    "commit": commit,
    "replay": replay,
    "startup": startup,
    "memory": memory,
    "scrape": scrape,
}
_HEADS = ("figure", "median", "p99", "unit", "aim", "samples", "what")


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks named, or all; returns the exit code, 0 also where an aim is missed."""
    arguments = _parser().parse_args(argv)
    names = list(dict.fromkeys(arguments.names)) or list(BENCHMARKS)
    host = machine()
    figures = []
    for name in names:
        began = time.perf_counter()
        figures += BENCHMARKS[name](arguments.scale)
        if sys.stderr.isatty():
            print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    print(described(host))
    print(table(figures))
    print("p99: the worst where there are fewer than 100 samples; of a rate, the slow side.")
    if arguments.json is not None:
        arguments.json.write_bytes(as_json(host, figures, arguments.scale))
    return 0


def described(host: Machine) -> str:
    """The machine in one line."""
    return (
        f"{host.cpu}, {host.cores} cores, {host.python}, {host.kernel},"
        f" load {host.load}, {host.date}"
    )


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table that reads well on a terminal."""
    rows = [
        (
            figure.name,
            shown(figure.median),
            shown(figure.p99),
            figure.unit,
            figure.verdict,
            f"{figure.samples:,}",
            figure.what,
        )
        for figure in figures
    ]
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    lines = [_HEADS, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def as_json(host: Machine, figures: Sequence[Figure], scale: float) -> bytes:
    """Machine and figures as JSON; each figure says whether its aim is met, null without one."""
    told = [{**msgspec.to_builtins(figure), "is_met": figure.is_met} for figure in figures]
    return msgspec.json.encode({"machine": host, "scale": scale, "figures": told})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/bench", description="Measures what the README quotes."
    )
    parser.add_argument(
        "names",
        nargs="*",
        type=_name,
        metavar="NAME",
        help=f"any of {', '.join(BENCHMARKS)}; default all",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--scale", type=_scale, default=1.0, metavar="X", help="times the usual sample sizes"
    )
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: {', '.join(BENCHMARKS)}")
    return text


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 100:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: above 0, to 100")
    return scale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
