"""The ledger conserves money: every won, dollar and coin of every fill is somewhere, once."""

from collections import defaultdict
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests.support.builders import (
    AT_NS,
    BINANCE_BTC,
    BITHUMB_BTC,
    BTC,
    NOW_NS,
    UPBIT_BTC,
    a_dollar_book,
    a_fill,
    a_market,
    some_balances,
    some_instruments,
)
from trader.domain.account import Holding
from trader.domain.facts import FillBooked, InventoryRebased
from trader.domain.instrument import KRW, USDT, InstrumentId, split_id
from trader.domain.order import LedgerName, Side, TradeId
from trader.execution.paper import taker_fee
from trader.portfolio.booking import book_fill
from trader.portfolio.ledger import Ledger

pytestmark = pytest.mark.fast

INSTRUMENTS = some_instruments()
TRADES = [TradeId("T1"), TradeId("T2")]


class Dealt(Struct, frozen=True):
    """One fill as it is drawn: lots of 0.00001, prices in cents of the quote."""

    trade: TradeId
    instrument: InstrumentId
    side: Side
    lots: int
    price_cents: int
    dollar: int


DEALS = st.lists(
    st.builds(
        Dealt,
        trade=st.sampled_from(TRADES),
        instrument=st.sampled_from([UPBIT_BTC, BITHUMB_BTC, BINANCE_BTC]),
        side=st.sampled_from(list(Side)),
        lots=st.integers(1, 100_000),
        price_cents=st.integers(1, 20_000_000_000),
        dollar=st.integers(900, 2_000),
    ),
    min_size=1,
    max_size=15,
)


def a_funded_ledger() -> Ledger:
    """A paper ledger with plenty of everything."""
    ledger = Ledger(LedgerName.PAPER, INSTRUMENTS)
    for (venue, asset), quantity in some_balances().items():
        ledger.apply(InventoryRebased(AT_NS, LedgerName.PAPER, venue, asset, quantity, "test"))
    return ledger


def book(deals: list[Dealt]) -> list[FillBooked]:
    """The facts of these fills, each at the dollar of its moment."""
    facts, numbers = [], count()
    for deal in deals:
        market = a_market(a_dollar_book(deal.dollar, deal.dollar + 1))
        quantity, price = deal.lots * Decimal("0.00001"), deal.price_cents / Decimal(100)
        instrument = INSTRUMENTS[deal.instrument]
        fee, asset = taker_fee(instrument, deal.side, price, quantity)
        fill = a_fill(
            deal.instrument,
            deal.side,
            quantity,
            price,
            fee=fee,
            fee_asset=asset,
            key=str(next(numbers)),
        )
        facts.append(
            book_fill(
                fill, LedgerName.PAPER, deal.trade, INSTRUMENTS, market, NOW_NS, max_age_ms=3_000.0
            )
        )
    return facts


@given(DEALS)
def test_balances_are_the_sum_of_fills_and_fees(deals: list[Dealt]) -> None:
    """To the last digit, in every asset at every venue."""
    ledger, expected = a_funded_ledger(), defaultdict[Holding, Decimal](Decimal)
    expected.update(some_balances())
    for fact in book(deals):
        ledger.apply(fact)
        fill = fact.fill
        venue, base, quote = split_id(fill.instrument)
        bought = fill.side is Side.BUY
        expected[venue, base] += fill.quantity if bought else -fill.quantity
        money = fill.quantity * fill.price
        expected[venue, quote] += -money if bought else money
        expected[venue, fill.fee_asset] -= fill.fee

    assert ledger.balances == expected


@given(DEALS)
def test_booked_profit_is_cash_plus_what_is_still_open(deals: list[Dealt]) -> None:
    """Won in less won out less fees, plus the entry cost of open legs, is what was booked."""
    ledger, cash, fees = a_funded_ledger(), Decimal(0), Decimal(0)
    for fact in book(deals):
        ledger.apply(fact)
        cash += fact.value_krw if fact.fill.side is Side.SELL else -fact.value_krw
        fees += fact.fee_krw

    open_cost = sum(
        (position.cost_krw for trade in ledger.trades.values() for _, position in trade.legs),
        Decimal(0),
    )
    assert ledger.realised_krw == cash + open_cost
    assert ledger.fees_krw == fees
    assert ledger.booked_krw == cash + open_cost - fees


@given(DEALS, st.integers(1, 300_000_000))
def test_equity_is_cash_and_holdings_at_their_marks(deals: list[Dealt], mark: int) -> None:
    """Booked plus unrealised is the cash that moved plus what is held now, at any price."""
    ledger, cash, held = a_funded_ledger(), Decimal(0), Decimal(0)
    for fact in book(deals):
        ledger.apply(fact)
        signed = fact.fill.side.sign * fact.fill.quantity
        cash -= fact.fill.side.sign * fact.value_krw + fact.fee_krw
        held += signed

    unrealised = sum(
        (
            position.unrealised_krw(Decimal(mark))
            for trade in ledger.trades.values()
            for _, position in trade.legs
        ),
        Decimal(0),
    )
    assert ledger.booked_krw + unrealised == cash + held * mark


@given(DEALS)
def test_the_ledger_is_the_sum_of_its_trades(deals: list[Dealt]) -> None:
    """No money is booked beside a trade."""
    ledger = a_funded_ledger()
    for fact in book(deals):
        ledger.apply(fact)

    trades = ledger.trades.values()
    assert ledger.realised_krw == sum((trade.realised_krw for trade in trades), Decimal(0))
    assert ledger.fees_krw == sum((trade.fees_krw for trade in trades), Decimal(0))
    assert ledger.booked_krw == sum((trade.pnl_krw for trade in trades), Decimal(0))


@given(DEALS)
def test_what_is_free_is_never_more_than_what_is_held(deals: list[Dealt]) -> None:
    """Orders only ever hold something back."""
    ledger = a_funded_ledger()
    for fact in book(deals):
        ledger.apply(fact)
        free = ledger.free()
        assert all(free[holding] <= ledger.balances[holding] for holding in ledger.balances)


def test_the_drawn_fills_pay_both_kinds_of_fee() -> None:
    """The rules above are about fees in coin as well as in money."""
    facts = book(
        [
            Dealt(TRADES[0], BINANCE_BTC, Side.BUY, 66, 10_800_000, 1_389),
            Dealt(TRADES[0], BINANCE_BTC, Side.SELL, 66, 10_800_000, 1_389),
            Dealt(TRADES[0], UPBIT_BTC, Side.BUY, 66, 15_000_000_000, 1_389),
        ]
    )

    assert [fact.fill.fee_asset for fact in facts] == [BTC, USDT, KRW]
