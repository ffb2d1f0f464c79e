"""A host's clock that is wrong, or set: it refuses nothing that lowers and ends nothing early."""

from typing import Any

import pytest

from tests.support.builders import SECOND_NS
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.domain.authority import Level
from trader.domain.control import Command, Halt, Mode, Pause, Reply, ReplyCode, Resume, ToPaper
from trader.domain.facts import ClosingBegan, EntriesResumed, PauseEndsSoon
from trader.domain.instrument import InstrumentId
from trader.domain.order import LedgerName
from trader.engine.engine import Outcome

HOUR_NS = 3_600 * SECOND_NS
Lowering = type[Halt] | type[ToPaper] | type[Pause]
LOWERING: tuple[Lowering, ...] = (Halt, ToPaper, Pause)


class SteppingDesk(LiveDesk):
    """A live desk whose host's clock can be set, while those of the venues and phones go on."""

    def __init__(self, *, ahead_ns: int = 0, **rules: Any) -> None:
        super().__init__(**rules)
        self._ahead_ns = 0
        self.step(ahead_ns)

    @property
    def true_ns(self) -> int:
        """UTC now, as the venues and the messenger tell it."""
        return self.at_ns - self._ahead_ns

    def step(self, by_ns: int) -> None:
        """The host's clock is set forward, or back."""
        self._ahead_ns += by_ns
        self._began_ns += by_ns

    def book(self, instrument: InstrumentId, *args: Any, **more: Any) -> Outcome:
        """A venue states a book, dated by its own clock."""
        return super().book(instrument, *args, **{"venue_ns": self.true_ns, **more})

    def restarted_at(self, later_ns: int, ahead_ns: int = 0) -> "SteppingDesk":
        """Another process on the same journal, so much later, its host's clock ahead or not."""
        later = SteppingDesk(restored=self.history)
        later._began_ns = self.true_ns + later_ns
        later.step(ahead_ns)
        later.sense(file_mark=self.host.file_mark)
        return later


def reply_of(desk: Desk, command: Command) -> Reply:
    outcome = desk.command(command)
    assert outcome.reply is not None
    return outcome.reply


def raised_ahead() -> SteppingDesk:
    """The host's clock was an hour ahead while a touch raised live."""
    desk = SteppingDesk(ahead_ns=HOUR_NS)
    desk.go_live()
    return desk


def with_a_trade(**rules: Any) -> SteppingDesk:
    """A live desk with one trade that stands."""
    desk = SteppingDesk(**rules)
    desk.go_live()
    desk.signal()
    for order in desk.take_orders():
        desk.answer(order)
    desk.wait(3)
    return desk


