"""Orders looked up and cancelled at the Korean venues."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC
from tests.unit.execution.venues.korean_desk import (
    KEYS,
    ORDER_ID,
    STAMP,
    Venue,
    a_trade,
    an_answer,
    an_error,
    an_upbit_order,
    asked_for,
    bithumb,
    upbit,
)
from trader.domain.errors import OutcomeUnknown, VenueRejected, VenueUnavailable
from trader.domain.instrument import KRW, InstrumentId
from trader.domain.order import Fill, OrderState, Side
from trader.execution.korean_orders import ns_of, state_of
from trader.execution.upbit import UpbitClient
from trader.execution.venue import Absent, OrderView

REAL_ORDER = (
    '{"uuid":"bd900ac3-c780-4454-b28e-f1030174ddba","side":"ask","ord_type":"market","price":null,'
    '"state":"done","market":"KRW-ONT","created_at":"2020-07-20T02:36:25+09:00",'
    '"volume":"1.14660939","remaining_volume":"0.0","reserved_fee":"0.0","remaining_fee":"0.0",'
    '"paid_fee":"0.51024117855","locked":"0.0","executed_volume":"1.14660939","trades_count":1,'
    '"trades":[{"market":"KRW-ONT","uuid":"54f83c44-d346-4d5f-9098-44e68299152c","price":"890.0",'
    '"volume":"1.14660939","funds":"1020.4823571","created_at":"2020-07-20T02:36:25+09:00",'
    '"side":"ask"}]}'
)


async def found(answer: object, client: UpbitClient | None = None) -> OrderView | Absent:
    venue = Venue({"GET /v1/order": answer})
    return await (client or upbit(venue)).find(ORDER_ID, UPBIT_BTC, 0)


class TestStates:
    """What was executed decides, never the word the venue has for the end."""

    @pytest.mark.parametrize(
        ("word", "executed", "volume", "time_in_force", "expected"),
        [
            ("wait", "0", "1", "ioc", OrderState.ACKNOWLEDGED),
            ("watch", "0", "1", None, OrderState.ACKNOWLEDGED),
            ("wait", "0.4", "1", "ioc", OrderState.PARTIAL),
            ("trade", "0.4", "1", "ioc", OrderState.PARTIAL),
            ("cancel", "0.4", "1", "ioc", OrderState.EXPIRED),
            ("cancel", "0", "1", "fok", OrderState.EXPIRED),
            ("cancel", "1", "1", "ioc", OrderState.FILLED),
            ("cancel", "0.4", "1", None, OrderState.CANCELLED),
            ("done", "1", "1", "ioc", OrderState.FILLED),
            ("done", "0.4", "1", "ioc", OrderState.EXPIRED),
            ("done", "0.4", None, None, OrderState.FILLED),
            ("cancel", "0.4", None, None, OrderState.CANCELLED),
            ("something", "0", "1", "ioc", OrderState.UNKNOWN),
        ],
    )
    def test_state(
        self,
        word: str,
        executed: str,
        volume: str | None,
        time_in_force: str | None,
        expected: OrderState,
    ) -> None:
        """Upbit ends a remainder as ``cancel``, Bithumb a part as ``done``."""
        whole = None if volume is None else Decimal(volume)

        assert state_of(word, Decimal(executed), whole, time_in_force) is expected

    def test_korean_time(self) -> None:
        """REST dates in Korean time; without a zone it means the same."""
        assert ns_of("2026-01-05T09:00:00+09:00") == AT_NS
        assert ns_of("2026-01-05 09:00:00") == AT_NS
        assert ns_of("2026-01-05T00:00:00Z") == AT_NS
        assert ns_of("soon") is None


class TestFind:
    """An order by its client id, with its fills and what each cost."""

    async def test_a_part(self) -> None:
        """The remainder expired; both fills are named, their fees by the order's rate."""
        view = await found(an_upbit_order())

        assert isinstance(view, OrderView)
        assert (view.state, view.executed) == (OrderState.EXPIRED, Decimal("0.004"))
        assert [fill.fee for fill in view.fills] == [Decimal(70), Decimal(210)]
        assert view.fills[0] == Fill(
            "t-1",
            ORDER_ID,
            UPBIT_BTC,
            Side.BUY,
            Decimal(140_000_000),
            Decimal("0.001"),
            Decimal(70),
            KRW,
            AT_NS + 1_000_000_000,
        )

    async def test_a_real_order(self) -> None:
        """A captured answer of 2020, which had neither id nor time in force."""
        ontology = InstrumentId("upbit:ONT-KRW")
        venue = Venue({"GET /v1/order": an_answer(REAL_ORDER)})
        client = UpbitClient(KEYS, (ontology,), venue, lambda: STAMP, Decimal("0.05"))

        view = await client.find(ORDER_ID, ontology, 0)

        assert isinstance(view, OrderView)
        assert view.state is OrderState.FILLED
        assert [(fill.key, fill.fee, fill.quantity) for fill in view.fills] == [
            (
                "54f83c44-d346-4d5f-9098-44e68299152c",
                Decimal("0.51024117855"),
                Decimal("1.14660939"),
            )
        ]

    async def test_bithumb_ends_a_part_as_done(self) -> None:
        """It expired all the same; ids and trades under Bithumb's names."""
        order = an_upbit_order(state="done", cancel_type="tif_cancel", executed_funds="560000")
        order["client_order_id"] = order.pop("identifier")
        venue = Venue({"GET /v1/order": order})

        view = await bithumb(venue).find(ORDER_ID, BITHUMB_BTC, 0)

        assert isinstance(view, OrderView)
        assert (view.state, view.reason) == (OrderState.EXPIRED, "tif_cancel")
        assert sum(fill.fee for fill in view.fills) == 280
        assert asked_for(venue.asked[0]) == {"client_order_id": "tr-test-1"}
        assert venue.asked[0].group == "lookup"

    @pytest.mark.parametrize(
        "changes",
        [
            {"trades": [a_trade("t-1", "0.001")]},
            {"trades": []},
            {"trades": None},
            {"paid_fee": "0", "state": "wait"},
            {"paid_fee": "70", "state": "wait"},
        ],
    )
    async def test_fills_that_are_not_all_there_wait(self, changes: dict[str, Any]) -> None:
        """A trade booked beside another's fee would be wrong for good; a later look names it."""
        view = await found(an_upbit_order(**changes))

        assert isinstance(view, OrderView)
        assert view.fills == ()
        assert view.executed == Decimal("0.004")

    async def test_an_open_order_s_fills_are_named_once_it_is_over(self) -> None:
        """Its fee may be that of fewer trades than it shows."""
        venue = Venue()
        client = upbit(venue)
        venue.answers["GET /v1/order"] = an_upbit_order(state="wait", paid_fee="70.003")
        first = await client.find(ORDER_ID, UPBIT_BTC, 0)
        venue.answers["GET /v1/order"] = an_upbit_order()
        second = await client.find(ORDER_ID, UPBIT_BTC, 0)

        assert isinstance(first, OrderView)
        assert isinstance(second, OrderView)
        assert (first.executed, first.fills) == (Decimal("0.004"), ())
        assert [fill.fee for fill in second.fills] == [Decimal(70), Decimal(210)]

    @pytest.mark.parametrize(
        ("name", "status"), [("order_not_found", 404), ("order_not_ready", 422), (404, 404)]
    )
    async def test_an_absence_is_never_final(self, name: str | int, status: int) -> None:
        """Both venues accept orders late; nothing of theirs proves that none will appear."""
        assert await found(an_error(name, status)) == Absent(final=False)

    async def test_no_answer_is_no_absence(self) -> None:
        """A page, a failure and a refusal of the question say nothing of the order."""
        with pytest.raises(OutcomeUnknown):
            await found(an_answer("<html>", 404))
        with pytest.raises(OutcomeUnknown):
            await found(an_answer("", 503))
        with pytest.raises(OutcomeUnknown):
            await found(an_upbit_order(identifier="another"))
        with pytest.raises(OutcomeUnknown):
            await found(an_upbit_order(market="KRW-ETH"))
        with pytest.raises(OutcomeUnknown):
            await found(an_upbit_order(executed_volume="NaN"))
        with pytest.raises(VenueRejected, match="out_of_scope"):
            await found(an_error("out_of_scope", 401))
        with pytest.raises(VenueUnavailable):
            await found(an_error("too_many_requests", 429))

    async def test_without_keys(self) -> None:
        """Nothing is asked."""
        venue = Venue()

        with pytest.raises(VenueUnavailable):
            await upbit(venue, keys=None).find(ORDER_ID, UPBIT_BTC, 0)
        assert venue.asked == []


class TestCancel:
    """A cancel that was accepted says nothing of the order's end."""

    async def test_by_the_client_id(self) -> None:
        """At either venue, in a group of its own."""
        venue = Venue({"DELETE /v1/order": {"uuid": "u-1"}, "DELETE /v2/order": {"order_id": "C1"}})

        await upbit(venue).cancel(ORDER_ID, UPBIT_BTC)
        await bithumb(venue).cancel(ORDER_ID, BITHUMB_BTC)

        assert [asked_for(request) for request in venue.asked] == [
            {"identifier": "tr-test-1"},
            {"client_order_id": "tr-test-1"},
        ]
        assert {request.group for request in venue.asked} == {"cancel"}

    async def test_a_refusal_is_told(self) -> None:
        """Final already or foreign: whoever asked must look the order up."""
        with pytest.raises(VenueRejected, match="order_not_found"):
            await upbit(Venue({"DELETE /v1/order": an_error("order_not_found", 404)})).cancel(
                ORDER_ID, UPBIT_BTC
            )
