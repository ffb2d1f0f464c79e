"""Discrepancies: what venues showed otherwise than we count, and nobody has explained yet."""

from collections.abc import Iterable

from trader.domain.account import Holding
from trader.domain.facts import (
    BalanceMissed,
    BalanceSettled,
    Fact,
    OrderAccepted,
    OrderMoved,
)
from trader.domain.instrument import InstrumentId, split_id
from trader.domain.order import FINAL_STATES, ClientOrderId


class Discrepancies:
    """Folds facts. Read its attributes freely; only :meth:`apply` changes them.

    ``missing`` are the balances of the live ledger that lack something, each with all that it
    lacks. ``accepted`` are quarantined orders to be closed by what their venues show, and by whom.
    """

    __slots__ = ("accepted", "missing")

    def __init__(self) -> None:
        self.missing: dict[Holding, BalanceMissed] = {}
        self.accepted: dict[ClientOrderId, str] = {}

    def concern(self, legs: Iterable[InstrumentId]) -> bool:
        """Whether a leg needs what is missed: its coin or its money at its venue."""
        if not self.missing:
            return False
        for leg in legs:
            venue, base, quote = split_id(leg)
            if (venue, base) in self.missing or (venue, quote) in self.missing:
                return True
        return False

    def apply(self, fact: Fact) -> None:
        """Fold one fact in, new or replayed."""
        match fact:
            case BalanceMissed():
                self.missing[fact.venue, fact.asset] = fact
            case BalanceSettled():
                self.missing.pop((fact.venue, fact.asset), None)
            case OrderAccepted():
                self.accepted[fact.client_order_id] = fact.by
            case OrderMoved():
                if fact.state in FINAL_STATES:
                    self.accepted.pop(fact.client_order_id, None)
            case _:
                pass
