"""Bithumb's face over real HTTP, above all where it differs from Upbit's."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest
from msgspec import structs

from tests.integration.sim.korean_floor import Client, Floor, Reply, floor
from trader.domain.instrument import BITHUMB
from trader.sim.bithumb import app
from trader.sim.faults import FaultKind, Operation
from trader.sim.model import MarketStatus
from trader.sim.rules import RULES, ClientIds

LIMIT = {
    "market": "KRW-BTC",
    "side": "bid",
    "order_type": "limit",
    "price": "140000000",
    "volume": "0.01",
}
# Without the moment an order is taken in, but for the tests that are about it.
at_once = partial(app, accepted_after_s=0.0)
SLOW_S = 3_600.0


@dataclass
class Asking:
    """A running Bithumb and what the tests ask of it again and again."""

    floor: Floor
    client: Client

    async def place(self, **others: object) -> Reply:
        """A resting limit order, or what is made of it; None leaves a field out."""
        body = {name: value for name, value in (LIMIT | others).items() if value is not None}
        return await self.client.post("/v2/orders", body)

    async def take(self, **others: object) -> Reply:
        """An IOC that meets the best ask."""
        return await self.place(**({"price": "150010000", "time_in_force": "ioc"} | others))

    async def look(self, placed: Reply) -> Any:
        """The order as a query tells it."""
        pairs = (("uuid", placed.body["order_id"]),)
        return (await self.client.ask("GET", "/v1/order", pairs)).body


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    """A running Bithumb where orders are accepted at once."""
    async with floor(at_once, BITHUMB) as (made, client):
        yield Asking(made, client)


class TestTokens:
    """Tokens say when they were made, and are signed one way only."""

    async def test_takes_hs256_only(self, asking: Asking) -> None:
        """What Upbit's documents prefer is refused here."""
        good = await asking.client.ask("GET", "/v1/accounts")
        asking.client.algorithm = "HS512"
        other = await asking.client.ask("GET", "/v1/accounts")

        assert (good.status, other.status, other.error) == (200, 401, "jwt_verification")

    async def test_wants_a_timestamp_of_now(self, asking: Asking) -> None:
        """Missing, too old and too early are refused; within twenty seconds is not."""
        client, now_ms = asking.client, time.time_ns() // 1_000_000
        answers = [
            await client.ask("GET", "/v1/accounts", token=client.token(timestamp=at_ms))
            for at_ms in (None, now_ms - 60_000, now_ms + 60_000, now_ms - 5_000)
        ]

        assert [each.status for each in answers] == [401, 401, 401, 200]
        assert [each.error for each in answers[:3]] == [
            "jwt_verification",
            "expired_jwt",
            "expired_jwt",
        ]

    async def test_a_skewed_venue_refuses_a_right_clock(self, asking: Asking) -> None:
        """The venue's clock counts, and its Date header shows it."""
        asking.floor.fault(FaultKind.SKEW, skew_ms=30_000)

        assert (await asking.client.ask("GET", "/v1/accounts")).error == "expired_jwt"

    async def test_refuses_nonce_and_hash_as_upbit_does(self, asking: Asking) -> None:
        """Both names are shared."""
        client = asking.client
        token = client.token()
        await client.ask("GET", "/v1/accounts", token=token)
        again = await client.ask("GET", "/v1/accounts", token=token)
        other = await client.post("/v2/orders", LIMIT, token=client.token("market=KRW-ETH"))

        assert (again.error, other.error) == ("nonce_used", "invalid_query_payload")

    async def test_a_list_is_hashed_with_brackets(self, asking: Asking) -> None:
        """In a query and in a body."""
        placed = await asking.place()
        order_id = placed.body["order_id"]
        listed = await asking.client.ask("GET", "/v1/orders", (("uuids[]", order_id),))
        found = await asking.client.post("/v2/orders/search", {"order_ids": [order_id]})

        assert listed.body[0]["uuid"] == found.body["data"][0]["uuid"] == order_id


