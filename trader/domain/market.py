"""Order books as the venue last stated them, and what walking one for a size would cost."""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import isfinite

from msgspec import Struct

from trader.domain.instrument import KRW, USDT, Asset, InstrumentId

_INFINITE = float("inf")
_ONE = Decimal(1)

Level = tuple[float, float]
"""Price in the quote asset and quantity in the base asset."""


class BookFlaw(StrEnum):
    """Why a book may not be traded on."""

    ONE_SIDED = "one_sided"
    NOT_A_NUMBER = "not_a_number"
    UNSORTED = "unsorted"
    LOCKED = "locked"
    CROSSED = "crossed"


class OrderBook(Struct, frozen=True, gc=False):
    """A full snapshot of one instrument's best levels, best first.

    ``at_ns`` is UTC, for records; ``mono_ns`` is monotonic, for ages. Both are stamped when the
    frame was read. ``venue_ns`` is the venue's own time where it tells one.
    """

    instrument: InstrumentId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ns: int
    mono_ns: int
    venue_ns: int | None = None

    @property
    def best_bid(self) -> float:
        """Highest price somebody buys at."""
        return self.bids[0][0]

    @property
    def best_ask(self) -> float:
        """Lowest price somebody sells at."""
        return self.asks[0][0]

    @property
    def mid(self) -> float:
        """Half way between best bid and best ask."""
        return (self.bids[0][0] + self.asks[0][0]) / 2


class Walk(Struct, frozen=True, gc=False):
    """What taking ``quantity`` from one side costs; ``filled`` falls short where the book ends."""

    filled: Decimal
    average_price: Decimal
    last_price: Decimal
    displayed: Decimal
    """All that stands at ``last_price`` or better."""


# One decision asks for the same few prices again and again. Typed: 1 and 1.0 are written apart.
@lru_cache(maxsize=256, typed=True)
def exact(value: float) -> Decimal:
    """The decimal a venue wrote, back from the float it was decoded to (shortest repr)."""
    return Decimal(repr(value))


def flaw_of(book: OrderBook, sound: OrderBook | None = None) -> BookFlaw | None:
    """The first reason this book proposes nothing, or None.

    ``sound`` is a book of which this said None before: levels that stand behind its best one are
    not judged a second time where they stand behind this book's best one again.
    """
    bids, asks = book.bids, book.asks
    if not bids or not asks:
        return BookFlaw.ONE_SIDED
    last, best_ask = bids[0][0], asks[0][0]
    if last >= best_ask:
        return BookFlaw.LOCKED if last == best_ask else BookFlaw.CROSSED
    if sound is not None:
        # Where even the worst level is another object nothing was taken over, and nothing is saved.
        if bids[-1] is sound.bids[-1]:
            bids = () if bids is sound.bids else _unjudged(bids, sound.bids)
        if asks[-1] is sound.asks[-1]:
            asks = () if asks is sound.asks else _unjudged(asks, sound.asks)
    # This runs on every frame of every instrument, hence what looks clumsy: no chained comparison,
    # no global, and each side's worst price judged once, for all before it. A NaN passes none.
    infinite = _INFINITE
    for price, quantity in bids:
        if price <= last and quantity > 0.0 and quantity < infinite:
            last = price
        else:
            return _flaw_in_levels(book)
    if last <= 0.0:
        return _flaw_in_levels(book)
    last = best_ask
    for price, quantity in asks:
        if price >= last and quantity > 0.0 and quantity < infinite:
            last = price
        else:
            return _flaw_in_levels(book)
    return None if last < infinite else _flaw_in_levels(book)


def walk(levels: tuple[Level, ...], quantity: Decimal) -> Walk | None:
    """Take ``quantity`` (base asset, above zero) from ``levels``; None where there are none."""
    if not levels or quantity <= 0:
        return None
    left = quantity
    cost = displayed = last_price = Decimal(0)
    for price, size in levels:
        last_price, available = exact(price), exact(size)
        displayed += available
        taken = min(left, available)
        cost += taken * last_price
        left -= taken
        if left <= 0:
            break
    filled = quantity - left
    return Walk(filled, cost / filled, last_price, displayed)


