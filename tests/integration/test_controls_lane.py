"""The controls in the lane that drives them: halts first, everything once, in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from msgspec.structs import replace

from bot.lane import Lane
from bot.updates import Denied, Heard
from tests.support.steered_desk import (
    SECOND_NS,
    SteeredDesk,
    a_pause,
    a_reply,
    a_status,
    steered_desk,
    timed_out,
)
from tests.support.updates import a_heard, a_tap
from trader.domain.control import Flatten, Halt, Pause, ReplyCode

HOUR_NS = 3_600 * SECOND_NS


class LanedDesk:
    """The controls' desk with a lane before it."""

    def __init__(self, desk: SteeredDesk) -> None:
        self.desk = desk
        controls = desk.controls
        self.lane = Lane(
            controls.handlers(),
            pointer=controls.live,
            halt_now=controls.halt_now,
            memory=desk.memory,
            audit=desk.audit,
            clock=desk.clock,
            patience_s=5.0,
            old_button=controls.old_button,
        )

    async def take(self, *batch: Heard | Denied) -> None:
        """Hand over a batch, and wait until all of it has run."""
        await self.lane.take([_english(one) for one in batch])
        await self.lane.startup_report()


def _english(one: Heard | Denied) -> Heard | Denied:
    return replace(one, language="en") if isinstance(one, Heard) else one


@pytest_asyncio.fixture
async def laned(tmp_path: Path) -> AsyncIterator[LanedDesk]:
    with steered_desk(tmp_path) as desk:
        made = LanedDesk(desk)
        running = asyncio.ensure_future(made.lane.run())
        yield made
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_halt_of_the_batch_comes_first(laned: LanedDesk) -> None:
    """Before the pause that was written before it."""
    await laned.take(a_heard("/pause", 1), a_heard("긴급정지", 2))

    kinds = [type(command) for command in laned.desk.port.commands]
    assert kinds == [Halt, Pause]


async def test_a_halt_that_was_delivered_again_halts_once(laned: LanedDesk) -> None:
    """It is known by chat and message."""
    await laned.take(a_heard("/halt", 1))
    await laned.take(a_heard("/halt", 1, update_id=900))

    assert len(laned.desk.port.commands) == 1
    assert len(laned.desk.told.messages) == 1


async def test_a_halt_without_an_answer_is_given_again_in_its_turn(laned: LanedDesk) -> None:
    """Twice is harmless, and the person learns what came of it."""
    laned.desk.port.replies = [timed_out(), a_reply(ReplyCode.HALTED, level="HALT")]

    await laned.take(a_heard("/halt", 1))

    texts = [message.plain for message in laned.desk.told.messages]
    assert "is not known" in texts[0]
    assert "Halted" in texts[1]
    assert len(laned.desk.port.commands) == 2


async def test_two_taps_of_one_confirmation_act_once(laned: LanedDesk) -> None:
    """Also in one batch, each with a callback of its own."""
    await laned.take(a_heard("/flatten", 1))
    data = laned.desk.button.data
    laned.desk.port.replies = [a_reply(ReplyCode.CLOSING)]

    await laned.take(a_tap(data, "one"), a_tap(data, "two"))

    assert [type(command) for command in laned.desk.port.commands] == [Flatten]
    assert "Used already" in laned.desk.told.toasts[-1]


async def test_a_halt_then_the_tap_of_a_resume_leaves_the_halt(laned: LanedDesk) -> None:
    """What the tap confirmed is not what stands now."""
    laned.desk.port.answers["status"] = a_status(pauses=(a_pause(),))
    await laned.take(a_heard("/resume", 1))
    data = laned.desk.button.data
    laned.desk.port.replies = [a_reply(ReplyCode.HALTED, level="HALT")]
    laned.desk.port.answers["status"] = a_status(level="HALT", revision=8)

    await laned.take(a_tap(data), a_heard("/halt", 2))

    assert {type(command) for command in laned.desk.port.commands} == {Halt}


async def test_a_late_pause_acts_and_a_late_resume_does_not(laned: LanedDesk) -> None:
    """Lowering may be late; raising must be fresh."""
    laned.desk.clock.now += HOUR_NS // 2
    laned.desk.port.replies = [a_reply(ReplyCode.PAUSED, paused=True, details=("all",))]

    await laned.take(a_heard("/pause", 1), a_heard("/resume", 2), a_heard("/flatten", 3))

    assert [type(command) for command in laned.desk.port.commands] == [Pause]
    assert "applied 30 min" in laned.desk.text
    assert len(laned.desk.told.messages) == 1
