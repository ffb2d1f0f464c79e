"""Where books come from: a market source, how an operator bends it, and the pump that states it."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from msgspec import Struct

from trader.domain.instrument import BINANCE, BITHUMB, KRW, UPBIT, USDT, InstrumentId, split_id
from trader.domain.synthetic import SIMULATED_COINS, SyntheticMarket
from trader.sim.exchange import Exchange
from trader.sim.grid import scaled
from trader.sim.model import Levels, Listing

_DOLLAR_AT_UPBIT = InstrumentId("upbit:USDT-KRW")
_DOLLAR_AT_BITHUMB = InstrumentId("bithumb:USDT-KRW")
_DOLLAR_HELD_S = 45.0
_SHORTEST_SLEEP_S = 0.001

Sides = tuple[Levels, Levels]
"""Bids and asks, best first."""


class MarketSource(Protocol):
    """A market that moves when told so, and shows its books in between."""

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Everything it has a book of."""
        ...

    def step(self, elapsed_s: float) -> None:
        """Let so many seconds of market time pass."""
        ...

    def book(self, instrument: InstrumentId) -> Sides:
        """The book as it stands now; the same until the next step."""
        ...


class SeededMarket:
    """The market mock mode shows for the same seed, and the dollar at Bithumb beside it."""

    def __init__(self, seed: int, coins: tuple[str, ...] = SIMULATED_COINS) -> None:
        self._seed = seed
        self._market = SyntheticMarket(seed, coins=coins)
        self._elapsed_s = 0.0
        known = [InstrumentId(each) for each in self._market.instruments]
        self._instruments = (*known, _DOLLAR_AT_BITHUMB)

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Four coins at three venues, and the dollar at the Korean ones."""
        return self._instruments

    def step(self, elapsed_s: float) -> None:
        """Let the market move on."""
        self._elapsed_s += elapsed_s
        self._market.step(elapsed_s)

    def book(self, instrument: InstrumentId) -> Sides:
        """The book as it stands now."""
        if instrument == _DOLLAR_AT_BITHUMB:
            return self._dollar_at_bithumb()
        book = self._market.book(instrument)
        return book.bids, book.asks

    def _dollar_at_bithumb(self) -> Sides:
        """Upbit's, half as deep and now and then a won apart."""
        book = self._market.book(_DOLLAR_AT_UPBIT)
        held = int(self._elapsed_s / _DOLLAR_HELD_S)
        apart = Random(f"{self._seed}/dollar/bithumb/{held}").choice((-1.0, 0.0, 0.0, 1.0))
        return _apart(book.bids, apart), _apart(book.asks, apart)


def _apart(levels: Levels, won: float) -> Levels:
    return tuple((price + won, round(size * 0.5, 8)) for price, size in levels)


class MarketChange(Struct, frozen=True, forbid_unknown_fields=True):
    """How an operator bends the market; whatever is not given stays as it is.

    ``premium_pct`` pins Korea over Binance for ``coin`` (all of them if empty), ``unpin`` lets go.
    ``jump_pct`` moves prices at ``venue`` (at all of them if empty) for good.
    """

    venue: str = ""
    coin: str = ""
    premium_pct: float | None = None
    unpin: bool = False
    jump_pct: float | None = None
    frozen: bool | None = None


