"""The simulator's Binance WebSocket API: sessions, orders, and the user data stream."""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.sim.binance_caller import (
    ACCESS,
    BTC,
    ED25519,
    READ_ONLY,
    Ground,
    binance_ground,
    next_json,
    now_ms,
    sign_params,
    until,
)
from trader.domain.instrument import BINANCE, Asset
from trader.sim.faults import Fault, FaultKind, Operation
from trader.sim.lanes import StreamKind

API = "/ws-api/v3"
SUBSCRIBE = "userDataStream.subscribe.signature"
LIMIT: Mapping[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "90000.00",
}


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    """A face with a book, and a client."""
    async with binance_ground() as made:
        yield made


@pytest_asyncio.fixture
async def api(ground: Ground) -> AsyncIterator["Caller"]:
    """A connection to the WebSocket API."""
    async with ground.socket(API) as ws:
        yield Caller(ws)


class Caller:
    """Requests over one connection; events that come between are kept."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.events: list[dict[str, Any]] = []
        self._number = 0

    async def ask(self, method: str, **params: object) -> Any:
        """Send and wait for the answer with this request's id."""
        self._number += 1
        await self.ws.send_json({"id": self._number, "method": method, "params": params})
        while (told := await next_json(self.ws)).get("id") != self._number:
            self.events.append(told["event"])
        return told

    async def signed(self, method: str, key: str = ACCESS, **params: object) -> Any:
        """The same, with key, time and signature."""
        return await self.ask(method, **sign_params(params, key))

    async def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind, kept or still to come."""
        for number, event in enumerate(self.events):
            if event["e"] == kind:
                return self.events.pop(number)
        told = await until(self.ws, lambda message: message.get("event", {}).get("e") == kind)
        return dict(told["event"])


class TestCalls:
    """The endpoints by name, each request signed over its sorted parameters."""

    async def test_public_calls_need_no_key(self, api: Caller) -> None:
        pong = await api.ask("ping")
        clock = await api.ask("time")
        book = await api.ask("depth", symbol="BTCUSDT", limit=1)

        assert (pong["status"], pong["result"]) == (200, {})
        assert abs(clock["result"]["serverTime"] - now_ms()) < 5_000
        assert book["result"]["asks"] == [["100000.00000000", "0.50000000"]]
        assert book["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"

    @pytest.mark.parametrize("key", [ACCESS, ED25519])
    async def test_an_order_placed_found_and_cancelled(self, api: Caller, key: str) -> None:
        placed = await api.signed("order.place", key, newClientOrderId="arb-1", **LIMIT)
        found = await api.signed("order.status", key, symbol="BTCUSDT", origClientOrderId="arb-1")
        listed = await api.signed("openOrders.status", key, symbol="BTCUSDT")
        cancelled = await api.signed(
            "order.cancel", key, symbol="BTCUSDT", orderId=placed["result"]["orderId"]
        )

        assert placed["result"]["status"] == found["result"]["status"] == "NEW"
        assert len(listed["result"]) == 1
        assert cancelled["result"]["status"] == "CANCELED"

    async def test_refusals_have_status_and_code(self, api: Caller) -> None:
        unsigned = await api.ask("order.place", timestamp=now_ms(), **LIMIT)
        wrong = await api.ask("order.place", **(sign_params(LIMIT, ACCESS) | {"price": "91000.00"}))
        looking = await api.signed("order.place", READ_ONLY, **LIMIT)
        unknown = await api.ask("order.dance")
        missing = await api.signed("order.status", symbol="BTCUSDT", orderId=1)
        late = await api.signed("order.place", timestamp=now_ms() - 60_000, **LIMIT)

        codes = [each["error"]["code"] for each in (unsigned, wrong, looking, unknown, missing)]
        assert codes == [-1102, -1022, -2015, -1130, -2013]
        assert late["error"]["code"] == -1021
        assert looking["status"] == 401

    async def test_what_is_no_request(self, api: Caller) -> None:
        for frame in ("{", "[]", '{"id":1}'):
            await api.ws.send_str(frame)
            told = await next_json(api.ws)

            assert (told["id"], told["error"]["code"]) == (None, -1135)

    async def test_listen_keys_are_gone(self, api: Caller) -> None:
        told = await api.ask("userDataStream.start", apiKey=ACCESS)

        assert told["status"] == 410


class TestSessions:
    """Who logged on with an Ed25519 key need not sign again; an HMAC key cannot log on."""

    async def test_log_on_order_and_log_out(self, api: Caller) -> None:
        before = await api.ask("userDataStream.subscribe")
        on = await api.signed("session.logon", ED25519)
        status = await api.ask("session.status")
        placed = await api.ask("order.place", timestamp=now_ms(), **LIMIT)
        subscribed = await api.ask("userDataStream.subscribe")
        out = await api.ask("session.logout")
        ended = await api.event("eventStreamTerminated")
        after = await api.ask("order.place", timestamp=now_ms(), **LIMIT)

        assert before["error"]["code"] == -1002
        assert on["result"]["apiKey"] == status["result"]["apiKey"] == ED25519
        assert placed["result"]["status"] == "NEW"
        assert subscribed["result"] == {"subscriptionId": 0}
        assert out["result"]["apiKey"] is None
        assert ended["e"] == "eventStreamTerminated"
        assert after["error"]["code"] == -1102

    async def test_an_hmac_key(self, api: Caller) -> None:
        told = await api.signed("session.logon", ACCESS)

        assert told["error"]["code"] == -4056


class TestUserData:
    """Events tell what changed, never what was; one subscription per account and connection."""

    async def test_one_subscription_at_a_time(self, api: Caller) -> None:
        first = await api.signed(SUBSCRIBE)
        second = await api.signed(SUBSCRIBE)
        ended = await api.ask("userDataStream.unsubscribe", subscriptionId=0)
        terminated = await api.event("eventStreamTerminated")
        none = await api.ask("userDataStream.unsubscribe")
        again = await api.signed(SUBSCRIBE)

        assert first["result"] == {"subscriptionId": 0}
        assert second["error"]["code"] == -2035
        assert ended["result"] == {}
        assert terminated["e"] == "eventStreamTerminated"
        assert none["error"]["code"] == -2036
        assert again["result"] == {"subscriptionId": 1}

    async def test_an_order_from_new_to_filled(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        placed = (await ground.order(newClientOrderId="arb-1")).body

        new = await api.event("executionReport")
        fill = await api.event("executionReport")
        held = await api.event("outboundAccountPosition")

        assert (new["x"], new["X"], new["c"], new["t"]) == ("NEW", "NEW", "arb-1", -1)
        assert (fill["x"], fill["X"], fill["i"]) == ("TRADE", "FILLED", placed["orderId"])
        assert (fill["l"], fill["L"], fill["z"]) == ("0.01000000", "100000.00000000", "0.01000000")
        assert (fill["Y"], fill["Z"]) == ("1000.00000000", "1000.00000000")
        assert (fill["n"], fill["N"]) == ("0.00001000", "BTC")
        assert fill["t"] == placed["fills"][0]["tradeId"]
        assert fill["I"] > new["I"]
        assert {each["a"]: each["f"] for each in held["B"]} == {
            "USDT": "49000.00000000",
            "BTC": "1.00999000",
        }

    async def test_a_cancel_carries_both_ids(self, ground: Ground, api: Caller) -> None:
        """``c`` is the cancel's own id and ``C`` the order's: mixing them up loses the order."""
        await api.signed(SUBSCRIBE)
        await ground.order(newClientOrderId="arb-1", timeInForce="GTC", price="90000.00")
        await ground.signed(
            "DELETE",
            "/api/v3/order",
            symbol="BTCUSDT",
            origClientOrderId="arb-1",
            newClientOrderId="stop-1",
        )

        await api.event("executionReport")
        told = await api.event("executionReport")

        assert (told["x"], told["X"]) == ("CANCELED", "CANCELED")
        assert (told["c"], told["C"]) == ("stop-1", "arb-1")

    async def test_the_rest_of_an_ioc_expires_with_its_reason(
        self, ground: Ground, api: Caller
    ) -> None:
        ground.state(asks=((100_000.0, 0.004),))
        await api.signed(SUBSCRIBE)
        await ground.order()

        reports = [await api.event("executionReport") for _ in range(3)]

        assert [each["x"] for each in reports] == ["NEW", "TRADE", "EXPIRED"]
        assert [each["X"] for each in reports] == ["NEW", "PARTIALLY_FILLED", "EXPIRED"]
        assert reports[-1]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
        assert reports[-1]["z"] == "0.00400000"

    async def test_a_purchase_by_quote_ends_filled(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        bare = {"type": "MARKET", "price": None, "timeInForce": None, "quantity": None}
        await ground.order(quoteOrderQty="1000.5", **bare)

        reports = [await api.event("executionReport") for _ in range(2)]

        assert [(each["x"], each["X"]) for each in reports] == [("NEW", "NEW"), ("TRADE", "FILLED")]
        assert reports[1]["Q"] == "1000.50000000"

    async def test_a_match_with_oneself_is_prevented(self, ground: Ground, api: Caller) -> None:
        await ground.order(side="SELL", timeInForce="GTC", price="99995.00")
        await api.signed(SUBSCRIBE)
        await ground.order(price="99996.00")

        told = await api.event("executionReport")

        assert (told["x"], told["X"]) == ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")
        assert "v" in told

    async def test_a_refusal_of_the_engine(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        await ground.order(quantity="0.6", price="100020.00", newClientOrderId="arb-1")

        told = await api.event("executionReport")

        assert (told["x"], told["X"]) == ("REJECTED", "REJECTED")
        assert (told["r"], told["c"], told["i"]) == ("INSUFFICIENT_BALANCES", "arb-1", -1)

    async def test_money_from_outside(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        account = ground.exchange.account(BINANCE, "main")
        assert account is not None
        ground.exchange.adjust(account, Asset("BTC"), Decimal("-0.25"))

        moved = await api.event("balanceUpdate")
        held = await api.event("outboundAccountPosition")

        assert (moved["a"], moved["d"]) == ("BTC", "-0.25000000")
        assert held["B"][0]["f"] == "0.75000000"

    async def test_a_fill_of_a_resting_order_is_a_makers(self, ground: Ground, api: Caller) -> None:
        await ground.order(timeInForce="GTC", price="99995.00")
        await api.signed(SUBSCRIBE)
        ground.exchange.state_book(BTC, ((99_000.0, 1.0),), ((99_990.0, 5.0),))

        told = await api.event("executionReport")

        assert (told["x"], told["m"], told["L"]) == ("TRADE", True, "99995.00000000")


class TestFaults:
    """The private stream and its calls misbehave on demand."""

    async def test_reports_doubled_swapped_and_lost(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        ground.faults.install(Fault(FaultKind.DUPLICATE, stream=StreamKind.PRIVATE, count=1))
        await ground.order()
        doubled = [await api.event("executionReport") for _ in range(3)]
        ground.faults.install(Fault(FaultKind.REORDER, stream=StreamKind.PRIVATE, count=1))
        await ground.order()
        swapped = [await api.event("executionReport") for _ in range(2)]

        assert [each["x"] for each in doubled] == ["NEW", "NEW", "TRADE"]
        assert [each["x"] for each in swapped] == ["TRADE", "NEW"]

    async def test_silence_leaves_answers_alone(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        ground.faults.install(Fault(FaultKind.SILENCE, stream=StreamKind.PRIVATE))
        await ground.order()

        assert (await api.ask("ping"))["status"] == 200
        assert api.events == []

    async def test_a_cut_is_announced(self, ground: Ground, api: Caller) -> None:
        await api.signed(SUBSCRIBE)
        ground.faults.install(Fault(FaultKind.CUT, stream=StreamKind.PRIVATE))

        told = await next_json(api.ws)
        end = await api.ws.receive(timeout=10)

        assert told["e"] == "serverShutdown"
        assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    @pytest.mark.parametrize(
        ("kind", "spent"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1_000)]
    )
    async def test_dropped_before_and_after(
        self, ground: Ground, api: Caller, kind: FaultKind, spent: int
    ) -> None:
        ground.faults.install(Fault(kind, operation=Operation.PLACE))
        taking = dict(LIMIT) | {"price": "100000.00"}
        params = sign_params(taking, ACCESS)
        await api.ws.send_json({"id": 1, "method": "order.place", "params": params})

        assert (await api.ws.receive(timeout=10)).type in (
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
        )
        assert ground.free("USDT") == 50_000 - spent

    async def test_throttled_says_until_when(self, ground: Ground, api: Caller) -> None:
        ground.faults.install(Fault(FaultKind.TOO_MANY, operation=Operation.PLACE, retry_after_s=5))

        told = await api.signed("order.place", **LIMIT)

        assert (told["status"], told["error"]["code"]) == (429, -1003)
        data = told["error"]["data"]
        assert data["retryAfter"] == data["serverTime"] + 5_000
