"""Builders of the core's values: books, markets, instruments, accounts, limits, proposals, trades.

Every builder is complete by itself and lets a test change only what its rule is about. Prices and
quantities may be given as text or numbers; they become the types the core uses. The figures are
those of the documented example: a Bitcoin at about 150 million won, a dollar at 1,389.5.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.domain.account import Account, Holding, Limits
from trader.domain.control import Mode
from trader.domain.instrument import (
    BINANCE,
    BITHUMB,
    KRW,
    UPBIT,
    USDT,
    Asset,
    FeeIn,
    FeeSchedule,
    Instrument,
    InstrumentId,
    TickBand,
    instrument_id,
    split_id,
)
from trader.domain.market import MarketView, OrderBook
from trader.domain.order import (
    ClientOrderId,
    Evidence,
    Fill,
    Intent,
    LedgerName,
    PairName,
    Proposal,
    Purpose,
    Side,
    TradeId,
)
from trader.domain.position import Position
from trader.domain.trade import Trade, TradePhase
from trader.engine.rules import EngineRules
from trader.portfolio.rebalancer import RebalanceRules
from trader.portfolio.stoploss import StopRules
from trader.risk.breakers import BreakerRules
from trader.strategy.protocol import StrategyPair, StrategyParameters
from trader.strategy.spread import SpreadStrategy

Number = Decimal | str | int | float
"""What a price or quantity may be written as in a test."""

BTC = Asset("BTC")
UPBIT_BTC = instrument_id(UPBIT, BTC, KRW)
BITHUMB_BTC = instrument_id(BITHUMB, BTC, KRW)
BINANCE_BTC = instrument_id(BINANCE, BTC, USDT)
UPBIT_USDT = instrument_id(UPBIT, USDT, KRW)

UPBIT_BINANCE = PairName("upbit-binance")
UPBIT_BITHUMB = PairName("upbit-bithumb")
SELL_UPBIT = "upbit>binance"
SELL_BINANCE = "binance>upbit"

AT_NS = 1_767_571_200_000_000_000
"""2026-01-05 00:00:00 UTC, 09:00 in Seoul."""
SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
NOW_NS = 100 * SECOND_NS
"""The monotonic instant at which the builders' books are stated."""
DEEP = 50
"""Bitcoins at every level of a deep book: no order of ours reaches beyond the first."""


def dec(value: Number) -> Decimal:
    """A decimal of what a test wrote; a float by its shortest form."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


# instruments


def an_instrument(
    name: InstrumentId = UPBIT_BTC,
    *,
    tick: Number = 1000,
    lot: Number = "0.00000001",
    minimum: Number = 5000,
    fee_pct: Number = "0.05",
    fee_in: FeeIn = FeeIn.QUOTE,
    tradable: bool = True,
    halted: bool = False,
) -> Instrument:
    """An instrument with one tick for all prices; by default Bitcoin in won at Upbit."""
    venue, base, quote = split_id(name)
    return Instrument(
        id=name,
        venue=venue,
        base=base,
        quote=quote,
        bands=(TickBand(Decimal(0), dec(tick)),),
        lot=dec(lot),
        min_notional=dec(minimum),
        fees=FeeSchedule(dec(fee_pct), fee_in),
        tradable=tradable,
        halted=halted,
    )


def some_instruments(**changes: Instrument) -> dict[InstrumentId, Instrument]:
    """The four instruments of the mock market; ``changes`` replace any by its venue and base.

    For instance ``some_instruments(upbit_BTC=an_instrument(fee_pct=1))``.
    """
    known = {
        "upbit_BTC": an_instrument(),
        "bithumb_BTC": an_instrument(BITHUMB_BTC, fee_pct="0.04"),
        "binance_BTC": an_instrument(
            BINANCE_BTC,
            tick="0.01",
            lot="0.00001",
            minimum=5,
            fee_pct="0.10",
            fee_in=FeeIn.RECEIVED,
        ),
        "upbit_USDT": an_instrument(UPBIT_USDT, tick=1),
    }
    unknown = changes.keys() - known.keys()
    assert not unknown, f"no such instrument: {unknown}"
    return {instrument.id: instrument for instrument in (known | changes).values()}


# market


def a_book(
    instrument: InstrumentId = UPBIT_BTC,
    bid: Number = 150_900_000,
    ask: Number = 150_910_000,
    size: Number = DEEP,
    *,
    bids: Sequence[tuple[Number, Number]] | None = None,
    asks: Sequence[tuple[Number, Number]] | None = None,
    mono_ns: int = NOW_NS,
    at_ns: int = AT_NS,
    venue_ns: int | None = None,
) -> OrderBook:
    """A book with one deep level a side, or with the ``bids`` and ``asks`` given."""
    return OrderBook(
        instrument=instrument,
        bids=_levels(bids if bids is not None else [(bid, size)]),
        asks=_levels(asks if asks is not None else [(ask, size)]),
        at_ns=at_ns,
        mono_ns=mono_ns,
        venue_ns=venue_ns,
    )


def a_dollar_book(
    bid: Number = 1389, ask: Number = 1390, size: Number = 10_000_000, *, mono_ns: int = NOW_NS
) -> OrderBook:
    """Upbit's KRW-USDT book, mid 1,389.5."""
    return a_book(UPBIT_USDT, bid, ask, size, mono_ns=mono_ns)


