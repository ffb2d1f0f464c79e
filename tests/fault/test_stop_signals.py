"""Fault: the process is told to stop, at any moment, kindly or not."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.telegram import PRIVATE, TOKEN, Telegram, in_thread
from tests.support.telegram.faults import HANG

STOP_WITHIN_S = 2.0
# The last message is given its time, which is less than the ten seconds a stop may take.
STOP_WITH_HANGING_CHAT_S = 7.0
# A day of market in one cycle: seconds of work in which no cycle ends.
ONE_LONG_CYCLE = {"mock": {"seconds_per_cycle": 86_400}}
BUSY = ("--mock", "--interval", "0")


def assert_stopped_as_asked(
    engine: EngineProcess, number: Signals, within_s: float = STOP_WITHIN_S
) -> None:
    """It ends in time, says so in the log and in the journal, and complains about nothing."""
    code, took_s = engine.stop(number)

    assert code == 0, engine.err
    assert took_s < within_s
    assert engine.err == []
    assert engine.told(f"{number.name}: stopping")
    assert "[SUMMARY]" in engine.out[-1]
    last = engine.home.facts()[-1]
    assert (last["type"], last["reason"]) == ("EngineStopped", "asked to stop")


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
class TestAStopSignal:
    def test_between_two_cycles(self, tmp_path: Path, number: Signals) -> None:
        """A pause of an hour is cut short."""
        with EngineHome(tmp_path).start("--mock", "--interval", "3600") as engine:
            engine.wait_for("[METRICS]")
            assert_stopped_as_asked(engine, number)

    def test_amid_trading_at_full_speed(self, tmp_path: Path, number: Signals) -> None:
        """Orders in flight end, and what was decided is in the journal whole."""
        home = EngineHome(tmp_path)
        with home.start(*BUSY) as engine:
            engine.wait_for("trade opened")
            assert_stopped_as_asked(engine, number)

        approved = {o["client_order_id"] for f in home.facts("OrdersApproved") for o in f["orders"]}
        ended = {f["client_order_id"] for f in home.facts("OrderMoved")}
        assert approved
        assert approved <= ended

    def test_amid_a_cycle_that_takes_long(self, tmp_path: Path, number: Signals) -> None:
        """Nobody waits for the end of a cycle."""
        with EngineHome(tmp_path, ONE_LONG_CYCLE).start(*BUSY) as engine:
            engine.wait_for("trade opened")
            assert_stopped_as_asked(engine, number)

            assert engine.told("[METRICS]") == []

    def test_as_soon_as_it_says_its_first_word(self, tmp_path: Path, number: Signals) -> None:
        """Exit 0 and no traceback, although hardly anything was begun."""
        with EngineHome(tmp_path).start(*BUSY) as engine:
            engine.wait_for("")
            code, took_s = engine.stop(number)

        assert (code, engine.err) == (0, [])
        assert took_s < STOP_WITHIN_S

    def test_before_it_says_a_word(self, tmp_path: Path, number: Signals) -> None:
        """While it still loads: nothing was begun, so it just ends, without a traceback."""
        home = EngineHome(tmp_path)
        with home.start(
            "--mock", program=("-c", ASKED_WHILE_LOADING), environ=named(number)
        ) as run:
            code = run.wait()

        assert (code, run.out, run.err) == (0, [], [])
        assert not (tmp_path / "state").exists()

    def test_a_second_start_goes_on(self, tmp_path: Path, number: Signals) -> None:
        """What a stopped run left is complete: the next one starts and finds its trades."""
        home = EngineHome(tmp_path)
        with home.start(*BUSY) as engine:
            engine.wait_for("trade opened")
            assert_stopped_as_asked(engine, number)

        again = home.run("--mock", "--once")

        assert again.code == 0, again.err
        assert f"trades={len(home.facts('TradeOpened'))} " in again.told("[METRICS]")[0]


# The program as ``python -m`` runs it, with a signal that arrives amid its imports.
ASKED_WHILE_LOADING = """
import os, runpy, sys
class Asking:
    def find_spec(self, name, path=None, target=None):
        if name == "pydantic":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(os.environ["ASKED_WITH"]))
