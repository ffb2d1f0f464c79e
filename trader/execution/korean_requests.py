"""Requests of Upbit and Bithumb, signed as each wants it."""

from collections.abc import Callable, Sequence
from urllib.parse import quote
from uuid import uuid4

import msgspec
from msgspec import Struct

from trader.domain.clock import Stamp
from trader.domain.errors import VenueUnavailable
from trader.domain.instrument import InstrumentId, split_id
from trader.execution.jwt import Algorithm, Pairs, query_claims, query_text, token
from trader.execution.keys import Keys
from trader.wire.http import HttpRequest

_JSON = ("Content-Type", "application/json; charset=utf-8")


class Signing(Struct, frozen=True):
    """How a venue's requests are signed.

    ``timed`` where a token carries the time (Bithumb). ``hashes_encoded`` where the parameters are
    hashed as they stand in the address and not as they are meant (Bithumb).
    """

    algorithm: Algorithm
    timed: bool = False
    hashes_encoded: bool = False


class Requests:
    """Builds one venue's requests. Every token has a nonce of its own."""

    def __init__(
        self,
        keys: Keys | None,
        signing: Signing,
        nonce: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._keys = keys
        self._signing = signing
        self._nonce = nonce

    @property
    def can_sign(self) -> bool:
        """Whether there are keys."""
        return self._keys is not None

    def public(self, path: str, pairs: Pairs, group: str) -> HttpRequest:
        """A request anybody may send."""
        return HttpRequest("GET", _target(path, _on_the_wire(pairs)), group=group)

    def signed(self, method: str, path: str, pairs: Pairs, stamp: Stamp, group: str) -> HttpRequest:
        """A signed request with its parameters in the address.

        Raises:
            VenueUnavailable: there are no keys.
        """
        wire = _on_the_wire(pairs)
        hashed = wire if self._signing.hashes_encoded else query_text(pairs)
        headers = (("Authorization", self.bearer(stamp, hashed)),)
        return HttpRequest(method, _target(path, wire), headers, group=group)

    def posted(self, path: str, pairs: Pairs, stamp: Stamp, group: str) -> HttpRequest:
        """A signed request with its parameters as a JSON object, in the order that is hashed.

        Raises:
            VenueUnavailable: there are no keys.
        """
        hashed = _on_the_wire(pairs) if self._signing.hashes_encoded else query_text(pairs)
        headers = (("Authorization", self.bearer(stamp, hashed)), _JSON)
        body = msgspec.json.encode(dict(pairs))
        return HttpRequest("POST", path, headers, body, group)

    def bearer(self, stamp: Stamp, query: str = "") -> str:
        """The value of the Authorization header for a request with these parameters.

        Raises:
            VenueUnavailable: there are no keys.
        """
        if self._keys is None:
            raise VenueUnavailable("there are no keys to sign with")
        claims: dict[str, str | int] = {"nonce": self._nonce()}
        if self._signing.timed:
            claims["timestamp"] = stamp.at_ns // 1_000_000
        claims.update(query_claims(query))
        return f"Bearer {token(self._keys, claims, self._signing.algorithm)}"


class Symbols:
    """The wanted instruments by the name both venues give them, the quote first (``KRW-BTC``)."""

    def __init__(self, instruments: Sequence[InstrumentId]) -> None:
        self.instruments = tuple(instruments)
        self._names = {instrument: _symbol(instrument) for instrument in instruments}
        self._instruments = {name: instrument for instrument, name in self._names.items()}

    def name(self, instrument: InstrumentId) -> str:
        """The venue's spelling of an instrument."""
        return self._names.get(instrument) or _symbol(instrument)

    def find(self, name: str) -> InstrumentId | None:
        """The wanted instrument of that name."""
        return self._instruments.get(name)

    @property
    def first(self) -> str:
        """The name of one, for questions that any will do for."""
        return next(iter(self._instruments), "KRW-BTC")


def _symbol(instrument: InstrumentId) -> str:
    _, base, quote_asset = split_id(instrument)
    return f"{quote_asset}-{base}"


def _on_the_wire(pairs: Pairs) -> str:
    """Values percent-encoded; the brackets of array names and commas of lists stay as they are."""
    return "&".join(f"{name}={quote(value, safe=',')}" for name, value in pairs)


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
