"""Every row of the check tables: strict at its limit, and closed to whatever is no sound number.

Generated from the tables, so that a new check cannot escape.
"""

from decimal import Decimal
from math import inf, nan, nextafter
from typing import Any

import pytest
from msgspec.structs import fields, replace

from tests.support.builders import a_closing, a_proposal, some_limits
from trader.domain.account import Limits
from trader.domain.control import CheckName
from trader.domain.order import ClientOrderId, Proposal, TradeId
from trader.risk.measure import Measured, Reading
from trader.risk.safety import (
    CLOSING_CHECKS,
    ENTRY_CHECKS,
    Bound,
    Check,
    SafetyValidator,
    Verdict,
    judge,
    refused,
)

LIMITS = some_limits()
MAX_AGE_MS = LIMITS.max_ws_age_ms
TINY = Decimal("1e-20")

_ROWS = [
    (f"{kind}-{check.name}", table, check)
    for kind, table in (("entry", ENTRY_CHECKS), ("closing", CLOSING_CHECKS))
    for check in table
]
ROWS = [pytest.param(table, check, id=name) for name, table, check in _ROWS]
CHECKS = [pytest.param(check, id=name) for name, _, check in _ROWS]
LIMITED = [pytest.param(table, check, id=name) for name, table, check in _ROWS if check.limit]
LIMITED_CHECKS = [pytest.param(check, id=name) for name, _, check in _ROWS if check.limit]

LIMITS_OF_NO_CHECK = {
    "max_unwind_slippage_pct": "the price rule of closings, applied where they are built",
}
MEASURES_OF_NO_CHECK: dict[str, str] = {}
CHECKS_OF_NO_TABLE: dict[CheckName, str] = {}

UNSOUND: dict[str, object] = {
    "no readings": (),
    "None for readings": None,
    "a list": [Reading(Decimal(1))],
    "a bare number": Decimal(1),
    "a reading of None": (None,),
    "a bare number inside": (Decimal(1),),
    "value None": (Reading(None),),
    "NaN decimal": (Reading(Decimal("NaN")),),
    "signalling NaN": (Reading(Decimal("sNaN")),),
    "NaN float": (Reading(nan),),
    "infinity decimal": (Reading(Decimal("Infinity")),),
    "infinity float": (Reading(inf),),
    "minus infinity": (Reading(-inf),),
    "minus infinity decimal": (Reading(Decimal("-Infinity")),),
    "negative decimal": (Reading(Decimal("-0.0001")),),
    "negative float": (Reading(-1e-9),),
    "negative int": (Reading(-1),),
    "a string": (Reading("1"),),
    "a boolean": (Reading(True),),
    "False": (Reading(False),),
    "a list for a value": (Reading([1]),),
}

UNSOUND_AGES: dict[str, object] = {
    "None": None,
    "NaN": nan,
    "NaN decimal": Decimal("NaN"),
    "infinite": inf,
    "negative": -0.001,
    "stale by one unit": nextafter(float(MAX_AGE_MS or 0), inf),
    "a string": "0",
    "a boolean": False,
}

UNSOUND_LIMITS: dict[str, object] = {
    "unset": None,
    "NaN": Decimal("NaN"),
    "signalling NaN": Decimal("sNaN"),
    "NaN float": nan,
    "infinite": Decimal("Infinity"),
    "infinite float": inf,
    "negative": Decimal(-1),
    "a string": "1",
    "a boolean": True,
}


def limit_of(check: Check) -> Decimal:
    """The documented limit of a check; zero for one that has none of its own."""
    limit = Decimal(0) if check.limit is None else getattr(LIMITS, check.limit)
    assert isinstance(limit, Decimal)
    return limit


def a_sound_value(check: Check) -> Decimal:
    """A value that passes this check."""
    limit = limit_of(check)
    return limit * 2 if check.bound is Bound.ABOVE else limit / 2


def all_well(table: tuple[Check, ...]) -> Measured:
    """A measurement that passes every row of a table."""
    sound: dict[str, Decimal] = {}
    for check in table:
        value = a_sound_value(check)
        # Two limits on one measure: the lower one decides.
        sound[check.measure] = min(value, sound.get(check.measure, value))
    return Measured(**{measure: (Reading(value),) for measure, value in sound.items()})


