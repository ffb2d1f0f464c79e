"""A decision in full: what was seen, wished and checked, and what came of it."""

from decimal import Decimal

from msgspec import Struct

from trader.domain.control import CheckName
from trader.domain.instrument import InstrumentId
from trader.domain.order import DecisionId, Evidence, LedgerName, PairName, Purpose


class QuoteSeen(Struct, frozen=True):
    """The best prices a decision was made on, and their age in milliseconds."""

    instrument: InstrumentId
    bid: float
    ask: float
    age_ms: float


class CheckResult(Struct, frozen=True):
    """One check with its numbers. ``value`` is the worst of the legs where it looks at each.

    ``age_ms`` is the age of what was measured. ``fault`` says what was wrong with the input itself
    (missing, not a number, negative, stale, limit unset) and is empty where it was sound.
    """

    check: CheckName
    passed: bool
    value: Decimal | None
    limit: Decimal | None
    age_ms: float = 0.0
    fault: str = ""


class Decision(Struct, frozen=True):
    """A decision in full, for ``/why``: what was seen, wished, checked, and came of it."""

    id: DecisionId
    at_ns: int
    pair: PairName
    direction: str
    purpose: Purpose
    ledger: LedgerName
    quotes: tuple[QuoteSeen, ...]
    evidence: Evidence | None
    checks: tuple[CheckResult, ...]
    approved: bool


class RefusalCount(Struct, frozen=True):
    """How often one check refused one direction since it was last written down."""

    pair: PairName
    direction: str
    check: CheckName
    count: int
