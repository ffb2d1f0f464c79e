"""Order books: which may be traded on, what walking one costs, what a dollar is worth."""

from decimal import Decimal
from math import inf, nan

import pytest

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    DEEP,
    MS_NS,
    NOW_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_book,
    a_dollar_book,
    a_market,
)
from trader.domain.instrument import KRW, USDT, Asset
from trader.domain.market import (
    BookFlaw,
    Level,
    MarketView,
    OrderBook,
    exact,
    flaw_of,
    notional_within,
    quantity_within,
    walk,
)

GOOD_BIDS: tuple[Level, ...] = ((99.0, 1.0), (98.0, 2.0))
GOOD_ASKS: tuple[Level, ...] = ((100.0, 1.0), (101.0, 2.0))


def flaw(bids: tuple[Level, ...] = GOOD_BIDS, asks: tuple[Level, ...] = GOOD_ASKS) -> object:
    """The flaw of a book of these levels."""
    return flaw_of(OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS))


class TestFlaws:
    def test_a_good_book_has_none(self) -> None:
        """Sorted, both sides, all numbers."""
        assert flaw() is None

    @pytest.mark.parametrize(
        ("bids", "asks", "expected"),
        [
            ((), GOOD_ASKS, BookFlaw.ONE_SIDED),
            (GOOD_BIDS, (), BookFlaw.ONE_SIDED),
            (((100.0, 1.0),), GOOD_ASKS, BookFlaw.LOCKED),
            (((100.5, 1.0),), GOOD_ASKS, BookFlaw.CROSSED),
            (((98.0, 1.0), (99.0, 1.0)), GOOD_ASKS, BookFlaw.UNSORTED),
            (GOOD_BIDS, ((101.0, 1.0), (100.0, 1.0)), BookFlaw.UNSORTED),
        ],
    )
    def test_is_named(
        self, bids: tuple[Level, ...], asks: tuple[Level, ...], expected: BookFlaw
    ) -> None:
        """One-sided, locked, crossed or unsorted."""
        assert flaw(bids, asks) is expected

    @pytest.mark.parametrize("bad", [nan, inf, -inf, 0.0, -1.0])
    @pytest.mark.parametrize("level", [0, 1])
    def test_what_is_no_quantity_is_a_flaw(self, level: int, bad: float) -> None:
        """On either side, at any level."""
        bids, asks = list(GOOD_BIDS), list(GOOD_ASKS)
        bids[level] = (bids[level][0], bad)
        asks[level] = (asks[level][0], bad)

        assert flaw(bids=tuple(bids)) is BookFlaw.NOT_A_NUMBER
        assert flaw(asks=tuple(asks)) is BookFlaw.NOT_A_NUMBER

    @pytest.mark.parametrize("bad", [nan, inf, -inf, 0.0, -1.0])
    @pytest.mark.parametrize("level", [0, 1])
    def test_what_is_no_price_is_a_flaw(self, level: int, bad: float) -> None:
        """On either side, at any level."""
        bids, asks = list(GOOD_BIDS), list(GOOD_ASKS)
        bids[level] = (bad, 1.0)
        asks[level] = (bad, 1.0)

        assert flaw(bids=tuple(bids)) is not None
        assert flaw(asks=tuple(asks)) is not None

    def test_levels_of_one_price_are_none(self) -> None:
        """Some venues list orders singly."""
        assert flaw(bids=((99.0, 1.0), (99.0, 2.0))) is None


