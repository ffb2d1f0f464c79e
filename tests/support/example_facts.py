"""One fact of every type that is told, with every field filled, and the types that are not."""

from decimal import Decimal

from trader.domain.authority import HALT_LIFTED, Authority, Latch, Level
from trader.domain.control import BlockReason, CheckName, Mode
from trader.domain.decision import CheckResult, Decision
from trader.domain.facts import (
    ActivityCounted,
    AuthorityChanged,
    BalanceMissed,
    BalanceSettled,
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    Cause,
    ClosingBegan,
    ClosingEnded,
    ClosingFreed,
    ClosingOrdered,
    ClosingsRestored,
    ClosingsRevoked,
    ClosingStuck,
    DayRolled,
    DirectionEmptied,
    DirectionRefilled,
    DustMoved,
    EngineStarted,
    EngineStopped,
    EntriesPaused,
    EntriesResumed,
    EpochAccepted,
    EquitySampled,
    Fact,
    FaultRecorded,
    FeeChanged,
    FeedRecovered,
    FeedWentStale,
    FillBooked,
    GateChanged,
    InventoryLevelled,
    InventoryRebased,
    InventorySkewed,
    LegHedged,
    LegUnhedged,
    OrderAccepted,
    OrderIdsReserved,
    OrderMoved,
    OrdersAdopted,
    OrdersApproved,
    OrdersAtHalt,
    OrdersAtHaltEnded,
    PauseEndsSoon,
    PositionsUnguarded,
    RebalanceBegan,
    RefusalBegan,
    RefusalEnded,
    RestBegan,
    StopLossTriggered,
    TradeAbandoned,
    TradeClosed,
    TradeOpened,
    TradePeaked,
)
from trader.domain.instrument import BINANCE, UPBIT, Asset, InstrumentId
from trader.domain.market import BookFlaw
from trader.domain.order import (
    ApprovedOrder,
    ClientOrderId,
    DecisionId,
    Intent,
    LedgerName,
    OrderState,
    PairName,
    Purpose,
    Side,
    TradeId,
)
from trader.domain.trade_facts import HandOrder, OpenTrade, OrderAtHalt, OrderEnd, PriceBasis

AT_NS = 1_795_000_000_000_000_000
LIVE, PAPER = LedgerName.LIVE, LedgerName.PAPER
PAIR = PairName("upbit-binance")
TRADE = TradeId("t-1")
ORDER = ClientOrderId("tr-1-1")
DIRECTION = "upbit>binance"
UPBIT_BTC = InstrumentId("upbit:BTC-KRW")
BINANCE_BTC = InstrumentId("binance:BTC-USDT")
ETH = InstrumentId("upbit:ETH-KRW")
BTC = Asset("BTC")

SILENT_FACTS: frozenset[type] = frozenset(
    {
        OrdersApproved,
        FillBooked,
        ActivityCounted,
        TradeAbandoned,
        RestBegan,
        ClosingBegan,
        ClosingEnded,
        TradePeaked,
        InventoryRebased,
        DayRolled,
        EquitySampled,
        OrderIdsReserved,
        ClosingOrdered,
        EpochAccepted,
        OrderAccepted,
    }
)


def a_refusal(check: CheckName = CheckName.SLIPPAGE, fault: str = "") -> RefusalBegan:
    """A check began to refuse on the paper ledger."""
    result = CheckResult(check, False, Decimal("0.35"), Decimal("0.30"), 12.5, fault)
    decision = Decision(
        DecisionId("d-7"), AT_NS, PAIR, DIRECTION, Purpose.OPEN, PAPER, (), None, (result,), False
    )
    return RefusalBegan(AT_NS, PAIR, DIRECTION, check, result, decision)


def an_order_moved(state: OrderState) -> OrderMoved:
    """An order of the live ledger reached ``state``."""
    return OrderMoved(AT_NS, LIVE, ORDER, TRADE, state, Decimal("0.00066"), "timeout")


def a_breaker(
    breaker: BreakerCode = BreakerCode.REJECT_RATE, ledger: LedgerName = LIVE
) -> BreakerTripped:
    """A breaker opened."""
    return BreakerTripped(AT_NS, ledger, breaker, "upbit", Decimal(11), Decimal(10))


