"""Binance spot: how orders are placed there, and what it is asked about them and the account.

Holds no socket. The lane sends what ``placement`` built; everything else goes through ``ask``. No
request is ever repeated here.
"""

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueError, VenueRejected
from trader.domain.instrument import BINANCE, FeeIn, FeeSchedule, Instrument, InstrumentId, Venue
from trader.domain.order import FINAL_STATES, ApprovedOrder, ClientOrderId, OrderState
from trader.execution import binance_requests as ask_for
from trader.execution.binance_errors import NO_SUCH_ORDER, code_of, fault_of, refusal_of
from trader.execution.binance_limits import stated_limits
from trader.execution.binance_orders import MS_NS, OrderRow, TradeRow, difference, view_of
from trader.execution.binance_requests import (
    OK,
    UNDECODABLE,
    RequestSigner,
    Route,
    order_parameters,
    public,
    read,
)
from trader.execution.binance_rules import (
    Account,
    ApiRestrictions,
    Commission,
    ExchangeInfo,
    balances_of,
    fees_of,
    instruments_of,
    prevention_mode,
    scope_of,
    symbol_of,
)
from trader.execution.binance_stream import BinanceStream
from trader.execution.keys import Keys
from trader.execution.venue import (
    Absent,
    Accepted,
    Asking,
    Balance,
    KeyScope,
    OrderView,
    Placement,
    PrivateStream,
    Unknown,
)
from trader.wire.http import HttpAnswer, HttpRequest

_MAX_REMEMBERED = 512
_CLOCK_SAMPLES = 3

# Longer than the venue's matching engine may sit on a request (10 s), and than our clock may be
# ahead of the venue's before it refuses a timestamp (1 s).
_SETTLING_MS = 10_000 + 1_000

_DAY_MS = 24 * 3_600 * 1_000
_MAX_DAYS_BACK = 31
_PAGE = 1_000
_MAX_PAGES = 64
# An immediate order ends as it is created, but a look-back should not begin within that moment.
_BEFORE_MS = 60_000


class _ServerTime(Struct, rename="camel"):
    server_time: int


