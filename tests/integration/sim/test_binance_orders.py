"""Orders at the simulated Binance over real HTTP: fills, ids, cancels, balances."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest_asyncio

from tests.integration.sim.binance_caller import (
    BTC,
    Ground,
    binance_ground,
    now_ms,
)
from trader.sim.model import MarketStatus

ORDER, OPEN = "/api/v3/order", "/api/v3/openOrders"
RESTING = {"timeInForce": "GTC", "price": "90000.00"}


@pytest_asyncio.fixture
async def ground() -> AsyncIterator[Ground]:
    """A face with a book, and a client."""
    async with binance_ground() as made:
        yield made


class TestMatching:
    """Fills, their fees in what they bring in, and what becomes of the rest."""

    async def test_a_purchase_pays_its_commission_in_the_coin(self, ground: Ground) -> None:
        answer = (await ground.order(newClientOrderId="arb-1")).body

        assert (answer["status"], answer["clientOrderId"]) == ("FILLED", "arb-1")
        assert answer["executedQty"] == "0.01000000"
        assert answer["cummulativeQuoteQty"] == "1000.00000000"
        (fill,) = answer["fills"]
        assert (fill["commission"], fill["commissionAsset"]) == ("0.00001000", "BTC")
        assert ground.free("BTC") == Decimal("1.00999")
        assert ground.free("USDT") == 49_000

    async def test_a_sale_pays_its_commission_in_the_quote(self, ground: Ground) -> None:
        answer = (await ground.order(side="SELL", price="99990.00")).body

        (fill,) = answer["fills"]
        assert (fill["commission"], fill["commissionAsset"]) == ("0.99990000", "USDT")
        assert ground.free("USDT") == 50_000 + Decimal("999.90") - Decimal("0.9999")

    async def test_the_rest_of_an_ioc_expires(self, ground: Ground) -> None:
        part = (await ground.order(side="SELL", quantity="1", price="99990.00")).body
        ground.state()
        none = (await ground.order(price="95000.00")).body

        assert part["status"] == "FILLED"
        assert (none["status"], none["executedQty"]) == ("EXPIRED", "0.00000000")
        assert none["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"

    async def test_a_partial_ioc_expires_with_what_it_got(self, ground: Ground) -> None:
        """Unlike in Korea the state does not say whether anything was bought."""
        ground.state(asks=((100_000.0, 0.004), (100_010.0, 5.0)))

        answer = (await ground.order()).body

        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00400000")
        assert answer["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"

    async def test_fok_is_all_or_nothing(self, ground: Ground) -> None:
        ground.state(asks=((100_000.0, 0.004), (100_010.0, 5.0)))

        nothing = (await ground.order(timeInForce="FOK")).body
        everything = (await ground.order(timeInForce="FOK", price="100010.00")).body

        assert (nothing["status"], nothing["fills"]) == ("EXPIRED", [])
        assert nothing["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
        assert everything["status"] == "FILLED"
        assert [fill["price"] for fill in everything["fills"]] == [
            "100000.00000000",
            "100010.00000000",
        ]

    async def test_market_orders_by_quantity_and_by_quote(self, ground: Ground) -> None:
        bare = {"type": "MARKET", "price": None, "timeInForce": None}

        sold = (await ground.order(side="SELL", **bare)).body
        spent = (await ground.order(quantity=None, quoteOrderQty="1000.5", **bare)).body
        both = await ground.order(quoteOrderQty="1000", **bare)
        neither = await ground.order(quantity=None, **bare)

        assert (sold["status"], sold["type"]) == ("FILLED", "MARKET")
        # A thousand dollars buy a hundredth; what buys not even one lot stays unspent.
        assert (spent["status"], spent["executedQty"]) == ("FILLED", "0.01000000")
        assert spent["origQuoteOrderQty"] == "1000.50000000"
        assert both.refusal == (400, -1106)
        assert neither.refusal == (400, -1102)

    async def test_a_market_order_that_empties_the_book_expires(self, ground: Ground) -> None:
        ground.state(bids=((99_990.0, 0.004),))

        answer = (await ground.order(side="SELL", type="MARKET", price=None, timeInForce=None)).body

        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00400000")
        assert answer["expiryReason"] == "INSUFFICIENT_LIQUIDITY"

    async def test_limit_maker_that_would_take_is_refused(self, ground: Ground) -> None:
        taking = await ground.order(type="LIMIT_MAKER", timeInForce=None)
        resting = await ground.order(type="LIMIT_MAKER", timeInForce=None, price="99000.00")

        assert taking.body == {"code": -2010, "msg": "Order would immediately match and take."}
        assert (resting.body["status"], resting.body["type"]) == ("NEW", "LIMIT_MAKER")

    async def test_styles_of_answer(self, ground: Ground) -> None:
        ack = (await ground.order(newOrderRespType="ACK")).body
        result = (await ground.order(newOrderRespType="RESULT")).body

        assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
        assert result["status"] == "FILLED"
        assert "fills" not in result

    async def test_too_little_money(self, ground: Ground) -> None:
        answer = await ground.order(quantity="0.6", price="100020.00", timeInForce="GTC")

        assert answer.body == {
            "code": -2010,
            "msg": "Account has insufficient balance for requested action.",
        }

    async def test_an_order_meets_its_own(self, ground: Ground) -> None:
        """The mode of the taker decides whose order ends; it ends as EXPIRED_IN_MATCH."""
        mine = (await ground.order(side="SELL", timeInForce="GTC", price="99995.00")).body

        kept = (await ground.order(selfTradePreventionMode="EXPIRE_TAKER", price="99996.00")).body
        still = await ground.signed("GET", OPEN, symbol="BTCUSDT")
        await ground.order(selfTradePreventionMode="EXPIRE_MAKER", price="99996.00")
        gone = await ground.signed("GET", ORDER, symbol="BTCUSDT", orderId=mine["orderId"])

        assert kept["status"] == "EXPIRED_IN_MATCH"
        assert [order["orderId"] for order in still.body] == [mine["orderId"]]
        assert gone.body["status"] == "EXPIRED_IN_MATCH"

    async def test_a_halted_symbol(self, ground: Ground) -> None:
        resting = (await ground.order(**RESTING)).body
        ground.exchange.set_status(BTC, MarketStatus.CANCEL_ONLY)

        placed = await ground.order()
        status = (await ground.get("/api/v3/exchangeInfo", symbol="BTCUSDT")).body["symbols"][0]
        cancelled = await ground.signed(
            "DELETE", ORDER, symbol="BTCUSDT", orderId=resting["orderId"]
        )

        assert placed.body == {"code": -2010, "msg": "Market is closed."}
        assert status["status"] == "CANCEL_ONLY"
        assert cancelled.body["status"] == "CANCELED"


class TestClientIds:
    """An id is unique among open orders only: the trap of a blind resend."""

    async def test_a_second_open_one_is_a_duplicate(self, ground: Ground) -> None:
        await ground.order(newClientOrderId="arb-1", **RESTING)

        again = await ground.order(newClientOrderId="arb-1", **RESTING)

        assert again.body == {"code": -2010, "msg": "Duplicate order sent."}

    async def test_after_a_fill_the_same_id_buys_a_second_time(self, ground: Ground) -> None:
        first = (await ground.order(newClientOrderId="arb-1")).body
        second = (await ground.order(newClientOrderId="arb-1")).body

        assert first["status"] == second["status"] == "FILLED"
        assert first["orderId"] != second["orderId"]
        assert ground.free("USDT") == 48_000

    async def test_without_one_the_venue_makes_one_up(self, ground: Ground) -> None:
        answer = (await ground.order()).body

        assert len(answer["clientOrderId"]) == 22


class TestFindingAndCancelling:
    """Orders by either id, lists of them, and cancels that are final at once."""

    async def test_by_either_id(self, ground: Ground) -> None:
        placed = (await ground.order(newClientOrderId="arb-1", **RESTING)).body

        by_id = await ground.signed("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
        by_own = await ground.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="arb-1")
        neither = await ground.signed("GET", ORDER, symbol="BTCUSDT")
        unknown = await ground.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="arb-2")
        elsewhere = await ground.signed("GET", ORDER, symbol="ETHUSDT", origClientOrderId="arb-1")

        assert by_id.body == by_own.body
        assert by_id.body["status"] == "NEW"
        assert neither.refusal == (400, -1102)
        assert unknown.body == {"code": -2013, "msg": "Order does not exist."}
        assert elsewhere.refusal == (400, -2013)

    async def test_a_cancel_is_final_and_names_both_ids(self, ground: Ground) -> None:
        await ground.order(newClientOrderId="arb-1", **RESTING)

        cancelled = await ground.signed(
            "DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="arb-1", newClientOrderId="stop-1"
        )
        again = await ground.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="arb-1")
        found = await ground.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="arb-1")

        assert cancelled.body["status"] == "CANCELED"
        assert cancelled.body["origClientOrderId"] == "arb-1"
        assert cancelled.body["clientOrderId"] == "stop-1"
        assert again.body == {"code": -2011, "msg": "Unknown order sent."}
        assert found.body["status"] == "CANCELED"
        assert ground.free("USDT") == 50_000

    async def test_cancel_restrictions(self, ground: Ground) -> None:
        placed = (await ground.order(**RESTING)).body
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}

        wrong = await ground.signed(
            "DELETE", ORDER, cancelRestrictions="ONLY_PARTIALLY_FILLED", **one
        )
        right = await ground.signed("DELETE", ORDER, cancelRestrictions="ONLY_NEW", **one)

        assert wrong.refusal == (400, -2011)
        assert right.body["status"] == "CANCELED"

    async def test_a_partly_filled_order_at_rest(self, ground: Ground) -> None:
        placed = (await ground.order(timeInForce="GTC", quantity="0.02", price="99995.00")).body
        ground.state(asks=((99_994.0, 0.005), (100_000.0, 1.0)))

        (resting,) = (await ground.signed("GET", OPEN, symbol="BTCUSDT")).body
        trades = await ground.signed(
            "GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=placed["orderId"]
        )

        assert (resting["status"], resting["executedQty"]) == ("PARTIALLY_FILLED", "0.00500000")
        (trade,) = trades.body
        assert (trade["price"], trade["isMaker"]) == ("99995.00000000", True)
        assert (trade["commission"], trade["commissionAsset"]) == ("0.00000500", "BTC")

    async def test_lists(self, ground: Ground) -> None:
        filled = (await ground.order()).body
        resting = (await ground.order(**RESTING)).body
        began = now_ms() - 60_000

        everything = await ground.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT")
        within = await ground.signed(
            "GET", "/api/v3/allOrders", symbol="BTCUSDT", startTime=began, endTime=began + 120_000
        )
        from_id = await ground.signed(
            "GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=resting["orderId"]
        )
        too_long = await ground.signed(
            "GET", "/api/v3/allOrders", symbol="BTCUSDT", startTime=0, endTime=90_000_000
        )
        cancelled = await ground.signed("DELETE", OPEN, symbol="BTCUSDT")

        ids = [filled["orderId"], resting["orderId"]]
        assert [order["orderId"] for order in everything.body] == ids
        assert [order["orderId"] for order in within.body] == ids
        assert [order["orderId"] for order in from_id.body] == ids[1:]
        assert too_long.refusal == (400, -1127)
        assert [order["status"] for order in cancelled.body] == ["CANCELED"]


class TestAccount:
    """Balances and commissions are told as they are."""

    async def test_balances(self, ground: Ground) -> None:
        await ground.order(**RESTING)

        account = (await ground.signed("GET", "/api/v3/account", omitZeroBalances="true")).body
        held = {each["asset"]: (each["free"], each["locked"]) for each in account["balances"]}

        assert held["USDT"] == ("49100.00000000", "900.00000000")
        assert account["commissionRates"]["taker"] == "0.00100000"

    async def test_commission_of_a_symbol(self, ground: Ground) -> None:
        answer = await ground.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT")

        assert answer.body["standardCommission"]["maker"] == "0.00100000"
        assert not answer.body["discount"]["enabledForAccount"]
