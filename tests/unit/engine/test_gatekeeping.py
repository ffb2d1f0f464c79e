"""Gatekeeping: what operators, the host and a restart make of authority, and what then still goes.

The transitions themselves are pure and tested where they are; here they are facts and replies.
"""

from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from tests.support.builders import UPBIT_BINANCE
from tests.support.engine_harness import Desk
from tests.support.live_desk import DRY_RUN_CYCLES, GUARD, READY, LiveDesk
from trader.domain.authority import HALT_LIFTED, UNREADABLE, Authority, Latch, Level
from trader.domain.control import (
    BlockReason,
    Command,
    Halt,
    LiftHalt,
    Mode,
    Pause,
    Reply,
    Resume,
    ToPaper,
)
from trader.domain.events import CycleTicked, LossSeen, ProcessStopping
from trader.domain.facts import (
    AuthorityChanged,
    EntriesPaused,
    EntriesResumed,
    Fact,
    GateChanged,
    OrdersApproved,
)
from trader.domain.instrument import UPBIT
from trader.domain.order import ApprovedOrder, LedgerName, OrderState, Purpose
from trader.domain.readiness import PairReadiness, Readiness
from trader.engine.engine import Outcome
from trader.execution.gate import GuardKeeper
from trader.risk.live_guard import LiveGuard

LOWERING: tuple[Command, ...] = (Pause("7"), Halt("7"), ToPaper("7"))


def reply_of(outcome: Outcome) -> Reply:
    """The reply of a command that was processed."""
    assert outcome.reply is not None
    return outcome.reply


def live_orders(desk: Desk) -> list[ApprovedOrder]:
    """The live orders approved since last asked; a signal may open a paper trade beside them."""
    return [order for order in desk.take_orders() if order.ledger is LedgerName.LIVE]


def kinds(outcome: Outcome) -> list[str]:
    """What became true, by name."""
    return [type(fact).__name__ for fact in outcome.facts]


@pytest.fixture
def desk() -> LiveDesk:
    """A live engine whose gate is open."""
    desk = LiveDesk()
    desk.go_live()
    return desk


class TestGoingLive:
    def test_takes_the_host_s_touch_and_the_dry_run(self) -> None:
        """Authority rises at the first look; entries go live only after so many whole cycles."""
        desk = LiveDesk()
        desk.begin()
        assert desk.level() is Level.LIVE
        ledgers = [desk.entries()]
        for _ in range(DRY_RUN_CYCLES - 1):
            assert ledgers == [LedgerName.PAPER] * len(ledgers)
            desk.wait(1)
            ledgers.append(desk.entries())

        assert ledgers == [LedgerName.PAPER, LedgerName.PAPER, LedgerName.LIVE]
        assert desk.entries() is LedgerName.LIVE
        assert [fact.live for fact in desk.all(GateChanged)][-1] is True

    def test_orders_carry_the_live_ledger_and_the_generation(self, desk: LiveDesk) -> None:
        """By both the gate knows them again."""
        desk.signal()

        sell, buy = desk.take_orders()
        assert {sell.ledger, buy.ledger} == {LedgerName.LIVE}
        assert {sell.generation, buy.generation} == {desk.engine.state.generation}

    def test_without_the_file_everything_goes_to_paper(self) -> None:
        """And the reason is named."""
        desk = LiveDesk()
        desk.sense(confirm_file=False, confirm_file_safe=None, file_mark=None)
        desk.begin()
        desk.wait(2 * DRY_RUN_CYCLES)
        desk.signal()

        assert desk.authority == Authority()
        assert {order.ledger for order in desk.take_orders()} == {LedgerName.PAPER}
        assert BlockReason.CONFIRM_FILE_MISSING in desk.all(GateChanged)[-1].blocks

    def test_a_pair_that_is_not_ready_is_refused_alone(self, desk: LiveDesk) -> None:
        """The gate stays open, and no order of that pair is approved."""
        desk.sense(pairs={UPBIT_BINANCE: PairReadiness(fresh=True, reconciled=False)})
        desk.wait(1)
        desk.signal()

        assert desk.entries() is LedgerName.LIVE
        assert desk.take_orders() == []