def quantity_within(levels: tuple[Level, ...], limit: Decimal, *, buying: bool) -> Decimal:
    """How much stands at ``limit`` or better for one who buys (asks) or sells (bids)."""
    bound = float(limit)
    total = Decimal(0)
    for price, size in levels:
        if price > bound if buying else price < bound:
            break
        total += exact(size)
    return total


def notional_within(levels: tuple[Level, ...], mid: float, pct: float) -> float:
    """Value in the quote asset of what stands within ``pct`` percent of ``mid``."""
    reach = mid * pct / 100
    low, high = mid - reach, mid + reach
    total = 0.0
    for price, size in levels:
        if not low <= price <= high:
            break
        total += price * size
    return total


class MarketView:
    """The newest book of every instrument, and what a dollar costs in won. Forgettable.

    ``books`` holds what may be traded on; a flawed frame takes its instrument out until a good one
    comes. ``last_good`` keeps the last good book for marks, however old.
    """

    def __init__(self, usdt_krw: InstrumentId | None = None) -> None:
        self.usdt_krw = usdt_krw
        self.books: dict[InstrumentId, OrderBook] = {}
        self.last_good: dict[InstrumentId, OrderBook] = {}
        self.flaws: dict[InstrumentId, BookFlaw] = {}

    def update(self, book: OrderBook) -> BookFlaw | None:
        """Take a book in; returns its flaw if it may not be traded on."""
        instrument = book.instrument
        flaw = flaw_of(book, self.last_good.get(instrument))
        if flaw is None:
            self.books[instrument] = self.last_good[instrument] = book
            if self.flaws:
                self.flaws.pop(instrument, None)
            return None
        self.books.pop(instrument, None)
        self.flaws[instrument] = flaw
        return flaw

    def forget(self, instrument: InstrumentId) -> None:
        """Stop trading on an instrument until its next book (its connection was lost)."""
        self.books.pop(instrument, None)

    def age_ms(self, instrument: InstrumentId, now_mono_ns: int) -> float | None:
        """Milliseconds since the venue last confirmed this book; None if it never did."""
        book = self.last_good.get(instrument)
        return None if book is None else (now_mono_ns - book.mono_ns) / 1e6

    def won_mid(self, quote: Asset) -> Decimal | None:
        """Won for one unit of ``quote`` at mid, from the last good KRW-USDT book; None unpriced."""
        if quote == KRW:
            return _ONE
        book = self._dollar_book(quote)
        return None if book is None else (exact(book.best_bid) + exact(book.best_ask)) / 2

    def won_taking(self, quote: Asset, *, leaving: bool) -> Decimal | None:
        """Won for one unit of ``quote`` on the side one would have to take.

        The ask of KRW-USDT when dollars leave (we buy the coin with them), the bid when they come.
        """
        if quote == KRW:
            return _ONE
        book = self._dollar_book(quote)
        if book is None:
            return None
        return exact(book.best_ask if leaving else book.best_bid)

    def _dollar_book(self, quote: Asset) -> OrderBook | None:
        if quote != USDT or self.usdt_krw is None:
            return None
        return self.last_good.get(self.usdt_krw)


def _unjudged(side: tuple[Level, ...], sound: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels a flaw may be in: the best two, where the rest stood in a sound side already.

    Levels are compared by what they say, so nothing is taken on trust from whoever made them.
    """
    return side[:2] if side[1:] == sound[len(sound) - len(side) + 1 :] else side


def _flaw_in_levels(book: OrderBook) -> BookFlaw | None:
    """What the first level says that is no price and quantity, or worse placed than the last."""
    last = book.best_bid
    for price, quantity in book.bids:
        if not (0.0 < price <= last and 0.0 < quantity < _INFINITE):
            return _why(price, quantity)
        last = price
    last = book.best_ask
    for price, quantity in book.asks:
        if not (last <= price < _INFINITE and price > 0.0 and 0.0 < quantity < _INFINITE):
            return _why(price, quantity)
        last = price
    return None


def _why(price: float, quantity: float) -> BookFlaw:
    if isfinite(price) and isfinite(quantity) and price > 0 and quantity > 0:
        return BookFlaw.UNSORTED
    return BookFlaw.NOT_A_NUMBER
