"""A seeded market: what mock mode and the local exchange show instead of real venues.

Latent processes (a coin's price, the dollar, the premiums between venues) advance with time, and
order books are drawn around them. Episodes are scheduled, so no step length changes their times.
"""

import math
from collections.abc import Iterable
from itertools import accumulate
from random import Random

import msgspec

MAX_DEPTH = 30

_Side = tuple[tuple[float, float], ...]
_Sides = tuple[_Side, _Side]

_MINUTE_S = 60.0
_HOUR_S = 3_600.0
_DAY_S = 86_400.0
_YEAR_S = 365.0 * _DAY_S

_DOLLAR_KRW = 1_390.0
_DOLLAR_INSTRUMENT = "upbit:USDT-KRW"
# Coin prices and the dollar are pulled back, weakly, so that months of simulation stay plausible.
_COIN_HALF_LIFE_S = 20.0 * _DAY_S
_DOLLAR_HALF_LIFE_S = 5.0 * _DAY_S
_DOLLAR_SD = 0.01

# Both Korean venues share these bands at and above 100 KRW; every band divides the next one.
_KRW_BANDS = (1_000_000, 500_000, 100_000, 50_000, 10_000, 5_000)
_KRW_LOTS = 100_000_000


class SyntheticBook(msgspec.Struct, frozen=True, gc=False):
    """Both sides of one instrument, best first, as ``(price, quantity)`` on the venue's grid."""

    instrument: str
    bids: _Side
    asks: _Side


class _CoinSpec(msgspec.Struct, frozen=True):
    """A coin's start price, annualised volatility, usual best size, and its grid in dollars."""

    price_usdt: float
    volatility: float
    best_size: float
    ticks_per_usdt: int
    lots_per_coin: int


_COINS = {
    "BTC": _CoinSpec(108_000.0, 0.50, 0.07, 100, 100_000),
    "ETH": _CoinSpec(3_900.0, 0.65, 1.9, 100, 10_000),
    "SOL": _CoinSpec(190.0, 0.80, 40.0, 100, 1_000),
    "XRP": _CoinSpec(2.5, 0.75, 3_000.0, 10_000, 10),
}
SIMULATED_COINS = tuple(_COINS)


class _BookSpec(msgspec.Struct, frozen=True):
    """A venue's books: spreads and gaps as parts of the price, sizes as multiples of the coin's."""

    spread: float
    stress_spread: float
    gap: float
    size_factor: float


_UPBIT = _BookSpec(2e-5, 2.0e-4, 4e-5, 0.9)
_BITHUMB = _BookSpec(4e-5, 3.0e-4, 5e-5, 0.5)
_BINANCE = _BookSpec(1e-7, 0.5e-4, 1e-5, 1.2)
_DOLLAR = _BookSpec(0.0, 0.0, 0.0, 40_000.0)


class _EpisodeSpec(msgspec.Struct, frozen=True):
    """A breakaway's size (a fraction), its pace, and the ranges its times are drawn from."""

    sizes: tuple[float, float]
    first_s: tuple[float, float]
    lasts_s: tuple[float, float]
    rests_s: tuple[float, float]
    pace_s: float


_KIMCHI = _EpisodeSpec(
    sizes=(0.018, 0.03),
    first_s=(0.3 * _HOUR_S, 2.5 * _HOUR_S),
    lasts_s=(1.0 * _HOUR_S, 2.0 * _HOUR_S),
    rests_s=(3.0 * _HOUR_S, 6.0 * _HOUR_S),
    pace_s=7.0 * _MINUTE_S,
)
_DOMESTIC = _EpisodeSpec(
    sizes=(0.006, 0.011),
    first_s=(0.5 * _HOUR_S, 5.0 * _HOUR_S),
    lasts_s=(15.0 * _MINUTE_S, 45.0 * _MINUTE_S),
    rests_s=(4.0 * _HOUR_S, 9.0 * _HOUR_S),
    pace_s=4.0 * _MINUTE_S,
)


# How long a book stays thin: on its own account, and as a breakaway begins.
_THIN_LASTS_S = (3.0 * _MINUTE_S, 8.0 * _MINUTE_S)
_THIN_ONSET_LASTS_S = (2.0 * _MINUTE_S, 3.5 * _MINUTE_S)


