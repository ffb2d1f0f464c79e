"""Binance's client: the request an order becomes, what answers mean, and what look-ups prove."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from tests.support.builders import AT_NS, BINANCE_BTC, BTC, MS_NS, SECOND_NS
from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueError, VenueRejected, VenueUnavailable
from trader.domain.instrument import USDT, Asset, FeeIn, FeeSchedule, InstrumentId
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Fill,
    Intent,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TimeInForce,
    TradeId,
)
from trader.execution.binance import BinanceClient
from trader.execution.binance_signing import signer_of
from trader.execution.keys import Keys
from trader.execution.venue import (
    Absent,
    Accepted,
    Balance,
    KeyScope,
    OrderView,
    Rejected,
    Throttled,
    Unknown,
    VenueClient,
)
from trader.wire.http import HttpAnswer, HttpRequest

NOW = Stamp(AT_NS, 5_000 * MS_NS)
NOW_MS = AT_NS // MS_NS
DAY_MS = 86_400_000
SECRET = Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
KEYS = Keys(Secret("ACCESS"), SECRET)
OURS = ClientOrderId("tr-7-1")

ORDER = ApprovedOrder(
    client_order_id=OURS,
    trade_id=TradeId("T1"),
    pair=PairName("upbit-binance"),
    ledger=LedgerName.LIVE,
    purpose=Purpose.OPEN,
    intent=Intent(BINANCE_BTC, Side.BUY, Decimal("0.00066"), Decimal("108000.00")),
    generation=0,
    signal_ns=0,
)
ROW: dict[str, object] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": OURS,
    "price": "108000.00000000",
    "origQty": "0.00066000",
    "executedQty": "0.00066000",
    "cummulativeQuoteQty": "71.27000000",
    "status": "FILLED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "BUY",
    "selfTradePreventionMode": "EXPIRE_TAKER",
}
PLACED_FILL = {
    "price": "107990.00000000",
    "qty": "0.00040000",
    "commission": "0.00000040",
    "commissionAsset": "BTC",
    "tradeId": 56,
}
PLACED = {
    **ROW,
    "transactTime": NOW_MS,
    "workingTime": NOW_MS,
    "fills": [
        PLACED_FILL,
        {
            "price": "108000.00000000",
            "qty": "0.00026000",
            "commission": "0.00010000",
            "commissionAsset": "BNB",
            "tradeId": 57,
        },
    ],
}
KEPT = {**ROW, "time": NOW_MS, "updateTime": NOW_MS, "isWorking": True}
TRADES = [
    {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 28,
        "price": price,
        "qty": quantity,
        "quoteQty": "0",
        "commission": fee,
        "commissionAsset": asset,
        "time": NOW_MS,
        "isBuyer": True,
        "isMaker": False,
    }
    for number, price, quantity, fee, asset in (
        (56, "107990.00000000", "0.00040000", "0.00000040", "BTC"),
        (57, "108000.00000000", "0.00026000", "0.00010000", "BNB"),
    )
]
FILLS = (
    Fill(
        "BTCUSDT:56",
        OURS,
        BINANCE_BTC,
        Side.BUY,
        Decimal("107990.00000000"),
        Decimal("0.00040000"),
        Decimal("0.00000040"),
        BTC,
        NOW_MS * MS_NS,
    ),
    Fill(
        "BTCUSDT:57",
        OURS,
        BINANCE_BTC,
        Side.BUY,
        Decimal("108000.00000000"),
        Decimal("0.00026000"),
        Decimal("0.00010000"),
        Asset("BNB"),
        NOW_MS * MS_NS,
    ),
)


def answered(body: object, status: int = 200) -> HttpAnswer:
    """An answer with this body in JSON."""
    return HttpAnswer(status, {}, msgspec.json.encode(body))


class Desk:
    """The venue's side of a conversation: every request kept, each answered by its path."""

    def __init__(
        self,
        answers: dict[str, HttpAnswer | Callable[[dict[str, str]], HttpAnswer]] | None = None,
        keys: Keys | None = KEYS,
        instruments: tuple[InstrumentId, ...] = (BINANCE_BTC,),
    ) -> None:
        self.answers = answers or {}
        self.asked: list[HttpRequest] = []
        self.now = NOW
        self.limits: dict[str, int] = {}
        self.client = BinanceClient(
            keys,
            instruments,
            self.ask,
            lambda: self.now,
            Decimal("0.1"),
            restate=self.limits.__setitem__,
        )

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """Answer from the script."""
        self.asked.append(request)
        parts = urlsplit(request.target)
        answer = self.answers[f"{request.method} {parts.path}"]
        return answer(dict(parse_qsl(parts.query))) if callable(answer) else answer

    def find(self, sent_ns: int = AT_NS) -> OrderView | Absent:
        """Look our order up."""
        return asyncio.run(self.client.find(OURS, BINANCE_BTC, sent_ns))


