"""Fault: Telegram is away, stalls or refuses us, or a handler of the bot's fails: the engine goes
on as if nothing were, polling recovers by itself, and the process still stops in time.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.acceptance.test_live_process import LIVE, PROGRAM, Host
from tests.support.engine_process import EngineHome, EngineProcess, wait_until
from tests.support.phone import CREDENTIALS, Phone, a_phone, level_of, to_phone
from tests.support.telegram import OWNER, faults
from tests.support.telegram.faults import Fault

pytestmark = pytest.mark.slow

STOP_WITHIN_S = 10.0
HALT_WITHIN_S = 5.0
CYCLES = 5
HALTED, PAPER = "0", "1"
# A trade is stopped within two hours of this market.
BRISK = {"seconds_per_cycle": 600}
POLLS = ("getUpdates",)

# The program with short waits of the poller's and of the sender's, and whatever else goes wrong.
HURRIED = """
import os, runpy, time
import bot.line, bot.polling
bot.polling.Poller.__init__.__kwdefaults__["pauses"] = bot.polling.Pauses(
    poll_s=1, margin_s=0.5, probe_s=0.5, trouble_s=(0.1, 0.3), conflict_s=(0.1, 0.3), retry_s=0.1
)
bot.line.PROBE_EVERY_S = 0.5
exec(os.environ["TROUBLE"])
runpy.run_module(os.environ["PROGRAM"], run_name="__main__", alter_sys=True)
"""

# The handler of one view raises; that of another takes longer than anyone waits.
FAILING = """
import asyncio
from bot.queries import Queries
look = Queries._look
async def failing(self, heard, name, *more):
    if name == "version":
        raise RuntimeError("broken")
    if name == "health":
        await asyncio.sleep(3_600)
    await look(self, heard, name, *more)
Queries._look = failing
"""


@pytest.fixture
def phone() -> Iterator[Phone]:
    with a_phone() as held:
        yield held


def started(home: EngineHome, *, trouble: str = "", program: str = "trader") -> EngineProcess:
    """Start the program, hurried, with what is to go wrong within it."""
    environ = {**CREDENTIALS, "TROUBLE": trouble, "PROGRAM": program}
    if program == "trader":
        mock = ("--mock", "--interval", "0.05")
        return home.start(*mock, program=("-c", HURRIED), environ=environ)
    return home.start(program=("-c", HURRIED), environ={**LIVE, **environ})


def a_home(path: Path, phone: Phone) -> EngineHome:
    """An engine on the simulated market that speaks to the phone, in English."""
    alert = to_phone(phone.api.base)
    return EngineHome(path, {"alert": alert, "bot": {"language": "en"}, "mock": BRISK})


def assert_goes_on(engine: EngineProcess) -> None:
    """Cycle after cycle, and a stop-loss fires."""
    engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + CYCLES)
    wait_until(lambda: bool(engine.home.facts("StopLossTriggered")))


def assert_stops(engine: EngineProcess) -> None:
    """In time, and with nothing to complain about."""
    code, took_s = engine.stop(SIGTERM)
    assert (code, engine.err) == (0, [])
    assert took_s < STOP_WITHIN_S


def lines(engine: EngineProcess, level: str, words: str) -> list[str]:
    """Its log lines of that level about Telegram."""
    return [line for line in engine.told(words) if f" {level} " in line and "Telegram" in line]


def met(phone: Phone, method: str, times: int) -> Callable[[], bool]:
    """Whether that many more requests for ``method`` arrive from now on."""
    began = sum(one.method.lower() == method.lower() for one in list(phone.api.requests))

    def holds() -> bool:
        now = sum(one.method.lower() == method.lower() for one in list(phone.api.requests))
        return now >= began + times

    return holds


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.RESET, id="away"),
        pytest.param(faults.HANG, id="stalled"),
    ],
)
def test_telegram_away_at_start_and_again_later(tmp_path: Path, phone: Phone, fault: Fault) -> None:
    """Nothing but words in the log tells of it; once it is back, what is asked is answered, and
    an engine told to stop while it is away again stops.
    """
    phone.api.faults.always(fault)
    with started(a_home(tmp_path, phone)) as engine:
        assert_goes_on(engine)
        assert phone.seen == 0

        phone.api.faults.clear()
        phone.says("/whoami", str(OWNER.id))
        engine.wait_for("updates are heard again")

        phone.api.faults.always(fault)
        wait_until(met(phone, "getUpdates", 2))
        engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + 2)
        assert_stops(engine)

    assert len(lines(engine, "WARNING", "no updates")) <= 4


def test_a_refusal_is_one_loud_line_and_costs_live(tmp_path: Path, phone: Phone) -> None:
    """Who cannot be halted does not trade live: authority is latched at paper, the cycles go on,
    and words are heard again once Telegram will have us; only a touch makes it live again.
    """
    host = Host(tmp_path / "engine", tmp_path / "locks", alert=to_phone(phone.api.base))
    refusals = {
        "updates are refused": faults.unauthorized(),
        "someone else polls with this token": faults.conflict(),
    }
    with started(host, program=PROGRAM[1]) as engine:
        for number, (words, fault) in enumerate(refusals.items(), 1):
            host.confirm_file.touch()
            engine.wait_for("LIVE TRADING ALLOWED", count=number)
            phone.api.faults.always(fault, POLLS)
            wait_until(lambda: level_of(host) == PAPER)
            wait_until(met(phone, "getUpdates", 3))
            engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + CYCLES)
            assert len(lines(engine, "ERROR", words)) == 1

            phone.api.faults.clear()
            phone.says("/whoami", str(OWNER.id))
            assert level_of(host) == PAPER
            assert len(engine.told("LIVE TRADING ALLOWED")) == number
        assert_stops(engine)


def test_handlers_that_fail_hold_up_nobody(tmp_path: Path, phone: Phone) -> None:
    """Neither the engine, nor the views asked after one that raised, nor a halt said while one
    does not come to an end, nor the stop of the process.
    """
    with started(a_home(tmp_path, phone), trouble=FAILING) as engine:
        phone.api.says("/version")
        phone.says("/whoami", str(OWNER.id))
        for _ in range(3):
            phone.api.says("/health")
        assert_goes_on(engine)
        began = time.monotonic()
        phone.says("/halt", "Halted")
        assert time.monotonic() - began < HALT_WITHIN_S
        wait_until(phone.all_read)
        assert_stops(engine)

    assert level_of(engine.home) == HALTED
