"""What the Korean venues state of their markets, keys and clocks."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime

import pytest

from tests.support.builders import AT_NS, BITHUMB_BTC, UPBIT_BTC, UPBIT_USDT
from tests.unit.execution.venues.korean_desk import (
    STAMP,
    Venue,
    an_answer,
    an_error,
    an_order,
    asked_for,
    bithumb,
    upbit,
)
from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueRejected
from trader.domain.instrument import FeeIn, FeeSchedule, Instrument
from trader.execution.bithumb_limits import BITHUMB_LIMITS, read_bithumb_limits
from trader.execution.bithumb_rules import BITHUMB_BANDS
from trader.execution.date_skew import skew_from_date
from trader.execution.upbit_limits import UPBIT_LIMITS, read_upbit_limits
from trader.execution.venue import KeyScope
from trader.feeds.bithumb import BithumbFeed
from trader.feeds.upbit import UpbitFeed
from trader.wire.budget import Budget, Left, Pause
from trader.wire.http import HttpAnswer, HttpRequest

MARKET: dict[str, object] = {
    "id": "KRW-BTC",
    "order_sides": ["ask", "bid"],
    "bid_types": ["limit", "price", "limit_ioc", "limit_fok"],
    "ask_types": ["limit", "market", "limit_ioc", "limit_fok"],
    "bid": {"currency": "KRW", "min_total": "5000"},
    "ask": {"currency": "BTC", "min_total": "5001"},
    "max_total": "1000000000",
    "state": "active",
}
CHANCE: dict[str, object] = {
    "bid_fee": "0.0005",
    "ask_fee": "0.0004",
    "maker_bid_fee": "0.0005",
    "maker_ask_fee": "0.0005",
    "market": MARKET,
}


def upbit_says(**changes: object) -> dict[str, object]:
    """What Upbit answers about KRW-BTC, with a market that is not ours and without KRW-USDT."""
    says: dict[str, object] = {
        "GET /v1/market/all": [
            {"market": "KRW-BTC", "market_event": {"warning": False, "caution": {}}},
            {"market": "BTC-ETH"},
        ],
        "GET /v1/orderbook/instruments": [
            {"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": "1000"}
        ],
        "GET /v1/orders/chance": CHANCE,
        "GET /v1/status/wallet": [{"currency": "BTC", "wallet_state": "working"}],
    }
    return says | {f"GET /v1/{path}": answer for path, answer in changes.items()}


def bithumb_says(**changes: object) -> dict[str, object]:
    """What Bithumb answers about KRW-BTC."""
    chance = {**CHANCE, "bid_fee": "0.0025", "ask_fee": "0.0025"}
    says: dict[str, object] = {
        "GET /v1/market/all": [{"market": "KRW-BTC", "market_warning": "NONE"}],
        "GET /v1/market/virtual_asset_warning": [],
        "GET /v1/ticker": [{"market": "KRW-BTC", "trade_price": 140000000}],
        "GET /v1/orders/chance": chance,
        "GET /v1/status/wallet": [{"currency": "BTC", "wallet_state": "working"}],
    }
    return says | {f"GET /v1/{path}": answer for path, answer in changes.items()}


async def one(venue: Venue, *, at_bithumb: bool = False) -> Instrument:
    (found,) = await (bithumb(venue) if at_bithumb else upbit(venue)).instruments()
    return found


class TestUpbitRules:
    """Tick, minimum, fee and state as the venue tells them now."""

    async def test_all_of_it(self) -> None:
        """The dearer side's fee, the larger minimum; a market that is not listed is left out."""
        found = await one(Venue(upbit_says()))

        assert found.id == UPBIT_BTC
        assert (found.tick_at(Decimal(140_000_000)), found.lot) == (
            Decimal(1000),
            Decimal("0.00000001"),
        )
        assert found.min_notional == 5001
        assert found.fees == FeeSchedule(Decimal("0.05"), FeeIn.QUOTE)
        assert found.tradable

    async def test_without_keys(self) -> None:
        """What only an account is told is as published and configured."""
        venue = Venue(upbit_says())

        (found,) = await upbit(venue, keys=None).instruments()

        assert found.min_notional == 5000
        assert found.fees.taker_pct == Decimal("0.05")
        assert found.tradable
        assert not any(request.headers for request in venue.asked)

    async def test_only_listed_markets_are_asked_about(self) -> None:
        """One that is gone would have the whole question refused."""
        venue = Venue(upbit_says())

        await upbit(venue).instruments()

        markets = [asked_for(r)["markets"] for r in venue.asked if "instruments" in r.target]
        assert markets == ["KRW-BTC"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"market/all": [{"market": "KRW-BTC", "market_event": {"warning": True}}]},
            {"orders/chance": {**CHANCE, "market": {**MARKET, "state": "preview"}}},
            {"orders/chance": {**CHANCE, "market": {**MARKET, "bid_types": ["limit"]}}},
            {"status/wallet": [{"currency": "BTC", "wallet_state": "withdraw_only"}]},
        ],
    )
    async def test_no_entries(self, changes: Mapping[str, object]) -> None:
        """Under a warning, in another state, without immediate orders, with a shut wallet."""
        assert not (await one(Venue(upbit_says(**changes)))).tradable

    async def test_closings_under_a_warning(self) -> None:
        """A warning or a shut wallet keeps nobody in; only another state of the market does."""
        warned = upbit_says(
            **{"market/all": [{"market": "KRW-BTC", "market_event": {"warning": True}}]}
        )
        stopped = upbit_says(
            **{"orders/chance": {**CHANCE, "market": {**MARKET, "state": "paused"}}}
        )

        assert not (await one(Venue(warned))).halted
        assert (await one(Venue(stopped))).halted

    @pytest.mark.parametrize(
        "changes",
        [
            {
                "market/all": [
                    {
                        "market": "KRW-BTC",
                        "market_event": {"warning": False, "caution": {"PRICE_FLUCTUATIONS": True}},
                    }
                ]
            },
            {
                "status/wallet": [
                    {"currency": "BTC", "wallet_state": "paused"},
                    {"currency": "BTC", "wallet_state": "working"},
                    {"currency": "XRP", "wallet_state": "paused"},
                ]
            },
            {"status/wallet": an_error("out_of_scope", 401)},
            {"status/wallet": an_answer("", 503)},
        ],
    )
    async def test_entries_all_the_same(self, changes: Mapping[str, object]) -> None:
        """A caution is no warning, one open network is enough, a silent wallet says nothing."""
        assert (await one(Venue(upbit_says(**changes)))).tradable

    async def test_a_market_that_was_offline(self) -> None:
        """Refused once, it is left alone until the venue would take an order again."""
        venue = Venue(upbit_says() | {"POST /v1/orders/test": an_error("market_offline")})
        client = upbit(venue)
        client.read_placement(an_order(), an_error("market_offline"), STAMP)
        (after_refusal,) = await client.instruments()

        await client.try_order(an_order())
        (after_refused_test,) = await client.instruments()
        venue.answers["POST /v1/orders/test"] = an_answer(
            {"market": "KRW-BTC", "side": "bid", "state": "wait", "uuid": "x"}, 201
        )
        (after_passed_test,) = await client.instruments()
        tests = sum("/orders/test" in request.target for request in venue.asked)
        await client.instruments()

        assert [after_refusal.tradable, after_refused_test.tradable] == [False, False]
        assert [after_refusal.halted, after_refused_test.halted] == [True, True]
        assert after_passed_test.tradable
        assert not after_passed_test.halted
        assert sum("/orders/test" in request.target for request in venue.asked) == tests == 4

    async def test_a_refusal_of_the_question(self) -> None:
        """No rules are better than half of them."""
        with pytest.raises(VenueRejected):
            await one(Venue(upbit_says(**{"orders/chance": an_error("out_of_scope", 401)})))
        with pytest.raises(OutcomeUnknown):
            await one(Venue(upbit_says(**{"orders/chance": {**CHANCE, "bid_fee": "NaN"}})))
        with pytest.raises(OutcomeUnknown):
            await one(
                Venue(
                    upbit_says(
                        **{
                            "orderbook/instruments": [
                                {"market": "KRW-BTC", "tick_size": "Infinity"}
                            ]
                        }
                    )
                )
            )

    async def test_fees(self) -> None:
        """For every instrument, in won."""
        assert await upbit(Venue(upbit_says())).fees() == {
            UPBIT_BTC: FeeSchedule(Decimal("0.05")),
            UPBIT_USDT: FeeSchedule(Decimal("0.05")),
        }


