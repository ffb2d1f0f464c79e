"""Fault: the journal holds ten thousand orders without an end when the process starts.

It is ready within seconds of its own time; what the venues take to be asked about each is theirs.
"""

import os
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.engine_process import EngineProcess
from tests.support.live_floor import RICH, LiveFloor
from tests.support.unsettled_journal import write_unsettled

pytestmark = pytest.mark.slow

_ORDERS = 10_000
_OWN_TIME_S = 5.0
_STOP_S = 10.0
_SLOWEST_CYCLE_MS = 1_000.0


def own_seconds(engine: EngineProcess) -> float:
    """What the process has used of a processor so far: a busy host does not count against it."""
    fields = Path(f"/proc/{engine.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cycle_ms(line: str) -> float:
    """How long the cycle of a metrics line took."""
    return float(line.partition("loop_ms=")[2].split()[0])


def test_it_is_ready_in_seconds_and_sends_nothing_again(tmp_path: Path) -> None:
    """Every order is found in the journal, asked about, and none is placed a second time."""
    with LiveFloor(tmp_path) as floor:
        ids = write_unsettled(floor.host.journal, _ORDERS)
        floor.premium(RICH)
        with floor.begin() as engine:
            engine.wait_for("[METRICS]")
            took_s = own_seconds(engine)
            floor.host.confirm_file.touch()
            cycles = engine.wait_for("[METRICS]", count=15)

            assert took_s < _OWN_TIME_S
            assert max(cycle_ms(line) for line in cycles) < _SLOWEST_CYCLE_MS
            assert engine.told("live=✅") == []
            engine.wait_for("the venue knows it not so far")
            code, stopped_s = engine.stop(SIGTERM)
            assert (code, engine.err) == (0, [])
            assert stopped_s < _STOP_S

        assert len(ids) == _ORDERS
        assert set(floor.reader().orders()) == set(ids)
        assert floor.orders() == []
