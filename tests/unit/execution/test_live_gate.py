"""The gate of a live process: keeper, gate and lanes as one, with a stand-in for every venue.

What is told apart here is what still goes in each state, and that nothing goes by what was so
before: every loss voids what was approved ahead of it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    MS_NS,
    UPBIT_BINANCE,
    UPBIT_BITHUMB,
    an_intent,
)
from tests.support.lanes import LaneSpy
from tests.support.live_desk import GOOD_PAIR, GUARD, MARK, READY
from trader.domain.authority import Authority, Latch, Level
from trader.domain.clock import SimulatedClock
from trader.domain.control import BlockReason, Mode
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import BINANCE, UPBIT
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    OrderState,
    Purpose,
    Side,
    TradeId,
)
from trader.domain.readiness import PairReadiness
from trader.execution.gate import OUTDATED, PAIR_NOT_READY, Gate, GuardKeeper
from trader.risk.live_guard import LiveGuard, Memory

GENERATION = 5
LATCHED = Latch("PAPER", "7", 1, MARK)
OWN_CLOSINGS = (Purpose.EXIT, Purpose.STOP_LOSS, Purpose.REBALANCE)
BY_OPERATOR = (Purpose.FLATTEN, Purpose.CLOSE)
CLOSINGS = (*OWN_CLOSINGS, *BY_OPERATOR, Purpose.UNWIND)
ENTRIES = (Purpose.OPEN, Purpose.COMPLETE)


class Exchange:
    """Gate, keeper and two lanes on a host where everything holds."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.clock.advance(10_000 * MS_NS)
        self.authority = Authority(Level.LIVE, 2)
        self.memory = Memory(dry_left=0, is_whole=True, generation=GENERATION)
        self.readiness = replace(READY, at_ns=AT_NS)
        self.paper, self.lanes = LaneSpy(), {UPBIT: LaneSpy(), BINANCE: LaneSpy()}
        self.reports: list[Event] = []
        self.keeper = GuardKeeper(
            LiveGuard(GUARD), lambda: (self.authority, self.memory), lambda: self.readiness
        )
        self.gate = Gate(
            self.paper, self.clock, self.reports.append, 2_500, self.lanes, self.keeper
        )

    def sense(self, **changes: Any) -> None:
        """Something on the host changes."""
        self.readiness = replace(self.readiness, **changes)

    def legs(self, purpose: Purpose = Purpose.OPEN, **changes: Any) -> list[ApprovedOrder]:
        """Both legs of a trade, approved now and in this generation."""
        intents = (an_intent(), an_intent(BINANCE_BTC, Side.BUY, "0.00066", 108_000))
        return [
            replace(
                ApprovedOrder(
                    ClientOrderId(f"tr-test-{number}"),
                    TradeId("T1"),
                    UPBIT_BINANCE,
                    LedgerName.LIVE,
                    purpose,
                    intent,
                    GENERATION,
                    self.clock.now().mono_ns,
                ),
                **changes,
            )
            for number, intent in enumerate(intents)
        ]

    def send(self, purpose: Purpose = Purpose.OPEN, **changes: Any) -> str:
        """Dispatch both legs; returns why not, empty when both went. Nothing may go by halves."""
        legs = self.legs(purpose, **changes)
        self.reports.clear()
        for lane in self.lanes.values():
            lane.sent.clear()
        self.gate.dispatch(legs)
        sent = [order for lane in self.lanes.values() for order in lane.sent]
        assert self.paper.sent == []
        assert sent in ([], legs)
        reports = [report for report in self.reports if isinstance(report, OrderReported)]
        if sent:
            assert reports == []
            return ""
        assert [r.client_order_id for r in reports] == [o.client_order_id for o in legs]
        assert {(r.state, r.executed) for r in reports} == {(OrderState.BLOCKED, Decimal(0))}
        (reason,) = {report.reason for report in reports}
        return reason

    def goes(self, *purposes: Purpose) -> list[bool]:
        """Which of these go in this state, each asked as if nothing had been asked before."""
        answers = []
        for purpose in purposes:
            self.memory = replace(self.memory, generation=self.memory.generation + 1)
            answers.append(not self.send(purpose, generation=self.memory.generation))
        return answers


@pytest.fixture
def exchange() -> Exchange:
    """Everything holds."""
    return Exchange()


