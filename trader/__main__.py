"""The command line: ``python -m trader [command]``. Exit 2 for a mistake, 3 for a second start."""

import sys
from collections.abc import Sequence

from trader.commands import run
from trader.commands.arguments import OneLineParser
from trader.domain.errors import ConfigError, TraderError

EXIT_MISTAKE, EXIT_ALREADY_RUNNING = 2, 3
_COMMANDS = {"run": run}


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        arguments = _parser().parse_args(_with_command(argv))
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


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="trader",
        description="Live engine for Korean-won crypto spread arbitrage. Without a command: run.",
        epilog="Exit codes: 0 done, 1 fault, 2 mistake in config or arguments, 3 already running.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        summary = (module.__doc__ or "").partition(": ")[2].strip()
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(command_main=module.main)
    return parser


def _with_command(argv: Sequence[str]) -> list[str]:
    """``run`` is meant where no command is named."""
    if argv and (argv[0] in _COMMANDS or argv[0] in ("-h", "--help")):
        return list(argv)
    if argv and not argv[0].startswith("-"):
        return list(argv)
    return ["run", *argv]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
