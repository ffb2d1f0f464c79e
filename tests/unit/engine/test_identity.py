"""Ids never repeat, whatever a power cut took; and whose an order is that a venue shows."""

from decimal import Decimal

import pytest

from tests.support.builders import AT_NS
from tests.support.engine_harness import Desk, order_ids
from tests.support.facts import a_decision, an_order
from trader.domain.client_ids import MAX_CHARS, Whose, read
from trader.domain.control import Mode
from trader.domain.events import ProcessStarted
from trader.domain.facts import (
    EngineStarted,
    EpochAccepted,
    Fact,
    OrderIdsReserved,
    OrdersAdopted,
    OrdersApproved,
)
from trader.domain.order import OrderState, TradeId
from trader.engine.identity import Identity


def started(epoch: str = "k3x9a7q2", name: str = "main") -> EngineStarted:
    """A process began to decide."""
    return EngineStarted(AT_NS, name, Mode.LIVE, "0", None, epoch)


def approved(order_id: str) -> OrdersApproved:
    """The journal saw this order leave."""
    return OrdersApproved(AT_NS, TradeId("T1"), a_decision(), (an_order(order_id),))


def adopted(order_id: str) -> OrdersAdopted:
    """The journal got this order back from its venue."""
    return OrdersAdopted(AT_NS, TradeId("T1"), "", AT_NS, Decimal(1), (), (an_order(order_id),))


def identity(*facts: Fact) -> Identity:
    """What these facts make of it."""
    made = Identity()
    for fact in facts:
        made.apply(fact)
    return made


class TestEpoch:
    def test_the_first_start_names_the_journal(self) -> None:
        """And every later one keeps that name."""
        first = identity().next_epoch("k3x9a7q2")
        second = identity(started(first)).next_epoch("bbbbcccc")

        assert (first, second) == ("k3x9a7q2", "k3x9cccc")

    def test_without_a_draw_it_is_counted(self) -> None:
        """Mock draws nothing, so that a seed fixes every id."""
        made = identity()
        epochs = []
        for _ in range(3):
            epochs.append(made.next_epoch(""))
            made.apply(started(epochs[-1]))

        assert epochs == ["00000001", "00000002", "00000003"]

    def test_a_draw_that_came_before_is_not_used(self) -> None:
        """However unlikely: a copied machine may draw the same."""
        made = identity(started("k3x9a7q2"))

        again = made.next_epoch("k3x9a7q2")

        assert again.startswith("k3x9a7q2")
        assert again != "k3x9a7q2"

    def test_a_journal_from_before_epochs_gets_a_name(self) -> None:
        """Its old starts count."""
        assert identity(started("")).next_epoch("") == "00000002"


class TestNeverAgain:
    @pytest.mark.parametrize("lost", range(1, 6))
    def test_ids_are_new_although_the_newest_commits_are_gone(self, lost: int) -> None:
        """The reservation may be gone with them; the start is not, for it was synced."""
        desk = Desk()
        desk.process(ProcessStarted(desk.at_ns, 0, "0", draw="k3x9a7q2"))
        kept = len(desk.history)
        desk.begin()
        desk.signal()
        for order in desk.take_orders():
            desk.report(order, OrderState.EXPIRED)
        before = order_ids(desk.facts)

        later = Desk(restored=desk.history[: max(kept, len(desk.history) - lost)])
        later.process(ProcessStarted(later.at_ns, 0, "0", draw="k3x9zzzz"))
        later.begin()
        later.signal()
        after = order_ids(later.facts)

        assert before
        assert after
        assert not set(before) & set(after)

    def test_the_start_is_the_first_to_be_true(self) -> None:
        """Nothing that uses its epoch comes before it."""
        desk = Desk()

        outcome = desk.process(ProcessStarted(desk.at_ns, 0, "0", draw="k3x9a7q2"))

        first = outcome.facts[0]
        assert isinstance(first, EngineStarted)
        assert first.epoch == "k3x9a7q2"

    def test_an_id_says_whose_it_is(self) -> None:
        """Engine, epoch, number; never longer than venues take."""
        desk = Desk()
        desk.process(ProcessStarted(desk.at_ns, 0, "0", draw="k3x9a7q2"))
        desk.begin()
        desk.signal()

        for order in desk.sent:
            made = read(order.client_order_id)
            assert made is not None
            assert (made.engine, made.installation) == ("test", "k3x9")
            assert len(order.client_order_id) <= MAX_CHARS