def parameters_of(request: HttpRequest) -> dict[str, str]:
    """What a request says, decoded."""
    return dict(parse_qsl(urlsplit(request.target).query, strict_parsing=True))


class TestPlacement:
    """An order leaves as one signed request that says everything that matters explicitly."""

    def test_says_all_of_the_order(self) -> None:
        """Nothing is left to a default that the venue may change."""
        request = Desk().client.placement(ORDER, NOW)

        assert (request.method, urlsplit(request.target).path) == ("POST", "/api/v3/order")
        assert (request.group, request.weight, request.body) == ("order", 1, b"")
        assert request.headers == (("X-MBX-APIKEY", "ACCESS"),)
        said = parameters_of(request)
        signature = said.pop("signature")
        assert said == {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "IOC",
            "quantity": "0.00066",
            "price": "108000.00",
            "newClientOrderId": "tr-7-1",
            "newOrderRespType": "FULL",
            "recvWindow": "2000",
            "timestamp": str(NOW_MS),
        }
        payload = urlsplit(request.target).query.rpartition("&signature=")[0]
        assert signature == signer_of(SECRET).sign(payload)

    def test_decimals_have_no_exponent(self) -> None:
        """A small quantity is written out."""
        intent = replace(
            ORDER.intent,
            side=Side.SELL,
            quantity=Decimal("1E-7"),
            limit_price=Decimal("1.2E+5"),
            time_in_force=TimeInForce.FOK,
        )

        said = parameters_of(Desk().client.placement(replace(ORDER, intent=intent), NOW))

        assert (said["side"], said["timeInForce"]) == ("SELL", "FOK")
        assert (said["quantity"], said["price"]) == ("0.0000001", "120000")

    def test_leaves_other_orders_of_the_account_alone(self) -> None:
        """Once the symbol is known to allow it, ours expires rather than trade with our own."""
        desk = Desk({"GET /api/v3/exchangeInfo": answered(INFO), **COMMISSIONS})
        asyncio.run(desk.client.instruments())

        said = parameters_of(desk.client.placement(ORDER, NOW))

        assert said["selfTradePreventionMode"] == "EXPIRE_TAKER"

    def test_needs_keys(self) -> None:
        """Without them nothing leaves."""
        with pytest.raises(VenueUnavailable):
            Desk(keys=None).client.placement(ORDER, NOW)

    def test_keeps_a_connection_open_for_the_least_weight(self) -> None:
        """A public request."""
        request = Desk().client.warming()

        assert (request.method, request.target, request.weight) == ("GET", "/api/v3/ping", 1)
        assert request.headers == ()


