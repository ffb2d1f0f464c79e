"""Balances: the live ledger follows what venues state, and what nobody can explain is told.

Increases and rounding re-base what is counted. A decrease rests the entries that need the asset;
one that leaves open legs short, or that orders of ours had a part in, also trips a breaker. Nothing
is judged while an order may still explain it.
"""

from collections.abc import Collection
from decimal import Decimal
from itertools import chain

from trader.domain.account import Holding
from trader.domain.events import AccountStated
from trader.domain.facts import (
    BalanceMissed,
    BalanceSettled,
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    Cause,
    InventoryRebased,
)
from trader.domain.instrument import Asset, InstrumentId, Venue, split_id
from trader.domain.market import exact
from trader.domain.order import LedgerName
from trader.engine.state import State
from trader.portfolio.reconcile import (
    BalanceDifference,
    Need,
    balance_differences,
    cause_of,
    need_of,
    traded_assets,
)

FIRST = "first reconciliation"
ROUNDING = "the venue's rounding"
INCREASE = "increase at the venue"
DECREASE = "decrease at the venue"

QUIET_NS = 3_000_000_000
"""So long after an order was reported its venue may still state balances from before it."""

_ZERO = Decimal(0)
_REASONS = {Cause.FIRST: FIRST, Cause.ROUNDING: ROUNDING, Cause.DEPOSIT: INCREASE}


