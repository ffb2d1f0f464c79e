"""The quick look at a stop never says no where the exact one says stop."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import (
    BINANCE_BTC,
    BITHUMB_BTC,
    NOW_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_book,
    a_dollar_book,
    a_position,
    a_trade,
    some_instruments,
)
from trader.domain.instrument import InstrumentId
from trader.domain.market import MarketView, OrderBook
from trader.domain.trade import Trade
from trader.portfolio.stoploss import StopLoss, StopMode, StopRules

pytestmark = pytest.mark.fast

INSTRUMENTS = some_instruments()
# Around the entry prices, so that both answers are common.
NEAR_ENTRY = st.integers(-400, 400)
SIZES = st.sampled_from(["0.0001", "0.0005", "0.00066", "0.002", "50"])
QUANTITIES = st.integers(1, 100_000).map(lambda lots: lots * Decimal("0.00000001"))


@st.composite
def books(draw: st.DrawFn, instrument: InstrumentId, middle: Decimal, tick: Decimal) -> OrderBook:
    """A sound book of a few levels around ``middle``, in hundredths of a percent."""
    bid = (middle * (1 + draw(NEAR_ENTRY) / Decimal(10_000)) // tick) * tick
    bids: list[tuple[Number, Number]] = []
    asks: list[tuple[Number, Number]] = []
    for level in range(draw(st.integers(1, 3))):
        bids.append((bid - level * 7 * tick, draw(SIZES)))
        asks.append((bid + tick + level * 11 * tick, draw(SIZES)))
    return a_book(instrument, bids=bids, asks=asks)


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    """A trade of one leg or two, hedged, half hedged or not at all, of any size."""
    first, second = draw(QUANTITIES), draw(st.one_of(st.just(Decimal(0)), QUANTITIES))
    scale = draw(st.sampled_from([1, 1_000, 1_000_000]))
    turned = draw(st.sampled_from([1, -1]))
    other = draw(st.sampled_from([BINANCE_BTC, BITHUMB_BTC, None]))
    legs = [(UPBIT_BTC, a_position(-turned * first * scale, 150_000_000))]
    if other is not None:
        legs.append((other, a_position(turned * second * scale, 150_000_000)))
    return a_trade(*legs, best_krw=Decimal(draw(st.integers(-2_000, 2_000))))


@st.composite
def markets(draw: st.DrawFn) -> MarketView:
    """Books of some or all instruments; one may have been lost since."""
    market = MarketView(UPBIT_USDT)
    dollar = draw(st.integers(1_375, 1_405))
    shown = (
        draw(books(UPBIT_BTC, Decimal(150_000_000), Decimal(1_000))),
        draw(books(BITHUMB_BTC, Decimal(150_000_000), Decimal(1_000))),
        draw(books(BINANCE_BTC, Decimal(107_950), Decimal("0.01"))),
        a_dollar_book(dollar, dollar + 1),
    )
    for book in shown:
        if draw(st.integers(0, 9)):
            market.update(book)
    lost = draw(st.sampled_from([None, None, None, UPBIT_BTC, BINANCE_BTC, UPBIT_USDT]))
    if lost is not None:
        market.forget(lost)
    return market


@given(trades(), markets(), st.sampled_from(list(StopMode)))
def test_reached_is_always_near(trade: Trade, market: MarketView, mode: StopMode) -> None:
    """A False of the quick look is certain."""
    stop = StopLoss(StopRules(mode=mode), INSTRUMENTS)
    near, reading = stop.is_near(trade, market), stop.read(trade, market, NOW_NS)

    if reading is not None and reading.is_reached:
        assert near


@given(trades(), markets())
def test_a_new_best_is_always_near(trade: Trade, market: MarketView) -> None:
    """A trailing stop must not miss the peak it follows."""
    stop = StopLoss(StopRules(mode=StopMode.TRAILING), INSTRUMENTS)
    near, reading = stop.is_near(trade, market), stop.read(trade, market, NOW_NS)

    if reading is not None and reading.change_krw > trade.best_krw:
        assert near


@pytest.mark.parametrize("mode", [StopMode.STATIC, StopMode.TRAILING])
def test_at_the_very_stop(mode: StopMode) -> None:
    """Where the loss equals its limit to the last digit, at a small and at a great size."""
    for quantity in ("0.002", "2000"):
        trade = a_trade((UPBIT_BTC, a_position(quantity, 50_000_000)))
        market = MarketView(UPBIT_USDT)
        market.update(a_book(UPBIT_BTC, 49_400_000, 49_500_000, 5_000))
        stop: Any = StopLoss(StopRules(mode=mode), INSTRUMENTS)

        assert stop.read(trade, market, NOW_NS).is_reached
        assert stop.is_near(trade, market)