class TestReadPlacement:
    """The answer to an order says what became of it, with every fill."""

    @staticmethod
    def read(answer: HttpAnswer) -> object:
        return Desk().client.read_placement(ORDER, answer, NOW)

    def test_filled(self) -> None:
        """Fees as each fill names them, in whatever asset."""
        assert self.read(answered(PLACED)) == Accepted(
            OrderView(
                OURS,
                "28",
                BINANCE_BTC,
                Side.BUY,
                OrderState.FILLED,
                Decimal("0.00066"),
                FILLS,
                quantity=Decimal("0.00066"),
                limit_price=Decimal(108_000),
                created_ns=NOW_MS * MS_NS,
            )
        )

    def test_the_remainder_expired(self) -> None:
        """Filled in part: over, with what was executed."""
        body = {
            **PLACED,
            "status": "EXPIRED",
            "executedQty": "0.00040000",
            "expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED",
            "fills": [PLACED_FILL],
        }

        said = self.read(answered(body))

        assert isinstance(said, Accepted)
        assert (said.view.state, said.view.executed) == (OrderState.EXPIRED, Decimal("0.0004"))
        assert said.view.fills == FILLS[:1]
        assert said.view.reason == "UNFILLED_IOC_QUANTITY_EXPIRED"

    def test_numbers_may_be_numbers(self) -> None:
        """Read from their digits, never through a float."""
        text = b'"executedQty":0.00066000000000000000001'
        body = msgspec.json.encode(PLACED).replace(b'"executedQty":"0.00066000"', text)

        said = self.read(HttpAnswer(200, {}, body))

        assert isinstance(said, Accepted)
        assert said.view.executed == Decimal("0.00066000000000000000001")

    @pytest.mark.parametrize(
        "changes",
        [
            {"clientOrderId": "another"},
            {"symbol": "ETHUSDT"},
            {"side": "SELL"},
            {"origQty": "0.00067"},
            {"price": "108000.01"},
            {"timeInForce": "GTC"},
            {"executedQty": "NaN"},
            {"executedQty": "-1"},
            {"executedQty": "1e999999"},
            {"fills": [{**PLACED_FILL, "qty": "9e999999"}]},
            {"side": "HOLD"},
            {"status": None},
            {"fills": [{}]},
        ],
    )
    def test_what_is_not_as_sent_is_unknown(self, changes: dict[str, object]) -> None:
        """An answer of another order, or one that cannot be, settles nothing."""
        assert isinstance(self.read(answered({**PLACED, **changes})), Unknown)

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b"\xff", b"[" * 100_000])
    @pytest.mark.parametrize("status", [200, 201, 302, 403, 500])
    def test_what_cannot_be_read_is_unknown(self, status: int, body: bytes) -> None:
        """Never an exception."""
        assert isinstance(self.read(HttpAnswer(status, {}, body)), Unknown)

    def test_refused(self) -> None:
        """By the table of refusals."""
        refusal = {"code": -1013, "msg": "Filter failure: NOTIONAL"}

        assert self.read(answered(refusal, 400)) == Rejected(
            "-1013", "Filter failure: NOTIONAL", stale_rules=True
        )

    def test_throttled(self) -> None:
        """By its status."""
        answer = HttpAnswer(429, {"retry-after": "5"}, b'{"code":-1003,"msg":""}')

        assert self.read(answer) == Throttled("-1003", 5.0)


FOUND = {"GET /api/v3/order": answered(KEPT), "GET /api/v3/myTrades": answered(TRADES)}