def a_revocation() -> ClosingsRevoked:
    """Three legs to be closed by hand: priced now, priced a while ago, not priced."""
    orders = (
        HandOrder(
            TRADE,
            UPBIT_BTC,
            Side.BUY,
            Decimal("0.0123"),
            PriceBasis.LIMIT,
            Decimal("51234000"),
            40,
        ),
        HandOrder(
            TRADE,
            BINANCE_BTC,
            Side.SELL,
            Decimal("0.0123"),
            PriceBasis.MID,
            Decimal("36890.155"),
            12_000,
        ),
        HandOrder(TradeId("t-2"), ETH, Side.SELL, Decimal("1.5"), PriceBasis.MARKET),
    )
    blocks = (BlockReason.ENV_FLAG_MISSING, BlockReason.CONFIRM_FILE_MISSING)
    return ClosingsRevoked(AT_NS, blocks, orders)


def an_adoption() -> OrdersAdopted:
    """Both legs of an opening came back from their venues."""
    orders = tuple(
        ApprovedOrder(
            ClientOrderId(f"tr-main-k3x9a7q2-{number}"),
            TRADE,
            PAIR,
            LIVE,
            Purpose.OPEN,
            Intent(instrument, side, Decimal("0.00066"), Decimal(price)),
            -1,
            0,
        )
        for number, (instrument, side, price) in enumerate(
            ((UPBIT_BTC, Side.SELL, "150900000"), (BINANCE_BTC, Side.BUY, "108000")), 1005
        )
    )
    legs = (UPBIT_BTC, BINANCE_BTC)
    created_ns = AT_NS - 1_000_000_000
    return OrdersAdopted(AT_NS, TRADE, DIRECTION, created_ns, Decimal(99594), legs, orders)


def an_order_at_halt(
    number: int = 1,
    state: OrderState = OrderState.ACKNOWLEDGED,
    side: Side = Side.SELL,
    instrument: InstrumentId = UPBIT_BTC,
) -> OrderAtHalt:
    """An order of 0.00066, which a halt found in flight."""
    return OrderAtHalt(
        LIVE, ClientOrderId(f"tr-main-{number}"), instrument, side, Decimal("0.00066"), state
    )


def an_order_end(
    number: int,
    state: OrderState,
    executed: str = "0",
    price: str | None = None,
    reason: str = "",
) -> OrderEnd:
    """How such an order ended."""
    return OrderEnd(
        an_order_at_halt(number, state),
        Decimal(executed),
        None if price is None else Decimal(price),
        reason,
    )


A_HALT = Authority(Level.HALT, 1, Latch("HALT", "me", AT_NS, None))
A_FLIGHT = OrdersAtHalt(
    AT_NS,
    5,
    (
        an_order_at_halt(1),
        an_order_at_halt(2, OrderState.UNKNOWN, Side.BUY, BINANCE_BTC),
    ),
)
THEIR_ENDS = OrdersAtHaltEnded(
    AT_NS,
    5,
    (
        an_order_end(1, OrderState.FILLED, "0.00066", "150900000"),
        an_order_end(2, OrderState.CANCELLED, "0.0003", "150900123.456789"),
        an_order_end(3, OrderState.CANCELLED),
        an_order_end(4, OrderState.REJECTED, reason="insufficient_funds_bid"),
        an_order_end(5, OrderState.BLOCKED, reason="HALTED"),
        an_order_end(6, OrderState.UNKNOWN),
        an_order_end(7, OrderState.QUARANTINED, "0.0003", "150900000"),
    ),
)

