"""A market replayed from candles: the real premium of those weeks, with books drawn around it."""

import csv
import gzip
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from msgspec import Struct

from trader.domain.errors import ConfigError
from trader.domain.instrument import Instrument, InstrumentId, split_id
from trader.sim.defaults import listings_of
from trader.sim.files import why
from trader.sim.grid import Grid
from trader.sim.market import Sides

MAX_ROWS = 2_000_000
_COLUMNS = ("timestamp", "open", "high", "low", "close")
_DEPTH = 15
_LEVEL_KRW, _DOLLAR_LEVEL_KRW, _TYPICAL_USDT_KRW = 15_000_000.0, 60_000_000.0, 1_390.0
# Spreads, and gaps from level to level, as parts of the price.
_SPREADS = {"upbit": 1e-5, "bithumb": 3e-5, "binance": 0.0}
_GAP = 1e-5
# How far Bithumb strays from Upbit, as parts of the price, and over which market seconds.
_STRAYS = ((4e-4, 1_500.0), (3e-4, 410.0))


class Candle(Struct, frozen=True):
    """Prices over one interval."""

    open: float
    high: float
    low: float
    close: float

    def price_at(self, part: float) -> float:
        """The price after a part (0 to 1) of the interval: by way of both extremes, to the close.

        Rising candles visit their low first, falling ones their high.
        """
        first, second = (self.low, self.high) if self.close >= self.open else (self.high, self.low)
        way = (self.open, first, second, self.close)
        leg = min(int(part * 3), 2)
        within = part * 3 - leg
        return self.close if part >= 1 else way[leg] + (way[leg + 1] - way[leg]) * within


def read_candles(path: Path) -> dict[int, Candle]:
    """Candles by their UTC second, from CSV, gzipped or not.

    Raises:
        ConfigError: the file cannot be read, or a row is no candle; names file, line and value.
    """
    candles: dict[int, Candle] = {}
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            for number, row in enumerate(_rows(path, csv.DictReader(file)), start=2):
                if len(candles) >= MAX_ROWS:
                    raise ConfigError(f"{path}: more than {MAX_ROWS} candles")
                try:
                    at_s = _second(row["timestamp"])
                    candles[at_s] = _candle(row)
                except (ValueError, TypeError) as error:
                    raise ConfigError(f"{path}: line {number}: {error}") from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {why(error)}") from error
    if len(candles) < 2:
        raise ConfigError(f"{path}: holds {len(candles)} candles; at least 2 are needed")
    return dict(sorted(candles.items()))


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[dict[str, str]]:
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"{path}: no column {missing[0]}; needed: {', '.join(_COLUMNS)}")
    yield from reader


def _second(text: str) -> int:
    if text.isdigit():
        # Seconds or milliseconds; no candle is older than 1970 nor newer than the year 5138.
        return int(text) if len(text) <= 11 else int(text) // 1_000
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _candle(row: Mapping[str, str]) -> Candle:
    prices = [float(row[name]) for name in _COLUMNS[1:]]
    opened, high, low, close = prices
    if not all(0 < price < math.inf for price in prices):
        raise ValueError(f"prices must be above zero: {prices}")
    if not (low <= min(opened, close) and max(opened, close) <= high):
        raise ValueError(f"open and close must lie between low and high: {prices}")
    return Candle(opened, high, low, close)


