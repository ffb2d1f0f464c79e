"""A story: what blocks live trading is told, looked into, mended on the host, and live it is."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import LIVE_LEVEL, a_host, stop, trading
from tests.acceptance.test_live_process import RICH
from tests.support.engine_process import wait_until
from tests.support.phone import Phone, level_of
from tests.support.stand_in import steer

pytestmark = pytest.mark.slow

BLOCKED, ALLOWED = "LIVE TRADING BLOCKED", "LIVE TRADING ALLOWED"
MEND = "touch .live_trading_ok"


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    blocked: tuple[str, ...]
    allowed: tuple[str, ...]
    guards: tuple[str, ...]
    why: tuple[str, ...]
    status: str
    lives: tuple[str, ...]


WORDS = {
    "en": Words(
        blocked=("No new trade goes live.", "The confirm file is not there."),
        allowed=("real money",),
        guards=("✗ confirm file stands", "Live gate shut"),
        why=("opening · paper", "approved", "spread"),
        status="status",
        lives=("🟢 main · live", "Live ledger", "exposure", "Nothing needs care."),
    ),
    "ko": Words(
        blocked=("실거래 차단", "확인 파일이 없습니다."),
        allowed=("실거래 허용",),
        guards=("✗ 확인 파일 있음", "실거래 문 닫힘"),
        why=("진입 · 모의", "승인", "스프레드"),
        status="상태",
        lives=("🟢 main · 실거래", "실거래 장부", "노출금액", "주의할 점이 없습니다."),
    ),
}


class TestABlockAlert:
    def test_leads_to_live_step_by_step(self, tmp_path: Path, phone: Phone, language: str) -> None:
        """The alert names what is missing, /guards how to mend it, /why what was decided; after
        the touch on the host it sounds, /status says live, and orders reach the venues.
        """
        words = WORDS[language]
        host = a_host(tmp_path, phone, language)
        steer(host.directory, premium_pct=RICH)
        with trading(host) as engine:
            blocked = phone.awaited(BLOCKED, "CONFIRM_FILE_MISSING", *words.blocked)
            assert not blocked.silent
            assert MEND in blocked.text
            engine.wait_for("trade opened")

            guards = phone.says("/guards", *words.guards)
            assert MEND in guards.text
            phone.says("/why", *words.why)
            assert host.orders() == []

            since = phone.seen
            host.confirm_file.touch()
            assert not phone.awaited(ALLOWED, *words.allowed, since=since).silent
            wait_until(lambda: len(host.orders()) >= 2)
            phone.says(words.status, *words.lives)
            stop(engine)

        assert {order["purpose"] for order in host.orders()} == {"open"}
        assert level_of(host) == LIVE_LEVEL