class TestFlawsBesideASoundBook:
    """What stood in a sound book already is not judged again; whatever differs is."""

    BIDS: tuple[Level, ...] = ((99.0, 1.0), (98.0, 2.0), (97.0, 3.0), (96.0, 4.0))
    ASKS: tuple[Level, ...] = ((100.0, 1.0), (101.0, 2.0), (102.0, 3.0), (103.0, 4.0))

    def flaw(self, bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS) -> object:
        """The flaw of a book that comes after a sound one."""
        market = MarketView()
        assert market.update(OrderBook(UPBIT_BTC, self.BIDS, self.ASKS, AT_NS, NOW_NS)) is None
        return market.update(OrderBook(UPBIT_BTC, bids, asks, AT_NS, NOW_NS))

    @pytest.mark.parametrize("gone", range(5))
    def test_another_best_level_is_judged(self, gone: int) -> None:
        """However many of the old ones it replaces."""
        bids, asks = self.BIDS[gone:], self.ASKS[gone:]

        assert self.flaw(bids=((99.5, 1.0), *bids)) is None
        assert self.flaw(asks=((99.5, 1.0), *asks)) is None
        for bad in (nan, inf, 0.0, -1.0):
            assert self.flaw(bids=((99.5, bad), *bids)) is BookFlaw.NOT_A_NUMBER
            assert self.flaw(asks=((99.5, bad), *asks)) is BookFlaw.NOT_A_NUMBER
        assert self.flaw(bids=((nan, 1.0), *bids)) is BookFlaw.NOT_A_NUMBER
        assert self.flaw(asks=((nan, 1.0), *asks)) is BookFlaw.NOT_A_NUMBER
        assert self.flaw(bids=((100.5, 1.0), *bids)) is BookFlaw.CROSSED
        assert self.flaw(asks=((99.0, 1.0), *asks)) is BookFlaw.LOCKED

    def test_a_best_level_behind_the_next_is_unsorted(self) -> None:
        """Also where all the others stay."""
        assert self.flaw(bids=((97.5, 1.0), *self.BIDS[1:])) is BookFlaw.UNSORTED
        assert self.flaw(asks=((101.5, 1.0), *self.ASKS[1:])) is BookFlaw.UNSORTED

    @pytest.mark.parametrize("at", [1, 2, 3])
    @pytest.mark.parametrize("bad", [nan, inf, 0.0, -1.0])
    def test_a_spoilt_level_among_old_ones_is_found(self, at: int, bad: float) -> None:
        """Though the others are the very same objects."""
        bids = (*self.BIDS[:at], (self.BIDS[at][0], bad), *self.BIDS[at + 1 :])
        asks = (*self.ASKS[:at], (self.ASKS[at][0], bad), *self.ASKS[at + 1 :])

        assert self.flaw(bids=bids) is BookFlaw.NOT_A_NUMBER
        assert self.flaw(asks=asks) is BookFlaw.NOT_A_NUMBER

    def test_old_levels_in_another_order_are_unsorted(self) -> None:
        """With the same worst one."""
        first, second, third, worst = self.BIDS

        assert self.flaw(bids=(first, third, second, worst)) is BookFlaw.UNSORTED

    def test_a_flawed_book_vouches_for_nothing(self) -> None:
        """The same again is as flawed."""
        market = MarketView()
        spoilt = OrderBook(UPBIT_BTC, (*self.BIDS[:2], (97.0, nan)), self.ASKS, AT_NS, NOW_NS)

        assert market.update(spoilt) is BookFlaw.NOT_A_NUMBER
        assert market.update(spoilt) is BookFlaw.NOT_A_NUMBER


class TestWalk:
    LEVELS: tuple[Level, ...] = ((100.0, 1.0), (110.0, 2.0), (120.0, 3.0))

    def test_within_the_best_level(self) -> None:
        """Its price, and all that stands there."""
        taken = walk(self.LEVELS, Decimal("0.5"))

        assert taken is not None
        assert (taken.filled, taken.average_price) == (Decimal("0.5"), Decimal(100))
        assert (taken.last_price, taken.displayed) == (Decimal(100), Decimal(1))

    def test_exactly_a_level_touches_no_other(self) -> None:
        """The next one is not reached."""
        taken = walk(self.LEVELS, Decimal(1))

        assert taken is not None
        assert taken.last_price == 100

    def test_over_several_levels(self) -> None:
        """One at 100 and one at 110 average 105."""
        taken = walk(self.LEVELS, Decimal(2))

        assert taken is not None
        assert (taken.average_price, taken.last_price) == (Decimal(105), Decimal(110))
        assert taken.displayed == 3

    def test_beyond_the_book_falls_short(self) -> None:
        """And says how far."""
        taken = walk(self.LEVELS, Decimal(10))

        assert taken is not None
        assert (taken.filled, taken.displayed) == (Decimal(6), Decimal(6))

    @pytest.mark.parametrize("quantity", ["0", "-1"])
    def test_nothing_costs_nothing_known(self, quantity: str) -> None:
        """There is no average of nothing."""
        assert walk(self.LEVELS, Decimal(quantity)) is None
        assert walk((), Decimal(1)) is None

    def test_floats_come_back_as_written(self) -> None:
        """The shortest decimal that names the float is what the venue wrote."""
        assert exact(0.1) == Decimal("0.1")
        assert exact(150_910_000.0) == 150_910_000
        assert exact(1e-08) == Decimal("0.00000001")


