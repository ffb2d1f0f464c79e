"""Upbit's private stream: our orders and balances as they change. Holds no socket."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.instrument import UPBIT, InstrumentId, split_id
from trader.domain.order import ClientOrderId, Fill, OrderState, Side
from trader.execution.fee_book import FeeBook, unrounded
from trader.execution.korean_orders import EXACT, SIDES, amount, state_of
from trader.execution.korean_requests import Requests, Symbols
from trader.execution.korean_stream import PING, StreamTalk
from trader.execution.venue import OrderSeen, OrderView, PrivateNews

_PATH = "/websocket/v1/private"
_ZERO = Decimal(0)


class _MyOrder(Struct):
    """An order that changed. With the state ``trade``, price and volume are those of the fill."""

    code: str
    uuid: str
    ask_bid: str
    state: str
    identifier: str | None = None
    time_in_force: str | None = None
    trade_uuid: str | None = None
    price: Decimal | None = None
    volume: Decimal | None = None
    remaining_volume: Decimal | None = None
    executed_volume: Decimal | None = None
    prevented_volume: Decimal | None = None
    trade_fee: Decimal | None = None
    trade_timestamp: int | None = None


_read_order = msgspec.json.Decoder(_MyOrder).decode


class UpbitStream:
    """Orders and balances. Nothing is said on subscribing and nothing repeated after a gap."""

    keepalive: str | None = PING
    says_when_ready: bool = False

    def __init__(self, requests: Requests, symbols: Symbols, fees: FeeBook) -> None:
        self._talk = StreamTalk(UPBIT, _PATH, requests)
        self._symbols = symbols
        self._fees = fees

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
        side = SIDES.get(said.ask_bid)
        if side is None:
            raise ValueError(f"no side of a market: {said.ask_bid[:20]!r}")
        executed = amount(said.executed_volume)
        view = OrderView(
            ClientOrderId(said.identifier or ""),
            said.uuid,
            instrument,
            side,
            _state(said, executed),
            executed,
            self._fills(said, instrument, side, stamp),
            "self_trade_prevented" if amount(said.prevented_volume) else "",
        )
        return (OrderSeen(view),)

    def _fills(
        self, said: _MyOrder, instrument: InstrumentId, side: Side, stamp: Stamp
    ) -> tuple[Fill, ...]:
        """The fill a message tells of. One without all its numbers is left to a look-up."""
        if said.state != "trade" or not said.trade_uuid:
            return ()
        if said.price is None or said.volume is None or said.trade_fee is None:
            return ()
        _, _, quote = split_id(instrument)
        price, volume, told = amount(said.price), amount(said.volume), amount(said.trade_fee)
        fee = unrounded(told, EXACT.multiply(price, volume))
        return (
            Fill(
                said.trade_uuid,
                ClientOrderId(said.identifier or ""),
                instrument,
                side,
                price,
                volume,
                self._fees.settle(said.uuid, said.trade_uuid, fee),
                quote,
                stamp.at_ns if said.trade_timestamp is None else said.trade_timestamp * 1_000_000,
            ),
        )


def _state(said: _MyOrder, executed: Decimal) -> OrderState:
    """Where the order stands; an end that does not say how much was executed is none."""
    if said.executed_volume is None:
        is_new = said.state in ("wait", "watch")
        return OrderState.ACKNOWLEDGED if is_new else OrderState.UNKNOWN
    if said.state != "trade":
        volume = None if said.volume is None else amount(said.volume)
        return state_of(said.state, executed, volume, said.time_in_force)
    is_whole = said.remaining_volume == _ZERO and not amount(said.prevented_volume)
    return OrderState.FILLED if is_whole else OrderState.PARTIAL
