"""The synthetic market: believable books, the same for the same seed, and something to trade."""

import math
from itertools import pairwise
from statistics import fmean, pstdev

import pytest

from trader.domain.synthetic import MAX_DEPTH, SyntheticBook, SyntheticMarket

UPBIT, BITHUMB, BINANCE = "upbit:BTC-KRW", "bithumb:BTC-KRW", "binance:BTC-USDT"
DOLLAR = "upbit:USDT-KRW"
THIN_KRW = 20_000_000.0
HORIZON_S = 60_000.0
DAY_S = 86_400.0
GOLDEN_UPBIT = (150695000.0, 0.07850257)
GOLDEN_BINANCE = (108059.07, 0.13645)


def near_mid(book: SyntheticBook, side: tuple[tuple[float, float], ...]) -> float:
    """Money standing on a side within 1 % of the book's mid."""
    mid = (book.bids[0][0] + book.asks[0][0]) / 2.0
    return sum(price * size for price, size in side if abs(price / mid - 1.0) <= 0.01)


def thinner_side_krw(market: SyntheticMarket, instrument: str) -> float:
    """The smaller of both sides' liquidity within 1 % of mid, in won."""
    book = market.book(instrument)
    won = market.book(DOLLAR).bids[0][0] if instrument.endswith("USDT") else 1.0
    return min(near_mid(book, book.bids), near_mid(book, book.asks)) * won


def mid(market: SyntheticMarket, instrument: str) -> float:
    book = market.book(instrument)
    return (book.bids[0][0] + book.asks[0][0]) / 2.0


def kimchi_premium(market: SyntheticMarket) -> float:
    return mid(market, UPBIT) / (mid(market, BINANCE) * mid(market, DOLLAR)) - 1.0


def rehearse(seed: int, step_s: float) -> dict[str, int]:
    """Count what a plain reading of the trading rules, top of book only, meets at Upbit-Binance."""
    market = SyntheticMarket(seed)
    counts = {"sold": 0, "bought": 0, "converged": 0, "stopped": 0, "thin": 0}
    open_trades: dict[str, tuple[float, float]] = {}
    for _ in range(int(HORIZON_S / step_s)):
        market.step(step_s)
        upbit, binance, dollar = (market.book(each) for each in (UPBIT, BINANCE, DOLLAR))
        (bid, _), (ask, _) = upbit.bids[0], upbit.asks[0]
        foreign_bid, foreign_ask = binance.bids[0][0], binance.asks[0][0]
        dollar_bid, dollar_ask = dollar.bids[0][0], dollar.asks[0][0]
        dollar_mid = (dollar_bid + dollar_ask) / 2.0
        premium_out = bid / (foreign_ask * dollar_ask) - 1.0
        premium_in = foreign_bid * dollar_bid / ask - 1.0
        cost_out = ask / (foreign_bid * dollar_bid) - 1.0
        cost_in = foreign_ask * dollar_ask / bid - 1.0
        for way, opening, closing in (
            ("sold", premium_out, cost_out),
            ("bought", premium_in, cost_in),
        ):
            if way in open_trades:
                at_upbit, at_binance = open_trades[way]
                change = at_upbit - ask + (foreign_bid - at_binance) * dollar_mid
                if way == "bought":
                    change = bid - at_upbit + (at_binance - foreign_ask) * dollar_mid
                if change <= -0.012 * at_upbit:
                    counts["stopped"] += 1
                    del open_trades[way]
                elif closing <= 0.0005:
                    counts["converged"] += 1
                    del open_trades[way]
            elif opening > 0.004:
                sides = (upbit.bids, binance.asks) if way == "sold" else (upbit.asks, binance.bids)
                standing = near_mid(upbit, sides[0]), near_mid(binance, sides[1]) * dollar_mid
                if min(standing) <= THIN_KRW:
                    counts["thin"] += 1
                else:
                    counts[way] += 1
                    open_trades[way] = (sides[0][0][0], sides[1][0][0])
    return counts


