"""Which changes of the live gate are told: a suspension under 30 s is counted instead."""

from typing import Any

import pytest

from tests.support.engine_harness import Desk
from tests.support.live_desk import DRY_RUN_CYCLES, LiveDesk
from trader.alerts.rules import alerts_for
from trader.domain.control import AlertCode, BlockReason, Halt, Mode, Pause, Resume, Severity
from trader.domain.events import LossSeen, ProcessStopping
from trader.domain.facts import GateChanged
from trader.risk.live_guard import GuardRules

STALE: dict[str, Any] = {"fresh_pairs": 0}
FRESH: dict[str, Any] = {"fresh_pairs": 1}
BLOCKED, ALLOWED = AlertCode.LIVE_BLOCKED, AlertCode.LIVE_ALLOWED


@pytest.fixture
def desk() -> LiveDesk:
    """A live engine whose gate is open; what it told so far is forgotten."""
    desk = LiveDesk()
    desk.go_live()
    desk.facts.clear()
    return desk


def told(desk: Desk) -> list[AlertCode]:
    """What the operator heard of the gate."""
    return [
        alert.code
        for alert in alerts_for(desk.facts)
        if alert.key == f"{AlertCode.LIVE_BLOCKED}:gate"
    ]


def suspend(desk: LiveDesk, seconds: int) -> None:
    """Every book is stale for so long, then the gate opens again."""
    desk.sense(**STALE)
    desk.wait(seconds)
    desk.sense(**FRESH)
    desk.wait(2)


class TestShortSuspension:
    @pytest.mark.parametrize("seconds", [1, 10, 27])
    def test_is_counted_and_not_told(self, desk: LiveDesk, seconds: int) -> None:
        """The dry run that follows is part of it."""
        suspend(desk, seconds)

        assert desk.engine.snapshot().live
        assert told(desk) == []
        assert desk.engine.snapshot().suspensions == 1

    def test_is_shown_in_the_banner_all_the_same(self, desk: LiveDesk) -> None:
        """Every change is a fact, which says that it was not told; the last one is the count."""
        suspend(desk, 3)

        changes = [(fact.live, fact.told, fact.blocks) for fact in desk.all(GateChanged)]
        assert changes == [
            (False, False, (BlockReason.FEEDS_STALE, BlockReason.DRY_RUN)),
            (True, False, ()),
        ]

    def test_is_counted_each_time(self, desk: LiveDesk) -> None:
        """A feed that drops all day must show in the summary."""
        for _ in range(3):
            suspend(desk, 2)

        counted = [fact for fact in desk.all(GateChanged) if fact.live and not fact.told]
        assert len(counted) == desk.engine.snapshot().suspensions == 3

    def test_of_several_reasons_is_one(self, desk: LiveDesk) -> None:
        """They come and go; the gate was shut once."""
        desk.sense(**STALE)
        desk.wait(1)
        desk.sense(disk_free_mb=1.0)
        desk.wait(1)
        desk.sense(**FRESH)
        desk.wait(1)
        desk.sense(disk_free_mb=10_000.0)
        desk.wait(2)

        assert told(desk) == []
        assert desk.engine.snapshot().suspensions == 1

    def test_seen_by_the_gate_alone_is_not_told_either(self, desk: LiveDesk) -> None:
        """An order that wanted to leave found it."""
        stale = desk.sense(**STALE)
        desk.process(LossSeen(desk.at_ns, desk.mono_ns, stale))
        desk.sense(**FRESH)
        desk.wait(2)

        assert desk.engine.snapshot().live
        assert told(desk) == []


class TestLongSuspension:
    def test_is_told_after_30_seconds(self, desk: LiveDesk) -> None:
        """With the reasons of that moment, once; its end is told, too."""
        desk.sense(**STALE)
        desk.wait(30)
        assert told(desk) == []

        desk.wait(1)
        assert told(desk) == [BLOCKED]
        assert desk.all(GateChanged)[-1].blocks == (BlockReason.FEEDS_STALE, BlockReason.DRY_RUN)

        desk.wait(60)
        desk.sense(**FRESH)
        desk.wait(DRY_RUN_CYCLES)
        assert told(desk) == [BLOCKED, ALLOWED]
        assert desk.engine.snapshot().suspensions == 0

    def test_is_told_though_its_reasons_change(self, desk: LiveDesk) -> None:
        """The time runs from when the gate shut."""
        desk.sense(**STALE)
        desk.wait(20)
        desk.sense(disk_free_mb=1.0, **FRESH)
        desk.wait(11)

        assert told(desk) == [BLOCKED]

    def test_once_told_is_not_told_for_every_reason(self, desk: LiveDesk) -> None:
        """What suspends comes and goes inside it."""
        desk.sense(**STALE)
        desk.wait(31)
        for changes in ({"disk_free_mb": 1.0}, FRESH, {"disk_free_mb": 10_000.0}, STALE):
            desk.sense(**changes)
            desk.wait(1)

        assert told(desk).count(BLOCKED) == 1

    def test_does_not_wait_for_the_next_look(self, desk: LiveDesk) -> None:
        """Cycles may be far apart; quotes are not."""
        desk.sense(**STALE)
        desk.tick()
        for _ in range(31):
            desk.pass_ms(1000)
            desk.again()

        assert told(desk) == [BLOCKED]

    def test_in_which_nothing_happened_is_told_as_over(self) -> None:
        """Without a single event in between it lasted longer all the same."""
        desk = LiveDesk(guard=GuardRules(dry_run_cycles=1))
        desk.go_live()
        desk.facts.clear()
        desk.sense(**STALE)
        desk.tick()
        desk.pass_ms(31_000)
        desk.sense(**FRESH)
        desk.tick()

        assert told(desk) == [ALLOWED]
        assert desk.engine.snapshot().suspensions == 0


