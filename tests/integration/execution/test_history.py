"""Questions about the past, asked of a journal that is being written."""

import asyncio
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.facts import (
    AT_NS,
    DIRECTION,
    PAIR,
    a_booking,
    a_closing,
    a_decision,
    a_refusal,
    a_sample,
    an_abandonment,
    an_approval,
    an_opening,
)
from trader.domain.control import CheckName
from trader.domain.decision import RefusalCount
from trader.domain.errors import JournalError
from trader.domain.facts import ActivityCounted, Fact
from trader.domain.order import DecisionId, LedgerName, Purpose
from trader.execution.database import open_reader
from trader.execution.history import (
    History,
    RealisedPnl,
    RefusalTotal,
    TradeState,
    live_positions,
)
from trader.execution.journal import Journal
from trader.execution.tables import HOUR_NS

LIVE, PAPER = LedgerName.LIVE, LedgerName.PAPER


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "state" / "live.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """The journal, open and in use."""
    with Journal.open(path) as journal:
        yield journal


@pytest.fixture
def history(journal: Journal) -> Iterator[History]:
    """A reader beside it."""
    history = History(journal.path)
    yield history
    history.close()


def commit(journal: Journal, *facts: Fact) -> None:
    """Append facts in one transaction."""
    with journal.transaction() as tx:
        journal.append(tx, facts)


class TestTrades:
    def test_newest_come_first(self, journal: Journal, history: History) -> None:
        """As many as were asked for."""
        for number in range(4):
            commit(journal, an_opening(f"t-{number}", at_ns=AT_NS + number))

        assert [trade.trade_id for trade in history.trades(2)] == ["t-3", "t-2"]

    def test_ledgers_are_told_apart(self, journal: Journal, history: History) -> None:
        """Never one number for both."""
        commit(journal, an_opening("t-1", ledger=LIVE), an_opening("t-2", ledger=PAPER))

        assert [trade.trade_id for trade in history.trades(9, LIVE)] == ["t-1"]
        assert len(history.trades(9)) == 2

    def test_a_closed_trade_says_what_it_brought(self, journal: Journal, history: History) -> None:
        """Every field, to the last digit."""
        commit(journal, an_opening())
        commit(journal, a_closing(pnl_krw="1200.50"))

        (trade,) = history.trades(9)

        assert trade.state is TradeState.CLOSED
        assert trade.reason is Purpose.EXIT
        assert trade.pnl_krw == Decimal("1200.50")
        assert trade.spread_pct == Decimal("0.5")
        assert (trade.opened_ns, trade.closed_ns) == (AT_NS, AT_NS + 10)

    def test_a_trade_that_opens_again_is_open(self, journal: Journal, history: History) -> None:
        """Fills are accepted in every state, so a late one may revive what had ended."""
        commit(journal, an_abandonment(), an_opening())

        (trade,) = history.trades(9)

        assert trade.state is TradeState.OPEN
        assert (trade.closed_ns, trade.pnl_krw) == (None, None)


class TestPnl:
    def test_sums_what_ended_in_the_span(self, journal: Journal, history: History) -> None:
        """From the first instant on, and before the last; exact; abandoned openings cost too."""
        commit(
            journal,
            a_closing("t-1", pnl_krw="0.10", at_ns=AT_NS),
            a_closing("t-2", pnl_krw="-0.30", at_ns=AT_NS + 10),
            an_abandonment("t-3", pnl_krw="-0.05"),
            a_closing("t-4", pnl_krw="999", at_ns=AT_NS + 20),
            a_closing("t-5", pnl_krw="999", ledger=LIVE, at_ns=AT_NS + 10),
        )

        pnl = history.pnl_between(PAPER, AT_NS, AT_NS + 20)

        assert pnl == RealisedPnl(2, 1, Decimal("-0.25"), Decimal("2000"))

    def test_an_empty_span_is_zero(self, history: History) -> None:
        """Nothing is a number too."""
        assert history.pnl_between(LIVE, 0, AT_NS) == RealisedPnl(0, 0, Decimal(0), Decimal(0))


class TestDecisions:
    def test_are_found_by_id(self, journal: Journal, history: History) -> None:
        """In full, approved or refused."""
        commit(journal, an_approval(1), a_refusal("d-9"))

        assert history.decision(DecisionId("d-1")) == a_decision("d-1")
        assert history.decision(DecisionId("d-9")) == a_decision("d-9", approved=False)
        assert history.decision(DecisionId("d-2")) is None

    def test_newest_come_first(self, journal: Journal, history: History) -> None:
        """By the time they were made."""
        commit(journal, a_refusal("d-1", at_ns=AT_NS + 5), a_refusal("d-2", at_ns=AT_NS))

        assert [decision.id for decision in history.last_decisions(5)] == ["d-1", "d-2"]
        assert len(history.last_decisions(1)) == 1


class TestRefusals:
    def test_count_the_first_and_the_repeats(self, journal: Journal, history: History) -> None:
        """The first is a fact of its own, what repeats is counted once a second."""
        repeats = RefusalCount(PAIR, DIRECTION, CheckName.NET_PROFIT, 40)
        others = RefusalCount(PAIR, DIRECTION, CheckName.BOOK_AGE, 2)
        commit(journal, a_refusal("d-1"))
        commit(journal, ActivityCounted(AT_NS + 1, signals=50, refusals=(repeats, others)))

        assert history.refusals_between(AT_NS, AT_NS + HOUR_NS) == (
            RefusalTotal(CheckName.NET_PROFIT, 41),
            RefusalTotal(CheckName.BOOK_AGE, 2),
        )

    def test_hours_outside_do_not_count(self, journal: Journal, history: History) -> None:
        """Whole hours: the one the span begins in counts, the one it ends at does not."""
        hour = AT_NS - AT_NS % HOUR_NS
        commit(
            journal,
            a_refusal("d-1", at_ns=hour - 1),
            a_refusal("d-2", at_ns=hour),
            a_refusal("d-3", at_ns=hour + HOUR_NS),
        )

        (total,) = history.refusals_between(hour + 5, hour + HOUR_NS)

        assert total.count == 1


class TestEquity:
    def test_newest_samples_come_oldest_first(self, journal: Journal, history: History) -> None:
        """As a chart draws them."""
        commit(journal, *[a_sample(AT_NS + number) for number in range(5)])
        commit(journal, a_sample(AT_NS, ledger=LIVE))

        samples = history.equity_samples(PAPER, AT_NS + 1, 3)

        assert samples == tuple(a_sample(AT_NS + number) for number in (2, 3, 4))


class TestReader:
    async def test_answers_from_any_thread(self, journal: Journal, history: History) -> None:
        """Callers ask from worker threads, several at a time."""
        commit(journal, an_opening())

        answers = await asyncio.gather(*[asyncio.to_thread(history.trades, 9) for _ in range(8)])

        assert [len(trades) for trades in answers] == [1] * 8

    def test_cannot_write(self, journal: Journal) -> None:
        """Whatever it is asked."""
        connection = open_reader(journal.path, same_thread=True)

        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM trades")
        connection.close()

    def test_an_absent_journal_is_told(self, tmp_path: Path) -> None:
        """It is never created by asking."""
        with pytest.raises(JournalError, match="unable to open"):
            History(tmp_path / "live.db")

        assert list(tmp_path.iterdir()) == []


class TestLivePositions:
    def test_none_where_there_is_no_journal(self, tmp_path: Path) -> None:
        """A first start has nothing to warn about."""
        assert live_positions(tmp_path / "live.db") == 0

    def test_none_in_a_file_that_was_only_just_made(self, tmp_path: Path) -> None:
        """A process may die between making the file and its tables."""
        (tmp_path / "live.db").touch()

        assert live_positions(tmp_path / "live.db") == 0

    def test_counts_what_stands_live(self, journal: Journal, path: Path) -> None:
        """Not paper trades, not what is closed; and a fill whose trade no fact names yet."""
        commit(
            journal,
            an_opening("t-1", ledger=LIVE),
            a_booking("k-1", trade="t-1", ledger=LIVE),
            an_opening("t-2", ledger=LIVE),
            a_closing("t-2", ledger=LIVE),
            a_booking("k-2", trade="t-2", ledger=LIVE),
            an_opening("t-3", ledger=PAPER),
            a_booking("k-3", trade="t-3", ledger=PAPER),
            a_booking("k-4", trade="t-4", ledger=LIVE),
        )

        assert live_positions(path) == 2

    def test_reads_a_journal_that_is_closed(self, path: Path) -> None:
        """As a mock start does."""
        with Journal.open(path) as journal:
            commit(journal, an_opening(ledger=LIVE))

        assert live_positions(path) == 1

    def test_a_file_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        """Not knowing is not zero."""
        (tmp_path / "live.db").write_bytes(b"nonsense" * 500)

        with pytest.raises(JournalError, match="not a database"):
            live_positions(tmp_path / "live.db")

    def test_leaves_the_file_as_it_was(self, path: Path) -> None:
        """Looking must not change what is looked at."""
        with Journal.open(path) as journal:
            commit(journal, an_opening(ledger=LIVE))
        before = path.read_bytes()

        live_positions(path)

        assert path.read_bytes() == before
