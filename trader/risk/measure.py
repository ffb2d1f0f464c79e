"""Measuring a proposal: every number the checks compare, each with the age of what it came from.

Nothing is judged here. What cannot be measured stays None, and the check that needs it refuses.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from trader.domain.account import Account, Holding
from trader.domain.instrument import KRW, FeeIn, Instrument, InstrumentId
from trader.domain.market import Level, MarketView, OrderBook, exact, notional_within, walk
from trader.domain.order import Intent, Proposal, Purpose, Side

_ZERO = Decimal(0)
_ONE = Decimal(1)
_HUNDRED = Decimal(100)
LIQUIDITY_REACH_PCT = 1.0
"""Liquidity counts what stands within this many percent of mid."""
# Beyond any order, and still far from where a remainder by a tick or lot would overflow.
_ABSURD = Decimal(10) ** 15


class Reading(Struct, frozen=True, gc=False):
    """One measured value and the age in milliseconds of the data it came from."""

    value: object
    age_ms: object = 0.0


Readings = tuple[Reading | None, ...]
"""One reading for each leg or holding; a check holds only if it holds for every one."""


class Measured(Struct, frozen=True):
    """All that entries and closings are judged by. An empty tuple is as bad as a missing value.

    The ``*_short``, ``off_*`` and counting fields are zero when all is well.
    """

    confidence: Readings = ()
    slippage_pct: Readings = ()
    leg_notional_krw: Readings = ()
    loss_today_krw: Readings = ()
    expected_net_pct: Readings = ()
    liquidity_krw: Readings = ()
    order_delay_ms: Readings = ()
    collar_pct: Readings = ()
    venue_gap_pct: Readings = ()
    exposure_after_krw: Readings = ()
    open_trades_after: Readings = ()
    orders_after: Readings = ()
    balance_short: Readings = ()
    stop_reserve_short: Readings = ()
    minimum_short: Readings = ()
    off_tick: Readings = ()
    off_lot: Readings = ()
    flawed_books: Readings = ()
    book_age_ms: Readings = ()
    book_skew_ms: Readings = ()
    untradable: Readings = ()
    halted: Readings = ()
    breakers: Readings = ()
    paused: Readings = ()
    gate_shut: Readings = ()
    beyond_position: Readings = ()


class _Leg(Struct, frozen=True):
    intent: Intent
    instrument: Instrument
    is_buying: bool
    book: OrderBook | None
    taken: tuple[Level, ...]
    """The side of the book this leg takes."""
    age_ms: float | None
    won: Decimal | None
    """Won for one unit of the quote, on that side."""
    money: Decimal
    """Quantity at its limit, in the quote."""
    fee_share: Decimal


def measure_closing(
    proposal: Proposal,
    account: Account,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
    now_mono_ns: int,
) -> Measured:
    """Measure what a closing is judged by: its own legs' books, price, balance and position."""
    if not _is_sound(proposal, instruments):
        return Measured()
    legs = _legs(proposal, instruments, market, now_mono_ns)
    closed: dict[InstrumentId, Decimal] = {}
    for leg in legs:
        closed[leg.instrument.id] = closed.get(leg.instrument.id, _ZERO) + leg.intent.quantity
    return Measured(
        order_delay_ms=_now((now_mono_ns - proposal.signal_ns) / 1e6),
        collar_pct=tuple(map(_collar, legs)),
        balance_short=_balance_short([_cost(leg) for leg in legs], account.free),
        minimum_short=tuple(map(_minimum_short, legs)),
        off_tick=tuple(map(_off_tick, legs)),
        off_lot=tuple(map(_off_lot, legs)),
        flawed_books=_now([leg.book for leg in legs].count(None)),
        book_age_ms=tuple(_age(leg.age_ms) for leg in legs),
        halted=_now(sum([leg.instrument.halted for leg in legs])),
        gate_shut=_now(int(account.gate_shut)),
        beyond_position=tuple(
            Reading(_short(quantity, account.reducible.get(instrument, _ZERO)))
            for instrument, quantity in closed.items()
        ),
    )


