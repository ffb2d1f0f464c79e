"""What is logged of facts: everything a person would look for, and no failure over any."""

from structlog.testing import capture_logs

from tests.support.example_facts import AT_NS, THEIR_ENDS, TOLD_FACTS, a_revocation
from trader.app.listeners import log_facts
from trader.domain.events import ProcessStopping
from trader.domain.facts import Fact, OrdersAtHalt
from trader.engine.engine import Outcome


def logged(*facts: Fact) -> list[tuple[object, object]]:
    """Level and event of each line."""
    with capture_logs() as lines:
        log_facts(ProcessStopping(AT_NS, 1, "done"), Outcome(tuple(facts)))
    return [(line["log_level"], line["event"]) for line in lines]


def test_every_fact_can_be_logged() -> None:
    """A line that fails would stop the process."""
    assert logged(*TOLD_FACTS)


def test_each_order_to_be_placed_by_hand_has_a_line() -> None:
    """The log must do where no message came through."""
    assert logged(a_revocation()) == [("error", "close by hand")] * 3


def test_each_order_of_a_halt_has_a_line_and_its_end_another() -> None:
    """By its client order id both are found again."""
    flight = OrdersAtHalt(AT_NS, 5, tuple(end.order for end in THEIR_ENDS.ends))
    count = len(THEIR_ENDS.ends)

    assert logged(flight) == [("warning", "in flight at the halt")] * count
    assert logged(THEIR_ENDS) == [("warning", "ended after the halt")] * count
