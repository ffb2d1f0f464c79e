"""One operator, one phone: whole stories of watching and steering a real process from the chat.

The live ones run on stand-in venues behind the real gate, the others on the simulated market.
Telegram's part plays a local Bot API that lives on when the engine is killed.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.acceptance.test_live_process import EVEN, LIVE, PROGRAM, RICH, Host
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.phone import CREDENTIALS, LATER, Phone, a_phone, later, level_of, to_phone
from tests.support.stand_in import steer
from tests.support.telegram import (
    CHANNEL,
    FORUM,
    MEMBER,
    OWNER,
    PRIVATE,
    STRANGER,
    SUPERGROUP,
    TOPIC,
    faults,
)
from tests.support.telegram.rooms import Person, Room

pytestmark = pytest.mark.slow

HALT, PAPER, LIVE_LEVEL = "0", "1", "2"
STOP_WITHIN_S = 10.0
NIGHT_S = 600
HOURS_5_S = 18_000


@pytest.fixture
def phone() -> Iterator[Phone]:
    with a_phone() as held:
        yield held


def a_host(path: Path, phone: Phone, language: str) -> Host:
    """A host whose live engine speaks to the phone."""
    alert = to_phone(phone.api.base)
    return Host(path / "engine", path / "locks", alert=alert, bot={"language": language})


def at_home(path: Path, phone: Phone, **telegram: Any) -> EngineHome:
    """An engine on the simulated market that speaks to the phone, in English."""
    alert = to_phone(phone.api.base)
    alert["telegram"] |= telegram
    return EngineHome(path, {"alert": alert, "bot": {"language": "en"}})


def playing(home: EngineHome, **environ: str) -> EngineProcess:
    """Start it in mock mode, without haste."""
    return home.start("--mock", "--interval", "0.5", environ={**CREDENTIALS, **environ})


def trading(host: Host) -> EngineProcess:
    """Start the live engine with the operator's credentials and the env flag."""
    return host.begin(environ={**LIVE, **CREDENTIALS})


def stop(engine: EngineProcess) -> None:
    """Ask it to end; it does, in time, with nothing to complain about."""
    code, took_s = engine.stop(SIGTERM)
    assert (code, engine.err) == (0, [])
    assert took_s < STOP_WITHIN_S


def go_live(host: Host, engine: EngineProcess) -> None:
    """The file stands, the gate opens, and one trade of the live ledger is open."""
    engine.wait_for("LIVE TRADING ALLOWED")
    steer(host.directory, premium_pct=RICH)
    wait_until(lambda: bool(host.facts("TradeOpened")))


def audited(home: EngineHome, what: str) -> list[str]:
    """What was decided each time ``what`` was heard."""
    path = home.directory / "state" / "bot-control.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as memory:
        rows = memory.execute("SELECT decision FROM audit WHERE what = ? ORDER BY seq", (what,))
        return [str(decision) for (decision,) in rows]


def unfinished(home: EngineHome) -> int:
    """How many updates have begun to act and are not noted as done."""
    path = home.directory / "state" / "bot-control.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as memory:
        (count,) = memory.execute("SELECT count(*) FROM heard WHERE body IS NOT NULL").fetchone()
        return int(count)


def metrics(home: EngineHome) -> dict[str, Any]:
    """The figures as the host shows them."""
    status, body = home.get("/metrics.json")
    assert status == 200
    return dict(json.loads(body))


def won(value: object) -> str:
    """Whole won as every page writes them."""
    rounded = Decimal(str(value)).quantize(Decimal(1))
    return f"{rounded if rounded else 0:,} ₩"


class TestABlockAlert:
    def test_leads_to_live_step_by_step(self, tmp_path: Path, phone: Phone) -> None:
        """The alert names what is missing, /guards how to mend it, /why what was decided; after
        the touch on the host it sounds, /status says live, and orders reach the venues.
        """
        host = a_host(tmp_path, phone, "en")
        steer(host.directory, premium_pct=RICH)
        with trading(host) as engine:
            blocked = phone.awaited("LIVE TRADING BLOCKED", "CONFIRM_FILE_MISSING")
            assert not blocked.silent
            assert "The confirm file is not there." in blocked.text
            assert "touch .live_trading_ok" in blocked.text
            engine.wait_for("trade opened")

            guards = phone.says("/guards", "✗ confirm file stands")
            assert "→ touch .live_trading_ok" in guards.text
            why = phone.says("/why", "opening · paper")
            assert "approved" in why.text
            assert host.orders() == []

            since = phone.seen
            host.confirm_file.touch()
            assert not phone.awaited("LIVE TRADING ALLOWED", since=since).silent
            wait_until(lambda: len(host.orders()) >= 2)
            status = phone.says("/status", "🟢 main · live", "Live ledger")
            assert "Nothing needs care." in status.text
            stop(engine)

        assert {order["purpose"] for order in host.orders()} == {"open"}
        assert level_of(host) == LIVE_LEVEL


