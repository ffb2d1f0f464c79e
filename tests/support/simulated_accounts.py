"""What a journal says of a ledger's money, added up without the program's own arithmetic."""

import json
import sqlite3
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

Holdings = dict[tuple[str, str], Decimal]
"""(venue, asset) → how much."""


class JournalReader:
    """Reads the facts of one ledger from a journal on disk, in order."""

    def __init__(self, journal: Path, ledger: str) -> None:
        connection = sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT body FROM facts ORDER BY seq").fetchall()
        finally:
            connection.close()
        self._facts = [json.loads(body) for (body,) in rows]
        self._ledger = ledger

    @classmethod
    def of(cls, facts: list[dict[str, Any]], ledger: str) -> Self:
        """The same of facts that were read already."""
        reader = cls.__new__(cls)
        reader._facts, reader._ledger = facts, ledger
        return reader

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """Those of one kind that are about this ledger."""
        return [
            fact
            for fact in self._facts
            if fact["type"] == kind and fact.get("ledger", self._ledger) == self._ledger
        ]

    @property
    def fills(self) -> list[dict[str, Any]]:
        """Every fill booked."""
        return self.facts("FillBooked")

    def orders(self) -> dict[str, dict[str, Any]]:
        """Every approved order by its client id."""
        return {
            order["client_order_id"]: order
            for fact in self.facts("OrdersApproved")
            for order in fact["orders"]
            if order["ledger"] == self._ledger
        }

    def final_states(self) -> dict[str, tuple[str, Decimal]]:
        """The last state and executed quantity of each order."""
        return {
            fact["client_order_id"]: (fact["state"], Decimal(fact["executed"]))
            for fact in self.facts("OrderMoved")
        }

    def holdings(self) -> Holdings:
        """What the ledger holds: what it was based on, and every fill since."""
        held: Holdings = defaultdict(Decimal)
        for fact in self._facts:
            if fact.get("ledger") != self._ledger:
                continue
            if fact["type"] == "InventoryRebased":
                held[fact["venue"], fact["asset"]] = Decimal(fact["quantity"])
            elif fact["type"] == "FillBooked":
                _apply(held, fact["fill"])
        return dict(held)

    def profit(self, trade_id: str) -> Decimal:
        """Won of a closed trade: what its sales brought less its purchases and fees."""
        total = Decimal(0)
        for fact in self.fills:
            if fact["trade_id"] == trade_id:
                value = Decimal(fact["value_krw"])
                total += value if fact["fill"]["side"] == "sell" else -value
                total -= Decimal(fact["fee_krw"])
        return total


def _apply(held: Holdings, fill: dict[str, Any]) -> None:
    venue, _, symbol = fill["instrument"].partition(":")
    base, _, quote = symbol.partition("-")
    quantity = Decimal(fill["quantity"])
    value = quantity * Decimal(fill["price"])
    sign = 1 if fill["side"] == "buy" else -1
    held[venue, base] += sign * quantity
    held[venue, quote] -= sign * value
    held[venue, fill["fee_asset"]] -= Decimal(fill["fee"])


def referee_holdings(ledger: dict[str, Any], account: str = "main") -> Holdings:
    """What the simulator says each account holds."""
    return {
        (venue, asset): Decimal(amounts["free"]) + Decimal(amounts["locked"])
        for venue, page in ledger["venues"].items()
        for asset, amounts in page["balances"][account].items()
    }
