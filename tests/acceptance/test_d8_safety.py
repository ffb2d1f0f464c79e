"""The four limits every operator knows by heart, each at, under and over its number.

Also a script: ``python tests/acceptance/test_d8_safety.py`` goes through the list.
"""

import sys
from decimal import Decimal
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pytest
from msgspec.structs import replace

from tests.acceptance.checklist import go_through
from tests.support.builders import (
    NOW_NS,
    a_closing,
    a_market,
    a_proposal,
    an_account,
    some_instruments,
    some_limits,
)
from trader.domain.control import CheckName
from trader.domain.order import ClientOrderId, Proposal, TradeId
from trader.risk.measure import Measured, Reading, measure_closing, measure_entry
from trader.risk.safety import SafetyValidator, Verdict

STOP_PCT = Decimal("1.2")


def a_good_entry() -> Measured:
    """The documented example, measured: it passes every check."""
    return measure_entry(
        a_proposal(), an_account(), some_instruments(), a_market(), STOP_PCT, NOW_NS
    )


def judged(proposal: Proposal, measured: Measured) -> Verdict:
    """The verdict under the documented limits."""
    numbers = count(1)
    return SafetyValidator(some_limits()).validate(
        proposal, measured, TradeId("T1"), 1, lambda: ClientOrderId(f"tr-{next(numbers)}")
    )


def refusals(measure: str, *values: str) -> set[CheckName]:
    """The checks that refuse the good entry once one measure of it has these values."""
    readings = tuple(Reading(Decimal(value)) for value in values)
    verdict = judged(a_proposal(), replace(a_good_entry(), **{measure: readings}))
    # Both legs or none, and an order exactly where nothing refused.
    assert len(verdict.orders) == (0 if verdict.refusals else 2)
    return {result.check for result in verdict.refusals}


def check_strictly_above(measure: str, check: CheckName, limit: str, above: str) -> None:
    """The limit itself is refused, a hair above it is not."""
    assert refusals(measure, limit) == {check}
    assert refusals(measure, above) == set()
    assert refusals(measure, "0") == {check}


def check_strictly_below(measure: str, check: CheckName, limit: str, below: str) -> None:
    """The limit itself is refused, a hair below it is not; one bad leg is enough."""
    assert refusals(measure, limit) == {check}
    assert refusals(measure, below) == set()
    assert refusals(measure, str(Decimal(limit) * 1000)) == {check}
    assert refusals(measure, below, limit) == {check}


def check_confidence() -> None:
    """Signal confidence > 0.3."""
    check_strictly_above("confidence", CheckName.CONFIDENCE, "0.3", "0.300001")


def check_slippage() -> None:
    """Slippage < 0.30 %."""
    check_strictly_below("slippage_pct", CheckName.SLIPPAGE, "0.30", "0.299999")


def check_size() -> None:
    """Position size < 300,000 won."""
    check_strictly_below("leg_notional_krw", CheckName.POSITION_SIZE, "300000", "299999.99")


def check_daily_loss() -> None:
    """Loss today < 150,000 won."""
    check_strictly_below("loss_today_krw", CheckName.DAILY_LOSS, "150000", "149999.99")


def check_a_good_entry_passes() -> None:
    """The refusals above come from the one figure that was changed."""
    verdict = judged(a_proposal(), a_good_entry())

    assert verdict.refusals == ()
    assert len(verdict.orders) == 2


def check_refusals_carry_numbers() -> None:
    """Whoever asks why gets the value, the limit and every check that refused."""
    measured = replace(
        a_good_entry(),
        confidence=(Reading(Decimal("0.1")),),
        loss_today_krw=(Reading(Decimal(200_000)),),
    )
    found = {r.check: (r.value, r.limit) for r in judged(a_proposal(), measured).refusals}

    assert found == {
        CheckName.CONFIDENCE: (Decimal("0.1"), Decimal("0.3")),
        CheckName.DAILY_LOSS: (Decimal(200_000), Decimal(150_000)),
    }


def check_unknown_is_refused() -> None:
    """What was not measured, or is no number, is as bad as a limit that is reached."""
    for value in (None, Decimal("NaN"), Decimal("Infinity"), Decimal(-1), "0.9", True):
        measured = replace(a_good_entry(), confidence=(Reading(value),))
        refused = {result.check for result in judged(a_proposal(), measured).refusals}
        assert refused == {CheckName.CONFIDENCE}, value


def check_closings_pass() -> None:
    """A loss far over the limit must not trap us in the trade that makes it."""
    account = an_account(loss_today_krw=Decimal(10_000_000), exposure_krw=Decimal(10_000_000))
    closing = a_closing()
    measured = measure_closing(closing, account, some_instruments(), a_market(), NOW_NS)

    assert len(judged(closing, measured).orders) == 2


ITEMS = [
    ("A sound signal passes", check_a_good_entry_passes),
    ("Signal confidence > 0.3", check_confidence),
    ("Slippage < 0.30 %", check_slippage),
    ("Position size < 300,000 ₩", check_size),
    ("Loss today < 150,000 ₩", check_daily_loss),
    ("A refusal names every check with its numbers", check_refusals_carry_numbers),
    ("What is not known is refused", check_unknown_is_refused),
    ("Closings pass whatever the loss", check_closings_pass),
]


@pytest.mark.parametrize("check", [check for _, check in ITEMS], ids=[words for words, _ in ITEMS])
def test_safety(check: object) -> None:
    """Each item of the list holds."""
    assert callable(check)
    check()


if __name__ == "__main__":
    sys.exit(go_through("Safety", ITEMS))
