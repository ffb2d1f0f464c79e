"""The gate: the only door, and the last look. A trade goes out whole or not at all."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import AT_NS, BINANCE_BTC, MS_NS, an_intent
from tests.support.lanes import LaneSpy
from trader.domain.clock import SimulatedClock
from trader.domain.control import BlockReason, CheckName
from trader.domain.events import Event, OrderReported
from trader.domain.instrument import BINANCE, UPBIT, Venue
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.execution.gate import Gate

MAX_DELAY_MS = 2_500


class OpenKeeper:
    """Lets every live order out; what a keeper asks is tested for itself."""

    def why_not(self, _order: ApprovedOrder) -> str:
        """No reason."""
        return ""


class ShutKeeper:
    """Lets no live order out."""

    def why_not(self, _order: ApprovedOrder) -> str:
        """The same reason for each."""
        return BlockReason.HALTED


class Door:
    """A gate with a paper venue, and lanes of the venues named."""

    def __init__(self, *venues: Venue) -> None:
        self.clock = SimulatedClock(AT_NS)
        self.clock.advance(10_000 * MS_NS)
        self.paper = LaneSpy()
        self.lanes = {venue: LaneSpy() for venue in venues}
        self.reports: list[Event] = []
        self.gate = Gate(
            self.paper,
            self.clock,
            self.reports.append,
            MAX_DELAY_MS,
            self.lanes,
            OpenKeeper(),
        )

    def both_legs(
        self, ledger: LedgerName = LedgerName.PAPER, **changes: object
    ) -> list[ApprovedOrder]:
        """An opening of now."""
        now = self.clock.now().mono_ns
        legs = [
            ApprovedOrder(
                ClientOrderId(f"tr-test-{number}"),
                TradeId("T1"),
                PairName("upbit-binance"),
                ledger,
                Purpose.OPEN,
                intent,
                0,
                now,
            )
            for number, intent in enumerate(
                [an_intent(), an_intent(BINANCE_BTC, Side.BUY, "0.00066", 108_000)]
            )
        ]
        return [replace(leg, **changes) for leg in legs]

    @property
    def blocked(self) -> list[tuple[str, OrderState, str]]:
        """Order, state and reason of every report."""
        return [
            (r.client_order_id, r.state, r.reason)
            for r in self.reports
            if isinstance(r, OrderReported)
        ]


def test_paper_orders_go_to_paper() -> None:
    """Both legs, in their order."""
    door = Door()
    legs = door.both_legs()

    door.gate.dispatch(legs)

    assert door.paper.sent == legs
    assert door.reports == []


def test_live_orders_without_lanes_are_blocked_whole() -> None:
    """Both legs come back, final, nothing executed; neither is rerouted to paper."""
    door = Door()

    door.gate.dispatch(door.both_legs(LedgerName.LIVE))

    assert door.paper.sent == []
    assert door.blocked == [
        ("tr-test-0", OrderState.BLOCKED, BlockReason.MODE_NOT_LIVE),
        ("tr-test-1", OrderState.BLOCKED, BlockReason.MODE_NOT_LIVE),
    ]
    assert all(isinstance(r, OrderReported) and r.executed == Decimal(0) for r in door.reports)


def test_live_orders_are_blocked_whole_where_one_venue_has_no_lane() -> None:
    """One leg alone is a naked position."""
    door = Door(UPBIT)

    door.gate.dispatch(door.both_legs(LedgerName.LIVE))

    assert len(door.blocked) == 2
    assert door.lanes[UPBIT].sent == door.paper.sent == []


def test_live_orders_never_reach_paper_also_with_lanes() -> None:
    """A live order filled on paper is a trade the live ledger holds and no venue knows."""
    door = Door(UPBIT, BINANCE)
    legs = door.both_legs(LedgerName.LIVE)

    door.gate.dispatch(legs)

    assert door.paper.sent == []
    assert door.lanes[UPBIT].sent == legs[:1]
    assert door.lanes[BINANCE].sent == legs[1:]


@pytest.mark.parametrize(
    ("age_ms", "goes"), [(0, True), (MAX_DELAY_MS - 1, True), (MAX_DELAY_MS, False), (-1, False)]
)
def test_the_delay_is_strict(age_ms: int, goes: bool) -> None:
    """Signal to send must be under the bound; an order from the future does not pass either."""
    door = Door()
    signal_ns = door.clock.now().mono_ns - age_ms * MS_NS

    door.gate.dispatch(door.both_legs(signal_ns=signal_ns))

    assert bool(door.paper.sent) is goes
    assert [reason for _, _, reason in door.blocked] == [CheckName.ORDER_DELAY] * (0 if goes else 2)


def test_one_late_leg_blocks_both() -> None:
    """Both legs are sent in one step, or neither."""
    door = Door()
    first, second = door.both_legs()
    late = replace(second, signal_ns=first.signal_ns - MAX_DELAY_MS * MS_NS)

    door.gate.dispatch([first, late])

    assert door.paper.sent == []
    assert len(door.blocked) == 2


def test_another_trade_is_not_blocked_with_it() -> None:
    """Trades are judged apart, also when they are sent together."""
    door = Door()
    late = door.both_legs(signal_ns=0)
    good = door.both_legs(trade_id=TradeId("T2"))

    door.gate.dispatch([*late, *good])

    assert door.paper.sent == good


def test_shut_lets_nothing_out() -> None:
    """For good: nothing opens it again."""
    door = Door(UPBIT, BINANCE)
    door.gate.shut()

    door.gate.dispatch(door.both_legs())
    door.gate.dispatch(door.both_legs(LedgerName.LIVE))

    assert door.paper.sent == door.lanes[UPBIT].sent == []
    assert {reason for _, _, reason in door.blocked} == {"GATE_SHUT"}


def test_an_order_whose_lane_breaks_is_unknown_and_never_called_blocked() -> None:
    """It may have left; only the venue can tell."""
    door = Door(UPBIT, BINANCE)
    door.lanes[UPBIT].failure = OSError("broken pipe")
    first, second = door.both_legs(LedgerName.LIVE)

    door.gate.dispatch([first, second])

    assert door.blocked == [(first.client_order_id, OrderState.UNKNOWN, "lane broke: OSError")]
    assert door.lanes[BINANCE].sent == [second]


class TestPreparing:
    """What takes time is done before the guard is asked, for every leg of a trade or for none."""

    def test_a_leg_that_cannot_leave_keeps_the_other_back(self) -> None:
        """A busy lane or an empty budget blocks both legs, and nothing stays taken."""
        door = Door(UPBIT, BINANCE)
        door.lanes[BINANCE].refuses = "LANE_BUSY"
        first, second = door.both_legs(LedgerName.LIVE)

        door.gate.dispatch([first, second])

        assert {reason for _, _, reason in door.blocked} == {"LANE_BUSY"}
        assert len(door.blocked) == 2
        assert door.lanes[UPBIT].released == [first]
        assert door.lanes[UPBIT].prepared == door.lanes[UPBIT].sent == []
        assert door.lanes[BINANCE].released == door.lanes[BINANCE].sent == []

    def test_what_the_guard_refuses_gives_back_what_it_took(self) -> None:
        """Orders that were signed and do not leave cost the venue's budget nothing."""
        door = Door(UPBIT, BINANCE)
        door.gate = Gate(
            door.paper, door.clock, door.reports.append, MAX_DELAY_MS, door.lanes, ShutKeeper()
        )
        first, second = door.both_legs(LedgerName.LIVE)

        door.gate.dispatch([first, second])

        assert {reason for _, _, reason in door.blocked} == {"HALTED"}
        assert door.lanes[UPBIT].released == [first]
        assert door.lanes[BINANCE].released == [second]
        assert door.lanes[UPBIT].sent == door.lanes[BINANCE].sent == []

    def test_paper_is_not_prepared_for(self) -> None:
        """A paper order takes nothing from a venue's budget."""
        door = Door(UPBIT, BINANCE)
        door.lanes[UPBIT].refuses = door.lanes[BINANCE].refuses = "THROTTLED"

        door.gate.dispatch(door.both_legs(LedgerName.PAPER))

        assert door.blocked == []
        assert len(door.paper.sent) == 2
