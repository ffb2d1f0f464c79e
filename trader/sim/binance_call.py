"""One call of the Binance API, whichever way it came: over REST or the WebSocket API."""

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from trader.domain.instrument import BINANCE
from trader.domain.market import exact
from trader.sim import binance_auth as auth
from trader.sim import binance_errors as errors
from trader.sim.binance_limits import Budgets
from trader.sim.exchange import Exchange
from trader.sim.faults import NO_TWIST, Faults, Operation, Twist
from trader.sim.model import Account, ApiKey, KeyKind, Listing, Permission

_COMMON = frozenset({"timestamp", "recvWindow"})


class Desk(Struct, frozen=True):
    """What every handler may use: the matching world, its faults, Binance's budgets."""

    exchange: Exchange
    faults: Faults
    budgets: Budgets

    @property
    def now_ns(self) -> int:
        """Binance's clock, UTC in ns."""
        return self.exchange.now_ns(BINANCE)

    @property
    def now_ms(self) -> int:
        """Binance's clock in milliseconds."""
        return self.now_ns // 1_000_000


class Call(Struct, frozen=True):
    """What was asked, by whom. ``account`` and ``key`` are None on public calls."""

    desk: Desk
    params: Mapping[str, str]
    account: Account | None = None
    key: ApiKey | None = None
    twist: Twist = NO_TWIST

    @property
    def exchange(self) -> Exchange:
        """The matching world."""
        return self.desk.exchange

    @property
    def owner(self) -> Account:
        """The account of a signed call."""
        assert self.account is not None, "a signed call has an account"
        return self.account

    def listing(self) -> Listing:
        """What the mandatory ``symbol`` names.

        Raises:
            BinanceRefusal: -1102 without one, -1100 with impossible characters, -1121 unknown.
        """
        symbol = self.params.get("symbol")
        if not symbol:
            raise errors.missing("symbol")
        return self.listed(symbol)

    def listed(self, symbol: str) -> Listing:
        """What a symbol names.

        Raises:
            BinanceRefusal: -1100 with impossible characters, -1121 unknown.
        """
        if not symbol.isascii() or not symbol.isalnum() or len(symbol) > 20 or not symbol.isupper():
            raise errors.illegal_characters("symbol", "^[A-Z0-9-_.]{1,20}$")
        found = self.exchange.listing(BINANCE, symbol)
        if found is None:
            raise errors.unknown_symbol()
        return found

    def reference_price(self, listing: Listing) -> Decimal | None:
        """What filters measure against: the middle of the book; None before there is one."""
        book = self.exchange.book(listing.id)
        if book is None or not book.bids or not book.asks:
            return None
        return (exact(book.bids[0][0]) + exact(book.asks[0][0])) / 2

    def whole(self, name: str) -> int | None:
        """A parameter that is a whole number; None where it was not sent.

        Raises:
            BinanceRefusal: -1105 empty, -1100 not a number.
        """
        stated = self.params.get(name)
        if stated is None:
            return None
        if not stated:
            raise errors.empty(name)
        if not (stated.isascii() and stated.isdigit() and len(stated) <= 20):
            raise errors.illegal_characters(name, "^[0-9]{1,20}$")
        return int(stated)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A parameter that is ``true`` or ``false``.

        Raises:
            BinanceRefusal: -1130 anything else.
        """
        stated = self.params.get(name)
        if stated is None:
            return default
        if stated not in ("true", "false"):
            raise errors.invalid_value(name)
        return stated == "true"


class Handler(Protocol):
    """Carries a call out and returns what its answer is encoded from."""

    def __call__(self, call: Call, /) -> object:
        """Carry it out.

        Raises:
            BinanceRefusal: Binance says no.
        """
        ...


class Route(Struct, frozen=True):
    """One endpoint: how it is reached, what it may be told, what it costs, who may ask.

    ``permission`` None is public. ``free_when_done``: a success costs no weight.
    """

    method: str
    path: str
    handle: Handler
    accepts: frozenset[str]
    weight: Callable[[Mapping[str, str]], int]
    permission: Permission | None
    operation: Operation
    free_when_done: bool = False


def route(
    method: str,
    path: str,
    handle: Handler,
    *,
    accepts: str = "",
    weight: int | Callable[[Mapping[str, str]], int] = 1,
    permission: Permission | None = None,
    operation: Operation = Operation.QUERY,
    free_when_done: bool = False,
) -> Route:
    """A route; ``accepts`` names its parameters, separated by spaces."""
    named = frozenset(accepts.split())
    return Route(
        method,
        path,
        handle,
        named if permission is None else named | _COMMON,
        weight if callable(weight) else lambda _params: weight,
        permission,
        Operation.PUBLIC if permission is None else operation,
        free_when_done,
    )


def carry_out(route: Route, call: Call) -> object:
    """Check permission and parameters, then do it.

    Raises:
        BinanceRefusal: Binance says no.
    """
    if route.permission is not None and call.key is not None:
        check_permission(call.key, route.permission, call.desk.now_ns)
    read = len(call.params.keys() & route.accepts)
    if read < len(call.params):
        raise errors.unread_parameters(read, len(call.params))
    return route.handle(call)


def owner_of(desk: Desk, access: str | None) -> tuple[Account, ApiKey]:
    """Whose key this is.

    Raises:
        BinanceRefusal: -2014 no key, -2015 nobody's.
    """
    found = desk.exchange.account_of(BINANCE, auth.check_key_format(access))
    if found is None:
        raise errors.key_refused()
    return found


def check_permission(key: ApiKey, permission: Permission, now_ns: int) -> None:
    """Whether the key is still valid and may do this.

    Raises:
        BinanceRefusal: -2015.
    """
    if (key.expires_ns and key.expires_ns <= now_ns) or not key.may(permission):
        raise errors.key_refused()


def check_signed(key: ApiKey, payload: bytes, signature: str | None, *, encoded: bool) -> None:
    """Whether the key's owner signed this.

    Raises:
        BinanceRefusal: -1102 unsigned, -1022 signed wrongly.
    """
    public = key.public if key.kind is KeyKind.ED25519 else None
    auth.check_signature(payload, signature, key.secret, public, encoded=encoded)


def made_up_id() -> str:
    """A client order id such as Binance makes where none was sent."""
    return secrets.token_hex(11)
