"""A story on venues that speak as the real ones do: from a block alert to live and back to nothing.

The simulator is a process of its own, whose ledger says what really reached a venue.
"""

from pathlib import Path

import pytest
from msgspec import Struct

from tests.acceptance.stories import HALT, LIVE_LEVEL, metrics, stop, won
from tests.acceptance.test_live_on_simulator import EVEN, PAIRS, RICH, attested, orders_at, premium
from tests.support.engine_process import wait_until
from tests.support.phone import CREDENTIALS, Phone, level_of, to_phone
from tests.support.sim_process import LIVE, SimHost, SimProcess

pytestmark = pytest.mark.slow

MEND = "touch .live_trading_ok"


class Words(Struct, frozen=True):
    """What the story hears and reads in one language."""

    blocked: str
    allowed: str
    status: str
    lives: tuple[str, ...]
    balance: tuple[str, ...]
    positions: tuple[str, ...]
    pause: tuple[str, str]
    flatten: tuple[str, str]
    closed: str
    halt: str
    halted: str
    orders: tuple[str, ...]


WORDS = {
    "en": Words(
        blocked="No new trade goes live.",
        allowed="real money",
        status="status",
        lives=("🟢 main · live", "Live ledger", "exposure"),
        balance=("upbit", "binance", "KRW", "USDT", "BTC"),
        positions=("upbit-binance", "stop"),
        pause=("pause", "Entries paused"),
        flatten=("Close ALL of the live ledger?", "Yes, close ALL (live)"),
        closed="Realised",
        halt="halt",
        halted="Halted",
        orders=("No order is on its way.",),
    ),
    "ko": Words(
        blocked="실거래 차단",
        allowed="실거래 허용",
        status="상태",
        lives=("🟢 main · 실거래", "실거래 장부", "노출금액"),
        balance=("upbit", "binance", "KRW", "USDT", "BTC"),
        positions=("upbit-binance", "손절"),
        pause=("신규진입 중지", "신규진입을 중지했습니다"),
        flatten=("실거래 장부를 전량 청산할까요?", "네, 전량 청산 (실거래)"),
        closed="실현",
        halt="긴급정지",
        halted="긴급정지했습니다",
        orders=("진행 중인 주문이 없습니다.",),
    ),
}


class TestADayOnVenuesThatAnswer:
    def test_from_a_block_alert_to_live_to_flat_to_halted(
        self, tmp_path: Path, phone: Phone, language: str
    ) -> None:
        """The touch on the host lets real orders out; after a pause one confirmed tap closes what
        they opened; after a halt nothing more reaches a venue, whatever the market offers.
        """
        words = WORDS[language]
        alert = to_phone(phone.api.base)
        with SimProcess(tmp_path / "sim") as sim:
            premium(sim, EVEN)
            host = SimHost(
                tmp_path / "engine",
                sim,
                PAIRS[:1],
                venues=attested(),
                alert=alert,
                bot={"language": language},
            )
            with host.begin("--mode", "live", environ={**LIVE, **CREDENTIALS}) as engine:
                blocked = phone.awaited("CONFIRM_FILE_MISSING", words.blocked)
                assert MEND in blocked.text
                assert MEND in phone.says("/guards", "✗").text
                assert orders_at(sim) == []

                host.confirm_file.touch()
                assert not phone.awaited("LIVE TRADING ALLOWED", words.allowed).silent
                phone.says("/balance", *words.balance)
                premium(sim, RICH)
                wait_until(lambda: bool(host.facts("TradeOpened")))
                phone.says(words.status, *words.lives)
                phone.says("/positions", *words.positions)
                assert level_of(host) == LIVE_LEVEL

                phone.says(*words.pause)
                question, yes = words.flatten
                since, sent = phone.seen, len(orders_at(sim))
                phone.says("/flatten", question)
                assert len(orders_at(sim)) == sent
                phone.taps(yes)
                wait_until(lambda: bool(host.facts("TradeClosed")))
                (closed, *_) = host.facts("TradeClosed")
                phone.awaited(words.closed, won(closed["pnl_krw"]), since=since)

                phone.says(words.halt, words.halted)
                assert level_of(host) == HALT
                wait_until(lambda: metrics(host)["open_pos"] == 0)
                phone.says("/orders", *words.orders)
                sent = len(orders_at(sim))
                premium(sim, EVEN)
                premium(sim, RICH)
                engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 10)
                assert len(orders_at(sim)) == sent
                stop(engine)

            legs = {(order["client_id"], order["venue"]) for order in orders_at(sim)}
            assert {venue for _, venue in legs} == {"upbit", "binance"}
