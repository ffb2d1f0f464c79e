"""Questions about the past, over a connection that cannot write. Calls block: use a thread."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from trader.domain.control import CheckName
from trader.domain.decision import Decision
from trader.domain.facts import EquitySampled
from trader.domain.order import DecisionId, LedgerName, PairName, Purpose, TradeId
from trader.execution.database import STORE_ERRORS, explained, open_reader
from trader.execution.tables import HOUR_NS, decision_from

MAX_ROWS = 100_000
"""No answer is longer, whatever is asked for."""

_Record = TypeVar("_Record", bound=Struct)

_TRADES = """
    SELECT trade_id, ledger, pair, direction, state, opened_ns, closed_ns, entry_notional_krw,
           spread_pct, reason, pnl_krw, fees_krw
    FROM trades WHERE ledger = COALESCE(?, ledger) ORDER BY opened_ns DESC, rowid DESC LIMIT ?
"""
_ENDED = """
    SELECT state, pnl_krw, fees_krw FROM trades
    WHERE ledger = ? AND closed_ns >= ? AND closed_ns < ?
"""
_DECISION = "SELECT body FROM decisions WHERE id = ?"
_LAST_DECISIONS = "SELECT body FROM decisions ORDER BY at_ns DESC, rowid DESC LIMIT ?"
_SAMPLES = """
    SELECT at_ns, ledger, equity_krw, realised_krw, unrealised_krw, exposure_krw, open_trades,
           loss_today_krw
    FROM equity_samples WHERE ledger = ? AND at_ns >= ? ORDER BY at_ns DESC, seq DESC LIMIT ?
"""
_REFUSALS = """
    SELECT check_name AS "check", SUM(count) AS count
    FROM refusals WHERE hour_ns >= ? AND hour_ns < ?
    GROUP BY check_name ORDER BY SUM(count) DESC, check_name
"""
# A fill without its trade's end is a position too: the process may have died before the next fact.
_LIVE_POSITIONS = """
    SELECT COUNT(*) FROM (
        SELECT trade_id FROM trades WHERE ledger = 'live' AND state = 'open'
        UNION
        SELECT trade_id FROM fills WHERE ledger = 'live'
            AND trade_id NOT IN (SELECT trade_id FROM trades WHERE state <> 'open')
    )
"""
_HAS_TABLES = "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('trades', 'fills')"


class TradeState(StrEnum):
    """What became of a trade."""

    OPEN = "open"
    CLOSED = "closed"
    ABANDONED = "abandoned"


class TradeRecord(Struct, frozen=True):
    """A trade as the journal knows it; what is not known (yet) is None."""

    trade_id: TradeId
    ledger: LedgerName
    pair: PairName
    direction: str
    state: TradeState
    opened_ns: int
    closed_ns: int | None
    entry_notional_krw: Decimal | None
    spread_pct: Decimal | None
    reason: Purpose | None
    pnl_krw: Decimal | None
    fees_krw: Decimal | None


class RealisedPnl(Struct, frozen=True):
    """What the trades that ended in a span brought. ``trades`` and ``wins`` count closed ones;
    ``pnl_krw`` also holds what abandoned openings cost.
    """

    trades: int
    wins: int
    pnl_krw: Decimal
    fees_krw: Decimal


class RefusalTotal(Struct, frozen=True):
    """How often a check refused."""

    check: CheckName
    count: int


class History:
    """Answers from the journal's tables. May be called from any thread; one question at a time."""

    def __init__(self, path: Path) -> None:
        """Open the journal at ``path``, which must be there.

        Raises:
            JournalError: it cannot be opened.
        """
        self._path = path
        self._lock = threading.Lock()
        self._connection = open_reader(path, same_thread=False)
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def trades(self, limit: int, ledger: LedgerName | None = None) -> tuple[TradeRecord, ...]:
        """The newest ``limit`` trades by opening, newest first, of one ledger or of both."""
        rows = self.rows(_TRADES, (ledger, _bounded(limit)))
        return self._records(TradeRecord, rows)

    def pnl_between(self, ledger: LedgerName, from_ns: int, to_ns: int) -> RealisedPnl:
        """What ended from ``from_ns`` on and before ``to_ns`` (UTC)."""
        closed = wins = 0
        pnl_krw = fees_krw = Decimal(0)
        for state, pnl, fees in self.rows(_ENDED, (ledger, from_ns, to_ns)):
            gained = Decimal(str(pnl))
            pnl_krw += gained
            if state == TradeState.CLOSED:
                closed += 1
                wins += gained > 0
                fees_krw += Decimal(str(fees))
        return RealisedPnl(closed, wins, pnl_krw, fees_krw)

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """One decision in full, or None where it was not written down."""
        return next(iter(self._decisions(_DECISION, (decision_id,))), None)

    def last_decisions(self, limit: int) -> tuple[Decision, ...]:
        """The newest ``limit`` decisions that were written down, newest first."""
        return self._decisions(_LAST_DECISIONS, (_bounded(limit),))

    def equity_samples(
        self, ledger: LedgerName, since_ns: int, limit: int
    ) -> tuple[EquitySampled, ...]:
        """The newest ``limit`` samples from ``since_ns`` (UTC) on, oldest first."""
        rows = self.rows(_SAMPLES, (ledger, since_ns, _bounded(limit)))
        return self._records(EquitySampled, reversed(rows))

    def refusals_between(self, from_ns: int, to_ns: int) -> tuple[RefusalTotal, ...]:
        """How often each check refused, most often first.

        Counted by whole hours: from the one ``from_ns`` falls in, to the one before ``to_ns``.
        """
        first = from_ns - from_ns % HOUR_NS
        rows = self.rows(_REFUSALS, (first, to_ns))
        return self._records(RefusalTotal, rows)

    def _decisions(self, sql: str, parameters: Sequence[object]) -> tuple[Decision, ...]:
        rows = self.rows(sql, parameters)
        try:
            return tuple(decision_from(str(body)) for (body,) in rows)
        except msgspec.DecodeError as error:
            raise explained(self._path, "reading a decision", error) from error

    def rows(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object]
    ) -> list[sqlite3.Row]:
        """What a statement of this package finds, at most ``MAX_ROWS``.

        Raises:
            JournalError: the journal does not answer.
        """
        with self._lock:
            try:
                return self._connection.execute(sql, parameters).fetchmany(MAX_ROWS)
            except STORE_ERRORS as error:
                raise explained(self._path, "answering", error) from error

    def _records(self, kind: type[_Record], rows: Iterable[sqlite3.Row]) -> tuple[_Record, ...]:
        try:
            return tuple(msgspec.convert(dict(row), kind) for row in rows)
        except msgspec.ValidationError as error:
            raise explained(self._path, "answering", error) from error


def live_positions(path: Path) -> int:
    """How many live trades the journal at ``path`` holds open; zero where there is no journal.

    Raises:
        JournalError: the file is there and cannot be read.
    """
    if not path.exists():
        return 0
    connection = open_reader(path, same_thread=True)
    try:
        (tables,) = connection.execute(_HAS_TABLES).fetchone()
        if tables < 2:
            return 0
        (count,) = connection.execute(_LIVE_POSITIONS).fetchone()
        return int(count)
    except sqlite3.Error as error:
        raise explained(path, "counting live positions", error) from error
    finally:
        connection.close()


def _bounded(limit: int) -> int:
    return max(0, min(limit, MAX_ROWS))
