"""Bithumb: place, cancel, look up; account, rules and clock over REST."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown
from trader.domain.instrument import BITHUMB, FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.order import ApprovedOrder, ClientOrderId
from trader.execution.bithumb_errors import BITHUMB_ERRORS
from trader.execution.bithumb_limits import ACCOUNT, CANCEL, LOOKUP, ORDER, PUBLIC
from trader.execution.bithumb_rules import BithumbRules
from trader.execution.bithumb_stream import BithumbStream
from trader.execution.date_skew import skew_from_date
from trader.execution.jwt import Algorithm, Pairs
from trader.execution.keys import Keys
from trader.execution.korean_account import Dialect, KoreanAccount
from trader.execution.korean_orders import RestOrder, order_pairs
from trader.execution.korean_requests import Requests, Signing, Symbols
from trader.execution.korean_rules import fees_of
from trader.execution.venue import (
    Absent,
    Asking,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    PrivateStream,
)
from trader.wire.http import HttpAnswer, HttpRequest

_PAGE = 100
_CLOSED_PAGE = 1000
_PAGES = 20
_MS = 1_000_000
_WEEK_MS = timedelta(days=7) // timedelta(milliseconds=1)
_WEEKS = 8
# Time is ours and orders are dated by the venue: what it dates a little later still counts.
_AHEAD_MS = 60_000


class _Page(Struct):
    """A part of a list, and where the next one begins."""

    data: list[RestOrder]
    has_next: bool = False
    next_key: str | None = None


class BithumbClient:
    """The account at Bithumb, for the instruments it is constructed with.

    ``fee_pct`` is what a fill is taken to cost while the venue has not said (percent).
    Without keys everything public works and the rest raises ``VenueUnavailable``.
    """

    venue: Venue = BITHUMB

    def __init__(
        self,
        keys: Keys | None,
        instruments: Sequence[InstrumentId],
        ask: Asking,
        now: Callable[[], Stamp],
        fee_pct: Decimal,
        *,
        nonce: Callable[[], str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # The venue takes no other algorithm.
        signing = Signing(Algorithm.HS256, timed=True, hashes_encoded=True)
        requests = Requests(keys, signing) if nonce is None else Requests(keys, signing, nonce)
        self._symbols = Symbols(instruments)
        self._fee_pct = fee_pct
        self._sleep = sleep
        self._account = KoreanAccount(
            Dialect(BITHUMB_ERRORS, ACCOUNT, LOOKUP),
            requests,
            self._symbols,
            ask,
            now,
            fee_pct,
        )
        self._rules = BithumbRules(self._account, fee_pct)

    # orders, in the one synchronous step of the lane

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The signed request that places an order. Of two of ours that meet the later one yields.

        Its kind is ``order_type`` here and ``ord_type`` in everything the venue answers.

        Raises:
            VenueUnavailable: there are no keys.
        """
        symbol = self._symbols.name(order.intent.instrument)
        pairs = order_pairs(order, symbol, "order_type")
        pairs = (*pairs, ("client_order_id", order.client_order_id))
        return self._account.requests.posted("/v2/orders", pairs, stamp, ORDER)

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """What the answer to an order means; never raises. It never tells of fills."""
        return self._account.read_placement(order, answer, stamp)

    def warming(self) -> HttpRequest:
        """A cheap public request that keeps an order connection open."""
        pairs = (("markets", self._symbols.first),)
        return self._account.requests.public("/v1/ticker", pairs, PUBLIC)

    # everything else

    async def cancel(self, client_order_id: ClientOrderId, instrument: InstrumentId) -> None:
        """Ask for an order to be cancelled; its end is told elsewhere."""
        del instrument
        pairs = (("client_order_id", client_order_id),)
        account = self._account
        await account.cancel(
            account.requests.signed("DELETE", "/v2/order", pairs, account.now(), CANCEL)
        )

    async def find(
        self, client_order_id: ClientOrderId, instrument: InstrumentId, sent_ns: int
    ) -> OrderView | Absent:
        """What is known of an order; orders are accepted late, so no absence is final."""
        del sent_ns
        return await self._account.find("/v1/order", "client_order_id", client_order_id, instrument)

    async def open_orders(self) -> tuple[OrderView, ...]:
        """Every open order in the known instruments, those that wait for a price too."""
        orders: list[RestOrder] = []
        for state in ("wait", "watch"):
            orders += await self._pages(
                "/v2/orders/pending", (("state", state), ("limit", str(_PAGE)))
            )
        return self._account.known(orders)

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """Orders that ended since then, at most eight weeks back, week by week."""
        orders: list[RestOrder] = []
        until_ms = self._account.now().at_ns // _MS + _AHEAD_MS
        start_ms = max(since_ns // _MS, until_ms - _WEEKS * _WEEK_MS)
        while start_ms < until_ms:
            end_ms = min(start_ms + _WEEK_MS, until_ms)
            pairs = (
                ("states[]", "done"),
                ("states[]", "cancel"),
                ("start_time", str(start_ms)),
                ("end_time", str(end_ms)),
                ("limit", str(_CLOSED_PAGE)),
            )
            orders += await self._pages("/v2/orders/history", pairs)
            start_ms = end_ms
        return self._account.known(orders)

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance of the account that is not nothing."""
        return await self._account.balances()

    async def instruments(self) -> tuple[Instrument, ...]:
        """The known instruments with the published ticks, corrected by what an account is told."""
        return await self._rules.instruments()

    async def fees(self) -> Mapping[InstrumentId, FeeSchedule]:
        """What the account pays as a taker; as configured without keys."""
        chances = await self._account.chances(self._symbols.instruments)
        return fees_of(self._symbols.instruments, chances, self._fee_pct)

    async def clock_skew_ms(self) -> float:
        """How far this host's clock is ahead, within 250 ms, from the dates of a few answers."""
        account = self._account
        return await skew_from_date(account.ask, self.warming(), account.now, self._sleep)

    async def key_scope(self) -> KeyScope:
        """Nothing: the venue tells neither what a key may do nor when it ends."""
        return KeyScope()

    async def try_order(self, order: ApprovedOrder) -> Placement | None:
        """Nothing: the venue has no such call."""
        del order
        return None

    def private_stream(self) -> PrivateStream:
        """The stream of our orders and balances."""
        account = self._account
        return BithumbStream(account.requests, self._symbols, account.fees, account.taker_share)

    async def _pages(self, path: str, pairs: Pairs) -> list[RestOrder]:
        """All pages of a list.

        Raises:
            OutcomeUnknown: it does not end within the pages we are willing to ask for.
        """
        orders: list[RestOrder] = []
        more: Pairs = ()
        for _ in range(_PAGES):
            page = await self._account.fetch(self._account.signed_get(path, *pairs, *more), _Page)
            orders += page.data
            if not page.has_next or not page.next_key:
                return orders
            more = (("next_key", page.next_key),)
        raise OutcomeUnknown(f"{path} does not end after {_PAGES} pages")
