"""ClosingDesk: prices worsened to the tick inside, quantities cut on both legs alike, dust."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    DEEP,
    NOW_NS,
    UPBIT_BTC,
    Number,
    a_book,
    a_market,
    a_position,
    a_trade,
    some_balances,
    some_instruments,
)
from trader.domain.account import Holding
from trader.domain.instrument import InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import Proposal, Purpose, Side
from trader.domain.trade import Trade
from trader.portfolio.closing import ClosingDesk

DESK = ClosingDesk(some_instruments(), Decimal("0.50"))
WHOLE = Decimal("0.00066")


def close(
    quantity: Decimal = WHOLE,
    *,
    trade: Trade | None = None,
    market: MarketView | None = None,
    free: dict[Holding, Decimal] | None = None,
) -> Proposal | None:
    """Close so much of the documented trade."""
    return DESK.close(
        trade or a_trade(),
        quantity,
        market or a_market(),
        some_balances() if free is None else free,
        Purpose.STOP_LOSS,
        NOW_NS,
    )


def quantities(proposal: Proposal | None) -> list[Decimal]:
    """What each leg would close."""
    return [] if proposal is None else [intent.quantity for intent in proposal.intents]


class TestPrice:
    def test_the_best_worsened_by_half_a_percent(self) -> None:
        """On the tick inside the bound: buying rounds down, selling up."""
        proposal = close()

        assert proposal is not None
        buy, sell = proposal.intents
        assert (buy.instrument, buy.side) == (UPBIT_BTC, Side.BUY)
        # 151,664,550 inside the bound is 151,664,000; 107,450.05 is on Binance's tick.
        assert buy.limit_price == Decimal(151_664_000)
        assert (sell.instrument, sell.side) == (BINANCE_BTC, Side.SELL)
        assert sell.limit_price == Decimal("107450.05")

    def test_selling_rounds_up(self) -> None:
        """A tick lower would be worse than the bound."""
        trade = a_trade((UPBIT_BTC, a_position("0.00066", 150_900_000)))

        proposal = close(trade=trade)

        assert proposal is not None
        # 150,145,500 inside the bound is 150,146,000.
        assert proposal.intents[0].limit_price == Decimal(150_146_000)

    def test_carries_purpose_and_trade(self) -> None:
        """Bound by the short list of checks."""
        proposal = close()

        assert proposal is not None
        assert (proposal.purpose, proposal.trade_id) == (Purpose.STOP_LOSS, "T1")
        assert proposal.is_closing


class TestQuantity:
    def test_both_legs_alike(self) -> None:
        """The whole trade, where nothing is in the way."""
        assert quantities(close()) == [WHOLE, WHOLE]

    def test_a_part_of_it(self) -> None:
        """As a rebalancing asks for."""
        assert quantities(close(Decimal("0.00019"))) == [Decimal("0.00019")] * 2

    def test_never_more_than_is_held(self) -> None:
        """Whatever is asked for."""
        assert quantities(close(Decimal(5))) == [WHOLE, WHOLE]

    def test_never_more_than_the_smaller_leg(self) -> None:
        """What one leg has beyond the other is unwound, not closed."""
        uneven = a_trade(
            (UPBIT_BTC, a_position("-0.00066", 150_900_000)),
            (BINANCE_BTC, a_position("0.0005", 150_066_000)),
        )

        assert quantities(close(trade=uneven)) == [Decimal("0.0005")] * 2

    def test_cut_to_what_stands_within_the_limit(self) -> None:
        """On both legs, by the thinner one; what lies beyond the limit does not count."""
        asks: list[tuple[Number, Number]] = [(150_910_000, "0.0002"), (151_665_000, DEEP)]
        market = a_market(a_book(bids=[(150_900_000, DEEP)], asks=asks))

        assert quantities(close(market=market)) == [Decimal("0.0002")] * 2

    def test_the_limit_itself_counts(self) -> None:
        """What stands exactly there can be taken."""
        asks: list[tuple[Number, Number]] = [(150_910_000, "0.0002"), (151_664_000, "0.0001")]
        market = a_market(a_book(bids=[(150_900_000, DEEP)], asks=asks))

        assert quantities(close(market=market)) == [Decimal("0.0003")] * 2

    def test_cut_to_what_the_money_buys(self) -> None:
        """At the limit price with its fee, on both legs, in the coarser lot."""
        cost = Decimal("0.00031") * 151_664_000 * Decimal("1.0005")
        free = some_balances(upbit_KRW=cost)
        less = some_balances(upbit_KRW=cost - Decimal("0.01"))

        assert quantities(close(free=free)) == [Decimal("0.00031")] * 2
        assert quantities(close(free=less)) == [Decimal("0.00030")] * 2

    def test_cut_to_the_coin_there_is(self) -> None:
        """A coin fee left 0.00065934: in Binance's lot 0.00065 on both legs."""
        free = some_balances(binance_BTC="0.00065934")

        assert quantities(close(free=free)) == [Decimal("0.00065")] * 2

    @pytest.mark.parametrize("holding", ["upbit_KRW", "binance_BTC"])
    @pytest.mark.parametrize("amount", ["0", "-5"])
    def test_nothing_without_balance(self, holding: str, amount: str) -> None:
        """A hedged trade closes on both legs or waits."""
        assert close(free=some_balances(**{holding: amount})) is None

    @pytest.mark.parametrize("leg", [UPBIT_BTC, BINANCE_BTC])
    def test_nothing_without_a_book(self, leg: InstrumentId) -> None:
        """On both legs or not at all."""
        market = a_market()
        market.forget(leg)

        assert close(market=market) is None


