"""Trade: what is hedged, what stands alone, and what it counts for."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    BITHUMB_BTC,
    UPBIT_BTC,
    a_position,
    a_trade,
)
from trader.domain.position import Position
from trader.domain.trade import Trade


def legs(sold: str, bought: str) -> Trade:
    """A trade that sold and bought so much, at 150 million."""
    return a_trade(
        (UPBIT_BTC, a_position(sold, 150_000_000)), (BINANCE_BTC, a_position(bought, 150_000_000))
    )


class TestLoneLeg:
    @pytest.mark.parametrize(
        ("sold", "bought", "lone"),
        [
            ("-0.5", "0.5", None),
            ("-0.5", "0.2", (UPBIT_BTC, Decimal("-0.3"))),
            ("-0.2", "0.5", (BINANCE_BTC, Decimal("0.3"))),
            ("-0.5", "0", (UPBIT_BTC, Decimal("-0.5"))),
            ("0", "0.5", (BINANCE_BTC, Decimal("0.5"))),
            ("0", "0", None),
        ],
    )
    def test_is_what_one_leg_has_beyond_the_other(
        self, sold: str, bought: str, lone: object
    ) -> None:
        """Signed, at the venue where too much was filled or too little closed."""
        assert legs(sold, bought).lone_leg == lone

    def test_a_trade_of_one_leg_has_none(self) -> None:
        """It stands alone by intent, and is closed as a whole."""
        trade = a_trade((UPBIT_BTC, a_position("0.5", 150_000_000)))

        assert (trade.lone_leg, trade.size) == (None, Decimal("0.5"))


class TestSize:
    def test_is_the_smaller_leg(self) -> None:
        """What is hedged."""
        assert legs("-0.5", "0.2").size == Decimal("0.2")

    def test_notional_is_the_larger_leg(self) -> None:
        """In won at entry."""
        assert legs("-0.5", "0.2").notional_krw == Decimal(75_000_000)

    def test_flat_when_nothing_is_held(self) -> None:
        """On any leg."""
        assert legs("0", "0").is_flat
        assert not legs("0", "0.1").is_flat


def test_a_leg_never_traded_is_flat() -> None:
    """Asking for it is no fault."""
    assert legs("-0.5", "0.5").position(BITHUMB_BTC) == Position()


def test_profit_is_after_fees() -> None:
    """Price differences realised, less every fee."""
    trade = a_trade(realised_krw=Decimal("547.107"), fees_krw=Decimal("297.545127"))

    assert trade.pnl_krw == Decimal("249.561873")
