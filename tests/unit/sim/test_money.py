"""Money is conserved to the last digit, whatever is placed, filled, cancelled or refused."""

import contextlib
from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from tests.support.sim_floor import (
    ASKS,
    BIDS,
    BINANCE_ASKS,
    BINANCE_BIDS,
    BINANCE_BTC,
    UPBIT_BTC,
    Floor,
    a_limit,
)
from trader.domain.instrument import BINANCE, UPBIT, Asset, InstrumentId, Venue, split_id
from trader.domain.market import exact
from trader.domain.order import Side
from trader.sim.model import (
    Account,
    Kind,
    Levels,
    NewOrder,
    OrderFilled,
    Refused,
    SelfTrade,
    TimeInForce,
)
from trader.sim.money import EXACT

D = Decimal
_PLACES = {
    UPBIT_BTC: (D(149_990_000), D(1_000), 8),
    BINANCE_BTC: (D("107990.00"), D("0.01"), 5),
}
Book = tuple[Levels, Levels]
Step = NewOrder | Book | int


@st.composite
def orders(draw: st.DrawFn, instrument: InstrumentId) -> NewOrder:
    """Any order near the market, sound or not quite."""
    floor, tick, places = _PLACES[instrument]
    kind = draw(st.sampled_from(Kind))
    side = draw(st.sampled_from(Side))
    quantity: Decimal | None = D(draw(st.integers(1, 30_000_000))).scaleb(-8)
    assert quantity is not None
    if draw(st.booleans()):
        quantity = quantity.quantize(D(1).scaleb(-places))
    price = funds = None
    if kind is Kind.LIMIT:
        price = floor + tick * draw(st.integers(0, 30))
    elif side is Side.BUY and draw(st.booleans()):
        quantity, funds = None, D(draw(st.integers(6, 9_000_000)))
    return NewOrder(
        instrument,
        side,
        kind,
        quantity,
        price,
        funds,
        draw(st.sampled_from(TimeInForce)),
        draw(st.sampled_from(("", "a", "b"))),
        draw(st.sampled_from(SelfTrade)),
    )


@st.composite
def books(draw: st.DrawFn, instrument: InstrumentId) -> Book:
    """The usual book, moved by some ticks."""
    shift = draw(st.integers(-12, 12)) * float(_PLACES[instrument][1])
    sides = (BIDS, ASKS) if instrument == UPBIT_BTC else (BINANCE_BIDS, BINANCE_ASKS)
    bids, asks = (tuple((round(price + shift, 2), size) for price, size in side) for side in sides)
    return bids, asks


def steps(instrument: InstrumentId) -> st.SearchStrategy[list[Step]]:
    """Orders, restated books, and cancels of the n-th open order."""
    return st.lists(
        st.one_of(orders(instrument), books(instrument), st.integers(0, 3)), max_size=25
    )


class TestConservation:
    """What the account holds is what it held, plus its fills, less its fees."""

    @given(steps(UPBIT_BTC))
    def test_with_fees_in_quote(self, script: list[Step]) -> None:
        """Upbit: fees in won, exact to the last digit."""
        play_and_check(UPBIT, UPBIT_BTC, script)

    @given(steps(BINANCE_BTC))
    def test_with_fees_in_what_is_received(self, script: list[Step]) -> None:
        """Binance: fees in the coin for purchases, cut to eight places."""
        play_and_check(BINANCE, BINANCE_BTC, script)


def play_and_check(venue: Venue, instrument: InstrumentId, script: list[Step]) -> None:
    """Play a script; after every step the books balance."""
    floor = Floor()
    account = floor.account(venue)
    opening = {asset: balance.total for asset, balance in account.balances.items()}
    for step in script:
        match step:
            case NewOrder():
                with contextlib.suppress(Refused):
                    floor.exchange.place(account, step)
            case int():
                standing = floor.exchange.open_orders(account)
                if step < len(standing):
                    floor.exchange.cancel(account, order_id=standing[step].id)
            case (bids, asks):
                floor.exchange.state_book(instrument, bids, asks)
        with localcontext(EXACT):
            check_totals(floor, account, instrument, opening)
            check_locks(floor, account, instrument)


