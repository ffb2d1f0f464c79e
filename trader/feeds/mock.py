"""Mock feed: the seeded market as book events on simulated time. No network, no real clock."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from trader.domain.clock import SimulatedClock
from trader.domain.events import BookUpdated, Event
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook
from trader.domain.synthetic import SyntheticBook

_CATCH_UP_NS = 24 * 3_600 * 1_000_000_000


class Market(Protocol):
    """A simulated market: it moves when told so, and shows its books in between."""

    def step(self, elapsed_s: float) -> None:
        """Let so many seconds of market time pass."""
        ...

    def book(self, instrument: str) -> SyntheticBook:
        """The book as it stands now; the same until the next step."""
        ...


class MockFeed:
    """States every book of the synthetic market about once a step, one after the other.

    Venues do not speak in one breath: the market moves on between one book and the next, by a
    little or by much, so that an order may find another book than the one it was decided on.
    """

    def __init__(
        self,
        market: Market,
        instruments: Sequence[InstrumentId],
        clock: SimulatedClock,
        deliver: Callable[[Event], None],
        step_ms: int,
        seed: int = 0,
    ) -> None:
        self._market = market
        self._clock = clock
        self._deliver = deliver
        self._instruments = tuple(instruments)
        self._mean_gap_ns = step_ms * 1_000_000 // len(self._instruments)
        self._chance = Random(f"{seed}/feed")
        self._gap_ns = self._next_gap()
        self._turn = 0

    def catch_up(self, elapsed_ns: int) -> None:
        """Bring a market that begins from its seed to where a restarted run left it.

        Step by step it is the very same market, for up to a day; beyond that, one long step is a
        market that could have been.
        """
        if elapsed_ns > _CATCH_UP_NS:
            self._market.step((elapsed_ns - _CATCH_UP_NS) / 1e9)
            elapsed_ns = _CATCH_UP_NS
        while self._gap_ns <= elapsed_ns:
            elapsed_ns -= self._gap_ns
            self._market.step(self._gap_ns / 1e9)
            self._gap_ns = self._next_gap()

    def start(self) -> None:
        """Begin to speak, now."""
        self._clock.call_later(0, self._state_next)

    def _state_next(self) -> None:
        self._market.step(self._gap_ns / 1e9)
        instrument = self._instruments[self._turn % len(self._instruments)]
        self._turn += 1
        self._gap_ns = self._next_gap()
        self._clock.call_later(self._gap_ns, self._state_next)
        stamp = self._clock.now()
        book = self._market.book(instrument)
        self._deliver(
            BookUpdated(
                OrderBook(
                    instrument,
                    book.bids,
                    book.asks,
                    stamp.at_ns,
                    stamp.mono_ns,
                    stamp.at_ns,
                )
            )
        )

    def _next_gap(self) -> int:
        """Between next to nothing and twice the mean."""
        return int(self._mean_gap_ns * (0.02 + 1.96 * self._chance.random()))
