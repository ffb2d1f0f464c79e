"""Fact: all that may become true and is journaled.

Facts carry ``at_ns`` (UTC). The journal stores them as JSON tagged by name, so a field may be added
with a default and never renamed.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.authority import Authority
from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.decision import CheckResult, Decision, RefusalCount
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.market import BookFlaw
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    Fill,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    TradeId,
)


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


class PositionsUnguarded(Struct, frozen=True, tag=True):
    """Live positions stand and this process, in mock or paper, guards none of them."""

    at_ns: int
    mode: Mode
    count: int


class EngineStopped(Struct, frozen=True, tag=True):
    """A process ended as it should."""

    at_ns: int
    reason: str


class GateChanged(Struct, frozen=True, tag=True):
    """The live gate opened or shut, or the reasons why it is shut changed."""

    at_ns: int
    mode: Mode
    live: bool
    blocks: tuple[BlockReason, ...]


class OrdersApproved(Struct, frozen=True, tag=True):
    """Orders the engine has decided to send, all of them in one step."""

    at_ns: int
    trade_id: TradeId
    decision: Decision
    orders: tuple[ApprovedOrder, ...]


class OrderMoved(Struct, frozen=True, tag=True):
    """An order reached another state, or executed further."""

    at_ns: int
    ledger: LedgerName
    client_order_id: ClientOrderId
    trade_id: TradeId
    state: OrderState
    executed: Decimal
    reason: str = ""


class FillBooked(Struct, frozen=True, tag=True):
    """A fill entered the ledger. Won values are at ``usdt_krw`` where the quote is dollars."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    fill: Fill
    value_krw: Decimal
    fee_krw: Decimal
    usdt_krw: Decimal | None = None
    rate_stale: bool = False


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


class TradeOpened(Struct, frozen=True, tag=True):
    """A trade stands: its opening orders are final and something of it filled."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    entry_notional_krw: Decimal
    spread_pct: Decimal | None = None


class TradeAbandoned(Struct, frozen=True, tag=True):
    """An opening ended with nothing held."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    pnl_krw: Decimal


class TradeClosed(Struct, frozen=True, tag=True):
    """A trade is flat. ``pnl_krw`` is price differences less fees, of all its fills."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    reason: Purpose
    pnl_krw: Decimal
    fees_krw: Decimal
    entry_notional_krw: Decimal
    opened_ns: int


class StopLossTriggered(Struct, frozen=True, tag=True):
    """A trade, or a lone leg, reached its stop; the closing follows."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    direction: str
    change_krw: Decimal
    limit_krw: Decimal


class ClosingBegan(Struct, frozen=True, tag=True):
    """The engine decided to close a trade and goes on until ``keep`` of each leg is left."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    purpose: Purpose
    keep: Decimal = Decimal(0)


class ClosingEnded(Struct, frozen=True, tag=True):
    """A partial closing reached what it was to keep; the trade stands on."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId


class ClosingStuck(Struct, frozen=True, tag=True):
    """A closing could not go out for as long as the alarm allows; every check that refused it."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    purpose: Purpose
    checks: tuple[CheckName, ...]
    waited_ms: int


class ClosingFreed(Struct, frozen=True, tag=True):
    """A closing that was stuck went out."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName


class LegUnhedged(Struct, frozen=True, tag=True):
    """One leg stands beyond the other, longer than allowed or after a failed unwinding."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    instrument: InstrumentId
    quantity: Decimal
    notional_krw: Decimal


class LegHedged(Struct, frozen=True, tag=True):
    """A leg that was alone is whole again or gone."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName


class DustMoved(Struct, frozen=True, tag=True):
    """A remainder under the venue's minimum went from a trade to inventory at entry price."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    instrument: InstrumentId
    quantity: Decimal
    cost_krw: Decimal


class RebalanceBegan(Struct, frozen=True, tag=True):
    """Exposure passed the rebalancer's limit; a share of the worst trade is closed."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    pair: PairName
    exposure_krw: Decimal
    limit_krw: Decimal
    share_pct: Decimal


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


class TradePeaked(Struct, frozen=True, tag=True):
    """A trailing stop moved up: the best value change of an open trade so far."""

    at_ns: int
    ledger: LedgerName
    trade_id: TradeId
    best_krw: Decimal


class AuthorityChanged(Struct, frozen=True, tag=True):
    """What people permit changed; synced to disk before anybody is answered."""

    at_ns: int
    authority: Authority


class EntriesPaused(Struct, frozen=True, tag=True):
    """An operator blocked entries."""

    at_ns: int
    by: str
    reason: str = ""


class EntriesResumed(Struct, frozen=True, tag=True):
    """An operator let entries go again."""

    at_ns: int
    by: str


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
    | LegUnhedged
    | LegHedged
    | DustMoved
    | RebalanceBegan
    | InventoryRebased
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
    | OrderIdsReserved
    | FaultRecorded
)