class TestEntries:
    def test_go_where_everything_holds(self, exchange: Exchange) -> None:
        """Both legs, each to its own venue, and none to paper."""
        assert exchange.send() == ""
        assert [len(lane.sent) for lane in exchange.lanes.values()] == [1, 1]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"mode": Mode.PAPER}, "MODE_NOT_LIVE"),
            ({"env_flag": False}, "ENV_FLAG_MISSING"),
            (
                {"confirm_file": False, "confirm_file_safe": None, "file_mark": None},
                "CONFIRM_FILE_MISSING",
            ),
            ({"confirm_file_safe": False}, "CONFIRM_FILE_UNSAFE"),
            ({"lock_held": None}, "LOCK_NOT_HELD"),
            ({"keys_cannot_withdraw": False}, "KEY_SCOPE_TOO_WIDE"),
            ({"halt_file": True}, "HALTED"),
            ({"breakers": ("DAILY_LOSS",)}, "BREAKER_TRIPPED"),
            ({"safety_holds": False}, "SAFETY_FAILED"),
            ({"disk_free_mb": 500.0}, "DISK_LOW"),
            ({"fresh_pairs": 0}, "FEEDS_STALE"),
            ({"clock_skew_ms": 500.0}, "CLOCK_SKEWED"),
            ({"reconciled": None}, "NOT_RECONCILED"),
            ({"loop_lag_ms": 250.0}, "LOOP_SLOW"),
            ({"verdict_age_cycles": 2.0}, "LOOP_SLOW"),
            ({"paused": True}, "PAUSED"),
        ],
    )
    def test_do_not_go_where_one_thing_fails(
        self, exchange: Exchange, changes: dict[str, Any], reason: str
    ) -> None:
        """Sensed at this instant, whatever the last look of the loop found."""
        exchange.sense(**changes)

        assert reason in exchange.send().split(";")

    def test_do_not_go_before_the_dry_run_is_done(self, exchange: Exchange) -> None:
        """Nor where the last look was not whole."""
        exchange.memory = replace(exchange.memory, dry_left=1)
        assert exchange.send() == BlockReason.DRY_RUN

        exchange.memory = replace(exchange.memory, dry_left=0, is_whole=False, generation=6)
        assert exchange.send(generation=6) == BlockReason.DRY_RUN

    def test_do_not_go_where_authority_was_never_raised(self, exchange: Exchange) -> None:
        """Though nothing that is sensed forbids it: raising is the loop's, not the gate's."""
        exchange.authority = Authority()

        assert exchange.send() == BlockReason.CONFIRM_FILE_NOT_ARMED

    def test_name_every_reason(self, exchange: Exchange) -> None:
        """Both legs carry all of them."""
        exchange.sense(env_flag=False, disk_free_mb=0.0, paused=True)

        assert exchange.send() == "ENV_FLAG_MISSING;DISK_LOW;PAUSED"

    @pytest.mark.parametrize(
        "pair",
        [
            None,
            replace(GOOD_PAIR, fresh=False),
            replace(GOOD_PAIR, reconciled=False),
            replace(GOOD_PAIR, clock_holds=False),
        ],
    )
    def test_do_not_go_where_their_own_pair_is_not_ready(
        self, exchange: Exchange, pair: PairReadiness | None
    ) -> None:
        """Another pair's good books are no help, and its orders are no worse for it."""
        pairs = {} if pair is None else {UPBIT_BINANCE: pair}
        exchange.sense(pairs={UPBIT_BITHUMB: GOOD_PAIR, **pairs})

        assert exchange.send() == PAIR_NOT_READY
        assert exchange.send(pair=UPBIT_BITHUMB) == ""