class BinanceClient:
    """Implements ``VenueClient``.

    Without ``keys`` only what is public is answered. ``fee_pct`` is the taker's fee until the
    account's own is asked for. The host's clock is taken as it is: that it holds is for the gate to
    see, and a small ``recv_window_ms`` bounds for how long a request can still be executed.
    ``restate`` is told the venue's own rate limits, by our names of them, with each answer of
    ``instruments``.

    Raises:
        ConfigError: the secret is a private key that cannot sign.
    """

    def __init__(
        self,
        keys: Keys | None,
        instruments: Sequence[InstrumentId],
        ask: Asking,
        now: Callable[[], Stamp],
        fee_pct: Decimal,
        recv_window_ms: int = 2_000,
        restate: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self._signer = RequestSigner(keys, recv_window_ms)
        self._symbols = {one: symbol_of(one) for one in instruments}
        self._instruments = {symbol: one for one, symbol in self._symbols.items()}
        self._ask = ask
        self._now = now
        self._fees = FeeSchedule(fee_pct, FeeIn.RECEIVED)
        self._recv_window_ms = recv_window_ms
        self._prevention: dict[str, str] = {}
        self._sent: OrderedDict[ClientOrderId, tuple[ApprovedOrder, Stamp]] = OrderedDict()
        self._restate = restate
        self._placed = msgspec.json.Decoder(OrderRow)

    @property
    def venue(self) -> Venue:
        """Which one."""
        return BINANCE

    # orders, in the one synchronous step of the lane

    def placement(self, order: ApprovedOrder, stamp: Stamp) -> HttpRequest:
        """The signed request that places ``order``, an IOC or FOK limit with its client id.

        Raises:
            VenueUnavailable: there are no keys to sign with.
        """
        request = self._signer.signed(ask_for.PLACE, self._parameters(order), stamp)
        self._remember(order, stamp)
        return request

    def read_placement(self, order: ApprovedOrder, answer: HttpAnswer, stamp: Stamp) -> Placement:
        """What the answer to ``placement`` means. Never raises: what it cannot read is unknown."""
        del stamp
        if answer.status != OK:
            return refusal_of(answer)
        try:
            row = self._placed.decode(answer.body)
        except UNDECODABLE as error:
            return Unknown(f"answer does not decode: {type(error).__name__}")
        wrong = difference(row, order, symbol_of(order.intent.instrument))
        if row.client_order_id != order.client_order_id:
            wrong = f"client id {row.client_order_id}"
        if wrong:
            return Unknown(f"answer is of another order: {wrong}")
        return Accepted(view_of(row, order.intent.instrument))

    def warming(self) -> HttpRequest:
        """A cheap public request that keeps an order connection open."""
        return public(ask_for.PING)

    # everything else

    async def cancel(self, client_order_id: ClientOrderId, instrument: InstrumentId) -> None:
        """Ask for an order to be cancelled; its end is told elsewhere."""
        wanted = (("symbol", self._symbols[instrument]), ("origClientOrderId", client_order_id))
        answer = await self._ask_signed(ask_for.CANCEL_ONE, wanted)
        if answer.status != OK:
            raise fault_of("cancel", answer)

    async def find(
        self, client_order_id: ClientOrderId, instrument: InstrumentId, sent_ns: int
    ) -> OrderView | Absent:
        """What the venue knows of an order sent at ``sent_ns`` (UTC), with all its fills.

        Absence is final once the venue could not even take the request any more: ``recvWindow``
        and the matching engine's ten seconds after it was sent.

        Raises:
            OutcomeUnknown: or what it knows by this id is not what was sent.
        """
        symbol = self._symbols[instrument]
        asked_ns = self._now().at_ns
        wanted = (("symbol", symbol), ("origClientOrderId", client_order_id))
        answer = await self._ask_signed(ask_for.FIND, wanted)
        if code_of(answer) == NO_SUCH_ORDER:
            age_ms = (asked_ns - sent_ns) / MS_NS
            return Absent(final=age_ms > self._recv_window_ms + _SETTLING_MS)
        row = read(answer, OrderRow, ask_for.FIND)
        # A cancel may have given the order another name; it was asked for by this one.
        row.client_order_id = client_order_id
        self._require_as_sent(row, symbol)
        trades: tuple[TradeRow, ...] = ()
        if row.executed_qty > 0:
            trades = await self._trades(symbol, row.order_id)
        return view_of(row, instrument, trades)

    async def open_orders(self) -> tuple[OrderView, ...]:
        """Every open order of the account in the known instruments, ours or not."""
        views: list[OrderView] = []
        for instrument, symbol in self._symbols.items():
            answer = await self._ask_signed(ask_for.OPEN_ORDERS, (("symbol", symbol),))
            rows = read(answer, tuple[OrderRow, ...], ask_for.OPEN_ORDERS)
            views += (view_of(row, instrument) for row in rows)
        return tuple(views)

    async def closed_orders(self, since_ns: int) -> tuple[OrderView, ...]:
        """Orders of the known instruments that ended since then (UTC), at most 31 days back.

        Without fills; ``find`` names them.

        Raises:
            VenueError: there are more of them than 64 requests hold.
        """
        views: list[OrderView] = []
        for instrument, symbol in self._symbols.items():
            async for row in self._orders_since(symbol, since_ns // MS_NS):
                view = view_of(row, instrument)
                ended_ns = max(row.update_time, row.time) * MS_NS
                if view.state in FINAL_STATES and ended_ns >= since_ns:
                    views.append(view)
        return tuple(views)

    async def balances(self) -> tuple[Balance, ...]:
        """Every balance of the account that is not nothing."""
        answer = await self._ask_signed(ask_for.ACCOUNT_STATE, (("omitZeroBalances", "true"),))
        return balances_of(read(answer, Account, ask_for.ACCOUNT_STATE))

    async def instruments(self) -> tuple[Instrument, ...]:
        """The known instruments with the venue's own rules, fees and whether they may be traded."""
        symbols = msgspec.json.encode(list(self._instruments)).decode()
        answer = await self._ask(public(ask_for.EXCHANGE_INFO, (("symbols", symbols),)))
        said = read(answer, ExchangeInfo, ask_for.EXCHANGE_INFO)
        try:
            found = instruments_of(said, self._instruments, await self.fees())
        except ValueError as error:
            raise VenueRejected(f"binance exchangeInfo: {error}") from error
        for row in said.symbols:
            if row.symbol in self._instruments:
                modes = row.allowed_self_trade_prevention_modes
                self._prevention[row.symbol] = prevention_mode(modes)
        for name, tokens in stated_limits(said.rate_limits).items():
            self._restate(name, tokens)
        return found

    async def fees(self) -> Mapping[InstrumentId, FeeSchedule]:
        """What the account pays as a taker; without keys, what is configured."""
        if not self._signer.has_keys:
            return dict.fromkeys(self._symbols, self._fees)
        fees = {}
        for instrument, symbol in self._symbols.items():
            answer = await self._ask_signed(ask_for.COMMISSION, (("symbol", symbol),))
            fees[instrument] = fees_of(read(answer, Commission, ask_for.COMMISSION))
        return fees

    async def clock_skew_ms(self) -> float:
        """How far this host's clock is ahead of the venue's, in milliseconds, signed.

        The venue is taken to have answered half way; of a few samples the quickest errs least.
        """
        best = (float("inf"), 0.0)
        for _ in range(_CLOCK_SAMPLES):
            before = self._now()
            answer = await self._ask(public(ask_for.TIME))
            took_ms = (self._now().mono_ns - before.mono_ns) / MS_NS
            # It names whole milliseconds, cut off: half of one is the best guess of the rest.
            venue_ms = read(answer, _ServerTime, ask_for.TIME).server_time + 0.5
            best = min(best, (took_ms, before.at_ns / MS_NS + took_ms / 2 - venue_ms))
        return best[1]

    async def key_scope(self) -> KeyScope:
        """What our key may do, from the wallet API; test networks have none and refuse."""
        answer = await self._ask_signed(ask_for.KEY_RESTRICTIONS, ())
        return scope_of(read(answer, ApiRestrictions, ask_for.KEY_RESTRICTIONS))

    async def try_order(self, order: ApprovedOrder) -> Placement | None:
        """Let the venue judge an order without placing it."""
        answer = await self._ask_signed(ask_for.TRY, self._parameters(order))
        if answer.status != OK:
            return refusal_of(answer)
        return Accepted(
            OrderView(
                client_order_id=order.client_order_id,
                venue_order_id="",
                instrument=order.intent.instrument,
                side=order.intent.side,
                state=OrderState.ACKNOWLEDGED,
                executed=Decimal(0),
            )
        )

    def private_stream(self) -> PrivateStream:
        """The stream of our orders and balances.

        Raises:
            VenueUnavailable: there are no keys to sign with.
        """
        access, signer = self._signer.pair("private stream")
        return BinanceStream(access, signer, self._instruments, self._recv_window_ms)

    def _parameters(self, order: ApprovedOrder) -> list[tuple[str, str]]:
        symbol = self._symbols[order.intent.instrument]
        return order_parameters(order, symbol, self._prevention.get(symbol, ""))

    async def _ask_signed(self, route: Route, parameters: Iterable[tuple[str, str]]) -> HttpAnswer:
        return await self._ask(self._signer.signed(route, parameters, self._now()))

    async def _trades(self, symbol: str, order_id: int) -> tuple[TradeRow, ...]:
        wanted = (("symbol", symbol), ("orderId", str(order_id)), ("limit", str(_PAGE)))
        answer = await self._ask_signed(ask_for.TRADES_OF_ORDER, wanted)
        trades = read(answer, tuple[TradeRow, ...], ask_for.TRADES_OF_ORDER)
        if any(one.order_id != order_id or one.symbol != symbol for one in trades):
            raise OutcomeUnknown(f"binance myTrades: trades of other orders than {order_id}")
        return trades

    async def _orders_since(self, symbol: str, since_ms: int) -> AsyncIterator[OrderRow]:
        """Orders created since then, each once, in windows of a day as the venue demands."""
        now_ms = self._now().at_ns // MS_NS
        start_ms = max(since_ms - _BEFORE_MS, now_ms - _MAX_DAYS_BACK * _DAY_MS)
        windows = deque(
            (first, min(first + _DAY_MS - 1, now_ms))
            for first in range(start_ms, now_ms + 1, _DAY_MS)
        )
        seen: set[int] = set()
        for _ in range(_MAX_PAGES):
            if not windows:
                return
            first_ms, last_ms = windows.popleft()
            rows = await self._orders_within(symbol, first_ms, last_ms)
            for row in rows:
                if row.order_id not in seen:
                    seen.add(row.order_id)
                    yield row
            if len(rows) >= _PAGE:
                # Which end of a window a full page shows is not documented: both are asked for
                # again, up to the instants at which the page begins and ends.
                times = [row.time for row in rows]
                rest = ((min(times), first_ms, min(times)), (max(times), max(times), last_ms))
                windows.extendleft(
                    (low, high) for cut, low, high in rest if first_ms < cut < last_ms
                )
        raise VenueError(f"binance allOrders {symbol}: not told in {_MAX_PAGES} requests")

    async def _orders_within(
        self, symbol: str, first_ms: int, last_ms: int
    ) -> tuple[OrderRow, ...]:
        wanted = (
            ("symbol", symbol),
            ("startTime", str(first_ms)),
            ("endTime", str(last_ms)),
            ("limit", str(_PAGE)),
        )
        answer = await self._ask_signed(ask_for.ALL_ORDERS, wanted)
        return read(answer, tuple[OrderRow, ...], ask_for.ALL_ORDERS)

    def _remember(self, order: ApprovedOrder, stamp: Stamp) -> None:
        self._sent[order.client_order_id] = (order, stamp)
        while len(self._sent) > _MAX_REMEMBERED:
            self._sent.popitem(last=False)

    def _require_as_sent(self, row: OrderRow, symbol: str) -> None:
        """An id is free again once its order is over, so it alone does not name ours.

        What an earlier process sent is not remembered here; ids are never used twice, so its id
        and symbol must do.
        """
        wrong = "" if row.symbol == symbol else f"symbol {row.symbol}"
        remembered = self._sent.get(ClientOrderId(row.client_order_id))
        if remembered is not None:
            order, signed = remembered
            wrong = difference(row, order, symbol)
            # By the venue's clock, which may be behind ours by what it and the gate let pass.
            if row.time * MS_NS < signed.at_ns - _SETTLING_MS * MS_NS:
                wrong = f"created at {row.time} ms, signed at {signed.at_ns // MS_NS} ms"
        if wrong:
            raise OutcomeUnknown(
                f"binance order {row.client_order_id}: another order bears this id: {wrong}"
            )