class TestLosing:
    def test_the_file_demotes_for_good(self, desk: LiveDesk) -> None:
        """Back again it arms nothing; a touch after the latch does."""
        before = desk.engine.state.generation
        mark = desk.host.file_mark
        desk.sense(confirm_file=False, confirm_file_safe=None, file_mark=None)
        desk.wait(1)
        assert desk.level() is Level.PAPER
        assert desk.authority.latch is not None
        assert desk.authority.latch.reason == BlockReason.CONFIRM_FILE_MISSING
        assert desk.engine.state.generation > before
        assert desk.entries() is LedgerName.PAPER
        assert mark is not None

        desk.touch()
        desk.wait(1)
        assert desk.level() is Level.LIVE

    def test_what_suspends_comes_back_by_itself(self, desk: LiveDesk) -> None:
        """Authority stays; one whole cycle is enough after less than half a minute."""
        desk.sense(loop_lag_ms=10_000.0)
        desk.wait(1)
        assert desk.level() is Level.LIVE
        assert desk.entries() is LedgerName.PAPER

        desk.sense(loop_lag_ms=1.0)
        desk.wait(2)
        assert desk.entries() is LedgerName.LIVE

    def test_lets_no_live_closing_out_where_authority_was_revoked(self, desk: LiveDesk) -> None:
        """The trade stands and the engine says so; nothing of it is sent."""
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.sense(env_flag=False)
        desk.wait(1)
        desk.even()
        desk.wait(3)

        assert len(desk.live.trades) == 1
        assert live_orders(desk) == []

    def test_lets_a_live_closing_out_where_it_was_demoted(self, desk: LiveDesk) -> None:
        """An open trade must be able to end."""
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.command(ToPaper("7"))
        desk.even()

        closings = live_orders(desk)
        assert {order.purpose for order in closings} == {Purpose.EXIT}
        assert {order.generation for order in closings} == {desk.engine.state.generation}


class TestRefusedAtTheGate:
    """The gate saw a loss that the loop did not: it voids what was approved before."""

    def test_raises_the_generation(self, desk: LiveDesk) -> None:
        """Else nothing would ever be approved in a generation that may leave again."""
        desk.signal()
        before = desk.engine.state.generation
        for order in live_orders(desk):
            desk.answer(order, OrderState.BLOCKED, BlockReason.LOCK_NOT_HELD)

        assert desk.engine.state.generation > before

    def test_lets_the_next_closing_be_of_the_new_generation(self, desk: LiveDesk) -> None:
        """Also the one approved in the very step that heard of the refusal."""
        desk.signal()
        for order in live_orders(desk):
            desk.answer(order)
        desk.even()
        refused = live_orders(desk)
        for order in refused:
            desk.answer(order, OrderState.BLOCKED, BlockReason.LOCK_NOT_HELD)
        desk.wait(2)

        again = live_orders(desk)
        assert {order.generation for order in refused} < {desk.engine.state.generation} | {
            order.generation for order in refused
        }
        assert {order.generation for order in again} == {desk.engine.state.generation}

    def test_a_lost_connection_raises_it_too(self, desk: LiveDesk) -> None:
        """What was approved on the books of the old one is void."""
        before = desk.engine.state.generation

        desk.lose_feed(UPBIT)

        assert desk.engine.state.generation > before

    def test_a_refusal_on_paper_does_not(self) -> None:
        """There is nothing live that could be void."""
        desk = LiveDesk()
        desk.begin()
        desk.signal()
        before = desk.engine.state.generation
        for order in desk.take_orders():
            desk.answer(order, OrderState.BLOCKED, "ORDER_DELAY")

        assert desk.engine.state.generation == before


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "fact", "note"),
        [
            (Pause("7", "lunch"), EntriesPaused, "entries paused"),
            (Halt("7", "smoke"), AuthorityChanged, "halted"),
            (ToPaper("7", "doubt"), AuthorityChanged, "demoted to PAPER"),
        ],
        ids=["pause", "halt", "paper"],
    )
    def test_lower_once(
        self, desk: LiveDesk, command: Command, fact: type[object], note: str
    ) -> None:
        """A fact, a reply read back from the state, a new generation; the second time nothing."""
        before = desk.engine.state.generation

        first = desk.command(command)
        after = desk.engine.state.generation
        again = desk.command(command)

        assert kinds(first) == [fact.__name__, "GateChanged"]
        reply = reply_of(first)
        assert (reply.command_id, reply.changed, reply.note) == ("c-1", True, note)
        assert (reply.level, reply.revision, reply.paused) == (
            desk.authority.level.name,
            desk.authority.revision,
            desk.engine.state.paused,
        )
        assert after > before
        assert again.facts == ()
        assert reply_of(again).changed is False
        assert "already" in reply_of(again).note
        assert desk.engine.state.generation == after

    def test_halt_now_is_stricter_than_halt(self, desk: LiveDesk) -> None:
        """It changes a halt that lets an unwinding go, and is changed by none."""
        desk.command(Halt("7"))
        now = desk.command(Halt("7", now=True))
        again = desk.command(Halt("7"))

        assert reply_of(now).changed
        assert desk.authority.nothing_goes
        assert not reply_of(again).changed

    def test_paper_does_not_soften_a_halt(self, desk: LiveDesk) -> None:
        """The reply says which of the two holds."""
        desk.command(Halt("7"))

        reply = reply_of(desk.command(ToPaper("7")))

        assert (reply.changed, reply.level) == (False, "HALT")
        assert reply.note == "halted, which is stricter"

    def test_resume_lifts_a_pause_once(self, desk: LiveDesk) -> None:
        """And nothing else: what is not paused stays as it is."""
        desk.command(Pause("7"))

        lifted, again = desk.command(Resume("7")), desk.command(Resume("7"))

        assert kinds(lifted)[0] == EntriesResumed.__name__
        assert reply_of(lifted).note == "entries resumed"
        assert not reply_of(lifted).paused
        assert again.facts == ()
        assert reply_of(again).note == "entries were not paused"

    def test_a_pause_ends_through_the_dry_run(self, desk: LiveDesk) -> None:
        """What is lifted acts again after one whole cycle, and by no restart of authority."""
        revision = desk.authority.revision
        desk.command(Pause("7"))
        desk.wait(1)
        desk.command(Resume("7"))
        assert desk.entries() is LedgerName.PAPER

        desk.wait(2)

        assert desk.entries() is LedgerName.LIVE
        assert desk.authority.revision == revision

    @pytest.mark.parametrize("command", LOWERING, ids=["pause", "halt", "paper"])
    def test_no_live_entry_is_approved_after_one_that_lowers(
        self, desk: LiveDesk, command: Command
    ) -> None:
        """Not even before the next look of the control loop."""
        desk.command(command)
        desk.signal()

        approved = [order for fact in desk.all(OrdersApproved) for order in fact.orders]
        assert not [order for order in approved if order.ledger is LedgerName.LIVE]

    @pytest.mark.parametrize("command", [Pause("7"), Halt("7"), Halt("7", now=True)])
    @pytest.mark.parametrize("make", [Desk, LiveDesk])
    def test_no_entry_goes_on_paper_either(
        self, make: Callable[[], Desk], command: Command
    ) -> None:
        """Paused or halted, in whatever mode."""
        desk = make()
        desk.begin()
        desk.command(command)
        desk.signal()
        desk.wait(2)

        assert desk.all(OrdersApproved) == []

    def test_paper_closings_go_on_in_a_halt(self) -> None:
        """Nothing real is behind them, and a simulated trade must end like any other."""
        desk = Desk()
        desk.opened()
        desk.command(Halt("7", now=True))
        desk.even()

        assert {order.purpose for order in desk.take_orders()} == {Purpose.EXIT}


