"""Arguments of the command line: what is allowed, said in one line where it is not met."""

import argparse
import math
from typing import NoReturn

from trader.domain.errors import ConfigError


class OneLineParser(argparse.ArgumentParser):
    """A parser whose mistakes are one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with an argument.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"command line: {message}; see --help")


def whole_above_zero(text: str) -> int:
    """A whole number from one on."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: a whole number from 1")
    return number


def whole(text: str) -> int:
    """A whole number from zero on, as a seed is."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: a whole number from 0")
    return number


def seconds(text: str) -> float:
    """Seconds, zero included."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: seconds from 0 to 86400")
    return number
