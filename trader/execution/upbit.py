"""Upbit: place, cancel, look up; account, rules, clock and key over REST."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueError
from trader.domain.instrument import (
    UPBIT,
    FeeSchedule,
    Instrument,
    InstrumentId,
    Venue,
)
from trader.domain.order import ApprovedOrder, ClientOrderId
from trader.execution.date_skew import skew_from_date
from trader.execution.jwt import Algorithm, Pairs
from trader.execution.keys import Keys
from trader.execution.korean_account import Dialect, KoreanAccount
from trader.execution.korean_orders import RestOrder, ns_of, order_pairs
from trader.execution.korean_requests import Requests, Signing, Symbols
from trader.execution.korean_rules import fees_of
from trader.execution.upbit_errors import UPBIT_ERRORS
from trader.execution.upbit_limits import ACCOUNT, CANCEL, LOOKUP, ORDER, ORDER_TEST, TICKER
from trader.execution.upbit_rules import UpbitRules
from trader.execution.upbit_stream import UpbitStream
from trader.execution.venue import (
    Absent,
    Accepted,
    Asking,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    PrivateStream,
    Rejected,
)
from trader.wire.http import HttpAnswer, HttpRequest

_SELF_TRADE = "cancel_taker"
"""Of two orders of ours that would meet, ours that arrives gives way. The venue's default would
cancel the one that rests, which is never the engine's but an operator's; ``reduce`` would cut both
and ``none`` trade with ourselves. It is also what Bithumb always does."""

_PAGE = 100
_PAGES = 20
_CLOSED_PAGE = 1000
_MS = 1_000_000
_WEEK_MS = timedelta(days=7) // timedelta(milliseconds=1)
_LONGEST_LOOK_BACK_MS = 8 * _WEEK_MS
# Time is ours and orders are dated by the venue: what it dates a little later still counts.
_AHEAD_MS = 60_000


class _Key(Struct):
    """One API key of the account."""

    access_key: str
    expire_at: str


class UpbitClient:
    """The account at Upbit, for the instruments it is constructed with.

    ``fee_pct`` is what a fill is taken to cost while the venue has not said (percent).
    Without keys everything public works and the rest raises ``VenueUnavailable``.
    """

    venue: Venue = UPBIT

    def __init__(
        self,
        keys: Keys | None,
        instruments: Sequence[InstrumentId],
        ask: Asking,
        now: Callable[[], Stamp],
        fee_pct: Decimal,
        *,
        algorithm: Algorithm = Algorithm.HS512,
        nonce: Callable[[], str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        signing = Signing(algorithm)
        requests = Requests(keys, signing) if nonce is None else Requests(keys, signing, nonce)
        self._keys = keys
        self._symbols = Symbols(instruments)
        self._fee_pct = fee_pct
        self._sleep = sleep
        self._account = KoreanAccount(
            Dialect(UPBIT_ERRORS, ACCOUNT, LOOKUP),
            requests,
            self._symbols,
            ask,
            now,
            fee_pct,
        )
        self._rules = UpbitRules(self._account, fee_pct)

    # orders, in the one synchronous step of the lane

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The signed request that places an order.

        Raises:
            VenueUnavailable: there are no keys.
        """
        pairs = (*self._pairs(order), ("identifier", order.client_order_id))
        return self._account.requests.posted("/v1/orders", pairs, stamp, ORDER)

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """What the answer to an order means; never raises."""
        placement = self._account.read_placement(order, answer, stamp)
        if isinstance(placement, Rejected):
            self._rules.refused(order, placement.code, stamp)
        return placement

    def warming(self) -> HttpRequest:
        """A cheap public request that keeps an order connection open."""
        first = self._symbols.first
        return self._account.requests.public("/v1/ticker", (("markets", first),), TICKER)

    # everything else

    async def cancel(self, client_order_id: ClientOrderId, instrument: InstrumentId) -> None:
        """Ask for an order to be cancelled; its end is told elsewhere."""
        del instrument
        pairs = (("identifier", client_order_id),)
        account = self._account
        await account.cancel(
            account.requests.signed("DELETE", "/v1/order", pairs, account.now(), CANCEL)
        )

    async def find(
        self, client_order_id: ClientOrderId, instrument: InstrumentId, sent_ns: int
    ) -> OrderView | Absent:
        """What is known of an order; an absence is never final, for it may appear late."""
        del sent_ns
        return await self._account.find("/v1/order", "identifier", client_order_id, instrument)

    async def open_orders(self) -> tuple[OrderView, ...]:
        """Every open order in the known instruments, those that wait for a price too."""
        orders: list[RestOrder] = []
        states = (("states[]", "wait"), ("states[]", "watch"))
        for page in range(1, _PAGES + 1):
            request = self._account.signed_get(
                "/v1/orders/open", *states, ("page", str(page)), ("limit", str(_PAGE))
            )
            rows = await self._account.fetch(request, list[RestOrder])
            orders += rows
            if len(rows) < _PAGE:
                return self._account.known(orders)
        raise OutcomeUnknown(f"more than {_PAGE * _PAGES} open orders")

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """Orders that ended since then, at most eight weeks back, week by week.

        There is no cursor: where a page is full the next begins with its last order.
        """
        orders: list[RestOrder] = []
        until_ms = self._account.now().at_ns // _MS + _AHEAD_MS
        start_ms = max(since_ns // _MS, until_ms - _LONGEST_LOOK_BACK_MS)
        for _ in range(_PAGES):
            end_ms = min(start_ms + _WEEK_MS, until_ms)
            rows = await self._closed_page(start_ms, end_ms)
            orders += rows
            last_ns = ns_of(rows[-1].created_at) if len(rows) >= _CLOSED_PAGE else None
            # More than a page of orders in one millisecond cannot be: time always moves on.
            start_ms = end_ms if last_ns is None else max(last_ns // _MS, start_ms + 1)
            if start_ms >= until_ms:
                return self._account.known(orders)
        raise OutcomeUnknown(f"more than {_PAGE * _PAGES} ended orders")

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance of the account that is not nothing."""
        return await self._account.balances()

    async def instruments(self) -> tuple[Instrument, ...]:
        """The known instruments with the tick of their present price band: ask again soon.

        What was refused as offline is first tried anew, by a test that places nothing.
        """
        for order in self._rules.turned_away:
            with suppress(VenueError):
                await self.try_order(order)
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
        """When the key expires. What it may do is not told.

        A list of withdrawals that is refused would only show that it may not look at them.
        """
        rows = await self._account.fetch(self._account.signed_get("/v1/api_keys"), list[_Key])
        for row in rows:
            if self._keys is not None and row.access_key == self._keys.access.reveal():
                return KeyScope(expires_ns=ns_of(row.expire_at))
        return KeyScope()

    async def try_order(self, order: ApprovedOrder) -> Placement | None:
        """Let the venue judge an order without placing it.

        Without its client id, which is spent for ever wherever it is sent.
        """
        account = self._account
        request = account.requests.posted(
            "/v1/orders/test", self._pairs(order), account.now(), ORDER_TEST
        )
        answer = await account.ask(request)
        placement = account.read_placement(order, answer, account.now(), is_test=True)
        if isinstance(placement, Rejected):
            self._rules.refused(order, placement.code, account.now())
        elif isinstance(placement, Accepted):
            self._rules.judged(order.intent.instrument)
        return placement

    def private_stream(self) -> PrivateStream:
        """The stream of our orders and balances."""
        return UpbitStream(self._account.requests, self._symbols, self._account.fees)

    def _pairs(self, order: ApprovedOrder) -> Pairs:
        symbol = self._symbols.name(order.intent.instrument)
        return (*order_pairs(order, symbol, "ord_type"), ("smp_type", _SELF_TRADE))

    async def _closed_page(self, start_ms: int, end_ms: int) -> list[RestOrder]:
        request = self._account.signed_get(
            "/v1/orders/closed",
            ("states[]", "done"),
            ("states[]", "cancel"),
            ("start_time", str(start_ms)),
            ("end_time", str(end_ms)),
            ("limit", str(_CLOSED_PAGE)),
            ("order_by", "asc"),
        )
        return await self._account.fetch(request, list[RestOrder])