def with_readings(measured: Measured, measure: str, readings: object) -> Measured:
    """The same measurement with one field replaced by anything at all."""
    changes: dict[str, Any] = {measure: readings}
    return replace(measured, **changes)


def validate(table: tuple[Check, ...], measured: Measured, limits: Limits = LIMITS) -> Verdict:
    """Judge a measurement as an entry or as a closing."""
    proposal: Proposal = a_proposal() if table is ENTRY_CHECKS else a_closing()
    return SafetyValidator(limits).validate(
        proposal, measured, TradeId("T1"), 7, lambda: ClientOrderId("tr-test-1")
    )


class TestTables:
    def test_every_check_is_in_a_table(self) -> None:
        """A code without a row would be a check that is never made."""
        rows = {check.name for check in (*ENTRY_CHECKS, *CLOSING_CHECKS)}

        assert rows | CHECKS_OF_NO_TABLE.keys() == set(CheckName)
        assert not rows & CHECKS_OF_NO_TABLE.keys()

    def test_every_measure_is_judged(self) -> None:
        """What is measured and never judged protects nobody."""
        judged = {check.measure for check in (*ENTRY_CHECKS, *CLOSING_CHECKS)}

        assert judged | MEASURES_OF_NO_CHECK.keys() == {field.name for field in fields(Measured)}

    def test_every_limit_is_compared(self) -> None:
        """A limit no check reads is a promise nobody keeps; the exceptions are named."""
        used = {check.limit for check in (*ENTRY_CHECKS, *CLOSING_CHECKS) if check.limit}

        assert used | LIMITS_OF_NO_CHECK.keys() == {field.name for field in fields(Limits)}
        assert not used & LIMITS_OF_NO_CHECK.keys()

    @pytest.mark.parametrize("table", [ENTRY_CHECKS, CLOSING_CHECKS], ids=["entry", "closing"])
    def test_no_check_stands_twice(self, table: tuple[Check, ...]) -> None:
        """One name, one row: a refusal must say which comparison failed."""
        names = [check.name for check in table]

        assert len(names) == len(set(names))

    def test_limits_are_unset_until_configured(self) -> None:
        """Nothing is allowed by a limit that nobody set."""
        assert {getattr(Limits(), field.name) for field in fields(Limits)} == {None}

    def test_closings_are_bound_by_nothing_but_their_own_list(self) -> None:
        """What the documentation lists for closings, and nothing that relieving it would need."""
        assert {check.name for check in CLOSING_CHECKS} == {
            CheckName.BOOK_VALID,
            CheckName.BOOK_AGE,
            # Of a leg's venue that takes no order at all: a hedged trade closes on both or waits.
            CheckName.TRADABLE,
            CheckName.ORDER_DELAY,
            CheckName.EXIT_COLLAR,
            CheckName.BALANCE,
            CheckName.VENUE_MINIMUM,
            CheckName.TICK,
            CheckName.LOT,
            CheckName.POSITION,
            CheckName.LIVE_GATE,
        }

    def test_strict_bounds_are_strict(self) -> None:
        """The documented comparisons, written down once more by hand."""
        bounds = {check.name: check.bound for check in ENTRY_CHECKS}
        above = {CheckName.CONFIDENCE, CheckName.NET_PROFIT, CheckName.LIQUIDITY}
        below = {
            CheckName.SLIPPAGE,
            CheckName.POSITION_SIZE,
            CheckName.DAILY_LOSS,
            CheckName.ORDER_DELAY,
            CheckName.VENUE_GAP,
        }

        assert {name for name, bound in bounds.items() if bound is Bound.ABOVE} == above
        assert {name for name, bound in bounds.items() if bound is Bound.BELOW} == below