class TestLowering:
    @pytest.mark.parametrize("kind", LOWERING)
    def test_acts_once_the_clock_that_dated_live_was_set_back(self, kind: Lowering) -> None:
        """What lies in the future was dated wrongly; in doubt the lowering command wins."""
        desk = raised_ahead()
        desk.step(-HOUR_NS)

        assert reply_of(desk, kind(by="7", written_ns=desk.true_ns)).changed

    @pytest.mark.parametrize("kind", LOWERING)
    def test_acts_while_the_clock_that_dated_live_is_ahead(self, kind: Lowering) -> None:
        """The venues' clocks do not know of that hour."""
        desk = raised_ahead()

        assert reply_of(desk, kind(by="7", written_ns=desk.true_ns)).changed

    def test_acts_after_a_restart_as_well(self) -> None:
        """The date is on record, and no less wrong for that."""
        desk = raised_ahead()
        later = desk.restarted_at(10 * SECOND_NS)
        later.begin()

        assert reply_of(later, Halt("7", written_ns=later.true_ns)).changed

    def test_acts_when_the_wrong_date_has_come(self) -> None:
        """A halt that waited in a queue across it is newer than the touch all the same."""
        desk = raised_ahead()
        desk.step(-HOUR_NS)
        desk.wait(1)
        written_ns = desk.true_ns + HOUR_NS // 2
        desk.pass_ms(2 * 3_600_000)
        desk.wait(1)

        assert reply_of(desk, Halt("7", written_ns=written_ns)).changed

    def test_acts_after_a_resume_dated_by_a_wrong_clock(self) -> None:
        """As of when it was asked about, by the clock of the host."""
        desk = SteppingDesk()
        desk.go_live()
        desk.command(Pause("7", written_ns=desk.true_ns))
        desk.step(HOUR_NS)
        desk.wait(1)
        desk.command(Resume("7", written_ns=desk.at_ns))
        assert not desk.engine.state.paused

        assert reply_of(desk, Halt("7", written_ns=desk.true_ns)).changed

    def test_acts_where_a_raising_act_was_dated_early(self) -> None:
        """The host's clock is behind: a halt from before the touch still halts."""
        desk = SteppingDesk(ahead_ns=-HOUR_NS)
        written_ns = desk.true_ns - HOUR_NS // 2
        desk.go_live()

        assert reply_of(desk, Halt("7", written_ns=written_ns)).changed

    def test_yields_to_an_act_that_the_messenger_dated(self) -> None:
        """It is no less newer for a host whose clock is behind."""
        desk = SteppingDesk(ahead_ns=-HOUR_NS)
        desk.go_live()
        desk.command(Pause("7", written_ns=desk.true_ns))
        written_ns = desk.true_ns
        desk.wait(10)
        desk.command(Resume("7", written_ns=desk.true_ns))
        desk.wait(1)

        reply = reply_of(desk, Halt("7", written_ns=written_ns))

        assert (reply.changed, reply.code) == (False, ReplyCode.RESUMED_SINCE)

    @pytest.mark.parametrize("was_ahead", [True, False])
    def test_a_timed_pause_is_not_over_by_a_wrong_clock(self, was_ahead: bool) -> None:
        """Half an hour from now, whatever the host believed, or believes."""
        desk = raised_ahead()
        if was_ahead:
            desk.step(-HOUR_NS)
            desk.wait(1)
        until_ns = desk.true_ns + HOUR_NS // 2

        reply = reply_of(desk, Pause("7", until_ns=until_ns, written_ns=desk.true_ns))
        desk.wait(3)

        assert reply.code is ReplyCode.PAUSED
        assert desk.engine.state.paused


class TestRaising:
    def test_yields_to_an_act_of_a_host_whose_clock_is_behind(self) -> None:
        """A resume from before the pause would look like one from after it."""
        desk = SteppingDesk(ahead_ns=-HOUR_NS)
        desk.go_live()
        written_ns = desk.true_ns
        desk.wait(60)
        desk.command(Pause("host"))

        reply = reply_of(desk, Resume("7", written_ns=written_ns))

        assert (reply.changed, reply.code) == (False, ReplyCode.PAUSED_SINCE)
        assert desk.engine.state.paused

    def test_acts_where_both_were_dated_by_the_messenger(self) -> None:
        """What the host's clock says is no matter then."""
        desk = SteppingDesk(ahead_ns=-HOUR_NS)
        desk.go_live()
        desk.command(Pause("7", written_ns=desk.true_ns))
        desk.pass_ms(5_000)

        assert reply_of(desk, Resume("7", written_ns=desk.true_ns)).changed


