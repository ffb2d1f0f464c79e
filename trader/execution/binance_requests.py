"""What Binance is asked, as data: method, path, rate-limit group, weight. And how it is signed."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from trader.credentials import Secret
from trader.domain.clock import Stamp
from trader.domain.errors import OutcomeUnknown, VenueUnavailable
from trader.domain.order import ApprovedOrder
from trader.execution.binance_errors import fault_of
from trader.execution.binance_limits import ACCOUNT, CANCEL, LOOKUP, ORDER, PUBLIC
from trader.execution.binance_orders import MS_NS, SIDE_NAMES, TIF_NAMES
from trader.execution.binance_signing import Signer, encoded, signed_query, signer_of
from trader.execution.keys import Keys
from trader.wire.http import HttpAnswer, HttpRequest

OK = 200
UNDECODABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""All that decoding bytes of any kind raises."""

_Row = TypeVar("_Row")


class Route(Struct, frozen=True):
    """One thing the venue can be asked."""

    method: str
    path: str
    group: str
    weight: int


PING = Route("GET", "/api/v3/ping", PUBLIC, 1)
TIME = Route("GET", "/api/v3/time", PUBLIC, 1)
EXCHANGE_INFO = Route("GET", "/api/v3/exchangeInfo", PUBLIC, 20)
# A placed order costs nothing, a refused one does.
PLACE = Route("POST", "/api/v3/order", ORDER, 1)
TRY = Route("POST", "/api/v3/order/test", ACCOUNT, 1)
CANCEL_ONE = Route("DELETE", "/api/v3/order", CANCEL, 1)
FIND = Route("GET", "/api/v3/order", LOOKUP, 4)
OPEN_ORDERS = Route("GET", "/api/v3/openOrders", LOOKUP, 6)
ALL_ORDERS = Route("GET", "/api/v3/allOrders", LOOKUP, 20)
TRADES_OF_ORDER = Route("GET", "/api/v3/myTrades", LOOKUP, 5)
ACCOUNT_STATE = Route("GET", "/api/v3/account", ACCOUNT, 20)
COMMISSION = Route("GET", "/api/v3/account/commission", ACCOUNT, 20)
# Of the wallet API, which counts its weight apart; here it is counted with the rest.
KEY_RESTRICTIONS = Route("GET", "/sapi/v1/account/apiRestrictions", ACCOUNT, 1)


class RequestSigner:
    """Builds requests signed with one account's keys; without keys it refuses to.

    Raises:
        ConfigError: the secret is a private key that cannot sign.
    """

    def __init__(self, keys: Keys | None, recv_window_ms: int) -> None:
        self._pair = None if keys is None else (keys.access, signer_of(keys.secret))
        self._recv_window_ms = str(recv_window_ms)

    @property
    def has_keys(self) -> bool:
        """Whether the account may be asked at all."""
        return self._pair is not None

    def pair(self, what: str) -> tuple[Secret, Signer]:
        """The access key and who signs.

        Raises:
            VenueUnavailable: there are none.
        """
        if self._pair is None:
            raise VenueUnavailable(f"binance {what}: no keys")
        return self._pair

    def signed(
        self, route: Route, parameters: Iterable[tuple[str, str]], stamp: Stamp
    ) -> HttpRequest:
        """The request, good for as long as ``recvWindow`` lasts from ``stamp``.

        Raises:
            VenueUnavailable: there are no keys to sign with.
        """
        access, signer = self.pair(route.path)
        timed = (
            *parameters,
            ("recvWindow", self._recv_window_ms),
            ("timestamp", str(stamp.at_ns // MS_NS)),
        )
        return HttpRequest(
            route.method,
            f"{route.path}?{signed_query(timed, signer)}",
            (("X-MBX-APIKEY", access.reveal()),),
            group=route.group,
            weight=route.weight,
        )


def public(route: Route, parameters: Sequence[tuple[str, str]] = ()) -> HttpRequest:
    """A request that needs no keys."""
    target = f"{route.path}?{encoded(parameters)}" if parameters else route.path
    return HttpRequest(route.method, target, group=route.group, weight=route.weight)


def order_parameters(order: ApprovedOrder, symbol: str, prevention: str) -> list[tuple[str, str]]:
    """What an order says to the venue; ``prevention`` empty leaves that to the venue's default."""
    intent = order.intent
    parameters = [
        ("symbol", symbol),
        ("side", SIDE_NAMES[intent.side]),
        ("type", "LIMIT"),
        ("timeInForce", TIF_NAMES[intent.time_in_force]),
        # Never with an exponent, which the venue does not read.
        ("quantity", f"{intent.quantity:f}"),
        ("price", f"{intent.limit_price:f}"),
        ("newClientOrderId", order.client_order_id),
        ("newOrderRespType", "FULL"),
    ]
    if prevention:
        parameters.append(("selfTradePreventionMode", prevention))
    return parameters


def read(answer: HttpAnswer, kind: type[_Row], what: Route) -> _Row:
    """An answer's body.

    Raises:
        VenueRejected: the venue refused.
        OutcomeUnknown: it says nothing that can be read.
    """
    if answer.status != OK:
        raise fault_of(what.path, answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except UNDECODABLE as error:
        # Not chained: an answer tells of the account.
        raise OutcomeUnknown(
            f"binance {what.path}: answer does not decode: {type(error).__name__}"
        ) from None