class TestACrashAtNight:
    def test_is_met_with_a_halt_that_waited(self, tmp_path: Path, phone: Phone) -> None:
        """The halt written while the engine lay dead holds from its start on and is told as late;
        lifting it and closing what is open each take a fresh word and one tap. All in Korean.
        """
        host = a_host(tmp_path, phone, "ko")
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            engine.kill()
        sent = len(host.orders())
        phone.clock.ahead_s = NIGHT_S
        phone.api.says("긴급정지", date=phone.now_s - 300)
        phone.api.says("/status", date=phone.now_s - 299)
        since = phone.seen

        later_on = {**LIVE, **CREDENTIALS, **later(NIGHT_S, PROGRAM[1])}
        with host.start(program=("-c", LATER), environ=later_on) as engine:
            assert "5분" in phone.awaited("긴급정지했습니다", since=since).text
            assert not phone.awaited("늦게 적용됨:", "/halt", since=since).silent
            assert level_of(host) == HALT
            phone.says("상태", "🔴 main", "실거래 장부")
            assert len(host.orders()) == sent

            phone.says("/resume", "재개할까요?")
            assert level_of(host) == HALT
            phone.taps("▶️ 네, 재개", "긴급정지를 모의까지 풀었습니다")
            assert level_of(host) == PAPER

            phone.says("/flatten", "실거래 장부를 전량 청산할까요?")
            assert len(host.orders()) == sent
            close = "네, 전량 청산 (실거래)"
            first, second = [phone.api.taps_label(close) for _ in range(2)]
            wait_until(lambda: bool(host.facts("TradeClosed")))
            wait_until(lambda: {first, second} <= phone.api.callback_answers.keys())
            (closed,) = host.facts("TradeClosed")
            summary = phone.says("/summary", "일간 요약")
            assert won(closed["pnl_krw"]) in summary.text
            stop(engine)

        assert len(phone.found("늦게 적용됨:")) == 1
        assert len(phone.found("청산을 시작했습니다", "리비전")) == 1
        assert [order["purpose"] for order in host.orders()[sent:]] == ["flatten", "flatten"]
        assert "이미 누른 버튼입니다" in str(phone.api.callback_answers[second])


class TestLateWords:
    def test_act_by_their_age_and_by_what_came_after_them(
        self, tmp_path: Path, phone: Phone
    ) -> None:
        """A halt five hours old halts, a resume forty seconds old does not resume, and a halt
        written before the host lifted one does not halt again.
        """
        home = at_home(tmp_path, phone)
        phone.api.says("/halt flood", date=phone.now_s - HOURS_5_S)
        with playing(home) as engine:
            phone.awaited("halted", "5 h")
            assert level_of(home) == HALT

            phone.api.says("/resume", date=phone.now_s - 40)
            phone.says("/whoami", str(OWNER.id))
            assert not phone.has_button("▶️ Yes, resume")

            assert home.run("resume").code == 0
            nothing = phone.says(
                "/halt", "a halt was lifted after this was written", date=phone.now_s - 60
            )
            assert "Nothing done" in nothing.text
            assert level_of(home) == PAPER
            phone.says("/halt", "halted")
            stop(engine)

        levels = [str(fact["authority"]["level"]) for fact in home.facts("AuthorityChanged")]
        assert levels == [HALT, PAPER, HALT]


class TestWhatTelegramRepeats:
    def test_acts_once_also_over_a_crash(self, tmp_path: Path, phone: Phone) -> None:
        """A command that acted, was never confirmed to Telegram and so comes again after kill -9
        does nothing more, and has no second answer.
        """
        home = at_home(tmp_path, phone)
        with playing(home) as engine:
            phone.says("/whoami", str(OWNER.id))
            wait_until(lambda: phone.all_read() and phone.api.polls > 0)
            # The poll that waits is answered; the next, which would confirm it, never is.
            phone.api.faults.always(faults.HANG, methods=("getUpdates",))
            phone.says("/pause", "Entries paused", "main · mode")
            # Cut off before this it would run once more, as what lowers risk does.
            wait_until(lambda: unfinished(home) == 0)
            engine.kill()
        assert len(phone.api.waiting_updates) == 1
        assert home.run("resume").code == 0
        phone.api.faults.clear()
        since = phone.seen

        with playing(home) as engine:
            wait_until(phone.all_read)
            phone.says("/whoami", str(OWNER.id))
            stop(engine)

        assert len(home.facts("EntriesPaused")) == 1
        assert len(audited(home, "/pause")) == 1
        assert phone.found("Entries paused", "main · mode", since=since) == []


