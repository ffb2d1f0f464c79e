"""Whatever anybody but an operator sends: nothing acts, nothing is said, and it costs little.

``HOSTILE_UPDATES`` sets how many are tried; run by hand with a million it prints time and memory:
``HOSTILE_UPDATES=1000000 python -m tests.property.test_hostile_updates``.
"""

import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from bot.access import hear
from bot.denials import HOURLY_LINES, MAX_STRANGERS
from bot.updates import Denied, DenyReason, Heard
from tests.support.control_desk import ControlDesk, control_desk
from tests.support.hostile_updates import hostile_updates
from tests.support.updates import GROUP, GROUP_ACCESS, S_NS, said

NUMBER = int(os.environ.get("HOSTILE_UPDATES", "20000"))
BATCH = 50
SEED = 5
UPDATES_PER_S = 100
"""At which pace they come by the desk's clock: hours pass, and lines with them."""
HOUR_NS = 3_600 * S_NS


async def flood(desk: ControlDesk, number: int) -> int:
    """Feed so many to the desk, batch by batch; how many were tried."""
    batch: list[Heard | Denied] = []
    count = 0
    for raw in hostile_updates(SEED, number):
        count += 1
        batch.append(hear(raw, GROUP_ACCESS))
        if len(batch) == BATCH:
            desk.clock.now += BATCH * S_NS // UPDATES_PER_S
            await desk.lane.take(batch)
            batch = []
    await desk.lane.take(batch)
    return count


def expect_silence(desk: ControlDesk, number: int) -> None:
    """No handler ran, every update was counted, and the records stayed small."""
    assert (desk.done, desk.halts, desk.views) == ([], [], [])
    # The one thing that is answered: an operator's own tap on a button of another instance.
    assert len(desk.old_taps) <= desk.lane.denied[DenyReason.OTHER_INSTANCE]
    assert sum(desk.lane.denied.values()) == number
    assert desk.memory.rows("SELECT count(*) FROM heard") == [(0,)]
    assert desk.memory.rows("SELECT count(*) FROM late_notes") == [(0,)]
    hours = number / UPDATES_PER_S / 3_600 + 1
    ((lines,),) = desk.memory.rows("SELECT count(*) FROM audit")
    assert isinstance(lines, int)
    assert 0 < lines <= hours * (HOURLY_LINES + 2)
    assert len(desk.lane._records.denials._strangers) <= MAX_STRANGERS
    assert desk.audit.verify() is None


@pytest.mark.fast
async def test_no_hostile_update_does_anything(tmp_path: Path) -> None:
    """Strangers, forwards, edits, channels, taps, junk, huge texts, wrong types."""
    async with control_desk(tmp_path) as desk:
        count = await flood(desk, NUMBER)

        expect_silence(desk, count)


async def test_an_operator_is_heard_all_the_while(tmp_path: Path) -> None:
    """A flood that drowns the halt would have won."""
    async with control_desk(tmp_path) as desk:
        await flood(desk, 2_000)
        await desk.lane.take(
            [hear(said("/halt", GROUP, date=desk.clock.now // S_NS), GROUP_ACCESS)]
        )

        assert desk.halts == ["halt"]


async def test_memory_does_not_grow_with_their_number(tmp_path: Path) -> None:
    """Once the strangers' places are taken, ten times as many cost no more."""
    async with control_desk(tmp_path) as desk:
        await flood(desk, 3_000)
        tracemalloc.start()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        await flood(desk, 10_000)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert after - before < 1_000_000


def test_junk_that_is_no_json_is_no_update() -> None:
    """What does decode is narrowed; nothing in it can raise."""
    for body in (b"[1]", b'{"update_id": 1, "message": null}', b'{"update_id": 9e99}', b"null"):
        assert isinstance(hear(msgspec.json.decode(body), GROUP_ACCESS), Denied)


def main(number: int) -> None:
    """Time and peak memory of so many."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with control_desk(Path(directory)) as desk:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                began = time.perf_counter()
                count = await flood(desk, number)
                seconds = time.perf_counter() - began
                expect_silence(desk, count)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                size = sum(entry.stat().st_size for entry in os.scandir(directory))
        sys.stdout.write(
            f"{count:,} hostile updates in {seconds:.1f} s, peak memory {peak / 1024:.0f} MB "
            f"({(peak - before) / 1024:+.1f}), files {size / 1024:.0f} kB\n"
        )

    asyncio.run(run())


if __name__ == "__main__":
    main(NUMBER)
