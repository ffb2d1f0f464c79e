"""The lane over a real database: halts at once, the rest in order, everything once."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.access import Kind
from bot.audit import Audit
from bot.control_memory import CONTROL_NAME, ControlMemory, Fate, MemoryFailed
from bot.lane import CROWDED, MAX_VIEWS, Lane
from bot.updates import Denied, DenyReason, Heard
from tests.support.control_desk import ControlDesk, HandClock, control_desk
from tests.support.updates import INSTANCE, S_NS, WRITTEN_NS, a_heard, a_tap

HOUR_NS = 3_600 * S_NS


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[ControlDesk]:
    async with control_desk(tmp_path) as made:
        yield made


def messages(*texts: str, first_id: int = 100) -> list[Heard | Denied]:
    return [a_heard(text, first_id + index) for index, text in enumerate(texts)]


async def never() -> bool | None:
    await asyncio.Event().wait()
    return None


class TestOrder:
    async def test_commands_take_effect_as_they_were_written(self, desk: ControlDesk) -> None:
        """A pause and the resume after it end in a resume."""
        await desk.lane.take(messages("/pause", "/resume", "/pause upbit"))

        await desk.until(lambda: len(desk.done) == 3)
        assert desk.done == ["pause", "resume", "pause upbit"]

    async def test_a_halt_overtakes_the_whole_batch(self, desk: ControlDesk) -> None:
        """It has halted before anything written before it began."""
        seen: list[list[str]] = []
        desk.moods["pause"] = lambda: remembered(seen, desk)

        await desk.lane.take(messages("/pause", "긴급정지"))

        await desk.until(lambda: len(desk.done) == 1)
        assert seen == [["halt"]]

    async def test_a_halt_overtakes_what_is_running_and_waiting(self, desk: ControlDesk) -> None:
        """A slow command of a batch before keeps no halt waiting."""
        go_on = asyncio.Event()
        desk.moods["flatten"] = lambda: waited(go_on)
        await desk.lane.take(messages("/flatten", "/resume"))

        await desk.lane.take(messages("/halt now", first_id=200))

        assert (desk.halts, desk.done) == (["halt now"], [])
        go_on.set()
        await desk.until(lambda: len(desk.done) == 3)
        assert desk.done == ["flatten", "resume", "halt now"]

    async def test_a_halt_with_nothing_before_it_runs_once(self, desk: ControlDesk) -> None:
        """There is nothing that its second run could make good."""
        await desk.lane.take(messages("/halt", "/pause"))

        await desk.until(lambda: desk.done == ["pause"])
        assert desk.halts == ["halt"]

    @pytest.mark.parametrize("words", ["/halt", "/stop", "/HALT", "정지", "halt"])
    async def test_every_name_of_a_halt_counts(self, desk: ControlDesk, words: str) -> None:
        """Aliases, capitals and lone words."""
        await desk.lane.take(messages(words))

        assert desk.halts == ["halt"]

    async def test_so_does_its_button(self, desk: ControlDesk) -> None:
        """At any time, since a tap does not say when it was made."""
        desk.clock.now += 48 * HOUR_NS

        await desk.lane.take([a_tap(f"halt:{INSTANCE}:")])

        assert desk.halts == ["halt"]

    async def test_a_slow_view_delays_no_command(self, desk: ControlDesk) -> None:
        """Charts and questions have a line of their own."""
        desk.moods["chart"] = never
        await desk.lane.take(messages("/chart", "/status", "/pause"))

        await desk.until(lambda: desk.done == ["pause"])
        assert desk.views == []

    async def test_unknown_words_get_a_pointer(self, desk: ControlDesk) -> None:
        """Words, and commands that nobody has."""
        await desk.lane.take(messages("hello", "/nonsense"))

        await desk.until(lambda: len(desk.views) == 2)
        assert desk.views == ["pointer", "pointer"]

    async def test_without_a_halt_there_is_no_lane(self, tmp_path: Path) -> None:
        """A missing halt shows at the start and not when it is needed."""

        async def nothing(heard: Heard, args: tuple[str, ...]) -> bool | None:
            raise AssertionError((heard, args))

        memory = ControlMemory(tmp_path / CONTROL_NAME)
        clock = HandClock()
        with pytest.raises(ValueError, match="halts"):
            Lane(
                {"halt": (Kind.VIEW, nothing)},
                pointer=nothing,
                halt_now=nothing,
                memory=memory,
                audit=Audit(memory, clock.now_ns),
                clock=clock,
                patience_s=1,
            )
        memory.close()


class TestBounds:
    async def test_the_oldest_view_falls_from_a_full_line(self, desk: ControlDesk) -> None:
        """Without a word: whoever asked has asked again since."""
        go_on = asyncio.Event()
        desk.moods["chart"] = lambda: waited(go_on)
        await desk.lane.take(messages("/chart"))
        await asyncio.sleep(0)

        await desk.lane.take(messages(*["/status"] * (MAX_VIEWS + 50), first_id=200))
        go_on.set()

        await desk.until(lambda: len(desk.views) == MAX_VIEWS + 1)
        assert desk.views.count("status") == MAX_VIEWS

    async def test_a_crowd_of_commands_keeps_out_all_but_lowering_ones(
        self, desk: ControlDesk
    ) -> None:
        """The line is bounded, and what is left of it is for what lowers risk."""
        go_on = asyncio.Event()
        desk.moods["flatten"] = lambda: waited(go_on)
        await desk.lane.take(messages("/flatten"))
        await desk.lane.take(messages(*["/ack 1"] * (CROWDED + 20), first_id=200))

        await desk.lane.take(messages("/resume", "/pause", first_id=900))
        go_on.set()

        await desk.until(lambda: "pause" in desk.done)
        assert "resume" not in desk.done
        assert Fate.CROWDED in [note.fate for note in (await desk.lane.startup_report()).skipped]

    async def test_a_handler_that_hangs_is_given_up(self, tmp_path: Path) -> None:
        """Patience is bounded, and the next command runs."""
        async with control_desk(tmp_path, running=False) as desk:
            desk.lane._patience_s = 0.05
            serving = asyncio.ensure_future(desk.lane.run())
            desk.moods["resume"] = never

            await desk.lane.take(messages("/resume", "/pause"))

            await desk.until(lambda: desk.done == ["pause"])
            assert desk.decisions() == ["failed: TimeoutError"]
            serving.cancel()

    async def test_a_handler_that_raises_stops_nothing(self, desk: ControlDesk) -> None:
        """It is noted, and the next command runs."""
        desk.moods["resume"] = failing
        desk.moods["status"] = failing
        desk.moods["halt_now"] = failing

        await desk.lane.take(messages("/resume", "/status", "/pause", "/halt", "/chart"))

        await desk.until(lambda: desk.done == ["pause", "halt"] and desk.views == ["chart"])


class TestAge:
    async def test_a_late_halt_acts_and_is_told(self, desk: ControlDesk) -> None:
        """It waited five hours while nobody was there to hear it."""
        desk.clock.now += 5 * HOUR_NS

        await desk.lane.take(messages("/halt"))

        report = await desk.lane.startup_report()
        assert desk.halts == ["halt"]
        assert [(note.name, note.fate) for note in report.applied] == [("halt", Fate.APPLIED)]

    async def test_a_resume_of_40_seconds_does_not_act_and_is_told(self, desk: ControlDesk) -> None:
        """Nobody knows whether it is still meant."""
        desk.clock.now += 40 * S_NS

        await desk.lane.take(messages("/resume", "/pause"))

        report = await desk.lane.startup_report()
        assert desk.done == ["pause"]
        assert [(note.name, note.fate) for note in report.skipped] == [("resume", Fate.TOO_OLD)]
        assert desk.decisions() == ["skipped: too_old"]
        assert report.skipped[0].written_ns == WRITTEN_NS

    async def test_what_waits_in_line_grows_old_there(self, desk: ControlDesk) -> None:
        """Age is judged when it would act, not when it was heard."""
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> bool | None:
            begun.set()
            return await waited(go_on)

        desk.moods["flatten"] = slow
        await desk.lane.take(messages("/flatten", "/resume"))
        await begun.wait()

        desk.clock.now += 31 * S_NS
        go_on.set()

        assert len((await desk.lane.startup_report()).skipped) == 1
        assert desk.done == ["flatten"]

    async def test_old_views_fall_and_are_counted(self, desk: ControlDesk) -> None:
        """An answer to a question of hours ago is noise."""
        desk.clock.now += HOUR_NS
        await desk.lane.take(messages("/status", "hello", "/status"))
        await desk.lane.take([a_tap(f"status:{INSTANCE}:")])

        await desk.until(lambda: desk.views == ["status"])
        assert (await desk.lane.startup_report()).views == 3

    async def test_what_a_newer_act_overruled_is_not_called_applied(
        self, desk: ControlDesk
    ) -> None:
        """The engine knows of a resume on the host since; the handler says so."""
        desk.clock.now += HOUR_NS // 2
        desk.moods["pause"] = lambda: answered(False)

        await desk.lane.take(messages("/pause"))

        report = await desk.lane.startup_report()
        assert [note.fate for note in report.skipped] == [Fate.OUTDATED]
        assert not report.applied

    async def test_what_was_told_is_not_told_again(self, desk: ControlDesk) -> None:
        """What came in between is."""
        desk.clock.now += 40 * S_NS
        await desk.lane.take(messages("/resume"))
        first = await desk.lane.startup_report()
        await desk.lane.take(messages("/flatten", first_id=200))
        await desk.lane.startup_report()

        await desk.lane.report_told(first)

        assert [note.name for note in (await desk.lane.startup_report()).skipped] == ["flatten"]


class TestOnce:
    async def test_what_is_delivered_again_does_nothing(self, desk: ControlDesk) -> None:
        """Whatever its update's id; one audit line says so."""
        await desk.lane.take(messages("/pause", "/halt", "/status"))
        await desk.until(lambda: len(desk.done) == 1 and len(desk.views) == 1)

        again = [a_heard(text, 100 + n, update_id=9) for n, text in enumerate(("/pause", "/halt"))]
        await desk.lane.take([*again, *again, a_heard("/status", 102)])
        await desk.lane.take(messages("/paper", first_id=300))

        await desk.until(lambda: "paper" in desk.done)
        assert (desk.done, desk.halts, desk.views) == (["pause", "paper"], ["halt"], ["status"])
        assert desk.decisions() == ["denied: repeated"]
        assert desk.lane.denied[DenyReason.REPEATED] == 5

    async def test_also_within_one_batch(self, desk: ControlDesk) -> None:
        """A double is a double."""
        await desk.lane.take([a_heard("/halt"), a_heard("/halt"), a_heard("/pause", 8)] * 2)

        await desk.until(lambda: desk.done == ["pause"])
        assert desk.halts == ["halt"]

    async def test_also_over_a_restart(self, tmp_path: Path) -> None:
        """A halt that was lifted on the host since must not come back with a restart."""
        async with control_desk(tmp_path) as desk:
            await desk.lane.take(messages("/halt", "/resume"))
            await desk.until(lambda: desk.done == ["resume"])
            await desk.lane.startup_report()

        async with control_desk(tmp_path) as desk:
            await desk.lane.take(messages("/halt", "/resume"))
            await desk.lane.startup_report()

            assert (desk.halts, desk.done) == ([], [])


