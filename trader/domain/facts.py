"""Fact: all that may become true and is journaled.

Facts carry ``at_ns`` (UTC). The journal stores them as JSON tagged by name, so a field may be added
with a default and never renamed. Those about trades and about what is permitted are in
``trade_facts`` and ``gate_facts``, and named here, too.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.control import CheckName, Mode
from trader.domain.decision import CheckResult, Decision, RefusalCount
from trader.domain.gate_facts import (
    AuthorityChanged,
    ClosingOrdered,
    EntriesPaused,
    EntriesResumed,
    GateChanged,
    PauseEndsSoon,
)
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.market import BookFlaw
from trader.domain.order import LedgerName, PairName, TradeId
from trader.domain.reconcile_facts import (
    BalanceMissed,
    BalanceSettled,
    Cause,
    EpochAccepted,
    OrderAccepted,
    OrdersAdopted,
)
from trader.domain.trade_facts import (
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingsRestored,
    ClosingsRevoked,
    ClosingStuck,
    DustMoved,
    FillBooked,
    LegHedged,
    LegUnhedged,
    OrderMoved,
    OrdersApproved,
    OrdersAtHalt,
    OrdersAtHaltEnded,
    RebalanceBegan,
    StopLossTriggered,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)

__all__ = [
    "ActivityCounted",
    "AuthorityChanged",
    "BalanceMissed",
    "BalanceSettled",
    "BreakerCleared",
    "BreakerCode",
    "BreakerTripped",
    "Cause",
    "ClosingBegan",
    "ClosingEnded",
    "ClosingFreed",
    "ClosingOrdered",
    "ClosingStuck",
    "ClosingsRestored",
    "ClosingsRevoked",
    "DayRolled",
    "DirectionEmptied",
    "DirectionRefilled",
    "DustMoved",
    "EngineStarted",
    "EngineStopped",
    "EntriesPaused",
    "EntriesResumed",
    "EpochAccepted",
    "EquitySampled",
    "Fact",
    "FaultRecorded",
    "FeeChanged",
    "FeedRecovered",
    "FeedWentStale",
    "FillBooked",
    "GateChanged",
    "InventoryLevelled",
    "InventoryRebased",
    "InventorySkewed",
    "LegHedged",
    "LegUnhedged",
    "Mark",
    "OrderAccepted",
    "OrderIdsReserved",
    "OrderMoved",
    "OrdersAdopted",
    "OrdersApproved",
    "OrdersAtHalt",
    "OrdersAtHaltEnded",
    "PauseEndsSoon",
    "PositionsUnguarded",
    "RebalanceBegan",
    "RefusalBegan",
    "RefusalEnded",
    "RestBegan",
    "StopLossTriggered",
    "TradeAbandoned",
    "TradeClosed",
    "TradeOpened",
    "TradePeaked",
]


class Mark(Struct, frozen=True):
    """An open trade's unrealised won at one instant."""

    trade_id: TradeId
    unrealised_krw: Decimal
    stale: bool


class EngineStarted(Struct, frozen=True, tag=True):
    """A process began to decide on this journal."""

    at_ns: int
    name: str
    mode: Mode
    version: str
    seed: int | None = None
    epoch: str = ""
    """Goes into every order id of the process; begins with the name of this journal."""


class PositionsUnguarded(Struct, frozen=True, tag=True):
    """Live positions stand and this process, in mock or paper, guards none of them."""

    at_ns: int
    mode: Mode
    count: int


class EngineStopped(Struct, frozen=True, tag=True):
    """A process ended as it should."""

    at_ns: int
    reason: str


class RefusalBegan(Struct, frozen=True, tag=True):
    """A check began to refuse a direction; ``decision`` is the first one it refused."""

    at_ns: int
    pair: PairName
    direction: str
    check: CheckName
    result: CheckResult
    decision: Decision


class RefusalEnded(Struct, frozen=True, tag=True):
    """A check stopped refusing a direction, after ``count`` refusals in all."""

    at_ns: int
    pair: PairName
    direction: str
    check: CheckName
    count: int
    began_ns: int


class ActivityCounted(Struct, frozen=True, tag=True):
    """What happened too often to write down singly, since the last such fact."""

    at_ns: int
    signals: int
    refusals: tuple[RefusalCount, ...] = ()


class InventoryRebased(Struct, frozen=True, tag=True):
    """What a venue holds of an asset, as the ledger counts from now on."""

    at_ns: int
    ledger: LedgerName
    venue: Venue
    asset: Asset
    quantity: Decimal
    reason: str


class DirectionEmptied(Struct, frozen=True, tag=True):
    """A direction lacks what one more trade needs; the transfer named mends it."""

    at_ns: int
    ledger: LedgerName
    pair: PairName
    direction: str
    asset: Asset
    amount: Decimal
    from_venue: Venue
    to_venue: Venue


