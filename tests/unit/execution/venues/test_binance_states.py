"""Where an order stands, cell by cell: its status at the venue, and whether anything executed."""

from decimal import Decimal

import pytest

from trader.domain.order import OrderState
from trader.execution.binance_orders import STATES, state_of

NOTHING = Decimal("0.00000000")
SOMETHING = Decimal("0.00000001")


class TestStates:
    """What was executed decides as much as the status does."""

    @pytest.mark.parametrize(
        ("status", "executed", "state"),
        [
            ("NEW", NOTHING, OrderState.ACKNOWLEDGED),
            ("NEW", SOMETHING, OrderState.PARTIAL),
            ("PENDING_NEW", NOTHING, OrderState.ACKNOWLEDGED),
            ("PENDING_NEW", SOMETHING, OrderState.PARTIAL),
            ("PENDING_CANCEL", NOTHING, OrderState.ACKNOWLEDGED),
            ("PENDING_CANCEL", SOMETHING, OrderState.PARTIAL),
            ("PARTIALLY_FILLED", NOTHING, OrderState.ACKNOWLEDGED),
            ("PARTIALLY_FILLED", SOMETHING, OrderState.PARTIAL),
            ("FILLED", NOTHING, OrderState.UNKNOWN),
            ("FILLED", SOMETHING, OrderState.FILLED),
            ("CANCELED", NOTHING, OrderState.CANCELLED),
            ("CANCELED", SOMETHING, OrderState.CANCELLED),
            ("REJECTED", NOTHING, OrderState.REJECTED),
            ("REJECTED", SOMETHING, OrderState.EXPIRED),
            ("EXPIRED", NOTHING, OrderState.EXPIRED),
            ("EXPIRED", SOMETHING, OrderState.EXPIRED),
            ("EXPIRED_IN_MATCH", NOTHING, OrderState.EXPIRED),
            ("EXPIRED_IN_MATCH", SOMETHING, OrderState.EXPIRED),
            ("SOMETHING_NEW", NOTHING, OrderState.UNKNOWN),
            ("SOMETHING_NEW", SOMETHING, OrderState.UNKNOWN),
            ("", NOTHING, OrderState.UNKNOWN),
        ],
    )
    def test_cell(self, status: str, executed: Decimal, state: OrderState) -> None:
        """A status nobody here has heard of is unknown, never a guess."""
        assert state_of(status, executed) is state

    def test_no_status_is_left_out(self) -> None:
        """All the fact sheet names, and the one older answers still carry."""
        assert set(STATES) == {
            "NEW",
            "PENDING_NEW",
            "PENDING_CANCEL",
            "PARTIALLY_FILLED",
            "FILLED",
            "CANCELED",
            "REJECTED",
            "EXPIRED",
            "EXPIRED_IN_MATCH",
        }
