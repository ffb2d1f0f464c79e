"""Upbit's sockets: subscriptions, formats, keep-alive, what is told of orders, and their faults."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial

import aiohttp
import pytest

from tests.integration.sim.korean_floor import (
    PATIENCE_S,
    Client,
    Floor,
    floor,
    message,
    messages,
    nothing_more,
    subscription,
)
from trader.sim.faults import FaultKind
from trader.sim.lanes import StreamKind
from trader.sim.upbit import app

BOOK = {"type": "orderbook", "codes": ["KRW-BTC.1"]}
ORDER = {
    "market": "KRW-BTC",
    "side": "bid",
    "volume": "0.5",
    "price": "150010000",
    "ord_type": "limit",
}


@pytest.fixture
async def served() -> AsyncIterator[tuple[Floor, Client]]:
    """A running Upbit and its client."""
    async with floor(app) as made:
        yield made


class TestSubscriptions:
    """A request is answered with snapshots, replaces the one before, and is refused by name."""

    async def test_sends_binary_frames(self, served: tuple[Floor, Client]) -> None:
        """UTF-8 JSON inside."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK))

        frame = await socket.receive(PATIENCE_S)

        assert frame.type is aiohttp.WSMsgType.BINARY
        book = json.loads(frame.data)
        assert (book["code"], book["stream_type"], book["level"]) == ("KRW-BTC", "SNAPSHOT", 0)
        assert book["orderbook_units"] == [
            {
                "ask_price": 150010000.0,
                "bid_price": 150000000.0,
                "ask_size": 0.5,
                "bid_size": 0.5,
            }
        ]

    @pytest.mark.parametrize(
        ("code", "units"), [("KRW-BTC.5", 5), ("KRW-BTC.7", 30), ("KRW-BTC", 30)]
    )
    async def test_cuts_books_to_the_depths_there_are(
        self, served: tuple[Floor, Client], code: str, units: int
    ) -> None:
        """1, 5, 15 and 30; anything else is 30."""
        made, client = served
        made.state(asks=tuple((150_010_000.0 + 1_000 * n, 1.0) for n in range(40)))
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription({"type": "orderbook", "codes": [code]}))

        assert len((await message(socket))["orderbook_units"]) == units

    async def test_only_snapshot_and_only_realtime(self, served: tuple[Floor, Client]) -> None:
        """The one says nothing later, the other nothing at first."""
        made, client = served
        once, later = [await client.socket("/websocket/v1") for _ in range(2)]
        await once.send_str(subscription(BOOK | {"is_only_snapshot": True}))
        await later.send_str(subscription(BOOK | {"is_only_realtime": True}))
        await message(once)
        await nothing_more(later)
        made.state()

        assert (await message(later))["stream_type"] == "REALTIME"
        await nothing_more(once)

    async def test_a_new_request_replaces_the_old_set(self, served: tuple[Floor, Client]) -> None:
        """As a whole."""
        made, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK))
        await message(socket)
        await socket.send_str(subscription({"type": "orderbook", "codes": ["KRW-USDT"]}))
        await message(socket)
        made.state()

        await nothing_more(socket)

    async def test_lists_what_is_subscribed(self, served: tuple[Floor, Client]) -> None:
        """In the format chosen."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK | {"is_only_realtime": True}))
        await socket.send_str(json.dumps([{"ticket": "mine"}, {"method": "LIST_SUBSCRIPTIONS"}]))

        assert await message(socket) == {
            "method": "LIST_SUBSCRIPTIONS",
            "result": [{"type": "orderbook", "codes": ["KRW-BTC.1"]}],
            "ticket": "mine",
        }

    @pytest.mark.parametrize(
        ("request_text", "name"),
        [
            ("{}", "WRONG_FORMAT"),
            ("no json", "WRONG_FORMAT"),
            ('[{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
            ('[{"ticket":"t"}]', "NO_TYPE"),
            ('[{"ticket":"t"},{"type":"ticker"}]', "NO_CODES"),
            ('[{"ticket":"t"},{"type":"candles","codes":["KRW-BTC"]}]', "WRONG_FORMAT"),
            ('[{"ticket":"t"},{"type":"ticker","codes":[1]}]', "INVALID_PARAM"),
            ('[{"ticket":"t"},{"type":"ticker","codes":["A"]},{"format":"X"}]', "WRONG_FORMAT"),
        ],
    )
    async def test_refuses_by_name(
        self, served: tuple[Floor, Client], request_text: str, name: str
    ) -> None:
        """In a frame, with the connection left open."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(request_text)

        assert (await message(socket))["error"]["name"] == name
        await nothing_more(socket)

    @pytest.mark.parametrize(("form", "is_list"), [("SIMPLE", False), ("SIMPLE_LIST", True)])
    async def test_shortens_names(
        self, served: tuple[Floor, Client], form: str, is_list: bool
    ) -> None:
        """And wraps each message where a list is asked for."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        trade = {"type": "trade", "codes": ["KRW-BTC"]}
        await socket.send_str(subscription(BOOK, trade, form=form))
        book, traded = await messages(socket, 2)

        if is_list:
            (book,), (traded,) = book, traded
        assert set(book) == {"ty", "cd", "tms", "tas", "tbs", "obu", "lv", "st"}
        assert set(book["obu"][0]) == {"ap", "bp", "as", "bs"}
        assert {"tp", "tv", "ttms", "ab", "sid", "bap", "bas", "bbp", "bbs"} <= set(traded)

    async def test_tells_trades_as_they_happen(self, served: tuple[Floor, Client]) -> None:
        """The side is the taker's, and the ids grow."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription({"type": "trade", "codes": ["KRW-BTC"]}))
        before = await message(socket)
        await client.post("/v1/orders", ORDER | {"volume": "0.1"})
        after = await message(socket)

        assert (after["trade_price"], after["trade_volume"]) == (150_010_000, Decimal("0.1"))
        assert after["ask_bid"] == "BID"
        assert after["sequential_id"] > before["sequential_id"]


