"""Orders looked up and listed at the Korean venues."""

from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC
from tests.unit.execution.venues.korean_desk import (
    KEYS,
    ORDER_ID,
    STAMP,
    Venue,
    an_answer,
    an_error,
    an_order,
    asked_for,
    bithumb,
    upbit,
)
from trader.domain.errors import OutcomeUnknown, VenueRejected, VenueUnavailable
from trader.domain.instrument import KRW, Asset, InstrumentId
from trader.domain.order import Fill, OrderState, Side
from trader.execution.korean_orders import ns_of, state_of
from trader.execution.upbit import UpbitClient
from trader.execution.venue import Absent, Accepted, Balance, OrderView, Rejected
from trader.wire.http import HttpAnswer, HttpRequest

REAL_ORDER = (
    '{"uuid":"bd900ac3-c780-4454-b28e-f1030174ddba","side":"ask","ord_type":"market","price":null,'
    '"state":"done","market":"KRW-ONT","created_at":"2020-07-20T02:36:25+09:00",'
    '"volume":"1.14660939","remaining_volume":"0.0","reserved_fee":"0.0","remaining_fee":"0.0",'
    '"paid_fee":"0.51024117855","locked":"0.0","executed_volume":"1.14660939","trades_count":1,'
    '"trades":[{"market":"KRW-ONT","uuid":"54f83c44-d346-4d5f-9098-44e68299152c","price":"890.0",'
    '"volume":"1.14660939","funds":"1020.4823571","created_at":"2020-07-20T02:36:25+09:00",'
    '"side":"ask"}]}'
)


def a_trade(key: str, volume: str, price: str = "140000000") -> dict[str, Any]:
    return {
        "market": "KRW-BTC",
        "uuid": key,
        "price": price,
        "volume": volume,
        "funds": f"{Decimal(price) * Decimal(volume):f}",
        "side": "bid",
        "created_at": "2026-01-05T09:00:01+09:00",
    }


def an_upbit_order(**changes: Any) -> dict[str, Any]:
    """An IOC purchase of 0.01 that ended with 0.004 executed in two trades."""
    return {
        "uuid": "u-1",
        "identifier": "tr-test-1",
        "market": "KRW-BTC",
        "side": "bid",
        "ord_type": "limit",
        "time_in_force": "ioc",
        "price": "140000000",
        "volume": "0.01",
        "remaining_volume": "0.006",
        "executed_volume": "0.004",
        "paid_fee": "280",
        "state": "cancel",
        "created_at": "2026-01-05T09:00:00+09:00",
        "trades": [a_trade("t-1", "0.001"), a_trade("t-2", "0.003")],
    } | changes


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
        ],
    )
    async def test_fills_that_are_not_all_there_wait(self, changes: dict[str, Any]) -> None:
        """A trade booked beside another's fee would be wrong for good; a later look names it."""
        view = await found(an_upbit_order(**changes))

        assert isinstance(view, OrderView)
        assert view.fills == ()
        assert view.executed == Decimal("0.004")

    async def test_a_trade_costs_the_same_whenever_it_is_told(self) -> None:
        """Looked up while it runs and after its end."""
        venue = Venue()
        client = upbit(venue)
        venue.answers["GET /v1/order"] = an_upbit_order(
            state="wait",
            executed_volume="0.001",
            paid_fee="70.003",
            trades=[a_trade("t-1", "0.001")],
        )
        first = await client.find(ORDER_ID, UPBIT_BTC, 0)
        venue.answers["GET /v1/order"] = an_upbit_order()
        second = await client.find(ORDER_ID, UPBIT_BTC, 0)

        assert isinstance(first, OrderView)
        assert isinstance(second, OrderView)
        assert first.fills[0] == second.fills[0]
        assert [fill.fee for fill in second.fills] == [Decimal("70.003"), Decimal("209.997")]

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


