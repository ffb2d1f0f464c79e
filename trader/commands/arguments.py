"""Arguments of the command line: what is allowed, said in one line where it is not met."""

import argparse
import difflib
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NoReturn

from trader.domain.errors import ConfigError


class OneLineParser(argparse.ArgumentParser):
    """A parser whose mistakes are one line, without the usage above it.

    An option must be written out: a shortened one could come to mean another in a later version.
    """

    def __init__(
        self, prog: str | None = None, description: str | None = None, epilog: str | None = None
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100),
        )

    @property
    def option_names(self) -> tuple[str, ...]:
        """Every option as it is written, ``--help`` included."""
        return tuple(self._option_string_actions)

    def parse(self, argv: Sequence[str], known: Collection[str]) -> argparse.Namespace:
        """Parse everything; ``known`` is what a mistyped option is compared with.

        Raises:
            ConfigError: an argument is wrong or not known.
        """
        arguments, unknown = self.parse_known_args(argv)
        if unknown:
            name = unknown[0].partition("=")[0]
            raise ConfigError(f"command line: {name} is not known; {nearest(name, known)}")
        return arguments

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with an argument.

        Raises:
            ConfigError: always.
        """
        option, colon, rest = message.removeprefix("argument ").partition(": ")
        text = f"{option} {rest}" if colon else message
        raise ConfigError(f"command line: {text}; see --help")


def nearest(given: str, known: Collection[str]) -> str:
    """What may have been meant by ``given``, or where to look."""
    alike = difflib.get_close_matches(given, sorted(known), n=1)
    return f"did you mean {alike[0]}?" if alike else "see --help"


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in allowed:
            words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise argparse.ArgumentTypeError(f"is {text!r}; allowed: {words}")
        return text

    return read


def file_name(text: str) -> Path:
    """The name of a file, which need not be there."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: the name of a file")
    return Path(text)


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