class _Reverting:
    """An Ornstein-Uhlenbeck process around zero, discretised exactly for any step."""

    __slots__ = ("_keep", "_noise", "_rate", "_rng", "_sd", "_step_s", "value")

    def __init__(self, rng: Random, sd: float, half_life_s: float, value: float | None = None):
        """Start at ``value``, or somewhere drawn from the stationary distribution."""
        self._rng = rng
        self._sd = sd
        self._rate = math.log(2.0) / half_life_s
        self._step_s = 0.0
        self._keep = 1.0
        self._noise = 0.0
        self.value = rng.gauss(0.0, sd) if value is None else value

    def advance(self, elapsed_s: float) -> None:
        if elapsed_s != self._step_s:
            self._step_s = elapsed_s
            self._keep = math.exp(-self._rate * elapsed_s)
            self._noise = self._sd * math.sqrt(-math.expm1(-2.0 * self._rate * elapsed_s))
        self.value = self.value * self._keep + self._noise * self._rng.gauss(0.0, 1.0)


class _Breakaway:
    """A premium that at times runs to a far level, stays there a while and comes back."""

    __slots__ = ("_change_in_s", "_rng", "_spec", "_target", "level")

    def __init__(self, rng: Random, spec: _EpisodeSpec):
        self._rng = rng
        self._spec = spec
        self._target = 0.0
        self._change_in_s = rng.uniform(*spec.first_s)
        self.level = 0.0

    @property
    def strain(self) -> float:
        """How far the level still has to run, as a fraction of the largest episode."""
        return abs(self._target - self.level) / self._spec.sizes[1]

    def advance(self, elapsed_s: float) -> float | None:
        """Move on; return how many seconds ago an episode began, if one did in this step."""
        onset_age_s = None
        while elapsed_s >= self._change_in_s:
            elapsed_s -= self._change_in_s
            self._relax(self._change_in_s)
            if self._target:
                self._target = 0.0
                self._change_in_s = self._rng.uniform(*self._spec.rests_s)
            else:
                sign = 1.0 if self._rng.random() < 0.5 else -1.0
                self._target = sign * self._rng.uniform(*self._spec.sizes)
                self._change_in_s = self._rng.uniform(*self._spec.lasts_s)
                onset_age_s = elapsed_s
        self._change_in_s -= elapsed_s
        self._relax(elapsed_s)
        return onset_age_s

    def _relax(self, elapsed_s: float) -> None:
        self.level += (self._target - self.level) * -math.expm1(-elapsed_s / self._spec.pace_s)


class _Thinning:
    """Minutes in which one venue's book is nearly empty: now and then, and as a premium runs."""

    __slots__ = ("_ends_in_s", "_rng", "_starts_in_s", "_venue", "side_krw")

    def __init__(self, rng: Random):
        self._rng = rng
        self._plan(rng.uniform(1.0 * _HOUR_S, 6.0 * _HOUR_S), _THIN_LASTS_S, "upbit")

    @property
    def venue(self) -> str:
        """The venue that is thin now, or an empty string."""
        return self._venue if self._starts_in_s <= 0.0 else ""

    def advance(self, elapsed_s: float, onset_age_s: float | None) -> None:
        self._starts_in_s -= elapsed_s
        self._ends_in_s -= elapsed_s
        if onset_age_s is not None:
            # Makers step back as the price begins to run, most of all where it runs: in Korea.
            delay_s = self._rng.uniform(0.2 * _MINUTE_S, 0.8 * _MINUTE_S)
            venue = "upbit" if self._rng.random() < 0.7 else "binance"
            self._plan(delay_s - onset_age_s, _THIN_ONSET_LASTS_S, venue)
        while self._ends_in_s <= 0.0:
            venue = ("upbit", "bithumb", "binance")[int(self._rng.random() * 3.0)]
            rest_s = self._rng.uniform(2.0 * _HOUR_S, 8.0 * _HOUR_S)
            self._plan(self._ends_in_s + rest_s, _THIN_LASTS_S, venue)

    def _plan(self, starts_in_s: float, lasts_s: tuple[float, float], venue: str) -> None:
        self._starts_in_s = starts_in_s
        self._ends_in_s = starts_in_s + self._rng.uniform(*lasts_s)
        self._venue = venue
        self.side_krw = self._rng.uniform(3_000_000.0, 9_000_000.0)


