"""The spread strategy: what it wishes for, at which prices, and when a trade has done its work."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    BINANCE_BTC,
    BITHUMB_BTC,
    DEEP,
    MS_NS,
    NOW_NS,
    SELL_BINANCE,
    SELL_UPBIT,
    UPBIT_BINANCE,
    UPBIT_BITHUMB,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_book,
    a_dollar_book,
    a_market,
    a_position,
    a_strategy,
    a_trade,
    an_instrument,
    some_instruments,
)
from trader.domain.instrument import FeeIn, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import LedgerName, PairName, Proposal, Purpose, Side
from trader.domain.trade import TradePhase
from trader.strategy.spread import SpreadStrategy


def always(_pair: PairName, _direction: str) -> bool:
    """There is room for everything."""
    return True


def propose(
    market: MarketView,
    instrument: InstrumentId = UPBIT_BTC,
    strategy: SpreadStrategy | None = None,
) -> Proposal | None:
    """What the strategy wants on the newest book of ``instrument``."""
    wisher = strategy or a_strategy()
    return wisher.propose(instrument, market, LedgerName.PAPER, always)


def a_flat_market(**changes: Any) -> MarketView:
    """Every venue at 150 million won, nothing to earn anywhere."""
    upbit = a_book(UPBIT_BTC, 150_000_000, 150_010_000)
    bithumb = a_book(BITHUMB_BTC, 150_000_000, 150_010_000)
    binance = a_book(BINANCE_BTC, 107_950, 107_960)
    return a_market(upbit, bithumb, binance, **changes)


class TestSignal:
    def test_nothing_to_earn_is_nothing_to_do(self) -> None:
        """No signal where the spread does not pay its costs."""
        for book in (UPBIT_BTC, BITHUMB_BTC, BINANCE_BTC, UPBIT_USDT):
            assert propose(a_flat_market(), book) is None

    @pytest.mark.parametrize(("bid", "signals"), [(150_600_000, False), (150_601_000, True)])
    def test_expected_profit_must_be_above_its_minimum(self, bid: Number, signals: bool) -> None:
        """Exactly at 0.05 % after exit spread and fees is no signal: 0.4 % of 150 million."""
        strategy = a_strategy(
            some_instruments(
                bithumb_BTC=an_instrument(BITHUMB_BTC, fee_pct="0.10"),
            )
        )
        market = a_flat_market()
        market.update(a_book(UPBIT_BTC, bid, 151_000_000))
        market.update(a_book(BITHUMB_BTC, 149_990_000, 150_000_000))

        proposal = propose(market, BITHUMB_BTC, strategy)

        assert (proposal is not None) is signals
        assert strategy.is_signal(UPBIT_BITHUMB, "upbit>bithumb", market) is signals

    def test_the_dear_venue_sells(self) -> None:
        """The other way round when Binance is dear."""
        market = a_flat_market()
        market.update(a_book(BINANCE_BTC, 108_600, 108_610))

        proposal = propose(market, BINANCE_BTC)

        assert proposal is not None
        assert (proposal.pair, proposal.direction) == (UPBIT_BINANCE, SELL_BINANCE)
        assert [(i.instrument, i.side) for i in proposal.intents] == [
            (BINANCE_BTC, Side.SELL),
            (UPBIT_BTC, Side.BUY),
        ]

    def test_a_pair_in_won_asks_no_dollar(self) -> None:
        """Upbit and Bithumb need no KRW-USDT book at all."""
        market = a_flat_market()
        market.forget(UPBIT_USDT)
        market.update(a_book(UPBIT_BTC, 151_000_000, 151_010_000))

        proposal = propose(market)

        assert proposal is not None
        assert proposal.pair == UPBIT_BITHUMB
        assert proposal.evidence is not None
        assert proposal.evidence.usdt_krw is None

    def test_no_dollar_book_no_dollar_pair(self) -> None:
        """A void book of KRW-USDT prices nothing, however recent its last price."""
        market = a_market(a_book(BITHUMB_BTC, 150_900_000, 150_910_000))
        market.forget(UPBIT_USDT)

        assert propose(market, BINANCE_BTC) is None

    @pytest.mark.parametrize("missing", [UPBIT_BTC, BINANCE_BTC])
    def test_a_missing_leg_is_no_signal(self, missing: InstrumentId) -> None:
        """Both books, or none."""
        market = a_market()
        market.forget(missing)

        assert propose(market, BINANCE_BTC) is None

    def test_only_directions_with_room_are_evaluated(self) -> None:
        """One trade of a direction is open: the signal is passed over."""
        asked: list[tuple[PairName, str]] = []

        def no_room(pair: PairName, direction: str) -> bool:
            asked.append((pair, direction))
            return False

        found = a_strategy().propose(BINANCE_BTC, a_market(), LedgerName.PAPER, no_room)

        assert found is None
        assert asked == [(UPBIT_BINANCE, SELL_UPBIT)]

    def test_a_fee_that_rises_counts_at_once(self) -> None:
        """The same books pay no longer."""
        strategy = a_strategy()
        before = propose(a_market(), strategy=strategy)
        strategy.revise(an_instrument(UPBIT_BTC, fee_pct="0.25"))

        assert before is not None
        assert propose(a_market(), BINANCE_BTC, strategy) is None


class TestDollar:
    def test_buying_with_dollars_pays_the_ask(self) -> None:
        """Dollars leave Binance: they cost 1,390, not 1,389.5."""
        proposal = propose(a_market())

        assert proposal is not None
        assert proposal.evidence is not None
        expected = (Decimal(150_900_000) / (108_000 * 1_390) - 1) * 100
        assert proposal.evidence.spread_pct == expected
        assert proposal.evidence.usdt_krw == 1_390

    def test_selling_for_dollars_gets_the_bid(self) -> None:
        """Dollars come: they are worth 1,389."""
        market = a_flat_market()
        market.update(a_book(BINANCE_BTC, 108_600, 108_610))

        proposal = propose(market, BINANCE_BTC)

        assert proposal is not None
        assert proposal.evidence is not None
        expected = (Decimal(108_600) * 1_389 / 150_010_000 - 1) * 100
        assert proposal.evidence.spread_pct == expected
        assert proposal.evidence.usdt_krw == 1_389

    def test_a_move_of_the_dollar_alone_can_open(self) -> None:
        """The coin stood still at both venues; a cheaper dollar is a spread."""
        market = a_flat_market()
        before = propose(market, UPBIT_USDT)
        market.update(a_dollar_book(1_381, 1_382))

        proposal = propose(market, UPBIT_USDT)

        assert before is None
        assert proposal is not None
        assert proposal.direction == SELL_UPBIT

    def test_its_delay_counts_from_the_dollar_that_moved(self) -> None:
        """The legs were quiet for two seconds; the signal is as new as the newest book."""
        market = a_flat_market(mono_ns=NOW_NS - 2_000 * MS_NS)
        for book in list(market.books.values()):
            market.update(replace(book, mono_ns=NOW_NS - 2_000 * MS_NS))
        market.update(a_dollar_book(1_381, 1_382, mono_ns=NOW_NS))

        proposal = propose(market, UPBIT_USDT)

        assert proposal is not None
        assert proposal.signal_ns == NOW_NS

    def test_the_signal_is_as_new_as_the_newest_leg(self) -> None:
        """A pair in won counts its own two books only."""
        market = a_flat_market()
        market.update(a_book(UPBIT_BTC, 151_000_000, 151_010_000, mono_ns=NOW_NS + 5))
        market.update(a_dollar_book(mono_ns=NOW_NS + 9))

        found = propose(market, BITHUMB_BTC)

        assert found is not None
        assert found.signal_ns == NOW_NS + 5


class TestSizeAndPrice:
    def test_size_in_the_coarser_lot(self) -> None:
        """100,000 won at the dearer leg are 0.00066269 Bitcoin, 0.00066 in Binance's lot."""
        proposal = propose(a_market())

        assert proposal is not None
        assert {intent.quantity for intent in proposal.intents} == {Decimal("0.00066")}

    def test_size_in_the_finer_lot_where_both_have_it(self) -> None:
        """Two venues in won share eight places."""
        market = a_flat_market()
        market.update(a_book(UPBIT_BTC, 151_000_000, 151_010_000))

        proposal = propose(market, BITHUMB_BTC)

        assert proposal is not None
        assert {intent.quantity for intent in proposal.intents} == {Decimal("0.00066225")}

    def test_less_than_a_lot_is_no_trade(self) -> None:
        """A thousand won buy no lot of Binance's."""
        assert propose(a_market(), strategy=a_strategy(position_size_krw=Decimal(1_000))) is None

    def test_limits_are_the_last_levels_walked(self) -> None:
        """Not beyond, and not the best price where the best is too thin."""
        market = a_market(
            a_book(
                bids=[(151_500_000, "0.0003"), (151_450_000, "0.0003"), (151_400_000, DEEP)],
                asks=[(151_510_000, DEEP)],
            ),
            a_book(
                BINANCE_BTC,
                bids=[(107_990, DEEP)],
                asks=[(108_000, "0.0005"), ("108000.01", DEEP), (108_001, DEEP)],
            ),
        )

        proposal = propose(market)

        assert proposal is not None
        assert [intent.limit_price for intent in proposal.intents] == [
            Decimal(151_400_000),
            Decimal("108000.01"),
        ]

    def test_slippage_counts_for_all_four_fills(self) -> None:
        """The closing's is taken as the opening's: twice the walked average against the best."""
        market = a_market(
            a_book(bids=[(152_000_000, "0.00033"), (151_848_000, DEEP)], asks=[(152_010_000, DEEP)])
        )

        proposal = propose(market, strategy=a_strategy(position_size_krw=Decimal(100_400)))

        assert proposal is not None
        assert proposal.intents[0].quantity == Decimal("0.00066")
        evidence = proposal.evidence
        assert evidence is not None
        # Half at the best, half 0.1 % below: 0.05 % on the opening, as much on the closing.
        assert evidence.slippage_pct == Decimal("0.1000")
        costs = Decimal("0.05") + evidence.fees_pct + evidence.slippage_pct
        assert evidence.expected_net_pct == evidence.spread_pct - costs

    def test_slippage_can_cost_the_signal(self) -> None:
        """The best prices alone would have paid."""
        thin: list[tuple[Number, Number]] = [(150_900_000, "0.00001"), (150_700_000, DEEP)]
        market = a_market(a_book(bids=thin, asks=[(150_910_000, DEEP)]))
        market.forget(BITHUMB_BTC)

        assert propose(market, strategy=a_strategy(min_profit_pct=Decimal("0.10"))) is None
        assert propose(a_market(), strategy=a_strategy(min_profit_pct=Decimal("0.10")))

    @pytest.mark.parametrize(
        ("shown", "confidence"), [("0.00066", "1"), ("0.00198", "3"), ("0.00099", "1.5")]
    )
    def test_confidence_is_the_thinner_legs_depth(self, shown: str, confidence: str) -> None:
        """Shown within the limit, over three times the order, at most one."""
        asks: list[tuple[Number, Number]] = [(108_000, shown), (108_010, DEEP)]
        market = a_market(a_book(BINANCE_BTC, bids=[(107_990, DEEP)], asks=asks))

        proposal = propose(market)

        assert proposal is not None
        assert proposal.evidence is not None
        assert proposal.evidence.confidence == Decimal(confidence) / 3


