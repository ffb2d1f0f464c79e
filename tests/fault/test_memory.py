"""Fault: the process runs out of memory, as a leak or a small host brings about.

Parts of it survive a failed allocation: a connection is renewed, an answer counts as unknown. The
process as a whole must not limp on like that; it ends, and the next start goes on.
"""

from pathlib import Path
from signal import SIGTERM, SIGUSR1

import pytest

from tests.support.live_floor import EVEN, RICH, LiveFloor

pytestmark = pytest.mark.slow

# The program, all of whose memory but a remainder is taken away by a signal, and kept away.
HOGGED = """
import resource, runpy, signal, threading, time
LEFT = {left}
held = []
def hog():
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 20), resource.RLIM_INFINITY))
    while True:
        for size in (1 << 20, 1 << 16, 1 << 12):
            try:
                while True:
                    spare = bytearray(LEFT)
                    held.append(bytearray(size))
                    del spare
            except MemoryError:
                pass
        time.sleep(0.02)
signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=hog, daemon=True).start())
runpy.run_module("trader", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("left", [0, 600_000])
def test_without_memory_it_ends(tmp_path: Path, left: int) -> None:
    """With nothing left, or with only what small things need: exit 1, and a start goes on."""
    with LiveFloor(tmp_path) as floor:
        with floor.begin(program=("-c", HOGGED.format(left=left))) as engine:
            floor.arm(engine)
            floor.open_trade(engine)
            engine.signal(SIGUSR1)

            assert engine.wait(30) == 1
            assert engine.told("stopped")

        floor.premium(RICH)
        with floor.begin() as engine:
            engine.wait_for("CONFIRM_FILE_NOT_ARMED")
            floor.premium(EVEN)
            engine.wait_for("trade closed ledger=live")
            assert engine.stop(SIGTERM)[0] == 0
        floor.assert_agrees()
