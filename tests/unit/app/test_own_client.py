"""Whatever a user's client raises or returns is survived, and never taken for an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tests.unit.app.own_desk import MIRROR, MIRROR_BTC, STAMP, Odd
from tests.unit.execution.venues.korean_desk import ORDER_ID, an_order
from trader.app import own_client
from trader.app.own_checks import Unsound
from trader.app.own_client import ContainedClient
from trader.domain.errors import OutcomeUnknown, VenueRejected, VenueUnavailable
from trader.domain.instrument import (
    KRW,
    Asset,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    Venue,
)
from trader.domain.order import ClientOrderId, Fill, OrderState, Side
from trader.execution.venue import (
    Absent,
    Accepted,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    Rejected,
    Throttled,
    Unknown,
    VenueClient,
)
from trader.wire.http import HttpAnswer, HttpRequest

NAN, HALF = Decimal("NaN"), Decimal("0.5")
ORDER = an_order(MIRROR_BTC)
ANSWER = HttpAnswer(200, {}, b"")
FILL = Fill(
    "f-1", ORDER_ID, MIRROR_BTC, Side.BUY, Decimal(140_000_000), HALF, Decimal(5), KRW, STAMP.at_ns
)
VIEW = OrderView(ORDER_ID, "v-1", MIRROR_BTC, Side.BUY, OrderState.FILLED, HALF, (FILL,))
RULES = Instrument(
    MIRROR_BTC,
    MIRROR,
    Asset("BTC"),
    KRW,
    (TickBand(Decimal(0), Decimal(1_000)),),
    Decimal("0.00000001"),
    Decimal(5_000),
    FeeSchedule(Decimal("0.05")),
)

Call = Callable[[ContainedClient], Awaitable[object]]
CALLS: dict[str, Call] = {
    "cancel": lambda client: client.cancel(ORDER_ID, MIRROR_BTC),
    "find": lambda client: client.find(ORDER_ID, MIRROR_BTC, 0),
    "open_orders": lambda client: client.open_orders(),
    "closed_orders": lambda client: client.closed_orders(0),
    "balances": lambda client: client.balances(),
    "instruments": lambda client: client.instruments(),
    "fees": lambda client: client.fees(),
    "clock_skew_ms": lambda client: client.clock_skew_ms(),
    "key_scope": lambda client: client.key_scope(),
    "try_order": lambda client: client.try_order(ORDER),
}


def contained(answer: object, order_group: str | None = None) -> ContainedClient:
    """A client that answers so, whatever it is asked."""
    client = cast(VenueClient, Odd(answer))
    return ContainedClient(
        client, MIRROR, (MIRROR_BTC,), HttpRequest("GET", "/ping"), None, order_group
    )


class Interrupt(BaseException):
    """No error of the client's."""