class TestOthers:
    def test_have_no_effect_and_hear_nothing(self, tmp_path: Path, phone: Phone) -> None:
        """Wrong person, chat or topic, forwarded, edited, by a bot, an anonymous admin or a
        channel, a button of another installation or tapped by another member: silence.
        """
        api = phone.api
        api.add(Room(STRANGER.id, "private", STRANGER.first_name))
        home = at_home(tmp_path, phone, chat_id=FORUM, topic_id=TOPIC, user_ids=[OWNER.id])
        with playing(home, TELEGRAM_CHAT_ID=str(FORUM)) as engine:
            ours: Mapping[str, Any] = {"chat_id": FORUM, "topic_id": TOPIC}
            card = phone.says("/status", "Quotes: ", **ours)
            data = {b["text"]: b["callback_data"] for row in card.buttons for b in row}
            theirs = re.sub(r"^halt:[^:]*", "halt:AAAAAA", data["🛑 HALT"])
            assert theirs != data["🛑 HALT"]
            since = phone.seen

            api.says("/halt", chat_id=STRANGER.id, user=STRANGER)
            api.says("/halt", chat_id=PRIVATE)
            api.says("/halt", chat_id=SUPERGROUP)
            api.says("/halt", chat_id=CHANNEL)
            api.says("/halt", user=MEMBER, **ours)
            api.says("/halt", chat_id=FORUM)
            for how in ("forwarded", "via_bot", "anonymous", "as_channel"):
                api.says("/halt", **{**ours, how: True})
            api.says("/halt", user=Person(OWNER.id + 1, "Kim", "kim"), **ours)
            api.says("no command", **ours)
            numbers = range(api.rooms[FORUM].next_message_id - 1, 0, -1)
            written = next(one for one in numbers if api.heard(FORUM, one) is not None)
            api.rewrites(written, "/halt", chat_id=FORUM)
            silent, _ = api.taps(card.message_id, data["🛑 HALT"], FORUM, MEMBER)
            old, _ = api.taps(card.message_id, theirs, FORUM)
            phone.says("/whoami", str(OWNER.id), **ours)
            stop(engine)

        assert home.facts("AuthorityChanged") == []
        assert {(one.chat_id, one.topic_id) for one in api.sent} == {(FORUM, TOPIC)}
        assert [one.text for one in api.sent[since:] if "alted" in one.text] == []
        assert silent not in api.callback_answers
        assert "older installation" in str(api.callback_answers[old])


class TestFigures:
    def test_agree_in_chat_on_the_host_and_in_the_journal(
        self, tmp_path: Path, phone: Phone
    ) -> None:
        """/status, /positions and /pnl say what /metrics.json says and the journal holds."""
        host = a_host(tmp_path, phone, "en")
        host.confirm_file.touch()
        with trading(host) as engine:
            go_live(host, engine)
            engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 3)
            held = metrics(host)
            status = phone.says("/status", "Live ledger")
            positions = phone.says("/positions", "Live ledger")
            (opened,) = host.facts("TradeOpened")
            assert held["open_pos"] == held["trades"] == 1
            assert f"PnL today       {won(held['pnl_krw'])}" in status.text
            assert f"exposure     {won(opened['entry_notional_krw'])}" in status.text
            assert won(held["exposure_krw"]) == won(opened["entry_notional_krw"])
            assert f"unrealised {won(held['unrealized_pnl_krw'])}" in positions.text
            assert opened["trade_id"] in positions.text

            steer(host.directory, premium_pct=EVEN)
            wait_until(lambda: bool(host.facts("TradeClosed")))
            (closed,) = host.facts("TradeClosed")
            wait_until(lambda: metrics(host)["trades_closed"] == 1)
            pnl = phone.says("/pnl", "Live ledger")
            fees = sum(Decimal(fact["fill"]["fee"]) for fact in host.facts("FillBooked"))
            assert fees > 0
            assert won(metrics(host)["realized_pnl_krw"]) == won(closed["pnl_krw"])
            assert re.search(rf"realised\s+\+?{re.escape(won(closed['pnl_krw']))}", pnl.text)
            assert re.search(rf"fees in it\s+{re.escape(won(closed['fees_krw']))}", pnl.text)
            stop(engine)
