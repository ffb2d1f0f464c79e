"""Upbit's words for orders, their ends and refusals."""

from decimal import Decimal

import pytest

from trader.domain.instrument import UPBIT, InstrumentId
from trader.domain.order import Side
from trader.sim.model import (
    Cause,
    Code,
    Kind,
    NewOrder,
    OrderEnded,
    OrderState,
    Refused,
    SimOrder,
    TimeInForce,
)
from trader.sim.upbit_views import ending_messages, failure_of, order_state, order_view

ASKED = NewOrder(
    InstrumentId("upbit:BTC-KRW"), Side.BUY, quantity=Decimal("0.5"), price=Decimal(100_000_000)
)
MARKET = NewOrder(
    InstrumentId("upbit:BTC-KRW"), Side.BUY, kind=Kind.MARKET, funds=Decimal(1_000_000)
)


def an_order(asked: NewOrder = ASKED, **others: object) -> SimOrder:
    """An order of one account, as far as told."""
    order = SimOrder("id", UPBIT, "main", asked, "KRW-BTC", 0, 0)
    for name, value in others.items():
        setattr(order, name, value)
    return order


class TestStates:
    """There is no word for partly filled, and an unspent rest is a cancel."""

    @pytest.mark.parametrize(
        ("state", "cause", "word"),
        [
            (OrderState.OPEN, Cause.NONE, "wait"),
            (OrderState.PARTLY_FILLED, Cause.NONE, "wait"),
            (OrderState.DONE, Cause.NONE, "done"),
            (OrderState.CANCELLED, Cause.IOC, "cancel"),
            (OrderState.CANCELLED, Cause.UNSPENT, "cancel"),
            (OrderState.CANCELLED, Cause.USER, "cancel"),
        ],
    )
    def test_has_four_words(self, state: OrderState, cause: Cause, word: str) -> None:
        """However much was filled."""
        order = an_order(state=state, cause=cause, executed=Decimal("0.25"))

        assert order_state(order) == word

    def test_tells_what_was_prevented_first(self) -> None:
        """Volume, and for a purchase the won it had locked."""
        order = an_order(
            state=OrderState.CANCELLED, cause=Cause.SELF_TRADE, executed=Decimal("0.2")
        )
        told = ending_messages(OrderEnded(UPBIT, "main", order), 0)

        assert [each["state"] for each in told] == ["prevented", "cancel"]
        assert told[0]["prevented_volume"] == Decimal("0.3")
        assert told[0]["prevented_locked"] == Decimal(30_000_000)


class TestOrders:
    """Absent values are left out or null, as the venue has it."""

    def test_a_market_purchase_has_a_price_and_no_volume(self) -> None:
        """The price is what it may spend."""
        view = order_view(an_order(MARKET))

        assert (view["ord_type"], view["price"], view["volume"]) == ("price", "1000000", None)
        assert not {"identifier", "time_in_force", "trades"} & set(view)

    def test_names_time_in_force_and_identifier_where_given(self) -> None:
        """In small letters."""
        asked = NewOrder(
            ASKED.instrument,
            Side.SELL,
            quantity=Decimal(1),
            price=Decimal(1),
            time_in_force=TimeInForce.IOC,
            client_id="arb-1",
        )
        view = order_view(an_order(asked), with_trades=True)

        assert (view["side"], view["time_in_force"], view["identifier"]) == ("ask", "ioc", "arb-1")
        assert view["trades"] == []


class TestRefusals:
    """Every code has a name, which tells the side where the venue does."""

    def test_names_the_side(self) -> None:
        """The short words of orders."""
        failure = failure_of(Refused(Code.INSUFFICIENT_FUNDS), Side.SELL)

        assert (failure.status, failure.name) == (400, "insufficient_funds_ask")

    @pytest.mark.parametrize("code", list(Code))
    def test_knows_every_code(self, code: Code) -> None:
        """With a client's fault as status."""
        failure = failure_of(Refused(code), Side.BUY)

        assert 400 <= failure.status < 500
        assert isinstance(failure.name, str)
        assert "{" not in failure.name
