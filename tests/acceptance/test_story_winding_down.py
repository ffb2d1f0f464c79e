"""A story: paper for the night, the alert seen, one trade closed, entries paused and resumed."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import PAPER, a_host, audited, go_live, metrics, stop, trading
from tests.support.engine_process import wait_until
from tests.support.phone import Phone, level_of

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    demoted: tuple[str, ...]
    alert: str
    acknowledge: str
    acknowledged: str
    status: str
    stands: tuple[str, ...]
    close: str
    question: str
    yes: str
    closing: tuple[str, ...]
    none_left: str
    pause: str
    paused: tuple[str, ...]
    resume: tuple[str, str]
    resumed: tuple[str, ...]


WORDS = {
    "en": Words(
        demoted=("Demoted to PAPER", "go on live", "Live positions that remain"),
        alert="Demoted: live trading lost",
        acknowledge="Acknowledge",
        acknowledged="Acknowledged",
        status="status",
        stands=("🟠 main · demoted to paper", "Live ledger"),
        close="Close pair {trade}",
        question="Close {trade} of the live ledger?",
        yes="Yes, close {trade} (live)",
        closing=("Closing", "authority PAPER"),
        none_left="Nothing is open in the live ledger.",
        pause="pause",
        paused=("Entries paused", "everything"),
        resume=("lifts the pause of everything", "▶️ Yes, resume"),
        resumed=("Entries resumed", "No pause stands."),
    ),
    "ko": Words(
        demoted=("모의로 전환했습니다", "실거래로 계속됩니다", "남은 실거래 포지션"),
        alert="실거래 해제(모의로 전환)",
        acknowledge="확인했음",
        acknowledged="확인했음",
        status="상태",
        stands=("🟠 main · 실거래 해제(모의로 전환)", "실거래 장부"),
        close="pair {trade} 청산",
        question="실거래 장부의 {trade} 거래를 청산할까요?",
        yes="네, {trade} 청산 (실거래)",
        closing=("청산을 시작했습니다", "권한 PAPER"),
        none_left="실거래 장부에 열린 거래가 없습니다.",
        pause="일시정지",
        paused=("신규진입을 중지했습니다", "전체"),
        resume=("신규진입 중지를 풉니다: 전체", "▶️ 네, 재개"),
        resumed=("신규진입을 재개했습니다", "신규진입 중지가 없습니다."),
    ),
}


class TestWindingDown:
    def test_takes_a_word_where_risk_falls_and_a_tap_where_money_moves(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """/paper acts at once and says what remains and what guards it; its alert is acknowledged;
        a close button asks first; a pause acts at once, and lifting it asks.
        """
        words = WORDS[language]
        host = a_host(tmp_path, phone, language)
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            (opened,) = host.facts("TradeOpened")
            trade = str(opened["trade_id"])
            sent, since = len(host.orders()), phone.seen

            phone.says("/paper", *words.demoted, trade)
            assert level_of(host) == PAPER
            assert not phone.awaited(words.alert, "🚨", since=since).silent
            phone.taps(words.acknowledge, words.acknowledged, "#")
            phone.says(words.status, *words.stands)

            phone.says("/positions", trade)
            phone.taps(words.close.format(trade=trade), words.question.format(trade=trade))
            assert len(host.orders()) == sent
            phone.taps(words.yes.format(trade=trade), *words.closing)
            wait_until(lambda: bool(host.facts("TradeClosed")))
            wait_until(lambda: metrics(host)["open_pos"] == 0)
            phone.says("/flatten", words.none_left)

            phone.says(words.pause, *words.paused)
            question, yes = words.resume
            phone.says("/resume", question)
            assert len(host.facts("EntriesResumed")) == 0
            phone.taps(yes, *words.resumed)
            assert len(host.facts("EntriesResumed")) == 1
            stop(engine)

        assert [order["purpose"] for order in host.orders()[sent:]] == ["close", "close"]
        assert level_of(host) == PAPER
        assert audited(host, f"confirmed /close {trade}") == ["CLOSING"]
