"""The journal is the account: events replayed give the same facts, facts the same account."""

from random import Random

import pytest

from tests.support.engine_harness import Rehearsal, an_engine
from trader.domain.events import Event, ProcessStarted
from trader.domain.facts import Fact
from trader.domain.order import LedgerName, OrderState
from trader.engine.engine import Engine
from trader.portfolio.ledger import Ledger

CYCLES = 10
SEEDS = (1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def run(request: pytest.FixtureRequest) -> Rehearsal:
    """A simulated run with trades in it."""
    rehearsal = Rehearsal(request.param)
    rehearsal.run(CYCLES)
    assert rehearsal.counts["FillBooked"] >= 4
    return rehearsal


def test_the_same_events_give_the_same_facts_and_orders(run: Rehearsal) -> None:
    """No clock, no chance, no hidden input: the engine is a function of its events."""
    engine = an_engine()

    facts = [fact for event in run.events for fact in engine.process(event).facts]

    assert facts == run.facts


def test_the_facts_give_the_same_account(run: Rehearsal) -> None:
    """What a start reads from the journal is what the process that died knew."""
    engine = an_engine()

    engine.restore(run.facts)

    for name in LedgerName:
        assert _account(engine.state.ledgers[name]) == _account(run.engine.state.ledgers[name])
    assert engine.state.breakers == run.engine.state.breakers
    assert engine.state.rests == run.engine.state.rests
    assert set(engine.state.empty) == set(run.engine.state.empty)


def test_a_process_may_die_after_any_commit(run: Rehearsal) -> None:
    """At random cuts: the next process knows the same account, and only ends orders in flight."""
    commits = _commits(run.events)
    cuts = Random(5).sample(range(1, len(commits)), 12)
    cuts += _in_flight_cuts(commits)[:6]

    for cut in cuts:
        facts = [fact for new, _ in commits[:cut] for fact in new]
        known = commits[cut - 1][1]
        engine = an_engine()
        engine.restore(facts)
        assert _account(engine.state.ledgers[LedgerName.PAPER]) == known

        outcome = engine.process(ProcessStarted(engine.state.now_ns, 0, "next"))

        paper = engine.state.ledgers[LedgerName.PAPER]
        assert outcome.orders == ()
        assert paper.in_flight == {}
        assert paper.balances == known[0]
        assert all(order.state is not OrderState.PLANNED for order in paper.orders.values())


def test_cuts_include_orders_in_flight(run: Rehearsal) -> None:
    """The cut that matters lies between an order and its answer; the test above must see it."""
    assert _in_flight_cuts(_commits(run.events))


_Account = tuple[object, ...]
_Commit = tuple[tuple[Fact, ...], _Account]


def _commits(events: list[Event]) -> list[_Commit]:
    """Every commit of a run, and the account right after it."""
    engine: Engine = an_engine()
    commits = []
    for event in events:
        facts = engine.process(event).facts
        if facts:
            commits.append((facts, _account(engine.state.ledgers[LedgerName.PAPER])))
    return commits


def _in_flight_cuts(commits: list[_Commit]) -> list[int]:
    return [number for number, (_, account) in enumerate(commits, 1) if account[-1]]


def _account(ledger: Ledger) -> _Account:
    return (
        dict(ledger.balances),
        dict(ledger.trades),
        dict(ledger.orders),
        ledger.realised_krw,
        ledger.fees_krw,
        ledger.date,
        ledger.day_open_krw,
        (ledger.trades_opened, ledger.trades_closed, ledger.trades_today, ledger.last_trade_ns),
        {trade: frozenset(orders) for trade, orders in ledger.in_flight.items()},
    )
