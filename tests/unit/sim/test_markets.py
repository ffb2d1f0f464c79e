"""Markets: mock's by seed, candles to the close, and what an operator bends."""

from pathlib import Path

import pytest

from tests.support.sim_floor import UPBIT_BTC
from trader.domain.errors import ConfigError
from trader.domain.instrument import InstrumentId
from trader.domain.market import exact
from trader.domain.synthetic import SyntheticMarket
from trader.sim.candles import Candle, CandleMarket, read_candles
from trader.sim.captured import read_captured
from trader.sim.defaults import listings_of
from trader.sim.market import BentMarket, MarketChange, SeededMarket

BINANCE_BTC = InstrumentId("binance:BTC-USDT")
BITHUMB_BTC = InstrumentId("bithumb:BTC-KRW")
DOLLAR = InstrumentId("upbit:USDT-KRW")
HEADER = "timestamp,open,high,low,close,volume\n"
UPBIT_CANDLES = {
    0: Candle(150_000_000.0, 150_500_000.0, 149_000_000.0, 150_400_000.0),
    300: Candle(150_400_000.0, 150_400_000.0, 149_900_000.0, 149_900_000.0),
    900: Candle(149_900_000.0, 151_000_000.0, 149_900_000.0, 151_000_000.0),
}
BINANCE_CANDLES = {
    0: Candle(108_000.0, 108_100.5, 107_900.25, 108_050.17),
    300: Candle(108_050.17, 108_060.0, 107_000.01, 107_500.0),
    600: Candle(107_500.0, 107_600.0, 107_400.0, 107_450.0),
    900: Candle(107_450.0, 108_450.0, 107_450.0, 108_449.99),
}


def a_market() -> CandleMarket:
    """Three shared candles of five minutes, one of them after a hole."""
    return CandleMarket(UPBIT_CANDLES, BINANCE_CANDLES, 1_390.0)


class TestSeeded:
    """The seeded market is the one mock mode shows."""

    def test_same_books_for_the_same_steps(self) -> None:
        """Same seed, same steps, same books."""
        ours, mocks = SeededMarket(11), SyntheticMarket(11, coins=("BTC", "ETH", "SOL", "XRP"))
        for _ in range(5):
            ours.step(0.7)
            mocks.step(0.7)
            for name in mocks.instruments:
                book = mocks.book(name)
                assert ours.book(InstrumentId(name)) == (book.bids, book.asks)

    def test_every_listed_book_is_sound(self) -> None:
        """On tick, on lot, not crossed, also for the dollar at Bithumb."""
        market = SeededMarket(3)
        market.step(100.0)
        for listing in listings_of(market.instruments):
            bids, asks = market.book(listing.id)
            assert bids[0][0] < asks[0][0]
            for price, size in (*bids, *asks):
                assert listing.instrument.is_on_tick(exact(price))
                assert listing.instrument.is_on_lot(exact(size))


class TestCandles:
    """A replay ends each interval with the candle's close as its best bid."""

    def test_reproduces_every_close(self) -> None:
        """At both venues, to the tick; holes take no time."""
        market = a_market()
        for at_s in (0, 300, 900):
            market.step(300.0)
            assert market.book(UPBIT_BTC)[0][0][0] == UPBIT_CANDLES[at_s].close
            assert market.book(BINANCE_BTC)[0][0][0] == BINANCE_CANDLES[at_s].close
        assert market.is_over
        market.step(1_000.0)
        assert market.book(UPBIT_BTC)[0][0][0] == 151_000_000.0

    def test_visits_high_and_low_and_stays_between(self) -> None:
        """The way within an interval touches both extremes and leaves neither."""
        market, seen = a_market(), []
        for _ in range(300):
            market.step(1.0)
            seen.append(market.book(BINANCE_BTC)[0][0][0])
        assert (min(seen), max(seen)) == (107_900.25, 108_100.5)

    def test_bithumb_follows_closely_and_the_dollar_is_given(self) -> None:
        """Never a tenth of a percent apart."""
        market = a_market()
        for _ in range(100):
            market.step(7.0)
            upbit, bithumb = market.book(UPBIT_BTC)[0][0][0], market.book(BITHUMB_BTC)[0][0][0]
            assert abs(bithumb / upbit - 1) < 0.001
        assert market.book(DOLLAR)[0][0][0] == 1_390.0

    def test_books_keep_tick_and_lot(self) -> None:
        """And stand the same until the next step."""
        market = a_market()
        market.step(123.4)
        for listing in listings_of(market.instruments):
            bids, asks = market.book(listing.id)
            assert (bids, asks) == market.book(listing.id)
            assert bids[0][0] < asks[0][0]
            for price, size in (*bids, *asks):
                assert listing.instrument.is_on_tick(exact(price))
                assert listing.instrument.is_on_lot(exact(size))

    def test_files_without_common_instants(self) -> None:
        """Nothing to replay is a mistake, not an empty market."""
        with pytest.raises(ConfigError, match="in common"):
            CandleMarket(UPBIT_CANDLES, {5: BINANCE_CANDLES[0], 7: BINANCE_CANDLES[0]}, 1_390.0)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no column timestamp"),
            ("timestamp,open\n", "no column high"),
            (HEADER, "holds 0 candles"),
            (HEADER + "2025-05-28 18:10:00,1,2,0.5,3,1\n", "line 2: open and close"),
            (HEADER + "2025-05-28 18:10:00,1,2,0,1,1\n", "line 2: prices must be above zero"),
            (HEADER + "2025-05-28 18:10:00,1,nan,1,1,1\n", "line 2: prices must be above zero"),
            (HEADER + "yesterday,1,1,1,1,1\n", "line 2: Invalid isoformat string: 'yesterday'"),
            (HEADER + "0,1\n", "line 2"),
        ],
    )
    def test_a_bad_file_is_named_with_its_line(self, tmp_path: Path, text: str, words: str) -> None:
        """File, line and value."""
        path = tmp_path / "candles.csv"
        path.write_text(text)

        with pytest.raises(ConfigError, match=words) as caught:
            read_candles(path)

        assert str(path) in str(caught.value)

    def test_recorded_weeks(self, captures_dir: Path) -> None:
        """Every close of the recorded files comes back, at both venues."""
        upbit = read_candles(captures_dir / "upbit-BTC-KRW-5m-2025.csv.gz")
        binance = read_candles(captures_dir / "binance-BTCUSDT-5m-2025.csv.gz")
        market = CandleMarket(upbit, binance, 1_390.0)
        assert len(market.times) > 5_000

        for at_s in market.times:
            market.step(market.interval_s)
            bid = market.book(UPBIT_BTC)[0][0][0]
            assert 0 <= upbit[at_s].close - bid < 1_000
            assert market.book(BINANCE_BTC)[0][0][0] == binance[at_s].close


