"""Recall: what each ledger had booked when its day began, from the newest day rolls."""

from decimal import Decimal

from trader.app.answers.archive import Archive
from trader.domain.events import Event
from trader.domain.facts import DayRolled
from trader.domain.order import LedgerName
from trader.engine.engine import Outcome
from trader.execution.lookups import newest_facts

_ZERO = Decimal(0)
# Each ledger rolls on its own; one that waits for a price rolls later than the other.
_ROLLS_READ = 8


class Recall:
    """A listener of the loop. What was before this process is read from the journal, once."""

    def __init__(self) -> None:
        self._booked: dict[LedgerName, tuple[str, Decimal]] = {}
        self._is_loaded = False

    def __call__(self, _event: Event, outcome: Outcome) -> None:
        """Note the day rolls among the facts."""
        for fact in outcome.facts:
            if isinstance(fact, DayRolled):
                self._note(fact)

    async def load(self, archive: Archive) -> None:
        """Read what the journal held before this process; only the first call does it.

        Raises:
            JournalError: the journal cannot be read.
        """
        if self._is_loaded:
            return
        rolls = await archive.ask(lambda past: newest_facts(past, (DayRolled,), _ROLLS_READ))
        for roll in rolls:
            # What this process heard meanwhile is newer.
            if isinstance(roll, DayRolled) and roll.ledger not in self._booked:
                self._note(roll)
        self._is_loaded = True

    def booked_at_midnight(self, ledger: LedgerName, date: str | None) -> Decimal | None:
        """What the ledger had realised, less fees, when ``date`` began; None where not known."""
        known = self._booked.get(ledger)
        return known[1] if known is not None and known[0] == date else None

    def _note(self, roll: DayRolled) -> None:
        unrealised = sum((mark.unrealised_krw for mark in roll.marks), _ZERO)
        self._booked[roll.ledger] = (roll.date, roll.equity_krw - unrealised)
