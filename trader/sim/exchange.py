"""The matching world all three faces share: venues, accounts, books, orders, and who listens.

Synchronous, within the caller's step. Money is exact. Orders meet the market, never each other.
"""

import copy
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, localcontext

from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.sim.books import MarketBook, Take, reaches
from trader.sim.faults import NO_TWIST, Faults, Twist
from trader.sim.holders import copied
from trader.sim.judging import Judged, judge
from trader.sim.model import (
    Account,
    ApiKey,
    BalancesChanged,
    Book,
    BookChanged,
    Cause,
    Code,
    FeeRates,
    Levels,
    Listing,
    MarketStatus,
    NewOrder,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRefused,
    OrderState,
    RawFrame,
    Refused,
    SimEvent,
    SimOrder,
    SimTrade,
    StatusChanged,
)
from trader.sim.money import EXACT, charge_for, lock, release, settle
from trader.sim.orders import OrderStore, by_priority
from trader.sim.rules import IdMaker, VenueRules

Listener = Callable[[SimEvent], None]
_RECENT_TRADES = 500


class Exchange:
    """Several venues, each with its listings, accounts and books, under one clock.

    ``clock`` is the host's time in ns; a venue's own is ``now_ns(venue)``, skewed by ``faults``.
    ``first_id`` must grow from run to run, so that no id ever comes twice.
    """

    def __init__(
        self,
        listings: Iterable[Listing],
        accounts: Iterable[Account],
        rules: Mapping[Venue, VenueRules],
        faults: Faults,
        clock: Callable[[], int],
        first_id: int,
    ) -> None:
        self._rules = dict(rules)
        self._faults = faults
        self._clock = clock
        self._listings = {each.id: each for each in listings}
        self._by_symbol = {
            (each.instrument.venue, each.symbol): each for each in self._listings.values()
        }
        self._books = {instrument: MarketBook(instrument) for instrument in self._listings}
        self._resting: defaultdict[InstrumentId, dict[str, SimOrder]] = defaultdict(dict)
        self._recent: defaultdict[InstrumentId, deque[SimTrade]] = defaultdict(
            lambda: deque(maxlen=_RECENT_TRADES)
        )
        self._accounts = {(each.venue, each.name): each for each in accounts}
        self._opening = {key: copied(each.balances) for key, each in self._accounts.items()}
        self._stores = self._new_stores()
        self._order_ids = {venue: IdMaker(each.ids, first_id) for venue, each in rules.items()}
        self._trade_ids = {venue: IdMaker(each.ids, first_id + 1) for venue, each in rules.items()}
        self._listeners: dict[Venue, list[Listener]] = {venue: [] for venue in rules}

    # Looking

    @property
    def venues(self) -> tuple[Venue, ...]:
        """Every venue there is."""
        return tuple(self._rules)

    def now_ns(self, venue: Venue) -> int:
        """The venue's clock, UTC in ns."""
        return self._clock() + self._faults.skew_ns(venue)

    def listings(self, venue: Venue) -> tuple[Listing, ...]:
        """Everything the venue lists."""
        return tuple(each for each in self._listings.values() if each.instrument.venue == venue)

    def listing(self, venue: Venue, symbol: str) -> Listing | None:
        """What the venue lists under its own spelling (``KRW-BTC``, ``BTCUSDT``), or None."""
        return self._by_symbol.get((venue, symbol))

    def accounts(self, venue: Venue) -> tuple[Account, ...]:
        """Every account at the venue."""
        return tuple(each for each in self._accounts.values() if each.venue == venue)

    def account(self, venue: Venue, name: str) -> Account | None:
        """The account of that name, or None."""
        return self._accounts.get((venue, name))

    def account_of(self, venue: Venue, access: str) -> tuple[Account, ApiKey] | None:
        """Whose key this is. Its expiry and permissions are the face's to judge."""
        for account in self._accounts.values():
            key = account.keys.get(access)
            if key is not None and account.venue == venue:
                return account, key
        return None

    def fees(self, account: Account) -> FeeRates:
        """Maker and taker fee of the account, as shares of one."""
        return account.fees

    def book(self, instrument: InstrumentId) -> Book | None:
        """What is displayed now; None before the market stated a first book."""
        book = self._books.get(instrument)
        return book.view() if book is not None and book.sequence else None

    def recent_trades(self, instrument: InstrumentId) -> Sequence[SimTrade]:
        """Fills of the instrument, whoever's, newest last; at most 500."""
        return self._recent.get(instrument, ())

    # Orders

    def place(self, account: Account, asked: NewOrder, twist: Twist = NO_TWIST) -> SimOrder:
        """Take an order in and match it; returns it as it stands after matching.

        Listeners have heard everything by the time it returns. Where the venue answers a used
        client id with the order that has it, that order is returned and nothing happens.

        Raises:
            Refused: nothing rests and nothing was filled.
        """
        with localcontext(EXACT):
            try:
                known = self._store(account).claim(asked.client_id)
                if known is not None:
                    return copy.copy(known)
                listing, judged = self._judged(account, asked, twist)
            except Refused as refused:
                venue = account.venue
                at_ns = self.now_ns(venue)
                self._tell(OrderRefused(venue, account.name, asked, refused.code, at_ns))
                raise
            return copy.copy(self._carry_out(account, asked, listing, judged))

    def check(self, account: Account, asked: NewOrder) -> None:
        """Everything ``place`` would refuse, without placing or burning anything.

        Raises:
            Refused: ``place`` would have.
        """
        with localcontext(EXACT):
            self._store(account).claim(asked.client_id, for_test=True)
            self._judged(account, asked, NO_TWIST)

    def cancel(
        self, account: Account, *, order_id: str = "", client_id: str = "", cancel_id: str = ""
    ) -> SimOrder:
        """Cancel an open order by the venue's id, or else by its client id.

        Raises:
            Refused: ORDER_NOT_FOUND, or ORDER_FINAL where it ended already.
        """
        order = self._store(account).find(order_id, client_id)
        if order is None:
            raise Refused(Code.ORDER_NOT_FOUND, order_id or client_id)
        if order.state.is_final:
            raise Refused(Code.ORDER_FINAL, order.id)
        with localcontext(EXACT):
            order.cancel_id = cancel_id
            self._end(account, order, Cause.USER)
            self._tell_balances(account, order.instrument)
        return copy.copy(order)

    def find(self, account: Account, *, order_id: str = "", client_id: str = "") -> SimOrder | None:
        """An order of the account by the venue's id, or else the newest under a client id."""
        found = self._store(account).find(order_id, client_id)
        return None if found is None else copy.copy(found)

    def open_orders(
        self, account: Account, instrument: InstrumentId | None = None
    ) -> list[SimOrder]:
        """Orders that can still fill, oldest first."""
        return [
            copy.copy(order)
            for order in self._store(account).open.values()
            if instrument is None or order.instrument == instrument
        ]

    def orders(
        self,
        account: Account,
        instrument: InstrumentId | None = None,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        final_only: bool = False,
        limit: int = 1_000,
    ) -> list[SimOrder]:
        """Orders created from ``since_ns`` up to ``until_ns``, inclusive; the newest ``limit`` of
        them, oldest first. ``final_only`` leaves out what is open.
        """
        found = self._store(account).between(
            instrument, since_ns, until_ns, limit, final_only=final_only
        )
        return [copy.copy(order) for order in found]

    def trades(
        self, account: Account, instrument: InstrumentId, order_id: str = "", limit: int = 1_000
    ) -> list[SimTrade]:
        """Fills of the account in an instrument, or of one order; oldest first."""
        return self._store(account).trades(instrument, order_id, limit)

    def state_book(self, instrument: InstrumentId, bids: Levels, asks: Levels) -> None:
        """The market says anew what is displayed; orders at rest that it crosses are filled."""
        listing, book = self._listings[instrument], self._books[instrument]
        venue = listing.instrument.venue
        book.state(bids, asks, self.now_ns(venue))
        if self._resting[instrument] and listing.status is MarketStatus.TRADING:
            self._match_resting(listing, book)
        self._tell(BookChanged(venue, listing.symbol, book.view()))

    def replay(self, venue: Venue, text: str) -> None:
        """Pass a recorded message to the public streams as it is."""
        self._tell(RawFrame(venue, text))

    def set_status(self, instrument: InstrumentId, status: MarketStatus) -> None:
        """Halt an instrument, or let it trade again."""
        listing = self._listings[instrument]
        listing.status = status
        venue = listing.instrument.venue
        self._tell(StatusChanged(venue, listing.symbol, status, self.now_ns(venue)))

    def adjust(self, account: Account, asset: Asset, delta: Decimal) -> None:
        """A deposit (above zero) or withdrawal; a withdrawal may take what is free, no more.

        Raises:
            Refused: INSUFFICIENT_FUNDS.
        """
        with localcontext(EXACT):
            balance = account.balance(asset)
            if balance.free + delta < 0:
                raise Refused(Code.INSUFFICIENT_FUNDS, f"{balance.free} {asset} is free")
            balance.free += delta
        venue, changed = account.venue, {asset: copy.copy(balance)}
        at_ns = self.now_ns(venue)
        self._tell(BalancesChanged(venue, account.name, changed, {asset: delta}, at_ns))

    def reset(self) -> None:
        """Back to the opening balances, no orders and everything trading; books move on."""
        self._stores = self._new_stores()
        for resting in self._resting.values():
            resting.clear()
        for listing in self._listings.values():
            listing.status, listing.delisting_date = MarketStatus.TRADING, None
        for key, account in self._accounts.items():
            account.balances.clear()
            account.balances.update(copied(self._opening[key]))

    # Listening

    def subscribe(self, venue: Venue, listener: Listener) -> Callable[[], None]:
        """Hear every event of a venue, in order, within the step that causes it.

        A listener must not block nor call back into the exchange. Returns what ends it.
        """
        listeners = self._listeners[venue]
        listeners.append(listener)

        def end() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return end

    # Inside

    def _judged(self, account: Account, asked: NewOrder, twist: Twist) -> tuple[Listing, Judged]:
        listing = self._listings.get(asked.instrument)
        if listing is None or listing.instrument.venue != account.venue:
            raise Refused(Code.UNKNOWN_MARKET, asked.instrument)
        book, store = self._books[listing.id], self._store(account)
        return listing, judge(
            account, asked, listing, book, store, self._rules[account.venue], twist
        )

    def _carry_out(
        self, account: Account, asked: NewOrder, listing: Listing, judged: Judged
    ) -> SimOrder:
        for own in judged.in_the_way:
            self._end(account, own, Cause.SELF_TRADE)
        venue, now_ns = account.venue, self.now_ns(account.venue)
        order_id = self._order_ids[venue].make()
        order = SimOrder(order_id, venue, account.name, asked, listing.symbol, now_ns, now_ns)
        lock(account, order, judged.reserve)
        self._store(account).add(order)
        self._tell(OrderAccepted(venue, account.name, copy.copy(order)))
        for take in judged.takes:
            self._books[listing.id].take(asked.side, take, now_ns)
            self._fill(account, listing, order, take, is_maker=False)
        if order.remaining == 0 or judged.ends is not None:
            self._end(account, order, judged.ends or Cause.NONE)
        else:
            self._resting[listing.id][order.id] = order
        self._tell_balances(account, listing.id)
        if judged.takes:
            self._tell(BookChanged(venue, listing.symbol, self._books[listing.id].view()))
        return order

    def _fill(
        self, account: Account, listing: Listing, order: SimOrder, take: Take, *, is_maker: bool
    ) -> None:
        instrument, venue = listing.instrument, account.venue
        share = account.fees.maker if is_maker else account.fees.taker
        step = self._rules[venue].fee_step
        charge = charge_for(instrument, order.side, take, share, step)
        settle(account, instrument, order, take, charge)
        trade = SimTrade(
            id=self._trade_ids[venue].make(),
            order_id=order.id,
            client_id=order.client_id,
            instrument=instrument.id,
            side=order.side,
            price=take.price,
            quantity=take.quantity,
            fee=charge.fee,
            fee_asset=charge.asset,
            is_maker=is_maker,
            at_ns=self.now_ns(venue),
        )
        order.executed += take.quantity
        order.executed_funds += take.price * take.quantity
        order.paid_fee += charge.fee
        order.fee_asset = charge.asset
        order.trades = (*order.trades, trade)
        order.updated_ns = trade.at_ns
        order.state = OrderState.DONE if order.remaining == 0 else OrderState.PARTLY_FILLED
        self._recent[instrument.id].append(trade)
        self._tell(OrderFilled(venue, account.name, copy.copy(order), trade))

    def _end(self, account: Account, order: SimOrder, cause: Cause) -> None:
        """Make an order final and give back what it still reserves."""
        is_done = order.remaining == 0 or (
            cause is Cause.UNSPENT and order.executed_funds == order.asked.funds
        )
        order.state = OrderState.DONE if is_done else OrderState.CANCELLED
        order.cause = Cause.NONE if is_done else cause
        order.updated_ns = self.now_ns(account.venue)
        release(account, self._listings[order.instrument].instrument, order)
        self._resting[order.instrument].pop(order.id, None)
        self._store(account).close(order)
        self._tell(OrderEnded(account.venue, account.name, copy.copy(order)))

    def _match_resting(self, listing: Listing, book: MarketBook) -> None:
        """Fill what the newly stated book crosses, at the order's own price, as maker."""
        with localcontext(EXACT):
            for order in by_priority(self._resting[listing.id].values()):
                account = self._accounts[order.venue, order.account]
                limit, filled = order.asked.price, False
                assert limit is not None
                for level in book.offered(order.side):
                    left = order.remaining
                    if not left or not reaches(order.side, limit, level.price):
                        break
                    part = min(left, level.quantity)
                    book.take(order.side, Take(level.price, part), self.now_ns(order.venue))
                    self._fill(account, listing, order, Take(limit, part), is_maker=True)
                    filled = True
                if order.remaining == 0:
                    self._end(account, order, Cause.NONE)
                if filled:
                    self._tell_balances(account, listing.id)

    def _tell(self, event: SimEvent) -> None:
        for listener in [*self._listeners[event.venue]]:
            listener(event)

    def _tell_balances(self, account: Account, instrument: InstrumentId) -> None:
        traded = self._listings[instrument].instrument
        changed = {
            asset: copy.copy(account.balance(asset)) for asset in (traded.quote, traded.base)
        }
        venue = account.venue
        self._tell(BalancesChanged(venue, account.name, changed, {}, self.now_ns(venue)))

    def _store(self, account: Account) -> OrderStore:
        return self._stores[account.venue, account.name]

    def _new_stores(self) -> dict[tuple[Venue, str], OrderStore]:
        return {key: OrderStore(self._rules[key[0]].client_ids) for key in self._accounts}
