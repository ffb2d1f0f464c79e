"""Fault: ``kill -9`` of an engine that trades, again and again, judged by the venues' own ledger.

The simulator runs in a process of its own and is the referee. A life of the engine ends before or
after a commit, a sync, the write of either leg, an answer, a report, an alert's or a command's
note, amid its recovery, or at any other moment, at times with the power; half of the rounds also
have requests, answers and frames that go astray. What the next life makes of it is compared with
the referee.

``ORDER_KILLS`` says how often; ``deploy/bench kills N`` kills N times and prints the figures.
"""

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.fault.order_kills import Tally, kill
from tests.support.crash_points import COMMAND_POINTS, RECOVERY_POINTS, TRADING_POINTS
from tests.support.kill_floor import KillFloor, Plan
from tests.support.kill_plans import POWER
from tests.support.order_referee import Journal, OperatorAct, all_differences

KILLS = int(os.environ.get("ORDER_KILLS", "100"))
SEED = 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """All kills, added up."""
    return kill(tmp_path_factory.mktemp("kills"), KILLS, SEED)


class TestKills:
    def test_were_made(self, tally: Tally) -> None:
        """Every point was died at, trades were open and faults struck, or this proves nothing."""
        assert tally.kills == KILLS
        assert {*RECOVERY_POINTS, *COMMAND_POINTS, *TRADING_POINTS} <= tally.met.keys()
        assert tally.met["late"] <= KILLS // 10
        assert tally.compared >= KILLS // 2
        assert tally.orders >= 2 * KILLS
        assert tally.trades >= KILLS // 4
        assert tally.commands >= KILLS // 10
        assert tally.met[POWER] >= KILLS // 20
        assert tally.quarantined
        assert tally.adopted
        assert len(+tally.faults) >= 6

    def test_cost_nothing(self, tally: Tally) -> None:
        """No intent lost, none sent twice, no fill unbooked or booked twice, no alert lost, no act.

        An order whose request died with the process, at a venue that does not say for good that
        it never came, ends in quarantine: counted, told, and never sent again. What a power cut
        took from the journal is adopted from its venue.
        """
        assert tally.wrong == []


Settled = tuple[Journal, dict[str, Any], list[OperatorAct]]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """A journal, its referee and its commands after a life that traded and was commanded."""
    with KillFloor(tmp_path_factory.mktemp("judge"), SEED) as floor:
        assert floor.live(Plan("random", after_s=1.5, commands=True)).wrong == ()
        assert floor.settle() == []
        return Journal(floor.host.journal), floor.sim.ledger(), floor.hand.acts


class TestTheJudge:
    """What the comparison would miss, these kills would not show."""

    def test_finds_nothing_where_nothing_is(self, settled: Settled) -> None:
        """It does not cry wolf."""
        assert all_differences(*settled) == []

    @pytest.mark.parametrize(
        "tamper",
        [
            lambda ledger: ledger["orders"].append({**ledger["orders"][0], "client_id": "tr-x"}),
            lambda ledger: ledger["orders"].append(ledger["orders"][0]),
            lambda ledger: ledger["orders"].pop(),
            lambda ledger: ledger["orders"][0].update(quantity="0.1"),
            lambda ledger: ledger["orders"][0].update(executed="0.1"),
            lambda ledger: ledger["orders"][0]["trades"].append(ledger["orders"][0]["trades"][0]),
            lambda ledger: ledger["orders"][0]["trades"].pop(),
            lambda ledger: ledger["orders"][0]["trades"][0].update(fee="7"),
            lambda ledger: ledger["requests"].update(place=ledger["requests"]["place"] + 1),
            lambda ledger: ledger["balances"]["main"]["KRW"].update(free="50000000.00000001"),
        ],
        ids=[
            "an order of ours that we do not know",
            "an order twice",
            "an order that never came",
            "other terms",
            "more executed",
            "a fill more",
            "a fill less",
            "another fee",
            "a request more",
            "a balance off by the last digit",
        ],
    )
    def test_finds_what_the_referee_has_otherwise(
        self,
        settled: Settled,
        tamper: Callable[[dict[str, Any]], object],
    ) -> None:
        """One thing changed in the referee's ledger is one thing found."""
        journal, ledger, acts = settled
        other = copy.deepcopy(ledger)
        tamper(other["venues"]["upbit"])

        assert all_differences(journal, other, acts)

    def test_finds_what_is_not_in_the_journal(self, settled: Settled) -> None:
        """A command nobody noted, an alert that is missing, a fact that is gone."""
        journal, ledger, acts = settled
        unheard = OperatorAct("nobody", "Halt", True)
        fewer = copy.copy(journal)
        fewer.alerts = journal.alerts[1:]

        assert all_differences(journal, ledger, [*acts, unheard])
        assert all_differences(fewer, ledger, acts)
