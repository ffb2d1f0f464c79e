"""What an engine told of itself before it died, folded into what its steersman needs to know."""

import json
from collections.abc import Sequence
from typing import Any

from tests.support.order_referee import ORDERED, OVER, UNSETTLED

Row = dict[str, Any]
LIVE, PAPER, HALT = 2, 1, 0
Way = tuple[str, bool]
"""A coin, and whether it is sold in Korea."""


class Watch:
    """Orders on their way, open trades, the gate; taken from facts in order, each once."""

    def __init__(self) -> None:
        self.seen = 0
        self.level, self.revision = PAPER, 0
        self.paused = self.is_open = self.has_started = False
        self.epoch = ""
        self.alive: dict[str, str] = {}
        """The live orders without an end: id → state."""
        self.trade_of: dict[str, str] = {}
        self.trades: dict[str, Way] = {}
        """The open live trades, and the way each goes."""
        self.breakers: set[tuple[str, str]] = set()
        self.blocks: tuple[str, ...] = ("NOT_RECONCILED",)
        self.closed = 0

    def begin(self) -> None:
        """Another life: what held for the process that is gone holds no more."""
        self.is_open = self.has_started = False
        self.blocks = ("NOT_RECONCILED",)
        self.closed = 0

    def take(self, upto: int, facts: Sequence[Row]) -> None:
        """Fold in facts of which the last is the journal's number ``upto``."""
        first = upto - len(facts) + 1
        for seq, fact in enumerate(facts, first):
            if seq > self.seen:
                self._fold(fact)
                self.seen = seq

    @property
    def is_calm(self) -> bool:
        """Nothing is on its way or half done, but for what waits for orders nobody knows."""
        if any(state not in UNSETTLED for state in self.alive.values()):
            return False
        return not self.standing

    @property
    def quarantined(self) -> list[str]:
        """The orders that wait for an operator."""
        return [order for order, state in self.alive.items() if state == "quarantined"]

    @property
    def is_stuck(self) -> bool:
        """Reconciled, and shut by a breaker that only an operator's word on an order ends."""
        return bool(self.breakers and self.blocked) and "NOT_RECONCILED" not in self.blocks

    @property
    def standing(self) -> set[str]:
        """The open trades that no unknown order holds up."""
        return self.trades.keys() - {self.trade_of[order] for order in self.alive}

    @property
    def blocked(self) -> set[Way]:
        """The ways that one who waits for an unknown order keeps others from going."""
        return {way for trade, way in self.trades.items() if trade not in self.standing}

    def _fold(self, fact: Row) -> None:
        match fact["type"]:
            case "EngineStarted":
                self.has_started, self.epoch = True, fact["epoch"]
            case "AuthorityChanged":
                self.level = fact["authority"]["level"]
                self.revision = fact["authority"]["revision"]
            case "EntriesPaused" if not fact.get("scope"):
                self.paused = True
            case "EntriesResumed" if not fact.get("scope"):
                self.paused = False
            case "GateChanged":
                self.is_open, self.blocks = fact["live"], tuple(fact["blocks"])
            case "BreakerTripped" if fact["ledger"] == "live":
                self.breakers.add((fact["breaker"], fact["subject"]))
            case "BreakerCleared" if fact["ledger"] == "live":
                self.breakers.discard((fact["breaker"], fact["subject"]))
            case kind if kind in ORDERED:
                for order in fact["orders"]:
                    if order["ledger"] == "live":
                        self.alive[order["client_order_id"]] = "planned"
                        self.trade_of[order["client_order_id"]] = fact["trade_id"]
                        self.trades.setdefault(fact["trade_id"], _way_of(fact))
            case "OrderMoved" if fact["client_order_id"] in self.alive:
                self.alive[fact["client_order_id"]] = fact["state"]
                if fact["state"] in OVER:
                    del self.alive[fact["client_order_id"]]
            case "TradeClosed" | "TradeAbandoned" if fact["ledger"] == "live":
                self.trades.pop(fact["trade_id"], None)
                self.closed += fact["type"] == "TradeClosed"
            case _:
                return


def _way_of(approved: Row) -> Way:
    """By its first order: Korea is sold where the won side is."""
    intent = approved["orders"][0]["intent"]
    _, _, symbol = intent["instrument"].partition(":")
    coin, _, quote = symbol.partition("-")
    return coin, (intent["side"] == "sell") == (quote == "KRW")


def read_line(line: bytes) -> Row | None:
    """What a life told in one line; None of one that was cut off.

    The beginning of a line may be what the life before left of its last one.
    """
    start = line.rfind(b'{"life":')
    try:
        return dict(json.loads(line[start:])) if start >= 0 and line.endswith(b"\n") else None
    except ValueError:
        return None