class TestBoundary:
    @pytest.mark.parametrize("check", CHECKS)
    def test_at_the_limit(self, check: Check) -> None:
        """Equal is refused where the bound is strict, and allowed where it may be reached."""
        limit = limit_of(check)

        result = judge(check, (Reading(limit),), limit, MAX_AGE_MS)

        assert result.passed is (check.bound is Bound.AT_MOST)
        assert (result.check, result.value, result.limit) == (check.name, limit, limit)

    @pytest.mark.parametrize("check", CHECKS)
    def test_just_over(self, check: Check) -> None:
        """One unit in the last place above the limit decides."""
        limit = limit_of(check)
        over = limit.next_plus() if limit else TINY

        result = judge(check, (Reading(over),), limit, MAX_AGE_MS)

        assert result.passed is (check.bound is Bound.ABOVE)
        assert not result.fault

    @pytest.mark.parametrize("check", LIMITED_CHECKS)
    def test_just_under(self, check: Check) -> None:
        """One unit in the last place below the limit decides."""
        limit = limit_of(check)

        result = judge(check, (Reading(limit.next_minus()),), limit, MAX_AGE_MS)

        assert result.passed is (check.bound is not Bound.ABOVE)

    @pytest.mark.parametrize("check", LIMITED_CHECKS)
    def test_floats_are_compared_as_written(self, check: Check) -> None:
        """A float one step beside the limit is not the limit."""
        limit = limit_of(check)
        under, over = nextafter(float(limit), -inf), nextafter(float(limit), inf)

        low = judge(check, (Reading(under),), limit, MAX_AGE_MS).passed
        high = judge(check, (Reading(over),), limit, MAX_AGE_MS).passed

        assert (low, high) == ((False, True) if check.bound is Bound.ABOVE else (True, False))

    @pytest.mark.parametrize("check", CHECKS)
    def test_age_may_be_reached(self, check: Check) -> None:
        """A book confirmed exactly as long ago as allowed still counts."""
        value = a_sound_value(check)

        result = judge(check, (Reading(value, MAX_AGE_MS),), limit_of(check), MAX_AGE_MS)

        assert result.passed
        assert result.age_ms == float(MAX_AGE_MS or 0)


class TestUnsound:
    @pytest.mark.parametrize("table", [ENTRY_CHECKS, CLOSING_CHECKS], ids=["entry", "closing"])
    def test_sound_input_passes(self, table: tuple[Check, ...]) -> None:
        """The measurement the others are made from is itself approved, so each may fail alone."""
        assert validate(table, all_well(table)).orders

    @pytest.mark.parametrize(("table", "check"), ROWS)
    @pytest.mark.parametrize("readings", UNSOUND.values(), ids=UNSOUND.keys())
    def test_unsound_value_refuses(
        self, table: tuple[Check, ...], check: Check, readings: object
    ) -> None:
        """Missing, not a number, infinite, negative, of a wrong type: a refusal that names it."""
        measured = with_readings(all_well(table), check.measure, readings)

        verdict = validate(table, measured)

        sharing = {row.name for row in table if row.measure == check.measure}
        assert verdict.orders == ()
        assert refused(verdict.checks) == sharing
        assert all(result.fault for result in verdict.refusals)

    @pytest.mark.parametrize(("table", "check"), ROWS)
    @pytest.mark.parametrize("readings", UNSOUND.values(), ids=UNSOUND.keys())
    def test_one_unsound_leg_is_enough(
        self, table: tuple[Check, ...], check: Check, readings: object
    ) -> None:
        """A check holds only if it holds for every leg, wherever the bad one stands."""
        if not isinstance(readings, tuple) or not readings:
            readings = (readings,)
        good = Reading(a_sound_value(check))

        for mixed in ((good, *readings), (*readings, good), (good, *readings, good)):
            measured = with_readings(all_well(table), check.measure, mixed)
            verdict = validate(table, measured)
            assert check.name in refused(verdict.checks)
            assert verdict.orders == ()

    @pytest.mark.parametrize(("table", "check"), ROWS)
    @pytest.mark.parametrize("age", UNSOUND_AGES.values(), ids=UNSOUND_AGES.keys())
    def test_unsound_age_refuses(self, table: tuple[Check, ...], check: Check, age: object) -> None:
        """A good value of unknown or too great an age is no value."""
        stale = (Reading(a_sound_value(check), age),)

        verdict = validate(table, with_readings(all_well(table), check.measure, stale))

        assert check.name in refused(verdict.checks)
        assert verdict.orders == ()

    @pytest.mark.parametrize(("table", "check"), LIMITED)
    @pytest.mark.parametrize("limit", UNSOUND_LIMITS.values(), ids=UNSOUND_LIMITS.keys())
    def test_unsound_limit_refuses(
        self, table: tuple[Check, ...], check: Check, limit: object
    ) -> None:
        """A limit that is unset or no number allows nothing."""
        changes: dict[str, Any] = {str(check.limit): limit}
        limits = replace(LIMITS, **changes)

        verdict = validate(table, all_well(table), limits)

        assert check.name in refused(verdict.checks)
        assert verdict.orders == ()

    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("max_age", UNSOUND_LIMITS.values(), ids=UNSOUND_LIMITS.keys())
    def test_unsound_greatest_age_refuses(self, check: Check, max_age: object) -> None:
        """Without a bound on age nothing is young enough."""
        result = judge(check, (Reading(a_sound_value(check)),), limit_of(check), max_age)

        assert not result.passed


