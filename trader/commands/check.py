"""``trader check``: every predicate, credential and limit; exit 0 only if live could start."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from trader.commands.arguments import file_name, one_of

if TYPE_CHECKING:
    from trader.config import Settings

SUMMARY = "show every predicate of the live gate, and whether live could start"
DESCRIPTION = """\
Show every predicate of the live gate with its value, its limit and how to mend it; which
credentials were found and where; every limit; the trades left per direction and their break-even.
Asks the running engine where there is one; else looks by itself and marks as "later"
what only a run can settle. Exit 0 only if live could start.\
"""


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
    """Print every section; returns 0 only if live could start.

    Raises:
        AlreadyRunning: another process holds the state and does not answer.
        ConfigError: the config or an argument is wrong.
        JournalError: the journal cannot be read.
        PortError: an engine runs and does not answer as it should.
    """
    from trader.app.limits import limit_figures
    from trader.commands.sections import page
    from trader.config import DEFAULT_PATH, load_settings, secret_exposure

    settings = load_settings(arguments.config, os.environ, {"mode.current": arguments.mode})
    figures = _of_the_engine(settings) or _of_its_state(settings)
    figures |= _credentials(settings)
    figures["limits"] = limit_figures(settings)
    exposure = secret_exposure(arguments.config or DEFAULT_PATH)
    figures["notes"] = _notes(settings, figures, exposure)
    figures["could_start"] = could_start(figures)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(page(figures) + "\n")
    return 0 if figures["could_start"] else 1


def could_start(figures: Mapping[str, object]) -> bool:
    """Whether nothing fails that a start would not settle."""
    rows = [
        *cast("Sequence[Mapping[str, object]]", figures["predicates"]),
        *cast("Sequence[Mapping[str, object]]", figures["credentials"]),
    ]
    notes = cast("Sequence[str]", figures["notes"])
    return not any(row["state"] == "fail" for row in rows) and not any(
        note.startswith("✗") for note in notes
    )


def _of_the_engine(settings: "Settings") -> dict[str, object] | None:
    """What the running engine says; None where none runs."""
    from trader.app.inspection import ask_engine
    from trader.domain.errors import PortError
    from trader.port.local import Request

    guards = ask_engine(settings, Request(question="guards"))
    if guards is None:
        return None
    if not guards.figures:
        raise PortError(f"the engine did not say: {guards.error}")
    trades = ask_engine(settings, Request(question="prospects"))
    if trades is None or not trades.figures:
        why = "it stopped meanwhile" if trades is None else trades.error
        return {**guards.figures, "engine": "running", "trades": {"directions": [], "why": why}}
    return {**guards.figures, "engine": "running", "trades": trades.figures}


def _of_its_state(settings: "Settings") -> dict[str, object]:
    """What the state says that an engine left, or would start with."""
    from trader.app.inspection import quiet
    from trader.app.venues import RealVenues
    from trader.domain.control import Mode

    if settings.mode.current is not Mode.MOCK:
        # Nothing is connected; but what an engine could not start on is found, as it would be.
        RealVenues(settings)
    with quiet(settings) as state:
        return {"engine": "not running", **state.guards(), "trades": state.trades()}


def _credentials(settings: "Settings") -> dict[str, object]:
    from msgspec import to_builtins

    from trader.app.secrets_found import RIGHTS_NEVER, RIGHTS_TO_TICK, secrets_found

    return {
        "credentials": to_builtins(secrets_found(settings, os.environ)),
        "key_rights": {"tick": list(RIGHTS_TO_TICK), "never": list(RIGHTS_NEVER)},
    }


def _notes(settings: "Settings", figures: Mapping[str, object], exposure: str | None) -> list[str]:
    notes = [f"note: {warning}" for warning in settings.warnings()]
    if figures["engine"] == "running":
        notes.append("note: credentials and limits are the config's; the engine read it at start")
        runs, asked = figures["mode"], settings.mode.current.value
        if runs != asked:
            notes.append(f"note: the engine that runs here is in mode {runs}, not {asked}")
    if exposure is not None:
        notes.append(f"✗ config: {exposure}")
    return notes
