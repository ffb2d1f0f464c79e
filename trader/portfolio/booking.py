"""Booking: what a fill is worth in won, and what an opening would be at its worst."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from trader.domain.facts import FillBooked
from trader.domain.instrument import KRW, Instrument, InstrumentId, split_id
from trader.domain.market import MarketView, exact
from trader.domain.order import ApprovedOrder, Evidence, Fill, LedgerName, TradeId

_ONE = Decimal(1)


class FeePrice(Struct, frozen=True):
    """What a fee costs in won; ``guessed`` where its coin had no price: then by the schedule."""

    fee_krw: Decimal
    guessed: bool


def book_fill(
    fill: Fill,
    ledger: LedgerName,
    trade_id: TradeId,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
    now_mono_ns: int,
    max_age_ms: float,
    last_usdt_krw: Decimal | None = None,
) -> FillBooked:
    """The fact that enters ``fill`` in the ledger, at the mid of KRW-USDT of this moment.

    A stale rate is used as it is, and marked: money that moved must be booked. Before the first
    book of KRW-USDT it is ``last_usdt_krw``, the rate of the newest fill in the journal.
    """
    instrument = instruments[fill.instrument]
    rate = market.won_mid(instrument.quote)
    stale = rate is None
    if rate is None:
        rate = last_usdt_krw
    if instrument.quote != KRW and market.usdt_krw is not None:
        age = market.age_ms(market.usdt_krw, now_mono_ns)
        stale = stale or age is None or age > max_age_ms
    won_rate = rate if rate is not None else _ONE
    value = fill.price * fill.quantity * won_rate
    fee = _fee_krw(fill, instrument, value, won_rate, instruments, market)
    return FillBooked(
        at_ns=fill.at_ns,
        ledger=ledger,
        trade_id=trade_id,
        fill=fill,
        value_krw=value,
        fee_krw=fee.fee_krw,
        usdt_krw=None if instrument.quote == KRW else won_rate,
        rate_stale=stale or fee.guessed,
    )


def planned_krw(orders: Sequence[ApprovedOrder], evidence: Evidence | None) -> Decimal:
    """The larger leg of an opening in won, at its limit prices."""
    rate = evidence.usdt_krw if evidence is not None and evidence.usdt_krw else _ONE
    return max(
        order.intent.quantity
        * order.intent.limit_price
        * (_ONE if split_id(order.intent.instrument)[2] == KRW else rate)
        for order in orders
    )


def _fee_krw(
    fill: Fill,
    instrument: Instrument,
    value_krw: Decimal,
    rate: Decimal,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
) -> FeePrice:
    if fill.fee == 0:
        return FeePrice(fill.fee, guessed=False)
    if fill.fee_asset == instrument.quote:
        return FeePrice(fill.fee * rate, guessed=False)
    if fill.fee_asset == instrument.base:
        return FeePrice(fill.fee * fill.price * rate, guessed=False)
    for other in instruments.values():
        book = market.last_good.get(other.id)
        won = market.won_mid(other.quote)
        if other.base == fill.fee_asset and book is not None and won is not None:
            return FeePrice(fill.fee * exact(book.mid) * won, guessed=False)
    return FeePrice(value_krw * instrument.fees.taker_share, guessed=True)
