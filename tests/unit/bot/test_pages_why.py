"""What ``/why`` says of a decision, and ``/spread`` of what might become one."""

import pytest

from bot.pages import spread_page, why_page
from bot.pages.pen import Pen
from bot.pages.why import bound_of, figures
from tests.support.chat_html import check
from tests.support.page_answers import (
    HOUR,
    NOW,
    D,
    a_decision,
    a_spread_line,
    a_trade,
    a_view,
    a_why,
    an_origin,
    some_spreads,
)
from trader.domain.instrument import Asset, Venue
from trader.domain.order import PairName
from trader.port import (
    CheckName,
    CheckResult,
    Language,
    LedgerName,
    SpreadAnswer,
    SpreadLine,
    Transfer,
    WhyAnswer,
    explain_check,
)
from trader.risk.safety import CLOSING_CHECKS, ENTRY_CHECKS, Bound

EN, KO = Language.EN, Language.KO


def why(answer: WhyAnswer, language: Language = EN) -> str:
    """The text of the page."""
    (message,) = why_page(answer, a_view(language))
    return check(message)


def spread(*lines: SpreadLine) -> str:
    """The text of the page."""
    (message,) = spread_page(SpreadAnswer(an_origin(), lines), a_view())
    return check(message)


class TestADecision:
    @pytest.mark.parametrize("language", Language)
    def test_tells_what_refused_it_before_all_else(self, language: Language) -> None:
        """With its number, its limit and what would let it pass."""
        text = why(a_why(), language)

        words = explain_check(CheckName.LIQUIDITY, language)
        assert f"{words.sentence}\n→ {words.mend}" in text
        assert text.index("✗") < text.index("143,900,000") < text.index("1.05 %") < text.index("✓")

    def test_shows_every_check_with_number_and_limit(self) -> None:
        """Passed ones in a line each; those that only ask that nothing be amiss share one."""
        text = why(a_why())

        assert "✗ liquidity · 3,210,000 ₩ (needs > 5,000,000 ₩)" in text
        assert "✓ book age 310 ms (≤ 3.0 s)" in text
        assert "✓ open trades 3 (≤ 5)" in text
        assert "✓ sound books, price step, no breaker" in text
        assert "Passed: 8 of 9 checks" in text

    def test_shows_the_signal_as_a_sum_that_works_out(self) -> None:
        """What neither fees nor slippage explain is kept for the exit."""
        text = why(a_why())

        for row in ("spread          1.05 %", "kept for exit  -0.20 %", "net             0.63 %"):
            assert row in text

    def test_shows_quotes_with_their_age_and_currency(self) -> None:
        """A price is worth its age."""
        text = why(a_why())

        assert "• upbit BTC-KRW · 120 ms old\n   143,900,000 / 143,910,000 ₩" in text

    def test_tells_what_became_of_it(self) -> None:
        """An approved one leads to a trade."""
        answer = a_why(decision=a_decision(approved=True), outcome="closed", trade=a_trade())

        text = why(answer)

        assert "✅ BTC: approved" in text
        assert "Outcome: closed\nT11 · size 200,550 ₩ · PnL +1,234 ₩" in text

    def test_offers_others_by_a_command_to_copy(self) -> None:
        """Nobody types such an id."""
        assert "/why D-20261122-000870 · ✗ net profit" in why(a_why())

    def test_claims_no_figure_it_does_not_have(self) -> None:
        """A check that could not be judged says what was wrong with its input, and no more."""
        result = CheckResult(CheckName.LIQUIDITY, False, None, D(5), fault="missing")

        text = why(a_why(decision=a_decision(checks=(result,))))

        assert "✗ liquidity · not judged: not known\n" in text
        assert explain_check(CheckName.LIQUIDITY, EN).sentence not in text

    def test_names_the_cause_before_what_only_followed_from_it(self) -> None:
        """An old book fails every check that reads it; only its age explains anything."""
        checks = (
            CheckResult(CheckName.EXIT_COLLAR, False, D("0.5"), D(2), 5_900.0, "stale"),
            CheckResult(CheckName.BOOK_AGE, False, D(5_900), D(3_000), 5_900.0, "stale"),
            CheckResult(CheckName.NET_PROFIT, False, D("0.1"), D("0.2")),
        )

        text = why(a_why(decision=a_decision(checks=checks)))

        assert "✗ book age · 5.9 s (needs ≤ 3.0 s)\nAn order book was not confirmed" in text
        assert "✗ exit collar · not judged: out of date\n" in text
        assert text.index("book age") < text.index("net profit") < text.index("exit collar")


class TestAFigure:
    def test_stands_to_its_limit_as_the_check_asks(self) -> None:
        """The engine's own tables say how."""
        signs = {Bound.ABOVE: ">", Bound.BELOW: "<", Bound.AT_MOST: "≤"}

        for check_row in (*ENTRY_CHECKS, *CLOSING_CHECKS):
            assert bound_of(check_row.name) == signs[check_row.bound], check_row.name

    def test_shows_more_places_where_two_would_look_alike(self) -> None:
        """“0.20 % (needs > 0.20 %)” would look like a fault of ours."""
        result = CheckResult(CheckName.NET_PROFIT, False, D("0.1998"), D("0.2"))

        shown = figures(result, Pen(a_view()), "limit.missed")

        assert shown == "0.1998 % (needs > 0.2000 %)"


class TestSpread:
    def test_puts_the_nearest_to_a_trade_first(self) -> None:
        """That is the one people ask for."""
        (message,) = spread_page(some_spreads(), a_view())

        assert message.plain.index("sell upbit") < message.plain.index("sell bithumb")

    @pytest.mark.parametrize(("seen", "mark"), [("0.553", "✓"), ("0.552", "✗"), (None, "–")])
    def test_marks_whether_the_spread_passes_what_is_needed(
        self, seen: str | None, mark: str
    ) -> None:
        """Exactly what is needed is not enough; what is not known is neither."""
        found = None if seen is None else D(seen)

        assert f"\n{mark} BTC: sell" in spread(a_spread_line(spread_pct=found))

    def test_marks_nothing_on_books_that_are_out_of_date(self) -> None:
        """A wide spread of old quotes is no signal."""
        text = spread(a_spread_line(spread_pct=D(9), fault="stale"))

        assert "\n– BTC: sell" in text
        assert "⚠️ out of date" in text

    def test_shows_what_is_not_known_as_dashes(self) -> None:
        """Zero is a spread like any other."""
        text = spread(
            SpreadLine(PairName("BTC"), "a>b", None, None, None, None, None, None, "no_price")
        )

        assert (
            "spread – of – needed\nless costs –: net –\ntrades left: – · – old\n⚠️ no price yet"
            in text
        )
        assert "0" not in text.splitlines()[3]

    def test_says_what_to_transfer_where_a_direction_is_empty(self) -> None:
        """With amount, from and to."""
        moved = Transfer(
            LedgerName.LIVE,
            PairName("BTC"),
            "upbit>bithumb",
            Asset("BTC"),
            D("0.014"),
            Venue("bithumb"),
            Venue("upbit"),
        )

        text = spread(a_spread_line(trades_left=0, transfer=moved))

        assert "⚠️ trades left: 0" in text
        assert "→ Transfer 0.014 BTC from bithumb to upbit." in text

    def test_says_until_when_a_direction_rests(self) -> None:
        """Else people wonder why a good spread is not taken."""
        assert "Rests until 20:20:06 KST" in spread(a_spread_line(rests_until_ns=NOW + HOUR))
