"""Single things are found along an index, however long the journal is."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.facts import AT_NS, a_booking, a_closing, a_sample, an_approval, an_opening
from trader.domain.authority import Authority
from trader.domain.errors import JournalError
from trader.domain.facts import (
    AuthorityChanged,
    BalanceSettled,
    DayRolled,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    Fact,
    OrderAccepted,
    OrderIdsReserved,
)
from trader.domain.instrument import UPBIT, Asset
from trader.domain.order import ClientOrderId, DecisionId, LedgerName, TradeId
from trader.execution.history import History, TradeState
from trader.execution.journal import Journal
from trader.execution.lookups import (
    approved_ns,
    decision_that_opened,
    equity_curve,
    fact_count,
    fills_of,
    first_sample_ns,
    newest_facts,
    trade_decided,
    trade_of,
)

PAPER, LIVE = LedgerName.PAPER, LedgerName.LIVE


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal.open(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def history(journal: Journal) -> Iterator[History]:
    """A reader beside it."""
    history = History(journal.path)
    yield history
    history.close()


def write(journal: Journal, *facts: Fact) -> None:
    """Commit facts one by one."""
    for fact in facts:
        with journal.transaction() as tx:
            journal.append(tx, [fact])


class TestNewestFacts:
    def test_are_of_these_kinds_by_time(self, journal: Journal, history: History) -> None:
        """Newest first; of one instant the later written comes first."""
        facts = (
            EntriesPaused(AT_NS, "a"),
            OrderIdsReserved(AT_NS + 1, 5),
            EntriesResumed(AT_NS + 2, "b"),
            AuthorityChanged(AT_NS + 2, Authority()),
            EntriesPaused(AT_NS + 3, "c"),
        )
        write(journal, *facts)
        kinds = (EntriesPaused, EntriesResumed, AuthorityChanged)

        assert newest_facts(history, kinds, 10) == (facts[4], facts[3], facts[2], facts[0])
        assert newest_facts(history, kinds, 2) == (facts[4], facts[3])
        assert newest_facts(history, (DayRolled,), 5) == ()

    def test_what_was_accepted_is_found_by_an_index_too(
        self, journal: Journal, history: History
    ) -> None:
        """Beside the other acts, in their order; and no table is walked through for it."""
        facts: tuple[Fact, ...] = (
            BalanceSettled(1, UPBIT, Asset("BTC"), "host"),
            EntriesPaused(2, "kim"),
            EpochAccepted(3, "host", "zzzz0000", 5, "desk"),
            OrderAccepted(4, "host", ClientOrderId("tr-main-k3x9a7q2-5")),
        )
        write(journal, *facts)
        kinds = (BalanceSettled, EntriesPaused, EpochAccepted, OrderAccepted)

        assert newest_facts(history, kinds, 10) == tuple(reversed(facts))
        plan = "EXPLAIN QUERY PLAN SELECT 1 FROM facts WHERE kind IN"
        (row,) = history.rows(
            f"{plan} ('BalanceSettled', 'EpochAccepted', 'OrderAccepted') AND kind = ?",
            ("OrderAccepted",),
        )
        assert "facts_accepted" in row[3]

    def test_one_that_cannot_be_read_is_a_fault(self, journal: Journal, history: History) -> None:
        """Never passed over."""
        with journal.transaction() as tx:
            tx.execute("INSERT INTO facts (at_ns, kind, body) VALUES (1, 'DayRolled', '{}')")

        with pytest.raises(JournalError, match="cannot be read"):
            newest_facts(history, (DayRolled,), 1)


def test_trade_and_decision_name_each_other(journal: Journal, history: History) -> None:
    """By the orders that were approved."""
    approval = an_approval(1)
    trade, decision = approval.trade_id, approval.decision.id
    order = approval.orders[0].client_order_id
    write(journal, approval)

    assert trade_decided(history, decision) == trade
    assert decision_that_opened(history, trade) == decision
    assert approved_ns(history, [order, ClientOrderId("none")]) == {order: approval.at_ns}
    assert trade_decided(history, DecisionId("none")) is None
    assert decision_that_opened(history, TradeId("none")) is None
    assert approved_ns(history, []) == {}


def test_a_trade_is_found_by_its_id(journal: Journal, history: History) -> None:
    """Open, then closed."""
    opening = an_opening()
    write(journal, opening)
    found = trade_of(history, opening.trade_id)
    assert found is not None
    assert found.state is TradeState.OPEN

    write(journal, a_closing(trade=opening.trade_id))
    found = trade_of(history, opening.trade_id)
    assert found is not None
    assert found.state is TradeState.CLOSED
    assert trade_of(history, TradeId("none")) is None


def test_fills_come_in_the_order_they_were_booked(journal: Journal, history: History) -> None:
    """Of this trade in this ledger."""
    bookings = [a_booking(f"k-{number}", trade="t-1") for number in range(3)]
    write(journal, *bookings, a_booking("other", trade="t-2"))

    found = fills_of(history, bookings[0].ledger, TradeId("t-1"))

    assert [(one.price, one.quantity, one.side) for one in found] == [
        (one.fill.price, one.fill.quantity, one.fill.side) for one in bookings
    ]


def test_a_curve_keeps_what_a_stretch_came_to_at_worst_and_best(
    journal: Journal, history: History
) -> None:
    """Two points each, in order; one where both are the same."""
    values = (5, -900, 7, 40, 3, 3)
    samples = [
        replace(a_sample(AT_NS + number), equity_krw=Decimal(value))
        for number, value in enumerate(values)
    ]
    write(journal, *samples)
    ledger = samples[0].ledger
    base = AT_NS - AT_NS % 4

    curve = equity_curve(history, ledger, base, 4)

    assert [value for _, value in curve] == [-900.0, 40.0, 3.0]
    assert curve[0][0] == AT_NS + 1
    assert first_sample_ns(history, ledger) == AT_NS
    other = LIVE if ledger is PAPER else PAPER
    assert equity_curve(history, other, base, 4) == []
    assert first_sample_ns(history, other) is None


def test_facts_are_counted(journal: Journal, history: History) -> None:
    """From none on."""
    assert fact_count(history) == 0
    write(journal, EntriesPaused(AT_NS, "a"), EntriesResumed(AT_NS, "a"))
    assert fact_count(history) == 2


@pytest.mark.parametrize(
    "lookup",
    [
        lambda history: newest_facts(history, (DayRolled, AuthorityChanged), 5),
        lambda history: trade_decided(history, DecisionId("D1")),
        lambda history: decision_that_opened(history, TradeId("T1")),
        lambda history: approved_ns(history, [ClientOrderId("a"), ClientOrderId("b")]),
        lambda history: trade_of(history, TradeId("T1")),
        lambda history: fills_of(history, PAPER, TradeId("T1")),
        lambda history: equity_curve(history, PAPER, AT_NS, 7),
        lambda history: first_sample_ns(history, PAPER),
        lambda history: fact_count(history),
    ],
)
def test_no_lookup_reads_a_table_from_end_to_end(
    history: History, monkeypatch: pytest.MonkeyPatch, lookup: Callable[[History], object]
) -> None:
    """SQLite's own plan names the index."""
    ask = history.rows
    plans: list[str] = []

    def explained(sql: str, parameters: Any) -> Any:
        plans.extend(str(row[3]) for row in ask(f"EXPLAIN QUERY PLAN {sql}", parameters))
        return ask(sql, parameters)

    monkeypatch.setattr(history, "rows", explained)
    lookup(history)

    assert plans
    tables = ("facts", "intents", "trades", "fills", "equity_samples")
    assert not [plan for plan in plans if plan in [f"SCAN {table}" for table in tables]]
