"""Figures as people read them."""

from decimal import Decimal

import pytest

from trader.domain.control import Language
from trader.texts import moment, number, percent, quantity, span, won


class TestWon:
    @pytest.mark.parametrize(
        ("amount", "shown"),
        [
            ("99594", "99,594 ₩"),
            ("249.561873", "250 ₩"),
            ("-1494.732789", "-1,495 ₩"),
            ("-0.4", "0 ₩"),
            ("NaN", "– ₩"),
            ("Infinity", "– ₩"),
        ],
    )
    def test_is_whole_and_grouped(self, amount: str, shown: str) -> None:
        """Won has no fractions for people, and no minus before nothing."""
        assert won(Decimal(amount)) == shown

    def test_a_gain_carries_its_plus_when_asked(self) -> None:
        """A change reads at a glance."""
        assert won(Decimal(250), signed=True) == "+250 ₩"
        assert won(Decimal(-250), signed=True) == "-250 ₩"


class TestPercent:
    def test_keeps_two_places_unless_told(self) -> None:
        """Values come in percent already."""
        assert percent(Decimal("0.5196")) == "0.52 %"
        assert percent(Decimal("0.5196"), 4) == "0.5196 %"
        assert percent(Decimal("0.2506"), signed=True) == "+0.25 %"


class TestQuantity:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("0.00066000", "0.00066"),
            ("6.6E-7", "0.00000066"),
            ("1500000", "1,500,000"),
            ("49400000.0", "49,400,000"),
            ("-0.0", "0"),
            ("1E+3", "1,000"),
            ("NaN", "–"),
        ],
    )
    def test_shows_every_digit_and_no_exponent(self, value: str, shown: str) -> None:
        """A quantity may have to be typed into a venue's form."""
        assert quantity(Decimal(value)) == shown


class TestSpan:
    @pytest.mark.parametrize(
        ("ms", "english", "korean"),
        [
            (0, "0 ms", "0 ms"),
            (850, "850 ms", "850 ms"),
            (3200, "3.2 s", "3.2 초"),
            (725_000, "12 min 5 s", "12 분 5 초"),
            (90_180_000, "25 h 3 min", "25 시간 3 분"),
            (float("nan"), "–", "–"),
            (float("inf"), "–", "–"),
            (-1, "–", "–"),
        ],
    )
    def test_uses_two_units_at_most(self, ms: float, english: str, korean: str) -> None:
        """A span is read, not computed with."""
        assert span(ms, Language.EN) == english
        assert span(ms, Language.KO) == korean


def test_a_moment_is_told_in_seoul() -> None:
    """The trading day is Seoul's, nine hours ahead of UTC."""
    assert moment(0) == "1970-01-01 09:00:00 KST"


@pytest.mark.parametrize("text", ["", "abc", "sNaN", "1E+9999", "1E-9999"])
def test_what_cannot_be_printed_on_a_line_is_no_number(text: str) -> None:
    """A literal exponent may ask for more digits than a phone has room for."""
    assert number(text) is None
