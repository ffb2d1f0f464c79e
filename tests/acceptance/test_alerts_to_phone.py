"""The operator watches from a phone: the engine's alerts come there, whatever is in between.

The real program in mock mode, two hours of market to a cycle; Telegram's part plays a local Bot API
that lives on when the engine dies. In these two hours two trades open and one is stopped.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import EngineHome, EngineProcess, free_port, message, wait_until
from tests.support.telegram import PRIVATE, TOKEN, Sent, Telegram, faults, in_thread

pytestmark = pytest.mark.slow

SECRET = TOKEN.split(":")[1]
CREDENTIALS = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": str(PRIVATE)}
TWO_HOURS = {"seconds_per_cycle": 7_200}
AT_REST = ("--mock", "--interval", "3600")
STOP_WITHIN_S = 10.0
QUIET_NS = 2_500_000_000
QUIET_KINDS = ("EngineStarted", "TradeOpened", "TradeClosed", "EngineStopped")


def a_home(path: Path, base: str, **mock: object) -> EngineHome:
    """An engine whose alerts go to the Bot API at ``base``; its token is not in the config."""
    telegram = {"telegram_enabled": True, "telegram": {"api_base": base, "timeout_seconds": 2}}
    return EngineHome(path, {"alert": telegram, "mock": {**TWO_HOURS, **mock}})


def start(home: EngineHome, *arguments: str, token: str = TOKEN) -> EngineProcess:
    """Start it with the operator's credentials."""
    environ = {**CREDENTIALS, "TELEGRAM_BOT_TOKEN": token}
    return home.start(*(arguments or AT_REST), environ=environ)


def waiting(home: EngineHome) -> int:
    """How many alerts the outbox has not seen told."""
    with closing(sqlite3.connect(f"{home.journal.as_uri()}?mode=ro", uri=True)) as outbox:
        ((count,),) = outbox.execute("SELECT count(*) FROM alert_outbox WHERE told < count")
    return int(count)


def with_words(api: Telegram, words: str) -> list[Sent]:
    """The messages that say so."""
    return [one for one in api.messages(PRIVATE) if words in one.text]


def emptied(home: EngineHome) -> Callable[[], bool]:
    """Whether everything was told."""
    return lambda: waiting(home) == 0


def stop(engine: EngineProcess) -> None:
    """Ask it to end, as systemd would; it does, in time, with nothing to complain about."""
    code, took_s = engine.stop(SIGTERM)
    assert (code, engine.err) == (0, [])
    assert took_s < STOP_WITHIN_S


def assert_all_told(home: EngineHome, api: Telegram) -> None:
    """Every trade's opening, closing and stop stands in the chat, by its id."""
    told = [one.text for one in api.messages(PRIVATE)]
    for kind, title in (
        ("TradeOpened", "Opened: "),
        ("TradeClosed", "Closed: "),
        ("StopLossTriggered", "Stop-loss: "),
    ):
        facts = home.facts(kind)
        assert facts, f"the run was to hold a {kind}"
        for fact in facts:
            line = f"Trade {fact['trade_id']}"
            found = [text for text in told if title in text and line in text.splitlines()]
            assert found, f"no message tells {kind} of {fact['trade_id']}"


def assert_no_token(engine: EngineProcess, secret: str = SECRET) -> None:
    """The token is in no line and in no file of the home."""
    assert not [line for line in (*engine.out, *engine.err) if secret in line]
    files = [path for path in engine.home.directory.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"mock.db", "bot.db", "live.log"}
    assert not [path for path in files if secret.encode() in path.read_bytes()]


