"""``trader alert-test``: one alert of every kind to the operator's chat."""

import argparse
import os
import sys

from trader.commands.arguments import file_name

SUMMARY = "send one alert of every kind to the chat, marked as a test"
DESCRIPTION = """\
Send one alert of every kind, silently and marked as a test, through the messenger the engine uses:
about half a minute in all. Without credentials it says so and shows the messages instead.
Needs no running engine and disturbs none.\
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``alert-test`` takes."""
    parser.add_argument("--config", type=file_name, metavar="FILE", help="config file")


def main(arguments: argparse.Namespace) -> int:
    """Send or show; returns 0 if every message was taken or shown, else 1.

    Raises:
        ConfigError: the config is wrong.
    """
    from trader.app.alert_test import alert_test
    from trader.config import load_settings

    settings = load_settings(arguments.config, os.environ, {})

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    return alert_test(settings, say)