class TestGraveReasons:
    @pytest.mark.parametrize(
        "changes",
        [
            {"safety_holds": False},
            {"breakers": ("DAILY_LOSS",)},
            {"env_flag": False},
            {"confirm_file": False, "confirm_file_safe": None, "file_mark": None},
            {"halt_file": True},
        ],
        ids=["safety", "breaker", "flag", "file", "halt file"],
    )
    def test_are_told_at_once(self, desk: LiveDesk, changes: dict[str, Any]) -> None:
        """Demoted, revoked or halted."""
        desk.sense(**changes)
        desk.tick()

        assert told(desk) == [BLOCKED]

    @pytest.mark.parametrize("command", [Pause("7"), Halt("7")])
    def test_of_an_operator_are_told_at_once(self, desk: LiveDesk, command: Any) -> None:
        """Whoever else reads along learns it."""
        desk.command(command)

        assert told(desk) == [BLOCKED]

    def test_are_told_at_once_within_a_suspension(self, desk: LiveDesk) -> None:
        """Untold or told; and a suspension that became more is not counted as one."""
        desk.sense(**STALE)
        desk.wait(2)
        assert told(desk) == []
        desk.sense(safety_holds=False)
        desk.wait(1)
        assert told(desk) == [BLOCKED]
        desk.sense(env_flag=False)
        desk.wait(1)

        assert told(desk) == [BLOCKED, BLOCKED]
        assert desk.engine.snapshot().suspensions == 0

    def test_are_told_once(self, desk: LiveDesk) -> None:
        """Not again when the suspension they fell into would have been long enough."""
        desk.sense(**STALE)
        desk.wait(2)
        desk.sense(safety_holds=False)
        desk.wait(60)

        assert told(desk) == [BLOCKED]

    def test_that_end_are_told_as_over_once_the_gate_opens(self, desk: LiveDesk) -> None:
        """However soon: whoever heard that it shut must hear that it is open."""
        desk.command(Pause("7"))
        desk.wait(1)
        desk.command(Resume("7"))
        desk.wait(2)

        assert told(desk) == [BLOCKED, ALLOWED]
        assert desk.engine.snapshot().suspensions == 0


class TestStart:
    def test_is_told_at_once(self) -> None:
        """Nothing has been armed yet: that the gate is shut, and that it opened."""
        desk = LiveDesk()
        desk.go_live()

        assert told(desk) == [BLOCKED, ALLOWED]

    def test_live_again_after_a_restart_sounds(self, desk: LiveDesk) -> None:
        """Though nobody was told that it shut."""
        desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "done"))
        later = LiveDesk(restored=desk.history)
        later.go_live()

        (last,) = [a for a in alerts_for(later.facts) if a.code is ALLOWED]
        assert last.severity is Severity.WARNING
        assert told(later)[-1] is ALLOWED

    def test_during_an_untold_suspension_is_told(self, desk: LiveDesk) -> None:
        """The next process does not go on counting."""
        desk.sense(**STALE)
        desk.wait(3)
        later = LiveDesk(restored=desk.history)
        later.sense(**STALE)
        later.begin()

        assert told(later) == [BLOCKED]
        assert later.engine.snapshot().suspensions == 0


@pytest.mark.parametrize("mode", [Mode.MOCK, Mode.PAPER])
def test_outside_live_mode_nothing_is_counted(mode: Mode) -> None:
    """The gate is shut there by design."""
    desk = LiveDesk(mode=mode)
    desk.sense(mode=mode)
    desk.begin()
    desk.sense(**STALE)
    desk.wait(2)
    desk.sense(**FRESH)
    desk.wait(2)

    assert all(fact.told for fact in desk.all(GateChanged))
    assert desk.engine.snapshot().suspensions == 0
    assert told(desk) == []
