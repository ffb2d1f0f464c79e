"""Bithumb's words for orders, their ends, and the moment they are taken in."""

from decimal import Decimal

import pytest

from trader.domain.instrument import BITHUMB, InstrumentId
from trader.domain.order import Side
from trader.sim.bithumb_acceptance import Acceptance
from trader.sim.bithumb_views import (
    acknowledgement,
    failure_of,
    order_message,
    order_state,
    order_view,
)
from trader.sim.korean_params import Failure
from trader.sim.model import Cause, Code, NewOrder, OrderState, Refused, SimOrder

ASKED = NewOrder(
    InstrumentId("bithumb:BTC-KRW"), Side.BUY, quantity=Decimal("0.5"), price=Decimal(100_000_000)
)
MOMENT_NS = 1_000_000_000


def an_order(**others: object) -> SimOrder:
    """An order of one account, as far as told."""
    order = SimOrder("C0101000000001799231", BITHUMB, "main", ASKED, "KRW-BTC", 0, 0)
    for name, value in others.items():
        setattr(order, name, value)
    return order


class TestStates:
    """A partly filled order that does not rest is done; an empty one is cancelled."""

    @pytest.mark.parametrize(
        ("cause", "executed", "word", "kind"),
        [
            (Cause.IOC, "0.2", "done", None),
            (Cause.IOC, "0", "cancel", "tif_cancel"),
            (Cause.FOK, "0", "cancel", "tif_cancel"),
            (Cause.POST_ONLY, "0", "cancel", "tif_cancel"),
            (Cause.SELF_TRADE, "0.2", "cancel", "stp_cancel"),
            (Cause.USER, "0.2", "cancel", None),
            (Cause.UNSPENT, "0.2", "done", None),
        ],
    )
    def test_depends_on_what_was_filled(
        self, cause: Cause, executed: str, word: str, kind: str | None
    ) -> None:
        """And says why where the documents have a word for it."""
        order = an_order(state=OrderState.CANCELLED, cause=cause, executed=Decimal(executed))

        assert order_state(order) == word
        assert order_view(order).get("cancel_type") == kind


class TestNames:
    """The acknowledgement, queries and the stream each have names of their own."""

    def test_the_same_id_under_two_names(self) -> None:
        """And the type of the order too."""
        order = an_order()
        placed, queried, told = (
            acknowledgement(order),
            order_view(order),
            order_message(order, "wait", 0),
        )

        assert placed["order_id"] == queried["uuid"] == told["order_id"]
        assert placed["order_type"] == queried["ord_type"] == told["order_type"]
        assert "state" not in placed
        assert (queried["side"], told["side"]) == ("bid", "buy")

    def test_knows_every_refusal(self) -> None:
        """One of them comes with a good status."""
        statuses = {code: failure_of(Refused(code)).status for code in Code}

        assert {code for code, status in statuses.items() if status == 200} == {Code.BELOW_MINIMUM}


class TestAcceptance:
    """For a moment an order can be neither asked about nor cancelled."""

    def test_begins_with_the_acknowledgement_and_ends(self) -> None:
        """By client id it seems absent at first, then not ready."""
        now = [0]
        acceptance = Acceptance(after_s=1.0, clock=lambda: now[0])
        order = an_order()
        acceptance.begin(order)
        with pytest.raises(Failure, match="order_not_ready"):
            acceptance.require(order, by_client_id=False)
        with pytest.raises(Failure, match="order_not_found"):
            acceptance.require(order, by_client_id=True)
        now[0] = MOMENT_NS * 6 // 10
        with pytest.raises(Failure, match="order_not_ready"):
            acceptance.require(order, by_client_id=True)
        now[0] = MOMENT_NS

        acceptance.require(order, by_client_id=True)
        assert acceptance.is_ready(order)

    def test_what_it_never_saw_is_ready(self) -> None:
        """Orders of before, and those it forgot."""
        assert Acceptance(after_s=1.0).is_ready(an_order())
