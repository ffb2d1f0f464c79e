"""``trader sim``: a local exchange that speaks Upbit, Bithumb and Binance."""

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trader.commands.arguments import file_name, one_of, whole

if TYPE_CHECKING:
    from trader.sim.captured import Captured
    from trader.sim.market import MarketSource
    from trader.sim.server import Setup, Simulator

SUMMARY = "run a local exchange that speaks Upbit, Bithumb and Binance"
DESCRIPTION = """\
Run a local exchange that speaks Upbit, Bithumb and Binance, until Ctrl+C: public and private HTTP
and WebSocket, checked signatures, orders matched against a moving book, faults on demand.
It prints the config and the test keys to use it with. Its operator's pages are under /admin.\
"""
DEFAULT_PORT = 8900


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what ``sim`` takes."""
    parser.add_argument(
        "--port",
        type=port,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"where it listens; 0 takes a free one (default {DEFAULT_PORT})",
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help=argparse.SUPPRESS)
    parser.add_argument(
        "--separate",
        action="store_true",
        help="also open N+1, N+2, N+3 for Upbit, Bithumb, Binance, for clients that take no path",
    )
    parser.add_argument(
        "--scenario", type=file_name, metavar="FILE", help="faults and changes by the second"
    )
    parser.add_argument(
        "--ledger", type=file_name, metavar="FILE", help="append the referee's ledger here"
    )
    parser.add_argument(
        "--bithumb-duplicate",
        type=one_of("existing", "refused"),
        default="existing",
        metavar="HOW",
        help="a used client id at Bithumb: existing (that order is answered) or refused",
    )
    parser.add_argument(
        "--ready-file", type=file_name, metavar="FILE", help="write the port here once it listens"
    )
    _add_market_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run until Ctrl+C or SIGTERM; returns 0.

    Raises:
        ConfigError: an argument, a file or a port is wrong.
    """
    setup = _setup(arguments)
    asyncio.run(_serve(setup, arguments.ready_file))
    return 0


def port(text: str) -> int:
    """A port, or 0 for a free one; three more follow it with --separate."""
    number = int(text) if text.isdecimal() and len(text) < 6 else -1
    if not 0 <= number <= 65_532:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: a port from 0 to 65532")
    return number


def above_zero(text: str) -> float:
    """A number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"is {text!r}; allowed: a number above 0, to 1000000")
    return number


def captured(text: str) -> tuple[str, Path]:
    """A venue and the file of its recorded messages."""
    venue, equals, path = text.partition("=")
    if venue not in ("upbit", "bithumb", "binance") or not equals or not path.strip():
        raise argparse.ArgumentTypeError(
            f"is {text!r}; allowed: upbit=FILE, bithumb=FILE or binance=FILE"
        )
    return venue, Path(path)


def _add_market_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=whole, default=7, metavar="N", help="seed of the market (default 7)"
    )
    parser.add_argument(
        "--candles",
        type=file_name,
        nargs="+",
        metavar="FILE",
        help="replay candles: Upbit's CSV, Binance's, and one of KRW-USDT instead of --usdt-krw",
    )
    parser.add_argument("--coin", default="BTC", metavar="COIN", help="whose candles (default BTC)")
    parser.add_argument(
        "--usdt-krw", type=above_zero, metavar="WON", help="won to the dollar, with --candles"
    )
    parser.add_argument(
        "--speed", type=above_zero, default=1.0, metavar="X", help="market seconds per second"
    )
    parser.add_argument(
        "--captured",
        type=captured,
        action="append",
        default=[],
        metavar="VENUE=FILE",
        help="replay recorded messages on this venue's public streams",
    )
    parser.add_argument(
        "--book-ms",
        type=above_zero,
        default=100.0,
        metavar="MS",
        help="how often every book is stated (default 100)",
    )


def _setup(arguments: argparse.Namespace) -> "Setup":
    from trader.domain.instrument import Venue
    from trader.sim.captured import read_captured
    from trader.sim.deeds import read_scenario
    from trader.sim.rules import ClientIds
    from trader.sim.server import Setup

    frames: dict[Venue, list[Captured]] = {
        Venue(venue): read_captured(path) for venue, path in arguments.captured
    }
    refuses = arguments.bithumb_duplicate == "refused"
    return Setup(
        market=_market(arguments),
        host=arguments.host,
        port=arguments.port,
        is_separate=arguments.separate,
        speed=arguments.speed,
        book_interval_s=arguments.book_ms / 1_000,
        ledger=arguments.ledger,
        scenario=read_scenario(arguments.scenario) if arguments.scenario else (),
        captured=frames,
        bithumb_client_ids=ClientIds.UNIQUE if refuses else ClientIds.RETURNS_EXISTING,
    )


def _market(arguments: argparse.Namespace) -> "MarketSource":
    from trader.domain.errors import ConfigError
    from trader.domain.synthetic import SIMULATED_COINS
    from trader.sim.candles import CandleMarket, read_candles
    from trader.sim.market import SeededMarket

    files, rate = arguments.candles, arguments.usdt_krw
    if files is None:
        if rate is not None:
            raise ConfigError("command line: --usdt-krw needs --candles")
        return SeededMarket(arguments.seed)
    if arguments.coin not in SIMULATED_COINS:
        allowed = ", ".join(SIMULATED_COINS)
        raise ConfigError(f"command line: --coin is {arguments.coin!r}; allowed: {allowed}")
    if len(files) not in (2, 3) or (rate is None) != (len(files) == 3):
        raise ConfigError(
            "command line: --candles takes Upbit's file, Binance's, and either a third of KRW-USDT"
            " or --usdt-krw"
        )
    upbit, binance, *dollar = [read_candles(path) for path in files]
    return CandleMarket(
        upbit, binance, dollar[0] if dollar else rate, arguments.coin, arguments.seed
    )


async def _serve(setup: "Setup", ready_file: Path | None) -> None:
    from trader.sim.greeting import greeting
    from trader.sim.server import Simulator

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    simulator = Simulator(setup)
    try:
        await simulator.start()
        if ready_file is not None:
            _tell(ready_file, simulator.port)
        sys.stdout.write(greeting(simulator))
        sys.stdout.flush()
        await _until(stopped, simulator)
    finally:
        await simulator.stop()


def _tell(ready_file: Path, port_taken: int) -> None:
    from trader.domain.errors import ConfigError

    try:
        ready_file.write_text(f"{port_taken}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--ready-file {ready_file}: cannot be written: {error.strerror}"
        ) from error


async def _until(stopped: asyncio.Event, simulator: "Simulator") -> None:
    """Wait to be stopped, or for what the simulator dies of."""
    running = asyncio.create_task(simulator.wait())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        running.result()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
