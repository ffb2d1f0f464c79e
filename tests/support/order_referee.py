"""Judges a journal by the referee: what the venues accepted, filled, refused and were asked.

Every function returns sentences that say what differs; none where all is well. Nothing of the
program's own arithmetic is used, except for which facts must be told.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.support.simulated_accounts import JournalReader, referee_holdings
from trader.alerts.rules import alerts_for
from trader.execution.tables import fact_from

Row = dict[str, Any]

UNSETTLED = frozenset({"unknown", "quarantined"})
OVER = frozenset({"filled", "cancelled", "expired", "rejected", "blocked"})
ORDERED = ("OrdersApproved", "OrdersAdopted")
_UNWRITTEN = "blocked"
_MAY_BE_ABSENT = frozenset({"blocked", "expired", "rejected", "quarantined"})
_REBASED_FOR_NOTHING = frozenset({"first reconciliation", "the venue's rounding"})
_SHOWN = 5


class OperatorAct(Struct, frozen=True):
    """A command that was answered: by whom, which each is only once, and whether it did a thing."""

    by: str
    kind: str
    changed: bool


class Journal:
    """A journal on disk as it is now, read without the program."""

    def __init__(self, path: Path) -> None:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT seq, body FROM facts ORDER BY seq").fetchall()
            self.alerts = connection.execute(
                "SELECT code, key, severity, SUM(count) FROM alert_outbox"
                " WHERE clears = 0 GROUP BY code, key, severity"
            ).fetchall()
            self.folded = dict(connection.execute("SELECT code, count FROM alert_folded"))
            self.authority = connection.execute("SELECT body FROM authority").fetchall()
            self.untold = int(
                connection.execute(
                    "SELECT COUNT(*) FROM alert_outbox WHERE told < count"
                ).fetchone()[0]
            )
        finally:
            connection.close()
        self.bodies: list[str] = [body for _, body in rows]
        self.facts: list[Row] = [msgspec.json.decode(body) for body in self.bodies]
        self.reader = JournalReader.of(self.facts, "live")
        self.has_gap = [seq for seq, _ in rows] != list(range(1, len(rows) + 1))

    def orders(self) -> dict[str, Row]:
        """Every live order by its client id, approved here or adopted from a venue."""
        return {
            order["client_order_id"]: order
            for fact in self.facts
            if fact["type"] in ORDERED
            for order in fact["orders"]
            if order["ledger"] == "live"
        }

    def states(self) -> dict[str, tuple[str, Decimal]]:
        """State and executed quantity of each order; one that was never reported is planned."""
        planned = dict.fromkeys(self.orders(), ("planned", Decimal(0)))
        return {**planned, **self.reader.final_states()}


def all_differences(
    journal: Journal,
    ledger: Mapping[str, Any],
    acts: Sequence[OperatorAct],
    forgotten: Set[str] = frozenset(),
) -> list[str]:
    """Everything that is not as it must be once no order is on its way.

    ``forgotten`` are the orders that were sent and whose commits a power cut took.
    """
    checks: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: own_differences(journal),
        lambda: _of_orders(journal, ledger),
        lambda: _of_requests(journal, ledger, forgotten),
        lambda: _of_fills(journal, ledger),
        lambda: _of_money(journal, ledger),
        lambda: _of_acts(journal, acts),
    )
    return [found for check in checks for found in check()]


def own_differences(journal: Journal) -> list[str]:
    """What is wrong whatever a venue says: in ids, alerts, authority."""
    return [*_of_intents(journal), *_of_alerts(journal), *_of_authority(journal)]


def orders_of(ledger: Mapping[str, Any]) -> list[Row]:
    """Every order that any venue accepted."""
    return [order for page in ledger["venues"].values() for order in page["orders"]]


def _of_intents(journal: Journal) -> Iterable[str]:
    """No id twice, no second order of a trade while one of it is on its way."""
    if journal.has_gap:
        yield "facts are missing from the journal"
    seen: set[str] = set()
    on_its_way: dict[str, set[str]] = {}
    for fact in journal.facts:
        if fact["type"] in ORDERED:
            ids = [order["client_order_id"] for order in fact["orders"]]
            legs = [order["intent"]["instrument"] for order in fact["orders"]]
            trade = fact["trade_id"]
            if seen & set(ids) or len(set(ids)) != len(ids):
                yield f"a client id was given twice: {ids}"
            if len(set(legs)) != len(legs):
                yield f"two orders for one leg: {ids}"
            if on_its_way.get(trade) and fact["type"] == "OrdersApproved":
                yield f"{ids} were approved while {on_its_way[trade]} of {trade} were on their way"
            seen.update(ids)
            on_its_way.setdefault(trade, set()).update(ids)
        elif fact["type"] == "OrderMoved" and fact["state"] in OVER:
            on_its_way.get(fact["trade_id"], set()).discard(fact["client_order_id"])
        elif fact["type"] == "FaultRecorded" and "no order of ours" in fact["message"]:
            yield f"the journal says: {fact['message']}"


def _of_orders(journal: Journal, ledger: Mapping[str, Any]) -> Iterable[str]:
    """Each order the referee has is one of the journal's, with the same terms and the same end."""
    theirs = orders_of(ledger)
    twice = [name for name, n in Counter(order["client_id"] for order in theirs).items() if n > 1]
    if twice:
        yield f"sent twice: {twice[:_SHOWN]}"
    ours, states = journal.orders(), journal.states()
    for order in theirs:
        name = order["client_id"]
        if name not in ours:
            yield f"{name} is at {order['venue']} and not in the journal"
            continue
        intent = ours[name]["intent"]
        terms = (order["instrument"], order["side"], order["quantity"], order["price"])
        asked = (intent["instrument"], intent["side"], intent["quantity"], intent["limit_price"])
        if terms[:2] != asked[:2] or any(
            Decimal(a) != Decimal(b) for a, b in zip(terms[2:], asked[2:], strict=True)
        ):
            yield f"{name} was asked as {asked} and is at the venue as {terms}"
        state, executed = states[name]
        if state not in OVER:
            yield f"{name} ended at {order['venue']} and is {state} in the journal"
        if executed != Decimal(order["executed"]):
            yield f"{name}: {order['executed']} executed, {executed} in the journal"
    there = {order["client_id"] for order in theirs}
    for name in ours.keys() - there:
        state, executed = states[name]
        if state not in _MAY_BE_ABSENT or executed:
            yield f"{name} is {state} with {executed} in the journal and nowhere at a venue"


