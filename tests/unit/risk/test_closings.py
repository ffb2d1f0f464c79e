"""Closings: nothing but their own short list may stand between a position and its end."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    BINANCE_BTC,
    MS_NS,
    NOW_NS,
    UPBIT_BTC,
    UPBIT_USDT,
    a_book,
    a_closing,
    a_market,
    an_account,
    an_instrument,
    an_intent,
    some_balances,
    some_instruments,
    some_limits,
)
from trader.domain.account import Limits
from trader.domain.control import CheckName
from trader.domain.order import ClientOrderId, Purpose, Side, TradeId
from trader.risk.measure import Measured, measure_closing
from trader.risk.safety import SafetyValidator, Verdict, refused

CLOSING_PURPOSES = [purpose for purpose in Purpose if purpose.is_closing]


def judge(limits: Limits | None = None, now_ns: int = NOW_NS, **changes: Any) -> Verdict:
    """Judge the documented exit with these changes."""
    proposal = changes.get("proposal", a_closing())
    measured = measure_closing(
        proposal,
        changes.get("account", an_account()),
        changes.get("instruments", some_instruments()),
        changes.get("market", a_market()),
        now_ns,
    )
    return SafetyValidator(limits or some_limits()).validate(
        proposal, measured, TradeId("T1"), 0, lambda: ClientOrderId("tr-test-1")
    )


def refusals(limits: Limits | None = None, **changes: Any) -> frozenset[CheckName]:
    """Which checks refuse it."""
    return refused(judge(limits, **changes).checks)


class TestNoEntryLimitBinds:
    @pytest.mark.parametrize("purpose", CLOSING_PURPOSES)
    def test_with_every_entry_limit_broken_at_once(self, purpose: Purpose) -> None:
        """The limits must not trap us in the position that breaches them."""
        account = an_account(
            exposure_krw=Decimal("1e12"),
            open_trades=99,
            loss_today_krw=Decimal("1e12"),
            marks_age_ms=float("nan"),
            orders_last_minute=10_000,
            reserved={holding: Decimal("1e12") for holding in some_balances()},
            breakers=7,
            paused=True,
        )
        market = a_market(
            # Thin, far away from the other venue, and two seconds older than its book.
            a_book(
                BINANCE_BTC,
                bids=[(50_000, "0.00033"), (49_800, "0.01")],
                asks=[(50_010, "0.01")],
                mono_ns=NOW_NS - 2_000 * MS_NS,
            )
        )
        market.forget(UPBIT_USDT)
        instruments = some_instruments(upbit_BTC=an_instrument(tradable=False))
        closing = a_closing(
            an_intent(UPBIT_BTC, Side.BUY, "0.00066", 151_000_000),
            an_intent(BINANCE_BTC, Side.SELL, "0.00066", 49_750),
            purpose=purpose,
        )

        verdict = judge(account=account, market=market, instruments=instruments, proposal=closing)

        assert refused(verdict.checks) == frozenset()
        assert len(verdict.orders) == 2

    def test_with_no_entry_limit_configured(self) -> None:
        """Only the limits of closings need to be set."""
        own = {"exit_collar_pct", "max_ws_age_ms", "max_order_delay_ms"}
        unset = {name: None for name in Limits.__struct_fields__ if name not in own}

        assert refusals(some_limits(**unset)) == frozenset()

    def test_an_unknown_loss_does_not_bind(self) -> None:
        """Marks may be missing when it matters most."""
        assert refusals(account=an_account(loss_today_krw=None)) == frozenset()


class TestBooks:
    @pytest.mark.parametrize("leg", [UPBIT_BTC, BINANCE_BTC])
    def test_every_leg_traded_needs_a_book(self, leg: Any) -> None:
        """A hedged trade closes on both legs or waits."""
        market = a_market()
        market.forget(leg)

        verdict = judge(market=market)

        assert CheckName.BOOK_VALID in refused(verdict.checks)
        assert verdict.orders == ()

    @pytest.mark.parametrize("leg", ["upbit_BTC", "binance_BTC"])
    def test_a_halted_leg_keeps_both_back(self, leg: str) -> None:
        """Its order would be rejected and the other leg's would not."""
        known = {"upbit_BTC": UPBIT_BTC, "binance_BTC": BINANCE_BTC}[leg]
        halted = replace(some_instruments()[known], halted=True)

        assert refusals(instruments=some_instruments(**{leg: halted})) == {CheckName.TRADABLE}

    def test_a_flawed_book_is_no_book(self) -> None:
        """Crossed: its prices mean nothing."""
        market = a_market(a_book(bid=150_920_000, ask=150_910_000))

        assert CheckName.BOOK_VALID in refusals(market=market)

    def test_a_stale_book_is_refused(self) -> None:
        """3,000 ms may be reached and not passed."""
        market = a_market(a_book(mono_ns=NOW_NS - 3_000 * MS_NS))

        assert refusals(market=market) == frozenset()
        late = a_closing(signal_ns=NOW_NS + 1)
        assert CheckName.BOOK_AGE in refusals(market=market, proposal=late, now_ns=NOW_NS + 1)


