"""Orders: sides, purposes, the state table, and what may still execute at worst."""

from decimal import Decimal

import pytest

from tests.support.builders import UPBIT_BTC, a_proposal, an_instrument, some_limits
from trader.domain.instrument import InstrumentId
from trader.domain.order import (
    FINAL_STATES,
    TRANSITIONS,
    ClientOrderId,
    Order,
    OrderState,
    Purpose,
    Side,
    TradeId,
    may_become,
    worsened,
)
from trader.risk.measure import Measured, Reading
from trader.risk.safety import ENTRY_CHECKS, Bound, SafetyValidator

S = OrderState


def an_order(state: OrderState, executed: str = "0") -> Order:
    """The documented sale of 0.00066, approved and come this far."""
    limits = some_limits()
    readings: dict[str, tuple[Reading]] = {}
    for check in ENTRY_CHECKS:
        limit = getattr(limits, check.limit) if check.limit else Decimal(0)
        readings[check.measure] = (
            Reading(limit * 2 if check.bound is Bound.ABOVE else Decimal(0)),
        )
    verdict = SafetyValidator(limits).validate(
        a_proposal(), Measured(**readings), TradeId("T1"), 0, lambda: ClientOrderId("o1")
    )
    return Order(verdict.orders[0], state, Decimal(executed))


class TestStates:
    def test_every_state_has_its_row(self) -> None:
        """The table is whole."""
        assert set(TRANSITIONS) == set(S)

    @pytest.mark.parametrize("state", sorted(FINAL_STATES))
    def test_from_a_final_state_nothing_follows(self, state: OrderState) -> None:
        """Late fills are booked all the same, elsewhere."""
        assert not any(may_become(state, after) for after in S)

    @pytest.mark.parametrize("state", [s for s in S if s not in FINAL_STATES])
    def test_every_other_state_can_end(self, state: OrderState) -> None:
        """Nothing is stuck for good."""
        assert TRANSITIONS[state] & FINAL_STATES

    def test_what_filled_cannot_be_rejected(self) -> None:
        """A rejection says that nothing rests and nothing was done."""
        assert not may_become(S.PARTIAL, S.REJECTED)
        assert not may_become(S.PARTIAL, S.ACKNOWLEDGED)

    def test_an_unknown_order_is_settled_by_what_is_learnt(self) -> None:
        """Any answer, or quarantine."""
        for after in (S.FILLED, S.CANCELLED, S.REJECTED, S.PARTIAL, S.QUARANTINED):
            assert may_become(S.UNKNOWN, after)
        assert not may_become(S.UNKNOWN, S.BLOCKED)

    def test_only_what_never_left_can_be_blocked(self) -> None:
        """The gate's refusal comes before the write."""
        assert {state for state in S if may_become(state, S.BLOCKED)} == {S.PLANNED, S.SENDING}


class TestRemaining:
    @pytest.mark.parametrize("state", [s for s in S if s not in FINAL_STATES])
    def test_until_final_the_rest_may_still_execute(self, state: OrderState) -> None:
        """Unknown and quarantined too."""
        assert an_order(state, "0.0002").remaining == Decimal("0.00046")

    @pytest.mark.parametrize("state", sorted(FINAL_STATES))
    def test_of_a_final_order_nothing(self, state: OrderState) -> None:
        """It is over, however little filled."""
        assert an_order(state, "0.0002").remaining == 0

    def test_never_below_nothing(self) -> None:
        """A venue that executed more than was ordered."""
        assert an_order(S.PARTIAL, "5").remaining == 0


class TestWorsened:
    @pytest.mark.parametrize(
        ("side", "expected"), [(Side.BUY, 151_664_000), (Side.SELL, 150_156_000)]
    )
    def test_is_on_the_tick_inside_the_bound(self, side: Side, expected: int) -> None:
        """Half a percent from 150,910,000: 151,664,550 down, 150,155,450 up."""
        price = worsened(Decimal(150_910_000), Decimal("0.50"), side, an_instrument())

        assert price == expected

    @pytest.mark.parametrize("side", list(Side))
    def test_by_nothing_is_the_best(self, side: Side) -> None:
        """A bound of zero takes the best level only."""
        best = Decimal(150_910_000)

        assert worsened(best, Decimal(0), side, an_instrument()) == best


def test_sides_are_opposites() -> None:
    """A purchase adds, a sale takes away."""
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


def test_only_opening_and_completing_are_entries() -> None:
    """Every other purpose is bound by the short list."""
    entries = {purpose for purpose in Purpose if not purpose.is_closing}

    assert entries == {Purpose.OPEN, Purpose.COMPLETE}


def test_a_purpose_is_carried_from_proposal_to_order() -> None:
    """What the gate judges by."""
    order = an_order(S.PLANNED).approved

    assert (order.is_closing, a_proposal().is_closing) == (False, False)
    assert order.intent.instrument == InstrumentId(UPBIT_BTC)
