"""``trader reconcile``: our orders and balances against the venues', without trading."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from trader.commands.arguments import file_name, one_of

if TYPE_CHECKING:
    from trader.config import Settings
    from trader.domain.reconcile_answers import KnownOrder, ReconcileAnswer

SUMMARY = "compare our orders and balances with the venues', without trading"
DESCRIPTION = """\
Compare the live ledger with its venues: open orders, recent orders of ours, balances with their
differences and a guess at the cause, orders whose outcome is not known. Nothing is traded.
Asks the running engine where there is one; else takes its locks and asks the venues itself.
--accept accepts every difference that stands; --accept ID one of them: venue:ASSET, the engine and
epoch of foreign orders, or a quarantined order, whose venue is asked once more and which is closed
by what it shows. Exit 0 when nothing differs, or something was accepted; 1 otherwise.\
"""
EVERYTHING = "*"
_SETTLES_WITHIN_S = 15.0
_LOOKS_EVERY_S = 0.25
_Answer = TypeVar("_Answer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``reconcile`` takes."""
    parser.add_argument("--config", type=file_name, metavar="FILE", help="config file")
    parser.add_argument(
        "--mode",
        type=one_of("mock", "paper", "live"),
        metavar="MODE",
        help="as if mode.current were this; only live has an account",
    )
    parser.add_argument(
        "--accept",
        nargs="?",
        const=EVERYTHING,
        metavar="ID",
        help="accept every difference that stands, or the one named",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(arguments: argparse.Namespace) -> int:
    """Compare and print, or accept; returns 0 when nothing differs or something was accepted.

    Raises:
        AlreadyRunning: another process holds the state or an account and does not answer.
        ConfigError: the config or an argument is wrong.
        JournalError: the journal cannot be read or written.
        PortError: an engine runs, or a venue is there, and does not answer as it should.
    """
    from trader.config import load_settings

    settings = load_settings(arguments.config, os.environ, {"mode.current": arguments.mode})
    if arguments.accept is not None:
        subject = "" if arguments.accept == EVERYTHING else arguments.accept
        return _accept(settings, subject)
    answer = _of_the_engine(settings) or _of_its_state(settings)
    _print(answer, as_json=arguments.json)
    return 1 if answer.differs else 0


def _of_the_engine(settings: "Settings") -> "ReconcileAnswer | None":
    """What the running engine's venues show; None where none runs."""
    from trader.app.inspection import ask_engine
    from trader.app.reconcile_questions import RECONCILE
    from trader.domain.errors import PortError
    from trader.domain.reconcile_answers import ReconcileAnswer
    from trader.port.local import Request

    answer = ask_engine(settings, Request(question=RECONCILE))
    if answer is None:
        return None
    if not answer.figures:
        raise PortError(f"not reconciled: {answer.error}")
    return _read(answer.figures, ReconcileAnswer)


def _of_its_state(settings: "Settings") -> "ReconcileAnswer":
    from trader.app.quiet_accounts import quiet_accounts

    _require_account(settings)
    with quiet_accounts(settings) as accounts:
        return accounts.reconcile()


def _accept(settings: "Settings", subject: str) -> int:
    from trader.app.inspection import ask_engine
    from trader.app.quiet_accounts import BY_HOST, quiet_accounts
    from trader.domain.control import Accept, ReplyCode
    from trader.domain.errors import PortError
    from trader.port.local import Request

    answer = ask_engine(settings, Request(command=Accept(BY_HOST, subject)))
    if answer is None:
        _require_account(settings)
        with quiet_accounts(settings) as accounts:
            reply = accounts.accept(subject)
    elif answer.reply is None:
        raise PortError(f"not accepted: {answer.error}")
    else:
        reply = answer.reply
    _say(": ".join(filter(None, (reply.note, "; ".join(reply.details)))))
    if answer is not None and reply.code is ReplyCode.ASKING_VENUE:
        return _until_settled(settings, subject)
    return 0 if reply.changed else 1


def _until_settled(settings: "Settings", order_id: str) -> int:
    """Wait for what the engine's look-up brings; returns 0 once the order is closed."""
    from trader.app.inspection import ask_engine
    from trader.app.reconcile_questions import ORDER
    from trader.domain.order import FINAL_STATES
    from trader.domain.reconcile_answers import KnownOrder
    from trader.port.local import Request

    give_up_at = time.monotonic() + _SETTLES_WITHIN_S
    while time.monotonic() < give_up_at:
        answer = ask_engine(settings, Request(question=ORDER, arguments={"id": order_id}))
        if answer is None or not answer.figures:
            break
        known = _read(answer.figures, KnownOrder)
        if known.line is not None and known.line.state in FINAL_STATES:
            _say(_outcome(known))
            return 0
        time.sleep(_LOOKS_EVERY_S)
    _say("its venue has not answered yet; the engine goes on asking and records what it shows")
    return 1


def _outcome(known: "KnownOrder") -> str:
    line = known.line
    if line is None:
        return "no such order"
    executed = f"{line.executed:f} of {line.quantity:f} executed"
    return f"{line.client_order_id}: {line.state.value}, {executed}" + (
        f" ({known.reason})" if known.reason else ""
    )


def _require_account(settings: "Settings") -> None:
    from trader.domain.control import Mode
    from trader.domain.errors import ConfigError

    if settings.mode.current is not Mode.LIVE:
        raise ConfigError(
            f"mode.current is {settings.mode.current.value}: only live has an account to reconcile;"
            " allowed: --mode live"
        )


def _read(figures: Mapping[str, object], kind: type[_Answer]) -> _Answer:
    import msgspec

    return msgspec.convert(figures, kind)


def _print(answer: "ReconcileAnswer", *, as_json: bool) -> None:
    from msgspec import to_builtins

    from trader.commands.reconcile_page import page

    if as_json:
        _say(json.dumps(to_builtins(answer), ensure_ascii=False, indent=2))
    else:
        _say(page(answer))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