class DirectionRefilled(Struct, frozen=True, tag=True):
    """A direction that was empty can trade again."""

    at_ns: int
    ledger: LedgerName
    pair: PairName
    direction: str


class InventorySkewed(Struct, frozen=True, tag=True):
    """One venue holds too large a share of an asset; the transfer named mends it."""

    at_ns: int
    ledger: LedgerName
    asset: Asset
    share_pct: Decimal
    amount: Decimal
    from_venue: Venue
    to_venue: Venue


class InventoryLevelled(Struct, frozen=True, tag=True):
    """An asset that was skewed is spread well enough again."""

    at_ns: int
    ledger: LedgerName
    asset: Asset


class RestBegan(Struct, frozen=True, tag=True):
    """A direction opened too often and rests until ``until_ns`` (UTC)."""

    at_ns: int
    ledger: LedgerName
    pair: PairName
    direction: str
    until_ns: int


class BreakerCode(StrEnum):
    """What may trip a circuit breaker."""

    DAILY_LOSS = "DAILY_LOSS"
    LEG_UNHEDGED = "LEG_UNHEDGED"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    REJECT_RATE = "REJECT_RATE"
    REPEATED_RESTS = "REPEATED_RESTS"
    FOREIGN_EPOCH = "FOREIGN_EPOCH"
    BALANCE_SHORT = "BALANCE_SHORT"


class BreakerTripped(Struct, frozen=True, tag=True):
    """A circuit breaker opened; ``subject`` is the venue, trade, order or direction it is about."""

    at_ns: int
    ledger: LedgerName
    breaker: BreakerCode
    subject: str
    value: Decimal
    limit: Decimal


class BreakerCleared(Struct, frozen=True, tag=True):
    """What tripped a breaker is over."""

    at_ns: int
    ledger: LedgerName
    breaker: BreakerCode
    subject: str


class FeedWentStale(Struct, frozen=True, tag=True):
    """A book was not confirmed within ``max_ws_age_ms``, or came in flawed."""

    at_ns: int
    instrument: InstrumentId
    age_ms: float
    flaw: BookFlaw | None = None


class FeedRecovered(Struct, frozen=True, tag=True):
    """A stale book is fresh again."""

    at_ns: int
    instrument: InstrumentId
    silent_ms: float


class FeeChanged(Struct, frozen=True, tag=True):
    """A venue's fee differs from what was counted before; it counts at once."""

    at_ns: int
    instrument: InstrumentId
    before_pct: Decimal
    after_pct: Decimal


class DayRolled(Struct, frozen=True, tag=True):
    """Midnight in Seoul passed; losses of the new day count from ``equity_krw``."""

    at_ns: int
    ledger: LedgerName
    date: str
    equity_krw: Decimal
    marks: tuple[Mark, ...] = ()


class EquitySampled(Struct, frozen=True, tag=True):
    """A ledger's figures, once a minute."""

    at_ns: int
    ledger: LedgerName
    equity_krw: Decimal
    realised_krw: Decimal
    unrealised_krw: Decimal
    exposure_krw: Decimal
    open_trades: int
    loss_today_krw: Decimal


class OrderIdsReserved(Struct, frozen=True, tag=True):
    """Client order ids below ``upto`` may have been used; a restart counts on from there."""

    at_ns: int
    upto: int


class FaultRecorded(Struct, frozen=True, tag=True):
    """A part of the program met a fault; someone should look."""

    at_ns: int
    where: str
    message: str


Fact = (
    EngineStarted
    | PositionsUnguarded
    | EngineStopped
    | GateChanged
    | OrdersApproved
    | OrdersAdopted
    | OrdersAtHalt
    | OrdersAtHaltEnded
    | OrderMoved
    | FillBooked
    | RefusalBegan
    | RefusalEnded
    | ActivityCounted
    | TradeOpened
    | TradeAbandoned
    | TradeClosed
    | StopLossTriggered
    | ClosingBegan
    | ClosingEnded
    | ClosingStuck
    | ClosingFreed
    | ClosingsRevoked
    | ClosingsRestored
    | LegUnhedged
    | LegHedged
    | DustMoved
    | RebalanceBegan
    | InventoryRebased
    | BalanceMissed
    | BalanceSettled
    | EpochAccepted
    | OrderAccepted
    | DirectionEmptied
    | DirectionRefilled
    | InventorySkewed
    | InventoryLevelled
    | RestBegan
    | BreakerTripped
    | BreakerCleared
    | FeedWentStale
    | FeedRecovered
    | FeeChanged
    | DayRolled
    | TradePeaked
    | EquitySampled
    | AuthorityChanged
    | EntriesPaused
    | EntriesResumed
    | PauseEndsSoon
    | ClosingOrdered
    | OrderIdsReserved
    | FaultRecorded
)
