"""Booking: what a fill and its fee are worth in won, at the rate of the moment."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    BTC,
    MS_NS,
    NOW_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_book,
    a_dollar_book,
    a_fill,
    a_market,
    an_instrument,
    some_instruments,
)
from trader.domain.facts import FillBooked
from trader.domain.instrument import KRW, USDT, Asset, Instrument, InstrumentId, instrument_id
from trader.domain.market import MarketView
from trader.domain.order import Fill, LedgerName, Side, TradeId
from trader.portfolio.booking import book_fill

BNB = Asset("BNB")


def book(
    fill: Fill,
    market: MarketView | None = None,
    instruments: dict[InstrumentId, Instrument] | None = None,
) -> FillBooked:
    """Book it now."""
    return book_fill(
        fill,
        LedgerName.PAPER,
        TradeId("T1"),
        instruments or some_instruments(),
        market or a_market(),
        NOW_NS,
        3_000.0,
    )


def a_dollar_fill(fee: Number, fee_asset: Asset, side: Side = Side.BUY) -> Fill:
    """A fill at Binance, 0.00066 at 108,000."""
    return a_fill(BINANCE_BTC, side, "0.00066", 108_000, fee=fee, fee_asset=fee_asset)


class TestValue:
    def test_won_are_won(self) -> None:
        """No rate is involved, and none is journaled."""
        fact = book(a_fill())

        assert (fact.value_krw, fact.usdt_krw, fact.rate_stale) == (Decimal(99_594), None, False)

    def test_dollars_at_the_mid(self) -> None:
        """Whichever way they went; the rate is journaled."""
        for side in Side:
            fact = book(a_dollar_fill(0, USDT, side))
            assert (fact.value_krw, fact.usdt_krw) == (Decimal("99043.56"), Decimal("1389.5"))

    def test_a_stale_rate_is_used_and_marked(self) -> None:
        """Money that moved must be booked."""
        old = a_market(a_dollar_book(mono_ns=NOW_NS - 3_001 * MS_NS))

        fact = book(a_dollar_fill(0, USDT), old)

        assert (fact.value_krw, fact.rate_stale) == (Decimal("99043.56"), True)

    def test_a_rate_just_young_enough_is_not_marked(self) -> None:
        """The age limit may be reached."""
        young = a_market(a_dollar_book(mono_ns=NOW_NS - 3_000 * MS_NS))

        assert not book(a_dollar_fill(0, USDT), young).rate_stale

    def test_the_last_rate_counts_after_the_feed_is_lost(self) -> None:
        """The book is void for trading, its last mid is what there is."""
        market = a_market()
        market.forget(UPBIT_USDT)

        assert book(a_dollar_fill(0, USDT), market).usdt_krw == Decimal("1389.5")


class TestFee:
    @pytest.mark.parametrize(
        ("fee", "asset", "won"),
        [
            ("0.07128", USDT, "99.04356"),
            ("0.00000066", BTC, "99.04356"),
            ("0", USDT, "0"),
        ],
    )
    def test_in_quote_or_base(self, fee: str, asset: Asset, won: str) -> None:
        """A coin fee is worth the fill's own price."""
        fact = book(a_dollar_fill(fee, asset))

        assert (fact.fee_krw, fact.rate_stale) == (Decimal(won), False)

    def test_in_another_coin_at_that_coins_mid(self) -> None:
        """Binance takes BNB where one holds it."""
        bnb = instrument_id(some_instruments()[BINANCE_BTC].venue, BNB, USDT)
        instruments = some_instruments() | {bnb: an_instrument(bnb)}
        market = a_market(a_book(bnb, 999, 1_001))

        fact = book(a_dollar_fill("0.00007", BNB), market, instruments)

        assert fact.fee_krw == Decimal("0.00007") * 1_000 * Decimal("1389.5")
        assert not fact.rate_stale

    def test_in_an_unknown_coin_by_the_schedule_and_marked(self) -> None:
        """Nobody quotes it: 0.1 % of the value, said to be a guess."""
        fact = book(a_dollar_fill("0.5", BNB))

        assert (fact.fee_krw, fact.rate_stale) == (Decimal("99.04356"), True)

    def test_no_fee_in_an_unknown_coin_is_no_fee(self) -> None:
        """Nothing of anything is nothing, and no guess."""
        fact = book(a_dollar_fill(0, BNB))

        assert (fact.fee_krw, fact.rate_stale) == (Decimal(0), False)

    def test_in_won(self) -> None:
        """As the venue states it, to the last digit."""
        assert book(a_fill(UPBIT_BTC, fee="49.797", fee_asset=KRW)).fee_krw == Decimal("49.797")
