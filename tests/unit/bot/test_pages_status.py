"""What ``/status`` says first, what it leaves out, and its buttons."""

from zoneinfo import ZoneInfo

import pytest

from bot.pages import status_page
from bot.pages.status import MAX_BLOCKS, MAX_LISTED
from tests.support.page_answers import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    D,
    a_demoted_status,
    a_feed,
    a_ledger,
    a_status,
    a_view,
    an_empty_ledger,
    an_origin,
)
from trader.port import (
    BlockReason,
    Effective,
    Language,
    LedgerName,
    Mode,
    PauseView,
    StatusAnswer,
    explain_block,
)

EN, KO = Language.EN, Language.KO


def told(answer: StatusAnswer, language: Language = EN, **view: object) -> str:
    """The page's text."""
    (message,) = status_page(answer, a_view(language, **view))
    return message.plain


class TestTheFirstLine:
    @pytest.mark.parametrize(
        ("effective", "mode", "english", "korean"),
        [
            (Effective.LIVE, Mode.LIVE, "🟢 main · live", "🟢 main · 실거래"),
            (
                Effective.PAPER,
                Mode.LIVE,
                "🟡 main · paper (gate shut) · mode live",
                "🟡 main · 모의(실거래 문 닫힘) · 모드 live",
            ),
            (Effective.PAPER, Mode.PAPER, "🔵 main · paper", "🔵 main · 모의"),
            (Effective.MOCK, Mode.MOCK, "⚪ main · mock", "⚪ main · 가상(mock)"),
            (
                Effective.HALTED,
                Mode.LIVE,
                "🔴 main · halted · mode live",
                "🔴 main · 긴급정지 · 모드 live",
            ),
            (
                Effective.PAUSED,
                Mode.PAPER,
                "🟡 main · entries paused · mode paper",
                "🟡 main · 신규진입 중지 · 모드 paper",
            ),
        ],
    )
    def test_names_instance_state_and_mode(
        self, effective: Effective, mode: Mode, english: str, korean: str
    ) -> None:
        """What trades do now comes before what the config asks for."""
        answer = a_status(effective, origin=an_origin(mode))

        assert told(answer).splitlines()[0] == english
        assert told(answer, KO).splitlines()[0] == korean


class TestCare:
    def test_comes_before_the_figures(self) -> None:
        """A phone shows the top of a message."""
        text = told(a_demoted_status())

        assert text.index("⚠️") < text.index("Live ledger")

    def test_names_each_reason_and_its_way_out(self) -> None:
        """In live mode a shut gate needs a person."""
        answer = a_status(
            Effective.PAPER, blocks=(BlockReason.ENV_FLAG_MISSING, BlockReason.DISK_LOW)
        )

        for language in Language:
            text = told(answer, language)
            for reason in answer.blocks:
                words = explain_block(reason, language)
                assert f"⚠️ {words.sentence}\n→ {words.mend}" in text

    def test_leaves_the_rest_to_guards(self) -> None:
        """One screen, not twenty reasons."""
        blocks = (
            BlockReason.ENV_FLAG_MISSING,
            BlockReason.CONFIRM_FILE_MISSING,
            BlockReason.LOCK_NOT_HELD,
            BlockReason.DISK_LOW,
            BlockReason.FEEDS_STALE,
            BlockReason.REDIS_STALE,
        )

        text = told(a_status(Effective.PAPER, blocks=blocks))

        assert text.count("⚠️") == MAX_BLOCKS
        assert f"… and {len(blocks) - MAX_BLOCKS} more: /guards" in text

    def test_is_none_outside_live_mode_for_a_shut_gate(self) -> None:
        """Paper trading with the gate shut is as it should be."""
        answer = a_status(
            Effective.PAPER, origin=an_origin(Mode.PAPER), blocks=tuple(BlockReason), live=False
        )

        assert "✅ Nothing needs care." in told(answer)

    def test_says_who_lowered_it_when_and_why(self) -> None:
        """A latch without its cause sends people to the log."""
        text = told(a_demoted_status())

        assert "By engine, 19:08:06 KST · A circuit breaker stands open." in text

    def test_tells_no_loss_of_what_was_never_allowed(self) -> None:
        """A fresh start lacks its file; nobody took anything away."""
        text = told(a_status(Effective.DEMOTED, blocks=(BlockReason.CONFIRM_FILE_MISSING,)))

        assert explain_block(BlockReason.DEMOTED, EN).sentence not in text
        assert explain_block(BlockReason.CONFIRM_FILE_MISSING, EN).sentence in text

    @pytest.mark.parametrize(("held", "warned"), [(2, True), (0, False)])
    def test_warns_of_unguarded_positions_only_where_there_are_some(
        self, held: int, warned: bool
    ) -> None:
        """An alarm about nothing is an alarm nobody hears."""
        ledgers = (a_ledger(open_trades=held),)

        text = told(a_status(Effective.REVOKED, ledgers=ledgers))

        assert ("Live positions are not guarded" in text) is warned

    def test_shows_a_pause_with_scope_time_and_end(self) -> None:
        """Whoever paused may be asleep by now."""
        pause = PauseView("bithumb", NOW - 3 * MINUTE, "kim", "maintenance", NOW + HOUR)

        text = told(a_status(Effective.PAUSED, pauses=(pause,)))

        line = "Entries paused: bithumb, by kim, 19:17:06 KST, until 20:20:06 KST: maintenance"
        assert line in text
        assert "전체" in told(a_status(pauses=(PauseView("", 0, ""),)), KO)

    def test_lists_a_few_stale_books_and_counts_the_rest(self) -> None:
        """A venue that is away takes all its books with it."""
        feeds = tuple(a_feed(f"bithumb:C{number}-KRW", 9_000.0) for number in range(8))

        text = told(a_status(feeds=feeds))

        assert text.count("no new quote for 9.0 s") == MAX_LISTED
        assert "… and 5 more" in text
        assert "Quotes: 0 of 8 fresh" in text

    def test_warns_of_live_without_a_dry_run(self) -> None:
        """The banner says so, and so does the phone."""
        assert "dry_run_on_startup: true" in told(a_status(dry_run=False))
        paper = a_status(Effective.PAPER, origin=an_origin(Mode.PAPER), dry_run=False)
        assert "dry_run_on_startup" not in told(paper)