TOLD_FACTS: tuple[Fact, ...] = (
    EngineStarted(AT_NS, "main", Mode.LIVE, "0.1.0", 7),
    EngineStopped(AT_NS, "SIGTERM"),
    PositionsUnguarded(AT_NS, Mode.MOCK, 2),
    AuthorityChanged(AT_NS, A_HALT, (OpenTrade(PAIR, DIRECTION, Decimal("99594.4")),)),
    AuthorityChanged(AT_NS, Authority(Level.PAPER, 2, Latch(HALT_LIFTED, "host", AT_NS, None))),
    AuthorityChanged(AT_NS, Authority(Level.PAPER, 3, Latch("CRASH", "host", AT_NS, None))),
    AuthorityChanged(AT_NS, Authority(Level.LIVE, 4)),
    GateChanged(AT_NS, Mode.LIVE, False, (BlockReason.ENV_FLAG_MISSING, BlockReason.DRY_RUN)),
    GateChanged(AT_NS, Mode.LIVE, True, ()),
    an_order_moved(OrderState.UNKNOWN),
    an_order_moved(OrderState.QUARANTINED),
    an_order_moved(OrderState.FILLED),
    a_refusal(fault="missing"),
    RefusalEnded(AT_NS, PAIR, DIRECTION, CheckName.SLIPPAGE, 12, AT_NS - 5_000_000_000),
    TradeOpened(AT_NS, LIVE, TRADE, PAIR, DIRECTION, Decimal(99594), Decimal("0.5196")),
    TradeClosed(
        AT_NS,
        LIVE,
        TRADE,
        PAIR,
        DIRECTION,
        Purpose.EXIT,
        Decimal("249.561873"),
        Decimal("297.545127"),
        Decimal(99594),
        AT_NS - 60_000_000_000,
    ),
    StopLossTriggered(
        AT_NS, PAPER, TRADE, PAIR, DIRECTION, Decimal("-1195.491"), Decimal("-1195.128")
    ),
    ClosingStuck(
        AT_NS, LIVE, TRADE, PAIR, Purpose.STOP_LOSS, (CheckName.BALANCE, CheckName.BOOK_AGE), 10500
    ),
    ClosingFreed(AT_NS, LIVE, TRADE, PAIR),
    LegUnhedged(AT_NS, LIVE, TRADE, PAIR, UPBIT_BTC, Decimal("-0.00066"), Decimal(99594)),
    LegHedged(AT_NS, LIVE, TRADE, PAIR),
    DustMoved(AT_NS, LIVE, TRADE, UPBIT_BTC, Decimal("6.6E-7"), Decimal("99.04356")),
    RebalanceBegan(AT_NS, LIVE, TRADE, PAIR, Decimal(650000), Decimal(600000), Decimal(30)),
    DirectionEmptied(AT_NS, LIVE, PAIR, DIRECTION, BTC, Decimal("0.01"), BINANCE, UPBIT),
    DirectionRefilled(AT_NS, LIVE, PAIR, DIRECTION),
    InventorySkewed(AT_NS, LIVE, BTC, Decimal("91.5"), Decimal("0.02"), BINANCE, UPBIT),
    InventoryLevelled(AT_NS, LIVE, BTC),
    a_breaker(),
    a_breaker(BreakerCode.DAILY_LOSS),
    BreakerCleared(AT_NS, LIVE, BreakerCode.REJECT_RATE, "upbit"),
    BreakerCleared(AT_NS, LIVE, BreakerCode.DAILY_LOSS, "upbit"),
    FeedWentStale(AT_NS, UPBIT_BTC, 3200.0, BookFlaw.CROSSED),
    FeedRecovered(AT_NS, UPBIT_BTC, 12500.0),
    FeeChanged(AT_NS, UPBIT_BTC, Decimal("0.05"), Decimal("0.139")),
    EntriesPaused(AT_NS, "kim", "lunch"),
    EntriesPaused(AT_NS, "kim", "lunch", "upbit", AT_NS + 600_000_000_000, AT_NS, AT_NS),
    PauseEndsSoon(AT_NS, "upbit", AT_NS + 120_000_000_000),
    EntriesResumed(AT_NS, "kim"),
    EntriesResumed(AT_NS, "engine", "upbit"),
    FaultRecorded(AT_NS, "feeds.upbit", "could not parse"),
    a_revocation(),
    ClosingsRestored(AT_NS, 2),
    A_FLIGHT,
    THEIR_ENDS,
    an_adoption(),
    BalanceMissed(
        AT_NS, UPBIT, BTC, Decimal("0.5"), Decimal("0.3"), Decimal("0.25"), Cause.WITHDRAWAL
    ),
    BalanceSettled(AT_NS, UPBIT, BTC, "host"),
)
