"""``trader run``: the engine itself."""

import argparse
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trader.commands.arguments import seconds, whole, whole_above_zero


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``run`` takes."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="config file (default config/live.yml)"
    )
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    parser.add_argument("--mock", action="store_true", help="simulated market and orders")
    parser.add_argument("--mode", choices=("mock", "paper", "live"), help="overrides mode.current")
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
    # Imported here, so that a mistyped flag is answered before the settings' models are loaded.
    from trader.app import RunOptions, run
    from trader.config import load_settings
    from trader.domain.errors import ConfigError

    if arguments.mock and arguments.mode not in (None, "mock"):
        raise ConfigError(f"command line: --mock contradicts --mode {arguments.mode}")
    if arguments.once and arguments.loops not in (None, 1):
        raise ConfigError(f"command line: --once contradicts --loops {arguments.loops}")
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
        version=program_version(),
    )
    return run(settings, options)


def program_version() -> str:
    """The installed version, or that of the source tree."""
    try:
        return version("trader")
    except PackageNotFoundError:
        return "source"
