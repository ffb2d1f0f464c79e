"""A story: what the chat says of money is what the host shows and the journal holds."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import a_host, go_live, metrics, stop, trading, won
from tests.acceptance.test_live_process import EVEN
from tests.support.engine_process import wait_until
from tests.support.phone import Phone
from tests.support.stand_in import steer

pytestmark = pytest.mark.slow


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    status: str
    ledger: str
    pnl_today: str
    exposure: str
    unrealised: str
    realised: str
    fees: str


WORDS = {
    "en": Words(
        status="status",
        ledger="Live ledger",
        pnl_today="PnL today",
        exposure="exposure",
        unrealised="unrealised",
        realised="realised",
        fees="fees in it",
    ),
    "ko": Words(
        status="상태",
        ledger="실거래 장부",
        pnl_today="오늘 손익",
        exposure="노출금액",
        unrealised="평가손익",
        realised="실현손익",
        fees="포함된 수수료",
    ),
}


def beside(words: str, value: object, text: str) -> bool:
    """Whether a page says the words with the value beside them, signed or not."""
    return re.search(rf"(?<!\w){words}\s+\+?{re.escape(won(value))}", text) is not None


class TestFigures:
    def test_agree_in_chat_on_the_host_and_in_the_journal(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """/status, /positions and /pnl say what /metrics.json says and the journal holds."""
        words = WORDS[language]
        host = a_host(tmp_path, phone, language)
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 3)
            held = metrics(host)
            status = phone.says(words.status, words.ledger).text
            positions = phone.says("/positions", words.ledger).text
            (opened,) = host.facts("TradeOpened")
            assert held["open_pos"] == held["trades"] == 1
            assert beside(words.pnl_today, held["pnl_krw"], status)
            assert beside(words.exposure, opened["entry_notional_krw"], status)
            assert won(held["exposure_krw"]) == won(opened["entry_notional_krw"])
            assert beside(words.unrealised, held["unrealized_pnl_krw"], positions)
            assert opened["trade_id"] in positions

            steer(host.directory, premium_pct=EVEN)
            wait_until(lambda: bool(host.facts("TradeClosed")))
            (closed,) = host.facts("TradeClosed")
            wait_until(lambda: metrics(host)["trades_closed"] == 1)
            pnl = phone.says("/pnl", words.ledger).text
            fees = sum(Decimal(fact["fill"]["fee"]) for fact in host.facts("FillBooked"))
            assert fees > 0
            assert won(metrics(host)["realized_pnl_krw"]) == won(closed["pnl_krw"])
            assert beside(words.realised, closed["pnl_krw"], pnl)
            assert beside(words.fees, closed["fees_krw"], pnl)
            stop(engine)
