"""Bithumb's private stream, version 2: our orders and balances as they change. Holds no socket.

Fields that have no value are left out. A fill has no fee of its own: it is by how much the order's
paid fee grew, which can be told only when no message in between was missed. Nobody promises that
the paid fee is up to date, so the growth is believed only where it is this very fill's fee.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.instrument import BITHUMB, InstrumentId, split_id
from trader.domain.order import ClientOrderId, Fill, OrderState, Side
from trader.execution.fee_book import FeeBook, is_as_told
from trader.execution.korean_orders import EXACT, SIDES, amount, state_of
from trader.execution.korean_requests import Requests, Symbols
from trader.execution.korean_stream import PING, StreamTalk
from trader.execution.venue import OrderSeen, OrderView, PrivateNews

_PATH = "/websocket/v2/private"
_KEPT = 4096
_ZERO = Decimal(0)


class _MyOrder(Struct):
    """An order that changed; ``trade_*`` are of the fill, the rest is cumulative."""

    code: str
    order_id: str
    side: str
    state: str
    client_order_id: str | None = None
    time_in_force: str | None = None
    order_quantity: Decimal | None = None
    trade_id: str | None = None
    trade_price: Decimal | None = None
    trade_quantity: Decimal | None = None
    executed_quantity: Decimal | None = None
    remaining_quantity: Decimal | None = None
    paid_fee: Decimal | None = None
    cancel_type: str | None = None
    trade_timestamp: int | None = None


class _Progress(Struct, frozen=True):
    """An order's cumulative figures after its last fill."""

    executed: Decimal
    paid: Decimal | None


_START = _Progress(_ZERO, _ZERO)
_read_order = msgspec.json.Decoder(_MyOrder).decode


class BithumbStream:
    """Orders and balances. Nothing is said on subscribing and nothing repeated after a gap.

    ``share`` says what share of its value a fill of an instrument costs.
    """

    keepalive: str | None = PING
    says_when_ready: bool = False

    def __init__(
        self,
        requests: Requests,
        symbols: Symbols,
        fees: FeeBook,
        share: Callable[[InstrumentId], Decimal],
    ) -> None:
        self._talk = StreamTalk(BITHUMB, _PATH, requests)
        self._symbols = symbols
        self._fees = fees
        self._share = share
        self._progress: dict[str, _Progress] = {}

    def address(self, ws_url: str) -> str:
        """Where to connect, from the configured base address."""
        return self._talk.address(ws_url)

    def headers(self, stamp: Stamp) -> Mapping[str, str]:
        """Headers of the handshake, signed anew for each connection."""
        return self._talk.headers(stamp)

    def hello(self, stamp: Stamp) -> tuple[str, ...]:
        """The one frame that asks for orders and balances; the handshake is what is signed."""
        del stamp
        return self._talk.hello()

    def is_ready(self, frame: bytes | str) -> bool:
        """Always: the venue says nothing on success."""
        del frame
        return True

    def decode(self, frame: bytes | str, stamp: Stamp) -> tuple[PrivateNews, ...]:
        """What a frame says; nothing for other instruments than the known ones.

        Raises:
            FrameInvalid: it does not decode.
        """
        return self._talk.news(frame, lambda text: self._order(_read_order(text), stamp))

    def _order(self, said: _MyOrder, stamp: Stamp) -> tuple[PrivateNews, ...]:
        instrument = self._symbols.find(said.code)
        if instrument is None:
            return ()
        side = SIDES.get(said.side)
        if side is None:
            raise ValueError(f"no side of a market: {said.side[:20]!r}")
        executed, state = _standing(said)
        view = OrderView(
            ClientOrderId(said.client_order_id or ""),
            said.order_id,
            instrument,
            side,
            state,
            executed,
            self._fills(said, instrument, side, stamp),
            said.cancel_type or "",
        )
        return (OrderSeen(view),)

    def _fills(
        self, said: _MyOrder, instrument: InstrumentId, side: Side, stamp: Stamp
    ) -> tuple[Fill, ...]:
        """The fill a message tells of; left to a look-up where its fee cannot be told."""
        key = said.trade_id
        if said.state != "trade" or not key:
            return ()
        if said.trade_price is None or said.trade_quantity is None:
            return ()
        price, quantity = amount(said.trade_price), amount(said.trade_quantity)
        fee = self._fee(said, key, price, quantity, instrument)
        if fee is None:
            return ()
        _, _, quote = split_id(instrument)
        return (
            Fill(
                key,
                ClientOrderId(said.client_order_id or ""),
                instrument,
                side,
                price,
                quantity,
                fee,
                quote,
                stamp.at_ns if said.trade_timestamp is None else said.trade_timestamp * 1_000_000,
            ),
        )

    def _fee(
        self,
        said: _MyOrder,
        key: str,
        price: Decimal,
        quantity: Decimal,
        instrument: InstrumentId,
    ) -> Decimal | None:
        """What the paid fee grew by with this fill; None where it did not grow by its fee."""
        known = self._fees.find(said.order_id, key)
        if said.executed_quantity is None:
            return known
        before = self._progress.get(said.order_id, _START)
        executed = amount(said.executed_quantity)
        paid = None if said.paid_fee is None else amount(said.paid_fee)
        fee = EXACT.multiply(EXACT.multiply(price, quantity), self._share(instrument))
        is_next = EXACT.add(before.executed, quantity) == executed
        # Told before the fee was taken, or at another rate than is known: REST divides it then.
        is_its_own = is_next and _grew_by(fee, before.paid, paid)
        if executed > before.executed:
            self._keep(said.order_id, _Progress(executed, paid))
        if known is not None or not is_its_own:
            return known
        return self._fees.settle(said.order_id, key, fee)

    def _keep(self, order_id: str, progress: _Progress) -> None:
        self._progress.pop(order_id, None)
        self._progress[order_id] = progress
        if len(self._progress) > _KEPT:
            del self._progress[next(iter(self._progress))]


def _grew_by(fee: Decimal, before: Decimal | None, after: Decimal | None) -> bool:
    """Whether a cumulative fee grew by this one, as near as doubles tell."""
    if before is None or after is None:
        return False
    return is_as_told(fee, EXACT.subtract(after, before), after)


def _standing(said: _MyOrder) -> tuple[Decimal, OrderState]:
    """How much was executed, and where the order stands.

    What was executed may be left out where it is nothing; at an end it must follow from something.
    """
    volume = None if said.order_quantity is None else amount(said.order_quantity)
    if said.executed_quantity is not None:
        executed = amount(said.executed_quantity)
    elif volume is not None and said.remaining_quantity is not None:
        executed = max(EXACT.subtract(volume, amount(said.remaining_quantity)), _ZERO)
    else:
        is_new = said.state in ("wait", "watch")
        return _ZERO, OrderState.ACKNOWLEDGED if is_new else OrderState.UNKNOWN
    return executed, state_of(said.state, executed, volume, said.time_in_force)