class TestFind:
    """A look-up tells what became of an order; absence is believed late, and ids never alone."""

    def test_names_every_fill_as_the_answer_did(self) -> None:
        """The same keys, so that nothing is booked twice."""
        desk = Desk(dict(FOUND))

        view = desk.find()

        assert isinstance(view, OrderView)
        assert view.state is OrderState.FILLED
        assert view.fills == FILLS
        asked = [parameters_of(request) for request in desk.asked]
        assert asked[0]["origClientOrderId"] == OURS
        assert asked[1]["orderId"] == "28"
        assert [request.weight for request in desk.asked] == [4, 5]

    def test_trades_newer_than_the_order_count(self) -> None:
        """More may have been executed between the two answers."""
        early = {**KEPT, "executedQty": "0.00040000", "status": "PARTIALLY_FILLED"}

        view = Desk({**FOUND, "GET /api/v3/order": answered(early)}).find()

        assert isinstance(view, OrderView)
        assert view.executed == Decimal("0.00066")
        assert view.state is OrderState.PARTIAL

    def test_unfilled_asks_for_no_trades(self) -> None:
        """There are none."""
        over = {**KEPT, "executedQty": "0.00000000", "status": "EXPIRED"}
        desk = Desk({"GET /api/v3/order": answered(over)})

        view = desk.find()

        assert isinstance(view, OrderView)
        assert (view.state, view.fills) == (OrderState.EXPIRED, ())

    @pytest.mark.parametrize(
        ("age_ms", "final"), [(0, False), (12_000, False), (13_000, False), (13_001, True)]
    )
    def test_absence_is_final_once_nothing_can_come_any_more(
        self, age_ms: int, final: bool
    ) -> None:
        """recvWindow, the engine's ten seconds, and the second our clock may be ahead."""
        unknown = answered({"code": -2013, "msg": "Order does not exist."}, 400)

        found = Desk({"GET /api/v3/order": unknown}).find(AT_NS - age_ms * MS_NS)

        assert found == Absent(final=final)

    @pytest.mark.parametrize("status", [500, 503])
    def test_absence_is_not_believed_from_a_server_error(self, status: int) -> None:
        """Nor from anything else that does not say so."""
        desk = Desk({"GET /api/v3/order": answered({"code": -2013, "msg": ""}, status)})

        with pytest.raises(OutcomeUnknown):
            desk.find(0)

    @pytest.mark.parametrize(
        "changes",
        [{"side": "SELL"}, {"origQty": "1"}, {"price": "1"}, {"timeInForce": "GTC"}],
    )
    def test_another_order_with_this_id_is_not_ours(self, changes: dict[str, object]) -> None:
        """An id is free again once its order is over; what was sent is compared."""
        desk = Desk({**FOUND, "GET /api/v3/order": answered({**KEPT, **changes})})
        desk.client.placement(ORDER, NOW)

        with pytest.raises(OutcomeUnknown, match="another order"):
            desk.find()

    def test_an_order_older_than_ours_is_not_ours(self) -> None:
        """Alike in all else, but created before ours was signed."""
        desk = Desk(dict(FOUND))
        desk.client.placement(ORDER, Stamp(AT_NS + 3_600_000 * MS_NS, 0))

        with pytest.raises(OutcomeUnknown, match="created at"):
            desk.find()

    def test_an_order_of_an_earlier_process_is_found(self) -> None:
        """It is looked up long after it was sent, and nothing of it is remembered here."""
        found = Desk(dict(FOUND)).find(AT_NS + 3_600_000 * MS_NS)

        assert isinstance(found, OrderView)

    def test_trades_of_another_order_are_not_taken(self) -> None:
        """They would be booked as ours."""
        others = [{**TRADES[0], "orderId": 29}]
        desk = Desk({**FOUND, "GET /api/v3/myTrades": answered(others)})

        with pytest.raises(OutcomeUnknown):
            desk.find()

    def test_refused(self) -> None:
        """With the code in the message."""
        desk = Desk({"GET /api/v3/order": answered({"code": -2015, "msg": "no"}, 401)})

        with pytest.raises(VenueRejected, match="-2015"):
            desk.find()


class TestCancel:
    """A cancel names the order by our id and is asked once."""

    def test_asks(self) -> None:
        """One request."""
        desk = Desk({"DELETE /api/v3/order": answered({**ROW, "status": "CANCELED"})})

        asyncio.run(desk.client.cancel(OURS, BINANCE_BTC))

        (request,) = desk.asked
        assert (parameters_of(request)["origClientOrderId"], request.group) == (OURS, "cancel")

    def test_refused(self) -> None:
        """What is not open cannot be cancelled."""
        desk = Desk(
            {"DELETE /api/v3/order": answered({"code": -2011, "msg": "Unknown order"}, 400)}
        )

        with pytest.raises(VenueRejected, match="-2011"):
            asyncio.run(desk.client.cancel(OURS, BINANCE_BTC))

    def test_unknown(self) -> None:
        """It may have been cancelled."""
        desk = Desk({"DELETE /api/v3/order": HttpAnswer(502, {}, b"")})

        with pytest.raises(OutcomeUnknown):
            asyncio.run(desk.client.cancel(OURS, BINANCE_BTC))


