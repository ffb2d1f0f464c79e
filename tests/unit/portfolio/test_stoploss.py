"""Stop-loss: when a trade, or a lone leg, has lost what it may; nothing sooner, nothing later."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    BINANCE_BTC,
    DEEP,
    MS_NS,
    NOW_NS,
    SECOND_NS,
    UPBIT_BINANCE,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_book,
    a_dollar_book,
    a_market,
    a_position,
    a_trade,
    some_instruments,
)
from trader.domain.market import MarketView
from trader.domain.order import TradeId
from trader.domain.trade import Trade
from trader.portfolio.stoploss import RangeBars, StopLoss, StopMode, StopReading, StopRules

MINUTE_NS = 60 * SECOND_NS


def a_stop(mode: StopMode = StopMode.STATIC) -> StopLoss:
    """Stops by the documented defaults."""
    return StopLoss(StopRules(mode=mode), some_instruments())


def read(trade: Trade, market: MarketView, stop: StopLoss | None = None) -> StopReading:
    """The trade against its stop, which must be readable."""
    reading = (stop or a_stop()).read(trade, market, NOW_NS)
    assert reading is not None
    return reading


def a_lone_leg(quantity: Number, entry_krw: Number) -> Trade:
    """A trade of one leg at Upbit."""
    return a_trade((UPBIT_BTC, a_position(quantity, entry_krw)), id=TradeId("T2"))


class TestLoneLeg:
    @pytest.mark.parametrize(("bid", "stops"), [(49_401_000, False), (49_400_000, True)])
    def test_a_long_stops_below_its_entry(self, bid: int, stops: bool) -> None:
        """Bought at 50,000,000 it stops at 49,400,000, on the bid."""
        market = a_market(a_book(UPBIT_BTC, bid, 49_900_000))

        assert read(a_lone_leg("0.002", 50_000_000), market).is_reached is stops

    @pytest.mark.parametrize(("ask", "stops"), [(50_599_000, False), (50_600_000, True)])
    def test_a_short_stops_above_its_entry(self, ask: int, stops: bool) -> None:
        """Sold at 50,000,000 it stops at 50,600,000, on the ask."""
        market = a_market(a_book(UPBIT_BTC, 49_900_000, ask))

        assert read(a_lone_leg("-0.002", 50_000_000), market).is_reached is stops

    def test_a_two_legged_trade_with_one_leg_gone_is_a_lone_leg(self) -> None:
        """The same arithmetic by the one leg that stands."""
        trade = a_trade(
            (UPBIT_BTC, a_position("0.002", 50_000_000)), (BINANCE_BTC, a_position("0"))
        )

        assert read(trade, a_market(a_book(UPBIT_BTC, 49_400_000, 49_500_000))).is_reached
        assert not read(trade, a_market(a_book(UPBIT_BTC, 49_401_000, 49_500_000))).is_reached


class TestHedged:
    def test_a_leg_is_never_stopped_alone(self) -> None:
        """Both prices rose by ten percent: one leg lost ten, the other gained ten."""
        market = a_market(
            a_book(UPBIT_BTC, 165_900_000, 166_000_000), a_book(BINANCE_BTC, 118_800, 118_810)
        )

        assert not read(a_trade(), market).is_reached

    def test_legs_are_marked_on_their_closing_sides(self) -> None:
        """What was sold is bought at the ask, what was bought is sold at the bid."""
        market = a_market()

        change = read(a_trade(), market).change_krw

        short = Decimal("0.00066") * (150_900_000 - 150_910_000)
        long = Decimal("0.00066") * (Decimal(107_990) * Decimal("1389.5") - 150_066_000)
        assert change == short + long

    def test_is_walked_for_the_trades_size(self) -> None:
        """A thin best ask does not hide what buying back would cost."""
        asks: list[tuple[Number, Number]] = [(150_910_000, "0.00001"), (153_700_000, DEEP)]
        thin = a_market(a_book(bids=[(150_900_000, DEEP)], asks=asks))

        assert read(a_trade(), thin).is_reached
        assert a_stop().is_near(a_trade(), thin)

    def test_beyond_the_book_the_last_level_counts(self) -> None:
        """A book of half the size still gives a price, at its worst."""
        asks: list[tuple[Number, Number]] = [(153_000_000, "0.00033")]
        market = a_market(a_book(bids=[(150_900_000, DEEP)], asks=asks))
        whole = a_market(a_book(UPBIT_BTC, 150_900_000, 153_000_000))

        assert read(a_trade(), market).change_krw == read(a_trade(), whole).change_krw

    def test_without_a_price_there_is_no_reading(self) -> None:
        """Never a guess."""
        assert a_stop().read(a_trade(), MarketView(UPBIT_USDT), NOW_NS) is None

    def test_age_is_that_of_the_oldest_book(self) -> None:
        """Also of the dollar's, which prices a leg."""
        old = NOW_NS - 1_500 * MS_NS
        by_leg = a_market(a_book(mono_ns=old))
        by_dollar = a_market(a_dollar_book(mono_ns=old))

        assert read(a_trade(), by_leg).age_ms == 1_500.0
        assert read(a_trade(), by_dollar).age_ms == 1_500.0

    def test_what_is_left_of_a_trade_keeps_its_distance(self) -> None:
        """Half closed, half the notional, half the loss allowed."""
        half = a_trade(
            (UPBIT_BTC, a_position("-0.00033", 150_900_000)),
            (BINANCE_BTC, a_position("0.00033", 150_066_000)),
        )

        assert a_stop().limit_krw(half) == a_stop().limit_krw(a_trade()) / 2


