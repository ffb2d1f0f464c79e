"""The matching world all three faces share: venues, accounts, books, orders, and who listens.

Everything here is synchronous and happens in the caller's step. Money is Decimal and exact.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from trader.domain.instrument import Asset, InstrumentId, Venue
from trader.sim.faults import NO_TWIST, Faults, Twist
from trader.sim.model import (
    Account,
    ApiKey,
    Book,
    FeeRates,
    Levels,
    Listing,
    MarketStatus,
    NewOrder,
    SimEvent,
    SimOrder,
    SimTrade,
)
from trader.sim.rules import VenueRules

Listener = Callable[[SimEvent], None]


class Exchange:
    """Several venues, each with its listings, accounts and books, under one clock.

    ``clock`` is the host's time in ns; a venue's own is ``now_ns(venue)``, skewed by ``faults``.
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
        raise NotImplementedError

    # Looking

    def now_ns(self, venue: Venue) -> int:
        """The venue's clock, UTC in ns."""
        raise NotImplementedError

    def listings(self, venue: Venue) -> tuple[Listing, ...]:
        """Everything the venue lists."""
        raise NotImplementedError

    def listing(self, venue: Venue, symbol: str) -> Listing | None:
        """What the venue lists under its own spelling (``KRW-BTC``, ``BTCUSDT``), or None."""
        raise NotImplementedError

    def account_of(self, venue: Venue, access: str) -> tuple[Account, ApiKey] | None:
        """Whose key this is. Its expiry and permissions are the face's to judge."""
        raise NotImplementedError

    def fees(self, account: Account) -> FeeRates:
        """Maker and taker fee of the account, as shares of one."""
        raise NotImplementedError

    def book(self, instrument: InstrumentId) -> Book | None:
        """What is displayed now; None before the market stated a first book."""
        raise NotImplementedError

    def recent_trades(self, instrument: InstrumentId) -> Sequence[SimTrade]:
        """Fills of the instrument, whoever's, newest last; at most 500."""
        raise NotImplementedError

    # Orders

    def place(self, account: Account, asked: NewOrder, twist: Twist = NO_TWIST) -> SimOrder:
        """Take an order in and match it; returns it as it stands after matching.

        Listeners have heard everything by the time it returns. Where the venue answers a used
        client id with the order that has it, that order is returned and nothing happens.

        Raises:
            Refused: nothing rests and nothing was filled.
        """
        raise NotImplementedError

    def check(self, account: Account, asked: NewOrder) -> None:
        """Everything ``place`` would refuse, without placing or burning anything.

        Raises:
            Refused: ``place`` would have.
        """
        raise NotImplementedError

    def cancel(
        self, account: Account, *, order_id: str = "", client_id: str = "", cancel_id: str = ""
    ) -> SimOrder:
        """Cancel an open order by the venue's id, or else by its client id.

        Raises:
            Refused: ORDER_NOT_FOUND, or ORDER_FINAL where it ended already.
        """
        raise NotImplementedError

    def find(self, account: Account, *, order_id: str = "", client_id: str = "") -> SimOrder | None:
        """An order of the account by the venue's id, or else the newest under a client id."""
        raise NotImplementedError

    def open_orders(
        self, account: Account, instrument: InstrumentId | None = None
    ) -> list[SimOrder]:
        """Orders that can still fill, oldest first."""
        raise NotImplementedError

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
        raise NotImplementedError

    def trades(
        self, account: Account, instrument: InstrumentId, order_id: str = "", limit: int = 1_000
    ) -> list[SimTrade]:
        """Fills of the account in an instrument, or of one order; oldest first."""
        raise NotImplementedError

    # From outside

    def state_book(self, instrument: InstrumentId, bids: Levels, asks: Levels) -> None:
        """The market says anew what is displayed; orders at rest that it crosses are filled."""
        raise NotImplementedError

    def set_status(self, instrument: InstrumentId, status: MarketStatus) -> None:
        """Halt an instrument, or let it trade again."""
        raise NotImplementedError

    def adjust(self, account: Account, asset: Asset, delta: Decimal) -> None:
        """A deposit (above zero) or withdrawal; a withdrawal may take what is free, no more.

        Raises:
            Refused: INSUFFICIENT_FUNDS.
        """
        raise NotImplementedError

    # Listening

    def subscribe(self, venue: Venue, listener: Listener) -> Callable[[], None]:
        """Hear every event of a venue, in order, within the step that causes it.

        A listener must not block nor call back into the exchange. Returns what ends it.
        """
        raise NotImplementedError