class TestMoney:
    def test_names_each_ledger_and_never_adds_them(self) -> None:
        """Paper gains are no comfort for live losses."""
        text = told(a_status())

        assert "Live ledger\nPnL today    -12,345 ₩" in text
        assert "Paper ledger · PnL today +812 ₩" in text
        assert "11,533" not in text

    def test_leaves_out_an_empty_live_ledger_in_mock(self) -> None:
        """Zeros of an account that is not in use only take room."""
        ledgers = (a_ledger(LedgerName.PAPER), an_empty_ledger(LedgerName.LIVE))
        answer = a_status(Effective.MOCK, origin=an_origin(Mode.MOCK), ledgers=ledgers)

        assert "Live ledger" not in told(answer)

    def test_shows_a_live_position_even_in_mock(self) -> None:
        """Nothing guards it, so it must be seen."""
        answer = a_status(Effective.MOCK, origin=an_origin(Mode.MOCK), ledgers=(a_ledger(),))

        assert "Live ledger" in told(answer)

    def test_marks_a_loss_past_half_its_limit(self) -> None:
        """There is still time to look."""
        assert "⚠️ Loss today 50.00 %" in told(
            a_status(ledgers=(a_ledger(loss_today_krw=D(50_000)),))
        )
        assert "\nLoss today 49.99 %" in told(
            a_status(ledgers=(a_ledger(loss_today_krw=D(49_990)),))
        )

    def test_shows_an_unknown_distance_as_a_dash(self) -> None:
        """Zero would mean that the stop is here."""
        assert "Nearest stop: – away" in told(a_status(nearest_stop_pct=None))


class TestTime:
    def test_is_that_of_the_answer_with_its_zone(self) -> None:
        """The zone of the schedule is the zone of every time."""
        assert "🕘 19:20:06 KST" in told(a_status())
        assert "🕘 05:20:06 EST" in told(a_status(), zone=ZoneInfo("America/New_York"))

    def test_says_how_old_an_old_answer_is(self) -> None:
        """Old figures must not pass for new ones."""
        assert "(12.0 s ago)" in told(a_status(), now_ns=NOW + 12 * SECOND)
        assert "ago)" not in told(a_status(), now_ns=NOW + 4 * SECOND)


class TestButtons:
    @pytest.mark.parametrize("answer", [a_status(), a_demoted_status()])
    def test_refresh_and_pause_share_a_row_and_halt_has_its_own(self, answer: StatusAnswer) -> None:
        """A thumb that aims at refresh must not stop the engine."""
        (message,) = status_page(answer, a_view())

        assert [[one.data for one in row] for row in message.buttons] == [
            ["show:aB3_-x:1 status", "pause:aB3_-x:"],
            ["halt:aB3_-x:"],
        ]