class TestPlacing:
    """Placing is acknowledged, and says nothing of what became of the order."""

    async def test_acknowledges_without_fills(self, asking: Asking) -> None:
        """Under other names than queries use, even when all of it was filled at once."""
        placed = await asking.take(client_order_id="arb_1-A")
        seen = await asking.look(placed)

        assert set(placed.body) == {
            "order_id",
            "client_order_id",
            "market",
            "side",
            "order_type",
            "created_at",
            "stp_type",
            "time_in_force",
        }
        assert placed.body["stp_type"] == "cancel_taker"
        assert (seen["uuid"], seen["ord_type"]) == (placed.body["order_id"], "limit")
        assert seen["uuid"].startswith("C0101")
        assert "order_type" not in seen

    async def test_leaves_out_what_is_not_there(self, asking: Asking) -> None:
        """An absent value is no null."""
        placed = await asking.place()
        seen = await asking.look(placed)

        for absent in ("client_order_id", "time_in_force", "cancel_type", "canceling_uuid"):
            assert absent not in placed.body
            assert absent not in seen

    async def test_a_partial_ioc_ends_done(self, asking: Asking) -> None:
        """The opposite of Upbit; an empty one ends cancelled, with the reason."""
        part = await asking.look(await asking.take(volume="0.75"))
        none = await asking.look(await asking.take(price="140000000"))

        assert (part["state"], part["executed_volume"]) == ("done", "0.5")
        assert "cancel_type" not in part
        assert (none["state"], none["cancel_type"]) == ("cancel", "tif_cancel")

    async def test_fok_and_post_only_end_cancelled(self, asking: Asking) -> None:
        """Both are taken in first."""
        for force in ("fok", "post_only"):
            seen = await asking.look(await asking.take(volume="0.75", time_in_force=force))

            assert (seen["state"], seen["cancel_type"]) == ("cancel", "tif_cancel")
            assert seen["executed_volume"] == "0"

    async def test_a_market_purchase_ends_done(self, asking: Asking) -> None:
        """By its total in won."""
        placed = await asking.place(order_type="price", price="1000000", volume=None)
        seen = await asking.look(placed)

        assert (seen["state"], seen["ord_type"], seen["price"]) == ("done", "price", "1000000")
        assert Decimal(seen["executed_funds"]) <= Decimal(1_000_000)

    async def test_the_newer_of_ones_own_orders_is_cancelled(self, asking: Asking) -> None:
        """The rest that would meet it, with the order that stood in the way."""
        asking.floor.state(asks=())
        resting = await asking.place(side="ask", price="150005000")
        seen = await asking.look(await asking.place(price="150005000"))

        assert (seen["state"], seen["cancel_type"]) == ("cancel", "stp_cancel")
        assert seen["canceling_uuid"] == resting.body["order_id"]
        assert (await asking.look(resting))["state"] == "wait"

    async def test_tells_fees_in_won(self, asking: Asking) -> None:
        """Cumulative, at the account's own rate."""
        seen = await asking.look(await asking.take(volume="0.2"))

        assert (seen["paid_fee"], seen["executed_funds"]) == ("12000.8", "30002000")
        assert seen["trades"][0]["funds"] == "30002000"

    @pytest.mark.parametrize(
        ("others", "status", "name"),
        [
            ({"price": "140000500"}, 400, "invalid_price_bid"),
            ({"price": "160000500", "side": "ask"}, 400, "invalid_price_ask"),
            ({"price": "abc"}, 400, "invalid_price"),
            ({"volume": "0.00001"}, 200, "under_price_limit_bid"),
            ({"volume": "50"}, 400, "invalid_parameter"),
            ({"volume": "5"}, 400, "insufficient_funds_bid"),
            ({"volume": "0.000000001"}, 400, "invalid_parameter"),
            ({"side": "buy"}, 400, "invalid_parameter"),
            ({"order_type": None, "ord_type": "limit"}, 400, "invalid_parameter"),
            ({"market": "KRW-NONE"}, 400, "invalid_parameter"),
            ({"client_order_id": "a.b"}, 400, "invalid_parameter"),
            ({"client_order_id": "a" * 37}, 400, "invalid_parameter"),
        ],
    )
    async def test_refuses_by_name(
        self, asking: Asking, others: dict[str, object], status: int, name: str
    ) -> None:
        """One of them with a good status: the body alone says it."""
        reply = await asking.place(**others)

        assert (reply.status, reply.error) == (status, name)
        assert asking.floor.exchange.orders(asking.floor.account) == []

    async def test_a_halted_market_refuses(self, asking: Asking) -> None:
        """And leaves nothing behind."""
        asking.floor.exchange.set_status(asking.floor.btc, MarketStatus.HALTED)

        assert (await asking.place()).status == 400