class BentMarket:
    """A market an operator can freeze, move and hold at a premium. It is a source itself."""

    def __init__(self, source: MarketSource, listings: dict[InstrumentId, Listing]) -> None:
        self._source = source
        self._listings = listings
        self._factors: dict[InstrumentId, float] = {}
        self._pins_pct: dict[str, float] = {}
        self.is_frozen = False

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Those of the source."""
        return self._source.instruments

    @property
    def pins_pct(self) -> dict[str, float]:
        """The premiums that are held, in percent, by coin."""
        return dict(self._pins_pct)

    def step(self, elapsed_s: float) -> None:
        """Let the market move on, unless it is frozen."""
        if not self.is_frozen:
            self._source.step(elapsed_s)

    def book(self, instrument: InstrumentId) -> Sides:
        """The book as it stands now, bent."""
        bids, asks = self._source.book(instrument)
        if not self._factors and not self._pins_pct:
            return bids, asks
        factor = self._factors.get(instrument, 1.0) * self._pinning(instrument)
        if factor == 1.0:
            return bids, asks
        rules = self._listings[instrument].instrument
        return scaled(bids, factor, rules, is_bid=True), scaled(asks, factor, rules, is_bid=False)

    def apply(self, change: MarketChange) -> None:
        """Bend it.

        Raises:
            ValueError: no such venue or coin, or a percentage no market could survive.
        """
        coins = {base for _, base, _ in map(split_id, self.instruments) if base != USDT}
        if change.coin and change.coin not in coins:
            raise ValueError(f"coin is {change.coin!r}; allowed: {', '.join(sorted(coins))}")
        if change.venue and change.venue not in (UPBIT, BITHUMB, BINANCE):
            raise ValueError(f"venue is {change.venue!r}; allowed: upbit, bithumb, binance")
        for name, pct in (("premium_pct", change.premium_pct), ("jump_pct", change.jump_pct)):
            if pct is not None and not -90 <= pct <= 900:
                raise ValueError(f"{name} is {pct}; allowed: -90 to 900")
        wanted = [change.coin] if change.coin else sorted(coins)
        for coin in wanted:
            if change.unpin:
                self._pins_pct.pop(coin, None)
            if change.premium_pct is not None:
                self._pins_pct[coin] = change.premium_pct
        if change.jump_pct is not None:
            for instrument in self.instruments:
                venue, base, _ = split_id(instrument)
                if base in wanted and change.venue in ("", venue):
                    before = self._factors.get(instrument, 1.0)
                    self._factors[instrument] = before * (1 + change.jump_pct / 100)
        if change.frozen is not None:
            self.is_frozen = change.frozen

    def straighten(self) -> None:
        """Undo every bend."""
        self._factors.clear()
        self._pins_pct.clear()
        self.is_frozen = False

    def _pinning(self, instrument: InstrumentId) -> float:
        """What moves a Korean book to the premium it is held at; both venues by the same factor."""
        _, base, quote = split_id(instrument)
        premium_pct = self._pins_pct.get(base)
        if premium_pct is None or quote != KRW:
            return 1.0
        abroad = InstrumentId(f"{BINANCE}:{base}-{USDT}")
        at_home = InstrumentId(f"{UPBIT}:{base}-{KRW}")
        fair = self._mid(abroad) * self._mid(_DOLLAR_AT_UPBIT)
        return fair * (1 + premium_pct / 100) / self._mid(at_home)

    def _mid(self, instrument: InstrumentId) -> float:
        bids, asks = self._source.book(instrument)
        return (bids[0][0] + asks[0][0]) / 2 * self._factors.get(instrument, 1.0)


class Pump:
    """States every book about once an interval, one after the other, and moves the market on."""

    def __init__(
        self,
        exchange: Exchange,
        market: MarketSource,
        interval_s: float,
        speed: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._gap_s = interval_s / len(market.instruments)
        self._speed = speed
        self._monotonic = monotonic
        self._turn = 0
        self.stated = 0

    def state_all(self) -> None:
        """State every book once, without moving the market."""
        for _ in self._market.instruments:
            self._state_next()

    async def run(self) -> None:
        """State books until cancelled. A loop that was late leaves out what it missed."""
        moved_s = due_s = self._monotonic()
        while True:
            await asyncio.sleep(max(self._gap_s, _SHORTEST_SLEEP_S))
            now_s = self._monotonic()
            if now_s < due_s:
                continue
            self._market.step((now_s - moved_s) * self._speed)
            moved_s = now_s
            due_s = max(due_s, now_s - self._gap_s * len(self._market.instruments))
            while due_s <= now_s:
                self._state_next()
                due_s += self._gap_s

    def _state_next(self) -> None:
        instruments = self._market.instruments
        instrument = instruments[self._turn % len(instruments)]
        self._turn += 1
        self.stated += 1
        bids, asks = self._market.book(instrument)
        self._exchange.state_book(instrument, bids, asks)
