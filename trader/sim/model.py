"""What the simulated venues deal in: listings, accounts, orders, fills, refusals and events.

Neutral words only. Each face (``upbit.py``, ``bithumb.py``, ``binance.py``) says its venue's own.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from trader.domain.instrument import Asset, Instrument, InstrumentId, Venue
from trader.domain.market import Level
from trader.domain.order import Side
from trader.sim.holders import ZERO as ZERO
from trader.sim.holders import Account as Account
from trader.sim.holders import ApiKey as ApiKey
from trader.sim.holders import Balance as Balance
from trader.sim.holders import FeeRates as FeeRates
from trader.sim.holders import KeyKind as KeyKind
from trader.sim.holders import Permission as Permission

Levels = tuple[Level, ...]
"""One side of a book, best first: price and quantity as floats, exact in their shortest repr."""


class MarketStatus(StrEnum):
    """Whether an instrument trades."""

    TRADING = "trading"
    HALTED = "halted"
    CANCEL_ONLY = "cancel_only"


class Listing(Struct):
    """An instrument as one venue lists it.

    ``symbol`` is the venue's spelling; ``max_notional`` in the quote asset; ``delisting_date``
    (yyyy-MM-dd) is told by the tickers of the Korean venues, None where there is none.
    """

    instrument: Instrument
    symbol: str
    max_notional: Decimal
    status: MarketStatus = MarketStatus.TRADING
    delisting_date: str | None = None

    @property
    def id(self) -> InstrumentId:
        """The instrument's id, such as ``upbit:BTC-KRW``."""
        return self.instrument.id


class Kind(StrEnum):
    """How an order finds its price."""

    LIMIT = "limit"
    MARKET = "market"
    BEST = "best"
    """Takes the opposite best level only; needs IOC or FOK."""


class TimeInForce(StrEnum):
    """How long an order stands."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class SelfTrade(StrEnum):
    """What happens where an order would meet another one of its own account."""

    NONE = "none"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"


class NewOrder(Struct, frozen=True):
    """An order as asked for.

    LIMIT: ``price`` and ``quantity``. MARKET and BEST: ``quantity``, or for a purchase ``funds``,
    the quote asset to spend (fees come on top where the venue takes them in quote).
    """

    instrument: InstrumentId
    side: Side
    kind: Kind = Kind.LIMIT
    quantity: Decimal | None = None
    price: Decimal | None = None
    funds: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    client_id: str = ""
    self_trade: SelfTrade = SelfTrade.NONE


class OrderState(StrEnum):
    """Where an order stands. What was asked for and refused never becomes one."""

    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    DONE = "done"
    """Filled to its whole quantity, or to the last unit its funds can pay."""
    CANCELLED = "cancelled"
    """Ended with something left; ``cause`` says why and ``executed`` how much came first."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in (OrderState.DONE, OrderState.CANCELLED)


class Cause(StrEnum):
    """Why an order ended unfilled, or partly filled."""

    NONE = ""
    USER = "user"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"
    UNSPENT = "unspent"
    """A purchase by funds whose rest buys not even one lot at the price it stands at."""
    NO_LIQUIDITY = "no_liquidity"
    """A market order that has eaten the book."""
    SELF_TRADE = "self_trade"
    VENUE = "venue"


class SimTrade(Struct, frozen=True):
    """One fill. ``fee`` is in ``fee_asset``; ``at_ns`` is the venue's clock (UTC)."""

    id: str
    order_id: str
    client_id: str
    instrument: InstrumentId
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: Asset
    is_maker: bool
    at_ns: int

    @property
    def funds(self) -> Decimal:
        """Price times quantity, in the quote asset."""
        return self.price * self.quantity


