"""Entries: each pre-trade check refuses by itself what it is there for, measured on real books."""

from collections.abc import Mapping
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
    UPBIT_BTC,
    UPBIT_USDT,
    a_book,
    a_completion,
    a_dollar_book,
    a_market,
    a_proposal,
    an_account,
    an_instrument,
    an_intent,
    some_balances,
    some_evidence,
    some_instruments,
    some_limits,
)
from trader.domain.account import Account, Limits
from trader.domain.control import CheckName
from trader.domain.decision import CheckResult
from trader.domain.instrument import BINANCE, KRW, UPBIT, USDT, Asset, Instrument, InstrumentId
from trader.domain.market import MarketView
from trader.domain.order import ClientOrderId, Proposal, Side, TradeId
from trader.risk.measure import Measured, measure_entry
from trader.risk.safety import SafetyValidator, Verdict, refused

STOP_PCT = Decimal("1.2")
BTC = Asset("BTC")


def measure(
    proposal: Proposal | None = None,
    account: Account | None = None,
    market: MarketView | None = None,
    instruments: Mapping[InstrumentId, Instrument] | None = None,
    now_ns: int = NOW_NS,
) -> Measured:
    """Measure the documented entry, or what is given in its place."""
    return measure_entry(
        proposal or a_proposal(),
        account or an_account(),
        instruments or some_instruments(),
        market or a_market(),
        STOP_PCT,
        now_ns,
    )


def judge(measured: Measured, limits: Limits | None = None) -> Verdict:
    """Judge it as an entry."""
    return SafetyValidator(limits or some_limits()).validate(
        a_proposal(), measured, TradeId("T1"), 0, lambda: ClientOrderId("tr-test-1")
    )


def refusals(limits: Limits | None = None, **changes: Any) -> frozenset[CheckName]:
    """Which checks refuse the documented entry with these changes."""
    return refused(judge(measure(**changes), limits).checks)


def result_of(check: CheckName, **changes: Any) -> CheckResult:
    """One check's result on the documented entry with these changes."""
    return next(row for row in judge(measure(**changes)).checks if row.check is check)


def test_the_documented_entry_is_approved() -> None:
    """Everything else here is this entry with one thing wrong."""
    assert refusals() == frozenset()


class TestEvidence:
    def test_confidence_must_be_above_its_minimum(self) -> None:
        """Equal is refused."""
        at_limit = a_proposal(evidence=some_evidence(confidence=Decimal("0.3")))

        assert refusals(proposal=at_limit) == {CheckName.CONFIDENCE}

    def test_expected_profit_must_be_above_its_minimum(self) -> None:
        """Equal is refused."""
        at_limit = a_proposal(evidence=some_evidence(expected_net_pct=Decimal("0.05")))

        assert refusals(proposal=at_limit) == {CheckName.NET_PROFIT}

    def test_an_entry_without_evidence_is_refused(self) -> None:
        """A strategy that says not what it saw gets nothing."""
        blind = a_proposal(evidence=None)

        assert refusals(proposal=blind) == {CheckName.CONFIDENCE, CheckName.NET_PROFIT}

    def test_evidence_that_is_no_number_is_refused(self) -> None:
        """A strategy is a user's to write, and may divide by nothing."""
        nan = a_proposal(evidence=some_evidence(expected_net_pct=Decimal("NaN")))

        assert refusals(proposal=nan) == {CheckName.NET_PROFIT}


class TestSlippage:
    def test_is_the_walked_average_against_the_best_price(self) -> None:
        """Half at 108,000 and half at 108,540 (0.5 % worse) is 0.25 %."""
        market = a_market(
            a_book(
                BINANCE_BTC,
                bids=[(107_990, DEEP)],
                asks=[(108_000, "0.00033"), (108_540, DEEP)],
            )
        )

        assert result_of(CheckName.SLIPPAGE, market=market).value == Decimal("0.2500")

    def test_each_leg_is_judged_by_itself(self) -> None:
        """0.4 % on the sold side refuses although the bought side slips nothing."""
        market = a_market(
            a_book(bids=[(150_900_000, "0.00001"), (150_200_000, DEEP)], asks=[(150_910_000, DEEP)])
        )

        assert CheckName.SLIPPAGE in refusals(market=market)

    def test_a_book_too_short_for_the_size_is_refused(self) -> None:
        """What lies beyond the last level shown has no price to estimate by."""
        market = a_market(a_book(asks=[(150_910_000, DEEP)], bids=[(150_900_000, "0.00065")]))

        result = result_of(CheckName.SLIPPAGE, market=market)

        assert (result.passed, result.fault) == (False, "missing")


