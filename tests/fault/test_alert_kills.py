"""Fault: ``kill -9`` in an alert storm, again and again, while the Bot API fails at random.

A life of the process is ended while it opens its files, just after a commit, between Telegram's
acceptance of a message and the answer, or at any other moment. A message that was accepted and
whose answer never came back cannot be told from one that was not: Telegram has no key by which a
second sending could be recognised as the first. So the only choice is between a duplicate and a
loss, and each kill, and each accepted request without an answer, may cost one duplicate.

``ALERT_KILLS`` says how often; ``python -m tests.fault.alert_kills`` kills 500 times and prints the
figures.
"""

import os

import pytest

from tests.fault.alert_kills import MOMENTS, Tally, storm

KILLS = int(os.environ.get("ALERT_KILLS", "25"))
SEED = 1


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """One storm, added up."""
    return storm(tmp_path_factory.mktemp("storm"), KILLS, SEED)


pytestmark = pytest.mark.slow


class TestAStormWithKills:
    def test_was_one(self, tally: Tally) -> None:
        """Every kind of moment and several kinds of failure were met, or this proves nothing."""
        assert tally.kills == KILLS
        assert tally.kills_by_moment.keys() == set(MOMENTS)
        assert tally.kills_at_acceptance >= KILLS // 10
        assert len(tally.faults) >= 5
        assert min(tally.committed.values()) >= KILLS
        assert tally.edits >= KILLS // 5

    def test_keeps_what_was_committed(self, tally: Tally) -> None:
        """What a commit confirmed is in the tables, and every alert in them was told.

        Criticals, and warnings by themselves, by name; warnings that storm by the counters of their
        messages, whose last one shows the newest; infos by name, or by number in a digest.
        """
        assert tally.lost == ()
        assert tally.unexplained == ()

    def test_tells_little_twice(self, tally: Tally) -> None:
        """A duplicate for each kill and each accepted request without an answer, at most."""
        assert tally.duplicates <= tally.allowed_duplicates

    def test_keeps_the_order(self, tally: Tally) -> None:
        """Criticals among themselves, and warnings, are told in the order of their commits."""
        assert tally.disordered == ()

    def test_says_what_is_over(self, tally: Tally) -> None:
        """The last message of a cleared condition says that it ended, whoever died in between."""
        assert tally.not_over == ()

    def test_raises_nothing(self, tally: Tally) -> None:
        """No fault makes the sender stumble, and no file is found damaged."""
        assert tally.complaints == ()
