"""KoreanAccount: the REST of an account that Upbit and Bithumb have in common.

What differs between them (paths, parameters, which errors there are) stands in their own files.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueError
from trader.domain.instrument import Asset, InstrumentId
from trader.domain.order import ApprovedOrder, ClientOrderId
from trader.execution.fee_book import FeeBook
from trader.execution.korean_errors import (
    NOT_OURS_TO_READ,
    Kind,
    Table,
    demand,
    kind_of,
    refused,
)
from trader.execution.korean_orders import SIDES, RestOrder, ns_of, view_of
from trader.execution.korean_requests import Requests, Symbols
from trader.execution.korean_rules import Chance, WalletState, closed_wallets
from trader.execution.korean_stream import Held, balances_of
from trader.execution.venue import (
    Absent,
    Accepted,
    Asking,
    Balance,
    OrderView,
    Placement,
    Unknown,
)
from trader.wire.http import HttpAnswer, HttpRequest

_T = TypeVar("_T")
_OLDER_NS = 600_000_000_000
"""An acknowledgement of an order created so long ago is of another order of that id."""
_NOT_THERE = 404


class Dialect(Struct, frozen=True):
    """What a venue calls things: its errors, and its request groups for accounts and look-ups."""

    errors: Table
    account_group: str
    lookup_group: str


class KoreanAccount:
    """One account. Every coroutine raises ``VenueError``s alone and asks once."""

    def __init__(
        self,
        dialect: Dialect,
        requests: Requests,
        symbols: Symbols,
        ask: Asking,
        now: Callable[[], Stamp],
        fee_pct: Decimal,
    ) -> None:
        self.requests = requests
        self.symbols = symbols
        self.fees = FeeBook()
        self.ask = ask
        self.now = now
        self._dialect = dialect
        self._fee_pct = fee_pct
        self._taker_pct: dict[InstrumentId, Decimal] = {}
        self._tells_wallets = True
        self._closed_wallets: frozenset[Asset] = frozenset()

    async def fetch(self, request: HttpRequest, kind: type[_T]) -> _T:
        """The content of the answer to a request."""
        return demand(await self.ask(request), self._dialect.errors, kind)

    def signed_get(self, path: str, *pairs: tuple[str, str], group: str = "") -> HttpRequest:
        """A signed question, by default one about the account."""
        group = group or self._dialect.account_group
        return self.requests.signed("GET", path, pairs, self.now(), group)

    def is_free(self, instrument: InstrumentId) -> bool:
        """Whether no fee is taken on an instrument, as far as is known."""
        return not self.taker_share(instrument)

    def taker_share(self, instrument: InstrumentId) -> Decimal:
        """The share of its value that a fill costs, as far as is known."""
        return self._taker_pct.get(instrument, self._fee_pct) / 100

    # orders

    def read_placement(
        self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp, *, is_test: bool = False
    ) -> Placement:
        """What the answer to an order means; what cannot be read is unknown.

        The answer to a test names an order that does not exist, under an id of its own.
        """
        refusal = refused(answer, self._dialect.errors)
        if refusal is not None:
            return refusal
        try:
            said = msgspec.json.decode(answer.body, type=RestOrder)
            wrong = "" if is_test else self._wrong(said, order, stamp)
            if wrong:
                return Unknown(f"HTTP {answer.status}, {wrong}")
            said.identifier = order.client_order_id
            said.time_in_force = order.intent.time_in_force.value
            return Accepted(self._view(said, order.intent.instrument, stamp))
        except NOT_OURS_TO_READ as error:
            return Unknown(f"HTTP {answer.status}, no acknowledgement: {error}"[:200])

    async def find(
        self, path: str, id_name: str, client_order_id: ClientOrderId, instrument: InstrumentId
    ) -> OrderView | Absent:
        """An order by its client id. What is not there yet may still appear: never final."""
        group = self._dialect.lookup_group
        request = self.signed_get(path, (id_name, client_order_id), group=group)
        answer = await self.ask(request)
        if kind_of(answer, self._dialect.errors) in (Kind.ABSENT, Kind.NOT_READY):
            return Absent()
        said = demand(answer, self._dialect.errors, RestOrder)
        is_asked = said.client_id == client_order_id or not said.client_id
        if not is_asked or said.market != self.symbols.name(instrument):
            raise OutcomeUnknown(f"told of {said.client_id[:40]!r} in {said.market[:20]!r}")
        said.identifier = client_order_id
        return self.view(said, instrument)

    async def cancel(self, request: HttpRequest) -> None:
        """Ask for a cancel; that it was accepted says nothing of the order's end."""
        await self.fetch(request, dict[str, object])

    def view(self, said: RestOrder, instrument: InstrumentId) -> OrderView:
        """An order that was told of.

        Raises:
            OutcomeUnknown: a number in it is none.
        """
        try:
            return self._view(said, instrument, self.now())
        except NOT_OURS_TO_READ as error:
            raise OutcomeUnknown(f"an order that does not read: {error}") from None

    def known(self, orders: Sequence[RestOrder]) -> tuple[OrderView, ...]:
        """Those of the known instruments; one told twice once."""
        views: dict[str, OrderView] = {}
        for order in orders:
            instrument = self.symbols.find(order.market)
            if instrument is not None:
                views[order.venue_order_id] = self.view(order, instrument)
        return tuple(views.values())

    # the account

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance that is not nothing."""
        held = await self.fetch(self.signed_get("/v1/accounts"), list[Held])
        try:
            return tuple(balance for balance in balances_of(held) if balance.total)
        except NOT_OURS_TO_READ as error:
            raise OutcomeUnknown(f"balances that do not read: {error}") from None

    async def chances(self, instruments: Sequence[InstrumentId]) -> dict[InstrumentId, Chance]:
        """What the account may do in each of these; nothing without keys.

        One after the other: together they would draw the venue's limit at once.
        """
        chances: dict[InstrumentId, Chance] = {}
        if not self.requests.can_sign:
            return chances
        for instrument in instruments:
            pair = ("market", self.symbols.name(instrument))
            chance = await self.fetch(self.signed_get("/v1/orders/chance", pair), Chance)
            try:
                self._taker_pct[instrument] = chance.taker_pct
                chance.check()
            except NOT_OURS_TO_READ as error:
                raise OutcomeUnknown(f"a fee or minimum that does not read: {error}") from None
            chances[instrument] = chance
        return chances

    async def closed_wallets(self) -> frozenset[Asset]:
        """Assets that cannot be moved in and out now, as far as the venue tells us.

        It tells minutes late and to accounts only. Where it does not answer, what it said last is
        kept; where it has no such call, it is not asked again.
        """
        if not self.requests.can_sign or not self._tells_wallets:
            return self._closed_wallets
        try:
            answer = await self.ask(self.signed_get("/v1/status/wallet"))
            if answer.status == _NOT_THERE:
                self._tells_wallets = False
            else:
                states = demand(answer, self._dialect.errors, list[WalletState])
                self._closed_wallets = closed_wallets(states)
        except VenueError:
            # Wallets only ever add a reason not to trade; the rules must not wait for them.
            return self._closed_wallets
        return self._closed_wallets

    def _view(self, said: RestOrder, instrument: InstrumentId, stamp: Stamp) -> OrderView:
        is_free = self.is_free(instrument)
        return view_of(said, instrument, self.fees, is_free=is_free, now_ns=stamp.at_ns)

    def _wrong(self, said: RestOrder, order: ApprovedOrder, stamp: Stamp) -> str:
        """Why an acknowledgement is not of this order; empty when it is."""
        intent = order.intent
        if not said.venue_order_id:
            return "an acknowledgement without an id"
        if said.client_id not in ("", order.client_order_id):
            return f"an acknowledgement of {said.client_id[:40]!r}"
        is_same = said.market == self.symbols.name(intent.instrument)
        if not is_same or SIDES.get(said.side) is not intent.side:
            return "an acknowledgement of another market or side"
        created_ns = ns_of(said.created_at)
        if created_ns is not None and created_ns < stamp.at_ns - _OLDER_NS:
            return f"an acknowledgement of an order created at {said.created_at[:40]}"
        return ""