class TestVerdict:
    @pytest.mark.parametrize("table", [ENTRY_CHECKS, CLOSING_CHECKS], ids=["entry", "closing"])
    def test_every_check_is_evaluated(self, table: tuple[Check, ...]) -> None:
        """A refusal names every cause, not the first: nothing measured refuses by every row."""
        verdict = validate(table, Measured())

        assert [result.check for result in verdict.checks] == [check.name for check in table]
        assert refused(verdict.checks) == {check.name for check in table}

    @pytest.mark.parametrize(("table", "check"), LIMITED)
    def test_a_refusal_carries_its_numbers(self, table: tuple[Check, ...], check: Check) -> None:
        """Value, limit and age of the data, for the decision's record."""
        limit = limit_of(check)
        bad = limit / 2 if check.bound is Bound.ABOVE else limit * 2
        measured = with_readings(all_well(table), check.measure, (Reading(bad, 12.5),))

        found = {result.check: result for result in validate(table, measured).refusals}

        result = found[check.name]
        assert (result.value, result.limit, result.age_ms) == (bad, limit, 12.5)
        assert result.fault == ""

    def test_the_leg_nearest_its_limit_is_reported(self) -> None:
        """Of several legs that pass, the one with the least room is the one worth reading."""
        below = next(check for check in ENTRY_CHECKS if check.name is CheckName.SLIPPAGE)
        above = next(check for check in ENTRY_CHECKS if check.name is CheckName.LIQUIDITY)
        low, high = Reading(Decimal("0.1")), Reading(Decimal("0.2"))

        worst = judge(below, (low, high, low), Decimal("0.3"), MAX_AGE_MS)
        thinnest = judge(above, (high, low, high), Decimal("0.05"), MAX_AGE_MS)

        assert worst.value == Decimal("0.2")
        assert thinnest.value == Decimal("0.1")

    def test_approval_carries_the_generation(self) -> None:
        """The gate compares it with its own in the step of the write."""
        verdict = validate(ENTRY_CHECKS, all_well(ENTRY_CHECKS))

        assert [order.generation for order in verdict.orders] == [7, 7]
        assert [order.trade_id for order in verdict.orders] == ["T1", "T1"]
        assert [order.intent for order in verdict.orders] == list(a_proposal().intents)

    def test_a_refusal_uses_up_no_order_id(self) -> None:
        """Ids are never reused, so one is taken only for an order."""
        taken: list[ClientOrderId] = []

        def next_id() -> ClientOrderId:
            taken.append(ClientOrderId(f"tr-test-{len(taken)}"))
            return taken[-1]

        validator = SafetyValidator(LIMITS)
        validator.validate(a_proposal(), Measured(), TradeId("T1"), 0, next_id)
        before = len(taken)
        validator.validate(a_proposal(), all_well(ENTRY_CHECKS), TradeId("T1"), 0, next_id)

        assert (before, len(taken)) == (0, 2)

    def test_a_proposal_without_intents_is_refused(self) -> None:
        """Nothing to send is nothing to approve."""
        empty = replace(a_proposal(), intents=())

        verdict = SafetyValidator(LIMITS).validate(
            empty, all_well(ENTRY_CHECKS), TradeId("T1"), 0, lambda: ClientOrderId("x")
        )

        assert verdict.orders == ()