class TestBooks:
    @pytest.mark.parametrize("depth", [1, 15, MAX_DEPTH])
    def test_are_ordered_positive_and_on_the_grid(self, depth: int) -> None:
        """Every level stands on the venue's tick and lot, and no book is ever crossed or locked."""
        grid = {
            UPBIT: (1_000, 1, 8),
            BITHUMB: (1_000, 1, 8),
            BINANCE: (1, 100, 5),
            DOLLAR: (1, 1, 8),
        }
        market = SyntheticMarket(5, depth=depth)

        for _ in range(700):
            market.step(90.0)
            for instrument, (tick, parts, places) in grid.items():
                book = market.book(instrument)
                bids, asks = [p for p, _ in book.bids], [p for p, _ in book.asks]
                assert len(bids) == len(asks) == depth
                assert 0.0 < bids[-1] <= bids[0] < asks[0] <= asks[-1] < math.inf
                assert all(one > other for one, other in pairwise(bids))
                assert all(one < other for one, other in pairwise(asks))
                for price, size in book.bids + book.asks:
                    assert price == round(price * parts / tick) * tick / parts
                    assert 0.0 < size == round(size, places) < math.inf

    def test_prices_print_as_clean_decimals(self) -> None:
        """A price that prints with binary noise would leave the tick grid once it is a Decimal."""
        market = SyntheticMarket(6)

        for _ in range(500):
            market.step(30.0)
            for price, _ in market.book(BINANCE).bids + market.book(BINANCE).asks:
                assert len(repr(price).partition(".")[2]) <= 2

    @pytest.mark.parametrize(
        ("coin", "band_ticks"),
        [("ETH", {1_000}), ("SOL", {100}), ("XRP", {1})],
    )
    def test_other_coins_follow_the_tick_of_their_band(
        self, coin: str, band_ticks: set[int]
    ) -> None:
        """A coin's won prices are whole multiples of the tick of the band they stand in."""
        market = SyntheticMarket(2, coins=("BTC", coin))

        for _ in range(100):
            market.step(60.0)
            book = market.book(f"upbit:{coin}-KRW")
            for price, _ in book.bids + book.asks:
                assert all(price % tick == 0.0 for tick in band_ticks)

    def test_spread_is_a_few_ticks_and_wider_while_the_premium_runs(self) -> None:
        """Calm spreads stay under a basis point or so; stress multiplies the mean of the widest."""
        market = SyntheticMarket(3)
        spreads = []

        for _ in range(6_000):
            market.step(10.0)
            book = market.book(UPBIT)
            spreads.append((book.asks[0][0] - book.bids[0][0]) / 1_000.0)

        spreads.sort()
        assert 1.0 <= spreads[len(spreads) // 2] <= 6.0
        assert fmean(spreads[-60:]) > 4.0 * fmean(spreads)

    def test_best_levels_hold_little_and_seldom_too_little(self) -> None:
        """A 0.0007 BTC order finds its size at the best level nearly always, but not always."""
        market = SyntheticMarket(4)
        best = []

        for _ in range(20_000):
            market.step(1.0)
            best.append(market.book(UPBIT).asks[0][1])

        best.sort()
        assert 0.01 < best[len(best) // 2] < 0.5
        assert 0.0 < sum(size < 0.0007 for size in best) / len(best) < 0.05


class TestDeterminism:
    def test_the_same_seed_and_calls_give_the_same_books(self) -> None:
        """Two markets of one seed never differ; one of another seed does at once."""
        one, same, other = SyntheticMarket(9), SyntheticMarket(9), SyntheticMarket(10)

        for step_s in (1.0, 1.0, 60.0, 0.5, 3_600.0) * 20:
            for market in (one, same, other):
                market.step(step_s)
            for instrument in one.instruments:
                assert one.book(instrument) == same.book(instrument)
            assert one.book(UPBIT) != other.book(UPBIT)

    def test_a_seed_means_the_same_in_every_process_and_version(self) -> None:
        """These figures were drawn once; an interpreter that draws others breaks recorded runs."""
        market = SyntheticMarket(1)

        for _ in range(1_000):
            market.step(1.0)

        assert market.book(UPBIT).bids[0] == GOLDEN_UPBIT
        assert market.book(BINANCE).asks[0] == GOLDEN_BINANCE

    def test_a_book_stands_still_until_the_next_step(self) -> None:
        """Whoever looks twice at one instant sees one book."""
        market = SyntheticMarket(1)
        market.step(1.0)
        before = market.book(UPBIT)

        market.step(0.0)

        assert market.book(UPBIT) is before
        market.step(1.0)
        assert market.book(UPBIT) != before

    def test_who_else_looks_does_not_move_the_market(self) -> None:
        """Books draw from streams of their own, so a further reader changes no price path."""
        watched, alone = SyntheticMarket(8), SyntheticMarket(8)

        for _ in range(50):
            watched.step(60.0)
            watched.book(BITHUMB)
            watched.book(DOLLAR)
            alone.step(60.0)
            assert watched.book(UPBIT) == alone.book(UPBIT)


class TestStatistics:
    @pytest.mark.parametrize("step_s", [20.0, 60.0])
    def test_premium_wanders_around_zero_whatever_the_step(self, step_s: float) -> None:
        """A coarse step tells the same story: mean near zero, a few tenths of a percent wide."""
        premiums = []
        for seed in range(3):
            market = SyntheticMarket(seed)
            for _ in range(int(2.0 * DAY_S / step_s)):
                market.step(step_s)
                premiums.append(100.0 * kimchi_premium(market))

        calm = [premium for premium in premiums if abs(premium) < 1.2]
        assert abs(fmean(calm)) < 0.1
        assert 0.2 < pstdev(calm) < 0.45
        assert 0.08 < 1.0 - len(calm) / len(premiums) < 0.35
        assert max(premiums) > 1.5
        assert min(premiums) < -1.5
        assert max(map(abs, premiums)) < 4.5

    def test_bithumb_strays_less_and_seldom_far(self) -> None:
        """Upbit and Bithumb differ by tenths of a percent, beyond 0.7 % only in episodes."""
        market = SyntheticMarket(1)
        gaps = []

        for _ in range(int(4.0 * DAY_S / 30.0)):
            market.step(30.0)
            gaps.append(100.0 * abs(mid(market, BITHUMB) / mid(market, UPBIT) - 1.0))

        assert 0.05 < fmean(gaps) < 0.3
        assert 0.005 < sum(gap > 0.7 for gap in gaps) / len(gaps) < 0.1

    def test_liquidity_is_ample_but_for_minutes_at_one_venue(self) -> None:
        """Books hold far more than the limit; a thin episode is short, rare and lonely."""
        market = SyntheticMarket(2)
        thin_samples = 0
        ample = []

        for _ in range(int(2.0 * DAY_S / 30.0)):
            market.step(30.0)
            sides = [thinner_side_krw(market, each) for each in (UPBIT, BITHUMB, BINANCE)]
            thin = [side for side in sides if side < THIN_KRW]
            assert len(thin) <= 1
            thin_samples += len(thin)
            ample += [side for side in sides if side >= THIN_KRW]

        assert 0.5 * 60.0 < thin_samples * 30.0 / 2.0 < 90.0 * 60.0
        assert min(ample) > 2.0 * THIN_KRW
        assert 100e6 < fmean(ample) < 1_500e6

    def test_a_month_does_not_carry_prices_away(self) -> None:
        """Thirty days later a bitcoin and a dollar still cost about what they do."""
        for seed in range(2):
            market = SyntheticMarket(seed)
            for minute in range(30 * 24 * 60):
                market.step(60.0)
                if minute % 60 == 0:
                    assert 54_000.0 < mid(market, BINANCE) < 216_000.0
                    assert 1_300.0 < mid(market, DOLLAR) < 1_490.0

    def test_daily_moves_are_a_bitcoin_s(self) -> None:
        """Annualised from hourly returns the volatility is the 50 % meant, give or take a fifth."""
        market = SyntheticMarket(7)
        prices = []

        for _ in range(24 * 120):
            market.step(3_600.0)
            prices.append(mid(market, BINANCE))

        returns = [math.log(b / a) for a, b in pairwise(prices)]
        assert 0.4 < pstdev(returns) * math.sqrt(24 * 365) < 0.6


class TestOpportunities:
    def test_a_mock_run_meets_every_turn_of_the_rules(self) -> None:
        """In 200 cycles of 300 s nearly every seed, and surely seed 1, shows all there is."""
        complete = {}
        for seed in range(1, 11):
            seen = rehearse(seed, step_s=20.0)
            complete[seed] = (
                seen["sold"] >= 1
                and seen["bought"] >= 1
                and seen["converged"] >= 3
                and seen["stopped"] >= 1
                and seen["thin"] >= 1
            )

        assert complete[1]
        assert sum(complete.values()) >= 9


class TestBadInput:
    @pytest.mark.parametrize("elapsed_s", [-1.0, math.nan, math.inf])
    def test_time_only_goes_forward(self, elapsed_s: float) -> None:
        """A negative, endless or undefined step is a fault of the caller."""
        with pytest.raises(ValueError, match="elapsed_s"):
            SyntheticMarket(1).step(elapsed_s)

    @pytest.mark.parametrize("coins", [(), ("BTC", "BTC"), ("DOGE",)])
    def test_coins_are_known_and_distinct(self, coins: tuple[str, ...]) -> None:
        """A market without coins, or with one nobody described, is refused at once."""
        with pytest.raises(ValueError, match="coins"):
            SyntheticMarket(1, coins=coins)

    @pytest.mark.parametrize("depth", [0, MAX_DEPTH + 1])
    def test_depth_is_bounded(self, depth: int) -> None:
        """No venue shows more than thirty levels here, and none shows nothing."""
        with pytest.raises(ValueError, match="depth"):
            SyntheticMarket(1, depth=depth)

    def test_an_unlisted_instrument_has_no_book(self) -> None:
        """An instrument that is not listed is an error, never an empty book."""
        with pytest.raises(KeyError):
            SyntheticMarket(1).book("upbit:ETH-KRW")