def check_totals(
    floor: Floor, account: Account, instrument: InstrumentId, opening: dict[Asset, Decimal]
) -> None:
    """Opening balance plus fills less fees is what is there now."""
    _, base, quote = split_id(instrument)
    expected = dict(opening)
    for order in floor.exchange.orders(account):
        assert order.executed == sum((each.quantity for each in order.trades), D(0))
        assert order.paid_fee == sum((each.fee for each in order.trades), D(0))
        for trade in order.trades:
            expected[base] += trade.quantity * trade.side.sign
            expected[quote] -= trade.price * trade.quantity * trade.side.sign
            expected[trade.fee_asset] -= trade.fee
    assert {asset: balance.total for asset, balance in account.balances.items()} == expected


def check_locks(floor: Floor, account: Account, instrument: InstrumentId) -> None:
    """What is locked is what open orders reserve; nothing is below zero."""
    _, base, quote = split_id(instrument)
    reserved = {base: D(0), quote: D(0)}
    for order in floor.exchange.open_orders(account):
        reserved[quote if order.side is Side.BUY else base] += order.locked
        assert order.locked > 0
    for asset, amount in reserved.items():
        assert account.balance(asset).locked == amount
    assert all(each.free >= 0 and each.locked >= 0 for each in account.balances.values())


class TestLiquidity:
    """Between two statements of a book nobody gets more than it displayed."""

    @given(steps(UPBIT_BTC))
    def test_fills_and_what_is_left_make_what_was_stated(self, script: list[Step]) -> None:
        """On both sides, whether orders took it or it came to orders at rest."""
        floor = Floor()
        account = floor.account()
        stated, since = (BIDS, ASKS), 0
        for step in script:
            if isinstance(step, NewOrder):
                with contextlib.suppress(Refused):
                    floor.exchange.place(account, step)
            elif not isinstance(step, int):
                stated, since = step, len(floor.events)
                floor.exchange.state_book(UPBIT_BTC, *step)
            filled = {Side.BUY: D(0), Side.SELL: D(0)}
            for event in floor.events[since:]:
                if isinstance(event, OrderFilled):
                    filled[event.trade.side] += event.trade.quantity
            book = floor.exchange.book(UPBIT_BTC)
            assert book is not None
            assert filled[Side.BUY] == total(stated[1]) - total(book.asks)
            assert filled[Side.SELL] == total(stated[0]) - total(book.bids)


def total(levels: Levels) -> Decimal:
    """All that stands on a side."""
    return sum((exact(size) for _, size in levels), D(0))


class TestFees:
    """Who pays what, in which asset."""

    def test_won_on_both_sides_at_upbit(self) -> None:
        """A purchase pays on top, a sale out of what it brings."""
        floor = Floor()
        account = floor.account()
        krw = account.balance(Asset("KRW")).free

        floor.exchange.place(account, a_limit("150000000", "0.01"))
        floor.exchange.place(account, a_limit("149999000", "0.01", Side.SELL))

        assert account.balance(Asset("KRW")).free == (
            krw - D(1_500_000) * D("1.0005") + D(1_499_990) * D("0.9995")
        )
        assert account.balance(Asset("BTC")).free == D(1)

    def test_received_asset_at_binance(self) -> None:
        """A purchase brings less coin than it filled."""
        floor = Floor()
        account = floor.account(BINANCE)

        bought = floor.exchange.place(account, a_limit("108000", "0.01", instrument=BINANCE_BTC))

        assert (bought.paid_fee, bought.fee_asset) == (D("0.00001"), "BTC")
        assert account.balance(Asset("BTC")).free == D("1.00999")
        assert account.balance(Asset("USDT")).free == D(50_000) - 1_080
