"""Positions, orders, trades, balances and PnL: per ledger, dashes for what is not known."""

import pytest
from msgspec.structs import replace

from bot.pages import balance_page, orders_page, pnl_page, positions_page, trades_page
from bot.pages.table import WIDTH, table, width
from bot.paging import Mark, plain_of
from tests.support.chat_html import check
from tests.support.page_answers import (
    NOW,
    D,
    a_balance,
    a_leg,
    a_position,
    a_trade,
    a_view,
    an_order,
    an_origin,
    some_balances,
    some_pnl,
)
from trader.domain.instrument import Asset, Venue
from trader.domain.order import PairName
from trader.port import (
    BalanceAnswer,
    Language,
    LedgerName,
    LegLine,
    Mode,
    OrdersAnswer,
    OrderState,
    PnlAnswer,
    PnlLine,
    PositionLine,
    PositionsAnswer,
    TradesAnswer,
    Transfer,
)

DAY = 24 * 3_600 * 10**9
LIVE, PAPER = LedgerName.LIVE, LedgerName.PAPER
KO = Language.KO


def positions(*lines: PositionLine, more: int = 0, language: Language = Language.EN) -> str:
    """The text of the page."""
    (message,) = positions_page(PositionsAnswer(an_origin(), lines, more), a_view(language))
    return check(message)


class TestPositions:
    def test_carry_a_button_each_that_closes_them(self) -> None:
        """Named by what it closes."""
        answer = PositionsAnswer(an_origin(), (a_position("T12"), a_position("T13")))

        (message,) = positions_page(answer, a_view(KO))

        first, second, refresh = message.buttons
        assert [(one.text, one.data) for one in first] == [("BTC T12 청산", "close:aB3_-x:T12")]
        assert second[0].data == "close:aB3_-x:T13"
        assert refresh[0].data == "show:aB3_-x:1 positions"

    def test_have_no_button_that_would_close_another(self) -> None:
        """An id that does not fit is left out, never cut."""
        answer = PositionsAnswer(an_origin(), (a_position("T" + "1" * 60),))

        (message,) = positions_page(answer, a_view())

        assert [row[0].data for row in message.buttons] == ["show:aB3_-x:1 positions"]

    def test_show_the_distance_to_the_stop_in_percent_and_won(self) -> None:
        """The two ways people think of it."""
        text = positions(a_position())

        assert "To the stop: 0.38 %, 764 ₩" in text
        assert "BTC -1,234 ₩ · T12" in text
        assert " · for 3 h 12 min" in text

    def test_of_a_simulated_market_say_since_when(self) -> None:
        """Its clock is far from this host's, so no age between them means anything."""
        answer = PositionsAnswer(an_origin(Mode.MOCK), (a_position(opened_ns=NOW + DAY),))

        (message,) = positions_page(answer, a_view())

        assert " · since 11-23 19:20 KST" in check(message)

    def test_stand_by_ledger_and_are_never_added_across(self) -> None:
        """Each total says whose it is."""
        text = positions(a_position(), a_position("P3", ledger=PAPER, unrealised_krw=D(9000)))

        assert "Live ledger · open: 1 · unrealised -1,234 ₩" in text
        assert "Paper ledger · open: 1 · unrealised +9,000 ₩" in text
        assert text.index("Live ledger") < text.index("Paper ledger")

    def test_give_no_total_where_a_part_is_not_known(self) -> None:
        """A sum of some would pass for the sum of all."""
        unknown = a_position("T13", unrealised_krw=None, to_stop_pct=None, to_stop_krw=None)

        text = positions(a_position(), unknown)

        assert "Live ledger · open: 2\n" in text
        assert "BTC – · T13" in text
        assert "To the stop: –\n" in text
        assert "unrealised" not in positions(a_position(), more=3)

    def test_begin_with_what_needs_a_person(self) -> None:
        """A leg that stands alone cannot wait below ten others."""
        text = positions(a_position("T12"), a_position("T13", unhedged=True), language=KO)

        assert text.index("T13") < text.index("T12")
        assert "⚠️ 한쪽만 체결\n→ " in text

    def test_show_a_leg_that_was_never_filled_with_dashes(self) -> None:
        """No entry price is not a price of zero."""
        bare = LegLine(a_leg().instrument, D(0), None, None)

        assert "• upbit 0 BTC: – → –" in positions(a_position(legs=(bare,)))

    @pytest.mark.parametrize(
        ("average", "shown"),
        [
            ("151414796.490579408728874921", "151,414,796"),
            ("108406.583333333333333333", "108,406.583"),
            ("0.000012345678912345", "0.0000123456789"),
            ("143250000", "143,250,000"),
        ],
    )
    def test_show_an_average_to_the_digits_a_book_has(self, average: str, shown: str) -> None:
        """A division's eighteen decimals say nothing and hide the price."""
        leg = replace(a_leg(), entry_price=D(average))

        assert f"BTC: {shown} → " in positions(a_position(legs=(leg,)))

    def test_say_how_many_were_left_out(self) -> None:
        """Else a hundred would pass for all."""
        assert "… and 3 more" in positions(a_position(), more=3)