class TestClientOrderId:
    """A second request with the same id makes no second order, whichever way it is answered."""

    async def test_returns_the_order_there_is(self, asking: Asking) -> None:
        """As the trade kit says."""
        first = await asking.take(client_order_id="one")
        second = await asking.take(client_order_id="one", volume="0.02")

        assert second.status == 201
        assert second.body["order_id"] == first.body["order_id"]
        assert len(asking.floor.exchange.orders(asking.floor.account)) == 1

    async def test_or_refuses(self) -> None:
        """As the documents can be read."""
        unique = structs.replace(RULES[BITHUMB], client_ids=ClientIds.UNIQUE)
        async with floor(at_once, BITHUMB, RULES | {BITHUMB: unique}) as (made, client):
            asking = Asking(made, client)
            await asking.place(client_order_id="one")
            second = await asking.place(client_order_id="one")

            assert second.status == 400
            assert len(made.exchange.orders(made.account)) == 1


class TestAcceptance:
    """An order is taken in after it was acknowledged."""

    async def test_cannot_be_asked_about_at_once(self) -> None:
        """By its own id it is not ready; by the sender's it may even seem to be nowhere."""
        async with floor(partial(app, accepted_after_s=SLOW_S), BITHUMB) as (made, client):
            asking = Asking(made, client)
            placed = await asking.place(client_order_id="one")
            by_id = (("order_id", placed.body["order_id"]),)
            asked = await client.ask("GET", "/v1/order", (("uuid", placed.body["order_id"]),))
            named = await client.ask("GET", "/v1/order", (("client_order_id", "one"),))
            cancelled = await client.ask("DELETE", "/v2/order", by_id)
            several = await client.post(
                "/v2/orders/cancel", {"order_ids": [placed.body["order_id"]]}
            )
            pending = await client.ask("GET", "/v2/orders/pending")

        assert (asked.status, asked.error) == (422, "order_not_ready")
        assert (named.status, named.error) == (404, "order_not_found")
        assert (cancelled.status, cancelled.error) == (422, "order_not_ready")
        assert several.body["fail"][0]["error"]["name"] == "order_not_ready"
        assert pending.body["data"] == []


class TestCancelling:
    """A cancel is accepted, and its outcome told elsewhere."""

    async def test_acknowledges_alone(self, asking: Asking) -> None:
        """By either id; a second one finds nothing to cancel."""
        placed = await asking.place(client_order_id="one")
        by_name = (("client_order_id", "one"),)
        reply = await asking.client.ask("DELETE", "/v2/order", by_name)
        again = await asking.client.ask("DELETE", "/v2/order", by_name)
        seen = await asking.look(placed)

        assert (reply.status, set(reply.body)) == (
            200,
            {"order_id", "client_order_id", "created_at"},
        )
        assert (again.status, again.error) == (404, "order_not_found")
        assert seen["state"] == "cancel"
        assert "cancel_type" not in seen

    async def test_cancels_several(self, asking: Asking) -> None:
        """Thirty at most, each for itself."""
        placed = await asking.place()
        names = [placed.body["order_id"], "C0101000000000000000"]
        reply = await asking.client.post("/v2/orders/cancel", {"order_ids": names})
        many = await asking.client.post("/v2/orders/cancel", {"order_ids": ["x"] * 31})

        assert [each["order_id"] for each in reply.body["success"]] == names[:1]
        assert reply.body["fail"][0]["order_id"] == names[1]
        assert reply.body["fail"][0]["error"]["name"] == "order_not_found"
        assert many.status == 400