class TestExit:
    @pytest.mark.parametrize(("ask", "exits"), [(150_225_000, True), (150_226_000, False)])
    def test_at_or_under_the_exit_spread(self, ask: int, exits: bool) -> None:
        """Ask over bid less one, dollars coming in at the bid; 0.05 % is 150,225,975.45 here."""
        bound = Decimal("1.0005") * 108_100 * 1_389
        market = a_market(a_book(BINANCE_BTC, 108_100, 108_110))
        market.update(a_book(UPBIT_BTC, 150_200_000, ask))

        assert (ask <= bound) is exits
        assert a_strategy().wants_exit(a_trade(), market) is exits

    def test_equal_counts(self) -> None:
        """The bound may be reached: 150,075,000 over 150,000,000."""
        trade = a_trade(
            (UPBIT_BTC, a_position("-0.001", 151_000_000)),
            (BITHUMB_BTC, a_position("0.001", 150_000_000)),
            pair=UPBIT_BITHUMB,
        )
        market = a_market(
            a_book(UPBIT_BTC, 150_000_000, 150_075_000),
            a_book(BITHUMB_BTC, 150_000_000, 150_001_000),
        )

        assert a_strategy().wants_exit(trade, market)
        market.update(a_book(UPBIT_BTC, 150_000_000, 150_076_000))
        assert not a_strategy().wants_exit(trade, market)

    def test_is_walked_for_the_trades_size(self) -> None:
        """An even best price too thin for the trade is no exit."""
        market = a_market(
            a_book(BINANCE_BTC, 108_100, 108_110),
            a_book(bids=[(150_200_000, DEEP)], asks=[(150_210_000, "0.0001"), (150_400_000, DEEP)]),
        )

        assert not a_strategy().wants_exit(a_trade(), market)

    def test_a_book_too_short_is_no_exit(self) -> None:
        """What is not shown has no price."""
        market = a_market(
            a_book(BINANCE_BTC, 108_100, 108_110),
            a_book(bids=[(150_200_000, DEEP)], asks=[(150_210_000, "0.0006")]),
        )

        assert not a_strategy().wants_exit(a_trade(), market)

    def test_the_legs_may_stand_in_any_order(self) -> None:
        """What was sold is bought back, whichever leg it is."""
        market = a_market(
            a_book(UPBIT_BTC, 150_200_000, 150_210_000), a_book(BINANCE_BTC, 108_100, 108_110)
        )
        trade = a_trade()

        assert a_strategy().wants_exit(replace(trade, legs=trade.legs[::-1]), market)

    def test_dollars_leave_when_binance_was_sold(self) -> None:
        """Buying back with dollars costs the ask of KRW-USDT."""
        trade = a_trade(
            (BINANCE_BTC, a_position("-0.001", 150_600_000)),
            (UPBIT_BTC, a_position("0.001", 150_000_000)),
            direction=SELL_BINANCE,
        )
        # 108,000 x 1,390 is 150,120,000: even with a bid of 150,045,000, not with one tick less.
        even = a_market(a_book(UPBIT_BTC, 150_045_000, 150_050_000))
        odd = a_market(a_book(UPBIT_BTC, 150_044_000, 150_050_000))

        assert a_strategy().wants_exit(trade, even)
        assert not a_strategy().wants_exit(trade, odd)

    @pytest.mark.parametrize("gone", [UPBIT_BTC, BINANCE_BTC, UPBIT_USDT])
    def test_a_void_book_is_no_exit(self, gone: InstrumentId) -> None:
        """Neither a leg's nor the dollar's last price proves anything."""
        market = a_market(
            a_book(UPBIT_BTC, 150_200_000, 150_210_000), a_book(BINANCE_BTC, 108_100, 108_110)
        )
        market.forget(gone)

        assert not a_strategy().wants_exit(a_trade(), market)

    def test_a_lone_leg_does_not_exit(self) -> None:
        """It is unwound or stopped; there is no spread to wait for."""
        trade = a_trade((UPBIT_BTC, a_position("-0.00066", 150_900_000)))

        assert not a_strategy().wants_exit(trade, a_market())


