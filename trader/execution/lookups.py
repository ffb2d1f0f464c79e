"""Single things looked up in the journal's tables, and its equity as a curve. Blocks: use a thread.

Beside ``history``, which lists, and ``digest``, which sums up.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from trader.domain.errors import JournalError
from trader.domain.facts import Fact
from trader.domain.instrument import InstrumentId
from trader.domain.order import ClientOrderId, DecisionId, LedgerName, Side, TradeId
from trader.execution.history import History, TradeRecord
from trader.execution.tables import fact_from

# An index knows these kinds and no others, and is used only where these very words stand.
_KINDS = """kind IN (
        'AuthorityChanged', 'ClosingOrdered', 'DayRolled', 'EntriesPaused', 'EntriesResumed')"""
_ACCEPTED = "kind IN ('BalanceSettled', 'EpochAccepted', 'OrderAccepted')"
_NEWEST = """
    SELECT seq, at_ns, body FROM facts WHERE {kinds} AND kind = ?
    ORDER BY at_ns DESC, seq DESC LIMIT ?
"""
_TRADE = """
    SELECT trade_id, ledger, pair, direction, state, opened_ns, closed_ns, entry_notional_krw,
           spread_pct, reason, pnl_krw, fees_krw
    FROM trades WHERE trade_id = ?
"""
_DECISION_OF_TRADE = """
    SELECT decision_id FROM intents WHERE trade_id = ? ORDER BY at_ns, rowid LIMIT 1
"""
_TRADE_OF_DECISION = "SELECT trade_id FROM intents WHERE decision_id = ? LIMIT 1"
_SENT = "SELECT client_order_id, at_ns FROM intents WHERE client_order_id IN ({marks})"
_FILLS = """
    SELECT instrument, side, price, quantity FROM fills
    WHERE ledger = ? AND trade_id = ? ORDER BY rowid
"""
# A stretch keeps its lowest and its highest, so that no fall is smoothed away. Of the columns
# beside a single min or max, SQLite takes the row that holds it.
_CURVE = """
    SELECT at_ns, value FROM (
        SELECT at_ns, MIN(CAST(equity_krw AS REAL)) AS value FROM equity_samples
        WHERE ledger = :ledger AND at_ns >= :since_ns GROUP BY at_ns / :stretch_ns
        UNION
        SELECT at_ns, MAX(CAST(equity_krw AS REAL)) AS value FROM equity_samples
        WHERE ledger = :ledger AND at_ns >= :since_ns GROUP BY at_ns / :stretch_ns
    ) ORDER BY at_ns
"""
_FIRST_SAMPLE = "SELECT MIN(at_ns) FROM equity_samples WHERE ledger = ?"
_FACTS = "SELECT MAX(seq) FROM facts"


class PricedFill(Struct, frozen=True):
    """One fill in its instrument's own currency."""

    instrument: InstrumentId
    side: Side
    price: Decimal
    quantity: Decimal


def newest_facts(history: History, kinds: Collection[type[Fact]], limit: int) -> tuple[Fact, ...]:
    """The newest ``limit`` facts of ``kinds``, newest first; only the kinds the indexes have.

    Raises:
        JournalError: the journal cannot be read.
    """
    found = []
    for kind in kinds:
        name = kind.__name__
        newest = _NEWEST.format(kinds=_ACCEPTED if f"'{name}'" in _ACCEPTED else _KINDS)
        found += [tuple(row) for row in history.rows(newest, (name, limit))]
    found.sort(key=lambda row: (row[1], row[0]), reverse=True)
    try:
        return tuple(fact_from(str(body)) for _, _, body in found[:limit])
    except msgspec.DecodeError as error:
        raise JournalError(f"a fact in the journal cannot be read: {error}") from error


def trade_of(history: History, trade_id: TradeId) -> TradeRecord | None:
    """A trade that opened or ended, or None."""
    rows = history.rows(_TRADE, (trade_id,))
    return msgspec.convert(dict(rows[0]), TradeRecord) if rows else None


def decision_that_opened(history: History, trade_id: TradeId) -> DecisionId | None:
    """The decision whose orders began a trade, or None; that of an adopted trade was lost."""
    rows = history.rows(_DECISION_OF_TRADE, (trade_id,))
    return DecisionId(str(rows[0][0])) if rows and rows[0][0] else None


def trade_decided(history: History, decision_id: DecisionId) -> TradeId | None:
    """The trade whose orders a decision sent, or None where it sent none."""
    rows = history.rows(_TRADE_OF_DECISION, (decision_id,))
    return TradeId(str(rows[0][0])) if rows else None


def approved_ns(history: History, orders: Sequence[ClientOrderId]) -> dict[ClientOrderId, int]:
    """When each of these orders was approved (UTC); one the journal does not know is left out."""
    marks = ", ".join("?" * len(orders))
    rows = history.rows(_SENT.format(marks=marks), orders)
    return {ClientOrderId(str(order_id)): int(at_ns) for order_id, at_ns in rows}


def fills_of(history: History, ledger: LedgerName, trade_id: TradeId) -> tuple[PricedFill, ...]:
    """A trade's fills in the order they were booked."""
    rows = history.rows(_FILLS, (ledger.value, trade_id))
    return tuple(
        PricedFill(InstrumentId(row[0]), Side(row[1]), Decimal(row[2]), Decimal(row[3]))
        for row in rows
    )


def equity_curve(
    history: History, ledger: LedgerName, since_ns: int, stretch_ns: int
) -> list[tuple[int, float]]:
    """(time, won) of the lowest and the highest sample of every stretch, oldest first."""
    bounds = {"ledger": ledger.value, "since_ns": since_ns, "stretch_ns": stretch_ns}
    return [(int(at_ns), float(value)) for at_ns, value in history.rows(_CURVE, bounds)]


def first_sample_ns(history: History, ledger: LedgerName) -> int | None:
    """When a ledger's equity was first written down (UTC), or None."""
    ((first,),) = history.rows(_FIRST_SAMPLE, (ledger.value,))
    return None if first is None else int(first)


def fact_count(history: History) -> int:
    """How many facts the journal holds."""
    ((count,),) = history.rows(_FACTS, ())
    return int(count or 0)