class TestOrders:
    """Open and closed orders of the known instruments, whoever placed them."""

    def test_open_ones(self) -> None:
        """By symbol, which weighs a thirteenth of asking for all."""
        resting = {
            **KEPT,
            "clientOrderId": "web_1",
            "status": "NEW",
            "executedQty": "0",
            "timeInForce": "GTC",
        }
        desk = Desk({"GET /api/v3/openOrders": answered([resting])})

        (view,) = asyncio.run(desk.client.open_orders())

        assert (view.client_order_id, view.state) == ("web_1", OrderState.ACKNOWLEDGED)
        assert parameters_of(desk.asked[0])["symbol"] == "BTCUSDT"

    def test_closed_ones_in_windows_of_a_day(self) -> None:
        """From a minute before, each window at most a day, none left out."""
        desk = Desk({"GET /api/v3/allOrders": answered([])})

        asyncio.run(desk.client.closed_orders((NOW_MS - 2 * DAY_MS) * MS_NS))

        windows = [
            (int(said["startTime"]), int(said["endTime"]))
            for said in map(parameters_of, desk.asked)
        ]
        assert windows[0][0] == NOW_MS - 2 * DAY_MS - 60_000
        assert windows[-1][1] == NOW_MS
        assert all(0 <= end - start < DAY_MS for start, end in windows)
        assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(windows))

    def test_closed_ones_no_further_back_than_a_month(self) -> None:
        """The look-back is bounded, whatever is asked."""
        desk = Desk({"GET /api/v3/allOrders": answered([])})

        asyncio.run(desk.client.closed_orders(0))

        assert len(desk.asked) == 32

    def test_only_what_ended_since(self) -> None:
        """Open ones and those that ended before are not told."""
        rows = [
            {**KEPT, "orderId": 1, "updateTime": NOW_MS},
            {**KEPT, "orderId": 2, "status": "NEW", "executedQty": "0"},
            {**KEPT, "orderId": 3, "time": NOW_MS - 2_000, "updateTime": NOW_MS - 2_000},
        ]
        desk = Desk({"GET /api/v3/allOrders": answered(rows)})

        views = asyncio.run(desk.client.closed_orders((NOW_MS - 1_000) * MS_NS))

        assert [view.venue_order_id for view in views] == ["1"]

    @pytest.mark.parametrize("shown", [slice(None, 1000), slice(-1000, None)])
    def test_full_pages_are_followed(self, shown: slice) -> None:
        """Whichever end of a window the venue shows first; none is left out or told twice."""
        # Several orders share the instant at which a page ends.
        times = [NOW_MS - 5_000 + number // 3 for number in range(2_500)]
        rows = [
            {**KEPT, "orderId": number, "time": time, "updateTime": time}
            for number, time in enumerate(times)
        ]

        def page(said: dict[str, str]) -> HttpAnswer:
            window = range(int(said["startTime"]), int(said["endTime"]) + 1)
            return answered([row for row in rows if row["time"] in window][shown])

        desk = Desk({"GET /api/v3/allOrders": page})

        views = asyncio.run(desk.client.closed_orders((NOW_MS - 60_000) * MS_NS))

        told = sorted(int(view.venue_order_id) for view in views)
        assert told == list(range(2_500))
        assert len(desk.asked) < 10

    def test_endless_pages_are_a_fault(self) -> None:
        """An incomplete list would hide orders."""

        def page(said: dict[str, str]) -> HttpAnswer:
            middle = (int(said["startTime"]) + int(said["endTime"])) // 2
            return answered([{**KEPT, "orderId": n, "time": middle} for n in range(1000)])

        desk = Desk({"GET /api/v3/allOrders": page})

        with pytest.raises(VenueError, match="64"):
            asyncio.run(desk.client.closed_orders(AT_NS - 86_400 * SECOND_NS))

        assert len(desk.asked) == 64


INFO = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
    ],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "stepSize": "0.00001000"},
                {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.00000000"},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000", "avgPriceMins": 5},
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            ],
            "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER"],
        }
    ],
}
COMMISSION = {
    "symbol": "BTCUSDT",
    "standardCommission": {
        "maker": "0.00050000",
        "taker": "0.00100000",
        "buyer": "0.00000000",
        "seller": "0.00020000",
    },
    "taxCommission": {"maker": "0", "taker": "0.00000300", "buyer": "0", "seller": "0"},
    "discount": {"enabledForAccount": True, "discountAsset": "BNB", "discount": "0.75000000"},
}
COMMISSIONS = {"GET /api/v3/account/commission": answered(COMMISSION)}


