"""Messages and parameters keep money exact and names as the venues have them."""

import json
from decimal import Decimal

import pytest

from trader.domain.instrument import InstrumentId
from trader.sim.korean_frames import BITHUMB_NAMES, UPBIT_NAMES, rendered
from trader.sim.korean_market import as_decimal, orderbook_fields
from trader.sim.korean_params import Failure, Params, korean_time, plain
from trader.sim.korean_requests import Format
from trader.sim.model import Book

ORDER = {
    "type": "myOrder",
    "state": "trade",
    "locked": Decimal("0E-8"),
    "paid_fee": Decimal("1.50"),
}


def bad(name: str) -> Failure:
    """A failure that names the parameter."""
    return Failure(400, "bad", name)


class TestFrames:
    """One message, four shapes, and numbers either way."""

    def test_digits_survive(self) -> None:
        """Twenty of them, as a number and as text."""
        message = ORDER | {"locked": Decimal("1386929.37231066771348207123")}
        number = rendered(message, Format.DEFAULT, UPBIT_NAMES)
        text = rendered(message, Format.DEFAULT, UPBIT_NAMES, strings=True)

        assert b'"locked":1386929.37231066771348207123' in number
        assert b'"locked":"1386929.37231066771348207123"' in text

    def test_nothing_is_zero(self) -> None:
        """Not an exponent that sums left behind."""
        assert rendered(ORDER, Format.DEFAULT, UPBIT_NAMES) == (
            b'{"type":"myOrder","state":"trade","locked":0,"paid_fee":1.5}'
        )

    def test_short_names_are_the_venues_own(self) -> None:
        """The same word may be shortened differently."""
        message = {"type": "myOrder", "trade_price": Decimal(1), "order_price": Decimal(2)}
        bithumb = json.loads(rendered(message, Format.SIMPLE, BITHUMB_NAMES))
        listed = json.loads(rendered(ORDER, Format.SIMPLE_LIST, UPBIT_NAMES))

        assert bithumb == {"ty": "myOrder", "tp": 1, "op": 2}
        assert listed == [{"ty": "myOrder", "s": "trade", "l": 0, "pf": 1.5}]


class TestBooks:
    """Books are cut, gathered and filled up."""

    BOOK = Book(
        InstrumentId("upbit:BTC-KRW"),
        bids=((99.0, 1.0), (98.0, 2.0)),
        asks=((101.0, 0.1), (102.0, 0.2), (111.0, 0.3)),
        sequence=1,
        at_ns=0,
    )

    def test_fills_the_shorter_side_with_zeros(self) -> None:
        """Each unit has both sides."""
        units = orderbook_fields(self.BOOK, 30, "0", as_decimal)["orderbook_units"]

        assert isinstance(units, list)
        assert len(units) == 3
        assert units[2]["bid_price"] == 0

    def test_gathers_to_a_level(self) -> None:
        """Bids downwards and asks upwards."""
        fields = orderbook_fields(self.BOOK, 30, "10", as_decimal)

        assert fields["orderbook_units"] == [
            {
                "ask_price": Decimal(110),
                "bid_price": Decimal(90),
                "ask_size": Decimal("0.3"),
                "bid_size": Decimal(3),
            },
            {
                "ask_price": Decimal(120),
                "bid_price": Decimal(0),
                "ask_size": Decimal("0.3"),
                "bid_size": Decimal(0),
            },
        ]


class TestParameters:
    """Values are read strictly."""

    @pytest.mark.parametrize("text", ["1e-8", "-1", "0", "0.0", "NaN", "１", "1,000", ".5", "+1"])
    def test_a_number_is_plain_and_above_zero(self, text: str) -> None:
        """Everything else is refused."""
        with pytest.raises(Failure):
            Params({"volume": (text,)}, bad).decimal("volume")

    def test_moments_are_read_both_ways(self) -> None:
        """Milliseconds, and ISO 8601 with a plus sign that became a space."""
        params = Params(
            {"a": ("1700000000000",), "b": ("2023-11-15T07:13:20 09:00",), "c": ("soon",)}, bad
        )

        assert params.moment_ns("a") == params.moment_ns("b") == 1_700_000_000_000_000_000
        with pytest.raises(Failure):
            params.moment_ns("c")

    def test_writes_money_and_time_plainly(self) -> None:
        """No exponents, no idle zeros; Korean time in whole seconds."""
        assert [plain(Decimal(text)) for text in ("1E+3", "0E-9", "1.50", "100")] == [
            "1000",
            "0",
            "1.5",
            "100",
        ]
        assert korean_time(1_700_000_000_999_999_999) == "2023-11-15T07:13:20+09:00"