class TestGenerations:
    @pytest.mark.parametrize("generation", [0, GENERATION - 1, GENERATION + 1])
    @pytest.mark.parametrize("purpose", [Purpose.OPEN, Purpose.STOP_LOSS])
    def test_nothing_crosses_them(
        self, exchange: Exchange, purpose: Purpose, generation: int
    ) -> None:
        """Neither an order approved before a loss, nor one from a future that never was."""
        assert exchange.send(purpose, generation=generation) == OUTDATED

    def test_one_leg_of_another_generation_blocks_both(self, exchange: Exchange) -> None:
        """A trade goes whole or not at all."""
        first, second = exchange.legs()

        exchange.gate.dispatch([first, replace(second, generation=GENERATION - 1)])

        assert all(lane.sent == [] for lane in exchange.lanes.values())
        assert len(exchange.reports) == 2

    def test_a_loss_met_here_voids_what_was_approved_before(self, exchange: Exchange) -> None:
        """Though it is over before the loop has seen it: closings as well, until the next one."""
        exchange.sense(lock_held=False)
        assert exchange.send() == BlockReason.LOCK_NOT_HELD
        exchange.sense(lock_held=True)

        assert exchange.send() == OUTDATED
        assert exchange.send(Purpose.EXIT) == OUTDATED

        exchange.memory = replace(exchange.memory, generation=GENERATION + 1)
        assert exchange.send() == OUTDATED
        assert exchange.send(generation=GENERATION + 1) == ""

    def test_a_loss_between_two_trades_voids_the_second(self, exchange: Exchange) -> None:
        """Also where both are dispatched in one step, and what was lost is back."""
        looks = iter([replace(READY, env_flag=False)])
        exchange.keeper = GuardKeeper(
            LiveGuard(GUARD),
            lambda: (exchange.authority, exchange.memory),
            lambda: next(looks, exchange.readiness),
        )
        exchange.gate = Gate(
            exchange.paper,
            exchange.clock,
            exchange.reports.append,
            2_500,
            exchange.lanes,
            exchange.keeper,
        )

        exchange.gate.dispatch([*exchange.legs(), *exchange.legs(trade_id=TradeId("T2"))])

        reasons = [r.reason for r in exchange.reports if isinstance(r, OrderReported)]
        assert reasons == [BlockReason.ENV_FLAG_MISSING] * 2 + [OUTDATED] * 2

    def test_a_closing_held_up_by_its_pair_voids_no_other(self, exchange: Exchange) -> None:
        """Its reason is its own, even where entries are shut for everybody."""
        exchange.authority = Authority(Level.PAPER, 3, LATCHED)
        exchange.sense(pairs={UPBIT_BINANCE: PairReadiness(), UPBIT_BITHUMB: GOOD_PAIR})

        assert exchange.send(Purpose.EXIT) == PAIR_NOT_READY
        assert exchange.send(Purpose.EXIT, pair=UPBIT_BITHUMB) == ""


class TestHaltOnItsWay:
    def test_shuts_before_the_fact(self, exchange: Exchange) -> None:
        """Whatever the record still says; and looks at nothing for it."""
        exchange.keeper.halt_at_once()

        assert exchange.goes(*ENTRIES, *CLOSINGS) == [False] * 8
        assert exchange.send(generation=exchange.memory.generation) == BlockReason.HALTED

    def test_hands_over_to_the_record(self, exchange: Exchange) -> None:
        """Once it is durable the record says what still goes: here the one unwinding."""
        exchange.keeper.halt_at_once()
        exchange.authority = Authority(Level.HALT, 3, LATCHED)
        exchange.keeper.halt_is_durable()

        assert exchange.goes(Purpose.UNWIND, Purpose.EXIT) == [True, False]

    def test_waits_for_each_of_two(self, exchange: Exchange) -> None:
        """The second may be the stricter one, which forbids even the unwinding."""
        exchange.keeper.halt_at_once()
        exchange.keeper.halt_at_once()
        exchange.authority = Authority(Level.HALT, 3, LATCHED)
        exchange.keeper.halt_is_durable()
        assert exchange.goes(Purpose.UNWIND) == [False]

        exchange.keeper.halt_is_durable()
        assert exchange.goes(Purpose.UNWIND) == [True]

    def test_is_not_owed_one(self, exchange: Exchange) -> None:
        """A halt that came another way settles nothing that is still to come."""
        exchange.keeper.halt_is_durable()
        exchange.keeper.halt_at_once()

        assert exchange.goes(Purpose.OPEN) == [False]


def suspended(exchange: Exchange) -> None:
    exchange.sense(loop_lag_ms=None)


def paused(exchange: Exchange) -> None:
    exchange.sense(paused=True)


def demoted(exchange: Exchange) -> None:
    exchange.authority = Authority(Level.PAPER, 3, LATCHED)


def revoked(exchange: Exchange) -> None:
    exchange.sense(lock_held=False)