class TestPauseEnd:
    def a_paused_desk(self, **rules: Any) -> SteppingDesk:
        """Entries paused for three minutes and a half."""
        desk = SteppingDesk(**rules)
        desk.go_live()
        until_ns = desk.true_ns + 210 * SECOND_NS
        desk.command(Pause("7", until_ns=until_ns, written_ns=desk.true_ns))
        return desk

    @pytest.mark.parametrize("mode", [Mode.LIVE, Mode.PAPER])
    def test_does_not_come_by_a_step_of_the_clock(self, mode: Mode) -> None:
        """Set forward for two seconds; nothing was lifted when it is right again."""
        desk = SteppingDesk(mode=mode)
        desk.begin()
        desk.command(Pause("7", until_ns=desk.true_ns + HOUR_NS, written_ns=desk.true_ns))
        desk.step(2 * HOUR_NS)
        desk.wait(2)
        desk.step(-2 * HOUR_NS)
        desk.wait(40)

        assert desk.engine.state.paused
        assert desk.all(PauseEndsSoon) == []

    def test_does_not_come_where_no_venue_tells_its_time(self) -> None:
        """The monotonic clock does not step."""
        desk = self.a_paused_desk()
        desk.engine.state.clocks.venue_ns = None
        desk.step(HOUR_NS)
        desk.tick()
        desk.pass_ms(1_000)
        desk.tick()

        assert desk.engine.state.paused

    @pytest.mark.parametrize("by_ns", [HOUR_NS, 0])
    def test_comes_in_time_all_the_same(self, by_ns: int) -> None:
        """After as many seconds as were left of it, and two minutes after its warning."""
        desk = self.a_paused_desk()
        desk.step(by_ns)
        desk.wait(89)
        unwarned = not desk.all(PauseEndsSoon)
        desk.wait(120)
        stood = desk.engine.state.paused
        desk.wait(2)

        assert unwarned
        assert len(desk.all(PauseEndsSoon)) == 1
        assert stood
        assert [fact.by for fact in desk.all(EntriesResumed)] == ["engine"]

    def test_does_not_come_by_a_start_with_a_wrong_clock(self) -> None:
        """A host that boots an hour ahead waits until a venue has told its time."""
        desk = self.a_paused_desk()
        later = desk.restarted_at(10 * SECOND_NS, ahead_ns=HOUR_NS)
        later.begin()
        later.wait(5)
        stood = later.engine.state.paused
        later.wait(200)

        assert stood
        assert not later.engine.state.paused

    def test_comes_without_venues_a_minute_after_the_start(self) -> None:
        """Nothing else tells the time, and the pause must end."""
        desk = self.a_paused_desk()
        later = desk.restarted_at(HOUR_NS)
        later.start()
        later.pass_ms(59_000)
        later.tick()
        stood = later.engine.state.paused
        later.pass_ms(1_000)
        later.tick()

        assert stood
        assert not later.engine.state.paused


class TestHolding:
    def test_is_not_over_by_a_step_of_the_clock(self) -> None:
        """A trade of three seconds is not a day old, whatever the host says."""
        desk = with_a_trade()
        desk.step(25 * HOUR_NS)
        desk.wait(2)

        assert desk.all(ClosingBegan) == []

    def test_is_not_over_where_no_venue_tells_its_time(self) -> None:
        """The monotonic clock does not step."""
        desk = with_a_trade()
        desk.engine.state.clocks.venue_ns = None
        desk.step(25 * HOUR_NS)
        desk.pass_ms(1_000)
        desk.tick()

        assert desk.all(ClosingBegan) == []

    def test_is_not_over_for_a_trade_of_an_earlier_process_either(self) -> None:
        """Neither at a start with a wrong clock, nor by a step after it."""
        later = with_a_trade().restarted_at(10 * SECOND_NS, ahead_ns=25 * HOUR_NS)
        later.begin()
        later.wait(3)
        later.step(25 * HOUR_NS)
        later.wait(3)

        assert later.live.trades
        assert later.all(ClosingBegan) == []

    @pytest.mark.parametrize("by_ns", [0, -HOUR_NS])
    def test_is_over_in_time(self, by_ns: int) -> None:
        """By what has passed, also where the clock was set back meanwhile."""
        desk = with_a_trade(max_holding_minutes=1)
        desk.step(by_ns)
        desk.wait(56)
        early = desk.all(ClosingBegan)
        desk.wait(3)

        assert early == []
        assert [fact.ledger for fact in desk.all(ClosingBegan)] == [LedgerName.LIVE]

    def test_is_over_at_once_for_an_old_trade(self) -> None:
        """The day passed while nobody ran, and the venues say so."""
        later = with_a_trade().restarted_at(25 * HOUR_NS)
        later.begin()
        later.wait(2)

        assert [fact.ledger for fact in later.all(ClosingBegan)] == [LedgerName.LIVE]


def test_the_desk_was_live() -> None:
    """Or nothing above would show anything."""
    assert raised_ahead().level() is Level.LIVE
