"""Fault: the process is stopped for seconds, as a laptop's lid or a debugger does, and goes on.

What it knew when it was stopped is old when it wakes: nothing leaves on it. Orders that were out
have been answered meanwhile, and are settled.
"""

import time
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGTERM

import pytest

from tests.support.engine_process import EngineProcess, wait_until
from tests.support.live_floor import EVEN, RICH, LiveFloor

pytestmark = pytest.mark.slow

_LONG_S = 20.0


def frozen(engine: EngineProcess, floor: LiveFloor, *market: tuple[float, float]) -> None:
    """Stop it while the market goes through these (premium, seconds)."""
    engine.signal(SIGSTOP)
    for percent, seconds in market:
        floor.premium(percent)
        # The length of the standstill is the fault itself.
        time.sleep(seconds)
    engine.signal(SIGCONT)


def wait_until_live_again(engine: EngineProcess, told: int) -> None:
    """Until the gate, shut by the standstill, has opened by itself once more."""
    engine.wait_for("LIVE TRADING ALLOWED mode=live", count=told + 1)


def test_nothing_leaves_on_what_was_known_before(tmp_path: Path) -> None:
    """Neither an entry nor a closing, however good they would have been meanwhile."""
    with LiveFloor(tmp_path) as floor, floor.begin() as engine:
        floor.arm(engine)
        # A chance that was there, and is gone: its quotes lie in the socket's buffer.
        frozen(engine, floor, (RICH, 4.0), (EVEN, 1.0))
        wait_until_live_again(engine, told=1)
        assert floor.orders() == []

        floor.open_trade(engine)
        frozen(engine, floor, (EVEN, _LONG_S / 2), (RICH, _LONG_S / 2))
        wait_until_live_again(engine, told=2)
        cycles = len(engine.told("[METRICS]"))
        engine.wait_for("[METRICS]", count=cycles + 10)

        assert len(floor.orders()) == 2
        assert engine.told("trade closed ledger=live") == []
        assert len(engine.told("stood still")) >= 2
        floor.premium(EVEN)
        engine.wait_for("trade closed ledger=live")
        assert engine.stop(SIGTERM)[0] == 0
        floor.assert_agrees()


def test_orders_answered_meanwhile_are_settled(tmp_path: Path) -> None:
    """Whether their answers are read late or given up: fills are booked, once, and all agree."""
    with LiveFloor(tmp_path) as floor, floor.begin() as engine:
        floor.arm(engine)
        floor.open_trade(engine)
        before = len(floor.orders())
        floor.faults(
            {"kind": "delay_answer", "operation": "place", "delay_ms": 1_000},
            {"kind": "gap", "stream": "private"},
        )
        floor.premium(EVEN)
        wait_until(lambda: len(floor.orders()) >= before + 2)
        frozen(engine, floor, (EVEN, 6.0))
        floor.faults()

        engine.wait_for("trade closed ledger=live")
        wait_until(floor.is_calm)
        assert engine.stop(SIGTERM)[0] == 0
        floor.assert_agrees()
