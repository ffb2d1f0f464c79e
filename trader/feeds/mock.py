"""Mock feed: the seeded market as book events on simulated time. No network, no real clock."""

from collections.abc import Callable, Sequence

from trader.domain.clock import SimulatedClock
from trader.domain.events import BookUpdated, Event
from trader.domain.instrument import InstrumentId
from trader.domain.market import OrderBook
from trader.domain.synthetic import SyntheticMarket

_CATCH_UP_NS = 24 * 3_600 * 1_000_000_000


class MockFeed:
    """States every book of the synthetic market once a step, one after the other through the step.

    Venues do not speak in one breath: the market moves on between one book and the next.
    """

    def __init__(
        self,
        market: SyntheticMarket,
        instruments: Sequence[InstrumentId],
        clock: SimulatedClock,
        deliver: Callable[[Event], None],
        step_ms: int,
    ) -> None:
        self._market = market
        self._clock = clock
        self._deliver = deliver
        self._instruments = tuple(instruments)
        self._turn_ns = step_ms * 1_000_000 // len(self._instruments)
        self._turn = 0

    def catch_up(self, elapsed_ns: int) -> None:
        """Bring a market that begins from its seed to where a restarted run left it.

        Step by step it is the very same market, for up to a day; beyond that, one long step is a
        market that could have been.
        """
        if elapsed_ns > _CATCH_UP_NS:
            self._market.step((elapsed_ns - _CATCH_UP_NS) / 1e9)
            elapsed_ns = _CATCH_UP_NS
        for _ in range(elapsed_ns // self._turn_ns):
            self._market.step(self._turn_ns / 1e9)

    def start(self) -> None:
        """Begin to speak, now."""
        self._clock.call_later(0, self._state_next)

    def _state_next(self) -> None:
        self._market.step(self._turn_ns / 1e9)
        instrument = self._instruments[self._turn % len(self._instruments)]
        self._turn += 1
        self._clock.call_later(self._turn_ns, self._state_next)
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
