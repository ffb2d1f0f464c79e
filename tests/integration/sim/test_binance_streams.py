"""The simulator's Binance market streams over real WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.sim.binance_caller import (
    ASKS,
    BIDS,
    BTC,
    Ground,
    binance_ground,
    next_json,
    until,
)
from trader.domain.instrument import BINANCE
from trader.sim.binance_socket import Timing
from trader.sim.faults import Fault, FaultKind
from trader.sim.lanes import StreamKind

COMBINED = "/stream?streams="
MOVED = ((99_995.0, 1.5), *BIDS[1:])


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    """A face with a book, and a client."""
    async with binance_ground() as made:
        yield made


class TestShapes:
    """Each stream sends what Binance's sends, no field more where that is the trap."""

    async def test_a_raw_book_ticker_has_neither_type_nor_time(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@bookTicker") as ws:
            ground.state(bids=MOVED)

            told = await next_json(ws)

        assert set(told) == {"u", "s", "b", "B", "a", "A"}
        assert (told["b"], told["B"]) == ("99995.00000000", "1.50000000")

    async def test_a_book_ticker_is_silent_while_the_best_levels_stay(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@bookTicker") as ws:
            ground.state(bids=(*BIDS[:2], (99_960.0, 1.0)))
            ground.state(bids=MOVED)

            assert (await next_json(ws))["b"] == "99995.00000000"

    async def test_partial_books_come_whole_without_symbol_or_time(self, ground: Ground) -> None:
        """Only the name of the stream says whose book it is."""
        async with ground.socket(f"{COMBINED}btcusdt@depth5@100ms/ethusdt@depth5") as ws:
            first = await next_json(ws)
            ground.state(bids=MOVED)
            second = await next_json(ws)

        assert first["stream"] == second["stream"] == "btcusdt@depth5@100ms"
        assert set(first["data"]) == {"lastUpdateId", "bids", "asks"}
        assert len(first["data"]["bids"]) == 3
        assert second["data"]["bids"][0] == ["99995.00000000", "1.50000000"]
        assert second["data"]["lastUpdateId"] > first["data"]["lastUpdateId"]

    async def test_trades_and_aggregates(self, ground: Ground) -> None:
        async with ground.socket(f"{COMBINED}btcusdt@trade/btcusdt@aggTrade") as ws:
            await ground.order()
            trade, aggregate = await next_json(ws), await next_json(ws)

        assert (trade["data"]["e"], aggregate["data"]["e"]) == ("trade", "aggTrade")
        assert trade["data"]["t"] == aggregate["data"]["a"]
        assert trade["data"]["m"] is False
        assert (trade["data"]["p"], trade["data"]["q"]) == ("100000.00000000", "0.01000000")

    async def test_microseconds_where_the_address_asks_for_them(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@trade?timeUnit=MICROSECOND") as ws:
            await ground.order()

            assert (await next_json(ws))["E"] > 10**15

    async def test_upper_case_names_are_taken_and_stay_silent(self, ground: Ground) -> None:
        async with ground.socket(f"{COMBINED}BTCUSDT@trade/btcusdt@trade") as ws:
            await ground.order()

            assert (await next_json(ws))["stream"] == "btcusdt@trade"


class TestChanges:
    """Changes count on without a gap, so that a book kept from them equals the venue's."""

    async def test_a_book_kept_from_snapshot_and_changes(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@depth@100ms") as ws:
            ground.state(bids=MOVED)
            first = await next_json(ws)
            snapshot = (await ground.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)).body
            book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
            last = snapshot["lastUpdateId"]
            assert first["U"] <= first["u"] <= last

            ground.state(bids=BIDS, asks=ASKS[1:])
            ground.state(bids=((99_000.0, 9.0),), asks=ASKS[1:])
            while last < ground.exchange.book(BTC).sequence:  # type: ignore[union-attr]
                change = await next_json(ws)
                assert change["U"] == last + 1
                last = change["u"]
                for side, key in (("bids", "b"), ("asks", "a")):
                    for price, quantity in change[key]:
                        if float(quantity) == 0:
                            book[side].pop(price, None)
                        else:
                            book[side][price] = quantity

        assert book["bids"] == {"99000.00000000": "9.00000000"}
        assert sorted(book["asks"]) == ["100010.00000000", "100020.00000000"]

    async def test_our_own_fill_takes_from_the_displayed_book(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@depth@100ms") as ws:
            await ground.order()

            assert (await next_json(ws))["a"] == [["100000.00000000", "0.49000000"]]


class TestLiveSubscription:
    """Streams come and go on an open connection."""

    async def test_subscribe_list_and_unsubscribe(self, ground: Ground) -> None:
        async with ground.socket("/ws") as ws:
            await ws.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
            subscribed = await next_json(ws)
            ground.state(bids=MOVED)
            told = await next_json(ws)
            await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
            listed = await next_json(ws)
            await ws.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 3})
            ended = await next_json(ws)
            ground.state()
            await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 4})
            empty = await next_json(ws)

        assert subscribed == {"result": None, "id": 1}
        assert told["s"] == "BTCUSDT"
        assert listed == {"result": ["btcusdt@bookTicker"], "id": 2}
        assert ended == {"result": None, "id": 3}
        assert empty == {"result": [], "id": 4}

    @pytest.mark.parametrize(
        "frame", ["{", '{"id":1}', '{"method":"NOPE","id":1}', '{"method":"SUBSCRIBE","params":1}']
    )
    async def test_nonsense_is_answered_with_an_error(self, ground: Ground, frame: str) -> None:
        async with ground.socket("/ws") as ws:
            await ws.send_str(frame)

            assert "error" in await next_json(ws)

    async def test_more_than_five_messages_a_second_end_the_connection(
        self, ground: Ground
    ) -> None:
        async with ground.socket("/ws") as ws:
            for number in range(6):
                await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            async with asyncio.timeout(10):
                while (await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass

            assert ws.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


class TestLife:
    """Pings, silence, and the ends a connection comes to."""

    async def test_pings_come_and_their_absence_of_answer_ends_the_connection(self) -> None:
        async with (
            binance_ground(Timing(ping_every_s=0.05, pong_within_s=0.3)) as ground,
            ground.session.ws_connect(f"{ground.address}/ws", autoping=False) as ws,
        ):
            types = []
            async with asyncio.timeout(10):
                while not ws.closed:
                    types.append((await ws.receive()).type)

        assert aiohttp.WSMsgType.PING in types
        assert ws.close_code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)

    async def test_who_answers_pings_stays(self) -> None:
        async with (
            binance_ground(
                Timing(ping_every_s=0.02, pong_within_s=0.5, messages_per_s=0)
            ) as ground,
            ground.session.ws_connect(f"{ground.address}/ws", autoping=False) as ws,
        ):
            for _ in range(40):
                ping = await ws.receive(timeout=10)
                assert ping.type is aiohttp.WSMsgType.PING
                await ws.pong(ping.data)

            assert not ws.closed

    async def test_a_connection_lives_a_day_and_is_warned_of_its_end(self) -> None:
        async with (
            binance_ground(Timing(life_s=0.2)) as ground,
            ground.socket("/ws/btcusdt@trade") as ws,
        ):
            told = await next_json(ws)
            end = await ws.receive(timeout=10)

        assert told["e"] == "serverShutdown"
        assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    async def test_server_shutdown_on_demand(self, ground: Ground) -> None:
        async with ground.socket(f"{COMBINED}btcusdt@bookTicker") as ws:
            ground.state(bids=MOVED)
            await next_json(ws)
            ground.faults.install(Fault(FaultKind.CUT, stream=StreamKind.PUBLIC))

            told = await next_json(ws)
            end = await ws.receive(timeout=10)

        assert told["stream"] == "!serverShutdown"
        assert told["data"]["e"] == "serverShutdown"
        assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    async def test_silence_still_answers_pings(self, ground: Ground) -> None:
        """A stream that says nothing is not told from a quiet market by its pongs."""
        async with ground.session.ws_connect(
            f"{ground.address}/ws/btcusdt@bookTicker", autoping=False
        ) as ws:
            ground.faults.install(Fault(FaultKind.SILENCE, stream=StreamKind.PUBLIC))
            ground.state(bids=MOVED)
            await ws.ping(b"still there?")

            answer = await ws.receive(timeout=10)

        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"still there?")

    async def test_frames_are_lost_doubled_and_swapped_on_demand(self, ground: Ground) -> None:
        async with ground.socket("/ws/btcusdt@bookTicker") as ws:
            ground.faults.install(Fault(FaultKind.DUPLICATE, count=1))
            ground.state(bids=MOVED)
            twice = [await next_json(ws), await next_json(ws)]
            ground.faults.install(Fault(FaultKind.GAP, count=1))
            ground.state()
            ground.state(bids=MOVED)
            after_gap = await next_json(ws)

        assert twice[0] == twice[1]
        assert after_gap["u"] > twice[0]["u"] + 1

    async def test_recorded_messages_pass_to_who_asked_for_their_stream(
        self, ground: Ground
    ) -> None:
        recorded = {"stream": "btcusdt@kline_1m", "data": {"e": "kline"}}
        async with (
            ground.socket(f"{COMBINED}btcusdt@kline_1m") as combined,
            ground.socket("/ws/btcusdt@kline_1m") as raw,
        ):
            ground.exchange.replay(BINANCE, json.dumps(recorded))

            assert await next_json(combined) == recorded
            assert await next_json(raw) == {"e": "kline"}


class TestHandshake:
    """A connection can be refused before it is one."""

    @pytest.mark.parametrize(
        ("kind", "status"), [(FaultKind.TOO_MANY, 429), (FaultKind.ERROR_BEFORE, 503)]
    )
    async def test_by_a_fault(self, ground: Ground, kind: FaultKind, status: int) -> None:
        ground.faults.install(Fault(kind))

        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await ground.socket("/ws/btcusdt@trade")

        assert refused.value.status == status

    async def test_beyond_1024_streams(self, ground: Ground) -> None:
        names = "/".join(f"s{number}@trade" for number in range(1_025))
        async with ground.socket("/ws") as ws:
            await ws.send_json({"method": "SUBSCRIBE", "params": names.split("/"), "id": 1})

            assert "error" in await until(ws, lambda message: message["id"] == 1)