class TestBithumbRules:
    """The published ticks, checked against what the account is told."""

    async def test_all_of_it(self) -> None:
        """A tick for every price."""
        found = await one(Venue(bithumb_says()), at_bithumb=True)

        assert found.id == BITHUMB_BTC
        assert found.bands == BITHUMB_BANDS
        assert found.tick_at(Decimal(140_000_000)) == 1000
        assert found.tick_at(Decimal("0.5")) == Decimal("0.0001")
        assert found.tick_at(Decimal(4_999)) == 1
        assert found.tick_at(Decimal(5_000)) == 5
        assert found.fees.taker_pct == Decimal("0.25")
        assert found.tradable

    @pytest.mark.parametrize(("unit", "tick"), [("1000", 1000), ("1", 1000), ("5000", 5000)])
    async def test_the_coarser_tick_counts(self, unit: str, tick: int) -> None:
        """A price on the coarser grid is on the finer one too."""
        told = {**CHANCE, "market": {"bid": {"min_total": "5000", "price_unit": unit}}}
        found = await one(Venue(bithumb_says(**{"orders/chance": told})), at_bithumb=True)

        assert found.tick_at(Decimal(140_000_000)) == tick
        assert found.tick_at(Decimal(900_000)) == 500

    @pytest.mark.parametrize(
        "changes",
        [
            {"market/all": [{"market": "KRW-BTC", "market_warning": "CAUTION"}]},
            {
                "market/virtual_asset_warning": [
                    {"market": "KRW-BTC", "warning_type": "X", "end_date": "2026-01-05 09:00:01"}
                ]
            },
            {"market/virtual_asset_warning": [{"market": "KRW-BTC", "end_date": "?"}]},
            {"status/wallet": [{"currency": "BTC", "wallet_state": "deposit_only"}]},
        ],
    )
    async def test_no_entries(self, changes: Mapping[str, object]) -> None:
        """Under caution, under an alert that has not ended, with a shut wallet."""
        assert not (await one(Venue(bithumb_says(**changes)), at_bithumb=True)).tradable

    @pytest.mark.parametrize(
        "changes",
        [
            {
                "market/virtual_asset_warning": [
                    {"market": "KRW-BTC", "end_date": "2026-01-05 08:59:59"},
                    {"market": "KRW-XRP", "end_date": "2027-01-05 08:59:59"},
                ]
            },
            {"market/virtual_asset_warning": an_answer("", 404)},
        ],
    )
    async def test_entries_all_the_same(self, changes: Mapping[str, object]) -> None:
        """After an alert, under another market's, where the venue tells of none."""
        assert (await one(Venue(bithumb_says(**changes)), at_bithumb=True)).tradable