class TestOrders:
    def test_of_unknown_outcome_come_first_with_a_warning(self) -> None:
        """Sending one again could double it."""
        answer = OrdersAnswer(an_origin(), (an_order(), an_order(OrderState.QUARANTINED)))

        (message,) = orders_page(answer, a_view(KO))

        text = check(message)
        assert "⚠️ 결과 미확인 주문: 1건" in text
        assert "절대 다시 보내지 마세요" in text
        assert text.index("결과 미확인(격리)") < text.index("전송 중")

    def test_show_price_quantity_and_what_is_filled_with_units(self) -> None:
        """In the instrument's own currency."""
        (message,) = orders_page(OrdersAnswer(an_origin(), (an_order(),)), a_view())

        assert "sell 0.0014 BTC at 143,250,000 ₩\nfilled 0.0004 BTC · opening · for 4.0 s" in (
            message.plain
        )


class TestTrades:
    def test_show_a_result_only_once_there_is_one(self) -> None:
        """An open trade has brought nothing yet, which is not zero."""
        is_open = a_trade(
            "T14", state="open", closed_ns=None, pnl_krw=None, fees_krw=None, reason=""
        )

        (message,) = trades_page(TradesAnswer(an_origin(), (is_open, a_trade())), a_view())

        text = check(message)
        assert "🔓 11-22 14:20 · BTC – · open" in text
        assert "✅ 11-22 14:20 · BTC +1,234 ₩" in text
        assert "fees 300 ₩ · held 12 min · exit" in text


class TestBalance:
    def test_totals_only_what_has_a_price_and_says_so(self) -> None:
        """A coin without a price is not worth nothing."""
        (message,) = balance_page(some_balances(), a_view())

        text = check(message)
        assert "Live ledger · worth 8,128,770 ₩ where a price is known" in text
        assert "Paper ledger · worth 10,000,000 ₩\n" in text
        assert " BTC    0.01713            –" in text

    def test_never_rounds_up_what_is_held(self) -> None:
        """Nine digits are enough for a phone, a satoshi more would be a lie."""
        held = (
            a_balance(LIVE, "binance", "USDT", "3665.5644299", "5133623"),
            a_balance(LIVE, "binance", "KRW", "5003464.9", "5003465"),
            a_balance(LIVE, "binance", "BTC", "0.03267587", None),
        )

        text = check(balance_page(BalanceAnswer(an_origin(), held), a_view())[0])

        assert " USDT  3,665.56442  5,133,623 ₩" in text
        assert " KRW     5,003,464  5,003,465 ₩" in text
        assert " BTC    0.03267587            –" in text

    def test_begins_with_the_transfer_that_an_empty_direction_needs(self) -> None:
        """The way to mend it is to move coin."""
        moved = Transfer(
            LIVE,
            PairName("BTC"),
            "upbit>bithumb",
            Asset("BTC"),
            D("0.01"),
            Venue("bithumb"),
            Venue("upbit"),
        )
        answer = BalanceAnswer(an_origin(), (a_balance(),), 0, (moved,))

        (message,) = balance_page(answer, a_view(KO))

        text = check(message)
        assert "→ bithumb에서 upbit(으)로 0.01 BTC 이체하세요." in text
        assert text.index("보유 재고 부족(실거래)") < text.index("실거래 장부")


class TestPnl:
    def test_tells_days_and_totals_per_ledger(self) -> None:
        """Realised is after fees, which are named beside it."""
        (message,) = pnl_page(some_pnl(), a_view())

        text = check(message)
        assert "realised         +7,479 ₩\nfees in it        4,520 ₩" in text
        assert "11-21   -2,210 ₩  1/3" in text
        assert "Trades that ended: 16, 10 won (62.50 %)" in text
        assert "+8,291" not in text

    def test_claims_no_win_rate_without_a_trade(self) -> None:
        """Zero of zero is not 0 %."""
        answer = PnlAnswer(an_origin(Mode.PAPER), "1d", (), ((PAPER, D("12")),))

        (message,) = pnl_page(answer, a_view())

        text = check(message)
        assert "Paper ledger · today" in text
        assert "realised            –\n" in text
        assert "%" not in text

    def test_leaves_out_days_and_ledgers_without_anything(self) -> None:
        """Thirty rows of zeros hide the one that counts."""
        zero = D(0)
        quiet = [PnlLine(f"2026-11-{day:02d}", LIVE, zero, zero, 0, 0) for day in range(1, 29)]
        answer = PnlAnswer(an_origin(), "30d", (*quiet, *some_pnl().lines[:2]), ((PAPER, zero),))

        text = check(pnl_page(answer, a_view())[0])

        assert "11-20  +12,034 ₩  7/8\n11-21   -2,210 ₩  1/3" in text
        assert "11-01" not in text
        assert "Paper ledger" not in text


class TestATable:
    def test_aligns_hangul_which_takes_two_columns(self) -> None:
        """Else figures of one column would dance."""
        lines = table((("실현손익", "1 ₩"), ("fees", "12,345 ₩")))

        assert len({width(plain_of((one,))) for one in lines}) == 1
        assert {part.mark for one in lines for part in one} == {Mark.PRE}

    def test_becomes_bullets_where_a_phone_would_wrap_it(self) -> None:
        """A wrapped table is no table."""
        lines = table((("name", "9" * WIDTH), ("other", "1")))

        assert plain_of(lines) == f"• name: {'9' * WIDTH}\n• other: 1"
