"""Pauses of everything, of a venue and of a pair: what they block, and how they end."""

import pytest

from tests.support.builders import AT_NS, SECOND_NS, UPBIT_BINANCE
from tests.support.engine_harness import Desk
from tests.support.live_desk import LiveDesk
from trader.domain.authority import Sight
from trader.domain.control import BlockReason, CheckName, Mode, Pause, Reply, ReplyCode, Resume
from trader.domain.events import CommandReceived, CycleTicked
from trader.domain.facts import (
    EntriesPaused,
    EntriesResumed,
    OrdersApproved,
    PauseEndsSoon,
    RefusalBegan,
)
from trader.domain.order import LedgerName, Purpose
from trader.domain.readiness import Readiness
from trader.engine.engine import Outcome

MINUTE_NS = 60 * SECOND_NS
SCOPES = ("upbit", "binance", UPBIT_BINANCE)


def reply_of(outcome: Outcome) -> Reply:
    assert outcome.reply is not None
    return outcome.reply


def paused(desk: Desk, seconds: int, scope: str = "") -> Reply:
    """Entries are paused for so long from now on."""
    until_ns = desk.at_ns + seconds * SECOND_NS
    return reply_of(desk.command(Pause("7", scope=scope, until_ns=until_ns, written_ns=desk.at_ns)))


def scopes(desk: Desk) -> list[str]:
    return [pause.scope for pause in desk.engine.state.pauses.standing]


@pytest.fixture(params=[Desk, LiveDesk])
def desk(request: pytest.FixtureRequest) -> Desk:
    """An engine that would trade at the next signal, on paper or live."""
    found: Desk = request.param()
    if isinstance(found, LiveDesk):
        found.go_live()
    else:
        found.begin()
    return found


class TestScope:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_blocks_entries_of_its_pairs(self, desk: Desk, scope: str) -> None:
        """By the check of a pause, in both ledgers."""
        assert reply_of(desk.command(Pause("7", scope=scope))).code is ReplyCode.PAUSED

        desk.signal()

        assert desk.all(OrdersApproved) == []
        assert [fact.check for fact in desk.all(RefusalBegan)] == [CheckName.ENTRIES_PAUSED]

    def test_leaves_the_live_gate_open(self) -> None:
        """A venue that rests is no reason to rehearse anew, nor to trade the others on paper."""
        desk = LiveDesk()
        desk.go_live()
        generation = desk.engine.state.generation

        reply = reply_of(desk.command(Pause("7", scope="upbit")))

        assert (reply.paused, reply.details) == (False, ("upbit",))
        assert desk.entries() is LedgerName.LIVE
        assert desk.engine.state.generation == generation

    @pytest.mark.parametrize("scope", ["", *SCOPES])
    def test_never_touches_a_closing(self, scope: str) -> None:
        """A trade that was opened before ends as it would have."""
        desk = Desk()
        desk.opened()
        desk.command(Pause("7", scope=scope))

        desk.even()

        assert {order.purpose for order in desk.take_orders()} == {Purpose.EXIT}

    def test_of_another_venue_blocks_nothing(self) -> None:
        """Only pairs with a leg there, or of that name."""
        desk = Desk(strategy=Desk().rules.strategy)
        desk.begin()
        desk.engine.state.apply(EntriesPaused(desk.at_ns, "7", scope="bithumb"))

        desk.signal()

        assert len(desk.all(OrdersApproved)) == 1

    @pytest.mark.parametrize("command", [Pause("7", scope="mars"), Resume("7", scope="mars")])
    def test_must_be_one_there_is(self, desk: Desk, command: Pause | Resume) -> None:
        """What is allowed is named."""
        outcome = desk.command(command)

        reply = reply_of(outcome)
        assert outcome.facts == ()
        assert (reply.changed, reply.code) == (False, ReplyCode.SCOPE_UNKNOWN)
        assert reply.details == SCOPES
        assert reply.note == f"no such venue or pair; allowed: {', '.join(SCOPES)}"

    def test_several_stand_at_once(self, desk: Desk) -> None:
        """Each is lifted by its own name, and all by none."""
        for scope in ("", "upbit", UPBIT_BINANCE):
            desk.command(Pause("7", scope=scope))

        one = reply_of(desk.command(Resume("7", "upbit")))
        left = scopes(desk)
        rest = reply_of(desk.command(Resume("7")))

        assert (one.code, one.details) == (ReplyCode.RESUMED, ("all", UPBIT_BINANCE))
        assert left == ["", UPBIT_BINANCE]
        assert (rest.changed, rest.paused, rest.details) == (True, False, ())
        assert scopes(desk) == []

    def test_is_not_lifted_where_it_does_not_stand(self, desk: Desk) -> None:
        """A pause of everything is not one of a venue."""
        desk.command(Pause("7"))

        reply = reply_of(desk.command(Resume("7", "upbit")))

        assert (reply.changed, reply.code, reply.paused) == (False, ReplyCode.NOT_PAUSED, True)


