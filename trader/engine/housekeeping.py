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
    DirectionEmptied,
    DirectionRefilled,
    EquitySampled,
    FeedRecovered,
    FeedWentStale,
    InventoryLevelled,
    InventoryRebased,
    InventorySkewed,
    Mark,
    RebalanceBegan,
)
from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.domain.market import exact
from trader.domain.order import ClientOrderId, LedgerName, Purpose
from trader.engine.state import Route, State
from trader.engine.tending import Tending
from trader.portfolio.ledger import Ledger
from trader.portfolio.rebalancer import reduction, skews
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


class Housekeeping:
    """Everything the passing of a second may bring about."""

    def __init__(self, state: State, tending: Tending, strategy: Strategy) -> None:
        self._state = state
        self._tending = tending
        self._strategy = strategy
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
        self._fund_paper()
        for ledger in self._state.ledgers.values():
            self._roll_day(ledger)
            self._watch_loss(ledger)
            self._watch_unhedged(ledger)
            self._watch_unknown(ledger)
            self._rebalance(ledger)
        self._watch_rejects()
        self._watch_rests()
        if self._state.now_mono_ns >= self._next_inventory_ns:
            self._next_inventory_ns = self._state.now_mono_ns + _INVENTORY_NS
            for ledger in self._state.ledgers.values():
                self._watch_directions(ledger)
                self._watch_skew(ledger)
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

    def _fund_paper(self) -> None:
        """Give the paper ledger its balances once, when every price is there to measure by."""
        state = self._state
        paper = state.ledgers[LedgerName.PAPER]
        if paper.balances:
            return
        amounts: dict[tuple[Venue, Asset], Decimal] = {}
        for instrument in state.instruments.values():
            if instrument.id == state.market.usdt_krw:
                continue
            book = state.market.books.get(instrument.id)
            rate = state.market.won_mid(instrument.quote)
            if book is None or rate is None:
                return
            funds = state.rules.paper_balance_krw
            amounts[instrument.venue, instrument.quote] = (funds / rate).quantize(_COIN_STEP)
            coin = funds / (exact(book.mid) * rate)
            amounts[instrument.venue, instrument.base] = coin.quantize(_COIN_STEP)
        for (venue, asset), quantity in amounts.items():
            state.record(
                InventoryRebased(
                    state.now_ns, LedgerName.PAPER, venue, asset, quantity, "paper balance"
                )
            )

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
            if state.venue_ns is None:
                return
            today = min(today, seoul_date(state.venue_ns))
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
        for order_id, since in since_when.items():
            waited = Decimal((state.now_mono_ns - since) // 1_000_000) / 1_000
            if waited > latch:
                self._trip(ledger.name, (BreakerCode.ORDER_UNKNOWN, order_id), waited, latch)
        for code, subject in state.breakers_of(ledger.name):
            if code is BreakerCode.ORDER_UNKNOWN and subject not in since_when:
                self._clear(ledger.name, (code, subject))

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
        exposure = ledger.exposure_krw
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

    # inventory

    def _watch_directions(self, ledger: Ledger) -> None:
        if not ledger.balances:
            return
        free = ledger.free()
        for pair, direction, sold, bought in self._strategy.directions:
            route: Route = (ledger.name, pair, direction)
            lack = self._lack(free, sold, bought)
            if lack is None:
                if route in self._state.empty:
                    self._state.record(
                        DirectionRefilled(self._state.now_ns, ledger.name, pair, direction)
                    )
            elif route not in self._state.empty:
                asset, amount, source, target = lack
                self._state.record(
                    DirectionEmptied(
                        self._state.now_ns,
                        ledger.name,
                        pair,
                        direction,
                        asset,
                        amount,
                        source,
                        target,
                    )
                )

    def _lack(
        self,
        free: dict[tuple[Venue, Asset], Decimal],
        sold: InstrumentId,
        bought: InstrumentId,
    ) -> tuple[Asset, Decimal, Venue, Venue] | None:
        """(asset, amount, from, to) of the transfer one more trade wants, or None."""
        state = self._state
        sell, buy = state.instruments[sold], state.instruments[bought]
        ask, rate = state.market.last_good.get(bought), state.market.won_mid(buy.quote)
        bid, sell_rate = state.market.last_good.get(sold), state.market.won_mid(sell.quote)
        if ask is None or bid is None or rate is None or sell_rate is None:
            return None
        size = state.rules.strategy.position_size_krw
        coin = size / (exact(bid.best_bid) * sell_rate)
        money = size / rate * (1 + buy.fees.taker_share)
        if free.get((sell.venue, sell.base), _ZERO) < coin:
            return sell.base, coin.quantize(_COIN_STEP), buy.venue, sell.venue
        if free.get((buy.venue, buy.quote), _ZERO) < money:
            source = sell.venue if sell.quote == buy.quote else _dollar_source(state, buy.venue)
            return buy.quote, money.quantize(_COIN_STEP), source, buy.venue
        return None

    def _watch_skew(self, ledger: Ledger) -> None:
        state = self._state
        venues: dict[Asset, list[Venue]] = {}
        for pair in state.rules.strategy.pairs:
            for leg in (pair.first, pair.second):
                known = state.instruments[leg]
                places: list[Venue] = venues.setdefault(known.base, [])
                if known.venue not in places:
                    places.append(known.venue)
        limit = state.rules.rebalance.inventory_skew_pct
        found = {skew.asset: skew for skew in skews(ledger.balances, venues, limit)}
        for asset, skew in found.items():
            if (ledger.name, asset) not in state.skewed:
                state.record(
                    InventorySkewed(
                        state.now_ns,
                        ledger.name,
                        asset,
                        skew.share_pct,
                        skew.amount,
                        skew.from_venue,
                        skew.to_venue,
                    )
                )
        for name, asset in sorted(state.skewed):
            if name is ledger.name and asset not in found:
                state.record(InventoryLevelled(state.now_ns, ledger.name, asset))

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


def _dollar_source(state: State, target: Venue) -> Venue:
    """Where dollars for ``target`` are bought: the venue of the KRW-USDT book."""
    dollar = state.market.usdt_krw
    return state.instruments[dollar].venue if dollar in state.instruments else target
