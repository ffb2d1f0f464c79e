"""What a span of time came to, from the journal's tables. Blocks for a while: use a thread."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from sqlite3 import Row
from typing import TypeVar

import msgspec
from msgspec import Struct

from trader.domain.control import CheckName
from trader.domain.errors import JournalError
from trader.domain.facts import (
    BreakerTripped,
    DustMoved,
    Fact,
    FeedRecovered,
    StopLossTriggered,
)
from trader.domain.order import LedgerName, PairName, Purpose, Side, TradeId
from trader.domain.position import Position
from trader.domain.summary import (
    MAX_NOTES,
    MAX_POINTS,
    BreakerNote,
    CommandNote,
    FeedFigures,
    LedgerSpan,
    RefusalFigures,
    TradeResult,
)
from trader.execution.history import MAX_ROWS, History
from trader.execution.tables import fact_from

MAX_SPAN_NS = 40 * 24 * 3_600 * 1_000_000_000
"""A month with room; its equity samples are fewer than an answer may hold."""

_F = TypeVar("_F", bound=Fact)

_DAY_NS = 24 * 3_600 * 1_000_000_000
_ZERO = Decimal(0)
# The index knows no other kinds, and is used only where these very words stand in the question.
_KINDS = """kind IN (
        'BreakerTripped', 'DustMoved', 'EngineStarted', 'FaultRecorded', 'FeedRecovered',
        'FeedWentStale', 'StopLossTriggered')"""
_COUNT = f"SELECT COUNT(*) FROM facts WHERE {_KINDS} AND kind = ? AND at_ns >= ? AND at_ns < ?"
_FACTS = f"""
    SELECT body FROM facts WHERE {_KINDS} AND kind = ? AND at_ns >= ? AND at_ns < ?
    ORDER BY at_ns DESC, seq DESC LIMIT ?
"""
_BEFORE = """
    SELECT at_ns, equity_krw, unrealised_krw, exposure_krw FROM equity_samples
    WHERE ledger = ? AND at_ns < ? ORDER BY at_ns DESC, seq DESC LIMIT 1
"""
_SAMPLES = """
    SELECT at_ns, equity_krw, unrealised_krw, exposure_krw FROM equity_samples
    WHERE ledger = ? AND at_ns >= ? AND at_ns < ? ORDER BY at_ns, seq
"""
_OPENED = """
    SELECT COUNT(*) FROM trades
    WHERE ledger = ? AND opened_ns >= ? AND opened_ns < ? AND state <> 'abandoned'
"""
_CLOSED = """
    SELECT trade_id, pair, direction, reason, pnl_krw FROM trades
    WHERE ledger = ? AND closed_ns >= ? AND closed_ns < ? AND state = 'closed'
    ORDER BY closed_ns, rowid
"""
# With each trade that had a fill in the span come its earlier ones: what a fill realises depends
# on them. The plus leaves the inner question to the index by booking time.
_FILLS = """
    SELECT trade_id, instrument, side, quantity, value_krw, fee_krw, booked_ns FROM fills
    WHERE ledger = :ledger AND booked_ns < :to_ns AND trade_id IN (
        SELECT trade_id FROM fills
        WHERE booked_ns >= :from_ns AND booked_ns < :to_ns AND +ledger = :ledger)
    ORDER BY rowid
"""
_COMMANDS = """
    SELECT at_ns, action, actor, reason FROM operator_actions
    WHERE at_ns >= ? AND at_ns < ? ORDER BY seq DESC LIMIT ?