class TestRepeat:
    @pytest.mark.parametrize("scope", ["", "upbit"])
    def test_says_since_when_it_holds(self, desk: Desk, scope: str) -> None:
        """And writes nothing down."""
        since_ns = desk.at_ns
        desk.command(Pause("7", scope=scope))
        desk.pass_ms(500)

        outcome = desk.command(Pause("8", scope=scope))

        reply = reply_of(outcome)
        assert outcome.facts == ()
        assert (reply.changed, reply.code) == (False, ReplyCode.ALREADY_PAUSED)
        assert reply.since_ns == since_ns

    def test_with_another_end_replaces_the_end(self, desk: Desk) -> None:
        """Whether it comes sooner or later; it holds since the first."""
        since_ns = desk.at_ns
        paused(desk, 600)
        desk.pass_ms(1_000)

        reply = paused(desk, 1_800)

        (pause,) = desk.engine.state.pauses.standing
        assert (reply.changed, reply.code) == (True, ReplyCode.PAUSE_CHANGED)
        assert (reply.since_ns, pause.since_ns) == (since_ns, since_ns)
        assert pause.until_ns == desk.at_ns + 1_800 * SECOND_NS
        assert len(desk.all(EntriesPaused)) == 2

    def test_written_before_the_one_that_stands_changes_nothing(self, desk: Desk) -> None:
        """What was delivered late does not replace what was said later."""
        now_ns = desk.at_ns
        later = Pause("7", written_ns=now_ns - SECOND_NS)
        earlier = Pause("7", until_ns=now_ns + 60 * SECOND_NS, written_ns=now_ns - 9 * SECOND_NS)

        desk.command(later)
        reply = reply_of(desk.command(earlier))

        (pause,) = desk.engine.state.pauses.standing
        assert (reply.changed, pause.until_ns) == (False, 0)

    def test_that_was_over_before_it_began_is_refused(self, desk: Desk) -> None:
        """Half an hour counts from when it was written, and it was written an hour ago."""
        outcome = desk.command(Pause("7", until_ns=desk.at_ns, written_ns=desk.at_ns - MINUTE_NS))

        assert outcome.facts == ()
        assert reply_of(outcome).code is ReplyCode.PAUSE_OVER
        assert not desk.engine.state.paused


class TestEnd:
    @pytest.mark.parametrize("scope", ["", "upbit"])
    def test_comes_by_itself(self, desk: Desk, scope: str) -> None:
        """As a fact by the engine, at its time and not before."""
        paused(desk, 5, scope)

        desk.wait(4)
        before = scopes(desk)
        desk.wait(1)

        assert before == [scope]
        assert scopes(desk) == []
        (fact,) = desk.all(EntriesResumed)
        assert (fact.by, fact.scope) == ("engine", scope)

    def test_lets_live_entries_go_after_a_whole_cycle(self) -> None:
        """As any pause that is lifted."""
        desk = LiveDesk()
        desk.go_live()
        paused(desk, 3)
        desk.wait(2)
        desk.pass_ms(1_000)
        desk.again()
        assert not desk.engine.state.paused
        assert BlockReason.PAUSED not in (desk.engine.state.blocks or ())
        assert desk.entries() is LedgerName.PAPER

        desk.wait(1)

        assert desk.entries() is LedgerName.LIVE

    def test_waits_for_the_halt_file_to_go(self) -> None:
        """While it stands nothing is lifted, by nobody."""
        desk = LiveDesk()
        desk.go_live()
        desk.sense(halt_file=True)
        paused(desk, 3)
        desk.wait(10)
        stands = desk.engine.state.paused
        desk.sense(halt_file=False)

        desk.wait(2)

        assert stands
        assert not desk.engine.state.paused

    def test_that_passed_while_nobody_ran_comes_at_the_start(self) -> None:
        """One that did not stands on, with its end."""
        desk = Desk()
        desk.begin()
        paused(desk, 5, "upbit")
        paused(desk, 600, "binance")

        later = desk.restarted()
        known = scopes(later)
        later.start()

        assert known == ["binance", "upbit"]
        assert scopes(later) == ["binance"]
        assert [fact.scope for fact in later.all(EntriesResumed)] == ["upbit"]

    def test_is_by_the_hosts_clock_where_time_is_simulated(self) -> None:
        """Ten seconds of the operator's, not of a market that lives in another year."""
        desk = Desk()
        desk.begin()
        host_ns = AT_NS - 10_000 * MINUTE_NS
        pause = Pause("7", until_ns=host_ns + 10 * SECOND_NS)
        desk.process(CommandReceived(desk.at_ns, desk.mono_ns, pause, sight=Sight(host_ns, None)))
        desk.wait(30)
        stands = desk.engine.state.paused
        sensed = Readiness(mode=Mode.MOCK, at_ns=host_ns + 10 * SECOND_NS)
        desk.process(CycleTicked(desk.at_ns, desk.mono_ns, 1, sensed))

        desk.wait(1)

        assert stands
        assert not desk.engine.state.paused


class TestWarning:
    def test_comes_once_two_minutes_before_the_end(self, desk: Desk) -> None:
        """Early enough to prolong it."""
        until_ns = desk.at_ns + 190 * SECOND_NS
        paused(desk, 190, "upbit")

        desk.wait(69)
        assert desk.all(PauseEndsSoon) == []
        desk.wait(60)

        (fact,) = desk.all(PauseEndsSoon)
        assert (fact.scope, fact.until_ns) == ("upbit", until_ns)
        assert until_ns - fact.at_ns == 120 * SECOND_NS

    def test_comes_again_for_another_end(self, desk: Desk) -> None:
        """One that was prolonged ends like any other."""
        paused(desk, 180)
        desk.wait(61)
        paused(desk, 240)

        desk.wait(121)

        assert len({fact.until_ns for fact in desk.all(PauseEndsSoon)}) == 2

    def test_is_not_worth_it_for_a_short_pause(self, desk: Desk) -> None:
        """Who pauses for under three minutes knows."""
        paused(desk, 179)

        desk.wait(179)

        assert desk.all(PauseEndsSoon) == []
        assert not desk.engine.state.paused

    def test_is_not_repeated_by_a_restart(self) -> None:
        """It was told."""
        desk = Desk()
        desk.begin()
        paused(desk, 180)
        desk.wait(61)

        later = desk.restarted()
        later.start()

        assert len(desk.all(PauseEndsSoon)) == 1
        assert later.all(PauseEndsSoon) == []
        assert later.engine.state.paused