class TestWhose:
    def test_beyond_the_highest_known_it_was_lost(self) -> None:
        """A power cut takes the newest commits and no others."""
        made = identity(started(), approved("tr-main-k3x9a7q2-1005"))

        assert made.whose("tr-main-k3x9a7q2-1004") is Whose.OURS
        assert made.whose("tr-main-k3x9a7q2-1005") is Whose.OURS
        assert made.whose("tr-main-k3x9a7q2-1006") is Whose.LOST

    def test_those_adopted_are_known_one_by_one(self) -> None:
        """A venue that was away shows the first leg after the second was adopted."""
        made = identity(
            started(), approved("tr-main-k3x9a7q2-1005"), adopted("tr-main-k3x9a7q2-1008")
        )

        assert made.whose("tr-main-k3x9a7q2-1007") is Whose.LOST
        assert made.whose("tr-main-k3x9a7q2-1008") is Whose.OURS
        assert made.whose("tr-main-k3x9a7q2-1009") is Whose.LOST

    def test_every_start_of_the_journal_counts(self) -> None:
        """The commit was lost in the last process; this one finds its order."""
        made = identity(started("k3x9aaaa"), started("k3x9bbbb"))

        assert made.whose("tr-main-k3x9aaaa-1") is Whose.LOST

    def test_it_is_ours_also_under_a_name_the_engine_had_before(self) -> None:
        """The epoch tells, not the name: an engine may be renamed."""
        made = identity(started("k3x9aaaa", "old"), started("k3x9bbbb", "new"))

        assert made.whose("tr-old-k3x9aaaa-1") is Whose.LOST

    @pytest.mark.parametrize(
        "stranger",
        [
            "tr-main-zzzz0000-5",  # another journal of this engine
            "tr-desk-zzzz0000-5",  # another engine
            "tr-main-k3x9ffff-5",  # this journal, in a start it does not know: a copy of it
            "tr-desk-5",  # another engine of an older version
        ],
    )
    def test_an_epoch_nobody_here_started_is_foreign(self, stranger: str) -> None:
        """Two engines on one account would spoil each other's books."""
        assert identity(started()).whose(stranger) is Whose.FOREIGN

    def test_ids_of_old_versions_are_ours_as_far_as_they_were_reserved(self) -> None:
        """The journal is from before epochs."""
        made = identity(started(""), OrderIdsReserved(AT_NS, 1_000))

        assert made.whose("tr-main-7") is Whose.OURS
        assert made.whose("tr-main-1001") is Whose.FOREIGN

    def test_anything_else_is_the_operator_s_own(self) -> None:
        """It is counted and left alone."""
        assert identity(started()).whose("9ca023a5-851b") is Whose.OTHERS


class TestAccepted:
    def test_up_to_the_number_that_was_seen(self) -> None:
        """A second engine that goes on is told of again."""
        made = identity(started(), EpochAccepted(AT_NS, "host", "zzzz0000", 17, "desk"))

        assert made.whose("tr-desk-zzzz0000-17") is Whose.ACCEPTED
        assert made.whose("tr-desk-zzzz0000-18") is Whose.FOREIGN

    def test_a_start_of_this_journal_s_own_becomes_ours(self) -> None:
        """The state was restored from a copy: what was sent after it is adopted."""
        made = identity(started(), EpochAccepted(AT_NS, "host", "k3x9ffff", 17, "main"))

        assert made.whose("tr-main-k3x9ffff-5") is Whose.LOST
