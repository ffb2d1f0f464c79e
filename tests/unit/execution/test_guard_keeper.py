"""The gate's keeper: each live order is judged anew, by all that is sensed as it leaves."""

import pytest
from msgspec.structs import replace

from tests.support.builders import AT_NS, BINANCE_BTC, MS_NS, an_intent
from tests.support.lanes import LaneSpy
from trader.domain.authority import Authority, FileMark, Latch, Level
from trader.domain.clock import SimulatedClock
from trader.domain.control import BlockReason, Mode
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import BINANCE, UPBIT
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    TradeId,
)
from trader.domain.readiness import PairReadiness, Readiness
from trader.execution.gate import OUTDATED, PAIR_NOT_READY, Gate, GuardKeeper
from trader.risk.live_guard import GuardRules, LiveGuard, Memory

PAIR = PairName("upbit-binance")
OTHER_PAIR = PairName("bithumb-binance")
MARK = FileMark(8, 21, 1_000, 1_000)
GENERATION = 5
RULES = GuardRules(
    max_redis_heartbeat_age_ms=5_000.0,
    max_clock_skew_ms=500.0,
    max_loop_lag_ms=250.0,
    min_disk_free_mb=500.0,
    dry_run_cycles=3,
    redis_needed=False,
    operator_needed=False,
)
READY = Readiness(
    mode=Mode.LIVE,
    env_flag=True,
    confirm_file=True,
    confirm_file_safe=True,
    lock_held=True,
    keys_cannot_withdraw=True,
    safety_holds=True,
    disk_free_mb=10_000.0,
    fresh_pairs=1,
    clock_skew_ms=10.0,
    reconciled=True,
    loop_lag_ms=1.0,
    at_ns=AT_NS,
    file_mark=MARK,
    pairs={PAIR: PairReadiness(fresh=True, reconciled=True, clock_holds=True)},
)
DEMOTED = Authority(Level.PAPER, 3, Latch("PAPER", "42", 1, MARK))


def an_order(purpose: Purpose = Purpose.OPEN, **changes: object) -> ApprovedOrder:
    """A live order approved in this generation."""
    order = ApprovedOrder(
        ClientOrderId("tr-test-1"),
        TradeId("T1"),
        PAIR,
        LedgerName.LIVE,
        purpose,
        an_intent(),
        GENERATION,
        AT_NS,
    )
    return replace(order, **changes)


class Host:
    """What the keeper finds; each part may be changed between two orders."""

    def __init__(self) -> None:
        self.authority = Authority(Level.LIVE, 2)
        self.memory = Memory(dry_left=0, is_whole=True, generation=GENERATION)
        self.readiness = READY
        self.looks = 0
        self.keeper = GuardKeeper(LiveGuard(RULES), self._standing, self._sense)

    def _standing(self) -> tuple[Authority, Memory]:
        return self.authority, self.memory

    def _sense(self) -> Readiness:
        self.looks += 1
        return self.readiness


@pytest.fixture
def host() -> Host:
    """A host where everything holds and the dry run is done."""
    return Host()


class TestKeeper:
    def test_lets_an_order_go_and_looks_for_each(self, host: Host) -> None:
        """Nothing of the last look is kept for the next."""
        assert host.keeper.why_not(an_order()) == ""
        assert host.keeper.why_not(an_order(Purpose.EXIT)) == ""
        assert host.looks == 2

    def test_names_every_reason(self, host: Host) -> None:
        """Not just the first."""
        host.readiness = replace(READY, env_flag=False, disk_free_mb=1.0)

        assert host.keeper.why_not(an_order()) == "ENV_FLAG_MISSING;DISK_LOW"

    @pytest.mark.parametrize("generation", [GENERATION - 1, GENERATION + 1])
    def test_lets_no_other_generation_go(self, host: Host, generation: int) -> None:
        """Approved before the last loss, or by something that is not this process's past."""
        assert host.keeper.why_not(an_order(generation=generation)) == OUTDATED
        assert host.looks == 0

    def test_voids_what_was_approved_before_a_loss_it_met(self, host: Host) -> None:
        """Though the cause is over before the loop has seen it; the next generation goes."""
        host.readiness = replace(READY, lock_held=False)
        assert host.keeper.why_not(an_order()) == BlockReason.LOCK_NOT_HELD
        host.readiness = READY

        assert host.keeper.why_not(an_order()) == OUTDATED

        host.memory = replace(host.memory, generation=GENERATION + 1)
        assert host.keeper.why_not(an_order(generation=GENERATION + 1)) == ""

    def test_stops_everything_while_a_halt_is_on_its_way(self, host: Host) -> None:
        """Before it is durable; afterwards the record says what still goes."""
        host.keeper.halt_at_once()
        assert host.keeper.why_not(an_order()) == BlockReason.HALTED
        assert host.keeper.why_not(an_order(Purpose.STOP_LOSS)) == BlockReason.HALTED

        host.keeper.halt_is_durable()
        assert host.keeper.why_not(an_order()) == ""

    def test_lets_a_closing_go_where_no_entry_does(self, host: Host) -> None:
        """Demoted: the trade that is open can still be closed."""
        host.authority = DEMOTED

        assert host.keeper.why_not(an_order(Purpose.EXIT)) == ""
        assert BlockReason.DEMOTED in host.keeper.why_not(an_order()).split(";")

    def test_asks_about_the_order_s_own_pair(self, host: Host) -> None:
        """The gate is open, and this pair is not ready, or nothing is known of it."""
        assert host.keeper.why_not(an_order(pair=OTHER_PAIR)) == PAIR_NOT_READY


class OnlyUpbit:
    """A keeper that lets the orders of one venue go, so that a trade is half refused."""

    def why_not(self, order: ApprovedOrder) -> str:
        """Refuse the others."""
        return "" if str(order.intent.instrument).startswith(UPBIT) else BlockReason.DISK_LOW


class TestGateWithAKeeper:
    @pytest.mark.parametrize(
        ("keeper", "reason"),
        [(OnlyUpbit(), BlockReason.DISK_LOW), (None, BlockReason.MODE_NOT_LIVE)],
        ids=["refuses one leg", "is not there"],
    )
    def test_blocks_a_trade_whole(self, keeper: OnlyUpbit | None, reason: BlockReason) -> None:
        """One leg alone would be a position nobody wanted; without a keeper nothing is live."""
        clock, paper, reports = SimulatedClock(AT_NS), LaneSpy(), list[Event]()
        clock.advance(MS_NS)
        lanes = {UPBIT: LaneSpy(), BINANCE: LaneSpy()}
        gate = Gate(paper, clock, reports.append, 2_500, lanes, keeper)
        now = clock.now().mono_ns
        legs = [
            an_order(signal_ns=now),
            an_order(
                signal_ns=now,
                client_order_id=ClientOrderId("tr-test-2"),
                intent=an_intent(BINANCE_BTC),
            ),
        ]

        gate.dispatch(legs)

        assert not any(lane.sent for lane in (paper, *lanes.values()))
        assert [type(report) for report in reports] == [OrderReported, OrderReported]
        for report in reports:
            assert isinstance(report, OrderReported)
            assert (report.state, report.reason) == (OrderState.BLOCKED, reason)
