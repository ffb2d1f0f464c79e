"""Fault: the power is cut under a trading engine, at any moment of any write.

What a process wrote and was told to be on disk is recorded while it trades, on quick disks and on
slow ones. A cut leaves what was synced and anything of the rest: nothing, all up to any byte, zeros
after it, or sectors by chance; and a database in the middle of a checkpoint.

``POWER_CUTS`` says how often; ``python -m tests.fault.power_cuts`` cuts 10,000 times and prints the
figures.
"""

import os

import pytest

from tests.fault.power_cuts import Tally, cut_power, record
from tests.support.torn_files import Tear

CUTS = int(os.environ.get("POWER_CUTS", "300"))
SEED = 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """All cuts, added up."""
    return cut_power(record(tmp_path_factory.mktemp("cuts"), SEED), CUTS, SEED)


class TestPowerCuts:
    def test_were_made(self, tally: Tally) -> None:
        """They met commits that were not synced, and checkpoints, or this proves nothing."""
        assert tally.cuts == CUTS
        assert tally.tears.keys() == set(Tear)
        assert tally.lost >= CUTS // 4
        assert tally.most_lost >= 10
        assert tally.in_checkpoint >= CUTS // 20
        assert tally.checkpoints >= 6
        assert tally.orders >= 5 * CUTS

    def test_cost_only_what_was_not_synced(self, tally: Tally) -> None:
        """The journal opens, is sound, replays, and holds all that was synced, in order.

        Its authority and its alerts are those of its facts. Nobody was answered before it was on
        disk, and no id of an order that left is ever given again.
        """
        assert tally.wrong == []
