"""Stand-in venues: books, order lanes and what is sensed of them, steered by a file. Run as
``python -m tests.support.stand_in --config FILE [--loops N]`` it is the real engine in paper or
live mode, whose orders end up in ``orders.jsonl`` of its working directory.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trader.app import RunOptions, run
from trader.app.connectors import KeySight, OurOrders, SeeAccount, VenueSight
from trader.app.wiring import simulated_instruments
from trader.config import Settings, load_settings
from trader.domain.clock import Clock
from trader.domain.control import Mode
from trader.domain.errors import ConfigError
from trader.domain.events import BookUpdated, Event
from trader.domain.instrument import Instrument, InstrumentId, Venue
from trader.domain.market import OrderBook
from trader.domain.order import ApprovedOrder
from trader.execution.paper import PaperVenues
from trader.ops.around import VenueFigures
from trader.ops.lease import AlreadyRunning

STEERING, ORDERS = "outside.json", "orders.jsonl"
_PRICE, _SIZE = 150_000_000.0, 5.0
_BOOK_EVERY_S = 0.05
_LATENCY_MS = 5.0


class Steering(msgspec.Struct, frozen=True):
    """What the file may say of the venues; every key may be left out."""

    premium_pct: float = 0.0
    """How much dearer the first venue of a pair is."""
    silent: bool = False
    reconciled: bool = True
    skew_ms: float | None = 5.0
    cannot_withdraw: bool | None = True
    answers: bool = True
    """Whether orders are filled; otherwise nothing is ever heard of them."""


def steer(directory: Path, **values: Any) -> None:
    """Change what the venues of the engine in ``directory`` do; the rest is as at first."""
    draft = directory / f"{STEERING}.new"
    draft.write_bytes(msgspec.json.encode(Steering(**values)))
    draft.replace(directory / STEERING)


def orders_of(directory: Path) -> list[dict[str, Any]]:
    """The orders that reached the venues, oldest first."""
    path = directory / ORDERS
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


class StandIn:
    """Connectors whose venues live in this process."""

    def __init__(self, settings: Settings, fingerprint: str) -> None:
        self._instruments = simulated_instruments(settings)
        self._fingerprint = fingerprint
        self._books: dict[InstrumentId, OrderBook] = {}
        self._deliver: Callable[[Event], None] = lambda _: None
        self._clock: Clock | None = None
        self._fills: PaperVenues | None = None
        self._steering, self._read_mtime_ns = Steering(), 0

    @property
    def instruments(self) -> Mapping[InstrumentId, Instrument]:
        """Those the config names, with the simulated venues' rules."""
        return self._instruments

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """As the test says."""
        return (self._fingerprint,)

    def connect(
        self,
        clock: Clock,
        deliver: Callable[[Event], None],
        _orders: OurOrders,
    ) -> None:
        """Say where events go."""
        self._clock, self._deliver = clock, deliver
        self._fills = PaperVenues(self._instruments, self._books, clock, deliver, _LATENCY_MS)

    async def run(self) -> None:
        """State every book again and again."""
        while True:
            steering = self._steered()
            if not steering.silent:
                self._state_books(steering.premium_pct)
            await asyncio.sleep(_BOOK_EVERY_S)

    def lanes(self) -> Mapping[Venue, "StandIn"]:
        """This one, for every venue."""
        return {instrument.venue: self for instrument in self._instruments.values()}

    def prepare(self, _order: ApprovedOrder) -> str:
        """Always ready."""
        return ""

    def release(self, _order: ApprovedOrder) -> None:
        """Nothing was taken."""

    def submit(self, orders: Sequence[ApprovedOrder]) -> None:
        """Write down that they arrived, and fill them unless told not to."""
        with Path(ORDERS).open("a") as file:
            for order in orders:
                file.write(
                    json.dumps(
                        {
                            "id": order.client_order_id,
                            "trade": order.trade_id,
                            "purpose": order.purpose.value,
                            "instrument": order.intent.instrument,
                            "side": order.intent.side.value,
                            "pid": os.getpid(),
                        }
                    )
                    + "\n"
                )
        if self._steered().answers and self._fills is not None:
            self._fills.submit(orders)

    def figures(self) -> Mapping[Venue, VenueFigures]:
        """Connected, and nothing counted."""
        names = {instrument.venue for instrument in self._instruments.values()}
        return {name: VenueFigures(connected=True) for name in names}

    def accounts(self) -> Mapping[Venue, SeeAccount]:
        """They show none."""
        return {}

    def saw(self, _event: Event) -> None:
        """Nothing waits for it."""

    def venue(self, _venue: Venue) -> VenueSight:
        """As the file says."""
        steering = self._steered()
        return VenueSight(steering.reconciled, steering.skew_ms)

    def keys(self) -> KeySight:
        """As the file says."""
        return KeySight(self._steered().cannot_withdraw, 0.0)

    def _steered(self) -> Steering:
        path = Path(STEERING)
        if path.exists() and path.stat().st_mtime_ns != self._read_mtime_ns:
            self._read_mtime_ns = path.stat().st_mtime_ns
            self._steering = msgspec.json.decode(path.read_bytes(), type=Steering)
        return self._steering

    def _state_books(self, premium_pct: float) -> None:
        assert self._clock is not None
        for number, instrument in enumerate(self._instruments.values()):
            now = self._clock.now()
            mid = _PRICE * (1 + premium_pct / 100) if number == 0 else _PRICE
            book = OrderBook(
                instrument.id,
                ((mid - 1_000, _SIZE), (mid - 2_000, _SIZE)),
                ((mid + 1_000, _SIZE), (mid + 2_000, _SIZE)),
                now.at_ns,
                now.mono_ns,
                now.at_ns,
            )
            self._books[instrument.id] = book
            self._deliver(BookUpdated(book))


def main() -> int:
    """Run the engine on the stand-in; the exit codes are the program's own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--mode", default="live")
    parser.add_argument("--loops", type=int)
    parser.add_argument("--account", default="stand-in")
    given = parser.parse_args()
    try:
        settings = load_settings(given.config, os.environ, {"mode.current": Mode(given.mode)})
        options = RunOptions(loops=given.loops, interval_s=None, with_bot=True, version="stand-in")
        return run(settings, options, None, StandIn(settings, given.account))
    except AlreadyRunning as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
