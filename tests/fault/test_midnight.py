"""Fault: midnight in Seoul, with a pair open. The day's loss begins anew at that very equity.

Host and venues go by one clock here, which is set to shortly before midnight.
"""

import time
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.engine_process import wait_until
from tests.support.live_floor import EVEN, LiveFloor
from tests.support.stepped_clock import SteppedClock
from trader.engine.housekeeping import seoul_date

pytestmark = pytest.mark.slow

_NS = 1_000_000_000
_DAY_S = 86_400
_SEOUL_S = 9 * 3_600
_ROLLED_WITHIN_S = 5.0


def seconds_to_midnight() -> int:
    """Until the next one in Seoul, by the right clock."""
    return int(_DAY_S - (time.time() + _SEOUL_S) % _DAY_S)


def rolled(floor: LiveFloor) -> list[dict[str, Any]]:
    """The beginnings of days of the live ledger, in order."""
    return floor.reader().facts("DayRolled")


def test_the_day_rolls_once_at_the_equity_of_that_moment(tmp_path: Path) -> None:
    """Its marks are journaled with it; fees paid before it are yesterday's; a restart adds none."""
    # So far from midnight that none comes by itself.
    to_midnight = seconds_to_midnight()
    clock = SteppedClock(tmp_path / "clock", to_midnight - 600)
    with LiveFloor(tmp_path, clock) as floor:
        with floor.begin() as engine:
            floor.arm(engine)
            floor.open_trade(engine)
            (first,) = rolled(floor)
            orders = len(floor.orders())

            clock.set(seconds_to_midnight() - 2)
            wait_until(lambda: len(rolled(floor)) == 2)

            new = rolled(floor)[1]
            assert seoul_date(first["at_ns"]) == first["date"] < new["date"]
            midnight_ns = new["at_ns"] - (new["at_ns"] + _SEOUL_S * _NS) % (_DAY_S * _NS)
            assert seoul_date(midnight_ns) == new["date"] != seoul_date(midnight_ns - 1)
            assert new["at_ns"] - midnight_ns < _ROLLED_WITHIN_S * _NS
            (mark,) = new["marks"]
            paid = sum(Decimal(fill["fee_krw"]) for fill in floor.reader().fills)
            assert mark["stale"] is False
            assert Decimal(new["equity_krw"]) == Decimal(mark["unrealised_krw"]) - paid
            assert len(floor.orders()) == orders
            assert engine.stop(SIGTERM)[0] == 0

        with floor.begin() as engine:
            engine.wait_for("live=✅")
            floor.premium(EVEN)
            engine.wait_for("trade closed ledger=live")
            assert engine.stop(SIGTERM)[0] == 0
        assert len(rolled(floor)) == 2
        floor.assert_agrees()
