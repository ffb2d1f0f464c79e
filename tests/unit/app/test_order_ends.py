"""How orders ended, counted once each."""

from decimal import Decimal

from tests.support.builders import some_instruments
from tests.support.engine_harness import Desk
from tests.support.facts import AT_NS, an_approval
from trader.app.order_ends import OrderEnds
from trader.domain.events import ProcessStopping
from trader.domain.facts import Fact, OrderMoved
from trader.domain.instrument import Venue
from trader.domain.order import ClientOrderId, LedgerName, OrderState, TradeId
from trader.engine.engine import Outcome
from trader.engine.state import State
from trader.ops.around import OrderEnd

PAPER, LIVE, UPBIT = LedgerName.PAPER, LedgerName.LIVE, Venue("upbit")


def fresh() -> OrderEnds:
    """Counts of an engine that has just begun."""
    return OrderEnds(State(Desk().rules, some_instruments()))


def moved(
    state: OrderState, executed: str = "0", *, name: str = "o-1-a", ledger: LedgerName = PAPER
) -> OrderMoved:
    """One order in another state."""
    order = ClientOrderId(name)
    return OrderMoved(AT_NS, ledger, order, TradeId("t-1"), state, Decimal(executed), "")


def ends_after(*facts: Fact, ends: OrderEnds | None = None) -> dict[tuple[str, str, str], int]:
    """What is counted above zero, by ledger, venue and end."""
    counted = fresh() if ends is None else ends
    counted(ProcessStopping(AT_NS, 1, ""), Outcome(facts))
    return {(at[0], at[1], at[2]): count for at, count in counted.counts.items() if count}


class TestOrderEnds:
    def test_begins_with_a_zero_for_every_ledger_venue_and_end(self) -> None:
        """A rate is blind to a series that begins at one."""
        counts = fresh().counts

        assert counts[PAPER, UPBIT, OrderEnd.FILLED] == 0
        assert len(counts) == len(LedgerName) * 3 * len(OrderEnd)

    def test_counts_an_end_once_however_often_it_is_told(self) -> None:
        """A late fill brings the final state again."""
        found = ends_after(
            an_approval(),
            moved(OrderState.ACKNOWLEDGED),
            moved(OrderState.EXPIRED),
            moved(OrderState.EXPIRED, "0.004"),
            moved(OrderState.FILLED, "0.01", name="o-1-b"),
        )

        assert found == {(PAPER, UPBIT, "expired"): 1, (PAPER, UPBIT, "filled"): 1}

    def test_an_end_with_a_part_executed_is_partial(self) -> None:
        """Whatever the venue calls it."""
        found = ends_after(an_approval(), moved(OrderState.CANCELLED, "0.004"))

        assert found == {(PAPER, UPBIT, "partial"): 1}

    def test_an_unknown_one_is_counted_so_once_and_by_its_end(self) -> None:
        """Asking a venue again and again makes no new orders."""
        found = ends_after(
            an_approval(ledger=LIVE),
            moved(OrderState.UNKNOWN, ledger=LIVE),
            moved(OrderState.QUARANTINED, ledger=LIVE),
            moved(OrderState.UNKNOWN, ledger=LIVE),
            moved(OrderState.FILLED, "0.01", ledger=LIVE),
        )

        assert found == {(LIVE, UPBIT, "unknown"): 1, (LIVE, UPBIT, "filled"): 1}

    def test_a_stranger_is_not_counted(self) -> None:
        """Nobody here sent it."""
        assert ends_after(moved(OrderState.FILLED, "0.01", name="whose")) == {}

    def test_what_was_in_flight_at_the_start_counts_when_it_ends(self) -> None:
        """A restart loses no end."""
        desk = Desk()
        desk.begin()
        desk.signal()
        (first, _) = desk.take_orders()
        ends = OrderEnds(desk.engine.state)
        end = moved(OrderState.REJECTED, name=first.client_order_id)

        found = ends_after(end, ends=ends)

        assert found == {(PAPER, first.intent.instrument.split(":")[0], "rejected"): 1}