class TestWhatItRaises:
    @pytest.mark.parametrize("what", CALLS)
    @pytest.mark.parametrize(
        "error",
        [KeyError("hunter2"), RuntimeError("hunter2"), AssertionError(), StopAsyncIteration()],
        ids=repr,
    )
    async def test_becomes_an_unknown_outcome(self, what: str, error: Exception) -> None:
        """Named by type and line and not by its text, which may hold a key."""
        with pytest.raises(OutcomeUnknown) as raised:
            await CALLS[what](contained(error))

        message = str(raised.value)
        assert message.startswith(f"mirror: {what} broke: {type(error).__name__} in own_desk.py:")
        assert "hunter2" not in message

    @pytest.mark.parametrize("what", CALLS)
    @pytest.mark.parametrize(
        "error", [VenueRejected("no"), VenueUnavailable("away"), OutcomeUnknown("late")], ids=repr
    )
    async def test_is_let_through_where_it_is_promised(self, what: str, error: Exception) -> None:
        """What everybody who asks a venue survives."""
        with pytest.raises(type(error), match=str(error)):
            await CALLS[what](contained(error))

    @pytest.mark.parametrize("error", [asyncio.CancelledError(), Interrupt()], ids=repr)
    async def test_an_end_from_outside_is_none_of_it(self, error: BaseException) -> None:
        """A stop must stop."""
        with pytest.raises(type(error)):
            await CALLS["balances"](contained(error))

    async def test_an_answer_that_never_comes_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One client that hangs would keep every look-up behind it waiting."""
        monkeypatch.setattr(own_client, "_LONGEST_ANSWER_S", 0.01)
        client = contained(None)

        async def never() -> Any:
            await asyncio.Event().wait()

        client._client.balances = never  # type: ignore[method-assign]  # the test's own client

        with pytest.raises(OutcomeUnknown, match="balances broke: TimeoutError"):
            await client.balances()

    def test_from_the_order_s_own_step_it_is_the_lane_s_to_survive(self) -> None:
        """It sends nothing then, and takes the answer for an unknown outcome."""
        client = contained(KeyError("x"))

        with pytest.raises(KeyError):
            client.placement(ORDER, STAMP)
        with pytest.raises(KeyError):
            client.read_placement(ORDER, ANSWER, STAMP)


class TestWhatItReturns:
    @pytest.mark.parametrize(
        ("what", "answer"),
        [
            ("cancel", None),
            ("find", VIEW),
            ("find", Absent(final=True)),
            ("open_orders", (VIEW,)),
            ("closed_orders", ()),
            ("balances", (Balance(KRW, HALF, Decimal(0)),)),
            ("instruments", (RULES,)),
            ("fees", {MIRROR_BTC: RULES.fees}),
            ("clock_skew_ms", -3.5),
            ("key_scope", KeyScope(can_withdraw=False)),
            ("try_order", None),
            ("try_order", Rejected("a", "b")),
            ("try_order", Accepted(VIEW)),
        ],
    )
    async def test_is_handed_on_as_it_is(self, what: str, answer: object) -> None:
        """What the protocol promises loses nothing on the way."""
        assert await CALLS[what](contained(answer)) == answer

    @pytest.mark.parametrize(
        ("what", "answer"),
        [
            *((what, object()) for what in CALLS if what != "cancel"),
            *((what, None) for what in CALLS if what not in ("cancel", "try_order")),
            ("find", replace(VIEW, client_order_id=ClientOrderId("tr-other"))),
            ("find", replace(VIEW, instrument=InstrumentId("upbit:BTC-KRW"))),
            ("find", replace(VIEW, executed=NAN)),
            ("find", replace(VIEW, executed=-HALF)),
            ("find", replace(VIEW, executed=Decimal("1E+1000"))),
            ("find", replace(VIEW, executed="half")),
            ("find", replace(VIEW, side="both")),
            ("find", replace(VIEW, state="done")),
            ("find", replace(VIEW, fills=(replace(FILL, quantity=Decimal(0)),))),
            ("find", replace(VIEW, fills=(replace(FILL, price=NAN),))),
            ("find", replace(VIEW, fills=(replace(FILL, fee=Decimal(-1)),))),
            ("find", replace(VIEW, fills=(replace(FILL, key=""),))),
            ("find", replace(VIEW, fills=(replace(FILL, at_ns=7),))),
            ("find", replace(VIEW, fills=(replace(FILL, at_ns=10**30),))),
            ("find", replace(VIEW, fills=(replace(FILL, side=Side.SELL),))),
            ("find", replace(VIEW, fills=(replace(FILL, client_order_id="tr-other"),))),
            ("open_orders", (VIEW, "order")),
            ("closed_orders", "orders"),
            ("balances", (Balance(KRW, NAN, Decimal(0)),)),
            ("balances", (Balance(KRW, HALF, -HALF),)),
            ("balances", (Balance(KRW, HALF, HALF), Balance(KRW, HALF, HALF))),
            ("balances", {"KRW": HALF}),
            ("instruments", (replace(RULES, id=InstrumentId("mirror:ETH-KRW")),)),
            ("instruments", (replace(RULES, venue=Venue("upbit")),)),
            ("instruments", (replace(RULES, bands=()),)),
            ("instruments", (replace(RULES, bands=(TickBand(HALF, HALF),)),)),
            ("instruments", (replace(RULES, bands=(TickBand(Decimal(0), Decimal(0)),)),)),
            ("instruments", (replace(RULES, bands=RULES.bands * 2),)),
            ("instruments", (replace(RULES, lot=Decimal(0)),)),
            ("instruments", (replace(RULES, min_notional=Decimal(-1)),)),
            ("instruments", (replace(RULES, fees=FeeSchedule(Decimal(101))),)),
            ("instruments", (replace(RULES, fees=FeeSchedule(Decimal("Infinity"))),)),
            ("fees", {"upbit:BTC-KRW": RULES.fees}),
            ("fees", {MIRROR_BTC: FeeSchedule(-HALF)}),
            ("clock_skew_ms", float("nan")),
            ("clock_skew_ms", True),
            ("clock_skew_ms", "3"),
            ("key_scope", KeyScope(can_withdraw=cast(bool, "no"))),
            ("try_order", Throttled("a", float("nan"))),
            ("try_order", Throttled("a", -1.0)),
            ("try_order", Accepted(replace(VIEW, executed=NAN))),
        ],
    )
    async def test_is_unknown_where_it_is_not_what_was_promised(
        self, what: str, answer: object
    ) -> None:
        """Another type, a number that is none, another order's: nothing of it gets further."""
        with pytest.raises(OutcomeUnknown, match=f"mirror: {what} (answered|broke)"):
            await CALLS[what](contained(answer))

    async def test_need_not_be_from_a_coroutine(self) -> None:
        """A plain function where a coroutine was promised is an error like any other."""
        client = contained((1,))
        client._client.balances = lambda: (1,)  # type: ignore[assignment,method-assign,return-value]

        with pytest.raises(OutcomeUnknown, match="balances broke: TypeError"):
            await client.balances()


