"""What each trade of an order cost, where only the order's fee is told."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.execution.fee_book import FeeBook, is_as_told, shared, unrounded

VALUES = st.lists(
    st.decimals("0.00000001", "900000000", allow_nan=False, places=8), min_size=1, max_size=8
)
# As many digits as a price of nine and a volume of twelve multiply to.
FUNDS = st.lists(
    st.decimals("5000", "900000000", allow_nan=False, places=12), min_size=1, max_size=6
)
RATES = st.sampled_from([Decimal("0.0005"), Decimal("0.0004"), Decimal("0.0025")])
PAID = st.decimals("0", "1000000", allow_nan=False, places=11)


def _double(number: Decimal) -> Decimal:
    """As a socket writes it."""
    return Decimal(repr(float(number)))


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


class TestRounded:
    """Sockets write binary numbers, whose shortest name is not all there is."""

    def test_the_documented_message(self) -> None:
        """A volume of sixteen digits: the fee the socket names is 0.05 percent, cut to a double."""
        value = Decimal("30925891.29839369") * Decimal("0.001453")
        told = Decimal("22.467660028283017")

        assert unrounded(told, value) == value * Decimal("0.0005") != told

    @given(FUNDS, RATES)
    def test_a_fee_of_its_own(self, values: list[Decimal], rate: Decimal) -> None:
        """Is what REST will tell, to the last digit."""
        for value in values:
            assert unrounded(_double(value * rate), value) == value * rate

    @given(FUNDS, RATES)
    def test_the_growth_of_a_cumulative_fee(self, values: list[Decimal], rate: Decimal) -> None:
        """Is known for the fee of each trade again, and for no other."""
        paid, told = Decimal(0), Decimal(0)
        for value in values:
            paid += value * rate
            before, told = told, _double(paid)

            assert is_as_told(value * rate, told - before, told)
            assert not is_as_told(value * rate + Decimal("0.001"), told - before, told)

    def test_a_short_number_is_all_there_is(self) -> None:
        """The venue cut it itself, and REST will tell the same."""
        assert unrounded(Decimal("22.46766002"), Decimal("44935.32005656603")) == Decimal(
            "22.46766002"
        )

    def test_no_rate_explains_it(self) -> None:
        """Told it is then."""
        told = Decimal("22.467660028283017")

        assert unrounded(told, Decimal("44999")) == told

    def test_nothing_of_nothing(self) -> None:
        """A value of zero has no rate."""
        assert unrounded(Decimal("0.1"), Decimal(0)) == Decimal("0.1")


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
