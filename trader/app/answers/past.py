"""Decisions, trades, days, curves and acts, from the journal. Blocks: use a thread."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from trader.domain.answers import (
    ChartLine,
    PnlLine,
    TradeLine,
)
from trader.domain.authority import HALT_LIFTED, Authority, Level
from trader.domain.decision import Decision
from trader.domain.facts import (
    AuthorityChanged,
    BalanceSettled,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    Fact,
    OrderAccepted,
)
from trader.domain.host_answers import (
    ActLine,
)
from trader.domain.order import DecisionId, LedgerName, TradeId
from trader.execution.history import History, TradeRecord
from trader.execution.lookups import (
    decision_that_opened,
    equity_curve,
    first_sample_ns,
    newest_facts,
    trade_decided,
    trade_of,
)

_NS = 1_000_000_000
_RECENT = 10
_STRETCHES = 240
_ACTS = (
    AuthorityChanged,
    BalanceSettled,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    OrderAccepted,
)


class Day(Struct, frozen=True):
    """A day of a zone: from ``from_ns`` on and before ``to_ns``, UTC."""

    date: date
    from_ns: int
    to_ns: int


class Told(Struct, frozen=True):
    """A decision and what the journal knows became of it."""

    decision: Decision | None
    trade_id: TradeId | None
    record: TradeRecord | None
    recent: tuple[tuple[DecisionId, str], ...]


class Curve(Struct, frozen=True):
    """A ledger's equity, and when it was first written down (UTC; None: never)."""

    ledger: LedgerName
    points: tuple[tuple[int, float], ...]
    first_ns: int | None


def told(history: History, asked: str) -> Told:
    """The decision of this id, or the one that opened the trade of this id; the newest for none."""
    newest = history.last_decisions(_RECENT + 1)
    decision = newest[0] if newest and not asked else None
    if asked:
        opened_by = decision_that_opened(history, TradeId(asked))
        decision = history.decision(opened_by or DecisionId(asked))
    trade_id = record = None
    if decision is not None and decision.approved:
        trade_id = trade_decided(history, decision.id)
        record = None if trade_id is None else trade_of(history, trade_id)
    others = [one for one in newest if decision is None or one.id != decision.id]
    return Told(decision, trade_id, record, tuple((one.id, _word(one)) for one in others[:_RECENT]))


def _word(decision: Decision) -> str:
    if decision.approved:
        return decision.purpose.value
    return next((check.check.value for check in decision.checks if not check.passed), "")


def trade_line(record: TradeRecord) -> TradeLine:
    """A trade as the journal knows it."""
    return TradeLine(
        trade_id=record.trade_id,
        ledger=record.ledger,
        pair=record.pair,
        direction=record.direction,
        state=record.state.value,
        opened_ns=record.opened_ns,
        closed_ns=record.closed_ns,
        notional_krw=record.entry_notional_krw,
        pnl_krw=record.pnl_krw,
        fees_krw=record.fees_krw,
        reason="" if record.reason is None else record.reason.value,
    )


