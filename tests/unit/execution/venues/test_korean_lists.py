"""Lists of orders, balances and trial orders at the Korean venues."""

from decimal import Decimal
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC
from tests.unit.execution.venues.korean_desk import (
    Venue,
    an_answer,
    an_error,
    an_order,
    an_upbit_order,
    asked_for,
    bithumb,
    upbit,
)
from trader.domain.errors import OutcomeUnknown
from trader.domain.instrument import KRW, Asset
from trader.domain.order import OrderState
from trader.execution.venue import Accepted, Balance, Rejected
from trader.wire.http import HttpAnswer, HttpRequest


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
