"""What a venue states against what is counted: differences, their causes, what open legs need."""

from decimal import Decimal

import pytest

from tests.support.builders import (
    BINANCE_BTC,
    BTC,
    UPBIT_BTC,
    UPBIT_USDT,
    Number,
    a_position,
    a_trade,
    dec,
    some_instruments,
)
from trader.domain.facts import Cause
from trader.domain.instrument import BINANCE, KRW, UPBIT, USDT, Asset, Venue
from trader.portfolio.reconcile import (
    BalanceDifference,
    balance_differences,
    cause_of,
    is_rounding,
    need_of,
    traded_assets,
)

INSTRUMENTS = some_instruments()
KNOWN = tuple(INSTRUMENTS.values())


def a_difference(
    counted: Number | None, stated: Number, asset: Asset = BTC, venue: Venue = UPBIT
) -> BalanceDifference:
    """A balance that is not as counted."""
    return BalanceDifference(venue, asset, None if counted is None else dec(counted), dec(stated))


def test_only_what_is_traded_is_compared() -> None:
    """An airdrop in a coin nobody trades here is the operator's own business."""
    stated = {BTC: dec("0.5"), Asset("XRP"): dec(7)}

    found = balance_differences(UPBIT, stated, {(UPBIT, BTC): dec("0.4")}, KNOWN)

    assert traded_assets(UPBIT, KNOWN) == (BTC, KRW, USDT)
    assert {one.asset: one.change for one in found} == {
        BTC: Decimal("0.1"),
        KRW: Decimal(0),
        USDT: Decimal(0),
    }
    assert [one.asset for one in found if one.counted is not None] == [BTC]


@pytest.mark.parametrize(
    ("venue", "asset", "change", "expected"),
    [
        (UPBIT, BTC, "0.000000009", True),
        (UPBIT, BTC, "0.00000001", False),
        (BINANCE, BTC, "-0.0000099", True),
        (BINANCE, BTC, "-0.00001", False),
        (UPBIT, KRW, "-0.99", True),
        (UPBIT, KRW, "-1", False),
        (BINANCE, USDT, "0.0009", True),
        (BINANCE, USDT, "0.001", False),
    ],
)
def test_rounding_is_less_than_a_lot_or_about_a_won(
    venue: Venue, asset: Asset, change: str, expected: bool
) -> None:
    """No transfer is that small; strictly below the bound."""
    difference = a_difference(10, Decimal(10) + Decimal(change), asset, venue)

    assert is_rounding(difference, KNOWN) is expected


class TestCause:
    def test_is_the_first_that_fits(self) -> None:
        """What is counted, how much it is, whether we or another moved it."""
        guesses = [
            (a_difference(None, 1), False, (), Cause.FIRST),
            (a_difference(1, "1.000000001"), True, (), Cause.ROUNDING),
            (a_difference(1, 2), True, (UPBIT_BTC,), Cause.DEPOSIT),
            (a_difference(2, 1), True, (UPBIT_BTC,), Cause.OUR_ORDERS),
            (a_difference(2, 1), False, (UPBIT_BTC,), Cause.OWN_ORDERS),
            (a_difference(2, 1), False, (UPBIT_USDT,), Cause.WITHDRAWAL),
            (a_difference(2, 1), False, (), Cause.WITHDRAWAL),
        ]

        for difference, ours, others, expected in guesses:
            found = cause_of(difference, KNOWN, moved_by_us=ours, others=others)
            assert found is expected

    def test_money_is_moved_by_orders_in_any_coin(self) -> None:
        """An order by hand in one coin takes won."""
        difference = a_difference(100_000, 50_000, KRW)

        found = cause_of(difference, KNOWN, moved_by_us=False, others=(UPBIT_BTC,))

        assert found is Cause.OWN_ORDERS


class TestNeed:
    def test_of_a_long_leg_is_its_coin(self) -> None:
        """Less than it by the fee taken in coin and a lot is no shortage."""
        need = need_of((BINANCE, BTC), [a_trade()], INSTRUMENTS, lambda _: None)

        assert need.amount == Decimal("0.00066")
        assert need.tolerance == Decimal("0.00000066") + Decimal("0.00001")
        assert not need.is_short(need.amount - need.tolerance)
        assert need.is_short(need.amount - need.tolerance - Decimal("1e-9"))

    def test_of_a_short_leg_is_the_money_to_buy_it_back(self) -> None:
        """At today's price, with its fee."""
        need = need_of((UPBIT, KRW), [a_trade()], INSTRUMENTS, lambda _: Decimal(150_000_000))

        assert need.amount == Decimal("0.00066") * 150_000_000 * Decimal("1.0005")
        assert need.tolerance == Decimal("1.5")

    def test_is_that_of_all_trades(self) -> None:
        """They stand on the same balance."""
        longs = [a_trade((BINANCE_BTC, a_position("0.001", 1))) for _ in range(3)]

        assert need_of((BINANCE, BTC), longs, INSTRUMENTS, lambda _: None).amount == Decimal(
            "0.003"
        )

    def test_nothing_open_needs_nothing(self) -> None:
        """Inventory is the operator's."""
        need = need_of((UPBIT, BTC), [a_trade()], INSTRUMENTS, lambda _: None)

        assert need.amount == 0
        assert not need.is_short(Decimal(0))