class CandleMarket:
    """Upbit, Bithumb and Binance as candles tell them; what only one file holds is left out.

    The best bid is the candle's price put on the tick, so an interval ends with its close as best
    bid. Bithumb follows Upbit with a small deviation. After the last candle prices stand still.
    """

    def __init__(
        self,
        upbit: Mapping[int, Candle],
        binance: Mapping[int, Candle],
        usdt_krw: float | Mapping[int, Candle],
        coin: str = "BTC",
        seed: int = 0,
    ) -> None:
        """Lay the files over each other.

        Raises:
            ConfigError: they have no two instants in common.
        """
        series: list[Mapping[int, Candle]] = [upbit, binance]
        if not isinstance(usdt_krw, float):
            series.append(usdt_krw)
        shared = set(series[0]).intersection(*series[1:])
        if len(shared) < 2:
            raise ConfigError("candles: the files have fewer than 2 instants in common")
        self.times: Sequence[int] = sorted(shared)
        self.interval_s = min(
            after - before for before, after in zip(self.times, self.times[1:], strict=False)
        )
        self._upbit, self._binance, self._usdt_krw = upbit, binance, usdt_krw
        self._random = Random(f"{seed}/candles")
        self._elapsed_s = 0.0
        self._drawn: dict[InstrumentId, Sides] = {}
        self._instruments = tuple(
            InstrumentId(each)
            for each in (
                f"upbit:{coin}-KRW",
                f"bithumb:{coin}-KRW",
                f"binance:{coin}-USDT",
                "upbit:USDT-KRW",
                "bithumb:USDT-KRW",
            )
        )
        self._rules: dict[InstrumentId, Instrument] = {
            each.id: each.instrument for each in listings_of(self._instruments)
        }

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """One coin at three venues, and the dollar at the Korean ones."""
        return self._instruments

    @property
    def now_s(self) -> int:
        """The market's own time: UTC seconds of the candle that is being replayed, and its part."""
        index, part = self._place()
        return self.times[index] + int(part * self.interval_s)

    @property
    def is_over(self) -> bool:
        """Whether the last candle has closed."""
        return self._elapsed_s >= len(self.times) * self.interval_s

    def step(self, elapsed_s: float) -> None:
        """Let market time pass; holes in the files take none."""
        if elapsed_s > 0:
            self._elapsed_s += elapsed_s
            self._drawn.clear()

    def start_at(self, at_s: int) -> None:
        """Move to the first candle at or after this UTC second."""
        self._elapsed_s = float(bisect_left(self.times, at_s) * self.interval_s)
        self._drawn.clear()

    def book(self, instrument: InstrumentId) -> Sides:
        """The book as it stands now."""
        if instrument not in self._drawn:
            self._drawn[instrument] = self._draw(instrument, self._price(instrument))
        return self._drawn[instrument]

    def _place(self) -> tuple[int, float]:
        """Which candle it is and how much of it has passed; its very end still belongs to it."""
        passed = min(self._elapsed_s / self.interval_s, float(len(self.times)))
        index = max(math.ceil(passed) - 1, 0)
        return index, passed - index

    def _price(self, instrument: InstrumentId) -> float:
        venue, base, _ = split_id(instrument)
        index, part = self._place()
        at_s = self.times[index]
        if venue == "binance":
            return self._binance[at_s].price_at(part)
        if base == "USDT":
            rate = self._usdt_krw
            return rate if isinstance(rate, float) else rate[at_s].price_at(part)
        price = self._upbit[at_s].price_at(part)
        if venue == "bithumb":
            stray = sum(
                size * math.sin(2 * math.pi * self._elapsed_s / period_s)
                for size, period_s in _STRAYS
            )
            price *= 1 + stray
        return price

    def _draw(self, instrument: InstrumentId, price: float) -> Sides:
        venue, base, quote = split_id(instrument)
        rules, chance = self._rules[instrument], self._random
        grid = Grid(rules, price)
        bid = grid.below(price)
        ask = max(grid.above(price * (1 + _SPREADS[venue])), bid + 1)
        gap = max(grid.below(price * _GAP), 1)
        level_krw = _DOLLAR_LEVEL_KRW if base == "USDT" else _LEVEL_KRW
        size = level_krw / (price if quote == "KRW" else price * _TYPICAL_USDT_KRW)
        lots = round(1 / float(rules.lot))
        sides: list[list[tuple[float, float]]] = [[], []]
        for level in range(_DEPTH):
            for side, best, way in ((sides[0], bid, -1), (sides[1], ask, 1)):
                wanted = size * (1 + 0.4 * level) * (0.5 + chance.random())
                ticks = best + way * level * gap
                if ticks > 0:
                    side.append((grid.price(ticks), max(1, int(wanted * lots)) / lots))
        return tuple(sides[0]), tuple(sides[1])