class TestLiquidity:
    def test_counts_only_within_one_percent_of_mid(self) -> None:
        """Depth beyond reach is not there."""
        near = a_book(BINANCE_BTC, bids=[(107_990, DEEP)], asks=[(108_000, "0.1"), (110_000, 900)])

        assert refusals(market=a_market(near)) == {CheckName.LIQUIDITY}

    def test_counts_only_the_side_taken(self) -> None:
        """Buyers do not fill a purchase."""
        thin_asks = a_book(BINANCE_BTC, bids=[(107_990, 900)], asks=[(108_000, "0.1")])

        assert refusals(market=a_market(thin_asks)) == {CheckName.LIQUIDITY}

    def test_is_counted_in_won(self) -> None:
        """0.2 Bitcoin at 108,000 dollars is 30 million won, above the minimum of 20 million."""
        enough = a_book(BINANCE_BTC, bids=[(107_990, DEEP)], asks=[(108_000, "0.2")])

        assert refusals(market=a_market(enough)) == frozenset()
        assert result_of(CheckName.LIQUIDITY, market=a_market(enough)).value == Decimal("30024000")


class TestPrices:
    def test_a_limit_beyond_the_collar_is_refused(self) -> None:
        """More than one percent from the own book's mid, in either direction."""
        high = an_intent(UPBIT_BTC, Side.SELL, limit_price=152_415_000)
        low = an_intent(UPBIT_BTC, Side.SELL, limit_price=149_395_000)
        other = a_proposal().intents[1]

        assert CheckName.PRICE_COLLAR in refusals(proposal=a_proposal(high, other))
        assert CheckName.PRICE_COLLAR in refusals(proposal=a_proposal(low, other))

    def test_the_collar_itself_may_be_reached(self) -> None:
        """A limit exactly one percent below mid passes."""
        market = a_market(a_book(bid=149_990_000, ask=150_010_000))
        at_collar = an_intent(UPBIT_BTC, Side.SELL, limit_price=148_500_000)
        proposal = a_proposal(at_collar, a_proposal().intents[1])

        result = result_of(CheckName.PRICE_COLLAR, proposal=proposal, market=market)

        assert (result.passed, result.value) == (True, Decimal("1.0"))

    def test_venues_too_far_apart_are_refused(self) -> None:
        """Ten percent between the mids in won is a wrong book sooner than a chance."""
        cheap = a_book(BINANCE_BTC, "98690", "98700")

        assert CheckName.VENUE_GAP in refusals(market=a_market(cheap))

    def test_the_gap_is_measured_in_won(self) -> None:
        """The same dollar prices at a false dollar are as far apart as false prices."""
        market = a_market(a_dollar_book(1_200, 1_201))

        assert refusals(market=market) == {CheckName.VENUE_GAP}

    def test_a_price_off_the_tick_is_refused(self) -> None:
        """The venue would reject it."""
        off = an_intent(UPBIT_BTC, Side.SELL, limit_price=150_899_500)

        assert refusals(proposal=a_proposal(off, a_proposal().intents[1])) == {CheckName.TICK}

    @pytest.mark.parametrize("price", ["0", "-1000"])
    def test_a_price_of_nothing_is_refused(self, price: str) -> None:
        """Zero is on every grid, and is no price."""
        nothing = an_intent(UPBIT_BTC, Side.SELL, limit_price=price)

        assert CheckName.TICK in refusals(proposal=a_proposal(nothing, a_proposal().intents[1]))