def days_until(now_ns: int, count: int, zone: ZoneInfo) -> tuple[Day, ...]:
    """The last ``count`` days, the one ``now_ns`` falls in included, oldest first."""
    today = datetime.fromtimestamp(now_ns // _NS, zone).date()
    dates = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    return tuple(
        Day(one, _midnight_ns(one, zone), _midnight_ns(one + timedelta(days=1), zone))
        for one in dates
    )


def _midnight_ns(day: date, zone: ZoneInfo) -> int:
    instant = datetime.combine(day, time(), zone).astimezone(UTC)
    return int(instant.timestamp()) * _NS


def day_lines(
    history: History, ledgers: Sequence[LedgerName], days: Sequence[Day]
) -> tuple[PnlLine, ...]:
    """Each day of each ledger by the trades that ended in it, oldest first.

    All days of the first ledger; of the others only where something ended within them.
    """
    found: dict[LedgerName, list[PnlLine]] = {name: [] for name in ledgers}
    for name, lines in found.items():
        for day in days:
            ended = history.pnl_between(name, day.from_ns, day.to_ns)
            lines.append(
                PnlLine(
                    day.date.isoformat(),
                    name,
                    ended.pnl_krw,
                    ended.fees_krw,
                    ended.trades,
                    ended.wins,
                )
            )
    shown = [
        lines for name, lines in found.items() if name == ledgers[0] or any(map(_has_any, lines))
    ]
    return tuple(line for of_day in zip(*shown, strict=True) for line in of_day)


def _has_any(line: PnlLine) -> bool:
    return bool(line.trades or line.realised_krw)


def pnl_curves(
    history: History, ledgers: Sequence[LedgerName], days: Sequence[Day]
) -> tuple[ChartLine, ...]:
    """What every day brought, at its beginning, a curve for each ledger."""
    begins = {day.date.isoformat(): day.from_ns for day in days}
    curves: dict[LedgerName, list[tuple[int, float]]] = {}
    for line in day_lines(history, ledgers, days):
        curves.setdefault(line.ledger, []).append((begins[line.date], float(line.realised_krw)))
    return tuple(curve_line(name.value, points) for name, points in curves.items())


def equity(
    history: History, ledgers: Sequence[LedgerName], since_ns: int, span_ns: int
) -> tuple[Curve, ...]:
    """Every ledger's equity samples of a span, each stretch by its lowest and its highest."""
    stretch_ns = max(span_ns // _STRETCHES, 1)
    return tuple(
        Curve(
            name,
            tuple(equity_curve(history, name, since_ns, stretch_ns)),
            first_sample_ns(history, name),
        )
        for name in ledgers
    )


def curve_line(label: str, points: Sequence[tuple[int, float]]) -> ChartLine:
    """Points as they are drawn."""
    return ChartLine(label, tuple(at for at, _ in points), tuple(value for _, value in points))


def acts(history: History, limit: int) -> tuple[ActLine, ...]:
    """What people, or the engine for them, did to what is permitted, newest first."""
    return tuple(_acts(newest_facts(history, _ACTS, limit)))


def _acts(facts: Sequence[Fact]) -> Iterator[ActLine]:
    for fact in facts:
        match fact:
            case AuthorityChanged():
                latch = fact.authority.latch
                who, why = ("host", "") if latch is None else (latch.who, latch.reason)
                revision, what = fact.authority.revision, _act_of(fact.authority)
                yield ActLine(fact.host_ns or fact.at_ns, who, what, why, revision)
            case EntriesPaused():
                yield ActLine(
                    at_ns=fact.host_ns or fact.at_ns,
                    who=fact.by,
                    what="pause",
                    reason=fact.reason,
                    scope=fact.scope,
                    until_ns=fact.until_ns,
                )
            case EntriesResumed():
                at_ns = fact.host_ns or fact.at_ns
                yield ActLine(at_ns, fact.by, "resume", scope=fact.scope)
            case ClosingOrdered():
                at_ns, trades = fact.host_ns or fact.at_ns, ", ".join(fact.trades)
                yield ActLine(at_ns, fact.by, fact.purpose.value, trades, scope=fact.ledger.value)
            case BalanceSettled() | EpochAccepted() | OrderAccepted():
                # A balance that came back by itself is nobody's act.
                if fact.by:
                    yield ActLine(fact.host_ns or fact.at_ns, fact.by, "accept", _accepted(fact))
            case _:
                pass


def _accepted(fact: BalanceSettled | EpochAccepted | OrderAccepted) -> str:
    """What was accepted, by the name it was accepted under."""
    match fact:
        case BalanceSettled():
            return f"{fact.venue}:{fact.asset}"
        case EpochAccepted():
            return f"{fact.engine}-{fact.epoch}".rstrip("-")
        case OrderAccepted():
            return fact.client_order_id


def _act_of(authority: Authority) -> str:
    if authority.level is Level.HALT:
        return "halt_now" if authority.nothing_goes else "halt"
    if authority.level is Level.LIVE:
        return "live"
    if authority.used_up:
        return "touch_used_up"
    is_lift = authority.latch is not None and authority.latch.reason == HALT_LIFTED
    return "lift" if is_lift else "paper"


def worth_drawing(curves: Sequence[Curve]) -> Iterator[Curve]:
    """The first curve, and of the others those that ever left zero."""
    for number, curve in enumerate(curves):
        if number == 0 or any(value for _, value in curve.points):
            yield curve
