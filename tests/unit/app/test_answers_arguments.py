"""Arguments of a question are read strictly, and a refusal says what is allowed."""

from collections.abc import Callable

import pytest

from trader.app.answers.arguments import Given
from trader.domain.errors import PortError


class TestGiven:
    def test_reads_what_fits(self) -> None:
        """Bounds may be reached; what is not given is its default."""
        given = Given("trades", {"limit": 100, "ledger": "live"}, ("limit", "ledger", "id"))

        assert given.whole("limit", 10, 1, 100) == 100
        assert given.choice("ledger", ("live", "paper"), "paper") == "live"
        assert given.text("id") == ""
        assert Given("trades", {}).whole("limit", 10, 1, 100) == 10

    def test_refuses_what_the_question_does_not_take(self) -> None:
        """A misspelt argument would otherwise be passed over in silence."""
        with pytest.raises(PortError, match="'limt' is not known; allowed: limit, ledger"):
            Given("trades", {"limt": 3}, ("limit", "ledger"))
        with pytest.raises(PortError, match="allowed: none"):
            Given("version", {"x": 3})

    @pytest.mark.parametrize("value", [0, 101, -1, True, 3.0, "3", None])
    def test_a_number_is_a_whole_one_within_its_bounds(self, value: object) -> None:
        """Neither a truth nor a text is a number."""
        with pytest.raises(PortError, match="allowed: a whole number from 1 to 100"):
            Given("trades", {"limit": value}, ("limit",)).whole("limit", 10, 1, 100)

    @pytest.mark.parametrize(
        "read",
        [
            lambda given: given.choice("span", ("", "1d", "7d"), "1d"),
            lambda given: given.text("span"),
        ],
    )
    @pytest.mark.parametrize("value", ["x" * 65, 7, None, ["1d"]])
    def test_a_text_is_a_short_one(self, read: Callable[[Given], str], value: object) -> None:
        """And the refusal repeats no more of it than fits a line."""
        with pytest.raises(PortError) as refused:
            read(Given("pnl", {"span": value}, ("span",)))

        assert len(str(refused.value)) < 200