class TestTrailing:
    def test_follows_the_best_value_since_entry(self) -> None:
        """1.2 % of the entry notional below the best there was."""
        best = a_trade(best_krw=Decimal(2_000))

        assert a_stop(StopMode.TRAILING).limit_krw(best) == Decimal("804.872")

    def test_never_below_the_static_stop(self) -> None:
        """A best of nothing or less leaves the static distance."""
        for best in (Decimal(0), Decimal(-500)):
            trade = a_trade(best_krw=best)
            assert a_stop(StopMode.TRAILING).limit_krw(trade) == Decimal("-1195.128")

    def test_a_new_best_is_near(self) -> None:
        """The engine must look, to move the stop up."""
        stop, trade = a_stop(StopMode.TRAILING), a_trade(best_krw=Decimal(100))
        gained = a_market(a_book(BINANCE_BTC, 109_000, 109_010))

        assert read(trade, gained, stop).change_krw > trade.best_krw
        assert stop.is_near(trade, gained)

    def test_the_least_new_best_is_near(self) -> None:
        """A thousandth of a won above the best there was."""
        change = read(a_trade(), a_market()).change_krw
        trade = a_trade(best_krw=change - Decimal("0.001"))

        assert a_stop(StopMode.TRAILING).is_near(trade, a_market())

    def test_between_best_and_stop_nothing_is_near(self) -> None:
        """Most ticks need no exact reading."""
        assert not a_stop(StopMode.TRAILING).is_near(a_trade(best_krw=Decimal(500)), a_market())


class TestDynamic:
    def fed(self, minutes: int, swing: float) -> StopLoss:
        """Stops that saw the spread swing by so much in every minute."""
        stop = a_stop(StopMode.DYNAMIC)
        for minute in range(minutes):
            stop.observe(UPBIT_BINANCE, minute * MINUTE_NS, 0.0)
            stop.observe(UPBIT_BINANCE, minute * MINUTE_NS + SECOND_NS, swing)
        return stop

    def test_three_times_the_average_range(self) -> None:
        """Twenty full minutes of 0.5 % each: a distance of 1.5 %."""
        assert self.fed(21, 0.5).distance_pct(UPBIT_BINANCE) == Decimal("1.5")

    def test_static_until_the_window_is_full(self) -> None:
        """Nineteen bars tell too little; the twentieth closes as the next minute begins."""
        assert self.fed(20, 0.5).distance_pct(UPBIT_BINANCE) == Decimal("1.2")
        assert a_stop(StopMode.DYNAMIC).distance_pct(UPBIT_BINANCE) == Decimal("1.2")

    def test_at_most_three_percent(self) -> None:
        """However wild the spread."""
        assert self.fed(30, 9.0).distance_pct(UPBIT_BINANCE) == Decimal("3.0")

    def test_always_wants_an_exact_reading(self) -> None:
        """Its distance changes without the trade."""
        assert self.fed(21, 0.5).is_near(a_trade(), a_market())


class TestRangeBars:
    def test_a_gap_between_bars_is_range(self) -> None:
        """The true range reaches from the close before."""
        bars = RangeBars(2)
        for minute, value in enumerate([1.0, 1.5, 1.5, 0.0]):
            bars.add(minute * MINUTE_NS, value)

        # The bars were flat; the second one stands 0.5 above the first one's close.
        assert bars.average == 0.25

    def test_nothing_before_the_window_is_full(self) -> None:
        """An average of too few is none."""
        bars = RangeBars(2)
        bars.add(0, 1.0)
        bars.add(MINUTE_NS, 1.0)

        assert bars.average is None


class TestNear:
    def test_far_from_the_stop_is_not_near(self) -> None:
        """The test that runs on every tick says no where nothing happened."""
        assert not a_stop().is_near(a_trade(), a_market())

    def test_a_missing_book_wants_a_reading(self) -> None:
        """Nothing is certain without it."""
        market = a_market()
        market.forget(UPBIT_BTC)

        assert a_stop().is_near(a_trade(), market)

    def test_a_changed_trade_is_watched_anew(self) -> None:
        """What was remembered holds for that very trade only."""
        stop, trade = a_stop(), a_trade()
        rose = a_market(a_book(UPBIT_BTC, 153_673_000, 153_684_000))
        stop.is_near(trade, rose)
        smaller = replace(trade, legs=((UPBIT_BTC, a_position("-0.00066", 150_900_000)),))

        assert stop.is_near(smaller, rose)
        assert read(smaller, rose, stop).is_reached