"""
_COMMAND_COUNT = "SELECT COUNT(*) FROM operator_actions WHERE at_ns >= ? AND at_ns < ?"


class Digest(Struct, frozen=True):
    """What the journal says of a span; see ``trader.domain.summary`` for the meaning of each."""

    paper: LedgerSpan
    live: LedgerSpan
    refusals: tuple[RefusalFigures, ...]
    feeds: FeedFigures
    starts: int
    faults: int
    commands: tuple[CommandNote, ...]
    commands_left_out: int
    breakers: tuple[BreakerNote, ...]
    breakers_left_out: int


def digest(history: History, from_ns: int, to_ns: int) -> Digest:
    """Sum up what happened from ``from_ns`` on and before ``to_ns`` (UTC, at most 40 days).

    Raises:
        ValueError: the span is empty or too long.
        JournalError: the journal cannot be read.
    """
    if not 0 < to_ns - from_ns <= MAX_SPAN_NS:
        raise ValueError(f"a span of {to_ns - from_ns} ns; above 0 and at most {MAX_SPAN_NS}")
    stops = list(_facts(history, StopLossTriggered, from_ns, to_ns))
    commands = history.rows(_COMMANDS, (from_ns, to_ns, MAX_NOTES))
    tripped = list(_facts(history, BreakerTripped, from_ns, to_ns, MAX_NOTES))
    return Digest(
        paper=_ledger(history, LedgerName.PAPER, stops, from_ns, to_ns),
        live=_ledger(history, LedgerName.LIVE, stops, from_ns, to_ns),
        refusals=tuple(
            RefusalFigures(CheckName(total.check), total.count)
            for total in history.refusals_between(from_ns, to_ns)
        ),
        feeds=_feeds(history, from_ns, to_ns),
        starts=_count(history, _COUNT, ("EngineStarted", from_ns, to_ns)),
        faults=_count(history, _COUNT, ("FaultRecorded", from_ns, to_ns)),
        commands=tuple(CommandNote(*row) for row in reversed(commands)),
        commands_left_out=_count(history, _COMMAND_COUNT, (from_ns, to_ns)) - len(commands),
        breakers=tuple(
            BreakerNote(fact.at_ns, fact.ledger, fact.breaker.value, fact.subject)
            for fact in tripped
        ),
        breakers_left_out=_count(history, _COUNT, ("BreakerTripped", from_ns, to_ns))
        - len(tripped),
    )


def _ledger(
    history: History,
    ledger: LedgerName,
    stops: Iterable[StopLossTriggered],
    from_ns: int,
    to_ns: int,
) -> LedgerSpan:
    prices, fees = realised(history, ledger, from_ns, to_ns)
    closed = history.rows(_CLOSED, (ledger, from_ns, to_ns))
    results = [
        TradeResult(TradeId(row["trade_id"]), PairName(row["pair"]), row["direction"], _won(row[4]))
        for row in closed
    ]
    stopped = [_won(row["pnl_krw"]) for row in closed if row["reason"] == Purpose.STOP_LOSS]
    sampled = _sampled(history, ledger, from_ns, to_ns)
    return LedgerSpan(
        prices_krw=prices,
        fees_krw=fees,
        stop_losses=sum(stop.ledger is ledger for stop in stops),
        stop_loss_krw=sum(stopped, _ZERO),
        unrealised_change_krw=sampled.unrealised_change_krw,
        equity_first_krw=sampled.first_krw,
        equity_last_krw=sampled.last_krw,
        opened=_count(history, _OPENED, (ledger, from_ns, to_ns)),
        closed=len(results),
        wins=sum(result.pnl_krw > 0 for result in results),
        best=max(results, key=lambda result: result.pnl_krw, default=None),
        worst=min(results, key=lambda result: result.pnl_krw, default=None),
        drawdown_krw=sampled.drawdown_krw,
        exposure_worst_krw=sampled.exposure_worst_krw,
        equity=sampled.points,
    )


def realised(
    history: History, ledger: LedgerName, from_ns: int, to_ns: int
) -> tuple[Decimal, Decimal]:
    """(price differences realised, fees) in won of the fills booked in a span; exact.

    Raises:
        JournalError: the journal cannot be read, or a day holds more fills than an answer.
    """
    prices = fees = _ZERO
    # By the day, so that no answer has to be cut.
    for start_ns in range(from_ns, to_ns, _DAY_NS):
        end_ns = min(start_ns + _DAY_NS, to_ns)
        bounds = {"ledger": ledger.value, "from_ns": start_ns, "to_ns": end_ns}
        rows = history.rows(_FILLS, bounds)
        if len(rows) >= MAX_ROWS:
            raise JournalError(f"a day of more than {MAX_ROWS} fills cannot be summed up")
        if rows:
            brought, paid = _replayed(rows, _dust(history, ledger, rows, end_ns), start_ns)
            prices, fees = prices + brought, fees + paid
    return prices, fees


def _replayed(
    rows: Sequence[Row], dust: Sequence[DustMoved], from_ns: int
) -> tuple[Decimal, Decimal]:
    positions: defaultdict[tuple[str, str], Position] = defaultdict(Position)
    prices = fees = _ZERO
    waiting = iter(dust)
    moved = next(waiting, None)
    for row in rows:
        # Dust goes once the fills of its instant are booked.
        while moved is not None and moved.at_ns < row["booked_ns"]:
            _take_dust(positions, moved)
            moved = next(waiting, None)
        leg = (row["trade_id"], row["instrument"])
        signed = Side(row["side"]).sign * Decimal(row["quantity"])
        positions[leg], gained = positions[leg].apply(signed, _won(row["value_krw"]))
        if row["booked_ns"] >= from_ns:
            prices += gained
            fees += _won(row["fee_krw"])
    return prices, fees


def _take_dust(positions: dict[tuple[str, str], Position], moved: DustMoved) -> None:
    leg = (str(moved.trade_id), str(moved.instrument))
    if leg in positions:
        held = positions[leg]
        positions[leg] = Position(held.quantity - moved.quantity, held.cost_krw - moved.cost_krw)


def _dust(
    history: History, ledger: LedgerName, rows: Sequence[Row], to_ns: int
) -> Sequence[DustMoved]:
    first_ns = min(row["booked_ns"] for row in rows)
    return [fact for fact in _facts(history, DustMoved, first_ns, to_ns) if fact.ledger is ledger]


class _Sampled(Struct, frozen=True):
    first_krw: Decimal | None = None
    last_krw: Decimal | None = None
    unrealised_change_krw: Decimal | None = None
    drawdown_krw: Decimal = _ZERO
    exposure_worst_krw: Decimal = _ZERO
    points: tuple[tuple[int, float], ...] = ()


def _sampled(history: History, ledger: LedgerName, from_ns: int, to_ns: int) -> _Sampled:
    samples = history.rows(_SAMPLES, (ledger, from_ns, to_ns))
    if not samples:
        return _Sampled()
    # A ledger that has no sample yet begins at nothing.
    before = next(iter(history.rows(_BEFORE, (ledger, from_ns))), None)
    first = _ZERO if before is None else _won(before["equity_krw"])
    unrealised = _ZERO if before is None else _won(before["unrealised_krw"])
    best, drawdown, exposure = first, _ZERO, _ZERO
    points = [] if before is None else [(from_ns, float(first))]
    last = samples[-1]
    for at_ns, equity_krw, _, exposure_krw in samples:
        equity = _won(equity_krw)
        best = max(best, equity)
        drawdown = max(drawdown, best - equity)
        exposure = max(exposure, _won(exposure_krw))
        points.append((at_ns, float(equity)))
    return _Sampled(
        first_krw=first,
        last_krw=_won(last["equity_krw"]),
        unrealised_change_krw=_won(last["unrealised_krw"]) - unrealised,
        drawdown_krw=drawdown,
        exposure_worst_krw=exposure,
        points=thinned(points),
    )


def thinned(
    points: Sequence[tuple[int, float]], at_most: int = MAX_POINTS
) -> tuple[tuple[int, float], ...]:
    """``points`` with fewer in between, at most ``at_most`` (four or more): a stretch keeps its
    lowest and its highest, so that no fall is smoothed away.
    """
    if len(points) <= at_most:
        return tuple(points)
    inner, stretches = points[1:-1], (at_most - 2) // 2
    kept = [points[0]]
    for number in range(stretches):
        start = number * len(inner) // stretches
        stretch = inner[start : (number + 1) * len(inner) // stretches]
        lowest = min(stretch, key=lambda point: point[1])
        highest = max(stretch, key=lambda point: point[1])
        kept += sorted({lowest, highest})
    return (*kept, points[-1])


def _feeds(history: History, from_ns: int, to_ns: int) -> FeedFigures:
    longest = max(
        _facts(history, FeedRecovered, from_ns, to_ns),
        key=lambda fact: fact.silent_ms,
        default=None,
    )
    return FeedFigures(
        stale=_count(history, _COUNT, ("FeedWentStale", from_ns, to_ns)),
        longest_ms=None if longest is None else longest.silent_ms,
        longest_instrument="" if longest is None else longest.instrument,
    )


def _count(history: History, sql: str, parameters: Sequence[object]) -> int:
    ((count,),) = history.rows(sql, parameters)
    return int(count)


def _facts(
    history: History, kind: type[_F], from_ns: int, to_ns: int, most: int = MAX_ROWS
) -> Iterator[_F]:
    """The newest ``most`` facts of a kind, oldest first."""
    for (body,) in reversed(history.rows(_FACTS, (kind.__name__, from_ns, to_ns, most))):
        try:
            fact = fact_from(body)
        except msgspec.DecodeError as error:
            raise JournalError(f"a fact in the journal cannot be read: {error}") from error
        if isinstance(fact, kind):
            yield fact


def _won(text: object) -> Decimal:
    return Decimal(str(text))