class TestKeys:
    """What the venue tells of our key, and no guess beyond it."""

    async def test_upbit_tells_the_end(self) -> None:
        """Of our key among the account's; permissions are not told."""
        rows = [
            {"access_key": "other", "expire_at": "2026-02-01T09:00:00+09:00"},
            {"access_key": "TEST-ACCESS-KEY-0001", "expire_at": "2026-01-05T09:00:00+09:00"},
        ]

        scope = await upbit(Venue({"GET /v1/api_keys": rows})).key_scope()

        assert scope == KeyScope(can_withdraw=None, can_trade=None, expires_ns=AT_NS)

    async def test_bithumb_tells_nothing(self) -> None:
        """Nothing is asked either."""
        assert await bithumb().key_scope() == KeyScope()


class Clocks:
    """A venue whose clock is off ours by a fixed amount, at the far end of a slow line."""

    def __init__(self, ahead_ns: int, trip_ns: int, seed: int) -> None:
        self.now_ns = AT_NS + random.Random(seed).randrange(10**9)
        self._ahead_ns = ahead_ns
        self._trip_ns = trip_ns
        self._chance = random.Random(seed)
        self.asked = 0
        self.slept_s = 0.0

    def now(self) -> Stamp:
        return Stamp(self.now_ns, self.now_ns - AT_NS)

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.now_ns += int(seconds * 1e9)

    async def __call__(self, request: HttpRequest) -> HttpAnswer:
        del request
        self.asked += 1
        there = int(self._trip_ns * self._chance.uniform(0.2, 0.8))
        self.now_ns += there
        told = datetime.fromtimestamp((self.now_ns - self._ahead_ns) // 10**9, UTC)
        self.now_ns += self._trip_ns - there
        return HttpAnswer(200, {"date": format_datetime(told, usegmt=True)}, b"")


class TestClock:
    """A header that counts seconds, asked a few times, tells the difference within 250 ms."""

    @pytest.mark.parametrize("ahead_ms", [0, 120, -340, 500, 999, -2_750, 86_400_000])
    @pytest.mark.parametrize("trip_ms", [2, 40, 200])
    @pytest.mark.parametrize("seed", range(8))
    async def test_within_250_ms(self, ahead_ms: int, trip_ms: int, seed: int) -> None:
        """Whatever the difference and wherever in a second we begin; in a few seconds at most."""
        clocks = Clocks(ahead_ms * 10**6, trip_ms * 10**6, seed)

        skew_ms = await skew_from_date(clocks, HttpRequest("GET", "/"), clocks.now, clocks.sleep)

        assert abs(skew_ms - ahead_ms) < 250
        assert clocks.asked <= 5
        assert clocks.slept_s <= 5

    async def test_an_answer_without_a_date(self) -> None:
        """Is no answer to this question."""
        for headers in ({}, {"date": "yesterday"}):
            venue = Venue({"GET /v1/ticker": an_answer([], 200, headers)})
            with pytest.raises(OutcomeUnknown):
                await upbit(venue).clock_skew_ms()


class TestLimits:
    """Every request draws on a limit, and the venue's word corrects the count."""

    @pytest.mark.parametrize(
        ("header", "told"),
        [
            ("group=default; min=1800; sec=29", [Left("default", 29)]),
            ("group=order-test;min=1;sec=0", [Left("order-test", 0)]),
            ("", []),
            ("group=default; min=1800", []),
            ("sec=-1; group=default", []),
            ("group=" + "a" * 500 + "; sec=" + "9" * 500, []),
        ],
    )
    def test_what_upbit_has_left(self, header: str, told: list[Left]) -> None:
        """By group and second; the minute means nothing."""
        assert read_upbit_limits(an_answer({}, 200, {"remaining-req": header})) == told

    def test_a_ban(self) -> None:
        """Shuts everything for as long as it says."""
        for read in (read_upbit_limits, read_bithumb_limits):
            told = read(an_error("blocked", 418, "60초 동안 차단"))
            assert list(told) == [Pause(60.0, "", banned=True)]

    async def test_every_request_has_a_limit(self) -> None:
        """A group that no limit names would never be let out."""
        venue = Venue(upbit_says())
        client = upbit(venue)
        await client.instruments()
        asked = [*venue.asked, client.placement(an_order(), STAMP), client.warming()]
        asked += UpbitFeed((UPBIT_BTC,)).snapshot((UPBIT_BTC,))
        other = Venue(bithumb_says())
        await bithumb(other).instruments()
        asked_there = [*other.asked, bithumb().placement(an_order(BITHUMB_BTC), STAMP)]
        asked_there += [bithumb().warming()]
        asked_there += BithumbFeed((BITHUMB_BTC,)).snapshot((BITHUMB_BTC,))

        for requests, limits in ((asked, UPBIT_LIMITS), (asked_there, BITHUMB_LIMITS)):
            budget = Budget(limits, STAMP)
            waits = [budget.take(request.group, request.weight, STAMP) for request in requests]
            assert set(waits) == {0.0}
            for group in ("order", "cancel", "lookup", "account", "orderbook"):
                assert budget.take(group, 1, STAMP) == 0.0

    def test_closings_and_look_ups_have_their_part(self) -> None:
        """What entries and lists may not draw."""
        budget = Budget(UPBIT_LIMITS, STAMP)
        entries = sum(budget.take("order", 1, STAMP) == 0.0 for _ in range(20))
        closings = sum(budget.take("order", 1, STAMP, urgent=True) == 0.0 for _ in range(20))
        lists = sum(budget.take("account", 1, STAMP) == 0.0 for _ in range(40))
        look_ups = sum(budget.take("lookup", 1, STAMP) == 0.0 for _ in range(40))

        assert (entries, closings) == (8, 4)
        assert (lists, look_ups) == (18, 12)
