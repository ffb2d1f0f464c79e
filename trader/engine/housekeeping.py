"""Housekeeping: what is looked at once a second rather than on every quote.

Stale books, the day roll, the daily loss and the other breakers, empty directions, exposure past
the rebalancer's limit, equity samples.
"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import chain

from trader.domain.facts import (
    BreakerCleared,
    BreakerCode,
    BreakerTripped,
    DayRolled,
    EquitySampled,
    FeedRecovered,
    FeedWentStale,
    Mark,
    RebalanceBegan,
)
from trader.domain.instrument import Venue
from trader.domain.order import ClientOrderId, LedgerName, Purpose
from trader.domain.trade import TradePhase
from trader.engine.inventory import InventoryWatch
from trader.engine.state import State
from trader.engine.tending import Tending
from trader.portfolio.ledger import Ledger
from trader.portfolio.rebalancer import reduction
from trader.risk.breakers import BreakerKey, RejectWindow
from trader.strategy.protocol import Strategy

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_SECOND_NS = 1_000_000_000
_SAMPLE_NS = 60 * _SECOND_NS
# Inventory changes by trades of a size the balance check guards anyway: no hurry.
_INVENTORY_NS = 10 * _SECOND_NS
_SEOUL_NS = 9 * 3_600 * _SECOND_NS
_DAY_NS = 24 * 3_600 * _SECOND_NS
_EPOCH = date(1970, 1, 1)
_COIN_STEP = Decimal("0.00000001")
# One is enough to stop; of thousands of unknown orders each has its own place in /orders.
_MOST_UNKNOWN = 20


class Housekeeping:
    """Everything the passing of a second may bring about."""

    def __init__(self, state: State, tending: Tending, strategy: Strategy) -> None:
        self._state = state
        self._tending = tending
        self._inventory = InventoryWatch(state, strategy)
        self._next_sample_ns = self._next_inventory_ns = 0
        self._began_mono_ns: int | None = None
        self._unknown_since: dict[LedgerName, dict[ClientOrderId, int]] = {
            n: {} for n in LedgerName
        }
        self._rejects: dict[Venue, RejectWindow] = {}

    def each_second(self) -> None:
        """Run every check once."""
        if self._began_mono_ns is None:
            self._began_mono_ns = self._state.now_mono_ns
        self._watch_feeds()
        self._inventory.fund_paper()
        for ledger in self._state.ledgers.values():
            self._roll_day(ledger)
            self._watch_loss(ledger)
            self._watch_unhedged(ledger)
            self._watch_unknown(ledger)
            self._rebalance(ledger)
            self._inventory.watch_directions(ledger)
        self._watch_rejects()
        self._watch_rests()
        if self._state.now_mono_ns >= self._next_inventory_ns:
            self._next_inventory_ns = self._state.now_mono_ns + _INVENTORY_NS
            for ledger in self._state.ledgers.values():
                self._inventory.watch_skew(ledger)
        self._sample()

    def count_answer(self, venue: Venue, *, rejected: bool) -> None:
        """A live venue answered an order for good: feed the rejection breaker."""
        window = self._rejects.get(venue)
        if window is None:
            window = self._rejects[venue] = RejectWindow(self._state.rules.breakers)
        window.add(rejected=rejected, at_ns=self._state.now_ns)

    # market data

    def _watch_feeds(self) -> None:
        state = self._state
        for instrument in state.instruments:
            age = state.market.age_ms(instrument, state.now_mono_ns)
            flaw = state.market.flaws.get(instrument)
            if age is None:
                age = (state.now_mono_ns - (self._began_mono_ns or 0)) / 1e6
            is_stale = age > state.rules.max_ws_age_ms or (
                instrument not in state.market.books and instrument in state.market.last_good
            )
            since = state.stale.get(instrument)
            if is_stale and since is None:
                state.record(FeedWentStale(state.now_ns, instrument, age, flaw))
            elif not is_stale and since is not None and instrument in state.market.books:
                silent = (state.now_ns - since) / 1e6
                state.record(FeedRecovered(state.now_ns, instrument, silent))

    # money

    def _roll_day(self, ledger: Ledger) -> None:
        """Begin a day of the ledger at midnight in Seoul; the date never goes back.

        A venue's clock must agree where a venue tells its time: a host whose clock jumps ahead
        must not forgive a loss. Without marks it waits: the day's first marks count.
        """
        state = self._state
        today = seoul_date(state.now_ns)
        if ledger.date is not None:
            # No venue heard yet is no agreement: a restart must not forgive a loss either.
            if state.clocks.venue_ns is None:
                return
            today = min(today, seoul_date(state.clocks.venue_ns))
            if today <= ledger.date:
                return
        equity = state.equity(ledger)
        if equity is None:
            return
        marks = []
        for trade in ledger.trades.values():
            mark = state.mark(trade)
            if mark is not None:
                stale = mark.age_ms > state.rules.max_ws_age_ms
                marks.append(Mark(trade.id, mark.unrealised_krw, stale))
        state.record(DayRolled(state.now_ns, ledger.name, today, equity[0], tuple(marks)))

    def _watch_loss(self, ledger: Ledger) -> None:
        state = self._state
        loss, limit = state.loss_today(ledger), state.rules.breakers.max_daily_loss_krw
        if loss is None:
            return
        key: BreakerKey = (BreakerCode.DAILY_LOSS, "today")
        if loss[0] < limit:
            tripped_ns = state.breakers.get((ledger.name, key))
            is_paper = ledger.name is LedgerName.PAPER
            if is_paper and tripped_ns is not None and seoul_date(tripped_ns) == ledger.date:
                # On paper the day is over: a recovery of marks does not bring it back.
                return
            self._clear(ledger.name, key)
        elif loss[1] <= state.rules.max_ws_age_ms:
            # Stale marks trip nothing; entries are refused by the check meanwhile.
            self._trip(ledger.name, key, loss[0], limit)

    def _watch_unhedged(self, ledger: Ledger) -> None:
        for code, subject in self._state.breakers_of(ledger.name):
            if code is BreakerCode.LEG_UNHEDGED:
                held = [t for t in ledger.trades.values() if t.id == subject]
                if not held or held[0].lone_leg is None:
                    self._clear(ledger.name, (code, subject))

    def _watch_unknown(self, ledger: Ledger) -> None:
        state = self._state
        # Every order here is immediate: one without an end is unknown, whatever it was last.
        # Sorted, since a set's order is not the same in every process.
        unknown = sorted(chain.from_iterable(ledger.in_flight.values()))
        before = self._unknown_since[ledger.name]
        since_when = {order: before.get(order, state.now_mono_ns) for order in unknown}
        self._unknown_since[ledger.name] = since_when
        latch = state.rules.breakers.unknown_latch_seconds
        standing = state.breakers_of(ledger.name)
        tripped = {subject for code, subject in standing if code is BreakerCode.ORDER_UNKNOWN}
        for order_id, since in since_when.items():
            waited = Decimal((state.now_mono_ns - since) // 1_000_000) / 1_000
            if waited > latch and order_id not in tripped and len(tripped) < _MOST_UNKNOWN:
                tripped.add(order_id)
                self._trip(ledger.name, (BreakerCode.ORDER_UNKNOWN, order_id), waited, latch)
        for subject in sorted(tripped - since_when.keys()):
            self._clear(ledger.name, (BreakerCode.ORDER_UNKNOWN, subject))

    def _watch_rejects(self) -> None:
        limit = self._state.rules.breakers.max_reject_share_pct
        for venue, window in self._rejects.items():
            key: BreakerKey = (BreakerCode.REJECT_RATE, venue)
            if window.is_over:
                self._trip(LedgerName.LIVE, key, window.share_pct, limit)
            if (LedgerName.LIVE, key) in self._state.breakers and window.settle(self._state.now_ns):
                self._clear(LedgerName.LIVE, key)

    def _watch_rests(self) -> None:
        state = self._state
        limit = Decimal(state.rules.breakers.max_rests_per_hour)
        for (ledger, pair, direction), window in state.rest_windows.items():
            key: BreakerKey = (BreakerCode.REPEATED_RESTS, f"{pair} {direction}")
            if window.is_over(state.now_ns):
                self._trip(ledger, key, Decimal(window.count(state.now_ns)), limit)
            else:
                self._clear(ledger, key)

    def _rebalance(self, ledger: Ledger) -> None:
        state, rules = self._state, self._state.rules.rebalance
        # Hedged trades alone: an opening in flight, or a leg just left alone, counts twice for a
        # moment and is no reason to cut what stands well.
        whole = [t for t in ledger.trades.values() if t.phase is TradePhase.OPEN]
        exposure = sum((trade.notional_krw for trade in whole), _ZERO)
        if exposure <= rules.max_exposure_krw:
            return
        marked = []
        for trade in ledger.trades.values():
            mark = state.mark(trade)
            marked.append((trade, _ZERO if mark is None else mark.unrealised_krw))
        found = reduction(marked, exposure, rules, state.instruments, state.market)
        if found is None:
            return
        trade = ledger.trades[found.trade_id]
        state.record(
            RebalanceBegan(
                state.now_ns,
                ledger.name,
                trade.id,
                trade.pair,
                exposure,
                rules.max_exposure_krw,
                _HUNDRED if found.whole else rules.reduce_pct,
            )
        )
        self._tending.close(ledger, trade, Purpose.REBALANCE, trade.size - found.quantity)

    def _sample(self) -> None:
        state = self._state
        if state.now_mono_ns < self._next_sample_ns:
            return
        self._next_sample_ns = state.now_mono_ns + _SAMPLE_NS
        for ledger in state.ledgers.values():
            equity, loss = state.equity(ledger), state.loss_today(ledger)
            if equity is None or loss is None or not ledger.balances:
                continue
            state.record(
                EquitySampled(
                    state.now_ns,
                    ledger.name,
                    equity[0],
                    ledger.booked_krw,
                    equity[1],
                    ledger.exposure_krw,
                    len(ledger.trades),
                    loss[0],
                )
            )

    def _trip(self, ledger: LedgerName, key: BreakerKey, value: Decimal, limit: Decimal) -> None:
        if (ledger, key) not in self._state.breakers:
            self._state.record(
                BreakerTripped(self._state.now_ns, ledger, key[0], key[1], value, limit)
            )

    def _clear(self, ledger: LedgerName, key: BreakerKey) -> None:
        if (ledger, key) in self._state.breakers:
            self._state.record(BreakerCleared(self._state.now_ns, ledger, key[0], key[1]))


def seoul_date(at_ns: int) -> str:
    """The calendar date in Seoul (UTC+9 all year) at a UTC instant, as YYYY-MM-DD."""
    return (_EPOCH + timedelta(days=(at_ns + _SEOUL_NS) // _DAY_NS)).isoformat()