def some_books(*, mono_ns: int = NOW_NS) -> list[OrderBook]:
    """The books of the documented example's entry, and a Bithumb between the two."""
    return [
        a_book(UPBIT_BTC, 150_900_000, 150_910_000, mono_ns=mono_ns),
        a_book(BITHUMB_BTC, 150_500_000, 150_510_000, mono_ns=mono_ns),
        a_book(BINANCE_BTC, "107990", "108000", mono_ns=mono_ns),
        a_dollar_book(mono_ns=mono_ns),
    ]


def a_market(*books: OrderBook, mono_ns: int = NOW_NS) -> MarketView:
    """The books of the documented example's entry, those given in their place."""
    market = MarketView(UPBIT_USDT)
    for book in (*some_books(mono_ns=mono_ns), *books):
        market.update(book)
    return market


# account and limits


def an_account(**changes: Any) -> Account:
    """An idle ledger with plenty of everything everywhere."""
    idle = Account(
        exposure_krw=Decimal(0),
        open_trades=0,
        loss_today_krw=Decimal(0),
        marks_age_ms=0.0,
        orders_last_minute=0,
        free=some_balances(),
        reserved={},
        reducible={UPBIT_BTC: Decimal(1), BINANCE_BTC: Decimal(1), BITHUMB_BTC: Decimal(1)},
        breakers=0,
        paused=False,
    )
    return replace(idle, **changes)


def some_balances(**changes: Number) -> dict[Holding, Decimal]:
    """Plenty of everything; ``changes`` by venue and asset, for instance ``upbit_KRW=0``."""
    plenty = {
        (UPBIT, KRW): Decimal(5_000_000),
        (UPBIT, BTC): Decimal("0.05"),
        (BITHUMB, KRW): Decimal(5_000_000),
        (BITHUMB, BTC): Decimal("0.05"),
        (BINANCE, USDT): Decimal(5_000),
        (BINANCE, BTC): Decimal("0.05"),
    }
    for (venue, asset), name in [(holding, "_".join(holding)) for holding in plenty]:
        if name in changes:
            plenty[venue, asset] = dec(changes.pop(name))
    assert not changes, f"no such holding: {changes}"
    return plenty


def some_limits(**changes: Any) -> Limits:
    """The documented defaults; numbers may be written as text."""
    given: dict[str, Number | None] = {
        "min_confidence": "0.3",
        "max_slippage_pct": "0.30",
        "max_position_size_krw": 300_000,
        "max_daily_loss_krw": 150_000,
        "min_profit_pct": "0.05",
        "min_liquidity_krw": 20_000_000,
        "max_order_delay_ms": 2_500,
        "price_collar_pct": "1.0",
        "exit_collar_pct": "2.0",
        "max_venue_gap_pct": "10.0",
        "max_exposure_krw": 1_000_000,
        "rebalancer_max_exposure_krw": 600_000,
        "max_open_positions": 5,
        "max_entry_orders_per_minute": 50,
        "max_ws_age_ms": 3_000,
        "max_book_skew_ms": 1_000,
        "max_unwind_slippage_pct": "0.50",
    }
    unknown = changes.keys() - given.keys()
    assert not unknown, f"no such limit: {unknown}"
    return Limits(
        **{name: None if value is None else dec(value) for name, value in (given | changes).items()}
    )


# orders


def some_evidence(**changes: Any) -> Evidence:
    """What the strategy saw in the documented example."""
    seen = Evidence(
        spread_pct=Decimal("0.5196"),
        fees_pct=Decimal("0.30"),
        slippage_pct=Decimal(0),
        expected_net_pct=Decimal("0.1696"),
        confidence=Decimal(1),
        usdt_krw=Decimal(1390),
    )
    return replace(seen, **changes)


def an_intent(
    instrument: InstrumentId = UPBIT_BTC,
    side: Side = Side.SELL,
    quantity: Number = "0.00066",
    limit_price: Number = 150_900_000,
) -> Intent:
    """A sale of 0.00066 Bitcoin at Upbit."""
    return Intent(instrument, side, dec(quantity), dec(limit_price))


def a_proposal(*intents: Intent, **changes: Any) -> Proposal:
    """The documented example's opening: sell at Upbit, buy at Binance."""
    opening = Proposal(
        pair=UPBIT_BINANCE,
        direction=SELL_UPBIT,
        purpose=Purpose.OPEN,
        ledger=LedgerName.PAPER,
        intents=intents
        or (
            an_intent(UPBIT_BTC, Side.SELL, "0.00066", 150_900_000),
            an_intent(BINANCE_BTC, Side.BUY, "0.00066", 108_000),
        ),
        signal_ns=NOW_NS,
        evidence=some_evidence(),
    )
    return replace(opening, **changes)


