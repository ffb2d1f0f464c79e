"""Authority: lowering latches and says why, who and when; only a touched file raises it."""

import pytest

from trader.domain.authority import (
    HALT_LIFTED,
    UNSEEN,
    Authority,
    FileMark,
    Latch,
    Level,
    Sight,
)
from trader.risk.authority import after_look, after_start, arms, halt, lift_halt, to_paper

OLD = FileMark(8, 21, 1_000, 1_000)
NEW = FileMark(8, 21, 2_000, 2_000)
LIVE = Authority(Level.LIVE, 4)
DEMOTED = Authority(Level.PAPER, 5, Latch("DAILY_LOSS", "engine", 900, OLD))
HALTED = Authority(Level.HALT, 6, Latch("HALT", "42", 900, OLD))


def a_sight(
    mark: FileMark | None = OLD, *, at_ns: int = 3_000, stands: bool = True, halt_file: bool = False
) -> Sight:
    """A host with this confirm file."""
    return Sight(at_ns, mark, stands, halt_file)


def look(
    authority: Authority,
    sight: Sight,
    *,
    lost: tuple[str, ...] = (),
    causes: bool = False,
    ready: bool = True,
) -> Authority:
    """A look at a host where all else is well, but for what is said."""
    return after_look(authority, sight, lost=lost, causes=causes, ready=ready)


class TestHalt:
    def test_latches_why_who_when_and_the_file(self) -> None:
        """All that a later reader, and the next touch, need."""
        after = halt(LIVE, "42", "fire drill", a_sight(), now=False)

        assert after == Authority(Level.HALT, 5, Latch("fire drill", "42", 3_000, OLD))

    def test_without_a_reason_has_one_all_the_same(self) -> None:
        """Nobody types in an emergency."""
        after = halt(LIVE, "42", "", a_sight(), now=True)

        assert after.latch is not None
        assert (after.latch.reason, after.nothing_goes) == ("HALT", True)

    def test_repeated_keeps_the_first_and_its_revision(self) -> None:
        """So a resume already on its way still answers it."""
        assert halt(HALTED, "43", "again", a_sight(NEW), now=False) is HALTED

    def test_now_makes_a_halt_stricter(self) -> None:
        """As a new revision: nobody has answered that one yet."""
        after = halt(HALTED, "42", "", a_sight(), now=True)

        assert after == Authority(Level.HALT, 7, HALTED.latch, nothing_goes=True)
        assert halt(after, "42", "", a_sight(), now=True) is after
        assert halt(after, "42", "", a_sight(), now=False) is after


class TestToPaper:
    def test_latches(self) -> None:
        """With the file as it is, so what was touched before does not arm after."""
        after = to_paper(LIVE, "42", "", a_sight(NEW))

        assert after == Authority(Level.PAPER, 5, Latch("PAPER", "42", 3_000, NEW))

    def test_latches_where_nothing_was_live_yet(self) -> None:
        """Also on a fresh host: an operator's wish is no loss."""
        after = to_paper(Authority(), "42", "not today", a_sight(None))

        assert after.latch == Latch("not today", "42", 3_000, None)

    def test_takes_a_touch_that_waits(self) -> None:
        """The file changed since the latch and was not seen yet: it will not arm any more."""
        after = to_paper(DEMOTED, "42", "", a_sight(NEW))

        assert not arms(after, a_sight(NEW))

    def test_leaves_what_is_no_higher(self) -> None:
        """A halt stays one, a latch of the same file stays what it was."""
        assert to_paper(HALTED, "42", "", a_sight(NEW)) is HALTED
        assert to_paper(DEMOTED, "42", "", a_sight(OLD)) is DEMOTED


class TestLiftHalt:
    def test_is_a_latch_at_paper(self) -> None:
        """Touched during the halt does not count: the file must be touched after it."""
        after = lift_halt(HALTED, "42", 6, a_sight(NEW))

        assert after == Authority(Level.PAPER, 7, Latch(HALT_LIFTED, "42", 3_000, NEW))

    @pytest.mark.parametrize("revision", [0, 5, 7])
    def test_answers_its_own_revision_only(self, revision: int) -> None:
        """Neither an older halt nor one yet to come."""
        assert lift_halt(HALTED, "42", revision, a_sight()) is HALTED

    def test_does_nothing_under_a_halt_file(self) -> None:
        """Whoever put it there has not taken it away."""
        assert lift_halt(HALTED, "42", 6, a_sight(halt_file=True)) is HALTED

    def test_does_nothing_where_nothing_is_halted(self) -> None:
        """It never raises paper."""
        assert lift_halt(DEMOTED, "42", 5, a_sight(NEW)) is DEMOTED


class TestStart:
    def test_after_a_clean_stop_keeps_what_was(self) -> None:
        """LIVE too."""
        for authority in (LIVE, DEMOTED, HALTED, Authority()):
            assert after_start(authority, a_sight(), crashed=False) is authority

    def test_after_a_crash_takes_live(self) -> None:
        """And latches the file as it is now."""
        after = after_start(LIVE, a_sight(NEW), crashed=True)

        assert after == Authority(Level.PAPER, 5, Latch("CRASH", "host", 3_000, NEW))
        assert after_start(DEMOTED, a_sight(), crashed=True) is DEMOTED
        assert after_start(HALTED, a_sight(), crashed=True) is HALTED

    @pytest.mark.parametrize("crashed", [False, True])
    def test_under_a_halt_file_halts(self, crashed: bool) -> None:
        """Put there while nothing ran."""
        after = after_start(LIVE, a_sight(halt_file=True), crashed=crashed)

        assert after.level is Level.HALT
        assert after.latch is not None
        assert (after.latch.reason, after.latch.who) == ("HALT_FILE", "host")