class _Ladder:
    """The visible levels of one instrument; each draw renews a few of them and keeps the rest."""

    def __init__(
        self, rng: Random, spec: _BookSpec, depth: int, *, size: float, lots: int, ticks: float
    ):
        """Fill both sides; ``lots`` make one coin and ``ticks`` one coin's price at the start."""
        self._rng = rng
        self._spec = spec
        self._lots = lots
        self._depth = depth
        self._gap_ticks = ticks * spec.gap
        size *= spec.size_factor
        self._typical = [size * (1.0 + 0.25 * level) for level in range(depth)]
        # Steps from level to level, downwards for bids. The first is replaced by the best price.
        self._steps = [[way * self._gap() for _ in range(depth)] for way in (-1, 1)]
        self._sizes = [[self._size(level, 0.0) for level in range(depth)] for _ in (-1, 1)]

    def draw(self, ticks: float, tick: int, parts: int, mood: float, strain: float) -> _Sides:
        """Return bids and asks around a price of so many ticks, each ``tick / parts`` in money.

        ``mood`` is the log of how deep books are now, ``strain`` (0 to 1) widens the spread.
        """
        width = ticks * (self._spec.spread + self._spec.stress_spread * strain)
        spread = 1 + int(width * -math.log(1.0 - self._rng.random()))
        bid = math.floor(ticks - 0.5 * (spread - 1))
        bids = self._renewed(0, bid, mood)
        asks = self._renewed(1, bid + spread, mood)
        # A whole number divided once is the float nearest to the decimal, so it prints clean.
        return (
            tuple([(n * tick / parts, size) for n, size in bids]),
            tuple([(n * tick / parts, size) for n, size in asks]),
        )

    def thinned(self, side: _Side, total: float) -> _Side:
        """Return the side scaled down to hold about ``total`` coins, if it held more."""
        scale = min(1.0, total / sum(size for _, size in side)) * self._lots
        return tuple([(price, max(1, int(size * scale)) / self._lots) for price, size in side])

    def _renewed(self, side: int, best: int, mood: float) -> Iterable[tuple[int, float]]:
        steps, sizes = self._steps[side], self._sizes[side]
        level = int(self._rng.random() * self._depth)
        steps[level] = self._gap() if side else -self._gap()
        steps[0] = best
        sizes[level] = self._size(level, mood)
        sizes[0] = self._size(0, mood)
        return zip(accumulate(steps), sizes, strict=True)

    def _gap(self) -> int:
        return 1 + int(self._gap_ticks * -math.log(1.0 - self._rng.random()))

    def _size(self, level: int, mood: float) -> float:
        size = self._typical[level] * math.exp(mood + self._rng.gauss(0.0, 0.8))
        # What others have left of a best level is sometimes too little even for a small order.
        if not level and self._rng.random() < 0.01:
            size *= 0.01
        return max(1, int(size * self._lots)) / self._lots


class _CoinMarket:
    """One coin's latent state across the three venues and its books there."""

    def __init__(self, seed: str, coin: str, depth: int):
        self._spec = spec = _COINS[coin]
        rng = Random(f"{seed}/{coin}/moves")
        price_sd = spec.volatility * math.sqrt(_COIN_HALF_LIFE_S / _YEAR_S / (2.0 * math.log(2.0)))
        self._price = _Reverting(rng, price_sd, _COIN_HALF_LIFE_S, 0.0)
        self._kimchi = _Reverting(rng, 0.0027, 20.0 * _MINUTE_S)
        self._domestic = _Reverting(rng, 0.0018, 12.0 * _MINUTE_S)
        self._mood = _Reverting(rng, 0.3, 2.0 * _HOUR_S)
        self._kimchi_breakaway = _Breakaway(Random(f"{seed}/{coin}/kimchi"), _KIMCHI)
        self._domestic_breakaway = _Breakaway(Random(f"{seed}/{coin}/domestic"), _DOMESTIC)
        self._thinning = _Thinning(Random(f"{seed}/{coin}/thin"))
        self._ladders: dict[str, _Ladder] = {}
        for venue, book in (
            ("upbit", _UPBIT),
            ("bithumb", _BITHUMB),
            ("binance", _BINANCE),
        ):
            price, tick, parts = self._price_at(venue, _DOLLAR_KRW)
            self._ladders[venue] = _Ladder(
                Random(f"{seed}/{coin}/{venue}"),
                book,
                depth,
                size=spec.best_size,
                lots=spec.lots_per_coin if venue == "binance" else _KRW_LOTS,
                ticks=price * parts / tick,
            )

    def advance(self, elapsed_s: float) -> None:
        self._price.advance(elapsed_s)
        self._kimchi.advance(elapsed_s)
        self._domestic.advance(elapsed_s)
        self._mood.advance(elapsed_s)
        self._domestic_breakaway.advance(elapsed_s)
        self._thinning.advance(elapsed_s, self._kimchi_breakaway.advance(elapsed_s))

    def draw(self, venue: str, dollar_krw: float) -> _Sides:
        """Return the venue's bids and asks with the dollar at that many won."""
        price, tick, parts = self._price_at(venue, dollar_krw)
        ladder = self._ladders[venue]
        strain = self._kimchi_breakaway.strain
        bids, asks = ladder.draw(price * parts / tick, tick, parts, self._mood.value, strain)
        if venue == self._thinning.venue:
            price_krw = price * dollar_krw if venue == "binance" else price
            total = self._thinning.side_krw / price_krw
            bids, asks = ladder.thinned(bids, total), ladder.thinned(asks, total)
        return bids, asks

    def _price_at(self, venue: str, dollar_krw: float) -> tuple[float, int, int]:
        """Return the price, and the tick as a fraction, in the venue's own currency."""
        price = self._spec.price_usdt * math.exp(self._price.value)
        if venue == "binance":
            return price, 1, self._spec.ticks_per_usdt
        price *= dollar_krw * (1.0 + self._kimchi.value + self._kimchi_breakaway.level)
        if venue == "bithumb":
            price *= 1.0 + self._domestic.value + self._domestic_breakaway.level
        return price, _krw_tick(price), 1


