"""The simulator's Binance budgets: aligned with the calendar, and a ban for who does not stop."""

import pytest

from trader.sim.binance_errors import BinanceRefusal
from trader.sim.binance_limits import AddressBudget, Budgets, OrderBudget, refusal_of
from trader.sim.faults import Before, Verdict

MINUTE = 60_000
NOON = 1_763_812_800_000


class TestWeight:
    """A minute has its weight; the next one has it again, whatever the second it began to count."""

    def test_the_budget_is_whole_again_when_the_minute_turns(self) -> None:
        budget = AddressBudget(limit=10)
        budget.spend(NOON + 59_000, 10)

        with pytest.raises(BinanceRefusal) as refused:
            budget.spend(NOON + 59_500, 1)
        budget.spend(NOON + MINUTE, 10)

        assert (refused.value.status, refused.value.code) == (429, -1003)
        assert dict(refused.value.headers) == {"Retry-After": "1"}
        assert budget.used(NOON + MINUTE) == 10

    def test_going_on_after_429_is_banned_beyond_the_minute(self) -> None:
        budget = AddressBudget(limit=1)
        statuses = [status_of(budget, NOON) for _ in range(13)]

        assert statuses == [200] + [429] * 10 + [418] * 2
        assert status_of(budget, NOON + 119_000) == 418
        assert status_of(budget, NOON + 121_000) == 200

    def test_what_a_successful_order_cost_comes_back(self) -> None:
        budget = AddressBudget()
        budget.spend(NOON, 4)
        budget.give_back(NOON, 1)

        assert budget.used(NOON) == 3

    def test_connections_have_a_limit_of_their_own(self) -> None:
        budget = AddressBudget()
        for _ in range(300):
            budget.connect(NOON)

        with pytest.raises(BinanceRefusal, match="-1034"):
            budget.connect(NOON)
        budget.connect(NOON + 5 * MINUTE, weight=2)

        assert budget.used(NOON + 5 * MINUTE) == 2


class TestUnfilledOrders:
    """Only orders that nothing was filled of count."""

    def test_ten_seconds_and_a_day(self) -> None:
        budget = OrderBudget(per_10_s=2, per_day=3)
        budget.count(NOON, 2)

        with pytest.raises(BinanceRefusal) as soon:
            budget.check(NOON + 4_000)
        budget.check(NOON + 10_000)
        budget.count(NOON + 10_000)
        with pytest.raises(BinanceRefusal) as tomorrow:
            budget.check(NOON + 20_000)

        assert (soon.value.code, dict(soon.value.headers)["Retry-After"]) == (-1015, "6")
        assert "1 DAY" in tomorrow.value.msg

    def test_a_fill_frees_its_place(self) -> None:
        budget = OrderBudget(per_10_s=1)
        budget.count(NOON)
        budget.count(NOON, -1)

        budget.check(NOON)

        assert budget.counts(NOON) == (0, 0)


class TestMemory:
    """What is remembered is bounded."""

    def test_the_oldest_address_goes_first(self) -> None:
        budgets = Budgets()
        first = budgets.address("first")
        for number in range(1_000):
            budgets.address(str(number))

        assert budgets.address("first") is not first
        assert budgets.orders("main") is budgets.orders("main")


class TestOnDemand:
    """What a fault wants said is said in Binance's words."""

    @pytest.mark.parametrize(
        ("verdict", "status", "code"),
        [
            (Verdict(before=Before.TOO_MANY, retry_after_s=3), 429, -1003),
            (Verdict(before=Before.BANNED, retry_after_s=3), 418, -1003),
            (Verdict(before=Before.ERROR, status=503), 503, -1000),
            (Verdict(status=502), 502, -1007),
        ],
    )
    def test_verdicts(self, verdict: Verdict, status: int, code: int) -> None:
        refusal = refusal_of(verdict, NOON)

        assert (refusal.status, refusal.code) == (status, code)


def status_of(budget: AddressBudget, now_ms: int) -> int:
    """The HTTP status one request of weight one is answered with."""
    try:
        budget.spend(now_ms, 1)
    except BinanceRefusal as refusal:
        return refusal.status
    return 200