class TestSize:
    def test_each_leg_must_be_below_the_position_limit(self) -> None:
        """The larger leg in won decides; equal is refused."""
        limits = some_limits(max_position_size_krw=99_594)

        assert refusals(limits) == {CheckName.POSITION_SIZE}
        assert refusals(some_limits(max_position_size_krw="99594.01")) == frozenset()

    def test_a_sale_counts_at_what_it_may_bring(self) -> None:
        """A limit far below the bid fills at the bid: the notional is the bid's."""
        low = an_intent(UPBIT_BTC, Side.SELL, limit_price=149_500_000)
        proposal = a_proposal(low, a_proposal().intents[1])

        assert result_of(CheckName.POSITION_SIZE, proposal=proposal).value == Decimal(99_594)

    def test_dollars_leaving_count_at_the_ask(self) -> None:
        """Buying with dollars is valued at what a dollar costs."""
        dear = an_intent(BINANCE_BTC, Side.BUY, "0.00066", 109_000)
        proposal = a_proposal(a_proposal().intents[0], dear)

        result = result_of(CheckName.POSITION_SIZE, proposal=proposal)

        assert result.value == Decimal("0.00066") * 109_000 * 1_390

    def test_under_the_venue_minimum_is_refused(self) -> None:
        """Five dollars at Binance: 0.00004 Bitcoin are 4.32."""
        small = [replace(intent, quantity=Decimal("0.00004")) for intent in a_proposal().intents]

        assert refusals(proposal=a_proposal(*small)) == {CheckName.VENUE_MINIMUM}

    def test_the_venue_minimum_may_be_reached(self) -> None:
        """Exactly the minimum is taken."""
        instruments = some_instruments(upbit_BTC=an_instrument(minimum=99_594))

        assert refusals(instruments=instruments) == frozenset()

    def test_a_quantity_off_the_lot_is_refused(self) -> None:
        """Upbit's finer lot is not Binance's."""
        fine = [replace(intent, quantity=Decimal("0.000661")) for intent in a_proposal().intents]

        assert refusals(proposal=a_proposal(*fine)) == {CheckName.LOT}

    @pytest.mark.parametrize("quantity", ["0", "-0.00066"])
    def test_a_quantity_of_nothing_is_refused(self, quantity: str) -> None:
        """Zero is a whole number of lots, and is no order."""
        nothing = [replace(intent, quantity=Decimal(quantity)) for intent in a_proposal().intents]

        assert CheckName.LOT in refusals(proposal=a_proposal(*nothing))


