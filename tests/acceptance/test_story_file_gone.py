"""A story: the confirm file disappears under an open trade; what to do by hand is told."""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import LIVE_LEVEL, a_host, go_live, stop, trading
from tests.support.engine_process import wait_until
from tests.support.phone import Phone, level_of

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    revoked: tuple[str, ...]
    status: str
    unguarded: tuple[str, ...]
    flatten: tuple[str, str]
    refused: str
    pause: str
    paused: str
    again: tuple[str, ...]
    closing: str


WORDS = {
    "en": Words(
        revoked=("REVOKED: close by hand", "legs open: 2"),
        status="status",
        unguarded=("authority revoked (no closings)", "Live positions are not guarded"),
        flatten=("The gate would not let it out now:", "Yes, close ALL (live)"),
        refused="live closings are revoked",
        pause="pause",
        paused="Entries paused",
        again=("Close ALL of the live ledger?", "Result: "),
        closing="Closing",
    ),
    "ko": Words(
        revoked=("실거래 권한 상실: 직접 청산할 포지션 2건",),
        status="상태",
        unguarded=("실거래 권한 상실(청산 불가)", "실거래 포지션을 지키는 것이 없습니다."),
        flatten=("지금은 나갈 수 없습니다:", "네, 전량 청산 (실거래)"),
        refused="실거래 권한을 잃어 청산할 수 없습니다",
        pause="신규진입 중지",
        paused="신규진입을 중지했습니다",
        again=("실거래 장부를 전량 청산할까요?", "결과: "),
        closing="청산을 시작했습니다",
    ),
}


class TestTheFileIsGone:
    def test_is_told_with_ready_orders_and_a_touch_lets_closings_go(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """Each leg is an order to place by hand; a confirmed /flatten is refused as long as the
        file is gone, and goes once the host has touched it anew; entries stay paused meanwhile.
        """
        words = WORDS[language]
        host = a_host(tmp_path, phone, language)
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            sent, since = len(host.orders()), phone.seen

            host.confirm_file.unlink()
            told = phone.awaited("🚨", *words.revoked, since=since)
            assert not told.silent
            assert "upbit" in told.text
            assert "bithumb" in told.text
            phone.says(words.status, *words.unguarded)
            blocked, yes = words.flatten
            phone.says("/flatten", blocked)
            phone.taps(yes, words.refused)
            assert len(host.orders()) == sent

            phone.says(words.pause, words.paused)
            host.confirm_file.touch()
            wait_until(lambda: level_of(host) == LIVE_LEVEL)
            phone.says("/flatten", *words.again)
            phone.taps(yes, words.closing)
            wait_until(lambda: bool(host.facts("TradeClosed")))
            stop(engine)

        assert [order["purpose"] for order in host.orders()[sent:]] == ["flatten", "flatten"]