class TestPrice:
    @pytest.mark.parametrize(("price", "passes"), [(153_000_000, True), (153_001_000, False)])
    def test_within_two_percent_of_mid(self, price: int, passes: bool) -> None:
        """The collar of closings is wider than that of entries, and may be reached."""
        market = a_market(a_book(bid=149_990_000, ask=150_010_000))
        closing = a_closing(an_intent(UPBIT_BTC, Side.BUY, "0.00066", price))

        expected = frozenset() if passes else {CheckName.EXIT_COLLAR}
        assert refusals(market=market, proposal=closing) == expected

    def test_off_tick_is_refused(self) -> None:
        """The venue would reject it."""
        closing = a_closing(an_intent(UPBIT_BTC, Side.BUY, "0.00066", 150_910_500))

        assert refusals(proposal=closing) == {CheckName.TICK}


class TestSize:
    def test_off_lot_is_refused(self) -> None:
        """The venue would reject it."""
        closing = a_closing(an_intent(BINANCE_BTC, Side.SELL, "0.000661", 107_990))

        assert refusals(proposal=closing) == {CheckName.LOT}

    def test_under_the_venue_minimum_is_refused(self) -> None:
        """Such a remainder is dust and goes to inventory instead."""
        closing = a_closing(an_intent(BINANCE_BTC, Side.SELL, "0.00004", 107_990))

        assert refusals(proposal=closing) == {CheckName.VENUE_MINIMUM}

    @pytest.mark.parametrize(
        ("held", "passes"), [("0.00066", True), ("0.00065999", False), ("-0.1", False)]
    )
    def test_never_beyond_the_position(self, held: str, passes: bool) -> None:
        """What unknown orders may have closed already is not closed again."""
        account = an_account(reducible={UPBIT_BTC: Decimal(held), BINANCE_BTC: Decimal(1)})

        expected = frozenset() if passes else {CheckName.POSITION}
        assert refusals(account=account) == expected

    def test_two_orders_of_one_leg_count_together(self) -> None:
        """Each within the position, both beyond it."""
        half = an_intent(UPBIT_BTC, Side.BUY, "0.0004", 150_910_000)
        account = an_account(reducible={UPBIT_BTC: Decimal("0.00066")})

        assert refusals(account=account, proposal=a_closing(half, half)) == {CheckName.POSITION}

    def test_of_a_leg_never_held_nothing_may_be_closed(self) -> None:
        """A closing only reduces."""
        assert refusals(account=an_account(reducible={})) == {CheckName.POSITION}


class TestBalance:
    def test_buying_back_needs_money_and_fee(self) -> None:
        """0.00066 at 150,910,000 with 0.05 % on top."""
        cost = Decimal("0.00066") * 150_910_000 * Decimal("1.0005")
        enough = an_account(free=some_balances(upbit_KRW=cost))
        short = an_account(free=some_balances(upbit_KRW=cost - Decimal("0.0001")))

        assert refusals(account=enough) == frozenset()
        assert refusals(account=short) == {CheckName.BALANCE}

    def test_selling_needs_the_coin(self) -> None:
        """A coin fee may have left it short: the closing must come smaller."""
        short = an_account(free=some_balances(binance_BTC="0.00065934"))

        assert refusals(account=short) == {CheckName.BALANCE}


class TestTime:
    def test_a_late_closing_is_refused(self) -> None:
        """It is proposed anew on the books of the moment."""
        assert refusals(proposal=a_closing(signal_ns=NOW_NS - 2_500 * MS_NS)) == {
            CheckName.ORDER_DELAY
        }


class TestWhatNoNumberCanBeMadeOf:
    @pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), None, 1.0], ids=str)
    @pytest.mark.parametrize("field", ["quantity", "limit_price"])
    def test_is_refused_by_every_check(self, field: str, bad: object) -> None:
        """It must end as a refusal, not as a crash."""
        changes: dict[str, Any] = {field: bad}
        closing = a_closing(replace(a_closing().intents[0], **changes))

        verdict = judge(proposal=closing)

        assert verdict.orders == ()
        assert not any(result.passed for result in verdict.checks)

    def test_a_position_that_is_no_number_is_refused(self) -> None:
        """Not a number is neither within nor beyond."""
        account = an_account(reducible={UPBIT_BTC: Decimal("NaN"), BINANCE_BTC: Decimal(1)})

        assert refusals(account=account) == {CheckName.POSITION}

    def test_nothing_to_close_is_no_order(self) -> None:
        """An empty closing measures nothing, and nothing measured is refused."""
        closing = replace(a_closing(), intents=())

        assert judge(proposal=closing).orders == ()
        assert Measured() != measure_closing(
            a_closing(), an_account(), some_instruments(), a_market(), NOW_NS
        )