class TestCrash:
    async def test_what_lowers_risk_runs_again(self, tmp_path: Path) -> None:
        """Begun and not done: nobody knows whether it acted, and twice does no harm."""
        async with control_desk(tmp_path) as desk:
            desk.moods["pause"] = never
            await desk.lane.take(messages("/pause upbit", "/paper"))

        async with control_desk(tmp_path) as desk:
            await desk.until(lambda: len(desk.done) == 2)

            assert desk.done == ["pause upbit", "paper"]

    async def test_a_halt_that_had_to_run_again_runs_first(self, tmp_path: Path) -> None:
        """It stood behind a resume, and the crash came between."""
        async with control_desk(tmp_path) as desk:
            desk.moods["resume"] = never
            desk.moods["pause"] = never
            await desk.lane.take(messages("/pause", "/resume", "/halt"))

        async with control_desk(tmp_path) as desk:
            await desk.until(lambda: desk.done == ["pause"])

            assert desk.halts == ["halt"]

    async def test_what_raises_risk_does_not_and_is_told(self, tmp_path: Path) -> None:
        """It may have acted already."""
        async with control_desk(tmp_path) as desk:
            desk.moods["resume"] = never
            await desk.lane.take([*messages("/resume"), a_tap(f"confirm:{INSTANCE}:tok")])

        async with control_desk(tmp_path) as desk:
            report = await desk.lane.startup_report()

            assert desk.done == []
            assert [(note.name, note.fate) for note in report.skipped] == [
                ("resume", Fate.INTERRUPTED),
                ("confirm", Fate.INTERRUPTED),
            ]

    async def test_once_told_it_is_over(self, tmp_path: Path) -> None:
        """A second restart has nothing to say."""
        async with control_desk(tmp_path) as desk:
            desk.moods["resume"] = never
            await desk.lane.take(messages("/resume"))
        async with control_desk(tmp_path) as desk:
            await desk.lane.report_told(await desk.lane.startup_report())

        async with control_desk(tmp_path) as desk:
            assert not await desk.lane.startup_report()

    async def test_one_that_waited_a_day_is_too_old(self, tmp_path: Path) -> None:
        """The age rules hold for it as for any other."""
        async with control_desk(tmp_path) as desk:
            desk.moods["pause"] = never
            await desk.lane.take(messages("/pause"))

        async with control_desk(tmp_path, running=False) as desk:
            desk.clock.now += 25 * HOUR_NS
            serving = asyncio.ensure_future(desk.lane.run())

            report = await desk.lane.startup_report()

            assert [note.fate for note in report.skipped] == [Fate.TOO_OLD]
            serving.cancel()


