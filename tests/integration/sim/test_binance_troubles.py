"""The simulated Binance over real HTTP when it does not answer well: limits and faults."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.sim.binance_caller import (
    Ground,
    binance_ground,
)
from trader.sim.faults import Fault, FaultKind, Operation

ORDER = "/api/v3/order"
RESTING = {"timeInForce": "GTC", "price": "90000.00"}


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    """A face with a book, and a client."""
    async with binance_ground() as made:
        yield made


class TestLimits:
    """Weight is told with every answer; beyond it 429, and 418 for who goes on."""

    async def test_weights_are_told_and_successful_orders_weigh_nothing(
        self, ground: Ground
    ) -> None:
        await ground.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)
        before = int((await ground.get("/api/v3/ping")).headers["X-MBX-USED-WEIGHT-1M"])
        placed = await ground.order(**RESTING)
        refused = await ground.order(price="1.00")

        assert before >= 251 or before == 1, "the minute may have turned"
        assert int(placed.headers["X-MBX-USED-WEIGHT-1M"]) <= before
        assert refused.status == 400
        assert int(refused.headers["X-MBX-USED-WEIGHT-1M"]) >= 1

    async def test_too_many_then_banned(self, ground: Ground) -> None:
        statuses = []
        last = None
        for _ in range(80):
            last = await ground.send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5000", key=None)
            statuses.append(last.status)
            if last.status == 418:
                break

        assert last is not None
        assert statuses.count(429) >= 1
        assert last.refusal == (418, -1003)
        assert int(last.headers["Retry-After"]) == 120

    async def test_order_counts_and_what_a_fill_gives_back(self, ground: Ground) -> None:
        resting = await ground.order(**RESTING)
        filled = await ground.order()
        counts = await ground.signed("GET", "/api/v3/rateLimit/order")

        assert int(resting.headers["X-MBX-ORDER-COUNT-1D"]) == 1
        assert int(filled.headers["X-MBX-ORDER-COUNT-1D"]) == 1
        assert [rule["count"] for rule in counts.body][1] == 1

    async def test_too_many_unfilled_orders(self, ground: Ground) -> None:
        answers = []
        for _ in range(250):
            answers.append(await ground.order(price="99000.00"))
            if answers[-1].status == 429:
                break

        assert answers[-1].refusal == (429, -1015)
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10


class TestFaults:
    """What a venue does wrong: the client sees it, and the exchange knows what really happened."""

    async def test_dropped_before_and_after(self, ground: Ground) -> None:
        ground.faults.install(Fault(FaultKind.DROP_BEFORE, operation=Operation.PLACE, count=1))
        with pytest.raises(aiohttp.ClientError):
            await ground.order(newClientOrderId="arb-1")
        assert ground.free("USDT") == 50_000

        ground.faults.install(Fault(FaultKind.DROP_AFTER, operation=Operation.PLACE, count=1))
        with pytest.raises(aiohttp.ClientError):
            await ground.order(newClientOrderId="arb-2")
        assert ground.free("USDT") == 49_000

    async def test_an_error_after_acceptance(self, ground: Ground) -> None:
        ground.faults.install(
            Fault(FaultKind.ERROR_AFTER, operation=Operation.PLACE, count=1, status=504)
        )

        answer = await ground.order(newClientOrderId="arb-1")
        found = await ground.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="arb-1")

        assert answer.refusal == (504, -1007)
        assert found.body["status"] == "FILLED"

    async def test_throttled_and_banned_on_demand(self, ground: Ground) -> None:
        ground.faults.install(
            Fault(FaultKind.TOO_MANY, operation=Operation.PLACE, count=1, retry_after_s=7)
        )
        throttled = await ground.order()
        ground.faults.install(Fault(FaultKind.BANNED, operation=Operation.PLACE, retry_after_s=90))
        banned = await ground.order()

        assert throttled.refusal == (429, -1003)
        assert throttled.headers["Retry-After"] == "7"
        assert banned.status == 418
        assert 80 <= int(banned.headers["Retry-After"]) <= 90
        assert ground.free("USDT") == 50_000

    async def test_maintenance_is_a_page(self, ground: Ground) -> None:
        ground.faults.install(Fault(FaultKind.MAINTENANCE))

        answer = await ground.get("/api/v3/ping")

        assert answer.status == 503
        assert "html" in answer.headers["Content-Type"]

    async def test_a_fill_cut_short(self, ground: Ground) -> None:
        ground.faults.install(Fault(FaultKind.PARTIAL, share=Decimal("0.3")))

        answer = (await ground.order()).body

        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00300000")

    async def test_others_go_on_while_one_waits(self, ground: Ground) -> None:
        ground.faults.install(Fault(FaultKind.HANG_AFTER, operation=Operation.PLACE, count=1))
        hanging = asyncio.create_task(ground.order())

        assert (await ground.get("/api/v3/ping")).status == 200

        with pytest.raises(aiohttp.ClientError):
            await hanging
        assert ground.free("USDT") == 49_000
