"""Mock shows books of venues the seeded market does not know, and changes none of its own."""

from decimal import Decimal

import pytest

from trader.app.wiring import simulated_coins, simulated_instruments
from trader.config import Settings
from trader.domain.errors import ConfigError
from trader.domain.instrument import FeeIn, InstrumentId
from trader.domain.market import OrderBook, flaw_of
from trader.domain.synthetic import SyntheticBook, SyntheticMarket
from trader.feeds.wider import WiderMarket

MIRROR = "mirror:BTC-KRW"


def settings(**strategy: object) -> Settings:
    """A pair at a venue of one's own, unless told otherwise."""
    address = "wss://mirror.example"
    pair = {"name": "a", "first": MIRROR, "second": "binance:BTC-USDT"}
    own = {
        "feed": "a.B",
        "client": "a.C",
        "taker_fee_pct": 0.04,
        "fee_in": "received",
        "rest_url": "https://mirror.example",
        "ws_url": address,
        "private_ws_url": address,
    }
    return Settings.model_validate(
        {"venues": {"own": {"mirror": own}}, "strategy": {"pairs": [pair], **strategy}}
    )


def a_market(given: Settings, seed: int = 3) -> WiderMarket:
    instruments = simulated_instruments(given)
    market = SyntheticMarket(seed, coins=simulated_coins(instruments))
    return WiderMarket(market, instruments, seed)


def mid(book: SyntheticBook) -> float:
    return (book.bids[0][0] + book.asks[0][0]) / 2


class TestAStray:
    def test_has_a_sound_book_on_its_grid_at_every_step(self) -> None:
        """Sorted, uncrossed, and at prices its venue would take."""
        given = settings()
        market, instrument = a_market(given), simulated_instruments(given)[InstrumentId(MIRROR)]
        tick = float(instrument.tick_at(Decimal(150_000_000)))
        for _ in range(200):
            market.step(30.0)
            book = market.book(MIRROR)

            assert flaw_of(OrderBook(instrument.id, book.bids, book.asks, 0, 0)) is None
            assert all(price % tick == 0 for price, _ in book.bids)

    def test_strays_from_what_it_follows_and_comes_back(self) -> None:
        """Else a pair with it would never, or always, be worth a trade."""
        market = a_market(settings(usdt_krw="upbit:USDT-KRW"))
        premiums = []
        for _ in range(2_000):
            market.step(60.0)
            premiums.append(mid(market.book(MIRROR)) / mid(market.book("upbit:BTC-KRW")) - 1)

        assert -0.012 < min(premiums) < -0.004
        assert 0.004 < max(premiums) < 0.012
        assert abs(sum(premiums) / len(premiums)) < 0.001

    def test_stays_the_same_between_steps(self) -> None:
        """And a step of no time is none."""
        market = a_market(settings())
        market.step(60.0)
        first = market.book(MIRROR)
        market.step(0.0)

        assert market.book(MIRROR) == first
        market.step(60.0)
        assert market.book(MIRROR) != first

    def test_is_the_same_for_the_same_seed(self) -> None:
        """One seed always decides the same."""
        one, same, other = a_market(settings()), a_market(settings()), a_market(settings(), 4)
        for market in (one, same, other):
            market.step(60.0)

        assert one.book(MIRROR) == same.book(MIRROR)
        assert one.book(MIRROR) != other.book(MIRROR)

    def test_changes_no_book_of_the_market_itself(self) -> None:
        """What an operator saw of a seed stays so when a venue is added."""
        alone, wider = SyntheticMarket(3), a_market(settings())
        for market in (alone, wider):
            market.step(60.0)
        wider.book(MIRROR)

        assert wider.book("binance:BTC-USDT") == alone.book("binance:BTC-USDT")

    def test_may_be_the_dollar(self) -> None:
        """Also at Bithumb, which the seeded market has no dollar of."""
        for name in ("mirror:USDT-KRW", "bithumb:USDT-KRW"):
            book = a_market(settings(usdt_krw=name)).book(name)

            assert 1_300 < mid(book) < 1_500


class TestRules:
    def test_the_fee_is_the_sections(self) -> None:
        """In percent, and in what it is taken."""
        instruments = simulated_instruments(settings())

        assert instruments[InstrumentId(MIRROR)].fees.charged_in is FeeIn.RECEIVED
        assert str(instruments[InstrumentId(MIRROR)].fees.taker_pct) == "0.04"
        assert instruments[InstrumentId("binance:BTC-USDT")].fees.charged_in is FeeIn.RECEIVED
        assert instruments[InstrumentId("upbit:USDT-KRW")].fees.charged_in is FeeIn.QUOTE

    @pytest.mark.parametrize("coin", ["DOGE", "USDT"])
    def test_a_coin_that_is_not_simulated_is_refused(self, coin: str) -> None:
        """With those that are; the dollar in dollars is none."""
        pair = {"name": "a", "first": f"mirror:{coin}-USDT", "second": f"binance:{coin}-USDT"}
        instruments = simulated_instruments(settings(pairs=[pair]))

        with pytest.raises(ConfigError, match=f"names {coin}, which mock mode does not simulate"):
            simulated_coins(instruments)