def info(**changes: object) -> HttpAnswer:
    """The venue's rules with a symbol changed."""
    return answered({**INFO, "symbols": [{**INFO["symbols"][0], **changes}]})


class TestRules:
    """Tick, lot, minimum and fee are the venue's own, never written here."""

    def test_instrument(self) -> None:
        """Without keys the fee is the configured one; the limits are taken along."""
        desk = Desk({"GET /api/v3/exchangeInfo": answered(INFO)}, keys=None)

        (instrument,) = asyncio.run(desk.client.instruments())

        assert instrument.id == BINANCE_BTC
        assert (instrument.base, instrument.quote) == (BTC, USDT)
        assert instrument.tick_at(Decimal(100_000)) == Decimal("0.01")
        assert (instrument.lot, instrument.min_notional) == (Decimal("0.00001"), Decimal(5))
        assert instrument.fees == FeeSchedule(Decimal("0.1"), FeeIn.RECEIVED)
        assert instrument.tradable
        assert desk.limits == {"weight": 6000}
        assert parameters_of(desk.asked[0]) == {"symbols": '["BTCUSDT"]'}

    def test_fees_of_the_account(self) -> None:
        """All kinds together, the worse side, no discount counted on."""
        desk = Desk(dict(COMMISSIONS))

        fees = asyncio.run(desk.client.fees())

        assert fees == {BINANCE_BTC: FeeSchedule(Decimal("0.1203"), FeeIn.RECEIVED)}

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "HALT"},
            {"status": "BREAK"},
            {"status": "CANCEL_ONLY"},
            {"isSpotTradingAllowed": False},
            {"orderTypes": ["MARKET"]},
        ],
    )
    def test_not_tradable(self, changes: dict[str, object]) -> None:
        """Unless the venue says that limits may be placed now; nor closed, by an order."""
        desk = Desk({"GET /api/v3/exchangeInfo": info(**changes)}, keys=None)

        (instrument,) = asyncio.run(desk.client.instruments())

        assert not instrument.tradable
        assert instrument.halted

    def test_a_disabled_filter_leaves_the_decimals(self) -> None:
        """Zero disables a rule; the venue still keeps so many decimals and no more."""
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": "0.00000000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00000000"},
        ]
        desk = Desk({"GET /api/v3/exchangeInfo": info(filters=filters)}, keys=None)

        (instrument,) = asyncio.run(desk.client.instruments())

        assert instrument.tick_at(Decimal(1)) == instrument.lot == Decimal("0.00000001")
        assert instrument.min_notional == 0

    @pytest.mark.parametrize(
        "changes", [{"filters": []}, {"symbol": "ETHUSDT"}, {"baseAsset": "XBT"}]
    )
    def test_incomplete(self, changes: dict[str, object]) -> None:
        """An instrument without its rules is not traded by guesses."""
        desk = Desk({"GET /api/v3/exchangeInfo": info(**changes)}, keys=None)

        with pytest.raises(VenueRejected):
            asyncio.run(desk.client.instruments())