class SimOrder(Struct):
    """An accepted order. What faces receive are snapshots: nobody changes them afterwards.

    ``quantity`` is None for a purchase by ``asked.funds``. ``locked`` and ``remaining_fee`` are
    what is still reserved (``locked`` includes the fee where the venue takes it in quote).
    """

    id: str
    venue: Venue
    account: str
    asked: NewOrder
    symbol: str
    created_ns: int
    updated_ns: int
    state: OrderState = OrderState.OPEN
    cause: Cause = Cause.NONE
    executed: Decimal = ZERO
    executed_funds: Decimal = ZERO
    paid_fee: Decimal = ZERO
    fee_asset: Asset = Asset("")
    reserved_fee: Decimal = ZERO
    remaining_fee: Decimal = ZERO
    locked: Decimal = ZERO
    trades: tuple[SimTrade, ...] = ()
    cancel_id: str = ""
    """The id the cancellation itself was given by its sender (Binance), if any."""

    @property
    def client_id(self) -> str:
        """The sender's own id, or an empty string."""
        return self.asked.client_id

    @property
    def instrument(self) -> InstrumentId:
        """The instrument's id."""
        return self.asked.instrument

    @property
    def side(self) -> Side:
        """What the order does with the base asset."""
        return self.asked.side

    @property
    def quantity(self) -> Decimal | None:
        """What was asked for in the base asset; None for a purchase by funds."""
        return self.asked.quantity

    @property
    def remaining(self) -> Decimal | None:
        """What is left of ``quantity``; None for a purchase by funds."""
        return None if self.asked.quantity is None else self.asked.quantity - self.executed

    @property
    def average_price(self) -> Decimal | None:
        """Executed funds over executed quantity; None before the first fill."""
        return self.executed_funds / self.executed if self.executed else None


class Code(StrEnum):
    """Why a venue refuses."""

    UNKNOWN_MARKET = "unknown_market"
    MARKET_OFFLINE = "market_offline"
    MALFORMED = "malformed"
    OFF_TICK = "off_tick"
    OFF_LOT = "off_lot"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    WOULD_TAKE = "would_take"
    BEYOND_BOOK = "beyond_book"
    """A market order larger than all that is displayed (Upbit refuses it)."""
    NO_LIQUIDITY = "no_liquidity"
    """A market order that meets an empty side (Binance expires it, the others refuse)."""
    TOO_MANY_OPEN = "too_many_open"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_FINAL = "order_final"
    """A cancel that comes too late."""
    REJECTED = "rejected"
    """By a fault on demand, for no reason of the order's own."""


class Refused(Exception):
    """The venue says no and nothing has changed (but for a burned client id)."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail


class Book(Struct, frozen=True, gc=False):
    """What an instrument displays now: the market's levels less what was taken of them.

    ``sequence`` grows by one with every change; ``at_ns`` is the venue's clock.
    """

    instrument: InstrumentId
    bids: Levels
    asks: Levels
    sequence: int
    at_ns: int


class BookChanged(Struct, frozen=True, gc=False):
    """The book was stated anew, or something was taken of it. For the public streams."""

    venue: Venue
    symbol: str
    book: Book


class OrderAccepted(Struct, frozen=True):
    """An order was taken in; ``order`` is as it was before any fill."""

    venue: Venue
    account: str
    order: SimOrder


class OrderFilled(Struct, frozen=True):
    """One fill; ``order`` is as it stands right after it. Also the public trade stream's event."""

    venue: Venue
    account: str
    order: SimOrder
    trade: SimTrade


class OrderEnded(Struct, frozen=True):
    """The order is final (done or cancelled); follows the last OrderFilled."""

    venue: Venue
    account: str
    order: SimOrder


class OrderRefused(Struct, frozen=True):
    """An order was refused by the matching world; nothing rests."""

    venue: Venue
    account: str
    asked: NewOrder
    code: Code
    at_ns: int


class BalancesChanged(Struct, frozen=True):
    """Balances of an account as they stand now, those that changed only.

    ``deltas`` is set when the change came from outside (a deposit or withdrawal), else empty.
    """

    venue: Venue
    account: str
    balances: dict[Asset, Balance]
    deltas: dict[Asset, Decimal]
    at_ns: int


class StatusChanged(Struct, frozen=True):
    """An instrument was halted or trades again."""

    venue: Venue
    symbol: str
    status: MarketStatus
    at_ns: int


class RawFrame(Struct, frozen=True, gc=False):
    """A recorded message, to be passed to the public streams as it is. Nothing matches it."""

    venue: Venue
    text: str


SimEvent = (
    BookChanged
    | OrderAccepted
    | OrderFilled
    | OrderEnded
    | OrderRefused
    | BalancesChanged
    | StatusChanged
    | RawFrame
)
