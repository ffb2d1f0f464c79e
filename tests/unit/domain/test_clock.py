"""The simulated clock: time that passes only when told, callbacks in a fixed order."""

from functools import partial

from tests.support.builders import AT_NS
from trader.domain.clock import SimulatedClock, Stamp


def test_nothing_runs_by_itself() -> None:
    """Neither time nor what is due moves before it is told to."""
    clock, seen = SimulatedClock(AT_NS), list[int]()
    clock.call_later(0, lambda: seen.append(1))

    assert clock.now() == clock.now() == Stamp(AT_NS, 0)
    assert seen == []


def test_both_clocks_move_together() -> None:
    """Records and ages agree."""
    clock = SimulatedClock(AT_NS)

    assert clock.advance(5) is False
    assert clock.now() == Stamp(AT_NS + 5, 5)


def test_callbacks_run_by_time_and_then_by_order_asked() -> None:
    """Those of one instant in the order they were asked for."""
    clock, seen = SimulatedClock(AT_NS), list[str]()
    for name, delay in (("late", 9), ("first", 3), ("second", 3)):
        clock.call_later(delay, partial(seen.append, name))
    while clock.advance(10):
        pass

    assert seen == ["first", "second", "late"]


def test_a_callback_sees_its_own_instant() -> None:
    """Not the one that was asked for in the end."""
    clock, seen = SimulatedClock(AT_NS), list[Stamp]()
    clock.call_later(3, lambda: seen.append(clock.now()))

    assert clock.advance(10) is True
    assert seen == [Stamp(AT_NS + 3, 3)]


def test_what_is_due_later_waits() -> None:
    """One nanosecond beyond is beyond."""
    clock, seen = SimulatedClock(AT_NS), list[int]()
    clock.call_later(11, lambda: seen.append(1))
    too_early = clock.advance(10)
    before = list(seen)
    due = clock.advance(11)

    assert (too_early, before) == (False, [])
    assert (due, seen) == (True, [1])


def test_a_callback_may_ask_for_another() -> None:
    """Which runs in the same advance if it is due by then."""
    clock, seen = SimulatedClock(AT_NS), list[int]()
    clock.call_later(1, lambda: clock.call_later(1, lambda: seen.append(clock.now().mono_ns)))
    while clock.advance(2):
        pass

    assert seen == [2]


def test_time_never_goes_back() -> None:
    """A time already passed changes nothing; a delay below zero is now."""
    clock, seen = SimulatedClock(AT_NS), list[int]()
    clock.advance(10)
    clock.call_later(-5, lambda: seen.append(clock.now().mono_ns))
    while clock.advance(10):
        pass
    clock.advance(3)

    assert seen == [10]
    assert clock.now().mono_ns == 10