class TestUnwind:
    def unwind(self, sold: str, bought: str, **free: Number) -> Proposal | None:
        """Unwind what is beyond the other leg."""
        trade = a_trade(
            (UPBIT_BTC, a_position(sold, 150_900_000)),
            (BINANCE_BTC, a_position(bought, 150_066_000)),
        )
        return DESK.unwind(trade, a_market(), some_balances(**free), NOW_NS)

    def test_a_short_beyond_is_bought_back(self) -> None:
        """Only what one leg has beyond the other."""
        proposal = self.unwind("-0.00066", "0.0005")

        assert proposal is not None
        (intent,) = proposal.intents
        assert (intent.instrument, intent.side) == (UPBIT_BTC, Side.BUY)
        assert intent.quantity == Decimal("0.00016")
        assert proposal.purpose is Purpose.UNWIND

    def test_a_long_beyond_is_sold(self) -> None:
        """At Binance, in its lot."""
        proposal = self.unwind("-0.0005", "0.00066")

        assert proposal is not None
        (intent,) = proposal.intents
        assert (intent.instrument, intent.side) == (BINANCE_BTC, Side.SELL)
        assert (intent.quantity, intent.limit_price) == (Decimal("0.00016"), Decimal("107450.05"))

    def test_a_hedged_trade_needs_none(self) -> None:
        """Nothing is beyond."""
        assert self.unwind("-0.00066", "0.00066") is None

    def test_nothing_without_balance(self) -> None:
        """Spot lends nothing."""
        assert self.unwind("-0.0005", "0.00066", binance_BTC=0) is None


class TestDust:
    @pytest.mark.parametrize(
        ("instrument", "quantity", "dust"),
        [
            # Five thousand won: at the bid worsened by half a percent 0.0000333 Bitcoin.
            (UPBIT_BTC, "0.00003330", True),
            (UPBIT_BTC, "0.00003331", False),
            # Buying back is judged at the ask worsened.
            (UPBIT_BTC, "-0.00003296", True),
            (UPBIT_BTC, "-0.00003297", False),
            # Five dollars, in lots of 0.00001.
            (BINANCE_BTC, "0.00004999", True),
            (BINANCE_BTC, "0.00005", False),
            (BINANCE_BTC, "0.000009", True),
        ],
    )
    def test_is_what_the_venue_would_not_take(
        self, instrument: InstrumentId, quantity: str, dust: bool
    ) -> None:
        """By lot and by minimum, at the limit price its closing would carry."""
        assert DESK.is_dust(instrument, Decimal(quantity), a_market()) is dust

    @pytest.mark.parametrize("sign", [1, -1])
    def test_what_is_no_dust_can_be_closed(self, sign: int) -> None:
        """Between dust and the least order there is no gap in which a leg would be stuck."""
        minimum = some_instruments()[UPBIT_BTC].min_notional
        for lots in range(3_280, 3_340):
            quantity = sign * Decimal(lots) / 100_000_000
            trade = a_trade((UPBIT_BTC, a_position(quantity, 150_900_000)))
            proposal = close(abs(quantity), trade=trade)
            assert proposal is not None
            intent = proposal.intents[0]
            taken = intent.quantity * intent.limit_price >= minimum
            assert taken is not DESK.is_dust(UPBIT_BTC, quantity, a_market())

    def test_without_a_book_only_the_lot_can_tell(self) -> None:
        """Nothing is given up for dust on a guess."""
        empty = MarketView()

        assert not DESK.is_dust(BINANCE_BTC, Decimal("0.00001"), empty)
        assert DESK.is_dust(BINANCE_BTC, Decimal("0.000009"), empty)