class TestLifting:
    def test_brings_a_halt_to_paper_and_lifts_a_pause(self, desk: LiveDesk) -> None:
        """At most to PAPER, which is a latch of its own."""
        desk.command(Pause("7"))
        desk.command(Halt("7"))

        outcome = desk.command(LiftHalt("host", desk.authority.revision))

        reply = reply_of(outcome)
        assert (reply.changed, reply.level, reply.paused) == (True, "PAPER", False)
        assert reply.note == "halt lifted to PAPER; for live, touch the confirm file now"
        assert desk.authority.latch is not None
        assert desk.authority.latch.reason == HALT_LIFTED
        desk.wait(2 * DRY_RUN_CYCLES)
        assert desk.level() is Level.PAPER

    def test_of_a_pause_alone_keeps_authority(self, desk: LiveDesk) -> None:
        """Nobody has to touch anything for it."""
        desk.command(Pause("7"))

        reply = reply_of(desk.command(LiftHalt("host", desk.authority.revision)))

        assert (reply.changed, reply.level, reply.note) == (True, "LIVE", "pause lifted")

    def test_finds_nothing_to_lift(self, desk: LiveDesk) -> None:
        """And says so."""
        outcome = desk.command(LiftHalt("host", desk.authority.revision))

        assert outcome.facts == ()
        assert reply_of(outcome).note == "nothing to lift: neither halted nor paused"

    def test_answers_one_halt_only(self, desk: LiveDesk) -> None:
        """A halt that came meanwhile is not what was answered."""
        desk.command(Halt("7"))
        answered = desk.authority.revision
        desk.command(Halt("8", now=True))

        reply = reply_of(desk.command(LiftHalt("7", answered)))

        assert (reply.changed, reply.level) == (False, "HALT")
        assert reply.note == "not lifted: it was halted again meanwhile"

    @pytest.mark.parametrize("halted", [True, False])
    def test_lifts_nothing_while_the_file_stands(self, desk: LiveDesk, halted: bool) -> None:
        """Neither a halt nor a pause, whether a look has seen the file yet or not."""
        desk.command(Pause("7"))
        if halted:
            desk.command(Halt("7"))
        desk.sense(halt_file=True)

        for command in (LiftHalt("7", desk.authority.revision), Resume("7")):
            outcome = desk.command(command)
            assert outcome.facts == ()
            assert reply_of(outcome).note == "not lifted: a .halt file stands; remove it first"
        assert desk.engine.state.paused

    def test_is_followed_by_a_touch_to_go_live(self, desk: LiveDesk) -> None:
        """Through the whole dry run."""
        desk.command(Halt("7"))
        desk.command(LiftHalt("host", desk.authority.revision))
        desk.touch()
        desk.wait(DRY_RUN_CYCLES - 1)
        assert desk.level() is Level.LIVE
        assert desk.entries() is LedgerName.PAPER

        desk.wait(1)
        assert desk.entries() is LedgerName.LIVE


