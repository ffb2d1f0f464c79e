"""Whether a book may be traded on, against a slow definition written independently."""

from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import AT_NS, NOW_NS, UPBIT_BTC
from trader.domain.market import Level, MarketView, OrderBook, flaw_of

pytestmark = pytest.mark.fast

ODD = st.sampled_from([nan, inf, -inf, 0.0, -0.0, -1.0, 5e-324, 1e308])
SIZES = st.one_of(st.sampled_from([0.5, 1.0]), ODD)


def sides(low: int, high: int, *, falling: bool) -> st.SearchStrategy[tuple[Level, ...]]:
    """Mostly well made levels, now and then spoilt."""
    prices = st.one_of(st.integers(low, high).map(float), ODD)
    listed = st.lists(st.tuples(prices, SIZES), max_size=4)
    good = st.lists(
        st.tuples(st.integers(low, high).map(float), st.just(1.0)), min_size=1, max_size=4
    )
    return st.one_of(listed, good.map(lambda levels: sorted(levels, reverse=falling)), good).map(
        tuple
    )


def is_sound(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> bool:
    """Both sides there, all finite and above zero, sorted, and the bid below the ask."""
    levels = (*bids, *asks)
    return (
        bool(bids and asks)
        and all(isfinite(x) and x > 0 for level in levels for x in level)
        and all(better[0] >= worse[0] for better, worse in pairwise(bids))
        and all(better[0] <= worse[0] for better, worse in pairwise(asks))
        and bids[0][0] < asks[0][0]
    )


@given(sides(90, 101, falling=True), sides(100, 110, falling=False))
def test_flawless_is_exactly_sound(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
    """Nothing unsound is traded on, nothing sound is thrown away."""
    book = OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS)

    assert (flaw_of(book) is None) is is_sound(bids, asks)


@given(sides(90, 101, falling=True), sides(100, 110, falling=False))
def test_only_a_sound_book_is_kept(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
    """For trading and for marks alike."""
    market = MarketView()
    market.update(OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS))

    assert (UPBIT_BTC in market.books) is is_sound(bids, asks)
    assert (UPBIT_BTC in market.last_good) is is_sound(bids, asks)