class TestLists:
    """Lists come page by page, to an end or not at all, and only of the known instruments."""

    async def test_open_orders_of_upbit(self) -> None:
        """A full page is followed by the next; other markets are left out."""

        def page(request: HttpRequest) -> HttpAnswer:
            if asked_for(request)["page"] == "2":
                return an_answer([an_upbit_order(uuid="last", state="wait")])
            return an_answer(
                [
                    an_upbit_order(uuid=f"u-{at}", state="wait", market=market, identifier=None)
                    for at in range(50)
                    for market in ("KRW-BTC", f"KRW-X{at}")
                ]
            )

        venue = Venue({"GET /v1/orders/open": page})

        views = await upbit(venue).open_orders()

        assert len(views) == 51
        assert {view.state for view in views} == {OrderState.PARTIAL}
        assert parse_qsl(urlsplit(venue.asked[0].target).query)[:2] == [
            ("states[]", "wait"),
            ("states[]", "watch"),
        ]

    async def test_a_list_without_an_end(self) -> None:
        """An incomplete list is no list."""
        orders = [an_upbit_order(uuid=f"u-{at}", state="wait") for at in range(100)]

        with pytest.raises(OutcomeUnknown):
            await upbit(Venue({"GET /v1/orders/open": orders})).open_orders()
        pages = {"data": [], "has_next": True, "next_key": "again"}
        with pytest.raises(OutcomeUnknown):
            await bithumb(Venue({"GET /v2/orders/pending": pages})).open_orders()

    async def test_open_orders_of_bithumb(self) -> None:
        """Those that wait and those that watch are asked for apart, each to the last page."""

        def page(request: HttpRequest) -> HttpAnswer:
            asked = asked_for(request)
            key = asked.get("next_key", "first")
            order = an_upbit_order(uuid=f"{asked['state']}-{key}", state=asked["state"])
            more = {"has_next": True, "next_key": "a+b/c="} if key == "first" else {}
            return an_answer({"data": [order], "has_next": False} | more)

        venue = Venue({"GET /v2/orders/pending": page})

        views = await bithumb(venue).open_orders()

        assert sorted(view.venue_order_id for view in views) == [
            "wait-a+b/c=",
            "wait-first",
            "watch-a+b/c=",
            "watch-first",
        ]
        assert "next_key=a%2Bb%2Fc%3D" in venue.asked[1].target

    @pytest.mark.parametrize("days", [1, 20])
    async def test_ended_orders_week_by_week(self, days: int) -> None:
        """No question spans more than seven days, none is left out between two."""
        since_ns = AT_NS - days * 86_400 * 1_000_000_000
        for client_of, path in ((upbit, "/v1/orders/closed"), (bithumb, "/v2/orders/history")):
            order = an_upbit_order()
            content = [order] if client_of is upbit else {"data": [order], "has_next": False}
            venue = Venue({f"GET {path}": content})

            views = await client_of(venue).closed_orders(since_ns)

            spans = [
                (int(asked_for(request)["start_time"]), int(asked_for(request)["end_time"]))
                for request in venue.asked
            ]
            assert len(views) == 1
            assert spans[0][0] == since_ns // 1_000_000
            assert spans[-1][1] > AT_NS // 1_000_000
            assert all(0 < end - start <= 7 * 86_400_000 for start, end in spans)
            assert all(before[1] == after[0] for before, after in pairwise(spans))

    async def test_a_full_page_of_ended_orders(self) -> None:
        """There is no cursor: the next page begins with the last order of this one."""

        def page(request: HttpRequest) -> HttpAnswer:
            start = int(asked_for(request)["start_time"])
            is_first = start < AT_NS // 1_000_000 - 3_000_000
            rows = [
                an_upbit_order(uuid=f"{is_first}-{at}") for at in range(1000 if is_first else 3)
            ]
            return an_answer(rows)

        venue = Venue({"GET /v1/orders/closed": page})

        views = await upbit(venue).closed_orders(AT_NS - 3_600_000_000_000)

        assert len(views) == 1003
        assert int(asked_for(venue.asked[1])["start_time"]) == AT_NS // 1_000_000


class TestAccount:
    """Balances, with every digit the venue tells."""

    async def test_balances(self) -> None:
        """Free and locked together; what is nothing is left out."""
        rows = [
            {"currency": "KRW", "balance": "1386929.37231066771348207123", "locked": "10000.5"},
            {"currency": "BTC", "balance": "0", "locked": "0.01"},
            {"currency": "ETH", "balance": "0.0", "locked": "0"},
        ]

        for client_of in (upbit, bithumb):
            assert await client_of(Venue({"GET /v1/accounts": rows})).balances() == (
                Balance(KRW, Decimal("1396929.87231066771348207123"), Decimal("10000.5")),
                Balance(Asset("BTC"), Decimal("0.01"), Decimal("0.01")),
            )

    async def test_a_balance_that_is_none(self) -> None:
        """Better no statement than a wrong one."""
        rows = [{"currency": "KRW", "balance": "NaN", "locked": "0"}]

        with pytest.raises(OutcomeUnknown):
            await upbit(Venue({"GET /v1/accounts": rows})).balances()


class TestTrial:
    """Upbit judges an order without placing it, and without spending its id."""

    async def test_the_id_stays_at_home(self) -> None:
        """It would be burned for ever."""
        answer = an_upbit_order(uuid="", identifier=None, state="wait", executed_volume="0")
        venue = Venue({"POST /v1/orders/test": an_answer(answer, 201)})

        placement = await upbit(venue).try_order(an_order())

        assert isinstance(placement, Accepted)
        assert b"identifier" not in venue.asked[0].body
        assert venue.asked[0].group == "order-test"

    async def test_a_refusal(self) -> None:
        """By the same table as an order."""
        venue = Venue({"POST /v1/orders/test": an_error("market_offline")})

        placement = await upbit(venue).try_order(an_order())

        assert placement == Rejected("market_offline", "왜", stale_rules=True)

    async def test_bithumb_has_none(self) -> None:
        """Nothing is asked."""
        venue = Venue()

        assert await bithumb(venue).try_order(an_order(BITHUMB_BTC)) is None
        assert venue.asked == []
