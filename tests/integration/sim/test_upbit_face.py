"""Upbit's face over real HTTP: tokens, orders, refusals, budgets and faults of the fact sheet."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from uuid import uuid4

import aiohttp
import pytest

from tests.integration.sim.korean_floor import Client, Floor, floor
from trader.domain.order import Side
from trader.sim.faults import FaultKind, Operation
from trader.sim.model import MarketStatus, NewOrder
from trader.sim.upbit import app

LIMIT = {
    "market": "KRW-BTC",
    "side": "bid",
    "volume": "0.01",
    "price": "140000000",
    "ord_type": "limit",
}
OPEN_STATES = (("states[]", "wait"), ("states[]", "watch"), ("market", "KRW-BTC"))


@pytest.fixture
async def served() -> AsyncIterator[tuple[Floor, Client]]:
    """A running Upbit and its client."""
    async with floor(app) as made:
        yield made


def an_order(**others: object) -> dict[str, object]:
    """A resting limit order, or what is made of it; None leaves a field out."""
    return {name: value for name, value in (LIMIT | others).items() if value is not None}


def a_taker(**others: object) -> dict[str, object]:
    """An IOC that meets the best ask."""
    return an_order(**({"price": "150010000", "time_in_force": "ioc"} | others))


class TestTokens:
    """A request counts only with a good token of its own."""

    async def test_takes_both_algorithms(self, served: tuple[Floor, Client]) -> None:
        """The documents say HS512, the official kit signs HS256."""
        _, client = served
        for algorithm in ("HS256", "HS512"):
            client.algorithm = algorithm

            assert (await client.ask("GET", "/v1/accounts")).status == 200

    @pytest.mark.parametrize("brackets", ["[]", "%5B%5D"])
    async def test_takes_brackets_either_way(
        self, served: tuple[Floor, Client], brackets: str
    ) -> None:
        """What is hashed has literal brackets, however they travelled."""
        _, client = served

        reply = await client.ask("GET", "/v1/orders/open", OPEN_STATES, brackets=brackets)

        assert (reply.status, reply.body) == (200, [])

    async def test_refuses_another_querys_hash(self, served: tuple[Floor, Client]) -> None:
        """In the query and in a body alike; and nothing is placed."""
        made, client = served
        other = client.token("market=KRW-BTC&side=ask")

        asked = await client.ask("GET", "/v1/orders/chance", (("market", "KRW-BTC"),), token=other)
        placed = await client.post("/v1/orders", an_order(), token=client.token("a=b"))
        unhashed = await client.post("/v1/orders", an_order(), token=client.token())

        for reply in (asked, placed, unhashed):
            assert (reply.status, reply.error) == (401, "invalid_query_payload")
        assert made.exchange.orders(made.account) == []

    async def test_refuses_a_nonce_twice(self, served: tuple[Floor, Client]) -> None:
        """Reuse has a name of its own."""
        _, client = served
        token = client.token()
        await client.ask("GET", "/v1/accounts", token=token)

        again = await client.ask("GET", "/v1/accounts", token=token)

        assert (again.status, again.error) == (401, "nonce_used")

    async def test_names_what_is_wrong_with_a_key(self, served: tuple[Floor, Client]) -> None:
        """Unknown, expired, of another secret, or none at all."""
        _, client = served
        unsigned = await client._send("GET", "/v1/accounts", "", {})
        unknown = await client.ask("GET", "/v1/accounts", token=client.token(access_key="nobody"))
        client.secret += "x"
        forged = await client.ask("GET", "/v1/accounts")
        client.secret = client.secret[:-1]
        client.access = client.access.replace("ACCESS-KEY-0001", "EXPIRED-KEY")
        expired = await client.ask("GET", "/v1/accounts")

        assert [each.error for each in (unsigned, unknown, forged, expired)] == [
            "no_authorization_token",
            "invalid_access_key",
            "jwt_verification",
            "expired_access_key",
        ]

    async def test_a_key_does_what_it_may_and_no_more(self, served: tuple[Floor, Client]) -> None:
        """Reading is not trading, and neither is withdrawing."""
        _, client = served
        withdrawing = await client.ask("GET", "/v1/withdraws")
        client.access = client.access.replace("ACCESS-KEY-0001", "READ-ONLY-KEY")
        trading = await client.post("/v1/orders", an_order())
        reading = await client.ask("GET", "/v1/accounts")

        assert [withdrawing.error, trading.error, reading.status] == [
            "out_of_scope",
            "out_of_scope",
            200,
        ]

    async def test_a_form_is_no_body(self, served: tuple[Floor, Client]) -> None:
        """Only JSON is read."""
        _, client = served
        headers = {
            "Authorization": client.token(),
            "Content-Type": "application/x-www-form-urlencoded",
        }

        reply = await client._send("POST", "/v1/orders", "", headers, b"market=KRW-BTC")

        assert reply.status == 400


class TestOrders:
    """Orders go through Upbit's states with Upbit's quirks."""

    async def test_rests_is_found_and_is_cancelled(self, served: tuple[Floor, Client]) -> None:
        """By uuid and by identifier; a cancel answers the order as it was found."""
        _, client = served
        placed = await client.post("/v1/orders", an_order(identifier="arb-1"))
        by_name = await client.ask("GET", "/v1/order", (("identifier", "arb-1"),))
        opened = await client.ask("GET", "/v1/orders/open", OPEN_STATES)
        cancelled = await client.ask("DELETE", "/v1/order", (("uuid", placed.body["uuid"]),))
        ended = await client.ask("GET", "/v1/order", (("uuid", placed.body["uuid"]),))
        again = await client.ask("DELETE", "/v1/order", (("identifier", "arb-1"),))

        assert placed.status == 201
        assert placed.body["state"] == "wait"
        assert placed.body["locked"] == "1400700"
        assert placed.body["reserved_fee"] == "700"
        assert placed.body["smp_type"] == "cancel_maker"
        assert "time_in_force" not in placed.body
        assert placed.body["created_at"].endswith("+09:00")
        assert by_name.body["uuid"] == opened.body[0]["uuid"] == placed.body["uuid"]
        assert (cancelled.status, cancelled.body["state"]) == (200, "wait")
        assert (ended.body["state"], ended.body["locked"]) == ("cancel", "0")
        assert (again.status, again.error) == (404, "order_not_found")

    async def test_names_trades_only_to_the_single_call(self, served: tuple[Floor, Client]) -> None:
        """The answer to POST and the lists have none; fees add up in won."""
        _, client = served
        placed = await client.post("/v1/orders", a_taker(volume="0.6", price="150011000"))
        single = await client.ask("GET", "/v1/order", (("uuid", placed.body["uuid"]),))
        several = await client.ask("GET", "/v1/orders/uuids", (("uuids[]", placed.body["uuid"]),))

        assert "trades" not in placed.body
        assert "trades" not in several.body[0]
        assert [(each["price"], each["volume"]) for each in single.body["trades"]] == [
            ("150010000", "0.5"),
            ("150011000", "0.1"),
        ]
        funds = sum(Decimal(each["funds"]) for each in single.body["trades"])
        assert Decimal(single.body["paid_fee"]) == funds * Decimal("0.0005")
        assert (placed.body["state"], placed.body["trades_count"]) == ("done", 2)

    async def test_the_rest_of_an_ioc_ends_as_cancel(self, served: tuple[Floor, Client]) -> None:
        """Although most of it was filled."""
        _, client = served

        reply = await client.post("/v1/orders", a_taker(volume="0.75"))

        assert reply.body["state"] == "cancel"
        assert reply.body["executed_volume"] == "0.5"
        assert reply.body["remaining_volume"] == "0.25"

    async def test_a_market_purchase_ends_as_cancel(self, served: tuple[Floor, Client]) -> None:
        """What is too little to spend is cancelled, and the state says only that."""
        _, client = served

        reply = await client.post(
            "/v1/orders", an_order(ord_type="price", price="1000000", volume=None)
        )

        assert reply.status == 201
        assert reply.body["state"] == "cancel"
        assert Decimal(reply.body["executed_volume"]) > 0
        assert reply.body["volume"] is None

    async def test_a_market_sale_is_done(self, served: tuple[Floor, Client]) -> None:
        """Its fee is in won too."""
        _, client = served

        reply = await client.post(
            "/v1/orders", an_order(side="ask", ord_type="market", price=None, volume="0.1")
        )

        assert (reply.body["state"], reply.body["paid_fee"]) == ("done", "7500")

    async def test_a_fok_that_cannot_fill_ends_as_cancel(
        self, served: tuple[Floor, Client]
    ) -> None:
        """It is taken in, with nothing filled."""
        _, client = served

        reply = await client.post("/v1/orders", a_taker(volume="0.75", time_in_force="fok"))

        assert (reply.status, reply.body["state"]) == (201, "cancel")
        assert reply.body["executed_volume"] == "0"

    async def test_an_identifier_is_burned_for_ever(self, served: tuple[Floor, Client]) -> None:
        """By an order, by a refused one, and even by one that is refused for its form."""
        _, client = served
        first = await client.post("/v1/orders", an_order(identifier="one"))
        poor = await client.post("/v1/orders", an_order(identifier="two", price="150000500"))
        broken = await client.post("/v1/orders", an_order(identifier="three", ord_type="odd"))
        again = [
            await client.post("/v1/orders", an_order(identifier=name))
            for name in ("one", "two", "three")
        ]

        assert [first.status, poor.status, broken.status] == [201, 400, 400]
        assert [reply.status for reply in again] == [400, 400, 400]

    @pytest.mark.parametrize(
        ("others", "name"),
        [
            ({"price": "140000500"}, "invalid_price_bid"),
            ({"price": "160000500", "side": "ask"}, "invalid_price_ask"),
            ({"volume": "0.00001"}, "under_min_total_bid"),
            ({"volume": "5"}, "insufficient_funds_bid"),
            ({"volume": "2", "price": "160000000", "side": "ask"}, "insufficient_funds_ask"),
            ({"volume": "0.010000001"}, "validation_error"),
            ({"volume": "-1"}, "validation_error"),
            ({"volume": "1e-2"}, "validation_error"),
            ({"side": "buy"}, "validation_error"),
            ({"market": "KRW-NONE"}, "validation_error"),
            ({"ord_type": "best"}, "validation_error"),
            ({"ord_type": "price"}, "validation_error"),
            ({"time_in_force": "gtc"}, "validation_error"),
            ({"smp_type": "everything"}, "validation_error"),
            ({"time_in_force": "post_only", "smp_type": "cancel_maker"}, "validation_error"),
        ],
    )
    async def test_refuses_by_name(
        self, served: tuple[Floor, Client], others: dict[str, object], name: str
    ) -> None:
        """In the test call with the same words, and nothing rests."""
        made, client = served

        for path in ("/v1/orders", "/v1/orders/test"):
            reply = await client.post(path, an_order(**others))
            assert (reply.status, reply.error) == (400, name), path
        assert made.exchange.orders(made.account) == []

    async def test_a_halted_pair_is_offline(self, served: tuple[Floor, Client]) -> None:
        """The test call tells so too."""
        made, client = served
        made.exchange.set_status(made.btc, MarketStatus.HALTED)

        reply = await client.post("/v1/orders/test", an_order())

        assert reply.error == "market_offline"

    async def test_the_test_call_places_nothing(self, served: tuple[Floor, Client]) -> None:
        """Its uuid stands for nothing, and its identifier stays free."""
        _, client = served
        tried = await client.post("/v1/orders/test", an_order(identifier="try"))
        sought = await client.ask("GET", "/v1/order", (("uuid", tried.body["uuid"]),))
        placed = await client.post("/v1/orders", an_order(identifier="try"))

        assert (tried.status, sought.status, placed.status) == (201, 404, 201)

    async def test_ones_own_order_gives_way(self, served: tuple[Floor, Client]) -> None:
        """Without ``smp_type`` the resting one is cancelled, and what it lost is told."""
        made, client = served
        made.state(asks=())
        resting = await client.post(
            "/v1/orders", an_order(side="ask", price="150005000", volume="0.2")
        )
        await client.post("/v1/orders", an_order(price="150005000"))
        seen = await client.ask("GET", "/v1/order", (("uuid", resting.body["uuid"]),))

        assert seen.body["state"] == "cancel"
        assert (seen.body["prevented_volume"], seen.body["prevented_locked"]) == ("0.2", "0.2")

    async def test_a_post_only_that_would_take_is_cancelled(
        self, served: tuple[Floor, Client]
    ) -> None:
        """It is taken in first."""
        _, client = served

        reply = await client.post("/v1/orders", a_taker(time_in_force="post_only"))

        assert (reply.status, reply.body["state"]) == (201, "cancel")


class TestLists:
    """Lists and batches keep to their bounds."""

    async def test_closed_orders_within_seven_days(self, served: tuple[Floor, Client]) -> None:
        """By state and time; longer spans are refused."""
        _, client = served
        done = await client.post("/v1/orders", a_taker(volume="0.1"))
        gone = await client.post("/v1/orders", a_taker(price="140000000"))
        now = datetime.now(UTC)
        end = (("end_time", now.isoformat(timespec="seconds")),)

        both = await client.ask("GET", "/v1/orders/closed")
        only = await client.ask("GET", "/v1/orders/closed", (("states[]", "cancel"),))
        long = await client.ask("GET", "/v1/orders/closed", (("start_time", "1700000000000"), *end))

        assert [each["uuid"] for each in both.body] == [gone.body["uuid"], done.body["uuid"]]
        assert [each["uuid"] for each in only.body] == [gone.body["uuid"]]
        assert both.body[1]["executed_funds"] == "15001000"
        assert long.status == 400

    async def test_cancels_several_by_name(self, served: tuple[Floor, Client]) -> None:
        """What cannot be cancelled is told apart."""
        _, client = served
        placed = await client.post("/v1/orders", an_order(identifier="a"))
        unknown = str(uuid4())
        pairs = (("uuids[]", placed.body["uuid"]), ("uuids[]", unknown))

        reply = await client.ask("DELETE", "/v1/orders/uuids", pairs)

        assert reply.body["success"] == {
            "count": 1,
            "orders": [{"uuid": placed.body["uuid"], "market": "KRW-BTC", "identifier": "a"}],
        }
        assert reply.body["failed"]["orders"][0]["uuid"] == unknown

    async def test_cancelling_what_is_open_takes_the_newest_twenty(
        self, served: tuple[Floor, Client]
    ) -> None:
        """Without parameters, of everything; and only once in two seconds."""
        made, client = served
        for number in range(25):
            price = Decimal(140_000_000 + 1_000 * number)
            asked = NewOrder(made.btc, Side.BUY, quantity=Decimal("0.01"), price=price)
            made.exchange.place(made.account, asked)

        reply = await client.ask("DELETE", "/v1/orders/open")
        left = made.exchange.open_orders(made.account)
        soon = [await client.ask("DELETE", "/v1/orders/open") for _ in range(3)]

        assert reply.body["success"]["count"] == 20
        assert [each.asked.price for each in left] == [140_000_000 + 1_000 * n for n in range(5)]
        # A window of two seconds may end in between, but not twice.
        assert 429 in [each.status for each in soon]

    async def test_replaces_an_order(self, served: tuple[Floor, Client]) -> None:
        """The same market and side, under a new identifier."""
        _, client = served
        placed = await client.post("/v1/orders", an_order(identifier="old"))
        body = {
            "prev_order_uuid": placed.body["uuid"],
            "new_ord_type": "limit",
            "new_price": "141000000",
            "new_volume": "remain_only",
            "new_identifier": "new",
        }

        reply = await client.post("/v1/orders/cancel_and_new", body)
        new = await client.ask("GET", "/v1/order", (("identifier", "new"),))

        assert reply.body["uuid"] == placed.body["uuid"]
        assert new.body["uuid"] == reply.body["new_order_uuid"]
        assert (new.body["price"], new.body["volume"]) == ("141000000", "0.01")

    async def test_replaces_nothing_that_ended(self, served: tuple[Floor, Client]) -> None:
        """It answers well and names no new order."""
        made, client = served
        placed = await client.post("/v1/orders", a_taker(volume="0.1"))
        body = {
            "prev_order_uuid": placed.body["uuid"],
            "new_ord_type": "limit",
            "new_price": "141000000",
            "new_volume": "0.1",
        }

        reply = await client.post("/v1/orders/cancel_and_new", body)

        assert reply.status == 200
        assert "new_order_uuid" not in reply.body
        assert made.exchange.open_orders(made.account) == []


class TestAccount:
    """What the account has, pays and may do is told in strings."""

    async def test_tells_balances_fees_and_keys(self, served: tuple[Floor, Client]) -> None:
        """Reserved won shows as locked."""
        _, client = served
        await client.post("/v1/orders", an_order())
        balances = await client.ask("GET", "/v1/accounts")
        chance = await client.ask("GET", "/v1/orders/chance", (("market", "KRW-BTC"),))
        keys = await client.ask("GET", "/v1/api_keys")

        won = balances.body[0]
        assert (won["currency"], won["balance"], won["locked"]) == ("KRW", "498599300", "1400700")
        assert (chance.body["bid_fee"], chance.body["maker_ask_fee"]) == ("0.0005", "0.0005")
        assert chance.body["market"]["bid"]["min_total"] == "5000"
        assert chance.body["bid_account"]["locked"] == "1400700"
        assert client.access in [each["access_key"] for each in keys.body]


class TestQuotations:
    """Anyone may ask for prices; errors there go by numbers."""

    async def test_tells_markets_books_and_ticks(self, served: tuple[Floor, Client]) -> None:
        """With warnings, depths and levels as asked."""
        _, client = served
        markets = await client.open("/v1/market/all?is_details=true")
        book = await client.open("/v1/orderbook?markets=KRW-BTC,KRW-USDT&count=2")
        coarse = await client.open("/v1/orderbook?markets=KRW-BTC&level=10000")
        ticks = await client.open("/v1/orderbook/instruments?markets=KRW-BTC,KRW-USDT")
        trades = await client.open("/v1/trades/ticks?market=KRW-BTC")
        candles = await client.open("/v1/candles/minutes/5?market=KRW-BTC")
        tickers = await client.open("/v1/ticker?markets=KRW-BTC")

        assert markets.body[0]["market_event"]["warning"] is False
        assert [len(each["orderbook_units"]) for each in book.body] == [2, 1]
        assert book.body[0]["orderbook_units"][0]["ask_price"] == 150_010_000.0
        assert coarse.body[0]["orderbook_units"][0] == {
            "ask_price": 150_010_000.0,
            "bid_price": 150_000_000.0,
            "ask_size": 0.5,
            "bid_size": 0.5,
        }
        assert coarse.body[0]["orderbook_units"][1]["ask_size"] == 3.0
        assert [each["tick_size"] for each in ticks.body] == ["1000", "1"]
        assert trades.body[0]["trade_price"] == 150_000_000.0
        assert candles.body[0]["unit"] == 5
        assert tickers.body[0]["opening_price"] == 150_000_000.0

    async def test_errors_go_by_numbers(self, served: tuple[Floor, Client]) -> None:
        """Where a client must not expect a word."""
        _, client = served
        unknown = await client.open("/v1/orderbook?markets=KRW-NONE")
        missing = await client.open("/v1/ticker")

        assert (unknown.status, unknown.error) == (404, 404)
        assert (missing.status, missing.error) == (400, 400)


class TestBudgets:
    """Each group has its own budget, told in a header."""

    async def test_tells_what_is_left(self, served: tuple[Floor, Client]) -> None:
        """The seconds figure counts; the minutes figure is dead."""
        _, client = served

        reply = await client.ask("GET", "/v1/accounts")

        assert reply.headers["Remaining-Req"] == "group=default; min=1800; sec=29"

    async def test_too_many_are_refused_and_then_blocked(
        self, served: tuple[Floor, Client]
    ) -> None:
        """Going on asking ends in a block that covers everything of that caller."""
        _, client = served
        statuses: list[int] = []
        while 418 not in statuses and len(statuses) < 1_000:
            statuses.append((await client.open("/v1/market/all")).status)

        assert statuses[:10] == [200] * 10
        assert 429 in statuses
        assert statuses[-1] == 418
        blocked = await client.open("/v1/ticker?markets=KRW-BTC")
        assert blocked.status == 418
        assert "초" in blocked.body["error"]["message"]

    async def test_a_browser_is_let_through_once(self, served: tuple[Floor, Client]) -> None:
        """An Origin header costs nearly everything."""
        _, client = served
        headers = {"Origin": "https://example.org"}
        replies = [await client._send("GET", "/v1/market/all", "", headers) for _ in range(2)]

        assert replies[-1].status == 429


class TestFaults:
    """What goes wrong on demand looks as it would at Upbit."""

    async def test_an_order_stands_though_its_answer_was_lost(
        self, served: tuple[Floor, Client]
    ) -> None:
        """The unknown outcome: closed after the order was taken, and found by its identifier."""
        made, client = served
        made.fault(FaultKind.DROP_AFTER, operation=Operation.PLACE, count=1)

        with pytest.raises(aiohttp.ClientError):
            await client.post("/v1/orders", an_order(identifier="lost"))

        found = await client.ask("GET", "/v1/order", (("identifier", "lost"),))
        assert (found.status, found.body["state"]) == (200, "wait")

    async def test_an_order_dropped_before_is_nowhere(self, served: tuple[Floor, Client]) -> None:
        """And its identifier was never seen."""
        made, client = served
        made.fault(FaultKind.DROP_BEFORE, operation=Operation.PLACE, count=1)

        with pytest.raises(aiohttp.ClientError):
            await client.post("/v1/orders", an_order(identifier="lost"))

        found = await client.ask("GET", "/v1/order", (("identifier", "lost"),))
        assert found.error == "order_not_found"
        assert (await client.post("/v1/orders", an_order(identifier="lost"))).status == 201

    @pytest.mark.parametrize(
        ("kind", "status", "name"),
        [
            (FaultKind.TOO_MANY, 429, "too_many_requests"),
            (FaultKind.BANNED, 418, "blocked"),
            (FaultKind.ERROR_AFTER, 502, "server_error"),
            (FaultKind.ERROR_BEFORE, 503, "server_error"),
        ],
    )
    async def test_speaks_errors_as_upbit(
        self, served: tuple[Floor, Client], kind: FaultKind, status: int, name: str
    ) -> None:
        """In the usual body."""
        made, client = served
        made.fault(kind, operation=Operation.PLACE, count=1)

        reply = await client.post("/v1/orders", an_order())

        assert (reply.status, reply.error) == (status, name)

    async def test_maintenance_is_no_json(self, served: tuple[Floor, Client]) -> None:
        """A page, as a proxy would show."""
        made, client = served
        made.fault(FaultKind.MAINTENANCE)

        reply = await client.ask("GET", "/v1/accounts")

        assert (reply.status, reply.body) == (503, None)

    async def test_a_skewed_clock_shows_in_the_date(self, served: tuple[Floor, Client]) -> None:
        """The only place where Upbit tells its time."""
        made, client = served
        made.fault(FaultKind.SKEW, skew_ms=3_600_000)

        reply = await client.open("/v1/market/all")

        ahead = parsedate_to_datetime(reply.headers["Date"]) - datetime.now(UTC)
        assert 3_590 < ahead.total_seconds() < 3_610
