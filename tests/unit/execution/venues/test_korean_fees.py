"""What each trade of an order cost, where only the order's fee is told."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.execution.fee_book import FeeBook, shared

VALUES = st.lists(
    st.decimals("0.00000001", "900000000", allow_nan=False, places=8), min_size=1, max_size=8
)
PAID = st.decimals("0", "1000000", allow_nan=False, places=11)


def trades(*values: str) -> list[tuple[str, Decimal]]:
    """Trades named a, b, c of these values."""
    return [(chr(97 + at), Decimal(value)) for at, value in enumerate(values)]


class TestShares:
    """The parts of a fee are exact where a rate explains it, and lose nothing where none does."""

    def test_one_rate_for_all(self) -> None:
        """0.05 percent of each, to the last digit."""
        values = [Decimal("1020.4823571"), Decimal("93.1")]

        assert shared(values, Decimal("0.55679117855")) == (
            Decimal("0.51024117855"),
            Decimal("0.04655"),
        )

    def test_no_rate_explains_it(self) -> None:
        """In proportion; the last trade carries what remains."""
        parts = shared([Decimal(1), Decimal(1), Decimal(1)], Decimal("0.1"))

        assert parts == (Decimal("0.03333333"), Decimal("0.03333333"), Decimal("0.03333334"))

    @given(VALUES, PAID)
    def test_nothing_is_lost(self, values: list[Decimal], paid: Decimal) -> None:
        """The parts sum to the fee exactly and none is below zero."""
        parts = shared(values, paid)

        assert sum(parts) == paid
        assert all(part >= 0 for part in parts)


class TestBook:
    """A trade keeps the fee it was first told with: it was booked with that one."""

    def test_the_stream_first(self) -> None:
        """The order looked up later leaves the told fee alone and divides the rest."""
        book = FeeBook()
        book.settle("o", "a", Decimal("0.4"))

        assert book.split("o", trades("10", "10"), Decimal(1)) == (Decimal("0.4"), Decimal("0.6"))

    def test_the_look_up_first(self) -> None:
        """What the stream tells afterwards changes nothing."""
        book = FeeBook()
        book.split("o", trades("10", "30"), Decimal(4))

        assert book.settle("o", "a", Decimal("1.1")) == 1
        assert book.settle("o", "b", Decimal("2.9")) == 3

    def test_a_trade_that_came_later(self) -> None:
        """An order looked up twice: the first trade stays, the second has what was added."""
        book = FeeBook()
        first = book.split("o", trades("10"), Decimal("0.005"))

        assert book.split("o", trades("10", "7"), Decimal("0.0085")) == (*first, Decimal("0.0035"))

    def test_less_than_was_told_already(self) -> None:
        """No fee is ever negative."""
        book = FeeBook()
        book.settle("o", "a", Decimal(2))

        assert book.split("o", trades("10", "10"), Decimal(1)) == (Decimal(2), Decimal(0))

    def test_another_order_with_a_trade_of_that_name(self) -> None:
        """Is another trade."""
        book = FeeBook()
        book.settle("o", "a", Decimal(2))

        assert book.split("p", trades("10"), Decimal(1)) == (Decimal(1),)

    def test_it_is_bounded(self) -> None:
        """The oldest trades are forgotten."""
        book = FeeBook(kept=2)
        for key in "abc":
            book.settle("o", key, Decimal(1))

        assert book.find("o", "a") is None
        assert book.find("o", "c") == 1

    @given(VALUES, PAID, st.integers(0, 8))
    def test_every_order_of_telling_ends_alike(
        self, values: list[Decimal], paid: Decimal, told: int
    ) -> None:
        """Whatever was told before by one rate, the sum is what was paid."""
        book = FeeBook()
        named = [(str(at), value) for at, value in enumerate(values)]
        fees = dict(zip((key for key, _ in named), shared(values, paid), strict=True))
        for key, _ in named[:told]:
            book.settle("o", key, fees[key])

        assert sum(book.split("o", named, paid)) == paid