class TestConnection:
    """A socket lives while somebody speaks, within limits."""

    async def test_says_it_is_up(self, served: tuple[Floor, Client]) -> None:
        """To a text PING, once; protocol pings are answered too."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.ping(b"x")

        await nothing_more(socket)

    async def test_ends_a_quiet_one(self) -> None:
        """When nothing came or went for long enough."""
        async with floor(partial(app, idle_s=0.2)) as (_, client):
            socket = await client.socket("/websocket/v1")

            frame = await socket.receive(PATIENCE_S)

            assert frame.type is aiohttp.WSMsgType.CLOSE

    async def test_ends_one_that_says_too_much(self, served: tuple[Floor, Client]) -> None:
        """Five messages a second."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        for _ in range(12):
            await socket.send_str("PING")
        types = []
        while not socket.closed:
            types.append((await socket.receive(PATIENCE_S)).type)

        assert aiohttp.WSMsgType.CLOSE in types

    async def test_lets_five_in_a_second(self, served: tuple[Floor, Client]) -> None:
        """The next ones are refused at the handshake."""
        _, client = served
        tries = [client.socket("/websocket/v1") for _ in range(12)]
        ends = await asyncio.gather(*tries, return_exceptions=True)

        refused = [each for each in ends if isinstance(each, aiohttp.WSServerHandshakeError)]
        assert {each.status for each in refused} == {429}

    async def test_the_end_of_the_venue_ends_them(self) -> None:
        """At once, and not by their time limit."""
        async with floor(app) as (_, client):
            socket = await client.socket("/websocket/v1")
            await nothing_more(socket)
            waiting = asyncio.create_task(socket.receive(PATIENCE_S))
        assert (await waiting).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


