"""Bithumb's sockets, where they differ from Upbit's."""

from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial

import pytest

from tests.integration.sim.korean_floor import (
    Client,
    Floor,
    floor,
    message,
    messages,
    nothing_more,
    subscription,
)
from trader.domain.instrument import BITHUMB
from trader.sim.bithumb import app
from trader.sim.model import MarketStatus

BOOK = {"type": "orderbook", "codes": ["KRW-BTC"]}
ORDER = {
    "market": "KRW-BTC",
    "side": "bid",
    "order_type": "limit",
    "price": "150010000",
    "volume": "0.1",
}


@pytest.fixture
async def served() -> AsyncIterator[tuple[Floor, Client]]:
    """A running Bithumb and its client."""
    async with floor(app, BITHUMB) as made:
        yield made


class TestPublic:
    """Books are stamped finer and written two ways."""

    async def test_numbers_come_either_way(self, served: tuple[Floor, Client]) -> None:
        """As numbers in one frame and as text in the next."""
        made, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK))
        made.state()
        first = await message(socket)
        made.state()
        second = await message(socket)

        prices = [each["orderbook_units"][0]["ask_price"] for each in (first, second)]
        assert prices == [Decimal("150010000.0"), "150010000.0"]

    async def test_books_are_stamped_in_microseconds(self, served: tuple[Floor, Client]) -> None:
        """Tickers and trades in milliseconds."""
        _, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK, {"type": "ticker", "codes": ["KRW-BTC"]}))
        book, ticker = await messages(socket, 2)

        assert len(str(book["timestamp"])) == 16
        assert len(str(ticker["timestamp"])) == 13
        assert (ticker["market_state"], ticker["is_trading_suspended"]) == ("ACTIVE", False)

    async def test_a_halt_is_told_by_the_ticker(self, served: tuple[Floor, Client]) -> None:
        """At once, and again when it is over."""
        made, client = served
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription({"type": "ticker", "codes": ["KRW-BTC"]}))
        before = await message(socket)
        made.exchange.set_status(made.btc, MarketStatus.HALTED)
        halted = await message(socket)
        made.exchange.set_status(made.btc, MarketStatus.TRADING)
        after = await message(socket)

        told = [each["is_trading_suspended"] for each in (before, halted, after)]
        assert told == [False, True, False]

    async def test_a_book_has_fifteen_levels(self, served: tuple[Floor, Client]) -> None:
        """At most."""
        made, client = served
        made.state(asks=tuple((150_010_000.0 + 1_000 * n, 1.0) for n in range(40)))
        socket = await client.socket("/websocket/v1")
        await socket.send_str(subscription(BOOK))

        assert len((await message(socket))["orderbook_units"]) == 15

    async def test_goes_on_saying_that_it_is_up(self) -> None:
        """Once asked, on its own."""
        async with floor(partial(app, status_every_s=0.02), BITHUMB) as (_, client):
            socket = await client.socket("/websocket/v1")
            await socket.send_str("PING")

            assert await messages(socket, 3) == [{"status": "UP"}] * 3


class TestPrivate:
    """The second version has words of its own, and leaves out what is not there."""

    async def test_tells_an_order_to_its_end(self, served: tuple[Floor, Client]) -> None:
        """Sides are buy and sell; no trades are counted, no fee of a trade is told."""
        _, client = served
        socket = await client.socket("/websocket/v2/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder"}))
        await nothing_more(socket)
        placed = await client.post("/v2/orders", ORDER)
        waiting, trade, done = await messages(socket, 3)

        assert [each["state"] for each in (waiting, trade, done)] == ["wait", "trade", "done"]
        assert {each["order_id"] for each in (waiting, trade, done)} == {placed.body["order_id"]}
        assert waiting["side"] == "buy"
        assert not {"client_order_id", "trade_id", "cancel_type", "trades_count"} & set(waiting)
        assert {"trade_id", "trade_price", "trade_quantity", "trade_timestamp"} <= set(trade)
        assert "trade_fee" not in trade
        assert Decimal(trade["paid_fee"]) == Decimal("6000.4")
        assert "trade_id" not in done

    async def test_a_market_order_has_no_price(self, served: tuple[Floor, Client]) -> None:
        """It is told as zero."""
        _, client = served
        socket = await client.socket("/websocket/v2/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder"}))
        await nothing_more(socket)
        body = {"market": "KRW-BTC", "side": "ask", "order_type": "market", "volume": "0.1"}
        await client.post("/v2/orders", body)

        assert Decimal((await message(socket))["order_price"]) == 0

    async def test_shortens_its_own_names(self, served: tuple[Floor, Client]) -> None:
        """In the simple format."""
        _, client = served
        socket = await client.socket("/websocket/v2/private", signed=True)
        await socket.send_str(subscription({"type": "myOrder"}, form="SIMPLE"))
        await nothing_more(socket)
        await client.post("/v2/orders", ORDER | {"time_in_force": "ioc", "price": "140000000"})
        _, ended = await messages(socket, 2)

        assert (ended["s"], ended["ct"], ended["tif"], ended["sd"]) == (
            "cancel",
            "tif_cancel",
            "ioc",
            "buy",
        )
        assert {"ty", "st", "cd", "oid", "ot", "op", "oq", "oa", "eq", "rq", "ea"} <= set(ended)
