"""``trader run``: the engine itself."""

import argparse
import os

from trader import __version__
from trader.commands.arguments import file_name, one_of, seconds, whole, whole_above_zero

SUMMARY = "run the engine (what is meant without a command)"
DESCRIPTION = """\
Run the engine until Ctrl+C, or for as many cycles as --once or --loops say.
An option given here wins over the config file for this run.\
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``run`` takes."""
    parser.add_argument(
        "--config",
        type=file_name,
        metavar="FILE",
        help="config file (default config/live.yml, if it is there)",
    )
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    parser.add_argument("--mock", action="store_true", help="the same as --mode mock")
    parser.add_argument(
        "--mode",
        type=one_of("mock", "paper", "live"),
        metavar="MODE",
        help="mock, paper or live (default mode.current)",
    )
    parser.add_argument("--loops", type=whole_above_zero, metavar="N", help="end after N cycles")
    parser.add_argument(
        "--interval",
        type=seconds,
        metavar="S",
        help="real seconds between cycles (default engine.cycle_seconds)",
    )
    parser.add_argument(
        "--seed", type=whole, metavar="N", help="seed of the simulated market (default mock.seed)"
    )
    parser.add_argument(
        "--no-bot", action="store_true", help="no bot in this process; alerts wait in the outbox"
    )


def main(arguments: argparse.Namespace) -> int:
    """Read the config once and run; returns the exit code.

    Raises:
        ConfigError: the config or an argument is wrong.
        AlreadyRunning: another engine works on this state directory.
    """
    from trader.commands.early import early_lock

    lock = early_lock(arguments.config)
    # Imported only now: a mistyped flag or a second start is answered before the settings' models
    # are loaded and before any credential is read.
    from trader.app import RunOptions, run
    from trader.config import config_origin, load_settings
    from trader.domain.errors import ConfigError

    if arguments.mock and arguments.mode not in (None, "mock"):
        raise ConfigError(f"command line: --mock contradicts --mode {arguments.mode}; give one")
    if arguments.once and arguments.loops not in (None, 1):
        raise ConfigError(f"command line: --once contradicts --loops {arguments.loops}; give one")
    settings = load_settings(
        arguments.config,
        os.environ,
        {
            "mode.current": "mock" if arguments.mock else arguments.mode,
            "mock.seed": arguments.seed,
        },
    )
    options = RunOptions(
        loops=1 if arguments.once else arguments.loops,
        interval_s=arguments.interval,
        with_bot=not arguments.no_bot,
        version=__version__,
    )
    try:
        return run(settings, options, lock)
    except ConfigError as error:
        # Sound by itself, and wrong on this host.
        raise ConfigError(f"{config_origin(arguments.config)}: {error}") from error
