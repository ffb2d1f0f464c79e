"""The private stream of Binance: orders and balances over its WebSocket API.

One connection carries one subscription, signed with any kind of key. Nothing is replayed: what
happened before the subscription stands, or while it was gone, only REST tells.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct, field

from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.domain.instrument import Asset, InstrumentId
from trader.execution.binance_errors import one_line
from trader.execution.binance_orders import (
    MS_NS,
    ExecutionReport,
    require_amounts,
    view_of_report,
)
from trader.execution.binance_signing import Signer, signed_parameters
from trader.execution.venue import Balance, BalancesSeen, OrderSeen, PrivateEnding, PrivateNews

_PATH = "/ws-api/v3"
_SUBSCRIBE = "userDataStream.subscribe.signature"
_OK = 200
_ENDINGS = frozenset({"eventStreamTerminated", "serverShutdown"})
_SHOWN = 80
_UNDECODABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


class _Refusal(Struct):
    code: int = 0
    msg: str = ""


class _Result(Struct, rename="camel"):
    subscription_id: int | None = None


class _Envelope(Struct):
    """An answer, an event of the subscription, or an event of the connection itself."""

    id: str | int | None = None
    status: int | None = None
    result: _Result | None = None
    error: _Refusal | None = None
    event: Raw = Raw()
    kind: str = field(default="", name="e")


class _Kind(Struct):
    kind: str = field(name="e")


class _PositionRow(Struct):
    asset: str = field(name="a")
    free: Decimal = field(name="f")
    locked: Decimal = field(name="l")

    def __post_init__(self) -> None:
        require_amounts(self.free, self.locked)


class _Position(Struct):
    balances: tuple[_PositionRow, ...] = field(name="B")


class BinanceStream:
    """Implements ``PrivateStream`` for the account of one key."""

    def __init__(
        self,
        access: Secret,
        signer: Signer,
        symbols: Mapping[str, InstrumentId],
        recv_window_ms: int,
    ) -> None:
        self._access = access
        self._signer = signer
        self._symbols = symbols
        self._recv_window_ms = recv_window_ms
        self._asked = ""
        self._envelopes = msgspec.json.Decoder(_Envelope)
        self._kinds = msgspec.json.Decoder(_Kind)
        self._reports = msgspec.json.Decoder(ExecutionReport)
        self._positions = msgspec.json.Decoder(_Position)

    @property
    def keepalive(self) -> str | None:
        """None: the venue pings every 20 seconds and is satisfied with pongs."""
        return None

    @property
    def says_when_ready(self) -> bool:
        """True: the subscription is answered."""
        return True

    def address(self, ws_url: str) -> str:
        """The WebSocket API below the configured base address."""
        base = ws_url.rstrip("/")
        return base if base.endswith(_PATH) else base + _PATH

    def headers(self, stamp: Stamp) -> Mapping[str, str]:
        """None: the subscription is signed, not the handshake."""
        del stamp
        return {}

    def hello(self, stamp: Stamp) -> tuple[str, ...]:
        """The subscription, signed for this instant."""
        self._asked = f"subscribe-{stamp.at_ns}"
        parameters: dict[str, str | int] = {
            "apiKey": self._access.reveal(),
            "recvWindow": self._recv_window_ms,
            "timestamp": stamp.at_ns // MS_NS,
        }
        request = {
            "id": self._asked,
            "method": _SUBSCRIBE,
            "params": signed_parameters(parameters, self._signer),
        }
        return (msgspec.json.encode(request).decode(),)

    def is_ready(self, frame: bytes | str) -> bool:
        """Whether this frame is the answer that the subscription stands."""
        try:
            said = self._envelopes.decode(frame)
        except _UNDECODABLE:
            return False
        return bool(self._asked) and said.id == self._asked and said.status == _OK

    def decode(self, frame: bytes | str, stamp: Stamp) -> tuple[PrivateNews, ...]:
        """The order or the balances a frame tells of.

        Raises:
            FrameInvalid: it does not decode.
        """
        del stamp
        try:
            said = self._envelopes.decode(frame)
            if said.status is not None and said.status != _OK:
                return (PrivateEnding(_why(said)),)
            if said.kind in _ENDINGS:
                return (PrivateEnding(said.kind),)
            return self._news(said.event) if bytes(said.event) else ()
        except _UNDECODABLE as error:
            # The frame is not shown: it tells of the account.
            raise FrameInvalid(f"binance private: {type(error).__name__}: {error}") from None

    def _news(self, event: Raw) -> tuple[PrivateNews, ...]:
        kind = self._kinds.decode(event).kind
        if kind in _ENDINGS:
            return (PrivateEnding(kind),)
        if kind == "executionReport":
            report = self._reports.decode(event)
            instrument = self._symbols.get(report.symbol)
            # The operator may trade other instruments on the same account; they are not ours.
            return () if instrument is None else (OrderSeen(view_of_report(report, instrument)),)
        if kind == "outboundAccountPosition":
            rows = self._positions.decode(event).balances
            return (
                BalancesSeen(
                    tuple(
                        Balance(Asset(row.asset), row.free + row.locked, row.locked) for row in rows
                    )
                ),
            )
        # balanceUpdate says by how much a deposit changed a balance; the position that follows it
        # says what it is now.
        return ()


def _why(said: _Envelope) -> str:
    refusal = said.error or _Refusal()
    return one_line(f"{said.status} {refusal.code} {refusal.msg}").strip()[:_SHOWN]
