"""A story: the engine dies at night while a halt waits; then status, resume, flatten, summary."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import HALT, PAPER, a_host, go_live, stop, trading, won
from tests.acceptance.test_live_process import LIVE, PROGRAM
from tests.support.engine_process import wait_until
from tests.support.phone import CREDENTIALS, LATER, Phone, later, level_of

pytestmark = pytest.mark.slow

NIGHT_S = 600


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    halt: str
    halted: tuple[str, ...]
    late: str
    status: str
    stands: tuple[str, ...]
    resume: tuple[str, str]
    lifted: str
    flatten: tuple[str, str]
    closing: tuple[str, ...]
    used: str
    summary: tuple[str, ...]


WORDS = {
    "en": Words(
        halt="halt",
        halted=("Halted", "5 min"),
        late="Acted late:",
        status="status",
        stands=("🔴 main · halted", "Live ledger"),
        resume=("Resume?", "▶️ Yes, resume"),
        lifted="Halt lifted to PAPER",
        flatten=("Close ALL of the live ledger?", "Yes, close ALL (live)"),
        closing=("Closing", "revision"),
        used="Used already",
        summary=("Daily summary", "realised"),
    ),
    "ko": Words(
        halt="긴급정지",
        halted=("긴급정지했습니다", "5분"),
        late="늦게 적용됨:",
        status="상태",
        stands=("🔴 main · 긴급정지", "실거래 장부"),
        resume=("재개할까요?", "▶️ 네, 재개"),
        lifted="긴급정지를 모의까지 풀었습니다",
        flatten=("실거래 장부를 전량 청산할까요?", "네, 전량 청산 (실거래)"),
        closing=("청산을 시작했습니다", "리비전"),
        used="이미 누른 버튼입니다",
        summary=("일간 요약", "실현", "평가손익", "노출금액"),
    ),
}


class TestACrashAtNight:
    def test_is_met_with_a_halt_that_waited(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """The halt written while the engine lay dead holds from its start on and is told as late;
        lifting it and closing what is open each take a fresh word and one tap.
        """
        words = WORDS[language]
        host = a_host(tmp_path, phone, language)
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            engine.kill()
        sent = len(host.orders())
        phone.clock.ahead_s = NIGHT_S
        phone.api.says(words.halt, date=phone.now_s - 300)
        phone.api.says("/status", date=phone.now_s - 299)
        since = phone.seen

        later_on = {**LIVE, **CREDENTIALS, **later(NIGHT_S, PROGRAM[1])}
        with host.start(program=("-c", LATER), environ=later_on) as engine:
            phone.awaited(*words.halted, since=since)
            assert not phone.awaited(words.late, "/halt", since=since).silent
            assert level_of(host) == HALT
            phone.says(words.status, *words.stands)
            assert len(host.orders()) == sent

            question, yes = words.resume
            phone.says("/resume", question)
            assert level_of(host) == HALT
            phone.taps(yes, words.lifted)
            assert level_of(host) == PAPER

            question, yes = words.flatten
            phone.says("/flatten", question)
            assert len(host.orders()) == sent
            first, second = [phone.api.taps_label(yes) for _ in range(2)]
            wait_until(lambda: bool(host.facts("TradeClosed")))
            wait_until(lambda: {first, second} <= phone.api.callback_answers.keys())
            (closed,) = host.facts("TradeClosed")
            phone.says("/summary", *words.summary, won(closed["pnl_krw"]))
            stop(engine)

        assert len(phone.found(words.late)) == 1
        assert len(phone.found(*words.closing)) == 1
        assert [order["purpose"] for order in host.orders()[sent:]] == ["flatten", "flatten"]
        assert words.used in str(phone.api.callback_answers[second])
