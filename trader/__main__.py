"""The command line: ``python -m trader [command]``. Exit 2 for a mistake, 3 for a second start."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from trader import __version__
from trader.commands import alert_test, check, reconcile, resume, run, sim
from trader.commands.arguments import OneLineParser, nearest
from trader.domain.errors import ConfigError, TraderError

EXIT_MISTAKE, EXIT_ALREADY_RUNNING = 2, 3
_COMMANDS = {
    "run": run,
    "check": check,
    "reconcile": reconcile,
    "resume": resume,
    "alert-test": alert_test,
    "sim": sim,
}
_EPILOG = """\
Without a command, run is meant, with all of its options: python -m trader --once --mock

exit codes:
  0  done, or stopped as asked
  1  a fault ended it
  2  a mistake in the config or the arguments
  3  another engine works on this state directory
"""


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        arguments = _parsed(argv)
        code: int = arguments.command_main(arguments)
        return code
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISTAKE
    except TraderError as error:
        sys.stderr.write(f"{error}\n")
        # Named by type without importing the edge that defines it.
        return EXIT_ALREADY_RUNNING if type(error).__name__ == "AlreadyRunning" else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parsed(argv: Sequence[str]) -> Namespace:
    """``run`` is meant where no command is named."""
    words = list(argv)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "run")
    parser = OneLineParser(
        prog="python -m trader",
        description="Live engine for Korean-won crypto spread arbitrage.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"trader {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    known = set()
    for name, module in _COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=module.DESCRIPTION)
        module.add_arguments(command)
        command.set_defaults(command_main=module.main)
        if name == words[0]:
            known = set(command.option_names)
    if words[0] not in _COMMANDS and not words[0].startswith("-"):
        hint = nearest(words[0], _COMMANDS)
        raise ConfigError(
            f"command line: {words[0]!r} is no command; allowed: {', '.join(_COMMANDS)}; {hint}"
        )
    return parser.parse(words, known)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop before there is a loop that could be asked to.

    Not by an exception, which would surface amid an import or the loop's own start. Nothing has
    been decided yet, and what is on disk survives far worse.
    """
    os._exit(0)


if __name__ == "__main__":
    # The loop takes both over once it runs. Until then Ctrl+C must not show a traceback.
    for _signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_signal, _leave)
    sys.exit(main(sys.argv[1:]))