def halted(exchange: Exchange) -> None:
    exchange.authority = Authority(Level.HALT, 3, LATCHED)


def halted_now(exchange: Exchange) -> None:
    exchange.authority = Authority(Level.HALT, 3, LATCHED, nothing_goes=True)


def no_flag(exchange: Exchange) -> None:
    exchange.sense(env_flag=False)


def no_file(exchange: Exchange) -> None:
    exchange.sense(confirm_file=False, confirm_file_safe=None, file_mark=None)


def unsafe_file(exchange: Exchange) -> None:
    exchange.sense(confirm_file_safe=False)


def not_reconciled(exchange: Exchange) -> None:
    exchange.sense(pairs={UPBIT_BINANCE: replace(GOOD_PAIR, reconciled=False)})


def stale(exchange: Exchange) -> None:
    exchange.sense(pairs={UPBIT_BINANCE: replace(GOOD_PAIR, fresh=False)})


Condition = Callable[[Exchange], None]
ALL, NONE = frozenset(CLOSINGS), frozenset[Purpose]()
IN_A_HALT = frozenset({*BY_OPERATOR, Purpose.UNWIND})


class TestClosings:
    @pytest.mark.parametrize(
        ("conditions", "go"),
        [
            ((), ALL),
            ((paused,), ALL),
            ((suspended,), ALL),
            ((demoted,), ALL),
            ((demoted, suspended, paused), ALL),
            ((demoted, no_flag), NONE),
            ((demoted, no_file), NONE),
            ((demoted, unsafe_file), NONE),
            ((revoked,), NONE),
            ((no_flag,), NONE),
            ((no_file,), NONE),
            ((unsafe_file,), NONE),
            ((halted,), IN_A_HALT),
            ((halted, suspended), IN_A_HALT),
            ((halted, no_flag), NONE),
            ((halted, no_file), NONE),
            ((halted, revoked), NONE),
            ((halted_now,), NONE),
            ((not_reconciled,), NONE),
            ((stale,), NONE),
            ((suspended, stale), NONE),
            ((demoted, not_reconciled), NONE),
            ((halted, not_reconciled), NONE),
        ],
    )
    def test_go_by_the_state(
        self, exchange: Exchange, conditions: tuple[Condition, ...], go: frozenset[Purpose]
    ) -> None:
        """Where several hold the strictest counts; no entry goes in any of them but the first."""
        for condition in conditions:
            condition(exchange)

        assert dict(zip(CLOSINGS, exchange.goes(*CLOSINGS), strict=True)) == {
            purpose: purpose in go for purpose in CLOSINGS
        }
        assert exchange.goes(*ENTRIES) == [not conditions] * 2

    def test_do_not_wait_for_the_dry_run(self, exchange: Exchange) -> None:
        """Only entries do."""
        exchange.memory = Memory(dry_left=3, generation=GENERATION)

        assert exchange.goes(Purpose.STOP_LOSS, Purpose.OPEN) == [True, False]


class TestAWriteThatFails:
    def test_is_no_refusal(self, exchange: Exchange) -> None:
        """It may have left all the same: its outcome is unknown, and the other leg's is not."""
        exchange.lanes[BINANCE].failure = OSError("broken pipe")
        legs = exchange.legs()

        exchange.gate.dispatch(legs)

        assert len(exchange.lanes[UPBIT].sent) == 1
        (report,) = exchange.reports
        assert isinstance(report, OrderReported)
        assert report.client_order_id == legs[1].client_order_id
        assert (report.state, report.reason) == (OrderState.UNKNOWN, "lane broke: OSError")

    def test_does_not_keep_the_other_leg_back(self, exchange: Exchange) -> None:
        """The first may have left, so the second must: one leg alone is the worse trade."""
        exchange.lanes[UPBIT].failure = OSError("broken pipe")

        exchange.gate.dispatch(exchange.legs())

        assert len(exchange.lanes[BINANCE].sent) == 1

    def test_leaves_the_gate_as_it_was(self, exchange: Exchange) -> None:
        """Shut afterwards, it lets nothing out, whatever else holds."""
        exchange.gate.shut()

        assert exchange.send() == "GATE_SHUT"
        assert exchange.send(Purpose.UNWIND) == "GATE_SHUT"