class TestBent:
    """An operator holds a premium, lets prices jump, freezes."""

    def bent(self) -> BentMarket:
        market = a_market()
        return BentMarket(market, {each.id: each for each in listings_of(market.instruments)})

    def premium_pct(self, market: BentMarket) -> float:
        mids = {}
        for name in (UPBIT_BTC, BINANCE_BTC, DOLLAR):
            bids, asks = market.book(name)
            mids[name] = (bids[0][0] + asks[0][0]) / 2
        return (mids[UPBIT_BTC] / (mids[BINANCE_BTC] * mids[DOLLAR]) - 1) * 100

    def test_holds_a_premium_while_the_market_moves(self) -> None:
        """Two and a half percent, within a few ticks, on tick."""
        market = self.bent()
        market.apply(MarketChange(coin="BTC", premium_pct=2.5))
        for _ in range(10):
            market.step(40.0)
            assert self.premium_pct(market) == pytest.approx(2.5, abs=0.002)
        bids, asks = market.book(UPBIT_BTC)
        assert all(price % 1_000 == 0 for price, _ in (*bids, *asks))
        market.apply(MarketChange(unpin=True))
        assert market.book(UPBIT_BTC)[0][0][0] == a_moved_market(400.0).book(UPBIT_BTC)[0][0][0]

    def test_jumps_at_one_venue(self) -> None:
        """Ten percent down, the others stay."""
        market = self.bent()
        before = market.book(UPBIT_BTC)[0][0][0], market.book(BINANCE_BTC)[0][0][0]

        market.apply(MarketChange(venue="upbit", jump_pct=-10))

        assert market.book(UPBIT_BTC)[0][0][0] == pytest.approx(before[0] * 0.9, rel=1e-5)
        assert market.book(BINANCE_BTC)[0][0][0] == before[1]

    def test_freezes(self) -> None:
        """Time passes and nothing moves."""
        market = self.bent()
        before = market.book(UPBIT_BTC)
        market.apply(MarketChange(frozen=True))
        market.step(60.0)

        assert market.book(UPBIT_BTC) == before

    @pytest.mark.parametrize(
        "change",
        [MarketChange(venue="mars"), MarketChange(coin="DOGE"), MarketChange(jump_pct=-100)],
    )
    def test_says_what_is_allowed(self, change: MarketChange) -> None:
        """A wish no market can follow."""
        with pytest.raises(ValueError, match="allowed"):
            self.bent().apply(change)


def a_moved_market(elapsed_s: float) -> CandleMarket:
    """The market nobody bent, so much later."""
    market = a_market()
    market.step(elapsed_s)
    return market


class TestCaptured:
    """Recorded messages come back as they were."""

    def test_both_spellings(self, tmp_path: Path) -> None:
        """Bytes and plain text, without the subscription lines."""
        path = tmp_path / "capture.txt"
        path.write_text('wss://x <-> 1.0\n1.5: b\'{"a":"\\\\u00e9"}\'\n2.0: {"b":1}\n')

        frames = read_captured(path)

        assert [(each.at_s, each.text) for each in frames] == [
            (1.5, '{"a":"\\u00e9"}'),
            (2.0, '{"b":1}'),
        ]

    def test_recorded_files(self, captures_dir: Path) -> None:
        """Both files of the shared material."""
        assert len(read_captured(captures_dir / "upbit-ws-2021-04-17.txt")) > 400
        assert len(read_captured(captures_dir / "binance-ws-2021-10-12.txt")) > 200

    def test_a_line_that_is_none(self, tmp_path: Path) -> None:
        """Named by number."""
        path = tmp_path / "capture.txt"
        path.write_text("1.0: {}\nnonsense\n")

        with pytest.raises(ConfigError, match="line 2"):
            read_captured(path)