class TestAnEvening:
    def test_arrives_on_the_phone(self, tmp_path: Path) -> None:
        """Started, trades together and silent, the stop-loss alone and with sound, stopped."""
        with in_thread() as api:
            home = a_home(tmp_path, api.base)
            with start(home) as engine:
                engine.wait_for("[METRICS]")
                wait_until(emptied(home))
                # A goodbye goes at once where the chat has had its second or two of peace.
                quiet_from = time.monotonic_ns() + QUIET_NS
                wait_until(lambda: time.monotonic_ns() > quiet_from)
                stop(engine)

            (stopped_out,) = with_words(api, "Stop-loss: ")
            assert stopped_out.text.startswith("🚨")
            assert not stopped_out.silent
            assert "Opened: " not in stopped_out.text
            for title in ("Started: ", "Opened: ", "Closed: "):
                assert all(one.silent for one in with_words(api, title)), title
            quiet_ones = with_words(api, "ℹ️")
            assert len(quiet_ones) < len(home.facts(*QUIET_KINDS))
            assert with_words(api, "Started: main")[0] is quiet_ones[0]
            assert "Stopped\n" in quiet_ones[-1].text
            assert_all_told(home, api)
            assert waiting(home) == 0
            assert_no_token(engine)

    def test_survives_outages(self, tmp_path: Path) -> None:
        """Telegram is away at the start, comes, goes for some seconds and comes back: all is told.

        The engine notices none of it, and its log has a line for each turn of fortune.
        """
        api, port = Telegram(), free_port()
        home = a_home(tmp_path, f"http://127.0.0.1:{port}", seconds_per_cycle=1_200)
        with start(home, "--mock", "--interval", "1") as engine:
            engine.wait_for("[METRICS]", count=3)
            engine.wait_for("Telegram: not delivered")
            with in_thread(api, port):
                wait_until(lambda: bool(with_words(api, "Started: ")))
                engine.wait_for("Telegram: works again")
            cycles = len(engine.told("[METRICS]"))
            engine.wait_for("Telegram: not delivered", count=2)
            engine.wait_for("[METRICS]", count=cycles + 3)
            with in_thread(api, port):
                engine.wait_for("Telegram: works again", count=2)
                engine.wait_for("reason=stop_loss")
                stop(engine)
        with in_thread(api, port), start(home) as again:
            again.wait_for("[METRICS]")
            wait_until(emptied(home))
            stop(again)

        assert_all_told(home, api)
        assert_no_token(engine)

    def test_ends_in_time_while_telegram_hangs(self, tmp_path: Path) -> None:
        """What could not be told waits in the outbox for the next start."""
        with in_thread() as api:
            api.faults.always(faults.HANG)
            home = a_home(tmp_path, api.base)
            with start(home) as engine:
                engine.wait_for("[METRICS]")
                wait_until(lambda: bool(api.requests))
                stop(engine)
            assert api.messages(PRIVATE) == []
            assert waiting(home) >= 4


class TestWithoutItsBot:
    def test_the_next_start_tells_what_waited(self, tmp_path: Path) -> None:
        """``--no-bot`` writes the outbox and sends nothing; no alert is lost or told twice."""
        with in_thread() as api:
            home = a_home(tmp_path, api.base)
            engine = home.run("--mock", "--once", "--no-bot", environ=CREDENTIALS)
            assert engine.code == 0
            assert list(api.requests) == []
            left = waiting(home)
            assert left >= 5

            with start(home) as again:
                again.wait_for("[METRICS]")
                wait_until(emptied(home))
                stop(again)
            assert_all_told(home, api)
            first = home.facts("StopLossTriggered")[0]["trade_id"]
            stops = [one for one in with_words(api, "Stop-loss: ") if f"Trade {first}" in one.text]
            assert len(stops) == 1


class TestAWrongToken:
    def test_stops_only_the_sending(self, tmp_path: Path) -> None:
        """One clear line; the engine trades on, and what happens waits for a good token."""
        wrong = TOKEN[:-4] + "xxxx"
        with in_thread() as api:
            home = a_home(tmp_path, api.base)
            with start(home, token=wrong) as engine:
                (line,) = engine.wait_for("Telegram: refuses us")
                engine.wait_for("[METRICS]")
                stop(engine)
            assert "401" in line
            assert "check the bot token" in message(line)
            assert len(engine.told("refuses us")) == 1
            assert_no_token(engine, wrong.split(":")[1])
            assert api.messages(PRIVATE) == []
            assert waiting(home) >= 4
