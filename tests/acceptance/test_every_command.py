"""Every command of the table against a running engine, in both languages, with its real figures.

The market stands still meanwhile, so that chat, ``/metrics.json`` and journal speak of one instant.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from bot.pages.help import COMMANDS
from tests.acceptance.stories import HALT, metrics, won
from tests.support.engine_process import EngineHome
from tests.support.phone import CREDENTIALS, Phone, a_phone, level_of, to_phone
from tests.support.telegram import OWNER

pytestmark = pytest.mark.slow

# Long enough for a stop-loss, and for two trades that stay open.
LIVED = ("--mock", "--loops", "30", "--interval", "0", "--no-bot")
STANDING_STILL = ("--mock", "--interval", "600")
# Telegram's pace of one message a second has tests of its own.
UNPACED = """
import runpy
import bot.pacing
bot.pacing.INTERVAL_NS = 0
runpy.run_module("trader", run_name="__main__", alter_sys=True)
"""

VIEWS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "en": {
        "status": ("⚪ main · mock", "Paper ledger", "{pnl}", "{realised}", "{exposure}"),
        "positions": ("open: 2", "unrealised {unrealised}", "{trade}", "{other_trade}"),
        "orders": ("No order is on its way.",),
        "trades": ("Trades: 3", "{closed}", "stop-loss", "{trade}", "{other_trade}"),
        "balance": ("Paper ledger · worth", "upbit", "USDT"),
        "pnl": ("{closed}", "{unrealised}", "Trades that ended: 1"),
        "guards": ("Live gate shut", "✗ env flag LIVE_TRADING", "Entries: paper"),
        "why": ("approved", "Outcome: open", "{other_trade}"),
        "spread": ("upbit-bithumb", "trades left: "),
        "chart": ("Equity, 1 day",),
        "summary": ("Daily summary", "Now: 2 open, exposure {exposure}, unrealised {unrealised}"),
        "alerts": ("Critical alerts to acknowledge: 1", "Stop-loss: upbit-binance"),
        "metrics": ("num_paper_trades_today: 3", "live_block_reasons: {blocks}"),
        "logs": ("Log: ", "[METRICS]"),
        "config": ("secrets masked", "mode.current: mock"),
        "live": ("cannot be switched on from chat, ever", "touch .live_trading_ok"),
        "audit": ("/live", "refused: only the host raises"),
        "health": ("Telegram", "Critical alerts nobody"),
        "version": ("version 0", "Python"),
        "whoami": ("User id · {owner}",),
        "help": ("/flatten – close all positions",),
        "start": ("I can", "/status", "I can never"),
    },
    "ko": {
        "status": (
            "⚪ main · 가상(mock)",
            "모의 장부",
            "{pnl}",
            "{realised}",
            "노출금액",
            "{exposure}",
        ),
        "positions": ("열림 2건", "평가손익 {unrealised}", "{trade}", "{other_trade}"),
        "orders": ("진행 중인 주문이 없습니다.",),
        "trades": ("거래 3건", "{closed}", "손절", "{trade}", "{other_trade}"),
        "balance": ("모의 장부 · 평가액", "upbit", "USDT"),
        "pnl": ("{closed}", "{unrealised}", "끝난 거래 1건"),
        "guards": ("실거래 문 닫힘", "✗ 환경 변수 LIVE_TRADING", "진입: 모의"),
        "why": ("승인", "결과: 열림", "{other_trade}"),
        "spread": ("upbit-bithumb", "남은 거래 "),
        "chart": ("평가자산, 1일",),
        "summary": ("일간 요약", "노출금액 {exposure}, 평가손익 {unrealised}"),
        "alerts": ("확인할 긴급 알림: 1건", "손절: upbit-binance"),
        "metrics": ("num_paper_trades_today: 3", "live_block_reasons: {blocks}"),
        "logs": ("로그 ", "[METRICS]"),
        "config": ("비밀 값은 가림", "mode.current: mock"),
        "live": ("어떤 경우에도 실거래를 켤 수 없습니다", "touch .live_trading_ok"),
        "audit": ("/live", "거부: 실거래는 호스트에서만"),
        "health": ("텔레그램", "확인하지 않은 긴급 알림"),
        "version": ("버전 0", "Python"),
        "whoami": ("사용자 ID · {owner}",),
        "help": ("/flatten – 전량 청산",),
        "start": ("할 수 있는 일", "/status", "절대 하지 않는 일"),
    },
}
"""What each command that only looks answers, with figures of ``/metrics.json`` and the journal."""

ACTS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "en": (
        ("/ack {alert}", "Acknowledged: #{alert}"),
        ("/mute trade_opened 2h", "Muted: ", "until"),
        ("/drill halted", "Drill sent: "),
        ("/pause upbit 30m", "Entries paused", "upbit until"),
        ("/resume upbit", "lifts the pause of upbit"),
        ("▶️ Yes, resume", "Entries resumed", "No pause stands."),
        ("/paper", "Demoted to PAPER", "No live position is open."),
        ("/close {trade}", "Close {trade} of the paper ledger?", "Result: "),
        ("Yes, close {trade} (paper)", "Closing", "{trade}"),
        ("/flatten", "Close ALL of the paper ledger?", "Result: "),
        ("Yes, close ALL (paper)", "Closing", "{other_trade}"),
        ("/stop fire", "Halted", "mode mock", "Still open"),
        ("/halt", "Already halted", "since"),
    ),
    "ko": (
        ("/ack {alert}", "확인했음: #{alert}"),
        ("/mute trade_opened 2h", "알림 끔: 진입", "까지"),
        ("/drill halted", "훈련 알림을 보냈습니다: 긴급정지"),
        ("/pause upbit 30m", "신규진입을 중지했습니다", "upbit"),
        ("/resume upbit", "신규진입 중지를 풉니다: upbit"),
        ("▶️ 네, 재개", "신규진입을 재개했습니다", "신규진입 중지가 없습니다."),
        ("/paper", "모의로 전환했습니다", "열린 실거래 포지션이 없습니다."),
        ("/close {trade}", "모의 장부의 {trade} 거래를 청산할까요?", "결과: "),
        ("네, {trade} 청산 (모의)", "청산을 시작했습니다", "{trade}"),
        ("/flatten", "모의 장부를 전량 청산할까요?", "결과: "),
        ("네, 전량 청산 (모의)", "청산을 시작했습니다", "{other_trade}"),
        ("/stop 화재", "긴급정지했습니다", "모드 mock", "아직 열려 있는 것"),
        ("/halt", "이미 긴급정지 상태입니다", "부터"),
    ),
}
"""What is written, or tapped where it is no command, and what is answered; in this order."""

OTHER_WORDS = {"en": "/help lists", "ko": "/help 는 명령 목록입니다"}


class Desk:
    """A phone, and an engine whose market stands still."""

    def __init__(self, home: EngineHome, phone: Phone, language: str) -> None:
        self.home, self.phone, self.language = home, phone, language
        self.figures = metrics(home)
        (closed,) = home.facts("TradeClosed")
        opened = [str(fact["trade_id"]) for fact in home.facts("TradeOpened")]
        trade, other = [one for one in opened if one != closed["trade_id"]]
        self.names = {
            "closed": won(closed["pnl_krw"]),
            "pnl": won(self.figures["pnl_krw"]),
            "realised": won(self.figures["realized_pnl_krw"]),
            "unrealised": f"+{won(self.figures['unrealized_pnl_krw'])}",
            "exposure": won(self.figures["exposure_krw"]),
            "blocks": self.figures["live_block_reasons"],
            "trade": trade,
            "other_trade": other,
            "owner": str(OWNER.id),
        }

    def filled(self, words: Sequence[str]) -> list[str]:
        """With what the engine and its journal hold."""
        return [one.format_map(self.names) for one in words]


@pytest.fixture(scope="module", params=["en", "ko"])
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """One for each language."""
    language = str(request.param)
    with a_phone() as phone:
        sections: Any = {"alert": to_phone(phone.api.base), "bot": {"language": language}}
        home = EngineHome(tmp_path_factory.mktemp("engine"), sections)
        home.run(*LIVED)
        program = ("-c", UNPACED)
        with home.start(*STANDING_STILL, program=program, environ=CREDENTIALS) as engine:
            engine.wait_for("[METRICS]")
            yield Desk(home, phone, language)


def test_none_is_left_out() -> None:
    """A new command needs its line here."""
    named = {name for _, commands in COMMANDS for name, _ in commands}

    for language, acts in ACTS.items():
        written = {said[1:].split()[0] for said, *_ in acts if said.startswith("/")}
        assert VIEWS[language].keys() | written == named


@pytest.mark.parametrize("name", VIEWS["en"])
def test_each_view_says_what_holds(desk: Desk, name: str) -> None:
    """In words of its language, with the figures of the host and of the journal."""
    desk.phone.says(f"/{name}", *desk.filled(VIEWS[desk.language][name]))


def test_metrics_are_those_of_the_host(desk: Desk) -> None:
    """Field by field, by the same names."""
    page = desk.phone.says("/metrics", "num_live_trades_today").text
    told = dict(re.findall(r"^(\w+): (.*)$", page, re.MULTILINE))

    assert told.keys() == desk.figures.keys()
    for name, value in desk.figures.items():
        if isinstance(value, float) and not name.startswith("oldest"):
            assert float(told[name].replace(",", "")) == value, name


def test_other_words_get_a_short_pointer(desk: Desk) -> None:
    """And nothing else comes of them."""
    pointer = desk.phone.says("hello there", OTHER_WORDS[desk.language]).text

    assert len(pointer.splitlines()) <= 4


def test_each_acts_and_says_what_became_true(desk: Desk) -> None:
    """In one go, since each finds what the one before it left; the last word is the halt's."""
    (alert, *_) = desk.home.facts("StopLossTriggered")
    page = desk.phone.says("/alerts", *desk.filled(VIEWS[desk.language]["alerts"]))
    buttons = [button["callback_data"] for row in page.buttons for button in row]
    desk.names["alert"] = next(one for one in buttons if one.startswith("ack:")).split(":")[2]

    for said, *words in ACTS[desk.language]:
        act = desk.phone.says if said.startswith("/") else desk.phone.taps
        act(*desk.filled([said, *words]))

    assert alert["trade_id"] not in (desk.names["trade"], desk.names["other_trade"])
    assert level_of(desk.home) == HALT
    assert len(desk.home.facts("EntriesResumed")) == 1
    ordered = [trade for fact in desk.home.facts("ClosingOrdered") for trade in fact["trades"]]
    assert set(ordered) == {desk.names["trade"], desk.names["other_trade"]}
