"""The simulator's Binance REST over real HTTP: who is believed, what is read, what is told."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.sim.binance_caller import (
    ED25519,
    EXPIRED,
    READ_ONLY,
    Ground,
    binance_ground,
    encoded,
    now_ms,
    sign,
)
from trader.sim.faults import Fault, FaultKind, Operation

ORDER, OPEN = "/api/v3/order", "/api/v3/openOrders"


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    """A face with a book, and a client."""
    async with binance_ground() as made:
        yield made


class TestWhoAsks:
    """A signed call is believed only with a known key, a right signature and a fresh time."""

    async def test_both_kinds_of_signature_are_taken_in_query_and_in_body(
        self, ground: Ground
    ) -> None:
        for key in ("SIM-BINANCE-ACCESS-KEY-0001", ED25519):
            query = await ground.signed("GET", OPEN, key=key, symbol="BTCUSDT")
            body = await ground.signed("DELETE", OPEN, key=key, in_body=True, symbol="BTCUSDT")

            assert (query.status, query.body) == (200, [])
            assert body.refusal == (400, -2011)

    async def test_query_and_body_are_signed_as_one_text(self, ground: Ground) -> None:
        query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
        body = f"quantity=0.01&price=90000&timestamp={now_ms()}"
        signature = sign(query + body, None)
        headers = {
            "X-MBX-APIKEY": "SIM-BINANCE-ACCESS-KEY-0001",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{ground.address}{ORDER}?{query}"

        async with ground.session.post(
            url, data=f"{body}&signature={signature}", headers=headers
        ) as answer:
            assert (await answer.json())["status"] == "NEW"

    @pytest.mark.parametrize(
        ("key", "refusal"),
        [
            (None, (401, -2014)),
            ("tiny", (401, -2014)),
            ("SIM-BINANCE-NOBODYS-KEY", (401, -2015)),
            (EXPIRED, (401, -2015)),
        ],
    )
    async def test_keys_that_open_nothing(
        self, ground: Ground, key: str | None, refusal: tuple[int, int]
    ) -> None:
        answer = await ground.signed("GET", "/api/v3/account", key=key)

        assert answer.refusal == refusal

    async def test_a_key_that_may_only_look_places_nothing(self, ground: Ground) -> None:
        looked = await ground.signed("GET", OPEN, key=READ_ONLY, symbol="BTCUSDT")
        placed = await ground.signed("POST", ORDER, key=READ_ONLY, symbol="BTCUSDT")
        scope = await ground.signed("GET", "/sapi/v1/account/apiRestrictions", key=READ_ONLY)

        assert looked.status == 200
        assert placed.refusal == (401, -2015)
        assert scope.body["enableReading"]
        assert not scope.body["enableSpotAndMarginTrading"]
        assert not scope.body["enableWithdrawals"]

    async def test_wrong_missing_and_misplaced_signatures(self, ground: Ground) -> None:
        text = encoded({"symbol": "BTCUSDT", "timestamp": now_ms()})
        right = sign(text, None)

        wrong = await ground.send("GET", OPEN, f"{text}&signature={'0' * 64}")
        missing = await ground.send("GET", OPEN, text)
        misplaced = await ground.send("GET", OPEN, f"signature={right}&{text}")
        swapped = await ground.send(
            "GET", OPEN, "&".join(reversed(text.split("&"))) + f"&signature={right}"
        )

        assert wrong.refusal == (400, -1022)
        assert missing.refusal == (400, -1102)
        assert misplaced.refusal == (400, -1102)
        assert swapped.refusal == (400, -1022)

    async def test_signed_before_encoded_is_refused(self, ground: Ground) -> None:
        """The text that is signed has to be the text that is sent, already encoded."""
        raw = f"symbol=BTCUSDT&origClientOrderId=a:b&timestamp={now_ms()}"
        right = raw.replace(":", "%3A")

        early = await ground.send("GET", ORDER, f"{right}&signature={sign(raw, None)}")
        unencoded = await ground.send("GET", ORDER, f"{raw}&signature={sign(raw, None)}")
        late = await ground.send("GET", ORDER, f"{right}&signature={sign(right, None)}")

        assert early.refusal == (400, -1022)
        assert unencoded.refusal == (400, -1022)
        assert late.refusal == (400, -2013)

    async def test_time_too_old_and_too_far_ahead(self, ground: Ground) -> None:
        old = await ground.signed("GET", OPEN, timestamp=now_ms() - 6_000)
        narrow = await ground.signed("GET", OPEN, recvWindow=500, timestamp=now_ms() - 1_000)
        ahead = await ground.signed("GET", OPEN, timestamp=now_ms() + 5_000)
        wide = await ground.signed("GET", OPEN, recvWindow=60_001)

        assert old.refusal == narrow.refusal == ahead.refusal == (400, -1021)
        assert wide.refusal == (400, -1131)

    async def test_a_skewed_venue_clock_shows_in_time_and_in_refusals(self, ground: Ground) -> None:
        ground.faults.install(Fault(FaultKind.SKEW, venue="binance", skew_ms=30_000))

        told = (await ground.get("/api/v3/time")).body["serverTime"]
        refused = await ground.signed("GET", OPEN)
        taken = await ground.signed("GET", OPEN, timestamp=told)

        assert told - now_ms() > 25_000
        assert refused.refusal == (400, -1021)
        assert taken.status == 200

    async def test_a_delay_beyond_the_window_executes_nothing(self, ground: Ground) -> None:
        """A small ``recvWindow`` bounds how late a request may still be carried out."""
        ground.faults.install(Fault(FaultKind.DELAY, operation=Operation.PLACE, delay_ms=300))

        answer = await ground.order(recvWindow=100)

        assert answer.refusal == (400, -1021)
        assert ground.free("BTC") == 1


class TestParameters:
    """What is missing, malformed or too much is named, and nothing is guessed."""

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"symbol": None}, -1102),
            ({"symbol": "btcusdt"}, -1100),
            ({"symbol": "NOPEUSDT"}, -1121),
            ({"side": "HOLD"}, -1117),
            ({"type": "ODD"}, -1116),
            ({"type": "STOP_LOSS"}, -1013),
            ({"timeInForce": None}, -1102),
            ({"timeInForce": "DAY"}, -1115),
            ({"price": None}, -1102),
            ({"price": "1e5"}, -1100),
            ({"price": ""}, -1105),
            ({"quantity": "-1"}, -1100),
            ({"quantity": "0.123456789"}, -1111),
            ({"newClientOrderId": "a b"}, -1100),
            ({"newClientOrderId": "x" * 37}, -1100),
            ({"newOrderRespType": "SHORT"}, -1130),
            ({"selfTradePreventionMode": "SOMETIMES"}, -1130),
            ({"colour": "red"}, -1104),
            ({"type": "MARKET"}, -1106),
            ({"type": "LIMIT_MAKER"}, -1106),
        ],
    )
    async def test_refusals(self, ground: Ground, changes: dict[str, Any], code: int) -> None:
        answer = await ground.order(**changes)

        assert answer.refusal == (400, code)
        assert ground.free("USDT") == 50_000

    async def test_one_given_twice(self, ground: Ground) -> None:
        answer = await ground.send("GET", "/api/v3/depth", "symbol=BTCUSDT&symbol=ETHUSDT")

        assert answer.refusal == (400, -1101)

    async def test_a_json_body_is_not_read(self, ground: Ground) -> None:
        headers = {"X-MBX-APIKEY": "SIM-BINANCE-ACCESS-KEY-0001"}
        url = f"{ground.address}{ORDER}"
        async with ground.session.post(url, json={"symbol": "BTCUSDT"}, headers=headers) as answer:
            assert answer.status == 400


class TestFilters:
    """An order off the symbol's rules never reaches the engine: -1013, by the filter's name."""

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"price": "100000.001"}, "PRICE_FILTER"),
            ({"price": "2000000.00"}, "PRICE_FILTER"),
            ({"price": "600000.00"}, "PERCENT_PRICE_BY_SIDE"),
            ({"price": "1000.00"}, "PERCENT_PRICE_BY_SIDE"),
            ({"quantity": "0.000001"}, "LOT_SIZE"),
            ({"quantity": "0.000015"}, "LOT_SIZE"),
            ({"quantity": "0.00004"}, "NOTIONAL"),
            (
                {
                    "type": "MARKET",
                    "quantity": "0.00004",
                    "price": None,
                    "timeInForce": None,
                },
                "NOTIONAL",
            ),
        ],
    )
    async def test_each(self, ground: Ground, changes: dict[str, Any], name: str) -> None:
        answer = await ground.order(**changes)

        assert answer.status == 400
        assert answer.body == {"code": -1013, "msg": f"Filter failure: {name}"}

    async def test_exchange_info_states_what_is_enforced(self, ground: Ground) -> None:
        info = (await ground.get("/api/v3/exchangeInfo", symbol="BTCUSDT")).body
        several = (await ground.get("/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]')).body

        rules = {rule["filterType"]: rule for rule in info["symbols"][0]["filters"]}
        assert Decimal(rules["PRICE_FILTER"]["tickSize"]) == Decimal("0.01")
        assert Decimal(rules["LOT_SIZE"]["stepSize"]) == Decimal("0.00001")
        assert Decimal(rules["NOTIONAL"]["minNotional"]) == 5
        assert [each["symbol"] for each in several["symbols"]] == ["BTCUSDT", "ETHUSDT"]

    async def test_the_order_test_checks_everything_and_places_nothing(
        self, ground: Ground
    ) -> None:
        order: dict[str, Any] = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "90000",
        }

        good = await ground.signed("POST", f"{ORDER}/test", **order)
        bad = await ground.signed("POST", f"{ORDER}/test", **(order | {"price": "90000.001"}))
        rates = await ground.signed("POST", f"{ORDER}/test", computeCommissionRates="true", **order)
        resting = await ground.signed("GET", OPEN)

        assert (good.status, good.body) == (200, {})
        assert bad.refusal == (400, -1013)
        assert rates.body["standardCommissionForOrder"]["taker"] == "0.00100000"
        assert resting.body == []


class TestMarket:
    """Public endpoints: books, tickers, time; listen keys are gone."""

    async def test_books_and_tickers(self, ground: Ground) -> None:
        depth = (await ground.get("/api/v3/depth", symbol="BTCUSDT", limit=2)).body
        best = (await ground.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")).body
        every = (await ground.get("/api/v3/ticker/price")).body

        assert depth["bids"] == [["99990.00000000", "1.00000000"], ["99980.00000000", "2.00000000"]]
        assert (best["bidPrice"], best["askQty"]) == ("99990.00000000", "0.50000000")
        assert [each["symbol"] for each in every] == ["BTCUSDT", "ETHUSDT"]

    async def test_trades_tell_who_was_the_aggressor(self, ground: Ground) -> None:
        await ground.order()
        await ground.order(side="SELL", price="99990.00")

        told = (await ground.get("/api/v3/trades", symbol="BTCUSDT")).body

        assert [each["isBuyerMaker"] for each in told] == [False, True]

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v3/ping",
            "/api/v3/ticker/24hr",
            "/api/v3/avgPrice?symbol=BTCUSDT",
            "/api/v3/aggTrades?symbol=BTCUSDT",
            "/api/v3/klines?symbol=BTCUSDT&interval=1m",
            "/sapi/v1/system/status",
        ],
    )
    async def test_the_rest_answers(self, ground: Ground, path: str) -> None:
        bare, _, query = path.partition("?")

        assert (await ground.send("GET", bare, query, key=None)).status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    async def test_listen_keys_are_gone(self, ground: Ground, method: str) -> None:
        answer = await ground.send(method, "/api/v3/userDataStream", "")

        assert answer.status == 410