def measure_entry(
    proposal: Proposal,
    account: Account,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
    stop_pct: Decimal,
    now_mono_ns: int,
) -> Measured:
    """Measure all that an entry is judged by.

    ``stop_pct`` is the distance to the stop in percent: what an open trade's short leg may have to
    be bought back at beyond today's price.
    """
    if not _is_sound(proposal, instruments):
        return Measured()
    legs = _legs(proposal, instruments, market, now_mono_ns)
    ages = [leg.age_ms for leg in legs]
    if market.usdt_krw is not None and any(leg.instrument.quote != KRW for leg in legs):
        ages.append(_age_of(market.books.get(market.usdt_krw), now_mono_ns))
    evidence = proposal.evidence
    seen_ms = max([age for age in ages if age is not None], default=None)
    values = [_leg_krw(leg) for leg in legs]
    known = [value for value in values if value is not None]
    largest = max(known) if len(known) == len(legs) else None
    costs = [_cost(leg) for leg in legs]
    is_new = proposal.purpose is Purpose.OPEN
    # A completion's trade is in the exposure already, at its worst: it adds nothing.
    added = _ZERO if not is_new else largest
    return Measured(
        confidence=(None,) if evidence is None else (Reading(evidence.confidence, seen_ms),),
        expected_net_pct=(
            (None,) if evidence is None else (Reading(evidence.expected_net_pct, seen_ms),)
        ),
        slippage_pct=tuple(map(_slippage, legs)),
        leg_notional_krw=tuple(map(_aged, legs, values)),
        loss_today_krw=(Reading(account.loss_today_krw, account.marks_age_ms),),
        liquidity_krw=tuple(map(_liquidity, legs)),
        order_delay_ms=_now((now_mono_ns - proposal.signal_ns) / 1e6),
        collar_pct=tuple(map(_collar, legs)),
        venue_gap_pct=(_venue_gap(legs, market),),
        exposure_after_krw=((None,) if added is None else _now(account.exposure_krw + added)),
        open_trades_after=_now(account.open_trades + (1 if is_new else 0)),
        orders_after=_now(account.orders_last_minute + len(legs)),
        balance_short=_balance_short(costs, account.free),
        stop_reserve_short=_stop_reserve_short(legs, costs, account, stop_pct),
        minimum_short=tuple(map(_minimum_short, legs)),
        off_tick=tuple(map(_off_tick, legs)),
        off_lot=tuple(map(_off_lot, legs)),
        flawed_books=_now(ages.count(None)),
        book_age_ms=tuple(map(_age, ages)),
        book_skew_ms=(_skew(legs),),
        untradable=_now(
            sum([leg.instrument.halted or not leg.instrument.tradable for leg in legs])
        ),
        breakers=_now(account.breakers),
        paused=_now(int(account.paused)),
        gate_shut=_now(int(account.gate_shut)),
    )


def _aged(leg: _Leg, value: Decimal | None) -> Reading | None:
    return None if value is None else Reading(value, leg.age_ms)


def stop_reserve(
    instrument: Instrument, signed_quantity: Decimal, price: Decimal, stop_pct: Decimal
) -> tuple[Holding, Decimal]:
    """What closing a leg at its stop will take: the coin of a long, the quote money of a short.

    A coin fee is left out of a long: what it leaves missing is dust, not a shortfall.
    """
    if signed_quantity > 0:
        kept = signed_quantity
        if instrument.fees.charged_in is FeeIn.RECEIVED:
            kept -= signed_quantity * instrument.fees.taker_share
        return (instrument.venue, instrument.base), kept
    worst = price * (_ONE + stop_pct / _HUNDRED) * (_ONE + instrument.fees.taker_share)
    return (instrument.venue, instrument.quote), -signed_quantity * worst


def _is_sound(proposal: Proposal, instruments: Mapping[InstrumentId, Instrument]) -> bool:
    """Whether numbers can be made of it at all: a user's strategy may propose anything.

    What is not sound is not measured, so that every check refuses it instead of raising.
    """
    return type(proposal.signal_ns) is int and all(
        intent.instrument in instruments
        and _is_sane(intent.quantity)
        and _is_sane(intent.limit_price)
        for intent in proposal.intents
    )


