"""Budgets are counted per window, and whoever goes on asking is blocked for longer each time."""

from trader.sim.korean_limits import Budgets, RateGroup

SECOND_NS = 1_000_000_000
START_NS = 7_000 * SECOND_NS
GROUPS = {"default": RateGroup(3), "order": RateGroup(1), "slow": RateGroup(1, window_s=2)}


def refusals_until_blocked(budgets: Budgets, now_ns: int) -> int:
    """How many were refused before the block, which the last one starts."""
    refused = 0
    while True:
        spent = budgets.spend("order", "me", now_ns)
        if spent.blocked_s:
            return refused
        refused += not spent.allowed


class TestWindows:
    """Each group and caller has its own budget in each window."""

    def test_counts_down_and_starts_anew(self) -> None:
        """The next second brings the whole budget back."""
        budgets = Budgets(GROUPS)
        left = [budgets.spend("default", "me", START_NS + n).remaining for n in range(3)]
        over = budgets.spend("default", "me", START_NS + 4)
        later = budgets.spend("default", "me", START_NS + SECOND_NS)

        assert left == [2, 1, 0]
        assert (over.allowed, over.blocked_s) == (False, 0)
        assert (later.allowed, later.remaining) == (True, 2)

    def test_groups_and_callers_are_apart(self) -> None:
        """What one spends is not another's."""
        budgets = Budgets(GROUPS)

        assert budgets.spend("order", "me", START_NS).allowed
        assert budgets.spend("default", "me", START_NS).allowed
        assert budgets.spend("order", "you", START_NS).allowed
        assert not budgets.spend("order", "me", START_NS).allowed

    def test_a_window_may_be_longer(self) -> None:
        """One in two seconds."""
        budgets = Budgets(GROUPS)

        allowed = [budgets.spend("slow", "me", START_NS + n * SECOND_NS).allowed for n in range(3)]

        assert allowed == [True, False, True]


class TestBlocks:
    """Going on asking earns a block over every group."""

    def test_covers_everything_and_ends(self) -> None:
        """For the time it was told."""
        budgets = Budgets(GROUPS)
        refusals_until_blocked(budgets, START_NS)
        during = budgets.spend("default", "me", START_NS + SECOND_NS)
        after = budgets.spend("default", "me", START_NS + 5 * SECOND_NS)

        assert (during.allowed, during.blocked_s) == (False, 4)
        assert after.allowed

    def test_grows(self) -> None:
        """The second block is twice as long."""
        budgets = Budgets(GROUPS)
        refusals_until_blocked(budgets, START_NS)
        later_ns = START_NS + 6 * SECOND_NS
        refusals_until_blocked(budgets, later_ns)

        assert budgets.spend("default", "me", later_ns).blocked_s == 10

    def test_is_forgiven(self) -> None:
        """After a minute of good conduct."""
        budgets = Budgets(GROUPS)
        refusals_until_blocked(budgets, START_NS)
        later_ns = START_NS + 100 * SECOND_NS
        refusals_until_blocked(budgets, later_ns)

        assert budgets.spend("default", "me", later_ns).blocked_s == 5
