"""Marks: what open legs are worth now, each on its closing side, walked for its size.

Dollar prices are turned into won at the mid of KRW-USDT. Fees not yet paid are not counted.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from trader.domain.instrument import KRW, Instrument, InstrumentId
from trader.domain.market import MarketView, walk
from trader.domain.trade import Trade

_ZERO = Decimal(0)


class TradeMark(Struct, frozen=True):
    """An open trade's value change in won, and the age of the oldest book it was read from."""

    unrealised_krw: Decimal
    age_ms: float


def mark_price_krw(instrument: Instrument, quantity: Decimal, market: MarketView) -> Decimal | None:
    """Won a coin if ``quantity`` (signed: + held, - owed) were closed now; None without a book.

    Where the book ends before the size does, what lies beyond is priced at its last level.
    """
    book, rate = market.last_good.get(instrument.id), market.won_mid(instrument.quote)
    if book is None or rate is None or quantity == 0:
        return None
    size = abs(quantity)
    taken = walk(book.bids if quantity > 0 else book.asks, size)
    if taken is None:
        return None
    beyond = size - taken.filled
    average = (taken.average_price * taken.filled + taken.last_price * beyond) / size
    return average * rate


def mark_trade(
    trade: Trade,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
    now_mono_ns: int,
) -> TradeMark | None:
    """The trade's value change in won at this moment's books; None while a leg has no price."""
    total, oldest = _ZERO, 0.0
    for instrument_id, position in trade.legs:
        if position.quantity == 0:
            continue
        instrument = instruments[instrument_id]
        price = mark_price_krw(instrument, position.quantity, market)
        if price is None:
            return None
        total += position.unrealised_krw(price)
        oldest = max(oldest, market.age_ms(instrument_id, now_mono_ns) or 0.0)
        if instrument.quote != KRW and market.usdt_krw is not None:
            oldest = max(oldest, market.age_ms(market.usdt_krw, now_mono_ns) or 0.0)
    return TradeMark(total, oldest)