class TestHaltFile:
    @pytest.mark.parametrize("make", [Desk, LiveDesk])
    def test_halts_at_the_next_look(self, make: Callable[[], Desk]) -> None:
        """In every mode; its going does not resume."""
        desk = make()
        desk.begin()
        tick(desk, halt_file=True)
        assert level_of(desk) is Level.HALT

        tick(desk, halt_file=False)
        assert level_of(desk) is Level.HALT

    def test_halts_at_the_start(self) -> None:
        """Before anything is decided."""
        desk = LiveDesk()
        desk.sense(halt_file=True)
        outcome = desk.start()

        assert kinds(outcome)[:2] == ["AuthorityChanged", "EngineStarted"]
        assert desk.level() is Level.HALT


class TestHaltWithAHalfFilledTrade:
    def half_filled(self, desk: LiveDesk, halt: Halt) -> None:
        """One leg filled, then the halt, then the other leg is over."""
        desk.signal()
        sell, buy = desk.take_orders()
        desk.answer(sell)
        desk.command(halt)
        desk.answer(buy, OrderState.EXPIRED)

    def test_unwinds_it_once(self, desk: LiveDesk) -> None:
        """One collared order; when it fills nothing, no second follows."""
        self.half_filled(desk, Halt("7"))
        (unwinding,) = desk.take_orders()
        assert (unwinding.purpose, unwinding.ledger) == (Purpose.UNWIND, LedgerName.LIVE)
        desk.answer(unwinding, OrderState.EXPIRED)
        desk.wait(10)

        assert desk.take_orders() == []
        assert len(desk.live.trades) == 1

    def test_does_not_count_a_restart_as_another_halt(self, desk: LiveDesk) -> None:
        """What was used up stays used up."""
        self.half_filled(desk, Halt("7"))
        (unwinding,) = desk.take_orders()
        desk.answer(unwinding, OrderState.EXPIRED)

        later = LiveDesk(restored=desk.history)
        later.begin()
        later.wait(5)

        assert live_orders(later) == []

    def test_sends_nothing_after_halt_now(self, desk: LiveDesk) -> None:
        """Not even that."""
        self.half_filled(desk, Halt("7", now=True))
        desk.wait(5)

        assert desk.take_orders() == []

    def test_closes_nothing_else(self, desk: LiveDesk) -> None:
        """A whole trade stands, however good its exit or near its stop."""
        desk.signal()
        for order in desk.take_orders():
            desk.answer(order)
        desk.command(Halt("7"))
        desk.even()
        desk.lose()
        desk.wait(3)

        assert desk.take_orders() == []


