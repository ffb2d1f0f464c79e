"""A user writes a strategy, puts it beside the program and names it in the config."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.patient import Patient
from tests.support.engine_process import ROOT, EngineHome, EngineProcess
from trader.strategy.protocol import Strategy

EXAMPLE = Path(__file__).with_name("patient.py")
# The default seed offers nothing in its first minutes, and more than one trade in two hours.
TWO_HOURS = {"seconds_per_cycle": 7_200}


def run_with(directory: Path, class_path: str, options: dict[str, Any]) -> EngineProcess:
    """One cycle of two hours with a strategy from a directory of the user's."""
    own = directory / "own"
    own.mkdir()
    shutil.copy(EXAMPLE, own / "my_patience.py")
    (own / "my_slip.py").write_text("class Slip(\n", encoding="utf-8")
    (own / "my_slip_not.py").write_text(
        "class Hollow:\n    def __init__(self, *given): ...\n", encoding="utf-8"
    )
    strategy = {"class": class_path, "options": options}
    home = EngineHome(directory / "run", {"strategy": strategy, "mock": TWO_HOURS})
    return home.run("--mock", "--once", environ={"PYTHONPATH": f"{ROOT}:{own}"})


def promised_pct(run: EngineProcess) -> list[Decimal]:
    """What each opening was expected to earn."""
    return [
        Decimal(fact["decision"]["evidence"]["expected_net_pct"])
        for fact in run.home.facts("OrdersApproved")
        if fact["decision"]["purpose"] == "open"
    ]


def test_it_is_a_strategy() -> None:
    """What the type checker is asked here, it would tell the user, too."""
    implemented: type[Strategy] = Patient

    assert implemented.__name__ == "Patient"


class TestItTrades:
    def test_by_its_own_threshold(self, tmp_path: Path) -> None:
        """Every opening promises what the user asked for, where the usual ones promise less."""
        run = run_with(tmp_path, "my_patience.Patient", {"least_profit_pct": 0.06})

        assert run.code == 0, run.err
        assert promised_pct(run)
        assert min(promised_pct(run)) > Decimal("0.06")

    def test_where_the_usual_one_is_less_patient(self, tmp_path: Path) -> None:
        """The rule above can fail: the same market has openings under that threshold."""
        home = EngineHome(tmp_path, {"mock": TWO_HOURS})

        run = home.run("--mock", "--once")

        assert min(promised_pct(run)) < Decimal("0.06")

    def test_not_at_all_when_it_asks_too_much(self, tmp_path: Path) -> None:
        """No signal, no trade, and no fault."""
        run = run_with(tmp_path, "my_patience.Patient", {"least_profit_pct": 40})

        assert run.code == 0, run.err
        assert "trades=0" in run.told("[METRICS]")[0]
        assert "signals=0" in run.told("[METRICS]")[0]


@pytest.mark.parametrize(
    ("class_path", "options", "expected"),
    [
        ("my_patience.Impatient", {}, ("has no attribute 'Impatient'", "allowed: a dotted path")),
        ("nowhere.Patient", {}, ("No module named 'nowhere'", "allowed: a dotted path")),
        ("my_patience.Patient", {}, ("refused its parameters", "least_profit_pct")),
        (
            "my_patience.Patient",
            {"least_profit_pct": 0.01},
            ("refused its parameters", "least_profit_pct is 0.01; allowed: from min_profit_pct"),
        ),
        (
            "my_patience.Patient",
            {"least_profit_pct": "much"},
            ("refused its parameters",),
        ),
        (
            "my_slip.Slip",
            {},
            ("was never closed",),
        ),
        (
            "my_slip_not.Hollow",
            {},
            ("has no directions",),
        ),
        ("my_patience.EXAMPLE", {}, ("has no attribute",)),
        ("my_patience.Decimal", {}, ("refused its parameters",)),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, class_path: str, options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Exit 2, the file, the key, the value and what is the matter; no traceback."""
    run = run_with(tmp_path, class_path, options)

    assert run.code == 2
    (line,) = run.err
    assert line.startswith(f"{run.home.config_path}: strategy.class is {class_path}: ")
    assert all(words in line for words in expected), line
    assert run.told("[METRICS]") == []