def _krw_tick(price: float) -> int:
    """Return a tick that is also valid a little above the price: bands divide one another."""
    # In each band the tick is a thousandth of the band's floor.
    return next((floor // 1_000 for floor in _KRW_BANDS if price * 1.02 >= floor), 1)


class SyntheticMarket:
    """A market that unfolds from a seed: the same seed and calls give the same books everywhere.

    A premium of Korea over Binance wanders around zero and every few hours breaks away by about
    two percent; Bithumb strays from Upbit by less; for minutes one venue's books may be thin.
    """

    def __init__(self, seed: int, *, coins: tuple[str, ...] = ("BTC",), depth: int = 15):
        """Prepare the market at its first instant.

        Raises:
            ValueError: no coin, one given twice or not known here, or a depth outside 1 to 30.
        """
        if not coins or len(set(coins)) != len(coins) or not all(coin in _COINS for coin in coins):
            raise ValueError(f"coins must be distinct and among {', '.join(_COINS)}: {coins}")
        if not 1 <= depth <= MAX_DEPTH:
            raise ValueError(f"depth must be 1 to {MAX_DEPTH} levels: {depth}")
        rng = Random(f"{seed}/dollar/moves")
        self._dollar = _Reverting(rng, _DOLLAR_SD, _DOLLAR_HALF_LIFE_S, 0.0)
        rng = Random(f"{seed}/dollar/book")
        self._dollar_ladder = _Ladder(
            rng, _DOLLAR, depth, size=1.0, lots=_KRW_LOTS, ticks=_DOLLAR_KRW
        )
        self._coins = {coin: _CoinMarket(str(seed), coin, depth) for coin in coins}
        self._listed = {
            f"{venue}:{coin}-{money}": (venue, coin)
            for coin in coins
            for venue, money in (
                ("upbit", "KRW"),
                ("bithumb", "KRW"),
                ("binance", "USDT"),
            )
        } | {_DOLLAR_INSTRUMENT: ("upbit", "")}
        self._drawn: dict[str, SyntheticBook] = {}

    @property
    def instruments(self) -> tuple[str, ...]:
        """Everything ``book`` can draw, such as ``upbit:BTC-KRW`` or ``binance:BTC-USDT``."""
        return tuple(self._listed)

    def step(self, elapsed_s: float) -> None:
        """Let that many seconds of market time pass; zero seconds change nothing.

        Raises:
            ValueError: the time is negative or not finite.
        """
        if not 0.0 <= elapsed_s < math.inf:
            raise ValueError(f"elapsed_s must be finite and not negative: {elapsed_s}")
        if elapsed_s == 0.0:
            return
        self._drawn.clear()
        self._dollar.advance(elapsed_s)
        for coin in self._coins.values():
            coin.advance(elapsed_s)

    def book(self, instrument: str) -> SyntheticBook:
        """Return the book as it stands now; until the next step it stays the same.

        Raises:
            KeyError: the instrument is not one of ``instruments``.
        """
        if instrument not in self._drawn:
            venue, coin = self._listed[instrument]
            dollar_krw = _DOLLAR_KRW * math.exp(self._dollar.value)
            if coin:
                bids, asks = self._coins[coin].draw(venue, dollar_krw)
            else:
                bids, asks = self._dollar_ladder.draw(dollar_krw, 1, 1, 0.0, 0.0)
            self._drawn[instrument] = SyntheticBook(instrument, bids, asks)
        return self._drawn[instrument]
