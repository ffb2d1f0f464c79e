"""What the private streams of Upbit and Bithumb share: the handshake, balances, asides, errors."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import FrameInvalid
from trader.domain.instrument import Asset, Venue
from trader.execution.korean_errors import NOT_OURS_TO_READ
from trader.execution.korean_orders import EXACT, amount
from trader.execution.korean_requests import Requests
from trader.execution.venue import Balance, BalancesSeen, PrivateEnding, PrivateNews

PING = "PING"


class Held(Struct):
    """What the account holds of one asset: free in ``balance``, in orders in ``locked``."""

    currency: str
    balance: Decimal | None = None
    locked: Decimal | None = None


class _Error(Struct):
    name: str | int = ""
    message: str | None = None


class _Frame(Struct):
    """What tells the kinds of frames apart."""

    type: str = ""
    status: str | None = None
    method: str | None = None
    error: _Error | None = None
    assets: list[Held] | None = None


_read = msgspec.json.Decoder(_Frame).decode


class StreamTalk:
    """The parts of a private stream that are alike; ``path`` is where it lives."""

    def __init__(self, venue: Venue, path: str, requests: Requests) -> None:
        self._venue = venue
        self._path = path
        self._requests = requests

    def address(self, ws_url: str) -> str:
        """Where to connect, from the configured base address."""
        return ws_url.rstrip("/") + self._path

    def headers(self, stamp: Stamp) -> Mapping[str, str]:
        """The handshake is signed like a request without parameters.

        Raises:
            VenueUnavailable: there are no keys.
        """
        return {"Authorization": self._requests.bearer(stamp)}

    def hello(self) -> tuple[str, ...]:
        """Orders and balances on one connection: more of them may be refused.

        Without codes, which balances must not have, orders of every market are told.
        """
        asked = [
            {"ticket": f"{self._venue}-account"},
            {"type": "myOrder"},
            {"type": "myAsset"},
            {"format": "DEFAULT"},
        ]
        return (msgspec.json.encode(asked).decode(),)

    def news(
        self, frame: bytes | str, order: Callable[[bytes | str], tuple[PrivateNews, ...]]
    ) -> tuple[PrivateNews, ...]:
        """What a frame says; ``order`` reads those that tell of an order.

        Raises:
            FrameInvalid: it does not decode.
        """
        try:
            said = _read(frame)
            if said.type == "myOrder":
                return order(frame)
            if said.type == "myAsset":
                return (BalancesSeen(balances_of(said.assets or [])),)
        except NOT_OURS_TO_READ as error:
            raise FrameInvalid(f"not a frame: {error}") from None
        if said.error is not None:
            reason = f"{said.error.name}: {said.error.message or ''}"
            return (PrivateEnding(reason[:200]),)
        if said.type or (said.status is None and said.method is None):
            raise FrameInvalid(f"a frame of no known kind: {said.type[:40]!r}")
        return ()


def balances_of(held: list[Held]) -> tuple[Balance, ...]:
    """Balances as told, also those that became nothing.

    Raises:
        ValueError: a number in them is none.
    """
    balances = []
    for one in held:
        free, locked = amount(one.balance), amount(one.locked)
        balances.append(Balance(Asset(one.currency), EXACT.add(free, locked), locked))
    return tuple(balances)