def a_completion(*intents: Intent, **changes: Any) -> Proposal:
    """The buying leg of the documented example's opening, filled up by itself."""
    missing = intents or (an_intent(BINANCE_BTC, Side.BUY, "0.00066", 108_000),)
    return a_proposal(
        *missing, **{"purpose": Purpose.COMPLETE, "trade_id": TradeId("T1"), **changes}
    )


def a_closing(*intents: Intent, **changes: Any) -> Proposal:
    """The documented example's exit: buy back at Upbit, sell at Binance."""
    both = intents or (
        an_intent(UPBIT_BTC, Side.BUY, "0.00066", 150_910_000),
        an_intent(BINANCE_BTC, Side.SELL, "0.00066", 107_990),
    )
    return a_proposal(
        *both,
        **{"purpose": Purpose.EXIT, "trade_id": TradeId("T1"), "evidence": None, **changes},
    )


def a_fill(
    instrument: InstrumentId = UPBIT_BTC,
    side: Side = Side.SELL,
    quantity: Number = "0.00066",
    price: Number = 150_900_000,
    *,
    fee: Number = 0,
    fee_asset: Asset = KRW,
    key: str = "fill-1",
    order: str = "tr-test-1",
    at_ns: int = AT_NS,
) -> Fill:
    """One execution of an order; without a fee unless told."""
    return Fill(
        key=key,
        client_order_id=ClientOrderId(order),
        instrument=instrument,
        side=side,
        price=dec(price),
        quantity=dec(quantity),
        fee=dec(fee),
        fee_asset=fee_asset,
        at_ns=at_ns,
    )


# trades


def a_position(quantity: Number, average_krw: Number = 0) -> Position:
    """A signed quantity at an average price in won."""
    return Position(dec(quantity), dec(quantity) * dec(average_krw))


def a_trade(*legs: tuple[InstrumentId, Position], **changes: Any) -> Trade:
    """The documented example's trade after its entry; open, both legs whole, fees not booked."""
    standing = legs or (
        (UPBIT_BTC, a_position("-0.00066", 150_900_000)),
        (BINANCE_BTC, a_position("0.00066", 150_066_000)),
    )
    notional = max(abs(position.cost_krw) for _, position in standing)
    trade = Trade(
        id=TradeId("T1"),
        ledger=LedgerName.PAPER,
        pair=UPBIT_BINANCE,
        direction=SELL_UPBIT,
        opened_ns=AT_NS,
        planned_krw=Decimal("99594"),
        legs=standing,
        phase=TradePhase.OPEN,
        entry_krw=notional,
    )
    return replace(trade, **changes)


# rules


def strategy_parameters(**changes: Any) -> StrategyParameters:
    """The documented defaults with both pairs."""
    given: dict[str, Any] = {
        "pairs": (
            StrategyPair(UPBIT_BINANCE, UPBIT_BTC, BINANCE_BTC),
            StrategyPair(UPBIT_BITHUMB, UPBIT_BTC, BITHUMB_BTC),
        ),
        "exit_spread_pct": Decimal("0.05"),
        "min_profit_pct": Decimal("0.05"),
        "position_size_krw": Decimal(100_000),
        "max_unwind_slippage_pct": Decimal("0.50"),
        "usdt_krw": UPBIT_USDT,
    }
    return StrategyParameters(**(given | changes))


def a_strategy(
    instruments: Mapping[InstrumentId, Instrument] | None = None, **changes: Any
) -> SpreadStrategy:
    """The spread strategy; ``changes`` are of its parameters."""
    return SpreadStrategy(strategy_parameters(**changes), instruments or some_instruments())


def breaker_rules(**changes: Any) -> BreakerRules:
    """The documented bounds of the breakers."""
    given = {
        "max_daily_loss_krw": Decimal(150_000),
        "max_unhedged_seconds": Decimal(10),
        "unknown_latch_seconds": Decimal(60),
    }
    return BreakerRules(**(given | changes))


def engine_rules(**changes: Any) -> EngineRules:
    """The documented defaults, in mock mode."""
    given: dict[str, Any] = {
        "name": "test",
        "mode": Mode.MOCK,
        "limits": some_limits(),
        "strategy": strategy_parameters(),
        "stop": StopRules(),
        "rebalance": RebalanceRules(),
        "breakers": breaker_rules(),
        "max_holding_minutes": 1_440,
        "max_trades_per_pair": 1,
        "max_repeats": 5,
        "repeat_window_minutes": 10,
        "unwind_interval_ms": 1_000,
        "closing_alarm_seconds": Decimal(10),
        "max_ws_age_ms": 3_000.0,
        "paper_balance_krw": Decimal(5_000_000),
    }
    return EngineRules(**(given | changes))


def _levels(levels: Sequence[tuple[Number, Number]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(price), float(size)) for price, size in levels)