class TestWhatNoNumberCanBeMadeOf:
    @pytest.mark.parametrize(
        "bad",
        [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e25"), 0.00066, None, "1"],
        ids=str,
    )
    @pytest.mark.parametrize("field", ["quantity", "limit_price"])
    def test_is_refused_by_every_check(self, field: str, bad: object) -> None:
        """A user's strategy may propose anything; it must end as a refusal, not as a crash."""
        changes: dict[str, Any] = {field: bad}
        broken = replace(a_proposal().intents[0], **changes)
        proposal = a_proposal(broken, a_proposal().intents[1])

        assert measure(proposal) == Measured()
        assert judge(measure(proposal)).orders == ()

    def test_an_unknown_instrument_is_refused(self) -> None:
        """Nothing is known of its tick, lot or fee."""
        foreign = an_intent(InstrumentId("upbit:DOGE-KRW"))

        assert judge(measure(a_proposal(foreign))).orders == ()

    @pytest.mark.parametrize("signal_ns", [None, 1.5, "now", True])
    def test_a_signal_without_a_time_is_refused(self, signal_ns: Any) -> None:
        """Its delay cannot be told."""
        assert judge(measure(a_proposal(signal_ns=signal_ns))).orders == ()

    @pytest.mark.parametrize("holding", [(UPBIT, KRW), (UPBIT, BTC), (BINANCE, USDT)])
    def test_a_balance_that_is_no_number_is_refused(self, holding: Any) -> None:
        """Not a number is neither enough nor too little."""
        account = an_account(free=some_balances() | {holding: Decimal("NaN")})

        assert refusals(account=account) & {CheckName.BALANCE, CheckName.STOP_RESERVE}


class TestLoss:
    def test_the_daily_loss_itself_is_refused(self) -> None:
        """Strictly below the limit."""
        at_limit = an_account(loss_today_krw=Decimal(150_000))

        assert refusals(account=at_limit) == {CheckName.DAILY_LOSS}

    def test_an_unknown_loss_is_refused(self) -> None:
        """No marks, no entries."""
        assert refusals(account=an_account(loss_today_krw=None)) == {CheckName.DAILY_LOSS}

    def test_a_loss_by_stale_marks_is_refused(self) -> None:
        """A mark older than the books may be is kept, and refuses entries."""
        assert refusals(account=an_account(marks_age_ms=3_000.1)) == {CheckName.DAILY_LOSS}


class TestExposure:
    def test_counts_the_trade_to_come(self) -> None:
        """Held 500,406 and 99,594 more reach the rebalancer's 600,000, and may."""
        reached = an_account(exposure_krw=Decimal(500_406))
        passed = an_account(exposure_krw=Decimal("500406.000000000001"))

        assert refusals(account=reached) == frozenset()
        assert refusals(account=passed) == {CheckName.REBALANCER_EXPOSURE}

    def test_both_limits_bind(self) -> None:
        """The engine's own limit refuses by its own name."""
        limits = some_limits(rebalancer_max_exposure_krw=2_000_000)
        passed = an_account(exposure_krw=Decimal("900406.01"))

        assert refusals(limits, account=passed) == {CheckName.EXPOSURE}

    def test_a_completion_adds_nothing(self) -> None:
        """Its trade is in the exposure already, the lone leg even twice."""
        full = an_account(exposure_krw=Decimal(600_000), open_trades=5)

        assert refusals(proposal=a_completion(), account=full) == frozenset()

    def test_open_trades_count_the_one_to_come(self) -> None:
        """Four open, a fifth may; five open, a sixth may not."""
        assert refusals(account=an_account(open_trades=4)) == frozenset()
        assert refusals(account=an_account(open_trades=5)) == {CheckName.OPEN_TRADES}

    def test_order_rate_counts_both_legs(self) -> None:
        """Fifty a minute for entries: 48 sent leave room for two, 49 do not."""
        assert refusals(account=an_account(orders_last_minute=48)) == frozenset()
        assert refusals(account=an_account(orders_last_minute=49)) == {CheckName.ORDER_RATE}


class TestBalance:
    def test_the_sold_coin_must_be_there(self) -> None:
        """Spot lends nothing."""
        exactly = an_account(free=some_balances(upbit_BTC="0.00066"))
        short = an_account(free=some_balances(upbit_BTC="0.00065999"))

        assert refusals(account=exactly) == frozenset()
        assert refusals(account=short) == {CheckName.BALANCE}

    def test_a_fee_in_the_coin_needs_no_money(self) -> None:
        """Binance takes its fee out of the coin bought: 71.28 dollars are enough."""
        exactly = an_account(free=some_balances(binance_USDT="71.28"))
        short = an_account(free=some_balances(binance_USDT="71.27999999"))

        assert refusals(account=exactly) == frozenset()
        assert refusals(account=short) == {CheckName.BALANCE}

    def test_a_fee_on_top_must_be_covered(self) -> None:
        """Upbit takes 0.05 % beside the price of a purchase."""
        buy = an_intent(UPBIT_BTC, Side.BUY, "0.00066", 150_910_000)
        sell = an_intent(BINANCE_BTC, Side.SELL, "0.00066", 107_990)
        cost = Decimal("0.00066") * 150_910_000 * Decimal("1.0005")
        plenty = some_balances(binance_USDT=500)
        enough = an_account(free=plenty | {(UPBIT, KRW): cost})
        short = an_account(free=plenty | {(UPBIT, KRW): cost - Decimal("0.0001")})

        assert CheckName.BALANCE not in refusals(proposal=a_proposal(sell, buy), account=enough)
        assert CheckName.BALANCE in refusals(proposal=a_proposal(sell, buy), account=short)

    def test_a_missing_balance_is_none(self) -> None:
        """A holding never heard of is empty."""
        assert CheckName.BALANCE in refusals(account=an_account(free={}))


class TestStopReserve:
    def test_the_short_leg_must_be_affordable_at_its_stop(self) -> None:
        """The proceeds do not buy the coin back 1.2 % higher with fees: the gap must be free."""
        proceeds = Decimal(99_594) * Decimal("0.9995")
        buy_back = Decimal("0.00066") * 150_910_000 * Decimal("1.012") * Decimal("1.0005")
        gap = buy_back - proceeds
        enough = an_account(free=some_balances() | {(UPBIT, KRW): gap})
        short = an_account(free=some_balances() | {(UPBIT, KRW): gap - Decimal("0.001")})

        assert refusals(account=enough) == frozenset()
        assert refusals(account=short) == {CheckName.STOP_RESERVE}

    def test_what_open_trades_need_stays_untouched(self) -> None:
        """Money another trade needs at its stop is not spent on a new one."""
        reserved = an_account(
            free=some_balances(upbit_KRW=100_000),
            reserved={(UPBIT, KRW): Decimal(100_000)},
        )

        assert refusals(account=reserved) == {CheckName.STOP_RESERVE}

    def test_a_coin_an_open_trade_will_sell_is_not_sold_before(self) -> None:
        """The long leg's coin is spoken for."""
        reserved = an_account(
            free=some_balances(upbit_BTC="0.001"), reserved={(UPBIT, BTC): Decimal("0.0005")}
        )

        assert refusals(account=reserved) == {CheckName.STOP_RESERVE}

    def test_a_coin_fee_is_no_shortfall(self) -> None:
        """With no coin at Binance the fee is missing from the leg: that is dust, not a reserve."""
        bare = an_account(free=some_balances(binance_BTC=0))

        assert refusals(account=bare) == frozenset()


class TestBooks:
    def test_a_leg_without_a_book_is_refused(self) -> None:
        """Nothing is known of the price."""
        market = a_market()
        market.forget(UPBIT_BTC)

        assert CheckName.BOOK_VALID in refusals(market=market)

    @pytest.mark.parametrize(
        ("bid", "ask"), [(150_910_000, 150_910_000), (150_920_000, 150_910_000)], ids=str
    )
    def test_a_locked_or_crossed_book_is_refused(self, bid: int, ask: int) -> None:
        """The last good book is there for marks only."""
        market = a_market(a_book(bid=bid, ask=ask))

        assert CheckName.BOOK_VALID in refusals(market=market)

    def test_a_one_sided_book_is_refused(self) -> None:
        """Nobody to sell to."""
        assert CheckName.BOOK_VALID in refusals(market=a_market(a_book(bids=[])))

    @pytest.mark.parametrize("stale", [UPBIT_BTC, BINANCE_BTC, UPBIT_USDT])
    def test_a_stale_book_is_refused(self, stale: InstrumentId) -> None:
        """Each leg's, and that of the dollar that prices it: 3,000 ms may be reached."""
        market = a_market()
        old = replace(market.books[stale], mono_ns=NOW_NS - 3_000 * MS_NS)
        market.update(old)

        assert CheckName.BOOK_AGE not in refusals(market=market)
        assert CheckName.BOOK_AGE in refusals(market=market, now_ns=NOW_NS + 1_000)

    def test_a_dollar_book_that_is_gone_is_refused(self) -> None:
        """Its last price would still be there."""
        market = a_market()
        market.forget(UPBIT_USDT)

        assert CheckName.BOOK_VALID in refusals(market=market)

    def test_a_pair_in_won_needs_no_dollar(self) -> None:
        """Upbit and Bithumb trade on when the dollar's book is gone."""
        market = a_market()
        market.forget(UPBIT_USDT)
        proposal = a_proposal(
            a_proposal().intents[0], an_intent(BITHUMB_BTC, Side.BUY, "0.00066", 150_510_000)
        )

        assert refusals(proposal=proposal, market=market) == frozenset()

    def test_books_from_different_moments_are_refused(self) -> None:
        """A second apart may be reached, a nanosecond more not."""
        reached = a_market(a_book(mono_ns=NOW_NS - 1_000 * MS_NS))
        passed = a_market(a_book(mono_ns=NOW_NS - 1_000 * MS_NS - 1))

        assert refusals(market=reached) == frozenset()
        assert refusals(market=passed) == {CheckName.BOOK_SKEW}

    def test_a_book_from_the_future_is_refused(self) -> None:
        """A negative age is a broken clock."""
        assert CheckName.BOOK_AGE in refusals(now_ns=NOW_NS - 1)


class TestTime:
    def test_a_late_order_is_refused(self) -> None:
        """2,500 ms from signal to send are too many."""
        late = a_proposal(signal_ns=NOW_NS - 2_500 * MS_NS)
        just = a_proposal(signal_ns=NOW_NS - 2_500 * MS_NS + 1)

        assert refusals(proposal=late) == {CheckName.ORDER_DELAY}
        assert refusals(proposal=just) == frozenset()

    def test_a_signal_from_the_future_is_refused(self) -> None:
        """A negative delay is a broken clock."""
        assert refusals(proposal=a_proposal(signal_ns=NOW_NS + 1)) == {CheckName.ORDER_DELAY}


class TestState:
    def test_an_untradable_leg_is_refused(self) -> None:
        """Warned, delisted or its wallet shut."""
        instruments = some_instruments(upbit_BTC=an_instrument(tradable=False))

        assert refusals(instruments=instruments) == {CheckName.TRADABLE}

    def test_a_halted_leg_is_refused(self) -> None:
        """Its venue takes no order at all, whatever else it says of the market."""
        instruments = some_instruments(upbit_BTC=an_instrument(halted=True))

        assert refusals(instruments=instruments) == {CheckName.TRADABLE}

    def test_a_standing_breaker_refuses(self) -> None:
        """Until its cause is over."""
        assert refusals(account=an_account(breakers=1)) == {CheckName.BREAKERS}

    def test_a_pause_refuses(self) -> None:
        """Until it is lifted."""
        assert refusals(account=an_account(paused=True)) == {CheckName.ENTRIES_PAUSED}

    def test_a_completion_is_an_entry(self) -> None:
        """Refused like one where a breaker stands, so that the leg is unwound instead."""
        tripped = an_account(breakers=1, paused=True)

        assert refusals(proposal=a_completion(), account=tripped) == {
            CheckName.BREAKERS,
            CheckName.ENTRIES_PAUSED,
        }


def test_the_dollar_leg_needs_dollars() -> None:
    """Won at Upbit pay for nothing at Binance."""
    assert refusals(account=an_account(free=some_balances(binance_USDT=0))) == {CheckName.BALANCE}
    assert (BINANCE, USDT) in some_balances()
