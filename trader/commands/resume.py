"""``trader resume``: lift a halt to paper, and a pause, on the host."""

import argparse
import os
import sys
from typing import cast

from trader.commands.arguments import file_name, one_of

SUMMARY = "lift a halt to paper, and a pause"
DESCRIPTION = """\
Lift a halt to PAPER, and a pause of entries. Never to live: touch the confirm file after it.
While a .halt file stands nothing is lifted.\
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``resume`` takes."""
    parser.add_argument("--config", type=file_name, metavar="FILE", help="config file")
    parser.add_argument(
        "--mode", type=one_of("mock", "paper", "live"), metavar="MODE", help="whose journal"
    )


def main(arguments: argparse.Namespace) -> int:
    """Lift what can be lifted; returns 0 if something was, 1 if not.

    Raises:
        AlreadyRunning: another process holds the state and does not answer.
        ConfigError: the config or an argument is wrong.
        JournalError: the journal cannot be read or written.
        PortError: an engine runs and does not answer as it should.
    """
    from trader.app.inspection import ask_engine, quiet
    from trader.config import load_settings
    from trader.domain.control import LiftHalt
    from trader.port.local import Request

    settings = load_settings(arguments.config, os.environ, {"mode.current": arguments.mode})
    guards = ask_engine(settings, Request(question="guards"))
    if guards is not None:
        runs = guards.figures.get("mode")
        if arguments.mode not in (None, runs):
            sys.stdout.write(f"not lifted: the engine that runs here is in mode {runs}\n")
            return 1
        revision = cast("int", guards.figures.get("revision", -1))
        answer = ask_engine(settings, Request(command=LiftHalt("host", revision)))
        if answer is not None and answer.reply is not None:
            sys.stdout.write(answer.reply.note + "\n")
            return 0 if answer.reply.changed else 1
        error = "it stopped meanwhile" if answer is None else answer.error
        sys.stdout.write(f"the engine did not do it: {error}\n")
        return 1
    with quiet(settings) as state:
        note = state.lift("host")
    sys.stdout.write(note + "\n")
    return 1 if note.startswith(("not ", "nothing ")) else 0
