"""``trader check``: every predicate, credential and limit; exit 0 only if live could start."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from trader.commands.arguments import file_name, one_of
from trader.commands.table import table

if TYPE_CHECKING:
    from trader.config import Settings

SUMMARY = "show every predicate of the live gate, and whether live could start"
DESCRIPTION = """\
Show every predicate of the live gate with its value, its limit and how to mend it.
Asks the running engine where there is one; else looks by itself and marks as "later"
what only a run can settle. Exit 0 only if live could start.\
"""
_MARKS = {"pass": "✓", "fail": "✗", "later": "…"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``check`` takes."""
    parser.add_argument("--config", type=file_name, metavar="FILE", help="config file")
    parser.add_argument(
        "--mode",
        type=one_of("mock", "paper", "live"),
        metavar="MODE",
        help="check as if mode.current were this",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(arguments: argparse.Namespace) -> int:
    """Print the table; returns 0 only if live could start.

    Raises:
        AlreadyRunning: another process holds the state and does not answer.
        ConfigError: the config or an argument is wrong.
        JournalError: the journal cannot be read.
        PortError: an engine runs and does not answer as it should.
    """
    from trader.app.inspection import ask_engine, quiet
    from trader.config import DEFAULT_PATH, load_settings, secret_exposure
    from trader.domain.errors import PortError
    from trader.port.local import Request

    settings = load_settings(arguments.config, os.environ, {"mode.current": arguments.mode})
    answer = ask_engine(settings, Request(question="guards"))
    if answer is not None:
        if not answer.figures:
            raise PortError(f"the engine did not say: {answer.error}")
        figures = dict(answer.figures)
        figures["engine"] = "running"
    else:
        with quiet(settings) as state:
            figures = dict(state.guards())
        figures["engine"] = "not running"
    figures["notes"] = _notes(
        settings.warnings(), secret_exposure(arguments.config or DEFAULT_PATH)
    )
    figures["fees"] = _break_even(settings)
    figures["could_start"] = could_start(figures)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(rendered(figures) + "\n")
    return 0 if figures["could_start"] else 1


def could_start(figures: Mapping[str, object]) -> bool:
    """Whether nothing fails that a start would not settle, and this version can go live at all."""
    rows = cast("Sequence[Mapping[str, str]]", figures["predicates"])
    notes = cast("Sequence[str]", figures["notes"])
    return not any(row["state"] == "fail" for row in rows) and not any(
        note.startswith("✗") for note in notes
    )


def rendered(figures: Mapping[str, object]) -> str:
    """The figures as a person reads them in a terminal."""
    rows = cast("Sequence[Mapping[str, str]]", figures["predicates"])
    body = table(
        ("", "predicate", "value", "allowed", "when lost"),
        [(_MARKS[r["state"]], r["code"], r["value"], r["limit"], r["loss"]) for r in rows],
    )
    mends = [f"  {r['code']}: {r['why']} {r['mend']}" for r in rows if r["state"] == "fail"]
    latch = cast("Mapping[str, object] | None", figures["latch"])
    since = "" if latch is None else f", latched: {latch['reason']} by {latch['who']}"
    lines = [
        f"engine {figures['engine']}, mode {figures['mode']},"
        f" authority {figures['authority']} (revision {figures['revision']}{since})",
        f"entries go: {figures['entries']}; live closings go: {figures['closings']}",
        "",
        body,
    ]
    if mends:
        lines += ["", "How to mend:", *mends]
    if figures["used_up"]:
        lines += ["", "The last touch of the confirm file came too early: touch it again."]
    lines += ["", *cast("Sequence[str]", figures["fees"])]
    lines += ["", *cast("Sequence[str]", figures["notes"])]
    verdict = "live could start" if figures["could_start"] else "live could NOT start"
    return "\n".join([*lines, "", f"{verdict} (✓ holds, ✗ fails, … settled by a run)"])


def _notes(warnings: Sequence[str], exposure: str | None) -> list[str]:
    notes = [f"note: {warning}" for warning in warnings]
    if exposure is not None:
        notes.append(f"✗ config: {exposure}")
    notes.append("✗ this version has no connectors for real venues")
    notes.append("Key rights to tick: view assets, view orders, place orders; never withdraw.")
    return notes


def _break_even(settings: "Settings") -> list[str]:
    """What each direction must exceed before a trade is worth it, in percent."""
    from trader.app.wiring import simulated_instruments, strategy_parameters

    instruments, parameters = simulated_instruments(settings), strategy_parameters(settings)
    lines = []
    for pair in parameters.pairs:
        fees = 2 * (
            instruments[pair.first].fees.taker_pct + instruments[pair.second].fees.taker_pct
        )
        needed = fees + parameters.exit_spread_pct
        lines.append(
            f"break-even of {pair.name}: opening spread {needed:.2f} % (fees {fees:.2f} %,"
            f" exit {parameters.exit_spread_pct:.2f} %); a signal needs"
            f" {parameters.min_profit_pct:.2f} % more, and slippage"
        )
    return lines
