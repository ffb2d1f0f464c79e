"""The bot's own command line: ``python -m bot setup``. Exit 2 for a mistake, 1 for a fault."""

import argparse
import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from bot.setup import DEFAULT_API, Given, SetupFailed, set_up
from trader.port import Language

EXIT_FAULT, EXIT_MISTAKE = 1, 2
TOKEN_NAME = "TELEGRAM_BOT_TOKEN"
MAX_WAIT_MINUTES = 60

_ALONE = (
    "the bot cannot run alone: that needs Redis, which this version does not use; it runs in the"
    " engine's process (python -m trader run). There is one command here: python -m bot setup"
)
_DESCRIPTION = """\
Find the chat the bot is to serve: asks for the token, waits for a message to the bot, sends a first
one there, and prints what to put where. Changes nothing on this host but the mark of its buttons.\
"""


class Mistake(Exception):
    """The command line is not understood; the text is one line."""


class _OneLineParser(argparse.ArgumentParser):
    """A parser whose mistakes are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong.

        Raises:
            Mistake: always.
        """
        raise Mistake(f"command line: {message}; see --help")


class Console:
    """The terminal, or whatever stands for it."""

    def __init__(self, *, token_from_stdin: bool) -> None:
        self._token_from_stdin = token_from_stdin

    def tell(self, line: str) -> None:
        """Show a line."""
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def ask(self, question: str) -> str:
        """Ask for a line.

        Raises:
            EOFError: nobody is there to answer.
        """
        sys.stdout.write(question)
        sys.stdout.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise EOFError
        return answer.strip()

    def ask_secret(self, question: str) -> str:
        """Ask for a line that is shown nowhere; empty where it could not be asked unseen."""
        if self._token_from_stdin:
            return sys.stdin.readline().strip()
        if not sys.stdin.isatty():
            return ""
        return getpass.getpass(question).strip()


def main(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command; returns the exit code."""
    try:
        arguments = _parsed(argv)
        if arguments.command is None:
            raise Mistake(_ALONE)
        given = Given(
            token=environment.get(TOKEN_NAME, "").strip(),
            language=_language(arguments.language, environment),
            api_base=arguments.api_base,
            state_dir=arguments.state_dir,
            wait_minutes=arguments.wait,
        )
        set_up(given, Console(token_from_stdin=arguments.token_stdin))
    except Mistake as error:
        return _said(str(error), EXIT_MISTAKE)
    except SetupFailed as error:
        return _said(str(error), EXIT_MISTAKE if error.is_mistake else EXIT_FAULT)
    except KeyboardInterrupt:
        return _said("", EXIT_FAULT)
    return 0


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    parser = _OneLineParser(
        prog="python -m bot", description="The engine in your pocket.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", metavar="setup")
    setup = commands.add_parser(
        "setup", help="find the chat id", description=_DESCRIPTION, allow_abbrev=False
    )
    setup.add_argument("--language", choices=[one.value for one in Language], help="default: yours")
    setup.add_argument("--api-base", type=_address, default=DEFAULT_API, metavar="URL")
    setup.add_argument("--state-dir", type=Path, default=Path("state"), metavar="DIR")
    setup.add_argument("--wait", type=_minutes, default=10.0, metavar="MINUTES")
    setup.add_argument(
        "--token-stdin", action="store_true", help="read the token from the first line of stdin"
    )
    return parser.parse_args(argv)


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError("a URL begins https:// or http://")
    return text.rstrip("/")


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= MAX_WAIT_MINUTES:
        raise argparse.ArgumentTypeError(f"minutes, above 0 to {MAX_WAIT_MINUTES}")
    return minutes


def _language(asked: str | None, environment: Mapping[str, str]) -> Language:
    if asked is not None:
        return Language(asked)
    locale = environment.get("LC_ALL") or environment.get("LANG") or ""
    return Language.KO if locale.startswith("ko") else Language.EN


def _said(line: str, code: int) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