sys.meta_path.insert(0, Asking())
runpy.run_module("trader", run_name="__main__", alter_sys=True)
"""


def named(number: Signals) -> dict[str, str]:
    """The environment that tells the program above which signal to raise."""
    return {"ASKED_WITH": str(int(number))}


@pytest.fixture
def silent_telegram() -> Iterator[Telegram]:
    """A Bot API that takes requests and never answers."""
    with in_thread() as api:
        api.faults.always(HANG)
        yield api


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_telegram_that_does_not_answer_holds_up_no_stop(
    tmp_path: Path, silent_telegram: Telegram, number: Signals
) -> None:
    """The message on its way is given up; it waits in the outbox for the next start."""
    telegram = {"telegram_enabled": True, "telegram": {"api_base": silent_telegram.base}}
    secrets = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_CHAT_ID": str(PRIVATE),
    }
    home = EngineHome(tmp_path, {"alert": telegram})
    with home.start("--mock", "--interval", "3600", environ=secrets) as engine:
        engine.wait_for("[METRICS]")
        wait_until(lambda: bool(silent_telegram.requests))
        assert_stopped_as_asked(engine, number, STOP_WITH_HANGING_CHAT_S)

    assert " alerts=0 waiting=" in engine.out[-1]
    assert not engine.out[-1].endswith(" waiting=0")


def test_a_second_signal_ends_a_process_that_is_stuck(tmp_path: Path) -> None:
    """The first is handled once; whoever presses Ctrl+C twice means it."""
    home = EngineHome(tmp_path)
    with home.start("--mock", program=("-c", STUCK_AT_THE_END)) as engine:
        engine.wait_for("[METRICS]")
        engine.signal(SIGTERM)
        engine.wait_for("SIGTERM: stopping")
        code, took_s = engine.stop(SIGTERM)

    assert code == -SIGTERM
    assert took_s < STOP_WITHIN_S


# An end that never comes, as a venue that does not answer may cause.
STUCK_AT_THE_END = """
import asyncio, runpy
from trader.app import mock
async def end(self, reason, *, flatten):
    await asyncio.Event().wait()
mock.MockSession.end = end
runpy.run_module("trader", run_name="__main__", alter_sys=True)
"""


class TestKill9:
    def test_amid_trading_loses_nothing(self, tmp_path: Path) -> None:
        """No handler runs, and still the next start goes on: same trades, same money, new ids."""
        home = EngineHome(tmp_path)
        with home.start(*BUSY) as engine:
            engine.wait_for("trade closed")
            engine.kill()
        left = home.facts()

        again = home.run("--mock", "--loops", "5", "--interval", "0")

        assert again.code == 0, again.err
        now = home.facts()
        assert now[: len(left)] == left
        times = [fact["at_ns"] for fact in now]
        assert times == sorted(times)
        orders = [
            o["client_order_id"] for f in now if f["type"] == "OrdersApproved" for o in f["orders"]
        ]
        assert len(orders) == len(set(orders))
        opened = len(home.facts("TradeOpened"))
        assert f"trades={opened} " in again.told("[METRICS]")[-1]

    def test_orders_in_flight_are_settled_by_the_next_start(self, tmp_path: Path) -> None:
        """An order the journal holds without an end does not hold up its trade for ever."""
        home = EngineHome(tmp_path)
        with home.start(*BUSY, program=("-c", KILLED_AT_THE_FIRST_ORDER)) as engine:
            assert engine.wait() == -9
        (approval,) = home.facts("OrdersApproved")
        assert home.facts("FillBooked") == []

        again = home.run("--mock", "--loops", "5", "--interval", "0")

        assert again.code == 0, again.err
        moved = {fact["client_order_id"]: fact["state"] for fact in home.facts("OrderMoved")}
        assert {order["client_order_id"] for order in approval["orders"]} <= moved.keys()


# Ends as a power cut would, after the commit of the first orders and before they are sent.
KILLED_AT_THE_FIRST_ORDER = """
import os, runpy, signal
from trader.execution.gate import Gate
def dispatch(self, orders, *more):
    os.kill(os.getpid(), signal.SIGKILL)
Gate.dispatch = dispatch
runpy.run_module("trader", run_name="__main__", alter_sys=True)
"""
