"""What a user's own venue said, held against what its protocol promises.

A wrong type, a number that is none or another venue's instrument must not get into the engine,
which takes the word of a built-in venue for granted. ``Unsound`` says in one line what is wrong.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from math import isfinite
from typing import TypeVar

import msgspec

from trader.domain.clock import Stamp
from trader.domain.instrument import FeeSchedule, Instrument, InstrumentId, split_id
from trader.domain.market import OrderBook
from trader.domain.order import ApprovedOrder, ClientOrderId, Fill
from trader.execution.venue import Accepted, Balance, OrderView, Placement, Rejected, Throttled
from trader.execution.venue import Unknown as UnknownPlacement
from trader.wire.http import HttpRequest

Known = Collection[InstrumentId]
_T = TypeVar("_T")
_MOST_FEE_PCT = Decimal(100)
_LEAST_POWER, _MOST_POWER = -40, 30
"""Powers of ten between which every honest amount lies."""

_MOST_INTEGER = 2**63
_OLDEST_NS, _LATEST_NS = 1_000_000_000 * 10**9, 4_000_000_000 * 10**9
"""The years 2001 and 2096, between which every time of a venue lies."""


class Unsound(Exception):
    """What was returned is not what the protocol says, and why."""


def typed(found: object, kind: type[_T]) -> _T:
    """A copy of ``found``, each field of the type it is declared with, each number a finite one.

    Raises:
        Unsound: it cannot be read as ``kind``.
    """
    try:
        copy = msgspec.convert(msgspec.to_builtins(found), kind)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise Unsound(f"of another type than promised: {error}") from None
    _demand_numbers(copy)
    return copy


def sound_book(book: object, known: Known, stamp: Stamp) -> OrderBook:
    """A book of an instrument that was asked for, of numbers, and as old as its frame.

    Whether it is sorted and uncrossed is the engine's to judge. Written for every frame.
    """
    if type(book) is not OrderBook:
        raise Unsound(f"{type(book).__name__}, not an OrderBook")
    if book.instrument not in known:
        raise Unsound("a book nobody asked for")
    if book.mono_ns != stamp.mono_ns or book.at_ns != stamp.at_ns:
        raise Unsound("a book with another stamp than it was given")
    venue_ns = book.venue_ns
    if venue_ns is not None and not (type(venue_ns) is int and _OLDEST_NS < venue_ns < _LATEST_NS):
        raise Unsound("a book with a venue_ns that is no time in nanoseconds")
    for side in (book.bids, book.asks):
        if type(side) is not tuple:
            raise Unsound("a side that is no tuple")
        for level in side:
            if type(level) is not tuple or len(level) != 2:
                raise Unsound("a level that is no pair of price and quantity")
            price, quantity = level
            if not (type(price) is float and type(quantity) is float):
                raise Unsound("a level that is not of floats")
            if not (isfinite(price) and isfinite(quantity)):
                raise Unsound("a level that is not finite")
    return book


def sound_request(found: object) -> HttpRequest:
    """A request whose rate limit can be looked up; its text is checked where it is written."""
    if not isinstance(found, HttpRequest):
        raise Unsound(f"{type(found).__name__}, not an HttpRequest")
    if type(found.group) is not str or type(found.weight) is not int:
        raise Unsound("a request with a group that is no text, or a weight that is no number")
    return found


def sound_view(found: object, known: Known, order: ClientOrderId | None = None) -> OrderView:
    """What a venue says of an order: of ``order`` where one was asked for."""
    view = typed(found, OrderView)
    if order is not None and view.client_order_id != order:
        raise Unsound("an OrderView of another order")
    if view.instrument not in known:
        raise Unsound("an OrderView of an instrument that is not traded here")
    _demand_at_least("executed", view.executed)
    for fill in view.fills:
        _demand_fill(fill, view)
    return view


def sound_placement(found: object, known: Known, order: ApprovedOrder) -> Placement:
    """What became of an order that was sent."""
    if isinstance(found, Accepted):
        return Accepted(sound_view(found.view, known, order.client_order_id))
    if isinstance(found, Throttled):
        throttled = typed(found, Throttled)
        if throttled.wait_s < 0:
            raise Unsound("a wait_s that is no time")
        return throttled
    if isinstance(found, Rejected):
        return typed(found, Rejected)
    if isinstance(found, UnknownPlacement):
        return typed(found, UnknownPlacement)
    raise Unsound(f"{type(found).__name__}, not a Placement")


def sound_balances(found: object) -> tuple[Balance, ...]:
    """Balances, an asset once each."""
    balances = typed(found, tuple[Balance, ...])
    for balance in balances:
        _demand_at_least("total", balance.total)
        _demand_at_least("locked", balance.locked)
    if len({balance.asset for balance in balances}) < len(balances):
        raise Unsound("an asset twice")
    return balances


def sound_instruments(found: object, known: Known) -> tuple[Instrument, ...]:
    """Known instruments with rules one can round by."""
    instruments = typed(found, tuple[Instrument, ...])
    for one in instruments:
        if one.id not in known or (one.venue, one.base, one.quote) != split_id(one.id):
            raise Unsound("an Instrument that is not traded here")
        _demand_above("lot", one.lot)
        _demand_at_least("min_notional", one.min_notional)
        floors = [band.from_price for band in one.bands]
        if not floors or floors[0] != 0 or floors != sorted(set(floors)):
            raise Unsound("bands that do not rise from zero")
        for band in one.bands:
            _demand_above("tick", band.tick)
        _demand_fee(one.fees)
    return instruments


def sound_fees(found: object, known: Known) -> Mapping[InstrumentId, FeeSchedule]:
    """Fees of known instruments."""
    fees = typed(found, dict[InstrumentId, FeeSchedule])
    for name, fee in fees.items():
        if name not in known:
            raise Unsound("a fee of an instrument that is not traded here")
        _demand_fee(fee)
    return fees


def sound_number(found: object) -> float:
    """A finite number."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        raise Unsound(f"{type(found).__name__} that is no finite number")
    return float(found)


