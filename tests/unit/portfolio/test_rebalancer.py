"""Rebalancer: the worst trade first, a share of it, whole when too little would be left."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    BTC,
    UPBIT_BTC,
    a_market,
    a_position,
    a_trade,
    some_instruments,
)
from trader.domain.instrument import BINANCE, BITHUMB, KRW, UPBIT, USDT
from trader.domain.order import TradeId
from trader.domain.trade import Trade, TradePhase
from trader.portfolio.rebalancer import RebalanceRules, Reduction, reduction, skews

RULES = RebalanceRules()
VENUES = {BTC: [UPBIT, BITHUMB, BINANCE]}


def a_hedged(name: str, size: str = "0.001", phase: TradePhase = TradePhase.OPEN) -> Trade:
    """A hedged trade of so much Bitcoin."""
    return a_trade(
        (UPBIT_BTC, a_position(f"-{size}", 150_900_000)),
        (BINANCE_BTC, a_position(size, 150_066_000)),
        id=TradeId(name),
        phase=phase,
    )


def reduce(*trades: tuple[Trade, int], exposure: str = "600000.01") -> Reduction | None:
    """What the documented rules would reduce."""
    marked = [(trade, Decimal(mark)) for trade, mark in trades]
    return reduction(marked, Decimal(exposure), RULES, some_instruments(), a_market())


class TestReduction:
    def test_the_limit_may_be_reached(self) -> None:
        """At 600,000 nothing happens."""
        assert reduce((a_hedged("T1"), -5), exposure="600000") is None

    def test_the_worst_trade_first(self) -> None:
        """Whichever lost most."""
        found = reduce((a_hedged("T1"), -5), (a_hedged("T2"), -700), (a_hedged("T3"), 90))

        assert found == Reduction(TradeId("T2"), Decimal("0.0003"), whole=False)

    def test_thirty_percent_in_the_coarser_lot(self) -> None:
        """0.000298 of 0.00099(5) in Binance's lot."""
        found = reduce((a_hedged("T1", "0.00099500"), 0))

        assert found == Reduction(TradeId("T1"), Decimal("0.00029"), whole=False)

    @pytest.mark.parametrize(
        ("size", "whole"),
        [
            # Twice the greater minimum of the two venues is 0.0000926 at Binance's bid.
            ("0.00013", True),
            ("0.00014", True),
            ("0.00016", True),
            ("0.00020", False),
        ],
    )
    def test_whole_when_too_little_is_left_or_sent(self, size: str, whole: bool) -> None:
        """A rest under twice the minimum, or a share the venue would not take."""
        found = reduce((a_hedged("T1", size), 0))

        assert found is not None
        assert found.whole is whole
        assert found.quantity == (Decimal(size) if whole else Decimal("0.00006"))

    def test_one_at_a_time(self) -> None:
        """While one is closing, its effect is awaited."""
        closing = a_hedged("T2", phase=TradePhase.CLOSING)

        assert reduce((a_hedged("T1"), -5), (closing, 0)) is None

    def test_an_opening_in_flight_is_left_alone(self) -> None:
        """There is nothing of it to reduce yet."""
        assert reduce((a_hedged("T1", phase=TradePhase.OPENING), -5)) is None


class TestSkew:
    def test_names_the_transfer_that_levels(self) -> None:
        """Nine tenths at Upbit: what it holds beyond a third goes to the poorest."""
        held = {
            (UPBIT, BTC): Decimal(27),
            (BITHUMB, BTC): Decimal(2),
            (BINANCE, BTC): Decimal(1),
        }

        (skew,) = skews(held, VENUES, Decimal(80))

        assert (skew.asset, skew.share_pct, skew.amount) == (BTC, Decimal(90), Decimal(17))
        assert (skew.from_venue, skew.to_venue) == (UPBIT, BINANCE)

    def test_the_share_itself_may_be_reached(self) -> None:
        """Eighty percent is not more than eighty."""
        held = {(UPBIT, BTC): Decimal(8), (BINANCE, BTC): Decimal(2)}

        assert skews(held, {BTC: [UPBIT, BINANCE]}, Decimal(80)) == []

    def test_money_is_not_inventory(self) -> None:
        """Won and dollars lie where they must."""
        held = {(UPBIT, KRW): Decimal(9), (BINANCE, USDT): Decimal(9)}
        venues = {KRW: [UPBIT, BITHUMB], USDT: [BINANCE, UPBIT]}

        assert skews(held, venues, Decimal(80)) == []

    def test_one_venue_cannot_be_skewed(self) -> None:
        """There is nowhere to move it."""
        assert skews({(UPBIT, BTC): Decimal(9)}, {BTC: [UPBIT]}, Decimal(80)) == []

    def test_nothing_held_is_not_skewed(self) -> None:
        """Nor is a balance below zero a holding."""
        assert skews({(UPBIT, BTC): Decimal(-9)}, {BTC: [UPBIT, BINANCE]}, Decimal(80)) == []
