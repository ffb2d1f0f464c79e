"""How facts look in the database: the tables, the rows each fact adds to them, and its JSON.

``facts`` is the truth. Every other table repeats part of it for questions, written in the same
transaction. Decimals are TEXT, so that no digit is lost; times are UTC nanoseconds.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite

import msgspec

from trader.domain.authority import Authority
from trader.domain.decision import Decision
from trader.domain.facts import (
    ActivityCounted,
    AuthorityChanged,
    BalanceSettled,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    EquitySampled,
    Fact,
    FillBooked,
    OrderAccepted,
    OrderMoved,
    OrdersAdopted,
    OrdersApproved,
    RefusalBegan,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
)
from trader.domain.instrument import split_id
from trader.domain.order import ApprovedOrder

Row = Sequence[object]

HOUR_NS = 3_600_000_000_000
"""Refusals are counted by the hour they fell in."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE facts (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER facts_stay BEFORE UPDATE ON facts
        BEGIN SELECT RAISE(ABORT, 'facts are only ever added'); END;
    CREATE TRIGGER facts_remain BEFORE DELETE ON facts
        BEGIN SELECT RAISE(ABORT, 'facts are only ever added'); END;

    CREATE TABLE intents (
        client_order_id TEXT PRIMARY KEY, trade_id TEXT NOT NULL, decision_id TEXT NOT NULL,
        ledger TEXT NOT NULL, purpose TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL,
        quantity TEXT NOT NULL, limit_price TEXT NOT NULL, time_in_force TEXT NOT NULL,
        at_ns INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX intents_of_trade ON intents (trade_id);

    CREATE TABLE order_updates (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, client_order_id TEXT NOT NULL,
        trade_id TEXT NOT NULL, ledger TEXT NOT NULL, state TEXT NOT NULL, executed TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX updates_of_order ON order_updates (client_order_id);

    CREATE TABLE fills (
        venue TEXT NOT NULL, key TEXT NOT NULL, ledger TEXT NOT NULL, trade_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL, instrument TEXT NOT NULL, side TEXT NOT NULL,
        price TEXT NOT NULL, quantity TEXT NOT NULL, fee TEXT NOT NULL, fee_asset TEXT NOT NULL,
        at_ns INTEGER NOT NULL, booked_ns INTEGER NOT NULL, value_krw TEXT NOT NULL,
        fee_krw TEXT NOT NULL, usdt_krw TEXT, PRIMARY KEY (venue, key)
    ) STRICT;
    CREATE INDEX fills_of_trade ON fills (ledger, trade_id);

    CREATE TABLE trades (
        trade_id TEXT PRIMARY KEY, ledger TEXT NOT NULL, pair TEXT NOT NULL,
        direction TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'abandoned')),
        opened_ns INTEGER NOT NULL, closed_ns INTEGER, entry_notional_krw TEXT, spread_pct TEXT,
        reason TEXT, pnl_krw TEXT, fees_krw TEXT
    ) STRICT;
    CREATE INDEX trades_by_opening ON trades (opened_ns);
    CREATE INDEX trades_by_closing ON trades (ledger, closed_ns);

    CREATE TABLE decisions (
        id TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, pair TEXT NOT NULL, direction TEXT NOT NULL,
        approved INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX decisions_by_time ON decisions (at_ns);

    CREATE TABLE refusals (
        hour_ns INTEGER NOT NULL, pair TEXT NOT NULL, direction TEXT NOT NULL,
        check_name TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (hour_ns, pair, direction, check_name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE equity_samples (
        seq INTEGER PRIMARY KEY, ledger TEXT NOT NULL, at_ns INTEGER NOT NULL,
        equity_krw TEXT NOT NULL, realised_krw TEXT NOT NULL, unrealised_krw TEXT NOT NULL,
        exposure_krw TEXT NOT NULL, open_trades INTEGER NOT NULL, loss_today_krw TEXT NOT NULL
    ) STRICT;
    CREATE INDEX samples_by_time ON equity_samples (ledger, at_ns);

    CREATE TABLE operator_actions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE authority (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
    """,
    """
    CREATE INDEX facts_to_sum_up ON facts (kind, at_ns) WHERE kind IN (
        'BreakerTripped', 'DustMoved', 'EngineStarted', 'FaultRecorded', 'FeedRecovered',
        'FeedWentStale', 'StopLossTriggered');
    CREATE INDEX fills_by_booking ON fills (booked_ns);
    """,
    """
    CREATE INDEX facts_to_look_up ON facts (kind, at_ns) WHERE kind IN (
        'AuthorityChanged', 'ClosingOrdered', 'DayRolled', 'EntriesPaused', 'EntriesResumed');
    CREATE INDEX intents_of_decision ON intents (decision_id);
    """,
    """
    CREATE INDEX facts_accepted ON facts (kind, at_ns) WHERE kind IN (
        'BalanceSettled', 'EpochAccepted', 'OrderAccepted');
    """,
)
"""One script for each version of the schema. A script that was released is never changed."""

INSERT_FACT = "INSERT INTO facts (at_ns, kind, body) VALUES (?, ?, ?)"
_INTENT = "INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = "INSERT INTO order_updates VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
_FILL = "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DECISION = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
_REFUSAL = """
    INSERT INTO refusals VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count
"""
_SAMPLE = "INSERT INTO equity_samples VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)"
_AUTHORITY = "INSERT OR REPLACE INTO authority VALUES (1, ?)"
_ACTION = "INSERT INTO operator_actions VALUES (NULL, ?, ?, ?, ?)"
# A late fill may open again what had ended, so each of these stands on whatever was there before.
_OPENED = """
    INSERT INTO trades (trade_id, ledger, pair, direction, state, opened_ns, entry_notional_krw,
                        spread_pct)
    VALUES (?, ?, ?, ?, 'open', ?, ?, ?)
    ON CONFLICT (trade_id) DO UPDATE SET
        state = 'open', closed_ns = NULL, entry_notional_krw = excluded.entry_notional_krw,
        spread_pct = excluded.spread_pct, reason = NULL, pnl_krw = NULL, fees_krw = NULL
"""
_ENDED = """
    INSERT INTO trades (trade_id, ledger, pair, direction, state, opened_ns, closed_ns,
                        entry_notional_krw, reason, pnl_krw, fees_krw)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (trade_id) DO UPDATE SET
        state = excluded.state, closed_ns = excluded.closed_ns, reason = excluded.reason,
        entry_notional_krw = COALESCE(excluded.entry_notional_krw, entry_notional_krw),
        pnl_krw = excluded.pnl_krw, fees_krw = excluded.fees_krw
"""

_encoder = msgspec.json.Encoder()
_facts: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
_facts_lax: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact, strict=False)
_authorities = msgspec.json.Decoder(Authority)
_decisions = msgspec.json.Decoder(Decision)
_decisions_lax = msgspec.json.Decoder(Decision, strict=False)


def rows_of(facts: Sequence[Fact]) -> dict[str, list[Row]]:
    """The rows ``facts`` add, by the statement that inserts them, in the order to run them.

    Raises:
        ValueError: a fact cannot be written as JSON, or names an instrument that is none.
    """
    rows: dict[str, list[Row]] = {INSERT_FACT: []}
    for fact in facts:
        rows[INSERT_FACT].append((fact.at_ns, type(fact).__name__, _text(fact)))
        for statement, row in _projected(fact):
            rows.setdefault(statement, []).append(row)
    return rows


def fact_from(body: str) -> Fact:
    """The fact that was written as ``body``.

    Raises:
        msgspec.DecodeError: it is none this program knows.
    """
    try:
        return _facts.decode(body)
    except msgspec.ValidationError:
        return _facts_lax.decode(body)


def decision_from(body: str) -> Decision:
    """The decision that was written as ``body``.

    Raises:
        msgspec.DecodeError: it is none.
    """
    try:
        return _decisions.decode(body)
    except msgspec.ValidationError:
        return _decisions_lax.decode(body)


def authority_from(body: str) -> Authority:
    """The record of authority that was written as ``body``.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _authorities.decode(body)


def _projected(fact: Fact) -> Sequence[tuple[str, Row]]:
    match fact:
        case OrderMoved():
            return [(_UPDATE, _update_row(fact))]
        case FillBooked():
            return [(_FILL, _fill_row(fact))]
        case OrdersApproved():
            rows = _intent_rows(fact.orders, fact.decision.id, fact.at_ns)
            return [(_DECISION, _decision_row(fact.decision)), *rows]
        case OrdersAdopted():
            # Whatever was decided on them was lost with them.
            return _intent_rows(fact.orders, "", fact.at_ns)
        case RefusalBegan():
            refused = (_hour(fact.at_ns), fact.pair, fact.direction, fact.check, 1)
            return [(_DECISION, _decision_row(fact.decision)), (_REFUSAL, refused)]
        case ActivityCounted():
            hour = _hour(fact.at_ns)
            return [
                (_REFUSAL, (hour, one.pair, one.direction, one.check, one.count))
                for one in fact.refusals
            ]
        case TradeOpened() | TradeAbandoned() | TradeClosed():
            return [_trade_row(fact)]
        case EquitySampled():
            return [(_SAMPLE, _sample_row(fact))]
        case AuthorityChanged():
            latch = fact.authority.latch
            action = fact.authority.level.name.lower()
            who, why = ("host", "") if latch is None else (latch.who, latch.reason)
            return [
                (_AUTHORITY, (_text(fact.authority),)),
                (_ACTION, (fact.at_ns, f"authority {action}", who, why)),
            ]
        case EntriesPaused():
            why = ": ".join(filter(None, (fact.scope, fact.reason)))
            return [(_ACTION, (fact.at_ns, "pause", fact.by, why))]
        case EntriesResumed():
            return [(_ACTION, (fact.at_ns, "resume", fact.by, fact.scope))]
        case ClosingOrdered():
            what = " ".join((fact.ledger, *fact.trades))
            return [(_ACTION, (fact.at_ns, fact.purpose, fact.by, what))]
        case BalanceSettled(by=by) if by:
            return [(_ACTION, (fact.at_ns, "accept", by, f"{fact.venue}:{fact.asset}"))]
        case EpochAccepted():
            what = f"{fact.engine}-{fact.epoch}".rstrip("-")
            return [(_ACTION, (fact.at_ns, "accept", fact.by, what))]
        case OrderAccepted():
            return [(_ACTION, (fact.at_ns, "accept", fact.by, fact.client_order_id))]
        case _:
            return ()


def _intent_rows(
    orders: Sequence[ApprovedOrder], decision_id: str, at_ns: int
) -> list[tuple[str, Row]]:
    rows: list[tuple[str, Row]] = []
    for order in orders:
        intent = order.intent
        row = (
            order.client_order_id,
            order.trade_id,
            decision_id,
            order.ledger,
            order.purpose,
            intent.instrument,
            intent.side,
            str(intent.quantity),
            str(intent.limit_price),
            intent.time_in_force,
            at_ns,
        )
        rows.append((_INTENT, row))
    return rows


def _update_row(fact: OrderMoved) -> Row:
    return (
        fact.at_ns,
        fact.client_order_id,
        fact.trade_id,
        fact.ledger,
        fact.state,
        str(fact.executed),
        fact.reason,
    )


def _fill_row(fact: FillBooked) -> Row:
    fill = fact.fill
    venue, _, _ = split_id(fill.instrument)
    return (
        venue,
        fill.key,
        fact.ledger,
        fact.trade_id,
        fill.client_order_id,
        fill.instrument,
        fill.side,
        str(fill.price),
        str(fill.quantity),
        str(fill.fee),
        fill.fee_asset,
        fill.at_ns,
        fact.at_ns,
        str(fact.value_krw),
        str(fact.fee_krw),
        _optional(fact.usdt_krw),
    )


def _trade_row(fact: TradeOpened | TradeAbandoned | TradeClosed) -> tuple[str, Row]:
    trade = (fact.trade_id, fact.ledger, fact.pair, fact.direction)
    match fact:
        case TradeOpened():
            figures = (str(fact.entry_notional_krw), _optional(fact.spread_pct))
            return _OPENED, (*trade, fact.at_ns, *figures)
        case TradeAbandoned():
            ended = ("abandoned", fact.at_ns, fact.at_ns, None, None, str(fact.pnl_krw), None)
            return _ENDED, (*trade, *ended)
        case TradeClosed():
            times = ("closed", fact.opened_ns, fact.at_ns)
            figures = (str(fact.pnl_krw), str(fact.fees_krw))
            return _ENDED, (*trade, *times, str(fact.entry_notional_krw), fact.reason, *figures)


def _decision_row(decision: Decision) -> Row:
    return (
        decision.id,
        decision.at_ns,
        decision.pair,
        decision.direction,
        int(decision.approved),
        _text(decision),
    )


def _sample_row(fact: EquitySampled) -> Row:
    return (
        fact.ledger,
        fact.at_ns,
        str(fact.equity_krw),
        str(fact.realised_krw),
        str(fact.unrealised_krw),
        str(fact.exposure_krw),
        fact.open_trades,
        str(fact.loss_today_krw),
    )


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _hour(at_ns: int) -> int:
    return at_ns - at_ns % HOUR_NS


def _text(value: Fact | Decision | Authority) -> str:
    body = _encoder.encode(value)
    # JSON has no infinity; a float that is none comes out as null, which would not read back.
    if b"null" in body:
        decoder = _decisions if isinstance(value, Decision) else _facts
        try:
            decoder.decode(body)
        except msgspec.ValidationError:
            body = _encoder.encode(_spelled(msgspec.to_builtins(value)))
    return body.decode()


def _spelled(value: object) -> object:
    """``value`` with "inf" and "nan" for floats that are no numbers; the lax decoder reads them."""
    match value:
        case float():
            return value if isfinite(value) else str(value)
        case dict():
            return {key: _spelled(item) for key, item in value.items()}
        case list() | tuple():
            return [_spelled(item) for item in value]
        case _:
            return value
