"""Whether a book may be traded on, against a slow definition written independently."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.book_rules import Side, first_flaw, is_sound
from tests.support.builders import AT_NS, NOW_NS, UPBIT_BTC
from trader.domain.market import Level, MarketView, OrderBook, flaw_of

pytestmark = pytest.mark.fast

ODD = st.sampled_from([nan, inf, -inf, 0.0, -0.0, -1.0, 5e-324, 1e308])
SIZES = st.one_of(st.sampled_from([0.5, 1.0]), ODD)


def sides(low: int, high: int, *, falling: bool) -> st.SearchStrategy[Side]:
    """Mostly well made levels, now and then spoilt."""
    prices = st.one_of(st.integers(low, high).map(float), ODD)
    listed = st.lists(st.tuples(prices, SIZES), max_size=4)
    good = st.lists(
        st.tuples(st.integers(low, high).map(float), st.just(1.0)), min_size=1, max_size=4
    )
    return st.one_of(listed, good.map(lambda levels: sorted(levels, reverse=falling)), good).map(
        tuple
    )


BIDS, ASKS = sides(90, 101, falling=True), sides(100, 110, falling=False)


@given(BIDS, ASKS)
def test_flawless_is_exactly_sound(bids: Side, asks: Side) -> None:
    """Nothing unsound is traded on, nothing sound is thrown away."""
    flaw = flaw_of(OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS))

    assert (flaw is None) is is_sound(bids, asks)
    assert flaw is first_flaw(bids, asks)


@given(BIDS, ASKS)
def test_only_a_sound_book_is_kept(bids: Side, asks: Side) -> None:
    """For trading and for marks alike."""
    market = MarketView()
    market.update(OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS))

    assert (UPBIT_BTC in market.books) is is_sound(bids, asks)
    assert (UPBIT_BTC in market.last_good) is is_sound(bids, asks)


Change = tuple[str, Side, Level, int, bool]


class Told:
    """Sides told before, of which the next are made: the last, and the last of a sound book."""

    def __init__(self, fresh: Side) -> None:
        self.last = self.sound = fresh

    def next(self, kind: str, fresh: Side, level: Level, at: int, *, of_sound: bool) -> Side:
        """Another side of the same levels, or the very same, or none of them."""
        base = self.sound if of_sound else self.last
        match kind:
            case "same":
                return base
            case "best":
                return (level, *base[at:])
            case "copied":
                return tuple((price, size) for price, size in base)
            case "spoilt" if base:
                where = at % len(base)
                return (*base[:where], level, *base[where + 1 :])
            case "cut":
                return base[:at]
            case _:
                return fresh


KINDS = st.sampled_from(["same", "best", "best", "spoilt", "spoilt", "copied", "cut", "new"])
PLACES = st.integers(0, 5)


def changes(low: int, high: int, *, falling: bool) -> st.SearchStrategy[Change]:
    """What becomes of a side from one book to the next. Mostly harmless, or nothing were shared."""
    prices = st.integers(low, high).map(float)
    levels = st.tuples(prices, st.just(1.0))
    fresh = st.lists(levels, min_size=4, max_size=6).map(
        lambda side: tuple(sorted(side, reverse=falling))
    )
    odd = st.one_of(levels, levels, st.tuples(st.one_of(prices, ODD), SIZES))
    return st.tuples(KINDS, fresh, odd, PLACES, st.booleans())


@given(
    st.lists(
        st.tuples(changes(90, 99, falling=True), changes(99, 108, falling=False)),
        min_size=2,
        max_size=10,
    )
)
def test_what_was_judged_before_hides_no_flaw(story: list[tuple[Change, Change]]) -> None:
    """A book that shares levels, sides or neither with earlier ones is judged as if it were first.

    Whether those were sound or not, and whichever level differs.
    """
    market = MarketView()
    bids, asks = Told(story[0][0][1]), Told(story[0][1][1])
    for bid_change, ask_change in story:
        for side, (kind, fresh, level, at, of_sound) in ((bids, bid_change), (asks, ask_change)):
            side.last = side.next(kind, fresh, level, at, of_sound=of_sound)
        book = OrderBook(UPBIT_BTC, bids.last, asks.last, AT_NS, NOW_NS)
        expected = first_flaw(bids.last, asks.last)

        assert market.update(book) is expected

        assert (market.books.get(UPBIT_BTC) is book) is (expected is None)
        assert market.flaws.get(UPBIT_BTC) is expected
        if expected is None:
            bids.sound, asks.sound = bids.last, asks.last
