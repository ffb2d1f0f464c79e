"""A small matching world for tests: two instruments, one account per venue, a clock by hand."""

from decimal import Decimal

from trader.domain.instrument import BINANCE, BITHUMB, UPBIT, InstrumentId, Venue
from trader.domain.order import Side
from trader.sim.defaults import MAIN, default_accounts, listings_of
from trader.sim.exchange import Exchange
from trader.sim.faults import Faults
from trader.sim.model import Account, Levels, NewOrder, SimEvent, TimeInForce
from trader.sim.rules import RULES, VenueRules

UPBIT_BTC = InstrumentId("upbit:BTC-KRW")
BITHUMB_BTC = InstrumentId("bithumb:BTC-KRW")
BINANCE_BTC = InstrumentId("binance:BTC-USDT")
BIDS: Levels = ((149_999_000.0, 0.02), (149_998_000.0, 0.05))
ASKS: Levels = ((150_000_000.0, 0.01), (150_001_000.0, 0.03), (150_005_000.0, 1.0))
BINANCE_BIDS: Levels = ((107_999.99, 0.02), (107_999.0, 0.05))
BINANCE_ASKS: Levels = ((108_000.0, 0.01), (108_000.5, 0.03), (108_001.0, 1.0))


class Floor:
    """The world, and all that its listeners heard."""

    def __init__(self, rules: dict[Venue, VenueRules] = RULES) -> None:
        self.now_ns = 1_700_000_000_000_000_000
        self.faults = Faults(lambda: self.now_ns)
        self.exchange = Exchange(
            listings_of((UPBIT_BTC, BITHUMB_BTC, BINANCE_BTC)),
            default_accounts(self.now_ns),
            rules,
            self.faults,
            lambda: self.now_ns,
            first_id=1_000,
        )
        self.events: list[SimEvent] = []
        for venue in (UPBIT, BITHUMB, BINANCE):
            self.exchange.subscribe(venue, self.events.append)
        self.state()

    def state(self, bids: Levels = BIDS, asks: Levels = ASKS) -> None:
        """State the books anew; Binance's always the same."""
        self.exchange.state_book(UPBIT_BTC, bids, asks)
        self.exchange.state_book(BITHUMB_BTC, bids, asks)
        self.exchange.state_book(BINANCE_BTC, BINANCE_BIDS, BINANCE_ASKS)
        self.events.clear()

    def account(self, venue: Venue = UPBIT) -> Account:
        """The account of a venue."""
        account = self.exchange.account(venue, MAIN)
        assert account is not None
        return account


def a_limit(
    price: str,
    quantity: str,
    side: Side = Side.BUY,
    time_in_force: TimeInForce = TimeInForce.GTC,
    client_id: str = "",
    instrument: InstrumentId = UPBIT_BTC,
) -> NewOrder:
    """A limit order, at Upbit unless said otherwise."""
    return NewOrder(
        instrument,
        side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        time_in_force=time_in_force,
        client_id=client_id,
    )