class TestCompletion:
    def lone(self, sold: str = "-0.00066", bought: str = "0") -> Any:
        """An opening of which the legs filled unevenly."""
        return a_trade(
            (UPBIT_BTC, a_position(sold, 150_900_000)),
            (BINANCE_BTC, a_position(bought, 150_066_000)),
            phase=TradePhase.OPENING,
        )

    def test_buys_what_is_missing(self) -> None:
        """At the best price worsened by the bound of unwinding, on the tick inside it."""
        proposal = a_strategy().complete(self.lone(), a_market(), NOW_NS)

        assert proposal is not None
        (intent,) = proposal.intents
        assert (intent.instrument, intent.side) == (BINANCE_BTC, Side.BUY)
        assert (intent.quantity, intent.limit_price) == (Decimal("0.00066"), Decimal("108540"))
        assert (proposal.purpose, proposal.trade_id) == (Purpose.COMPLETE, "T1")
        assert not proposal.is_closing

    def test_sells_what_is_missing(self) -> None:
        """The other leg alone: the sale is completed."""
        proposal = a_strategy().complete(self.lone("-0.0002", "0.00066"), a_market(), NOW_NS)

        assert proposal is not None
        (intent,) = proposal.intents
        assert (intent.instrument, intent.side) == (UPBIT_BTC, Side.SELL)
        # 0.5 % below 150,900,000 is 150,145,500; inside that bound is upwards.
        assert (intent.quantity, intent.limit_price) == (Decimal("0.00046"), Decimal(150_146_000))

    def test_only_if_it_is_still_worth_it(self) -> None:
        """At today's price of the missing leg against the entry of the one that stands."""
        gone = a_market(a_book(BINANCE_BTC, 108_300, 108_310))

        assert a_strategy().complete(self.lone(), gone, NOW_NS) is None

    def test_evidence_is_that_of_the_whole(self) -> None:
        """The standing leg at its entry, the missing one at the dollar's ask."""
        proposal = a_strategy().complete(self.lone(), a_market(), NOW_NS)

        assert proposal is not None
        assert proposal.evidence is not None
        expected = (Decimal(150_900_000) / (108_000 * 1_390) - 1) * 100
        assert proposal.evidence.spread_pct == expected

    def test_under_a_lot_cannot_be_completed(self) -> None:
        """Upbit filled a sliver that Binance cannot match."""
        assert a_strategy().complete(self.lone("-0.000009"), a_market(), NOW_NS) is None

    def test_a_hedged_trade_needs_none(self) -> None:
        """Nothing is missing."""
        assert a_strategy().complete(a_trade(), a_market(), NOW_NS) is None

    def test_without_a_book_it_is_unwound(self) -> None:
        """Nobody knows what completing would cost."""
        market = a_market()
        market.forget(BINANCE_BTC)

        assert a_strategy().complete(self.lone(), market, NOW_NS) is None


def test_directions_are_both_ways_round_every_pair() -> None:
    """What it may ever propose: sold first, bought second."""
    assert list(a_strategy().directions) == [
        (UPBIT_BINANCE, SELL_UPBIT, UPBIT_BTC, BINANCE_BTC),
        (UPBIT_BINANCE, SELL_BINANCE, BINANCE_BTC, UPBIT_BTC),
        (UPBIT_BITHUMB, "upbit>bithumb", UPBIT_BTC, BITHUMB_BTC),
        (UPBIT_BITHUMB, "bithumb>upbit", BITHUMB_BTC, UPBIT_BTC),
    ]


def test_fees_are_those_of_four_fills() -> None:
    """Twice each venue's taker fee, whatever it is charged in."""
    instruments = some_instruments(
        binance_BTC=an_instrument(
            BINANCE_BTC,
            tick="0.01",
            lot="0.00001",
            minimum=5,
            fee_pct="0.075",
            fee_in=FeeIn.RECEIVED,
        )
    )
    proposal = propose(a_market(), strategy=a_strategy(instruments))

    assert proposal is not None
    assert proposal.evidence is not None
    assert proposal.evidence.fees_pct == Decimal("0.25")