def _demand_fill(fill: Fill, view: OrderView) -> None:
    if (fill.client_order_id, fill.instrument, fill.side) != (
        view.client_order_id,
        view.instrument,
        view.side,
    ):
        raise Unsound("a Fill of another order")
    if not fill.key:
        raise Unsound("a Fill without a key")
    if not _OLDEST_NS < fill.at_ns < _LATEST_NS:
        raise Unsound("an at_ns that is no time in nanoseconds")
    _demand_above("price", fill.price)
    _demand_above("quantity", fill.quantity)
    _demand_at_least("fee", fill.fee)


def _demand_fee(fee: FeeSchedule) -> None:
    _demand_at_least("taker_pct", fee.taker_pct)
    if fee.taker_pct > _MOST_FEE_PCT:
        raise Unsound("a taker_pct above 100")


def _demand_numbers(found: object) -> None:
    """Refuse what no arithmetic and no journal would hold, wherever in ``found`` it stands."""
    if isinstance(found, msgspec.Struct):
        for name in found.__struct_fields__:
            _demand_numbers(getattr(found, name))
    elif isinstance(found, tuple):
        for one in found:
            _demand_numbers(one)
    elif isinstance(found, Mapping):
        for one in found.values():
            _demand_numbers(one)
    elif isinstance(found, Decimal):
        power = found.as_tuple().exponent
        if not isinstance(power, int) or power < _LEAST_POWER or found.adjusted() > _MOST_POWER:
            raise Unsound("a number that is none, or beyond all bounds")
    elif isinstance(found, float) and not isfinite(found):
        raise Unsound("a number that is none")
    elif isinstance(found, int) and abs(found) >= _MOST_INTEGER:
        raise Unsound("a number beyond all bounds")


def _demand_above(name: str, value: Decimal) -> None:
    if value <= 0:
        raise Unsound(f"a {name} that is not above zero")


def _demand_at_least(name: str, value: Decimal) -> None:
    if value < 0:
        raise Unsound(f"a {name} below zero")