class TestDepth:
    def test_quantity_within_a_limit(self) -> None:
        """At the limit or better, for either side."""
        asks: tuple[Level, ...] = ((100.0, 1.0), (101.0, 2.0), (102.0, 4.0))
        bids: tuple[Level, ...] = ((99.0, 1.0), (98.0, 2.0), (97.0, 4.0))

        assert quantity_within(asks, Decimal(101), buying=True) == 3
        assert quantity_within(bids, Decimal(98), buying=False) == 3
        assert quantity_within(asks, Decimal("99.99"), buying=True) == 0

    def test_notional_within_a_share_of_mid(self) -> None:
        """One percent of 100 reaches 101 and not beyond."""
        levels: tuple[Level, ...] = ((100.5, 2.0), (101.0, 1.0), (101.5, 9.0))

        assert notional_within(levels, 100.0, 1.0) == 302.0


class TestMarketView:
    def test_a_flawed_book_takes_its_instrument_out(self) -> None:
        """Until a good one comes; the last good one stays for marks."""
        market = a_market()
        market.update(a_book(bid=2, ask=1))
        after_flaw = (UPBIT_BTC in market.books, UPBIT_BTC in market.last_good)
        market.update(a_book())

        assert after_flaw == (False, True)
        assert UPBIT_BTC in market.books
        assert market.flaws == {}

    def test_age_counts_from_the_last_good_book(self) -> None:
        """A flawed frame confirms nothing."""
        market = a_market()
        market.update(a_book(bid=2, ask=1, mono_ns=NOW_NS + MS_NS))

        assert market.age_ms(UPBIT_BTC, NOW_NS + 5 * MS_NS) == 5.0
        assert MarketView().age_ms(UPBIT_BTC, NOW_NS) is None

    def test_a_dollar_in_won(self) -> None:
        """Mid for booking; the ask when dollars leave, the bid when they come."""
        market = a_market()

        assert market.won_mid(USDT) == Decimal("1389.5")
        assert market.won_taking(USDT, leaving=True) == 1390
        assert market.won_taking(USDT, leaving=False) == 1389

    def test_a_won_is_a_won(self) -> None:
        """Whatever is known of dollars."""
        empty = MarketView()

        assert (empty.won_mid(KRW), empty.won_taking(KRW, leaving=True)) == (
            Decimal(1),
            Decimal(1),
        )

    @pytest.mark.parametrize("quote", [USDT, Asset("EUR")])
    def test_what_has_no_price_is_not_guessed(self, quote: Asset) -> None:
        """No book of it, no rate."""
        empty = MarketView(UPBIT_USDT)

        assert empty.won_mid(quote) is None
        assert empty.won_taking(quote, leaving=False) is None

    def test_another_currency_is_not_a_dollar(self) -> None:
        """The dollar's book prices dollars only."""
        assert a_market().won_mid(Asset("EUR")) is None

    def test_the_mid_is_exact(self) -> None:
        """Half a won between 1,389 and 1,390, and between any two ticks."""
        market = a_market(a_dollar_book("1389.1", "1389.2"))

        assert market.won_mid(USDT) == Decimal("1389.15")


def test_builders_make_the_books_they_say() -> None:
    """A book's best prices and mid."""
    levels: list[tuple[Number, Number]] = [(107_990, DEEP), (107_980, DEEP)]
    book = a_book(BINANCE_BTC, bids=levels, asks=[(108_000, DEEP)])

    assert (book.best_bid, book.best_ask, book.mid) == (107_990.0, 108_000.0, 107_995.0)