def _of_requests(journal: Journal, ledger: Mapping[str, Any], forgotten: Set[str]) -> Iterable[str]:
    """No venue was asked more often to place an order than there are orders that may have left."""
    states, orders = journal.states(), journal.orders()
    left = Counter(
        order["intent"]["instrument"].partition(":")[0]
        for name, order in orders.items()
        if states[name][0] != _UNWRITTEN
    )
    # Which venue these went to was forgotten, too.
    spare = len(forgotten - orders.keys())
    for venue, page in ledger["venues"].items():
        asked = page["requests"].get("place", 0)
        if asked > left[venue] + spare:
            yield f"{venue} was asked {asked} times for {left[venue]} orders, {spare} forgotten"
        for refused in page["refused"]:
            if refused["code"] == "duplicate_client_id":
                yield f"{refused['client_id']} was refused at {venue} as a duplicate"


def _of_fills(journal: Journal, ledger: Mapping[str, Any]) -> Iterable[str]:
    """Every fill is booked, once, with its price, quantity and fee."""
    made = Counter(
        (
            trade["client_id"],
            Decimal(trade["price"]),
            Decimal(trade["quantity"]),
            Decimal(trade["fee"]),
            trade["fee_asset"],
        )
        for order in orders_of(ledger)
        for trade in order["trades"]
    )
    booked = Counter(
        (
            fact["fill"]["client_order_id"],
            Decimal(fact["fill"]["price"]),
            Decimal(fact["fill"]["quantity"]),
            Decimal(fact["fill"]["fee"]),
            fact["fill"]["fee_asset"],
        )
        for fact in journal.reader.fills
    )
    if unbooked := made - booked:
        yield f"not booked: {_some(unbooked)}"
    if invented := booked - made:
        yield f"booked without a fill, or twice: {_some(invented)}"


def _of_money(journal: Journal, ledger: Mapping[str, Any]) -> Iterable[str]:
    """Balances agree to the last digit, and never had to be based anew to agree."""
    held, theirs = journal.reader.holdings(), referee_holdings(dict(ledger))
    for place in held:
        if held[place] != theirs.get(place, Decimal(0)):
            yield f"{place}: {theirs.get(place)} at the venue, {held[place]} in the journal"
    for fact in journal.reader.facts("InventoryRebased"):
        if fact["reason"] not in _REBASED_FOR_NOTHING:
            yield f"based anew: {fact['venue']} {fact['asset']} {fact['reason']}"
    for fact in journal.reader.facts("BalanceMissed"):
        yield f"missed: {fact['venue']} {fact['asset']} {fact['missing']}"


def _of_alerts(journal: Journal) -> Iterable[str]:
    """Each fact that must be told stands in the outbox, told or waiting, as often as it was."""
    due = Counter(
        (str(alert.code), alert.key, str(alert.severity))
        for alert in alerts_for([fact_from(body) for body in journal.bodies])
        if not alert.clears
    )
    kept = {(code, key, severity): int(count) for code, key, severity, count in journal.alerts}
    for name, number in due.items():
        if kept.get(name, 0) != number and name[0] not in journal.folded:
            yield f"alert {name}: due {number} times, {kept.get(name, 0)} in the outbox"


def _of_acts(journal: Journal, acts: Sequence[OperatorAct]) -> Iterable[str]:
    """What an operator was answered is in the journal."""
    done = set()
    for fact in journal.facts:
        if fact["type"] in ("EntriesPaused", "EntriesResumed", "OrderAccepted"):
            done.add(fact["by"])
        elif fact["type"] == "AuthorityChanged" and fact["authority"]["latch"]:
            done.add(fact["authority"]["latch"]["who"])
    for act in acts:
        if act.changed and act.by not in done:
            yield f"{act.kind} of {act.by} was answered and is not in the journal"


def _of_authority(journal: Journal) -> Iterable[str]:
    """The record is the last fact about it, and no live entry was approved below LIVE or paused."""
    level, paused, last = 1, False, None
    for fact in journal.facts:
        match fact["type"]:
            case "AuthorityChanged":
                last = fact["authority"]
                level = last["level"]
            case "EntriesPaused" if not fact.get("scope"):
                paused = True
            case "EntriesResumed" if not fact.get("scope"):
                paused = False
            case "OrdersApproved":
                live = [order for order in fact["orders"] if order["ledger"] == "live"]
                opens = any(order["purpose"] == "open" for order in live)
                if opens and (level < 2 or paused):
                    yield f"{fact['trade_id']} was opened at level {level}, paused {paused}"
    rows = [json.loads(body) for (body,) in journal.authority]
    if last is not None and rows != [last]:
        yield f"authority is {rows}, its last fact says {last}"


def _some(counted: Mapping[Any, int]) -> str:
    shown = list(counted.items())[:_SHOWN]
    return f"{shown} and {len(counted) - len(shown)} more" if len(counted) > _SHOWN else str(shown)