def _is_sane(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and abs(value) < _ABSURD


def _legs(
    proposal: Proposal,
    instruments: Mapping[InstrumentId, Instrument],
    market: MarketView,
    now_mono_ns: int,
) -> tuple[_Leg, ...]:
    found = []
    for intent in proposal.intents:
        instrument = instruments[intent.instrument]
        book = market.books.get(intent.instrument)
        is_buying = intent.side is Side.BUY
        taken: tuple[Level, ...] = ()
        if book is not None:
            taken = book.asks if is_buying else book.bids
        found.append(
            _Leg(
                intent,
                instrument,
                is_buying,
                book,
                taken,
                _age_of(book, now_mono_ns),
                market.won_taking(instrument.quote, leaving=is_buying),
                intent.quantity * intent.limit_price,
                instrument.fees.taker_share,
            )
        )
    return tuple(found)


def _age_of(book: OrderBook | None, now_mono_ns: int) -> float | None:
    """Age of a book that may be traded on; None where there is none, however young the last was."""
    return None if book is None else (now_mono_ns - book.mono_ns) / 1e6


def _now(value: object) -> Readings:
    return (Reading(value),)


def _age(age_ms: float | None) -> Reading | None:
    return None if age_ms is None else Reading(age_ms, age_ms)


def _leg_krw(leg: _Leg) -> Decimal | None:
    """The leg in won at its worst: a purchase costs at most its limit, a sale may bring more."""
    if leg.won is None:
        return None
    if leg.is_buying or leg.book is None:
        return leg.money * leg.won
    price = max(leg.intent.limit_price, exact(leg.book.best_bid))
    return leg.intent.quantity * price * leg.won


def _short(needed: Decimal, held: Decimal) -> Decimal:
    """How much of ``needed`` is missing; what is not a number stays so, for the check to refuse."""
    missing = needed - held
    return missing if missing.is_nan() or missing > 0 else _ZERO


def _slippage(leg: _Leg) -> Reading | None:
    """Walked average against the best price, in percent; None where the book ends too soon."""
    if leg.book is None:
        return None
    taken = walk(leg.taken, leg.intent.quantity)
    if taken is None or taken.filled < leg.intent.quantity:
        return None
    best = exact(leg.taken[0][0])
    return Reading(abs(taken.average_price / best - _ONE) * _HUNDRED, leg.age_ms)


def _liquidity(leg: _Leg) -> Reading | None:
    if leg.book is None or leg.won is None:
        return None
    standing = notional_within(leg.taken, leg.book.mid, LIQUIDITY_REACH_PCT)
    return Reading(standing * float(leg.won), leg.age_ms)


def _collar(leg: _Leg) -> Reading | None:
    if leg.book is None:
        return None
    mid = (exact(leg.book.best_bid) + exact(leg.book.best_ask)) / 2
    return Reading(abs(leg.intent.limit_price - mid) / mid * _HUNDRED, leg.age_ms)


def _venue_gap(legs: tuple[_Leg, ...], market: MarketView) -> Reading | None:
    """How far apart the legs' mids stand in won, in percent of the lower; zero for one leg."""
    mids: list[Decimal] = []
    oldest = 0.0
    for leg in legs:
        rate = market.won_mid(leg.instrument.quote)
        if leg.book is None or rate is None or leg.age_ms is None:
            return None
        mids.append(exact(leg.book.mid) * rate)
        oldest = max(oldest, leg.age_ms)
    gap = max([abs(a - b) / min(a, b) for a, b in pairwise(mids)], default=_ZERO)
    return Reading(gap * _HUNDRED, oldest)


def _skew(legs: tuple[_Leg, ...]) -> Reading | None:
    stamps = [leg.book.mono_ns for leg in legs if leg.book is not None]
    if len(stamps) < len(legs):
        return None
    return Reading((max(stamps) - min(stamps)) / 1e6)


def _minimum_short(leg: _Leg) -> Reading | None:
    return Reading(max(leg.instrument.min_notional - leg.money, _ZERO), leg.age_ms)


def _off_tick(leg: _Leg) -> Reading:
    price = leg.intent.limit_price
    return Reading(int(price <= 0 or not leg.instrument.is_on_tick(price)))


def _off_lot(leg: _Leg) -> Reading:
    quantity = leg.intent.quantity
    return Reading(int(quantity <= 0 or not leg.instrument.is_on_lot(quantity)))


def _cost(leg: _Leg) -> tuple[Holding, Decimal]:
    """What the leg gives away at worst: coin when selling, money and fee when buying."""
    instrument = leg.instrument
    if not leg.is_buying:
        return (instrument.venue, instrument.base), leg.intent.quantity
    money = leg.money
    if instrument.fees.charged_in is FeeIn.QUOTE:
        money *= _ONE + leg.fee_share
    return (instrument.venue, instrument.quote), money


def _proceeds(leg: _Leg) -> tuple[Holding, Decimal]:
    """What the leg brings at worst, after its fee."""
    instrument = leg.instrument
    if not leg.is_buying:
        return (instrument.venue, instrument.quote), leg.money * (_ONE - leg.fee_share)
    coin = leg.intent.quantity
    if instrument.fees.charged_in is FeeIn.RECEIVED:
        coin *= _ONE - leg.fee_share
    return (instrument.venue, instrument.base), coin


def _balance_short(
    costs: Sequence[tuple[Holding, Decimal]], free: Mapping[Holding, Decimal]
) -> Readings:
    needed: dict[Holding, Decimal] = {}
    for holding, amount in costs:
        needed[holding] = needed.get(holding, _ZERO) + amount
    return _missing(needed, free)


def _stop_reserve_short(
    legs: tuple[_Leg, ...],
    costs: Sequence[tuple[Holding, Decimal]],
    account: Account,
    stop_pct: Decimal,
) -> Readings:
    after = dict(account.free)
    needed = dict(account.reserved)
    for leg, (given, cost) in zip(legs, costs, strict=True):
        if leg.book is None:
            return (None,)
        taken, proceeds = _proceeds(leg)
        after[given] = after.get(given, _ZERO) - cost
        after[taken] = after.get(taken, _ZERO) + proceeds
        price = exact(leg.book.best_ask)
        signed = leg.intent.quantity if leg.is_buying else -leg.intent.quantity
        holding, reserve = stop_reserve(leg.instrument, signed, price, stop_pct)
        needed[holding] = needed.get(holding, _ZERO) + reserve
    return _missing(needed, after)


def _missing(needed: Mapping[Holding, Decimal], held: Mapping[Holding, Decimal]) -> Readings:
    return tuple([Reading(_short(amount, held.get(one, _ZERO))) for one, amount in needed.items()])