class TestRestart:
    def test_after_a_crash_live_is_paper(self, desk: LiveDesk) -> None:
        """Latched, so that the file must be touched again."""
        later = LiveDesk(restored=desk.history)
        later.engine.trust(desk.authority)
        outcome = later.start()

        assert kinds(outcome)[:2] == ["AuthorityChanged", "EngineStarted"]
        assert later.level() is Level.PAPER
        assert later.authority.latch is not None
        assert later.authority.latch.reason == "CRASH"

    def test_after_a_clean_stop_live_is_live(self, desk: LiveDesk) -> None:
        """It goes through the dry run again before anything goes."""
        desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "done"))

        later = LiveDesk(restored=desk.history)
        later.engine.trust(desk.authority)
        later.start()
        assert later.authority == desk.authority
        later.quiet_books()
        later.tick()
        assert later.entries() is LedgerName.PAPER

        later.wait(DRY_RUN_CYCLES)
        assert later.entries() is LedgerName.LIVE

    @pytest.mark.parametrize("clean", [True, False])
    def test_a_halt_stays(self, desk: LiveDesk, clean: bool) -> None:
        """However the process ended; a pause as well."""
        desk.command(Pause("7"))
        desk.command(Halt("7", now=True))
        if clean:
            desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "done"))

        later = LiveDesk(restored=desk.history)
        later.engine.trust(desk.authority)
        later.start()

        assert later.authority == desk.authority
        assert later.engine.state.paused

    @pytest.mark.parametrize(
        "stored",
        [
            Authority(),
            Authority(Level.LIVE, 9),
            Authority(Level.PAPER, 1, Latch("PAPER", "7", 1, None)),
            UNREADABLE,
        ],
    )
    def test_a_stored_row_that_differs_is_a_halt(self, desk: LiveDesk, stored: Authority) -> None:
        """Whoever changed it must not have granted anything; the halt is durable at once."""
        assert stored != desk.authority
        desk.process(ProcessStopping(desk.at_ns, desk.mono_ns, "done"))

        later = LiveDesk(restored=desk.history)
        later.engine.trust(stored)
        later.start()

        unread = replace(UNREADABLE, revision=later.authority.revision)
        assert later.authority == unread
        assert [fact.authority for fact in later.all(AuthorityChanged)] == [unread]

        # The row is what the facts say again, and the halt stands all the same.
        last = LiveDesk(restored=reread(later.history))
        last.engine.trust(later.authority)
        last.start()
        assert last.level() is Level.HALT
        assert last.all(AuthorityChanged) == []

    def test_a_distrusted_store_is_lifted_to_paper_at_most(self) -> None:
        """By the same command as any halt."""
        desk = LiveDesk()
        desk.engine.trust(UNREADABLE)
        desk.start()

        reply = reply_of(desk.command(LiftHalt("host", desk.authority.revision)))

        assert (reply.changed, reply.level) == (True, "PAPER")


def level_of(desk: Desk) -> Level:
    """What is permitted."""
    return desk.engine.state.authority.level


def reread(facts: list[Fact]) -> list[Fact]:
    """The facts as another process reads them from the journal."""
    text = msgspec.json.encode(facts)
    return msgspec.json.decode(text, type=list[Fact])


def tick(desk: Desk, *, halt_file: bool) -> None:
    """A cycle that finds a ``.halt`` file, or finds none."""
    host = desk.host if isinstance(desk, LiveDesk) else Readiness(mode=Mode.MOCK)
    sensed = replace(host, halt_file=halt_file, at_ns=desk.at_ns)
    desk.process(CycleTicked(desk.at_ns, desk.mono_ns, 1, sensed))


class TestLossSeenAtTheGate:
    def test_latches_though_it_is_over_before_the_next_look(self) -> None:
        """The file was gone when an order wanted to leave, and is there again."""
        desk = LiveDesk()
        desk.go_live()

        gone = replace(READY, confirm_file=False, confirm_file_safe=None, file_mark=None)
        desk.process(LossSeen(desk.at_ns, desk.mono_ns, gone))

        assert desk.authority.level is Level.PAPER
        assert desk.authority.latch is not None
        assert desk.authority.latch.reason == BlockReason.CONFIRM_FILE_MISSING

    def test_is_handed_on_by_the_keeper(self) -> None:
        """With everything that was sensed; an order that goes hands on nothing."""
        desk = LiveDesk()
        desk.go_live()
        state = desk.engine.state
        seen: list[Readiness] = []
        sensed = [READY, replace(READY, env_flag=False)]
        keeper = GuardKeeper(
            LiveGuard(GUARD),
            lambda: (state.authority, state.memory),
            lambda: sensed.pop(0),
            seen.append,
        )
        desk.signal()
        order = next(order for fact in desk.all(OrdersApproved) for order in fact.orders)

        assert keeper.why_not(order) == ""
        assert seen == []
        assert keeper.why_not(order)
        assert [one.env_flag for one in seen] == [False]


def test_a_pause_is_lifted_only_by_who_saw_what_stands() -> None:
    """A resume written before something newer happened answers something else."""
    desk = LiveDesk()
    desk.go_live()
    seen = desk.authority.revision
    desk.command(Pause("7"))
    desk.command(ToPaper("8"))

    late = reply_of(desk.command(LiftHalt("7", seen)))
    now = reply_of(desk.command(LiftHalt("7", desk.authority.revision)))

    assert (late.changed, late.paused) == (False, True)
    assert "look, then resume again" in late.note
    assert (now.changed, now.paused, now.level) == (True, False, "PAPER")
