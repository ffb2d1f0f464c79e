"""What a market did lately: last trade, open, high, low and minute candles, noted as it happens.

The books move and nobody trades but the accounts, so prices are those of the best bid, and volumes
those of the accounts' own fills.
"""

from collections import deque
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

from trader.domain.order import Side
from trader.sim.model import Book, BookChanged, OrderFilled, SimEvent, SimTrade

_MINUTE_NS = 60_000_000_000
_CANDLES_KEPT = 1_440


class TapeTrade(Struct, frozen=True):
    """A public trade: the side is the taker's, and ``id`` grows with time."""

    id: int
    side: Side
    price: float
    volume: float
    at_ns: int


class Candle(Struct):
    """One minute's prices and volume."""

    start_ns: int
    opening: float
    high: float
    low: float
    closing: float
    volume: float = 0.0
    funds: float = 0.0


class Tape:
    """What one instrument did since the start."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self.book: Book | None = None
        self.last: TapeTrade | None = None
        self.opening = 0.0
        self.high = 0.0
        self.low = 0.0
        self.volume = {Side.BUY: 0.0, Side.SELL: 0.0}
        self.funds = 0.0
        self.candles: deque[Candle] = deque(maxlen=_CANDLES_KEPT)
        self.trades: deque[TapeTrade] = deque(maxlen=500)

    def note_book(self, book: Book) -> None:
        """A book was stated; its best bid is a price somebody would trade at."""
        self.book = book
        if not book.bids:
            return
        price = book.bids[0][0]
        if self.last is None:
            # What a venue showed before us, so that the first caller finds a last trade.
            self.opening = self.high = self.low = price
            self._append(Side.SELL, price, 1e-4, book.at_ns)
        self._price(price, book.at_ns)

    def note_trade(self, trade: SimTrade) -> TapeTrade:
        """One of the accounts' orders was filled."""
        side = trade.side
        if trade.is_maker:
            side = Side.SELL if side is Side.BUY else Side.BUY
        price, volume = float(trade.price), float(trade.quantity)
        noted = self._append(side, price, volume, trade.at_ns)
        self._price(price, trade.at_ns)
        self.volume[side] += volume
        self.funds += price * volume
        self.candles[-1].volume += volume
        self.candles[-1].funds += price * volume
        return noted

    @property
    def price(self) -> float:
        """The last price; zero before the first."""
        return self.candles[-1].closing if self.candles else 0.0

    def _append(self, side: Side, price: float, volume: float, at_ns: int) -> TapeTrade:
        number = max(at_ns // 100_000, self.last.id + 1 if self.last else 0)
        self.last = TapeTrade(number, side, price, volume, at_ns)
        self.trades.append(self.last)
        return self.last

    def _price(self, price: float, at_ns: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low or price, price)
        start_ns = at_ns - at_ns % _MINUTE_NS
        if not self.candles or self.candles[-1].start_ns < start_ns:
            self.candles.append(Candle(start_ns, price, price, price, price))
            return
        candle = self.candles[-1]
        candle.high, candle.low = max(candle.high, price), min(candle.low, price)
        candle.closing = price


class Tapes:
    """The tapes of a venue, per symbol; bounded by what it lists."""

    def __init__(self) -> None:
        """None yet."""
        self._tapes: dict[str, Tape] = {}

    def of(self, symbol: str) -> Tape:
        """The tape of a symbol."""
        found = self._tapes.get(symbol)
        if found is None:
            found = self._tapes[symbol] = Tape()
        return found

    def hear(self, event: SimEvent) -> None:
        """Note what an event says of a market."""
        match event:
            case BookChanged():
                self.of(event.symbol).note_book(event.book)
            case OrderFilled():
                self.of(event.order.symbol).note_trade(event.trade)
            case _:
                pass


def grouped(
    levels: tuple[tuple[float, float], ...], step: Decimal, *, upwards: bool
) -> tuple[tuple[float, float], ...]:
    """Levels of a book gathered to whole steps of price: bids downwards, asks upwards."""
    if not step:
        return levels
    sums: dict[Decimal, Decimal] = {}
    for price, size in levels:
        exact = Decimal(repr(price))
        rounding = ROUND_CEILING if upwards else ROUND_FLOOR
        whole = (exact / step).to_integral_value(rounding)
        sums[whole * step] = sums.get(whole * step, Decimal(0)) + Decimal(repr(size))
    return tuple((float(price), float(size)) for price, size in sums.items())
