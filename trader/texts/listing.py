"""Lists in an alert: records spelled into one field, and told as a line each.

A field is text, so that both languages come from one stored alert. What does not read back, such
as another version's, is shown as it is.
"""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal

import msgspec
from msgspec import Struct

from trader.domain.control import Language
from trader.domain.instrument import KRW, InstrumentId, split_id
from trader.domain.order import ApprovedOrder, OrderState, Side
from trader.domain.trade_facts import HandOrder, OpenTrade, OrderAtHalt, OrderEnd, PriceBasis
from trader.texts.entry import Words
from trader.texts.format import UNKNOWN, quantity, span, won

MAX_LINES = 10
"""More would not fit a phone; the rest is counted."""

_MAX_VALUE_CHARS = 400
_MAX_REASON_CHARS = 60
# An average of many fills has no end; a price has no more digits than these.
_AVERAGE = Context(prec=9)
_UNSETTLED = frozenset({OrderState.UNKNOWN, OrderState.QUARANTINED})


def spelled(records: Sequence[Struct]) -> str:
    """Records as the text of one field."""
    return msgspec.json.encode(records).decode()


def lines_of(name: str, raw: str, words: Words, language: Language) -> str | None:
    """The field ``name`` told as lines, or None where it is no list."""
    decoder = _LISTS.get(name)
    if decoder is None:
        return None
    try:
        records = decoder.decode(raw)
        lines = [_line(record, words, language) for record in records[:MAX_LINES]]
    except (msgspec.DecodeError, ValueError, ArithmeticError):
        return plain(raw)
    if len(records) > MAX_LINES:
        lines.append(words.orders.more.format(count=len(records) - MAX_LINES))
    return "\n".join(lines)


def direction(raw: str, words: Words) -> str:
    """``sell upbit, buy binance``, from ``upbit>binance``."""
    sold, arrow, bought = plain(raw).partition(">")
    return words.direction.format(sold=sold, bought=bought) if arrow else sold


def plain(raw: str) -> str:
    """One line of printable text; a venue's own words may hold anything."""
    printable = "".join(char if char.isprintable() else " " for char in raw)
    return cut(" ".join(printable.split()), _MAX_VALUE_CHARS)


def cut(text: str, at_most: int) -> str:
    """``text``, of no more characters than that."""
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


_Record = HandOrder | OrderAtHalt | OrderEnd | OpenTrade | ApprovedOrder

_LISTS: Mapping[str, msgspec.json.Decoder[tuple[_Record, ...]]] = {
    "hand_orders": msgspec.json.Decoder(tuple[HandOrder, ...]),
    "in_flight": msgspec.json.Decoder(tuple[OrderAtHalt, ...]),
    "ends": msgspec.json.Decoder(tuple[OrderEnd, ...]),
    "open_trades": msgspec.json.Decoder(tuple[OpenTrade, ...]),
    "orders": msgspec.json.Decoder(tuple[ApprovedOrder, ...]),
}


def _line(record: _Record, words: Words, language: Language) -> str:
    match record:
        case HandOrder():
            order = _order(record.instrument, record.side, record.quantity, words)
            return f"{order} {_price(record, words, language)}"
        case ApprovedOrder(intent=intent):
            what = _order(intent.instrument, intent.side, intent.quantity, words)
            return f"{words.ledgers[record.ledger]} {what} ({plain(record.client_order_id)})"
        case OrderAtHalt():
            named = _named(record, words)
            known = record.state not in _UNSETTLED
            return named if known else f"{named}: {words.orders.states[record.state]}"
        case OrderEnd():
            return f"{_named(record.order, words)}: {_end(record, words)}"
        case OpenTrade():
            where = f"{plain(record.pair)}: {direction(record.direction, words)}"
            return f"• {where}, {won(record.notional_krw)}"


def _order(instrument: InstrumentId, side: Side, size: Decimal, words: Words) -> str:
    venue, base, _ = split_id(instrument)
    return words.orders.order.format(
        venue=plain(venue),
        side=words.orders.sides[side],
        quantity=quantity(size),
        asset=plain(base),
    )


def _named(order: OrderAtHalt, words: Words) -> str:
    what = _order(order.instrument, order.side, order.quantity, words)
    return f"{words.ledgers[order.ledger]} {what} ({plain(order.client_order_id)})"


def _price(order: HandOrder, words: Words, language: Language) -> str:
    if order.price is None or order.basis is PriceBasis.MARKET:
        return words.orders.at_market
    age = span(float(order.age_ms or 0), language)
    at = words.orders.at_limit if order.basis is PriceBasis.LIMIT else words.orders.at_mid
    return at.format(price=_money(order.price, order.instrument), age=age)


def _end(end: OrderEnd, words: Words) -> str:
    told, state = words.orders, end.order.state
    after = told.states[state]
    if end.executed > 0:
        price = UNKNOWN
        if end.average_price is not None:
            price = _money(_AVERAGE.plus(end.average_price), end.order.instrument)
        how = told.filled if end.executed >= end.order.quantity else told.filled_partly
        sizes = {"executed": quantity(end.executed), "quantity": quantity(end.order.quantity)}
        return how.format(price=price, state=after, **sizes)
    how = after if state in _UNSETTLED else told.unfilled.format(state=after)
    return f"{how} ({cut(plain(end.reason), _MAX_REASON_CHARS)})" if end.reason else how


def _money(price: Decimal, instrument: InstrumentId) -> str:
    # Every digit: a coin of a few hundred won has a tick under one won.
    _, _, quote = split_id(instrument)
    return f"{quantity(price)} {'₩' if quote == KRW else plain(quote)}"