class TestDiskFull:
    async def test_lowers_and_never_raises(
        self, desk: ControlDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be remembered could act twice, and only what lowers may."""

        def full(*_: object) -> None:
            raise MemoryFailed("database or disk is full")

        for name in ("begin", "finish", "note_late", "knows"):
            monkeypatch.setattr(desk.memory, name, full)
        monkeypatch.setattr(desk.audit, "note", full)

        batch = messages("/resume", "/pause", "/halt", "/status")
        await desk.lane.take(batch)
        await desk.lane.take(batch)

        await desk.until(lambda: "status" in desk.views and "pause" in desk.done)
        assert desk.halts == ["halt"]
        assert desk.done.count("pause") == 1
        assert "resume" not in desk.done

    async def test_that_hangs_keeps_no_halt_waiting(self, desk: ControlDesk) -> None:
        """Everything else waits for the disk; the halt has acted by then."""
        let_go = threading.Event()
        hanging = asyncio.ensure_future(desk.memory.apart(lambda: let_go.wait(10)))
        taking = asyncio.ensure_future(desk.lane.take(messages("/pause", "/halt")))
        try:
            async with asyncio.timeout(5):
                await desk.until(lambda: desk.halts == ["halt"])
            assert not hanging.done()
        finally:
            let_go.set()
        await taking


class TestDenied:
    async def test_reach_nobody(self, desk: ControlDesk) -> None:
        """One audit line, and not a word."""
        stranger = Denied(1, DenyReason.OTHER_CHAT, 6_666, 6_666, "ab12")

        await desk.lane.take([stranger] * 100)

        assert desk.decisions() == ["denied: other_chat"]
        assert desk.lane.denied[DenyReason.OTHER_CHAT] == 100
        assert (desk.done, desk.halts, desk.views, desk.old_taps) == ([], [], [], [])

    async def test_but_for_an_operators_tap_on_an_old_button(self, desk: ControlDesk) -> None:
        """The phone waits for an answer, and an operator may have one."""
        await desk.lane.take([Denied(1, DenyReason.OTHER_INSTANCE, 1_001, 1_001, "", "777")])

        await desk.until(lambda: desk.old_taps == ["777"])

    async def test_what_could_not_be_handled_is_noted(self, desk: ControlDesk) -> None:
        """The poller gives up on it, and the audit says so."""
        await desk.lane.passed_over(a_heard("/pause"), "KeyError")
        await desk.lane.passed_over(Denied(3, DenyReason.EDITED, None, None, ""), "KeyError")

        assert desk.decisions() == ["failed: KeyError", "failed: KeyError"]


async def waited(event: asyncio.Event) -> bool | None:
    await event.wait()
    return None


async def remembered(seen: list[list[str]], desk: ControlDesk) -> bool | None:
    seen.append(list(desk.halts))
    return None


async def answered(acted: bool) -> bool | None:
    return acted


async def failing() -> bool | None:
    raise RuntimeError("broken")