class TestLook:
    def test_on_a_fresh_host_raises_when_ready(self) -> None:
        """The file being there suffices; it takes no second touch after a forgotten flag."""
        assert look(Authority(), a_sight(), ready=False, causes=True) == Authority()
        assert look(Authority(), a_sight()) == Authority(Level.LIVE, 1)
        assert look(Authority(), a_sight(None)) == Authority()

    def test_latches_the_first_reason_lost(self) -> None:
        """By the engine, and with the file as it is."""
        after = look(LIVE, a_sight(), lost=("LOCK_NOT_HELD", "SAFETY_FAILED"), causes=True)

        assert after == Authority(Level.PAPER, 5, Latch("LOCK_NOT_HELD", "engine", 3_000, OLD))
        assert look(LIVE, a_sight(), causes=True, ready=False) is LIVE

    def test_halts_for_a_halt_file_and_nothing_raises_a_halt(self) -> None:
        """Not even its removal and a touch."""
        after = look(LIVE, a_sight(halt_file=True))

        assert after.level is Level.HALT
        assert look(after, a_sight(NEW)) is after

    @pytest.mark.parametrize(
        "mark",
        [OLD, FileMark(9, 22, 1_000, 1_000), FileMark(8, 21, 2_000, 1_000)],
        ids=["unchanged", "moved", "chmod or chown"],
    )
    def test_does_not_take_this_for_a_touch(self, mark: FileMark) -> None:
        """Both times must differ from those the latch saw."""
        assert look(DEMOTED, a_sight(mark)) is DEMOTED

    def test_raises_by_a_touch_once_all_is_ready(self) -> None:
        """A touch waits for what is not known yet, and is not used up by it."""
        assert look(DEMOTED, a_sight(NEW), ready=False) is DEMOTED
        assert look(DEMOTED, a_sight(NEW)) == Authority(Level.LIVE, 6)

    def test_takes_an_older_date_for_a_touch(self) -> None:
        """No clocks are compared: the one that dated the file may have been set back since."""
        assert look(DEMOTED, a_sight(FileMark(8, 21, 500, 500))).level is Level.LIVE

    def test_raises_by_a_file_where_the_latch_saw_none(self) -> None:
        """Absent is a mark like any other."""
        absent = Authority(Level.PAPER, 5, Latch("CONFIRM_FILE_MISSING", "engine", 900, None))

        assert look(absent, a_sight(OLD)) == Authority(Level.LIVE, 6)

    def test_uses_up_a_touch_while_a_cause_stands(self) -> None:
        """It keeps why, who and when, and says so; the next touch after the cause is gone arms."""
        after = look(DEMOTED, a_sight(NEW), causes=True, ready=False)

        assert after == Authority(
            Level.PAPER, 6, Latch("DAILY_LOSS", "engine", 900, NEW), used_up=True
        )
        assert look(after, a_sight(NEW)) is after
        again = FileMark(8, 21, 2_500, 2_500)
        assert look(after, a_sight(again)) == Authority(Level.LIVE, 7)

    def test_uses_up_a_touch_of_a_file_not_to_be_trusted(self) -> None:
        """Mending its mode afterwards moves ctime only, and is no touch."""
        after = look(DEMOTED, a_sight(NEW, stands=False), causes=True, ready=False)

        assert after.used_up
        assert look(after, a_sight(FileMark(8, 21, 2_600, 2_000))) is after

    @pytest.mark.parametrize(
        "mark", [FileMark(8, 21, 3_001, 2_000), FileMark(8, 21, 2_000, 3_001)], ids=["c", "m"]
    )
    def test_uses_up_a_touch_from_the_future(self, mark: FileMark) -> None:
        """Also when its time has come; what is dated this very instant is not ahead."""
        after = look(DEMOTED, a_sight(mark))

        assert after.used_up
        assert look(after, a_sight(mark, at_ns=9_000)) is after
        assert look(DEMOTED, a_sight(mark, at_ns=3_001)).level is Level.LIVE

    def test_never_raises_by_a_file_that_does_not_stand(self) -> None:
        """Whatever the predicates say."""
        assert look(Authority(), a_sight(stands=False)) == Authority()
        assert not arms(Authority(), a_sight(stands=False))


class TestFileThatCannotBeRead:
    """Its times are not known, so they can neither be a touch nor be compared with one."""

    def test_is_no_touch_and_uses_none_up(self) -> None:
        """The untouched file is readable again a moment later."""
        blind = a_sight(UNSEEN, stands=False)

        after = look(DEMOTED, blind, causes=True)

        assert after == DEMOTED
        assert look(after, a_sight(OLD)) == DEMOTED

    def test_at_the_latch_makes_the_first_sight_prove_nothing(self) -> None:
        """What is seen then may be as old as the hills; the touch after it counts."""
        blind = Authority(Level.PAPER, 5, Latch("DISK", "engine", 900, UNSEEN))

        seen = look(blind, a_sight(OLD))
        assert (seen.level, seen.used_up) == (Level.PAPER, True)

        assert look(seen, a_sight(NEW)).level is Level.LIVE