class TestLists:
    """Lists come in pages with a key to the next."""

    async def test_pages_through_what_is_open(self, asking: Asking) -> None:
        """Newest first, until nothing is left."""
        placed = [(await asking.place()).body["order_id"] for _ in range(5)]
        seen: list[str] = []
        key, page = None, {}
        for _ in range(3):
            pairs = (("limit", "2"), *((("next_key", key),) if key else ()))
            page = (await asking.client.ask("GET", "/v2/orders/pending", pairs)).body
            seen += [each["uuid"] for each in page["data"]]
            key = page["next_key"]

        assert seen == placed[::-1]
        assert (page["has_next"], key) == (False, None)

    async def test_remembers_what_ended(self, asking: Asking) -> None:
        """By state; the old list tells of open ones unless told otherwise."""
        done = await asking.take(volume="0.1")
        gone = await asking.take(price="140000000")
        client = asking.client
        both = await client.ask("GET", "/v2/orders/history")
        one = await client.ask("GET", "/v2/orders/history", (("states[]", "done"),))
        old = await client.ask("GET", "/v1/orders")
        old_done = await client.ask("GET", "/v1/orders", (("state", "done"),))
        mixed = await client.ask("GET", "/v1/orders", (("states[]", "wait"), ("states[]", "watch")))

        names = [gone.body["order_id"], done.body["order_id"]]
        assert [each["uuid"] for each in both.body["data"]] == names
        assert [each["uuid"] for each in one.body["data"]] == names[1:]
        assert (old.body, [each["uuid"] for each in old_done.body]) == ([], names[1:])
        assert mixed.status == 400

    async def test_places_a_batch(self, asking: Asking) -> None:
        """Acknowledged and refused side by side, with a good status."""
        orders = [
            LIMIT | {"client_order_id": "good"},
            LIMIT | {"client_order_id": "bad", "price": "140000500"},
        ]
        reply = await asking.client.post("/v2/orders/batch", {"batch_orders": orders})

        good, bad = reply.body["batch_orders_response"]
        assert reply.status == 200
        assert good["client_order_id"] == "good"
        assert (bad["client_order_id"], bad["name"]) == ("bad", "invalid_price_bid")


class TestAccountAndMarket:
    """Rules and prices are told where the sheet says."""

    async def test_tells_price_unit_and_fees(self, asking: Asking) -> None:
        """The tick comes with the chance to order."""
        reply = await asking.client.ask("GET", "/v1/orders/chance", (("market", "KRW-BTC"),))

        market = reply.body["market"]
        assert market["bid"] == {"currency": "KRW", "price_unit": "1000", "min_total": "5000"}
        assert (reply.body["bid_fee"], reply.body["maker_ask_fee"]) == ("0.0004", "0.0004")

    async def test_tells_markets_and_warnings(self, asking: Asking) -> None:
        """Warnings only when details are asked for."""
        plain = await asking.client.open("/v1/market/all")
        detailed = await asking.client.open("/v1/market/all?isDetails=true")
        warnings = await asking.client.open("/v1/market/virtual_asset_warning")

        assert "market_warning" not in plain.body[0]
        assert detailed.body[0]["market_warning"] == "NONE"
        assert warnings.body == []

    async def test_shows_more_levels_of_one_market(self, asking: Asking) -> None:
        """Thirty alone, fifteen among several."""
        bids = tuple((150_000_000.0 - 1_000 * n, 1.0) for n in range(40))
        asking.floor.state(bids=bids)
        one = await asking.client.open("/v1/orderbook?markets=KRW-BTC")
        two = await asking.client.open("/v1/orderbook?markets=KRW-BTC,KRW-USDT")

        assert len(one.body[0]["orderbook_units"]) == 30
        assert len(two.body[0]["orderbook_units"]) == 15

    async def test_tells_no_remaining_budget(self, asking: Asking) -> None:
        """Upbit's header is Upbit's."""
        reply = await asking.client.open("/v1/market/all")

        assert "Remaining-Req" not in reply.headers


class TestFaults:
    """An order whose answer was lost is there all the same."""

    async def test_found_by_its_client_order_id(self, asking: Asking) -> None:
        """Closed after it was taken in, and never placed twice."""
        asking.floor.fault(FaultKind.RESET_AFTER, operation=Operation.PLACE, count=1)

        with pytest.raises(aiohttp.ClientError):
            await asking.take(client_order_id="lost")

        pairs = (("client_order_id", "lost"),)
        found = await asking.client.ask("GET", "/v1/order", pairs)
        assert found.body["state"] == "done"

    async def test_the_first_private_socket_is_closed(self, asking: Asking) -> None:
        """Only the second version answers."""
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await asking.client.socket("/websocket/v1/private", signed=True)
        socket = await asking.client.socket("/websocket/v2/private", signed=True)
        await socket.close()