class TestAccount:
    """Balances, and what the key may do."""

    def test_balances(self) -> None:
        """What orders hold is ours too."""
        rows = [
            {"asset": "BTC", "free": "1.5", "locked": "0.25"},
            {"asset": "USDT", "free": "0.00", "locked": "0.00"},
        ]
        desk = Desk({"GET /api/v3/account": answered({"balances": rows})})

        assert asyncio.run(desk.client.balances()) == (
            Balance(BTC, Decimal("1.75"), Decimal("0.25")),
        )
        assert parameters_of(desk.asked[0])["omitZeroBalances"] == "true"

    @pytest.mark.parametrize(
        ("said", "scope"),
        [
            (
                {"enableWithdrawals": False, "enableSpotAndMarginTrading": True},
                KeyScope(can_withdraw=False, can_trade=True),
            ),
            ({"enableWithdrawals": True}, KeyScope(can_withdraw=True)),
            (
                {"enableWithdrawals": False, "enableInternalTransfer": True},
                KeyScope(can_withdraw=True),
            ),
            (
                {"enableWithdrawals": False, "permitsUniversalTransfer": True},
                KeyScope(can_withdraw=True),
            ),
            ({}, KeyScope()),
            (
                {"enableWithdrawals": False, "tradingAuthorityExpirationTime": 1_800_000_000_000},
                KeyScope(can_withdraw=False, expires_ns=1_800_000_000_000 * MS_NS),
            ),
        ],
    )
    def test_key_scope(self, said: dict[str, object], scope: KeyScope) -> None:
        """Any way to move money off the account counts; what is not told is not known."""
        desk = Desk({"GET /sapi/v1/account/apiRestrictions": answered(said)})

        assert asyncio.run(desk.client.key_scope()) == scope

    def test_key_scope_refused(self) -> None:
        """Raises, so that the last answer is kept and nothing taken for allowed."""
        desk = Desk({"GET /sapi/v1/account/apiRestrictions": HttpAnswer(404, {}, b"")})

        with pytest.raises(VenueError):
            asyncio.run(desk.client.key_scope())

    def test_what_does_not_decode(self) -> None:
        """Is not shown: it tells of the account."""
        desk = Desk({"GET /api/v3/account": answered({"balances": [{"asset": "SHOWN"}]})})

        with pytest.raises(OutcomeUnknown) as caught:
            asyncio.run(desk.client.balances())

        assert "SHOWN" not in str(caught.value)


class TestClock:
    """Skew is measured at the middle of the quickest of a few questions."""

    def test_takes_the_quickest(self) -> None:
        """A slow answer says little about when it was given."""
        desk = Desk(keys=None)
        slowness = iter((400, 20, 900))

        def time(_: dict[str, str]) -> HttpAnswer:
            took_ms = next(slowness)
            # The venue answers late in a slow exchange, half way in a quick one; ours is 300 ahead.
            venue_ms = desk.now.at_ns // MS_NS - 300 + (10 if took_ms == 20 else took_ms)
            desk.now = Stamp(desk.now.at_ns + took_ms * MS_NS, desk.now.mono_ns + took_ms * MS_NS)
            return answered({"serverTime": venue_ms})

        desk.answers["GET /api/v3/time"] = time

        assert asyncio.run(desk.client.clock_skew_ms()) == pytest.approx(300, abs=1)
        assert len(desk.asked) == 3


class TestTryOrder:
    """The venue judges the same request without placing it."""

    def test_passes(self) -> None:
        """The answer is empty; nothing exists."""
        desk = Desk({"POST /api/v3/order/test": answered({})})

        said = asyncio.run(desk.client.try_order(ORDER))

        assert isinstance(said, Accepted)
        assert (said.view.venue_order_id, said.view.executed) == ("", Decimal(0))
        asked, placed = parameters_of(desk.asked[0]), desk.client.placement(ORDER, NOW)
        assert asked == parameters_of(placed)
        # It must not draw on the orders the venue allows.
        assert desk.asked[0].group != placed.group

    def test_refused(self) -> None:
        """With the same words as an order."""
        refusal = answered({"code": -1013, "msg": "Filter failure: LOT_SIZE"}, 400)
        desk = Desk({"POST /api/v3/order/test": refusal})

        assert asyncio.run(desk.client.try_order(ORDER)) == Rejected(
            "-1013", "Filter failure: LOT_SIZE", stale_rules=True
        )


class TestWithoutKeys:
    """What is the account's is not even asked."""

    @pytest.mark.parametrize("name", ["balances", "open_orders", "key_scope"])
    def test_is_unavailable(self, name: str) -> None:
        """Nothing leaves this machine."""
        desk = Desk(keys=None)

        with pytest.raises(VenueUnavailable):
            asyncio.run(getattr(desk.client, name)())

        assert desk.asked == []

    def test_has_no_private_stream(self) -> None:
        """There is nothing to subscribe with."""
        with pytest.raises(VenueUnavailable):
            Desk(keys=None).client.private_stream()


def test_is_a_venue_client() -> None:
    """What the composition root wires, by its type."""
    client: VenueClient = Desk().client

    assert client.venue == "binance"
