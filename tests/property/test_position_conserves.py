"""A position conserves money: what it realised, what it still cost and what was paid cancel out."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trader.domain.position import Position

pytestmark = pytest.mark.fast

LOT = Decimal("0.00000001")
QUANTITIES = st.integers(-500_000_000, 500_000_000).filter(bool).map(lambda lots: lots * LOT)
AMOUNTS = st.integers(1, 500_000_000).map(lambda lots: lots * LOT)
# Dollar prices with two places times a rate with one: as long as any won price of ours gets.
PRICES = st.integers(1, 300_000_000_000).map(lambda thousandths: thousandths / Decimal(1_000))
FILLS = st.lists(st.tuples(QUANTITIES, PRICES), min_size=1, max_size=12)


@given(FILLS)
def test_realised_and_open_cost_and_cash_sum_to_nothing(
    fills: list[tuple[Decimal, Decimal]],
) -> None:
    """To the last digit, whatever was closed in part, in thirds or through zero."""
    position, realised, cash = Position(), Decimal(0), Decimal(0)
    for quantity, price in fills:
        value = abs(quantity) * price
        cash += -value if quantity > 0 else value
        position, gained = position.apply(quantity, value)
        realised += gained

    assert position.quantity == sum((quantity for quantity, _ in fills), Decimal(0))
    assert realised == cash + position.cost_krw


@given(FILLS)
def test_cost_has_the_sign_of_the_quantity(fills: list[tuple[Decimal, Decimal]]) -> None:
    """So that an average entry is a price, above zero; and flat costs exactly nothing."""
    position = Position()
    for quantity, price in fills:
        position, _ = position.apply(quantity, abs(quantity) * price)
        if position.quantity == 0:
            assert position.cost_krw == 0
        else:
            average = position.average_krw
            assert average is not None
            # A share of a cost is cut at a billionth of a thousandth of a won.
            assert average > 0 or abs(position.cost_krw) < Decimal("1e-10")


@given(QUANTITIES, PRICES, PRICES)
def test_marking_says_what_closing_would_realise(
    quantity: Decimal, entry: Decimal, mark: Decimal
) -> None:
    """Unrealised at a price is realised by closing at it."""
    position, _ = Position().apply(quantity, abs(quantity) * entry)

    _, realised = position.apply(-quantity, abs(quantity) * mark)

    assert realised == position.unrealised_krw(mark)


@given(
    st.lists(st.tuples(AMOUNTS, PRICES), min_size=1, max_size=4),
    st.lists(st.tuples(AMOUNTS, PRICES), min_size=2, max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_closing_s_fills_come_to_the_same_in_any_order(
    opened: list[tuple[Decimal, Decimal]], closed: list[tuple[Decimal, Decimal]], chance: Random
) -> None:
    """To the last digit, also while part of the position stays open: venues reorder reports."""
    size = sum((quantity for quantity, _ in opened), Decimal(0))
    assume(sum((quantity for quantity, _ in closed), Decimal(0)) <= size)
    ends = []
    for _ in range(2):
        position, realised = Position(), Decimal(0)
        for sign, fills in ((1, opened), (-1, closed)):
            for quantity, price in fills:
                position, gained = position.apply(sign * quantity, quantity * price)
                realised += gained
        ends.append((position, realised))
        chance.shuffle(opened)
        chance.shuffle(closed)

    assert ends[0] == ends[1]