class TestPrivate:
    """The private socket tells of changes only."""

    async def test_wants_a_token(self, served: tuple[Floor, Client]) -> None:
        """In the handshake."""
        _, client = served
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.socket("/websocket/v1/private")

        assert caught.value.status == 401

    async def test_says_nothing_on_subscribing(self, served: tuple[Floor, Client]) -> None:
        """Not even of what is open."""
        _, client = served
        await client.post("/v1/orders", ORDER | {"price": "140000000"})
        socket = await client.socket("/websocket/v1/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder"}, {"type": "myAsset"}))

        await nothing_more(socket)

    async def test_assets_have_no_codes(self, served: tuple[Floor, Client]) -> None:
        """With them the request is of the wrong format."""
        _, client = served
        socket = await client.socket("/websocket/v1/private", signed=True)
        await socket.send_str(subscription({"type": "myAsset", "codes": []}))

        assert (await message(socket))["error"]["name"] == "WRONG_FORMAT"

    async def test_tells_an_order_to_its_end(self, served: tuple[Floor, Client]) -> None:
        """A trade's price and volume are the fill's; what adds up is cumulative, and exact."""
        _, client = served
        socket = await client.socket("/websocket/v1/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder", "codes": ["KRW-BTC"]}))
        await nothing_more(socket)
        body = {"identifier": "arb-1", "price": "150011000", "volume": "0.60000001"}
        placed = await client.post("/v1/orders", ORDER | body)
        waiting, first, second, done = await messages(socket, 4)

        assert [each["state"] for each in (waiting, first, second, done)] == [
            "wait",
            "trade",
            "trade",
            "done",
        ]
        assert {each["uuid"] for each in (waiting, first, second, done)} == {placed.body["uuid"]}
        assert (waiting["price"], waiting["trade_uuid"], waiting["is_maker"]) == (
            150_011_000,
            None,
            None,
        )
        assert (first["price"], first["volume"]) == (150_010_000, Decimal("0.5"))
        assert (second["volume"], second["executed_volume"]) == (
            Decimal("0.10000001"),
            Decimal("0.60000001"),
        )
        assert second["trade_fee"] == Decimal("150011000") * Decimal("0.10000001") / 2000
        assert second["paid_fee"] == first["trade_fee"] + second["trade_fee"]
        assert first["trade_uuid"] != second["trade_uuid"]
        assert (done["trade_fee"], done["identifier"]) == (None, "arb-1")

    async def test_tells_balances_that_changed(self, served: tuple[Floor, Client]) -> None:
        """Won that an order reserves is locked."""
        _, client = served
        socket = await client.socket("/websocket/v1/private", signed=True)
        await socket.send_str(subscription({"type": "myAsset"}))
        await nothing_more(socket)
        await client.post("/v1/orders", ORDER | {"price": "140000000", "volume": "0.01"})

        told = await message(socket)

        won = next(each for each in told["assets"] if each["currency"] == "KRW")
        assert (won["balance"], won["locked"]) == (498_599_300, 1_400_700)

    async def test_tells_what_was_prevented(self, served: tuple[Floor, Client]) -> None:
        """The resting order loses its rest, and then ends."""
        made, client = served
        made.state(asks=())
        socket = await client.socket("/websocket/v1/private", signed=True)
        await client.post("/v1/orders", ORDER | {"side": "ask", "price": "150005000"})
        await socket.send_str(subscription({"type": "myOrder"}))
        await nothing_more(socket)
        await client.post("/v1/orders", ORDER | {"price": "150005000", "volume": "0.1"})
        told = await messages(socket, 3)

        assert [each["state"] for each in told] == ["prevented", "cancel", "wait"]
        assert told[0]["prevented_volume"] == Decimal("0.5")


class TestFaults:
    """Streams misbehave on demand."""

    async def test_falls_silent_and_still_answers_pings(self, served: tuple[Floor, Client]) -> None:
        """Age of data, not of pongs, is what tells."""
        made, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK))
        await message(socket)
        made.fault(FaultKind.SILENCE, stream=StreamKind.PUBLIC)
        made.state()

        await nothing_more(socket)

    async def test_tells_a_fill_twice(self, served: tuple[Floor, Client]) -> None:
        """With the same trade id."""
        made, client = served
        socket = await client.socket("/websocket/v1/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder"}))
        await nothing_more(socket)
        made.fault(FaultKind.DUPLICATE, stream=StreamKind.PRIVATE)
        await client.post("/v1/orders", ORDER)
        told = await messages(socket, 6)

        trades = [each["trade_uuid"] for each in told if each["state"] == "trade"]
        assert len(trades) == 2
        assert len(set(trades)) == 1

    async def test_is_not_let_in_during_maintenance(self, served: tuple[Floor, Client]) -> None:
        """The handshake is answered with the page."""
        made, client = served
        made.fault(FaultKind.MAINTENANCE)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.socket("/websocket/v1")

        assert caught.value.status == 503

    async def test_is_cut(self, served: tuple[Floor, Client]) -> None:
        """With the code asked for."""
        made, client = served
        socket = await client.socket("/websocket/v1")
        await nothing_more(socket)
        made.fault(FaultKind.CUT, close_code=1012, count=1)

        frame = await socket.receive(PATIENCE_S)

        assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 1012)
