"""Impact: what closing now would do, found by the very code that closes. Nothing is sent.

What is shown to an operator and what the engine compares when the confirmed act arrives is the same
``closing_result_krw``.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.answers import MAX_ROWS, ImpactAnswer, ImpactLeg, ImpactLine, Origin
from trader.domain.control import BlockReason
from trader.domain.decision import CheckResult
from trader.domain.instrument import InstrumentId
from trader.domain.market import exact, walk
from trader.domain.order import LedgerName, Proposal, Purpose, Side, TradeId
from trader.domain.position import Position
from trader.domain.trade import Trade
from trader.engine.fingerprint import fingerprint_of
from trader.engine.state import State
from trader.portfolio.closing import ClosingDesk
from trader.portfolio.marks import mark_price_krw
from trader.risk.live_guard import Route, may_close
from trader.risk.measure import measure_closing
from trader.risk.safety import CLOSING_CHECKS, judge

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)


def impact(
    state: State, origin: Origin, ledger: LedgerName, trade_id: TradeId | None = None
) -> ImpactAnswer:
    """What closing all of a ledger, or one trade of it, would do at the books of this moment."""
    trades = state.ledgers[ledger].trades
    chosen = tuple(trades.values()) if trade_id is None else (trades[trade_id],)
    purpose = Purpose.FLATTEN if trade_id is None else Purpose.CLOSE
    blocks = _blocks(state, ledger, chosen, purpose)
    return ImpactAnswer(
        origin=origin,
        ledger=ledger,
        fingerprint=fingerprint_of(state, ledger, trade_id),
        result_krw=_result_krw(state, chosen),
        notional_krw=sum((trade.notional_krw for trade in chosen), _ZERO),
        trades=tuple(_line(state, trade, purpose) for trade in chosen[:MAX_ROWS]),
        may_go=not blocks,
        blocks=blocks,
        more=len(chosen[MAX_ROWS:]),
    )


def closing_result_krw(
    state: State, ledger: LedgerName, trade_id: TradeId | None = None
) -> Decimal | None:
    """PnL in won, all fees included, of a ledger's open trades, or of one, were they closed now.

    A loss is negative. None while a leg has no fresh book; a trade that is not open brings nothing.
    """
    trades = state.ledgers[ledger].trades.values()
    return _result_krw(state, [one for one in trades if trade_id in (None, one.id)])


def _result_krw(state: State, trades: Iterable[Trade]) -> Decimal | None:
    desk = ClosingDesk(state.instruments, state.rules.strategy.max_unwind_slippage_pct)
    total = _ZERO
    for trade in trades:
        total += trade.pnl_krw
        for leg, position in trade.legs:
            # Of what is swept into inventory nothing is sold, and nothing realised.
            if position.quantity == 0 or _is_swept(state, desk, trade, leg):
                continue
            instrument = state.instruments[leg]
            price = mark_price_krw(instrument, position.quantity, state.market)
            if price is None or not state.is_fresh(leg):
                return None
            fee = abs(position.quantity) * price * instrument.fees.taker_share
            total += position.unrealised_krw(price) - fee
    return total


def _line(state: State, trade: Trade, purpose: Purpose) -> ImpactLine:
    desk = ClosingDesk(state.instruments, state.rules.strategy.max_unwind_slippage_pct)
    proposals = _proposals(state, desk, trade, purpose)
    legs = tuple(
        _leg(state, leg, position, proposals)
        for leg, position in trade.legs
        if position.quantity and not _is_swept(state, desk, trade, leg)
    )
    return ImpactLine(
        trade_id=trade.id,
        pair=trade.pair,
        direction=trade.direction,
        notional_krw=trade.notional_krw,
        result_krw=_result_krw(state, (trade,)),
        legs=legs,
        checks=_checks(state, trade, proposals[0]) if proposals else (),
    )


def _proposals(state: State, desk: ClosingDesk, trade: Trade, purpose: Purpose) -> list[Proposal]:
    """The orders closing begins with: first a leg that stands alone, then both alike."""
    free, found = state.ledgers[trade.ledger].free(), []
    if trade.lone_leg is not None:
        unwinding = desk.unwind(trade, state.market, free, state.now_mono_ns)
        if unwinding is None:
            return []
        found.append(unwinding)
        trade = _reduced(trade, unwinding)
    if not any(desk.is_dust(leg, held.quantity, state.market) for leg, held in trade.legs):
        closing = desk.close(trade, trade.size, state.market, free, purpose, state.now_mono_ns)
        if closing is not None:
            found.append(closing)
    return found


def _reduced(trade: Trade, unwinding: Proposal) -> Trade:
    """The trade once its lone leg is as large as the other."""
    (intent,) = unwinding.intents
    signed = intent.side.sign * intent.quantity
    legs = tuple(
        (leg, held.apply(signed, _ZERO)[0] if leg == intent.instrument else held)
        for leg, held in trade.legs
    )
    return replace(trade, legs=legs)


def _is_swept(state: State, desk: ClosingDesk, trade: Trade, leg: InstrumentId) -> bool:
    """Whether a leg gets no order: it is dust, or part of a hedged trade that is."""
    if trade.lone_leg is None:
        return any(desk.is_dust(one, held.quantity, state.market) for one, held in trade.legs)
    return desk.is_dust(leg, trade.position(leg).quantity, state.market)


def _leg(
    state: State, leg: InstrumentId, position: Position, proposals: Sequence[Proposal]
) -> ImpactLeg:
    side, whole = (Side.SELL if position.quantity > 0 else Side.BUY), abs(position.quantity)
    intents = [i for one in proposals for i in one.intents if i.instrument == leg]
    at_once = min(sum((intent.quantity for intent in intents), _ZERO), whole)
    book = state.market.books.get(leg)
    if book is None or not state.is_fresh(leg):
        return ImpactLeg(leg, side, at_once, None, None, None, whole - at_once)
    levels = book.bids if side is Side.SELL else book.asks
    taken, best = walk(levels, whole), exact(levels[0][0])
    average = None
    if taken is not None:
        # What stands nowhere in the book is counted at its last level, as in every mark.
        beyond = whole - taken.filled
        average = (taken.average_price * taken.filled + taken.last_price * beyond) / whole
    return ImpactLeg(
        instrument=leg,
        side=side,
        quantity=at_once,
        limit_price=intents[0].limit_price if intents else None,
        average_price=average,
        slippage_pct=None if average is None else abs(average / best - 1) * _HUNDRED,
        later=whole - at_once,
    )


def _checks(state: State, trade: Trade, proposal: Proposal) -> tuple[CheckResult, ...]:
    """Every check of a closing with its numbers, as they would be were it proposed now."""
    ledger, limits = state.ledgers[trade.ledger], state.rules.limits
    account = state.account(ledger, trade, gate_shut=not state.may_go(proposal))
    measured = measure_closing(
        proposal, account, state.instruments, state.market, state.now_mono_ns
    )
    return tuple(
        judge(
            check,
            getattr(measured, check.measure),
            _ZERO if check.limit is None else getattr(limits, check.limit),
            limits.max_ws_age_ms,
        )
        for check in CLOSING_CHECKS
    )


def _blocks(
    state: State, ledger: LedgerName, trades: Sequence[Trade], purpose: Purpose
) -> tuple[BlockReason, ...]:
    """Why the gate would not let these closings out; nothing on paper."""
    if ledger is not LedgerName.LIVE:
        return ()
    verdict, readiness = state.verdict, state.readiness
    if verdict is None or readiness is None:
        return (BlockReason.NOT_RECONCILED,)
    if not (verdict.closings is Route.LIVE or verdict.operator_closes):
        return verdict.blocks
    pairs = [readiness.pairs.get(trade.pair) for trade in trades]
    if all(may_close(verdict, purpose, pair) for pair in pairs):
        return ()
    lacks = {
        BlockReason.NOT_RECONCILED: any(pair is None or not pair.reconciled for pair in pairs),
        BlockReason.FEEDS_STALE: any(pair is None or not pair.fresh for pair in pairs),
    }
    return tuple(reason for reason, is_lacking in lacks.items() if is_lacking)