class Balances:
    """Judges each statement of an account against the live ledger."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ledger = state.ledgers[LedgerName.LIVE]
        self._reported_mono_ns: dict[Venue, int] = {}
        # Holdings that orders of ours moved since a statement last agreed with them.
        self._moved: set[Holding] = set()

    def begin(self) -> None:
        """A process begins: what was on its way when the last one ended may have moved since."""
        for instrument in self._in_flight():
            self._moved.update(holdings_of(instrument))

    def saw_report(self, instrument: InstrumentId, mono_ns: int) -> None:
        """An order of ours was reported: what its venue stated just then is not judged."""
        self._reported_mono_ns[split_id(instrument)[0]] = mono_ns
        self._moved.update(holdings_of(instrument))

    def take(self, event: AccountStated) -> None:
        """Base the ledger on what a venue states, and tell of what it lacks.

        Balances not counted yet are taken in any case: without them there is no ledger.
        """
        state, stated = self._state, dict(event.holdings)
        known = tuple(state.instruments.values())
        busy = self.busy(event.venue, event.asked_mono_ns)
        differing = {
            (one.venue, one.asset): one
            for one in balance_differences(event.venue, stated, self._ledger.balances, known)
        }
        for asset in traded_assets(event.venue, known):
            holding = (event.venue, asset)
            found = differing.get(holding)
            if found is not None and found.counted is None:
                self._rebase(found, Cause.FIRST)
            if holding in busy:
                continue
            if found is not None and found.counted is not None:
                self._judge(found, event)
            # From here on it agrees.
            self._moved.discard(holding)
            self._clear_if_over(holding, stated.get(asset, _ZERO))

    def busy(self, venue: Venue, asked_mono_ns: int) -> frozenset[Holding]:
        """Holdings whose difference an order may still explain, in a statement asked for then."""
        state = self._state
        reported = self._reported_mono_ns.get(venue)
        if reported is not None and reported + QUIET_NS > asked_mono_ns:
            assets = traded_assets(venue, state.instruments.values())
            return frozenset((venue, asset) for asset in assets)
        concerned = chain(self._in_flight(), state.unadopted)
        return frozenset(chain.from_iterable(map(holdings_of, concerned)))

    def guess(
        self, found: BalanceDifference, others: Collection[InstrumentId], asked_mono_ns: int
    ) -> Cause:
        """Our best guess at a difference, as of now; it is not judged by that."""
        holding = (found.venue, found.asset)
        if found.counted is not None and holding in self.busy(found.venue, asked_mono_ns):
            return Cause.IN_FLIGHT
        return cause_of(
            found,
            self._state.instruments.values(),
            moved_by_us=holding in self._moved,
            others=others,
        )

    def settle(self, holding: Holding, by: str, written_ns: int) -> None:
        """An operator accepted that what is missed of a holding is gone."""
        self._settle(holding, by, written_ns)
        self._moved.discard(holding)
        self._clear(holding)

    @property
    def short(self) -> tuple[Holding, ...]:
        """Holdings whose breakers stand."""
        standing = self._state.breakers_of(LedgerName.LIVE)
        subjects = [subject for code, subject in standing if code is BreakerCode.BALANCE_SHORT]
        return tuple(holding_of(subject) for subject in subjects)

    def need(self, holding: Holding) -> Need:
        """What open legs need of a holding."""
        trades = self._ledger.trades.values()
        return need_of(holding, trades, self._state.instruments, self._price)

    def _judge(self, found: BalanceDifference, event: AccountStated) -> None:
        state, holding = self._state, (found.venue, found.asset)
        cause = cause_of(
            found,
            state.instruments.values(),
            moved_by_us=holding in self._moved,
            others=event.others,
        )
        expected = found.counted or _ZERO
        self._rebase(found, cause)
        if cause is Cause.ROUNDING:
            return
        before = state.discrepancies.missing.get(holding)
        missing = (_ZERO if before is None else before.missing) - found.change
        if cause is Cause.DEPOSIT:
            if before is not None and missing <= 0:
                self._settle(holding)
            return
        state.record(
            BalanceMissed(
                state.now_ns, found.venue, found.asset, expected, found.stated, missing, cause
            )
        )
        need = self.need(holding)
        if cause is Cause.OUR_ORDERS:
            self._trip(holding, missing, _ZERO)
        elif need.is_short(found.stated):
            self._trip(holding, need.amount - found.stated, need.tolerance)

    def _clear_if_over(self, holding: Holding, stated: Decimal) -> None:
        if holding not in self.short:
            return
        missed = self._state.discrepancies.missing.get(holding)
        is_tied = missed is not None and missed.is_tied
        if not is_tied and not self.need(holding).is_short(stated):
            self._clear(holding)

    def _in_flight(self) -> list[InstrumentId]:
        return [
            self._ledger.orders[order_id].approved.intent.instrument
            for pending in self._ledger.in_flight.values()
            for order_id in pending
        ]

    def _price(self, leg: InstrumentId) -> Decimal | None:
        """What buying one coin back costs: the best ask seen last, else the entry."""
        state, quote = self._state, split_id(leg)[2]
        book = state.market.last_good.get(leg)
        if book is not None:
            return exact(book.best_ask)
        rate = state.market.won_mid(quote) or state.last_usdt_krw
        for trade in self._ledger.trades.values():
            average = trade.position(leg).average_krw
            if average is not None and rate is not None:
                return average / rate
        return None

    def _rebase(self, found: BalanceDifference, cause: Cause) -> None:
        state = self._state
        reason = _REASONS.get(cause, DECREASE)
        state.record(
            InventoryRebased(
                state.now_ns, LedgerName.LIVE, found.venue, found.asset, found.stated, reason
            )
        )

    def _settle(self, holding: Holding, by: str = "", written_ns: int = 0) -> None:
        state = self._state
        if holding in state.discrepancies.missing:
            host_ns = state.host_ns if by else 0
            state.record(
                BalanceSettled(
                    state.now_ns, *holding, by=by, host_ns=host_ns, written_ns=written_ns
                )
            )

    def _trip(self, holding: Holding, value: Decimal, limit: Decimal) -> None:
        state = self._state
        if holding not in self.short:
            key = (BreakerCode.BALANCE_SHORT, subject_of(holding))
            state.record(BreakerTripped(state.now_ns, LedgerName.LIVE, *key, value, limit))

    def _clear(self, holding: Holding) -> None:
        state = self._state
        if holding in self.short:
            key = (BreakerCode.BALANCE_SHORT, subject_of(holding))
            state.record(BreakerCleared(state.now_ns, LedgerName.LIVE, *key))


def holdings_of(instrument: InstrumentId) -> tuple[Holding, Holding]:
    """What an order in an instrument moves: its coin and its money at its venue."""
    venue, base, quote = split_id(instrument)
    return (venue, base), (venue, quote)


def subject_of(holding: Holding) -> str:
    """``venue:ASSET``, as breakers and operators name a holding."""
    return ":".join(holding)


def holding_of(subject: str) -> Holding:
    """The holding that a subject names."""
    venue, _, asset = subject.partition(":")
    return Venue(venue), Asset(asset)
