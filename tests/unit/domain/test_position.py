"""Position: signed quantity and cost; what one fill realises."""

from decimal import Decimal

import pytest

from trader.domain.position import Position


def apply(*fills: tuple[str, str]) -> tuple[Position, Decimal]:
    """Book (signed quantity, won) fills one by one; the position and all it realised."""
    position, realised = Position(), Decimal(0)
    for quantity, value in fills:
        position, gained = position.apply(Decimal(quantity), Decimal(value))
        realised += gained
    return position, realised


class TestOpening:
    def test_a_purchase_costs(self) -> None:
        """Positive quantity, positive cost, nothing realised."""
        assert apply(("2", "200")) == (Position(Decimal(2), Decimal(200)), Decimal(0))

    def test_a_sale_out_of_inventory_owes(self) -> None:
        """Both signs turn."""
        assert apply(("-2", "200")) == (Position(Decimal(-2), Decimal(-200)), Decimal(0))

    def test_more_of_the_same_averages(self) -> None:
        """One at 100 and three at 120 are four at 115."""
        position, realised = apply(("1", "100"), ("3", "360"))

        assert (position.average_krw, realised) == (Decimal(115), Decimal(0))

    def test_flat_has_no_average(self) -> None:
        """Nothing costs nothing in particular."""
        assert Position().average_krw is None


class TestClosing:
    @pytest.mark.parametrize(
        ("opened", "closed", "expected"),
        [
            (("2", "200"), ("-2", "230"), "30"),
            (("2", "200"), ("-2", "170"), "-30"),
            (("-2", "200"), ("2", "230"), "-30"),
            (("-2", "200"), ("2", "170"), "30"),
        ],
    )
    def test_realises_the_difference(
        self, opened: tuple[str, str], closed: tuple[str, str], expected: str
    ) -> None:
        """A long gains when the price rose, a short when it fell; flat costs exactly nothing."""
        position, realised = apply(opened, closed)

        assert realised == Decimal(expected)
        assert position == Position(Decimal(0), Decimal(0))

    def test_in_part_realises_its_share(self) -> None:
        """A quarter closed at 110 against an average of 100; the average stays."""
        position, realised = apply(("4", "400"), ("-1", "110"))

        assert realised == 10
        assert (position.quantity, position.average_krw) == (Decimal(3), Decimal(100))

    def test_through_zero_closes_and_opens(self) -> None:
        """Three sold at 110 against two bought at 100: 20 gained, one short at 110."""
        position, realised = apply(("2", "200"), ("-3", "330"))

        assert realised == 20
        assert position == Position(Decimal(-1), Decimal(-110))

    def test_thirds_lose_nothing(self) -> None:
        """A cost that does not divide is still whole once all is closed."""
        position, realised = apply(("3", "100"), ("-1", "40"), ("-1", "40"), ("-1", "40"))

        assert realised == 20
        assert position == Position(Decimal(0), Decimal(0))


class TestMark:
    def test_a_long_gains_with_the_price(self) -> None:
        """Two from 100 marked at 103."""
        assert Position(Decimal(2), Decimal(200)).unrealised_krw(Decimal(103)) == 6

    def test_a_short_loses_with_it(self) -> None:
        """Two owed from 100 marked at 103."""
        assert Position(Decimal(-2), Decimal(-200)).unrealised_krw(Decimal(103)) == -6
