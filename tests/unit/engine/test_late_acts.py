"""Late commands: one that lowers yields to a newer raising act, one that raises to a lowering."""

from collections.abc import Callable

import pytest

from tests.support.builders import SECOND_NS
from tests.support.live_desk import LiveDesk
from trader.domain.authority import Authority, Level
from trader.domain.control import (
    Command,
    Halt,
    LiftHalt,
    Pause,
    Reply,
    ReplyCode,
    Resume,
    ToPaper,
)
from trader.engine.acts import Act
from trader.engine.engine import Outcome

Late = Callable[[int], Command]
LOWERING: tuple[Late, ...] = (
    lambda ns: Pause("8", written_ns=ns),
    lambda ns: Halt("8", written_ns=ns),
    lambda ns: ToPaper("8", written_ns=ns),
)
IDS = ["pause", "halt", "paper"]


def reply_of(outcome: Outcome) -> Reply:
    assert outcome.reply is not None
    return outcome.reply


@pytest.fixture
def desk() -> LiveDesk:
    """Live, and a minute later."""
    found = LiveDesk()
    found.go_live()
    found.wait(60)
    return found


def standing(desk: LiveDesk) -> tuple[Authority, bool]:
    return desk.authority, desk.engine.state.paused


class TestLowering:
    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_yields_to_a_newer_resume(self, desk: LiveDesk, late: Late) -> None:
        """It does nothing, and says which act stands, by whom and since when."""
        desk.command(Pause("7"))
        written_ns = desk.at_ns
        desk.pass_ms(10_000)
        desk.command(Resume("7", written_ns=desk.at_ns))
        before = standing(desk)

        outcome = desk.command(late(written_ns))

        reply = reply_of(outcome)
        assert outcome.facts == ()
        assert standing(desk) == before
        assert (reply.changed, reply.code) == (False, ReplyCode.RESUMED_SINCE)
        assert (reply.since_ns, reply.details) == (desk.at_ns, ("7",))
        assert reply.note.startswith(
            "nothing done: entries were resumed after this was written, by"
        )

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_yields_to_a_halt_that_was_lifted_since(self, desk: LiveDesk, late: Late) -> None:
        """Also where the lift came from the host, of which only the host's time is known."""
        desk.command(Halt("7"))
        written_ns = desk.at_ns
        desk.pass_ms(10_000)
        desk.command(LiftHalt("host", desk.authority.revision))
        desk.touch()
        before = standing(desk)

        reply = reply_of(desk.command(late(written_ns)))

        assert (reply.changed, reply.code) == (False, ReplyCode.LIFTED_SINCE)
        assert standing(desk) == before

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_yields_to_a_host_that_raised_live_since(self, desk: LiveDesk, late: Late) -> None:
        """A touch is an act of the host."""
        desk.command(ToPaper("7"))
        written_ns = desk.at_ns
        desk.pass_ms(10_000)
        desk.touch()
        desk.wait(1)
        assert desk.level() is Level.LIVE

        reply = reply_of(desk.command(late(written_ns)))

        assert (reply.changed, reply.code) == (False, ReplyCode.LIVE_SINCE)
        assert desk.level() is Level.LIVE

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_acts_however_late_where_nobody_raised(self, desk: LiveDesk, late: Late) -> None:
        """A halt that waited for five hours still halts; what raised came before it."""
        written_ns = desk.at_ns
        desk.wait(2)
        desk.pass_ms(5 * 3_600_000)

        assert reply_of(desk.command(late(written_ns))).changed

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    @pytest.mark.parametrize("written_s", [0, -1, -2])
    def test_holds_where_clocks_do_not_tell(
        self, desk: LiveDesk, late: Late, written_s: int
    ) -> None:
        """A messenger counts whole seconds by a clock of its own: then the lowering one acts."""
        desk.command(ToPaper("7"))
        desk.touch()
        desk.wait(1)
        raised_ns = desk.at_ns

        assert reply_of(desk.command(late(raised_ns + written_s * SECOND_NS))).changed

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_of_the_same_second_as_a_resume_acts(self, desk: LiveDesk, late: Late) -> None:
        """Both by the messenger's clock: the order in which they came decides."""
        desk.command(Pause("7"))
        desk.command(Resume("7", written_ns=desk.at_ns))

        assert reply_of(desk.command(late(desk.at_ns))).changed

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_written_right_after_a_resume_acts(self, desk: LiveDesk, late: Late) -> None:
        """The resume was dated within a second of which the messenger tells only the beginning."""
        second_ns = desk.at_ns // SECOND_NS * SECOND_NS
        desk.command(Pause("7"))
        desk.command(Resume("7", written_ns=second_ns + SECOND_NS // 10))

        assert reply_of(desk.command(late(second_ns))).changed

    @pytest.mark.parametrize("late", LOWERING, ids=IDS)
    def test_acts_where_nobody_knows_when_it_was_written(self, desk: LiveDesk, late: Late) -> None:
        """A tap carries no time."""
        desk.command(Pause("7"))
        desk.command(Resume("7", written_ns=desk.at_ns))

        assert reply_of(desk.command(late(0))).changed

    def test_does_not_yield_to_a_pause_that_ended_by_itself(self, desk: LiveDesk) -> None:
        """Nobody decided anything then."""
        written_ns = desk.at_ns
        desk.command(Pause("7", until_ns=desk.at_ns + 8 * SECOND_NS))
        desk.wait(10)
        assert not desk.engine.state.paused

        assert reply_of(desk.command(Halt("8", written_ns=written_ns))).changed

    def test_that_holds_already_says_so(self, desk: LiveDesk) -> None:
        """Whatever was raised before the halt that stands."""
        desk.command(Pause("7"))
        desk.pass_ms(10_000)
        desk.command(Resume("7", written_ns=desk.at_ns))
        desk.command(Halt("7"))

        reply = reply_of(desk.command(Halt("8", written_ns=desk.at_ns - 9 * SECOND_NS)))

        assert (reply.changed, reply.code) == (False, ReplyCode.ALREADY_HALTED)
        assert reply.since_ns == desk.at_ns

    def test_is_judged_alike_after_a_restart(self, desk: LiveDesk) -> None:
        """By what is on record."""
        desk.command(Pause("7"))
        written_ns = desk.at_ns
        desk.pass_ms(10_000)
        desk.command(Resume("7", written_ns=desk.at_ns))
        later = LiveDesk(restored=desk.history)
        later.pass_ms(90_000)
        later.start()

        reply = reply_of(later.command(Halt("8", written_ns=written_ns)))

        assert reply.code is ReplyCode.RESUMED_SINCE


class TestRaising:
    def test_resume_yields_to_a_newer_pause(self, desk: LiveDesk) -> None:
        """It was not what the operator saw."""
        written_ns = desk.at_ns
        desk.pass_ms(10_000)
        desk.command(Pause("7", written_ns=desk.at_ns))

        reply = reply_of(desk.command(Resume("8", written_ns=written_ns)))

        assert (reply.changed, reply.paused, reply.code) == (False, True, ReplyCode.PAUSED_SINCE)

    def test_resume_after_a_pause_of_the_same_second_acts(self, desk: LiveDesk) -> None:
        """One batch keeps its order."""
        desk.command(Pause("7", written_ns=desk.at_ns))

        assert reply_of(desk.command(Resume("7", written_ns=desk.at_ns))).changed

    def test_resume_yields_to_a_halt_of_the_same_second(self, desk: LiveDesk) -> None:
        """Halts go first, whatever their place in a batch."""
        desk.command(Pause("7", written_ns=desk.at_ns - 5 * SECOND_NS))
        desk.command(Halt("7", written_ns=desk.at_ns))

        reply = reply_of(desk.command(Resume("7", written_ns=desk.at_ns)))

        assert (reply.paused, reply.code) == (True, ReplyCode.HALTED_SINCE)

    def test_lift_yields_to_a_halt_that_was_said_again(self, desk: LiveDesk) -> None:
        """It changed nothing and has no revision of its own, and yet it was said."""
        desk.command(Halt("7", written_ns=desk.at_ns))
        revision, written_ns = desk.authority.revision, desk.at_ns + 5 * SECOND_NS
        desk.pass_ms(10_000)
        desk.command(Halt("8", written_ns=desk.at_ns))

        reply = reply_of(desk.command(LiftHalt("7", revision, written_ns)))

        assert (reply.changed, reply.level) == (False, "HALT")
        assert (reply.code, reply.details) == (ReplyCode.HALTED_SINCE, ("8",))

    def test_lift_yields_to_a_halt_of_a_messenger_that_is_behind(self, desk: LiveDesk) -> None:
        """The lift is dated by the host, as of its question, and the halt came after that."""
        desk.command(Halt("7"))
        desk.pass_ms(10_000)
        revision, asked_ns = desk.authority.revision, desk.at_ns
        desk.pass_ms(100)
        desk.command(Halt("8", written_ns=asked_ns - SECOND_NS))

        reply = reply_of(desk.command(LiftHalt("7", revision, asked_ns)))

        assert (reply.changed, reply.code) == (False, ReplyCode.HALTED_SINCE)

        desk.pass_ms(1_000)
        assert reply_of(desk.command(LiftHalt("7", revision, desk.at_ns))).changed

    def test_lift_is_not_kept_waiting_by_a_clock_that_was_ahead(self, desk: LiveDesk) -> None:
        """The halt was written before the question, whatever the host's clock said of it."""
        desk.command(Halt("7"))
        revision, at_ns = desk.authority.revision, desk.at_ns
        acts = desk.engine.state.acts
        ahead_ns = at_ns + 3_600 * SECOND_NS
        acts.lower(Act(ReplyCode.HALTED_SINCE, "8", ahead_ns, at_ns + SECOND_NS))
        desk.pass_ms(5_000)

        assert reply_of(desk.command(LiftHalt("7", revision, desk.at_ns))).changed

    def test_newer_than_all_that_lowered_acts(self, desk: LiveDesk) -> None:
        """In the order in which they were written."""
        desk.command(Halt("7", written_ns=desk.at_ns))
        desk.pass_ms(5_000)

        lift = LiftHalt("7", desk.authority.revision, written_ns=desk.at_ns)

        assert reply_of(desk.command(lift)).code is ReplyCode.HALT_LIFTED

    def test_does_not_yield_to_what_the_engine_did_by_itself(self, desk: LiveDesk) -> None:
        """A demotion by a lost predicate is no answer to anybody, and a pause not its matter."""
        desk.command(Pause("7", written_ns=desk.at_ns))
        written_ns = desk.at_ns + 2 * SECOND_NS
        desk.pass_ms(5_000)
        desk.sense(env_flag=False)
        desk.wait(1)
        assert desk.level() is Level.PAPER

        assert reply_of(desk.command(Resume("7", written_ns=written_ns))).changed

    def test_resume_answers_one_revision_where_it_names_one(self, desk: LiveDesk) -> None:
        """What stands now is not what the operator answered."""
        desk.command(Pause("7"))
        seen = desk.authority.revision
        desk.command(ToPaper("7"))

        old = reply_of(desk.command(Resume("7", revision=seen)))
        new = reply_of(desk.command(Resume("7", revision=desk.authority.revision)))

        assert (old.changed, old.code) == (False, ReplyCode.AUTHORITY_CHANGED)
        assert new.changed