class TestOrders:
    def test_a_request_leaves_as_it_was_made(self) -> None:
        """Under the limits that the class itself names."""
        request = HttpRequest("POST", "/orders", (("A", "b"),), b"{}", "mine", 3)

        assert contained(request).placement(ORDER, STAMP) == request

    def test_without_limits_of_its_own_it_draws_on_those_of_orders(self) -> None:
        """So that nobody need know of groups who has no limits to name."""
        request = contained(HttpRequest("POST", "/orders"), "order").placement(ORDER, STAMP)

        assert request.group == "order"

    @pytest.mark.parametrize(
        "request_",
        [
            None,
            "POST /orders",
            replace(HttpRequest("POST", "/"), group=cast(str, None)),
            replace(HttpRequest("POST", "/"), weight=cast(int, "1")),
        ],
    )
    def test_what_is_no_request_is_refused(self, request_: object) -> None:
        """Before the lane reckons with it."""
        with pytest.raises(Unsound):
            contained(request_).placement(ORDER, STAMP)

    @pytest.mark.parametrize(
        "placement",
        [Accepted(VIEW), Rejected("a", "b", halts=True), Throttled("a", 1.0), Unknown("why")],
    )
    def test_an_outcome_is_handed_on(self, placement: Placement) -> None:
        """Each of the four."""
        assert contained(placement).read_placement(ORDER, ANSWER, STAMP) == placement

    @pytest.mark.parametrize(
        "placement",
        [
            None,
            "accepted",
            Accepted(replace(VIEW, client_order_id=ClientOrderId("tr-other"))),
            Accepted(cast(OrderView, None)),
            Rejected(cast(str, 5), "b"),
        ],
    )
    def test_what_is_no_outcome_is_refused(self, placement: object) -> None:
        """The lane takes it for unknown, and the order is settled by asking."""
        with pytest.raises(Unsound):
            contained(placement).read_placement(ORDER, ANSWER, STAMP)

    def test_connections_are_kept_warm_by_the_request_that_was_looked_at(self) -> None:
        """The pool of connections takes what it is given for granted."""
        assert contained(KeyError("x")).warming() == HttpRequest("GET", "/ping")

    def test_without_keys_there_is_no_private_stream(self) -> None:
        """Nobody asks for one in paper mode; it would be an error like any other."""
        with pytest.raises(OutcomeUnknown):
            contained(None).private_stream()
