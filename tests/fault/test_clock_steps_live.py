"""Fault: the host's clock is set while a pair is open, by a day or by seconds, forward or back.

Live trading is suspended while the clock is wrong, and comes back by itself when it is right again.
The pair stays: no holding limit, no date and no stop is reached by a clock alone.
"""

from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import EngineProcess
from tests.support.live_floor import EVEN, LiveFloor
from tests.support.stepped_clock import PROGRAM, SteppedClock

pytestmark = pytest.mark.slow

_HOUR_S = 3_600
# Forward past the holding limit of a day and past midnight, back past the pair's own beginning.
STEPS_S = (25 * _HOUR_S, -_HOUR_S, 2)
_KINDS = ("DayRolled", "ClosingBegan", "TradeClosed")


def wait_cycles(engine: EngineProcess, count: int) -> None:
    """Until the control loop has gone round so often again."""
    engine.wait_for("[METRICS]", count=len(engine.told("[METRICS]")) + count)


def test_no_pair_is_closed_by_a_clock(tmp_path: Path) -> None:
    """Each step shuts the gate, decides nothing, and is over when the clock is right again."""
    clock = SteppedClock(tmp_path / "clock")
    with (
        LiveFloor(tmp_path) as floor,
        floor.begin(program=PROGRAM, environ=clock.environ) as engine,
    ):
        floor.arm(engine)
        floor.open_trade(engine)
        sent = len(floor.orders())
        before = [len(floor.reader().facts(kind)) for kind in _KINDS]
        for seconds in STEPS_S:
            shut, allowed = len(engine.told("live=❌")), len(engine.told("LIVE TRADING ALLOWED"))
            clock.set(seconds)
            engine.wait_for("live=❌", count=shut + 1)
            wait_cycles(engine, 10)
            assert engine.told("CLOCK_SKEWED")
            clock.set(0)
            engine.wait_for("LIVE TRADING ALLOWED", count=allowed + 1)

        assert len(floor.orders()) == sent
        assert [len(floor.reader().facts(kind)) for kind in _KINDS] == before
        floor.premium(EVEN)
        engine.wait_for("trade closed ledger=live")
        assert engine.stop(SIGTERM)[0] == 0
        assert engine.err == []
        floor.assert_agrees()
